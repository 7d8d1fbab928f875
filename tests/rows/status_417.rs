//! 417 Expectation Failed (RFC 9110 §15.5.18): an expectation other than 100-continue. Elsewhere it is
//! passed over, and the client believes it met.

use crate::support::start;

#[test]
fn another_expectation() {
    let server = start(&["--writable"]);
    server.file("file", "kept");
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        for expect in
            ["a-miracle", "100-continue, a-miracle", "100-continue\nExpect: x", "100-continue=1"]
        {
            let reply = server
                .ask(&format!("{method} /file HTTP/1.1\nHost: localhost\nExpect: {expect}\n\n"));
            assert_eq!(reply.status, 417, "{method} {expect}");
            assert!(reply.has("date"));
            if method != "HEAD" {
                reply.is(417, "expectation");
                assert_eq!(reply.problem()["field"], "Expect");
            }
        }
    }
    assert_eq!(server.read("file"), b"kept");
}

#[test]
fn no_content_is_invited_beside_it() {
    let server = start(&["--writable"]);
    let mut client = server.connect();
    client.send(
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 9\nExpect: 100-continue, x\n\n",
    );
    let reply = client.reply("PUT");
    reply.is(417, "expectation");
    assert_eq!(reply.interim, [0_u16; 0]);
    assert_eq!(reply.field("connection"), Some("close"), "the content may come all the same");
    client.finish_sending();
    assert!(client.is_closed());
    assert!(!server.folder().join("file").exists());
}

#[test]
fn an_expectation_that_is_met() {
    let server = start(&["--writable"]);
    for expect in ["100-continue", "100-Continue"] {
        let mut client = server.connect();
        client.send(&format!(
            "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 1\nExpect: {expect}\n\n"
        ));
        assert_eq!(client.head().status, 100, "{expect}");
        client.send("x");
        assert!(matches!(client.reply("PUT").status, 201 | 204), "{expect}");
    }
    let get = server.ask("GET /file HTTP/1.1\nHost: localhost\nExpect: 100-continue\n\n");
    assert_eq!((get.status, get.interim.len()), (200, 0), "there is nothing to invite");
}

/// An HTTP/1.0 client can't mean it (RFC 9110 §10.1.1).
#[test]
fn an_older_clients_hundred_continue_is_ignored() {
    let server = start(&["--writable"]);
    let reply = server.ask("PUT /file HTTP/1.0\nContent-Length: 1\nExpect: 100-continue\n\nx");
    assert_eq!((reply.status, reply.interim.len()), (201, 0));
}
