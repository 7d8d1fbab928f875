//! System calls as Linux has them: whole paths resolved beneath a root, files without a name, reads
//! from memory only. Each says what to do instead where the kernel or the file system lacks it.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags};

use crate::{Links, Medium, Wait, walk};

/// How a thing is opened to be looked at only.
pub(crate) const GLANCE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// How often a resolution is tried again when names moved under it.
const TRIES: usize = 16;

/// How paths are resolved here: by `openat2`, or component by component where a kernel before 5.6, or a
/// filter of system calls, refuses it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resolver {
    Kernel,
    Walk,
}

impl Resolver {
    /// Tries `openat2` on the root itself.
    pub(crate) fn probe(root: BorrowedFd<'_>) -> Self {
        match Self::Kernel.open(root, b".", GLANCE, Links::Refuse, Wait::Yes) {
            Err(Errno::NOSYS | Errno::PERM) => Self::Walk,
            _ => Self::Kernel,
        }
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
        if let Self::Walk = self {
            return walk::open(root, path, flags, links, wait);
        }
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        resolve.set(ResolveFlags::NO_SYMLINKS, links == Links::Refuse);
        resolve.set(ResolveFlags::CACHED, wait == Wait::No);
        let mut tries = 0;
        loop {
            match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
                // A kernel before 5.12 does not know RESOLVE_CACHED.
                Err(Errno::INVAL) if wait == Wait::No => return Err(Errno::AGAIN),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if wait == Wait::Yes && tries < TRIES => tries += 1,
                // Either a link leads out, which it still does when asked again, or what was found had
                // just been moved out by another program, which is no escape.
                Err(Errno::XDEV) if tries < TRIES => tries += 1,
                opened => return opened,
            }
        }
    }
}

/// A new file in the file system of `folder`, without a name, to be written.
pub(crate) fn create_unnamed(folder: BorrowedFd<'_>, mode: Mode) -> Result<File, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::openat(folder, c".", flags, mode).map(File::from)
}

/// Gives an unnamed file its name; never replaces.
pub(crate) fn link_unnamed(file: &File, folder: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    match rustix::fs::linkat(file, c"", folder, name, AtFlags::EMPTY_PATH) {
        // Before Linux 6.10 that needs a capability; then the name that /proc has for it must do.
        Err(Errno::NOENT | Errno::PERM) => {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            rustix::fs::linkat(CWD, path, folder, name, AtFlags::SYMLINK_FOLLOW)
        }
        linked => linked,
    }
}

/// Swaps two names' files, in one act.
pub(crate) fn exchange(folder: BorrowedFd<'_>, one: &[u8], other: &[u8]) -> Result<(), Errno> {
    rustix::fs::renameat_with(folder, one, folder, other, RenameFlags::EXCHANGE)
}

/// Renames to a name that must be free.
pub(crate) fn rename_new(
    from: (BorrowedFd<'_>, &[u8]),
    to: (BorrowedFd<'_>, &[u8]),
) -> Result<(), Errno> {
    rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE)
}

/// Sees to it that `bytes` octets fit, where the file system can promise that.
pub(crate) fn reserve(file: &File, bytes: u64) -> Result<(), Errno> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        reserved => reserved,
    }
}

/// Reads what is in memory: `EAGAIN` if nothing of it is, or if that can't be told here.
pub(crate) fn read_cached(
    file: BorrowedFd<'_>,
    buffer: &mut [u8],
    offset: u64,
) -> Result<usize, Errno> {
    loop {
        let buffers = &mut [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(file.as_fd(), buffers, offset, ReadWriteFlags::NOWAIT) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Err(Errno::AGAIN),
            read => return read,
        }
    }
}

/// What the file system of `file` keeps its files on. One that is not known to be in memory is on a disk.
pub(crate) fn medium(file: BorrowedFd<'_>) -> Medium {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    match rustix::fs::fstatfs(file) {
        #[allow(clippy::cast_sign_loss, reason = "it is a number of 32 bits, whatever its type")]
        Ok(system) if matches!(system.f_type as u64 & 0xffff_ffff, TMPFS | RAMFS) => Medium::Memory,
        Ok(_) | Err(_) => Medium::Disk,
    }
}

/// Waits until the file, or the folder's list of members, is on the disk.
pub(crate) fn sync(file: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::fsync(file)
}
