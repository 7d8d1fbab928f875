//! Resources and the places that hold them: one small trait, a folder on disk and a memory that keep
//! it, and a kit of checks that any store can be put through.
//!
//! A store answers what is there ([`Look`]), hands out content ([`Opened`]) and carries out writes
//! that are whole or not at all and durable before they are said to be done. It knows no status code
//! and no field: whether a write may happen is asked of the caller, once more under the lock.
//! Everything here may wait for a disk; with [`Wait::No`] it answers from the kernel's caches or says
//! [`StoreError::WouldWait`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod coding;
pub mod conformance;
mod error;
mod files;
mod generation;
mod handle;
mod locks;
mod memory;
mod meta;
mod path;
mod quota;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "portable.rs"]
mod system;
mod walk;

use std::io;

pub use coding::Codings;
pub use error::{Conflict, StoreError};
pub use files::{Access, FileStore, Links, Options, Scan};
pub use handle::Handle;
pub use memory::MemoryStore;
pub use meta::{Author, FileInfo, GRANULARITY_DEFAULT, Meta, Stamp};
use path::ResourcePath;
pub use wherefore_message::Coding;

/// Resources under one root. A path is absolute, decoded and normalised: `/` or `/a/b.txt`, without
/// empty segments, `.`, `..`, NUL and trailing slash; any other is [`StoreError::Invalid`].
pub trait Store: Send + Sync {
    /// What is at `path`.
    ///
    /// # Errors
    /// [`StoreError::WouldWait`] with [`Wait::No`]; [`StoreError::TooLong`], [`StoreError::Io`].
    fn look(&self, path: &[u8], what: LookFor, wait: Wait) -> Result<Look, StoreError>;

    /// Opens the file at `path`, or the stored coding of it.
    ///
    /// # Errors
    /// What [`Store::look`] would say instead of a file, as an error; [`StoreError::Missing`] also for a
    /// stored coding that is older than its original.
    fn open(&self, path: &[u8], coding: Option<Coding>, wait: Wait) -> Result<Opened, StoreError>;

    /// The members of the folder at `path`, by name: the first `members_max` of them, if there are more. Of a
    /// folder with more members than the store looks at, it may be others.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`Conflict::NotFolder`], [`StoreError::Denied`], [`StoreError::Io`].
    fn list(&self, path: &[u8], members_max: usize) -> Result<Listing, StoreError>;

