//! What a limit bounds, on both sides of it.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

#[path = "support/mod.rs"]
mod support;

use crate::support::start;

#[test]
fn a_digest_is_made_of_what_is_not_too_long() {
    let server = start(&["--limit", "digest-bytes=5B"]);
    server.file("within.txt", "12345");
    server.file("beyond.txt", "123456");
    let ask = |method: &str, path: &str| {
        let fields = "Host: localhost\nWant-Repr-Digest: sha-256=1\n";
        server.ask(&format!("{method} /{path} HTTP/1.1\n{fields}\n"))
    };
    let digest = "sha-256=:WZRHGrsBESr8wYFZ9sx0tPURuZgG2lmzyvWpwXPKz8U=:";
    for method in ["GET", "HEAD"] {
        let within = ask(method, "within.txt");
        assert_eq!((within.status, within.field("repr-digest")), (200, Some(digest)));
        let beyond = ask(method, "beyond.txt");
        assert_eq!((beyond.status, beyond.field("repr-digest")), (200, None));
    }
}

#[test]
fn a_client_that_is_slow_to_take_a_file_holds_up_no_one() {
    let server = start(&["--limit", "requests-in-flight=1"]);
    let file = std::fs::File::create(server.folder().join("large")).unwrap();
    // More than any socket holds for a client that does not read.
    file.set_len(256 << 20).unwrap();
    server.file("small", "here");
    let mut slow = server.connect();
    slow.send("GET /large HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(slow.head().status, 200);
    assert_eq!(server.ask("GET /small HTTP/1.1\nHost: localhost\n\n").text(), "here");
    slow.exactly(1);
}

#[test]
fn empty_lines_keep_no_connection() {
    let server = start(&["--limit", "empty-lines=2"]);
    server.file("file", "here");
    let mut client = server.connect();
    client.send("\n\nGET /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("GET").text(), "here");
    // However they come: the server has read each before the next is sent, as far as one can see to it.
    for _ in 0..3 {
        client.send("\n");
        assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
    }
    assert_eq!(client.reply("GET").status, 400);
}
