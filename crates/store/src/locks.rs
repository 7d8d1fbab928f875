//! Locks for names, in a table of fixed size: two names may share one, which costs time and nothing else.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
        let slot = self.hasher.hash_one(key) as usize % LOCKS;
        // The lock guards no data of ours, so a panic under it left nothing broken in memory.
        self.table[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
