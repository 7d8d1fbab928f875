//! 302 Found (RFC 9110 §15.4.3): what is elsewhere for now, asked for by a method that only reads.

use crate::every::holds;
use crate::support::routes;

#[test]
fn what_is_elsewhere_for_now() {
    let server = routes(&[
        "{ path = '/today', redirect = '/2027/january' }",
        "{ path = '/m/{rest*}', redirect = 'https://mirror.example/pub/{rest}', permanent = false }",
    ]);
    for (target, location) in [
        ("/today", "/2027/january"),
        ("/today?a=b", "/2027/january?a=b"),
        ("/m/a/b%20c", "https://mirror.example/pub/a/b%20c"),
    ] {
        let reply = holds(&server, 302, target, "");
        assert_eq!(reply.field("location"), Some(location), "{target}");
    }
    assert!(server.log_line("/today").contains(" 302 "));
}

/// Conditions and ranges are about what stands elsewhere.
#[test]
fn conditions_change_nothing() {
    let server = routes(&["{ path = '/today', redirect = '/2027' }"]);
    holds(&server, 302, "/today", "If-None-Match: *\nIf-Match: \"x\"\nRange: bytes=0-1\n");
}

/// The note is in the form that is asked for, and names nothing that a client sent.
#[test]
fn the_note() {
    let server = routes(&["{ path = '/{name}', redirect = '/x/{name}' }"]);
    for (accept, kind) in
        [("*/*", "text/plain; charset=utf-8"), ("text/html", "text/html; charset=utf-8")]
    {
        let reply = holds(&server, 302, "/%3Cscript%3E", &format!("Accept: {accept}\n"));
        assert_eq!(reply.field("content-type"), Some(kind));
        assert_eq!(reply.field("vary"), Some("Accept"));
        assert!(reply.text().contains("Location") && !reply.text().contains("<script>"));
    }
}

/// A redirect among files holds for its path alone; the most specific route answers.
#[test]
fn among_files() {
    let server = routes(&[
        "{ path = '/*', folder = 'site' }",
        "{ path = '/file', redirect = '/other' }",
        "{ path = '/a/{b}', redirect = '/c/{b}' }",
        "{ path = '/a/file', folder = 'site', rewrite = '/file' }",
    ]);
    server.file("other", "there");
    for (target, status) in
        [("/file", 302), ("/other", 200), ("/a/x", 302), ("/a/file", 200), ("/a/x/y", 404)]
    {
        let reply = server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, status, "{target}");
    }
}

/// A route that lets in certain methods refuses others before it leads anybody anywhere.
#[test]
fn methods_that_are_not_let_in() {
    let server = routes(&["{ path = '/today', redirect = '/2027', methods = ['GET', 'HEAD'] }"]);
    holds(&server, 302, "/today", "");
    for method in ["POST", "DELETE", "TRACE"] {
        let reply = server.ask(&format!("{method} /today HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, 405, "{method}: {reply:?}");
        assert_eq!(reply.field("allow"), Some("GET, HEAD, OPTIONS"));
        assert!(!reply.has("location"));
    }
}

/// What no folder serves can be redirected: names that begin with a dot are names.
#[test]
fn names_that_begin_with_a_dot() {
    let server = routes(&["{ path = '/.old/{name}', redirect = '/new/{name}' }"]);
    let reply = holds(&server, 302, "/.old/a", "");
    assert_eq!(reply.field("location"), Some("/new/a"));
}
