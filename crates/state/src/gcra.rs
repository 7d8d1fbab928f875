//! The generic cell rate algorithm: so many requests in so much time, with one moment as all its memory.
//!
//! A key owes an interval for each unit that it took, and time pays. What is remembered is when nothing
//! will be owed any more; a key that was never seen owes nothing, and one that owes nothing need not be
//! remembered.
//!
//! An interval is seldom a whole number of nanoseconds. Time is therefore counted in ticks, of one to two
//! nanoseconds and chosen for each quota so that the interval is a whole number of them. Moments are
//! converted, never intervals: nothing is rounded twice, and a busy key's rate is exact for ever.

use std::fmt;
use std::time::Duration;

use crate::Moment;

const NANOS: u64 = 1_000_000_000;

/// How much is allowed: `count` units in each window, spread evenly over it, and up to `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    count: u32,
    window_seconds: u32,
    burst: u32,
}

/// Which number of a quota is none that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaError {
    /// The count is not from 1 to [`Quota::COUNT_MAX`].
    Count,
    /// The window is not from 1 to [`Quota::WINDOW_SECONDS_MAX`].
    Window,
    /// The burst is 0, or takes longer than [`Quota::REFILL_SECONDS_MAX`] to refill.
    Burst,
}

/// A take was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denied {
    /// How long until the same take would be granted if nobody else took anything; none if it never would
    /// be, since it costs more than a burst.
    pub wait: Option<Duration>,
}

/// How a key stands, as the draft `draft-ietf-httpapi-ratelimit-headers` of the HTTPAPI group would have
/// it told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many units could be taken at once.
    pub remaining: u32,
    /// How long until one could be; zero if one could be now.
    pub next_after: Duration,
    /// How long until as many could be as ever.
    pub reset_after: Duration,
}

impl Quota {
    /// The largest count.
    pub const COUNT_MAX: u32 = 1_000_000_000;
    /// The longest window: 31 days.
    pub const WINDOW_SECONDS_MAX: u32 = 31 * 24 * 60 * 60;
    /// The longest time that a burst may take to refill: 366 days.
    pub const REFILL_SECONDS_MAX: u64 = 366 * 24 * 60 * 60;

    /// `count` units in `window_seconds`, up to `burst` of them at once.
    ///
    /// # Errors
    /// If a number is out of its bounds.
    pub const fn new(count: u32, window_seconds: u32, burst: u32) -> Result<Self, QuotaError> {
        if count == 0 || count > Self::COUNT_MAX {
            return Err(QuotaError::Count);
        }
        if window_seconds == 0 || window_seconds > Self::WINDOW_SECONDS_MAX {
            return Err(QuotaError::Window);
        }
        let refill_seconds = burst as u64 * window_seconds as u64 / count as u64;
        if burst == 0 || refill_seconds >= Self::REFILL_SECONDS_MAX {
            return Err(QuotaError::Burst);
        }
        Ok(Self { count, window_seconds, burst })
    }

    /// How many units in a window: the parameter `q` of `RateLimit-Policy`.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The window in seconds: the parameter `w` of `RateLimit-Policy`.
    #[must_use]
    pub const fn window_seconds(&self) -> u32 {
        self.window_seconds
    }

    /// How many units at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// Takes `cost` units from a key that will owe nothing at `clear_at`; says when it will owe nothing
    /// then, which is later than `clear_at` and than `now` unless the cost is 0.
    ///
    /// # Errors
    /// If that is more than the key has.
    pub fn take(&self, clear_at: Moment, now: Moment, cost: u32) -> Result<Moment, Denied> {
        if cost > self.burst {
            return Err(Denied { wait: None });
        }
        let tick = self.tick(now);
        let from = self.tick(clear_at).max(tick);
        let to = from.saturating_add(self.interval() * u64::from(cost));
        let earliest = to.saturating_sub(self.interval() * u64::from(self.burst));
        if earliest > tick {
            return Err(Denied { wait: Some(self.moment(earliest).since(now)) });
        }
        Ok(if cost == 0 { clear_at } else { self.moment(to) })
    }

