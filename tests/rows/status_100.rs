//! 100 Continue (RFC 9110 §15.2.1, §10.1.1): the client waits to be told whether its content is wanted.

use crate::support::start;
use crate::written;

const WAITING: &str = "Host: localhost\nExpect: 100-continue\nContent-Length: 5\n";

#[test]
fn content_that_is_wanted_is_invited_once() {
    let server = start(&["--writable"]);
    let mut client = server.connect();
    client.send(&format!("PUT /a HTTP/1.1\n{WAITING}\n"));
    let invitation = client.head();
    assert_eq!((invitation.status, &*invitation.phrase), (100, "Continue"));
    assert_eq!(invitation.fields, [], "nothing stands in it");
    assert!(!server.folder().join("a").exists());
    client.send("hello");
    let reply = client.reply("PUT");
    assert_eq!((reply.status, reply.interim), (201, vec![]), "only one 100");
    assert_eq!(server.read("a"), b"hello");
    // The connection goes on, and the next request is invited anew.
    client.send(&format!("PUT /a HTTP/1.1\n{WAITING}\n"));
    assert_eq!(client.head().status, 100);
    client.send("again");
    assert_eq!(client.reply("PUT").status, 204);
    assert_eq!(server.read("a"), b"again");
}

/// Chunked content, large content, a POST and a patch: all are invited.
#[test]
fn every_way_to_bring_content() {
    let server = start(&["--writable"]);
    server.file("d.json", "{\"a\":1}");
    for (head, content, status) in [
        ("PUT /c HTTP/1.1\nTransfer-Encoding: chunked\n", "3\nabc\n0\n\n".to_owned(), 201),
        ("PUT /l HTTP/1.1\nContent-Length: 1000000\n", "x".repeat(1_000_000), 201),
        ("POST / HTTP/1.1\nContent-Type: text/plain\nContent-Length: 2\n", "hi".to_owned(), 201),
        (
            "PATCH /d.json HTTP/1.1\nContent-Type: application/merge-patch+json\nContent-Length: 7\n",
            "{\"b\":2}".to_owned(),
            204,
        ),
    ] {
        let mut client = server.connect();
        client.send(&format!("{head}Host: localhost\nExpect: 100-Continue\n\n"));
        assert_eq!(client.head().status, 100, "{head}");
        client.send(&content);
        let reply = client.reply("PUT");
        assert_eq!((reply.status, &*reply.interim), (status, &[][..]), "{head}");
    }
    assert_eq!(server.read("c"), b"abc");
    assert_eq!(server.read("l").len(), 1_000_000);
}

