use wherefore_h1::{CloseReason, Event, Limits, Server};
use wherefore_message::{Announced, FaultKind as K, Method, Version};

use crate::drive::{Broken, NOW, Seen, fault, fault_with, head, run, run_with, text};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_plain_request() {
    let head =
        head(b"GET /a%20b?c=d HTTP/1.1\r\nHost: Example.org:8080\r\nX-Y:\t z \t\r\nE:\r\n\r\n");
    assert_eq!((&*head.method, &*head.target), ("GET", "/a%20b?c=d"));
    assert_eq!((&*head.path, head.query.as_deref()), ("/a%20b", Some("c=d")));
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(head.host, Some(("Example.org".into(), Some(8080))));
    let fields = head.fields.iter().map(|(name, value)| (&**name, &**value));
    assert!(fields.eq([("Host", "Example.org:8080"), ("X-Y", "z"), ("E", "")]));
    assert_eq!(head.announced, Announced::Nothing);
}

#[test]
fn the_forms_of_a_target() {
    for (line, path, host) in [
        ("GET http://b:81/x?y HTTP/1.1", "/x", ("b", Some(81))),
        ("GET http://b HTTP/1.1", "/", ("b", None)),
        ("GET http://b?y HTTP/1.1", "/", ("b", None)),
        ("OPTIONS * HTTP/1.1", "", ("a", None)),
        ("CONNECT c:443 HTTP/1.1", "", ("c", Some(443))),
        ("CONNECT [::1]:443 HTTP/1.1", "", ("::1", Some(443))),
        ("GET / HTTP/1.1", "/", ("a", None)),
    ] {
        let head = head(format!("{line}\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(head.path, path, "{line}");
        assert_eq!(head.host, Some((host.0.to_owned(), host.1)), "{line}");
    }
}

#[test]
fn versions() {
    for (minor, served) in [(0, 0), (1, 1), (2, 1), (9, 1)] {
        let head = head(format!("GET / HTTP/1.{minor}\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(head.version, Version { major: 1, minor: served });
    }
    let head = head(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(head.host, None, "1.0 may do without Host");
}

#[test]
fn request_lines_that_are_none() {
    for (input, kind, at) in [
        (" GET / HTTP/1.1\r\n", K::MethodEmpty, 0),
        ("G\0T / HTTP/1.1\r\n", K::MethodOctet, 1),
        ("G(T / HTTP/1.1\r\n", K::MethodOctet, 1),
        ("\u{16}x", K::MethodOctet, 0),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}", K::TlsOnPlain, 0),
        ("GET\r\n", K::TargetEmpty, 3),
        ("GET\n", K::BareLineFeed, 3),
        ("GET\rX", K::BareCarriageReturn, 3),
        ("GET\t/ HTTP/1.1\r\n", K::RequestLineSpaces, 3),
        ("GET  / HTTP/1.1\r\n", K::RequestLineSpaces, 4),
        ("GET /\t HTTP/1.1\r\n", K::RequestLineSpaces, 5),
        ("GET /  HTTP/1.1\r\n", K::RequestLineSpaces, 6),
        ("GET / HTTP/1.1 \r\n", K::RequestLineSpaces, 14),
        ("GET /a b HTTP/1.1\r\n", K::RequestLineSpaces, 8),
        ("GET \r\n", K::TargetEmpty, 4),
        ("GET /\u{7f} HTTP/1.1\r\n", K::TargetOctet, 5),
        ("GET /\0 HTTP/1.1\r\n", K::TargetOctet, 5),
        ("GET /a#b HTTP/1.1\r\n", K::TargetOctet, 6),
        ("GET /\rX", K::BareCarriageReturn, 5),
        ("GET a/b HTTP/1.1\r\n", K::TargetForm, 4),
        ("GET * HTTP/1.1\r\n", K::TargetForm, 4),
        ("CONNECT / HTTP/1.1\r\n", K::TargetForm, 8),
        ("GET http://u@b/ HTTP/1.1\r\n", K::TargetUserinfo, 12),
        ("GET /\r\n", K::VersionSyntax, 5),
        ("GET / \r\n", K::VersionSyntax, 6),
        ("GET / http/1.1\r\n", K::VersionSyntax, 6),
        ("GET / HTTP/1.\r\n", K::VersionSyntax, 13),
        ("GET / HTTP/2.0\r\n", K::VersionMajor, 11),
        ("GET / HTTP/3.0\r\n", K::VersionMajor, 11),
        ("GET / HTTP/0.9\r\n", K::VersionMajor, 11),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", K::VersionMajor, 11),
        ("GET / HTTP/1.1\n", K::BareLineFeed, 14),
        ("GET /\n", K::BareLineFeed, 5),
        ("GET / HTTP/1.1\r\r\n", K::BareCarriageReturn, 14),
        ("\n", K::BareLineFeed, 0),
        ("\rGET", K::BareCarriageReturn, 0),
    ] {
        assert_eq!(fault(input.as_bytes()), (kind, at, None), "{input:?}");
    }
}

#[test]
fn field_lines_that_are_none() {
    // The request line has 16 octets, the line of Host 9.
    for (lines, kind, at, line) in [
        ("Host: a\nX: y\r\n", K::BareLineFeed, 23, 0),
        ("Host: a\r\nX: y\n", K::BareLineFeed, 29, 1),
        ("Host: a\r\nX: y\rZ\r\n", K::BareCarriageReturn, 29, 1),
        ("Host: a\r\nX\rZ: y\r\n", K::BareCarriageReturn, 26, 1),
        ("Host: a\r\n: y\r\n", K::FieldNameEmpty, 25, 1),
        ("Host: a\r\nX y: z\r\n", K::FieldNameOctet, 26, 1),
        ("Host: a\r\nX(: z\r\n", K::FieldNameOctet, 26, 1),
        ("Host: a\r\nX\u{7f}: z\r\n", K::FieldNameOctet, 26, 1),
        ("Host: a\r\nX : z\r\n", K::FieldNameSpace, 26, 1),
        ("Host: a\r\nX\t : z\r\n", K::FieldNameSpace, 26, 1),
        ("Host: a\r\nXyz\r\n", K::FieldColonMissing, 28, 1),
        ("Host: a\r\nX: a\0b\r\n", K::FieldValueOctet, 29, 1),
        ("Host: a\r\nX: a\u{7f}b\r\n", K::FieldValueOctet, 29, 1),
        ("Host: a\r\nX: a\r\n b\r\n", K::FieldFolded, 31, 2),
        ("Host: a\r\n\tb\r\n", K::FieldFolded, 25, 1),
        (" Host: a\r\n", K::SpaceBeforeFields, 16, 0),
        ("\tX: y\r\nHost: a\r\n", K::SpaceBeforeFields, 16, 0),
        ("Host: a\r\nConnection: a b\r\n", K::ConnectionSyntax, 37, 1),
        ("Host: a\r\nConnection: close, (\r\n", K::ConnectionSyntax, 44, 1),
    ] {
        let input = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(fault(input.as_bytes()), (kind, at, Some(line)), "{input:?}");
    }
    assert_eq!(fault(b"GET / HTTP/1.1\r\nHost: a\r\n\n"), (K::BareLineFeed, 25, None));
}

#[test]
fn host() {
    for (input, kind, at, line) in [
        ("GET / HTTP/1.1\r\n\r\n", K::HostMissing, 16, None),
        ("GET http://b/ HTTP/1.1\r\n\r\n", K::HostMissing, 24, None),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", K::HostRepeated, 25, Some(1)),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", K::HostRepeated, 25, Some(1)),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", K::HostInvalid, 22, Some(0)),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", K::HostInvalid, 22, Some(0)),
        ("GET / HTTP/1.1\r\nHost: a, b:x\r\n\r\n", K::HostInvalid, 22, Some(0)),
        ("GET http://b/ HTTP/1.1\r\nHost: a/b\r\n\r\n", K::HostInvalid, 30, Some(0)),
        ("GET / HTTP/1.0\r\nX: y\r\nHost: a:99999\r\n\r\n", K::HostInvalid, 28, Some(1)),
    ] {
        assert_eq!(fault(input.as_bytes()), (kind, at, line), "{input:?}");
    }
    let head = head(b"GET / HTTP/1.1\r\nHost:\r\n\r\n");
    assert_eq!(head.host, Some((String::new(), None)));
}

#[test]
fn content_by_length() {
    let input = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello";
    let [Seen::Head(head), Seen::Content(content), Seen::End(_), Seen::Eof(Ok(()))] =
        &run(input)[..]
    else {
        panic!("head, content, end")
    };
    assert_eq!(head.announced, Announced::Length(5));
    assert_eq!(content, b"hello");
    let empty = run(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(&empty[..], [Seen::Head(_), Seen::End(_), Seen::Eof(Ok(()))]), "{empty:?}");
}

#[test]
fn trailer_fields_are_kept_until_the_next_head() {
    let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n";
    let input = format!("{chunks}Digest: x\r\nX:\r\n\r\n{chunks}\r\n{GET}");
    let kept: Vec<_> = run(input.as_bytes())
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::End(trailers) => Some(trailers),
            _ => None,
        })
        .collect();
    let both = [("Digest", "x"), ("X", "")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(kept, [both.to_vec(), Vec::new(), Vec::new()]);
    let mut server = Server::new(&Limits::default());
    let (head, _) = server.receive(input.as_bytes(), NOW).unwrap();
    let (content, _) = server.receive(&input.as_bytes()[head..], NOW).unwrap();
    let rest = &input.as_bytes()[head + content..];
    assert!(matches!(server.receive(rest, NOW), Ok((_, Event::End))));
    assert_eq!(server.trailers().iter().count(), 2);
    server.reset();
    assert_eq!(server.trailers().iter().count(), 0);
}

/// A GET may have content, and its framing is read as any other's (RFC 9110 §9.3.1).
#[test]
fn the_method_has_no_say_in_the_framing() {
    for method in ["GET", "HEAD", "DELETE", "X-OTHER"] {
        let input = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi{GET}");
        let seen = run(input.as_bytes());
        assert_eq!(seen.iter().filter(|seen| matches!(seen, Seen::Head(_))).count(), 2, "{method}");
    }
}

fn chunked(content: &str) -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    format!("{head}{content}").into_bytes()
}

