use wherefore_h1::framing::Framing;
use wherefore_h1::{Client, ClientEvent, ClientLimits, Outbound, Outgoing};
use wherefore_message::{Announced, Fault, FaultKind as K, FieldName, Method, Version};

use crate::drive::{
    CONNECT, GET, HEAD, Head, Lines, Seen, UPGRADE, fault, fault_with, run, run_with, text,
};

const CLOSED: Seen = Seen::Eof(Ok(ClientEvent::Closed));
const NOT_ASKED: u32 = 0;

fn content(octets: &str) -> Seen {
    Seen::Content(octets.into())
}

fn end() -> Seen {
    Seen::End(Lines::new())
}

/// The head at the beginning of what was seen, and what was seen after it.
fn head_of(seen: Vec<Seen>) -> (Head, Vec<Seen>) {
    let mut seen = seen.into_iter();
    match seen.next() {
        Some(Seen::Head(head)) => (*head, seen.collect()),
        other => panic!("no head: {other:?}"),
    }
}

#[test]
fn a_head_is_read_as_it_stands() {
    let (head, rest) = head_of(run(
        &GET,
        b"HTTP/1.1 299 All \x80\tgood\r\nServer: x\r\nset-cookie:  a=b \r\nX: \r\nSet-Cookie: c\r\n\
        Content-Length: 2\r\n\r\nhi",
    ));
    assert_eq!((head.version, head.code), (Version::HTTP_11, 299));
    let fields = [
        ("Server", "x"),
        ("set-cookie", "a=b"),
        ("X", ""),
        ("Set-Cookie", "c"),
        ("Content-Length", "2"),
    ];
    assert_eq!(head.fields, fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(head.announced, Announced::Length(2));
    assert_eq!((head.framing, head.length_said), (Framing::Length(2), Some(2)));
    assert_eq!(rest, [content("hi"), end(), Seen::Reusable, CLOSED]);
}

#[test]
fn status_lines_that_are_none() {
    for (wire, kind, at) in [
        ("<html>hello", K::StatusLine, 0),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", K::StatusLine, 0),
        ("\n", K::StatusLine, 0),
        ("http/1.1 200 OK\r\n\r\n", K::StatusLine, 0),
        ("HTTX", K::StatusLine, 3),
        ("\u{15}\u{3}\u{1}", K::StatusLine, 0),
        ("ICY 200 OK\r\n\r\n", K::StatusLine, 0),
        ("HTTP/2 200\r\n\r\n", K::VersionSyntax, 6),
        ("HTTP/1.10 200\r\n\r\n", K::StatusLine, 8),
        ("HTTP/1.x", K::VersionSyntax, 7),
        ("HTTP/ 200 OK", K::VersionSyntax, 5),
        ("HTTP/0.9", K::VersionMajor, 5),
        ("HTTP/9.9 200 OK\r\n\r\n", K::VersionMajor, 5),
        ("HTTP/2.0", K::VersionMajor, 5),
        ("HTTP/1.2 200 OK\r\n\r\n", K::VersionMinor, 7),
        ("HTTP/1.1\t200 OK", K::StatusLine, 8),
        ("HTTP/1.1\r\n\r\n", K::StatusLine, 8),
        ("HTTP/1.1  200 OK", K::StatusInvalid, 9),
        ("HTTP/1.1 99 Odd\r\n\r\n", K::StatusInvalid, 11),
        ("HTTP/1.1 099", K::StatusInvalid, 9),
        ("HTTP/1.1 000", K::StatusInvalid, 9),
        ("HTTP/1.1 600", K::StatusInvalid, 9),
        ("HTTP/1.1 999", K::StatusInvalid, 9),
        ("HTTP/1.1 1000", K::StatusInvalid, 9),
        ("HTTP/1.1 2e2 OK", K::StatusInvalid, 10),
        ("HTTP/1.1 20\r\n\r\n", K::StatusInvalid, 11),
        ("HTTP/1.1 -20", K::StatusInvalid, 9),
        ("HTTP/1.1 200OK\r\n", K::StatusLine, 12),
        ("HTTP/1.1 200\tOK\r\n", K::StatusLine, 12),
        ("HTTP/1.1 200 O\u{0}K\r\n", K::StatusLine, 14),
        ("HTTP/1.1 200 OK\n", K::BareLineFeed, 15),
        ("HTTP/1.1 200\n", K::BareLineFeed, 12),
        ("HTTP/1.1 200 OK\rX", K::BareCarriageReturn, 15),
    ] {
        assert_eq!(fault(&GET, wire.as_bytes()), (kind, at, None), "{wire:?}");
    }
}

#[test]
fn nothing_is_waited_for_that_can_be_told() {
    for wire in ["<", "HTTP/9.9", "HTTP/1.1 9x", "HTTP/1.1 099"] {
        let mut client = Client::new(&ClientLimits::default());
        client.begin(&GET, &mut Vec::new());
        assert!(client.receive(wire.as_bytes()).is_err(), "{wire}");
    }
}

#[test]
fn a_phrase_may_be_missing_with_its_space() {
    for wire in ["HTTP/1.1 204\r\n\r\n", "HTTP/1.1 204 \r\n\r\n", "HTTP/1.0 204 A b\r\n\r\n"] {
        assert_eq!(head_of(run(&GET, wire.as_bytes())).0.code, 204, "{wire:?}");
    }
}

#[test]
fn field_lines_and_framings_that_are_none() {
    for (lines, kind, at, line) in [
        ("X: y\n\r\n", K::BareLineFeed, 21, Some(0)),
        ("\n", K::BareLineFeed, 17, None),
        ("X: y\r\n z\r\n\r\n", K::FieldFolded, 23, Some(1)),
        (" X: y\r\n\r\n", K::SpaceBeforeFields, 17, Some(0)),
        ("X : y\r\n\r\n", K::FieldNameSpace, 18, Some(0)),
        ("X: y\0\r\n\r\n", K::FieldValueOctet, 21, Some(0)),
        ("Content-Length: 5\r\nContent-Length: 6\r\n\r\n", K::LengthsDiffer, 52, Some(1)),
        ("Content-Length: 5, 6\r\n\r\n", K::LengthsDiffer, 36, Some(0)),
        ("Content-Length: -5\r\n\r\n", K::LengthInvalid, 33, Some(0)),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            K::LengthAndCoding,
            17,
            Some(0),
        ),
        ("Transfer-Encoding: gzip\r\n\r\n", K::CodingUnknown, 36, Some(0)),
        ("Transfer-Encoding: gzip, chunked\r\n\r\n", K::CodingUnknown, 36, Some(0)),
        ("Transfer-Encoding: identity\r\n\r\n", K::CodingUnknown, 36, Some(0)),
        ("Connection: close;\r\n\r\n", K::ConnectionSyntax, 29, Some(0)),
    ] {
        let wire = format!("HTTP/1.1 200 OK\r\n{lines}");
        assert_eq!(fault(&GET, wire.as_bytes()), (kind, at, line), "{lines:?}");
        // What has no content could be relayed with such lines as well.
        if matches!(kind, K::LengthsDiffer | K::LengthAndCoding | K::CodingUnknown) {
            assert_eq!(fault(&HEAD, wire.as_bytes()).0, kind, "{lines:?}");
            let not_modified = wire.replace("200 OK", "304 NM");
            assert_eq!(fault(&GET, not_modified.as_bytes()).0, kind, "{lines:?}");
        }
    }
    let old = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(fault(&GET, old).0, K::CodingInHttp10);
}

