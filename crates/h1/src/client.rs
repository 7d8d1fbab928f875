//! The client role on one connection: requests become octets, answers come out of octets. What an upstream
//! sends is as hostile as what a client does: whatever is malformed is a fault, and none of it is passed on.

use core::ops::Range;

use wherefore_message::{Fault, FaultKind, Fields, Method, Status};

use crate::answer::{AnswerHead, AnswerScan, Response};
use crate::exchange::Persistence;
use crate::framing::Framing;
use crate::incoming::{Found, Incoming, Unread};
use crate::limits::{ClientLimits, Limits};
use crate::octets::within;
use crate::outbound::{Outbound, request_head};
use crate::outgoing::{Ended, Follows};
use crate::scan::Scanned;

/// One connection in the client role.
///
/// The caller owns the octets: it shows [`receive`](Self::receive) all that is unread, drops what is used
/// (keeping a head for as long as it reads [`response`](Self::response)), and sends what is appended to its
/// buffers. An exchange is [`begin`](Self::begin), [`frame`](Self::frame) around each run of content,
/// [`end_content`](Self::end_content), and meanwhile any number of `receive` up to [`ClientEvent::End`]: an
/// answer may come before its request is whole. Another exchange may follow while
/// [`is_reusable`](Self::is_reusable) holds. What comes between two exchanges answers nothing: before it
/// begins one on a connection that was idle, the caller looks whether there is something to read, and if
/// there is, closes it.
#[derive(Debug)]
pub struct Client {
    limits: ClientLimits,
    /// The same, in the words in which content is held to them.
    content_limits: Limits,
    asking: Asking,
    answering: Answering,
    persistence: Persistence,
    /// The method of the request under way.
    method: Method,
    /// The protocols that it asked to change to; empty if it did not ask.
    protocols: Vec<u8>,
    follows: Follows,
    scan: AnswerScan,
    head: AnswerHead,
    content: Incoming,
    /// Interim answers of this exchange.
    interims: u64,
    /// The octets of them all.
    interim_bytes: u64,
}

/// What [`Client::receive`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// Nothing more can be told without more octets.
    NeedMore,
    /// The head of an interim answer is complete, and that is all of it; the octets used are it.
    Interim,
    /// The head of the final answer, or of 101, is complete; the octets used are it.
    Head,
    /// These octets of the input are content.
    Content(Range<usize>),
    /// The answer is complete.
    End,
    /// The connection has left HTTP/1.1, after 101 or a 2xx to CONNECT: what is unread is the tunnel's. The
    /// caller's own side is, once the request is whole.
    Switched,
    /// No answer is awaited, or none can come any more. What is unread answers nothing.
    Closed,
}

/// Where the request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// Its content is still to be ended.
    Content,
    /// It is whole, or there is none.
    Whole,
}

/// Where the answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answering {
    /// Not an octet of its head has come, at most interim answers.
    Awaited,
    /// A head has begun.
    Head,
    /// The head is complete; content follows or the end is still to be said.
    Content,
    /// A tunnel has taken its place.
    Tunnel,
    /// It is whole, or none is awaited.
    End,
    /// It broke the protocol or was broken off; nothing more can be understood.
    Broken,
}

impl Client {
    /// A fresh connection.
    #[must_use]
    pub fn new(limits: &ClientLimits) -> Self {
        Self {
            limits: *limits,
            content_limits: Limits {
                trailers_bytes: limits.trailers_bytes_max,
                // How much an answer may have is its recipient's to know.
                content_bytes: u64::MAX,
                ..Limits::default()
            },
            asking: Asking::Whole,
            answering: Answering::End,
            persistence: Persistence::Keep,
            method: Method::Other,
            protocols: Vec::new(),
            follows: Follows::Nothing,
            scan: AnswerScan::default(),
            head: AnswerHead::default(),
            content: Incoming::default(),
            interims: 0,
            interim_bytes: 0,
        }
    }

    /// Makes it a fresh connection again, keeping its memory and limits.
    pub fn reset(&mut self) {
        (self.asking, self.answering) = (Asking::Whole, Answering::End);
        self.persistence = Persistence::Keep;
        self.head.forget();
        self.clear();
    }

