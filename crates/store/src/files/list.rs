//! The members of a folder.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::look::{Seen, file_type, members};
use super::stage::is_temporary;
use super::{FileStore, Links};
use crate::meta::meta_of;
use crate::path::ResourcePath;
use crate::system::GLANCE;
use crate::{Conflict, Listing, Member, MemberKind, StoreError, Wait};

impl FileStore {
    pub(super) fn list_at(
        &self,
        path: ResourcePath<'_>,
        members_max: usize,
    ) -> Result<Listing, StoreError> {
        let folder = self.folder(path)?;
        // The system says names in an order of its own, so those that come first by name are known last.
        let mut first: BTreeMap<Vec<u8>, Member> = BTreeMap::new();
        let (mut looked_at, mut truncated) = (0, false);
        for entry in members(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || is_temporary(name) {
                continue;
            }
            if looked_at == self.options.list_members_max {
                truncated = true;
                break;
            }
            looked_at += 1;
            let is_full = first.len() >= members_max;
            let comes_later = first.last_key_value().is_none_or(|(last, _)| name > last.as_slice());
            if truncated && is_full && comes_later {
                continue;
            }
            if let Some(member) = self.member(path, &folder, name)? {
                first.insert(member.name.clone(), member);
            }
            if first.len() > members_max {
                first.pop_last();
                truncated = true;
            }
        }
        Ok(Listing { members: first.into_values().collect(), truncated })
    }

    pub(super) fn names_at(
        &self,
        path: ResourcePath<'_>,
        names_max: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let folder = self.folder(path)?;
        let mut names = Vec::new();
        for entry in members(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || is_temporary(name) {
                continue;
            }
            if names.len() == names_max.min(self.options.list_members_max) {
                break;
            }
            names.push(name.to_vec());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn folder(&self, path: ResourcePath<'_>) -> Result<OwnedFd, StoreError> {
        match self.see(path, Wait::Yes)? {
            Seen::Folder(folder, _) => Ok(folder),
            Seen::File(..) => Err(Conflict::NotFolder.into()),
            Seen::Missing | Seen::NotFolder => Err(StoreError::Missing),
            Seen::Denied => Err(StoreError::Denied),
            Seen::Escapes => Err(StoreError::Escapes),
            Seen::Special => Err(StoreError::Special),
        }
    }

    /// None for what is not listed, or was there only a moment ago.
    fn member(
        &self,
        path: ResourcePath<'_>,
        folder: &OwnedFd,
        name: &[u8],
    ) -> Result<Option<Member>, StoreError> {
        let mut stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT | Errno::ACCESS) => return Ok(None),
            stat => stat?,
        };
        if file_type(&stat) == FileType::Symlink {
            if self.options.links == Links::Refuse {
                return Ok(None);
            }
            let member = path.member(name);
            let target = ResourcePath::parse(&member)?.relative();
            stat = match self.open_at(target, GLANCE, Wait::Yes) {
                Ok(target) => rustix::fs::fstat(target)?,
                Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(errno.into()),
                Err(_) => return Ok(None),
            };
        }
        let meta = meta_of(&stat);
        let (kind, length) = match file_type(&stat) {
            FileType::RegularFile => (MemberKind::File, meta.length),
            FileType::Directory => (MemberKind::Folder, 0),
            _ => return Ok(None),
        };
        Ok(Some(Member { name: name.to_vec(), kind, length, modified: meta.modified }))
    }
}
