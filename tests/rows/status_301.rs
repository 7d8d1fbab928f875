//! 301 Moved Permanently (RFC 9110 §15.4.2): a folder is asked for without its slash.

use std::os::unix::ffi::OsStrExt;

use crate::support::start;
use crate::written::get;

#[test]
fn a_folder_without_its_slash() {
    let server = start(&[]);
    server.file("folder/file", "content");
    for method in ["GET", "HEAD"] {
        let reply = server.ask(&format!("{method} /folder HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!((reply.status, &*reply.phrase), (301, "Moved Permanently"));
        assert_eq!(reply.field("location"), Some("/folder/"));
        assert!(reply.has("date") && reply.has("content-length"));
        assert!(!reply.has("etag") && !reply.has("last-modified"));
    }
    assert_eq!(get(&server, "/folder/", "").status, 200, "it leads somewhere");
}

/// It is followed by programs, and read by people: a short note, in the form that they ask for.
#[test]
fn the_note() {
    let server = start(&[]);
    server.file("folder/file", "content");
    for (accept, kind) in [
        ("", "text/plain; charset=utf-8"),
        ("Accept: text/html\n", "text/html; charset=utf-8"),
        ("Accept: */*\n", "text/plain; charset=utf-8"),
    ] {
        let reply = get(&server, "/folder", accept);
        assert_eq!(reply.status, 301);
        assert_eq!(reply.field("content-type"), Some(kind));
        assert_eq!(reply.field("vary"), Some("Accept"));
        assert!(reply.text().contains("slash"), "{}", reply.text());
    }
}

#[test]
fn the_query_is_kept() {
    let server = start(&[]);
    server.file("folder/file", "content");
    for (target, location) in [
        ("/folder?a=b&c=%20d", "/folder/?a=b&c=%20d"),
        ("/folder?", "/folder/?"),
        ("/folder?/../x?y", "/folder/?/../x?y"),
        ("http://localhost/folder?q", "/folder/?q"),
    ] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.field("location")), (301, Some(location)), "{target}");
    }
}

/// Never a `Location` that leads to another host, or that ends the field line.
#[test]
#[allow(clippy::join_absolute_paths, reason = "a backslash separates nothing here")]
fn it_leads_nowhere_else() {
    let server = start(&[]);
    server.file("folder/file", "");
    server.file("evil.example/file", "");
    server.file("a b/ü/file", "");
    server.file("q?#%/file", "");
    for (target, location) in [
        ("//evil.example", "/evil.example/"),
        ("///evil.example", "/evil.example/"),
        ("/.//evil.example", "/evil.example/"),
        ("/x/..//evil.example", "/evil.example/"),
        ("/%2e/evil.example", "/evil.example/"),
        ("/folder/../folder", "/folder/"),
        ("/a%20b/%c3%bc", "/a%20b/%C3%BC/"),
        ("/q%3f%23%25", "/q%3F%23%25/"),
        ("/%66older", "/folder/"),
    ] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.field("location")), (301, Some(location)), "{target}");
    }
    // A backslash is an ordinary octet of a name; browsers would take it for a slash, if it came as it is.
    std::fs::create_dir(format!("{}/\\evil.example", server.folder().display())).unwrap();
    for target in ["/\\evil.example", "/%5cevil.example"] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.field("location")), (301, Some("/%5Cevil.example/")));
    }
    let broken = std::ffi::OsStr::from_bytes(b"line\r\nX: y");
    std::fs::create_dir(server.folder().join(broken)).unwrap();
    let reply = get(&server, "/line%0d%0aX:%20y", "");
    assert_eq!(reply.field("location"), Some("/line%0D%0AX:%20y/"));
    assert!(!reply.has("x"));
    // Octets that are no UTF-8 stay what they are.
    std::fs::create_dir(server.folder().join(std::ffi::OsStr::from_bytes(b"\xff\xfe"))).unwrap();
    let reply = get(&server, "/%ff%FE", "");
    assert_eq!((reply.status, reply.field("location")), (301, Some("/%FF%FE/")));
}

/// A folder by a link within the folder that is served is a folder too.
#[test]
fn by_a_link() {
    let server = start(&[]);
    server.file("folder/file", "");
    std::os::unix::fs::symlink("folder", server.folder().join("link")).unwrap();
    let reply = get(&server, "/link", "");
    assert_eq!((reply.status, reply.field("location")), (301, Some("/link/")));
}

/// It stands before the conditions and ranges of what is there.
#[test]
fn conditions_change_nothing() {
    let server = start(&[]);
    server.file("folder/index.html", "content");
    let reply = get(&server, "/folder", "If-None-Match: *\nRange: bytes=0-1\n");
    assert_eq!((reply.status, reply.field("location")), (301, Some("/folder/")));
}

#[test]
fn the_connection_goes_on() {
    let server = start(&[]);
    server.file("folder/file", "content");
    let mut client = server.connect();
    client.send(
        "GET /folder HTTP/1.1\nHost: localhost\n\nHEAD /folder HTTP/1.1\nHost: localhost\n\n\
         GET /folder/file HTTP/1.1\nHost: localhost\n\n",
    );
    assert_eq!(client.reply("GET").status, 301);
    assert_eq!(client.reply("HEAD").status, 301);
    assert_eq!(client.reply("GET").text(), "content");
}
