//! 402 Payment Required (RFC 9110 §15.5.3): an answer has a price, and the balance that was paid in advance is
//! run out. What was bought once is spent once.

use std::sync::Barrier;
use std::thread;

use crate::every::{error_holds, holds};
use crate::support::configured::{Setup, basic};
use crate::support::{Client, Configured, setup};
use crate::written::get;

const FILE: &str = "[users.staff]\nhtpasswd = 'users'\n[site.localhost]\nroute = [\n\
     { path = '/free/*', folder = 'site' },\n\
     { path = '/key/*', folder = 'site', price = { amount = 5, currency = 'EUR-cent', account = { field = 'X-Key' } } },\n\
     { path = '/user/*', folder = 'site', auth = { users = 'staff' }, price = { amount = 5 } },\n\
     ]\n";

fn priced() -> Setup {
    setup().users(&[("anna", "secret")])
}

fn ask(server: &Configured, fields: &str) -> u16 {
    get(server, "/key/file", fields).status
}

#[test]
fn a_balance_that_runs_out() {
    let server = priced().credit("k1", 12).serve(FILE);
    let key = "X-Key: k1\n";
    for _ in 0..2 {
        let reply = get(&server, "/key/file", key);
        assert_eq!((reply.status, reply.text()), (200, "here"));
    }
    let reply = error_holds(&server, 402, "balance", "/key/file", key);
    let problem = reply.problem();
    assert_eq!((&problem["price"], &problem["balance"]), (&5.into(), &2.into()));
    assert_eq!(problem["unit"], "EUR-cent");
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert!(reply.problem()["detail"].as_str().unwrap().contains("costs 5 EUR-cent"));
    assert!(server.log_line("/key/file").contains(" 200 "));
    assert_eq!(get(&server, "/free/file", "").status, 200, "what is free is free");
    assert_eq!(server.balance_left("k1"), 2);
}

#[test]
fn nobody_who_pays() {
    let server = priced().credit("k1", 12).serve(FILE);
    for fields in ["", "X-Key: \n"] {
        let reply = error_holds(&server, 402, "account", "/key/file", fields);
        assert_eq!(reply.problem()["price"], 5, "the price is told beforehand");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
    }
    error_holds(&server, 402, "balance", "/key/file", "X-Key: k2\n");
}

/// Credentials come before the price, and the account is the user's.
#[test]
fn a_user_s_account() {
    let server = priced().credit("anna", 5).serve(FILE);
    get(&server, "/user/file", "").is(401, "credentials-sent");
    let anna = basic("anna", "secret");
    assert_eq!(get(&server, "/user/file", &anna).status, 200);
    let reply = error_holds(&server, 402, "balance", "/user/file", &anna);
    assert_eq!(reply.problem()["unit"], "credit");
    assert_eq!(server.balance_left("anna"), 0);
}

/// Only what was asked for and given is paid for.
#[test]
fn what_costs_nothing() {
    let server = priced().credit("k1", 5).serve(FILE);
    let tag = get(&server, "/free/file", "").field("etag").unwrap().to_owned();
    for (request, fields, status) in [
        ("GET /key/none", String::new(), 404),
        ("GET /key/.git/config", String::new(), 403),
        ("DELETE /key/file", String::new(), 405),
        ("BREW /key/file", String::new(), 501),
        ("GET /key/file", format!("If-None-Match: {tag}\n"), 304),
        ("GET /key/file", "If-Match: \"other\"\n".to_owned(), 412),
        ("GET /key/file", "Range: bytes=99-\n".to_owned(), 416),
        ("GET /key/file", "Expect: tea\n".to_owned(), 417),
    ] {
        for _ in 0..2 {
            let reply =
                server.ask(&format!("{request} HTTP/1.1\nHost: localhost\nX-Key: k1\n{fields}\n"));
            assert_eq!(reply.status, status, "{request} {fields}: {reply:?}");
        }
    }
    assert_eq!(ask(&server, "X-Key: k1\n"), 200);
    assert_eq!(server.balance_left("k1"), 0);
}

/// What was spent is spent, whatever happens to the server, and what was not is not.
#[test]
fn it_survives_a_crash() {
    let mut server = priced().credit("k1", 17).serve(FILE);
    for _ in 0..3 {
        assert_eq!(ask(&server, "X-Key: k1\n"), 200);
        server = server.crash_and_restart();
    }
    get(&server, "/key/file", "X-Key: k1\n").is(402, "balance");
    assert_eq!(server.balance_left("k1"), 2);
}

/// Of requests that race for a balance, as many pass as it is worth.
#[test]
fn a_balance_is_spent_once() {
    const RACERS: usize = 32;
    let server = priced().credit("k1", 5 * 7 + 4).serve(FILE);
    let (address, barrier) = (server.address, &Barrier::new(RACERS));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    barrier.wait();
                    client.send("GET /key/file HTTP/1.1\nHost: localhost\nX-Key: k1\n\n");
                    client.reply("GET").status
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    // Who came while another's price was set aside, and then not needed, may have been refused: none was.
    assert_eq!((count(200), count(402)), (7, RACERS - 7), "{statuses:?}");
    assert_eq!(server.balance_left("k1"), 4);
}

/// A reading without content is one all the same.
#[test]
fn what_costs_something() {
    let server = priced().credit("k1", 20).serve(FILE);
    holds(&server, 200, "/key/file", "X-Key: k1\n");
    assert_eq!(server.balance_left("k1"), 0, "three on one connection, and one of HTTP/1.0");
}
