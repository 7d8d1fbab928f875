//! 501 Not Implemented (RFC 9110 §15.6.2): a method that is implemented nowhere here, or a transfer
//! coding that no one here knows.

use crate::support::start;

#[test]
fn a_made_up_method_learns_which_there_are() {
    let server = start(&["--writable"]);
    server.file("pot", "coffee");
    for target in ["/pot", "/nothing"] {
        let reply = server.ask(&format!("BREW {target} HTTP/1.1\nHost: localhost\n\n"));
        reply.is(501, "method-implemented");
        let allow = reply.field("allow").unwrap();
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(allow.split(", ").any(|one| one == method), "{allow}");
        }
        assert_eq!(reply.problem()["allow"][0], allow.split(", ").next().unwrap());
    }
    assert!(server.log_line("BREW").contains(" 501 "));
}

#[test]
fn methods_are_case_sensitive() {
    let server = start(&[]);
    server.ask("get / HTTP/1.1\nHost: localhost\n\n").is(501, "method-implemented");
}

#[test]
fn the_connection_goes_on_after_a_method_that_is_not_implemented() {
    let server = start(&[]);
    server.file("file", "here");
    let mut client = server.connect();
    client.send("BREW /file HTTP/1.1\nHost: localhost\nContent-Length: 3\n\nabc");
    client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("BREW").status, 501);
    assert_eq!(client.reply("GET").text(), "here");
}

#[test]
fn a_method_that_is_too_long() {
    let server = start(&[]);
    let reply = server.ask(&format!("{} / HTTP/1.1\nHost: localhost\n\n", "M".repeat(65)));
    reply.is(501, "method-length");
    assert_eq!(reply.problem()["fault"], "method-too-long");
    assert_eq!(reply.field("connection"), Some("close"));
    // As long as one may be, it is only not implemented.
    let reply = server.ask(&format!("{} / HTTP/1.1\nHost: localhost\n\n", "M".repeat(64)));
    reply.is(501, "method-implemented");
}

#[test]
fn an_unknown_transfer_coding_closes_the_connection_and_writes_nothing() {
    let server = start(&["--writable"]);
    for codings in ["gzip, chunked", "x-made-up, chunked"] {
        let mut client = server.connect();
        client.send(&format!(
            "PUT /file HTTP/1.1\nHost: localhost\nTransfer-Encoding: {codings}\n\n3\nabc\n0\n\n"
        ));
        let reply = client.reply("PUT");
        reply.is(501, "transfer-coding");
        assert_eq!(reply.problem()["fault"], "coding-unknown");
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(client.is_closed());
        assert!(!server.folder().join("file").exists());
    }
}

#[test]
fn no_tunnels_are_made() {
    let server = start(&[]);
    let host = server.address;
    let mut client = server.connect();
    client.send(&format!("CONNECT {host} HTTP/1.1\nHost: {host}\n\n"));
    let reply = client.reply("CONNECT");
    reply.is(501, "method-implemented");
    assert!(reply.has("allow"));
}
