//! A folder's files as resources.

use wherefore_message::path::{self, Path};
use wherefore_message::{Method, MethodSet};

use crate::policy::{Captures, Index, Matched, Template, VariantPolicy};

/// A folder as an origin's resources.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Which folder, among those of the configuration.
    pub origin: Index,
    /// Whether it can be written to.
    pub access: FolderAccess,
    /// Whether a PUT makes the folders that its path names.
    pub missing_folders: MissingFolders,
    /// The path within the folder; none: what is left of the request's path behind the literal part of
    /// the route's pattern.
    pub rewrite: Option<Template>,
    /// The path of the file that is sent where a GET finds nothing: how applications that are one page
    /// are served.
    pub fallback: Option<Box<[u8]>>,
    /// What a GET of a folder without an index file gets.
    pub listing: Listing,
    /// How variants are told by the names of files; none: they are not.
    pub variants: Option<VariantPolicy>,
}

/// What a GET of a folder without an index file gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// The list of its members.
    On,
    /// Nothing: 404.
    Off,
}

/// Whether a folder can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderAccess {
    /// GET, HEAD and OPTIONS alone.
    ReadOnly,
    /// PUT, POST, PATCH and DELETE too.
    Writable,
}

/// What a PUT under a folder that is not there does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingFolders {
    /// 409.
    Conflict,
    /// Makes it.
    Create,
}

/// The kinds of thing that a path of a folder can name, as far as methods differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// The folder that is served itself: it can't be deleted.
    Root,
    /// A folder in it.
    Folder,
    /// A file.
    File,
    /// A file of JSON: it can be patched.
    JsonFile,
    /// Nothing.
    Nothing,
}

pub(super) const READ: MethodSet = MethodSet::of(&[Method::Get, Method::Head, Method::Options]);

impl Folder {
    /// Folder number `origin`, to be read; a folder without an index file is listed.
    #[must_use]
    pub const fn read_only(origin: Index) -> Self {
        Self {
            origin,
            access: FolderAccess::ReadOnly,
            missing_folders: MissingFolders::Conflict,
            rewrite: None,
            fallback: None,
            listing: Listing::On,
            variants: None,
        }
    }

    /// The path within the folder that the path of a request leads to; none where that can't be read.
    #[must_use]
    pub fn inner<'a>(
        &self,
        matched: &Matched<'_>,
        path: Path<'a>,
        scratch: &'a mut Vec<u8>,
    ) -> Option<Path<'a>> {
        match &self.rewrite {
            None => Some(path.below(matched.rest_at)),
            Some(rewrite) => {
                let captures = Captures::new(&matched.route.pattern, path.bytes());
                let rewritten = rewrite.expanded(&captures);
                path::decode_made(rewritten.as_bytes(), scratch).ok()
            }
        }
    }

    /// The methods that a resource of this kind offers.
    #[must_use]
    pub const fn methods(&self, kind: ResourceKind) -> MethodSet {
        if matches!(self.access, FolderAccess::ReadOnly) {
            return READ;
        }
        READ.or(MethodSet::of(match kind {
            ResourceKind::Root => &[Method::Post],
            ResourceKind::Folder => &[Method::Post, Method::Delete],
            ResourceKind::File => &[Method::Put, Method::Delete],
            ResourceKind::JsonFile => &[Method::Put, Method::Delete, Method::Patch],
            ResourceKind::Nothing => &[Method::Put],
        }))
    }
}
