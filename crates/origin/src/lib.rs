//! A folder as an origin: plans of the engine carried out against a store.
//!
//! Everything here may wait for a disk and is called on worker threads, but for what takes
//! [`Wait::No`](wherefore_store::Wait::No) and for [`cache`], which belongs to one core.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cache;
mod deleted;
pub mod encode;
pub mod encoded;
mod find;
pub mod inbox;
mod listing;
pub mod members;
pub mod multipart;
mod names;
mod patch;
pub mod read;
pub mod room;
pub mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wherefore_decide::policy::{Matched, Site, Sites};
use wherefore_decide::{Client, GatewayPlace, InboxPlace, Place, Question};
use wherefore_message::path::{Path, PathBuf};
use wherefore_message::request::RequestBuf;
use wherefore_store::Store;

pub use deleted::{Deleted, Memory};
pub use find::{failure, media_type, refused};
pub use write::{Done, Stage};

/// A folder with what is remembered of it.
pub struct Origin {
    store: Arc<dyn Store>,
    deleted: Option<Deleted>,
    id: u32,
}

/// A request on its way to a worker thread: all that an act needs, owned.
#[derive(Clone, Debug)]
pub struct Job {
    /// The request's head.
    pub request: RequestBuf,
    /// Its decoded path.
    pub path: PathBuf,
    /// The path within the folder.
    pub inner: PathBuf,
    /// Who asks.
    pub client: Client,
    /// The sites of the configuration that admitted it.
    pub sites: Arc<Sites>,
    /// The place of its site among them.
    pub site: usize,
    /// The place of its route among the site's.
    pub route: usize,
    /// The offset of what is left of the path behind the route's pattern.
    pub rest_at: usize,
}

impl Job {
    /// A copy of a request that was admitted to a resource.
    #[must_use]
    pub fn new(
        question: &Question<'_>,
        sites: &Arc<Sites>,
        site: usize,
        place: &Place<'_>,
    ) -> Self {
        Self::at(question, sites, site, &place.matched, (place.path, place.inner))
    }

    /// A copy of a request that was admitted to an inbox.
    #[must_use]
    pub fn to_inbox(
        question: &Question<'_>,
        sites: &Arc<Sites>,
        site: usize,
        place: &InboxPlace<'_>,
    ) -> Self {
        Self::at(question, sites, site, &place.matched, (place.path, place.path))
    }

    /// A copy of a request that was admitted to a gateway.
    #[must_use]
    pub fn to_gateway(
        question: &Question<'_>,
        sites: &Arc<Sites>,
        site: usize,
        place: &GatewayPlace<'_>,
    ) -> Self {
        Self::at(question, sites, site, &place.matched, (place.path, place.path))
    }

    fn at(
        question: &Question<'_>,
        sites: &Arc<Sites>,
        site: usize,
        matched: &Matched<'_>,
        (path, inner): (Path<'_>, Path<'_>),
    ) -> Self {
        Self {
            request: RequestBuf::from(question.request),
            path: PathBuf::from(path),
            inner: PathBuf::from(inner),
            client: *question.client,
            sites: Arc::clone(sites),
            site,
            route: matched.index,
            rest_at: matched.rest_at,
        }
    }

    /// The site that admitted it.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        self.sites.site(self.site)
    }

    /// The route that it falls under.
    #[must_use]
    pub fn matched(&self) -> Option<Matched<'_>> {
        let route = self.site()?.routes().get(self.route)?;
        Some(Matched { route, index: self.route, rest_at: self.rest_at })
    }

    /// The resource that it is for, by the way that led to it.
    #[must_use]
    pub fn place(&self) -> Option<Place<'_>> {
        let matched = self.matched()?;
        let folder = matched.route.folder()?;
        Some(Place { matched, folder, path: self.path.as_path(), inner: self.inner.as_path() })
    }
}

impl Origin {
    /// An origin over `store`. Where none is remembered, what was deleted is 404 and not 410.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, deleted: Option<Deleted>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self { store, deleted, id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Its folder as an inbox. Before the first submission is taken, what a crash left is to be
    /// [cleared](inbox::Inbox::clear) away.
    #[must_use]
    pub fn inbox(&self) -> inbox::Inbox {
        inbox::Inbox::new(Arc::clone(&self.store))
    }

    /// A number that no other origin of this process has.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }
}
