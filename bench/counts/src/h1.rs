//! HTTP/1.1 alone: a request is read, and an answer that was made before is written.

use std::hint::black_box;

use wherefore_h1::{
    After, Client, ClientEvent, ClientLimits, Event, Limits, Millis, Outbound, Outgoing, Server,
    TeTrailers,
};
use wherefore_message::{EntityTag, FieldName, Method, ResponseHead, Status, Value};

use crate::requests::{BROWSER, PLAIN, elsewhere, turned, with};
use crate::site::DATE;

const CONTENT_BYTES: usize = 1024;
const CHUNK_BYTES: usize = 4 << 10;
const CHUNKS: usize = 16;

pub(crate) fn get(times: u32) -> Status {
    exchanges(&[PLAIN], &representation(), CONTENT_BYTES, times)
}

/// Of which no two in a row have the same fields.
pub(crate) fn get_new(times: u32) -> Status {
    let other = with(PLAIN, "DNT: 1");
    exchanges(&[&other, PLAIN], &representation(), CONTENT_BYTES, times)
}

pub(crate) fn get_browser(times: u32) -> Status {
    exchanges(&[BROWSER], &representation(), CONTENT_BYTES, times)
}

/// Of which no two in a row have a line in the same place.
pub(crate) fn get_browser_new(times: u32) -> Status {
    exchanges(&[&turned(BROWSER), BROWSER], &representation(), CONTENT_BYTES, times)
}

/// Of which no two in a row ask for the same, nor take the same.
pub(crate) fn get_browser_next(times: u32) -> Status {
    let other = String::from_utf8_lossy(BROWSER)
        .replace("text/html,application", "image/png,application")
        .replace("Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: no-cors")
        .replace("Sec-Fetch-Dest: document", "Sec-Fetch-Dest: image");
    let other = elsewhere(other.as_bytes());
    exchanges(&[&other, BROWSER], &representation(), CONTENT_BYTES, times)
}

/// Of which no two in a row have the same target.
pub(crate) fn get_browser_elsewhere(times: u32) -> Status {
    exchanges(&[&elsewhere(BROWSER), BROWSER], &representation(), CONTENT_BYTES, times)
}

/// The client role: a request, and an answer of six lines.
pub(crate) fn ask(times: u32) -> Status {
    asks(&["Sun, 06 Nov 1994 08:49:37 GMT"], times)
}

/// Answers of which no two in a row have the same fields.
pub(crate) fn ask_new(times: u32) -> Status {
    asks(&["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"], times)
}

/// One answer with each of `dates` after the other, and again from the first.
fn asks(dates: &[&str], times: u32) -> Status {
    let answer = |date: &&str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: nginx/1.28.0\r\nDate: {date}\r\n\
             Content-Type: text/html; charset=utf-8\r\nContent-Length: {CONTENT_BYTES}\r\n\
             Last-Modified: Sat, 05 Nov 1994 10:12:05 GMT\r\nETag: \"68f0a1c2-400\"\r\n\r\n"
        );
        [head.as_bytes(), &[b'x'; CONTENT_BYTES]].concat()
    };
    let answers: Vec<Vec<u8>> = dates.iter().map(answer).collect();
    let (mut client, mut out) = (Client::new(&ClientLimits::default()), Vec::new());
    let request = Outbound {
        method: Method::Get,
        method_text: b"GET",
        target: b"/docs/page.html",
        host: b"127.0.0.1:8080",
        lines: b"",
        content: Outgoing::None,
        upgrade: None,
        te_trailers: TeTrailers::Unsaid,
    };
    for (octets, _) in answers.iter().cycle().zip(0..times) {
        out.clear();
        client.begin(black_box(&request), &mut out);
        black_box(&out);
        hear(&mut client, black_box(octets));
    }
    Status::OK
}

/// Receives one answer, content included.
fn hear(client: &mut Client, octets: &[u8]) {
    let mut unread = octets;
    loop {
        let Ok((used, event)) = client.receive(unread) else {
            panic!("the answer is well-formed");
        };
        let (seen, rest) = unread.split_at(used);
        unread = rest;
        match event {
            ClientEvent::Head => drop(black_box(client.response(seen))),
            ClientEvent::Content(range) => drop(black_box(range)),
            ClientEvent::End => return assert!(client.is_reusable(), "the connection persists"),
            ClientEvent::NeedMore
            | ClientEvent::Interim
            | ClientEvent::Switched
            | ClientEvent::Closed => panic!("the answer is whole"),
        }
    }
}

pub(crate) fn chunked(times: u32) -> Status {
    let mut octets =
        b"PUT /docs/page.html HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for _ in 0..CHUNKS {
        octets.extend_from_slice(format!("{CHUNK_BYTES:x}\r\n").as_bytes());
        octets.extend_from_slice(&[b'x'; CHUNK_BYTES]);
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b"0\r\n\r\n");
    exchanges(&[&octets], &ResponseHead::new(Status::NO_CONTENT), 0, times)
}

/// One of `requests` after the other, and again from the first.
fn exchanges(
    requests: &[&[u8]],
    answer: &ResponseHead,
    content_bytes: usize,
    times: u32,
) -> Status {
    let mut server = Server::new(&Limits::default());
    let (mut out, content) = (Vec::new(), vec![b'x'; content_bytes]);
    for (octets, _) in requests.iter().cycle().zip(0..times) {
        out.clear();
        receive(&mut server, black_box(octets));
        send(&mut server, black_box(answer), &content, &mut out);
        black_box(&out);
    }
    answer.status
}

/// Receives one request, content included.
fn receive(server: &mut Server, octets: &[u8]) {
    let mut unread = octets;
    loop {
        let Ok((used, event)) = server.receive(unread, Millis(0)) else {
            panic!("the request is well-formed");
        };
        let (seen, rest) = unread.split_at(used);
        unread = rest;
        match event {
            Event::Head => drop(black_box(server.request(seen))),
            Event::Content(range) => drop(black_box(range)),
            Event::End => return,
            Event::NeedMore | Event::Paused | Event::Closed(_) => panic!("the request is whole"),
        }
    }
}

/// Writes an answer on a connection that persists.
pub(crate) fn send(server: &mut Server, head: &ResponseHead, content: &[u8], out: &mut Vec<u8>) {
    server.send_head(head, Outgoing::Sized(content.len() as u64), DATE, out);
    if server.sends_content() {
        server.frame(content.len(), out);
        out.extend_from_slice(content);
        server.frame_end(content.len(), out);
    }
    assert_eq!(server.finish(out), After::Next, "the connection persists");
}

/// The head of a small page's answer.
fn representation() -> ResponseHead {
    let mut head = ResponseHead::new(Status::OK);
    head.push(FieldName::ETag, Value::Tag(EntityTag::strong(b"abcdefghijklmnopqrstuvwxyz")));
    head.push(FieldName::LastModified, Value::Date(1_795_000_000));
    head.push(FieldName::ContentType, Value::Static("text/html; charset=utf-8"));
    head.push(FieldName::AcceptRanges, Value::Static("bytes"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    head
}
