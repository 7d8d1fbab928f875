//! A folder as an origin: plans of the engine carried out against a store.
//!
//! Everything here may wait for a disk and is called on worker threads, but for what takes
//! [`Wait::No`](wherefore_store::Wait::No) and for [`cache`], which belongs to one core.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cache;
mod deleted;
mod find;
pub mod inbox;
mod listing;
pub mod multipart;
mod names;
mod patch;
pub mod read;
pub mod write;

use std::sync::Arc;

use wherefore_decide::policy::Site;
use wherefore_message::path::PathBuf;
use wherefore_message::request::RequestBuf;
use wherefore_store::Store;

pub use deleted::{Deleted, Memory};
pub use find::{failure, refused};
pub use write::{Done, Stage};

/// A folder with what is remembered of it, and the site that it stands in.
pub struct Origin {
    store: Arc<dyn Store>,
    deleted: Option<Deleted>,
    site: Arc<Site>,
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
