//! How many requests may be sent again, or to a second member, so that what is failing or slow already is not
//! finished off by that.

use core::sync::atomic::{AtomicU64, Ordering};

use wherefore_h1::Millis;

use crate::settings::{Hedge, Settings};

/// How many retries can be saved up while nothing fails.
pub const RETRIES_SAVED_MAX: u64 = 100;

/// How many second requests can be saved up while nothing is slow: few, since whatever makes many answers late at once
/// is made worse by asking for them twice.
pub const HEDGES_SAVED_MAX: u64 = 10;

/// A hundredth of a retry is the unit, since the ratio is in percent.
const RETRY: u64 = 100;

/// Whether a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It may.
    Granted,
    /// It was as often as one request may be.
    Enough,
    /// Too many others were.
    Spent,
}

/// What is left for retries or for second requests, over all cores: each request adds its ratio, each of these takes
/// one; and beside that some are granted by time.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Budget {
    saved: AtomicU64,
    saved_max: u64,
    ratio: u64,
    /// The moment at which nothing of what is granted by time will be in use, in microseconds.
    clear_at: AtomicU64,
    /// How long a retry by time uses up the grant; none if there is none.
    micros_each: Option<u64>,
}

impl Budget {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            saved: AtomicU64::new(0),
            saved_max: RETRIES_SAVED_MAX * RETRY,
            ratio: u64::from(settings.retry_ratio_percent),
            clear_at: AtomicU64::new(0),
            micros_each: SECOND_MICROS.checked_div(u64::from(settings.retry_least_per_second)),
        }
    }

    /// The one of second requests.
    pub(crate) const fn of_hedges(hedge: &Hedge) -> Self {
        Self {
            saved: AtomicU64::new(0),
            saved_max: HEDGES_SAVED_MAX * RETRY,
            ratio: hedge.ratio_percent as u64,
            clear_at: AtomicU64::new(0),
            micros_each: None,
        }
    }

    /// A request is sent for the first time. Where nothing fails, this only reads.
    pub(crate) fn add(&self) {
        let more = |saved: u64| {
            (saved < self.saved_max).then(|| saved.saturating_add(self.ratio).min(self.saved_max))
        };
        // None when as much is saved as can be.
        let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    pub(crate) fn take(&self, now: Millis) -> Retry {
        let less = |saved: u64| saved.checked_sub(RETRY);
        let taken = self.take_by_time(now)
            || self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        if taken { Retry::Granted } else { Retry::Spent }
    }

    /// What was taken was not needed.
    pub(crate) fn give_back(&self) {
        let more = |saved: u64| Some(saved.saturating_add(RETRY).min(self.saved_max));
        let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Takes one of those that are granted each second, at most a second's at once.
    fn take_by_time(&self, now: Millis) -> bool {
        let Some(each) = self.micros_each else { return false };
        let now = now.0.saturating_mul(1000);
        let later = |clear_at: u64| {
            let next = clear_at.max(now).saturating_add(each);
            (next <= now.saturating_add(SECOND_MICROS)).then_some(next)
        };
        self.clear_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).is_ok()
    }
}

const SECOND_MICROS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(retry_ratio_percent: u32, retry_least_per_second: u32) -> Budget {
        Budget::new(&Settings {
            retry_ratio_percent,
            retry_least_per_second,
            ..Settings::default()
        })
    }

    fn granted(budget: &Budget, now: u64, tries: u32) -> usize {
        (0..tries).filter(|_| budget.take(Millis(now)) == Retry::Granted).count()
    }

    #[test]
    fn requests_allow_their_share() {
        let budget = budget(20, 0);
        assert_eq!(granted(&budget, 0, 5), 0);
        (0..14).for_each(|_| budget.add());
        assert_eq!(granted(&budget, 0, 5), 2);
        budget.add();
        assert_eq!(granted(&budget, 0, 5), 1);
    }

    #[test]
    fn no_more_is_saved_than_the_most() {
        let budget = budget(70, 0);
        (0..1000).for_each(|_| budget.add());
        assert_eq!(granted(&budget, 0, 1000), 100);
    }

    #[test]
    fn time_grants_the_least() {
        let budget = budget(0, 10);
        assert_eq!(granted(&budget, 5_000, 50), 10);
        assert_eq!(granted(&budget, 5_099, 50), 0);
        assert_eq!(granted(&budget, 5_100, 50), 1);
        assert_eq!(granted(&budget, 5_400, 50), 3);
        assert_eq!(granted(&budget, u64::MAX, 1), 1);
    }

    proptest! {
        #[test]
        fn never_more_than_ratio_and_least(ratio in 0_u32..=100, least in 0_u32..50, steps in prop::collection::vec((0_u64..300, any::<bool>()), 0..200)) {
            let budget = budget(ratio, least);
            let (mut now, mut requests, mut retries) = (0, 0_u64, 0_u64);
            for (wait, is_retry) in steps {
                now += wait;
                if is_retry {
                    retries += u64::from(budget.take(Millis(now)) == Retry::Granted);
                } else {
                    budget.add();
                    requests += 1;
                }
                let by_time = u64::from(least) * (1000 + now);
                prop_assert!(retries * 1000 <= requests * u64::from(ratio) * 10 + by_time);
            }
        }
    }
}
