//! The load: one thread's requests, one after another, with slow ones beside them.

use std::net::SocketAddr;

use super::behaviour::{self, CUT, DEATH, Outcome, RIGHT, STALLING, WRONG};
use super::client::{Answer, Connection};
use super::content::{Ask, Numbers};
use super::ledger::{Ledger, Seen};
use super::upstreams::Upstreams;

/// One thread's share of the load.
pub struct Load<'a> {
    address: SocketAddr,
    numbers: Numbers,
    ledger: &'a Ledger,
    upstreams: &'a Upstreams,
    connection: Option<Connection>,
    slow: Vec<Slow>,
}

/// A request that goes on while others come and go.
enum Slow {
    /// Its answer is read a sip at a time, so many times; then the rest.
    Reading { connection: Connection, ask: Ask, sips: usize },
    /// It is sent a piece at a time.
    Sending { connection: Connection, ask: Ask, rest: Vec<u8> },
}

/// How many slow ones go on at once.
const SLOW_MAX: usize = 4;
const SIPS: usize = 20;
const PIECE_BYTES: usize = 4 << 10;
/// How much content the server reads of a request that it has refused, with what frames it.
const UNREAD_BYTES_MAX: usize = 200_000;

const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD", "PUT", "POST", "DELETE"];
const IDEMPOTENT: &[&str] = &["GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS"];
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

impl<'a> Load<'a> {
    pub fn new(
        address: SocketAddr,
        seed: u64,
        ledger: &'a Ledger,
        upstreams: &'a Upstreams,
    ) -> Self {
        let (connection, slow) = (None, Vec::new());
        Self { address, numbers: Numbers(seed), ledger, upstreams, connection, slow }
    }

    /// One thing more, whatever it is.
    pub fn step(&mut self) {
        match self.numbers.below(1000) {
            0..300 => self.right(),
            300..340 => self.special(),
            340..360 => self.pipelined(),
            360..450 => self.wrong(),
            450..500 => self.cut(),
            500..506 => self.stalling(),
            506..650 => self.mixed(),
            650..800 => self.dying(),
            800..806 => self.alone("lost", &[Outcome::Refused(504, "connect-late")]),
            806..820 => self.alone("refusing", &[Outcome::Refused(502, "refused")]),
            820..830 => self.alone("ill", &[Outcome::Refused(503, "none-healthy")]),
            830..840 => self.coming_round(),
            840..870 => self.tunnel(),
            870..890 => self.invited(),
            890..900 => self.early(),
            900..940 => self.leaving(),
            940..970 => self.slow(),
            _ => self.upstreams.kill_or_revive(&mut self.numbers),
        }
        for slow in std::mem::take(&mut self.slow) {
            if let Some(slow) = self.go_on(slow) {
                self.slow.push(slow);
            }
        }
    }

    /// Ends what is still going on.
    pub fn end(mut self) {
        while let Some(slow) = self.slow.pop() {
            let mut next = Some(slow);
            while let Some(slow) = next {
                next = self.go_on(slow);
            }
        }
    }

    fn right(&mut self) {
        let (behaviour, method) = (self.numbers.one_of(RIGHT), *self.numbers.one_of(METHODS));
        let sent = self.sent(method);
        let ask = self.ask("steady", behaviour.name, sent);
        self.exchange(method, &ask, behaviour.outcomes);
    }

    fn special(&mut self) {
        let name = *self.numbers.one_of(&["range", "range", "unchanged", "two"]);
        let mut ask = self.ask("steady", name, 0);
        if name == "two" {
            // What nobody asked for is to come with the answer: what comes later may be too late to be seen.
            ask.octets %= 2000;
        }
        if name != "range" {
            return self.exchange("GET", &ask, behaviour::named(name).outcomes);
        }
        ask.octets += 1;
        let first = self.numbers.below(ask.octets);
        let last = first + self.numbers.below(ask.octets - first);
        let field = format!("Range: bytes={first}-{last}\r\n");
        let answer = self.answered("GET", &ask, &field);
        let told = format!("bytes {first}-{last}/{}", ask.octets);
        self.hold(&ask, answer.field("content-range") == Some(&told), "another range");
        self.judge("GET", &ask, &answer, &[Outcome::Whole(206)], first..last + 1);
    }

