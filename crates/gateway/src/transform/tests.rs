//! What a transform changes, what it leaves, and that it does not matter how content comes cut.

use proptest::collection::vec;
use proptest::prelude::*;
use wherefore_message::request::RequestBuf;
use wherefore_message::{Announced, FieldLines, Version};

use super::*;

type Texts<'t> = &'t [(&'t str, &'t str)];

fn replacements(list: &[(&str, &str)]) -> Replacements {
    let one = |(old, new): &(&str, &str)| Replacement {
        old: old.as_bytes().into(),
        new: new.as_bytes().into(),
    };
    Replacements::new(list.iter().map(one).collect()).unwrap()
}

fn transform() -> Transform {
    Transform::new(replacements(&[("http://app", "https://shop"), ("a", "b")]))
}

fn request(method: &str, lines: Texts<'_>) -> RequestBuf {
    let fields = lines.iter().copied().collect();
    let method = method.as_bytes();
    RequestBuf::new(Version::HTTP_11, method, b"/", None, fields, Announced::Nothing).unwrap()
}

fn relayed(status: Status, lines: Texts<'_>) -> ResponseHead {
    let mut head = ResponseHead::new(status);
    for (name, value) in lines {
        head.relay(name.as_bytes(), value.as_bytes());
    }
    head
}

/// What becomes of an answer, and in what its content is coded.
fn changed(
    transform: &Transform,
    request: &RequestBuf,
    status: Status,
    lines: Texts<'_>,
) -> (Applies, Option<Level>, u16, String) {
    let fields: FieldLines = lines.iter().copied().collect();
    let applies = transform.applies(&request.view(), status, fields.view());
    let mut head = relayed(status, lines);
    let level = transform.apply(applies, &request.view(), &mut head);
    let written = String::from_utf8(head.relayed_written().to_vec()).unwrap();
    (applies, level, head.status.code(), written)
}

