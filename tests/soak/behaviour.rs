//! What upstreams do, each under the name by which a path asks for it, and what a gateway may make of it.

use super::content::{Ask, mixed};
use super::support::lies;
use super::support::received::Received;
use super::support::upstream::{Act, Step};

/// What may come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream's answer, whole, of this status.
    Whole(u16),
    /// The gateway's own answer, of this status and cause.
    Refused(u16, &'static str),
    /// The upstream's answer, visibly broken off, for this cause.
    Broken(&'static str),
}

use Outcome::{Broken, Refused, Whole};

/// A behaviour: its name, what is done, and what may come of it where every upstream does the same.
pub struct Behaviour {
    pub name: &'static str,
    steps: fn(&Ask, Method) -> Vec<Step>,
    pub outcomes: &'static [Outcome],
}

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Head,
    Other,
}

/// Answers that are right, whatever the method.
pub const RIGHT: &[Behaviour] = &[
    Behaviour { name: "length", steps: length, outcomes: &[Whole(200)] },
    Behaviour { name: "pieces", steps: pieces, outcomes: &[Whole(200)] },
    Behaviour { name: "chunked", steps: chunked, outcomes: &[Whole(200)] },
    Behaviour { name: "trailers", steps: trailers, outcomes: &[Whole(200)] },
    Behaviour { name: "until-close", steps: until_close, outcomes: &[Whole(200)] },
    Behaviour { name: "old", steps: old, outcomes: &[Whole(200)] },
    Behaviour { name: "hints", steps: hints, outcomes: &[Whole(200)] },
    Behaviour { name: "not-found", steps: not_found, outcomes: &[Whole(404)] },
    Behaviour { name: "nothing", steps: nothing, outcomes: &[Whole(204)] },
];

/// Answers that are right to some requests.
pub const SPECIAL: &[Behaviour] = &[
    Behaviour { name: "range", steps: nothing, outcomes: &[Whole(206)] },
    Behaviour { name: "unchanged", steps: unchanged, outcomes: &[Whole(304)] },
    Behaviour { name: "two", steps: two, outcomes: &[Whole(200)] },
    Behaviour { name: "switch", steps: switch, outcomes: &[Whole(101)] },
    Behaviour { name: "invite", steps: invite, outcomes: &[Whole(200)] },
    Behaviour { name: "early", steps: early, outcomes: &[Whole(413)] },
    Behaviour { name: "refuse", steps: refuse, outcomes: &[Whole(413)] },
];

/// Answers that are none.
pub const WRONG: &[Behaviour] = &[
    Behaviour { name: "closed", steps: closed, outcomes: &[Refused(502, "closed")] },
    Behaviour { name: "reset", steps: reset, outcomes: &[Refused(502, "reset")] },
    // Which lie it is, the key says: see `outcomes`.
    Behaviour { name: "lie", steps: lie, outcomes: &[Refused(502, "malformed")] },
    Behaviour { name: "cut-head", steps: cut_head, outcomes: &[Refused(502, "closed-in-head")] },
    Behaviour {
        name: "large-head",
        steps: large_head,
        outcomes: &[Refused(502, "head-too-large")],
    },
    Behaviour {
        name: "endless-head",
        steps: endless_head,
        outcomes: &[Refused(502, "head-too-large")],
    },
    Behaviour { name: "storm", steps: storm, outcomes: &[Refused(502, "malformed")] },
    Behaviour { name: "switches", steps: switch, outcomes: &[Refused(502, "switch-failed")] },
];

/// Answers to GET that begin well.
pub const CUT: &[Behaviour] = &[
    Behaviour { name: "cut", steps: cut, outcomes: &[Broken("closed-in-content")] },
    Behaviour { name: "cut-chunks", steps: cut_chunks, outcomes: &[Broken("closed-in-content")] },
    // A reset overtakes what was not read yet.
    Behaviour {
        name: "reset-within",
        steps: reset_within,
        outcomes: &[Broken("reset"), Refused(502, "reset"), Broken("closed-in-content")],
    },
];

/// Upstreams that stop.
pub const STALLING: &[Behaviour] = &[
    Behaviour { name: "silence", steps: silence, outcomes: &[Refused(504, "answer-late")] },
    Behaviour { name: "half-a-head", steps: half_a_head, outcomes: &[Refused(504, "head-late")] },
    Behaviour { name: "half", steps: half, outcomes: &[Broken("content-late")] },
];

/// What can't be helped where upstreams die at any moment.
pub const DEATH: &[Outcome] = &[
    Refused(502, "refused"),
    Refused(502, "closed"),
    Refused(502, "reset"),
    Refused(502, "closed-in-head"),
    Refused(503, "none-healthy"),
    Broken("reset"),
    Broken("closed-in-content"),
];

