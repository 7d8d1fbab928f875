//! 203 Non-Authoritative Information (RFC 9110 §15.3.4): a gateway's transform changed the content of an upstream's 200.

use wherefore_message::Coding;

use crate::support::client::End;
use crate::support::upstream::{Act, Received, Step, Upstream};
use crate::support::{Configured, coded, routes};

const GET: &str = "GET /a HTTP/1.1\nHost: localhost\n\n";
const REPLACE: &str = "replace = { old = \"something new\" }";

/// A gateway to this upstream, whose transform says this.
fn before(upstream: &Upstream, transform: &str) -> Configured {
    routes(&[&format!(
        "{{ path = \"/*\", gateway = {{ to = \"{}\", unhealthy-after = 0 }}, transform = {{ {transform} }} }}",
        upstream.url()
    )])
}

/// An answer of 200 with these fields, each with its end, and this content.
fn answer(fields: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{fields}\r\n");
    [head.as_bytes(), content].concat()
}

const TEXT: &str = "Content-Type: text/plain\r\nETag: \"v1\"\r\n";

/// The field lines of a request, with those of others.
fn with(fields: &str) -> String {
    format!("GET /a HTTP/1.1\nHost: localhost\n{fields}\n")
}

#[test]
fn text_is_replaced_and_said_to_be() {
    let more = "Content-Type: text/html\r\nETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                Accept-Ranges: bytes\r\nContent-Digest: sha-256=:x:\r\n";
    let upstream = Upstream::always(answer(more, b"an old text, of old"));
    let gateway = before(&upstream, REPLACE);
    let reply = gateway.ask(GET);
    assert_eq!((reply.status, reply.text()), (203, "an something new text, of something new"));
    let tag = reply.field("etag").unwrap();
    assert!(tag.starts_with("\"v1-t") && tag.len() > 10, "{tag}");
    for gone in ["last-modified", "accept-ranges", "content-digest", "content-length"] {
        assert!(!reply.has(gone), "{gone}");
    }
    assert!(reply.field("via").unwrap().starts_with("1.1 "));
    assert!(gateway.log_line("203").contains("transformed"));
    // HEAD says what GET does.
    let head = gateway.ask("HEAD /a HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((head.status, head.field("etag")), (203, Some(tag)));
    assert!(!head.has("content-length"));
}

#[test]
fn texts_are_found_wherever_they_are_cut() {
    let content = "xoldoolddold ol".repeat(3);
    let steps = content.bytes().map(|octet| format!("1\r\n{}\r\n", char::from(octet)));
    let mut octets: Vec<Vec<u8>> = steps.map(String::into_bytes).collect();
    octets.push(b"0\r\nDigest: x\r\n\r\n".to_vec());
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{TEXT}\r\n");
    let mut steps = vec![Step::Read, Step::Write(head.into_bytes())];
    for octets in octets {
        steps.extend([Step::Write(octets), Step::Await]);
    }
    let awaited = steps.iter().filter(|step| matches!(step, Step::Await)).count();
    let upstream = Upstream::stepping(steps);
    let gateway = before(&upstream, REPLACE);
    let mut client = gateway.connect();
    client.send(&with("TE: trailers\nConnection: TE\n"));
    (0..awaited).for_each(|_| upstream.go_on());
    let reply = client.reply("GET");
    assert_eq!((reply.status, reply.text()), (203, &*content.replace("old", "something new")));
}

#[test]
fn what_is_known_goes_on_at_once() {
    let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{TEXT}\r\n");
    let upstream = Upstream::stepping(vec![
        Step::Write([head.as_bytes(), b"5\r\n1 old\r\n"].concat()),
        Step::Await,
        Step::Write(b"5\r\n2 old\r\n0\r\n\r\n".to_vec()),
    ]);
    for coding in [None, Some(Coding::Gzip)] {
        let gateway = before(&upstream, &format!("{REPLACE}, recompress = \"gzip\""));
        let mut client = gateway.connect();
        client.send(&with(coding.map_or("", |_| "Accept-Encoding: gzip\n")));
        assert_eq!(client.head().status, 203);
        let size = usize::from_str_radix(&client.line(), 16).unwrap();
        let first = client.exactly(size);
        match coding {
            None => assert_eq!(first, b"1 something new"),
            // Without its end.
            Some(coding) => assert_eq!(coded::begun(coding, &first), b"1 something new"),
        }
        upstream.go_on();
        assert!(client.line().is_empty());
    }
}

#[test]
fn content_may_end_with_the_connection() {
    let head = format!("HTTP/1.1 200 OK\r\n{TEXT}Content-Encoding: gzip\r\n\r\n");
    let whole = coded::all(Coding::Gzip, b"an old text");
    let ending = |content: &[u8]| {
        let octets = [head.as_bytes(), content].concat();
        Upstream::stepping(vec![Step::Read, Step::Write(octets), Step::HalfClose])
    };
    let upstream = ending(&whole);
    let reply = before(&upstream, REPLACE).ask(GET);
    assert_eq!((reply.status, reply.text()), (203, "an something new text"));
    // That it was too short is seen by the coding alone.
    let upstream = ending(&whole[..whole.len() - 1]);
    let gateway = before(&upstream, REPLACE);
    let mut client = gateway.connect();
    client.send(GET);
    assert_ne!(client.head().status, 200);
    let (octets, end) = client.until_end();
    assert!(end == End::BrokenOff || !octets.ends_with(b"0\r\n\r\n"), "it looks whole");
    assert!(gateway.log_line("GET /a").contains("content-coding"));
}

#[test]
fn content_is_decoded_and_coded_anew() {
    let content = "an old text ".repeat(20_000);
    let expected = content.replace("old", "something new");
    for from in Coding::ALL {
        let fields = format!("{TEXT}Content-Encoding: {}\r\n", from.name());
        let upstream = Upstream::always(answer(&fields, &coded::all(from, content.as_bytes())));
        let plain =
            before(&upstream, REPLACE).ask(&with(&format!("Accept-Encoding: {}\n", from.name())));
        assert_eq!(plain.status, 203);
        assert!(plain.text() == expected && !plain.has("content-encoding"), "{from:?}");
        let gateway =
            before(&upstream, &format!("{REPLACE}, recompress = [\"zstd\", \"br\", \"gzip\"]"));
        for to in Coding::ALL {
            let reply = gateway.ask(&with(&format!("Accept-Encoding: {}\n", to.name())));
            assert_eq!((reply.status, reply.field("content-encoding")), (203, Some(to.name())));
            assert!(reply.content.len() < content.len() / 10, "{}", reply.content.len());
            assert!(coded::whole(to, &reply.content) == expected.as_bytes(), "{from:?} {to:?}");
            assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
            // The same text may be coded otherwise the next time.
            assert!(reply.field("etag").unwrap().starts_with("W/"), "{reply:?}");
        }
        let refused = gateway.ask(&with("Accept-Encoding: gzip;q=0\n"));
        assert!(!refused.has("content-encoding") && refused.text() == expected);
    }
}

#[test]
fn another_coding_alone_is_no_other_content() {
    let upstream = Upstream::always(answer(TEXT, "text ".repeat(1000).as_bytes()));
    let gateway = before(&upstream, "recompress = \"gzip\"");
    let reply = gateway.ask(&with("Accept-Encoding: gzip\n"));
    assert_eq!((reply.status, reply.field("content-encoding")), (200, Some("gzip")));
    assert_eq!(coded::whole(Coding::Gzip, &reply.content), "text ".repeat(1000).as_bytes());
}

#[test]
fn the_status_stays_where_the_operator_wants_it_to() {
    let upstream = Upstream::always(answer(TEXT, b"old"));
    let reply = before(&upstream, &format!("{REPLACE}, keep-status = true")).ask(GET);
    assert_eq!((reply.status, reply.text()), (200, "something new"));
    assert!(reply.field("etag").unwrap().starts_with("\"v1-t"));
    let missing =
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nold";
    let upstream = Upstream::always(missing);
    let reply = before(&upstream, REPLACE).ask(GET);
    assert_eq!((reply.status, reply.text()), (404, "something new"), "its meaning would be lost");
}

#[test]
fn either_side_may_forbid_it() {
    let forbidden = format!("{TEXT}Cache-Control: max-age=5, no-transform\r\n");
    for (fields, request) in
        [(forbidden.as_str(), GET.to_owned()), (TEXT, with("Cache-Control: no-transform\n"))]
    {
        let upstream = Upstream::always(answer(fields, b"old"));
        let reply = before(&upstream, REPLACE).ask(&request);
        assert_eq!((reply.status, reply.text()), (200, "old"));
        assert_eq!(reply.field("content-length"), Some("3"));
        // It stands for content that was not changed: none may be taken for the other.
        assert!(reply.field("etag").unwrap().starts_with("\"v1-p"), "{reply:?}");
    }
}

#[test]
fn what_is_no_text_or_only_a_part_goes_on_as_it_came() {
    let binary = answer("Content-Type: image/png\r\n", b"old");
    let part = b"HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/9\r\n\
                 Content-Length: 3\r\n\r\nold";
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\n";
    let unknown = answer(&format!("{TEXT}Content-Encoding: compress\r\n"), b"old");
    for (octets, status, content) in [
        (binary, 200, "old"),
        (part.to_vec(), 206, "old"),
        (nothing.to_vec(), 204, ""),
        (unknown, 200, "old"),
        (answer("", b"old"), 200, "old"),
    ] {
        let upstream = Upstream::always(octets);
        let reply = before(&upstream, REPLACE).ask(GET);
        assert_eq!((reply.status, reply.text()), (status, content));
    }
}

/// Its content for whoever has another version; it knows tags, and ranges.
fn versioned(received: &Received) -> Act {
    Act::Answer(if received.field("if-none-match") == Some("\"v1\"") {
        b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n".to_vec()
    } else {
        answer(TEXT, b"old")
    })
}

#[test]
fn our_tag_is_revalidated_by_the_upstreams() {
    let upstream = Upstream::start(versioned);
    let gateway = before(&upstream, REPLACE);
    let tag = gateway.ask(GET).field("etag").unwrap().to_owned();
    assert!(!upstream.done().head.to_ascii_lowercase().contains("if-none-match"));
    let reply = gateway.ask(&with(&format!("If-None-Match: \"x\", {tag}\n")));
    assert_eq!((reply.status, reply.field("etag")), (304, Some(tag.as_str())));
    assert_eq!(upstream.done().field("if-none-match"), Some("\"v1\""));
    // The upstream's own tag is of what nobody here has.
    let reply = gateway
        .ask(&with("If-None-Match: \"v1\"\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\n"));
    assert_eq!((reply.status, reply.text()), (203, "something new"));
    let asked = upstream.done();
    assert_eq!((asked.field("if-none-match"), asked.field("if-modified-since")), (None, None));
    // With another transform it is another content.
    let other = before(&upstream, "replace = { old = \"newer\" }");
    let reply = other.ask(&with(&format!("If-None-Match: {tag}\n")));
    assert_eq!((reply.status, reply.text()), (203, "newer"));
}

#[test]
fn nobody_asks_for_a_part_of_what_is_changed() {
    let upstream = Upstream::start(versioned);
    let gateway = before(&upstream, REPLACE);
    let reply = gateway.ask(&with("Range: bytes=0-1\nIf-Range: \"v1\"\n"));
    assert_eq!((reply.status, reply.text()), (203, "something new"));
    let asked = upstream.done();
    assert_eq!((asked.field("range"), asked.field("if-range")), (None, None));
}

#[test]
fn fields_are_set_and_dropped() {
    let upstream = Upstream::always(answer("X-Debug: 1\r\nX-Old: 2\r\n", b"old"));
    let gateway = before(&upstream, "set = { X-Old = \"3\" }, drop = \"X-Debug\"");
    let reply = gateway.ask(GET);
    assert_eq!((reply.status, reply.text(), reply.field("x-old")), (200, "old", Some("3")));
    assert!(!reply.has("x-debug"));
    assert_eq!(reply.field("content-length"), Some("3"), "the content is as it came");
}

#[test]
fn what_can_not_be_decoded_is_502() {
    let good = coded::all(Coding::Gzip, b"old");
    let fields = format!("{TEXT}Content-Encoding: gzip\r\n");
    for content in [&b"no gzip"[..], &good[..good.len() - 1], &[&good[..], b"x"].concat()] {
        let upstream = Upstream::always(answer(&fields, content));
        let gateway = before(&upstream, REPLACE);
        let reply = gateway.ask(GET);
        reply.is(502, "upstream-content");
        assert_eq!(reply.problem()["cause"], "content-coding");
        let told = reply.field("proxy-status").unwrap();
        assert!(told.contains("error=http_response_content_coding"), "{told}");
    }
}

#[test]
fn what_turns_out_later_not_to_be_decodable_is_cut() {
    let noise: Vec<u8> =
        (0..1_u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut content = coded::all(Coding::Gzip, &noise);
    let last = content.len() - 6;
    content[last] ^= 1;
    let fields = format!("{TEXT}Content-Encoding: gzip\r\n");
    let upstream = Upstream::always(answer(&fields, &content));
    let gateway = before(&upstream, REPLACE);
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head().status, 203);
    let (octets, end) = client.until_end();
    assert!(end == End::BrokenOff || !octets.ends_with(b"0\r\n\r\n"), "it looks whole");
    assert!(gateway.log_line("broken-off").contains("content-coding"));
}

#[test]
fn little_that_stands_for_much_is_bounded() {
    let bomb = coded::all(Coding::Gzip, &vec![b'x'; 64 << 20]);
    let fields = format!("{TEXT}Content-Encoding: gzip\r\n");
    let upstream = Upstream::always(answer(&fields, &bomb));
    let gateway = routes(&[&format!(
        "{{ path = \"/*\", gateway = {{ to = \"{}\", answer-bytes = \"1MiB\" }}, transform = {{ {REPLACE} }} }}",
        upstream.url()
    )]);
    let mut client = gateway.connect();
    client.send(GET);
    assert_eq!(client.head().status, 203);
    let (octets, _) = client.until_end();
    assert!(octets.len() < 2 << 20 && !octets.ends_with(b"0\r\n\r\n"), "{}", octets.len());
    assert!(gateway.log_line("broken-off").contains("content-too-large"));
}
