//! A folder on disk. Reading resolves each path beneath the root; writing is a short list of steps
//! ([`disk::Disk`]) whose order keeps every crash and every other program from being lost or half seen.

mod disk;
mod flush;
mod list;
mod look;
mod medium;
mod ours;
mod place;
mod remove;
mod scan;
mod stage;
mod write;

// They look behind what only Linux has; the other way is among what they try.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use self::disk::{Disk, Kernel};
use self::flush::Flushes;
use self::medium::Media;
use self::ours::Ours;
use self::place::Place;
pub use self::scan::Scan;
use self::write::Content;
use crate::coding::coded_name;
use crate::generation::Generations;
use crate::locks::Locks;
use crate::meta::{GRANULARITY_DEFAULT, meta_of};
use crate::path::ResourcePath;
use crate::quota::Quota;
use crate::system::Resolver;
use crate::{
    Coding, CreateFolders, FileInfo, Handle, Listing, Look, LookFor, Medium, Opened, Removed,
    Staged, Store, StoreError, Wait, Written,
};

/// What a folder is opened for, and within which bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether it takes writes. At most one writable store may stand on a folder at a time.
    pub access: Access,
    /// What is done with symbolic links.
    pub links: Links,
    /// The names, in order of preference, of the file that stands for its folder.
    pub index: Vec<Vec<u8>>,
    /// The most octets under the root; other programs' count too, as of the time of opening.
    pub quota_bytes: Option<u64>,
    /// The most members looked at when a writable store is opened.
    pub scan_members_max: usize,
    /// The most members of a folder that are looked at to list it. Of more, those that the system says first
    /// are listed.
    pub list_members_max: usize,
    /// For how long after a change by another program tags are weak.
    pub granularity: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: Access::ReadOnly,
            links: Links::Follow,
            index: vec![b"index.html".to_vec()],
            quota_bytes: None,
            scan_members_max: 1_000_000,
            list_members_max: 100_000,
            granularity: GRANULARITY_DEFAULT,
        }
    }
}

/// Whether a store takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// It only reads, and leaves everything as it is.
    ReadOnly,
    /// It writes, and on opening clears away what a crash left.
    Writable,
}

/// What is done with symbolic links. None ever leads out of the root; one that says its target as an
/// absolute path counts as leaving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Links {
    /// They are followed within the root.
    Follow,
    /// A path through a link is [`Look::Escapes`].
    Refuse,
}

/// A folder on disk as a store.
pub struct FileStore {
    root: Place,
    resolver: Resolver,
    media: Media,
    /// Who opens files here, for the system.
    user: u32,
    options: Options,
    disk: Arc<dyn Disk>,
    unnamed: bool,
    /// What new files have that can't be made without a name.
    mode_of_new: Mode,
    locks: Locks,
    flushes: Flushes,
    generations: Generations,
    ours: Ours,
    quota: Option<Arc<Quota>>,
    scan: Scan,
    /// Held as long as this writes.
    _lock: Option<OwnedFd>,
}

/// Locks the folder against other writable stores, in this process or another, as long as the result lives.
/// A file system that knows no locks leaves that to the operator.
fn lock(root: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(root, flags, Mode::empty())?;
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => {
            let text = "another program serves this folder for writing";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
        }
        Ok(()) | Err(_) => Ok(folder),
    }
}

impl FileStore {
    /// Opens the folder `root`. If writable, temporary files that a crash left under it are removed and,
    /// for a quota, what it holds is counted; that reads the whole tree, within
    /// [`Options::scan_members_max`].
    ///
    /// # Errors
    /// When it is no folder or can't be read; [`io::ErrorKind::ResourceBusy`] when it is to be written to
    /// and another writable store stands on it; [`io::ErrorKind::QuotaExceeded`] when there is a quota and
    /// the tree is larger than may be counted.
    pub fn open(root: &Path, options: Options) -> io::Result<Self> {
        // Before anything is cleared away: it might be another instance's work.
        let lock = match options.access {
            Access::ReadOnly => None,
            Access::Writable => Some(lock(root)?),
        };
        Ok(Self { _lock: lock, ..Self::with_disk(root, options, Arc::new(Kernel))? })
    }

