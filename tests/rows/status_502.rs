//! 502 Bad Gateway (RFC 9110 §15.6.3): the upstream gives no answer that could be relayed. Each way in which it fails is
//! brought about, and told by its own cause.

use std::net::TcpListener;
use std::time::Duration;

use wherefore_gateway::Settings;

use crate::support::Reply;
use crate::support::client::End;
use crate::support::inside::{Inside, serve_gateway};
use crate::support::lies::{
    LIES, cut_chunks, cut_content, early, endless_head, field_of, good, head_of, lie,
    reset_after_head, reset_before_head, reset_in_head, storm_of_103,
};
use crate::support::upstream::{Act, Step, Upstream};

const GET: &str = "GET /a HTTP/1.1\nHost: localhost\n\n";
const POST: &str = "POST /a HTTP/1.1\nHost: localhost\nContent-Length: 2\n\nhi";

fn before(url: &str) -> Inside {
    // The upstream stays healthy however often it fails.
    let settings = Settings { unhealthy_after: 0, ..Settings::default() };
    serve_gateway(&[url], settings, |_| ())
}

fn is_502(reply: &Reply, rule: &str, cause: &str, token: &str) {
    reply.is(502, rule);
    assert_eq!(reply.problem()["cause"], cause);
    let told = reply.field("proxy-status").unwrap();
    assert!(told.starts_with("wherefore"), "{told}");
    assert!(told.contains(&format!("error={token}")), "{told}");
    assert_eq!(reply.field("cache-control"), Some("no-store"));
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = before(&url);
    for request in [GET, POST] {
        is_502(&gateway.ask(request), "upstream-connects", "refused", "connection_refused");
    }
    let line = gateway.log_line("upstream-connects");
    assert_eq!((&line["cause"], &line["status"]), (&"refused".into(), &502.into()));
    assert_eq!(line["upstream"], url.trim_start_matches("http://"));
}

#[test]
fn no_socket_is_there() {
    let gateway = before("unix:/nowhere/at/all.sock");
    is_502(&gateway.ask(GET), "upstream-connects", "refused", "connection_refused");
}

#[test]
fn its_name_does_not_resolve() {
    let gateway = before("http://nobody.invalid");
    let reply = gateway.ask(GET);
    // Without any name server at hand the name can't be found out in time.
    if reply.status == 502 {
        is_502(&reply, "upstream-name", "name-not-found", "dns_error");
    } else {
        reply.is(504, "upstream-name");
    }
}

#[test]
fn it_answers_what_is_no_http() {
    for (what, octets) in LIES {
        let upstream = Upstream::stepping(lie(octets));
        let gateway = before(&upstream.url());
        for request in [GET, POST] {
            let mut client = gateway.connect();
            client.send(request);
            let reply = client.reply_to(request);
            assert_eq!(reply.status, 502, "{what}");
            reply.is(502, "upstream-speaks-http");
            assert!(!reply.text().contains("garbage") && !reply.has("x-long"), "{what}");
            // The client's connection goes on: the fault is not its own.
            client.send(request);
            assert_eq!(client.reply_to(request).status, 502, "{what}");
        }
    }
}

#[test]
fn it_closes_or_resets_before_it_answers() {
    for (steps, cause) in
        [(vec![Step::Read, Step::Close], "closed"), (reset_before_head(), "reset")]
    {
        let upstream = Upstream::stepping(steps);
        let gateway = before(&upstream.url());
        for request in [GET, POST] {
            is_502(&gateway.ask(request), "upstream-answers", cause, "connection_terminated");
        }
        // What is idempotent was tried again on no other: there is only one, and each is tried once.
        assert_eq!(upstream.received().len(), 2);
    }
}

#[test]
fn it_breaks_off_within_its_head() {
    let upstream = Upstream::stepping(reset_in_head());
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    client.send(GET);
    let _ = upstream.heard();
    upstream.go_on();
    let reply = client.reply_to(GET);
    assert_eq!(reply.status, 502);
    let cause = reply.problem()["cause"].clone();
    assert!(cause == "reset" || cause == "closed-in-head", "{cause}");
}

#[test]
fn its_head_is_too_large() {
    for (answer, cause, token) in [
        (head_of(200 << 10), "head-too-large", "http_response_header_section_size"),
        (field_of(200 << 10), "field-too-large", "http_response_header_size"),
    ] {
        let upstream = Upstream::always(answer);
        let gateway = before(&upstream.url());
        let reply = gateway.ask(GET);
        assert_eq!(reply.status, 502, "{cause}");
        let told = reply.problem()["cause"].clone();
        assert!(told == cause || told == "head-too-large", "{told}");
        assert!(reply.field("proxy-status").unwrap().contains("http_response_header"), "{token}");
    }
}

#[test]
fn its_head_does_not_end() {
    let upstream = Upstream::stepping(endless_head());
    let gateway = before(&upstream.url());
    let reply = gateway.ask(GET);
    assert_eq!((reply.status, &reply.problem()["cause"]), (502, &"head-too-large".into()));
}

