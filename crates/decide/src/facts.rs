//! What a look-up found: the facts between the second stage and the third.

use wherefore_message::date::HttpDate;
use wherefore_message::{Coding, EntityTag, FieldSet, Request};

/// One representation: its validators and its length.
#[derive(Clone, Copy, Debug)]
pub struct Representation {
    /// Its entity tag.
    pub tag: EntityTag,
    /// When it was last modified.
    pub modified: HttpDate,
    /// Its length in octets.
    pub length: u64,
}

/// A file's representations: itself, and what is stored of it in content codings.
#[derive(Clone, Copy, Debug)]
pub struct Representations {
    /// Without content coding.
    pub original: Representation,
    /// In Brotli.
    pub brotli: Option<Representation>,
    /// In Zstandard.
    pub zstd: Option<Representation>,
    /// In gzip.
    pub gzip: Option<Representation>,
}

impl Representations {
    /// The one in this coding; the original for none, and where that coding is not stored.
    #[must_use]
    pub fn in_coding(&self, coding: Option<Coding>) -> &Representation {
        let stored = match coding {
            None => None,
            Some(Coding::Brotli) => self.brotli.as_ref(),
            Some(Coding::Zstd) => self.zstd.as_ref(),
            Some(Coding::Gzip) => self.gzip.as_ref(),
        };
        stored.unwrap_or(&self.original)
    }

    /// Whether there is more than one.
    #[must_use]
    pub const fn vary(&self) -> bool {
        self.brotli.is_some() || self.zstd.is_some() || self.gzip.is_some()
    }

    /// All of them, the original first.
    pub fn iter(&self) -> impl Iterator<Item = &Representation> {
        core::iter::once(&self.original).chain(&self.brotli).chain(&self.zstd).chain(&self.gzip)
    }
}

/// What stands under a path.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// A file.
    File(Representations),
    /// A folder.
    Folder {
        /// Its index file's representations, if it has one.
        index: Option<Representations>,
        /// Whether it has members.
        members: Members,
    },
    /// Nothing.
    Missing {
        /// What stands where the folder of that name should be.
        parent: Parent,
        /// If something was there and was deleted: when, in seconds since 1970.
        gone_since: Option<u64>,
    },
    /// Something that is not given out.
    Refused(Refusal),
}

impl Found {
    /// The representations of what a reading sends, if it is a file.
    #[must_use]
    pub const fn representations(&self) -> Option<&Representations> {
        match self {
            Self::File(all) | Self::Folder { index: Some(all), .. } => Some(all),
            Self::Folder { index: None, .. } | Self::Missing { .. } | Self::Refused(_) => None,
        }
    }
}

/// Whether a folder has members; asked only where it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// It was not looked at.
    NotAsked,
    /// None.
    None,
    /// At least one.
    Some,
}

/// What stands where a missing resource's folder should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A folder.
    Folder,
    /// Nothing.
    Missing,
    /// Something that is no folder.
    NotFolder,
}

/// Why something that is there is not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A link leads out of the folder that is served.
    Escapes,
    /// The operating system does not let us read it.
    Denied,
    /// It is neither a file nor a folder.
    Special,
}

pub(crate) fn present(request: &Request<'_>) -> FieldSet {
    request.fields.present()
}
