//! How many octets a store may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::StoreError;

/// A store's own limit. What is in place and what is on its way in are each held to it, so that a file
/// can be replaced by one of its size although both are there for a moment; the disk then holds at most
/// twice the limit.
#[derive(Debug)]
pub(crate) struct Quota {
    bytes_max: u64,
    in_place: AtomicU64,
    on_the_way: AtomicU64,
}

impl Quota {
    pub(crate) fn new(bytes_max: u64, in_place: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            in_place: AtomicU64::new(in_place),
            on_the_way: AtomicU64::new(0),
        })
    }

    /// Takes `added` octets in and lets `freed` go, both or neither.
    pub(crate) fn exchange(&self, added: u64, freed: u64) -> Result<(), StoreError> {
        let next = |now: u64| self.after(now, added, freed);
        match self.in_place.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) {
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::Quota),
        }
    }

    /// Whether [`exchange`](Self::exchange) would succeed now.
    pub(crate) fn allows(&self, added: u64, freed: u64) -> bool {
        self.after(self.in_place.load(Ordering::SeqCst), added, freed).is_some()
    }

    fn after(&self, now: u64, added: u64, freed: u64) -> Option<u64> {
        let next = now.saturating_add(added).saturating_sub(freed);
        // What makes the store smaller is always let through, even if another program overfilled it.
        (next <= self.bytes_max || next <= now).then_some(next)
    }

    /// Takes back what was granted for a write that did not happen.
    pub(crate) fn undo(&self, added: u64, freed: u64) {
        let back = |now: u64| Some(now.saturating_sub(added).saturating_add(freed));
        let _ = self.in_place.fetch_update(Ordering::SeqCst, Ordering::SeqCst, back);
    }
}

/// Octets on their way in, given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    quota: Option<Arc<Quota>>,
    bytes: u64,
}

impl Reservation {
    pub(crate) fn new(quota: Option<Arc<Quota>>) -> Self {
        Self { quota, bytes: 0 }
    }

    /// Makes it hold at least `bytes`.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), StoreError> {
        let more = bytes.saturating_sub(self.bytes);
        if let (Some(quota), true) = (&self.quota, more > 0) {
            let next = |now: u64| now.checked_add(more).filter(|next| *next <= quota.bytes_max);
            if quota.on_the_way.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_err() {
                return Err(StoreError::Quota);
            }
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(quota) = &self.quota {
            quota.on_the_way.fetch_sub(self.bytes, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_place_and_on_the_way_are_each_held_to_the_limit() {
        let quota = Quota::new(10, 8);
        assert!(matches!(quota.exchange(3, 0), Err(StoreError::Quota)));
        assert!(quota.exchange(10, 8).is_ok());
        assert!(quota.exchange(0, 4).is_ok());
        assert!(quota.exchange(4, 0).is_ok());
        let mut first = Reservation::new(Some(quota.clone()));
        assert!(first.grow_to(6).is_ok() && first.grow_to(5).is_ok());
        let mut second = Reservation::new(Some(quota));
        assert!(matches!(second.grow_to(5), Err(StoreError::Quota)));
        drop(first);
        assert!(second.grow_to(10).is_ok());
    }

    #[test]
    fn an_overfilled_store_can_be_made_smaller() {
        let quota = Quota::new(10, 20);
        assert!(quota.exchange(15, 16).is_ok());
        assert!(matches!(quota.exchange(1, 0), Err(StoreError::Quota)));
    }
}
