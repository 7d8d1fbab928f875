//! Memory as something that is used up: a bound on what many take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bound on octets of memory.
#[derive(Debug)]
pub struct Budget {
    bytes_max: u64,
    taken: AtomicU64,
}

/// A part of it, given back when dropped.
#[derive(Debug)]
pub struct Room {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// Room for so many octets.
    #[must_use]
    pub fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self { bytes_max, taken: AtomicU64::new(0) })
    }

    /// Room for `bytes`, if so much is left.
    #[must_use]
    pub fn take(self: &Arc<Self>, bytes: u64) -> Option<Room> {
        let more = |taken: u64| taken.checked_add(bytes).filter(|all| *all <= self.bytes_max);
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Room { budget: Arc::clone(self), bytes })
    }

    /// How much is taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_there_is_and_all_of_it_comes_back() {
        let budget = Budget::new(10);
        let first = budget.take(6);
        assert!(first.is_some() && budget.take(5).is_none() && budget.take(u64::MAX).is_none());
        let second = budget.take(4);
        assert!(second.is_some() && budget.take(1).is_none() && budget.take(0).is_some());
        drop(first);
        assert_eq!(budget.taken(), 4);
        drop(second);
        assert!(budget.taken() == 0 && budget.take(10).is_some());
    }
}
