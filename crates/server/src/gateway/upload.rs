//! The request on its way to the upstream: its head, then its content as it comes from the client, never more of it in
//! memory than the upstream is about to take.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use wherefore_decide::act::{Begun, Failure};
use wherefore_decide::content::Excess;
use wherefore_gateway::forward::Waits;
use wherefore_gateway::relay;
use wherefore_h1::Outgoing;
use wherefore_message::Cause;

use super::Gateway;
use super::hop::Hop;
use crate::carrier::{Carrier, More, Trouble};
use crate::turn::after_the_loop;

/// So much content is gathered before it is sent, in octets.
const GATHERED_BYTES_MAX: usize = 16 << 10;
/// So much is passed on in one turn of a core's loop, in octets: then others have theirs.
const TURN_BYTES_MAX: u64 = 512 << 10;

/// How far a request has come on its way.
#[derive(Debug)]
pub(super) struct Upload {
    stage: Stage,
    /// Octets of content that the client has sent.
    octets: u64,
    /// The most of them that the route takes.
    bytes_max: u64,
    framed: Framed,
    /// How many of the octets can be had again.
    kept_bytes: u64,
    scratch: Vec<u8>,
}

/// The beginning of a request's content, read before an upstream is asked: it can be sent to another one, too.
#[derive(Debug, Default)]
pub(super) struct Kept {
    content: Vec<u8>,
    /// The lines of its trailers, if it is all of the content.
    end: Option<Vec<u8>>,
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

impl Kept {
    /// Reads content up to so many octets, and a little more. What is longer as it says is not read at all, nor what
    /// the upstream has to invite.
    pub(super) async fn read<C: Carrier>(
        carrier: &mut C,
        (content, waits): (Outgoing, Waits),
        kept_bytes_max: usize,
        bytes_max: u64,
    ) -> Result<Self, Halt> {
        let mut kept = Self::default();
        let is_short = match content {
            Outgoing::None | Outgoing::Sized(0) => false,
            Outgoing::Sized(length) => length <= kept_bytes_max as u64,
            Outgoing::Streamed => true,
        };
        if !is_short || waits == Waits::ForContinue {
            return Ok(kept);
        }
        while kept.content.len() < kept_bytes_max || content != Outgoing::Streamed {
            let more = poll_fn(|cx| poll_content(cx, carrier, &mut kept.content)).await?;
            within(kept.content.len() as u64, bytes_max)?;
            if more == More::No {
                kept.end = Some(trailers(carrier));
                break;
            }
        }
        Ok(kept)
    }
}

impl Kept {
    /// Whether all of the content is kept.
    pub(super) const fn is_whole(&self) -> bool {
        self.end.is_some()
    }
}

impl Upload {
    /// A request whose head is written, with content framed like this.
    pub(super) fn new(framed: Framed, waits: Waits, bytes_max: u64) -> Self {
        let stage = match (framed, waits) {
            (Framed::Nothing, _) => Stage::Ended,
            (_, Waits::ForContinue) => Stage::Withheld,
            (_, Waits::Not) => Stage::Flowing,
        };
        Self { stage, octets: 0, bytes_max, framed, kept_bytes: 0, scratch: Vec::new() }
    }

    /// Writes what is kept of the content behind the head.
    pub(super) fn begin(&mut self, kept: &Kept, hop: &mut Hop) {
        self.octets = kept.content.len() as u64;
        self.kept_bytes = self.octets;
        if !kept.content.is_empty() {
            let octets = kept.content.len();
            hop.role.frame(octets, &mut hop.output);
            hop.output.extend_from_slice(&kept.content);
            hop.role.frame_end(octets, &mut hop.output);
        }
        if let Some(trailers) = &kept.end {
            hop.role.end_content(trailers, &mut hop.output);
            self.stage = Stage::Ended;
            self.kept_bytes = u64::MAX;
        }
    }

    /// Whether none of the client's content has been taken that can't be had again.
    pub(super) const fn is_untouched(&self) -> bool {
        let is_taken = self.octets > self.kept_bytes
            || matches!((self.framed, self.stage), (Framed::Sized | Framed::Chunks, Stage::Ended));
        !is_taken || self.kept_bytes == u64::MAX
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
    #[inline]
    pub(super) fn poll<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        gateway: &Gateway,
        hop: &mut Hop,
        carrier: &mut C,
    ) -> Poll<Result<(), Halt>> {
        // It has left long before the answer is over.
        if self.is_over(hop) {
            return Poll::Ready(Ok(()));
        }
        self.poll_on(cx, gateway, hop, carrier)
    }

    fn poll_on<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        gateway: &Gateway,
        hop: &mut Hop,
        carrier: &mut C,
    ) -> Poll<Result<(), Halt>> {
        let before = self.octets;
        loop {
            if self.stage == Stage::Refused {
                return Poll::Ready(Ok(()));
            }
            if self.octets - before > TURN_BYTES_MAX {
                after_the_loop(cx);
                return Poll::Pending;
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
        let more = ready!(poll_content(cx, carrier, into))?;
        let count = into.len() - before;
        self.octets += count as u64;
        within(self.octets, self.bytes_max)?;
        if sized {
            // What stands before and after it is nothing.
            hop.role.frame(count, &mut Vec::new());
        } else {
            hop.role.frame(count, &mut hop.output);
            hop.output.append(&mut self.scratch);
            hop.role.frame_end(count, &mut hop.output);
        }
        if more == More::No {
            hop.role.end_content(&trailers(carrier), &mut hop.output);
            self.stage = Stage::Ended;
        }
        Poll::Ready(Ok(()))
    }
}

fn poll_content<C: Carrier>(
    cx: &mut Context<'_>,
    carrier: &mut C,
    into: &mut Vec<u8>,
) -> Poll<Result<More, Halt>> {
    Poll::Ready(ready!(carrier.poll_content(cx, into)).map_err(|trouble| match trouble {
        Trouble::Gone => Halt::Gone,
        Trouble::Fault(fault) => Halt::Client(Failure::Content(fault)),
    }))
}

/// Whether so much content is what the route takes.
fn within(octets: u64, bytes_max: u64) -> Result<(), Halt> {
    if octets <= bytes_max {
        return Ok(());
    }
    let excess = Excess { limit: bytes_max, seen: octets, wait_seconds: None };
    Err(Halt::Client(Failure::TooLarge(excess)))
}

/// The lines of the trailers that the upstream is sent.
fn trailers<C: Carrier>(carrier: &C) -> Vec<u8> {
    let mut lines = Vec::new();
    relay::trailers(carrier.request().fields, carrier.trailers(), &mut lines);
    lines
}
