//! The server role on one connection: requests come out of octets, answers become octets.

use wherefore_message::{
    Fault, FaultClass, FaultKind, Fields, Method, Request, ResponseHead, Span, Status, Version,
};

use crate::deadlines::{Late, Millis, Waiting, Why};
use crate::diagnose;
use crate::event::{After, BrokenHead, Event};
use crate::exchange::{Happening, Persistence, Receiving, Sending, State, next};
use crate::framing::Framing;
use crate::head::Head;
use crate::incoming::{Found, Incoming, Unread};
use crate::limits::Limits;
use crate::lines::Wish;
use crate::octets::{from, within};
use crate::outgoing::{Ended, Follows, Outgoing};
use crate::reason::CloseReason;
use crate::scan::{Scan, Scanned, empty_lines};
use crate::write::{self, ConnectionOption};

/// One connection in the server role.
///
/// The caller owns the octets: it shows [`receive`](Self::receive) what is unread, drops what is used
/// (keeping a head for as long as it reads [`request`](Self::request)), and sends what is appended to
/// its buffers. An exchange is `receive` up to [`Event::Head`], any number of `receive` for content,
/// [`send_head`](Self::send_head), [`frame`](Self::frame) around each run of content, and
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    state: State,
    /// Why the connection closes, once that is settled.
    reason: Option<CloseReason>,
    scan: Scan,
    head: Head,
    /// What the answer is to: method and version, as far as they are known.
    asked: (Method, Version),
    content: Incoming,
    invitation: Invitation,
    follows: Follows,
    waiting: Waiting,
    /// Empty lines passed over before this head.
    empty_lines: u64,
    /// Octets of content dropped after the answer.
    drained: u64,
    /// The fault that broke the head, and how many octets of empty lines stood before it.
    broken: Option<(Fault, usize)>,
}

/// Whether the client holds its content back until it is told to go on (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invitation {
    Needless,
    Awaited,
}