    /// Several at once, which are answered in order.
    fn pipelined(&mut self) {
        let count = 2 + self.numbers.below(8);
        let asks: Vec<_> = (0..count).map(|_| self.ask("steady", "length", 0)).collect();
        let all: Vec<_> = asks.iter().map(|ask| request("GET", ask, "")).collect();
        let mut connection = self.connection();
        connection.send(&all.concat());
        let mut is_open = true;
        for ask in &asks {
            let answer = connection.answer("GET");
            is_open &= answer.leaves_open();
            self.judge("GET", ask, &answer, &[Outcome::Whole(200)], 0..ask.octets);
        }
        self.connection = is_open.then_some(connection);
    }

    fn wrong(&mut self) {
        let (behaviour, method) = (self.numbers.one_of(WRONG), *self.numbers.one_of(METHODS));
        let sent = self.sent(method);
        let ask = self.ask("forced", behaviour.name, sent);
        self.exchange(method, &ask, &behaviour.outcomes(ask.key));
    }

    fn cut(&mut self) {
        let behaviour = self.numbers.one_of(CUT);
        let ask = self.ask("forced", behaviour.name, 0);
        self.exchange("GET", &ask, behaviour.outcomes);
    }

    fn stalling(&mut self) {
        let behaviour = self.numbers.one_of(STALLING);
        let group = if behaviour.name == "silence" { "silent" } else { "halting" };
        let ask = self.ask(group, behaviour.name, 0);
        self.exchange("GET", &ask, behaviour.outcomes);
    }

    /// Each upstream does as it likes, and dies now and then.
    fn mixed(&mut self) {
        let ask = self.ask("mixed", "any", 0);
        let each = (0..3).flat_map(|upstream| behaviour::fate(ask.key, upstream).outcomes(ask.key));
        let outcomes: Vec<_> = each.chain(DEATH.iter().copied()).collect();
        self.exchange("GET", &ask, &outcomes);
    }

    /// One upstream is well and the other dies: whatever may be asked twice is answered.
    fn dying(&mut self) {
        let method = *self.numbers.one_of(IDEMPOTENT);
        let sent = if method == "PUT" { self.numbers.below(20_000) } else { 0 };
        let name = *self.numbers.one_of(&["length", "trailers", "until-close", "old", "hints"]);
        let mut ask = self.ask("dying", name, sent);
        ask.octets %= 5000;
        self.exchange(method, &ask, &[Outcome::Whole(200)]);
    }

    fn alone(&mut self, group: &str, outcomes: &[Outcome]) {
        let method = *self.numbers.one_of(METHODS);
        let sent = self.sent(method);
        let ask = self.ask(group, "length", sent);
        self.exchange(method, &ask, outcomes);
    }

    fn coming_round(&mut self) {
        let ask = self.ask("steady", "length", 0);
        let answer = self.answered("GET", &ask, "Via: 1.1 soak\r\n");
        self.judge("GET", &ask, &answer, &[Outcome::Refused(502, "loop")], 0..ask.octets);
    }

    fn tunnel(&mut self) {
        let ask = self.ask("steady", "switch", 0);
        let mut connection = Connection::to(self.address);
        connection.send(&request("GET", &ask, UPGRADE));
        let head = connection.head();
        if head.status != Some(101) {
            return self.ledger.fault(&ask, &format!("no tunnel: {head:?}"));
        }
        for piece in ask.answer().chunks(10_000) {
            connection.send(piece);
            let came = connection.octets(piece.len());
            self.hold(&ask, came == piece, "the tunnel changed something");
        }
        if self.numbers.once_in(4) {
            return self.ledger.left(&ask);
        }
        connection.finish_sending();
        self.hold(&ask, connection.is_closed(), "the tunnel did not end");
        self.ledger.saw(&ask, Seen { status: Some(101), causes: Vec::new() });
    }

