use proptest::prelude::*;
use wherefore_h1::{After, CloseReason, Event, Limits, Outgoing, Server, Unread};
use wherefore_message::{EntityTag, FaultKind, FieldName, ResponseHead, Status, Value};

use crate::drive::{DATE, NOW, text};

/// A server that has received `request` up to its head's end, and what is unread.
fn asked(request: &str) -> (Server, Vec<u8>) {
    asked_with(request, &Limits::default())
}

fn asked_with(request: &str, limits: &Limits) -> (Server, Vec<u8>) {
    let mut server = Server::new(limits);
    let (used, event) = server.receive(request.as_bytes(), NOW).unwrap();
    assert_eq!(event, Event::Head, "{request:?}");
    (server, request.as_bytes()[used..].to_vec())
}

/// Answers with 200 and `content`, and returns the octets and what comes next.
fn answer(server: &mut Server, content: Outgoing, runs: &[&str]) -> (String, After) {
    let mut out = Vec::new();
    server.send_head(&ResponseHead::new(Status::OK), content, DATE, &mut out);
    if server.sends_content() {
        for run in runs {
            server.frame(run.len(), &mut out);
            out.extend_from_slice(run.as_bytes());
            server.frame_end(run.len(), &mut out);
        }
    }
    let after = server.finish(&mut out);
    (text(&out), after)
}

const START: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_10: &str = "GET / HTTP/1.0\r\n\r\n";
const KEEP_10: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn answers_by_version_method_and_content() {
    use Outgoing::{None, Sized, Streamed};
    let close = |reason| After::Close(reason);
    for (request, content, rest, after) in [
        (GET, Sized(5), "Content-Length: 5\r\n\r\nhello", After::Next),
        (GET, None, "Content-Length: 0\r\n\r\n", After::Next),
        (
            GET,
            Streamed,
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            After::Next,
        ),
        (HEAD, Sized(5), "Content-Length: 5\r\n\r\n", After::Next),
        (HEAD, Streamed, "Transfer-Encoding: chunked\r\n\r\n", After::Next),
        (HEAD, None, "\r\n", After::Next),
        (
            CLOSE,
            Sized(5),
            "Content-Length: 5\r\nConnection: close\r\n\r\nhello",
            close(CloseReason::PeerAsked),
        ),
        (
            GET_10,
            Sized(5),
            "Content-Length: 5\r\nConnection: close\r\n\r\nhello",
            close(CloseReason::OldVersion),
        ),
        (
            KEEP_10,
            Sized(5),
            "Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
            After::Next,
        ),
        (KEEP_10, Streamed, "Connection: close\r\n\r\nhello", close(CloseReason::EndsByClosing)),
    ] {
        let (mut server, _) = asked(request);
        let found = answer(&mut server, content, &["he", "", "llo"]);
        assert_eq!(found, (format!("{START}{rest}"), after), "{request:?} {content:?}");
    }
}

#[test]
fn the_role_alone_says_what_delimits_and_the_head_keeps_its_own_date_and_options() {
    let (mut server, _) = asked(CLOSE);
    let mut head = ResponseHead::new(Status::UPGRADE_REQUIRED);
    head.push(FieldName::Upgrade, Value::Static("h2c"));
    head.push(FieldName::Connection, Value::Static("upgrade"));
    head.push(FieldName::ContentLength, Value::Number(7));
    head.push(FieldName::TransferEncoding, Value::Static("chunked"));
    head.push(FieldName::Date, Value::Date(0));
    head.push(FieldName::ETag, Value::Tag(EntityTag::strong(b"x")));
    let mut out = Vec::new();
    server.send_head(&head, Outgoing::Sized(2), DATE, &mut out);
    assert_eq!(
        text(&out),
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         ETag: \"x\"\r\nContent-Length: 2\r\nConnection: upgrade, close\r\n\r\n"
    );
}

#[test]
fn statuses_that_end_with_their_head() {
    for (status, content, length) in [
        (Status::NO_CONTENT, Outgoing::Sized(3), None),
        (Status::NOT_MODIFIED, Outgoing::Sized(3), Some(3)),
        (Status::NOT_MODIFIED, Outgoing::None, None),
        (Status::RESET_CONTENT, Outgoing::None, Some(0)),
    ] {
        let (mut server, _) = asked(GET);
        let mut out = Vec::new();
        server.send_head(&ResponseHead::new(status), content, DATE, &mut out);
        assert!(!server.sends_content());
        assert_eq!(server.finish(&mut out), After::Next);
        let line = length.map(|length| format!("Content-Length: {length}\r\n"));
        assert_eq!(text(&out).contains("Content-Length"), line.is_some(), "{status}");
        assert!(line.is_none_or(|line| text(&out).contains(&line)), "{status}");
    }
}

