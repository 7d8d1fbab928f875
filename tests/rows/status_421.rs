//! 421 Misdirected Request (RFC 9110 §15.5.20): a host that is not served here. Elsewhere an unknown host
//! falls into whatever site is the first, which lets any page in a browser read what listens on loopback.

use crate::every::error_holds;
use crate::support::{Configured, Reply, Running, setup, start};

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

/// Sites of a configuration, each with a file that says which it is.
fn sites(text: &str) -> Configured {
    setup().file("a/file", "a").file("b/file", "b").file("c/file", "c").serve(text)
}

const SITES: &str = "\
    [site.\"a.example\"]\naliases = ['www.a.example', '192.0.2.1', '[2001:db8::1]']\n\
    route = { path = '/*', folder = 'a', writable = true }\n\
    [site.\"*.b.example\"]\nroute = { path = '/*', folder = 'b' }\n";

#[test]
fn a_host_of_no_site() {
    let server = sites(SITES);
    for (host, said) in [
        ("a.example", Some("a")),
        ("A.EXAMPLE.:8080", Some("a")),
        ("www.a.example", Some("a")),
        ("192.0.2.1", Some("a")),
        ("[2001:DB8:0::1]:80", Some("a")),
        ("x.b.example", Some("b")),
        ("X.B.example.", Some("b")),
        // A wildcard is one label, neither none nor two.
        ("b.example", None),
        ("x.y.b.example", None),
        ("xb.example", None),
        ("mail.a.example", None),
        ("localhost", None),
        ("127.0.0.1", None),
        ("192.0.2.2", None),
        ("a.example.evil.example", None),
    ] {
        let reply = ask_host(&server, host);
        match said {
            Some(said) => assert_eq!((reply.status, reply.text()), (200, said), "{host}"),
            None => is_misdirected(&reply, "authority"),
        }
    }
    // Who names no host means none of several sites.
    is_misdirected(&server.ask("GET /file HTTP/1.0\n\n"), "authority");
    error_holds(&server, 421, "authority", "/file", "");
}

#[test]
fn a_default_site() {
    let server = sites(&format!(
        "{SITES}[site.\"c.example\"]\ndefault = true\nroute = {{ path = '/*', folder = 'c' }}\n"
    ));
    for (host, said) in [
        ("a.example", "a"),
        ("x.b.example", "b"),
        ("c.example", "c"),
        ("localhost", "c"),
        ("anything.example", "c"),
        ("198.51.100.7:1", "c"),
    ] {
        assert_eq!(ask_host(&server, host).text(), said, "{host}");
    }
    assert_eq!(server.ask("GET /file HTTP/1.0\n\n").text(), "c");
    // A scheme that this connection does not carry is nobody's.
    let https = server.ask("GET https://c.example/file HTTP/1.1\nHost: c.example\n\n");
    is_misdirected(&https, "scheme");
}

/// The only site is meant by those who name none, and by nobody who names another.
#[test]
fn the_only_site() {
    let server = sites("[site.\"a.example\"]\nroute = { path = '/*', folder = 'a' }\n");
    assert_eq!(server.ask("GET /file HTTP/1.0\n\n").text(), "a");
    is_misdirected(&ask_host(&server, "localhost"), "authority");
    is_misdirected(&server.ask("GET /file HTTP/1.0\nHost: localhost\n\n"), "authority");
}

/// One connection carries the requests of many sites, each its own.
#[test]
fn sites_on_one_connection() {
    let server = sites(SITES);
    let mut client = server.connect();
    for (host, status) in [("a.example", 200), ("c.example", 421), ("x.b.example", 200)] {
        client.send(&format!("GET /file HTTP/1.1\nHost: {host}\n\n"));
        assert_eq!(client.reply("GET").status, status, "{host}");
    }
    client.send("PUT /file HTTP/1.1\nHost: c.example\nContent-Length: 1\n\nx");
    is_misdirected(&client.reply("PUT"), "authority");
    assert_eq!(std::fs::read(server.path().join("a/file")).unwrap(), b"a");
}
