//! Operations by tokens: who asked for one is known by its token, and a token is nobody else's for ever.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Sizes;
use crate::kernel::{Kernel, Raw};

/// Readable and writable, in poll(2).
const POLLIN: u32 = 1;
const POLLOUT: u32 = 4;

/// ENOBUFS.
const NO_BUFFER: i32 = rustix::io::Errno::NOBUFS.raw_os_error();

/// How many rings there were.
static RINGS: AtomicU64 = AtomicU64::new(0);

/// An operation that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    index: u32,
    generation: u32,
}

/// A buffer that is sent from, and is not in use. It belongs to the ring that gave it.
#[derive(Debug)]
pub struct Slot {
    ring: u64,
    index: u16,
}

/// Octets that came, in a buffer of the ring's. It goes back by [`Ring::give_back`].
#[derive(Debug)]
pub struct Received {
    ring: u64,
    buffer: u16,
    count: usize,
}

/// What came of an operation.
#[derive(Debug)]
pub enum Done {
    /// Octets came; none say that the peer sends no more.
    Received(Option<Received>),
    /// So many octets of the slot were taken, and it is free.
    Sent(io::Result<u32>, Slot),
    /// The socket is what was waited for: readable, or writable.
    Ready,
    /// It failed, or was cancelled.
    Failed(io::Error),
    /// Nothing was received, since all buffers are in use.
    NoBuffer,
}

/// An operation of which something came.
#[derive(Debug)]
pub struct Completed<S> {
    /// By what it was asked for.
    pub token: Token,
    /// On what.
    pub socket: Rc<S>,
    /// What came of it.
    pub done: Done,
    /// Whether nothing more comes of it.
    pub is_over: bool,
}

/// One thread's way to the kernel, for sockets that each stand in an `S`. Dropped, it cancels what is under way.
pub struct Ring<S> {
    // First: what is under way ends before its sockets are closed.
    kernel: Kernel,
    /// Its own number, by which it knows what is its own.
    id: u64,
    sizes: Sizes,
    operations: Vec<Operation<S>>,
    vacant: Vec<u32>,
    /// Unused slots; the last is the warmest.
    slots: Vec<u16>,
    done: VecDeque<Completed<S>>,
}

struct Operation<S> {
    generation: u32,
    act: Option<Act<S>>,
}

struct Act<S> {
    kind: Kind,
    /// Held open as long, so that its number is no other's when the operation is submitted.
    socket: Rc<S>,
}

#[derive(Clone, Copy)]
enum Kind {
    Receive,
    Send(u16),
    Poll,
}

impl<S: AsFd> Ring<S> {
    /// A ring of this thread's.
    ///
    /// # Errors
    /// If the kernel has none, refuses it, or lacks what it needs (Linux 6.1 has all), or the sizes can't be.
    pub fn new(sizes: Sizes) -> io::Result<Self> {
        Ok(Self {
            kernel: Kernel::new(sizes)?,
            id: RINGS.fetch_add(1, Ordering::Relaxed),
            sizes,
            operations: Vec::new(),
            vacant: Vec::new(),
            slots: (0..sizes.send_slots).rev().collect(),
            done: VecDeque::new(),
        })
    }

    /// Receives what comes, into a buffer of the ring's each time, until it is over: at the end of what comes, when all
    /// buffers are in use, or when it is cancelled. None if too many operations are under way.
    pub fn receive(&mut self, socket: &Rc<S>) -> Option<Token> {
        let token = self.begin(Kind::Receive, socket)?;
        self.kernel.receive(socket.as_fd().as_raw_fd(), token.user_data());
        Some(token)
    }

    /// A slot to send from, if one is free.
    pub fn take_slot(&mut self) -> Option<Slot> {
        self.slots.pop().map(|index| Slot { ring: self.id, index })
    }

    /// Gives back a slot that is not needed any more.
    ///
    /// # Panics
    /// If it is another ring's. So does whatever takes a slot, or what was received.
    pub fn give_slot(&mut self, slot: Slot) {
        self.own(slot.ring);
        self.slots.push(slot.index);
    }

    /// How many octets a slot has.
    #[must_use]
    pub const fn slot_bytes(&self) -> usize {
        self.sizes.send_bytes as usize
    }

    /// The octets of a slot.
    pub fn slot(&mut self, slot: &mut Slot) -> &mut [u8] {
        self.own(slot.ring);
        self.kernel.slot(slot.index)
    }

    /// Sends the octets of `slot` between `from` and `to`, or as many of them as are taken.
    ///
    /// # Errors
    /// With the slot, if too many operations are under way, or it has no such octets.
    pub fn send(
        &mut self,
        socket: &Rc<S>,
        slot: Slot,
        (from, to): (u32, u32),
    ) -> Result<Token, Slot> {
        self.own(slot.ring);
        if from > to || to > self.sizes.send_bytes {
            return Err(slot);
        }
        let Some(token) = self.begin(Kind::Send(slot.index), socket) else { return Err(slot) };
        self.kernel.send(socket.as_fd().as_raw_fd(), slot.index, (from, to), token.user_data());
        Ok(token)
    }

    /// Waits until the socket can be read from. None if too many operations are under way.
    pub fn wait_readable(&mut self, socket: &Rc<S>) -> Option<Token> {
        self.wait(socket, POLLIN)
    }

