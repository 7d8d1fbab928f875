//! 428 Precondition Required (RFC 6585 §3): a write that could undo another's has to say which state it
//! replaces. The answer tells the tag that would do.

use crate::support::{Configured, Reply, routes};

fn careful() -> Configured {
    let server = routes(&[
        "{ path = '/*', folder = 'site', writable = true, require-precondition = true }",
        "{ path = '/free/*', folder = 'site', writable = true }",
    ]);
    // What Wherefore wrote itself has a strong tag at once.
    server.put("/free/file", "first");
    server.put("/free/data.json", "{}");
    server
}

fn write(server: &Configured, method: &str, target: &str, fields: &str) -> Reply {
    server.ask(&format!(
        "{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: 2\n\
         Content-Type: application/merge-patch+json\n{fields}\n{{}}"
    ))
}

fn tag_of(server: &Configured, target: &str) -> String {
    let reply = server.ask(&format!("HEAD {target} HTTP/1.1\nHost: localhost\n\n"));
    reply.field("etag").unwrap().to_owned()
}

#[test]
fn a_write_without_a_condition() {
    let server = careful();
    for (method, target) in [("PUT", "/file"), ("DELETE", "/file"), ("PATCH", "/data.json")] {
        let reply = write(&server, method, target, "");
        reply.is(428, "precondition-sent");
        assert_eq!(&*reply.phrase, "Precondition Required");
        assert_eq!(reply.field("etag"), Some(&*tag_of(&server, target)), "the tag that would do");
        assert!(reply.has("date"));
        let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("If-Match"), "{detail}");
    }
    assert_eq!(server.read("file"), b"first");
    assert!(server.log_line("\"PUT /file ").contains(" 428 "));
}

/// What is not there yet has no tag; the answer says how it is made.
#[test]
fn what_is_not_there_yet() {
    let server = careful();
    let reply = write(&server, "PUT", "/new", "");
    reply.is(428, "precondition-sent");
    assert!(!reply.has("etag"));
    assert!(reply.text().contains("If-None-Match: *"));
    assert_eq!(write(&server, "PUT", "/new", "If-None-Match: *\n").status, 201);
    write(&server, "PUT", "/new", "If-None-Match: *\n").is(412, "if-none-match");
}

#[test]
fn the_tag_that_is_told_does() {
    let server = careful();
    for (method, target) in [("PUT", "/file"), ("PATCH", "/data.json"), ("DELETE", "/file")] {
        let told = write(&server, method, target, "").field("etag").unwrap().to_owned();
        let reply = write(&server, method, target, &format!("If-Match: {told}\n"));
        assert_eq!(reply.status, 204, "{method}: {reply:?}");
    }
    assert!(!server.folder().join("file").exists());
}

/// A date will do as well; conditions that guard nothing do not.
#[test]
fn other_conditions() {
    let server = careful();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    write(&server, "PUT", "/file", &format!("If-Modified-Since: {date}\n"))
        .is(428, "precondition-sent");
    write(&server, "PUT", "/file", "If-Range: \"x\"\n").is(428, "precondition-sent");
    write(&server, "PUT", "/file", &format!("If-Unmodified-Since: {date}\n"))
        .is(412, "if-unmodified-since");
    write(&server, "PUT", "/file", "If-Match: \"x\"\n").is(412, "if-match");
    assert_eq!(write(&server, "PUT", "/file", "If-Match: *\n").status, 204);
}

/// What changes nothing, or makes something of a new name, undoes nothing.
#[test]
fn who_needs_none() {
    let server = careful();
    for method in ["GET", "HEAD", "OPTIONS"] {
        let reply = server.ask(&format!("{method} /file HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, 200, "{method}");
    }
    assert_eq!(write(&server, "POST", "/", "").status, 201);
    assert_eq!(write(&server, "PUT", "/free/file", "").status, 204, "another route");
}

/// Said before the content is invited, and only where the write would else be done.
#[test]
fn its_place() {
    let server = careful();
    let reply = server
        .ask("PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 5\nExpect: 100-continue\n\n");
    reply.is(428, "precondition-sent");
    assert_eq!(reply.interim.len(), 0);
    write(&server, "DELETE", "/none", "").is(404, "missing");
    write(&server, "PUT", "/no/folder", "").is(409, "parent");
    write(&server, "PATCH", "/file", "").is(405, "method");
}

#[test]
fn the_connection_stays() {
    let server = careful();
    let mut client = server.connect();
    client.send("PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 3\n\nnew");
    let reply = client.reply("PUT");
    assert_eq!((reply.status, reply.field("connection")), (428, None));
    let tag = reply.field("etag").unwrap();
    client.send(&format!(
        "PUT /file HTTP/1.1\nHost: localhost\nIf-Match: {tag}\nContent-Length: 3\n\nnew"
    ));
    assert_eq!(client.reply("PUT").status, 204);
    // HTTP/1.0 knows no tags, but a date will do.
    let older = server.ask("PUT /file HTTP/1.0\nHost: localhost\nContent-Length: 3\n\nold");
    assert_eq!(older.status, 428);
}
