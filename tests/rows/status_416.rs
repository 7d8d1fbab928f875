//! 416 Range Not Satisfiable (RFC 9110 §15.5.17): nothing of what is asked for is there, and the answer
//! says how much is. Elsewhere `Content-Range` is missing, or an unknown unit is refused too.

use crate::support::{Reply, Running, start};

fn ask(server: &Running, method: &str, target: &str, fields: &str) -> Reply {
    server.ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\n{fields}\n\n"))
}

fn with_file() -> Running {
    let server = start(&["--writable"]);
    server.put("/file", "0123456789");
    server
}

#[test]
fn nothing_of_the_range_is_there() {
    let server = with_file();
    for range in ["10-", "10-11", "99999999999999999999-", "-0", "10-10,20-30", " 11- , -0"] {
        let reply = ask(&server, "GET", "/file", &format!("Range: bytes={range}"));
        assert_eq!(reply.status, 416, "{range}: {reply:?}");
        assert_eq!(reply.field("content-range"), Some("bytes */10"), "{range}");
        assert_eq!(reply.problem()["length"], 10);
        assert!(reply.has("date") && !reply.has("last-modified"));
    }
    assert!(server.log_line("\"GET /file ").contains(" 416 "));
}

#[test]
fn of_an_empty_file_there_is_no_range() {
    let server = start(&["--writable"]);
    server.put("/empty", "");
    for range in ["0-", "0-0", "-0"] {
        let reply = ask(&server, "GET", "/empty", &format!("Range: bytes={range}"));
        assert_eq!(
            (reply.status, reply.field("content-range")),
            (416, Some("bytes */0")),
            "{range}"
        );
    }
    // A suffix longer than the whole is the whole (RFC 9110 §14.1.2), of which no range can be sent.
    assert_eq!(ask(&server, "GET", "/empty", "Range: bytes=-1").status, 200);
}

#[test]
fn one_range_that_is_there_is_enough() {
    let server = with_file();
    let reply = ask(&server, "GET", "/file", "Range: bytes=20-30,9-");
    assert_eq!((reply.status, reply.text()), (206, "9"));
}

/// A unit that is not known, and a range that can't be read, are passed over (RFC 9110 §14.2).
#[test]
fn what_is_not_understood_is_ignored() {
    let server = with_file();
    for range in ["lines=20-30", "bytes=5-2", "bytes=x-", "bytes 20-30", "bytes=", "bytes=20-30-40"]
    {
        let reply = ask(&server, "GET", "/file", &format!("Range: {range}"));
        assert_eq!((reply.status, reply.text()), (200, "0123456789"), "{range}");
        assert!(!reply.has("content-range"));
    }
}

/// Only a GET knows ranges (RFC 9110 §14.2).
#[test]
fn other_methods_ignore_it() {
    let server = with_file();
    let head = ask(&server, "HEAD", "/file", "Range: bytes=20-30");
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
    let put = server
        .ask("PUT /file HTTP/1.1\nHost: localhost\nRange: bytes=20-30\nContent-Length: 1\n\nx");
    assert_eq!(put.status, 204);
}

/// Preconditions come first: a copy that is current is 304, and one whose `If-Range` is out of date gets
/// the whole (RFC 9110 §13.2.2).
#[test]
fn preconditions_are_asked_first() {
    let server = start(&["--writable"]);
    let tag = server.put("/file", "0123456789");
    let range = "Range: bytes=20-30";
    for (fields, status) in [
        (format!("If-None-Match: {tag}\n{range}"), 304),
        (format!("If-Match: \"x\"\n{range}"), 412),
        (format!("If-Range: \"x\"\n{range}"), 200),
        (format!("If-Range: {tag}\n{range}"), 416),
    ] {
        assert_eq!(ask(&server, "GET", "/file", &fields).status, status, "{fields}");
    }
}

/// The length is that of the coding that the client would get.
#[test]
fn the_length_of_a_stored_coding_is_its_own() {
    let server = start(&[]);
    server.file("page.html", "a page that is long");
    server.file("page.html.gz", "short");
    let fields = "Accept-Encoding: gzip\nRange: bytes=100-";
    let reply = ask(&server, "GET", "/page.html", fields);
    assert_eq!((reply.status, reply.field("content-range")), (416, Some("bytes */5")));
    let plain = ask(&server, "GET", "/page.html", "Range: bytes=100-");
    assert_eq!((plain.status, plain.field("content-range")), (416, Some("bytes */19")));
}

#[test]
fn the_connection_stays() {
    let server = with_file();
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("GET /file HTTP/1.1\nHost: localhost\nRange: bytes=10-\n\n");
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.field("connection")), (416, None));
    }
}
