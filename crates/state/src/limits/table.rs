//! The table of moments: one for each key that owes something.
//!
//! A key that is there is found, read and changed without a lock. Keys enter under the lock of their
//! shard, and stay where they are until they have owed nothing for [`LAG_NANOS`]; then another may have
//! their place.
//!
//! Why a change by compare-and-swap never meets another key: a place changes hands only by a swap of its
//! moment for [`MOVING`], and the moments of the next key in it are later than that of the last, by more
//! than clocks differ. So a place has no moment under two keys, and a swap that succeeds on a moment read
//! before and after the key was compared succeeds on that key.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::Moment;
use crate::secret::Hash;

/// By how much the clocks of two callers may differ, and so how long a key must have owed nothing before
/// its place is another's.
pub(super) const LAG_NANOS: u64 = 1_000_000_000;

/// The moment of a place that is between two keys.
const MOVING: u64 = u64::MAX;
/// The latest moment of a key.
const LATEST: u64 = MOVING - 1;

/// No place: the end of a chain.
const NONE: u32 = u32::MAX;

/// The keys of a shard where there are many shards: few enough to look at all of them.
const SHARD_ENTRIES: usize = 4096;
const SHARDS_MAX: usize = 256;

/// How many places a shard gets first; each further piece doubles them.
const FIRST_ENTRIES: usize = 64;
const PIECES: usize = 26;

/// How far a chain is followed without the lock; with it, to its end.
const HOPS_MAX: usize = 64;

/// No place is free and none can be made free before this has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) wait: Duration,
}

#[derive(Debug)]
pub(super) struct Table {
    shards: Box<[Shard]>,
    /// How many keys each shard holds at most.
    shard_entries: usize,
}

/// A part of the table with a lock of its own. It takes memory for places as keys come.
#[derive(Debug)]
struct Shard {
    growth: Mutex<Growth>,
    /// The first place of each chain.
    chains: OnceLock<Box<[AtomicU32]>>,
    pieces: [OnceLock<Box<[Entry]>>; PIECES],
    /// Before this moment no place can be made free, as far as is known.
    free_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Growth {
    /// How many places have ever been taken.
    used: usize,
    /// Where the search for a place to be made free goes on.
    hand: usize,
}

#[derive(Debug, Default)]
struct Entry {
    h1: AtomicU64,
    h2: AtomicU64,
    clear_at: AtomicU64,
    /// The next place in the same chain.
    next: AtomicU32,
}

impl Table {
    pub(super) fn new(entries_max: usize) -> Self {
        let entries_max = entries_max.max(1);
        let shards = (entries_max / SHARD_ENTRIES).clamp(1, SHARDS_MAX);
        // A shard is chosen by bits of the hash.
        let shards = 1 << shards.ilog2();
        let places_max = FIRST_ENTRIES << (PIECES - 1);
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            shard_entries: (entries_max / shards).min(places_max),
        }
    }

    /// How many keys fit at most.
    pub(super) const fn entries_max(&self) -> usize {
        self.shard_entries * self.shards.len()
    }

    /// When a key will owe nothing; the origin if it is not known, or just comes to be.
    pub(super) fn get(&self, hash: Hash) -> Moment {
        Moment(self.shard(hash).find(hash).map_or(0, |(_, clear_at)| clear_at))
    }

    /// Changes when a key will owe nothing to what `change` makes of it; a key that is not known owes
    /// nothing since the origin. `change` may be asked again, when others change it too.
    pub(super) fn change<E: From<Full>>(
        &self,
        hash: Hash,
        now: Moment,
        mut change: impl FnMut(Moment) -> Result<Moment, E>,
    ) -> Result<Moment, E> {
        let shard = self.shard(hash);
        while let Some((entry, clear_at)) = shard.find(hash) {
            let to = change(Moment(clear_at))?.0.min(LATEST);
            if entry.clear_at.compare_exchange(clear_at, to, AcqRel, Relaxed).is_ok() {
                shard.note(clear_at, to);
                return Ok(Moment(to));
            }
        }
        let mut growth = shard.growth.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = shard.find_locked(hash) {
            // With the lock held, the place stays this key's.
            let mut clear_at = entry.clear_at.load(Acquire);
            loop {
                let to = change(Moment(clear_at))?.0.min(LATEST);
                match entry.clear_at.compare_exchange(clear_at, to, AcqRel, Acquire) {
                    Ok(_) => {
                        shard.note(clear_at, to);
                        return Ok(Moment(to));
                    }
                    Err(other) => clear_at = other,
                }
            }
        }
        let to = change(Moment(0))?.0.min(LATEST);
        if to > now.0 {
            shard.enter(&mut growth, self.shard_entries, hash, to, now)?;
        }
        Ok(Moment(to))
    }

