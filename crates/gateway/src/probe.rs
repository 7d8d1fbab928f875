//! Probes: requests of the gateway's own, by which members are found healthy or not. Whoever sends them is told here
//! when, and tells what came of it.

use core::sync::atomic::Ordering;

use wherefore_h1::Millis;

use crate::health::Happening;
use crate::settings::Recovery;
use crate::upstreams::Upstreams;

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// The answer was as it should be.
    Healthy,
    /// It was not, or there was none.
    Unhealthy,
}

impl Upstreams {
    /// A member that is to be probed now; none if none is, or if members come back by trial. Each core may ask: only
    /// one is given each probe.
    #[must_use]
    pub fn take_probe(&self, now: Millis) -> Option<usize> {
        let Recovery::Probes { every, .. } = self.settings.recovery else { return None };
        let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        let next = |due: u64| (due <= now.0).then(|| now.0.saturating_add(every));
        self.entries.iter().position(|entry| {
            entry.probe_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
        })
    }

    /// When the next probe is due; none if there are no probes.
    #[must_use]
    pub fn next_probe(&self) -> Option<Millis> {
        let Recovery::Probes { .. } = self.settings.recovery else { return None };
        let due = self.entries.iter().map(|entry| entry.probe_at.load(Ordering::Relaxed));
        due.min().map(Millis)
    }

    /// What came of a probe of a member.
    pub fn probed(&self, index: usize, probed: Probed, now: Millis) {
        let what = match probed {
            Probed::Healthy => Happening::ProbeSucceeded,
            Probed::Unhealthy => Happening::ProbeFailed,
        };
        self.happened(index, what, now);
    }
}
