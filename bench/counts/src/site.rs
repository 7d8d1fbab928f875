//! The site that is asked: a folder in memory with one page.

use std::rc::Rc;
use std::sync::Arc;

use wherefore_decide::facts::{Found, Representation};
use wherefore_decide::policy::{
    ContentPolicy, Elsewhere, Folder, FolderAccess, Hosts, Lasting, Pattern, Resource, Route, Site,
    Sites, Template,
};
use wherefore_message::date::HttpDate;
use wherefore_message::{media, path};
use wherefore_origin::Origin;
use wherefore_origin::read::OpenFile;
use wherefore_store::{CreateFolders, LookFor, MemoryStore, Store, StoreError, Wait};

/// Some time or other, later than the page.
pub(crate) const NOW: HttpDate = HttpDate::from_unix(4_000_000_000);
/// As it stands in `Date`.
pub(crate) const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

const PAGE_BYTES: usize = 1024;

/// A site, with what a look at its page and at a missing one finds.
pub(crate) struct Served {
    pub(crate) sites: Sites,
    pub(crate) page: Found,
    pub(crate) missing: Found,
    pub(crate) file: Rc<OpenFile>,
    /// The page's; remembered with it.
    pub(crate) media_type: &'static str,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::among(0, 0)
    }

    /// The page under a route of its own, among so many other routes and redirects.
    pub(crate) fn among(routes: usize, redirects: usize) -> Self {
        Self::make(routes, redirects).expect("memory takes a page")
    }

    /// The page's representation.
    pub(crate) fn representation(&self) -> &Representation {
        &self.file.representation
    }

    fn make(others: usize, redirects: usize) -> Result<Self, StoreError> {
        let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
        let content = ContentPolicy::up_to(1 << 30, 1 << 20);
        let route = Route::new(Pattern::everything(), Resource::Folder(folder), content);
        let pattern = |text: &str| Pattern::parse(text).map_err(|_| StoreError::Invalid);
        let mut routes = Vec::new();
        for i in 0..others {
            routes.push(Route { pattern: pattern(&format!("/app{i}/*"))?, ..route.clone() });
        }
        for i in 0..redirects {
            let pattern = pattern(&format!("/old/page-{i}.html"))?;
            let to = Template::parse(&format!("/new/{i}"), &pattern);
            let to = to.map_err(|_| StoreError::Invalid)?;
            let moved = Elsewhere::Moved { to, lasting: Lasting::Permanent };
            routes.push(Route::new(pattern, Resource::Elsewhere(moved), content));
        }
        routes.push(route);
        let site = Site::new("page", Hosts::loopback::<&str>(&[]), routes);
        let store = MemoryStore::new();
        let mut staged = store.stage(b"/docs", None)?;
        staged.write(&[b'x'; PAGE_BYTES])?;
        store.replace(b"/docs/page.html", staged, CreateFolders::Yes, &mut |_| true)?;
        let origin = Origin::new(Arc::new(store), None);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let page = path::decode(b"/docs/page.html", &mut first).map_err(|_| StoreError::Invalid)?;
        let missing =
            path::decode(b"/docs/no.html", &mut second).map_err(|_| StoreError::Invalid)?;
        Ok(Self {
            page: origin.find(page, LookFor::Content, Wait::Yes)?,
            missing: origin.find(missing, LookFor::Content, Wait::Yes)?,
            file: Rc::new(origin.open(page, None, Wait::Yes)?),
            media_type: media::by_name(page.name()),
            sites: Sites::new(vec![site]),
        })
    }
}
