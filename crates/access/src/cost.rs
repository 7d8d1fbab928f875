//! What holding passwords against hashes may cost all together: else sending wrong ones would be a way to
//! take the processor from everybody.
//!
//! Two things bound it. The [`Gate`] lets so many be at it at once, and so many wait, of whom each client
//! can only be a few. And a client has an allowance of failures: whoever keeps the limits takes one of
//! [`FAILURES_A_MINUTE_MAX`] from it before the gate is entered, by the client's network, and gives it
//! back unless the credentials were [`Wrong`](crate::basic::Verification::Wrong). Taken beforehand, many
//! attempts at once are counted as well as one after the other.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use wherefore_message::network::client_key;

/// How many wrong passwords a minute a client may send before it has to wait, unless told otherwise.
pub const FAILURES_A_MINUTE_MAX: u32 = 10;

/// How many may be at it and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// At it at once: each keeps a worker busy and holds a hash's memory. None is as good as one.
    pub at_once_max: usize,
    /// Waiting for one of those.
    pub waiting_max: usize,
    /// Of both together, those of one client, an IPv6 network of 64 bits being one. None is as good as
    /// one.
    pub of_one_client_max: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { at_once_max: 2, waiting_max: 64, of_one_client_max: 4 }
    }
}

/// Lets a few in at a time, those that wait in their order.
#[derive(Debug)]
pub struct Gate {
    room: Room,
    inside: Mutex<Inside>,
}

/// Why somebody isn't even let wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// As many wait as there is room for.
    Full,
    /// This client has as many here as one may have.
    Client,
}

impl Gate {
    /// A gate with nobody at it.
    #[must_use]
    pub fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, inside: Mutex::default() })
    }

    /// Comes to the gate for this client. Dropping what is returned, or the place that it ends with,
    /// lets the next one in.
    ///
    /// # Errors
    ///
    /// If there is no room to wait.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Result<Entering, Crowded> {
        let client = client_key(client);
        let mut inside = self.lock();
        let all = inside.at_it.iter().chain(inside.waiting.iter().map(|waiter| &waiter.guest));
        if all.filter(|guest| guest.client == client).count() >= self.room.of_one_client_max.max(1)
        {
            return Err(Crowded::Client);
        }
        let guest = Guest { number: inside.next_number, client };
        if inside.at_it.len() < self.room.at_once_max.max(1) {
            inside.at_it.push(guest);
        } else if inside.waiting.len() < self.room.waiting_max {
            inside.waiting.push_back(Waiter { guest, waker: None });
        } else {
            return Err(Crowded::Full);
        }
        inside.next_number += 1;
        Ok(Entering(Some(Place { gate: Arc::clone(self), number: guest.number })))
    }

    /// Nothing is left half done where it is held, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits to be let in; ends with a [`Place`].
#[derive(Debug)]
#[must_use = "whoever doesn't wait gives up the place"]
pub struct Entering(Option<Place>);

impl Future for Entering {
    type Output = Place;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Place> {
        let Some(place) = self.0.take() else { return Poll::Pending };
        let mut inside = place.gate.lock();
        let waiting = inside.waiting.iter_mut().find(|waiter| waiter.guest.number == place.number);
        if let Some(waiter) = waiting {
            waiter.waker = Some(context.waker().clone());
            drop(inside);
            self.0 = Some(place);
            return Poll::Pending;
        }
        drop(inside);
        Poll::Ready(place)
    }
}

/// Leave to compute one hash; dropping it lets the next one in. It can go to another thread.
#[must_use = "dropped, it is given up"]
pub struct Place {
    gate: Arc<Gate>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        inside.waiting.retain(|waiter| waiter.guest.number != self.number);
        inside.at_it.retain(|guest| guest.number != self.number);
        let mut woken = None;
        if inside.at_it.len() < self.gate.room.at_once_max.max(1)
            && let Some(next) = inside.waiting.pop_front()
        {
            inside.at_it.push(next.guest);
            woken = next.waker;
        }
        drop(inside);
        // Not under the lock: a waker may do anything.
        woken.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.number).finish()
    }
}

