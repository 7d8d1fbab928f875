//! What is at a path, and opening it.

use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::FileStore;
use super::place::FOLDER;
use super::stage::is_temporary;
use crate::coding::coded_name;
use crate::meta::meta_of;
use crate::path::ResourcePath;
use crate::system::GLANCE;
use crate::{
    Author, Coding, Codings, Conflict, FileInfo, Found, Look, LookFor, Meta, Parent, Stamp,
    StoreError, Wait,
};

/// A pipe must not make us wait for its other end, nor a terminal become ours.
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// What one path leads to.
pub(super) enum Seen {
    File(OwnedFd, Meta),
    Folder(OwnedFd, Stamp),
    Missing,
    NotFolder,
    Denied,
    Escapes,
    Special,
}

impl FileStore {
    pub(super) fn look_at(
        &self,
        path: ResourcePath<'_>,
        what: LookFor,
        wait: Wait,
    ) -> Result<Look, StoreError> {
        Ok(match self.see(path, wait)? {
            Seen::File(_, meta) => {
                let codings = match what {
                    LookFor::Original => Codings::default(),
                    LookFor::Content | LookFor::Emptiness => self.codings(path, &meta, wait)?,
                };
                Look::File(Found { info: self.info(meta), codings })
            }
            Seen::Folder(folder, modified) => Look::Folder {
                index: self.index(path, wait)?,
                empty: match (what, wait) {
                    (LookFor::Original | LookFor::Content, _) => None,
                    (LookFor::Emptiness, Wait::No) => return Err(StoreError::WouldWait),
                    (LookFor::Emptiness, Wait::Yes) => Some(is_empty(&folder)?),
                },
                modified,
            },
            Seen::Missing => Look::Missing { parent: self.parent(path, wait)? },
            Seen::NotFolder => Look::Missing { parent: Parent::NotFolder },
            Seen::Denied => Look::Denied,
            Seen::Escapes => Look::Escapes,
            Seen::Special => Look::Special,
        })
    }

    pub(super) fn open_file(
        &self,
        path: ResourcePath<'_>,
        wait: Wait,
    ) -> Result<(OwnedFd, Meta), StoreError> {
        match self.see(path, wait)? {
            Seen::File(file, meta) => Ok((file, meta)),
            Seen::Folder(..) => Err(Conflict::IsFolder.into()),
            Seen::Missing | Seen::NotFolder => Err(StoreError::Missing),
            Seen::Denied => Err(StoreError::Denied),
            Seen::Escapes => Err(StoreError::Escapes),
            Seen::Special => Err(StoreError::Special),
        }
    }

    /// Opens what is at `path`. Names of our own temporary files lead to nothing.
    pub(super) fn see(&self, path: ResourcePath<'_>, wait: Wait) -> Result<Seen, StoreError> {
        if path.segments().any(is_temporary) {
            return Ok(Seen::Missing);
        }
        let opened = match self.open_at(path.relative(), READ, wait) {
            // It may be a folder that can be passed but not listed, whose members are readable.
            Err(Errno::ACCESS) => {
                let glanced = self.open_at(path.relative(), GLANCE, wait);
                match glanced.map(|fd| rustix::fs::fstat(&fd).map(|stat| (fd, stat))) {
                    Err(Errno::AGAIN) if wait == Wait::No => return Err(StoreError::WouldWait),
                    Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(errno.into()),
                    Ok(Ok((fd, stat))) if file_type(&stat) == FileType::Directory => {
                        return Ok(Seen::Folder(fd, meta_of(&stat).modified));
                    }
                    _ => return Ok(Seen::Denied),
                }
            }
            Err(Errno::NOENT) => return Ok(Seen::Missing),
            Err(Errno::NOTDIR) => return Ok(Seen::NotFolder),
            Err(Errno::LOOP | Errno::XDEV) => return Ok(Seen::Escapes),
            Err(Errno::NXIO | Errno::NODEV) => return Ok(Seen::Special),
            Err(Errno::AGAIN) if wait == Wait::No => return Err(StoreError::WouldWait),
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&opened)?;
        let meta = meta_of(&stat);
        Ok(match file_type(&stat) {
            FileType::RegularFile => Seen::File(opened, meta),
            FileType::Directory => Seen::Folder(opened, meta.modified),
            _ => Seen::Special,
        })
    }

    /// A file with the tag it has now.
    pub(super) fn info(&self, meta: Meta) -> FileInfo {
        let now = Stamp::now();
        let author = self.ours.author(&meta, now);
        FileInfo { meta, tag: meta.tag(author, now, self.ours.granularity()) }
    }

    /// A file that is known to stand as its author wrote it, with the tag it has now.
    pub(super) fn info_by(&self, meta: Meta, author: Author) -> FileInfo {
        FileInfo { meta, tag: meta.tag(author, Stamp::now(), self.ours.granularity()) }
    }

    fn codings(
        &self,
        path: ResourcePath<'_>,
        original: &Meta,
        wait: Wait,
    ) -> Result<Codings, StoreError> {
        let mut codings = Codings::default();
        for coding in Coding::ALL {
            let beside = coded_name(coding, path.as_bytes());
            let found = match self.see(ResourcePath::parse(&beside)?, wait) {
                Ok(Seen::File(_, meta)) if meta.modified >= original.modified => Some(meta),
                // The longest name that the file system takes has no codings.
                Ok(_) | Err(StoreError::TooLong) => None,
                Err(error) => return Err(error),
            };
            *codings.slot(coding) = found.map(|meta| self.info(meta));
        }
        Ok(codings)
    }

    fn index(&self, folder: ResourcePath<'_>, wait: Wait) -> Result<Option<Vec<u8>>, StoreError> {
        for name in &self.options.index {
            let member = folder.member(name);
            let Ok(path) = ResourcePath::parse(&member) else { continue };
            match self.see(path, wait) {
                // One that may not be given out hides the list of members all the same.
                Ok(Seen::File(..) | Seen::Denied | Seen::Escapes) => return Ok(Some(name.clone())),
                Ok(_) | Err(StoreError::TooLong) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn parent(&self, path: ResourcePath<'_>, wait: Wait) -> Result<Parent, StoreError> {
        let Some((above, _)) = path.split() else { return Ok(Parent::Missing) };
        Ok(match self.open_at(above.relative(), GLANCE | OFlags::DIRECTORY, wait) {
            Ok(_) => Parent::Folder,
            Err(Errno::NOTDIR) => Parent::NotFolder,
            Err(Errno::AGAIN) if wait == Wait::No => return Err(StoreError::WouldWait),
            Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(errno.into()),
            Err(_) => Parent::Missing,
        })
    }
}

pub(super) fn file_type(stat: &rustix::fs::Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// What is in an opened folder. It may have been opened only to be passed, and what that does not let
/// us do has to be denied here.
pub(super) fn members(folder: &OwnedFd) -> Result<Dir, StoreError> {
    Ok(Dir::new(rustix::fs::openat(folder, ".", FOLDER, Mode::empty())?)?)
}

fn is_empty(folder: &OwnedFd) -> Result<bool, StoreError> {
    for entry in members(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") && !is_temporary(name) {
            return Ok(false);
        }
    }
    Ok(true)
}