    /// The client waits for 100, and is invited or refused.
    fn invited(&mut self) {
        let name = *self.numbers.one_of(&["invite", "refuse"]);
        let sent = self.numbers.octets() + 1;
        let ask = self.ask("steady", name, sent);
        let whole = request("PUT", &ask, "Expect: 100-continue\r\n");
        let head = whole.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let mut connection = Connection::to(self.address);
        connection.send(&whole[..head]);
        if name == "invite" {
            let invitation = connection.head();
            self.hold(&ask, invitation.status == Some(100), "no invitation");
            connection.send(&whole[head..]);
        }
        let answer = connection.answer("PUT");
        self.judge("PUT", &ask, &answer, behaviour::named(name).outcomes, 0..ask.octets);
    }

    /// The answer comes while the request is still on its way.
    fn early(&mut self) {
        let sent = 100_000 + self.numbers.below(400_000);
        let ask = self.ask("steady", "early", sent);
        let mut connection = Connection::to(self.address);
        connection.send(&request("PUT", &ask, ""));
        let answer = connection.answer("PUT");
        self.judge("PUT", &ask, &answer, behaviour::named("early").outcomes, 0..ask.octets);
    }

    /// The client leaves at some moment.
    fn leaving(&mut self) {
        let mut connection = Connection::to(self.address);
        let moment = self.numbers.below(6);
        let (group, name) = match moment {
            0 | 1 => ("steady", "silence"),
            2 => ("mixed", "any"),
            _ => ("steady", "chunked"),
        };
        let sent = if moment == 5 { 10_000 + self.numbers.below(200_000) } else { 0 };
        let ask = self.ask(group, name, sent);
        let method = if moment == 5 { "PUT" } else { "GET" };
        let whole = request(method, &ask, "");
        match moment {
            // Half of it was sent.
            5 => connection.send(&whole[..whole.len() / 2]),
            // The head of the answer has come.
            4 => {
                connection.send(&whole);
                let _ = connection.head();
            }
            _ => connection.send(&whole),
        }
        self.ledger.left(&ask);
    }

    fn slow(&mut self) {
        if self.slow.len() == SLOW_MAX {
            return;
        }
        let is_reading = self.numbers.once_in(2);
        let behaviour = *self.numbers.one_of(&["length", "chunked", "pieces", "until-close"]);
        let sent = if is_reading { 0 } else { 10_000 + self.numbers.below(100_000) };
        let mut ask = self.ask("steady", behaviour, sent);
        if is_reading {
            ask.octets += 1_000_000;
            let connection = Connection::narrow(self.address);
            connection.send(&request("GET", &ask, ""));
            self.slow.push(Slow::Reading { connection, ask, sips: SIPS });
        } else {
            let connection = Connection::to(self.address);
            let rest = request("PUT", &ask, "");
            self.slow.push(Slow::Sending { connection, ask, rest });
        }
    }

    /// A little more of what is slow; none if it is over.
    fn go_on(&self, slow: Slow) -> Option<Slow> {
        let (method, mut connection, ask) = match slow {
            Slow::Reading { mut connection, ask, sips } if sips > 0 => {
                connection.sip();
                return Some(Slow::Reading { connection, ask, sips: sips - 1 });
            }
            Slow::Sending { connection, ask, mut rest } if !rest.is_empty() => {
                connection.send(&rest[..rest.len().min(PIECE_BYTES)]);
                rest.drain(..rest.len().min(PIECE_BYTES));
                return Some(Slow::Sending { connection, ask, rest });
            }
            Slow::Reading { connection, ask, .. } => ("GET", connection, ask),
            Slow::Sending { connection, ask, .. } => ("PUT", connection, ask),
        };
        let answer = connection.answer(method);
        self.judge(method, &ask, &answer, &[Outcome::Whole(200)], 0..ask.octets);
        None
    }

    fn ask(&mut self, group: &str, behaviour: &str, sent: usize) -> Ask {
        let (key, octets) = (self.numbers.next(), self.numbers.octets());
        Ask { group: group.to_owned(), behaviour: behaviour.to_owned(), key, octets, sent }
    }

    fn sent(&mut self, method: &str) -> usize {
        if matches!(method, "PUT" | "POST") { self.numbers.octets() } else { 0 }
    }

