//! 206 Partial Content (RFC 9110 §15.3.7, §14): a part is asked for, and can be given.

use std::path::Path;

use crate::support::{Reply, Running, start};
use crate::written::{self, get};

const DIGITS: &[u8] = b"0123456789";

/// Asserts that the answer is the whole, as if no range had been asked for.
fn is_whole(reply: &Reply, content: &[u8]) {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.content, content);
    assert!(!reply.has("content-range"), "{reply:?}");
}

/// The parts of a `multipart/byteranges` content, read as a client reads them: what `Content-Range`
/// says, and the octets.
fn parts(reply: &Reply, media_type: &str) -> Vec<(String, Vec<u8>)> {
    assert_eq!(reply.status, 206, "{reply:?}");
    assert!(!reply.has("content-range"), "it stands in the parts alone (RFC 9110 §15.3.7.2)");
    let kind = reply.field("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let delimiter = format!("--{boundary}");
    let mut rest = &reply.content[..];
    let mut parts = Vec::new();
    loop {
        rest = rest.strip_prefix(delimiter.as_bytes()).expect("a delimiter");
        if rest == b"--\r\n" {
            return parts;
        }
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let field = |name: &str| {
            let line = head.split("\r\n").find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {head:?}")).to_owned()
        };
        assert_eq!(field("Content-Type: "), media_type);
        let range = field("Content-Range: ");
        let (first, last) =
            range["bytes ".len()..].split_once('/').unwrap().0.split_once('-').unwrap();
        let length = last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1;
        rest = &rest[end..];
        parts.push((range, rest[..length].to_vec()));
        rest = rest[length..].strip_prefix(b"\r\n").expect("a line's end before the delimiter");
    }
}

#[test]
fn one_range() {
    let server = start(&[]);
    server.file("digits.txt", DIGITS);
    let whole = get(&server, "/digits.txt", "");
    for (range, content, said) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-4", "4", "bytes 4-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=0-", "0123456789", "bytes 0-9/10"),
        ("bytes=8-99999999999999999999999", "89", "bytes 8-9/10"),
        ("Bytes=1-2", "12", "bytes 1-2/10"),
        ("bytes= 1-2", "12", "bytes 1-2/10"),
        ("bytes=20-30,1-2", "12", "bytes 1-2/10"),
    ] {
        let reply = get(&server, "/digits.txt", &format!("Range: {range}\n"));
        assert_eq!((reply.status, &*reply.phrase), (206, "Partial Content"), "{range}");
        assert_eq!(reply.text(), content, "{range}");
        assert_eq!(reply.field("content-range"), Some(said));
        assert_eq!(reply.field("content-length"), Some(&*content.len().to_string()));
        // What the 200 says, the 206 says too (RFC 9110 §15.3.7).
        for name in ["etag", "last-modified", "content-type", "accept-ranges"] {
            assert!(reply.has(name), "{name}");
            let tag = |reply: &Reply| reply.field(name).unwrap().replace("W/", "");
            assert_eq!(tag(&reply), tag(&whole), "{name}");
        }
        assert!(reply.has("date"));
    }
}

/// Also of what is too long to be kept in memory, at the edges of what is sent at once.
#[test]
fn a_range_of_a_long_file() {
    let server = start(&[]);
    let content: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
    server.file("long", &content);
    for (first, last) in
        [(0, 0), (0, 65_536), (2_097_151, 2_097_153), (1, 4_999_998), (4_999_999, 4_999_999)]
    {
        let reply = get(&server, "/long", &format!("Range: bytes={first}-{last}\n"));
        assert_eq!(reply.status, 206);
        assert_eq!(reply.field("content-range"), Some(&*format!("bytes {first}-{last}/5000000")));
        assert!(reply.content == content[first..=last], "{first}-{last}");
    }
    let reply = get(&server, "/long", "Range: bytes=0-1,3000000-3000001,-2\n");
    let parts = parts(&reply, "application/octet-stream");
    let expected =
        [0..2, 3_000_000..3_000_002, 4_999_998..5_000_000].map(|at| content[at].to_vec());
    assert!(parts.into_iter().map(|(_, octets)| octets).eq(expected));
}

#[test]
fn several_ranges_are_parts() {
    let server = start(&[]);
    server.file("digits.txt", DIGITS);
    for (ranges, expected) in [
        ("0-1,4-5", &[("0-1", "01"), ("4-5", "45")][..]),
        ("8-9, 0-0 ,\t4-", &[("0-0", "0"), ("4-9", "456789")]),
        ("-1,0-0", &[("9-9", "9"), ("0-0", "0")]),
        (
            "0-0,2-2,4-4,6-6,-1",
            &[("0-0", "0"), ("2-2", "2"), ("4-4", "4"), ("6-6", "6"), ("9-9", "9")],
        ),
        ("0-0,99-,5-5", &[("0-0", "0"), ("5-5", "5")]),
    ] {
        let reply = get(&server, "/digits.txt", &format!("Range: bytes={ranges}\n"));
        assert!(reply.has("etag") && reply.has("date") && reply.has("last-modified"));
        let mut seen = parts(&reply, "text/plain; charset=utf-8");
        let mut expected: Vec<_> = expected
            .iter()
            .map(|(range, octets)| (format!("bytes {range}/10"), octets.as_bytes().to_vec()))
            .collect();
        // Ranges that touch are joined where the earliest stood; in which order is the server's choice.
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "{ranges}");
    }
}