/// The behaviours of a group in which each upstream does as it likes. What is there twice is done more often.
const ANY: &[&str] = &[
    "length",
    "length",
    "length",
    "pieces",
    "chunked",
    "chunked",
    "trailers",
    "until-close",
    "old",
    "hints",
    "length",
    "chunked",
    "length",
    "chunked",
    "length",
    "chunked",
    "length",
    "closed",
    "reset",
    "lie",
    "cut-head",
    "storm",
    "cut",
    "cut-chunks",
    "reset-within",
];
/// Once in so many times one of them stops.
const STALLS_ONCE_IN: u64 = 512;

/// What the upstream of this number does in a group where each does as it likes.
pub fn fate(key: u64, upstream: usize) -> &'static Behaviour {
    let number = mixed(key ^ mixed(upstream as u64));
    if number.is_multiple_of(STALLS_ONCE_IN) {
        return &STALLING[usize::try_from((number >> 32) % STALLING.len() as u64).unwrap()];
    }
    let at = (number >> 32) % ANY.len() as u64;
    named(ANY[usize::try_from(at).unwrap()])
}

pub fn named(name: &str) -> &'static Behaviour {
    let all = [RIGHT, SPECIAL, WRONG, CUT, STALLING].into_iter().flatten();
    let mut fits = all.filter(|behaviour| behaviour.name == name);
    fits.next().unwrap_or_else(|| panic!("no behaviour is called {name}"))
}

impl Behaviour {
    /// What may come of it for a request of this key.
    pub fn outcomes(&self, key: u64) -> Vec<Outcome> {
        match self.name {
            "lie" if lies::LIES[which_lie(key)].0 == "an unknown coding" => {
                vec![Refused(502, "transfer-coding")]
            }
            _ => self.outcomes.to_vec(),
        }
    }
}

/// What the upstream of this number does about a request.
pub fn act(received: &Received, upstream: usize) -> Act {
    let Some(ask) = Ask::of(&received.target) else {
        panic!("nobody asked for {}", received.target);
    };
    let behaviour = match ask.behaviour.as_str() {
        "any" => fate(ask.key, upstream),
        name => named(name),
    };
    if behaviour.name == "range" {
        return Act::Steps(part(&ask, received));
    }
    let method = if received.method == "HEAD" { Method::Head } else { Method::Other };
    let mut steps = (behaviour.steps)(&ask, method);
    if !matches!(behaviour.name, "early" | "invite" | "refuse" | "switch") {
        steps.insert(0, Step::Look(is_right));
    }
    Act::Steps(steps)
}

/// What reached the upstream whole is what was sent.
fn is_right(received: &Received) {
    let ask = Ask::of(&received.target).unwrap();
    assert!(received.is_whole, "only what is whole is looked at");
    assert!(received.content == ask.content(), "wrong content with {}", received.head);
}

fn write(octets: impl Into<Vec<u8>>) -> Step {
    Step::Write(octets.into())
}

fn head(status: &str, fields: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{fields}\r\n")
}

fn with_length(status: &str, ask: &Ask, method: Method) -> Vec<u8> {
    let head = head(status, &format!("Content-Length: {}\r\n", ask.octets));
    match method {
        Method::Head => head.into(),
        Method::Other => [head.into_bytes(), ask.answer()].concat(),
    }
}

fn length(ask: &Ask, method: Method) -> Vec<Step> {
    vec![write(with_length("200 OK", ask, method))]
}

fn not_found(ask: &Ask, method: Method) -> Vec<Step> {
    vec![write(with_length("404 Not Found", ask, method))]
}

fn pieces(ask: &Ask, method: Method) -> Vec<Step> {
    let whole = with_length("200 OK", ask, method);
    whole.chunks(whole.len().div_ceil(7)).map(write).collect()
}

