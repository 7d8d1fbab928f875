//! How many requests of each key are being answered at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::secret::{Hash, Secret};

/// Of how many keys requests may be in flight at once unless told otherwise.
pub const IN_FLIGHT_KEYS_DEFAULT: usize = 1 << 16;

const SHARDS: usize = 64;

/// The requests in flight by key, over all cores. A key whose requests have all ended is forgotten.
#[derive(Debug)]
pub struct Concurrent {
    secret: Secret,
    shards: [Mutex<HashMap<Hash, u32>>; SHARDS],
    keys: AtomicUsize,
    keys_max: usize,
}

/// A request may go on. Dropping this ends it.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    concurrent: Arc<Concurrent>,
    hash: Hash,
}

/// A request may not go on; nobody can say when one may, since that is up to those in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// As many requests of the same key are in flight.
    Requests,
    /// Requests of as many keys as are counted are in flight, and none of this one.
    Keys,
}

impl Concurrent {
    /// A table for `keys_max` keys.
    #[must_use]
    pub fn new(keys_max: usize, secret: Secret) -> Arc<Self> {
        Arc::new(Self {
            secret,
            shards: std::array::from_fn(|_| Mutex::default()),
            keys: AtomicUsize::new(0),
            keys_max,
        })
    }

    /// Lets a request of `key` go on if that makes no more than `requests_max` of them under the limit
    /// that is called `limit`. Under several limits it is let go on by one after the other; the permits
    /// of the first are dropped when a later one refuses.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn enter(
        self: &Arc<Self>,
        limit: &str,
        key: &[u8],
        requests_max: u32,
    ) -> Result<Permit, TooMany> {
        let hash = self.secret.hash(limit, 0, key);
        match self.shard(hash).entry(hash) {
            Entry::Occupied(mut requests) if *requests.get() < requests_max => {
                *requests.get_mut() += 1;
            }
            Entry::Vacant(place) if requests_max > 0 => {
                let more = |keys| (keys < self.keys_max).then_some(keys + 1);
                let counted = self.keys.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
                counted.map_err(|_| TooMany::Keys)?;
                place.insert(1);
            }
            _ => return Err(TooMany::Requests),
        }
        Ok(Permit { concurrent: self.clone(), hash })
    }

    /// How many keys have requests in flight.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    fn leave(&self, hash: Hash) {
        if let Entry::Occupied(mut requests) = self.shard(hash).entry(hash) {
            *requests.get_mut() -= 1;
            if *requests.get() == 0 {
                requests.remove();
                self.keys.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn shard(&self, hash: Hash) -> MutexGuard<'_, HashMap<Hash, u32>> {
        let shard = &self.shards[hash.h1 as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.concurrent.leave(self.hash);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn table(keys_max: usize) -> Arc<Concurrent> {
        Concurrent::new(keys_max, Secret::new([3; 16]))
    }

    #[test]
    fn a_permit_gives_itself_back() {
        let table = table(2);
        let enter = |key: &str, most| table.enter("slow", key.as_bytes(), most);
        let first = enter("a", 2).unwrap();
        let second = enter("a", 2).unwrap();
        assert_eq!(enter("a", 2).unwrap_err(), TooMany::Requests);
        assert_eq!(enter("a", 0).unwrap_err(), TooMany::Requests);
        assert_eq!(enter("b", 0).unwrap_err(), TooMany::Requests);
        let other = table.enter("fast", b"a", 1).unwrap();
        assert_eq!(enter("b", 1).unwrap_err(), TooMany::Keys);
        drop(other);
        assert_eq!(table.keys(), 1);
        let third = enter("b", 1).unwrap();
        drop(first);
        let again = enter("a", 2).unwrap();
        assert_eq!(table.keys(), 2);
        drop((second, third, again));
        assert_eq!(table.keys(), 0);
    }

    #[test]
    fn never_more_than_the_limit_and_always_as_many() {
        const THREADS: usize = 16;
        const MOST: u32 = 5;
        let table = table(1);
        let all_tried = Barrier::new(THREADS);
        let granted: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut granted = 0;
                        for _ in 0..200 {
                            let permit = table.enter("slow", b"a", MOST);
                            all_tried.wait();
                            granted += usize::from(permit.is_ok());
                            drop(permit);
                            all_tried.wait();
                        }
                        granted
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(granted, 200 * MOST as usize);
        assert_eq!(table.keys(), 0);
    }
}
