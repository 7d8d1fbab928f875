//! One core's connections through `io_uring`: what many of them ask for in a turn of the loop goes to the kernel in
//! one call. The loop itself stays tokio's, which watches the ring's descriptor.

mod stream;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::net::unix::pipe;
use wherefore_ring::{More, Ring, Sizes};

use crate::notice::Seldom;

use stream::Pipe;
pub(crate) use stream::RingStream;

/// By what octets go to and from clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Io {
    /// A call for each read and each write, of sockets that are ready.
    #[default]
    Epoll,
    /// `io_uring`, or epoll where the kernel refuses that.
    IoUring,
}

/// Operations that a connection has under way at most: it receives, it sends, and each is being cancelled.
const OPERATIONS_A_CONNECTION: u64 = 4;
/// How long nothing is asked of a kernel that took nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// The ring of one core. Its [`CoreRing::run`] must run on that core.
#[derive(Debug)]
pub(crate) struct CoreRing {
    /// Its descriptor, watched as the end of a pipe would be.
    watched: pipe::Receiver,
    ring: RefCell<Ring<Pipe>>,
    /// Whether something was asked for since the last turn.
    is_asked: Cell<bool>,
    driver: RefCell<Option<Waker>>,
}

impl CoreRing {
    /// A ring for this core, if there is to be one and the kernel has it; else it is said why not.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn begin(io: Io, connections_max: u64) -> Option<Rc<Self>> {
        let operations_max = connections_max.saturating_mul(OPERATIONS_A_CONNECTION);
        let operations_max = u32::try_from(operations_max).unwrap_or(u32::MAX);
        match io {
            Io::Epoll => None,
            Io::IoUring => Self::of(Sizes { operations_max, ..Sizes::default() }),
        }
    }

    fn of(sizes: Sizes) -> Option<Rc<Self>> {
        // Each core meets the same.
        static REFUSED: Seldom = Seldom::every(Duration::from_secs(10));
        let made = Ring::new(sizes).and_then(|ring| {
            let descriptor = ring.as_fd().try_clone_to_owned()?;
            Ok(Self {
                watched: pipe::Receiver::from_owned_fd_unchecked(descriptor)?,
                ring: RefCell::new(ring),
                is_asked: Cell::new(false),
                driver: RefCell::default(),
            })
        });
        match made {
            Ok(ring) => Some(Rc::new(ring)),
            Err(error) => {
                REFUSED.say(format_args!("io_uring can't be used, and epoll is: {error}"));
                None
            }
        }
    }

    /// Takes turns, for ever. Unless more is asked for as something is handed on, a turn comes after all connections
    /// that the last one woke: they asked before it, and what they asked for is submitted in one call.
    pub(crate) async fn run(&self) {
        loop {
            match self.turn() {
                Ok(More::Later) => poll_fn(|cx| self.poll_due(cx)).await,
                Ok(More::Now) => after_the_others().await,
                Err(error) => {
                    // What was asked for is kept, and is asked again.
                    static FAILING: Seldom = Seldom::every(Duration::from_secs(10));
                    FAILING.say(format_args!("io_uring takes nothing for now: {error}"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Ready when something was asked for, or something is done.
    fn poll_due(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut due = if self.is_asked.get() { Poll::Ready(()) } else { Poll::Pending };
        let mut driver = self.driver.borrow_mut();
        if !driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *driver = Some(cx.waker().clone());
        }
        drop(driver);
        while let Poll::Ready(ready) = self.watched.poll_read_ready(cx) {
            if ready.is_err() {
                // The runtime ends.
                return Poll::Pending;
            }
            due = Poll::Ready(());
            // What comes from now on is told anew.
            drop(self.watched.try_io(|| Err::<(), _>(io::ErrorKind::WouldBlock.into())));
        }
        due
    }

    fn turn(&self) -> io::Result<More> {
        self.is_asked.set(false);
        let more = self.ring.borrow_mut().turn();
        loop {
            // Who is told may ask for more at once.
            let completed = self.ring.borrow_mut().completed();
            match completed {
                Some(completed) => stream::deliver(self, completed),
                None => return more,
            }
        }
    }

    /// Has a turn taken, soon.
    fn ask(&self) {
        if !self.is_asked.replace(true)
            && let Some(driver) = &*self.driver.borrow()
        {
            driver.wake_by_ref();
        }
    }
}

/// Lets all go first that are to have their turn already.
async fn after_the_others() {
    let mut is_first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut is_first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[cfg(test)]
mod tests;