fn chunks(ask: &Ask) -> Vec<u8> {
    let mut size = usize::try_from(ask.key % 5000).unwrap() + 1;
    let (content, mut framed, mut from) = (ask.answer(), Vec::new(), 0);
    while from < content.len() {
        let chunk = &content[from..content.len().min(from + size)];
        framed.extend(format!("{:x}\r\n", chunk.len()).bytes());
        framed.extend(chunk);
        framed.extend(b"\r\n");
        from += size;
        size = size * 3 / 2 + 1;
    }
    framed
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn with_chunks(ask: &Ask, method: Method, end: &str) -> Vec<u8> {
    let head = head("200 OK", CHUNKED);
    match method {
        Method::Head => head.into(),
        Method::Other => [head.as_bytes(), &chunks(ask), end.as_bytes()].concat(),
    }
}

fn chunked(ask: &Ask, method: Method) -> Vec<Step> {
    let whole = with_chunks(ask, method, "0\r\n\r\n");
    let (first, rest) = whole.split_at(whole.len() / 2);
    vec![write(first), write(rest)]
}

fn trailers(ask: &Ask, method: Method) -> Vec<Step> {
    vec![write(with_chunks(ask, method, "0\r\nX-Sum: 1\r\n\r\n"))]
}

fn until_close(ask: &Ask, method: Method) -> Vec<Step> {
    // Without content nothing else tells that the connection ends, and whoever asks next may be asked once only.
    let (fields, content) = match method {
        Method::Head if ask.group != "dying" => ("Connection: close\r\n", Vec::new()),
        Method::Head => ("", Vec::new()),
        Method::Other => ("", ask.answer()),
    };
    vec![write([head("200 OK", fields).as_bytes(), &content].concat()), Step::Close]
}

fn old(ask: &Ask, method: Method) -> Vec<Step> {
    let whole = with_length("200 OK", ask, method);
    vec![write([b"HTTP/1.0", &whole[8..]].concat()), Step::Close]
}

fn hints(ask: &Ask, method: Method) -> Vec<Step> {
    let hint = head("103 Early Hints", "Link: </a.css>; rel=preload\r\n").into_bytes();
    let times = usize::try_from(ask.key % 4).unwrap() + 1;
    vec![Step::Repeat(hint, times), write(with_length("200 OK", ask, method))]
}

fn nothing(_: &Ask, _: Method) -> Vec<Step> {
    vec![write(head("204 No Content", ""))]
}

fn unchanged(ask: &Ask, _: Method) -> Vec<Step> {
    vec![write(head("304 Not Modified", &format!("ETag: \"{:x}\"\r\n", ask.key)))]
}

/// What was asked for of it, and nothing else.
fn part(ask: &Ask, received: &Received) -> Vec<Step> {
    let range = received.field("range").and_then(|range| range.strip_prefix("bytes="));
    let (first, last) = range.and_then(|range| range.split_once('-')).unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let fields = format!(
        "Content-Range: bytes {first}-{last}/{}\r\nContent-Length: {}\r\n",
        ask.octets,
        last + 1 - first
    );
    let head = head("206 Partial Content", &fields);
    vec![write([head.as_bytes(), &ask.answer()[first..=last]].concat())]
}

/// An answer, and one that nobody asked for.
fn two(ask: &Ask, method: Method) -> Vec<Step> {
    let more = lies::good("nobody asked for this");
    vec![write([with_length("200 OK", ask, method), more.into_bytes()].concat())]
}

fn switch(_: &Ask, _: Method) -> Vec<Step> {
    let accepts = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    vec![write(head("101 Switching Protocols", accepts)), Step::Echo]
}

fn invite(ask: &Ask, method: Method) -> Vec<Step> {
    let answer = write(with_length("200 OK", ask, method));
    vec![write(head("100 Continue", "")), Step::Look(is_right), answer]
}

/// It answers when it has seen half of what is sent, and wants no more.
fn early(ask: &Ask, method: Method) -> Vec<Step> {
    vec![Step::ReadSome(ask.sent / 2), write(too_large(ask, method)), Step::Close]
}

/// It answers before anything was sent, to who would have waited for an invitation.
fn refuse(ask: &Ask, method: Method) -> Vec<Step> {
    vec![write(too_large(ask, method)), Step::Close]
}

/// It says that it closes: whoever asks next may be asked once only.
fn too_large(ask: &Ask, method: Method) -> Vec<u8> {
    with_length("413 Content Too Large\r\nConnection: close", ask, method)
}

fn closed(_: &Ask, _: Method) -> Vec<Step> {
    vec![Step::Close]
}

fn reset(_: &Ask, _: Method) -> Vec<Step> {
    lies::reset_before_head()
}

fn which_lie(key: u64) -> usize {
    usize::try_from(key % lies::LIES.len() as u64).unwrap()
}

fn lie(ask: &Ask, _: Method) -> Vec<Step> {
    lies::lie(lies::LIES[which_lie(ask.key)].1)
}

fn cut_head(_: &Ask, _: Method) -> Vec<Step> {
    vec![write("HTTP/1.1 200 O"), Step::Close]
}

fn large_head(_: &Ask, _: Method) -> Vec<Step> {
    vec![write(lies::head_of(200 << 10)), Step::Close]
}

fn endless_head(_: &Ask, _: Method) -> Vec<Step> {
    lies::endless_head()
}

fn storm(_: &Ask, _: Method) -> Vec<Step> {
    lies::storm_of_103(1000)
}

/// The head, and half of the content at most.
fn begun(ask: &Ask) -> Vec<u8> {
    let head = head("200 OK", &format!("Content-Length: {}\r\n", ask.octets + 1));
    [head.as_bytes(), &ask.answer()[..ask.octets / 2]].concat()
}

fn cut(ask: &Ask, _: Method) -> Vec<Step> {
    vec![write(begun(ask)), Step::Close]
}

fn cut_chunks(ask: &Ask, method: Method) -> Vec<Step> {
    vec![write(with_chunks(ask, method, "")), Step::Close]
}

fn reset_within(ask: &Ask, _: Method) -> Vec<Step> {
    vec![write(begun(ask)), Step::Reset]
}

fn silence(_: &Ask, _: Method) -> Vec<Step> {
    vec![Step::AwaitEnd]
}

fn half_a_head(_: &Ask, _: Method) -> Vec<Step> {
    vec![write("HTTP/1.1 200 OK\r\nContent-"), Step::AwaitEnd]
}

fn half(ask: &Ask, _: Method) -> Vec<Step> {
    vec![write(begun(ask)), Step::AwaitEnd]
}
