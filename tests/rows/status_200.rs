//! 200 OK (RFC 9110 §15.3.1): what is asked for is here.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256, Sha512};
use wherefore_message::date::HttpDate;

use crate::support::{Reply, start};
use crate::written::{self, get};

#[test]
fn a_file() {
    let server = start(&[]);
    let path = server.file("a.txt", "hello");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    let reply = get(&server, "/a.txt", "");
    assert_eq!((reply.status, &*reply.phrase, &*reply.version), (200, "OK", "HTTP/1.1"));
    assert_eq!(reply.text(), "hello");
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "5"),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(reply.field(name), Some(value), "{name}");
    }
    assert!(reply.has("etag") && reply.has("date"));
    assert!(!reply.has("vary") && !reply.has("content-encoding") && !reply.has("connection"));
    assert!(server.log_line("/a.txt").contains(" 200 5 "));
}

/// What was modified in the future is not said to have been (RFC 9110 §8.8.2.1).
#[test]
fn no_date_is_later_than_the_answer() {
    let server = start(&[]);
    let path = server.file("a", "hello");
    let time = SystemTime::now() + Duration::from_secs(86_400);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    let reply = get(&server, "/a", "");
    assert_eq!(reply.status, 200);
    let date = |name: &str| {
        let now = HttpDate::from_unix(0);
        HttpDate::parse(reply.field(name).unwrap().as_bytes(), now).unwrap()
    };
    assert!(date("last-modified") <= date("date"), "{reply:?}");
}

#[test]
fn media_types() {
    let server = start(&[]);
    for (name, kind) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.HTM", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a.tar.gz", "application/gzip"),
        ("a", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("html", "application/octet-stream"),
    ] {
        server.file(name, "x");
        assert_eq!(
            get(&server, &format!("/{name}"), "").field("content-type"),
            Some(kind),
            "{name}"
        );
        // A lone file is sent whatever the client accepts.
        let reply = get(
            &server,
            &format!("/{name}"),
            "Accept: audio/basic\nAccept-Encoding: identity;q=0\n",
        );
        assert_eq!((reply.status, reply.text()), (200, "x"), "{name}");
    }
}

/// HEAD's fields are those of GET, one by one (RFC 9110 §9.3.2), for whatever is there.
#[test]
fn head_is_get_without_content() {
    let server = start(&[]);
    server.file("a.txt", "hello");
    server.file("a.txt.br", "BROTLI");
    server.file("empty", "");
    server.file("large", vec![7; 300_000]);
    server.file("index/index.html", "<p>");
    server.file("folder/<b>.txt", "x");
    for path in [
        "/a.txt", "/empty", "/large", "/index/", "/folder/", "/", "/folder", "/none", "/.x", "/%zz",
    ] {
        for fields in [
            "",
            "Accept-Encoding: br\n",
            "Accept: text/html\n",
            "Accept: application/json\n",
            "Want-Repr-Digest: sha-256=1\n",
            "If-None-Match: *\n",
            "If-Match: \"x\"\n",
        ] {
            let get = get(&server, path, fields);
            let head = server.ask(&format!("HEAD {path} HTTP/1.1\nHost: localhost\n{fields}\n"));
            let told = |reply: &Reply| {
                let mut fields = reply.fields.clone();
                fields.retain(|(name, _)| !["Date", "Request-Id"].contains(&&**name));
                // A tag may become strong between the two.
                for (_, value) in &mut fields {
                    *value = value.replace("W/\"", "\"");
                }
                (reply.status, fields)
            };
            assert_eq!(told(&head), told(&get), "{path} {fields}");
            assert!(head.content.is_empty());
        }
    }
}

