use wherefore_h1::{Client, ClientEvent, ClientLimits, Outbound, Outgoing, TeTrailers};
use wherefore_message::Method;

use crate::drive::{CONNECT, GET, UPGRADE, text};

/// The octets of a request with this content, and whether its answer leaves the connection reusable.
fn sent(request: &Outbound<'_>, runs: &[&str], trailers: &[u8]) -> (String, bool) {
    let (mut client, mut out) = (Client::new(&ClientLimits::default()), Vec::new());
    client.begin(request, &mut out);
    for run in runs {
        client.frame(run.len(), &mut out);
        out.extend_from_slice(run.as_bytes());
        client.frame_end(run.len(), &mut out);
    }
    client.end_content(trailers, &mut out);
    let answer = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n";
    assert!(matches!(client.receive(answer), Ok((_, ClientEvent::Head))));
    assert_eq!(client.receive(b""), Ok((0, ClientEvent::End)));
    (text(&out), client.is_reusable())
}

#[test]
fn heads_by_method_and_what_is_said_of_the_connection() {
    let put = Outbound { method: Method::Put, target: b"/a?b", host: b"b:81", ..GET };
    let other = Outbound { method: Method::Other, method_text: b"BREW", ..GET };
    let lines = Outbound { lines: b"Accept: */*\r\nVia: 1.1 x\r\n", ..UPGRADE };
    let trailers = Outbound { te_trailers: TeTrailers::Said, ..GET };
    let both = Outbound { te_trailers: TeTrailers::Said, ..UPGRADE };
    for (request, wire) in [
        (GET, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (put, "PUT /a?b HTTP/1.1\r\nHost: b:81\r\nContent-Length: 0\r\n\r\n"),
        (other, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (CONNECT, "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (
            lines,
            "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 x\r\n\
             Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        ),
        (trailers, "GET / HTTP/1.1\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n"),
        (
            both,
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, TE\r\nUpgrade: websocket\r\n\
             TE: trailers\r\n\r\n",
        ),
        (
            Outbound { content: Outgoing::Sized(0), ..GET },
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        ),
    ] {
        assert_eq!(sent(&request, &[], b""), (wire.to_owned(), true));
    }
}

#[test]
fn content_is_delimited_as_the_head_says() {
    let post = |content| Outbound { method: Method::Post, content, ..GET };
    let start = "POST / HTTP/1.1\r\nHost: a\r\n";
    for (content, trailers, wire, whole) in [
        (Outgoing::Sized(5), "", "Content-Length: 5\r\n\r\nhello", true),
        (Outgoing::Sized(5), "X: y\r\n", "Content-Length: 5\r\n\r\nhello", true),
        (
            Outgoing::Streamed,
            "",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            true,
        ),
        (
            Outgoing::Streamed,
            "X: y\r\nZ: \r\n",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\nZ: \r\n\r\n",
            true,
        ),
        // The upstream still waits for the rest.
        (Outgoing::Sized(6), "", "Content-Length: 6\r\n\r\nhello", false),
    ] {
        let found = sent(&post(content), &["he", "", "llo"], trailers.as_bytes());
        assert_eq!(found, (format!("{start}{wire}"), whole), "{content:?}");
    }
}

#[test]
fn a_connection_carries_one_exchange_after_another() {
    let (mut client, mut out) = (Client::new(&ClientLimits::default()), Vec::new());
    for i in 0..3 {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: {i}\r\n\r\n{i}");
        assert!(client.is_reusable());
        out.clear();
        client.begin(&GET, &mut out);
        assert!(client.is_unanswered() && text(&out).starts_with("GET / "));
        let (used, event) = client.receive(answer.as_bytes()).unwrap();
        assert_eq!(event, ClientEvent::Head);
        let (head, rest) = answer.as_bytes().split_at(used);
        assert_eq!(client.response(head).fields.iter().nth(1).unwrap().1, i.to_string().as_bytes());
        assert_eq!(client.receive(rest), Ok((1, ClientEvent::Content(0..1))));
        assert_eq!(client.receive(b""), Ok((0, ClientEvent::End)));
    }
}
