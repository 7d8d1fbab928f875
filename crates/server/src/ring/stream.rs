//! One connection on its core's ring. It has a receive under way, and no buffer while it waits.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use wherefore_ring::{Completed, Done, Received, Ring, Slot, Token};

use super::CoreRing;
use crate::socket::{now, receive, send_both};

/// How many buffers of octets that it does not take a connection has, before no more are received for it. A few more
/// may come meanwhile.
const CAME_MAX: usize = 2;
/// From how many octets at once on they are better read from the socket: as many as a buffer has.
const MUCH_BYTES: usize = 4 << 10;
/// What an operation ends with that was cancelled.
const CANCELLED: i32 = rustix::io::Errno::CANCELED.raw_os_error();

/// What octets go through: its socket, and how far both directions are. Operations hold it until they are done.
#[derive(Debug)]
pub(super) struct Pipe {
    stream: TcpStream,
    flow: RefCell<Flow>,
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[derive(Debug)]
struct Flow {
    receiving: Receiving,
    /// What came and was not taken, and how much of the first was.
    came: VecDeque<Received>,
    taken: usize,
    incoming: Incoming,
    /// Whether so much comes that it is better read from the socket.
    is_much: bool,
    reader: Option<Waker>,
    outgoing: Outgoing,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiving {
    /// Nothing is asked for.
    Nothing,
    /// What comes is received.
    All(Token),
    /// It was, and this is about to end: more came than is taken.
    Ending(Token),
    /// It is waited until the socket can be read from.
    Awaited(Token),
    /// It can.
    Readable,
}

#[derive(Debug)]
enum Incoming {
    /// More may come.
    Open,
    /// None comes any more.
    Ended,
    /// The connection broke, which nobody was told yet.
    Failed(io::Error),
}

#[derive(Debug)]
enum Outgoing {
    /// Nothing is on its way.
    Nothing,
    /// Octets of a slot are, from one place to another.
    Sent(Token, (u32, u32)),
    /// It is waited for room.
    Full(Token),
    /// The connection broke, which nobody was told yet.
    Failed(io::Error),
}

/// A connection on a ring. Dropped, it is closed as soon as what is under way is cancelled.
#[derive(Debug)]
pub(crate) struct RingStream {
    core: Rc<CoreRing>,
    pipe: Rc<Pipe>,
}

impl RingStream {
    pub(crate) fn new(core: Rc<CoreRing>, stream: TcpStream) -> Self {
        let flow = RefCell::new(Flow {
            receiving: Receiving::Nothing,
            came: VecDeque::new(),
            taken: 0,
            incoming: Incoming::Open,
            is_much: false,
            reader: None,
            outgoing: Outgoing::Nothing,
            writer: None,
        });
        Self { core, pipe: Rc::new(Pipe { stream, flow }) }
    }

    /// The socket itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.pipe.stream
    }

    /// Ready when there is something to read, or nothing more will come.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut flow = self.pipe.flow.borrow_mut();
        self.poll_incoming(cx, &mut flow)
    }

