//! System calls as any Unix has them: what Linux does in one call is walked, checked and renamed here.
//! Same functions as the file for Linux; what can't be had says `EOPNOTSUPP`, and callers know a way.

use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::{Links, Medium, Wait, walk};

/// How a thing is opened to be looked at only: not waiting for the other end of a pipe, and never
/// becoming this process's terminal.
pub(crate) const GLANCE: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// How paths are resolved here: component by component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver;

impl Resolver {
    /// There is one way only.
    pub(crate) const fn probe(_root: BorrowedFd<'_>) -> Self {
        Self
    }

    /// Opens `path` (relative, `..` in it or in links included) without ever leaving `root`: what would
    /// is `EXDEV`, a link where links are refused is `ELOOP`, and what would wait is `EAGAIN`.
    pub(crate) fn open(
        self,
        root: BorrowedFd<'_>,
        path: &[u8],
        flags: OFlags,
        links: Links,
        wait: Wait,
    ) -> Result<OwnedFd, Errno> {
        walk::open(root, path, flags, links, wait)
    }
}

/// Every file has a name here.
pub(crate) const fn create_unnamed(_folder: BorrowedFd<'_>, _mode: Mode) -> Result<File, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Every file has a name here.
pub(crate) const fn link_unnamed(
    _file: &File,
    _folder: BorrowedFd<'_>,
    _name: &[u8],
) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Swaps two names' files, in one act, where Apple's kernel can.
#[cfg(target_vendor = "apple")]
pub(crate) fn exchange(folder: BorrowedFd<'_>, one: &[u8], other: &[u8]) -> Result<(), Errno> {
    rustix::fs::renameat_with(folder, one, folder, other, rustix::fs::RenameFlags::EXCHANGE)
}

/// Swaps two names' files: not to be had here.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const fn exchange(
    _folder: BorrowedFd<'_>,
    _one: &[u8],
    _other: &[u8],
) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Renames to a name that must be free, where Apple's kernel can.
#[cfg(target_vendor = "apple")]
pub(crate) fn rename_new(
    from: (BorrowedFd<'_>, &[u8]),
    to: (BorrowedFd<'_>, &[u8]),
) -> Result<(), Errno> {
    rustix::fs::renameat_with(from.0, from.1, to.0, to.1, rustix::fs::RenameFlags::NOREPLACE)
}

/// Renames to a name that must be free: not to be had here in one act.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const fn rename_new(
    _from: (BorrowedFd<'_>, &[u8]),
    _to: (BorrowedFd<'_>, &[u8]),
) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Nothing is promised here: the write itself will tell.
pub(crate) const fn reserve(_file: &File, _bytes: u64) -> Result<(), Errno> {
    Ok(())
}

/// It can't be told here what is in memory.
pub(crate) const fn read_cached(
    _file: BorrowedFd<'_>,
    _buffer: &mut [u8],
    _offset: u64,
) -> Result<usize, Errno> {
    Err(Errno::AGAIN)
}

/// It can't be told here what is kept in memory alone.
pub(crate) const fn medium(_file: BorrowedFd<'_>) -> Medium {
    Medium::Disk
}

/// Waits until the file, or the folder's list of members, is on the disk: Apple's `fsync` leaves it in
/// the disk's own cache.
#[cfg(target_vendor = "apple")]
pub(crate) fn sync(file: BorrowedFd<'_>) -> Result<(), Errno> {
    match rustix::fs::fcntl_fullfsync(file) {
        Err(Errno::NOTSUP | Errno::OPNOTSUPP | Errno::INVAL | Errno::NOTTY) => {
            rustix::fs::fsync(file)
        }
        synced => synced,
    }
}

/// Waits until the file, or the folder's list of members, is on the disk.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn sync(file: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::fsync(file)
}