    /// Waits until the socket may take more. None if too many operations are under way.
    pub fn wait_writable(&mut self, socket: &Rc<S>) -> Option<Token> {
        self.wait(socket, POLLOUT)
    }

    fn wait(&mut self, socket: &Rc<S>, events: u32) -> Option<Token> {
        let token = self.begin(Kind::Poll, socket)?;
        self.kernel.poll(socket.as_fd().as_raw_fd(), events, token.user_data());
        Some(token)
    }

    /// Cancels an operation: it is done soon, in whatever way. Of one that is done already nothing is changed.
    pub fn cancel(&mut self, token: Token) {
        if self.is_under_way(token) {
            self.kernel.cancel(token.user_data());
        }
    }

    fn is_under_way(&self, token: Token) -> bool {
        self.operations.get(token.index as usize).is_some_and(|operation| {
            operation.generation == token.generation && operation.act.is_some()
        })
    }

    /// Submits all that was asked for in one call, and takes what is done. Says whether there is more to take.
    ///
    /// # Errors
    /// If the kernel takes nothing.
    pub fn turn(&mut self) -> io::Result<More> {
        let submitted = self.kernel.submit();
        while let Some(raw) = self.kernel.completion() {
            self.complete(&raw);
        }
        submitted?;
        Ok(if self.kernel.has_more() { More::Now } else { More::Later })
    }

    /// The next operation that is done.
    pub fn completed(&mut self) -> Option<Completed<S>> {
        self.done.pop_front()
    }

    /// What was received.
    #[must_use]
    pub fn octets(&self, received: &Received) -> &[u8] {
        self.own(received.ring);
        self.kernel.received(received.buffer, received.count)
    }

    /// Gives back the buffer of what was received, to be received into again.
    pub fn give_back(&mut self, received: Received) {
        self.own(received.ring);
        self.kernel.hand(received.buffer);
    }

    /// How many operations are under way.
    #[must_use]
    pub fn under_way(&self) -> u32 {
        self.kernel.under_way()
    }

    fn own(&self, ring: u64) {
        assert_eq!(ring, self.id, "it is another ring's");
    }

    fn begin(&mut self, kind: Kind, socket: &Rc<S>) -> Option<Token> {
        if self.kernel.under_way() >= self.sizes.operations_max {
            return None;
        }
        let act = Some(Act { kind, socket: Rc::clone(socket) });
        let index = match self.vacant.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.operations.len()).ok()?;
                self.operations.push(Operation { generation: 0, act: None });
                index
            }
        };
        let operation = self.operations.get_mut(index as usize)?;
        operation.act = act;
        Some(Token { index, generation: operation.generation })
    }

    fn complete(&mut self, raw: &Raw) {
        let token = Token::of(raw.token);
        if !self.is_under_way(token) {
            return raw.buffer.into_iter().for_each(|buffer| self.kernel.hand(buffer));
        }
        let Some(operation) = self.operations.get_mut(token.index as usize) else { return };
        let Some(Act { kind, socket }) = operation.act.take() else { return };
        if raw.is_over {
            // The last generation of an index is never given, so that none comes twice.
            operation.generation += 1;
            if operation.generation < u32::MAX - 1 {
                self.vacant.push(token.index);
            }
        } else {
            operation.act = Some(Act { kind, socket: Rc::clone(&socket) });
        }
        let count =
            u32::try_from(raw.result).map_err(|_| io::Error::from_raw_os_error(-raw.result));
        if count.is_err() {
            // Nothing came into it.
            raw.buffer.into_iter().for_each(|buffer| self.kernel.hand(buffer));
        }
        let done = match (kind, count) {
            (Kind::Send(slot), sent) => Done::Sent(sent, Slot { ring: self.id, index: slot }),
            (Kind::Receive, Ok(count)) => self.received(raw, count as usize),
            (Kind::Poll, Ok(_)) => Done::Ready,
            (Kind::Receive, Err(error)) if error.raw_os_error() == Some(NO_BUFFER) => {
                Done::NoBuffer
            }
            (Kind::Receive | Kind::Poll, Err(error)) => Done::Failed(error),
        };
        self.done.push_back(Completed { token, socket, done, is_over: raw.is_over });
    }

    fn received(&mut self, raw: &Raw, count: usize) -> Done {
        let Some(buffer) = raw.buffer else { return Done::Received(None) };
        let received = Received { ring: self.id, buffer, count };
        if count > 0 {
            return Done::Received(Some(received));
        }
        self.give_back(received);
        Done::Received(None)
    }
}

/// Whether the kernel has more to say at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// It has: take the next turn without waiting.
    Now,
    /// The ring's descriptor changes once it has.
    Later,
}

impl Token {
    const fn user_data(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    const fn of(user_data: u64) -> Self {
        Self { index: user_data as u32, generation: (user_data >> 32) as u32 }
    }
}

/// A descriptor for those who are told of changes alone: it is readable from the first on, and changes when there is
/// something to take.
impl<S> AsFd for Ring<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kernel.as_fd()
    }
}

impl<S> fmt::Debug for Ring<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("under_way", &self.kernel.under_way()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
