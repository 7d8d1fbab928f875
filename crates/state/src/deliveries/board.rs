//! What is pending and what is settled, in memory: whose turn it is, and who is at it. It says what the file says,
//! since it follows each write; only leases are here alone, so that they end with the process.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wherefore_message::later::{Progress, Setback};

use super::delivery::{DeliveryId, UnixMillis};
use super::record::Standing;
use super::retry::{Finished, Pending};

#[derive(Debug, Default)]
pub(super) struct Shared {
    board: Mutex<Board>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
pub(super) struct Board {
    pending: HashMap<DeliveryId, Entry>,
    /// What is pending and nobody is at.
    schedule: BTreeSet<(UnixMillis, DeliveryId)>,
    /// What is left out of the schedule, by where it is to go, and where each of these stands.
    shelves: BTreeMap<Box<str>, BTreeSet<(UnixMillis, DeliveryId)>>,
    shelved: HashMap<DeliveryId, Box<str>>,
    finished: HashMap<DeliveryId, Finished>,
    /// What comes in, and is not accepted yet.
    incoming: HashMap<DeliveryId, u64>,
    /// What could not be written down: not before this is it tried again, whatever the file says.
    held: HashMap<DeliveryId, UnixMillis>,
    /// All that is kept of what is pending or coming in, in octets.
    bytes: u64,
    /// A write failed, and what stands here may not be what stands in the file.
    is_stale: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    standing: Pending,
    bytes: u64,
    is_leased: bool,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Of(DeliveryId, Pending),
    At(UnixMillis),
    Nobody,
}

impl Board {
    /// What becomes of a delivery that is coming in: it has a place, if there is one for it.
    pub(super) fn admit(&mut self, id: DeliveryId, pending_max: usize) -> bool {
        let has_room = self.pending.len() + self.incoming.len() < pending_max;
        if has_room {
            self.incoming.insert(id, 0);
        }
        has_room
    }

    pub(super) fn is_known(&self, id: DeliveryId) -> bool {
        self.pending.contains_key(&id)
            || self.finished.contains_key(&id)
            || self.incoming.contains_key(&id)
    }

    /// Makes room for so much more of what comes in, if there is any.
    pub(super) fn grow(&mut self, id: DeliveryId, bytes: u64, bytes_max: u64) -> bool {
        let Some(grown) = self.bytes.checked_add(bytes).filter(|grown| *grown <= bytes_max) else {
            return false;
        };
        let Some(incoming) = self.incoming.get_mut(&id) else { return false };
        *incoming += bytes;
        self.bytes = grown;
        true
    }

    /// It comes in no longer: it was let go, or is pending.
    pub(super) fn dismiss(&mut self, id: DeliveryId) {
        self.bytes -= self.incoming.remove(&id).unwrap_or(0);
    }

    /// How it stands with a delivery, as the file has it now.
    pub(super) fn set(&mut self, id: DeliveryId, standing: Standing) {
        let before = self.pending.remove(&id);
        if let Some(Entry { standing, bytes, .. }) = before {
            self.schedule.remove(&(standing.next_at, id));
            self.take_off(id, standing.next_at);
            self.bytes -= bytes;
        }
        match standing {
            Standing::Pending { standing, bytes } => {
                let is_leased = before.is_some_and(|before| before.is_leased);
                self.pending.insert(id, Entry { standing, bytes, is_leased });
                self.bytes += bytes;
                if !is_leased {
                    self.schedule.insert((standing.next_at, id));
                }
            }
            Standing::Finished(finished) => {
                self.finished.insert(id, finished);
            }
        }
    }

    pub(super) fn forget(&mut self, id: DeliveryId) {
        self.finished.remove(&id);
    }

    /// Leases what is due to the caller. What is due later than it could have been made is due now: the clock was
    /// put back since.
    pub(super) fn take(&mut self, now: UnixMillis, delay_max: Duration) -> Turn {
        let Some(first) = self.schedule.first().copied() else { return Turn::Nobody };
        let last = self.schedule.last().copied();
        let late = last.filter(|(at, _)| *at > now.after(delay_max));
        let due = if first.0 <= now { Some(first) } else { late };
        let Some((at, id)) = due else { return Turn::At(first.0) };
        self.schedule.remove(&(at, id));
        let Some(entry) = self.pending.get_mut(&id) else { return Turn::Nobody };
        entry.is_leased = true;
        Turn::Of(id, entry.standing)
    }