#[test]
fn an_index_file_stands_for_its_folder() {
    let server = start(&[]);
    server.file("f/index.html", "<p>");
    server.file("f/index.html.gz", "GZIPPED");
    let reply = get(&server, "/f/", "");
    assert_eq!((reply.status, reply.text()), (200, "<p>"));
    assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(reply.has("etag") && reply.has("last-modified"));
    assert_eq!(get(&server, "/f/", "Accept-Encoding: gzip\n").text(), "GZIPPED");
    assert_eq!(get(&server, "/f/index.html", "").text(), "<p>");
}

/// The list of members, for people and for programs. Names are escaped, and dot-files are not told.
#[test]
fn the_list_of_a_folder() {
    let server = start(&[]);
    server.file("f/b & c.txt", "hello");
    server.file("f/<i>.html", "x");
    server.file("f/.hidden", "x");
    server.file("f/sub/x", "x");
    let html = get(&server, "/f/", "Accept: text/html\n");
    assert_eq!((html.status, html.field("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        html.text().contains("href=\"./b%20&amp;%20c.txt\"")
            && html.text().contains("b &amp; c.txt")
    );
    assert!(html.text().contains("href=\"./sub/\"") && !html.text().contains("<i>"));
    assert!(!html.text().contains("hidden"));
    assert_eq!(get(&server, "/f/", "").text(), html.text(), "people come first");
    let json = get(&server, "/f/", "Accept: application/json\n");
    assert_eq!((json.status, json.field("content-type")), (200, Some("application/json")));
    let list: serde_json::Value = serde_json::from_slice(&json.content).unwrap();
    let members = list["members"].as_array().unwrap();
    let names: Vec<_> = members.iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names.contains(&"b & c.txt")), (3, true), "{names:?}");
    for member in members {
        let href = member["href"].as_str().unwrap().trim_start_matches("./");
        assert_eq!(get(&server, &format!("/f/{href}"), "").status, 200, "{href} leads there");
    }
    for reply in [html, json] {
        assert_eq!(reply.field("vary"), Some("Accept"));
        assert_eq!(reply.field("cache-control"), Some("no-cache"));
        assert!(reply.field("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(!reply.has("etag") && !reply.has("last-modified") && !reply.has("accept-ranges"));
    }
}

/// What is stored in a coding is sent to who accepts it, with a tag of its own.
#[test]
fn stored_codings() {
    let server = start(&[]);
    for (name, content) in
        [("a.css", "plain"), ("a.css.br", "BR"), ("a.css.zst", "ZSTD"), ("a.css.gz", "GZIP")]
    {
        server.file(name, content);
    }
    let mut tags = std::collections::HashSet::new();
    for (accept, coding, content) in [
        ("", None, "plain"),
        ("Accept-Encoding: gzip, deflate, br, zstd\n", Some("br"), "BR"),
        ("Accept-Encoding: zstd\n", Some("zstd"), "ZSTD"),
        ("Accept-Encoding: GZIP\n", Some("gzip"), "GZIP"),
    ] {
        let reply = get(&server, "/a.css", accept);
        assert_eq!((reply.status, reply.text()), (200, content));
        assert_eq!(reply.field("content-encoding"), coding);
        assert_eq!(
            reply.field("content-type"),
            Some("text/css; charset=utf-8"),
            "that of the original"
        );
        assert_eq!(reply.field("content-length"), Some(&*content.len().to_string()));
        assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
        assert!(tags.insert(reply.field("etag").unwrap().replace("W/", "")), "a tag of its own");
    }
    for (accept, content) in [
        ("gzip;q=1, br;q=0.5", "GZIP"),
        ("gzip\nAccept-Encoding: br;q=0", "GZIP"),
        ("x-gzip", "GZIP"),
        ("br;q=0, *", "ZSTD"),
        ("*;q=0", "plain"),
        ("deflate, compress", "plain"),
        ("identity, br;q=0.9", "plain"),
        ("", "plain"),
    ] {
        let reply = get(&server, "/a.css", &format!("Accept-Encoding: {accept}\n"));
        assert_eq!((reply.status, reply.text()), (200, content), "{accept}");
    }
}

/// What has the name of a stored coding and is none is not sent, nor waited for.
#[test]
fn what_is_no_coding() {
    let server = start(&[]);
    let outside = server.folder().parent().unwrap().join("outside");
    std::fs::write(&outside, "secret").unwrap();
    for name in ["link", "folder", "fifo"] {
        server.file(&format!("{name}.txt"), "content");
    }
    symlink("../outside", server.folder().join("link.txt.gz")).unwrap();
    std::fs::create_dir(server.folder().join("folder.txt.gz")).unwrap();
    let fifo = server.folder().join("fifo.txt.gz");
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    for name in ["link", "folder", "fifo"] {
        let reply = get(&server, &format!("/{name}.txt"), "Accept-Encoding: gzip\n");
        assert_eq!((reply.status, reply.text()), (200, "content"), "{name}");
        assert!(!reply.has("content-encoding"));
    }
}

/// A stored coding that is older than its original is of another version.
#[test]
fn an_old_coding_is_not_sent() {
    let server = start(&["--writable"]);
    let old = server.file("a.txt.gz", "OLD");
    let time = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(old).unwrap().set_modified(time).unwrap();
    server.file("a.txt", "new");
    assert_eq!(get(&server, "/a.txt", "Accept-Encoding: gzip\n").text(), "new");
    // And a write takes it away with what it belonged to.
    server.file("b.txt", "one");
    server.file("b.txt.gz", "ONE");
    assert_eq!(get(&server, "/b.txt", "Accept-Encoding: gzip\n").text(), "ONE");
    written::put(&server, "/b.txt", b"two");
    let reply = get(&server, "/b.txt", "Accept-Encoding: gzip\n");
    assert_eq!(
        (reply.text(), reply.has("content-encoding"), reply.has("vary")),
        ("two", false, false)
    );
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in octets.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet));
        let bits = bits << (8 * (3 - three.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63] as char;
            out.push(if i <= three.len() { digit } else { '=' });
        }
    }
    out
}