    fn with_disk(root: &Path, options: Options, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty())?;
        let meta = meta_of(&rustix::fs::fstat(&root)?);
        let resolver = Resolver::probe(root.as_fd());
        let mut scan = Scan::default();
        if options.access == Access::Writable {
            scan = scan::scan(root.as_fd(), resolver, options.scan_members_max)?;
            if options.quota_bytes.is_some() && !scan.complete {
                let text = "the folder holds too many members to count them for a quota";
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, text));
            }
        }
        let mode_of_new = match options.access {
            Access::ReadOnly => Mode::empty(),
            Access::Writable => stage::mode_of_new(root.as_fd()),
        };
        Ok(Self {
            resolver,
            mode_of_new,
            unnamed: options.access == Access::Writable && stage::unnamed_works(root.as_fd()),
            disk,
            locks: Locks::new(),
            flushes: Flushes::default(),
            generations: Generations::new(),
            ours: Ours::new(options.granularity),
            quota: options.quota_bytes.map(|bytes_max| Quota::new(bytes_max, scan.bytes)),
            scan,
            media: Media::of(&root, &meta),
            user: rustix::process::geteuid().as_raw(),
            root: Place::root(root, &meta),
            options,
            _lock: None,
        })
    }

    /// What was found and cleared away when it was opened.
    #[must_use]
    pub const fn scan(&self) -> Scan {
        self.scan
    }

    /// The root's device and inode: which folder this is, whatever its name, for what is remembered of it
    /// elsewhere.
    ///
    /// # Errors
    /// What the system says.
    pub fn root_identity(&self) -> io::Result<(u64, u64)> {
        Ok(self.root.identity())
    }

    /// Opens a path relative to the root. Whoever goes through a link is noted, so that writes to one
    /// name are seen under the other.
    fn open_at(&self, relative: &[u8], flags: OFlags, wait: Wait) -> Result<OwnedFd, Errno> {
        let root = self.root.folder.as_fd();
        match self.resolver.open(root, relative, flags, Links::Refuse, wait) {
            Err(Errno::LOOP) if self.options.links == Links::Follow => {
                self.generations.saw_link();
                self.resolver.open(root, relative, flags, Links::Follow, wait)
            }
            opened => opened,
        }
    }
}

impl Store for FileStore {
    fn look(&self, path: &[u8], what: LookFor, wait: Wait) -> Result<Look, StoreError> {
        self.look_at(ResourcePath::parse(path)?, what, wait)
    }

    fn open(&self, path: &[u8], coding: Option<Coding>, wait: Wait) -> Result<Opened, StoreError> {
        let path = ResourcePath::parse(path)?;
        let (file, meta) = match coding {
            None => self.open_file(path, wait)?,
            Some(coding) => {
                let (_, original) = self.open_file(path, wait)?;
                let (file, meta) = self
                    .open_file(ResourcePath::parse(&coded_name(coding, path.as_bytes()))?, wait)?;
                if meta.modified < original.modified {
                    return Err(StoreError::Missing);
                }
                (file, meta)
            }
        };
        let medium = self.media.of_device(meta.device);
        let file = Handle::File(Arc::new(File::from(file)), medium);
        Ok(Opened { file, info: self.info(meta) })
    }

    fn list(&self, path: &[u8], members_max: usize) -> Result<Listing, StoreError> {
        self.list_at(ResourcePath::parse(path)?, members_max)
    }

    fn names(&self, path: &[u8], names_max: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.names_at(ResourcePath::parse(path)?, names_max)
    }

    fn stage(&self, parent: &[u8], announced: Option<u64>) -> Result<Box<dyn Staged>, StoreError> {
        Ok(Box::new(self.stage_at(ResourcePath::parse(parent)?, announced)?))
    }

    fn room_for(&self, octets: u64, replacing: Option<&[u8]>) -> Result<(), StoreError> {
        self.room_at(octets, replacing.map(ResourcePath::parse).transpose()?)
    }

    fn replace(
        &self,
        path: &[u8],
        staged: Box<dyn Staged>,
        folders: CreateFolders,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        let content = Content::Staged(staged);
        let how = (LookFor::Content, Wait::Yes);
        self.replace_at(ResourcePath::parse(path)?, content, folders, how, allow)
    }

    fn replace_with(
        &self,
        path: &[u8],
        content: &[u8],
        folders: CreateFolders,
        how: (LookFor, Wait),
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        let content = Content::Whole(content);
        self.replace_at(ResourcePath::parse(path)?, content, folders, how, allow)
    }

    fn create_member(
        &self,
        folder: &[u8],
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError> {
        self.create_member_in(ResourcePath::parse(folder)?, names, staged)
    }

    fn remove(
        &self,
        path: &[u8],
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError> {
        self.remove_at(ResourcePath::parse(path)?, allow, before)
    }

    fn medium(&self) -> Medium {
        self.media.of_root()
    }

    fn generation(&self, path: &[u8]) -> u64 {
        self.generations.of(path)
    }
}
