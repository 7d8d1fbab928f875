//! How long a delivery waits for its next try, and when it is given up. Pure: the time and what is random are
//! arguments.

use std::time::Duration;

use wherefore_message::Status;
use wherefore_message::later::{Lasts, Progress, Setback};

use super::delivery::UnixMillis;

/// How often something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The most that is waited after the first try; after each further one it is twice as long.
    pub delay_min: Duration,
    /// The most that is waited at all.
    pub delay_max: Duration,
    /// After how many tries it is given up.
    pub tries_max: u32,
    /// How old it may become before a try that fails is the last.
    pub age_max: Duration,
}

/// What a try met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why it failed.
    pub why: Setback,
    /// Whether it may pass.
    pub lasts: Lasts,
    /// How long the upstream asked to be left alone (RFC 9110 §10.2.3).
    pub retry_after: Option<Duration>,
}

/// How it stands with a delivery that is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) accepted_at: UnixMillis,
    pub(super) tries: u32,
    pub(super) next_at: UnixMillis,
    pub(super) last: Option<Setback>,
}

/// How a delivery was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) at: UnixMillis,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Delivered(Status),
    Failed { why: Setback, tries: u32 },
}

/// What follows a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Again(Pending),
    GivenUp(Finished),
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            delay_min: Duration::from_secs(2),
            delay_max: Duration::from_secs(3600),
            tries_max: 64,
            age_max: Duration::from_secs(3 * 24 * 3600),
        }
    }
}

impl Retry {
    /// How long to wait after try number `tries`, the first of which is 1: between half and all of a span that
    /// doubles, by a number of which any is as likely. So those that failed together don't come back together.
    #[must_use]
    pub fn delay(&self, tries: u32, jitter: u64) -> Duration {
        let doubled = 1u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        let most = self.delay_min.saturating_mul(doubled).min(self.delay_max).as_millis();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let random = (u128::from(most - most / 2) * u128::from(jitter)) >> 64;
        // Below the half that it is a part of.
        Duration::from_millis(most / 2 + random as u64)
    }

    pub(super) fn after(
        &self,
        pending: &Pending,
        refused: &Refused,
        now: UnixMillis,
        jitter: u64,
    ) -> After {
        let tries = pending.tries.saturating_add(1);
        let is_old = now.since(pending.accepted_at) >= self.age_max;
        if refused.lasts == Lasts::ForGood || tries >= self.tries_max || is_old {
            return After::GivenUp(Finished {
                at: now,
                end: End::Failed { why: refused.why, tries },
            });
        }
        let asked = refused.retry_after.unwrap_or_default().min(self.delay_max);
        After::Again(Pending {
            tries,
            next_at: now.after(self.delay(tries, jitter).max(asked)),
            last: Some(refused.why),
            ..*pending
        })
    }

    /// Whether the next try is the last, whatever it meets.
    pub(super) fn is_last(&self, pending: &Pending, now: UnixMillis) -> bool {
        pending.tries.saturating_add(1) >= self.tries_max
            || now.since(pending.accepted_at) >= self.age_max
    }
}

impl Pending {
    pub(super) const fn progress(&self) -> Progress {
        Progress::Pending { tries: self.tries, next_at: self.next_at.seconds(), last: self.last }
    }
}

impl Finished {
    pub(super) const fn progress(&self) -> Progress {
        let at = self.at.seconds();
        match self.end {
            End::Delivered(status) => Progress::Delivered { status, at },
            End::Failed { why, tries } => Progress::Failed { why, tries, at },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wherefore_message::Cause;

    use super::*;

    const RETRY: Retry = Retry {
        delay_min: Duration::from_secs(2),
        delay_max: Duration::from_secs(60),
        tries_max: 3,
        age_max: Duration::from_secs(1000),
    };
    const REFUSED: Refused =
        Refused { why: Setback::Cause(Cause::Refused), lasts: Lasts::ForNow, retry_after: None };
    const NEW: Pending =
        Pending { accepted_at: UnixMillis(0), tries: 0, next_at: UnixMillis(0), last: None };

    #[test]
    fn spans_double_up_to_a_bound() {
        let longest = |tries| RETRY.delay(tries, u64::MAX).as_millis();
        let shortest = |tries| RETRY.delay(tries, 0).as_millis();
        assert_eq!(
            [1, 2, 3, 6, 7, 40, u32::MAX].map(longest),
            [1_999, 3_999, 7_999, 59_999, 59_999, 59_999, 59_999]
        );
        assert_eq!([0, 1, 2, 5, 6].map(shortest), [1_000, 1_000, 2_000, 16_000, 30_000]);
        let none = Retry { delay_min: Duration::ZERO, ..RETRY };
        assert_eq!(none.delay(u32::MAX, u64::MAX), Duration::ZERO);
        let endless = Retry { delay_min: Duration::MAX, delay_max: Duration::MAX, ..RETRY };
        assert!(endless.delay(2, u64::MAX) > Duration::from_secs(1 << 50));
    }

    #[test]
    fn it_is_given_up_after_so_many_tries_or_so_long_or_at_once() {
        let now = UnixMillis(10_000);
        let After::Again(first) = RETRY.after(&NEW, &REFUSED, now, 0) else { panic!("too early") };
        let expected =
            Pending { tries: 1, next_at: UnixMillis(11_000), last: Some(REFUSED.why), ..NEW };
        assert_eq!(first, expected);
        let asked = Refused { retry_after: Some(Duration::from_secs(7)), ..REFUSED };
        let After::Again(waits) = RETRY.after(&NEW, &asked, now, 0) else { panic!("too early") };
        assert_eq!(waits.next_at, UnixMillis(17_000));
        let asked = Refused { retry_after: Some(Duration::MAX), ..REFUSED };
        let After::Again(waits) = RETRY.after(&NEW, &asked, now, 0) else { panic!("too early") };
        assert_eq!(waits.next_at, UnixMillis(70_000));

        let second = Pending { tries: 2, ..NEW };
        assert!(RETRY.is_last(&second, now) && !RETRY.is_last(&first, now));
        let gone = |tries| {
            After::GivenUp(Finished { at: now, end: End::Failed { why: REFUSED.why, tries } })
        };
        assert_eq!(RETRY.after(&second, &REFUSED, now, 0), gone(3));
        let for_good = Refused { lasts: Lasts::ForGood, ..REFUSED };
        assert_eq!(RETRY.after(&NEW, &for_good, now, 0), gone(1));
        let old = UnixMillis(1_000_000);
        assert!(matches!(RETRY.after(&NEW, &REFUSED, old, 0), After::GivenUp(_)));
        assert!(RETRY.is_last(&NEW, old));
    }

    proptest! {
        #[test]
        fn the_wait_is_bounded_and_the_end_is_reached(
            min in 0u64..1 << 40, max in 0u64..1 << 40, tries in 0u32..200, jitter: u64,
        ) {
            let retry = Retry {
                delay_min: Duration::from_millis(min),
                delay_max: Duration::from_millis(max),
                tries_max: 200,
                age_max: Duration::MAX,
            };
            let delay = retry.delay(tries, jitter);
            prop_assert!(delay <= retry.delay_max);
            prop_assert!(delay >= retry.delay_min.min(retry.delay_max) / 2);
            prop_assert!(retry.delay(tries + 1, jitter) >= delay);
            let pending = Pending { tries, ..NEW };
            let next = retry.after(&pending, &REFUSED, UnixMillis(1), jitter);
            prop_assert_eq!(matches!(next, After::GivenUp(_)), tries == 199);
        }
    }
}
