//! Whether a member counts as healthy: what its answers, its failures and probes make of that.

use core::sync::atomic::{AtomicU64, Ordering};

use wherefore_h1::Millis;

use crate::settings::{Recovery, Settings};

/// By how much the time out of service grows at most, as a power of two: eight times.
const DOUBLINGS_MAX: u64 = 3;

/// What is known of a member's health. It fits one number, so that all cores can share it without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is asked.
    Healthy {
        /// How many failures there were in a row.
        failures: u64,
        /// Since when, if it was unhealthy before; else the beginning of time.
        since: Millis,
    },
    /// It is not asked.
    Unhealthy {
        /// How many times in a row its time was doubled.
        doublings: u64,
        /// How many probes in a row succeeded.
        passed: u64,
        /// Until when; then it is asked once on trial, if it comes back so.
        until: Millis,
    },
    /// One request is under way, to find out.
    Trial {
        /// As above.
        doublings: u64,
        /// Since when the trial was due.
        until: Millis,
    },
}

/// What a request was to the member that it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// One like others.
    Ordinary,
    /// The one that was let through to an unhealthy member.
    Trial,
}

/// What can happen to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Succeeded(Purpose),
    Failed(Purpose),
    /// A request on trial came to no end that says anything.
    Undecided,
    /// A request is about to be sent on trial.
    TrialBegins,
    ProbeSucceeded,
    ProbeFailed,
    /// Too large a share of its requests failed.
    Tripped,
}

/// The settings, as numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    unhealthy_after: u64,
    unhealthy_millis: u64,
    recovery: Comeback,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comeback {
    Trial,
    Probes { healthy_after: u64 },
}

impl Rules {
    pub(crate) fn new(settings: &Settings) -> Self {
        let millis = u64::try_from(settings.unhealthy_time.as_millis()).unwrap_or(u64::MAX);
        let recovery = match settings.recovery {
            Recovery::Trial => Comeback::Trial,
            Recovery::Probes { healthy_after, .. } => {
                Comeback::Probes { healthy_after: u64::from(healthy_after).clamp(1, COUNT_MAX) }
            }
        };
        Self {
            unhealthy_after: u64::from(settings.unhealthy_after).min(COUNT_MAX),
            unhealthy_millis: millis.min(MOMENT_MAX >> DOUBLINGS_MAX),
            recovery,
        }
    }
}

impl Health {
    pub(crate) const NEW: Self = Self::Healthy { failures: 0, since: Millis(0) };

    /// What it is after something happened at `now`.
    pub(crate) fn after(self, what: Happening, now: Millis, rules: &Rules) -> Self {
        use Happening as H;
        let out = |doublings: u64| Self::Unhealthy {
            doublings,
            passed: 0,
            until: Millis(now.0.saturating_add(rules.unhealthy_millis << doublings)),
        };
        let back = Self::Healthy { failures: 0, since: Millis(now.0.max(1)) };
        match (self, what) {
            (Self::Healthy { .. }, H::Tripped) => out(0),
            (Self::Healthy { failures, since }, H::Failed(_) | H::ProbeFailed) => {
                let failures = (failures + 1).min(COUNT_MAX);
                let is_enough = rules.unhealthy_after != 0 && failures >= rules.unhealthy_after;
                if is_enough { out(0) } else { Self::Healthy { failures, since } }
            }
            (Self::Healthy { since, .. }, H::Succeeded(_) | H::ProbeSucceeded) => {
                Self::Healthy { failures: 0, since }
            }
            (Self::Unhealthy { doublings, until, .. }, H::TrialBegins)
                if rules.recovery == Comeback::Trial && now >= until =>
            {
                Self::Trial { doublings, until }
            }
            (Self::Unhealthy { doublings, passed, until }, H::ProbeSucceeded) => {
                match rules.recovery {
                    Comeback::Probes { healthy_after } if passed + 1 < healthy_after => {
                        Self::Unhealthy { doublings, passed: passed + 1, until }
                    }
                    Comeback::Probes { .. } | Comeback::Trial => back,
                }
            }
            (Self::Unhealthy { doublings, until, .. }, H::ProbeFailed) => {
                Self::Unhealthy { doublings, passed: 0, until }
            }
            (Self::Trial { .. }, H::Succeeded(Purpose::Trial)) => back,
            (Self::Trial { doublings, .. }, H::Failed(Purpose::Trial)) => {
                out((doublings + 1).min(DOUBLINGS_MAX))
            }
            (Self::Trial { doublings, until }, H::Undecided) => {
                Self::Unhealthy { doublings, passed: 0, until }
            }
            // What was sent before a member was found unhealthy says nothing of how it is now.
            (same, _) => same,
        }
    }

    /// Whether it may be asked at `now`, be it on trial.
    pub(crate) fn may_be_asked(self, now: Millis, rules: &Rules) -> bool {
        match self {
            Self::Healthy { .. } => true,
            Self::Unhealthy { until, .. } => rules.recovery == Comeback::Trial && now >= until,
            Self::Trial { .. } => false,
        }
    }