#[test]
fn it_hints_without_end() {
    let upstream = Upstream::stepping(storm_of_103(10_000));
    let gateway = before(&upstream.url());
    let reply = gateway.ask(GET);
    assert_eq!(reply.status, 502);
    assert!(reply.interim.len() < 100, "{}", reply.interim.len());
}

/// The answer had begun, so its status can't be taken back; but it must not look whole.
#[test]
fn an_answer_that_is_cut_never_looks_whole() {
    for (steps, cause) in [
        (cut_content(), "closed-in-content"),
        (cut_chunks(), "closed-in-content"),
        (reset_after_head(), "reset"),
    ] {
        let upstream = Upstream::stepping(steps);
        let gateway = before(&upstream.url());
        let mut client = gateway.connect();
        client.send(GET);
        assert_eq!(client.head().status, 200);
        upstream.go_on();
        let (octets, end) = client.until_end();
        let is_short = !octets.ends_with(b"0\r\n\r\n") && octets.len() < 10;
        assert!(end == End::BrokenOff || is_short, "{cause}: {octets:?} {end:?}");
        let line = gateway.log_line("broken-off");
        let told = line["cause"].as_str().unwrap();
        assert!(told == cause || told == "reset", "{line}");
    }
}

/// To a client of HTTP/1.0 content without a length ends with the connection: a break has to be one.
#[test]
fn an_answer_that_is_cut_is_reset_for_old_clients() {
    let upstream = Upstream::stepping(cut_chunks());
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\n\n");
    let (_, end) = client.until_end();
    assert_eq!(end, End::BrokenOff);
}

#[test]
fn what_comes_behind_an_answer_is_never_the_next_one() {
    let twice = [good("one"), good("two")].concat();
    let upstream = Upstream::start(move |_| Act::Answer(twice.clone().into_bytes()));
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send(GET);
        assert_eq!(client.reply_to(GET).text(), "one");
    }
    assert_eq!(upstream.accepted(), 3, "each on a connection of its own");
}

/// However soon after it the next request comes.
#[test]
fn what_comes_later_is_never_the_next_one_either() {
    let upstream = Upstream::stepping(vec![
        Step::Write(good("one").into_bytes()),
        Step::Await,
        Step::Write(good("two").into_bytes()),
    ]);
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send(GET);
        assert_eq!(client.reply_to(GET).text(), "one");
        upstream.go_on();
        let _ = upstream.done();
    }
    assert_eq!(upstream.accepted(), 3, "each on a connection of its own");
}

#[test]
fn an_early_answer_reaches_who_still_sends() {
    let refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!";
    let upstream = Upstream::stepping(early(100_000, refusal));
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    client.send("PUT /a HTTP/1.1\nHost: localhost\nContent-Length: 4000000\n\n");
    client.send_octets(&vec![b'x'; 200_000]);
    let reply = client.reply("PUT");
    assert_eq!((reply.status, reply.text()), (413, "no!"));
}

#[test]
fn a_switch_that_was_not_asked_for() {
    let upstream = Upstream::always(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    );
    let gateway = before(&upstream.url());
    let reply = gateway.ask(GET);
    assert_eq!((reply.status, &reply.problem()["cause"]), (502, &"switch-failed".into()));
}

#[test]
fn the_gateway_is_its_own_upstream() {
    // Its address is known only once it listens: the way leads through another.
    let outer = Upstream::start(|received| {
        let seen = received.values("via").any(|via| via.contains("inside"));
        assert!(seen);
        Act::Answer(good("").into_bytes())
    });
    let gateway = before(&outer.url());
    let reply = gateway.ask("GET /a HTTP/1.1\nHost: localhost\nVia: 1.1 other, 1.1 inside\n\n");
    is_502(&reply, "forward-loop", "loop", "proxy_loop_detected");
    assert_eq!(gateway.ask("GET /a HTTP/1.1\nHost: localhost\nVia: 1.1 other\n\n").status, 200);
}

#[test]
fn another_upstream_is_asked_where_that_is_safe() {
    let bad = Upstream::stepping(reset_before_head());
    let fine = Upstream::always(good("fine"));
    let settings = Settings { unhealthy_after: 0, ..Settings::default() };
    let gateway = serve_gateway(&[&bad.url(), &fine.url()], settings, |gateway| {
        gateway.times.answer = Duration::from_secs(60);
    });
    for _ in 0..6 {
        assert_eq!(gateway.ask(GET).text(), "fine");
    }
    let posted: Vec<u16> = (0..6).map(|_| gateway.ask(POST).status).collect();
    assert_eq!(posted.iter().filter(|status| **status == 502).count(), 3, "{posted:?}");
    let twice = fine.received().iter().filter(|received| received.method == "POST").count();
    assert_eq!(twice, 3, "what may not happen twice is sent to one alone");
}
