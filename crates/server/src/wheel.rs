//! The deadlines of all connections of a core, behind one timer.
//!
//! A wheel of slots, one a tick. A deadline stands in at most one slot, never later than it is due.
//! Putting it off, which every request does several times, only stores the new moment: when its slot
//! comes up, it is moved to where it then belongs. Where nothing is registered, nothing ticks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::clock::{Clock, Millis};

/// How late a deadline may be noticed, in milliseconds.
pub const TICK_MILLIS: u64 = 100;

/// Ticks in a turn of the wheel: 51 seconds. A later deadline stays in its slot for several turns.
const SLOTS: u64 = 512;

/// The tick of a deadline that stands in no slot.
const NO_TICK: u64 = u64::MAX;

/// The wheel of one core. Its [`Wheel::run`] must run on that core.
#[derive(Debug)]
pub struct Wheel {
    clock: Rc<Clock>,
    slots: RefCell<Vec<Vec<Rc<Entry>>>>,
    /// How many deadlines stand in slots.
    count: Cell<usize>,
    /// The last tick whose slot has been gone through.
    done: Cell<u64>,
    /// The tick until which the timer sleeps.
    sleeps_until: Cell<u64>,
    /// Something is due before the timer wakes.
    sooner: Notify,
}

/// A deadline of one connection. It is set and cleared at no cost worth counting; dropping it takes it
/// off the wheel.
#[derive(Debug)]
pub struct Deadline {
    wheel: Rc<Wheel>,
    entry: Rc<Entry>,
}

#[derive(Debug)]
struct Entry {
    at: Cell<Millis>,
    /// The tick in whose slot it stands; at most that of `at`.
    tick: Cell<u64>,
    /// Where in the slot.
    index: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Wheel {
    /// An empty wheel that goes by `clock`.
    #[must_use]
    pub fn new(clock: Rc<Clock>) -> Rc<Self> {
        Rc::new(Self {
            clock,
            slots: RefCell::new((0..SLOTS).map(|_| Vec::new()).collect()),
            count: Cell::new(0),
            done: Cell::new(0),
            sleeps_until: Cell::new(NO_TICK),
            sooner: Notify::new(),
        })
    }

    /// A deadline that is not set.
    #[must_use]
    pub fn deadline(self: &Rc<Self>) -> Deadline {
        let entry = Rc::new(Entry {
            at: Cell::new(Millis::NEVER),
            tick: Cell::new(NO_TICK),
            index: Cell::new(0),
            waker: RefCell::new(None),
        });
        Deadline { wheel: Rc::clone(self), entry }
    }

    /// Turns the wheel, for ever: wakes the tasks whose deadlines have passed.
    pub async fn run(&self) {
        loop {
            let Some(tick) = self.next_tick() else {
                self.sleeps_until.set(NO_TICK);
                self.sooner.notified().await;
                continue;
            };
            self.sleeps_until.set(tick);
            let wake = self.clock.instant(Millis(tick.saturating_mul(TICK_MILLIS)));
            if timeout_at(wake, self.sooner.notified()).await.is_err() {
                self.clock.turn();
                self.expire();
            }
        }
    }

    /// The next tick whose slot is not empty.
    fn next_tick(&self) -> Option<u64> {
        if self.count.get() == 0 {
            return None;
        }
        let (slots, done) = (self.slots.borrow(), self.done.get());
        (done + 1..=done + SLOTS).find(|tick| !slots[slot_of(*tick)].is_empty())
    }

    /// Goes through the slots up to now.
    fn expire(&self) {
        let now = self.clock.now();
        let (now_tick, done) = (now.0 / TICK_MILLIS, self.done.get());
        if now_tick <= done {
            return;
        }
        self.done.set(now_tick);
        let mut due = Vec::new();
        // After a long sleep every slot is gone through, once.
        for tick in done + 1..=now_tick.min(done + SLOTS) {
            self.expire_slot(slot_of(tick), now, &mut due);
        }
        // Only now: a waker may run code that sets deadlines.
        due.into_iter().for_each(Waker::wake);
    }

    fn expire_slot(&self, slot: usize, now: Millis, due: &mut Vec<Waker>) {
        let mut index = 0;
        loop {
            let entry = self.slots.borrow()[slot].get(index).cloned();
            let Some(entry) = entry else { return };
            if entry.tick.get() > now.0 / TICK_MILLIS {
                index += 1;
                continue;
            }
            self.take_out(&entry);
            match entry.at.get() {
                Millis::NEVER => {}
                at if at <= now => due.extend(entry.waker.take()),
                at => self.put_in(&entry, self.tick_of(at)),
            }
        }
    }

    /// The tick at which a deadline at `at` is noticed: the first that is not before it and not gone.
    fn tick_of(&self, at: Millis) -> u64 {
        at.0.div_ceil(TICK_MILLIS).max(self.done.get() + 1)
    }

    fn put_in(&self, entry: &Rc<Entry>, tick: u64) {
        let mut slots = self.slots.borrow_mut();
        let slot = &mut slots[slot_of(tick)];
        entry.tick.set(tick);
        entry.index.set(slot.len());
        slot.push(Rc::clone(entry));
        self.count.set(self.count.get() + 1);
        if tick < self.sleeps_until.get() {
            self.sooner.notify_one();
        }
    }

    fn take_out(&self, entry: &Entry) {
        let tick = entry.tick.replace(NO_TICK);
        if tick == NO_TICK {
            return;
        }
        let mut slots = self.slots.borrow_mut();
        let slot = &mut slots[slot_of(tick)];
        let index = entry.index.get();
        slot.swap_remove(index);
        if let Some(moved) = slot.get(index) {
            moved.index.set(index);
        }
        self.count.set(self.count.get() - 1);
    }

    fn set(&self, entry: &Rc<Entry>, at: Millis) {
        entry.at.set(at);
        if at == Millis::NEVER || entry.tick.get() <= at.0.div_ceil(TICK_MILLIS) {
            return;
        }
        if self.count.get() == 0 {
            // Nothing was due while nothing ticked.
            self.done.set((self.clock.now().0 / TICK_MILLIS).max(self.done.get()));
        }
        let tick = self.tick_of(at);
        if tick != entry.tick.get() {
            self.take_out(entry);
            self.put_in(entry, tick);
        }
    }
}

impl Deadline {
    /// Sets it to `at`, in place of what it was.
    pub fn set(&self, at: Millis) {
        self.wheel.set(&self.entry, at);
    }