#[test]
fn a_switch_leaves_the_connection_to_another_protocol() {
    let connect = "CONNECT b:443 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n";
    for (request, status) in [(GET, Status::SWITCHING_PROTOCOLS), (connect, Status::OK)] {
        let (mut server, _) = asked(request);
        let mut out = Vec::new();
        server.send_head(&ResponseHead::new(status), Outgoing::None, DATE, &mut out);
        assert_eq!(server.finish(&mut out), After::Close(CloseReason::Switched));
        assert!(!text(&out).contains("Connection") && !text(&out).contains("Content-Length"));
    }
}

/// The client may send the other protocol's octets before it is told that they are welcome: they stay the
/// caller's.
#[test]
fn what_follows_a_switch_is_left_unread() {
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
    for (lines, ended) in [("", true), ("", false), ("Content-Length: 0\r\n", true)] {
        let (mut server, unread) = asked(&format!("{upgrade}{lines}\r\n\u{1}\u{2}"));
        if ended {
            assert_eq!(server.receive(&unread, NOW), Ok((0, Event::End)));
            assert_eq!(server.receive(&unread, NOW), Ok((0, Event::Paused)));
        }
        let (mut out, mut head) = (Vec::new(), ResponseHead::new(Status::SWITCHING_PROTOCOLS));
        head.push(FieldName::Connection, Value::Static("upgrade"));
        head.push(FieldName::Upgrade, Value::Static("websocket"));
        server.send_head(&head, Outgoing::None, DATE, &mut out);
        assert_eq!(server.unread(), Unread::None);
        assert_eq!(server.finish(&mut out), After::Close(CloseReason::Switched));
        assert!(text(&out).ends_with("\r\nConnection: upgrade\r\n\r\n"), "{}", text(&out));
        let switched = Ok((0, Event::Closed(CloseReason::Switched)));
        assert_eq!(server.receive(&unread, NOW), switched, "{lines:?}");
    }
}

#[test]
fn trailer_fields_go_out_where_content_is_in_chunks() {
    let trailers = b"Digest: x\r\nX: \r\n";
    for (request, content, rest) in [
        (
            GET,
            Outgoing::Streamed,
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nDigest: x\r\nX: \r\n\r\n",
        ),
        (GET, Outgoing::Sized(2), "Content-Length: 2\r\n\r\nhi"),
        (HEAD, Outgoing::Streamed, "Transfer-Encoding: chunked\r\n\r\n"),
        (KEEP_10, Outgoing::Streamed, "Connection: close\r\n\r\nhi"),
    ] {
        let (mut server, mut out) = (asked(request).0, Vec::new());
        server.send_head(&ResponseHead::new(Status::OK), content, DATE, &mut out);
        if server.sends_content() {
            server.frame(2, &mut out);
            out.extend_from_slice(b"hi");
            server.frame_end(2, &mut out);
        }
        server.finish_with(trailers, &mut out);
        assert_eq!(text(&out), format!("{START}{rest}"), "{request:?}");
    }
}

#[test]
fn interim_answers() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let (mut server, _) = asked(post);
    let mut out = Vec::new();
    let mut hints = ResponseHead::new(Status::EARLY_HINTS);
    hints.push(FieldName::Link, Value::Static("</a>; rel=preload"));
    assert!(server.send_interim(&ResponseHead::new(Status::CONTINUE), &mut out));
    assert!(server.send_interim(&hints, &mut out));
    assert_eq!(
        text(&out),
        "HTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
    );
    assert_eq!(server.receive(b"hi", NOW), Ok((2, Event::Content(0..2))));
    assert_eq!(server.receive(b"", NOW), Ok((0, Event::End)));
    assert_eq!(answer(&mut server, Outgoing::None, &[]).1, After::Next);
    assert!(!server.send_interim(&hints, &mut out), "no answer is owed");
    let (mut old, _) = asked(GET_10);
    out.clear();
    assert!(!old.send_interim(&hints, &mut out) && out.is_empty());
}