    /// As [`crate::socket::Socket::poll_read`].
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if room.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut flow = self.pipe.flow.borrow_mut();
        loop {
            ready!(self.poll_incoming(cx, &mut flow))?;
            if let Some(count) = self.take(&mut flow, room) {
                return Poll::Ready(Ok(count));
            }
            match mem::replace(&mut flow.incoming, Incoming::Ended) {
                Incoming::Open => flow.incoming = Incoming::Open,
                Incoming::Ended => return Poll::Ready(Ok(0)),
                Incoming::Failed(error) => return Poll::Ready(Err(error)),
            }
            match now(|| receive(self.pipe.as_fd(), room)) {
                None => flow.receiving = Receiving::Nothing,
                Some(Ok(0)) => flow.incoming = Incoming::Ended,
                Some(Ok(count)) => {
                    flow.is_much = count >= MUCH_BYTES;
                    if count < room.len() {
                        flow.receiving = Receiving::Nothing;
                    }
                    return Poll::Ready(Ok(count));
                }
                Some(Err(error)) => flow.incoming = Incoming::Failed(error),
            }
        }
    }

    /// Has what comes received, if it is not. Ready when there are octets, or none come any more.
    fn poll_incoming(&self, cx: &mut Context<'_>, flow: &mut Flow) -> Poll<io::Result<()>> {
        let is_there = !flow.came.is_empty() || flow.receiving == Receiving::Readable;
        if is_there || !matches!(flow.incoming, Incoming::Open) {
            return Poll::Ready(Ok(()));
        }
        if flow.receiving == Receiving::Nothing {
            let mut ring = self.core.ring.borrow_mut();
            flow.receiving = if flow.is_much {
                ring.wait_readable(&self.pipe).map(Receiving::Awaited)
            } else {
                ring.receive(&self.pipe).map(Receiving::All)
            }
            .ok_or(io::ErrorKind::OutOfMemory)?;
            drop(ring);
            self.core.ask();
        }
        note(&mut flow.reader, cx);
        Poll::Pending
    }

    /// Takes what there is room for of the first octets that came.
    fn take(&self, flow: &mut Flow, room: &mut [u8]) -> Option<usize> {
        let received = flow.came.front()?;
        let mut ring = self.core.ring.borrow_mut();
        let left = ring.octets(received).get(flow.taken..).unwrap_or_default();
        let count = left.len().min(room.len());
        room[..count].copy_from_slice(&left[..count]);
        flow.taken += count;
        if count == left.len()
            && let Some(taken) = flow.came.pop_front()
        {
            flow.taken = 0;
            ring.give_back(taken);
        }
        Some(count)
    }

    /// As [`crate::socket::Socket::poll_write_all`]. Few octets count as sent when they stand in a slot: they leave
    /// with those of other connections, at the end of the loop's turn.
    pub(crate) fn poll_write_all(
        &self,
        cx: &mut Context<'_>,
        head: &[u8],
        content: &[u8],
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        let mut flow = self.pipe.flow.borrow_mut();
        loop {
            let head_left = head.get(*sent..).unwrap_or_default();
            let content_left = content.get(sent.saturating_sub(head.len())..).unwrap_or_default();
            let left = head_left.len() + content_left.len();
            if left == 0 {
                return Poll::Ready(Ok(()));
            }
            ready!(poll_outgoing(cx, &mut flow))?;
            if self.send(&mut flow, head_left, content_left) {
                *sent += left;
                return Poll::Ready(Ok(()));
            }
            let both = [IoSlice::new(head_left), IoSlice::new(content_left)];
            match now(|| send_both(self.pipe.as_fd(), &both)) {
                Some(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Some(written) => *sent += written?,
                None => self.wait_for_room(&mut flow)?,
            }
        }
    }

    /// Sends by a slot. False if it is too much for one, or none is free.
    fn send(&self, flow: &mut Flow, head: &[u8], content: &[u8]) -> bool {
        let mut ring = self.core.ring.borrow_mut();
        let count = head.len() + content.len();
        if count > ring.slot_bytes() {
            return false;
        }
        let Some(mut slot) = ring.take_slot() else { return false };
        let room = ring.slot(&mut slot);
        room[..head.len()].copy_from_slice(head);
        room[head.len()..count].copy_from_slice(content);
        let is_sent = send_from(&mut ring, &self.pipe, flow, slot, (0, count as u32));
        drop(ring);
        self.core.ask();
        is_sent
    }

    fn wait_for_room(&self, flow: &mut Flow) -> io::Result<()> {
        let asked = self.core.ring.borrow_mut().wait_writable(&self.pipe);
        flow.outgoing = Outgoing::Full(asked.ok_or(io::ErrorKind::OutOfMemory)?);
        self.core.ask();
        Ok(())
    }

    /// Does `write`, which does not block, behind all that was sent before, and when there is room.
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let mut flow = self.pipe.flow.borrow_mut();
        loop {
            ready!(poll_outgoing(cx, &mut flow))?;
            match now(|| write(self.pipe.as_fd())) {
                Some(written) => return Poll::Ready(written),
                None => self.wait_for_room(&mut flow)?,
            }
        }
    }

    /// Ready when the kernel has all that was sent.
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_outgoing(cx, &mut self.pipe.flow.borrow_mut())
    }

    /// How much of what counts as sent the kernel does not have.
    pub(crate) fn unsent_bytes(&self) -> usize {
        match self.pipe.flow.borrow().outgoing {
            Outgoing::Sent(_, (from, to)) => (to - from) as usize,
            Outgoing::Nothing | Outgoing::Full(_) | Outgoing::Failed(_) => 0,
        }
    }

    /// As [`crate::socket::Socket::poll_quiet`].
    pub(crate) fn poll_quiet(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut flow = self.pipe.flow.borrow_mut();
        let has_come = !flow.came.is_empty() || !matches!(flow.incoming, Incoming::Open);
        match flow.receiving {
            _ if has_come || !matches!(flow.outgoing, Outgoing::Nothing) => {
                return Poll::Ready(false);
            }
            Receiving::Readable => return Poll::Ready(false),
            Receiving::Nothing => return Poll::Ready(true),
            Receiving::All(token) | Receiving::Awaited(token) => {
                flow.receiving = Receiving::Ending(token);
                self.core.ring.borrow_mut().cancel(token);
                self.core.ask();
            }
            Receiving::Ending(_) => {}
        }
        note(&mut flow.reader, cx);
        Poll::Pending
    }

    /// The socket, if nothing is under way on it.
    pub(crate) fn into_stream(self) -> Option<TcpStream> {
        let pipe = Rc::clone(&self.pipe);
        drop(self);
        Rc::into_inner(pipe).map(|pipe| pipe.stream)
    }

    /// Says that nothing more is sent, behind all that was.
    pub(crate) fn poll_shutdown_write(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_sent(cx))?;
        Poll::Ready(self.pipe.stream.shutdown(Shutdown::Write))
    }
}

