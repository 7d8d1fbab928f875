//! A client and a server joined in memory, with a clock that moves as the test says.

use wherefore_h1::{CloseReason, Event, Late, Limits, Millis, Outgoing, Server, Why};
use wherefore_message::{FaultKind, ResponseHead, Status};

use crate::drive::DATE;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

/// Both ends of a connection: what the client sends arrives at once, time passes only here.
struct Joined {
    server: Server,
    unread: Vec<u8>,
    now: Millis,
}

impl Joined {
    fn new() -> Self {
        let limits = Limits {
            head_time: 10_000,
            idle_time: 60_000,
            content_time: 100_000,
            content_rate: 100,
            content_grace: 10_000,
            ..Limits::default()
        };
        let mut joined =
            Self { server: Server::new(&limits), unread: Vec::new(), now: Millis(500) };
        assert_eq!(joined.send(b""), []);
        joined
    }

    /// The client sends; the server receives all it can.
    fn send(&mut self, octets: &[u8]) -> Vec<Event> {
        self.unread.extend_from_slice(octets);
        let mut events = Vec::new();
        loop {
            let (used, event) = self.server.receive(&self.unread, self.now).unwrap();
            self.unread.drain(..used);
            match event {
                Event::NeedMore => return events,
                Event::Paused | Event::Closed(_) => {
                    events.push(event);
                    return events;
                }
                Event::Head | Event::Content(_) | Event::End => events.push(event),
            }
        }
    }

    fn wait(&mut self, millis: u64) -> Option<Late> {
        self.now = Millis(self.now.0 + millis);
        self.server.late(self.now)
    }

    fn answer(&mut self) {
        let mut out = Vec::new();
        let head = ResponseHead::new(Status::OK);
        self.server.send_head(&head, Outgoing::Sized(0), DATE, &mut out);
        self.server.finish(&mut out);
    }
}

fn kind(late: Option<Late>) -> Option<FaultKind> {
    match late {
        Some(Late::Fault(fault)) => Some(fault.kind),
        Some(Late::Close(_)) | None => None,
    }
}

#[test]
fn an_idle_connection_closes_without_a_word() {
    let mut joined = Joined::new();
    assert_eq!(joined.server.deadline(), Some((Millis(60_500), Why::Idle)));
    joined.now = Millis(30_000);
    joined.send(b"\r\n");
    assert_eq!(joined.server.deadline(), Some((Millis(60_500), Why::Idle)), "no request began");
    assert_eq!(joined.wait(30_499), None);
    assert_eq!(joined.wait(1), Some(Late::Close(CloseReason::Idle)));
    assert_eq!(joined.send(GET), [Event::Closed(CloseReason::Idle)]);
    assert_eq!(joined.server.deadline(), None);
}

#[test]
fn a_head_has_its_time_from_its_first_octet() {
    let mut joined = Joined::new();
    joined.now = Millis(50_000);
    joined.send(b"G");
    assert_eq!(joined.server.deadline(), Some((Millis(60_000), Why::HeadLate)));
    joined.now = Millis(59_000);
    joined.send(b"ET / HTTP/1.1\r\n");
    assert_eq!(
        joined.server.deadline(),
        Some((Millis(60_000), Why::HeadLate)),
        "octets win no time"
    );
    assert_eq!(kind(joined.wait(1_000)), Some(FaultKind::HeadLate));
    assert!(joined.server.owes_answer());
    let mut out = Vec::new();
    let head = ResponseHead::new(FaultKind::HeadLate.status());
    joined.server.send_head(&head, Outgoing::None, DATE, &mut out);
    assert!(out.starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
    assert!(out.ends_with(b"Connection: close\r\n\r\n"));
}

#[test]
fn between_requests_idle_time_counts_anew_and_answering_has_no_deadline() {
    let mut joined = Joined::new();
    joined.send(GET);
    assert_eq!(joined.server.deadline(), None);
    assert_eq!(joined.wait(1_000_000), None);
    joined.answer();
    joined.send(b"");
    let at = Millis(joined.now.0 + 60_000);
    assert_eq!(joined.server.deadline(), Some((at, Why::Idle)));
    // A request that came meanwhile has its time from when it is looked at.
    joined.send(GET);
    joined.unread.extend_from_slice(b"GE");
    joined.now = Millis(joined.now.0 + 500_000);
    joined.answer();
    joined.send(b"");
    let at = Millis(joined.now.0 + 10_000);
    assert_eq!(joined.server.deadline(), Some((at, Why::HeadLate)));
}

#[test]
fn slow_content_is_too_slow_only_while_it_is_waited_for() {
    let mut joined = Joined::new();
    assert_eq!(joined.send(POST), [Event::Head]);
    for _ in 0..2 {
        assert_eq!(joined.server.deadline().map(|(_, why)| why), Some(Why::ContentSlow));
        joined.send(&[0; 1_000]);
        assert_eq!(joined.wait(10_000), None, "the rate is kept");
    }
    joined.server.rest(joined.now);
    assert_eq!(joined.server.deadline(), None);
    assert_eq!(joined.wait(50_000), None, "the server itself does not read");
    joined.send(&[0; 999]);
    assert_eq!(joined.wait(9_999), None);
    assert_eq!(kind(joined.wait(1)), Some(FaultKind::ContentSlow));
    assert_eq!(joined.server.deadline(), None);
    assert_eq!(joined.send(b""), [Event::Paused]);
}

#[test]
fn content_has_its_whole_time_from_the_end_of_the_head() {
    let mut joined = Joined::new();
    joined.send(POST);
    for _ in 0..9 {
        joined.send(&[0; 2_000]);
        assert_eq!(joined.wait(10_000), None);
    }
    joined.send(&[0; 2_000]);
    assert_eq!(joined.server.deadline(), Some((Millis(100_500), Why::ContentLate)));
    let Some(Late::Fault(fault)) = joined.wait(10_000) else { panic!("late") };
    assert_eq!((fault.kind, fault.at), (FaultKind::ContentLate, 20_000));
}

#[test]
fn a_client_too_slow_to_be_drained_is_left() {
    let mut joined = Joined::new();
    joined.send(POST);
    joined.answer();
    assert_eq!(joined.send(b""), []);
    assert_eq!(kind(joined.wait(10_000)), Some(FaultKind::ContentSlow));
    assert!(!joined.server.owes_answer());
    let closed = Event::Closed(CloseReason::Faulty(FaultKind::ContentSlow));
    assert_eq!(joined.send(b""), [closed]);
}