    /// Begins an exchange: appends the request's head. One without content is whole with it.
    pub fn begin(&mut self, request: &Outbound<'_>, out: &mut Vec<u8>) {
        debug_assert!(self.is_reusable(), "an exchange begins on a connection that is free");
        if !self.is_reusable() {
            return;
        }
        self.clear();
        self.method = request.method;
        self.protocols.extend_from_slice(request.upgrade.unwrap_or_default());
        self.follows = request_head(request, out);
        self.asking =
            if self.follows == Follows::Nothing { Asking::Whole } else { Asking::Content };
        self.answering = Answering::Awaited;
    }

    /// Appends what stands before a run of this many octets of content.
    pub fn frame(&mut self, octets: usize, out: &mut Vec<u8>) {
        self.follows.frame(octets, out);
    }

    /// Appends what stands after a run of this many octets of content.
    pub fn frame_end(&mut self, octets: usize, out: &mut Vec<u8>) {
        self.follows.frame_end(octets, out);
    }

    /// Ends the content, after which the request is whole. The field lines `trailers` (each with its CR LF)
    /// are written where the content is in chunks, and nowhere else is there a place for them. Content
    /// shorter than the head said ends nothing: the connection has to be closed, which is how the peer can
    /// tell.
    pub fn end_content(&mut self, trailers: &[u8], out: &mut Vec<u8>) {
        match self.follows.end(trailers, out) {
            Ended::Whole => self.asking = Asking::Whole,
            Ended::Short => self.persistence = Persistence::Close,
        }
    }

    /// Looks at `input`, which is all that is unread, as far as one event, and returns how many of its
    /// octets are used. While a head is incomplete nothing of it is used: show it again, grown.
    /// With [`ClientEvent::Interim`] and [`ClientEvent::Head`] the octets used are those that
    /// [`response`](Self::response) is to be shown.
    ///
    /// # Errors
    /// What the peer did wrong, first things first. After that the connection can only be closed.
    pub fn receive(&mut self, input: &[u8]) -> Result<(usize, ClientEvent), Fault> {
        match self.answering {
            Answering::Awaited | Answering::Head => self.receive_head(input),
            Answering::Content => self.receive_content(input),
            Answering::Tunnel => Ok((0, ClientEvent::Switched)),
            Answering::End | Answering::Broken => {
                self.nothing_more(input);
                Ok((0, ClientEvent::Closed))
            }
        }
    }

    /// The answer whose head was the octets `head`; valid from [`ClientEvent::Interim`] or
    /// [`ClientEvent::Head`] until the next head begins to be received.
    #[must_use]
    pub fn response<'a>(&'a self, head: &'a [u8]) -> Response<'a> {
        self.head.response(head)
    }

    /// The peer has closed its side, and all that it sent before has been received. Tells
    /// [`ClientEvent::End`] if that completes the answer, [`ClientEvent::Closed`] if none was awaited or
    /// all of it was told.
    ///
    /// # Errors
    /// [`FaultKind::ClosedInHead`] if an answer was awaited, [`FaultKind::ClosedInContent`] if it was
    /// under way.
    pub fn eof(&mut self) -> Result<ClientEvent, Fault> {
        self.persistence = Persistence::Close;
        let fault = match self.answering {
            Answering::End | Answering::Broken | Answering::Tunnel => {
                return Ok(ClientEvent::Closed);
            }
            // Its end is still to be told; it is not missing.
            Answering::Content
                if self.content.ends_by_closing() || self.content.unread() == Unread::None =>
            {
                self.answering = Answering::End;
                return Ok(ClientEvent::End);
            }
            Answering::Awaited | Answering::Head => {
                Fault::new(FaultKind::ClosedInHead, self.scan.looked())
            }
            Answering::Content => Fault::new(FaultKind::ClosedInContent, self.content.received()),
        };
        Err(self.fail(fault))
    }

