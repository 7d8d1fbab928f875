//! Which files stand as this process wrote them: their tags are strong at once.

use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::{Author, Meta, Stamp};

/// How many writes are remembered; one matters only while its file's tag would be weak.
const WRITES_MAX: usize = 1 << 14;

pub(super) struct Ours {
    granularity: Duration,
    writes: Mutex<Writes>,
}

#[derive(Default)]
struct Writes {
    set: HashSet<Known>,
    by_age: VecDeque<Meta>,
}

/// A file as it was written. Its inode and the moment of its last change tell nearly all from one another.
#[derive(PartialEq, Eq)]
struct Known(Meta);

impl Hash for Known {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0.inode.rotate_left(32) ^ u64::from(self.0.changed.nanos));
    }
}

impl Ours {
    pub(super) fn new(granularity: Duration) -> Self {
        Self { granularity, writes: Mutex::default() }
    }

    pub(super) fn remember(&self, meta: Meta) {
        let now = Stamp::now();
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(oldest) = writes.by_age.front().copied() {
            let trusted = oldest.changed.is_older_than(self.granularity, now);
            if !trusted && writes.by_age.len() < WRITES_MAX {
                break;
            }
            writes.by_age.pop_front();
            writes.set.remove(&Known(oldest));
        }
        if writes.set.insert(Known(meta)) {
            writes.by_age.push_back(meta);
        }
    }

    /// All five values count: a foreign write in the tick of ours may leave any of them but one.
    pub(super) fn author(&self, meta: &Meta, now: Stamp) -> Author {
        if meta.changed.is_older_than(self.granularity, now) {
            return Author::Foreign;
        }
        let writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.set.contains(&Known(*meta)) { Author::Ours } else { Author::Foreign }
    }

    pub(super) const fn granularity(&self) -> Duration {
        self.granularity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_given_up() {
        let ours = Ours::new(Duration::from_secs(1_000_000));
        let changed = Stamp::now();
        let meta = |inode| Meta { device: 1, inode, length: 0, modified: changed, changed };
        for inode in 0..=WRITES_MAX as u64 {
            ours.remember(meta(inode));
        }
        assert_eq!(ours.author(&meta(0), changed), Author::Foreign);
        assert_eq!(ours.author(&meta(1), changed), Author::Ours);
        assert_eq!(ours.author(&Meta { length: 1, ..meta(1) }, changed), Author::Foreign);
        assert!(ours.writes.lock().unwrap().set.len() <= WRITES_MAX);
    }
}