    fn shard(&self, hash: Hash) -> &Shard {
        // There are at most as many shards as an octet has values.
        &self.shards[(hash.h1 >> 56) as usize % self.shards.len()]
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            growth: Mutex::default(),
            chains: OnceLock::new(),
            pieces: [const { OnceLock::new() }; PIECES],
            free_at: AtomicU64::new(0),
        }
    }
}

impl Shard {
    /// The place of a key, with the moment that was read there while it was the key's. It may miss a key
    /// whose chain is being changed.
    fn find(&self, hash: Hash) -> Option<(&Entry, u64)> {
        let mut at = self.chain(hash)?.load(Acquire);
        for _ in 0..HOPS_MAX {
            let entry = self.entry(at)?;
            let clear_at = entry.clear_at.load(Acquire);
            if entry.is(hash) && clear_at != MOVING && entry.clear_at.load(Acquire) == clear_at {
                return Some((entry, clear_at));
            }
            at = entry.next.load(Acquire);
        }
        None
    }

    /// The place of a key, for one who holds the lock: chains stand still.
    fn find_locked(&self, hash: Hash) -> Option<&Entry> {
        let mut at = self.chain(hash)?.load(Acquire);
        while let Some(entry) = self.entry(at) {
            if entry.is(hash) {
                return Some(entry);
            }
            at = entry.next.load(Acquire);
        }
        None
    }

    /// Puts a key that is not there in a place: one never used, or else one whose key owes nothing.
    fn enter(
        &self,
        growth: &mut Growth,
        entries_max: usize,
        hash: Hash,
        clear_at: u64,
        now: Moment,
    ) -> Result<(), Full> {
        let places = entries_max.next_power_of_two();
        self.chains.get_or_init(|| (0..places).map(|_| AtomicU32::new(NONE)).collect());
        let at = if growth.used < entries_max {
            let (piece, _) = piece_of(growth.used);
            let entries = piece_entries(piece);
            self.pieces[piece].get_or_init(|| (0..entries).map(|_| Entry::default()).collect());
            growth.used += 1;
            growth.used - 1
        } else {
            self.free(growth, now)?
        } as u32;
        // Both are there: they were just made, or `free` went through them.
        if let (Some(chain), Some(entry)) = (self.chain(hash), self.entry(at)) {
            entry.h1.store(hash.h1, Release);
            entry.h2.store(hash.h2, Release);
            entry.next.store(chain.load(Acquire), Release);
            entry.clear_at.store(clear_at, Release);
            chain.store(at, Release);
            self.free_at.fetch_min(clear_at.saturating_add(LAG_NANOS), AcqRel);
        }
        Ok(())
    }

    /// Takes a place from a key that owes nothing any more, or says how long none can be taken.
    fn free(&self, growth: &mut Growth, now: Moment) -> Result<usize, Full> {
        let wait = |free_at: u64| Full { wait: Moment(free_at).since(now) };
        let free_at = self.free_at.load(Acquire);
        if free_at > now.0 {
            return Err(wait(free_at));
        }
        // Whatever falls while all are looked at is noted here too, by whoever lowers it.
        self.free_at.store(u64::MAX, Release);
        let mut soonest = u64::MAX;
        for _ in 0..growth.used {
            let at = growth.hand;
            growth.hand = (at + 1) % growth.used;
            let Some(entry) = self.entry(at as u32) else { continue };
            let clear_at = entry.clear_at.load(Acquire);
            if clear_at.saturating_add(LAG_NANOS) <= now.0
                && entry.clear_at.compare_exchange(clear_at, MOVING, AcqRel, Relaxed).is_ok()
            {
                self.unchain(entry, at as u32);
                // There may be more of them.
                self.free_at.fetch_min(0, AcqRel);
                return Ok(at);
            }
            soonest = soonest.min(entry.clear_at.load(Acquire));
        }
        let free_at = soonest.saturating_add(LAG_NANOS);
        self.free_at.fetch_min(free_at, AcqRel);
        Err(wait(free_at))
    }

