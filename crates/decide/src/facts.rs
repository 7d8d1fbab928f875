//! What a look-up found: the facts between the second stage and the third.

use wherefore_message::coding::Level;
use wherefore_message::date::HttpDate;
use wherefore_message::{Coding, EntityTag, FieldSet, Request};

/// One representation: its validators, and what is known of its octets.
#[derive(Clone, Copy, Debug)]
pub struct Representation {
    /// Its entity tag.
    pub tag: EntityTag,
    /// When it was last modified.
    pub modified: HttpDate,
    /// What is known of its octets.
    pub octets: Octets,
}

/// What is known of a representation's octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Octets {
    /// They are stored, so many.
    Stored(u64),
    /// They are made of the original's as they are sent; how many that gives is not known.
    Made(Level),
    /// They could be made, but are not: it is of no use, or there is no room. Other clients may get them, or
    /// the same one later.
    Withheld,
}

impl Representation {
    /// Its length in octets, if that is known: if it is stored.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        match self.octets {
            Octets::Stored(length) => Some(length),
            Octets::Made(_) | Octets::Withheld => None,
        }
    }
}

/// A file's representations: itself, and those in content codings, be they stored or made.
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
    /// The one in this coding; the original for none, and where there is none in that coding.
    #[must_use]
    pub fn in_coding(&self, coding: Option<Coding>) -> &Representation {
        let coded = match coding {
            None => None,
            Some(Coding::Brotli) => self.brotli.as_ref(),
            Some(Coding::Zstd) => self.zstd.as_ref(),
            Some(Coding::Gzip) => self.gzip.as_ref(),
        };
        coded.unwrap_or(&self.original)
    }

    /// The place of the one in this coding.
    pub const fn coded_mut(&mut self, coding: Coding) -> &mut Option<Representation> {
        match coding {
            Coding::Brotli => &mut self.brotli,
            Coding::Zstd => &mut self.zstd,
            Coding::Gzip => &mut self.gzip,
        }
    }

    /// Takes note that what would be made in this coding is not, for the time being or for good.
    pub fn withhold(&mut self, coding: Coding) {
        if let Some(coded) = self.coded_mut(coding)
            && matches!(coded.octets, Octets::Made(_))
        {
            coded.octets = Octets::Withheld;
        }
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

    /// The same, to be added to.
    pub const fn representations_mut(&mut self) -> Option<&mut Representations> {
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
