//! 402 Payment Required (RFC 9110 §15.5.3) where each answer is paid for by x402: what is offered, what a payment buys,
//! and that none is ever settled twice, whatever becomes of the facilitator or of us.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use wherefore_message::base64;

use crate::every::error_holds;
use crate::support::lies::{LIES, good, lie};
use crate::support::upstream::{Act, Received, Refusing, Step, Upstream};
use crate::support::{Client, Configured, Reply, setup};
use crate::written::get;

const ASSET: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
const PAY_TO: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";

/// Paid for by way of this facilitator: `/paid/` of a folder, and `/app/` of a gateway.
fn priced(facilitator: &str, app: &str, more: &str) -> Configured {
    let price = format!(
        "price = {{ x402 = {{ facilitator = '{facilitator}/x402', network = 'eip155:8453', asset = '{ASSET}', \
         pay-to = '{PAY_TO}', amount = '10000', description = 'A file'{more} }} }}"
    );
    setup().file("site/other", "other").serve(&format!(
        "[site.localhost]\nroute = [\n\
         {{ path = '/free/*', folder = 'site' }},\n\
         {{ path = '/paid/*', folder = 'site', {price} }},\n\
         {{ path = '/app/*', gateway = '{app}', {price} }},\n]\n"
    ))
}

fn before(facilitator: &Upstream) -> Configured {
    priced(&facilitator.url(), "http://127.0.0.1:1", "")
}

fn json_answer(status: u16, answer: &Value) -> Vec<u8> {
    let content = answer.to_string();
    let length = content.len();
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{content}"
    )
    .into_bytes()
}

fn valid() -> Vec<u8> {
    json_answer(200, &json!({ "isValid": true, "payer": "0xabc" }))
}

fn success() -> Value {
    json!({ "success": true, "transaction": "0x1234", "network": "eip155:8453", "payer": "0xabc" })
}

/// A facilitator to which every payment is good.
fn honest(received: &Received) -> Act {
    Act::Answer(match &*received.target {
        "/x402/verify" => valid(),
        "/x402/settle" => json_answer(200, &success()),
        _ => json_answer(404, &json!({})),
    })
}

/// One that verifies, and settles by these steps.
fn settling(steps: Vec<Step>) -> Upstream {
    Upstream::start(move |received| match &*received.target {
        "/x402/verify" => Act::Answer(valid()),
        _ => Act::Steps(steps.clone()),
    })
}

fn asked(facilitator: &Upstream, what: &str) -> usize {
    facilitator.received().iter().filter(|received| received.target.ends_with(what)).count()
}

fn terms() -> Value {
    json!({
        "scheme": "exact", "network": "eip155:8453", "amount": "10000", "asset": ASSET, "payTo": PAY_TO,
        "maxTimeoutSeconds": 60,
    })
}

/// The field that pays by the payment of this number.
fn paying(number: u64) -> String {
    paying_by(number, &terms())
}

fn paying_by(number: u64, accepted: &Value) -> String {
    let payload = json!({
        "x402Version": 2,
        "accepted": accepted,
        "payload": {
            "signature": "0x00",
            "authorization": {
                "from": "0x857b06519E91e3A54538791bDbb0E22373e36b66", "to": PAY_TO, "value": "10000",
                "validAfter": "0", "validBefore": "99999999999", "nonce": format!("0x{number:064x}"),
            },
        },
    });
    format!("PAYMENT-SIGNATURE: {}\n", base64::encode(payload.to_string().as_bytes()))
}

fn read(reply: &Reply, field: &str) -> Value {
    let value = reply.field(field).unwrap_or_else(|| panic!("{field} is not there: {reply:?}"));
    serde_json::from_slice(&base64::decode(value.as_bytes()).unwrap()).unwrap()
}

#[test]
fn what_is_offered() {
    let facilitator = Upstream::start(honest);
    let server = before(&facilitator);
    let reply = get(&server, "/paid/file?a=b", "");
    assert_eq!(reply.status, 402);
    assert!(server.log_line("payment-sent").contains(" 402 "));
    assert_eq!(reply.field("content-type"), Some("application/json"));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let offer = read(&reply, "payment-required");
    let content: Value = serde_json::from_str(reply.text()).unwrap();
    assert_eq!(offer, content);
    assert_eq!(offer["x402Version"], 2);
    assert_eq!(offer["accepts"], json!([terms()]));
    let url = "http://localhost/paid/file?a=b";
    assert_eq!(offer["resource"], json!({ "url": url, "description": "A file" }));
    let page = get(&server, "/paid/file", "Accept: text/html\n");
    assert_eq!((page.status, page.field("content-type")), (402, Some("text/html; charset=utf-8")));
    assert!(page.has("payment-required") && page.text().contains("to be paid for"));
    assert_eq!(get(&server, "/free/file", "").text(), "here");
    assert!(facilitator.received().is_empty(), "nobody is asked about nothing");
}

