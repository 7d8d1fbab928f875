//! Relaying: the head of an upstream's answer becomes the client's, and its content follows as it comes, each octet in
//! memory only until the client has taken it. An answer that breaks off breaks the client's off: it never looks whole.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use wherefore_coding::Level;
use wherefore_gateway::relay::Buffering;
use wherefore_gateway::transform::{Applies, Transform, Why};
use wherefore_gateway::{Permit, relay as relayed};
use wherefore_h1::{ClientEvent, Outgoing, Response, TeTrailers};
use wherefore_message::{Announced, Cause, Method, Status};

use super::Gateway;
use super::change::{Change, TURN_BYTES_MAX};
use super::hop::Hop;
use super::upload::{Halt, Upload};
use crate::carrier::{Carrier, Gone};
use crate::clock::Millis;
use crate::service::Service;
use crate::turn::after_the_loop;

/// So much is written for the client before it is sent, in octets.
const GATHERED_BYTES_MAX: usize = 64 << 10;
/// From so many octets on, content is sent from where it was read.
const THROUGH_BYTES_MIN: usize = 16 << 10;
/// How much less it costs to pass an octet on than to change it.
const PASSED_COST_SHARE: usize = 8;
/// A client that takes longer for what is written is slow, in milliseconds: it needs little room.
const SLOW_MILLIS: u64 = 100;

/// An answer on its way from an upstream to the client.
pub(crate) struct Relay {
    gateway: Arc<Gateway>,
    permit: Permit,
    hop: Option<Box<Hop>>,
    upload: Upload,
    /// Octets of content that came.
    received: u64,
    /// Octets of content that went on.
    octets: u64,
    method: Method,
    /// What the content is on the way to the client, where that is not what it was to us.
    outgoing: Option<Outgoing>,
    /// Whether the client takes trailers.
    te_trailers: TeTrailers,
    trailers: Vec<u8>,
    /// What is done to the content on its way.
    change: Option<Box<Change>>,
    /// What of it was received, and is being changed.
    changing: Option<Changing>,
    /// What that cost in this turn, in octets.
    turn_bytes: usize,
    /// What was read before the head went out, and up to how much is.
    ahead: Vec<u8>,
    ahead_bytes_max: usize,
    reception: Reception,
    /// Since when the client has not taken what is written.
    waits_since: Option<Millis>,
}

/// Content that stands in what was read.
struct Changing {
    /// What of it is still to be changed.
    content: Range<usize>,
    /// How far it goes with all that frames it.
    used: usize,
}

/// How much of an answer has come.
#[derive(Clone, Copy, PartialEq)]
enum Reception {
    /// More is to come.
    Partial,
    /// All has come.
    Whole,
    /// And nothing more is to be done to it.
    Done,
}

/// Where content goes.
trait Sink {
    /// Whether it has enough for now.
    fn is_full(&self) -> bool;
    /// Takes content. Says how much of that is on its way to the client.
    fn take(&mut self, content: &[u8]) -> u64;
}

impl<C: Carrier> Sink for C {
    fn is_full(&self) -> bool {
        self.unsent_bytes() >= GATHERED_BYTES_MAX
    }

    fn take(&mut self, content: &[u8]) -> u64 {
        if !content.is_empty() {
            self.push(content);
        }
        content.len() as u64
    }
}

/// A client that is sent much.
struct Through<'a, 'b, C> {
    carrier: &'a mut C,
    cx: &'a mut Context<'b>,
}

impl<C: Carrier> Sink for Through<'_, '_, C> {
    fn is_full(&self) -> bool {
        self.carrier.is_full()
    }

    fn take(&mut self, content: &[u8]) -> u64 {
        if content.len() < THROUGH_BYTES_MIN {
            return self.carrier.take(content);
        }
        self.carrier.push_through(self.cx, content);
        content.len() as u64
    }
}

/// What is read before the head goes out.
struct Ahead<'a> {
    content: &'a mut Vec<u8>,
    bytes_max: usize,
}

impl Sink for Ahead<'_> {
    fn is_full(&self) -> bool {
        self.content.len() >= self.bytes_max
    }

    fn take(&mut self, content: &[u8]) -> u64 {
        self.content.extend_from_slice(content);
        0
    }
}

/// How an answer that has begun is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// How many octets of its content went on.
    pub(crate) octets: u64,
    /// The upstream's fault; none if the client has gone.
    pub(crate) cause: Option<Cause>,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// It is complete.
    Whole,
    /// More has to come.
    Wanting,
    /// What is written has to leave first.
    Full,
    /// Others have their turn first.
    Enough,
}

/// Whether content is coded on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coded {
    Yes,
    No,
}

/// Whether an answer's head has gone out.
#[derive(Clone, Copy, PartialEq)]
enum Head {
    /// What is read is kept.
    Withheld,
    Sent,
}

