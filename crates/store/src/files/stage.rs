//! Content on its way in: a file in the right file system that has no name yet, or one of our own.

use std::any::Any;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::disk::{Disk, FILE_MODE, Kernel};
use super::{Access, FileStore};
use crate::path::ResourcePath;
use crate::quota::Reservation;
use crate::{Conflict, Staged, Stamp, StoreError, Wait, system};

/// How our temporary files' names start and end; 32 hexadecimal digits stand between.
const PREFIX: &[u8] = b".wherefore-";
const SUFFIX: &[u8] = b".partial";
const DIGITS: usize = 32;
/// What lets nobody but the owner read or write.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

pub(super) struct FileStage {
    pub(super) file: File,
    disk: Arc<dyn Disk>,
    name: Option<(Arc<OwnedFd>, Vec<u8>)>,
    written: u64,
    reservation: Reservation,
}

/// How a file begins that content is staged in.
#[derive(Clone, Copy)]
pub(super) enum Begun {
    /// Without a name where that can be: should all end before it has one, nothing is left.
    Unnamed,
    /// With a name of ours, that it would need later, for nobody that `mode` does not let read it. What a crash
    /// leaves of it is cleared away when the store is next opened.
    Named(Mode),
}

impl FileStore {
    pub(super) fn stage_at(
        &self,
        parent: ResourcePath<'_>,
        announced: Option<u64>,
    ) -> Result<FileStage, StoreError> {
        if self.options.access == Access::ReadOnly {
            return Err(StoreError::ReadOnly);
        }
        let mut reservation = Reservation::new(self.quota.clone());
        reservation.grow_to(announced.unwrap_or(0))?;
        let folder = self.nearest_folder(parent)?;
        let stage = self.create(&Arc::new(folder), reservation)?;
        if let Some(bytes) = announced.filter(|bytes| *bytes > 0) {
            system::reserve(&stage.file, bytes)?;
        }
        Ok(stage)
    }

    /// The whole of some content, to be given a name in `folder`.
    pub(super) fn stage_whole(
        &self,
        folder: &Arc<OwnedFd>,
        content: &[u8],
        begun: Begun,
    ) -> Result<FileStage, StoreError> {
        let reservation = Reservation::new(self.quota.clone());
        let mut stage = match begun {
            Begun::Unnamed => self.create(folder, reservation)?,
            Begun::Named(mode) => self.create_named(folder, reservation, mode)?,
        };
        stage.write(content)?;
        Ok(stage)
    }

    fn create(
        &self,
        folder: &Arc<OwnedFd>,
        reservation: Reservation,
    ) -> Result<FileStage, StoreError> {
        let disk = self.disk.clone();
        if self.unnamed {
            match disk.create_unnamed(folder.as_fd()) {
                // Another file system may be mounted on this folder than on the root.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT | Errno::INVAL) => {}
                file => {
                    return Ok(FileStage {
                        file: file?,
                        disk,
                        name: None,
                        written: 0,
                        reservation,
                    });
                }
            }
        }
        // Whom it is for is known when it comes to its place.
        self.create_named(folder, reservation, OWN)
    }

    /// A file under a name of ours.
    fn create_named(
        &self,
        folder: &Arc<OwnedFd>,
        reservation: Reservation,
        mode: Mode,
    ) -> Result<FileStage, StoreError> {
        let (disk, name) = (self.disk.clone(), temporary_name());
        let file = disk.create((folder.as_fd(), &name), mode)?;
        let name = Some((Arc::clone(folder), name));
        let stage = FileStage { file, disk, name, written: 0, reservation };
        stage.lock()?;
        Ok(stage)
    }

    /// The folder at `path`, or the one nearest above it that is there already.
    fn nearest_folder(&self, path: ResourcePath<'_>) -> Result<OwnedFd, StoreError> {
        let mut path = path;
        loop {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            match (self.open_at(path.relative(), flags, Wait::Yes), path.split()) {
                (Err(Errno::NOENT), Some((above, _))) => path = above,
                (Err(Errno::NOTDIR), _) => return Err(Conflict::ParentNotFolder.into()),
                (opened, _) => return Ok(opened?),
            }
        }
    }
}

impl FileStage {
    /// Knows a stage of a folder's store again.
    pub(super) fn of(staged: Box<dyn Staged>) -> Result<Box<Self>, StoreError> {
        staged.into_any().downcast().map_err(|_| StoreError::Invalid)
    }

