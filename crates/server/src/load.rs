//! Requests in flight over all cores: how many there may be, and when a client that is sent away should
//! come back.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The longest wait that is ever asked for, in seconds.
pub const RETRY_AFTER_SECONDS_MAX: u64 = 300;

/// How much of each new service time goes into the mean: one part in this many.
const SMOOTHING: u32 = 16;

/// From how many places on each core keeps one for its next request: nearly every request needs no word with the
/// other cores then, and so few places stand empty for it.
const PLACES_TO_KEEP_FROM: usize = 512;

/// The count that all cores share.
#[derive(Debug)]
pub struct Load {
    limit: usize,
    in_flight: AtomicUsize,
}

impl Load {
    /// Room for `limit` requests at once.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, in_flight: AtomicUsize::new(0) })
    }

    /// How many are in flight, over all cores, with the places that cores keep for the next.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// A core's view of the load: the shared count, and the mean service time as this core sees it.
#[derive(Debug)]
pub struct CoreLoad {
    shared: Arc<Load>,
    /// Whether a place is counted that no request has.
    has_place: Cell<bool>,
    mean_service: Cell<Duration>,
}

impl CoreLoad {
    /// A core's view of `shared`.
    #[must_use]
    pub fn new(shared: Arc<Load>) -> Rc<Self> {
        let has_place = Cell::new(false);
        Rc::new(Self { shared, has_place, mean_service: Cell::new(Duration::ZERO) })
    }

    /// Begins a request, if there is room for it; it lasts until the guard is dropped.
    #[must_use]
    pub fn try_enter(self: &Rc<Self>) -> Option<InFlight> {
        if self.has_place.take() {
            return Some(InFlight { load: Rc::clone(self) });
        }
        let shared = &self.shared;
        // Two that come for the last place at once may both be refused; more than the limit never enter.
        if shared.in_flight.fetch_add(1, Ordering::Relaxed) >= shared.limit {
            shared.in_flight.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(InFlight { load: Rc::clone(self) })
    }

    /// After how many seconds a client that finds no room should try again (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after(&self, random: u64) -> u64 {
        let shared = &self.shared;
        retry_after(shared.in_flight(), shared.limit, self.mean_service.get(), random)
    }
}

impl Drop for CoreLoad {
    fn drop(&mut self) {
        if self.has_place.take() {
            self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One request in flight.
#[derive(Debug)]
#[must_use = "the request counts as ended when this is dropped"]
pub struct InFlight {
    load: Rc<CoreLoad>,
}

impl InFlight {
    /// Ends the request, which took `service`. Dropping the guard ends it too, without learning from it.
    pub fn end(self, service: Duration) {
        let mean = self.load.mean_service.get();
        let mean = if mean.is_zero() {
            service
        } else {
            mean.saturating_sub(mean / SMOOTHING).saturating_add(service / SMOOTHING)
        };
        self.load.mean_service.set(mean);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let CoreLoad { shared, has_place, .. } = &*self.load;
        if shared.limit < PLACES_TO_KEEP_FROM || has_place.replace(true) {
            shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How many seconds it takes to work off `in_flight` requests where `limit` are served side by side in
/// `mean_service` each: at least 1, at most [`RETRY_AFTER_SECONDS_MAX`]. To this as much again and a
/// second more is added by `random`, so that those sent away together don't come back together.
#[must_use]
pub fn retry_after(in_flight: usize, limit: usize, mean_service: Duration, random: u64) -> u64 {
    let work_millis = mean_service.as_millis().saturating_mul(in_flight as u128);
    let seconds = work_millis.div_ceil(limit.max(1) as u128 * 1000);
    let wait = u64::try_from(seconds).unwrap_or(u64::MAX).clamp(1, RETRY_AFTER_SECONDS_MAX);
    (wait + random % (wait + 2)).min(RETRY_AFTER_SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_many_as_the_limit_over_all_cores() {
        let shared = Load::new(2);
        let (a, b) = (CoreLoad::new(Arc::clone(&shared)), CoreLoad::new(Arc::clone(&shared)));
        let first = a.try_enter().unwrap();
        let second = b.try_enter().unwrap();
        assert!(a.try_enter().is_none() && b.try_enter().is_none());
        assert_eq!(shared.in_flight(), 2);
        drop(first);
        let third = b.try_enter().unwrap();
        second.end(Duration::from_millis(1));
        drop(third);
        assert_eq!(shared.in_flight(), 0);
    }

    #[test]
    fn a_core_keeps_a_place_where_there_are_many_and_never_more() {
        for limit in [PLACES_TO_KEEP_FROM - 1, PLACES_TO_KEEP_FROM] {
            let kept = usize::from(limit == PLACES_TO_KEEP_FROM);
            let shared = Load::new(limit);
            let (a, b) = (CoreLoad::new(Arc::clone(&shared)), CoreLoad::new(Arc::clone(&shared)));
            let all: Vec<_> = std::iter::from_fn(|| a.try_enter()).collect();
            assert_eq!((all.len(), shared.in_flight()), (limit, limit));
            assert!(b.try_enter().is_none());
            drop(all);
            assert_eq!(shared.in_flight(), kept);
            let rest: Vec<_> = std::iter::from_fn(|| b.try_enter()).collect();
            assert_eq!(rest.len(), limit - kept);
            assert_eq!(a.try_enter().is_some(), kept == 1, "it has its own still");
            drop((rest, a, b));
            assert_eq!(shared.in_flight(), 0);
        }
    }

    #[test]
    fn the_wait_follows_the_service_time() {
        let load = CoreLoad::new(Load::new(1));
        assert_eq!(load.retry_after(0), 1);
        load.try_enter().unwrap().end(Duration::from_secs(30));
        let _busy = load.try_enter().unwrap();
        assert_eq!(load.retry_after(0), 30);
        for _ in 0..200 {
            InFlight { load: Rc::clone(&load) }.end(Duration::from_secs(2));
            load.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        assert!(load.retry_after(0) <= 3, "{}", load.retry_after(0));
    }

    #[test]
    fn waits_are_computed_and_spread() {
        let second = Duration::from_secs(1);
        assert_eq!(retry_after(100, 10, second, 0), 10);
        assert_eq!(retry_after(100, 10, second, 11), 21);
        assert_eq!(retry_after(0, 0, Duration::ZERO, 0), 1);
        let spread: Vec<u64> = (0..3).map(|random| retry_after(1, 1, second, random)).collect();
        assert_eq!(spread, [1, 2, 3]);
    }

    proptest! {
        #[test]
        fn never_under_one_nor_over_the_most(
            in_flight: usize, limit: usize, millis: u64, random: u64,
        ) {
            let seconds = retry_after(in_flight, limit, Duration::from_millis(millis), random);
            prop_assert!((1..=RETRY_AFTER_SECONDS_MAX).contains(&seconds));
        }

        #[test]
        fn more_backlog_never_shortens_the_wait(
            in_flight in 0usize..100_000, limit in 1usize..1000, millis in 0u64..100_000,
        ) {
            let service = Duration::from_millis(millis);
            prop_assert!(
                retry_after(in_flight, limit, service, 0) <= retry_after(in_flight + 1, limit, service, 0)
            );
        }
    }
}
