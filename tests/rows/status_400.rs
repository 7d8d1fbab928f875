//! 400 Bad Request (RFC 9110 §15.5.1): the message is malformed, in each way that RFC 9112 names.

use crate::inboxes::{self, ENCODED, JSON, PARTS};
use crate::support::server::eventually;
use crate::support::{Client, start};
use crate::written::get;

/// What an attacker would have the server take for the next request.
const SMUGGLED: &str = "DELETE /kept HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The server may not answer anything more: where the message ends is not certain any more.
fn says_no_more(client: &mut Client, input: &str) {
    client.finish_sending();
    let rest = client.rest();
    assert_eq!(rest.escape_ascii().to_string(), "", "after {input:?}");
}

/// What stands on the wire, octet for octet; the rule; and the fault that the explanation names.
const HEADS: &[(&str, &str, &str)] = &[
    // The request line (RFC 9112 §3).
    (" GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "method-empty"),
    ("GE(T / HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "method-octet"),
    ("GET\0 / HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "method-octet"),
    ("GET\r\nHost: localhost\r\n\r\n", "syntax", "target-empty"),
    ("GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "request-line-spaces"),
    ("GET /  HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "request-line-spaces"),
    ("GET\t/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "request-line-spaces"),
    ("GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n", "syntax", "request-line-spaces"),
    ("GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "request-line-spaces"),
    ("GET /\r\n\r\n", "syntax", "version-syntax"),
    ("GET / HTTP/1\r\nHost: localhost\r\n\r\n", "syntax", "version-syntax"),
    ("GET / HTTP/1.11\r\nHost: localhost\r\n\r\n", "syntax", "version-syntax"),
    ("GET / http/1.1\r\nHost: localhost\r\n\r\n", "syntax", "version-syntax"),
    ("GET / HTTPS/1.1\r\nHost: localhost\r\n\r\n", "syntax", "version-syntax"),
    // The target (RFC 9112 §3.2).
    ("GET a HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-form"),
    ("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-form"),
    ("GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-form"),
    ("GET ../kept HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-form"),
    ("GET /#part HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-octet"),
    ("GET /\u{1} HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-octet"),
    ("GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-octet"),
    ("GET http://me@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "syntax", "target-userinfo"),
    // Lines (RFC 9112 §2.2).
    ("GET / HTTP/1.1\nHost: localhost\n\n", "syntax", "bare-line-feed"),
    ("GET / HTTP/1.1\r\nHost: localhost\n\r\n", "syntax", "bare-line-feed"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\n\n", "syntax", "bare-line-feed"),
    ("GET / HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n", "syntax", "bare-carriage-return"),
    ("GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", "syntax", "space-before-fields"),
    // Fields (RFC 9112 §5).
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n", "syntax", "field-name-space"),
    ("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", "syntax", "field-name-space"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n", "syntax", "field-folded"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\tz\r\n\r\n", "syntax", "field-folded"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\n: y\r\n\r\n", "syntax", "field-name-empty"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX@: y\r\n\r\n", "syntax", "field-name-octet"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n", "syntax", "field-colon-missing"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", "syntax", "field-value-octet"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\u{7f}b\r\n\r\n", "syntax", "field-value-octet"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: a b\r\n\r\n", "syntax", "connection-syntax"),
    // Host (RFC 9112 §3.2).
    ("GET / HTTP/1.1\r\n\r\n", "host", "host-missing"),
    ("GET http://localhost/ HTTP/1.1\r\n\r\n", "host", "host-missing"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "host", "host-repeated"),
    ("GET / HTTP/1.1\r\nHost: localhost\r\nhost: other\r\n\r\n", "host", "host-repeated"),
    ("GET / HTTP/1.1\r\nHost: localhost, other\r\n\r\n", "host", "host-invalid"),
    ("GET / HTTP/1.1\r\nHost: http://localhost\r\n\r\n", "host", "host-invalid"),
    ("GET / HTTP/1.1\r\nHost: localhost:port\r\n\r\n", "host", "host-invalid"),
    ("GET / HTTP/1.1\r\nHost: localhost/\r\n\r\n", "host", "host-invalid"),
    ("GET / HTTP/1.1\r\nHost: me@localhost\r\n\r\n", "host", "host-invalid"),
    ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "host", "host-invalid"),
    // Framing (RFC 9112 §6): where a smuggled request would begin.
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing",
        "length-and-coding",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        "framing",
        "length-and-coding",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 42\r\n\r\n",
        "framing",
        "lengths-differ",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, 42\r\n\r\n",
        "framing",
        "lengths-differ",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n",
        "framing",
        "length-invalid",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "framing",
        "length-invalid",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x0\r\n\r\n",
        "framing",
        "length-invalid",
    ),
    ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \r\n\r\n", "framing", "length-invalid"),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0 0\r\n\r\n",
        "framing",
        "length-invalid",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "framing",
        "length-invalid",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "framing",
        "coding-not-last",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "framing",
        "coding-repeated",
    ),
    (
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chun ked\r\n\r\n",
        "framing",
        "coding-syntax",
    ),
    (
        "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing",
        "coding-in-http-1-0",
    ),
];

#[test]
fn malformed_heads() {
    let server = start(&["--writable"]);
    server.file("kept", "content");
    for (input, rule, fault) in HEADS {
        let mut client = server.connect();
        client.send_octets(format!("{input}{SMUGGLED}").as_bytes());
        let reply = client.reply("GET");
        assert_eq!(reply.status, 400, "{input:?}: {reply:?}");
        assert_eq!((&*reply.phrase, &*reply.version), ("Bad Request", "HTTP/1.1"));
        assert_eq!(reply.problem()["fault"], *fault, "{input:?}");
        reply.is(400, rule);
        assert_eq!(reply.field("connection"), Some("close"), "{input:?}");
        assert!(reply.has("date"));
        says_no_more(&mut client, input);
    }
    assert_eq!(server.read("kept"), b"content", "nothing of a smuggled request is done");
}

/// The explanation names the field, and where the wrong octet stands; not the value.
#[test]
fn the_fault_has_its_place() {
    let server = start(&[]);
    let mut client = server.connect();
    client.send_octets(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Mine : secret\r\n\r\n");
    let reply = client.reply("GET");
    let problem = reply.problem();
    assert_eq!((&problem["octet"], &problem["field"]), (&39.into(), &"X-Mine".into()));
    assert!(!reply.text().contains("secret"));
    assert!(server.log_line(" 400 ").contains("GET / HTTP/1.1"));
}

/// An answer to HEAD has no content, also where its head went wrong later on.
#[test]
fn to_head_without_content() {
    let server = start(&[]);
    for input in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send_octets(input.as_bytes());
        let reply = client.reply("HEAD");
        assert_eq!((reply.status, reply.field("connection")), (400, Some("close")));
        assert_ne!(reply.field("content-length"), Some("0"), "that of the GET");
        says_no_more(&mut client, input);
    }
}

/// A request before it on the same connection is answered first, and whole.
#[test]
fn after_a_request_that_is_well_formed() {
    let server = start(&[]);
    server.file("a", "content");
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\nHost: localhost\n\nGET /a HTTP/1.1\n\nGET /a HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("GET").text(), "content");
    client.reply("GET").is(400, "host");
    says_no_more(&mut client, "no Host");
}

#[test]
fn tls_to_a_port_that_has_none() {
    let server = start(&[]);
    let mut client = server.connect();
    client.send_octets(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert_eq!(client.reply("GET").problem()["fault"], "tls-on-plain");
    says_no_more(&mut client, "TLS");
}

/// Chunked content that is none (RFC 9112 §7.1): refused, not stored, and the connection is over.
#[test]
fn malformed_content() {
    let server = start(&["--writable"]);
    server.file("kept", "content");
    for (content, fault) in [
        ("zz\r\n", "chunk-size"),
        ("\r\n", "chunk-size"),
        ("-1\r\nx", "chunk-size"),
        ("0x1\r\nx", "chunk-size"),
        (" 1\r\nx", "chunk-size"),
        ("3\r\nabc\r\n1g\r\n", "chunk-size"),
        ("fffffffffffffffff\r\nx", "chunk-size-overflow"),
        ("3\nabc\n0\n\n", "bare-line-feed"),
        ("3\rabc", "bare-carriage-return"),
        ("3;\r\nabc\r\n0\r\n\r\n", "chunk-extension"),
        ("3;a=\"\u{1}\"\r\nabc\r\n0\r\n\r\n", "chunk-extension"),
        ("3\r\nabcd\r\n0\r\n\r\n", "chunk-end"),
        ("3\r\nabc0\r\n\r\n", "chunk-end"),
        ("3\r\nabc\n0\r\n\r\n", "chunk-end"),
        ("3\r\nabc\r\n0\r\nX : y\r\n\r\n", "field-name-space"),
        ("3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n", "field-folded"),
        ("3\r\nabc\r\n0\r\nX: y\n\r\n", "bare-line-feed"),
    ] {
        let mut client = server.connect();
        client.send("PUT /new HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n");
        client.send_octets(format!("{content}{SMUGGLED}").as_bytes());
        let reply = client.reply("PUT");
        reply.is(400, "content-syntax");
        assert_eq!(reply.problem()["fault"], fault, "{content:?}");
        assert_eq!(reply.field("connection"), Some("close"), "{content:?}");
        says_no_more(&mut client, content);
        assert!(!server.folder().join("new").exists(), "{content:?}");
    }
    assert_eq!(server.read("kept"), b"content");
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 1, "nothing is left behind");
}

/// A path that can't be read. Where the message ends is certain, so the connection goes on.
#[test]
fn paths() {
    let server = start(&["--writable"]);
    server.file("kept", "content");
    let mut client = server.connect();
    for target in [
        "/%",
        "/%2",
        "/%zz",
        "/a%2",
        "/%%41",
        "/%0",
        "/%00",
        "/kept%00.txt",
        "/..",
        "/../etc/passwd",
        "/a/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/.%2E/x",
        "/a/%2e%2e/../x",
        "//../x",
        "/../kept",
        "http://localhost/../x",
    ] {
        for method in ["GET", "DELETE"] {
            client.send(&format!("{method} {target} HTTP/1.1\nHost: localhost\n\n"));
            let reply = client.reply(method);
            assert_eq!(reply.status, 400, "{method} {target}");
            reply.is(400, "path");
            assert!(!reply.has("connection"), "{target}");
        }
        // Content that was sent is passed over.
        client.send(&format!("PUT {target} HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello"));
        client.reply("PUT").is(400, "path");
    }
    client.send("GET /kept HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("GET").text(), "content");
}

/// What looks alike and is well-formed.
#[test]
fn paths_that_can_be_read() {
    let server = start(&[]);
    server.file("kept", "content");
    server.file("100% a", "percent");
    for (target, content) in [
        ("/./kept", "content"),
        ("/a/../kept", "content"),
        ("//kept", "content"),
        ("/%6Bept", "content"),
        ("/kept?%zz", "content"),
        ("/kept?/../..", "content"),
        ("/100%25%20a", "percent"),
        ("http://localhost/kept", "content"),
    ] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.text()), (200, content), "{target}");
    }
    // An HTTP/1.0 request may do without Host (RFC 9112 §3.2), and empty lines may stand before any.
    assert_eq!(server.ask("GET /kept HTTP/1.0\n\n").text(), "content");
    let mut client = server.connect();
    client.send("\n\nGET /kept HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("GET").text(), "content");
    assert_eq!(
        get(&server, "/kept", "X: a\tb \u{fc}\nY:\nZ:z\nConnection: , keep-alive,\n").status,
        200
    );
    // Equal lengths are one (RFC 9112 §6.3).
    let reply =
        server.ask("GET /kept HTTP/1.1\nHost: localhost\nContent-Length: 0\nContent-Length: 0\n\n");
    assert_eq!(reply.status, 200);
}

/// Requests that are well-formed as messages, and ask for what makes no sense.
#[test]
fn what_makes_no_sense() {
    let server = start(&["--writable", "--trace"]);
    server.file("a.json", r#"{"a":1}"#);
    let ask = |head: &str, content: &str| {
        let length = content.len();
        server.ask(&format!("{head}Host: localhost\nContent-Length: {length}\n\n{content}"))
    };
    ask("TRACE / HTTP/1.1\n", "hello").is(400, "trace-content");
    ask("PUT /a HTTP/1.1\nContent-Range: bytes 0-4/9\n", "hello").is(400, "partial-put");
    let digest =
        "PUT /a HTTP/1.1\nContent-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\n";
    ask(digest, "hello").is(400, "content-digest");
    let patch = |format: &str| {
        format!("PATCH /a.json HTTP/1.1\nContent-Type: application/{format}-patch+json\n")
    };
    for (format, content) in [
        ("merge", "{"),
        ("merge", ""),
        ("merge", "{\"a\":1}x"),
        ("json", "[{]"),
        ("json", "{}"),
        ("json", r#"[{"op":"jump","path":"/a"}]"#),
        ("json", r#"[{"op":"add","path":"/a"}]"#),
    ] {
        ask(&patch(format), content).is(400, "patch-syntax");
    }
    assert_eq!(server.read("a.json"), br#"{"a":1}"#);
    assert!(!server.folder().join("a").exists());
}

/// Each is told with what is wrong and where; nothing of it stays, and the connection goes on.
#[test]
fn a_form_that_can_t_be_read() {
    let server = inboxes::inbox("");
    let mut client = server.connect();
    let parts =
        "--cut-here\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nx\r\n";
    for (kind, content, fault, octet) in [
        (ENCODED, "a=100%&b=c", "form-percent", 5),
        (JSON, "{\"a\":", "json", 5),
        (JSON, "", "json", 0),
        (PARTS, parts, "form-unended", parts.len()),
        (PARTS, "--cut-here\r\n\r\nx\r\n--cut-here--\r\n", "part-disposition-missing", 12),
        ("Content-Type: multipart/form-data\n", "--x--\r\n", "form-boundary", 0),
    ] {
        client.send_octets(&inboxes::request(kind, content.as_bytes()));
        let reply = client.reply("POST");
        reply.is(400, "form-syntax");
        let problem = reply.problem();
        assert_eq!((&problem["fault"], &problem["octet"]), (&fault.into(), &octet.into()));
        assert!(!reply.has("connection"));
        inboxes::is_empty(&server);
    }
    client.send_octets(&inboxes::request(ENCODED, b"a=b"));
    assert_eq!(client.reply("POST").status, 204);
}

#[test]
fn a_form_that_is_not_what_its_digest_says() {
    let server = inboxes::inbox("");
    let form = inboxes::parts(&[("f", Some("f"), b"x")]);
    let digest = "Content-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\n";
    inboxes::post(&server, &format!("{PARTS}{digest}"), form).is(400, "content-digest");
    inboxes::is_empty(&server);
}

/// A client that goes away in the middle leaves nothing behind either.
#[test]
fn a_form_that_breaks_off() {
    let server = inboxes::inbox("");
    let form = inboxes::parts(&[("f", Some("f"), b"x"), ("g", Some("g"), &vec![b'x'; 200 << 10])]);
    let whole = inboxes::request(PARTS, &form);
    let mut client = server.connect();
    client.send_octets(&whole[..whole.len() - (1 << 10)]);
    eventually("the first file is stored", || !inboxes::names(&server).is_empty());
    drop(client);
    eventually("all of it is gone", || inboxes::names(&server).is_empty());
}
