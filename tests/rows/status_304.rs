//! 304 Not Modified (RFC 9110 §15.4.5): the client's copy is current.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::support::{Reply, Running, start};
use crate::written::{self, get};

/// Asserts that the answer is a 304 with all that it must carry, and nothing that it must not.
fn is_not_modified(reply: &Reply, whole: &Reply) {
    assert_eq!((reply.status, &*reply.phrase), (304, "Not Modified"), "{reply:?}");
    for name in ["etag", "vary", "cache-control", "expires", "content-location"] {
        assert_eq!(reply.field(name), whole.field(name), "{name}");
    }
    assert!(reply.has("date"));
    for name in ["content-type", "content-encoding", "content-range", "transfer-encoding"] {
        assert!(!reply.has(name), "{name} in {reply:?}");
    }
    if let Some(length) = reply.field("content-length") {
        assert_eq!(Some(length), whole.field("content-length"), "that of the 200, or none");
    }
}

fn dated(server: &Running, name: &str, content: &str, unix: u64) {
    let path = server.file(name, content);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(unix);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn if_none_match() {
    let server = start(&["--writable"]);
    let tag = written::tag(&server, "/a.txt", b"hello");
    let whole = get(&server, "/a.txt", "");
    for value in [
        tag.clone(),
        format!("W/{tag}"),
        "*".to_owned(),
        format!("\"x\", {tag}"),
        format!("W/\"x\",, ,{tag} ,\"y\""),
        format!("\"a,b\", {tag}"),
        // Over several lines, which are one list.
        format!("\"x\"\nIf-None-Match: {tag}"),
        format!("{tag}\nIf-None-Match: \"x\""),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = server.ask(&format!(
                "{method} /a.txt HTTP/1.1\nHost: localhost\nIf-None-Match: {value}\n\n"
            ));
            is_not_modified(&reply, &whole);
        }
    }
    for value in ["\"x\"", "W/\"x\"", "\"x\", \"y\"", "", "x", &format!("\"{tag}\"")] {
        let reply = get(&server, "/a.txt", &format!("If-None-Match: {value}\n"));
        assert_eq!((reply.status, reply.text()), (200, "hello"), "{value}");
    }
    // A new version is sent whole.
    written::put(&server, "/a.txt", b"world");
    let reply = get(&server, "/a.txt", &format!("If-None-Match: {tag}\n"));
    assert_eq!((reply.status, reply.text()), (200, "world"));
}

#[test]
fn if_none_match_with_a_weak_tag() {
    let server = start(&[]);
    server.file("a", "hello");
    let whole = get(&server, "/a", "");
    let tag = whole.field("etag").unwrap();
    assert!(tag.starts_with("W/"), "written by another program a moment ago");
    for value in [tag, tag.trim_start_matches("W/")] {
        let reply = get(&server, "/a", &format!("If-None-Match: {value}\n"));
        assert_eq!(reply.status, 304, "compared weakly (RFC 9110 §13.1.2)");
    }
}

