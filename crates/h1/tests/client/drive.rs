//! One way to show octets to a client: whole, octet by octet and at random cuts, with the same outcome.

use proptest::prelude::*;
use wherefore_h1::framing::Framing;
use wherefore_h1::{Client, ClientEvent, ClientLimits, Outbound, Outgoing, TeTrailers};
use wherefore_message::{Announced, Fault, FaultKind, Fields, Method, Version};

/// What came out of a connection. Runs of content are joined, since where they part depends on the cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Interim(Box<Head>),
    Head(Box<Head>),
    Content(Vec<u8>),
    /// With the trailer fields.
    End(Lines),
    Switched(Vec<u8>),
    Fault(Fault),
    Eof(Result<ClientEvent, Fault>),
    /// The connection could have carried another exchange before it was closed.
    Reusable,
}

pub(crate) type Lines = Vec<(String, String)>;

/// An answer's head with its octets copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) version: Version,
    pub(crate) code: u16,
    pub(crate) fields: Lines,
    pub(crate) announced: Announced,
    pub(crate) framing: Framing,
    pub(crate) length_said: Option<u64>,
}

/// What is asked before the answer comes.
pub(crate) const GET: Outbound<'static> = Outbound {
    method: Method::Get,
    method_text: b"GET",
    target: b"/",
    host: b"a",
    lines: b"",
    content: Outgoing::None,
    upgrade: None,
    te_trailers: TeTrailers::Unsaid,
};
pub(crate) const HEAD: Outbound<'static> = Outbound { method: Method::Head, ..GET };
pub(crate) const CONNECT: Outbound<'static> =
    Outbound { method: Method::Connect, target: b"b:443", ..GET };
pub(crate) const UPGRADE: Outbound<'static> = Outbound { upgrade: Some(b"websocket"), ..GET };

/// Shows `input`, and then the peer's closing, to a client that has sent `request`, in three ways.
pub(crate) fn run(request: &Outbound<'_>, input: &[u8]) -> Vec<Seen> {
    run_with(request, input, &ClientLimits::default())
}

pub(crate) fn run_with(request: &Outbound<'_>, input: &[u8], limits: &ClientLimits) -> Vec<Seen> {
    let whole = run_cut(request, input, &[], limits);
    let octets: Vec<usize> = (0..input.len()).collect();
    assert_eq!(whole, run_cut(request, input, &octets, limits), "octet by octet: {}", text(input));
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ input.len() as u64;
    for _ in 0..8 {
        let cuts: Vec<usize> =
            (0..input.len()).filter(|_| xorshift(&mut random).is_multiple_of(7)).collect();
        let cut = run_cut(request, input, &cuts, limits);
        assert_eq!(whole, cut, "cut at {cuts:?}: {}", text(input));
    }
    whole
}

/// Shows `input` in pieces that end at `cuts`.
pub(crate) fn run_cut(
    request: &Outbound<'_>,
    input: &[u8],
    cuts: &[usize],
    limits: &ClientLimits,
) -> Vec<Seen> {
    let mut client = Client::new(limits);
    client.begin(request, &mut Vec::new());
    assert!(client.is_unanswered() && !client.is_reusable());
    let (mut unread, mut seen, mut start) = (Vec::new(), Vec::new(), 0);
    for end in cuts.iter().copied().chain([input.len()]) {
        unread.extend_from_slice(&input[start..end]);
        start = end;
        go_on(&mut client, &mut unread, &mut seen);
        if start > 0 {
            assert!(!client.is_unanswered());
        }
        if matches!(seen.last(), Some(Seen::Fault(_))) {
            assert!(!client.is_reusable());
            assert_eq!(client.receive(&unread), Ok((0, ClientEvent::Closed)));
            assert_eq!(client.eof(), Ok(ClientEvent::Closed));
            return seen;
        }
    }
    if client.is_reusable() {
        seen.push(Seen::Reusable);
    }
    let eof = client.eof();
    if eof == Ok(ClientEvent::End) {
        seen.push(Seen::End(lines(client.trailers())));
    }
    seen.push(Seen::Eof(eof));
    assert!(!client.is_reusable());
    seen
}

/// Receives until more is needed or nothing more can come.
fn go_on(client: &mut Client, unread: &mut Vec<u8>, seen: &mut Vec<Seen>) {
    loop {
        let (used, event) = match client.receive(unread) {
            Ok(found) => found,
            Err(fault) => return seen.push(Seen::Fault(fault)),
        };
        assert!(used <= unread.len());
        let octets: Vec<u8> = unread.drain(..used).collect();
        match event {
            ClientEvent::NeedMore => return,
            ClientEvent::Interim => seen.push(Seen::Interim(Box::new(copy(client, &octets)))),
            ClientEvent::Head => seen.push(Seen::Head(Box::new(copy(client, &octets)))),
            ClientEvent::Content(range) => match seen.last_mut() {
                Some(Seen::Content(content)) => content.extend_from_slice(&octets[range]),
                _ => seen.push(Seen::Content(octets[range].to_vec())),
            },
            ClientEvent::End => seen.push(Seen::End(lines(client.trailers()))),
            ClientEvent::Switched => {
                assert_eq!(used, 0);
                match seen.last_mut() {
                    Some(Seen::Switched(tunnel)) => tunnel.append(unread),
                    _ => seen.push(Seen::Switched(core::mem::take(unread))),
                }
                return;
            }
            ClientEvent::Closed => {
                assert_eq!(used, 0);
                return;
            }
        }
    }
}

fn copy(client: &Client, octets: &[u8]) -> Head {
    let response = client.response(octets);
    Head {
        version: response.version,
        code: response.status.code(),
        fields: lines(response.fields),
        announced: response.announced,
        framing: response.framing,
        length_said: response.length_said,
    }
}

pub(crate) fn lines(fields: Fields<'_>) -> Lines {
    fields.iter().map(|(name, value)| (text(name), text(value))).collect()
}

/// The fault of `input`, its kind, octet and line.
pub(crate) fn fault(request: &Outbound<'_>, input: &[u8]) -> (FaultKind, u32, Option<u16>) {
    fault_with(request, input, &ClientLimits::default())
}

pub(crate) fn fault_with(
    request: &Outbound<'_>,
    input: &[u8],
    limits: &ClientLimits,
) -> (FaultKind, u32, Option<u16>) {
    let seen = run_with(request, input, limits);
    match seen.last() {
        Some(Seen::Fault(fault) | Seen::Eof(Err(fault))) => (fault.kind, fault.at, fault.line),
        _ => panic!("no fault in {}: {seen:?}", text(input)),
    }
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

/// Pieces of answers, well-formed and not, to be strung together.
pub(crate) fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 204\r\n",
        "HTTP/1.1 205 Reset Content\r\n",
        "HTTP/1.1 304 Not Modified\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 ",
        "HTTP/",
        "1.1",
        "99",
        "200",
        "\r\n",
        "\r\n\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: ",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n",
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
        "5",
        ",",
        ";",
    ]);
    prop_oneof![
        8 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}
