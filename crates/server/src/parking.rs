//! Where connections wait on which nothing is under way: each is an entry in a table, and no task.
//!
//! The kernel watches all of them for one descriptor, and that is what the loop watches. A connection on which
//! something comes is taken out, and served anew; one that the client closes, or on which nothing comes for too long,
//! is closed here. Elsewhere than on Linux nothing is parked: each connection waits in its task.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::yield_now;

use crate::admission::Admitted;
use crate::clock::{Clock, Millis};
use crate::core::{Arrival, Before, Brought};
use crate::listen::Opening;
use crate::wheel::{Deadline, Wheel};

#[cfg_attr(target_os = "linux", path = "parking/epoll.rs")]
#[cfg_attr(not(target_os = "linux"), path = "parking/none.rs")]
mod set;
mod table;

use set::{End, Found, Set, told};
use table::Table;

/// How many connections are woken before they have their turn: as many as the loop wakes of those that it watches.
const WOKEN_MAX: usize = 1024;
/// How many connections whose time is over are closed before others have their turn.
const CLOSED_MAX: usize = 64;

/// The connections of one core that wait without a task. They are no more than the limit `connections` allows, since
/// each keeps the place that it was admitted to.
#[derive(Debug)]
pub struct Lot {
    clock: Rc<Clock>,
    set: Set,
    table: RefCell<Table<Parked>>,
    /// When the one that has waited longest is over, or earlier.
    deadline: Deadline,
    is_closed: Cell<bool>,
}

/// A connection with nothing under way.
#[derive(Debug)]
pub struct Parked {
    /// The connection. It does not block, and the loop does not watch it.
    pub stream: TcpStream,
    /// Its other end.
    pub peer: SocketAddr,
    /// Its place among the connections.
    pub admitted: Admitted,
    /// Whether it was here before.
    pub before: Before,
    /// What has come on it so far.
    pub brought: Brought,
    /// Since when nothing happens on it.
    pub since: Millis,
}

/// What has happened in a lot.
enum Happened {
    /// It takes no more.
    End,
    /// Something came on connections, or they ended.
    Found,
    /// One has waited too long.
    Due,
}

impl Lot {
    /// An empty lot, whose deadlines are on `wheel`.
    ///
    /// # Errors
    /// If the system has no descriptor for it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(clock: Rc<Clock>, wheel: &Rc<Wheel>) -> io::Result<Self> {
        Ok(Self {
            clock,
            set: Set::new()?,
            table: RefCell::default(),
            deadline: wheel.deadline(),
            is_closed: Cell::new(false),
        })
    }

    /// Whether connections are parked at all: there are systems where they are not, and at its end it takes none.
    #[must_use]
    pub fn takes(&self) -> bool {
        Set::WATCHES && !self.is_closed.get()
    }

    /// How many wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.table.borrow().count()
    }

    /// Has a connection wait until something comes on it, at most for `idle_time` since it fell silent. If it can't, the
    /// connection is closed.
    pub fn park(&self, parked: Parked, idle_time: Duration) {
        if !self.takes() {
            return;
        }
        let due = parked.since.after(idle_time);
        let mut table = self.table.borrow_mut();
        let token = table.put(parked, due);
        let Some(parked) = table.parked(token) else { return };
        if self.set.arm(&parked.stream, parked.before, token).is_err() {
            // There is no memory, or it has as many as it may have.
            drop(table.take(token));
            return;
        }
        if self.deadline.at().is_none()
            && let Some(due) = table.first_due()
        {
            self.deadline.set(due);
        }
    }

    /// Wakes and closes connections until `poll_end` says that it is enough; those that are left then are closed. What
    /// is woken is handed to `wake`.
    pub(crate) async fn run(
        &self,
        mut poll_end: impl FnMut(&mut Context<'_>) -> Poll<()>,
        mut wake: impl FnMut(Arrival, Admitted),
    ) {
        let mut found = Vec::with_capacity(WOKEN_MAX);
        loop {
            let happened = poll_fn(|cx| match poll_end(cx) {
                Poll::Ready(()) => Poll::Ready(Happened::End),
                Poll::Pending => self.poll_happened(cx, &mut found),
            });
            match happened.await {
                Happened::End => break,
                Happened::Found => {
                    let may_be_more = found.len() >= WOKEN_MAX;
                    self.wake(&mut found, &mut wake);
                    if !may_be_more {
                        continue;
                    }
                }
                Happened::Due => self.close_due(),
            }
            yield_now().await;
        }
        self.is_closed.set(true);
        // On some a request may have come that nobody has looked at yet.
        while let Ok(()) = self.set.look(&mut found)
            && !found.is_empty()
        {
            self.wake(&mut found, &mut wake);
        }
        drop(self.table.take());
    }

    fn poll_happened(&self, cx: &mut Context<'_>, found: &mut Vec<Found>) -> Poll<Happened> {
        if self.deadline.poll_expired(cx).is_ready() {
            return Poll::Ready(Happened::Due);
        }
        match ready!(self.set.poll_look(cx, found)) {
            Ok(()) => Poll::Ready(Happened::Found),
            // The loop itself has ended.
            Err(_) => Poll::Ready(Happened::End),
        }
    }

    /// Those on which something came leave the lot to be served, and those that ended are closed.
    fn wake(&self, found: &mut Vec<Found>, wake: &mut impl FnMut(Arrival, Admitted)) {
        let now = self.clock.now();
        for found in found.drain(..) {
            let (token, end) = told(&found);
            // What is said of one that has left since is said to nobody.
            let Some(parked) = self.take(|table| table.take(token)) else { continue };
            let Parked { stream, peer, admitted, brought, since, .. } = parked;
            if end == End::Near && has_ended(&stream) {
                continue;
            }
            let before = Before::Parked { silence: now.since(since), brought };
            wake(Arrival { stream, peer, opening: Opening::Request, before }, admitted);
        }
    }

    /// Takes one out. When few are left of many, some of them may get other places.
    fn take(&self, one: impl FnOnce(&mut Table<Parked>) -> Option<Parked>) -> Option<Parked> {
        let mut table = self.table.borrow_mut();
        let taken = one(&mut table)?;
        table.shrink(|parked, token| self.set.rearm(&parked.stream, token));
        Some(taken)
    }

    /// Closes those that have waited too long, some at a time.
    fn close_due(&self) {
        let now = self.clock.now();
        let first_due = || self.table.borrow().first_due();
        for _ in 0..CLOSED_MAX {
            match first_due() {
                Some(due) if due <= now => drop(self.take(Table::take_first)),
                _ => break,
            }
        }
        match first_due() {
            Some(due) => self.deadline.set(due),
            None => self.deadline.clear(),
        }
    }
}

/// Whether nothing is left to be read before the end of the connection. An end may follow a request.
fn has_ended(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