#[test]
fn content_by_its_framing() {
    let start = "HTTP/1.1 200 OK\r\n";
    for (rest, octets, reusable) in [
        ("Content-Length: 5\r\n\r\nhello", "hello", true),
        ("Content-Length: 5, 5\r\n\r\nhello", "hello", true),
        ("Content-Length: 0\r\n\r\n", "", true),
        ("Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello", true),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", true),
        ("Connection: close\r\nContent-Length: 5\r\n\r\nhello", "hello", false),
        ("\r\nhello", "hello", false),
        ("\r\n", "", false),
    ] {
        let mut seen =
            run(&GET, format!("{start}{rest}").as_bytes()).into_iter().skip(1).peekable();
        if !octets.is_empty() {
            assert_eq!(seen.next(), Some(content(octets)), "{rest:?}");
        }
        assert_eq!(seen.next(), Some(end()), "{rest:?}");
        let persists = seen.next_if_eq(&Seen::Reusable).is_some();
        assert_eq!(persists, reusable, "{rest:?}");
        assert!(matches!(seen.next(), Some(Seen::Eof(Ok(_)))), "{rest:?}");
    }
}

#[test]
fn trailer_fields_are_kept() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n";
    let wire = format!("{chunks}Digest: x\r\nX:\r\nDigest:  y \r\n\r\n");
    let trailers = [("Digest", "x"), ("X", ""), ("Digest", "y")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (_, rest) = head_of(run(&GET, wire.as_bytes()));
    assert_eq!(rest, [content("a"), Seen::End(trailers.to_vec()), Seen::Reusable, CLOSED]);
    for (lines, kind) in [
        ("X: y\n", K::BareLineFeed),
        (" X: y\r\n", K::SpaceBeforeFields),
        ("X: y\r\n z\r\n", K::FieldFolded),
        ("X\r\n", K::FieldColonMissing),
        ("X: y\r\n", K::ClosedInContent),
    ] {
        assert_eq!(fault(&GET, format!("{chunks}{lines}").as_bytes()).0, kind, "{lines:?}");
    }
}