/// What the head alone settles is answered at once, with no 100 before it; since the content may or may
/// not follow, the connection is over.
#[test]
fn a_check_that_fails_answers_with_its_own_code() {
    let server = start(&["--writable", "--quota", "2KiB", "--limit", "content-bytes=100000"]);
    server.file("file", "content");
    server.file("folder/member", "content");
    server.file("d.json", "{}");
    for (head, status, rule) in [
        ("PUT /a HTTP/1.1\nContent-Range: bytes 0-4/9\nContent-Length: 5", 400, "partial-put"),
        ("TRACE / HTTP/1.1\nContent-Length: 5", 400, "trace-content"),
        ("PUT /.a HTTP/1.1\nContent-Length: 5", 403, "dot-file"),
        (
            "PUT /a HTTP/1.1\nOrigin: http://other.example\nContent-Length: 5",
            403,
            "cross-site-write",
        ),
        ("POST /none/ HTTP/1.1\nContent-Length: 5", 404, "missing"),
        (
            "PATCH /none HTTP/1.1\nContent-Type: application/json-patch+json\nContent-Length: 5",
            404,
            "missing",
        ),
        ("PUT /folder/ HTTP/1.1\nContent-Length: 5", 405, "method"),
        ("POST /file HTTP/1.1\nContent-Length: 5", 405, "method"),
        ("PUT /folder HTTP/1.1\nContent-Length: 5", 409, "folder-name"),
        ("PUT /none/a HTTP/1.1\nContent-Length: 5", 409, "parent"),
        ("PUT /file/a HTTP/1.1\nContent-Length: 5", 409, "parent"),
        ("PUT /a HTTP/1.1", 411, "length"),
        ("PUT /file HTTP/1.1\nIf-Match: \"no\"\nContent-Length: 5", 412, "if-match"),
        ("PUT /file HTTP/1.1\nIf-None-Match: *\nContent-Length: 5", 412, "if-none-match"),
        (
            "PUT /file HTTP/1.1\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\nContent-Length: 5",
            412,
            "if-unmodified-since",
        ),
        ("PUT /a HTTP/1.1\nContent-Length: 100001", 413, "content-size"),
        ("PUT /a HTTP/1.1\nContent-Encoding: gzip\nContent-Length: 5", 415, "content-coding"),
        (
            "PATCH /d.json HTTP/1.1\nContent-Type: text/plain\nContent-Length: 5",
            415,
            "patch-format",
        ),
        (
            "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 5",
            415,
            "post-format",
        ),
        ("PUT /a HTTP/1.1\nExpect: more\nContent-Length: 5", 417, "expectation"),
        ("PUT /a HTTP/1.1\nContent-Length: 90000", 507, "room"),
    ] {
        let mut client = server.connect();
        client.send(&format!("{head}\nHost: localhost\nExpect: 100-continue\n\n"));
        let reply = client.reply("PUT");
        reply.is(status, rule);
        assert!(reply.interim.is_empty(), "{head}");
        if head.contains("Content-Length") {
            assert_eq!(reply.field("connection"), Some("close"), "{head}");
            client.finish_sending();
            assert!(client.is_closed(), "{head}");
        }
    }
    assert_eq!(server.read("file"), b"content");
}

/// A method that takes no content is answered without it.
#[test]
fn content_that_nobody_wants_is_not_invited() {
    let server = start(&["--writable"]);
    server.file("file", "content");
    for (method, status) in [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("DELETE", 204)] {
        let mut client = server.connect();
        client.send(&format!("{method} /file HTTP/1.1\n{WAITING}\n"));
        let reply = client.reply(method);
        assert_eq!((reply.status, &*reply.interim), (status, &[][..]), "{method}");
        assert_eq!(reply.field("connection"), Some("close"), "{method}");
    }
}

#[test]
fn none_where_nobody_waits() {
    let server = start(&["--writable"]);
    for request in [
        // HTTP/1.0 knows no 1xx; the field is ignored.
        "PUT /a HTTP/1.0\nExpect: 100-continue\nContent-Length: 5\n\nhello",
        // The content has come already.
        "PUT /a HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 5\n\nhello",
        // There is none.
        "PUT /a HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 0\n\n",
        // Nobody said that they wait.
        "PUT /a HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello",
    ] {
        let reply = server.ask(request);
        assert_eq!((reply.status / 100, &*reply.interim), (2, &[][..]), "{request}");
    }
    let mut client = server.connect();
    client.send("PUT /b HTTP/1.0\nExpect: 100-continue\nContent-Length: 5\n\n");
    client.send("hello");
    let reply = client.reply("PUT");
    assert_eq!((reply.status, &*reply.interim), (201, &[][..]));
    assert_eq!(server.read("b"), b"hello");
}

/// What announces too much for a patch is told so before it is sent.
#[test]
fn a_patch_that_is_too_long_is_not_invited() {
    let server = start(&["--writable", "--limit", "patch-bytes=1KiB"]);
    server.file("d.json", "{}");
    let mut client = server.connect();
    client.send(
        "PATCH /d.json HTTP/1.1\nHost: localhost\nExpect: 100-continue\n\
         Content-Type: application/merge-patch+json\nContent-Length: 1025\n\n",
    );
    let reply = client.reply("PATCH");
    assert_eq!((reply.status, &*reply.interim), (413, &[][..]));
    written::get(&server, "/d.json", "");
    assert_eq!(server.read("d.json"), b"{}");
}