/// A boundary that the content can't foresee: two answers never share one.
#[test]
fn boundaries_are_made_anew() {
    let server = start(&[]);
    server.file("a", DIGITS);
    let ask =
        || get(&server, "/a", "Range: bytes=0-0,9-9\n").field("content-type").unwrap().to_owned();
    assert_ne!(ask(), ask());
}

/// No set of ranges makes the server send an octet twice, nor more than the whole and its delimiters.
#[test]
fn hostile_sets() {
    let server = start(&[]);
    let content = "x".repeat(1000);
    server.file("kilo", &content);
    let ask = |range: &str| get(&server, "/kilo", &format!("Range: bytes={range}\n"));
    // Twenty times the whole is one range.
    let reply = ask(&["0-"; 20].join(","));
    assert_eq!((reply.status, reply.field("content-range")), (206, Some("bytes 0-999/1000")));
    assert_eq!(reply.content.len(), 1000);
    let reply = ask("0-499,500-999,200-700");
    assert_eq!((reply.status, reply.field("content-range")), (206, Some("bytes 0-999/1000")));
    let reply = ask("10-20,15-30,31-31,-1");
    let seen = parts(&reply, "application/octet-stream");
    assert_eq!(seen.len(), 2, "overlapping and touching ranges are joined");
    assert_eq!(seen[0].0, "bytes 10-31/1000");
    // More than anyone needs are ignored, as RFC 9110 §14.2 allows.
    let many: Vec<String> = (0..400).map(|i| format!("{0}-{0}", i * 2)).collect();
    is_whole(&ask(&many.join(",")), content.as_bytes());
}

#[test]
fn what_is_no_range_is_ignored() {
    let server = start(&[]);
    server.file("a", DIGITS);
    for range in [
        "lines=1-2",
        "octets=0-1",
        "bytes",
        "bytes=",
        "bytes=x",
        "bytes=3-1",
        "bytes=1-2,x-y",
        "bytes=--2",
        "bytes 0-1",
        "bytes=0 - 1",
        "0-1",
    ] {
        is_whole(&get(&server, "/a", &format!("Range: {range}\n")), DIGITS);
    }
    // A singleton field that stands twice says nothing.
    let twice = get(&server, "/a", "Range: bytes=0-1\nRange: bytes=2-3\n");
    is_whole(&twice, DIGITS);
}

/// GET alone knows ranges (RFC 9110 §14.2); nine of ten servers answer 206 to a HEAD.
#[test]
fn other_methods_ignore_it() {
    let server = start(&["--writable"]);
    server.file("a", DIGITS);
    let head = server.ask("HEAD /a HTTP/1.1\nHost: localhost\nRange: bytes=0-1\n\n");
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
    assert!(!head.has("content-range"));
    // Nor is a range that nothing can meet a fault of theirs.
    let head = server.ask("HEAD /a HTTP/1.1\nHost: localhost\nRange: bytes=99-\n\n");
    assert_eq!(head.status, 200);
    let put = "PUT /a HTTP/1.1\nHost: localhost\nRange: bytes=0-1\nContent-Length: 3\n\nabc";
    assert_eq!(server.ask(put).status, 204);
    assert_eq!(server.read("a"), b"abc");
    let delete = server.ask("DELETE /a HTTP/1.1\nHost: localhost\nRange: bytes=0-1\n\n");
    assert_eq!(delete.status, 204);
}

#[test]
fn if_range_by_tag() {
    let server = start(&["--writable"]);
    let tag = written::tag(&server, "/a.txt", DIGITS);
    let ask =
        |value: &str| get(&server, "/a.txt", &format!("Range: bytes=0-1\nIf-Range: {value}\n"));
    let part = ask(&tag);
    assert_eq!((part.status, part.text()), (206, "01"));
    assert_eq!(part.field("etag"), Some(&*tag));
    assert!(part.has("date") && part.has("content-range"));
    assert!(!part.has("last-modified"), "the client has the rest (RFC 9110 §15.3.7)");
    for foreign in [
        "\"foreign\"",
        &format!("W/{tag}"),
        "W/\"x\"",
        "*",
        tag.trim_matches('"'),
        "",
        &format!("{tag}, {tag}"),
    ] {
        is_whole(&ask(foreign), DIGITS);
    }
    // After a change the same tag gives the whole of the new version: the parts never mix.
    written::put(&server, "/a.txt", b"abcdefghij");
    is_whole(&ask(&tag), b"abcdefghij");
    // And with it, a range that nothing can meet is no fault either.
    let reply = get(&server, "/a.txt", &format!("Range: bytes=99-\nIf-Range: {tag}\n"));
    is_whole(&reply, b"abcdefghij");
}