    /// Gives back a take of `cost` units that said `taken`, as far as time can't have paid for it yet: a
    /// key never has more than its burst, and what it kept since the beginning always fits the time since.
    /// Says when the key will owe nothing then.
    #[must_use]
    pub fn give_back(&self, clear_at: Moment, now: Moment, taken: Moment, cost: u32) -> Moment {
        let unpaid = self.tick(taken).saturating_sub(self.tick(now));
        let back = unpaid.min(self.interval().saturating_mul(u64::from(cost)));
        self.moment(self.tick(clear_at).saturating_sub(back)).max(now).min(clear_at)
    }

    /// How a key stands that will owe nothing at `clear_at`.
    #[must_use]
    pub fn standing(&self, clear_at: Moment, now: Moment) -> Standing {
        let interval = self.interval();
        let owed = self.tick(clear_at).saturating_sub(self.tick(now));
        let room = (interval * u64::from(self.burst)).saturating_sub(owed);
        // One at least, as `take` finds it.
        let one = self.take(clear_at, now, 1);
        Standing {
            remaining: u32::try_from(room / interval).unwrap_or(u32::MAX),
            next_after: one.err().and_then(|denied| denied.wait).unwrap_or_default(),
            reset_after: clear_at.since(now),
        }
    }

    /// The ticks between two units of a key that never rests.
    const fn interval(&self) -> u64 {
        self.window_nanos() / self.count as u64
    }

    const fn window_nanos(&self) -> u64 {
        self.window_seconds as u64 * NANOS
    }

    /// The ticks in a window: as many as nanoseconds, or fewer, but more than half as many.
    const fn window_ticks(&self) -> u64 {
        self.interval() * self.count as u64
    }

    /// The tick in which `moment` lies.
    fn tick(&self, moment: Moment) -> u64 {
        let (ticks, nanos) = (self.window_ticks(), self.window_nanos());
        if ticks == nanos {
            return moment.0;
        }
        let tick = u128::from(moment.0) * u128::from(ticks) / u128::from(nanos);
        u64::try_from(tick).unwrap_or(u64::MAX)
    }

    /// The first moment of a tick; it lies in that tick, since no tick is shorter than a nanosecond.
    fn moment(&self, tick: u64) -> Moment {
        let (ticks, nanos) = (self.window_ticks(), self.window_nanos());
        if ticks == nanos {
            return Moment(tick);
        }
        let moment = (u128::from(tick) * u128::from(nanos)).div_ceil(u128::from(ticks));
        Moment(u64::try_from(moment).unwrap_or(u64::MAX))
    }
}

impl Standing {
    /// The parameter `t` of `RateLimit`, in whole seconds: until more can be had where nothing is left,
    /// which is what `Retry-After` would say, and else until all that was taken is there again.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        let span = if self.remaining == 0 { self.next_after } else { self.reset_after };
        span.as_secs() + (span.subsec_nanos() > 0) as u64
    }
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => write!(f, "the count is not from 1 to {}", Quota::COUNT_MAX),
            Self::Window => f.write_str("the window is not from 1 second to 31 days"),
            Self::Burst => f.write_str("the burst is 0, or takes more than 366 days to refill"),
        }
    }
}

