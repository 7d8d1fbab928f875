//! What a writable store does on opening: clears away what a crash left, and counts.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::Links;
use super::look::file_type;
use super::stage::is_temporary;
use crate::Wait;
use crate::meta::meta_of;
use crate::system::Resolver;

/// What was found under the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// How many octets the files hold.
    pub bytes: u64,
    /// How many members were looked at, in all folders.
    pub members: usize,
    /// How many temporary files of a crashed predecessor were removed.
    pub removed: usize,
    /// Whether everything was looked at.
    pub complete: bool,
}

/// Walks the tree under `root`, following no link and entering no folder of another file system.
pub(super) fn scan(
    root: BorrowedFd<'_>,
    resolver: Resolver,
    members_max: usize,
) -> io::Result<Scan> {
    let device = meta_of(&rustix::fs::fstat(root)?).device;
    let mut scan = Scan { complete: true, ..Scan::default() };
    let mut folders = vec![b".".to_vec()];
    while let Some(path) = folders.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // A folder that went away or can't be read holds nothing that could be served either.
        let Ok(folder) = resolver.open(root, &path, flags, Links::Refuse, Wait::Yes) else {
            continue;
        };
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            if scan.members >= members_max {
                scan.complete = false;
                return Ok(scan);
            }
            scan.members += 1;
            let Ok(stat) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            match file_type(&stat) {
                FileType::RegularFile if is_temporary(name) && remove_leftover(&folder, name) => {
                    scan.removed += 1;
                }
                FileType::RegularFile => scan.bytes += meta_of(&stat).length,
                FileType::Directory if meta_of(&stat).device == device => {
                    folders.push([&path, &b"/"[..], name].concat());
                }
                _ => {}
            }
        }
    }
    Ok(scan)
}

/// Removes a temporary file unless someone still holds it: its writer locks it for as long as it lives.
pub(super) fn remove_leftover(folder: &OwnedFd, name: &[u8]) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let lock = || -> Result<OwnedFd, Errno> {
        let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
        rustix::fs::flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    };
    // The lock is held until the name is gone.
    lock().is_ok_and(|_held| rustix::fs::unlinkat(folder, name, AtFlags::empty()).is_ok())
}