    /// Sees to it that it has a name of ours in `folder`, and says which.
    pub(super) fn name_in(&mut self, folder: &Arc<OwnedFd>) -> Result<Vec<u8>, StoreError> {
        if let Some((held, own)) = &self.name
            && (Arc::ptr_eq(held, folder) || same_folder(held.as_fd(), folder.as_fd())?)
        {
            return Ok(own.clone());
        }
        let name = temporary_name();
        let to = (folder.as_fd(), &*name);
        match &self.name {
            None => {
                self.lock()?;
                self.disk.link(&self.file, to).map_err(moved)?;
            }
            Some((held, own)) => {
                self.disk.rename_new((held.as_fd(), own), to).map_err(moved)?;
            }
        }
        self.name = Some((Arc::clone(folder), name.clone()));
        Ok(name)
    }

    /// Tells whoever clears up leftovers that what has a name of ours is none. On a file system that knows no locks
    /// nobody can tell, and nobody asks while this store is open.
    fn lock(&self) -> Result<(), StoreError> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(Errno::WOULDBLOCK.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What has a name of ours is given `mode`, that of new files here; what has no name has it.
    pub(super) fn become_new(&self, mode: Mode) -> Result<(), Errno> {
        if self.name.is_some() { rustix::fs::fchmod(&self.file, mode) } else { Ok(()) }
    }

    /// Gives it a name that must be free; `EEXIST` if it is not.
    pub(super) fn name_new(&mut self, folder: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
        match &self.name {
            None => self.disk.link(&self.file, (folder, name))?,
            Some((held, own)) => self.disk.rename_new((held.as_fd(), own), (folder, name))?,
        }
        self.name = None;
        Ok(())
    }

    /// Its temporary name now is, or holds, something else: it is not taken away with this.
    pub(super) fn forget_name(&mut self) {
        self.name = None;
    }
}

impl Staged for FileStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let end = self.written.saturating_add(bytes.len() as u64);
        self.reservation.grow_to(end)?;
        self.disk.write(&self.file, bytes, self.written)?;
        self.written = end;
        Ok(())
    }

    fn written(&self) -> u64 {
        self.written
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Drop for FileStage {
    fn drop(&mut self) {
        if let Some((folder, name)) = &self.name {
            // What can't be taken away now is cleared up when the store is next opened.
            let _ = self.disk.unlink((folder.as_fd(), name));
        }
    }
}

/// What a failed move to the place of a write means: that another file system is mounted there than
/// where the content was staged is no link that leads out.
pub(super) fn moved(errno: Errno) -> StoreError {
    match errno {
        Errno::EXIST => Conflict::Exists.into(),
        Errno::NOENT => Conflict::ParentMissing.into(),
        Errno::XDEV => StoreError::Io(errno.into()),
        errno => errno.into(),
    }
}

/// Whether files can be made without a name, and be given one, where the root is.
pub(super) fn unnamed_works(root: BorrowedFd<'_>) -> bool {
    let name = temporary_name();
    let Ok(file) = Kernel.create_unnamed(root) else { return false };
    if Kernel.link(&file, (root, &name)).is_err() {
        return false;
    }
    rustix::fs::unlinkat(root, &*name, AtFlags::empty()).is_ok()
}

/// The mode that the system gives new files where the root is; the owner's alone if none can be made to see it.
pub(super) fn mode_of_new(root: BorrowedFd<'_>) -> Mode {
    let name = temporary_name();
    let Ok(file) = Kernel.create((root, &name), FILE_MODE) else { return OWN };
    let mode = rustix::fs::fstat(&file).map_or(OWN, |stat| Mode::from_raw_mode(stat.st_mode));
    let _ = rustix::fs::unlinkat(root, &*name, AtFlags::empty());
    mode & FILE_MODE
}

/// Whether `name` is one of our temporary files'.
pub(super) fn is_temporary(name: &[u8]) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A name that no other has: it is made of this process, this moment and a count.
pub(super) fn temporary_name() -> Vec<u8> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static PROCESS: OnceLock<u32> = OnceLock::new();
    let now = Stamp::now();
    let moment =
        (now.seconds as u64).wrapping_mul(1_000_000_000).wrapping_add(u64::from(now.nanos));
    let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
    let process = PROCESS.get_or_init(std::process::id);
    let process = u64::from(*process);
    let mut name = Vec::with_capacity(PREFIX.len() + DIGITS + SUFFIX.len());
    name.extend_from_slice(PREFIX);
    for number in [moment, process << 32 | count] {
        let digit = |at: u32| HEXADECIMAL[(number >> (60 - 4 * at)) as usize & 0xf];
        name.extend((0..16).map(digit));
    }
    name.extend_from_slice(SUFFIX);
    name
}

fn same_folder(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<bool, StoreError> {
    let (one, other) = (rustix::fs::fstat(one)?, rustix::fs::fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_names_are_known_again_and_no_others() {
        let (one, other) = (temporary_name(), temporary_name());
        assert!(is_temporary(&one) && is_temporary(&other) && one != other);
        for name in [&b".wherefore-.partial"[..], b".wherefore", b"", &one[1..]] {
            assert!(!is_temporary(name));
        }
    }
}
