//! Requests that wait until a member has a place for them, first come, first served.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::upstreams::{Asked, NotChosen, Permit, Upstreams};

/// Those that wait. The lock is taken only where members have a limit, and somebody waits.
#[derive(Debug)]
pub(crate) struct Queue {
    places_max: usize,
    /// How many wait, to be read without the lock.
    waiting: AtomicUsize,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    next: u64,
    by_ticket: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    asked: Asked,
    waker: Option<Waker>,
    granted: Option<Permit>,
}

/// A place in the queue. Dropping it leaves the queue.
#[must_use = "a place that is dropped is given up"]
pub struct QueuePlace {
    upstreams: Arc<Upstreams>,
    ticket: u64,
}

impl QueuePlace {
    pub(crate) fn take(upstreams: &Arc<Upstreams>, asked: &Asked) -> Option<Self> {
        let queue = &upstreams.queue;
        let mut places = queue.lock();
        if places.by_ticket.len() >= queue.places_max {
            return None;
        }
        let ticket = places.next;
        places.next += 1;
        places.by_ticket.insert(ticket, Waiter { asked: *asked, waker: None, granted: None });
        queue.waiting.store(places.by_ticket.len(), Ordering::SeqCst);
        Some(Self { upstreams: upstreams.clone(), ticket })
    }

    /// Waits for a member. It is to be called once to begin with, and again when the waker was called; for how long
    /// is the caller's matter.
    ///
    /// # Errors
    /// [`NotChosen`] where it is no use to wait any longer, but never that all are busy.
    pub fn poll_permit(
        &mut self,
        asked: &Asked,
        context: &mut Context<'_>,
    ) -> Poll<Result<Permit, NotChosen>> {
        let granted =
            self.upstreams.queue.lock().by_ticket.get_mut(&self.ticket).and_then(|waiter| {
                waiter.asked = *asked;
                waiter.waker = Some(context.waker().clone());
                waiter.granted.take()
            });
        // What is given back from here on is handed to this place; what was before is found free.
        match granted.map_or_else(|| self.upstreams.choose(asked), Ok) {
            Err(NotChosen::AllBusy) => Poll::Pending,
            chosen => {
                self.leave();
                Poll::Ready(chosen)
            }
        }
    }

    fn leave(&self) {
        let queue = &self.upstreams.queue;
        let mut places = queue.lock();
        let waiter = places.by_ticket.remove(&self.ticket);
        queue.waiting.store(places.by_ticket.len(), Ordering::SeqCst);
        drop(places);
        // Not under the lock: what was granted and not taken goes to the next.
        drop(waiter);
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for QueuePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueuePlace({})", self.ticket)
    }
}

impl Queue {
    pub(crate) fn new(places_max: u32) -> Self {
        let places_max = usize::try_from(places_max).unwrap_or(usize::MAX);
        Self { places_max, waiting: AtomicUsize::new(0), places: Mutex::default() }
    }

    /// A place with a member has become free: the first that waits for such a one gets it.
    pub(crate) fn hand_on(&self, upstreams: &Arc<Upstreams>, index: usize) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut places = self.lock();
        let first = places
            .by_ticket
            .values_mut()
            .find(|waiter| waiter.granted.is_none() && !waiter.asked.tried.has(index));
        let Some(waiter) = first else { return };
        // It may be told another member than this one, if that is more its own.
        let Ok(permit) = upstreams.choose(&waiter.asked) else { return };
        waiter.granted = Some(permit);
        let waker = waiter.waker.take();
        drop(places);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Something else has changed: let all who wait look for themselves.
    pub(crate) fn wake_all(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut places = self.lock();
        let wakers: Vec<Waker> =
            places.by_ticket.values_mut().filter_map(|waiter| waiter.waker.take()).collect();
        drop(places);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
