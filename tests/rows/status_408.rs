//! 408 Request Timeout (RFC 9110 §15.5.9): a request that was begun is not finished in time. Most
//! servers only close the connection here, and leave the client to guess.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use crate::support::{Client, start};

const CONTENT_IN_TIME: &[&str] = &["--writable", "--limit", "content-time=200ms"];

#[test]
fn a_head_that_does_not_end() {
    let server = start(&["--limit", "head-time=200ms"]);
    for begun in ["G", "GET / HT", "GET / HTTP/1.1\n", "GET / HTTP/1.1\nHost: localhost\nX: y"] {
        let mut client = server.connect();
        client.send(begun);
        let reply = client.reply("GET");
        assert_eq!(reply.status, 408, "{begun}: {reply:?}");
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(reply.has("date"));
        assert_eq!(reply.problem()["title"], "Request Timeout");
        assert!(client.is_closed(), "{begun}");
    }
    assert!(server.log_line("\"GET / ").contains(" 408 "));
}

#[test]
fn a_second_head_that_does_not_end() {
    let server = start(&["--limit", "head-time=200ms"]);
    let mut client = server.connect();
    client.send("OPTIONS * HTTP/1.1\nHost: localhost\n\nOPTIONS * HT");
    assert_eq!(client.reply("OPTIONS").status, 200);
    let late = client.reply("OPTIONS");
    assert_eq!((late.status, late.field("connection")), (408, Some("close")));
    assert!(client.is_closed());
}

#[test]
fn content_that_stops_coming() {
    let server = start(CONTENT_IN_TIME);
    for request in [
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 10\n\nhalf",
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 10\n\n",
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 1000000\n\nhalf",
        "PUT /file HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n4\nhalf\n",
        "POST / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\nff\nhalf",
    ] {
        let mut client = server.connect();
        client.send(request);
        let reply = client.reply_to(request);
        reply.is(408, "content-deadline");
        assert_eq!(reply.field("connection"), Some("close"), "{request}");
        assert!(client.is_closed(), "{request}");
    }
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 0, "nothing half-written");
}

#[test]
fn content_that_was_invited_and_does_not_come() {
    let server = start(CONTENT_IN_TIME);
    let mut client = server.connect();
    client.send("PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 4\nExpect: 100-continue\n\n");
    let reply = client.reply("PUT");
    reply.is(408, "content-deadline");
    assert_eq!(reply.interim, [100]);
    assert_eq!(reply.field("connection"), Some("close"));
}

#[test]
fn a_late_patch_leaves_what_was_there() {
    let server = start(CONTENT_IN_TIME);
    server.put("/data.json", "{}");
    let mut client = server.connect();
    client.send(
        "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Type: application/merge-patch+json\n\
         Content-Length: 9\n\n{\"a\":",
    );
    client.reply("PATCH").is(408, "content-deadline");
    assert_eq!(server.read("data.json"), b"{}");
}

/// The whole time would suffice, and something always comes: it is the rate that is too low.
#[test]
fn content_that_comes_too_slowly() {
    let server = start(&[
        "--writable",
        "--limit",
        "content-rate=1KiB/s",
        "--limit",
        "content-grace=1s",
        "--limit",
        "content-time=0",
    ]);
    let client = server.connect();
    let mut stream = client.stream();
    stream
        .write_all(b"PUT /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        .unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut said = Vec::new();
    let mut room = [0; 4096];
    // One more octet whenever nothing was said for a moment.
    loop {
        match stream.read(&mut room) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&room[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if said.is_empty() {
                    stream.write_all(b"x").unwrap();
                }
            }
            Err(error) => panic!("the connection broke: {error}"),
        }
    }
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(said.contains("\r\nConnection: close\r\n"), "{said}");
    assert!(said.contains("content-slow"), "{said}");
}

#[test]
fn an_idle_connection_closes_without_a_word() {
    let server = start(&["--limit", "idle-time=200ms", "--limit", "head-time=200ms"]);
    assert!(server.connect().is_closed(), "nothing was ever begun");

    let mut client = server.connect();
    client.send("OPTIONS * HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("OPTIONS").status, 200);
    assert!(client.is_closed(), "nothing was begun after the answer");
}

/// A client that has hung up half-way is owed nothing.
#[test]
fn an_end_within_a_request_is_no_lateness() {
    let server = start(&["--writable"]);
    for begun in ["GET / HT", "PUT /f HTTP/1.1\nHost: localhost\nContent-Length: 9\n\nx"] {
        let mut client: Client = server.connect();
        client.send(begun);
        client.finish_sending();
        assert!(client.is_closed(), "{begun}");
    }
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 0);
}