/// While another program may write twice within a tick of the clock, the tag is weak, and holds for no
/// range.
#[test]
fn if_range_by_a_weak_tag() {
    let server = start(&[]);
    server.file("a", DIGITS);
    let tag = get(&server, "/a", "").field("etag").unwrap().to_owned();
    assert!(tag.starts_with("W/"), "{tag}");
    is_whole(&get(&server, "/a", &format!("Range: bytes=0-1\nIf-Range: {tag}\n")), DIGITS);
    assert_eq!(get(&server, "/a", "Range: bytes=0-1\n").status, 206, "unconditionally it is given");
}

/// A date is compared for equality, and holds only where it is strong (RFC 9110 §13.1.5, §8.8.2.2).
#[test]
fn if_range_by_date() {
    // Files that no one has written to for a while.
    let server = Running::over(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs"), &[]);
    let whole = get(&server, "/rules.md", "");
    assert!(whole.field("etag").unwrap().starts_with('"'), "{whole:?}");
    let date = whole.field("last-modified").unwrap();
    let ask =
        |date: &str| get(&server, "/rules.md", &format!("Range: bytes=0-1\nIf-Range: {date}\n"));
    let part = ask(date);
    assert_eq!((part.status, &part.content[..]), (206, &whole.content[..2]));
    // Later would do for If-Unmodified-Since; here it does not.
    for other in ["Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 2100 23:59:59 GMT", "yesterday"] {
        is_whole(&ask(other), &whole.content);
    }
}

/// Two versions of one second have one date: a part of the second must not be taken for one of the first.
#[test]
fn the_date_of_this_second_is_weak() {
    let server = start(&["--writable"]);
    let versions = |tries: usize| {
        (0..tries).find_map(|_| {
            let first = written::put(&server, "/a", b"aaaaaaaaaa");
            let second = written::put(&server, "/a", b"bbbbbbbbbb");
            let date = first.field("last-modified").unwrap().to_owned();
            let reply = get(&server, "/a", &format!("Range: bytes=0-1\nIf-Range: {date}\n"));
            // All within one second, or tried again.
            let same = second.field("last-modified") == Some(&*date)
                && reply.field("date") == Some(&*date);
            same.then_some(reply)
        })
    };
    is_whole(&versions(100).expect("three requests within one second"), b"bbbbbbbbbb");
}

/// A range of what is stored in a coding is a range of that coding's octets, under that coding's tag.
#[test]
fn a_range_of_a_stored_coding() {
    let server = start(&[]);
    server.file("a.txt", DIGITS);
    server.file("a.txt.gz", "GZIPPED OCTETS");
    let ask = |fields: &str| get(&server, "/a.txt", &format!("Range: bytes=0-3\n{fields}"));
    let coded = ask("Accept-Encoding: gzip\n");
    assert_eq!((coded.status, coded.text()), (206, "GZIP"));
    assert_eq!(coded.field("content-range"), Some("bytes 0-3/14"));
    assert_eq!(coded.field("content-encoding"), Some("gzip"));
    assert_eq!(coded.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(coded.field("vary"), Some("Accept-Encoding"));
    let plain = ask("");
    assert_eq!((plain.status, plain.text()), (206, "0123"));
    assert_eq!(plain.field("content-range"), Some("bytes 0-3/10"));
    assert!(!plain.has("content-encoding"));
    assert_eq!(plain.field("vary"), Some("Accept-Encoding"));
    assert_ne!(plain.field("etag"), coded.field("etag"));
    let several = get(&server, "/a.txt", "Accept-Encoding: gzip\nRange: bytes=0-0,-1\n");
    assert_eq!(several.field("content-encoding"), Some("gzip"));
    let octets: Vec<_> =
        parts(&several, "text/plain; charset=utf-8").into_iter().map(|p| p.1).collect();
    assert_eq!(octets, [b"G", b"S"]);
}

/// The conditions come first: a copy that is current needs no part, one that is not gets no 206.
#[test]
fn after_the_preconditions() {
    let server = start(&["--writable"]);
    let tag = written::tag(&server, "/a", DIGITS);
    let ask = |fields: &str| get(&server, "/a", &format!("Range: bytes=0-1\n{fields}"));
    assert_eq!(ask(&format!("If-None-Match: {tag}\n")).status, 304);
    ask("If-Match: \"other\"\n").is(412, "if-match");
    assert_eq!(ask(&format!("If-Match: {tag}\n")).status, 206);
    assert_eq!(ask("If-None-Match: \"other\"\n").status, 206);
}

/// An index file has ranges; the list of a folder's members, which is made anew each time, has none.
#[test]
fn of_folders() {
    let server = start(&[]);
    server.file("a/index.html", DIGITS);
    server.file("b/c", "");
    let index = get(&server, "/a/", "Range: bytes=2-3\n");
    assert_eq!((index.status, index.text()), (206, "23"));
    assert_eq!(index.field("content-type"), Some("text/html; charset=utf-8"));
    let list = get(&server, "/b/", "Range: bytes=0-1\n");
    assert_eq!(list.status, 200);
    assert!(list.text().ends_with("</html>\n") && !list.has("accept-ranges"));
}
