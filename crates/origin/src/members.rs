//! The names of folders' members, in which the variants of a resource are looked for, and one core's memory of
//! them.

use std::rc::Rc;

use quick_cache::{Equivalent, unsync};
use wherefore_message::path::Path;
use wherefore_store::StoreError;

use crate::Origin;
use crate::find::store_path;

/// The most names of one folder that are looked at: in a larger one, variants may go unseen.
pub const NAMES_MAX: usize = 100_000;

impl Origin {
    /// The names of a folder's members, in their order. Reads the whole folder.
    ///
    /// # Errors
    /// What the store failed with.
    pub fn names(&self, folder: Path<'_>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.store.names(store_path(folder), NAMES_MAX)
    }
}

/// What one core remembers of folders' names. An entry is good for as long as one of
/// [`Cache`](crate::cache::Cache): while nothing of ours was written in the folder, and for a moment after it
/// was read.
pub struct NamesCache {
    entries: unsync::Cache<Key, Entry, Weight>,
    recheck_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    origin: u32,
    folder: Box<[u8]>,
}

/// The same, to ask with.
#[derive(Clone, Copy, Hash)]
struct Asked<'a> {
    origin: u32,
    folder: &'a [u8],
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.origin == key.origin && *self.folder == *key.folder
    }
}

#[derive(Clone)]
struct Entry {
    names: Rc<Vec<Vec<u8>>>,
    generation: u64,
    read_at: u64,
}

#[derive(Clone)]
struct Weight;

const ENTRY_BYTES: usize = 256;
const NAME_BYTES: usize = 40;

impl quick_cache::Weighter<Key, Entry> for Weight {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let names = entry.names.iter().map(|name| name.len() + NAME_BYTES);
        (ENTRY_BYTES + key.folder.len() + names.sum::<usize>()) as u64
    }
}

impl NamesCache {
    /// Room for about `bytes_max` octets; folders are read again after `recheck_ms`.
    #[must_use]
    pub fn new(bytes_max: u64, recheck_ms: u64) -> Self {
        Self { entries: unsync::Cache::with_weighter(64, bytes_max, Weight), recheck_ms }
    }

    /// The names in `folder` of `origin`, if what is remembered is still good at `now` in ms.
    #[must_use]
    pub fn get(
        &self,
        origin: u32,
        folder: Path<'_>,
        generation: u64,
        now: u64,
    ) -> Option<Rc<Vec<Vec<u8>>>> {
        let entry = self.entries.get(&Asked { origin, folder: folder.bytes() })?;
        let good =
            entry.generation == generation && now.saturating_sub(entry.read_at) < self.recheck_ms;
        good.then(|| Rc::clone(&entry.names))
    }

    /// Remembers names that were read at `now` in ms, when the folder's generation had been `generation`.
    pub fn put(
        &mut self,
        origin: u32,
        folder: Path<'_>,
        names: Vec<Vec<u8>>,
        generation: u64,
        now: u64,
    ) -> Rc<Vec<Vec<u8>>> {
        let names = Rc::new(names);
        let entry = Entry { names: Rc::clone(&names), generation, read_at: now };
        self.entries.insert(Key { origin, folder: folder.bytes().into() }, entry);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_remembered_until_something_is_written_or_for_a_moment() {
        let mut cache = NamesCache::new(1 << 20, 1000);
        let names = vec![b"a".to_vec(), b"b".to_vec()];
        cache.put(1, Path::ROOT, names.clone(), 7, 50);
        let known = |origin, generation, now| {
            cache.get(origin, Path::ROOT, generation, now).map(|names| names.to_vec())
        };
        assert_eq!(known(1, 7, 1049), Some(names));
        assert_eq!(known(1, 7, 1050), None, "another program may have written");
        assert_eq!(known(1, 8, 50), None, "we wrote");
        assert_eq!(known(2, 7, 50), None, "another folder");
    }

    #[test]
    fn what_is_too_large_is_not_remembered() {
        let mut cache = NamesCache::new(1000, 1000);
        let names = vec![vec![b'x'; 200]; 10];
        assert_eq!(cache.put(1, Path::ROOT, names, 0, 0).len(), 10);
        assert!(cache.get(1, Path::ROOT, 0, 0).is_none());
    }
}