/// Invited content is held to its announcement: what breaks off leaves nothing behind.
#[test]
fn invited_content_that_breaks_off_changes_nothing() {
    let server = start(&["--writable"]);
    let mut client = server.connect();
    client.send(&format!("PUT /a HTTP/1.1\n{WAITING}\n"));
    assert_eq!(client.head().status, 100);
    client.send("hel");
    client.finish_sending();
    assert_eq!(client.rest(), b"", "nobody is there to be answered");
    assert_eq!(written::get(&server, "/a", "").status, 404);
    assert!(server.log_line("PUT /a").contains("client-aborted"));
}

mod by_a_gateway {
    //! The upstream decides whether the content is wanted: the expectation goes on, and so does its answer.

    use wherefore_gateway::Settings;

    use crate::support::inside::serve_gateway;
    use crate::support::lies::good;
    use crate::support::upstream::{Step, Upstream};

    const WAITING: &str =
        "PUT /a HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 5\n\n";

    #[test]
    fn the_upstream_invites_the_content() {
        let upstream = Upstream::stepping(vec![
            Step::Await,
            Step::Write(b"HTTP/1.1 100 Continue\r\nX-Odd: 1\r\n\r\n".to_vec()),
            Step::Read,
            Step::Write(good("done").into_bytes()),
        ]);
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |_| ());
        let mut client = gateway.connect();
        for _ in 0..2 {
            client.send(WAITING);
            let heard = upstream.heard();
            assert_eq!(heard.field("expect"), Some("100-continue"));
            upstream.go_on();
            let invitation = client.head();
            assert_eq!((invitation.status, invitation.fields.len()), (100, 0));
            client.send("hello");
            let reply = client.reply("PUT");
            assert_eq!((reply.status, reply.text(), reply.interim.len()), (200, "done", 0));
            assert_eq!(upstream.done().text(), "hello");
        }
    }

    #[test]
    fn the_upstream_refuses_and_no_content_is_invited() {
        let upstream = Upstream::stepping(vec![
            Step::Write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_vec()),
            Step::AwaitEnd,
        ]);
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |_| ());
        let mut client = gateway.connect();
        client.send(WAITING);
        let reply = client.reply("PUT");
        assert_eq!((reply.status, reply.text(), reply.interim.len()), (403, "no", 0));
    }

    /// A client need not wait for ever, and some upstreams know no 100.
    #[test]
    fn content_that_comes_uninvited_goes_on() {
        let upstream = Upstream::stepping(vec![Step::Read, Step::Write(good("ok").into_bytes())]);
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |_| ());
        let mut client = gateway.connect();
        client.send(WAITING);
        let _ = upstream.heard();
        client.send("hello");
        assert_eq!(client.reply("PUT").text(), "ok");
        assert_eq!(upstream.done().text(), "hello");
    }

    /// An HTTP/1.0 client can't mean it, and takes a 100 for the answer.
    #[test]
    fn an_old_client_is_told_none() {
        let answer = ["HTTP/1.1 100 Continue\r\n\r\n", &good("ok")].concat();
        let upstream = Upstream::stepping(vec![Step::Read, Step::Write(answer.into_bytes())]);
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |_| ());
        let mut client = gateway.connect();
        client.send("PUT /a HTTP/1.0\nExpect: 100-continue\nContent-Length: 5\n\nhello");
        assert_eq!(client.head().status, 200);
        assert_eq!(upstream.done().field("expect"), None);
    }

    /// What the head alone forbids is refused before the upstream hears of it.
    #[test]
    fn what_is_refused_here_is_not_forwarded() {
        let upstream = Upstream::always(good("ok"));
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |_| ());
        let request = "PUT /a HTTP/1.1\nHost: localhost\nExpect: a-miracle\nContent-Length: 5\n\n";
        assert_eq!(gateway.ask(request).is(417, "expectation").interim.len(), 0);
        let request = "PUT /a HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: 2000000000\n\n";
        assert_eq!(gateway.ask(request).is(413, "content-size").interim.len(), 0);
        assert_eq!(upstream.received().len(), 0);
    }
}
