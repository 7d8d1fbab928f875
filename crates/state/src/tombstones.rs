//! That something was there and was removed (RFC 9110 §15.5.11): a record, not a verdict. Whatever is
//! there again is there, and lifts it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::folder::FolderLock;
use crate::log::Log;
use crate::record::{PATH_BYTES_MAX, Record, What};
use crate::{RootIdentity, StateError};

/// How many tombstones are kept unless told otherwise.
pub const CAPACITY_DEFAULT: usize = 100_000;

/// Something was there, and was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// When it was removed, in seconds since the start of 1970.
    pub since: u64,
}

/// The tombstones of all the folders that a process serves, in memory and in a log on disk.
#[derive(Debug)]
pub struct Tombstones {
    index: RwLock<Index>,
    log: Mutex<Sequenced>,
    /// Held by whoever syncs the log for all who wait.
    syncing: Mutex<()>,
    cut_off_bytes: u64,
    _lock: FolderLock,
}

/// The log, with how far it was written and how far it is known to be on the disk, in records.
#[derive(Debug)]
struct Sequenced {
    log: Log,
    appended: u64,
    durable: u64,
}

impl Tombstones {
    /// Opens the tombstones kept in `folder`, which is made if it is not there and is locked as long as
    /// this lives. At most `capacity` are kept: the oldest are given up.
    ///
    /// # Errors
    /// [`StateError::Locked`] while another process has it, [`StateError::UnknownVersion`],
    /// [`StateError::NotOurs`], [`StateError::Io`].
    pub fn open(folder: &Path, capacity: usize) -> Result<Self, StateError> {
        let lock = FolderLock::take(folder)?;
        let mut index = Index { capacity, ..Index::default() };
        let (log, cut_off_bytes) = Log::open(folder, |record| index.apply(&record))?;
        Ok(Self {
            index: RwLock::new(index),
            log: Mutex::new(Sequenced { log, appended: 0, durable: 0 }),
            syncing: Mutex::new(()),
            cut_off_bytes,
            _lock: lock,
        })
    }

    /// Reads the tombstones kept in `folder` as they are now, without taking or making anything: another
    /// process may have it open. A folder that is not there keeps none.
    ///
    /// # Errors
    /// [`StateError::UnknownVersion`], [`StateError::NotOurs`], [`StateError::Io`].
    pub fn read(folder: &Path, capacity: usize) -> Result<Snapshot, StateError> {
        let mut index = Index { capacity, ..Index::default() };
        Log::read(folder, |record| index.apply(&record))?;
        Ok(Snapshot(index))
    }

    /// How many octets at the end of the log were unsound when it was opened, and were cut off: more than
    /// none after a crash of the system in the middle of a record, or if the disk lost something.
    #[must_use]
    pub const fn cut_off_bytes(&self) -> u64 {
        self.cut_off_bytes
    }

    /// Remembers that what was at `path` under `root` is removed, `since` seconds after the start of 1970.
    /// It is on the disk when this returns; calls at the same time share the wait for it.
    ///
    /// # Errors
    /// [`StateError::TooLong`], [`StateError::Io`]; then it may or may not be remembered.
    pub fn record(&self, root: RootIdentity, path: &[u8], since: u64) -> Result<(), StateError> {
        let number = self.append(&Record { what: What::Removed, root, since, path })?;
        self.wait_until_durable(number)
    }

    /// Forgets it: something is at `path` again. Should a crash undo that, what is there will lift it again.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn lift(&self, root: RootIdentity, path: &[u8]) -> Result<(), StateError> {
        if self.get(root, path).is_none() {
            return Ok(());
        }
        self.append(&Record { what: What::Lifted, root, since: 0, path }).map(|_| ())
    }

    /// What is remembered of `path` under `root`.
    #[must_use]
    pub fn get(&self, root: RootIdentity, path: &[u8]) -> Option<Tombstone> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).get(root, path)
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.read().unwrap_or_else(PoisonError::into_inner).by_age.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends to the log and to the index, in one order for both; says which record it is.
    fn append(&self, record: &Record<'_>) -> Result<u64, StateError> {
        if record.path.len() > PATH_BYTES_MAX {
            return Err(StateError::TooLong);
        }
        let mut sequenced = self.sequenced();
        if sequenced.log.is_damaged() {
            self.rewrite(&mut sequenced)?;
        }
        sequenced.log.append(record)?;
        sequenced.appended += 1;
        self.index.write().unwrap_or_else(PoisonError::into_inner).apply(record);
        if sequenced.log.is_long() {
            let rewritten = self.rewrite(&mut sequenced);
            if sequenced.log.is_damaged() {
                rewritten?;
            }
            // Any other failure leaves the log in use as it is, and the record in it.
        }
        Ok(sequenced.appended)
    }

    fn rewrite(&self, sequenced: &mut Sequenced) -> Result<(), StateError> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let records: Vec<Record<'_>> = index.records().collect();
        sequenced.log.rewrite(&records)?;
        sequenced.durable = sequenced.appended;
        Ok(())
    }

    fn wait_until_durable(&self, number: u64) -> Result<(), StateError> {
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, appended) = {
            let sequenced = self.sequenced();
            if sequenced.durable >= number {
                return Ok(());
            }
            (sequenced.log.file(), sequenced.appended)
        };
        let synced = file.sync_data();
        let mut sequenced = self.sequenced();
        match synced {
            Ok(()) => sequenced.durable = sequenced.durable.max(appended),
            Err(error) => {
                sequenced.log.distrust();
                return Err(StateError::io(&sequenced.log.path())(error));
            }
        }
        Ok(())
    }

    fn sequenced(&self) -> MutexGuard<'_, Sequenced> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tombstones that there were when they were read; they can't be changed.
#[derive(Debug)]
pub struct Snapshot(Index);

impl Snapshot {
    /// What was remembered of `path` under `root`.
    #[must_use]
    pub fn get(&self, root: RootIdentity, path: &[u8]) -> Option<Tombstone> {
        self.0.get(root, path)
    }
}

/// What is remembered, by path and by age.
#[derive(Debug, Default)]
struct Index {
    capacity: usize,
    by_path: HashMap<RootIdentity, HashMap<Vec<u8>, (u64, u64)>>,
    by_age: BTreeMap<u64, (RootIdentity, Vec<u8>)>,
    count: u64,
}

impl Index {
    fn apply(&mut self, record: &Record<'_>) {
        let paths = self.by_path.entry(record.root).or_default();
        if let Some((_, age)) = paths.remove(record.path) {
            self.by_age.remove(&age);
        }
        if record.what == What::Removed {
            self.count += 1;
            paths.insert(record.path.to_vec(), (record.since, self.count));
            self.by_age.insert(self.count, (record.root, record.path.to_vec()));
        }
        while self.by_age.len() > self.capacity {
            let Some((_, (root, path))) = self.by_age.pop_first() else { break };
            if let Some(paths) = self.by_path.get_mut(&root) {
                paths.remove(&path);
            }
        }
    }

    fn get(&self, root: RootIdentity, path: &[u8]) -> Option<Tombstone> {
        let (since, _) = self.by_path.get(&root)?.get(path)?;
        Some(Tombstone { since: *since })
    }

    /// What makes the same index when replayed, oldest first.
    fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.by_age.values().filter_map(|(root, path)| {
            let (since, _) = self.by_path.get(root)?.get(path)?;
            Some(Record { what: What::Removed, root: *root, since: *since, path })
        })
    }
}
