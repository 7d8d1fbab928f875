//! The steps of which every write is made. They are a trait so that tests can record them, to replay
//! what a crash leaves after each, and can make each of them fail or let another program come between.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::system;

/// A name in an opened folder.
pub(crate) type At<'a> = (BorrowedFd<'a>, &'a [u8]);

/// What a new file may have, less what the process's mask takes.
pub(super) const FILE_MODE: Mode = Mode::from_bits_retain(0o666);
/// What a new folder may have, less what the process's mask takes.
const FOLDER_MODE: Mode = Mode::from_bits_retain(0o777);

pub(crate) trait Disk: Send + Sync {
    /// A new file in the file system of `folder` that has no name yet.
    fn create_unnamed(&self, folder: BorrowedFd<'_>) -> Result<File, Errno> {
        system::create_unnamed(folder, FILE_MODE)
    }

    /// A new file under a free name, which may have `mode`, less what the process's mask takes.
    fn create(&self, at: At<'_>, mode: Mode) -> Result<File, Errno> {
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        rustix::fs::openat(at.0, at.1, flags, mode).map(File::from)
    }

    /// Writes all of `bytes` from `offset` on.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> Result<(), Errno> {
        let mut written = 0;
        while written < bytes.len() {
            match rustix::io::pwrite(file, &bytes[written..], offset + written as u64) {
                Ok(0) => return Err(Errno::IO),
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until a file's content is on the disk.
    fn sync_file(&self, file: &File) -> Result<(), Errno> {
        system::sync(file.as_fd())
    }

    /// Waits until a folder's names are on the disk.
    fn sync_folder(&self, folder: BorrowedFd<'_>) -> Result<(), Errno> {
        system::sync(folder)
    }

    /// Gives an unnamed file a free name.
    fn link(&self, file: &File, at: At<'_>) -> Result<(), Errno> {
        system::link_unnamed(file, at.0, at.1)
    }

    /// Renames to a free name.
    fn rename_new(&self, from: At<'_>, to: At<'_>) -> Result<(), Errno> {
        match system::rename_new(from, to) {
            // A file system without it has hard links, or else no way that can't replace.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
                rustix::fs::unlinkat(from.0, from.1, AtFlags::empty())
            }
            renamed => renamed,
        }
    }

    /// Renames over whatever has the name.
    fn rename_over(&self, folder: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> Result<(), Errno> {
        rustix::fs::renameat(folder, from, folder, to)
    }

    /// Swaps two names' files, in one act.
    fn exchange(&self, folder: BorrowedFd<'_>, one: &[u8], other: &[u8]) -> Result<(), Errno> {
        system::exchange(folder, one, other)
    }

    /// Takes a name away.
    fn unlink(&self, at: At<'_>) -> Result<(), Errno> {
        rustix::fs::unlinkat(at.0, at.1, AtFlags::empty())
    }

    /// Makes a folder.
    fn make_folder(&self, at: At<'_>) -> Result<(), Errno> {
        rustix::fs::mkdirat(at.0, at.1, FOLDER_MODE)
    }

    /// Removes an empty folder.
    fn remove_folder(&self, at: At<'_>) -> Result<(), Errno> {
        rustix::fs::unlinkat(at.0, at.1, AtFlags::REMOVEDIR)
    }
}

/// The disk as it is.
pub(crate) struct Kernel;

impl Disk for Kernel {}