impl Drop for RingStream {
    fn drop(&mut self) {
        let mut flow = self.pipe.flow.borrow_mut();
        let mut ring = self.core.ring.borrow_mut();
        let mut is_asked = false;
        match mem::replace(&mut flow.receiving, Receiving::Nothing) {
            Receiving::All(token) | Receiving::Awaited(token) => {
                ring.cancel(token);
                is_asked = true;
            }
            Receiving::Ending(_) | Receiving::Nothing | Receiving::Readable => {}
        }
        flow.came.drain(..).for_each(|received| ring.give_back(received));
        match mem::replace(&mut flow.outgoing, Outgoing::Nothing) {
            Outgoing::Sent(token, _) | Outgoing::Full(token) => {
                ring.cancel(token);
                is_asked = true;
            }
            Outgoing::Nothing | Outgoing::Failed(_) => {}
        }
        drop(ring);
        if is_asked {
            self.core.ask();
        }
    }
}

/// Ready when nothing is on its way any more, or the connection broke.
fn poll_outgoing(cx: &mut Context<'_>, flow: &mut Flow) -> Poll<io::Result<()>> {
    match mem::replace(&mut flow.outgoing, Outgoing::Nothing) {
        Outgoing::Nothing => Poll::Ready(Ok(())),
        Outgoing::Failed(error) => Poll::Ready(Err(error)),
        waits @ (Outgoing::Sent(..) | Outgoing::Full(_)) => {
            flow.outgoing = waits;
            note(&mut flow.writer, cx);
            Poll::Pending
        }
    }
}

/// Sends the octets of a slot. False if nothing more can be asked for.
fn send_from(
    ring: &mut Ring<Pipe>,
    pipe: &Rc<Pipe>,
    flow: &mut Flow,
    slot: Slot,
    span: (u32, u32),
) -> bool {
    match ring.send(pipe, slot, span) {
        Ok(token) => {
            flow.outgoing = Outgoing::Sent(token, span);
            true
        }
        Err(slot) => {
            ring.give_slot(slot);
            false
        }
    }
}

