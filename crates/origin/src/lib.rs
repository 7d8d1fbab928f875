//! A folder as an origin: plans of the engine carried out against a store.
//!
//! Everything here may wait for a disk and is called on worker threads, but for what takes
//! [`Wait::No`](wherefore_store::Wait::No) and for [`cache`], which belongs to one core.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cache;
mod find;
mod listing;
pub mod multipart;
mod names;
mod patch;
pub mod read;
pub mod write;

use std::io;
use std::sync::Arc;

use wherefore_decide::policy::Site;
use wherefore_message::path::PathBuf;
use wherefore_message::request::RequestBuf;
use wherefore_state::{RootIdentity, Snapshot, Tombstone, Tombstones};
use wherefore_store::Store;

pub use find::{failure, refused};
pub use listing::ListingForm;
pub use write::{Done, Stage};

/// A folder with what is remembered of it, and the site that it stands in.
pub struct Origin {
    store: Arc<dyn Store>,
    deleted: Option<Deleted>,
    site: Arc<Site>,
}

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

impl Deleted {
    fn get(&self, path: &[u8]) -> Option<Tombstone> {
        match &self.tombstones {
            Memory::Kept(tombstones) => tombstones.get(self.root, path),
            Memory::Read(snapshot) => snapshot.get(self.root, path),
        }
    }

    fn record(&self, path: &[u8], since: u64) -> io::Result<()> {
        match &self.tombstones {
            Memory::Kept(tombstones) => {
                tombstones.record(self.root, path, since).map_err(io::Error::other)
            }
            Memory::Read(_) => Err(io::ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// Whether something is remembered of `path` that could be forgotten.
    fn can_lift(&self, path: &[u8]) -> bool {
        matches!(self.tombstones, Memory::Kept(_)) && self.get(path).is_some()
    }

    /// Forgets that something was deleted, since something is there again. Failing does no harm: what is
    /// there is served.
    fn lift(&self, path: &[u8]) {
        if let Memory::Kept(tombstones) = &self.tombstones {
            let _ = tombstones.lift(self.root, path);
        }
    }
}

/// A request on its way to a worker thread: all that an act needs, owned.
#[derive(Clone, Debug)]
pub struct Job {
    /// The request's head.
    pub request: RequestBuf,
    /// Its decoded path.
    pub path: PathBuf,
}

impl Origin {
    /// An origin over `store`. Where none is remembered, what was deleted is 404 and not 410.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, deleted: Option<Deleted>, site: Arc<Site>) -> Self {
        Self { store, deleted, site }
    }

    /// The site that it stands in.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }
}
