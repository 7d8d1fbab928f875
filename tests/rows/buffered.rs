//! Gateways that buffer: what is read before it goes on can be sent elsewhere, or taken back.

use wherefore_gateway::Settings;

use crate::support::inside::{Inside, serve_gateway};
use crate::support::lies::{cut_chunks, cut_content, good, reset_before_head};
use crate::support::upstream::{Act, Step, Upstream};

const GET: &str = "GET /a HTTP/1.1\nHost: localhost\n\n";
const SIZED: &str = "PUT /a HTTP/1.1\nHost: localhost\nContent-Length: 7\n\ncontent";
const CHUNKED: &str = "PUT /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\ncon\n4\ntent\n0\n\
                       Digest: x\n\n";

/// A gateway to these upstreams that buffers so much, and takes none for unhealthy.
fn before(upstreams: &[&Upstream], buffer_bytes_max: usize) -> Inside {
    let urls: Vec<String> = upstreams.iter().map(|upstream| upstream.url()).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let settings = Settings { unhealthy_after: 0, ..Settings::default() };
    serve_gateway(&urls, settings, |gateway| gateway.buffer_bytes_max = buffer_bytes_max)
}

#[test]
fn what_is_idempotent_is_sent_elsewhere_with_its_content() {
    for request in [SIZED, CHUNKED] {
        let bad = Upstream::stepping(reset_before_head());
        let fine = Upstream::always(good("fine"));
        let gateway = before(&[&bad, &fine], 64 << 10);
        for _ in 0..4 {
            assert_eq!(gateway.ask(request).text(), "fine");
        }
        assert!(!bad.received().is_empty(), "it was asked");
        for received in fine.received() {
            assert!(received.is_whole && received.text() == "content", "{received:?}");
            assert_eq!(received.trailers.len(), usize::from(request == CHUNKED));
        }
        let posted = request.replace("PUT", "POST");
        let posted: Vec<u16> = (0..4).map(|_| gateway.ask(&posted).status).collect();
        assert_eq!(posted.iter().filter(|status| **status == 502).count(), 2, "{posted:?}");
    }
}

#[test]
fn what_is_not_buffered_whole_is_sent_once() {
    for request in [SIZED, CHUNKED] {
        let bad = Upstream::stepping(reset_before_head());
        let fine = Upstream::always(good("fine"));
        for buffer_bytes_max in [0, 2] {
            let gateway = before(&[&bad, &fine], buffer_bytes_max);
            let put: Vec<u16> = (0..4).map(|_| gateway.ask(request).status).collect();
            assert_eq!(put.iter().filter(|status| **status == 502).count(), 2, "{put:?}");
        }
        assert!(fine.received().iter().all(|received| received.text() == "content"));
    }
}

#[test]
fn a_slow_client_holds_no_upstream() {
    let upstream = Upstream::always(good("fine"));
    let gateway = before(&[&upstream], 64 << 10);
    let mut slow = gateway.connect();
    slow.send("PUT /slow HTTP/1.1\nHost: localhost\nContent-Length: 4\n\nab");
    // Whoever comes later is answered first; the core that has the slow one may be another.
    for _ in 0..8 {
        assert_eq!(gateway.ask(GET).text(), "fine");
    }
    assert!(upstream.received().iter().all(|received| received.target == "/a"));
    slow.send("cd");
    assert_eq!(slow.reply("PUT").text(), "fine");
    assert_eq!(upstream.received().last().unwrap().text(), "abcd");
}

#[test]
fn malformed_content_reaches_nobody() {
    let upstream = Upstream::always(good("fine"));
    let gateway = before(&[&upstream], 64 << 10);
    let malformed = "PUT /a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\nzz\n";
    assert_eq!(gateway.ask(malformed).status, 400);
    assert!(upstream.received().is_empty());
}

#[test]
fn who_is_to_be_invited_waits_for_the_upstream() {
    let invites = vec![
        Step::Write(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Step::Read,
        Step::Write(good("fine").into_bytes()),
    ];
    let upstream = Upstream::stepping(invites);
    let gateway = before(&[&upstream], 64 << 10);
    let mut client = gateway.connect();
    client.send("PUT /a HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 4\n\n");
    assert_eq!(client.head().status, 100);
    client.send("abcd");
    assert_eq!(client.reply("PUT").text(), "fine");
    assert_eq!(upstream.done().text(), "abcd");
}

#[test]
fn what_breaks_off_within_the_buffer_is_502() {
    for steps in [cut_content(), cut_chunks()] {
        let upstream = Upstream::stepping(steps);
        let gateway = before(&[&upstream], 64 << 10);
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send(GET);
            let reply = client.reply("GET");
            reply.is(502, "upstream-content");
            assert_eq!(reply.problem()["cause"], "closed-in-content");
        }
    }
}

#[test]
fn what_breaks_off_behind_the_buffer_is_cut() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabcdef";
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(head.into()), Step::Close]);
    let gateway = before(&[&upstream], 4);
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head().status, 200);
    assert!(client.until_end().0.len() <= 6);
    assert_eq!(gateway.log_line("broken-off")["cause"], "closed-in-content");
}

#[test]
fn whole_answers_of_any_length_come_through() {
    for length in [0, 1, 3, 4, 5, 100, 70_000, 300_000] {
        let content = "x".repeat(length);
        let chunked = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            if length == 0 { String::new() } else { format!("{length:x}\r\n{content}\r\n") }
        );
        for octets in [good(&content), chunked] {
            let upstream = Upstream::always(octets);
            for buffer_bytes_max in [4, 100_000] {
                let gateway = before(&[&upstream], buffer_bytes_max);
                let mut client = gateway.connect();
                for _ in 0..2 {
                    client.send(GET);
                    let reply = client.reply("GET");
                    assert!(reply.status == 200 && reply.text() == content, "{length}");
                }
            }
        }
    }
}

#[test]
fn events_and_what_says_so_go_on_at_once() {
    for field in ["Content-Type: text/event-stream", "X-Accel-Buffering: no"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{field}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ndata\n\r\n"
        );
        let upstream = Upstream::start(move |_| {
            let end = Step::Write(b"0\r\n\r\n".to_vec());
            Act::Steps(vec![Step::Write(head.clone().into_bytes()), Step::Await, end])
        });
        let gateway = before(&[&upstream], 64 << 10);
        let mut client = gateway.connect();
        client.send(GET);
        assert_eq!(client.head().status, 200);
        assert_eq!(client.line(), "5");
        upstream.go_on();
        assert_eq!(client.exactly(7), b"data\n\r\n");
        assert_eq!(client.line(), "0");
    }
}