impl std::error::Error for QuotaError {}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn quota(count: u32, window_seconds: u32, burst: u32) -> Quota {
        Quota::new(count, window_seconds, burst).unwrap()
    }

    const fn seconds(seconds: u64) -> Moment {
        Moment(seconds * NANOS)
    }

    #[test]
    fn ten_a_minute_five_at_once() {
        let quota = quota(10, 60, 5);
        let mut clear_at = Moment(0);
        for left in (0..5).rev() {
            clear_at = quota.take(clear_at, seconds(100), 1).unwrap();
            assert_eq!(quota.standing(clear_at, seconds(100)).remaining, left);
        }
        assert_eq!(clear_at, seconds(130));
        let standing = quota.standing(clear_at, seconds(100));
        assert_eq!(standing.next_after, Duration::from_secs(6));
        assert_eq!(standing.reset_after, Duration::from_secs(30));
        let denied = |now, cost| quota.take(clear_at, now, cost).unwrap_err().wait;
        assert_eq!(denied(seconds(100), 1), Some(Duration::from_secs(6)));
        assert_eq!(denied(seconds(100), 5), Some(Duration::from_secs(30)));
        assert_eq!(denied(seconds(104), 1), Some(Duration::from_secs(2)));
        assert_eq!(denied(Moment(106 * NANOS - 1), 1), Some(Duration::from_nanos(1)));
        assert_eq!(denied(seconds(100), 6), None);
        assert_eq!(quota.take(clear_at, seconds(106), 1), Ok(seconds(136)));
    }

    #[test]
    fn what_is_told_of_it() {
        let quota = quota(10, 60, 5);
        let told = |clear_at, now| {
            let standing = quota.standing(clear_at, now);
            (standing.remaining, standing.seconds())
        };
        assert_eq!(told(Moment(0), seconds(100)), (5, 0));
        assert_eq!(told(seconds(106), seconds(100)), (4, 6));
        assert_eq!(told(seconds(106), Moment(100 * NANOS + 1)), (4, 6));
        assert_eq!(told(seconds(130), seconds(100)), (0, 6), "the next one, not all");
        assert_eq!(told(seconds(130), Moment(104 * NANOS + 1)), (0, 2));
        assert_eq!((quota.count(), quota.window_seconds(), quota.burst()), (10, 60, 5));
    }

    #[test]
    fn bounds() {
        let error = |count, window, burst| Quota::new(count, window, burst).unwrap_err();
        assert_eq!(error(0, 1, 1), QuotaError::Count);
        assert_eq!(error(1_000_000_001, 1, 1), QuotaError::Count);
        assert_eq!(error(1, 0, 1), QuotaError::Window);
        assert_eq!(error(1, 31 * 86_400 + 1, 1), QuotaError::Window);
        assert_eq!(error(1, 1, 0), QuotaError::Burst);
        assert_eq!(error(1, 86_400, 366), QuotaError::Burst);
        quota(1, 86_400, 365);
        quota(1_000_000_000, 1, u32::MAX);
        quota(1_000_000_000, 31 * 86_400, 1_000_000_000);
    }

    /// A billion a day, and counts that no window can be divided by, at the end of a very long day.
    #[test]
    fn the_rate_does_not_drift() {
        for count in [1_000_000_000, 999_999_937, 7, 86_399] {
            let quota = quota(count, 86_400, 1);
            let day = u128::from(86_400 * NANOS);
            let mut clear_at = Moment(0);
            let mut now = Moment(0);
            for taken in 1..=100_000 {
                clear_at = quota.take(clear_at, now, 1).unwrap();
                let wait = quota.take(clear_at, now, 1).unwrap_err().wait.unwrap();
                now = now.after(wait);
                let exact = day * taken / u128::from(count);
                let late = u128::from(now.0) - exact;
                assert!(late < 3, "{late} ns late after {taken} of {count}");
            }
        }
    }

    /// What was granted, as a queue of moments at which each unit comes back, in ticks of its own making.
    struct Ledger {
        quota: Quota,
        back: VecDeque<u128>,
    }

    impl Ledger {
        fn interval(&self) -> u128 {
            u128::from(self.quota.window_seconds) * 1_000_000_000 / u128::from(self.quota.count)
        }

        fn tick(&self, now: Moment) -> u128 {
            let window = u128::from(self.quota.window_seconds) * 1_000_000_000;
            u128::from(now.0) * (self.interval() * u128::from(self.quota.count)) / window
        }

        fn take(&mut self, now: Moment, cost: u32) -> Option<u32> {
            let tick = self.tick(now);
            self.back.retain(|back| *back > tick);
            if self.back.len() + cost as usize > self.quota.burst as usize {
                return None;
            }
            for _ in 0..cost {
                let last = self.back.back().copied().unwrap_or(tick);
                self.back.push_back(last + self.interval());
            }
            Some(self.quota.burst - self.back.len() as u32)
        }
    }

    fn quotas() -> impl Strategy<Value = Quota> {
        let count = prop_oneof![1..100u32, 1..=Quota::COUNT_MAX];
        let window = prop_oneof![1..100u32, 1..=Quota::WINDOW_SECONDS_MAX];
        (count, window, 1..12u32).prop_filter_map("bounds", |(count, window, burst)| {
            Quota::new(count, window, burst).ok()
        })
    }

    proptest! {
        #[test]
        fn it_grants_what_a_ledger_grants(
            quota in quotas(),
            origin in 0..1u64 << 62,
            steps in proptest::collection::vec((0..300u64, 0..4u32), 1..80),
        ) {
            let mut ledger = Ledger { quota, back: VecDeque::new() };
            let (mut now, mut clear_at) = (Moment(origin), Moment(0));
            for (percent, cost) in steps {
                let pause = quota.window_nanos() / u64::from(quota.count()) * percent / 100;
                now = now.after(Duration::from_nanos(pause));
                let expected = ledger.take(now, cost);
                let taken = quota.take(clear_at, now, cost);
                prop_assert_eq!(taken.is_ok(), expected.is_some());
                match taken {
                    Ok(then) => {
                        prop_assert!(cost == 0 || (then > clear_at && then > now));
                        clear_at = then;
                        let standing = quota.standing(clear_at, now);
                        prop_assert_eq!(Some(standing.remaining), expected);
                        prop_assert_eq!(standing.next_after.is_zero(), standing.remaining > 0);
                    }
                    Err(Denied { wait: Some(wait) }) => {
                        let just = now.after(wait);
                        prop_assert!(quota.take(clear_at, just, cost).is_ok());
                        let before = Moment(just.0 - 1);
                        prop_assert!(quota.take(clear_at, before, cost).is_err());
                    }
                    Err(Denied { wait: None }) => prop_assert!(cost > quota.burst()),
                }
            }
        }

        /// However takes and returns follow each other, what was kept fits the burst and the time.
        #[test]
        fn what_is_given_back_is_not_had_twice(
            quota in quotas(),
            steps in proptest::collection::vec((0..150u64, 1..4u32, any::<proptest::sample::Index>(), any::<bool>()), 1..80),
        ) {
            let start = Moment(NANOS);
            let (mut now, mut clear_at) = (start, Moment(0));
            let mut held: Vec<(Moment, u32)> = Vec::new();
            let mut kept: u64 = 0;
            for (percent, cost, which, back) in steps {
                let pause = quota.window_nanos() / u64::from(quota.count()) * percent / 100;
                now = now.after(Duration::from_nanos(pause));
                if back && !held.is_empty() {
                    let (taken, cost) = held.swap_remove(which.index(held.len()));
                    clear_at = quota.give_back(clear_at, now, taken, cost);
                    kept -= u64::from(cost);
                } else if let Ok(taken) = quota.take(clear_at, now, cost) {
                    clear_at = taken;
                    held.push((taken, cost));
                    kept += u64::from(cost);
                }
                let passed = quota.tick(now) - quota.tick(start);
                let most = u64::from(quota.burst()) + passed / quota.interval();
                prop_assert!(kept <= most, "{} kept, {} may be", kept, most);
            }
        }

        #[test]
        fn what_is_given_back_at_once_was_never_taken(
            quota in quotas(),
            now in 0..1u64 << 62,
            owed in 0..20u64,
            cost in 1..12u32,
        ) {
            let now = Moment(now);
            let before = quota.moment(quota.tick(now) + owed * quota.interval());
            if let Ok(taken) = quota.take(before, now, cost) {
                let after = quota.give_back(taken, now, taken, cost);
                prop_assert_eq!(quota.tick(after), quota.tick(before));
            }
        }

        #[test]
        fn no_number_is_too_large(
            quota in quotas(),
            clear_at in any::<u64>(),
            now in any::<u64>(),
            taken in any::<u64>(),
            cost in any::<u32>(),
        ) {
            let (clear_at, now, taken) = (Moment(clear_at), Moment(now), Moment(taken));
            if let Ok(then) = quota.take(clear_at, now, cost) {
                prop_assert!(then >= clear_at.min(now));
            }
            prop_assert!(quota.give_back(clear_at, now, taken, cost) <= clear_at);
            prop_assert!(quota.standing(clear_at, now).remaining <= quota.burst());
        }

        #[test]
        fn a_tick_begins_in_itself(quota in quotas(), tick in 0..1u64 << 60) {
            prop_assert_eq!(quota.tick(quota.moment(tick)), tick);
            prop_assert!(quota.window_ticks() > quota.window_nanos() / 2);
        }
    }
}
