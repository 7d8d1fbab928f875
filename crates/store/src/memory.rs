//! Resources in memory, with the meaning that files have: for tests, and for what need not last.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::coding::coded_name;
use crate::generation::Generations;
use crate::meta::GRANULARITY_DEFAULT;
use crate::path::{ResourcePath, is_segment};
use crate::quota::{Quota, Reservation};
use crate::{
    Author, Coding, Codings, Conflict, CreateFolders, FileInfo, Found, Handle, Listing, Look,
    LookFor, Member, MemberKind, Meta, Opened, Parent, Removed, Staged, Stamp, Store, StoreError,
    Wait, Written,
};

/// The longest name of a member, in octets, as on most file systems.
const NAME_BYTES_MAX: usize = 255;
const INDEX: &[u8] = b"index.html";

/// A store in memory.
pub struct MemoryStore {
    tree: Mutex<Tree>,
    generations: Generations,
    quota: Option<Arc<Quota>>,
}

struct Tree {
    nodes: BTreeMap<Vec<u8>, Node>,
    inodes: u64,
}

enum Node {
    File(Arc<[u8]>, Meta),
    Folder(Stamp),
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty root.
    #[must_use]
    pub fn new() -> Self {
        let nodes = BTreeMap::from([(b"/".to_vec(), Node::Folder(Stamp::now()))]);
        let tree = Mutex::new(Tree { nodes, inodes: 0 });
        Self { tree, generations: Generations::new(), quota: None }
    }

    /// An empty root that holds at most `bytes_max` octets.
    #[must_use]
    pub fn with_quota(bytes_max: u64) -> Self {
        Self { quota: Some(Quota::new(bytes_max, 0)), ..Self::new() }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts content at a path whose parent is there; the tree is locked.
    fn put(
        &self,
        tree: &mut Tree,
        path: ResourcePath<'_>,
        staged: MemoryStage,
    ) -> Result<FileInfo, StoreError> {
        let before = tree.file(path.as_bytes());
        let codings: Vec<(Vec<u8>, Meta)> = tree.stored_codings(path);
        let (latest, freed) = match before {
            Some(meta) => {
                let lengths = codings.iter().map(|(_, meta)| meta.length);
                (Some(meta.modified), meta.length + lengths.sum::<u64>())
            }
            None => (codings.iter().map(|(_, meta)| meta.modified).max(), 0),
        };
        let length = staged.bytes.len() as u64;
        if let Some(quota) = &self.quota {
            quota.exchange(length, freed)?;
        }
        if before.is_some() {
            for (coding, _) in &codings {
                tree.nodes.remove(coding);
            }
        }
        let changed = Stamp::now();
        let modified = latest.map_or(changed, |latest| changed.max(latest.next()));
        tree.inodes += 1;
        let meta = Meta { device: 0, inode: tree.inodes, length, modified, changed };
        tree.nodes.insert(path.as_bytes().to_vec(), Node::File(staged.bytes.into(), meta));
        tree.touch_parent(path);
        self.generations.wrote(path);
        Ok(info(meta))
    }
}

impl Store for MemoryStore {
    fn look(&self, path: &[u8], what: LookFor, _wait: Wait) -> Result<Look, StoreError> {
        self.tree().look(ResourcePath::parse(path)?, what)
    }

    fn open(&self, path: &[u8], coding: Option<Coding>, _wait: Wait) -> Result<Opened, StoreError> {
        let path = ResourcePath::parse(path)?;
        let tree = self.tree();
        let original = match tree.nodes.get(path.as_bytes()) {
            Some(Node::Folder(_)) => return Err(Conflict::IsFolder.into()),
            None => return Err(StoreError::Missing),
            Some(Node::File(_, meta)) => meta.modified,
        };
        let path =
            coding.map_or(path.as_bytes().to_vec(), |coding| coded_name(coding, path.as_bytes()));
        match tree.nodes.get(&path) {
            Some(Node::File(bytes, meta)) if meta.modified >= original => {
                Ok(Opened { file: Handle::Bytes(bytes.clone(), *meta), info: info(*meta) })
            }
            _ => Err(StoreError::Missing),
        }
    }