/// Takes note of what came of an operation, and wakes who waits for it. Of a connection that was dropped nobody does.
pub(super) fn deliver(core: &CoreRing, completed: Completed<Pipe>) {
    let Completed { token, socket: pipe, done, is_over } = completed;
    let mut flow = pipe.flow.borrow_mut();
    let is_incoming = match flow.receiving {
        Receiving::All(asked) | Receiving::Ending(asked) | Receiving::Awaited(asked) => {
            asked == token
        }
        Receiving::Nothing | Receiving::Readable => false,
    };
    let woken = match done {
        Done::Sent(sent, slot) => {
            delivered_sent(core, &pipe, &mut flow, (token, slot), sent);
            // Who waits is to see that something was taken, also if not all was.
            flow.writer.take()
        }
        done if is_incoming => {
            delivered_incoming(core, &mut flow, (token, is_over), done);
            flow.reader.take()
        }
        Done::Received(received) => {
            let mut ring = core.ring.borrow_mut();
            received.into_iter().for_each(|received| ring.give_back(received));
            None
        }
        Done::Ready | Done::Failed(_) | Done::NoBuffer => {
            if matches!(flow.outgoing, Outgoing::Full(asked) if asked == token) {
                flow.outgoing = match done {
                    Done::Failed(error) => Outgoing::Failed(error),
                    _ => Outgoing::Nothing,
                };
            }
            flow.writer.take()
        }
    };
    drop(flow);
    if let Some(waker) = woken {
        waker.wake();
    }
}

fn delivered_incoming(
    core: &CoreRing,
    flow: &mut Flow,
    (token, is_over): (Token, bool),
    done: Done,
) {
    let was_ending = flow.receiving == Receiving::Ending(token);
    if is_over {
        flow.receiving = Receiving::Nothing;
    }
    match done {
        Done::Received(Some(received)) => {
            flow.came.push_back(received);
            if flow.came.len() >= CAME_MAX && flow.receiving == Receiving::All(token) {
                flow.receiving = Receiving::Ending(token);
                flow.is_much = true;
                core.ring.borrow_mut().cancel(token);
                core.ask();
            }
        }
        Done::Received(None) => flow.incoming = Incoming::Ended,
        Done::Ready => flow.receiving = Receiving::Readable,
        // They are others': the socket has room for what comes.
        Done::NoBuffer => flow.is_much = true,
        Done::Failed(error) if was_ending && error.raw_os_error() == Some(CANCELLED) => {}
        Done::Failed(error) => flow.incoming = Incoming::Failed(error),
        Done::Sent(..) => {}
    }
}

/// What is left of a slot is sent on.
fn delivered_sent(
    core: &CoreRing,
    pipe: &Rc<Pipe>,
    flow: &mut Flow,
    (token, slot): (Token, Slot),
    sent: io::Result<u32>,
) {
    let mut ring = core.ring.borrow_mut();
    let span = match flow.outgoing {
        Outgoing::Sent(asked, span) if asked == token => span,
        // Nobody is there any more.
        _ => return ring.give_slot(slot),
    };
    let left = match sent {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        sent => sent.map(|count| (span.0.saturating_add(count), span.1)),
    };
    match left {
        Ok((from, to)) if from < to => {
            if !send_from(&mut ring, pipe, flow, slot, (from, to)) {
                flow.outgoing = Outgoing::Failed(io::ErrorKind::OutOfMemory.into());
            }
            drop(ring);
            core.ask();
        }
        Ok(_) => {
            flow.outgoing = Outgoing::Nothing;
            ring.give_slot(slot);
        }
        Err(error) => {
            flow.outgoing = Outgoing::Failed(error);
            ring.give_slot(slot);
        }
    }
}

fn note(waker: &mut Option<Waker>, cx: &Context<'_>) {
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *waker = Some(cx.waker().clone());
    }
}
