//! The site that is asked: a folder in memory with one page.

use std::rc::Rc;
use std::sync::Arc;

use wherefore_decide::facts::{Found, Representation};
use wherefore_decide::policy::{
    ContentPolicy, Folder, FolderAccess, Hosts, Pattern, Resource, Route, Site, Sites,
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
        Self::make().expect("memory takes a page")
    }

    /// The page's representation.
    pub(crate) fn representation(&self) -> &Representation {
        &self.file.representation
    }

    fn make() -> Result<Self, StoreError> {
        let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
        let content = ContentPolicy::up_to(1 << 30, 1 << 20);
        let route = Route::new(Pattern::everything(), Resource::Folder(folder), content);
        let site = Site::new("page", Hosts::loopback::<&str>(&[]), vec![route]);
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