impl Relay {
    /// An answer to a request of this method, whose head has come.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        permit: Permit,
        hop: Box<Hop>,
        upload: Upload,
        (method, te_trailers): (Method, TeTrailers),
    ) -> Self {
        Self {
            gateway,
            permit,
            hop: Some(hop),
            upload,
            received: 0,
            octets: 0,
            method,
            outgoing: None,
            te_trailers,
            trailers: Vec::new(),
            change: None,
            changing: None,
            turn_bytes: 0,
            ahead: Vec::new(),
            ahead_bytes_max: 0,
            reception: Reception::Partial,
            waits_since: None,
        }
    }

    /// Which of the gateway's upstreams answers.
    pub(crate) fn member(&self) -> usize {
        self.permit.index()
    }

    /// The answer's head, as it came.
    pub(crate) fn response(&self) -> Option<Response<'_>> {
        self.hop.as_ref().map(|hop| hop.role.response(hop.input.head()))
    }

    /// What its content will be on the way to the client.
    pub(crate) fn outgoing(&self) -> Outgoing {
        if let Some(outgoing) = self.outgoing {
            return outgoing;
        }
        let Some(response) = self.response() else { return Outgoing::None };
        match (response.announced, response.length_said) {
            (Announced::Length(length), _) => Outgoing::Sized(length),
            (Announced::Unknown, _) => Outgoing::Streamed,
            // What GET would get (RFC 9110 §9.3.2), or what a 304 spares (§15.4.5).
            (Announced::Nothing, Some(length)) if !self.has_content() => Outgoing::Sized(length),
            (Announced::Nothing, _) => Outgoing::None,
        }
    }

    fn has_content(&self) -> bool {
        let ends = |response: Response<'_>| response.status.ends_with_head();
        self.method != Method::Head && !self.response().is_none_or(ends)
    }

    /// Whether the connection goes on with another protocol.
    pub(crate) fn is_switched(&self) -> bool {
        self.response().is_some_and(|response| response.status == Status::SWITCHING_PROTOCOLS)
    }

    /// The trailers, as written.
    pub(crate) fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Changes the content on its way: what comes as `applies` says, and goes out coded like this. Says whether it
    /// will be coded.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn change(
        &mut self,
        service: &Service,
        transform: &Transform,
        applies: Applies,
        coded: Option<Level>,
    ) -> Result<Coded, Cause> {
        let decode = match applies {
            Applies::Yes { decode } => decode,
            // What a 304 spares is what was changed, of which nobody knows the length.
            Applies::No(Why::Status) => {
                self.outgoing = Some(Outgoing::None);
                return Ok(Coded::No);
            }
            Applies::No(_) => return Ok(Coded::No),
        };
        self.outgoing = Some(Outgoing::Streamed);
        // They may tell of what the content was.
        self.te_trailers = TeTrailers::Unsaid;
        if !self.has_content() {
            return Ok(if coded.is_some() { Coded::Yes } else { Coded::No });
        }
        let encoders = &service.core.encoders;
        let bytes_max = self.gateway.limits.content_bytes_max;
        let mut change = Change::new(encoders, transform, decode, bytes_max)?;
        let is_coded = coded.is_some_and(|level| change.code(encoders, level));
        self.change = Some(Box::new(change));
        Ok(if is_coded { Coded::Yes } else { Coded::No })
    }

    /// Reads as much of the content as has to be known before the head goes out: what the gateway buffers, and where it
    /// has to be decoded, whether it can be. The head stays to be read.
    ///
    /// # Errors
    /// Whatever breaks it off: nothing has gone out yet.
    pub(crate) async fn look_ahead<C: Carrier>(
        &mut self,
        service: &Service,
        carrier: &mut C,
        buffering: Buffering,
    ) -> Result<(), Cut> {
        self.ahead_bytes_max = match buffering {
            Buffering::No => 0,
            Buffering::Unsaid | Buffering::Yes => self.gateway.buffer_bytes_max,
        };
        if !self.has_content() || self.is_enough() {
            return Ok(());
        }
        poll_fn(|cx| self.poll(cx, service, carrier, Head::Withheld)).await
    }

    /// Whether as much has been read as has to be before the head goes out.
    fn is_enough(&self) -> bool {
        let is_known =
            self.change.as_ref().is_none_or(|change| !change.may_fail() || change.has_decoded());
        is_known && self.ahead.len() >= self.ahead_bytes_max
    }

    /// Hands on what has come already; most answers are complete by then. None if there is more to do.
    pub(crate) fn at_once<C: Carrier>(
        &mut self,
        service: &Service,
        carrier: &mut C,
    ) -> Option<Result<u64, Cut>> {
        let ahead = std::mem::take(&mut self.ahead);
        self.octets += carrier.take(&ahead);
        self.turn_bytes = 0;
        match self.pump(carrier) {
            Ok(Step::Whole) => {
                self.finish(service);
                Some(Ok(self.octets))
            }
            Ok(Step::Wanting | Step::Full | Step::Enough) => None,
            Err(cause) => Some(Err(self.cut(service, cause))),
        }
    }

    /// Hands on the rest as it comes.
    ///
    /// # Errors
    /// Whatever breaks it off.
    pub(crate) async fn run<C: Carrier>(
        &mut self,
        service: &Service,
        carrier: &mut C,
    ) -> Result<u64, Cut> {
        poll_fn(|cx| self.poll(cx, service, carrier, Head::Sent)).await?;
        self.finish(service);
        Ok(self.octets)
    }

    fn poll<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        service: &Service,
        carrier: &mut C,
        head: Head,
    ) -> Poll<Result<(), Cut>> {
        self.turn_bytes = 0;
        loop {
            let gateway = &*self.gateway;
            let Some(hop) = &mut self.hop else { return Poll::Ready(Ok(())) };
            match self.upload.poll(cx, gateway, hop, carrier) {
                Poll::Ready(Err(Halt::Upstream(cause))) => {
                    return Poll::Ready(Err(self.cut(service, cause)));
                }
                // What the client did wrong can't be said any more.
                Poll::Ready(Err(Halt::Gone | Halt::Client(_))) => {
                    return Poll::Ready(Err(self.abandon()));
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            let pumped = match head {
                Head::Sent => self.pump(&mut Through { carrier: &mut *carrier, cx: &mut *cx }),
                Head::Withheld => self.pump_ahead(),
            };
            let step = match pumped {
                Ok(Step::Whole) => return Poll::Ready(Ok(())),
                Ok(_) if head == Head::Withheld && self.is_enough() => return Poll::Ready(Ok(())),
                Ok(step) => step,
                Err(cause) => return Poll::Ready(Err(self.cut(service, cause))),
            };
            let Some(hop) = &mut self.hop else { return Poll::Ready(Ok(())) };
            if step == Step::Wanting {
                let length = hop.role.response(hop.input.head()).length_said;
                let left = length.map(|length| length.saturating_sub(self.received));
                service.core.buffers.widen(&mut hop.input, left);
                match hop.poll_fill(cx, usize::MAX) {
                    Poll::Ready(Ok(0)) => match hop.role.eof() {
                        // Content may end with the connection (RFC 9112 §6.3); it is whole then.
                        Ok(ClientEvent::End) => {
                            self.reception = Reception::Whole;
                            continue;
                        }
                        Ok(_) => return Poll::Ready(Err(self.cut(service, Cause::Malformed))),
                        Err(fault) => return Poll::Ready(Err(self.cut(service, fault.into()))),
                    },
                    Poll::Ready(Ok(_)) => {
                        hop.reads.clear();
                        continue;
                    }
                    Poll::Ready(Err(cause)) => {
                        return Poll::Ready(Err(self.cut(service, cause)));
                    }
                    Poll::Pending if head == Head::Sent => {
                        if let Err(cause) = self.bring_out(carrier) {
                            return Poll::Ready(Err(self.cut(service, cause)));
                        }
                    }
                    Poll::Pending => {}
                }
            }
            match ready!(self.poll_leave(cx, service, carrier, step)) {
                Ok(()) => {}
                Err(cut) => return Poll::Ready(Err(cut)),
            }
        }
    }

    /// Nothing more comes for now, or there is enough: what there is leaves. Ready when there is more to do.
    fn poll_leave<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        service: &Service,
        carrier: &mut C,
        step: Step,
    ) -> Poll<Result<(), Cut>> {
        let Some(hop) = &mut self.hop else { return Poll::Ready(Ok(())) };
        let before = carrier.unsent_bytes();
        if before > 0 {
            match carrier.poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    hop.reads.clear();
                    let now = service.core.clock.now();
                    if self.waits_since.take().is_some_and(|since| now.0 > since.0 + SLOW_MILLIS) {
                        hop.input.narrow();
                    }
                    if step == Step::Full {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(Err(Gone)) => return Poll::Ready(Err(self.abandon())),
                Poll::Pending => {
                    if carrier.unsent_bytes() != before || hop.reads.at().is_none() {
                        hop.reads.set_in(service.core.limits.send_time());
                    }
                    self.waits_since.get_or_insert_with(|| service.core.clock.now());
                    ready!(hop.reads.poll_expired(cx));
                    return Poll::Ready(Err(self.abandon()));
                }
            }
        }
        if step == Step::Enough {
            after_the_loop(cx);
            return Poll::Pending;
        }
        if self.upload.is_over(hop) && carrier.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(self.abandon()));
        }
        if hop.reads.at().is_none() {
            hop.reads.set_in(self.gateway.times.pause);
        }
        ready!(hop.reads.poll_expired(cx));
        Poll::Ready(Err(self.cut(service, Cause::ContentLate)))
    }

    /// Keeps what has been read, until there is enough.
    fn pump_ahead(&mut self) -> Result<Step, Cause> {
        let mut content = std::mem::take(&mut self.ahead);
        let bytes_max = self.ahead_bytes_max.max(GATHERED_BYTES_MAX);
        let pumped = self.pump(&mut Ahead { content: &mut content, bytes_max });
        self.ahead = content;
        pumped
    }

    /// Hands on what has been read.
    fn pump<S: Sink>(&mut self, sink: &mut S) -> Result<Step, Cause> {
        let Some(hop) = &mut self.hop else { return Ok(Step::Whole) };
        loop {
            if sink.is_full() {
                return Ok(Step::Full);
            }
            if self.turn_bytes >= TURN_BYTES_MAX {
                return Ok(Step::Enough);
            }
            if let Some(changing) = &mut self.changing
                && let Some(change) = &mut self.change
            {
                let unread = hop.input.unread();
                let content = unread.get(changing.content.clone()).unwrap_or_default();
                let stepped = change.step(content)?;
                changing.content.start += stepped.used;
                self.turn_bytes += stepped.cost;
                self.octets += sink.take(&change.made);
                change.made.clear();
                if !stepped.has_more {
                    hop.input.consume(changing.used);
                    self.changing = None;
                }
                continue;
            }
            match (self.reception, &mut self.change) {
                (Reception::Partial, _) => {}
                (Reception::Whole, Some(change)) => {
                    let stepped = change.finish()?;
                    self.turn_bytes += stepped.cost;
                    self.octets += sink.take(&change.made);
                    change.made.clear();
                    if !stepped.has_more {
                        self.reception = Reception::Done;
                    }
                    continue;
                }
                (Reception::Whole | Reception::Done, _) => return Ok(Step::Whole),
            }
            let (used, event) = hop.role.receive(hop.input.unread())?;
            match event {
                ClientEvent::Content(content) => {
                    self.received += content.len() as u64;
                    if self.received > self.gateway.limits.content_bytes_max {
                        return Err(Cause::ContentTooLarge);
                    }
                    if self.change.is_some() {
                        self.changing = Some(Changing { content, used });
                        continue;
                    }
                    self.turn_bytes += content.len() / PASSED_COST_SHARE;
                    self.octets += sink.take(hop.input.unread().get(content).unwrap_or_default());
                    hop.input.consume(used);
                }
                ClientEvent::NeedMore => {
                    hop.input.consume(used);
                    return Ok(Step::Wanting);
                }
                ClientEvent::End => {
                    hop.input.consume(used);
                    self.reception = Reception::Whole;
                }
                ClientEvent::Interim
                | ClientEvent::Head
                | ClientEvent::Switched
                | ClientEvent::Closed => return Err(Cause::Malformed),
            }
        }
    }

    /// Hands on what is held back of changed content: nothing more comes for now.
    fn bring_out<C: Carrier>(&mut self, carrier: &mut C) -> Result<(), Cause> {
        if let Some(change) = &mut self.change {
            change.flush()?;
            self.octets += carrier.take(&change.made);
            change.made.clear();
        }
        Ok(())
    }

    /// The answer is complete: its connection is kept, if it can carry another.
    fn finish(&mut self, service: &Service) {
        let Some(hop) = self.hop.take() else { return };
        if self.te_trailers == TeTrailers::Said {
            let head = hop.role.response(hop.input.head()).fields;
            relayed::trailers(head, hop.role.trailers(), &mut self.trailers);
        }
        let now = service.core.clock.now();
        self.permit.succeeded(wherefore_h1::Millis(now.0));
        if self.upload.is_over(&hop) {
            service.pool.give(&self.gateway, self.permit.index(), hop, &service.core.buffers, now);
        }
    }

    /// The upstream broke its answer off, or what it sends is none.
    fn cut(&mut self, service: &Service, cause: Cause) -> Cut {
        self.permit.failed(cause, wherefore_h1::Millis(service.core.clock.now().0));
        Cut { cause: Some(cause), ..self.abandon() }
    }

    /// Nobody wants the rest: the upstream is told so.
    pub(crate) fn abandon(&mut self) -> Cut {
        if let Some(hop) = self.hop.take() {
            hop.stream.abort();
        }
        Cut { octets: self.octets, cause: None }
    }

    /// The connection, to be used for what it was switched to, and for how long it may be idle.
    pub(super) fn into_tunnel(mut self) -> Option<(Box<Hop>, Permit, Duration)> {
        let idle = self.gateway.times.tunnel_idle;
        Some((self.hop.take()?, self.permit, idle))
    }
}
