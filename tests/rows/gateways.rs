//! Gateways: what is forwarded and relayed, and how connections to upstreams are used.

use serde_json::Value;
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

/// What is framed anew on its way is whole as well, however large the pieces are in which it comes.
#[test]
fn large_content_of_unsaid_length_is_streamed_both_ways() {
    let content: String = (0..8 << 20).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
    let chunked = format!("{:x}\r\n{content}\r\n0\r\n\r\n", content.len());
    for answer in [
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"
        ),
        format!("HTTP/1.1 200 OK\r\n\r\n{content}"),
    ] {
        let upstream = Upstream::start(move |_| {
            Act::Steps(vec![Step::Read, Step::Write(answer.clone().into_bytes()), Step::Close])
        });
        let gateway = before(&upstream);
        let mut client = gateway.connect();
        client.send("PUT / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n");
        client.send_octets(chunked.as_bytes());
        let reply = client.reply("PUT");
        assert!(reply.status == 200 && reply.text() == content);
        assert!(upstream.done().text() == content);
    }
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
fn content_that_ends_with_the_connection_is_whole_then() {
    let answer = b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec();
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(answer), Step::Close]);
    for buffer_bytes_max in [0, 3, 100] {
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |gateway| {
            gateway.buffer_bytes_max = buffer_bytes_max;
        });
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send(GET);
            assert_eq!(client.reply_to(GET).text(), "hello");
            let line = gateway.log_line("\"rule\":");
            assert_eq!((&line["rule"], &line["cause"]), (&"relayed".into(), &Value::Null));
        }
        client.send("GET / HTTP/1.0\n\n");
        assert_eq!(client.reply("GET").text(), "hello");
    }
}

/// That an idle connection is closed says nothing of the upstream.
#[test]
fn a_connection_that_was_closed_while_it_was_idle_is_no_fault() {
    let upstream = Upstream::start(|received| match received.method.as_str() {
        "HEAD" => {
            Act::Steps(vec![Step::Write(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), Step::HalfClose])
        }
        _ => Act::Answer(good("fine").into_bytes()),
    });
    let settings = Settings { unhealthy_after: 1, ..Settings::default() };
    let gateway = serve_gateway(&[&upstream.url()], settings, |_| ());
    let mut client = gateway.connect();
    for request in [GET, "PUT / HTTP/1.1\nHost: localhost\nContent-Length: 2\n\nhi"] {
        for _ in 0..3 {
            client.send("HEAD / HTTP/1.1\nHost: localhost\n\n");
            assert_eq!(client.reply("HEAD").status, 200);
            // It is closed before anything more is sent: nothing that can be sent once only is risked on it.
            let _ = upstream.done();
            client.send(request);
            let reply = client.reply_to(request);
            assert_eq!((reply.status, reply.text()), (200, "fine"));
            let _ = upstream.done();
        }
    }
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

#[test]
fn who_goes_is_no_fault_of_the_upstream_and_its_request_is_cancelled() {
    let upstream = Upstream::silent();
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send(GET);
    let _ = upstream.heard();
    drop(client);
    let line = gateway.log_line("client-aborted");
    assert!(line["status"].is_null() && line["cause"].is_null(), "{line}");
    // It is done only when it sees the connection end: nobody waits for what it was doing.
    let _ = upstream.done();
    assert_eq!(upstream.received().len(), 1, "it is not asked again");
}

#[test]
fn who_goes_in_the_middle_of_an_answer_ends_it() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let upstream = Upstream::stepping(vec![Step::Write(head), Step::AwaitEnd]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head().status, 200);
    drop(client);
    let line = gateway.log_line("broken-off");
    assert!(line["cause"].is_null(), "{line}");
    let _ = upstream.done();
}

#[test]
fn who_breaks_its_content_off_breaks_the_upstream_s() {
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(good("no").into_bytes())]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send("PUT / HTTP/1.1\nHost: localhost\nContent-Length: 10\n\nhalf");
    let _ = upstream.heard();
    drop(client);
    gateway.log_line("client-aborted");
    assert!(!upstream.done().is_whole, "half of it never looks whole");
}

#[test]
fn malformed_content_is_the_client_s_fault_and_not_passed_on() {
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(good("no").into_bytes())]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send("PUT / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\n");
    let _ = upstream.heard();
    client.send("zz\n");
    client.reply("PUT").is(400, "content-syntax");
    assert!(!upstream.done().is_whole);
}

#[test]
fn trailers_go_on_to_who_takes_them() {
    let upstream = Upstream::start(|received| {
        assert_eq!(received.trailers, [("X-Sum".to_owned(), "7".to_owned())]);
        let trailers = "X-Late: yes\r\nContent-Length: 5\r\n";
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n";
        Act::Answer(format!("{head}1\r\na\r\n0\r\n{trailers}\r\n").into_bytes())
    });
    let gateway = before(&upstream);
    for (te, takes) in [("TE: trailers\nConnection: TE\n", true), ("", false)] {
        let mut client = gateway.connect();
        client.send(&format!(
            "POST / HTTP/1.1\nHost: localhost\n{te}Transfer-Encoding: chunked\n\n1\nx\n0\nX-Sum: 7\n\n"
        ));
        assert_eq!(client.head().status, 200);
        assert_eq!([client.line(), client.line(), client.line()], ["1", "a", "0"]);
        if takes {
            assert_eq!(client.line(), "X-Late: yes");
        }
        assert_eq!(client.line(), "");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::start(|received| Act::Answer(good(&received.target).into_bytes()));
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    let requests: String =
        (0..20).map(|i| format!("GET /{i} HTTP/1.1\nHost: localhost\n\n")).collect();
    client.send(&requests);
    for i in 0..20 {
        assert_eq!(client.reply("GET").text(), format!("/{i}"));
    }
}

#[test]
fn what_could_mean_something_else_to_an_upstream_is_not_forwarded() {
    let upstream = Upstream::start(|received| Act::Answer(good(&received.target).into_bytes()));
    let gateway = before(&upstream);
    for target in ["/public/..;/private", "/a%5c..%5cb", "/a%0d%0aX:%20y"] {
        gateway.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n\n")).is(400, "forward-path");
    }
    for (target, forwarded) in [
        ("/a/../b?x=%2F", "/b?x=%2F"),
        ("//a//b", "/a/b"),
        ("/a%20b%7Ec", "/a%20b%7Ec"),
        ("/a;v=1/b", "/a;v=1/b"),
        ("http://localhost/abs?q", "/abs?q"),
    ] {
        let reply = gateway.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.text(), forwarded, "{target}");
    }
}

/// It says nothing of the upstream: it may close at any time what lies idle.
#[test]
fn a_connection_that_was_closed_while_it_lay_idle_is_no_failure() {
    let upstream = Upstream::start(|received| {
        let answer = good(&received.number.to_string()).into_bytes();
        Act::Steps(vec![Step::Read, Step::Write(answer), Step::Close])
    });
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    for _ in 0..4 {
        client.send(GET);
        let reply = client.reply_to(GET);
        assert_eq!((reply.status, reply.text()), (200, "0"));
    }
    assert_eq!(upstream.accepted(), 4);
}