#[test]
fn a_payment_buys_one_answer_and_the_same_again() {
    let facilitator = Upstream::start(honest);
    let server = before(&facilitator);
    for _ in 0..3 {
        let reply = get(&server, "/paid/file", &paying(1));
        assert_eq!((reply.status, reply.text()), (200, "here"));
        let receipt = read(&reply, "payment-response");
        assert_eq!(
            (&receipt["success"], &receipt["transaction"]),
            (&true.into(), &"0x1234".into())
        );
    }
    assert_eq!((asked(&facilitator, "/verify"), asked(&facilitator, "/settle")), (1, 1));
    for other in ["/paid/other", "/paid/file?x"] {
        let reply = get(&server, other, &paying(1));
        assert_eq!(reply.status, 402, "{other}");
        assert_eq!(read(&reply, "payment-required")["error"], "duplicate_settlement");
    }
    assert!(server.log_line("payment-unused").contains(" 402 "));
    assert_eq!(get(&server, "/paid/other", &paying(2)).text(), "other");
    assert_eq!(asked(&facilitator, "/settle"), 2);
    // What the facilitator is told is one meaning of what the client sent, to both.
    let told: Vec<Value> = facilitator
        .received()
        .iter()
        .map(|received| serde_json::from_slice(&received.content).unwrap())
        .collect();
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0]["paymentRequirements"], terms());
    // It is known after a restart, and after a crash.
    let server = server.crash_and_restart();
    assert_eq!(get(&server, "/paid/file", &paying(1)).text(), "here");
    assert_eq!(get(&server, "/paid/other", &paying(1)).status, 402);
    assert_eq!(asked(&facilitator, "/settle"), 2);
}

#[test]
fn only_what_is_given_is_paid_for() {
    let facilitator = Upstream::start(honest);
    let server = before(&facilitator);
    let tag = get(&server, "/free/file", "").field("etag").unwrap().to_owned();
    for (target, fields, status) in [
        ("/paid/none", String::new(), 404),
        ("/paid/.git/config", String::new(), 403),
        ("/paid/file", format!("If-None-Match: {tag}\n"), 304),
        ("/paid/file", "Range: bytes=99-\n".to_owned(), 416),
    ] {
        let reply = get(&server, target, &format!("{}{fields}", paying(3)));
        assert_eq!(reply.status, status, "{target} {fields}");
        assert!(!reply.has("payment-response"));
    }
    assert_eq!(asked(&facilitator, "/settle"), 0);
    assert_eq!(get(&server, "/paid/file", &paying(3)).status, 200);
}

#[test]
fn payments_that_are_none() {
    let facilitator = Upstream::start(honest);
    let server = before(&facilitator);
    error_holds(&server, 400, "payment-form", "/paid/file", "PAYMENT-SIGNATURE: !\n");
    error_holds(&server, 400, "payment-form", "/paid/file", &paying(1).repeat(2));
    let mut cheap = terms();
    cheap["amount"] = "1".into();
    let reply = get(&server, "/paid/file", &paying_by(1, &cheap));
    assert_eq!(reply.status, 402);
    assert_eq!(read(&reply, "payment-required")["error"], "invalid_payment_requirements");
    assert!(server.log_line("payment-terms").contains(" 402 "));
    assert!(facilitator.received().is_empty());
}

#[test]
fn a_payment_that_is_refused() {
    for status in [200, 400] {
        let facilitator = Upstream::always(json_answer(
            status,
            &json!({ "isValid": false, "invalidReason": "insufficient_funds" }),
        ));
        let server = before(&facilitator);
        let reply = get(&server, "/paid/file", &paying(1));
        assert_eq!(reply.status, 402);
        assert_eq!(read(&reply, "payment-required")["error"], "insufficient_funds");
        assert_eq!(asked(&facilitator, "/settle"), 0);
    }
}

/// What is not settled is not sent; where that is certain, the payment can be tried again.
#[test]
fn a_settlement_that_fails() {
    let facilitator = Upstream::start(|received| match &*received.target {
        "/x402/verify" => Act::Answer(valid()),
        _ => Act::Steps(vec![
            Step::Read,
            Step::Await,
            Step::Write(json_answer(200, &json!({ "success": false, "errorReason": "expired" }))),
        ]),
    });
    let upstream = Upstream::always(good("app"));
    let server = priced(&facilitator.url(), &upstream.url(), "");
    for (target, count) in [("/paid/file", 1), ("/paid/file", 2), ("/app/a", 3)] {
        facilitator.go_on();
        let reply = get(&server, target, &paying(1));
        assert_eq!(reply.status, 402);
        assert!(!reply.text().contains("here") && reply.text() != "app");
        assert_eq!(read(&reply, "payment-required")["error"], "expired");
        assert_eq!(read(&reply, "payment-response")["success"], false);
        assert_eq!(asked(&facilitator, "/settle"), count);
    }
    assert!(server.log_line("payment-good").contains(" 402 "));
}

#[test]
fn an_upstream_s_answer_is_paid_for_too() {
    let facilitator = Upstream::start(honest);
    let upstream = Upstream::start(|received| {
        Act::Answer(match &*received.target {
            "/app/a" => good("app").into_bytes(),
            _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        })
    });
    let server = priced(&facilitator.url(), &upstream.url(), "");
    assert_eq!(get(&server, "/app/none", &paying(1)).status, 404);
    assert_eq!(asked(&facilitator, "/settle"), 0);
    let reply = get(&server, "/app/a", &paying(1));
    assert_eq!(reply.text(), "app");
    assert_eq!(read(&reply, "payment-response")["success"], true);
    assert!(upstream.received().iter().all(|told| told.field("payment-signature").is_none()));
}

