//! Requests in a row, whole and octet by octet: nothing panics, and both ways tell the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_h1::{After, Event, Limits, Millis, Outgoing, Server};
use wherefore_message::{Fault, ResponseHead, Status};

#[derive(Debug, PartialEq)]
enum Seen {
    Head(String),
    Content(Vec<u8>),
    End,
    Fault(Fault),
}

fuzz_target!(|input: &[u8]| {
    let whole = run(input, input.len().max(1));
    let octets = run(input, 1);
    assert_eq!(whole, octets);
});

fn run(input: &[u8], step: usize) -> Vec<Seen> {
    let mut server = Server::new(&Limits::default());
    let (mut unread, mut seen) = (Vec::new(), Vec::new());
    for piece in input.chunks(step) {
        unread.extend_from_slice(piece);
        if !go_on(&mut server, &mut unread, &mut seen) {
            return seen;
        }
    }
    let _ = server.eof();
    seen
}

/// Receives all there is; false once the connection is over.
fn go_on(server: &mut Server, unread: &mut Vec<u8>, seen: &mut Vec<Seen>) -> bool {
    loop {
        let (used, event) = match server.receive(unread, Millis(0)) {
            Ok(found) => found,
            Err(fault) => {
                assert!(server.owes_answer());
                let _ = server.broken(unread);
                seen.push(Seen::Fault(fault));
                assert!(matches!(answer(server), After::Close(_)));
                return false;
            }
        };
        let octets: Vec<u8> = unread.drain(..used).collect();
        match event {
            Event::NeedMore => return true,
            Event::Head => seen.push(Seen::Head(summary(server, &octets))),
            Event::Content(range) => match seen.last_mut() {
                Some(Seen::Content(content)) => content.extend_from_slice(&octets[range]),
                _ => seen.push(Seen::Content(octets[range].to_vec())),
            },
            Event::End => {
                seen.push(Seen::End);
                if answer(server) != After::Next {
                    return false;
                }
            }
            Event::Paused | Event::Closed(_) => panic!("{event:?} out of turn"),
        }
    }
}

fn answer(server: &mut Server) -> After {
    let mut out = Vec::new();
    let date = b"Sun, 06 Nov 1994 08:49:37 GMT";
    server.send_head(&ResponseHead::new(Status::OK), Outgoing::Sized(0), date, &mut out);
    server.finish(&mut out)
}

/// What a head says, without where it stands: empty lines before it move it in one way and not in the other.
fn summary(server: &Server, octets: &[u8]) -> String {
    let request = server.request(octets);
    let (target, announced) = (request.target, request.announced);
    format!("{} {target:?} {:?} {:?} {announced:?}", request.method, request.version, request.fields)
}
