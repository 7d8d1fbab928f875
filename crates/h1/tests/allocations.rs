//! A connection that is warm allocates nothing: not for heads, not for content, not for answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use wherefore_h1::{
    After, Client, ClientEvent, ClientLimits, Event, Limits, Millis, Outbound, Outgoing, Server,
    TeTrailers,
};
use wherefore_message::{EntityTag, FieldName, Method, ResponseHead, Status, Value};

struct Counting;

thread_local! {
    // Of this thread alone: the test harness allocates on its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator unchanged; counting allocates nothing, since
// the cell is initialised in place and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`, and the block is the system's.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const REQUESTS: &[u8] =
    b"GET /a?b=c HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x/1\r\nAccept: */*\r\n\
    Accept-Encoding: gzip, br\r\nIf-None-Match: \"abc\"\r\nConnection: keep-alive\r\n\r\n\
    PUT /b HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n\
    5;x=\"y\"\r\nhello\r\n0\r\nX: y\r\n\r\n";

/// Receives and answers every request in `input`; returns how many there were.
fn serve(server: &mut Server, head: &mut ResponseHead, input: &[u8], out: &mut Vec<u8>) -> usize {
    let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
    let (mut unread, mut answered) = (input, 0);
    loop {
        let (used, event) = server.receive(unread, Millis(answered)).unwrap();
        let octets = &unread[..used];
        unread = &unread[used..];
        match event {
            Event::NeedMore => return answered as usize,
            Event::Head => assert!(server.request(octets).authority.is_some()),
            Event::Content(_) => {}
            Event::End => {
                head.reset(Status::OK);
                head.push(FieldName::Server, Value::Static("Wherefore"));
                head.push(FieldName::ETag, Value::Tag(EntityTag::strong(b"abc")));
                head.push(FieldName::LastModified, Value::Date(784_111_777));
                head.push(
                    FieldName::ContentRange,
                    Value::ContentRange { first: 0, last: 4, length: 10 },
                );
                server.send_head(head, Outgoing::Streamed, date, out);
                server.frame(5, out);
                out.extend_from_slice(b"hello");
                server.frame_end(5, out);
                assert_eq!(server.finish(out), After::Next);
                answered += 1;
            }
            Event::Paused | Event::Closed(_) => panic!("{event:?}"),
        }
    }
}

#[test]
fn a_thousand_requests_without_an_allocation() {
    let mut server = Server::new(&Limits::default());
    let (mut head, mut out) = (ResponseHead::new(Status::OK), Vec::new());
    assert_eq!(serve(&mut server, &mut head, REQUESTS, &mut out), 2);
    let before = ALLOCATIONS.with(Cell::get);
    assert!(before > 0, "the count counts");
    for _ in 0..500 {
        out.clear();
        assert_eq!(serve(&mut server, &mut head, REQUESTS, &mut out), 2);
    }
    server.reset();
    out.clear();
    assert_eq!(serve(&mut server, &mut head, REQUESTS, &mut out), 2);
    assert_eq!(ALLOCATIONS.with(Cell::get), before);
}

const ANSWER: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n\
    HTTP/1.1 200 OK\r\nServer: x\r\nETag: \"abc\"\r\nConnection: keep-alive\r\n\
    Transfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\nX: y\r\n\r\n";

/// Asks, and receives the answer; returns how many heads there were.
fn ask(client: &mut Client, out: &mut Vec<u8>) -> usize {
    let request = Outbound {
        method: Method::Post,
        method_text: b"POST",
        target: b"/a?b=c",
        host: b"example.org",
        lines: b"Accept: */*\r\n",
        content: Outgoing::Streamed,
        upgrade: Some(b"websocket"),
        te_trailers: TeTrailers::Said,
    };
    client.begin(&request, out);
    client.frame(5, out);
    out.extend_from_slice(b"hello");
    client.frame_end(5, out);
    client.end_content(b"X: y\r\n", out);
    let (mut unread, mut heads) = (ANSWER, 0);
    loop {
        let (used, event) = client.receive(unread).unwrap();
        let octets = &unread[..used];
        unread = &unread[used..];
        match event {
            ClientEvent::Interim | ClientEvent::Head => {
                assert!(!client.response(octets).fields.lines().is_empty());
                heads += 1;
            }
            ClientEvent::Content(_) => {}
            ClientEvent::End => {
                assert!(client.trailers().iter().count() == 1 && client.is_reusable());
                return heads;
            }
            ClientEvent::NeedMore | ClientEvent::Switched | ClientEvent::Closed => {
                panic!("{event:?}")
            }
        }
    }
}

#[test]
fn a_thousand_answers_without_an_allocation() {
    let (mut client, mut out) = (Client::new(&ClientLimits::default()), Vec::new());
    assert_eq!(ask(&mut client, &mut out), 2);
    let before = ALLOCATIONS.with(Cell::get);
    assert!(before > 0, "the count counts");
    for i in 0..1000 {
        out.clear();
        if i % 10 == 0 {
            client.reset();
        }
        assert_eq!(ask(&mut client, &mut out), 2);
    }
    assert_eq!(ALLOCATIONS.with(Cell::get), before);
}