    /// Sets it to `span` from now.
    pub fn set_in(&self, span: Duration) {
        self.set(self.wheel.clock.now().after(span));
    }

    /// Clears it: it does not pass until it is set again.
    pub fn clear(&self) {
        self.entry.at.set(Millis::NEVER);
    }

    /// The moment it is set to; none if it is clear.
    #[must_use]
    pub fn at(&self) -> Option<Millis> {
        Some(self.entry.at.get()).filter(|at| *at != Millis::NEVER)
    }

    /// Ready once it has passed, and until it is set or cleared. Otherwise the task is woken then, at
    /// most a tick late, or earlier for nothing.
    pub fn poll_expired(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.entry.at.get() <= self.wheel.clock.now() {
            return Poll::Ready(());
        }
        let mut waker = self.entry.waker.borrow_mut();
        match waker.as_mut() {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.wheel.take_out(&self.entry);
    }
}

const fn slot_of(tick: u64) -> usize {
    (tick % SLOTS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::paused;
    use proptest::prelude::*;
    use std::future::poll_fn;
    use tokio::task::spawn_local;
    use tokio::time::Instant;

    fn running() -> (Rc<Clock>, Rc<Wheel>) {
        let clock = Rc::new(Clock::new());
        let wheel = Wheel::new(Rc::clone(&clock));
        spawn_local({
            let wheel = Rc::clone(&wheel);
            async move { wheel.run().await }
        });
        (clock, wheel)
    }

    async fn expired(deadline: &Deadline) {
        poll_fn(|cx| deadline.poll_expired(cx)).await;
    }

    /// How long the deadline takes to pass, in milliseconds.
    async fn passes_in(deadline: &Deadline) -> u64 {
        let start = Instant::now();
        expired(deadline).await;
        start.elapsed().as_millis() as u64
    }

    #[test]
    fn a_deadline_passes_at_its_moment_and_at_most_a_tick_later() {
        paused(async {
            let (_, wheel) = running();
            for millis in [0, 1, 99, 100, 101, 250, 51_199, 51_200, 51_201, 400_000] {
                let deadline = wheel.deadline();
                wheel.clock.turn();
                deadline.set_in(Duration::from_millis(millis));
                let took = passes_in(&deadline).await;
                assert!((millis..=millis + TICK_MILLIS + 1).contains(&took), "{millis}: {took}");
            }
        });
    }

    #[test]
    fn put_off_brought_forward_and_cleared() {
        paused(async {
            let (_, wheel) = running();
            let deadline = wheel.deadline();
            deadline.set_in(Duration::from_secs(1));
            let waiting = spawn_local(async move {
                let took = passes_in(&deadline).await;
                (deadline, took)
            });
            tokio::task::yield_now().await;
            let (deadline, took) = waiting.await.unwrap();
            assert!((1000..1102).contains(&took), "{took}");

            wheel.clock.turn();
            deadline.set_in(Duration::from_secs(1));
            deadline.set_in(Duration::from_secs(60));
            let took = passes_in(&deadline).await;
            assert!((60_000..60_102).contains(&took), "put off: {took}");

            wheel.clock.turn();
            deadline.set_in(Duration::from_secs(60));
            deadline.set_in(Duration::from_secs(2));
            let took = passes_in(&deadline).await;
            assert!((2000..2102).contains(&took), "brought forward: {took}");

            wheel.clock.turn();
            deadline.set_in(Duration::from_secs(1));
            deadline.clear();
            assert_eq!(deadline.at(), None);
            let wait = tokio::time::timeout(Duration::from_secs(100), expired(&deadline)).await;
            assert!(wait.is_err(), "cleared");
        });
    }

    #[test]
    fn a_sooner_one_wakes_a_timer_that_sleeps_for_a_later_one() {
        paused(async {
            let (_, wheel) = running();
            let (late, soon) = (wheel.deadline(), wheel.deadline());
            late.set_in(Duration::from_secs(50));
            tokio::time::sleep(Duration::from_secs(1)).await;
            wheel.clock.turn();
            soon.set_in(Duration::from_secs(1));
            let took = passes_in(&soon).await;
            assert!((1000..1102).contains(&took), "{took}");
            assert_eq!(wheel.count.get(), 1);
        });
    }

    #[test]
    fn nothing_ticks_for_nothing() {
        paused(async {
            let (_, wheel) = running();
            assert_eq!(wheel.next_tick(), None);
            let deadlines: Vec<_> = (0..100).map(|_| wheel.deadline()).collect();
            deadlines.iter().for_each(|deadline| deadline.set_in(Duration::from_secs(5)));
            assert_eq!(wheel.count.get(), 100);
            for deadline in &deadlines[..50] {
                deadline.clear();
            }
            drop(deadlines);
            assert_eq!((wheel.count.get(), wheel.next_tick()), (0, None));
            assert!(wheel.slots.borrow().iter().all(Vec::is_empty));

            let cleared = wheel.deadline();
            cleared.set_in(Duration::from_secs(5));
            cleared.clear();
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert_eq!(wheel.next_tick(), None);
        });
    }

    #[test]
    fn after_an_idle_hour_the_wheel_is_right() {
        paused(async {
            let (_, wheel) = running();
            tokio::time::sleep(Duration::from_secs(3600)).await;
            wheel.clock.turn();
            let deadline = wheel.deadline();
            deadline.set_in(Duration::from_millis(300));
            let took = passes_in(&deadline).await;
            assert!((300..402).contains(&took), "{took}");
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Deadlines that are set over and over pass after their last setting, never before it.
        #[test]
        fn the_last_setting_holds(
            settings in prop::collection::vec((0usize..5, 0u64..120_000, 0u64..3000), 1..40),
        ) {
            paused(async {
                let (clock, wheel) = running();
                let deadlines: Vec<_> = (0..5).map(|_| wheel.deadline()).collect();
                for (which, millis, pause) in settings {
                    clock.turn();
                    deadlines[which].set_in(Duration::from_millis(millis));
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                clock.turn();
                let (start, mut due) = (clock.now(), Vec::new());
                due.extend(deadlines.iter().filter(|deadline| deadline.at().is_some()));
                due.sort_by_key(|deadline| deadline.at());
                for deadline in due {
                    let at = deadline.at().unwrap().max(start);
                    expired(deadline).await;
                    clock.turn();
                    let now = clock.now();
                    assert!(at <= now && now.0 <= at.0 + TICK_MILLIS + 1, "{at:?} {now:?}");
                }
            });
        }
    }
}