    fn list(&self, path: &[u8], members_max: usize) -> Result<Listing, StoreError> {
        let path = ResourcePath::parse(path)?;
        let tree = self.tree();
        match tree.nodes.get(path.as_bytes()) {
            None => return Err(StoreError::Missing),
            Some(Node::File(..)) => return Err(Conflict::NotFolder.into()),
            Some(Node::Folder(_)) => {}
        }
        let mut members = tree.members(path).map(|(name, node)| match node {
            Node::File(_, Meta { length, modified, .. }) => {
                let (length, modified) = (*length, *modified);
                Member { name: name.to_vec(), kind: MemberKind::File, length, modified }
            }
            Node::Folder(modified) => {
                let kind = MemberKind::Folder;
                Member { name: name.to_vec(), kind, length: 0, modified: *modified }
            }
        });
        let mut listing = Listing { members: Vec::new(), truncated: false };
        listing.members.extend(members.by_ref().take(members_max));
        listing.truncated = members.next().is_some();
        listing.members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    fn stage(&self, parent: &[u8], announced: Option<u64>) -> Result<Box<dyn Staged>, StoreError> {
        ResourcePath::parse(parent)?;
        let mut reservation = Reservation::new(self.quota.clone());
        reservation.grow_to(announced.unwrap_or(0))?;
        Ok(Box::new(MemoryStage { bytes: Vec::new(), reservation }))
    }

    fn room_for(&self, octets: u64, replacing: Option<&[u8]>) -> Result<(), StoreError> {
        let Some(quota) = &self.quota else { return Ok(()) };
        let freed = match replacing.map(ResourcePath::parse).transpose()? {
            None => 0,
            Some(path) => {
                let tree = self.tree();
                match tree.file(path.as_bytes()) {
                    None => 0,
                    Some(meta) => {
                        let codings = tree.stored_codings(path);
                        codings.iter().fold(meta.length, |sum, (_, meta)| sum + meta.length)
                    }
                }
            }
        };
        if quota.allows(octets, freed) { Ok(()) } else { Err(StoreError::Quota) }
    }

    fn replace(
        &self,
        path: &[u8],
        staged: Box<dyn Staged>,
        folders: CreateFolders,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        let path = ResourcePath::parse(path)?;
        let staged = MemoryStage::of(staged)?;
        let mut tree = self.tree();
        let seen = tree.look(path, LookFor::Content)?;
        if !allow(&seen) {
            return Err(StoreError::Refused(Box::new(seen)));
        }
        let missing = match (&seen, folders) {
            (Look::Missing { parent: Parent::Missing }, CreateFolders::No) => {
                return Err(Conflict::ParentMissing.into());
            }
            (Look::Missing { parent: Parent::NotFolder }, _) => {
                return Err(Conflict::ParentNotFolder.into());
            }
            (Look::Folder { .. }, _) => return Err(Conflict::IsFolder.into()),
            _ => tree.missing_folders(path),
        };
        if path.segments().any(|segment| segment.len() > NAME_BYTES_MAX) {
            return Err(StoreError::TooLong);
        }
        let info = self.put(&mut tree, path, staged)?;
        for folder in missing {
            tree.nodes.insert(folder.clone(), Node::Folder(Stamp::now()));
            let folder = ResourcePath::parse(&folder)?;
            tree.touch_parent(folder);
            self.generations.wrote(folder);
        }
        Ok(Written { created: !matches!(seen, Look::File(_)), info })
    }

    fn create_member(
        &self,
        folder: &[u8],
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError> {
        let folder = ResourcePath::parse(folder)?;
        let staged = MemoryStage::of(staged)?;
        let mut tree = self.tree();
        match tree.nodes.get(folder.as_bytes()) {
            Some(Node::Folder(_)) => {}
            Some(Node::File(..)) => return Err(Conflict::ParentNotFolder.into()),
            None => return Err(Conflict::ParentMissing.into()),
        }
        for name in names {
            if !is_segment(&name) {
                return Err(StoreError::Invalid);
            }
            if name.len() > NAME_BYTES_MAX {
                return Err(StoreError::TooLong);
            }
            let path = folder.member(&name);
            if !tree.nodes.contains_key(&path) {
                let info = self.put(&mut tree, ResourcePath::parse(&path)?, staged)?;
                return Ok((name, info));
            }
        }
        Err(Conflict::Exists.into())
    }

    fn remove(
        &self,
        path: &[u8],
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError> {
        let path = ResourcePath::parse(path)?;
        if path.is_root() {
            return Err(StoreError::Denied);
        }
        let mut tree = self.tree();
        let seen = tree.look(path, LookFor::Emptiness)?;
        if !allow(&seen) {
            return Err(StoreError::Refused(Box::new(seen)));
        }
        let removed = match seen {
            Look::File(found) => Removed::File(found.info),
            Look::Folder { empty: Some(true), .. } => Removed::Folder,
            Look::Folder { .. } => return Err(Conflict::NotEmpty.into()),
            _ => return Err(StoreError::Missing),
        };
        before().map_err(StoreError::Io)?;
        if let Removed::File(info) = &removed {
            let mut freed = info.meta.length;
            for (coding, meta) in tree.stored_codings(path) {
                tree.nodes.remove(&coding);
                freed += meta.length;
            }
            if let Some(quota) = &self.quota {
                quota.exchange(0, freed)?;
            }
        }
        tree.nodes.remove(path.as_bytes());
        tree.touch_parent(path);
        self.generations.wrote(path);
        Ok(removed)
    }

    fn generation(&self, path: &[u8]) -> u64 {
        self.generations.of(path)
    }
}

impl Tree {
    fn look(&self, path: ResourcePath<'_>, what: LookFor) -> Result<Look, StoreError> {
        Ok(match self.nodes.get(path.as_bytes()) {
            Some(Node::File(_, meta)) => {
                let mut codings = Codings::default();
                for coding in Coding::ALL {
                    let beside = self.file(&coded_name(coding, path.as_bytes()));
                    let current = beside.filter(|beside| beside.modified >= meta.modified);
                    *codings.slot(coding) = current.map(info);
                }
                Look::File(Found { info: info(*meta), codings })
            }
            Some(Node::Folder(modified)) => Look::Folder {
                index: self.file(&path.member(INDEX)).map(|_| INDEX.to_vec()),
                empty: match what {
                    LookFor::Original | LookFor::Content => None,
                    LookFor::Emptiness => Some(self.members(path).next().is_none()),
                },
                modified: *modified,
            },
            None => Look::Missing { parent: self.parent(path) },
        })
    }

    fn parent(&self, path: ResourcePath<'_>) -> Parent {
        let mut above = path;
        let mut nearest = Parent::Folder;
        while let Some((folder, _)) = above.split() {
            match self.nodes.get(folder.as_bytes()) {
                Some(Node::Folder(_)) => return nearest,
                Some(Node::File(..)) => return Parent::NotFolder,
                None => nearest = Parent::Missing,
            }
            above = folder;
        }
        nearest
    }

    fn missing_folders(&self, path: ResourcePath<'_>) -> Vec<Vec<u8>> {
        let above =
            |path: &ResourcePath<'_>| path.split().map(|(folder, _)| folder.as_bytes().to_vec());
        let mut missing = Vec::new();
        let mut next = above(&path);
        while let Some(folder) = next.filter(|folder| !self.nodes.contains_key(folder)) {
            next = ResourcePath::parse(&folder).ok().and_then(|folder| above(&folder));
            missing.push(folder);
        }
        missing
    }

    fn file(&self, path: &[u8]) -> Option<Meta> {
        match self.nodes.get(path) {
            Some(Node::File(_, meta)) => Some(*meta),
            Some(Node::Folder(_)) | None => None,
        }
    }

    fn stored_codings(&self, path: ResourcePath<'_>) -> Vec<(Vec<u8>, Meta)> {
        let beside = Coding::ALL.map(|coding| coded_name(coding, path.as_bytes()));
        beside.into_iter().filter_map(|path| self.file(&path).map(|meta| (path, meta))).collect()
    }

    fn members(&self, folder: ResourcePath<'_>) -> impl Iterator<Item = (&[u8], &Node)> {
        let prefix = folder.member(b"");
        let from = prefix.clone();
        self.nodes
            .range(from..)
            .map_while(move |(path, node)| Some((path.strip_prefix(&*prefix)?, node)))
            .filter(|(name, _)| is_segment(name))
    }

    fn touch_parent(&mut self, path: ResourcePath<'_>) {
        let above = path.split().map(|(above, _)| above.as_bytes());
        if let Some(Node::Folder(modified)) = above.and_then(|above| self.nodes.get_mut(above)) {
            *modified = Stamp::now();
        }
    }
}

fn info(meta: Meta) -> FileInfo {
    FileInfo { meta, tag: meta.tag(Author::Ours, Stamp::now(), GRANULARITY_DEFAULT) }
}

struct MemoryStage {
    bytes: Vec<u8>,
    reservation: Reservation,
}

impl MemoryStage {
    fn of(staged: Box<dyn Staged>) -> Result<Self, StoreError> {
        staged.into_any().downcast::<Self>().map(|stage| *stage).map_err(|_| StoreError::Invalid)
    }
}

impl Staged for MemoryStage {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.reservation.grow_to(self.bytes.len() as u64 + bytes.len() as u64)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn written(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance;

    #[test]
    fn it_is_a_store() {
        conformance::all(&mut MemoryStore::new);
        conformance::quota(&MemoryStore::with_quota(conformance::QUOTA_BYTES));
    }
}