fn asked(transform: &Transform, request: &RequestBuf) -> String {
    let mut out = Vec::new();
    transform.lines(&request.view(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_applies() {
    use Applies::{No, Yes};
    let (get, plain) = (request("GET", &[]), ("Content-Type", "text/html; charset=utf-8"));
    let transform = transform();
    let of = |status: u16, lines: Texts<'_>| {
        let fields: FieldLines = lines.iter().copied().collect();
        transform.applies(&get.view(), Status::new(status).unwrap(), fields.view())
    };
    let whole = Yes { decode: None };
    assert_eq!(of(200, &[plain]), whole);
    assert_eq!(of(404, &[plain]), whole);
    assert_eq!(of(200, &[("Content-Type", "application/ld+json")]), whole);
    assert_eq!(of(200, &[("Content-Type", "image/svg+xml")]), whole);
    for (status, lines, why) in [
        (200, &[("Content-Type", "image/png")][..], Why::Type),
        (200, &[], Why::Type),
        (200, &[plain, plain], Why::Type),
        (204, &[plain], Why::Status),
        (205, &[plain], Why::Status),
        (304, &[plain], Why::Status),
        (101, &[plain], Why::Status),
        (206, &[plain], Why::Partial),
        (200, &[plain, ("Content-Range", "bytes 0-1/5")], Why::Partial),
        (200, &[plain, ("Cache-Control", "max-age=5, No-Transform")], Why::Forbidden),
        (200, &[plain, ("Content-Encoding", "deflate")], Why::Coding),
        (200, &[plain, ("Content-Encoding", "gzip, gzip")], Why::Coding),
    ] {
        assert_eq!(of(status, lines), No(why), "{status} {lines:?}");
    }
    for (coding, decode) in [
        ("gzip", Some(Coding::Gzip)),
        ("X-GZIP", Some(Coding::Gzip)),
        ("br", Some(Coding::Brotli)),
        ("zstd, identity", Some(Coding::Zstd)),
        ("identity", None),
    ] {
        assert_eq!(of(200, &[plain, ("Content-Encoding", coding)]), Yes { decode }, "{coding}");
    }
    let fields: FieldLines = [plain].into_iter().collect();
    let asks = request("GET", &[("Cache-Control", "no-transform")]);
    let applies = transform.applies(&asks.view(), Status::OK, fields.view());
    assert_eq!(applies, No(Why::Forbidden));
    let nothing = Transform::new(Replacements::NONE);
    assert_eq!(nothing.applies(&get.view(), Status::OK, fields.view()), No(Why::Nothing));
    let listed = transform.clone().of_types(vec![TypeRange::parse("image/*").unwrap()]);
    assert_eq!(listed.applies(&get.view(), Status::OK, fields.view()), No(Why::Type));
}

#[test]
fn what_is_said_of_changed_content() {
    let transform = transform();
    let lines = [
        ("Content-Type", "text/html"),
        ("ETag", "\"x\""),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Accept-Ranges", "bytes"),
        ("Content-Encoding", "gzip"),
        ("Content-Digest", "sha-256=:x:"),
        ("Repr-Digest", "sha-256=:x:"),
        ("content-md5", "x"),
        ("X-Other", "y"),
    ];
    let mark = &transform.mark;
    let expected = format!("Content-Type: text/html\r\nX-Other: y\r\nETag: \"x-t{mark}\"\r\n");
    for method in ["GET", "HEAD"] {
        let (_, level, code, written) =
            changed(&transform, &request(method, &[]), Status::OK, &lines);
        assert_eq!((level, code, &*written), (None, 203, &*expected));
    }
    let get = request("GET", &[]);
    let (.., code, _) = changed(&transform, &get, Status::NOT_FOUND, &lines);
    assert_eq!(code, 404);
    let kept = transform.clone().keeping_status(KeepStatus::Yes);
    assert_eq!(changed(&kept, &get, Status::OK, &lines).2, 200);
    // What is not changed keeps what is said of it, but for the mark and for ranges.
    let (.., code, written) = changed(
        &transform,
        &get,
        Status::OK,
        &[
            ("Content-Type", "image/png"),
            ("ETag", "W/\"x\""),
            ("Accept-Ranges", "bytes"),
            ("Last-Modified", "z"),
        ],
    );
    let expected =
        format!("Content-Type: image/png\r\nLast-Modified: z\r\nETag: W/\"x-p{mark}\"\r\n");
    assert_eq!((code, written), (200, expected));
    let (.., written) = changed(&transform, &get, Status::OK, &[("ETag", "x"), ("A", "b")]);
    assert_eq!(written, "A: b\r\n");
}

#[test]
fn fields_alone_change_no_content() {
    let transform = Transform::new(Replacements::NONE)
        .with_fields(vec![("X-A".into(), "1".into())], Names::new(["Server", "x-gone"]));
    let get = request("GET", &[("Range", "bytes=0-"), ("If-None-Match", "\"x\"")]);
    assert!(transform.withheld(&get.view()).is_empty() && asked(&transform, &get).is_empty());
    let lines = [
        ("Server", "s"),
        ("X-Gone", "g"),
        ("x-a", "2"),
        ("ETag", "\"x\""),
        ("Accept-Ranges", "bytes"),
    ];
    let (applies, level, code, written) = changed(&transform, &get, Status::OK, &lines);
    assert_eq!((applies, level, code), (Applies::No(Why::Nothing), None, 200));
    assert_eq!(written, "ETag: \"x\"\r\nAccept-Ranges: bytes\r\nX-A: 1\r\n");
}

#[test]
fn content_is_coded_for_the_client() {
    let levels = [Coding::Brotli, Coding::Gzip].map(Level::usual).to_vec();
    let transform = Transform::new(Replacements::NONE).recompressed(levels);
    let lines = [("Content-Type", "text/css"), ("ETag", "\"x\""), ("Vary", "Cookie")];
    let of = |accept: &str| {
        let get = request("GET", &[("Accept-Encoding", accept)]);
        let (_, level, code, written) = changed(&transform, &get, Status::OK, &lines);
        assert_eq!(code, 200);
        assert!(written.contains("Vary: Accept-Encoding\r\n") && written.contains("ETag: W/\"x-t"));
        let coding = level.map(Level::coding);
        let said = written.contains("Content-Encoding: ");
        assert_eq!(said, coding.is_some(), "{written}");
        coding
    };
    assert_eq!(of("gzip, br"), Some(Coding::Brotli));
    assert_eq!(of("gzip, br;q=0.5"), Some(Coding::Gzip));
    assert_eq!(of("zstd"), None);
    assert_eq!(of("gzip;q=0.1, identity"), None);
    let get = request("GET", &[("Accept-Encoding", "deflate, gzip;q=0, br")]);
    assert_eq!(asked(&transform, &get), "Accept-Encoding: br\r\n");
    let get = request("GET", &[("Accept-Encoding", "deflate")]);
    assert_eq!(asked(&transform, &get), "Accept-Encoding: identity\r\n");
}

#[test]
fn tags_go_out_marked_and_come_back_without() {
    let transform = transform();
    let mark = transform.mark.clone();
    let (ours, plain) = (format!("\"x-t{mark}\""), format!("W/\"y-p{mark}\""));
    let tags = format!("{ours}, \"older\", {plain}, \"x-t00000000\"");
    let get = request(
        "GET",
        &[("If-None-Match", &tags), ("If-Modified-Since", "z"), ("Range", "bytes=0-1")],
    );
    assert_eq!(asked(&transform, &get), "If-None-Match: \"x\", W/\"y\"\r\n");
    let withheld = transform.withheld(&get.view());
    for name in [FieldName::IfNoneMatch, FieldName::IfModifiedSince, FieldName::Range] {
        assert!(withheld.has(name), "{name}");
    }
    for (tag, out) in [
        ("\"x\"", format!("ETag: {ours}\r\n")),
        ("\"y\"", format!("ETag: {plain}\r\n")),
        ("\"z\"", format!("ETag: \"z-p{mark}\"\r\n")),
    ] {
        let (.., code, written) = changed(
            &transform,
            &get,
            Status::NOT_MODIFIED,
            &[("ETag", tag), ("Last-Modified", "z")],
        );
        assert_eq!((code, written), (304, out));
    }
    let none = request("GET", &[("If-None-Match", "\"older\"")]);
    assert_eq!(asked(&transform, &none), "");
    for (method, name, value, expected) in [
        ("GET", "If-None-Match", "*", "If-None-Match: *\r\n"),
        ("PUT", "If-None-Match", "\"o\"", "If-None-Match: \"o\"\r\n"),
        ("PUT", "If-Match", &*ours, "If-Match: \"x\"\r\n"),
        ("PUT", "If-Match", "\"o\"", "If-Match: \"o\"\r\n"),
        ("PUT", "If-Match", "*", "If-Match: *\r\n"),
        ("PUT", "If-Match", "no tag", "If-Match: \"\"\r\n"),
    ] {
        assert_eq!(asked(&transform, &request(method, &[(name, value)])), expected, "{method}");
    }
    let other = Transform::new(replacements(&[("a", "c")]));
    assert_ne!(other.mark, mark);
    assert_eq!(asked(&other, &get), "");
}

/// What becomes of content that comes in these pieces.
fn replaced<'c>(all: &Replacements, pieces: impl IntoIterator<Item = &'c [u8]>) -> Vec<u8> {
    let (mut replacer, mut out) = (Replacer::new(all), Vec::new());
    for mut piece in pieces {
        loop {
            let progress = replacer.replace(piece, &mut out);
            piece = &piece[progress.used..];
            if !progress.has_more {
                break;
            }
        }
        assert!(piece.is_empty());
    }
    while replacer.finish(&mut out).has_more {}
    out
}

/// The same by the words of the definition, over the whole.
fn by_definition(all: &Replacements, mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        if let Some(one) = all.iter().find(|one| rest.starts_with(&one.old)) {
            out.extend_from_slice(&one.new);
            rest = &rest[one.old.len()..];
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

#[test]
fn texts_are_replaced() {
    for (list, content, expected) in [
        (&[("ab", "X"), ("abc", "Y")][..], "abcab", "XcX"),
        (&[("abc", "Y"), ("ab", "X")], "abcab", "YX"),
        (&[("aab", "X")], "aaab", "aX"),
        (&[("a", "aa")], "aXa", "aaXaa"),
        (&[("a", "")], "banana", "bnn"),
        (&[("abcd", "1"), ("bc", "2")], "abcx", "a2x"),
        (&[], "abc", "abc"),
    ] {
        let all = replacements(list);
        let octets = content.as_bytes();
        let out = replaced(&all, [octets]);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{content}");
        assert_eq!(replaced(&all, octets.chunks(1)), expected.as_bytes(), "{content}");
    }
}

#[test]
fn what_can_be_decided_is_not_held_back() {
    let all = replacements(&[("</body>", "<hr></body>")]);
    let (mut replacer, mut out) = (Replacer::new(&all), Vec::new());
    assert_eq!(replacer.replace(b"data: 1\n\n", &mut out).used, 9);
    assert_eq!(out, b"data: 1\n\n");
    replacer.replace(b"x</bod", &mut out);
    assert_eq!(out, b"data: 1\n\nx");
    replacer.replace(b"z", &mut out);
    assert_eq!(out, b"data: 1\n\nx</bodz");
}

#[test]
fn everything_is_bounded() {
    let long = "x".repeat(NEW_BYTES_MAX);
    let all = replacements(&[("a", &long)]);
    let content = vec![b'a'; 10 * STEP_BYTES];
    let (mut replacer, mut rest, mut made) = (Replacer::new(&all), &*content, 0);
    loop {
        let mut out = Vec::new();
        let progress = replacer.replace(rest, &mut out);
        assert!(out.len() <= BYTES_MAX + NEW_BYTES_MAX);
        made += out.len();
        rest = &rest[progress.used..];
        if !progress.has_more || made > 100 * NEW_BYTES_MAX {
            break;
        }
    }
    assert!(made > 100 * NEW_BYTES_MAX);
    let one =
        |old: usize, new: usize| Replacement { old: vec![0; old].into(), new: vec![0; new].into() };
    assert!(Replacements::new(vec![one(0, 1)]).is_none());
    assert!(Replacements::new(vec![one(OLD_BYTES_MAX + 1, 1)]).is_none());
    assert!(Replacements::new(vec![one(1, NEW_BYTES_MAX + 1)]).is_none());
    assert!(Replacements::new(vec![one(1, 1); REPLACEMENTS_MAX + 1]).is_none());
    assert!(Replacements::new(vec![one(OLD_BYTES_MAX, NEW_BYTES_MAX); REPLACEMENTS_MAX]).is_some());
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        list in vec(("[ab]{1,4}", "[abc]{0,6}"), 0..5),
        content in "[abc]{0,60}",
        lengths in vec(0_usize..6, 0..60),
    ) {
        let list: Vec<_> = list.iter().map(|(old, new)| (&**old, &**new)).collect();
        let all = replacements(&list);
        let expected = by_definition(&all, content.as_bytes());
        let (mut rest, mut pieces) = (content.as_bytes(), Vec::new());
        for length in lengths {
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        prop_assert_eq!(replaced(&all, pieces), expected);
    }

    #[test]
    fn large_content_in_many_steps(
        list in vec(("[ab]{1,3}", "[abc]{0,40}"), 1..4),
        unit in "[abc]{1,30}",
        times in 1_usize..4000,
        cut in 1_usize..70_000,
    ) {
        let list: Vec<_> = list.iter().map(|(old, new)| (&**old, &**new)).collect();
        let all = replacements(&list);
        let content = unit.repeat(times);
        let expected = by_definition(&all, content.as_bytes());
        prop_assert!(replaced(&all, content.as_bytes().chunks(cut)) == expected);
    }

    #[test]
    fn tags_come_back_as_they_went(opaque in "[!#-~]{0,20}", weak in any::<bool>()) {
        let transform = transform();
        let tag = format!("{}\"{opaque}\"", if weak { "W/" } else { "" });
        let get = request("GET", &[]);
        let lines = [("Content-Type", "text/plain"), ("ETag", &*tag)];
        let (.., written) = changed(&transform, &get, Status::OK, &lines);
        let sent = written.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
        let again = request("GET", &[("If-None-Match", sent)]);
        prop_assert_eq!(asked(&transform, &again), format!("If-None-Match: {tag}\r\n"));
        let (.., kept) = changed(&transform, &again, Status::NOT_MODIFIED, &[("ETag", &tag)]);
        prop_assert_eq!(kept, format!("ETag: {sent}\r\n"));
    }
}