/// The digest of the representation, whichever part of it or coding is sent (RFC 9530 §3, §4).
#[test]
fn digests() {
    let server = start(&[]);
    let large: Vec<u8> = (0..700_000_u32).map(|i| (i % 253) as u8).collect();
    server.file("large", &large);
    server.file("a.txt", "hello");
    server.file("a.txt.gz", "GZIPPED");
    let sha256 = |content: &[u8]| format!("sha-256=:{}:", base64(&Sha256::digest(content)));
    let sha512 = |content: &[u8]| format!("sha-512=:{}:", base64(&Sha512::digest(content)));
    // The example of RFC 9530 appendix B is computed alike.
    assert_eq!(
        sha256(b"{\"hello\": \"world\"}\n"),
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    );
    for (path, fields, digest) in [
        ("/a.txt", "Want-Repr-Digest: sha-256=1\n", Some(sha256(b"hello"))),
        ("/a.txt", "Want-Repr-Digest: sha-512=3, sha-256=1\n", Some(sha512(b"hello"))),
        (
            "/a.txt",
            "Want-Repr-Digest: sha-512=3\nWant-Repr-Digest: sha-256=10\n",
            Some(sha256(b"hello")),
        ),
        ("/a.txt", "Want-Repr-Digest: md5=10, sha-256=1\n", Some(sha256(b"hello"))),
        (
            "/a.txt",
            "Want-Repr-Digest: sha-256=1\nAccept-Encoding: gzip\n",
            Some(sha256(b"GZIPPED")),
        ),
        ("/a.txt", "Want-Repr-Digest: sha-256=1\nRange: bytes=1-2\n", Some(sha256(b"hello"))),
        ("/large", "Want-Repr-Digest: sha-256=1\n", Some(sha256(&large))),
        ("/a.txt", "", None),
        ("/a.txt", "Want-Repr-Digest: sha-256=0\n", None),
        ("/a.txt", "Want-Repr-Digest: md5=1\n", None),
        ("/a.txt", "Want-Repr-Digest: sha-256=:x\n", None),
    ] {
        for method in ["GET", "HEAD"] {
            let reply =
                server.ask(&format!("{method} {path} HTTP/1.1\nHost: localhost\n{fields}\n"));
            let head = method == "HEAD";
            let status = if fields.contains("Range: b") && !head { 206 } else { 200 };
            assert_eq!(reply.status, status, "{fields}");
            assert_eq!(reply.field("repr-digest"), digest.as_deref(), "{method} {path} {fields}");
        }
    }
}

