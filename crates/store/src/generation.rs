//! Counters that tell the keepers of cached looks that a write of ours came between.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::coding::original_of;
use crate::path::ResourcePath;

const COUNTERS: usize = 1024;

pub(crate) struct Generations {
    by_path: [AtomicU64; COUNTERS],
    /// Counts for every path, once a path was seen that reaches its file through a link: then a write to
    /// one path may change what another shows.
    for_all: AtomicU64,
    links_seen: AtomicBool,
}

impl Generations {
    pub(crate) fn new() -> Self {
        Self {
            by_path: [const { AtomicU64::new(0) }; COUNTERS],
            for_all: AtomicU64::new(0),
            links_seen: AtomicBool::new(false),
        }
    }

    /// The number for `path`: both counters only grow, so their sum stands only while both do.
    pub(crate) fn of(&self, path: &[u8]) -> u64 {
        let own = self.slot(path).load(Ordering::SeqCst);
        own.wrapping_add(self.for_all.load(Ordering::SeqCst))
    }

    /// To be called after the write is in place and before it is acknowledged. Counts for the path, for
    /// the file of which it may be a stored coding, and for the folder, whose index or list it may be in.
    pub(crate) fn wrote(&self, path: ResourcePath<'_>) {
        let original = original_of(path.as_bytes());
        let folder = path.split().map_or(ResourcePath::ROOT, |(above, _)| above);
        for path in [path.as_bytes(), original, folder.as_bytes()] {
            self.slot(path).fetch_add(1, Ordering::SeqCst);
        }
        if self.links_seen.load(Ordering::SeqCst) {
            self.for_all.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// To be called before the file behind a link is looked at.
    pub(crate) fn saw_link(&self) {
        self.links_seen.store(true, Ordering::SeqCst);
    }

    fn slot(&self, path: &[u8]) -> &AtomicU64 {
        // FNV-1a: paths collide harmlessly here, so nothing is gained by a keyed hash.
        let hash = path.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
        });
        &self.by_path[(hash ^ (hash >> 32)) as usize % COUNTERS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_counts_for_all_that_it_may_change() {
        let generations = Generations::new();
        let paths: [&[u8]; 4] = [b"/d/a.txt.gz", b"/d/a.txt", b"/d", b"/other"];
        let before = paths.map(|path| generations.of(path));
        generations.wrote(ResourcePath::parse(b"/d/a.txt.gz").unwrap());
        let after = paths.map(|path| generations.of(path));
        assert!((0..3).all(|i| after[i] > before[i]));
        assert_eq!(after[3], before[3]);
        generations.saw_link();
        generations.wrote(ResourcePath::parse(b"/d/a.txt").unwrap());
        assert!(generations.of(b"/other") > after[3]);
    }
}
