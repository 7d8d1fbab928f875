//! How many requests may be sent again, so that retries don't finish off what is failing already.

use core::sync::atomic::{AtomicU64, Ordering};

use wherefore_h1::Millis;

use crate::settings::Settings;

/// How many retries can be saved up while nothing fails.
pub const RETRIES_SAVED_MAX: u64 = 100;

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

/// What is left for retries, over all cores: each request adds its ratio, each retry takes one; and beside that
/// some are granted by time.
#[derive(Debug)]
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
