//! Opening what is to be sent: a small file's octets, a large file's descriptor, a listing.

use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256, Sha512};
use wherefore_decide::choose::ListingForm;
use wherefore_decide::facts::{Octets, Representation};
use wherefore_message::digest::{self, Algorithm};
use wherefore_message::path::Path;
use wherefore_message::range::ByteRange;
use wherefore_message::{Coding, EntityTag};
use wherefore_store::{Conflict, Handle, Meta, StoreError, Wait};

use crate::Origin;
use crate::encode::Encoding;
use crate::find::{bare, representation, store_path};
use crate::listing;
use crate::multipart::Piece;

/// Files up to this many octets are kept in memory and sent with their head.
pub const SMALL_BYTES_MAX: u64 = 64 << 10;
/// The most members that a listing shows.
pub const LISTING_MEMBERS_MAX: usize = 5_000;
/// How much of a file is read at once where it is not sent by the kernel, in octets.
const READ_BYTES: usize = 256 << 10;

/// A file that is open, with the representation that it is.
#[derive(Clone, Debug)]
pub struct OpenFile {
    /// Its validators.
    pub representation: Representation,
    /// All of its octets, if it is small.
    pub octets: Option<Arc<[u8]>>,
    /// What to read it from: the file if it is large, else its octets, so that small files which are kept
    /// hold no descriptors.
    pub handle: Handle,
    meta: Meta,
    /// What it holds besides. Let go after the handle.
    _held: Option<Arc<dyn Held>>,
}

/// What a file may hold besides.
trait Held: Debug + Send + Sync {}

impl<T: Debug + Send + Sync> Held for T {}

/// The content of an answer.
#[derive(Debug)]
pub enum Content {
    /// None.
    None,
    /// Not sent, though its length in octets is said: that of the content which a GET would get.
    Absent(u64),
    /// Made for this answer.
    Made(Vec<u8>),
    /// A part, or all, of a file.
    File(Rc<OpenFile>, ByteRange),
    /// Several parts of a file with text between them.
    Pieces(Rc<OpenFile>, Vec<Piece>, u64),
    /// A file that is encoded as it is sent; how long that is is known when it is done.
    Encoding(Box<Encoding>),
}

impl Content {
    /// All of a file.
    #[must_use]
    pub fn whole(file: Rc<OpenFile>) -> Self {
        match file.length() {
            0 => Self::Made(Vec::new()),
            length => Self::File(file, ByteRange { first: 0, last: length - 1 }),
        }
    }

    /// Its length in octets, if that is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        Some(match self {
            Self::None => 0,
            Self::Absent(length) => *length,
            Self::Made(octets) => octets.len() as u64,
            Self::File(_, range) => range.length(),
            Self::Pieces(_, _, length) => *length,
            Self::Encoding(_) => return None,
        })
    }
}

impl OpenFile {
    /// What was made of `original` by encoding it.
    pub(crate) fn encoded(original: &Self, tag: EntityTag, octets: Arc<[u8]>) -> Self {
        let meta = Meta { length: octets.len() as u64, ..original.meta };
        Self {
            representation: Representation {
                tag,
                octets: Octets::Stored(meta.length),
                ..original.representation
            },
            handle: Handle::Bytes(Arc::clone(&octets), meta),
            octets: Some(octets),
            meta,
            _held: None,
        }
    }

    /// The same, with what is held as long as it is open anywhere, and let go when its handle is: such as the memory
    /// that it takes, or a handle of the same file whose end is waited for elsewhere.
    #[must_use]
    pub fn holding(self, held: impl Debug + Send + Sync + 'static) -> Self {
        Self { _held: Some(Arc::new(held)), ..self }
    }

    /// Its length in octets.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.meta.length
    }

    /// Whether the file is still what it was when it was opened. Looked at before the last octets of a
    /// long answer leave, so that a mixed one never looks whole.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.handle.restat().is_ok_and(|meta| {
            (meta.length, meta.modified) == (self.meta.length, self.meta.modified)
        })
    }

    /// Reads up to `octets_max` octets from `offset` on.
    ///
    /// # Errors
    /// [`StoreError::WouldWait`] with [`Wait::No`]; [`Conflict::Changed`] if the file has become shorter.
    pub fn read(&self, offset: u64, octets_max: usize, wait: Wait) -> Result<Vec<u8>, StoreError> {
        let mut octets = vec![0; octets_max.min(READ_BYTES)];
        let count = self.handle.read_at(offset, &mut octets, wait)?;
        if count == 0 && octets_max > 0 {
            return Err(Conflict::Changed.into());
        }
        octets.truncate(count);
        Ok(octets)
    }

    /// The value of `Repr-Digest` for it (RFC 9530 §3). Reads all of it.
    ///
    /// # Errors
    /// What the store fails with; [`Conflict::Changed`] if the file changed on the way.
    pub fn digest(&self, algorithm: Algorithm) -> Result<String, StoreError> {
        let mut hasher = Hasher::new(algorithm);
        if let Some(octets) = &self.octets {
            hasher.update(octets);
        } else {
            let mut offset = 0;
            while offset < self.length() {
                let octets = self.read(offset, READ_BYTES, Wait::Yes)?;
                hasher.update(&octets);
                offset += octets.len() as u64;
            }
            if !self.is_unchanged() {
                return Err(Conflict::Changed.into());
            }
        }
        Ok(digest::field_value(algorithm, &hasher.finish()))
    }
}

/// A running hash of either sort.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(octets),
            Self::Sha512(hasher) => hasher.update(octets),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Origin {
    /// Opens the file that a reading of `path` sends, in this coding; reads it, if it is small.
    ///
    /// # Errors
    /// [`StoreError::WouldWait`] with [`Wait::No`]; [`Conflict::Changed`] if it changed while it was read;
    /// else what the store failed with.
    pub fn open(
        &self,
        path: Path<'_>,
        coding: Option<Coding>,
        wait: Wait,
    ) -> Result<OpenFile, StoreError> {
        let opened = self.store.open(&self.file_of(path, wait)?, coding, wait)?;
        let mut file = OpenFile {
            representation: representation(&opened.info),
            octets: None,
            handle: opened.file,
            meta: opened.info.meta,
            _held: None,
        };
        if file.length() <= SMALL_BYTES_MAX {
            let length = file.length() as usize;
            let mut octets = Vec::with_capacity(length);
            while octets.len() < length {
                let read = file.read(octets.len() as u64, length - octets.len(), wait)?;
                octets.extend_from_slice(&read);
            }
            if !file.is_unchanged() {
                return Err(Conflict::Changed.into());
            }
            let octets: Arc<[u8]> = octets.into();
            file.handle = Handle::Bytes(Arc::clone(&octets), file.meta);
            file.octets = Some(octets);
        }
        Ok(file)
    }

    /// The list of a folder's members, rendered.
    ///
    /// # Errors
    /// What the store failed with.
    pub fn list(&self, path: Path<'_>, form: ListingForm) -> Result<String, StoreError> {
        let listing = self.store.list(store_path(path), LISTING_MEMBERS_MAX)?;
        Ok(listing::render(path, &listing, form))
    }

    /// A number that changes with every write of ours that may change what stands under `path`.
    #[must_use]
    pub fn generation(&self, path: Path<'_>) -> u64 {
        self.generation_of(path.bytes())
    }

    /// The same, by the octets that a path had.
    #[must_use]
    pub fn generation_of(&self, path: &[u8]) -> u64 {
        self.store.generation(bare(path))
    }
}