/// Whether the content still comes can't be told, so nothing after it could be understood.
#[test]
fn a_client_that_was_not_told_to_go_on_is_closed_on() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
    let (mut server, _) = asked(post);
    let (out, after) = answer(&mut server, Outgoing::None, &[]);
    assert_eq!(after, After::Close(CloseReason::ContentUninvited));
    assert!(out.ends_with("Connection: close\r\n\r\n"));
    // It sent it unasked: there is nothing uncertain any more.
    let (mut server, _) = asked(post);
    assert_eq!(server.receive(b"h", NOW), Ok((1, Event::Content(0..1))));
    assert_eq!(answer(&mut server, Outgoing::None, &[]).1, After::Drain);
    // Without content there is nothing to wait for.
    let (mut server, _) = asked("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(answer(&mut server, Outgoing::None, &[]).1, After::Next);
}

#[test]
fn little_unread_content_is_dropped_and_much_closes() {
    let limits = Limits { drain_bytes: 4, ..Limits::default() };
    let (mut server, _) =
        asked_with("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", &limits);
    assert_eq!(server.unread(), Unread::Octets(4));
    assert_eq!(answer(&mut server, Outgoing::None, &[]).1, After::Drain);
    assert_eq!(server.receive(b"abcdGET", NOW), Ok((4, Event::Content(0..4))));
    assert_eq!(server.receive(b"GET", NOW), Ok((0, Event::End)));
    assert_eq!(server.receive(GET.as_bytes(), NOW), Ok((GET.len(), Event::Head)));

    let (mut server, _) =
        asked_with("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", &limits);
    let (out, after) = answer(&mut server, Outgoing::None, &[]);
    assert_eq!(after, After::Close(CloseReason::ContentUnread));
    assert!(out.ends_with("Connection: close\r\n\r\n"));

    let chunked = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut server, _) = asked_with(chunked, &limits);
    assert_eq!(server.unread(), Unread::Unknown);
    assert_eq!(answer(&mut server, Outgoing::None, &[]).1, After::Drain);
    let closed = Event::Closed(CloseReason::ContentUnread);
    assert_eq!(server.receive(b"5\r\nabcde", NOW), Ok((8, closed)));
}

#[test]
fn who_closes_while_the_client_still_sends_knows_it() {
    for (head, reason) in [
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n",
            CloseReason::ContentUnread,
        ),
        ("POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\n", CloseReason::ContentUnread),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
            CloseReason::ContentUnread,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
            CloseReason::ContentUninvited,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            CloseReason::PeerAsked,
        ),
        ("GET / HTTP/1.0\r\n\r\n", CloseReason::OldVersion),
    ] {
        let (mut server, _) = asked(head);
        assert_eq!(answer(&mut server, Outgoing::None, &[]).1, After::Close(reason), "{head}");
    }
    let (mut server, _) =
        asked("PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(server.receive(b"abcd", NOW), Ok((4, Event::Content(0..4))));
    assert_eq!(server.receive(b"", NOW), Ok((0, Event::End)));
    let after = answer(&mut server, Outgoing::None, &[]).1;
    assert_eq!(after, After::Close(CloseReason::PeerAsked), "all was received");
}