    /// Nobody is at it any more.
    pub(super) fn put_back(&mut self, id: DeliveryId) {
        let Some(entry) = self.pending.get_mut(&id) else { return };
        entry.is_leased = false;
        let due = (entry.standing.next_at, id);
        match self.shelved.get(&id) {
            Some(destination) => self.shelves.entry(destination.clone()).or_default().insert(due),
            None => self.schedule.insert(due),
        };
    }

    /// When it is put back, it stays out of the schedule until others that go there have ended.
    pub(super) fn shelve(&mut self, id: DeliveryId, destination: &str) {
        self.shelved.insert(id, destination.into());
    }

    /// The first of what is shelved for this destination is in the schedule again.
    pub(super) fn unshelve(&mut self, destination: &str) -> bool {
        let first = self.shelves.get(destination).and_then(|shelf| shelf.first().copied());
        let Some((at, id)) = first else { return false };
        self.take_off(id, at);
        self.schedule.insert((at, id))
    }

    /// It is on no shelf any more.
    fn take_off(&mut self, id: DeliveryId, at: UnixMillis) {
        let Some(destination) = self.shelved.remove(&id) else { return };
        if let Place::Occupied(mut shelf) = self.shelves.entry(destination) {
            shelf.get_mut().remove(&(at, id));
            if shelf.get().is_empty() {
                shelf.remove();
            }
        }
    }

    /// What somebody is at is not tried before this moment, for this reason, as long as the process lives.
    pub(super) fn postpone(&mut self, id: DeliveryId, why: Setback, until: UnixMillis) {
        if let Some(entry) = self.pending.get_mut(&id) {
            entry.standing = Pending { next_at: until, last: Some(why), ..entry.standing };
        }
    }

    /// What nobody is at and was not tried for this reason is due.
    pub(super) fn call_back(&mut self, why: Setback, now: UnixMillis) {
        for (id, entry) in &mut self.pending {
            let standing = &mut entry.standing;
            let is_in_schedule = !entry.is_leased && !self.shelved.contains_key(id);
            if standing.last == Some(why) && standing.next_at > now && is_in_schedule {
                self.schedule.remove(&(standing.next_at, *id));
                standing.next_at = now;
                self.schedule.insert((now, *id));
            }
        }
    }

    /// What a try came to was not written down.
    pub(super) fn hold(&mut self, id: DeliveryId, until: UnixMillis) {
        self.held.insert(id, until);
    }

    pub(super) fn mark_stale(&mut self) {
        self.is_stale = true;
    }

    pub(super) const fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// What the file says, all of it.
    pub(super) fn load(&mut self, all: Vec<(DeliveryId, Standing)>) {
        let leased: Vec<DeliveryId> =
            self.pending.iter().filter(|(_, entry)| entry.is_leased).map(|(id, _)| *id).collect();
        self.pending.clear();
        self.schedule.clear();
        self.shelves.clear();
        self.shelved.clear();
        self.finished.clear();
        self.bytes = self.incoming.values().sum();
        let held = std::mem::take(&mut self.held);
        for (id, mut standing) in all {
            if let Standing::Pending { standing, .. } = &mut standing
                && let Some(until) = held.get(&id)
            {
                standing.next_at = standing.next_at.max(*until);
            }
            self.set(id, standing);
        }
        for id in leased {
            if let Some(entry) = self.pending.get_mut(&id) {
                entry.is_leased = true;
                self.schedule.remove(&(entry.standing.next_at, id));
            }
        }
        self.is_stale = false;
    }

    /// Whether a file of this name is needed.
    pub(super) fn needs(&self, id: DeliveryId) -> bool {
        self.pending.contains_key(&id) || self.incoming.contains_key(&id)
    }

    pub(super) fn is_pending(&self, id: DeliveryId) -> bool {
        self.pending.contains_key(&id)
    }

    pub(super) fn pending_bytes(&self, id: DeliveryId) -> Option<u64> {
        self.pending.get(&id).map(|entry| entry.bytes)
    }

    pub(super) fn progress(&self, id: DeliveryId) -> Option<Progress> {
        match self.pending.get(&id) {
            Some(entry) => Some(entry.standing.progress()),
            None => self.finished.get(&id).map(Finished::progress),
        }
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn pending_count(&self) -> usize {
        self.pending.len()
    }
}