#[test]
fn answers_that_have_no_content() {
    for (request, wire, said, reusable) in [
        (HEAD, "200 OK\r\nContent-Length: 5\r\n\r\n", Some(5), true),
        (HEAD, "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None, true),
        (HEAD, "200 OK\r\n\r\n", None, true),
        (GET, "304 Not Modified\r\nContent-Length: 5\r\n\r\n", Some(5), true),
        (GET, "304 Not Modified\r\n\r\n", None, true),
        (GET, "204 No Content\r\n\r\n", None, true),
        (GET, "204 No Content\r\nContent-Length: 0\r\n\r\n", Some(0), true),
        // What they say may follow or not.
        (GET, "204 No Content\r\nContent-Length: 5\r\n\r\n", Some(5), false),
        (GET, "204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", None, false),
        (GET, "205 Reset Content\r\nContent-Length: 0\r\n\r\n", Some(0), true),
        (GET, "205 Reset Content\r\nContent-Length: 5\r\n\r\n", Some(5), false),
        (GET, "205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n", None, false),
        (GET, "205 Reset Content\r\n\r\n", None, false),
        (HEAD, "205 Reset Content\r\n\r\n", None, true),
    ] {
        let wire = format!("HTTP/1.1 {wire}");
        let (head, rest) = head_of(run(&request, wire.as_bytes()));
        assert_eq!((head.announced, head.length_said), (Announced::Nothing, said), "{wire:?}");
        assert_eq!(rest.contains(&Seen::Reusable), reusable, "{wire:?}");
        assert_eq!((rest.first(), rest.last()), (Some(&end()), Some(&CLOSED)), "{wire:?}");
        // Content all the same is nothing that anybody is told of.
        let (_, rest) = head_of(run(&request, format!("{wire}hello").as_bytes()));
        assert_eq!(rest, [end(), CLOSED], "{wire:?}");
    }
}

#[test]
fn persistence_by_version_and_option() {
    for (wire, reusable) in [
        ("HTTP/1.1 200 OK\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: close, keep-alive\r\n", false),
        ("HTTP/1.0 200 OK\r\n", false),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n", false),
    ] {
        let seen = run(&GET, format!("{wire}Content-Length: 0\r\n\r\n").as_bytes());
        assert_eq!(seen.contains(&Seen::Reusable), reusable, "{wire:?}");
    }
}

/// An answer that was not asked for must never become the answer to whatever is asked next.
#[test]
fn what_comes_after_an_answer_is_never_the_next() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    for extra in [answer, "x", "\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let (_, rest) = head_of(run(&GET, format!("{answer}{extra}").as_bytes()));
        assert_eq!(rest, [content("hi"), end(), CLOSED], "{extra:?}");
    }
    // Before anything is asked, too.
    let mut client = Client::new(&ClientLimits::default());
    assert!(client.is_reusable());
    assert_eq!(client.receive(b""), Ok((0, ClientEvent::Closed)));
    assert!(client.is_reusable());
    assert_eq!(client.receive(b"HTTP/1.1 408 Late\r\n\r\n"), Ok((0, ClientEvent::Closed)));
    assert!(!client.is_reusable());
    client.reset();
    assert!(client.is_reusable());
    assert_eq!(client.eof(), Ok(ClientEvent::Closed));
    assert!(!client.is_reusable());
}