    /// The names of the folder's members in their order: of a folder with more than `names_max`, some of them.
    /// Unlike [`Store::list`] it looks at none of them, so that there may be names of what is never listed.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn names(&self, path: &[u8], names_max: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let members = self.list(path, names_max)?.members;
        Ok(members.into_iter().map(|member| member.name).collect())
    }

    /// Opens a place for content that is to become a member of the folder `parent`, or of a folder that
    /// will be made there. `announced` octets are reserved at once.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`] and [`StoreError::Quota`] if they can't be; [`StoreError::ReadOnly`].
    fn stage(&self, parent: &[u8], announced: Option<u64>) -> Result<Box<dyn Staged>, StoreError>;

    /// Says, before any content comes, whether a new file of `octets` would pass a quota, if it took the
    /// place of what is at `replacing`. A promise it is not: others may write first.
    ///
    /// # Errors
    /// [`StoreError::Quota`].
    fn room_for(&self, octets: u64, replacing: Option<&[u8]>) -> Result<(), StoreError> {
        let _ = (octets, replacing);
        Ok(())
    }

    /// Makes `staged` the content of `path`: whole, at once and durably. `allow` is asked under the lock
    /// of the path with what is there, so it must not call the store; it may be asked before that too. The
    /// modification time is strictly later than the predecessor's, whose stored codings are gone before the
    /// new content is seen.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if `allow` says no; [`Conflict::Changed`] if another program changed the
    /// file after `allow` was asked: what it left stays.
    fn replace(
        &self,
        path: &[u8],
        staged: Box<dyn Staged>,
        folders: CreateFolders,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError>;

    /// The same for content that is held in memory. Where `allow` says no, none of it is written.
    ///
    /// With [`LookFor::Original`] no version of the file decides: `allow` may be asked without its stored codings,
    /// and says no for good only once it saw them; and what another program does to the file meanwhile that leaves
    /// its length and its time of modification as they were counts as done before.
    ///
    /// # Errors
    /// As [`Store::replace`] and [`Store::stage`]; [`StoreError::WouldWait`] with [`Wait::No`], if it might have
    /// to wait, for a disk or for who writes the same: then nothing was done, and what `allow` said counts for nothing.
    fn replace_with(
        &self,
        path: &[u8],
        content: &[u8],
        folders: CreateFolders,
        (what, wait): (LookFor, Wait),
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        let _ = what;
        if wait == Wait::No {
            return Err(StoreError::WouldWait);
        }
        let above =
            ResourcePath::parse(path)?.split().map_or(ResourcePath::ROOT, |(above, _)| above);
        let mut staged = self.stage(above.as_bytes(), Some(content.len() as u64))?;
        staged.write(content)?;
        self.replace(path, staged, folders, allow)
    }

    /// Makes `staged` a new member of `folder` under the first of `names` that is free.
    ///
    /// # Errors
    /// [`Conflict::Exists`] when all of them are taken; nothing is ever replaced.
    fn create_member(
        &self,
        folder: &[u8],
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError>;

    /// Removes the file at `path` with its stored codings, or an empty folder; of a link only the link.
    /// `allow` is asked as by [`Store::replace`]. `before` runs under the lock when all that can be known
    /// beforehand allows the removal; if it fails, nothing is removed.
    ///
    /// # Errors
    /// [`StoreError::Refused`], [`StoreError::Missing`], [`Conflict::NotEmpty`], [`Conflict::Changed`].
    fn remove(
        &self,
        path: &[u8],
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError>;

    /// What the resources are kept on: of those on a disk none can be written without waiting.
    fn medium(&self) -> Medium {
        Medium::Disk
    }

    /// A number that grows with every write of ours that may change what [`Store::look`] says of `path`,
    /// before that write is acknowledged; other writes may make it grow too. Load it *before* the look
    /// whose answer is to be kept.
    fn generation(&self, path: &[u8]) -> u64;
}

/// Content on its way into a store. Dropped, it leaves nothing behind.
pub trait Staged: Send {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`], [`StoreError::Quota`], [`StoreError::Io`].
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;

    /// How many octets were appended.
    fn written(&self) -> u64;

    /// The stage itself, so that the store that made it knows it again.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// Whether a call may wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Answer from the kernel's caches, or [`StoreError::WouldWait`].
    No,
    /// Take the time it takes.
    Yes,
}

/// What a file system keeps its files on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// A disk, or a network: reading and writing may wait for it.
    Disk,
    /// Memory alone: nothing waits, and nothing outlives a crash of the machine.
    Memory,
}

/// How much a look is to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookFor {
    /// The same as [`LookFor::Content`], but of a file nothing of its stored codings.
    Original,
    /// What a reader needs: the file and its stored codings, or the folder and its index.
    Content,
    /// Also whether a folder is empty, which takes reading it.
    Emptiness,
}

/// Whether missing folders on the way to a new file are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateFolders {
    /// No: [`Conflict::ParentMissing`].
    No,
    /// Yes, each made durable.
    Yes,
}

/// What is at a path.
#[allow(
    clippy::large_enum_variant,
    reason = "made once and read in place, mostly the large variant"
)]
#[derive(Clone, Debug)]
pub enum Look {
    /// A regular file that can be read.
    File(Found),
    /// A folder.
    Folder {
        /// The name of the file that stands for it, if it holds one.
        index: Option<Vec<u8>>,
        /// Whether it has no members; known when [`LookFor::Emptiness`] asked.
        empty: Option<bool>,
        /// When members last came or went.
        modified: Stamp,
    },
    /// Nothing.
    Missing {
        /// What is above it.
        parent: Parent,
    },
    /// The system forbids us to read it, or to pass a folder above it.
    Denied,
    /// The way there leaves the root by a link, or takes a link where links are refused.
    Escapes,
    /// A pipe, a socket or a device.
    Special,
}

/// A file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file.
    pub info: FileInfo,
    /// Its stored codings that are not older than it.
    pub codings: Codings,
}

/// What is above a missing resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// A folder, in which it could be made.
    Folder,
    /// Nothing either.
    Missing,
    /// Something above it is there and is no folder.
    NotFolder,
}

/// A file opened for reading.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its content.
    pub file: Handle,
    /// What it was when opened.
    pub info: FileInfo,
}

/// The members of a folder, by name.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The members.
    pub members: Vec<Member>,
    /// Whether there are more than were asked for.
    pub truncated: bool,
}

/// A member of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name: one segment, not encoded.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Its size in octets; 0 for what is no file.
    pub length: u64,
    /// When it was last modified.
    pub modified: Stamp,
}

/// What a member is. Pipes, sockets, devices and links that may not be followed are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
}

/// A write that was carried out.
#[derive(Clone, Debug)]
pub struct Written {
    /// Whether nothing was there before.
    pub created: bool,
    /// The file as it now is.
    pub info: FileInfo,
}

/// A removal that was carried out.
#[derive(Clone, Debug)]
pub enum Removed {
    /// A file, with its stored codings; this is what it was.
    File(FileInfo),
    /// An empty folder.
    Folder,
}