#[test]
fn content_may_be_received_while_the_answer_is_sent() {
    let (mut server, _) = asked("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    let mut out = Vec::new();
    server.send_head(&ResponseHead::new(Status::OK), Outgoing::Streamed, DATE, &mut out);
    assert_eq!(server.receive(b"hi", NOW), Ok((2, Event::Content(0..2))));
    assert_eq!(server.unread(), Unread::None);
    assert_eq!(server.receive(b"", NOW), Ok((0, Event::End)));
    assert_eq!(server.finish(&mut out), After::Next);
}

#[test]
fn an_answer_cut_short_closes() {
    let (mut server, _) = asked(GET);
    let (_, after) = answer(&mut server, Outgoing::Sized(9), &["hello"]);
    assert_eq!(after, After::Close(CloseReason::AnswerCutShort));
}

#[test]
fn the_server_makes_an_exchange_the_last() {
    let (mut server, _) = asked(GET);
    server.close_after(CloseReason::ShuttingDown);
    server.close_after(CloseReason::Overloaded);
    let (out, after) = answer(&mut server, Outgoing::None, &[]);
    assert!(out.ends_with("Connection: close\r\n\r\n"));
    assert_eq!(after, After::Close(CloseReason::ShuttingDown));

    let mut idle = Server::new(&Limits::default());
    idle.close_after(CloseReason::ShuttingDown);
    let closed = Ok((0, Event::Closed(CloseReason::ShuttingDown)));
    assert_eq!(idle.receive(GET.as_bytes(), NOW), closed);

    let mut begun = Server::new(&Limits::default());
    assert_eq!(begun.receive(&GET.as_bytes()[..9], NOW), Ok((0, Event::NeedMore)));
    begun.close_after(CloseReason::ShuttingDown);
    assert_eq!(begun.receive(GET.as_bytes(), NOW), Ok((GET.len(), Event::Head)));
    let (_, after) = answer(&mut begun, Outgoing::None, &[]);
    assert_eq!(after, After::Close(CloseReason::ShuttingDown));
}

#[test]
fn a_faulty_head_request_gets_no_content() {
    let mut server = Server::new(&Limits::default());
    let fault = server.receive(b"HEAD /a HTTP/1.1\r\nX\r\n\r\n", NOW).unwrap_err();
    assert_eq!(fault.kind, FaultKind::FieldColonMissing);
    let mut out = Vec::new();
    server.send_head(&ResponseHead::new(Status::BAD_REQUEST), Outgoing::Sized(9), DATE, &mut out);
    assert!(!server.sends_content());
    assert!(text(&out).ends_with("Content-Length: 9\r\nConnection: close\r\n\r\n"));
    // With the version unknown, nothing is presumed of the client.
    let mut server = Server::new(&Limits::default());
    server.receive(b"(", NOW).unwrap_err();
    out.clear();
    server.send_head(&ResponseHead::new(Status::BAD_REQUEST), Outgoing::Streamed, DATE, &mut out);
    assert!(!text(&out).contains("chunked") && server.sends_content());
}

#[test]
fn a_client_that_closed_its_side_still_gets_its_answer() {
    let (mut server, _) = asked(GET);
    assert_eq!(server.eof(), Ok(()));
    assert_eq!(server.receive(b"", NOW), Ok((0, Event::End)));
    let (out, after) = answer(&mut server, Outgoing::None, &[]);
    assert!(out.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(after, After::Close(CloseReason::PeerClosed));
}

#[test]
fn what_comes_after_the_close_changes_nothing() {
    let (mut server, _) = asked(CLOSE);
    let (_, after) = answer(&mut server, Outgoing::None, &[]);
    assert_eq!(after, After::Close(CloseReason::PeerAsked));
    assert_eq!(server.eof(), Ok(()));
    server.close_after(CloseReason::ShuttingDown);
    assert_eq!(server.late(wherefore_h1::Millis(u64::MAX)), None);
    let closed = Ok((0, Event::Closed(CloseReason::PeerAsked)));
    assert_eq!(server.receive(GET.as_bytes(), NOW), closed);
}

#[test]
fn a_reset_server_begins_a_fresh_connection() {
    let (mut server, _) = asked(CLOSE);
    answer(&mut server, Outgoing::None, &[]);
    server.reset();
    assert_eq!(server.closes(), None);
    assert_eq!(server.receive(GET.as_bytes(), NOW), Ok((GET.len(), Event::Head)));
}

proptest! {
    /// Whatever a value holds, its line stays one line and its neighbours stay what they are.
    #[test]
    fn no_value_ends_its_line(values in prop::collection::vec(any::<String>(), 0..6)) {
        let (mut server, _) = asked(GET);
        let mut head = ResponseHead::new(Status::OK);
        for value in &values {
            head.push(FieldName::Location, Value::Text(value.as_str().into()));
        }
        let mut out = Vec::new();
        server.send_head(&head, Outgoing::Sized(0), DATE, &mut out);
        let mut slots = [httparse::EMPTY_HEADER; 8];
        let mut response = httparse::Response::new(&mut slots);
        prop_assert_eq!(response.parse(&out), Ok(httparse::Status::Complete(out.len())));
        let names: Vec<_> = response.headers.iter().map(|header| header.name).collect();
        let mut expected = vec!["Location"; values.len()];
        expected.insert(0, "Date");
        expected.push("Content-Length");
        prop_assert_eq!(names, expected);
    }
}
