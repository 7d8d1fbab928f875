//! What can keep a store from doing what it was asked: the world's fault, never the peer's.

use std::{fmt, io};

use rustix::io::Errno;

use crate::Look;

/// Why a store did not do it.
#[derive(Debug)]
pub enum StoreError {
    /// The disk is full.
    NoSpace,
    /// A quota, the system's or the store's own, is reached.
    Quota,
    /// The caller's `allow` said no to what is there.
    Refused(Box<Look>),
    /// The shape of what is there does not allow it.
    Conflict(Conflict),
    /// The system forbids it.
    Denied,
    /// The way there leaves the root by a link, or takes a link where links are refused.
    Escapes,
    /// It is a pipe, a socket or a device.
    Special,
    /// Nothing is there.
    Missing,
    /// As many files are open as may be, in this process or in the system.
    NoDescriptors,
    /// It can't be answered from the kernel's caches.
    WouldWait,
    /// The path is not one that a store takes, or the stage is of another store.
    Invalid,
    /// A name, or the path, is longer than the file system takes.
    TooLong,
    /// The store, or its file system, takes no writes.
    ReadOnly,
    /// Anything else that the system said.
    Io(io::Error),
}

/// In what way a write does not fit what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The folder it would be a member of is not there.
    ParentMissing,
    /// Something above it is no folder.
    ParentNotFolder,
    /// A folder is there, where a file is written.
    IsFolder,
    /// What should be a folder is none.
    NotFolder,
    /// The folder has members.
    NotEmpty,
    /// Another program changed it between the check and the act; what that program left stays.
    Changed,
    /// Every name that was offered is taken.
    Exists,
}

impl StoreError {
    /// Whether this is [`Conflict::Changed`], after which the same write may be tried again.
    #[must_use]
    pub const fn is_changed(&self) -> bool {
        matches!(self, Self::Conflict(Conflict::Changed))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSpace => "the disk is full",
            Self::Quota => "a quota is reached",
            Self::Refused(_) => "what is there does not allow it",
            Self::Conflict(conflict) => return conflict.fmt(f),
            Self::Denied => "the system forbids it",
            Self::Escapes => "a link leads out of the folder, or links are refused",
            Self::Special => "it is a pipe, a socket or a device",
            Self::Missing => "nothing is there",
            Self::NoDescriptors => "as many files are open as may be",
            Self::WouldWait => "it is not in the kernel's caches",
            Self::Invalid => "the path is not a normalised one",
            Self::TooLong => "the name is longer than the file system takes",
            Self::ReadOnly => "it takes no writes",
            Self::Io(error) => return error.fmt(f),
        })
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ParentMissing => "the folder above it does not exist",
            Self::ParentNotFolder => "something above it is not a folder",
            Self::IsFolder => "it is a folder",
            Self::NotFolder => "it is not a folder",
            Self::NotEmpty => "the folder has members",
            Self::Changed => "another program changed it at the same time",
            Self::Exists => "every name offered is taken",
        })
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

/// What a system call said, in general; where a number means more at some call, that call says so.
impl From<Errno> for StoreError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOSPC | Errno::FBIG => Self::NoSpace,
            Errno::DQUOT => Self::Quota,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::XDEV | Errno::LOOP => Self::Escapes,
            Errno::NXIO | Errno::NODEV => Self::Special,
            Errno::NOENT => Self::Missing,
            Errno::MFILE | Errno::NFILE => Self::NoDescriptors,
            Errno::NAMETOOLONG => Self::TooLong,
            Errno::ROFS => Self::ReadOnly,
            Errno::NOTDIR => Self::Conflict(Conflict::ParentNotFolder),
            Errno::ISDIR => Self::Conflict(Conflict::IsFolder),
            Errno::NOTEMPTY => Self::Conflict(Conflict::NotEmpty),
            other => Self::Io(other.into()),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None => Self::Io(error),
        }
    }
}
