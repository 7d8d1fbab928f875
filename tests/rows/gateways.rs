//! Gateways: what is forwarded and relayed, and how connections to upstreams are used.

use wherefore_gateway::Settings;

use crate::support::inside::{Inside, serve_gateway};
use crate::support::lies::good;
use crate::support::upstream::{Act, Step, Upstream};

/// A gateway to one upstream, as it is by default.
fn before(upstream: &Upstream) -> Inside {
    serve_gateway(&[&upstream.url()], Settings::default(), |_| ())
}

const GET: &str = "GET /a?b HTTP/1.1\nHost: localhost\n\n";

#[test]
fn an_answer_is_relayed_and_its_connection_used_again() {
    let upstream = Upstream::always(good("hello"));
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send(GET);
        let reply = client.reply_to(GET);
        assert_eq!((reply.status, reply.text()), (200, "hello"));
        assert_eq!(reply.field("via"), Some("1.1 inside"));
        assert_eq!(reply.field("content-length"), Some("5"));
        let received = upstream.done();
        assert_eq!(received.target, "/a?b");
        assert_eq!(received.field("host"), Some("localhost"));
        assert_eq!(received.field("via"), Some("1.1 inside"));
        assert_eq!(received.field("x-forwarded-for"), Some("127.0.0.1"));
    }
    assert_eq!(upstream.accepted(), 1);
    let line = gateway.log_line("\"rule\":\"relayed\"");
    assert_eq!(line["upstream"], upstream.address.to_string());
}

#[test]
fn content_goes_both_ways_however_it_is_framed() {
    let upstream = Upstream::start(|received| {
        let length = received.text().len();
        Act::Answer(
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{}\r\n0\r\n\r\n", received.text())
                .into_bytes(),
        )
    });
    let gateway = before(&upstream);
    for request in [
        "POST / HTTP/1.1\nHost: localhost\nContent-Length: 4\n\nabcd",
        "POST / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n1\na\n3\nbcd\n0\n\n",
    ] {
        let request = request.replace('\n', "\r\n");
        let mut client = gateway.connect();
        client.send_octets(request.as_bytes());
        let reply = client.reply("POST");
        assert_eq!((reply.status, reply.text()), (200, "abcd"), "{request}");
    }
}

#[test]
fn large_content_is_streamed_both_ways() {
    let content: String = (0..8 << 20).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
    let answer = good(&content);
    let upstream = Upstream::always(answer);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send_octets(
        format!("PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", content.len())
            .as_bytes(),
    );
    client.send_octets(content.as_bytes());
    let reply = client.reply("PUT");
    assert!(reply.status == 200 && reply.text() == content);
    assert!(upstream.done().text() == content);
}

#[test]
fn each_part_of_an_answer_goes_on_at_once() {
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let upstream = Upstream::stepping(vec![
        Step::Write([head.as_slice(), b"6\r\ndata 1\r\n"].concat()),
        Step::Await,
        Step::Write(b"6\r\ndata 2\r\n".to_vec()),
        Step::Await,
        Step::Write(b"0\r\n\r\n".to_vec()),
    ]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head().status, 200);
    assert_eq!((client.line(), client.line()), ("6".into(), "data 1".into()));
    upstream.go_on();
    assert_eq!((client.line(), client.line()), ("6".into(), "data 2".into()));
    upstream.go_on();
    assert_eq!(client.line(), "0");
}

#[test]
fn what_has_no_content_is_not_waited_for() {
    let upstream = Upstream::start(|received| {
        Act::Answer(match received.method.as_str() {
            "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(),
            "GET" => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".to_vec(),
            _ => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        })
    });
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    for (method, status, length) in
        [("HEAD", 200, Some("1000")), ("GET", 304, None), ("DELETE", 204, None)]
    {
        client.send(&format!("{method} / HTTP/1.1\nHost: localhost\n\n"));
        let reply = client.reply(method);
        assert_eq!((reply.status, reply.field("content-length")), (status, length), "{method}");
    }
    assert_eq!(upstream.accepted(), 1);
}