impl Server {
    /// A fresh connection. Call [`receive`](Self::receive) once it is open, with nothing if nothing has
    /// come: idle time counts from there.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            state: State::START,
            reason: None,
            scan: Scan::default(),
            head: Head::default(),
            asked: (Method::Other, Version::HTTP_10),
            content: Incoming::default(),
            invitation: Invitation::Needless,
            follows: Follows::Nothing,
            waiting: Waiting::Not,
            empty_lines: 0,
            drained: 0,
            broken: None,
        }
    }

    /// Makes it a fresh connection again, keeping its memory and limits.
    pub fn reset(&mut self) {
        let mut head = core::mem::take(&mut self.head);
        // What one client sent is nothing to hold another's octets against.
        head.forget();
        let mut content = core::mem::take(&mut self.content);
        content.begin(Framing::Nothing);
        *self = Self { head, content, ..Self::new(&self.limits) };
    }

    /// Looks at `input`, which is all that is unread, as far as one event, and returns how many of its
    /// octets are used. While a head is incomplete nothing of it is used: show it again, grown.
    /// With [`Event::Head`] the octets used are those that [`request`](Self::request) is to be shown.
    ///
    /// # Errors
    /// What the peer did wrong, first things first. After that the connection can only answer, if
    /// [`owes_answer`](Self::owes_answer), and close.
    pub fn receive(&mut self, input: &[u8], now: Millis) -> Result<(usize, Event), Fault> {
        if self.state.sending == Sending::Closed {
            return Ok((0, Event::Closed(self.close_reason())));
        }
        match self.state.receiving {
            Receiving::Idle | Receiving::Head => self.receive_head(input, now),
            Receiving::Content => self.receive_content(input, now),
            Receiving::End | Receiving::Broken | Receiving::Closed => Ok((0, Event::Paused)),
        }
    }

    /// The request whose head was the octets `head`; valid from [`Event::Head`] until the next head
    /// begins to be received.
    #[must_use]
    pub fn request<'a>(&'a self, head: &'a [u8]) -> Request<'a> {
        self.head.request(head)
    }

    /// What can be told of the head that [`receive`](Self::receive) faulted in `input`.
    #[must_use]
    pub fn broken(&self, input: &[u8]) -> BrokenHead {
        let Some((fault, before)) = self.broken else {
            // The fault is in the content, and the head is no longer shown.
            let (method, version) = self.asked;
            return BrokenHead { method: Some(method), target: None, version, field: None };
        };
        let moved =
            |span: Span| Span { start: span.start + before as u32, end: span.end + before as u32 };
        let field = self.scan.fields_start().and_then(|start| {
            // Past a limit nothing is looked at, not for this either.
            let past_limit = fault.kind.class() == FaultClass::FieldSize;
            let end = if past_limit { before + fault.at as usize } else { input.len() };
            diagnose::field_name(within(input, before, end), start, fault.line?)
        });
        BrokenHead {
            method: self.scan.method_read().map(|(method, _)| method),
            target: self.scan.target_at().map(moved),
            version: self.scan.version_read(),
            field: field.map(moved),
        }
    }

    /// The peer has closed its side, and all that it sent before has been received.
    ///
    /// # Errors
    /// [`FaultKind::ClosedInHead`] or [`FaultKind::ClosedInContent`] if a message was under way.
    pub fn eof(&mut self) -> Result<(), Fault> {
        if self.state.sending == Sending::Closed {
            return Ok(());
        }
        let kind = match self.state.receiving {
            Receiving::Idle | Receiving::End => {
                self.step(Happening::PeerCloses);
                self.reason.get_or_insert(CloseReason::PeerClosed);
                self.waiting = Waiting::Not;
                return Ok(());
            }
            Receiving::Broken | Receiving::Closed => return Ok(()),
            // Its end is still to be told; it is not missing.
            Receiving::Content if self.unread() == Unread::None => {
                self.last_exchange(CloseReason::PeerClosed);
                return Ok(());
            }
            Receiving::Head => FaultKind::ClosedInHead,
            Receiving::Content => FaultKind::ClosedInContent,
        };
        let fault = Fault::new(kind, self.received());
        self.step(Happening::PeerCloses);
        self.reason.get_or_insert(CloseReason::Faulty(kind));
        self.waiting = Waiting::Not;
        if self.state.sending == Sending::End {
            self.step(Happening::Close);
        }
        Err(fault)
    }

    /// Whether nothing of a next request has come, not even an empty line before it.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state == State::START && self.empty_lines == 0
    }

    /// Whether an answer is owed of which nothing but interim answers is sent.
    #[must_use]
    pub fn owes_answer(&self) -> bool {
        self.state.sending == Sending::Owed
    }

    /// How much of the request's content has not been received.
    #[must_use]
    pub fn unread(&self) -> Unread {
        match self.state.receiving {
            Receiving::Content => self.content.unread(),
            Receiving::Broken => Unread::Unknown,
            Receiving::Idle | Receiving::Head | Receiving::End | Receiving::Closed => Unread::None,
        }
    }

    /// The trailer fields of the request's content (RFC 9110 §6.5), once it has ended; none before that, or
    /// where it has none. Valid until the next head begins to be received.
    #[must_use]
    pub fn trailers(&self) -> Fields<'_> {
        self.content.trailers()
    }

    /// Makes this exchange the last; on a connection between exchanges, closes it. The first reason
    /// stands.
    pub fn close_after(&mut self, reason: CloseReason) {
        match (self.state.receiving, self.state.sending) {
            (_, Sending::Owed | Sending::Content | Sending::End) => self.last_exchange(reason),
            (Receiving::Idle, Sending::Idle) => {
                self.reason.get_or_insert(reason);
                self.close();
            }
            // The head that has begun is read and answered first.
            (_, Sending::Idle) => {
                self.reason.get_or_insert(reason);
            }
            (_, Sending::Closed) => {}
        }
    }

    /// Why this exchange is the last, if that is settled.
    #[must_use]
    pub fn closes(&self) -> Option<CloseReason> {
        self.reason
    }

    /// Appends an interim answer: 100, 102 to 199 (RFC 9110 §15.2). Returns whether it did: nothing is
    /// sent to HTTP/1.0, which knows none, nor once the final answer has begun.
    pub fn send_interim(&mut self, head: &ResponseHead, out: &mut Vec<u8>) -> bool {
        let is_interim = head.status.code() < 200 && head.status != Status::SWITCHING_PROTOCOLS;
        debug_assert!(is_interim, "{} is no interim answer", head.status);
        if !is_interim || self.asked.1 < Version::HTTP_11 || !self.owes_answer() {
            return false;
        }
        self.step(Happening::Interim);
        if head.status == Status::CONTINUE {
            self.invitation = Invitation::Needless;
        }
        write::interim_head(out, head);
        true
    }

    /// Appends the head of the final answer, which must be owed. `Date` (unless the head has its own),
    /// `Content-Length`, `Transfer-Encoding` and `Connection` are the role's to write.
    pub fn send_head(
        &mut self,
        head: &ResponseHead,
        content: Outgoing,
        date: &[u8; 29],
        out: &mut Vec<u8>,
    ) {
        if !self.step(Happening::AnswerBegins) {
            return;
        }
        let (method, version) = self.asked;
        let (said, follows) = write::said(method, version, head.status, content);
        self.follows = follows;
        if write::switches(method, head.status) {
            self.step(Happening::LastExchange);
            self.reason = Some(CloseReason::Switched);
        } else if follows == Follows::UntilClose {
            self.last_exchange(CloseReason::EndsByClosing);
        } else if let Some(reason) = self.unread_forbids() {
            self.last_exchange(reason);
        }
        let option = match self.state.persistence {
            Persistence::Close if self.reason == Some(CloseReason::Switched) => {
                ConnectionOption::Nothing
            }
            Persistence::Close => ConnectionOption::Close,
            Persistence::Keep if version < Version::HTTP_11 => ConnectionOption::KeepAlive,
            Persistence::Keep => ConnectionOption::Nothing,
        };
        write::final_head(out, head, date, said, option);
    }

    /// Appends an answer, head and content, that this role wrote to the same question before; only where it would
    /// write the same octets again: to a request in HTTP/1.1 of which nothing is unread, on a connection that persists.
    /// Says whether it was appended.
    pub fn send_again(&mut self, answer: &[u8], out: &mut Vec<u8>) -> bool {
        let is_same = self.asked.1 == Version::HTTP_11
            && self.state.persistence == Persistence::Keep
            && self.unread() == Unread::None;
        if !is_same || !self.step(Happening::AnswerBegins) {
            return false;
        }
        self.follows = Follows::Nothing;
        out.extend_from_slice(answer);
        true
    }

    /// Whether octets of content follow the answer's head on the wire.
    #[must_use]
    pub fn sends_content(&self) -> bool {
        self.state.sending == Sending::Content
            && !matches!(self.follows, Follows::Nothing | Follows::Sized(0))
    }

    /// Appends what stands before a run of this many octets of content.
    pub fn frame(&mut self, octets: usize, out: &mut Vec<u8>) {
        self.follows.frame(octets, out);
    }

    /// Appends what stands after a run of this many octets of content.
    pub fn frame_end(&mut self, octets: usize, out: &mut Vec<u8>) {
        self.follows.frame_end(octets, out);
    }

    /// Appends what ends the answer, and says what comes next. An answer shorter than its head said
    /// closes the connection, which is how the client can tell.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> After {
        self.finish_with(b"", out)
    }

    /// Does as [`finish`](Self::finish), with the field lines `trailers` (each with its CR LF) after the
    /// content. They are written where the answer is in chunks, and nowhere else is there a place for them.
    pub fn finish_with(&mut self, trailers: &[u8], out: &mut Vec<u8>) -> After {
        if !self.step(Happening::AnswerEnds) {
            return After::Close(self.close_reason());
        }
        if self.follows.end(trailers, out) == Ended::Short {
            // Said before anything else, since it is what went wrong.
            self.reason = None;
            self.last_exchange(CloseReason::AnswerCutShort);
        }
        if self.state.receiving == Receiving::Content && self.unread() == Unread::None {
            self.step(Happening::ContentEnds);
        }
        if let Some(reason) = self.unread_forbids() {
            self.last_exchange(reason);
        }
        match (self.state.persistence, self.state.receiving) {
            (Persistence::Keep, Receiving::End) => {
                self.turn();
                After::Next
            }
            (Persistence::Keep, _) => After::Drain,
            (Persistence::Close, _) => {
                self.settle_reason();
                self.close();
                After::Close(self.close_reason())
            }
        }
    }

    /// The server stops reading content by its own will: until it calls [`receive`](Self::receive)
    /// again, time does not count against the client.
    pub fn rest(&mut self, now: Millis) {
        if let Waiting::Content(pace) = &mut self.waiting {
            pace.stop(now, &self.limits);
        }
    }

    /// By when something must have come from the peer, and what. None while the peer is not waited for.
    #[must_use]
    pub fn deadline(&self) -> Option<(Millis, Why)> {
        self.waiting.deadline(&self.limits)
    }

    /// Tells the role that it is `now`, at or past its deadline. Returns what is to be done, if anything.
    pub fn late(&mut self, now: Millis) -> Option<Late> {
        let kind = match self.waiting.late(now, &self.limits)? {
            Why::HeadLate => FaultKind::HeadLate,
            Why::ContentLate => FaultKind::ContentLate,
            Why::ContentSlow => FaultKind::ContentSlow,
            Why::Idle => {
                self.reason.get_or_insert(CloseReason::Idle);
                self.close();
                return Some(Late::Close(CloseReason::Idle));
            }
        };
        let fault = Fault::new(kind, self.received());
        Some(Late::Fault(self.fail(fault, 0)))
    }

    #[inline]
    fn receive_head(&mut self, input: &[u8], now: Millis) -> Result<(usize, Event), Fault> {
        let mut before = 0;
        if self.state.receiving == Receiving::Idle {
            if matches!(input, [] | [b'\r', ..]) {
                match self.pass_empty_lines(input, now) {
                    Ok(passed) => before = passed,
                    Err(passed) => return Ok((passed, Event::NeedMore)),
                }
            }
            self.step(Happening::HeadBegins);
            self.broken = None;
            let rest = from(input, before);
            // Nearly every head is all there when the first of it is. Whatever else there is to be said of one, the
            // scan says.
            if let Some(end) = self.head.read_whole(rest, before, &self.limits) {
                self.begin_exchange(within(rest, 0, end), now);
                return Ok((before + end, Event::Head));
            }
            self.scan = Scan::default();
            self.waiting = Waiting::Head { since: now };
        }
        self.scan_head(input, before, now)
    }

    /// Passes over the empty lines that `input` begins with; says how many octets they are, as an error if nothing of
    /// a head has come behind them.
    #[cold]
    fn pass_empty_lines(&mut self, input: &[u8], now: Millis) -> Result<usize, usize> {
        let (before, lines) = empty_lines(input, self.limits.empty_lines - self.empty_lines);
        self.empty_lines += lines;
        let rest = from(input, before);
        let may_be_empty_line = rest == b"\r" && self.empty_lines < self.limits.empty_lines;
        if !rest.is_empty() && !may_be_empty_line {
            return Ok(before);
        }
        if !matches!(self.waiting, Waiting::Request { .. }) {
            self.waiting = Waiting::Request { since: now };
        }
        Err(before)
    }

    /// Looks on in a head that was not read in one pass, and begins at `before`.
    #[cold]
    fn scan_head(
        &mut self,
        input: &[u8],
        before: usize,
        now: Millis,
    ) -> Result<(usize, Event), Fault> {
        let head = from(input, before);
        let end = match self.scan.scan(head, &self.limits) {
            Ok(Scanned::NeedMore) => return Ok((before, Event::NeedMore)),
            Ok(Scanned::Whole(end)) => end,
            Err(fault) => return Err(self.fail(fault, before)),
        };
        let head = within(head, 0, end);
        if let Err(fault) = self.head.read(head, before, &self.scan) {
            return Err(self.fail(fault, before));
        }
        self.begin_exchange(head, now);
        Ok((before + end, Event::Head))
    }

    fn begin_exchange(&mut self, head: &[u8], now: Millis) {
        self.step(Happening::HeadEnds);
        self.waiting = Waiting::content(now);
        self.asked = (self.head.method(), self.head.version());
        self.content.begin(self.head.framing());
        let waits = self.unread() != Unread::None && self.head.expects_continue(head);
        self.invitation = if waits { Invitation::Awaited } else { Invitation::Needless };
        match self.head.wish() {
            Wish::Close => self.last_exchange(CloseReason::PeerAsked),
            Wish::Nothing if self.head.version() < Version::HTTP_11 => {
                self.last_exchange(CloseReason::OldVersion);
            }
            // Settled while the head was coming.
            Wish::Nothing | Wish::KeepAlive if self.reason.is_some() => {
                self.step(Happening::LastExchange);
            }
            Wish::Nothing | Wish::KeepAlive => {}
        }
    }

    fn receive_content(&mut self, input: &[u8], now: Millis) -> Result<(usize, Event), Fault> {
        if self.content.unread() == Unread::None {
            self.end_content();
            return Ok((0, Event::End));
        }
        self.rest(now);
        let (used, event) = match self.content.receive(input, &self.limits) {
            Ok((used, Found::NeedMore)) => (used, Event::NeedMore),
            Ok((used, Found::Content(range))) => (used, Event::Content(range)),
            Ok((used, Found::End)) => (used, Event::End),
            Err(fault) => return Err(self.fail(fault, 0)),
        };
        if used > 0 {
            self.invitation = Invitation::Needless;
        }
        match (&event, &mut self.waiting) {
            (Event::NeedMore, Waiting::Content(pace)) => pace.wait(now),
            (Event::Content(range), Waiting::Content(pace)) => pace.came(range.len()),
            _ => {}
        }
        if event == Event::End {
            self.end_content();
        } else if self.state.sending == Sending::End {
            self.drained = self.drained.saturating_add(used as u64);
            if self.drained > self.limits.drain_bytes {
                self.last_exchange(CloseReason::ContentUnread);
                self.close();
                return Ok((used, Event::Closed(self.close_reason())));
            }
        }
        Ok((used, event))
    }

    #[inline]
    fn end_content(&mut self) {
        self.waiting = Waiting::Not;
        self.step(Happening::ContentEnds);
        if self.state.sending == Sending::End {
            self.turn();
        }
    }

    /// Why what is unread of the content forbids a further exchange, if it does.
    fn unread_forbids(&self) -> Option<CloseReason> {
        match self.unread() {
            Unread::None => None,
            Unread::Octets(_) | Unread::Unknown if self.invitation == Invitation::Awaited => {
                Some(CloseReason::ContentUninvited)
            }
            Unread::Octets(left) => {
                (left > self.limits.drain_bytes).then_some(CloseReason::ContentUnread)
            }
            // How much there is shows while it is dropped.
            Unread::Unknown => None,
        }
    }

    /// To close while the client still sends could destroy the answer on its way (RFC 9112 §9.6).
    fn settle_reason(&mut self) {
        if self.unread() != Unread::None && self.reason.is_some_and(CloseReason::closes_at_once) {
            self.reason = Some(self.unread_forbids().unwrap_or(CloseReason::ContentUnread));
        }
    }

    /// How many octets of the message that is under way were received.
    fn received(&self) -> usize {
        if self.state.receiving == Receiving::Head {
            self.scan.looked()
        } else {
            self.content.received()
        }
    }

    fn fail(&mut self, fault: Fault, before: usize) -> Fault {
        if self.state.receiving == Receiving::Head {
            self.broken = Some((fault, before));
            let method = self.scan.method_read().map_or(Method::Other, |(method, _)| method);
            self.asked = (method, self.scan.version_read());
        }
        self.step(Happening::Fault);
        self.reason = Some(CloseReason::Faulty(fault.kind));
        self.waiting = Waiting::Not;
        self.invitation = Invitation::Needless;
        if self.state.sending == Sending::End {
            self.close();
        }
        fault
    }

    fn last_exchange(&mut self, reason: CloseReason) {
        self.step(Happening::LastExchange);
        self.reason.get_or_insert(reason);
    }

    fn turn(&mut self) {
        self.step(Happening::Turn);
        self.waiting = Waiting::Not;
        (self.empty_lines, self.drained) = (0, 0);
    }

    fn close(&mut self) {
        self.step(Happening::Close);
        self.waiting = Waiting::Not;
    }

    fn close_reason(&self) -> CloseReason {
        self.reason.unwrap_or(CloseReason::PeerClosed)
    }

    /// Goes to the next state; false if there is none, which is a mistake of the caller's.
    fn step(&mut self, happening: Happening) -> bool {
        let state = next(self.state, happening);
        debug_assert!(state.is_some(), "{happening:?} can't happen in {:?}", self.state);
        self.state = state.unwrap_or(self.state);
        state.is_some()
    }
}
