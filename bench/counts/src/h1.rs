//! HTTP/1.1 alone: a request is read, and an answer that was made before is written.

use std::hint::black_box;

use wherefore_h1::{After, Event, Limits, Millis, Outgoing, Server};
use wherefore_message::{EntityTag, FieldName, ResponseHead, Status, Value};

use crate::requests::{BROWSER, PLAIN};
use crate::site::DATE;

const CONTENT_BYTES: usize = 1024;
const CHUNK_BYTES: usize = 4 << 10;
const CHUNKS: usize = 16;

pub(crate) fn get(times: u32) -> Status {
    exchanges(PLAIN, &representation(), CONTENT_BYTES, times)
}

pub(crate) fn get_browser(times: u32) -> Status {
    exchanges(BROWSER, &representation(), CONTENT_BYTES, times)
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
    exchanges(&octets, &ResponseHead::new(Status::NO_CONTENT), 0, times)
}

fn exchanges(octets: &[u8], answer: &ResponseHead, content_bytes: usize, times: u32) -> Status {
    let mut server = Server::new(&Limits::default());
    let (mut out, content) = (Vec::new(), vec![b'x'; content_bytes]);
    for _ in 0..times {
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
