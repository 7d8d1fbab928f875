//! 411 Length Required (RFC 9110 §15.5.12): a method whose content matters says neither its length nor
//! that it is chunked. Elsewhere this is a 500, or an empty file.

use crate::inboxes;
use crate::support::{routes, start};

#[test]
fn neither_length_nor_chunks() {
    let server = start(&["--writable"]);
    server.put("/data.json", "{}");
    for (method, target) in [("PUT", "/file"), ("POST", "/"), ("PATCH", "/data.json")] {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let reply = server.ask(&format!(
                "{method} {target} {version}\nHost: localhost\n\
                 Content-Type: application/merge-patch+json\n\n"
            ));
            reply.is(411, "length");
            assert!(reply.has("date"), "{method}");
            let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("Content-Length"), "{detail}");
        }
    }
    assert!(!server.folder().join("file").exists());
    assert_eq!(server.read("data.json"), b"{}");
}

/// There is no content to lose track of: the connection goes on.
#[test]
fn the_connection_stays() {
    let server = start(&["--writable"]);
    let mut client = server.connect();
    client.send("PUT /file HTTP/1.1\nHost: localhost\n\n");
    let reply = client.reply("PUT");
    assert_eq!((reply.status, reply.field("connection")), (411, None));
    client.send("PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n");
    assert_eq!(client.reply("PUT").status, 201);
}

#[test]
fn an_empty_length_and_chunks_are_lengths() {
    let server = start(&["--writable"]);
    assert_eq!(
        server.ask("PUT /empty HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n").status,
        201
    );
    let chunked =
        "PUT /chunked HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n";
    assert_eq!(server.ask(chunked).status, 201);
    assert_eq!((server.read("empty"), server.read("chunked")), (vec![], b"abc".to_vec()));
}

#[test]
fn methods_without_content_need_no_length() {
    let server = start(&["--writable"]);
    server.put("/file", "x");
    for (method, status) in [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("DELETE", 204)] {
        let reply = server.ask(&format!("{method} /file HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, status, "{method}");
    }
}

/// Where no resource takes the method, that is the truth to tell.
#[test]
fn where_nothing_is_written_it_is_405() {
    let server = start(&[]);
    server.file("file", "x");
    assert_eq!(server.ask("PUT /file HTTP/1.1\nHost: localhost\n\n").status, 405);
}

#[test]
fn a_form_of_no_length() {
    let server = inboxes::inbox("");
    let request = format!("POST /orders HTTP/1.1\nHost: localhost\n{}\n", inboxes::ENCODED);
    server.ask(&request).is(411, "length");
    let keys = inboxes::route("") + "require-length = true\n";
    let server = inboxes::serve(&keys);
    let chunked = "Transfer-Encoding: chunked\nExpect: 100-continue\n\n";
    let request = format!("POST /orders HTTP/1.1\nHost: localhost\n{}{chunked}", inboxes::ENCODED);
    let reply = server.ask(&request);
    reply.is(411, "length");
    assert!(reply.interim.is_empty());
    assert_eq!(inboxes::post(&server, inboxes::ENCODED, "a=b").status, 204);
}

/// Where the length has to be said beforehand, chunks do not say it.
#[test]
fn a_route_that_asks_for_the_length() {
    let server = routes(&[
        "{ path = '/*', folder = 'site', writable = true, require-length = true }",
        "{ path = '/free/*', folder = 'site', writable = true }",
    ]);
    let chunked = |method: &str, target: &str, more: &str| {
        server.ask(&format!(
            "{method} {target} HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n{more}\n\
             3\nabc\n0\n\n"
        ))
    };
    for (method, target) in [("PUT", "/new"), ("POST", "/")] {
        let reply = chunked(method, target, "");
        reply.is(411, "length");
        assert!(reply.has("date") && !reply.has("connection"), "{method}: {reply:?}");
        let asked = server.ask(&format!(
            "{method} {target} HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\
             Expect: 100-continue\n\n"
        ));
        asked.is(411, "length");
        assert!(asked.interim.is_empty(), "no content is invited");
    }
    assert!(!server.folder().join("new").exists());
    assert_eq!(chunked("PUT", "/free/new", "").status, 201);
    let said = server.ask("PUT /new HTTP/1.1\nHost: localhost\nContent-Length: 3\n\nabc");
    assert_eq!(said.status, 204);
    // What brings nothing has no length to say.
    assert_eq!(server.ask("DELETE /new HTTP/1.1\nHost: localhost\n\n").status, 204);
}

/// What was refused is read away, and the connection goes on behind it.
#[test]
fn behind_the_chunks() {
    let server =
        routes(&["{ path = '/*', folder = 'site', writable = true, require-length = true }"]);
    let mut client = server.connect();
    client.send(
        "PUT /new HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n\
         GET /file HTTP/1.1\nHost: localhost\n\n",
    );
    assert_eq!(client.reply("PUT").status, 411);
    assert_eq!(client.reply("GET").text(), "here");
}