/// The date in all three forms (RFC 9110 §5.6.7).
#[test]
fn if_modified_since() {
    let server = start(&[]);
    dated(&server, "a", "hello", 784_111_777);
    let whole = get(&server, "/a", "");
    assert_eq!(whole.field("last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    for date in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:38 GMT",
        "Wed, 01 Jan 2020 00:00:00 GMT",
    ] {
        for method in ["GET", "HEAD"] {
            let reply = server.ask(&format!(
                "{method} /a HTTP/1.1\nHost: localhost\nIf-Modified-Since: {date}\n\n"
            ));
            is_not_modified(&reply, &whole);
        }
    }
    for date in [
        "Sun, 06 Nov 1994 08:49:36 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        // What is no date is ignored (RFC 9110 §13.1.3).
        "yesterday",
        "",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "2020-01-01T00:00:00Z",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    ] {
        let reply = get(&server, "/a", &format!("If-Modified-Since: {date}\n"));
        assert_eq!((reply.status, reply.text()), (200, "hello"), "{date}");
    }
}

/// Where there are tags, the date is not looked at (RFC 9110 §13.1.3).
#[test]
fn tags_before_dates() {
    let server = start(&[]);
    dated(&server, "a", "hello", 784_111_777);
    let tag = get(&server, "/a", "").field("etag").unwrap().to_owned();
    let ask = |tag: &str, date: &str| {
        get(&server, "/a", &format!("If-None-Match: {tag}\nIf-Modified-Since: {date}\n")).status
    };
    assert_eq!(ask("\"other\"", "Wed, 01 Jan 2020 00:00:00 GMT"), 200);
    assert_eq!(ask(&tag, "Thu, 01 Jan 1970 00:00:00 GMT"), 304);
}

/// Codings are representations of their own, with tags of their own; the 304 says by what they vary.
#[test]
fn of_stored_codings() {
    let server = start(&[]);
    server.file("a.txt", "hello");
    server.file("a.txt.gz", "GZIPPED");
    let plain = get(&server, "/a.txt", "");
    let coded = get(&server, "/a.txt", "Accept-Encoding: gzip\n");
    let (plain_tag, coded_tag) = (plain.field("etag").unwrap(), coded.field("etag").unwrap());
    assert_eq!(coded.field("vary"), Some("Accept-Encoding"));
    let ask = |accept: &str, tag: &str| {
        get(&server, "/a.txt", &format!("Accept-Encoding: {accept}\nIf-None-Match: {tag}\n"))
    };
    is_not_modified(&ask("gzip", coded_tag), &coded);
    is_not_modified(&ask("identity", plain_tag), &plain);
    assert_eq!(ask("gzip", plain_tag).text(), "GZIPPED", "its copy is not what it would get");
    assert_eq!(ask("identity", coded_tag).text(), "hello");
}

#[test]
fn of_an_index_file() {
    let server = start(&[]);
    server.file("f/index.html", "<p>");
    let whole = get(&server, "/f/", "");
    let tag = whole.field("etag").unwrap();
    is_not_modified(&get(&server, "/f/", &format!("If-None-Match: {tag}\n")), &whole);
}

/// Never to another method: there the same condition is 412; and never before what would be no 200.
#[test]
fn not_for_what_is_no_reading() {
    let server = start(&["--writable"]);
    let tag = written::tag(&server, "/a", b"hello");
    for request in ["PUT /a HTTP/1.1\nContent-Length: 0\n", "DELETE /a HTTP/1.1\n"] {
        let reply = server.ask(&format!("{request}Host: localhost\nIf-None-Match: {tag}\n\n"));
        reply.is(412, "if-none-match");
        assert_eq!(reply.field("etag"), Some(&*tag));
    }
    let options = format!("OPTIONS /a HTTP/1.1\nHost: localhost\nIf-None-Match: {tag}\n\n");
    assert_eq!(server.ask(&options).status, 200);
    get(&server, "/none", "If-None-Match: *\n").is(404, "missing");
    assert_eq!(server.read("a"), b"hello");
    // A PUT takes no notice of the date (RFC 9110 §13.1.3).
    let put = "PUT /a HTTP/1.1\nHost: localhost\nContent-Length: 0\n\
               If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT\n\n";
    assert_eq!(server.ask(put).status, 204);
}

/// It ends with its head: what follows on the connection is the next answer.
#[test]
fn pipelined() {
    let server = start(&["--writable"]);
    let tag = written::tag(&server, "/a", b"hello");
    let asked = format!("GET /a HTTP/1.1\nHost: localhost\nIf-None-Match: {tag}\n\n");
    let mut client = server.connect();
    client.send(&format!(
        "{asked}HEAD /a HTTP/1.1\nHost: localhost\n\n{asked}\
         GET /a HTTP/1.1\nHost: localhost\nRange: bytes=0-1\n\n{asked}\
         GET /none HTTP/1.1\nHost: localhost\n\n\
         GET /a HTTP/1.1\nHost: localhost\nConnection: close\n\n"
    ));
    let seen: Vec<_> = ["GET", "HEAD", "GET", "GET", "GET", "GET", "GET"]
        .map(|method| client.reply(method))
        .into_iter()
        .map(|reply| reply.status)
        .collect();
    assert_eq!(seen, [304, 200, 304, 206, 304, 404, 200]);
    assert!(client.is_closed());
}