#[test]
fn interim_answers_come_before_the_final_one() {
    let wire = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n\
        HTTP/1.1 199\r\nContent-Length: 0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let seen = run(&GET, wire);
    let codes: Vec<_> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Interim(head) => Some((head.code, head.fields.len(), head.announced)),
            _ => None,
        })
        .collect();
    let nothing = Announced::Nothing;
    assert_eq!(codes, [(100, 0, nothing), (103, 1, nothing), (199, 1, nothing)]);
    assert_eq!(seen[4..], [end(), Seen::Reusable, CLOSED]);
    for lines in ["Content-Length: 1\r\n", "X: y\r\nTransfer-Encoding: chunked\r\n"] {
        let wire = format!("HTTP/1.1 103 Hints\r\n{lines}\r\n");
        let line = lines.matches("\r\n").count() as u16 - 1;
        let (kind, _, found) = fault(&GET, wire.as_bytes());
        assert_eq!((kind, found), (K::InterimContent, Some(line)), "{lines:?}");
    }
}

#[test]
fn interim_answers_have_limits() {
    let interim = "HTTP/1.1 103 Hints\r\nLink: <abcdef>\r\n\r\n";
    let last = "HTTP/1.1 204 No Content\r\n\r\n";
    let limits = ClientLimits {
        interim_max: 3,
        interim_bytes_max: 3 * interim.len() as u64,
        ..ClientLimits::default()
    };
    let three = interim.repeat(3) + last;
    assert!(run_with(&GET, three.as_bytes(), &limits).contains(&end()));
    let four = interim.repeat(4) + last;
    assert_eq!(fault_with(&GET, four.as_bytes(), &limits).0, K::InterimTooMany);
    let longer = interim.repeat(2) + &interim.replace("abc", "abcd") + last;
    assert_eq!(fault_with(&GET, longer.as_bytes(), &limits).0, K::InterimTooLarge);
    // The next exchange begins to count anew.
    let mut client = Client::new(&limits);
    for _ in 0..2 {
        client.begin(&GET, &mut Vec::new());
        let mut unread = three.as_bytes();
        loop {
            let (used, event) = client.receive(unread).unwrap();
            unread = &unread[used..];
            if event == ClientEvent::End {
                break;
            }
        }
    }
}

#[test]
fn heads_have_limits() {
    let limits = ClientLimits {
        head_bytes_max: 256,
        field_bytes_max: 100,
        fields_max: 2,
        ..ClientLimits::default()
    };
    let fits = |wire: &str| run_with(&GET, wire.as_bytes(), &limits).contains(&end());
    let faults = |wire: &str| {
        let (kind, at, _) = fault_with(&GET, wire.as_bytes(), &limits);
        (kind, at)
    };
    let with = |lines: &str| format!("HTTP/1.1 204 A\r\n{lines}\r\n");
    let line = |octets: usize| format!("X: {}\r\n", "y".repeat(octets - 5));
    assert!(fits(&with(&line(100))));
    assert_eq!(faults(&with(&line(101))), (K::FieldTooLarge, 116));
    assert!(fits(&with(&line(50).repeat(2))));
    assert_eq!(faults(&with(&line(50).repeat(3))), (K::FieldsTooMany, 116));
    // To the octet, blank line included; and never asking for more than the limit.
    let long = |octets: usize| format!("HTTP/1.1 204 {}\r\n\r\n", "A".repeat(octets - 17));
    assert!(fits(&long(256)));
    assert_eq!(faults(&long(257)), (K::FieldsTooLarge, 253));
    let both = |octets: usize| {
        let lines = line(100) + &line(100);
        let phrase = "A".repeat(octets - lines.len() - 17);
        format!("HTTP/1.1 204 {phrase}\r\n{lines}\r\n")
    };
    assert!(fits(&both(256)));
    assert_eq!(faults(&both(257)), (K::FieldsTooLarge, 254));
    for endless in ["HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nX: y\r\nY: "] {
        let mut client = Client::new(&limits);
        client.begin(&GET, &mut Vec::new());
        let wire = endless.to_owned() + &"x".repeat(256 - endless.len());
        assert!(client.receive(wire.as_bytes()).is_err(), "{endless:?}");
    }
}

#[test]
fn trailers_have_a_limit() {
    let limits = ClientLimits { trailers_bytes_max: 8, ..ClientLimits::default() };
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let fits = format!("{chunks}X: yz\r\n\r\n");
    assert!(matches!(run_with(&GET, fits.as_bytes(), &limits)[1], Seen::End(_)));
    let (kind, ..) = fault_with(&GET, format!("{chunks}X: yz0\r\n\r\n").as_bytes(), &limits);
    assert_eq!(kind, K::TrailersTooLarge);
}