#[test]
fn options_of_the_server() {
    for (arguments, allow) in [
        (&[][..], "GET, HEAD, OPTIONS"),
        (&["--writable"], "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    ] {
        let server = start(arguments);
        let reply = server.ask("OPTIONS * HTTP/1.1\nHost: localhost\n\n");
        assert_eq!((reply.status, reply.field("content-length")), (200, Some("0")));
        let mut methods: Vec<&str> = reply.field("allow").unwrap().split(", ").collect();
        methods.sort_unstable();
        assert_eq!(methods.join(", "), allow);
        assert!(reply.has("date"));
        // The absolute form of it names no path (RFC 9112 §3.2.4).
        let reply = server.ask("OPTIONS http://localhost HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(reply.status, 200);
    }
}

#[test]
fn options_of_a_resource() {
    let server = start(&["--writable"]);
    server.file("d.json", "{}");
    let reply = server.ask("OPTIONS /d.json HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(reply.status, 200);
    assert!(reply.field("accept-patch").unwrap().contains("application/merge-patch+json"));
    assert_eq!(reply.field("accept-ranges"), Some("bytes"));
    assert!(!reply.has("accept-post") && !reply.has("etag"));
    let reply = server.ask("OPTIONS / HTTP/1.1\nHost: localhost\n\n");
    assert!(reply.has("accept-post") && !reply.has("accept-patch"));
}

/// TRACE says what came, but for what is secret (RFC 9110 §9.3.8).
#[test]
fn trace() {
    let server = start(&["--trace"]);
    server.file("a", "hello");
    let reply = server.ask(
        "TRACE /a?b=%63 HTTP/1.1\nHost: localhost\nX-Mine:  kept \nx-mine: twice\n\
         Authorization: Basic secret\ncookie: secret=1\nCookie: secret=2\n\
         Proxy-Authorization: Bearer secret\nMax-Forwards: 0\n\n",
    );
    assert_eq!((reply.status, reply.field("content-type")), (200, Some("message/http")));
    assert_eq!(
        reply.text(),
        "TRACE /a?b=%63 HTTP/1.1\r\nHost: localhost\r\nX-Mine: kept\r\nx-mine: twice\r\n\
         Max-Forwards: 0\r\n\r\n"
    );
    assert!(!format!("{reply:?}").contains("secret"));
    // Off unless it is asked for.
    let server = start(&[]);
    server.file("a", "hello");
    server.ask("TRACE /a HTTP/1.1\nHost: localhost\nCookie: secret\n\n").is(405, "method");
}

/// HTTP/1.0 is answered as it is spoken: the connection closes, unless it is asked to stay.
#[test]
fn to_http_1_0() {
    let server = start(&[]);
    server.file("a", "hello");
    server.file("large", vec![b'x'; 1 << 20]);
    for path in ["/a", "/large", "/"] {
        let mut client = server.connect();
        client.send(&format!("GET {path} HTTP/1.0\n\n"));
        let reply = client.reply("GET");
        assert_eq!(
            (reply.status, &*reply.version),
            (200, "HTTP/1.1"),
            "the highest that is spoken"
        );
        assert!(reply.has("content-length") && !reply.has("transfer-encoding"), "{path}");
        assert!(client.is_closed());
    }
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("GET /a HTTP/1.0\nConnection: Keep-Alive\n\n");
        let reply = client.reply("GET");
        assert_eq!((reply.text(), reply.field("connection")), ("hello", Some("keep-alive")));
    }
    client.send("GET /a HTTP/1.0\n\n");
    assert_eq!(client.reply("GET").text(), "hello");
    assert!(client.is_closed());
}

/// HTTP/1.1 connections stay, until either side says otherwise.
#[test]
fn connections_stay() {
    let server = start(&[]);
    server.file("a", "hello");
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("GET /a HTTP/1.1\nHost: localhost\n\n");
        let reply = client.reply("GET");
        assert_eq!((reply.text(), reply.has("connection")), ("hello", false));
    }
    client.send("GET /a HTTP/1.1\nHost: localhost\nConnection: x, Close\n\n");
    let reply = client.reply("GET");
    assert_eq!((reply.text(), reply.field("connection")), ("hello", Some("close")));
    assert!(client.is_closed());
}

/// A method, a path, further fields, and the status that answers.
type Asked = (&'static str, &'static str, &'static str, u16);

const ASKED: &[Asked] = &[
    ("GET", "/a", "", 200),
    ("HEAD", "/large", "", 200),
    ("GET", "/none", "", 404),
    ("GET", "/large", "", 200),
    ("GET", "/a", "Range: bytes=1-2\n", 206),
    ("GET", "/a", "If-None-Match: *\n", 304),
    ("GET", "/folder", "", 301),
    ("GET", "/folder/", "", 200),
    ("GET", "/%zz", "", 400),
    ("GET", "/.x", "", 403),
    ("DELETE", "/", "", 405),
    ("PUT", "/a", "If-Match: \"x\"\nContent-Length: 0\n", 412),
    ("GET", "/a", "Range: bytes=9-\n", 416),
    ("BREW", "/a", "", 501),
    ("OPTIONS", "*", "", 200),
    ("DELETE", "/a", "", 204),
    ("GET", "/a", "", 410),
    ("PUT", "/a", "Content-Length: 0\n", 201),
    ("HEAD", "/a", "Connection: close\n", 200),
];

/// Requests in one write are answered in their order, whatever they are; and so they are octet by octet.
#[test]
fn pipelined() {
    let server = start(&["--writable"]);
    server.file("large", vec![b'x'; 1 << 20]);
    server.file("folder/member", "x");
    let text: String = ASKED
        .iter()
        .map(|(method, path, fields, _)| {
            format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
                fields.replace('\n', "\r\n")
            )
        })
        .collect();
    for octets_at_once in [text.len(), 1] {
        let tag = written::tag(&server, "/a", b"hello");
        let mut client = server.connect();
        for octets in text.as_bytes().chunks(octets_at_once) {
            client.send_octets(octets);
        }
        for (method, path, fields, status) in ASKED {
            let reply = client.reply(method);
            assert_eq!(reply.status, *status, "{method} {path} {fields}");
            if (*method, *path) == ("GET", "/large") {
                assert_eq!(reply.content.len(), 1 << 20);
            }
        }
        assert!(client.is_closed());
        assert_ne!(get(&server, "/a", "").field("etag"), Some(&*tag));
    }
}

/// Content means nothing to these methods, and is passed over: it is never taken for a request.
#[test]
fn content_that_means_nothing() {
    let server = start(&["--writable"]);
    server.file("a", "hello");
    let inner = "DELETE /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let chunk = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let mut client = server.connect();
    for method in ["GET", "HEAD", "OPTIONS"] {
        for framed in [
            format!("Content-Length: {}\r\n\r\n{inner}", inner.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n{chunk}"),
        ] {
            let head = format!("{method} /a HTTP/1.1\r\nHost: localhost\r\n");
            client.send_octets(format!("{head}{framed}{head}\r\n").as_bytes());
            for _ in 0..2 {
                let reply = client.reply(method);
                assert_eq!((reply.status, reply.has("connection")), (200, false), "{method}");
            }
        }
    }
    assert_eq!(server.read("a"), b"hello");
}