/// Both lists are short: to look through them costs nothing beside a hash.
#[derive(Debug, Default)]
struct Inside {
    at_it: Vec<Guest>,
    waiting: VecDeque<Waiter>,
    next_number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Guest {
    number: u64,
    client: IpAddr,
}

#[derive(Debug)]
struct Waiter {
    guest: Guest,
    waker: Option<Waker>,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread::{self, Thread};

    use super::*;

    fn client(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    fn try_enter(entering: &mut Entering) -> Option<Place> {
        match Pin::new(entering).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_few_at_once_and_the_others_in_their_order() {
        let gate = Gate::new(Room { at_once_max: 2, waiting_max: 3, of_one_client_max: 1 });
        let mut all: Vec<_> = (0..5).map(|i| gate.enter(client(i)).unwrap()).collect();
        assert_eq!(gate.enter(client(5)).unwrap_err(), Crowded::Full);
        let mut places: Vec<_> = all.iter_mut().map(try_enter).collect();
        assert_eq!(
            places.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, true, false, false, false]
        );

        // The third is let in for the second, the fourth gives up, the fifth is let in for the first.
        drop(places[1].take());
        assert!(try_enter(&mut all[3]).is_none());
        places[2] = try_enter(&mut all[2]);
        assert!(places[2].is_some());
        drop(all.remove(3));
        drop(places[0].take());
        assert!(try_enter(&mut all[3]).is_some());
        // What was let in and never asked gives its place up all the same.
        drop(places);
        drop(all);
        assert!(gate.lock().at_it.is_empty() && gate.lock().waiting.is_empty());
    }

    #[test]
    fn one_client_does_not_fill_the_room() {
        let gate = Gate::new(Room { at_once_max: 1, waiting_max: 8, of_one_client_max: 2 });
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let same: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        let first = gate.enter(one).unwrap();
        let _second = gate.enter(same).unwrap();
        assert_eq!(gate.enter(one).unwrap_err(), Crowded::Client);
        assert!(gate.enter(client(1)).is_ok());
        drop(first);
        assert!(gate.enter(one).is_ok());
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_next_is_woken_once_it_is_let_in() {
        let gate = Gate::new(Room { at_once_max: 1, waiting_max: 2, of_one_client_max: 3 });
        let woken: [Arc<Woken>; 3] = Default::default();
        let counts = || woken.each_ref().map(|woken| woken.0.load(Ordering::SeqCst));
        let mut all = woken.each_ref().map(|woken| {
            let mut entering = gate.enter(client(1)).unwrap();
            let waker = Waker::from(Arc::clone(woken));
            let place = match Pin::new(&mut entering).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(place) => Some(place),
                Poll::Pending => None,
            };
            (entering, place)
        });
        assert_eq!(counts(), [0, 0, 0]);
        all[0].1 = None;
        assert_eq!(counts(), [0, 1, 0]);
        all[1].1 = try_enter(&mut all[1].0);
        assert!(all[1].1.is_some() && try_enter(&mut all[2].0).is_none());
    }

    struct Parked(Thread);

    impl Wake for Parked {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn wait_for(entering: Entering) -> Place {
        let waker = Waker::from(Arc::new(Parked(thread::current())));
        let mut entering = pin!(entering);
        loop {
            if let Poll::Ready(place) = entering.as_mut().poll(&mut Context::from_waker(&waker)) {
                return place;
            }
            thread::park();
        }
    }

    #[test]
    fn never_more_than_may_be_on_many_threads() {
        const AT_ONCE: usize = 3;
        let gate = Gate::new(Room { at_once_max: AT_ONCE, waiting_max: 8, of_one_client_max: 1 });
        let (now, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..8 {
                let (gate, now, most, done) = (&gate, &now, &most, &done);
                scope.spawn(move || {
                    for _ in 0..500 {
                        let place = wait_for(gate.enter(client(number)).unwrap());
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= AT_ONCE);
        assert_eq!(done.into_inner(), 8 * 500);
    }
}
