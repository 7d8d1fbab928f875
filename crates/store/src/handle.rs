//! Content that can be read at any place, by several readers at once.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::io::Errno;

use crate::meta::meta_of;
use crate::system;
use crate::{Medium, Meta, StoreError, Wait};

/// The content of an opened file. It stays readable when the file is replaced or removed.
#[derive(Clone, Debug)]
pub enum Handle {
    /// A file in a folder.
    File(Arc<File>, Medium),
    /// Octets in memory, with what stands for their file's attributes.
    Bytes(Arc<[u8]>, Meta),
}

impl Handle {
    /// Reads into `buffer` from `offset` octets on; says how many octets were read, 0 at the end.
    ///
    /// # Errors
    /// [`StoreError::WouldWait`] with [`Wait::No`] if the octets are not in memory, [`StoreError::Io`].
    pub fn read_at(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<usize, StoreError> {
        match (self, wait) {
            (Self::File(file, Medium::Disk), Wait::No) => {
                match system::read_cached(file.as_fd(), buffer, offset) {
                    Err(Errno::AGAIN) => Err(StoreError::WouldWait),
                    read => Ok(read?),
                }
            }
            (Self::File(file, _), _) => loop {
                match file.read_at(buffer, offset) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                    Ok(count) => return Ok(count),
                }
            },
            (Self::Bytes(bytes, _), _) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let rest = bytes.get(start..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                Ok(count)
            }
        }
    }

    /// What the file is now, to be held by [`Meta::is_same_content`] against what it was when opened:
    /// the two differ if it was written to while it was read.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn restat(&self) -> Result<Meta, StoreError> {
        match self {
            Self::File(file, _) => Ok(meta_of(&rustix::fs::fstat(file)?)),
            Self::Bytes(_, meta) => Ok(*meta),
        }
    }

    /// The descriptor, for `sendfile`; none for octets in memory.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::File(file, _) => Some(file.as_fd()),
            Self::Bytes(..) => None,
        }
    }
}