#[test]
fn content_in_chunks() {
    for (input, content) in [
        ("0\r\n\r\n", ""),
        ("000\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("3\r\nhel\r\n02\r\nlo\r\n0\r\nX: y\r\nZ:\r\n\r\n", "hello"),
        ("A;b\r\n0123456789\r\n0;c=d\r\n\r\n", "0123456789"),
        ("a \t; b = \"q\\\"\t;\" ;c=d\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("1 ;a\t;b\r\nx\r\n0\r\n\r\n", "x"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ] {
        let mut wire = chunked(input);
        wire.extend_from_slice(GET.as_bytes());
        let seen = run(&wire);
        let mut found = Vec::new();
        for seen in &seen {
            match seen {
                Seen::Content(content) => found.extend_from_slice(content),
                Seen::Fault(fault, _) => panic!("{fault:?} in {input:?}"),
                _ => {}
            }
        }
        assert_eq!(text(&found), content, "{input:?}");
        assert_eq!(seen.iter().filter(|seen| matches!(seen, Seen::End(_))).count(), 2, "{input:?}");
    }
}

#[test]
fn chunks_that_are_none() {
    for (input, kind, at, line) in [
        ("\r\n", K::ChunkSize, 0, None),
        ("x\r\n", K::ChunkSize, 0, None),
        ("-1\r\n", K::ChunkSize, 0, None),
        (" 1\r\n", K::ChunkSize, 0, None),
        ("1x\r\n", K::ChunkSize, 1, None),
        ("0x1\r\n", K::ChunkSize, 1, None),
        ("11111111111111111\r\n", K::ChunkSizeOverflow, 16, None),
        ("1\n", K::BareLineFeed, 1, None),
        ("\n", K::BareLineFeed, 0, None),
        ("1\rx", K::BareCarriageReturn, 1, None),
        ("1 \r\n", K::ChunkExtension, 2, None),
        ("1;\r\n", K::ChunkExtension, 2, None),
        ("1;a=\r\n", K::ChunkExtension, 4, None),
        ("1;a=b c\r\n", K::ChunkExtension, 6, None),
        ("1;a=\"b\0\"\r\n", K::ChunkExtension, 6, None),
        ("1;a=\"b\"c\r\n", K::ChunkExtension, 7, None),
        ("1;a=\"b\r\n", K::ChunkExtension, 6, None),
        ("1;a=\"b\n", K::BareLineFeed, 6, None),
        ("1;a\n", K::BareLineFeed, 3, None),
        ("1;a\rx", K::BareCarriageReturn, 3, None),
        ("1\r\nxy\r\n", K::ChunkEnd, 4, None),
        ("1\r\nx\n", K::ChunkEnd, 4, None),
        ("1\r\nx\rx", K::ChunkEnd, 5, None),
        ("0\r\n X: y\r\n\r\n", K::SpaceBeforeFields, 3, Some(0)),
        ("0\r\nX: y\r\n z\r\n\r\n", K::FieldFolded, 9, Some(1)),
        ("0\r\n: y\r\n\r\n", K::FieldNameEmpty, 3, Some(0)),
        ("0\r\nX : y\r\n\r\n", K::FieldNameSpace, 4, Some(0)),
        ("0\r\nX(: y\r\n\r\n", K::FieldNameOctet, 4, Some(0)),
        ("0\r\n(\r\n\r\n", K::FieldNameOctet, 3, Some(0)),
        ("0\r\nX\r\n\r\n", K::FieldColonMissing, 4, Some(0)),
        ("0\r\nX: \0\r\n\r\n", K::FieldValueOctet, 6, Some(0)),
        ("0\r\nX: y\n", K::BareLineFeed, 7, Some(0)),
        ("0\r\nX: y\rz", K::BareCarriageReturn, 7, Some(0)),
        ("0\r\n\n", K::BareLineFeed, 3, Some(0)),
        ("0\r\n\rX", K::BareCarriageReturn, 3, None),
    ] {
        assert_eq!(fault(&chunked(input)), (kind, at, line), "{input:?}");
    }
}

#[test]
fn framing_that_is_not_certain() {
    for (lines, kind) in [
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", K::LengthAndCoding),
        ("Content-Length: 1\r\nContent-Length: 2\r\n", K::LengthsDiffer),
        ("Content-Length: one\r\n", K::LengthInvalid),
        ("Transfer-Encoding: gzip\r\n", K::CodingUnknown),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", K::CodingNotLast),
    ] {
        let input = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{GET}");
        assert_eq!(fault(input.as_bytes()).0, kind, "{input:?}");
        assert_eq!(run(input.as_bytes()).len(), 1, "nothing after it is read: {input:?}");
    }
    let input = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(fault(input), (K::CodingInHttp10, 17, Some(0)));
}

#[test]
fn empty_lines_before_a_request_are_passed_over_within_the_limit() {
    let four = format!("\r\n\r\n\r\n\r\n{GET}\r\n\r\n{GET}");
    let heads = run(four.as_bytes());
    assert_eq!(heads.iter().filter(|seen| matches!(seen, Seen::Head(_))).count(), 2);
    let five = format!("\r\n\r\n\r\n\r\n\r\n{GET}");
    assert_eq!(fault(five.as_bytes()), (K::MethodEmpty, 0, None));
    let bad = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX(: y\r\n\r\n";
    let [Seen::Fault(fault, broken)] = &run(bad)[..] else { panic!("one fault") };
    assert_eq!((fault.at, fault.line), (26, Some(1)), "octets count from the request line");
    let method = Some(Method::Get);
    let (target, field) = (Some("/".to_owned()), Some("X".to_owned()));
    assert_eq!(*broken, Broken { method, target, field });
}

#[test]
fn limits_of_the_head() {
    let limits = Limits {
        method_bytes: 7,
        target_bytes: 16,
        field_bytes: 64,
        fields_bytes: 256,
        fields_count: 5,
        ..Limits::default()
    };
    let fault = |input: String| fault_with(input.as_bytes(), &limits);
    let get = "GET / HTTP/1.1\r\nHost: a\r\n";
    assert_eq!(fault("OPTIONSX".into()), (K::MethodTooLong, 7, None));
    assert_eq!(
        fault(format!("GET /{} HTTP/1.1\r\n", "a".repeat(16))),
        (K::TargetTooLong, 20, None)
    );
    assert_eq!(fault(format!("GET / {}", "b".repeat(30))), (K::VersionSyntax, 6, None));
    assert_eq!(
        fault(format!("GET / HTTP/1.1{}", " ".repeat(30))),
        (K::RequestLineSpaces, 14, None)
    );
    let long = "c".repeat(63);
    assert_eq!(fault(format!("{get}X:{long}\r\n\r\n")), (K::FieldTooLarge, 89, Some(1)));
    assert_eq!(fault(format!("{get}{long}{long}")), (K::FieldTooLarge, 89, Some(1)));
    let line = format!("X: {}\r\n", "d".repeat(58));
    assert_eq!(line.len(), 63);
    let four = line.repeat(4);
    assert_eq!(fault(format!("{get}{four}\r\n")), (K::FieldsTooLarge, 272, Some(4)));
    let many = "E:\r\n".repeat(5);
    assert_eq!(fault(format!("{get}{many}\r\n")), (K::FieldsTooMany, 41, Some(5)));
    // What is at the limits passes.
    let most = format!("OPTIONS /{} HTTP/1.1\r\nHost: a\r\n", "a".repeat(15));
    let value = format!("X:{}\r\n", "e".repeat(60));
    let passes = format!("{most}{value}{value}{value}E: {}\r\n\r\n", "f".repeat(50));
    assert_eq!(passes.len() - passes.find("Host").unwrap(), 256 + 2);
    let seen = run_with(passes.as_bytes(), &limits);
    assert!(matches!(&seen[..], [Seen::Head(_), Seen::End(_), Seen::Eof(Ok(()))]), "{seen:?}");
    assert!(passes.len() as u64 + limits.empty_lines * 2 <= limits.head_bytes_max());
}

#[test]
fn limits_of_the_content() {
    let limits = Limits {
        chunk_line_bytes: 16,
        extensions_bytes: 20,
        trailers_bytes: 10,
        content_bytes: 8,
        ..Limits::default()
    };
    let fault = |input: &str| {
        let (kind, at, _) = fault_with(&chunked(input), &limits);
        (kind, at)
    };
    assert_eq!(fault("00000000000000001\r\n"), (K::ChunkLineTooLong, 16));
    assert_eq!(fault("1;aaaaaaaaa\r\nx\r\n1;aaaaaaaaaaaa\r\n"), (K::ChunkLineTooLong, 28));
    assert_eq!(fault("0\r\nX: 123456\r\n"), (K::TrailersTooLarge, 13));
    assert_eq!(fault("5\r\n12345\r\n4\r\n"), (K::ContentTooLarge, 12));
    assert_eq!(fault("ffffffffffffffff\r\n"), (K::ChunkLineTooLong, 16));
    let wide = Limits { chunk_line_bytes: 64, ..limits };
    let input = chunked("1\r\nx\r\nffffffffffffffff\r\n");
    assert_eq!(fault_with(&input, &wide).0, K::ContentTooLarge);
    let seen = run_with(&chunked("8;aaaa\r\n12345678\r\n0\r\nX: 123\r\n\r\n"), &limits);
    assert!(seen.contains(&Seen::Content(b"12345678".to_vec())), "{seen:?}");
}

#[test]
fn what_is_told_of_a_broken_head() {
    let broken = |input: &str| match run(input.as_bytes()).pop() {
        Some(Seen::Fault(_, broken)) => broken,
        other => panic!("no fault: {other:?}"),
    };
    assert_eq!(broken("G(T /"), Broken::default());
    assert_eq!(broken("HEAD /a#b HTTP/1.1\r\n").method, Some(Method::Head));
    assert_eq!(broken("HEAD /a HTTP/2.0\r\n").target.as_deref(), Some("/a"));
    let long = format!("GET /{}", "x".repeat(9000));
    assert_eq!(broken(&long).target.map(|target| target.len()), Some(8192));
    let large = format!("{}Cookie: {}", &GET[..25], "x".repeat(20_000));
    assert_eq!(broken(&large).field.as_deref(), Some("Cookie"));
    let twice = format!("{}Host: b\r\n\r\n", &GET[..25]);
    assert_eq!(broken(&twice).field.as_deref(), Some("Host"));
}

#[test]
fn what_is_told_of_a_fault_in_content() {
    let mut server = Server::new(&Limits::default());
    let head = b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(server.receive(head, NOW), Ok((head.len(), Event::Head)));
    let content = b"x\r\n";
    assert_eq!(server.receive(content, NOW).unwrap_err().kind, K::ChunkSize);
    // The head is no longer shown, so that nothing of it has a place.
    let told = server.broken(content);
    assert_eq!((told.method, told.version), (Some(Method::Put), Version::HTTP_11));
    assert_eq!((told.target, told.field), (None, None));
}

#[test]
fn persistence() {
    for (input, reason) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Some(CloseReason::PeerAsked)),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", Some(CloseReason::PeerAsked)),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: Close\r\n\r\n",
            Some(CloseReason::PeerAsked),
        ),
        ("GET / HTTP/1.0\r\n\r\n", Some(CloseReason::OldVersion)),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", None),
        ("GET / HTTP/1.0\r\nConnection: x\r\nConnection: keep-alive\r\n\r\n", None),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", Some(CloseReason::PeerAsked)),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", None),
    ] {
        let seen = run(input.as_bytes());
        let last = match reason {
            Some(reason) => Seen::Closed(reason),
            None => Seen::Eof(Ok(())),
        };
        assert_eq!(seen.last(), Some(&last), "{input:?}");
    }
}

#[test]
fn requests_in_a_row_wait_their_turn() {
    let input = format!("{GET}POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi{GET}");
    let seen = run(input.as_bytes());
    let heads = seen.iter().filter_map(|seen| match seen {
        Seen::Head(head) => Some(&*head.method),
        _ => None,
    });
    assert!(heads.eq(["GET", "POST", "GET"]));
}

#[test]
fn the_peer_closes() {
    for (input, last) in [
        ("", Ok(())),
        ("\r\n", Ok(())),
        (GET, Ok(())),
        ("GET / HT", Err((K::ClosedInHead, 8))),
        (&GET[..20], Err((K::ClosedInHead, 20))),
        ("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nab", Err((K::ClosedInContent, 2))),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            Err((K::ClosedInContent, 5)),
        ),
    ] {
        let Some(Seen::Eof(found)) = run(input.as_bytes()).pop() else { panic!("{input:?}") };
        assert_eq!(found.map_err(|fault| (fault.kind, fault.at)), last, "{input:?}");
    }
}