    /// Takes a place out of its chain. Who follows the chain meanwhile may be led astray, and then looks
    /// again under the lock.
    fn unchain(&self, entry: &Entry, at: u32) {
        let hash = Hash { h1: entry.h1.load(Acquire), h2: entry.h2.load(Acquire) };
        let next = entry.next.load(Acquire);
        let Some(mut link) = self.chain(hash) else { return };
        loop {
            let to = link.load(Acquire);
            if to == at {
                link.store(next, Release);
                return;
            }
            let Some(before) = self.entry(to) else { return };
            link = &before.next;
        }
    }

    /// A key's moment went from one to another: if it is earlier now, its place may be free earlier.
    fn note(&self, from: u64, to: u64) {
        if to < from {
            self.free_at.fetch_min(to.saturating_add(LAG_NANOS), AcqRel);
        }
    }

    fn chain(&self, hash: Hash) -> Option<&AtomicU32> {
        let chains = self.chains.get()?;
        chains.get(hash.h2 as usize & (chains.len() - 1))
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        if at == NONE {
            return None;
        }
        let (piece, offset) = piece_of(at as usize);
        self.pieces.get(piece)?.get()?.get(offset)
    }
}

impl Entry {
    fn is(&self, hash: Hash) -> bool {
        self.h1.load(Acquire) == hash.h1 && self.h2.load(Acquire) == hash.h2
    }
}

/// In which piece a place is, and where in it.
const fn piece_of(at: usize) -> (usize, usize) {
    if at < FIRST_ENTRIES {
        return (0, at);
    }
    let doubled = (at / FIRST_ENTRIES).ilog2() as usize;
    (doubled + 1, at - (FIRST_ENTRIES << doubled))
}

/// How many places a piece has: the first two as many, each further one twice as many as the last.
const fn piece_entries(piece: usize) -> usize {
    FIRST_ENTRIES << piece.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other() {
        let mut at = 0;
        for piece in 0..8 {
            for offset in 0..piece_entries(piece) {
                assert_eq!(piece_of(at), (piece, offset));
                at += 1;
            }
        }
        assert_eq!(piece_of((FIRST_ENTRIES << (PIECES - 1)) - 1).0, PIECES - 1);
    }

    #[test]
    fn a_chain_stays_whole_when_places_change_hands() {
        let table = Table::new(4);
        // All in one chain, in one shard.
        let hash = |i: u64| Hash { h1: i, h2: 8 };
        let put = |i: u64, now: u64| {
            table.change(hash(i), Moment(now), |_| Ok::<_, Full>(Moment(now + i + 1)))
        };
        let known = |i: u64| table.get(hash(i)) != Moment(0);
        for i in 0..4 {
            put(i, 0).unwrap();
        }
        let full = put(4, 0).unwrap_err();
        assert_eq!(full.wait, Duration::from_nanos(LAG_NANOS + 1));
        // The second is pushed out of the middle, by way of the first's renewal.
        put(0, LAG_NANOS).unwrap();
        put(4, LAG_NANOS + 2).unwrap();
        assert_eq!((0..5).map(known).collect::<Vec<_>>(), [true, false, true, true, true]);
        put(5, LAG_NANOS + 3).unwrap();
        put(6, LAG_NANOS + 4).unwrap();
        assert_eq!(
            (0..7).map(known).collect::<Vec<_>>(),
            [true, false, false, false, true, true, true]
        );
        assert!(put(7, LAG_NANOS + 5).is_err());
        // One that falls is free earlier than was known.
        table.change(hash(6), Moment(0), |_| Ok::<_, Full>(Moment(1))).unwrap();
        put(7, LAG_NANOS + 5).unwrap();
        assert!(!known(6) && known(7));
    }

    #[test]
    fn the_bound_is_kept() {
        assert_eq!(Table::new(0).entries_max(), 1);
        assert_eq!(Table::new(100).entries_max(), 100);
        assert_eq!(Table::new(10_000).entries_max(), 10_000);
        assert_eq!(Table::new(1 << 20).entries_max(), 1 << 20);
    }
}
