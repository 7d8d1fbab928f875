//! One connection to an upstream: the socket, the role that understands it, and what was read and is to be written.

use std::io;
use std::task::{Context, Poll, ready};

use wherefore_h1::{Client, ClientLimits};
use wherefore_message::Cause;
use wherefore_upstream::{Stream, broken_by};

use crate::buffer::{Buffer, Buffers};
use crate::clock::Millis;
use crate::core::Core;
use crate::wheel::Deadline;

/// A connection to an upstream. While it is idle it holds no buffers.
pub(crate) struct Hop {
    pub(super) stream: Stream,
    pub(super) role: Client,
    pub(super) input: Buffer,
    pub(super) output: Vec<u8>,
    /// How many octets of the output have left.
    sent: usize,
    /// By when the upstream has to have said something, or the client to have taken it.
    pub(super) reads: Deadline,
    /// By when the upstream has to have taken something.
    pub(super) writes: Deadline,
    /// How many exchanges it has carried before this one.
    pub(super) uses: u64,
    /// Since when it is idle.
    pub(super) idle_since: Millis,
}

impl Hop {
    /// A fresh connection.
    pub(super) fn new(stream: Stream, limits: &ClientLimits, core: &Core) -> Box<Self> {
        Box::new(Self {
            stream,
            role: Client::new(limits),
            input: core.buffers.take_read(),
            output: core.buffers.take_write(),
            sent: 0,
            reads: core.wheel.deadline(),
            writes: core.wheel.deadline(),
            uses: 0,
            idle_since: Millis(0),
        })
    }

    /// Gives its buffers back, for as long as it is idle.
    pub(super) fn rest(&mut self, buffers: &Buffers, now: Millis) {
        self.reads.clear();
        self.writes.clear();
        self.idle_since = now;
        self.uses += 1;
        self.sent = 0;
        buffers.give_read(std::mem::replace(&mut self.input, Buffer::with_room(0)));
        buffers.give_write(std::mem::take(&mut self.output));
    }

    /// Takes buffers for the next exchange.
    pub(super) fn wake(&mut self, buffers: &Buffers) {
        self.input = buffers.take_read();
        self.output = buffers.take_write();
    }

    /// How many octets are written and have not left.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Sends what is written, as far as the upstream takes it. Says how much that was with each call.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.output.len() {
            let rest = self.output.get(self.sent..).unwrap_or_default();
            let count = ready!(self.stream.poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.output.clear();
        self.sent = 0;
        self.stream.poll_flush(cx)
    }

    /// Reads what has come; 0 says that nothing more will.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<Result<usize, Cause>> {
        if self.input.make_room(bytes_max).is_err() {
            return Poll::Ready(Err(Cause::HeadTooLarge));
        }
        match ready!(self.stream.poll_read(cx, self.input.spare())) {
            Ok(count) => {
                self.input.filled(count);
                Poll::Ready(Ok(count))
            }
            Err(error) => Poll::Ready(Err(broken_by(&error))),
        }
    }
}
