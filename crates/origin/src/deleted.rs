//! What was deleted from a folder: under which names something stood, and of which kind.
//!
//! A file and a folder of one name are two resources: `/a` and `/a/`. A folder's tombstone is kept under its
//! name with the slash.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use wherefore_message::path::Path;
use wherefore_state::{RootIdentity, Snapshot, Tombstone, Tombstones};

use crate::find::store_path;

/// What was deleted from the folder, as it is remembered over restarts.
pub struct Deleted {
    /// The memory.
    pub tombstones: Memory,
    /// Which folder it is, among those that the memory knows.
    pub root: RootIdentity,
}

/// What was deleted, to be kept up to date or only to be known.
pub enum Memory {
    /// Ours to write.
    Kept(Arc<Tombstones>),
    /// As it was when it was read: another process may be writing it.
    Read(Snapshot),
}

/// What kind of resource was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

impl Deleted {
    /// What is remembered of the resource that `path` names. A folder's name without its slash led to it, so
    /// it is gone too; a file's name with a slash never named anything.
    pub(crate) fn of(&self, path: Path<'_>) -> Option<Tombstone> {
        let name = store_path(path);
        let folder = || self.get(&key(name, Kind::Folder));
        if path.is_folder() { folder() } else { self.get(name).or_else(folder) }
    }

    /// Remembers that the resource `name`, of this kind, is about to be removed.
    pub(crate) fn record(&self, name: &[u8], kind: Kind, since: u64) -> io::Result<()> {
        match &self.tombstones {
            Memory::Kept(tombstones) => {
                tombstones.record(self.root, &key(name, kind), since).map_err(io::Error::other)
            }
            Memory::Read(_) => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// Whether something is remembered of `name` that could be forgotten.
    pub(crate) fn can_lift(&self, name: &[u8]) -> bool {
        matches!(&self.tombstones, Memory::Kept(tombstones) if !tombstones.is_empty())
            && [Kind::File, Kind::Folder].iter().any(|kind| self.get(&key(name, *kind)).is_some())
    }

    /// Forgets that something was deleted, since something of that name is there again. Failing does no
    /// harm: what is there is served.
    pub(crate) fn lift(&self, name: &[u8]) {
        if let Memory::Kept(tombstones) = &self.tombstones {
            for kind in [Kind::File, Kind::Folder] {
                let _ = tombstones.lift(self.root, &key(name, kind));
            }
        }
    }

    fn get(&self, key: &[u8]) -> Option<Tombstone> {
        match &self.tombstones {
            Memory::Kept(tombstones) => tombstones.get(self.root, key),
            Memory::Read(snapshot) => snapshot.get(self.root, key),
        }
    }
}

fn key(name: &[u8], kind: Kind) -> Cow<'_, [u8]> {
    match kind {
        Kind::File => name.into(),
        Kind::Folder => [name, b"/"].concat().into(),
    }
}
