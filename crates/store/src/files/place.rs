//! Where a write goes: an opened folder and a name in it, after all links.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, OFlags, Stat};
use rustix::io::Errno;

use super::disk::{At, Disk};
use super::flush::Identity;
use super::stage::is_temporary;
use super::{FileStore, Links};
use crate::coding::original_of;
use crate::meta::{Meta, meta_of};
use crate::path::{ResourcePath, is_segment};
use crate::{Conflict, Medium, StoreError, Wait};

/// How many links may stand for one another.
const LINKS_MAX: usize = 8;

pub(super) const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) struct Place {
    pub(super) folder: Arc<OwnedFd>,
    pub(super) name: Vec<u8>,
    identity: Identity,
}

impl Place {
    /// The root itself, which has no name.
    pub(super) fn root(folder: OwnedFd, meta: &Meta) -> Self {
        let identity = (meta.device, meta.inode);
        Self { folder: Arc::new(folder), name: Vec::new(), identity }
    }

    pub(super) fn new(folder: OwnedFd, name: Vec<u8>) -> Result<Self, StoreError> {
        let meta = meta_of(&rustix::fs::fstat(&folder)?);
        Ok(Self { folder: Arc::new(folder), name, identity: (meta.device, meta.inode) })
    }

    /// Another name in the same folder.
    pub(super) fn beside(&self, name: Vec<u8>) -> Self {
        Self { folder: Arc::clone(&self.folder), name, identity: self.identity }
    }

    /// Which folder it is, by any of its names.
    pub(super) const fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn at(&self) -> At<'_> {
        (self.folder.as_fd(), &self.name)
    }

    /// What the lock is chosen by: the same for every path that leads here, and for a file and its
    /// stored codings.
    pub(super) fn key(&self) -> (Identity, &[u8]) {
        (self.identity, original_of(&self.name))
    }

    /// What has the name now, a link itself included.
    pub(super) fn stat(&self) -> Result<Option<Stat>, StoreError> {
        self.stat_of(&self.name)
    }

    /// Looks whether what has the name is what it was `before`: [`Conflict::Changed`] if not.
    pub(super) fn is_still(&self, before: &Meta) -> Result<(), StoreError> {
        match self.stat()? {
            Some(stat) if meta_of(&stat) == *before => Ok(()),
            Some(_) | None => Err(Conflict::Changed.into()),
        }
    }

    /// What has another name in the same folder.
    pub(super) fn stat_of(&self, name: &[u8]) -> Result<Option<Stat>, StoreError> {
        match rustix::fs::statat(&*self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl FileStore {
    /// The place of the resource itself: a link that has its name is followed.
    pub(super) fn place(&self, path: ResourcePath<'_>) -> Result<Place, StoreError> {
        let mut at = path.relative().to_vec();
        for _ in 0..LINKS_MAX {
            let (above, name) = match at.iter().rposition(|octet| *octet == b'/') {
                None => (b".".to_vec(), at.clone()),
                Some(slash) => (at.drain(..slash).collect(), at.drain(1..).collect()),
            };
            if !is_segment(&name) {
                return Err(Conflict::IsFolder.into());
            }
            if is_temporary(&name) {
                return Err(StoreError::Denied);
            }
            let folder = self.open_parent(&above)?;
            let link = match rustix::fs::readlinkat(&folder, &*name, Vec::new()) {
                Ok(link) => link.into_bytes(),
                Err(Errno::INVAL | Errno::NOENT) => return Place::new(folder, name),
                Err(error) => return Err(error.into()),
            };
            if self.options.links == Links::Refuse || link.starts_with(b"/") {
                return Err(StoreError::Escapes);
            }
            self.generations.saw_link();
            at = [&above, &b"/"[..], &link].concat();
        }
        Err(StoreError::Escapes)
    }

    /// The place of the name: a link that has it is not followed.
    pub(super) fn place_of_name(
        &self,
        path: ResourcePath<'_>,
        wait: Wait,
    ) -> Result<Place, StoreError> {
        let (above, name) = path.split().ok_or(StoreError::Denied)?;
        if above.is_root() {
            // It is open already, and stays where it is.
            return Ok(self.root.beside(name.to_vec()));
        }
        Place::new(self.open_folder(above.relative(), wait)?, name.to_vec())
    }

    /// What a place's files lie on.
    pub(super) const fn medium(&self, place: &Place) -> Medium {
        self.media.of_device(place.identity.0)
    }

    /// Waits until the names in a place's folder, as they are now, are on the disk, if they lie on one.
    pub(super) fn flush(&self, place: &Place) -> Result<(), StoreError> {
        if self.medium(place) == Medium::Memory {
            return Ok(());
        }
        let flush = || self.disk.sync_folder(place.folder.as_fd());
        Ok(self.flushes.wait(place.identity, flush)?)
    }

    pub(super) fn open_parent(&self, relative: &[u8]) -> Result<OwnedFd, StoreError> {
        self.open_folder(relative, Wait::Yes)
    }

    fn open_folder(&self, relative: &[u8], wait: Wait) -> Result<OwnedFd, StoreError> {
        match self.open_at(relative, FOLDER, wait) {
            Err(Errno::AGAIN) if wait == Wait::No => Err(StoreError::WouldWait),
            Err(Errno::NOENT) => Err(Conflict::ParentMissing.into()),
            Err(Errno::NOTDIR) => Err(Conflict::ParentNotFolder.into()),
            opened => Ok(opened?),
        }
    }

    /// Makes the folders that are missing on the way to `path`, each durable before the next.
    pub(super) fn make_folders<'s>(
        &'s self,
        path: ResourcePath<'_>,
    ) -> Result<NewFolders<'s>, StoreError> {
        let mut made = NewFolders { disk: &*self.disk, made: Vec::new() };
        let mut missing = Vec::new();
        let mut above = path.split().map(|(above, _)| above);
        while let Some(folder) = above {
            match self.open_parent(folder.relative()) {
                Err(StoreError::Conflict(Conflict::ParentMissing)) => missing.push(folder),
                opened => {
                    opened?;
                    break;
                }
            }
            above = folder.split().map(|(above, _)| above);
        }
        for folder in missing.into_iter().rev() {
            if folder.segments().any(is_temporary) {
                return Err(StoreError::Denied);
            }
            let place = self.place(folder)?;
            match self.disk.make_folder(place.at()) {
                // Another writer was faster, and may not have made it durable yet.
                Err(Errno::EXIST) => self.flush(&place)?,
                result => {
                    result?;
                    made.made.push(place);
                    let place = made.made.last().ok_or(StoreError::Invalid)?;
                    self.disk.sync_folder(self.open_parent(folder.relative())?.as_fd())?;
                    self.flush(place)?;
                    self.generations.wrote(folder);
                }
            }
        }
        Ok(made)
    }
}

/// Folders made for a write. Unless it succeeds and keeps them, those still empty are removed again.
pub(super) struct NewFolders<'s> {
    disk: &'s dyn Disk,
    made: Vec<Place>,
}

impl NewFolders<'_> {
    pub(super) fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for NewFolders<'_> {
    fn drop(&mut self) {
        for place in self.made.iter().rev() {
            // One that has members by now is someone else's as well.
            if self.disk.remove_folder(place.at()).is_err() {
                break;
            }
        }
    }
}
