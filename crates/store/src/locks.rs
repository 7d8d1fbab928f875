//! Locks for names, in a table of fixed size: two names may share one, which costs time and nothing else.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

const LOCKS: usize = 1024;

pub(crate) struct Locks {
    hasher: RandomState,
    table: [Mutex<()>; LOCKS],
}

impl Locks {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), table: [const { Mutex::new(()) }; LOCKS] }
    }

    /// Waits for the lock that `key` has. A thread may hold one at a time only.
    pub(crate) fn lock(&self, key: impl Hash) -> MutexGuard<'_, ()> {
        // The lock guards no data of ours, so a panic under it left nothing broken in memory.
        self.slot(key).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same without waiting: none if somebody else holds the lock.
    pub(crate) fn try_lock(&self, key: impl Hash) -> Option<MutexGuard<'_, ()>> {
        match self.slot(key).try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn slot(&self, key: impl Hash) -> &Mutex<()> {
        &self.table[self.hasher.hash_one(key) as usize % LOCKS]
    }
}