    fn exchange(&mut self, method: &str, ask: &Ask, outcomes: &[Outcome]) {
        if method == "GET" && ask.key.is_multiple_of(16) {
            return self.of_old(ask, outcomes);
        }
        let answer = self.answered(method, ask, "");
        self.judge(method, ask, &answer, outcomes, 0..ask.octets);
    }

    /// By HTTP/1.0, where only the connection's end tells where an answer without a length ends.
    fn of_old(&self, ask: &Ask, outcomes: &[Outcome]) {
        let mut connection = Connection::to(self.address);
        connection.send(format!("GET {} HTTP/1.0\r\n\r\n", ask.target()).as_bytes());
        let answer = connection.answer("GET");
        self.judge("GET", ask, &answer, outcomes, 0..ask.octets);
    }

    fn answered(&mut self, method: &str, ask: &Ask, fields: &str) -> Answer {
        let mut connection = self.connection();
        connection.send(&request(method, ask, fields));
        let answer = connection.answer(method);
        if answer.status.is_none() {
            let before = connection.before.iter().rev().take(3).collect::<Vec<_>>();
            self.ledger.fault(
                ask,
                &format!("{method} after {} others: {before:?}", connection.before.len()),
            );
        }
        connection.before.push(format!("{method} {} {:?}", ask.target(), answer.status));
        // What is longer than the server reads for nothing ends the connection, and of chunks it can't know before.
        let was_read =
            ask.sent < UNREAD_BYTES_MAX || answer.status.is_some_and(|status| status < 500);
        if answer.leaves_open() && was_read && !self.numbers.once_in(50) {
            self.connection = Some(connection);
        }
        answer
    }

    fn connection(&mut self) -> Connection {
        self.connection.take().unwrap_or_else(|| Connection::to(self.address))
    }

    /// Whether that is what may come of this request, each octet of it; and what the log has to say then.
    fn judge(
        &self,
        method: &str,
        ask: &Ask,
        answer: &Answer,
        outcomes: &[Outcome],
        range: std::ops::Range<usize>,
    ) {
        let Some(status) = answer.status else {
            self.ledger.fault(ask, "no answer at all");
            return self.ledger.left(ask);
        };
        let causes: Vec<_> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Refused(refused, cause) if answer.is_whole && *refused == status => {
                    Some(*cause)
                }
                Outcome::Broken(cause) if !answer.is_whole => Some(*cause),
                _ => None,
            })
            .collect();
        let is_whole = answer.is_whole && outcomes.contains(&Outcome::Whole(status));
        if is_whole != causes.is_empty() {
            let what = if answer.is_whole { "whole" } else { "broken off" };
            let fields = &answer.fields;
            self.ledger
                .fault(ask, &format!("{status}, {what}, is none of {outcomes:?}: {fields:?}"));
        }
        let right = ask.answer();
        let is_right = if method == "HEAD" || matches!(status, 204 | 304) {
            answer.content.is_empty()
        } else if is_whole {
            answer.content == right[range]
        } else if answer.is_whole {
            let problem: serde_json::Value =
                serde_json::from_slice(&answer.content).unwrap_or_default();
            problem["status"] == status && causes.iter().any(|cause| problem["cause"] == *cause)
        } else {
            right.starts_with(&answer.content)
        };
        self.hold(ask, is_right, "wrong octets");
        self.hold(ask, status != 503 || answer.field("retry-after").is_some(), "no Retry-After");
        self.ledger.saw(ask, Seen { status: Some(status), causes });
    }

    fn hold(&self, ask: &Ask, is_so: bool, what: &str) {
        if !is_so {
            self.ledger.fault(ask, what);
        }
    }
}

/// A request as it goes over the wire. Its content is framed in either way.
fn request(method: &str, ask: &Ask, fields: &str) -> Vec<u8> {
    let start = format!("{method} {} HTTP/1.1\r\nHost: localhost\r\n{fields}", ask.target());
    if !matches!(method, "PUT" | "POST") {
        return format!("{start}\r\n").into_bytes();
    }
    if ask.key.is_multiple_of(2) {
        let head = format!("{start}Content-Length: {}\r\n\r\n", ask.sent);
        return [head.as_bytes(), &ask.content()].concat();
    }
    let mut request = format!("{start}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in ask.content().chunks(3000) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}
