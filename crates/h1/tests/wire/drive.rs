//! One way to show octets to a server: whole, octet by octet and at random cuts, with the same outcome.

use proptest::prelude::*;
use wherefore_h1::{After, CloseReason, Event, Limits, Millis, Outgoing, Server};
use wherefore_message::{
    Announced, Fault, FaultKind, Fields, Method, ResponseHead, Status, Version,
};

pub(crate) const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";
pub(crate) const NOW: Millis = Millis(1_000);

/// What came out of a connection. Runs of content are joined, since where they part depends on the cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Head(Box<Head>),
    Content(Vec<u8>),
    /// With the trailer fields.
    End(Vec<(String, String)>),
    Fault(Fault, Broken),
    Closed(CloseReason),
    Eof(Result<(), Fault>),
}

/// A request's head with its octets copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) version: Version,
    pub(crate) host: Option<(String, Option<u16>)>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) announced: Announced,
}

/// What was told of a broken head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) method: Option<Method>,
    pub(crate) target: Option<String>,
    pub(crate) field: Option<String>,
}

/// Runs `input` and then the peer's closing through a server in three ways; each request is answered
/// with 204 once it is complete, each fault with 400.
pub(crate) fn run(input: &[u8]) -> Vec<Seen> {
    run_with(input, &Limits::default())
}

pub(crate) fn run_with(input: &[u8], limits: &Limits) -> Vec<Seen> {
    let whole = run_cut(input, &[], limits);
    let octets: Vec<usize> = (0..input.len()).collect();
    assert_eq!(whole, run_cut(input, &octets, limits), "octet by octet: {}", text(input));
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ input.len() as u64;
    for _ in 0..8 {
        let cuts: Vec<usize> =
            (0..input.len()).filter(|_| xorshift(&mut random).is_multiple_of(7)).collect();
        assert_eq!(whole, run_cut(input, &cuts, limits), "cut at {cuts:?}: {}", text(input));
    }
    whole
}

/// Runs `input` delivered in pieces that end at `cuts`.
pub(crate) fn run_cut(input: &[u8], cuts: &[usize], limits: &Limits) -> Vec<Seen> {
    let mut ends = Ends { server: Server::new(limits), unread: Vec::new(), seen: Vec::new() };
    let mut start = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        ends.unread.extend_from_slice(&input[start..end]);
        start = end;
        if !ends.go_on() {
            return ends.seen;
        }
    }
    let eof = ends.server.eof();
    ends.seen.push(Seen::Eof(eof));
    ends.seen
}

/// The only fault of `input`, its kind, octet and line.
pub(crate) fn fault(input: &[u8]) -> (FaultKind, u32, Option<u16>) {
    fault_with(input, &Limits::default())
}

pub(crate) fn fault_with(input: &[u8], limits: &Limits) -> (FaultKind, u32, Option<u16>) {
    let seen = run_with(input, limits);
    match seen.iter().find(|seen| matches!(seen, Seen::Fault(..))) {
        Some(Seen::Fault(fault, _)) => (fault.kind, fault.at, fault.line),
        _ => panic!("no fault in {}: {seen:?}", text(input)),
    }
}

/// The only head in `input`.
pub(crate) fn head(input: &[u8]) -> Head {
    match run(input).into_iter().next() {
        Some(Seen::Head(head)) => *head,
        other => panic!("no head in {}: {other:?}", text(input)),
    }
}

struct Ends {
    server: Server,
    unread: Vec<u8>,
    seen: Vec<Seen>,
}

impl Ends {
    /// Receives until more is needed; false once the connection is over.
    fn go_on(&mut self) -> bool {
        loop {
            let (used, event) = match self.server.receive(&self.unread, NOW) {
                Ok(found) => found,
                Err(fault) => {
                    self.fault(fault);
                    return false;
                }
            };
            assert!(used <= self.unread.len());
            let octets: Vec<u8> = self.unread.drain(..used).collect();
            match event {
                Event::NeedMore => return true,
                Event::Head => self.seen.push(Seen::Head(Box::new(copy(&self.server, &octets)))),
                Event::Content(range) => match self.seen.last_mut() {
                    Some(Seen::Content(content)) => content.extend_from_slice(&octets[range]),
                    _ => self.seen.push(Seen::Content(octets[range].to_vec())),
                },
                Event::End => {
                    self.seen.push(Seen::End(lines(self.server.trailers())));
                    assert_eq!(self.server.receive(&self.unread, NOW), Ok((0, Event::Paused)));
                    if let After::Close(reason) = self.answer(Status::NO_CONTENT) {
                        self.seen.push(Seen::Closed(reason));
                        let closed = Ok((0, Event::Closed(reason)));
                        assert_eq!(self.server.receive(&self.unread, NOW), closed);
                        return false;
                    }
                }
                Event::Paused | Event::Closed(_) => panic!("{event:?} out of turn"),
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        assert!(self.server.owes_answer());
        let told = self.server.broken(&self.unread);
        let in_head = !matches!(self.seen.last(), Some(Seen::Head(_) | Seen::Content(_)));
        let broken = Broken {
            method: told.method,
            target: told.target.map(|target| text(target.of(&self.unread))),
            field: told.field.map(|field| text(field.of(&self.unread))),
        };
        self.seen.push(Seen::Fault(fault, if in_head { broken } else { Broken::default() }));
        let after = self.answer(Status::BAD_REQUEST);
        assert_eq!(after, After::Close(CloseReason::Faulty(fault.kind)));
    }

    fn answer(&mut self, status: Status) -> After {
        let mut out = Vec::new();
        self.server.send_head(&ResponseHead::new(status), Outgoing::None, DATE, &mut out);
        assert!(out.starts_with(b"HTTP/1.1 ") && out.ends_with(b"\r\n\r\n"));
        assert!(!self.server.sends_content());
        self.server.finish(&mut out)
    }
}

fn copy(server: &Server, octets: &[u8]) -> Head {
    let request = server.request(octets);
    let present = request.fields.present();
    for line in request.fields.lines() {
        assert!(line.name == wherefore_message::FieldName::Other || present.has(line.name));
    }
    Head {
        method: text(request.method_text),
        target: text(request.target_text),
        path: text(request.target.path),
        query: request.target.query.map(text),
        version: request.version,
        host: request.authority.map(|authority| (text(authority.host), authority.port)),
        fields: lines(request.fields),
        announced: request.announced,
    }
}

fn lines(fields: Fields<'_>) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Pieces of requests, well-formed and not, to be strung together.
pub(crate) fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "GET ",
        "HEAD ",
        "POST ",
        "OPTIONS * ",
        "/",
        "/a?b",
        " HTTP/1.1\r\n",
        " HTTP/1.0\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n",
        "\r\n",
        "\r\n\r\n",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Expect: 100-continue\r\n",
        "abc",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "0\r\n",
        "a;b=\"c\"\r\n",
        "X: y\r\n",
        ": ",
        " ",
        "\t",
        "\r",
        "\n",
        "http://h/",
        "HTTP/2.0",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "5",
        ",",
        ";",
    ]);
    prop_oneof![
        8 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}
