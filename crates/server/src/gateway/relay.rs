//! Relaying: the head of an upstream's answer becomes the client's, and its content follows as it comes, each octet in
//! memory only until the client has taken it. An answer that breaks off breaks the client's off: it never looks whole.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use wherefore_gateway::{Permit, relay as relayed};
use wherefore_h1::{ClientEvent, Outgoing, Response, TeTrailers};
use wherefore_message::{Announced, Cause, Method, Status};

use super::Gateway;
use super::hop::Hop;
use super::upload::{Halt, Upload};
use crate::carrier::{Carrier, Gone};
use crate::service::Service;

/// So much is written for the client before it is sent, in octets.
const GATHERED_BYTES_MAX: usize = 64 << 10;

/// An answer on its way from an upstream to the client.
pub(crate) struct Relay {
    gateway: Arc<Gateway>,
    permit: Permit,
    hop: Option<Box<Hop>>,
    upload: Upload,
    /// Octets of content that went on.
    octets: u64,
    /// Whether the client takes trailers.
    te_trailers: TeTrailers,
    trailers: Vec<u8>,
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
}

impl Relay {
    /// An answer whose head has come.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        permit: Permit,
        hop: Box<Hop>,
        upload: Upload,
        te_trailers: TeTrailers,
    ) -> Self {
        let (hop, trailers) = (Some(hop), Vec::new());
        Self { gateway, permit, hop, upload, octets: 0, te_trailers, trailers }
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
    pub(crate) fn outgoing(&self, method: Method) -> Outgoing {
        let Some(response) = self.response() else { return Outgoing::None };
        let has_content = method != Method::Head && !response.status.ends_with_head();
        match (response.announced, response.length_said) {
            (Announced::Length(length), _) => Outgoing::Sized(length),
            (Announced::Unknown, _) => Outgoing::Streamed,
            // What GET would get (RFC 9110 §9.3.2), or what a 304 spares (§15.4.5).
            (Announced::Nothing, Some(length)) if !has_content => Outgoing::Sized(length),
            (Announced::Nothing, _) => Outgoing::None,
        }
    }

    /// Whether the connection goes on with another protocol.
    pub(crate) fn is_switched(&self) -> bool {
        self.response().is_some_and(|response| response.status == Status::SWITCHING_PROTOCOLS)
    }

    /// The trailers, as written.
    pub(crate) fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Hands on what has come already; most answers are complete by then. None if there is more to do.
    pub(crate) fn at_once<C: Carrier>(
        &mut self,
        service: &Service,
        carrier: &mut C,
    ) -> Option<Result<u64, Cut>> {
        match self.pump(service, carrier) {
            Ok(Step::Whole) => Some(Ok(self.octets)),
            Ok(Step::Wanting | Step::Full) => None,
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
        poll_fn(|cx| self.poll(cx, service, carrier)).await
    }

    fn poll<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        service: &Service,
        carrier: &mut C,
    ) -> Poll<Result<u64, Cut>> {
        loop {
            let gateway = &*self.gateway;
            let Some(hop) = &mut self.hop else { return Poll::Ready(Ok(self.octets)) };
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
            let step = match self.pump(service, carrier) {
                Ok(Step::Whole) => return Poll::Ready(Ok(self.octets)),
                Ok(step) => step,
                Err(cause) => return Poll::Ready(Err(self.cut(service, cause))),
            };
            let Some(hop) = &mut self.hop else { return Poll::Ready(Ok(self.octets)) };
            if step == Step::Wanting {
                match hop.poll_fill(cx, usize::MAX) {
                    Poll::Ready(Ok(0)) => match hop.role.eof() {
                        Ok(_) => continue,
                        Err(fault) => return Poll::Ready(Err(self.cut(service, fault.into()))),
                    },
                    Poll::Ready(Ok(_)) => {
                        hop.reads.clear();
                        continue;
                    }
                    Poll::Ready(Err(cause)) => {
                        return Poll::Ready(Err(self.cut(service, cause)));
                    }
                    Poll::Pending => {}
                }
            }
            // Nothing more comes for now, or there is enough: what there is leaves.
            let before = carrier.unsent_bytes();
            if before > 0 {
                match carrier.poll_flush(cx) {
                    Poll::Ready(Ok(())) => {
                        hop.reads.clear();
                        if step == Step::Full {
                            continue;
                        }
                    }
                    Poll::Ready(Err(Gone)) => return Poll::Ready(Err(self.abandon())),
                    Poll::Pending => {
                        if carrier.unsent_bytes() != before || hop.reads.at().is_none() {
                            hop.reads.set_in(service.core.limits.send_time());
                        }
                        ready!(hop.reads.poll_expired(cx));
                        return Poll::Ready(Err(self.abandon()));
                    }
                }
            }
            if self.upload.is_over(hop) && carrier.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(self.abandon()));
            }
            if hop.reads.at().is_none() {
                hop.reads.set_in(self.gateway.times.pause);
            }
            ready!(hop.reads.poll_expired(cx));
            return Poll::Ready(Err(self.cut(service, Cause::ContentLate)));
        }
    }

    /// Hands on what has been read.
    fn pump<C: Carrier>(&mut self, service: &Service, carrier: &mut C) -> Result<Step, Cause> {
        let Some(hop) = &mut self.hop else { return Ok(Step::Whole) };
        loop {
            if carrier.unsent_bytes() >= GATHERED_BYTES_MAX {
                return Ok(Step::Full);
            }
            let (used, event) = hop.role.receive(hop.input.unread())?;
            match event {
                ClientEvent::Content(range) => {
                    let content = hop.input.unread().get(range).unwrap_or_default();
                    self.octets += content.len() as u64;
                    if self.octets > self.gateway.limits.content_bytes_max {
                        return Err(Cause::ContentTooLarge);
                    }
                    carrier.push(content);
                    hop.input.consume(used);
                }
                ClientEvent::NeedMore => {
                    hop.input.consume(used);
                    return Ok(Step::Wanting);
                }
                ClientEvent::End => {
                    hop.input.consume(used);
                    if self.te_trailers == TeTrailers::Said {
                        let head = hop.role.response(hop.input.head()).fields;
                        relayed::trailers(head, hop.role.trailers(), &mut self.trailers);
                    }
                    self.finish(service);
                    return Ok(Step::Whole);
                }
                ClientEvent::Interim
                | ClientEvent::Head
                | ClientEvent::Switched
                | ClientEvent::Closed => return Err(Cause::Malformed),
            }
        }
    }

    /// The answer is complete: its connection is kept, if it can carry another.
    fn finish(&mut self, service: &Service) {
        let now = service.core.clock.now();
        self.permit.succeeded(wherefore_h1::Millis(now.0));
        if let Some(hop) = self.hop.take()
            && self.upload.is_over(&hop)
        {
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
