//! The request on its way to the upstream: its head, then its content as it comes from the client, never more of it in
//! memory than the upstream is about to take.

use std::task::{Context, Poll, ready};

use wherefore_decide::act::{Begun, Failure};
use wherefore_decide::content::Excess;
use wherefore_gateway::relay;
use wherefore_message::Cause;

use super::Gateway;
use super::hop::Hop;
use crate::carrier::{Carrier, More, Trouble};

/// So much content is gathered before it is sent, in octets.
const GATHERED_BYTES_MAX: usize = 16 << 10;

/// How far a request has come on its way.
#[derive(Debug)]
pub(super) struct Upload {
    stage: Stage,
    /// Octets of content that the client has sent.
    octets: u64,
    /// The most of them that the route takes.
    bytes_max: u64,
    framed: Framed,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// The client waits to be told to send its content, by the upstream.
    Withheld,
    /// Content comes.
    Flowing,
    /// All is written.
    Ended,
    /// The upstream takes no more. It may have answered all the same.
    Refused,
}

/// How the content is framed to the upstream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Framed {
    /// There is none.
    Nothing,
    /// Its length was said.
    Sized,
    /// In chunks.
    Chunks,
}

/// Why a request does not come to its end.
pub(super) enum Halt {
    /// The client has gone.
    Gone,
    /// The client's content is at fault.
    Client(Failure),
    /// The upstream does not take it in time.
    Upstream(Cause),
}

impl Upload {
    /// A request whose head is written, with content framed like this.
    pub(super) fn new(framed: Framed, waits: Waits, bytes_max: u64) -> Self {
        let stage = match (framed, waits) {
            (Framed::Nothing, _) => Stage::Ended,
            (_, Waits::ForContinue) => Stage::Withheld,
            (_, Waits::Not) => Stage::Flowing,
        };
        Self { stage, octets: 0, bytes_max, framed, scratch: Vec::new() }
    }

    /// Whether none of the client's content has been taken.
    pub(super) const fn is_untouched(&self) -> bool {
        self.octets == 0
            && !matches!((self.framed, self.stage), (Framed::Sized | Framed::Chunks, Stage::Ended))
    }

    /// Whether the whole request has left.
    pub(super) fn is_over(&self, hop: &Hop) -> bool {
        match self.stage {
            Stage::Ended => hop.unsent_bytes() == 0,
            Stage::Refused => true,
            Stage::Withheld | Stage::Flowing => false,
        }
    }

    /// Whether the client waits for the upstream to invite its content.
    pub(super) fn waits(&self) -> bool {
        self.stage == Stage::Withheld
    }

    /// The upstream has invited the content.
    pub(super) fn invited(&mut self) {
        if self.stage == Stage::Withheld {
            self.stage = Stage::Flowing;
        }
    }

    /// Takes the request on, as far as it goes; ready when all of it has left, or no more is taken.
    pub(super) fn poll<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        gateway: &Gateway,
        hop: &mut Hop,
        carrier: &mut C,
    ) -> Poll<Result<(), Halt>> {
        loop {
            if self.stage == Stage::Refused {
                return Poll::Ready(Ok(()));
            }
            // It need not wait, and some don't.
            if self.stage == Stage::Withheld && carrier.begun() == Begun::Already {
                self.stage = Stage::Flowing;
            }
            if self.stage == Stage::Flowing && hop.unsent_bytes() < GATHERED_BYTES_MAX {
                match self.poll_more(cx, hop, carrier) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(halt)) => return Poll::Ready(Err(halt)),
                    Poll::Pending => {}
                }
            }
            if hop.unsent_bytes() == 0 {
                match self.stage {
                    Stage::Ended => return Poll::Ready(Ok(())),
                    Stage::Withheld => {
                        if carrier.poll_gone(cx).is_ready() {
                            return Poll::Ready(Err(Halt::Gone));
                        }
                        if carrier.begun() == Begun::NotYet {
                            return Poll::Pending;
                        }
                        continue;
                    }
                    Stage::Flowing | Stage::Refused => return Poll::Pending,
                }
            }
            let before = hop.unsent_bytes();
            match hop.poll_send(cx) {
                Poll::Ready(Ok(())) => hop.writes.clear(),
                Poll::Ready(Err(_)) => self.stage = Stage::Refused,
                Poll::Pending => {
                    if hop.unsent_bytes() != before || hop.writes.at().is_none() {
                        hop.writes.set_in(gateway.times.write);
                    }
                    ready!(hop.writes.poll_expired(cx));
                    return Poll::Ready(Err(Halt::Upstream(Cause::WriteLate)));
                }
            }
        }
    }

    /// Takes more content of the client, and writes it as the upstream is to see it.
    fn poll_more<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        hop: &mut Hop,
        carrier: &mut C,
    ) -> Poll<Result<(), Halt>> {
        let sized = self.framed == Framed::Sized;
        let into = if sized { &mut hop.output } else { &mut self.scratch };
        let before = into.len();
        let more = match ready!(carrier.poll_content(cx, into)) {
            Ok(more) => more,
            Err(Trouble::Gone) => return Poll::Ready(Err(Halt::Gone)),
            Err(Trouble::Fault(fault)) => {
                return Poll::Ready(Err(Halt::Client(Failure::Content(fault))));
            }
        };
        let count = into.len() - before;
        self.octets += count as u64;
        if self.octets > self.bytes_max {
            let excess = Excess { limit: self.bytes_max, seen: self.octets, wait_seconds: None };
            return Poll::Ready(Err(Halt::Client(Failure::TooLarge(excess))));
        }
        if sized {
            // What stands before and after it is nothing.
            hop.role.frame(count, &mut Vec::new());
        } else {
            hop.role.frame(count, &mut hop.output);
            hop.output.append(&mut self.scratch);
            hop.role.frame_end(count, &mut hop.output);
        }
        if more == More::No {
            let mut trailers = Vec::new();
            let head = carrier.request().fields;
            relay::trailers(head, carrier.trailers(), &mut trailers);
            hop.role.end_content(&trailers, &mut hop.output);
            self.stage = Stage::Ended;
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether the client waits to be invited (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Waits {
    /// For 100.
    ForContinue,
    /// It sends.
    Not,
}
