//! 431 Request Header Fields Too Large (RFC 6585 §5): one field, all together, or too many.

use crate::support::{Reply, Running, setup, start};

fn ask_with(server: &Running, fields: &str) -> Reply {
    server.ask(&format!("GET / HTTP/1.1\nHost: localhost\n{fields}\n"))
}

#[test]
fn one_field_is_too_large_and_named() {
    let server = start(&[]);
    let fields = format!("X-First: 1\nX-Big: {}\nX-Last: 1\n", "a".repeat(16 << 10));
    let reply = ask_with(&server, &fields);
    reply.is(431, "field-size");
    assert_eq!(reply.field("connection"), Some("close"));
    let problem = reply.problem();
    assert_eq!(problem["fault"], "field-too-large");
    assert_eq!(problem["field"], "X-Big");
    assert!(server.log_line("field-size").contains(" 431 "));
}

#[test]
fn a_field_that_never_ends_is_refused_before_it_does() {
    let server = start(&[]);
    let mut client = server.connect();
    let head = format!("GET / HTTP/1.1\nHost: localhost\nX-Endless: {}", "a".repeat(17 << 10));
    client.send(&head);
    let reply = client.reply("GET");
    reply.is(431, "field-size");
    assert_eq!(reply.problem()["field"], "X-Endless");
}

#[test]
fn the_limit_is_the_last_size_that_is_taken() {
    let server = start(&["--limit", "field-bytes=1KiB"]);
    server.file("index.html", "here");
    let line = |count: usize| format!("X-Big: {}\n", "a".repeat(count - "X-Big: \r\n".len()));
    // Whether the line's end counts is the parser's own affair, so a step to each side.
    assert_eq!(ask_with(&server, &line(1022)).status, 200);
    assert_eq!(ask_with(&server, &line(1028)).status, 431);
}

#[test]
fn all_fields_together_are_too_large() {
    let server = start(&[]);
    let line = format!("X-Some: {}\n", "a".repeat(15 << 10));
    let reply = ask_with(&server, &line.repeat(5));
    reply.is(431, "field-size");
    assert_eq!(reply.problem()["fault"], "fields-too-large");
    assert_eq!(reply.field("connection"), Some("close"));
}

#[test]
fn there_are_too_many_fields() {
    let server = start(&[]);
    server.file("index.html", "here");
    assert_eq!(ask_with(&server, &"X-Some: 1\n".repeat(99)).status, 200);
    let reply = ask_with(&server, &"X-Some: 1\n".repeat(100));
    reply.is(431, "field-size");
    assert_eq!(reply.problem()["fault"], "fields-too-many");
}

#[test]
fn larger_ones_are_taken_where_the_limits_say_so() {
    let server = start(&["--limit", "field-bytes=40KiB", "--limit", "fields-count=200"]);
    server.file("index.html", "here");
    let fields = format!("X-Big: {}\n{}", "a".repeat(32 << 10), "X-Some: 1\n".repeat(150));
    assert_eq!(ask_with(&server, &fields).status, 200);
}

#[test]
fn trailers_are_too_large_and_nothing_is_written() {
    let server = start(&["--writable"]);
    let trailer = format!("X-Trailer: {}\n", "a".repeat(9 << 10));
    let reply = server.ask(&format!(
        "PUT /file HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\n0\n{trailer}\n"
    ));
    reply.is(431, "content-syntax");
    assert_eq!(reply.problem()["fault"], "trailers-too-large");
    assert_eq!(reply.field("connection"), Some("close"));
    assert!(!server.folder().join("file").exists());
}

/// A head is read before it is known whose it is: the limit is the server's, and the same for all sites.
#[test]
fn it_is_the_same_for_every_site() {
    let server = setup().server("limits = { field-bytes = '1KiB', fields-count = 20 }").serve(
        "[site.localhost]\nroute = { path = '/*', folder = 'site' }\n\
         [site.\"example.org\"]\nroute = { path = '/*', folder = 'site' }\n",
    );
    let big = format!("X-Big: {}\n", "a".repeat(1100));
    for host in ["localhost", "example.org", "elsewhere.example"] {
        for (fields, fault) in
            [(&big, "field-too-large"), (&"X: 1\n".repeat(30), "fields-too-many")]
        {
            let reply = server.ask(&format!("GET /file HTTP/1.1\nHost: {host}\n{fields}\n"));
            reply.is(431, "field-size");
            assert_eq!(reply.problem()["fault"], fault, "{host}");
            assert_eq!(reply.field("connection"), Some("close"));
        }
        let fits = format!("GET /file HTTP/1.1\nHost: {host}\nX-Big: {}\n\n", "a".repeat(900));
        assert_ne!(server.ask(&fits).status, 431, "{host}");
    }
}
