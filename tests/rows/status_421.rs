//! 421 Misdirected Request (RFC 9110 §15.5.20): a host that is not served here. Elsewhere an unknown host
//! falls into whatever site is the first, which lets any page in a browser read what listens on loopback.

use crate::support::{Reply, Running, start};

fn ask_host(server: &Running, host: &str) -> Reply {
    server.ask(&format!("GET /file HTTP/1.1\nHost: {host}\n\n"))
}

fn is_misdirected(reply: &Reply, rule: &str) {
    reply.is(421, rule);
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert!(reply.has("date"));
}

fn serving(arguments: &[&str]) -> Running {
    let server = start(arguments);
    server.file("file", "here");
    server
}

#[test]
fn another_host() {
    let server = serving(&[]);
    for host in [
        "example.org",
        "example.org:80",
        "localhost.example.org",
        "notlocalhost",
        "127.0.0.1.example.org",
    ] {
        is_misdirected(&ask_host(&server, host), "authority");
    }
    assert!(server.log_line("\"GET /file ").contains(" 421 "));
}

#[test]
fn what_loopback_is_called() {
    let server = serving(&[]);
    for host in [
        "localhost",
        "LocalHost",
        "localhost.",
        "localhost:8080",
        "app.localhost",
        "a.b.localhost:1",
        "app.localhost.",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:8080",
        "192.0.2.7",
    ] {
        let reply = ask_host(&server, host);
        assert_eq!((reply.status, reply.text()), (200, "here"), "{host}");
    }
}

#[test]
fn a_host_that_was_named() {
    let server = serving(&["--host", "files.example", "--host", "other.example"]);
    for host in ["files.example", "FILES.example:8080", "files.example.", "other.example"] {
        assert_eq!(ask_host(&server, host).status, 200, "{host}");
    }
    for host in ["sub.files.example", "example", "third.example"] {
        is_misdirected(&ask_host(&server, host), "authority");
    }
}

/// HTTP/1.0 knows no Host; who names none means whoever listens.
#[test]
fn an_older_client_names_no_host() {
    let server = serving(&[]);
    assert_eq!(server.ask("GET /file HTTP/1.0\n\n").text(), "here");
    let named = server.ask("GET /file HTTP/1.0\nHost: example.org\n\n");
    is_misdirected(&named, "authority");
}

/// The target in absolute form says the host, whatever `Host` says (RFC 9112 §3.2.2).
#[test]
fn the_absolute_form_is_what_counts() {
    let server = serving(&[]);
    for (target, host, status) in [
        ("http://localhost/file", "example.org", 200),
        ("http://127.0.0.1:9/file", "example.org", 200),
        ("HTTP://localhost/file", "localhost", 200),
        ("http://example.org/file", "localhost", 421),
        ("https://localhost/file", "localhost", 421),
        ("ftp://localhost/file", "localhost", 421),
    ] {
        let reply = server.ask(&format!("GET {target} HTTP/1.1\nHost: {host}\n\n"));
        assert_eq!(reply.status, status, "{target} {host}: {reply:?}");
    }
    let https = server.ask("GET https://localhost/file HTTP/1.1\nHost: localhost\n\n");
    is_misdirected(&https, "scheme");
}

/// Nothing of another site's request is looked at, nor is its content wanted.
#[test]
fn it_is_said_before_anything_of_the_resource() {
    let server = serving(&["--writable"]);
    for (request, fields) in [
        ("PUT /file", "Content-Length: 9\nExpect: 100-continue"),
        ("DELETE /none", "If-Match: \"x\""),
        ("OPTIONS *", "X: y"),
        ("BREW /pot", "Expect: tea"),
    ] {
        let reply = server.ask(&format!("{request} HTTP/1.1\nHost: example.org\n{fields}\n\n"));
        is_misdirected(&reply, "authority");
        assert_eq!(reply.interim, [0_u16; 0]);
    }
    assert_eq!(server.read("file"), b"here");
}

/// The connection carries other hosts' requests still.
#[test]
fn the_connection_stays() {
    let server = serving(&[]);
    let mut client = server.connect();
    for (host, status) in [("example.org", 421), ("localhost", 200), ("example.org", 421)] {
        client.send(&format!("GET /file HTTP/1.1\nHost: {host}\n\n"));
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.field("connection")), (status, None));
    }
}