#[test]
fn switches_that_were_asked_for() {
    let several = Outbound { upgrade: Some(b"h2c, WebSocket, IRC/6.9"), ..GET };
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n";
    for (request, lines) in [
        (UPGRADE, "Upgrade: WebSocket\r\n"),
        (UPGRADE, "Upgrade: websocket\r\nContent-Length: 0\r\n"),
        (several, "Upgrade: irc/6.9, h2c\r\n"),
    ] {
        let wire = format!("{switch}{lines}\r\nHTTP/\0");
        let (head, rest) = head_of(run(&request, wire.as_bytes()));
        assert_eq!((head.code, head.framing), (101, Framing::Tunnel));
        assert_eq!(rest, [Seen::Switched(b"HTTP/\0".to_vec()), CLOSED], "{lines:?}");
    }
    for (request, lines) in [
        (GET, "Upgrade: websocket\r\n"),
        (UPGRADE, ""),
        (UPGRADE, "Upgrade: h2c\r\n"),
        (UPGRADE, "Upgrade: websocket, h2c\r\n"),
        (UPGRADE, "Upgrade: websocket/13\r\n"),
        (several, "Upgrade: IRC\r\n"),
    ] {
        let (kind, at, _) = fault(&request, format!("{switch}{lines}\r\n").as_bytes());
        assert_eq!((kind, at), (K::SwitchUnasked, NOT_ASKED), "{lines:?}");
    }
    let long = format!("{switch}Upgrade: websocket\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(fault(&UPGRADE, long.as_bytes()).0, K::InterimContent);
    // The asked one may be declined; the connection is then like any other.
    let declined = run(&UPGRADE, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(declined[1..], [end(), Seen::Reusable, CLOSED]);
}

#[test]
fn connect_makes_a_tunnel_of_a_success() {
    let wire = b"HTTP/1.1 200 OK\r\nContent-Length: 3, x\r\n\r\nabc";
    let (head, rest) = head_of(run(&CONNECT, wire));
    assert_eq!(head.framing, Framing::Tunnel);
    assert_eq!(rest, [Seen::Switched(b"abc".to_vec()), CLOSED]);
    let refused = run(&CONNECT, b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(refused[1..], [content("abc"), end(), Seen::Reusable, CLOSED]);
}

#[test]
fn closings_in_the_middle_are_faults() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (wire, kind, at) in [
        ("".into(), K::ClosedInHead, 0),
        ("HTTP/1.1 200".into(), K::ClosedInHead, 12),
        ("HTTP/1.1 200 OK\r\nX: y\r\n".into(), K::ClosedInHead, 23),
        ("HTTP/1.1 100 C\r\n\r\n".into(), K::ClosedInHead, 0),
        (format!("{sized}hell"), K::ClosedInContent, 4),
        (chunks.into(), K::ClosedInContent, 0),
        (format!("{chunks}3\r\nab"), K::ClosedInContent, 5),
        (format!("{chunks}0\r\n"), K::ClosedInContent, 3),
        (format!("{chunks}0\r\nX: y\r\n"), K::ClosedInContent, 9),
    ] {
        let seen = run(&GET, wire.as_bytes());
        let fault = Fault::new(kind, at);
        assert_eq!(seen.last(), Some(&Seen::Eof(Err(fault))), "{wire:?}");
    }
    // All is there, its end was not told yet.
    let mut client = Client::new(&ClientLimits::default());
    client.begin(&GET, &mut Vec::new());
    let head = format!("{sized}hello");
    let (used, _) = client.receive(head.as_bytes()).unwrap();
    assert_eq!(client.receive(&head.as_bytes()[used..]), Ok((5, ClientEvent::Content(0..5))));
    assert_eq!(client.eof(), Ok(ClientEvent::End));
    assert_eq!(client.eof(), Ok(ClientEvent::Closed));
}

#[test]
fn an_answer_may_come_before_its_request_is_whole() {
    let post = Outbound { method: Method::Post, content: Outgoing::Streamed, ..GET };
    let (mut client, mut out) = (Client::new(&ClientLimits::default()), Vec::new());
    client.begin(&post, &mut out);
    let wire = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(client.receive(wire), Ok((wire.len(), ClientEvent::Head)));
    assert!(!client.is_unanswered());
    assert!(client.response(wire).fields.has(FieldName::ContentLength));
    assert_eq!(client.receive(b""), Ok((0, ClientEvent::End)));
    assert!(!client.is_reusable(), "the request goes on");
    client.end_content(b"", &mut out);
    assert!(text(&out).ends_with("0\r\n\r\n") && client.is_reusable());
}
