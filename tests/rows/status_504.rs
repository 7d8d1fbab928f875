//! 504 Gateway Timeout (RFC 9110 §15.6.5): the upstream does not do something in time, and the answer says what.

use std::time::Duration;

use wherefore_gateway::Settings;

use crate::support::Reply;
use crate::support::inside::{Inside, serve_gateway};
use crate::support::upstream::{FullQueue, Step, Upstream};

const GET: &str = "GET /a HTTP/1.1\nHost: localhost\n\n";
/// So long each step may take: short, since the tests wait for it.
const SHORT: Duration = Duration::from_millis(200);

fn before(url: &str) -> Inside {
    let settings = Settings { unhealthy_after: 0, ..Settings::default() };
    serve_gateway(&[url], settings, |gateway| {
        let times = &mut gateway.times;
        (times.answer, times.head, times.pause, times.write) = (SHORT, SHORT, SHORT, SHORT);
        (times.connect.connect_time, times.connect.tls_time) = (SHORT, SHORT);
    })
}

fn is_504(reply: &Reply, rule: &str, cause: &str, token: &str) {
    reply.is(504, rule);
    assert_eq!(reply.problem()["cause"], cause);
    assert!(reply.field("proxy-status").unwrap().contains(&format!("error={token}")));
}

#[test]
fn it_says_nothing() {
    let upstream = Upstream::silent();
    let gateway = before(&upstream.url());
    let reply = gateway.ask(GET);
    is_504(&reply, "upstream-answers", "answer-late", "http_response_timeout");
    // Who has waited once is not made to wait again.
    assert_eq!(upstream.received().len(), 1);
    assert_eq!(gateway.log_line("answer-late")["status"], 504);
}

#[test]
fn it_does_not_take_the_connection() {
    let upstream = FullQueue::start();
    let gateway = before(&format!("http://{}", upstream.address));
    is_504(&gateway.ask(GET), "upstream-connects", "connect-late", "connection_timeout");
}

#[test]
fn its_head_comes_an_octet_at_a_time() {
    let drip = Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(100), SHORT / 4);
    let upstream = Upstream::stepping(vec![Step::Read, drip, Step::AwaitEnd]);
    let gateway = before(&upstream.url());
    is_504(&gateway.ask(GET), "upstream-answers", "head-late", "http_response_timeout");
}

#[test]
fn it_takes_nothing_of_the_request() {
    let upstream = Upstream::stepping(vec![Step::Await]);
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    client.send("PUT /a HTTP/1.1\nHost: localhost\nContent-Length: 100000000\n\n");
    // More than all buffers on the way hold; the gateway gives up before all of it is taken.
    for _ in 0..100 {
        if client.try_send_octets(&vec![b'x'; 1_000_000]).is_err() {
            break;
        }
    }
    let reply = client.reply("PUT");
    is_504(&reply, "upstream-answers", "write-late", "connection_write_timeout");
    upstream.go_on();
}

/// The answer had begun: it is broken off, and the log says why.
#[test]
fn it_stops_in_the_middle() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(head), Step::AwaitEnd]);
    let gateway = before(&upstream.url());
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head().status, 200);
    let (octets, _) = client.until_end();
    assert_eq!(octets, b"abc");
    assert_eq!(gateway.log_line("broken-off")["cause"], "content-late");
}

/// Only the pause between two octets counts, however long all of it takes.
#[test]
fn a_slow_answer_is_none_that_is_late() {
    let content = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n".to_vec();
    let drip = Step::Drip(b"0123456789abcdef".to_vec(), SHORT / 8);
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(content), drip]);
    let gateway = before(&upstream.url());
    assert_eq!(gateway.ask(GET).text(), "0123456789abcdef");
}