/// A facilitator that is down, slow or lying: nothing is served, and nothing is spent.
#[test]
fn nobody_to_verify() {
    let refusing = Refusing::start();
    let server = priced(&format!("http://{}", refusing.address), "http://127.0.0.1:1", "");
    let reply = get(&server, "/paid/file", &paying(1));
    reply.is(503, "facilitator");
    assert!(reply.has("retry-after"));
    let silent = Upstream::silent();
    let server = priced(&silent.url(), "http://127.0.0.1:1", ", time = '50ms'");
    get(&server, "/paid/file", &paying(1)).is(503, "facilitator");
    let odd = ["", "[]", "{}", "{\"isValid\":1}", "{\"isValid\":\"true\"}", "true"];
    for content in odd {
        let facilitator = Upstream::always(good(content));
        get(&before(&facilitator), "/paid/file", &paying(1)).is(503, "facilitator");
        assert_eq!(asked(&facilitator, "/settle"), 0);
    }
    let failing = Upstream::always(json_answer(500, &json!({ "isValid": true })));
    get(&before(&failing), "/paid/file", &paying(1)).is(503, "facilitator");
    let (_, first) = LIES[0];
    let lying = Upstream::stepping(lie(first));
    get(&before(&lying), "/paid/file", &paying(1)).is(503, "facilitator");
}

/// Where nobody says whether it was settled, it is not served, and never tried again.
#[test]
fn a_settlement_that_nobody_knows_of() {
    let lying = json!({ "success": true, "transaction": "0x1", "network": "eip155:1" });
    for steps in [
        vec![Step::Read, Step::Close],
        vec![Step::Read, Step::Reset],
        vec![Step::Read, Step::Write(json_answer(200, &lying)), Step::Close],
        vec![Step::Read, Step::Write(json_answer(200, &json!({ "success": 1 }))), Step::Close],
        vec![Step::Read, Step::Write(json_answer(500, &success())), Step::Close],
        vec![Step::AwaitEnd],
    ] {
        let facilitator = settling(steps);
        let server = priced(&facilitator.url(), "http://127.0.0.1:1", ", time = '200ms'");
        let reply = get(&server, "/paid/file", &paying(1));
        reply.is(503, "facilitator");
        let reply = get(&server, "/paid/file", &paying(1));
        assert_eq!(reply.status, 402);
        assert_eq!(read(&reply, "payment-required")["error"], "duplicate_settlement");
        let server = server.crash_and_restart();
        assert_eq!(get(&server, "/paid/file", &paying(1)).status, 402);
        assert_eq!(asked(&facilitator, "/settle"), 1);
    }
}

/// Of requests that race with one payment, one is paid with it.
#[test]
fn racing_with_one_payment() {
    const RACERS: usize = 32;
    let facilitator = Upstream::start(honest);
    let server = before(&facilitator);
    let (address, barrier) = (server.address, &Barrier::new(RACERS));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|i| {
                scope.spawn(move || {
                    let target = if i % 2 == 0 { "/paid/file" } else { "/paid/other" };
                    let mut client = Client::connect(address);
                    barrier.wait();
                    client
                        .send(&format!("GET {target} HTTP/1.1\nHost: localhost\n{}\n", paying(7)));
                    client.reply("GET").status
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(asked(&facilitator, "/settle"), 1, "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 402, 409].contains(status)), "{statuses:?}");
}

/// Killed while a payment is being verified, it is free again; while it is being settled, it is never tried again.
#[test]
fn killed_between() {
    let facilitator = Upstream::start(|received| match &*received.target {
        "/x402/verify" => Act::Steps(vec![Step::Read, Step::Await, Step::Write(valid())]),
        _ => Act::Steps(vec![Step::Read, Step::AwaitEnd]),
    });
    let server = before(&facilitator);
    let asking = |server: &Configured| {
        let mut client = Client::connect(server.address);
        client.send(&format!("GET /paid/file HTTP/1.1\nHost: localhost\n{}\n", paying(1)));
        client
    };
    let client = asking(&server);
    assert!(facilitator.heard().target.ends_with("/verify"));
    get(&server, "/paid/file", &paying(1)).is(409, "payment-free");
    let server = server.crash_and_restart();
    drop(client);
    facilitator.go_on();
    let client = asking(&server);
    assert!(facilitator.heard().target.ends_with("/verify"), "it is free again");
    facilitator.go_on();
    assert!(facilitator.heard().target.ends_with("/settle"));
    let server = server.crash_and_restart();
    drop(client);
    let reply = get(&server, "/paid/file", &paying(1));
    assert_eq!(reply.status, 402);
    assert_eq!(read(&reply, "payment-required")["error"], "duplicate_settlement");
    assert_eq!(asked(&facilitator, "/settle"), 1);
}
