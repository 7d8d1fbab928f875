//! Removing a file or an empty folder.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::Dir;
use rustix::io::Errno;

use super::FileStore;
use super::place::Place;
use super::scan::remove_leftover;
use super::stage::{is_temporary, temporary_name};
use super::write::{SetAside, stored_codings};
use crate::meta::meta_of;
use crate::path::ResourcePath;
use crate::{Conflict, FileInfo, Links, Look, LookFor, Removed, StoreError, Wait};

impl FileStore {
    pub(super) fn remove_at(
        &self,
        path: ResourcePath<'_>,
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError> {
        self.may_write(path)?;
        let place = match self.place_of_name(path, Wait::Yes) {
            Err(StoreError::Conflict(_)) => None,
            place => Some(place?),
        };
        let _lock = place.as_ref().map(|place| self.locks.lock(place.key()));
        let seen = self.look_at(path, LookFor::Emptiness, Wait::Yes)?;
        if !allow(&seen) {
            return Err(StoreError::Refused(Box::new(seen)));
        }
        match (seen, place) {
            (Look::File(found), Some(place)) => {
                self.remove_file(path, &place, &found.info, before)?;
                Ok(Removed::File(found.info))
            }
            (Look::Folder { empty: Some(true), .. }, Some(place)) => {
                self.remove_folder(path, &place, before)?;
                Ok(Removed::Folder)
            }
            (Look::Folder { .. }, _) => Err(Conflict::NotEmpty.into()),
            (Look::Missing { .. }, _) => Err(StoreError::Missing),
            (Look::Denied, _) => Err(StoreError::Denied),
            (Look::Escapes, _) => Err(StoreError::Escapes),
            (Look::Special, _) => Err(StoreError::Special),
            (Look::File(_), None) => Err(Conflict::Changed.into()),
        }
    }

    /// Takes the name away. If it is a link's, the link goes and the file that it led to stays.
    fn remove_file(
        &self,
        path: ResourcePath<'_>,
        place: &Place,
        info: &FileInfo,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let folder = place.folder.as_fd();
        let stat = place.stat()?.ok_or(Conflict::Changed)?;
        let (own, link) = (meta_of(&stat), super::look::file_type(&stat).is_symlink());
        if own != info.meta && !(link && self.options.links == Links::Follow) {
            return Err(Conflict::Changed.into());
        }
        before().map_err(StoreError::Io)?;
        let codings = stored_codings(place)?;
        let freed = if link { 0 } else { own.length };
        let freed = codings.iter().fold(freed, |sum, (_, stat)| sum + meta_of(stat).length);
        let aside = SetAside::take(self, place, codings)?;
        let temporary = temporary_name();
        match self.disk.rename_new(place.at(), (folder, &temporary)) {
            Err(Errno::NOENT) => return Err(Conflict::Changed.into()),
            renamed => renamed?,
        }
        // From here on it is out of sight, whatever else fails.
        self.generations.wrote(path);
        let out = place.stat_of(&temporary)?.as_ref().map(meta_of);
        if out.is_some_and(|out| !out.is_same_content(&own)) {
            // If the name was taken meanwhile, that file is the newer one.
            if self.disk.rename_new((folder, &temporary), place.at()).is_err() {
                let _ = self.disk.unlink((folder, &temporary));
            }
            self.generations.wrote(path);
            return Err(Conflict::Changed.into());
        }
        match self.disk.unlink((folder, &temporary)) {
            // Whoever removed the folder took it for what a crash had left, and was right to.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        aside.remove();
        self.charge(0, freed)?;
        self.flush(place)?;
        self.generations.wrote(path);
        Ok(())
    }

    fn remove_folder(
        &self,
        path: ResourcePath<'_>,
        place: &Place,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let stat = place.stat()?.ok_or(Conflict::Changed)?;
        if super::look::file_type(&stat).is_symlink() {
            before().map_err(StoreError::Io)?;
            self.disk.unlink(place.at())?;
        } else {
            let members = self.open_parent(path.relative())?;
            remove_leftovers(&members)?;
            before().map_err(StoreError::Io)?;
            match self.disk.remove_folder(place.at()) {
                // Some systems say so of a folder with members.
                Err(Errno::EXIST) => return Err(Conflict::NotEmpty.into()),
                Err(Errno::NOENT | Errno::NOTDIR) => return Err(Conflict::Changed.into()),
                removed => removed?,
            }
        }
        self.generations.wrote(path);
        self.flush(place)
    }
}

/// A folder that looks empty may still hold what a crash left.
fn remove_leftovers(folder: &OwnedFd) -> Result<(), StoreError> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if is_temporary(name) {
            remove_leftover(folder, name);
        }
    }
    Ok(())
}
