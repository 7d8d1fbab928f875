//! What an upstream answers, whole and octet by octet: nothing panics, both ways tell the same, and nothing
//! after an answer is taken for another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_h1::{Client, ClientEvent, ClientLimits, Outbound, Outgoing, TeTrailers};
use wherefore_message::{Fault, Method};

#[derive(Debug, PartialEq)]
enum Seen {
    Interim(String),
    Head(String),
    Content(Vec<u8>),
    End(String),
    Switched,
    Fault(Fault),
    Eof(Result<ClientEvent, Fault>),
}

fuzz_target!(|input: &[u8]| {
    // The first octet says what was asked.
    let Some((asked, wire)) = input.split_first() else { return };
    let (whole, reusable) = run(*asked, wire, wire.len().max(1));
    assert_eq!((&whole, reusable), (&run(*asked, wire, 1).0, run(*asked, wire, 1).1));
    let heads = whole.iter().filter(|seen| matches!(seen, Seen::Head(_))).count();
    assert!(heads <= 1 && (!reusable || heads == 1));
});

/// What was seen, and whether the connection could have gone on when all was received.
fn run(asked: u8, wire: &[u8], step: usize) -> (Vec<Seen>, bool) {
    let (method, upgrade) = match asked {
        b'h' => (Method::Head, None),
        b'c' => (Method::Connect, None),
        b'u' => (Method::Get, Some(&b"websocket"[..])),
        _ => (Method::Get, None),
    };
    let request = Outbound {
        method,
        method_text: b"",
        target: b"/",
        host: b"a",
        lines: b"",
        content: Outgoing::None,
        upgrade,
        te_trailers: TeTrailers::Unsaid,
    };
    let mut client = Client::new(&ClientLimits::default());
    client.begin(&request, &mut Vec::new());
    let (mut unread, mut seen) = (Vec::new(), Vec::new());
    for piece in wire.chunks(step) {
        unread.extend_from_slice(piece);
        go_on(&mut client, &mut unread, &mut seen);
        if matches!(seen.last(), Some(Seen::Fault(_) | Seen::Switched)) {
            assert!(!client.is_reusable());
            return (seen, false);
        }
    }
    let reusable = client.is_reusable();
    seen.push(Seen::Eof(client.eof()));
    (seen, reusable)
}

fn go_on(client: &mut Client, unread: &mut Vec<u8>, seen: &mut Vec<Seen>) {
    loop {
        let (used, event) = match client.receive(unread) {
            Ok(found) => found,
            Err(fault) => return seen.push(Seen::Fault(fault)),
        };
        let octets: Vec<u8> = unread.drain(..used).collect();
        let head = |client: &Client| format!("{:?}", client.response(&octets));
        match event {
            ClientEvent::NeedMore | ClientEvent::Closed => return,
            ClientEvent::Interim => seen.push(Seen::Interim(head(client))),
            ClientEvent::Head => seen.push(Seen::Head(head(client))),
            ClientEvent::Content(range) => match seen.last_mut() {
                Some(Seen::Content(content)) => content.extend_from_slice(&octets[range]),
                _ => seen.push(Seen::Content(octets[range].to_vec())),
            },
            ClientEvent::End => seen.push(Seen::End(format!("{:?}", client.trailers()))),
            ClientEvent::Switched => return seen.push(Seen::Switched),
        }
    }
}