    /// Whether an answer is awaited of which not an octet has come, not even of an interim one.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.answering == Answering::Awaited && self.interims == 0
    }

    /// Whether the connection can carry an exchange: it is fresh, or the last request and its answer are
    /// whole and neither ends the connection.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.asking == Asking::Whole
            && self.answering == Answering::End
            && self.persistence == Persistence::Keep
    }

    /// The trailer fields of the answer's content (RFC 9110 §6.5), once it has ended; none before that, or
    /// where it has none. Valid until the next exchange begins.
    #[must_use]
    pub fn trailers(&self) -> Fields<'_> {
        self.content.trailers()
    }

    fn receive_head(&mut self, input: &[u8]) -> Result<(usize, ClientEvent), Fault> {
        if input.is_empty() {
            return Ok((0, ClientEvent::NeedMore));
        }
        // Nearly every head is all there when the first of it is. Whatever else there is to be said of one, the scan says.
        if self.answering == Answering::Awaited
            && let Some(end) = self.head.read_whole(input, self.method, &self.limits)
        {
            let taken = self.take_head(within(input, 0, end));
            return taken.map(|event| (end, event)).map_err(|fault| self.fail(fault));
        }
        self.answering = Answering::Head;
        let end = match self.scan.scan(input, &self.limits) {
            Ok(Scanned::NeedMore) => return Ok((0, ClientEvent::NeedMore)),
            Ok(Scanned::Whole(end)) => end,
            Err(fault) => return Err(self.fail(fault)),
        };
        let head = within(input, 0, end);
        let read = self.head.read(head, &self.scan, self.method);
        match read.and_then(|()| self.take_head(head)) {
            Ok(event) => Ok((end, event)),
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Settles what follows a head that was read.
    fn take_head(&mut self, head: &[u8]) -> Result<ClientEvent, Fault> {
        let status = self.head.status();
        if status == Status::SWITCHING_PROTOCOLS && !self.head.switches_to(head, &self.protocols) {
            return Err(Fault::new(FaultKind::SwitchUnasked, 0));
        }
        if !self.head.persists() {
            self.persistence = Persistence::Close;
        }
        if status.code() < 200 && status != Status::SWITCHING_PROTOCOLS {
            self.count_interim(head)?;
            self.scan = AnswerScan::default();
            self.answering = Answering::Awaited;
            return Ok(ClientEvent::Interim);
        }
        self.content.begin(self.head.framing());
        self.answering = match self.head.framing() {
            Framing::Tunnel => Answering::Tunnel,
            Framing::Nothing | Framing::Length(_) | Framing::Chunked | Framing::UntilClose => {
                Answering::Content
            }
        };
        Ok(ClientEvent::Head)
    }

    fn count_interim(&mut self, head: &[u8]) -> Result<(), Fault> {
        self.interims += 1;
        self.interim_bytes += head.len() as u64;
        if self.interims > self.limits.interim_max {
            return Err(Fault::new(FaultKind::InterimTooMany, 0));
        }
        if self.interim_bytes > self.limits.interim_bytes_max {
            return Err(Fault::new(FaultKind::InterimTooLarge, 0));
        }
        Ok(())
    }

    fn receive_content(&mut self, input: &[u8]) -> Result<(usize, ClientEvent), Fault> {
        match self.content.receive(input, &self.content_limits) {
            Ok((used, Found::NeedMore)) => Ok((used, ClientEvent::NeedMore)),
            Ok((used, Found::Content(range))) => Ok((used, ClientEvent::Content(range))),
            Ok((used, Found::End)) => {
                self.answering = Answering::End;
                self.nothing_more(within(input, used, input.len()));
                Ok((used, ClientEvent::End))
            }
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Octets that answer nothing must not be taken for the next answer, which would be another client's
    /// (RFC 9112 §9.2).
    fn nothing_more(&mut self, input: &[u8]) {
        if !input.is_empty() {
            self.persistence = Persistence::Close;
        }
    }

    fn fail(&mut self, fault: Fault) -> Fault {
        self.answering = Answering::Broken;
        self.persistence = Persistence::Close;
        fault
    }

    fn clear(&mut self) {
        self.method = Method::Other;
        self.protocols.clear();
        self.follows = Follows::Nothing;
        self.scan = AnswerScan::default();
        self.content.begin(Framing::Nothing);
        (self.interims, self.interim_bytes) = (0, 0);
    }
}
