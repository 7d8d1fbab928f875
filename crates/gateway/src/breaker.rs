//! The share of a member's requests that failed lately.

use core::sync::atomic::{AtomicU64, Ordering};

use wherefore_h1::Millis;

use crate::settings::Breaker;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    Failure,
}

/// The requests of one window, and how many of them failed; in one number, as all cores share it. A window begins
/// where the one before it ended, and with nothing.
#[derive(Debug, Default)]
pub(crate) struct Window(AtomicU64);

const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const NUMBER_MAX: u64 = (1 << (64 - 2 * COUNT_BITS)) - 1;

impl Window {
    /// Counts a request. True if so many failed that the member is to be taken out; the count begins again then.
    #[must_use]
    pub(crate) fn count(&self, end: End, breaker: &Breaker, now: Millis) -> bool {
        let window_millis = u64::try_from(breaker.window.as_millis()).unwrap_or(u64::MAX).max(1);
        let number = (now.0 / window_millis) & NUMBER_MAX;
        let mut bits = self.0.load(Ordering::Relaxed);
        loop {
            let (mut requests, mut failures) = match bits >> (2 * COUNT_BITS) == number {
                true => (bits >> COUNT_BITS & COUNT_MAX, bits & COUNT_MAX),
                false => (0, 0),
            };
            if requests == COUNT_MAX {
                (requests, failures) = (requests / 2, failures / 2);
            }
            requests += 1;
            failures += u64::from(end == End::Failure);
            let is_tripped = end == End::Failure
                && requests >= u64::from(breaker.requests_min)
                && failures * 100 >= requests * u64::from(breaker.failures_percent);
            if is_tripped {
                (requests, failures) = (0, 0);
            }
            let next = number << (2 * COUNT_BITS) | requests << COUNT_BITS | failures;
            match self.0.compare_exchange_weak(bits, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return is_tripped,
                Err(other) => bits = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const BREAKER: Breaker =
        Breaker { failures_percent: 50, requests_min: 4, window: Duration::from_secs(1) };

    fn counted(window: &Window, ends: &[End], at: u64) -> Vec<bool> {
        ends.iter().map(|end| window.count(*end, &BREAKER, Millis(at))).collect()
    }

    #[test]
    fn enough_failures_of_enough_requests_trip_it() {
        use End::{Failure, Success};
        let window = Window::default();
        assert_eq!(
            counted(&window, &[Failure, Failure, Failure, Failure], 0),
            [false, false, false, true]
        );
        // It began again.
        let ends = [Success, Success, Success, Failure, Failure, Failure];
        assert_eq!(counted(&window, &ends, 0), [false, false, false, false, false, true]);
        // A success never trips.
        assert_eq!(counted(&window, &[Failure, Failure, Success, Success], 0), [false; 4]);
    }

    #[test]
    fn a_window_ends() {
        let window = Window::default();
        assert_eq!(counted(&window, &[End::Failure; 3], 999), [false; 3]);
        assert_eq!(counted(&window, &[End::Failure; 3], 1000), [false; 3]);
        assert_eq!(counted(&window, &[End::Failure], 1999), [true]);
    }

    #[test]
    fn more_requests_than_can_be_counted_keep_their_share() {
        let window = Window::default();
        let rare = Breaker { failures_percent: 100, ..BREAKER };
        for i in 0..=COUNT_MAX {
            let end = if i % 4 == 0 { End::Failure } else { End::Success };
            assert!(i < 8 || !window.count(end, &rare, Millis(5)));
        }
        let bits = window.0.load(Ordering::Relaxed);
        let (requests, failures) = (bits >> COUNT_BITS & COUNT_MAX, bits & COUNT_MAX);
        assert!(requests > COUNT_MAX / 2 - 10 && failures.abs_diff(requests / 4) < 10);
    }
}