    const fn to_bits(self) -> u64 {
        let (kind, doublings, count, moment) = match self {
            Self::Healthy { failures, since } => (0, 0, failures, since),
            Self::Unhealthy { doublings, passed, until } => (1, doublings, passed, until),
            Self::Trial { doublings, until } => (2, doublings, 0, until),
        };
        let moment = if moment.0 < MOMENT_MAX { moment.0 } else { MOMENT_MAX };
        kind << 62 | doublings << 60 | count << MOMENT_BITS | moment
    }

    const fn from_bits(bits: u64) -> Self {
        let moment = Millis(bits & MOMENT_MAX);
        let count = bits >> MOMENT_BITS & COUNT_MAX;
        let doublings = bits >> 60 & DOUBLINGS_MAX;
        match bits >> 62 {
            0 => Self::Healthy { failures: count, since: moment },
            1 => Self::Unhealthy { doublings, passed: count, until: moment },
            _ => Self::Trial { doublings, until: moment },
        }
    }
}

/// Five hundred years of milliseconds.
const MOMENT_BITS: u32 = 44;
const MOMENT_MAX: u64 = (1 << MOMENT_BITS) - 1;
const COUNT_MAX: u64 = (1 << 16) - 1;

/// A member's health as all cores see it.
#[derive(Debug)]
pub(crate) struct SharedHealth(AtomicU64);

impl SharedHealth {
    pub(crate) const fn new(health: Health) -> Self {
        Self(AtomicU64::new(health.to_bits()))
    }

    pub(crate) fn now(&self) -> Health {
        Health::from_bits(self.0.load(Ordering::SeqCst))
    }

    /// Begins with what another knew. A trial that is under way there is due again here.
    pub(crate) fn adopt(&self, other: &Self) {
        let health = match other.now() {
            Health::Trial { doublings, until } => Health::Unhealthy { doublings, passed: 0, until },
            same => same,
        };
        self.0.store(health.to_bits(), Ordering::SeqCst);
    }

    /// Lets something happen; says what was before and what is now. Where nothing changes, nothing is written.
    pub(crate) fn step(&self, what: Happening, now: Millis, rules: &Rules) -> (Health, Health) {
        let mut bits = self.0.load(Ordering::SeqCst);
        loop {
            let before = Health::from_bits(bits);
            // What most requests tell of a member is that it still is as it was.
            if let (Health::Healthy { failures: 0, .. }, Happening::Succeeded(_)) = (before, what) {
                return (before, before);
            }
            let after = Health::from_bits(before.after(what, now, rules).to_bits());
            if after == before {
                return (before, after);
            }
            let swapped = self.0.compare_exchange_weak(
                bits,
                after.to_bits(),
                Ordering::SeqCst,
                Ordering::SeqCst,
            );
            match swapped {
                Ok(_) => return (before, after),
                Err(other) => bits = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_health() -> impl Strategy<Value = Health> {
        let moment = || (0..=MOMENT_MAX).prop_map(Millis);
        prop_oneof![
            (0..=COUNT_MAX, moment())
                .prop_map(|(failures, since)| Health::Healthy { failures, since }),
            (0..=DOUBLINGS_MAX, 0..=COUNT_MAX, moment()).prop_map(|(doublings, passed, until)| {
                Health::Unhealthy { doublings, passed, until }
            }),
            (0..=DOUBLINGS_MAX, moment())
                .prop_map(|(doublings, until)| Health::Trial { doublings, until }),
        ]
    }

    proptest! {
        #[test]
        fn one_number_holds_it(health in any_health()) {
            prop_assert_eq!(Health::from_bits(health.to_bits()), health);
        }
    }

    #[test]
    fn its_time_doubles_up_to_eight_times() {
        let rules = Rules::new(&Settings { unhealthy_after: 1, ..Settings::default() });
        let mut health = Health::NEW.after(Happening::Failed(Purpose::Ordinary), Millis(0), &rules);
        let mut now = 0;
        let mut times = Vec::new();
        for _ in 0..5 {
            let Health::Unhealthy { until, .. } = health else { panic!("{health:?}") };
            times.push((until.0 - now) / 1000);
            assert!(!health.may_be_asked(Millis(until.0 - 1), &rules));
            assert!(health.may_be_asked(until, &rules));
            now = until.0;
            health = health.after(Happening::TrialBegins, until, &rules);
            assert!(!health.may_be_asked(until, &rules));
            health = health.after(Happening::Failed(Purpose::Trial), until, &rules);
        }
        assert_eq!(times, [10, 20, 40, 80, 80]);
    }

    #[test]
    fn settings_out_of_all_bounds_are_cut() {
        let settings = Settings {
            unhealthy_after: u32::MAX,
            unhealthy_time: core::time::Duration::MAX,
            ..Settings::default()
        };
        let rules = Rules::new(&settings);
        let full = Health::Healthy { failures: COUNT_MAX - 1, since: Millis(0) };
        let health = full.after(Happening::ProbeFailed, Millis(u64::MAX), &rules);
        let kept = Health::from_bits(health.to_bits());
        assert!(matches!(kept, Health::Unhealthy { until: Millis(MOMENT_MAX), .. }), "{kept:?}");
    }
}
