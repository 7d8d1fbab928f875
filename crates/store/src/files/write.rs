//! Writing a file: whole or not at all, durable before it is said, and never over what another program
//! put there meanwhile.

use std::os::fd::AsFd;
use std::sync::MutexGuard;

use rustix::fs::{Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::FileStore;
use super::look::READ;
use super::place::Place;
use super::stage::{Begun, FileStage, is_temporary, moved, temporary_name};
use crate::coding::write_coded_name;
use crate::meta::meta_of;
use crate::path::{ResourcePath, is_segment};
use crate::{
    Access, Author, Coding, Codings, Conflict, CreateFolders, FileInfo, Found, Look, LookFor,
    Medium, Meta, Parent, Staged, Stamp, StoreError, Wait, Written,
};

/// How often a swap with what another program put in place is undone before it is given up.
const UNDO_TRIES: usize = 16;

/// The largest file that is replaced without waiting, in octets: whoever takes its name away frees what it takes up.
pub(super) const REPLACED_AT_ONCE_BYTES_MAX: u64 = 4 << 20;

/// What is to be written.
pub(super) enum Content<'c> {
    Staged(Box<dyn Staged>),
    /// Held in memory.
    Whole(&'c [u8]),
}

/// What stands in a place, which nobody else of ours changes as long as this is held.
struct Standing<'s> {
    place: Place,
    lock: MutexGuard<'s, ()>,
    seen: Look,
    /// What has the name, a link itself included.
    stat: Option<Stat>,
    known: Known,
}

/// How much of what stands in a place is known, and is so still when it is replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// What has the name. What comes out of the swap is held against it, which tells as much as a second look
    /// where no version decides.
    Original,
    /// That, and that it has no stored codings, a moment ago. In memory that moment is as short as that between a
    /// second look and the swap would be, and what was put there before the new content got its time passes for
    /// older than that.
    All,
    /// All of it, as it was before the disk was waited for.
    Before,
}

impl FileStore {
    pub(super) fn replace_at(
        &self,
        path: ResourcePath<'_>,
        content: Content<'_>,
        folders: CreateFolders,
        how: (LookFor, Wait),
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        self.may_write(path)?;
        let (mut standing, made) = match self.standing(path, how) {
            Err(StoreError::Conflict(Conflict::ParentMissing)) if folders == CreateFolders::Yes => {
                // No folder is made for a write that is refused.
                let seen = self.look_at(path, LookFor::Content, Wait::Yes)?;
                if !allow(&seen) {
                    return Err(StoreError::Refused(Box::new(seen)));
                }
                let made = self.make_folders(path)?;
                (self.standing(path, how)?, Some(made))
            }
            standing => (standing?, None),
        };
        if !self.allows(path, &mut standing, how.1, allow)? {
            return Err(StoreError::Refused(Box::new(standing.seen)));
        }
        let Standing { place, lock, seen, stat, known } = standing;
        let before = replaceable(&seen)?;
        if stat.as_ref().map(meta_of) != before {
            return Err(Conflict::Changed.into());
        }
        let mut staged = match content {
            Content::Staged(staged) => FileStage::of(staged)?,
            Content::Whole(octets) => {
                // What is to be swapped needs a name in any case: given last, it would cost two steps for one.
                let begun =
                    stat.as_ref().map_or(Begun::Unnamed, |stat| Begun::Named(narrowest(stat)));
                Box::new(self.stage_whole(&place.folder, octets, begun)?)
            }
        };
        let info = match &stat {
            None => self.put_new(path, &place, &mut staged).map_err(|error| match error {
                StoreError::Conflict(Conflict::Exists) => Conflict::Changed.into(),
                error => error,
            })?,
            Some(stat) => self.put_over(path, &place, &mut staged, (stat, known))?,
        };
        // Who writes the same name next need not wait for the disk: what it is asked for then is on the disk
        // after its own flush, and this with it.
        drop(lock);
        self.flush(&place)?;
        if let Some(made) = made {
            made.keep();
        }
        Ok(Written { created: before.is_none(), info })
    }

    /// Asks whether what stands there may be replaced. What a refusal tells may depend on its stored codings, too.
    fn allows(
        &self,
        path: ResourcePath<'_>,
        standing: &mut Standing<'_>,
        wait: Wait,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<bool, StoreError> {
        if allow(&standing.seen) {
            return Ok(true);
        }
        if standing.known != Known::Original || standing.stat.is_none() {
            return Ok(false);
        }
        standing.seen = self.look_at(path, LookFor::Content, wait)?;
        Ok(allow(&standing.seen))
    }

    /// What stands at `path`, under the lock of its place. Without waiting only what lies in memory can be
    /// written, and of that what one glance tells all of.
    fn standing(
        &self,
        path: ResourcePath<'_>,
        (what, wait): (LookFor, Wait),
    ) -> Result<Standing<'_>, StoreError> {
        if wait == Wait::No && self.media.of_root() == Medium::Disk {
            return Err(StoreError::WouldWait);
        }
        if path.split().is_none() {
            return Err(Conflict::IsFolder.into());
        }
        let place = match (self.place_of_name(path, wait), wait) {
            // Folders that are to be made are flushed.
            (Err(_), Wait::No) => return Err(StoreError::WouldWait),
            (place, _) => place?,
        };
        let medium = self.medium(&place);
        let lock = match (wait, medium) {
            (Wait::Yes, _) => self.locks.lock(place.key()),
            (Wait::No, Medium::Disk) => return Err(StoreError::WouldWait),
            (Wait::No, Medium::Memory) => {
                self.locks.try_lock(place.key()).ok_or(StoreError::WouldWait)?
            }
        };
        let known = match (what, medium) {
            (LookFor::Original, _) => Known::Original,
            (LookFor::Content | LookFor::Emptiness, Medium::Memory) => Known::All,
            (LookFor::Content | LookFor::Emptiness, Medium::Disk) => Known::Before,
        };
        if let Some((seen, stat)) = self.glance(&place, known)? {
            let bytes = stat.as_ref().map_or(0, |stat| meta_of(stat).length);
            if wait == Wait::No && bytes > REPLACED_AT_ONCE_BYTES_MAX {
                return Err(StoreError::WouldWait);
            }
            return Ok(Standing { place, lock, seen, stat, known });
        }
        if wait == Wait::No {
            return Err(StoreError::WouldWait);
        }
        drop(lock);
        let place = self.place(path)?;
        let lock = self.locks.lock(place.key());
        let seen = self.look_at(path, LookFor::Content, Wait::Yes)?;
        let stat = place.stat()?;
        Ok(Standing { place, lock, seen, stat, known: Known::Before })
    }

    /// What has the name, where that is soon said: a file without stored codings, if those are asked for, or
    /// nothing.
    fn glance(
        &self,
        place: &Place,
        known: Known,
    ) -> Result<Option<(Look, Option<Stat>)>, StoreError> {
        let stat = match place.stat() {
            Ok(None) => return Ok(Some((Look::Missing { parent: Parent::Folder }, None))),
            Err(_) => return Ok(None),
            Ok(Some(stat)) => stat,
        };
        if !super::look::file_type(&stat).is_file() || !self.can_read(place, &stat) {
            return Ok(None);
        }
        let mut name = Vec::new();
        for coding in Coding::ALL.into_iter().filter(|_| known != Known::Original) {
            write_coded_name(coding, &place.name, &mut name);
            match place.stat_of(&name) {
                Ok(None) | Err(StoreError::TooLong) => {}
                Ok(Some(_)) | Err(_) => return Ok(None),
            }
        }
        let found = Found { info: self.info(meta_of(&stat)), codings: Codings::default() };
        Ok(Some((Look::File(found), Some(stat))))
    }

    /// Whether a regular file could be opened for reading. What its mode lets its owner do need not be tried.
    fn can_read(&self, place: &Place, stat: &Stat) -> bool {
        let is_owners = stat.st_uid == self.user && stat.st_mode & Mode::RUSR.as_raw_mode() != 0;
        let flags = READ | OFlags::NOFOLLOW;
        let open = || rustix::fs::openat(&*place.folder, &*place.name, flags, Mode::empty());
        is_owners || open().is_ok()
    }

    pub(super) fn create_member_in(
        &self,
        folder: ResourcePath<'_>,
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError> {
        self.may_write(folder)?;
        let mut staged = FileStage::of(staged)?;
        let folder_place = Place::new(self.open_parent(folder.relative())?, Vec::new())?;
        for name in names {
            if !is_segment(&name) || is_temporary(&name) {
                return Err(StoreError::Invalid);
            }
            let path = folder.member(&name);
            let place = folder_place.beside(name);
            let lock = self.locks.lock(place.key());
            if place.stat()?.is_some() {
                continue;
            }
            match self.put_new(ResourcePath::parse(&path)?, &place, &mut staged) {
                Err(StoreError::Conflict(Conflict::Exists)) => {}
                info => {
                    let info = info?;
                    drop(lock);
                    self.flush(&place)?;
                    return Ok((place.name, info));
                }
            }
        }
        Err(Conflict::Exists.into())
    }

    pub(super) fn may_write(&self, path: ResourcePath<'_>) -> Result<(), StoreError> {
        match self.options.access {
            Access::ReadOnly => Err(StoreError::ReadOnly),
            Access::Writable if path.segments().any(is_temporary) => Err(StoreError::Denied),
            Access::Writable => Ok(()),
        }
    }

    /// Puts content under a name that is free, and stays free until it is taken: [`Conflict::Exists`] if not.
    fn put_new(
        &self,
        path: ResourcePath<'_>,
        place: &Place,
        staged: &mut FileStage,
    ) -> Result<FileInfo, StoreError> {
        // Files that would now pass for its stored codings are another's: they stay, but are older.
        let codings = stored_codings(place)?;
        let latest = codings.iter().map(|(_, stat)| meta_of(stat).modified).max();
        let modified = meta_of(&stamp(staged, latest)?).modified;
        let length = staged.written();
        staged.become_new(self.mode_of_new)?;
        self.sync(place, staged)?;
        self.charge(length, 0)?;
        if let Err(error) = staged.name_new(place.folder.as_fd(), &place.name) {
            self.charge_back(length, 0);
            return Err(moved(error));
        }
        self.settle(path, staged, modified)
    }

    /// Waits until the content of what is to come to a place is on the disk, if that place lies on one.
    fn sync(&self, place: &Place, staged: &FileStage) -> Result<(), StoreError> {
        match self.medium(place) {
            Medium::Disk => Ok(self.disk.sync_file(&staged.file)?),
            Medium::Memory => Ok(()),
        }
    }

    /// Puts content in the place of the file that `stat` tells of, and of no other.
    fn put_over(
        &self,
        path: ResourcePath<'_>,
        place: &Place,
        staged: &mut FileStage,
        (stat, known): (&Stat, Known),
    ) -> Result<FileInfo, StoreError> {
        let before = meta_of(stat);
        let own = stamp(staged, Some(before.modified))?;
        inherit(staged, &own, stat);
        let modified = meta_of(&own).modified;
        self.sync(place, staged)?;
        let temporary = staged.name_in(&place.folder)?;
        let codings = match known {
            Known::All => Vec::new(),
            Known::Original | Known::Before => stored_codings(place)?,
        };
        let freed = codings.iter().fold(before.length, |sum, (_, stat)| sum + meta_of(stat).length);
        self.charge(staged.written(), freed)?;
        let swapped = SetAside::take(self, place, codings).and_then(|aside| {
            if known == Known::Before {
                place.is_still(&before)?;
            }
            self.swap(place, &temporary, stat, staged)?;
            aside.remove();
            Ok(())
        });
        if let Err(error) = swapped {
            self.charge_back(staged.written(), freed);
            // Others may have seen the new content before the swap was undone.
            self.generations.wrote(path);
            return Err(error);
        }
        self.settle(path, staged, modified)
    }

    /// Swaps the staged file with what has the name, and looks at what came out.
    fn swap(
        &self,
        place: &Place,
        temporary: &[u8],
        before: &Stat,
        staged: &mut FileStage,
    ) -> Result<(), StoreError> {
        let folder = place.folder.as_fd();
        match self.disk.exchange(folder, temporary, &place.name) {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                // Without a swap, what comes between the check and this is not seen.
                place.is_still(&meta_of(before))?;
                self.disk.rename_over(folder, temporary, &place.name)?;
                staged.forget_name();
                return Ok(());
            }
            Err(Errno::NOENT) => return Err(Conflict::Changed.into()),
            Err(error) => return Err(error.into()),
        }
        if place.stat_of(temporary)?.is_none_or(|out| is_unchanged(&out, before)) {
            staged.forget_name();
            // What can't be taken away now is cleared up when the store is next opened.
            let _ = self.disk.unlink((folder, temporary));
            return Ok(());
        }
        self.undo_swap(place, temporary, staged)
    }

    /// Puts back what came out of a swap but is not what was checked. Should yet another file have come
    /// in place of what was put there meanwhile, that comes out now, and is the one to be put back.
    fn undo_swap(
        &self,
        place: &Place,
        temporary: &[u8],
        staged: &mut FileStage,
    ) -> Result<(), StoreError> {
        let mut put = meta_of(&rustix::fs::fstat(&staged.file)?);
        // Whatever has the temporary name is another program's until the last one is known to be in place.
        staged.forget_name();
        let mut out = place.stat_of(temporary)?.as_ref().map(meta_of);
        for _ in 0..UNDO_TRIES {
            let Some(theirs) = out else { return Err(Conflict::Changed.into()) };
            match self.disk.exchange(place.folder.as_fd(), temporary, &place.name) {
                // The other program removed the file under its name: that was its last word.
                Err(Errno::NOENT) => out = Some(put),
                exchanged => {
                    exchanged?;
                    out = place.stat_of(temporary)?.as_ref().map(meta_of);
                }
            }
            if out.is_some_and(|out| out.is_same_content(&put)) {
                let _ = self.disk.unlink((place.folder.as_fd(), temporary));
                return Err(Conflict::Changed.into());
            }
            put = theirs;
        }
        Err(Conflict::Changed.into())
    }

    /// The write is in place, and durable once its folder is: lets it be known, and says what is there.
    fn settle(
        &self,
        path: ResourcePath<'_>,
        staged: &FileStage,
        modified: Stamp,
    ) -> Result<FileInfo, StoreError> {
        self.generations.wrote(path);
        let meta = meta_of(&rustix::fs::fstat(&staged.file)?);
        // Another program may have written into the file already; then it isn't as we wrote it.
        let is_ours = (meta.modified, meta.length) == (modified, staged.written());
        if is_ours {
            self.ours.remember(meta);
        }
        // Whoever looked between the two calls may have seen a weak tag.
        self.generations.wrote(path);
        Ok(if is_ours { self.info_by(meta, Author::Ours) } else { self.info(meta) })
    }

    pub(super) fn room_at(
        &self,
        octets: u64,
        replacing: Option<ResourcePath<'_>>,
    ) -> Result<(), StoreError> {
        let Some(quota) = self.quota.as_ref().filter(|quota| !quota.allows(octets, 0)) else {
            return Ok(());
        };
        let freed = match replacing.map(|path| self.held_at(path)) {
            // What is in the way of the write is another matter.
            None | Some(Err(StoreError::Conflict(_))) => 0,
            Some(held) => held?,
        };
        if quota.allows(octets, freed) { Ok(()) } else { Err(StoreError::Quota) }
    }

    /// How many octets a write to `path` would free: those of the file there, with its stored codings.
    fn held_at(&self, path: ResourcePath<'_>) -> Result<u64, StoreError> {
        let place = self.place(path)?;
        let Some(stat) = place.stat()? else { return Ok(0) };
        let codings = stored_codings(&place)?;
        Ok(codings.iter().fold(meta_of(&stat).length, |sum, (_, stat)| sum + meta_of(stat).length))
    }

    pub(super) fn charge(&self, added: u64, freed: u64) -> Result<(), StoreError> {
        self.quota.as_ref().map_or(Ok(()), |quota| quota.exchange(added, freed))
    }

    pub(super) fn charge_back(&self, added: u64, freed: u64) {
        if let Some(quota) = &self.quota {
            quota.undo(added, freed);
        }
    }
}

/// The file to be replaced, or none; an error for what can't be.
fn replaceable(seen: &Look) -> Result<Option<Meta>, StoreError> {
    match seen {
        Look::File(found) => Ok(Some(found.info.meta)),
        Look::Missing { parent: Parent::Folder } => Ok(None),
        Look::Missing { parent: Parent::Missing } => Err(Conflict::ParentMissing.into()),
        Look::Missing { parent: Parent::NotFolder } => Err(Conflict::ParentNotFolder.into()),
        Look::Folder { .. } => Err(Conflict::IsFolder.into()),
        Look::Denied => Err(StoreError::Denied),
        Look::Escapes => Err(StoreError::Escapes),
        Look::Special => Err(StoreError::Special),
    }
}

/// Whether what came out of a swap is what was to be replaced, for the same to read and write as then.
fn is_unchanged(out: &Stat, before: &Stat) -> bool {
    let whose = |stat: &Stat| (stat.st_uid, stat.st_gid, stat.st_mode);
    meta_of(out).is_same_content(&meta_of(before)) && whose(out) == whose(before)
}

/// Gives the staged file its modification time: now, but strictly later than `after`. Says what the file is now.
fn stamp(staged: &FileStage, after: Option<Stamp>) -> Result<Stat, StoreError> {
    let now = Stamp::now();
    let modified = after.map_or(now, |after| now.max(after.next()));
    let time = Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanos.into() };
    rustix::fs::futimens(&staged.file, &Timestamps { last_access: time, last_modification: time })?;
    // A file system may keep less than nanoseconds; what it kept is what is compared later.
    Ok(rustix::fs::fstat(&staged.file)?)
}

/// A mode that lets nobody do more to a file than the predecessor's lets them, whoever owns either.
fn narrowest(stat: &Stat) -> Mode {
    let mode = stat.st_mode;
    let all = mode & mode >> 3 & 0o7;
    Mode::from_raw_mode(mode & 0o700 | all << 3 | all)
}

/// Gives the staged file, which is as `own` says, the predecessor's owner and mode, as far as the system lets us.
/// The bits that lend rights to whoever runs it are not handed on: its content is the client's.
fn inherit(staged: &FileStage, own: &Stat, stat: &Stat) {
    if (own.st_uid, own.st_gid) != (stat.st_uid, stat.st_gid) {
        let (owner, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        if rustix::fs::fchown(&staged.file, Some(owner), Some(group)).is_err() {
            let _ = rustix::fs::fchown(&staged.file, None, Some(group));
        }
    }
    if own.st_mode & 0o7777 != stat.st_mode & 0o777 {
        let _ = rustix::fs::fchmod(&staged.file, Mode::from_raw_mode(stat.st_mode & 0o777));
    }
}

/// The regular files that stand beside a place as its stored codings.
pub(super) fn stored_codings(place: &Place) -> Result<Vec<(Vec<u8>, Stat)>, StoreError> {
    let (mut found, mut name) = (Vec::new(), Vec::new());
    for coding in Coding::ALL {
        write_coded_name(coding, &place.name, &mut name);
        match place.stat_of(&name) {
            Ok(Some(stat)) if super::look::file_type(&stat).is_file() => {
                found.push((name.clone(), stat));
            }
            Ok(_) | Err(StoreError::TooLong) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Stored codings taken out of sight before their original changes; dropped, they are put back.
pub(super) struct SetAside<'s> {
    store: &'s FileStore,
    place: &'s Place,
    /// Own name and temporary name of each.
    names: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'s> SetAside<'s> {
    pub(super) fn take(
        store: &'s FileStore,
        place: &'s Place,
        codings: Vec<(Vec<u8>, Stat)>,
    ) -> Result<Self, StoreError> {
        let mut aside = Self { store, place, names: Vec::new() };
        let folder = place.folder.as_fd();
        for (name, _) in codings {
            let temporary = temporary_name();
            match store.disk.rename_new((folder, &name), (folder, &temporary)) {
                Err(Errno::NOENT) => {}
                result => {
                    result?;
                    aside.names.push((name, temporary));
                }
            }
        }
        if !aside.names.is_empty() {
            // After a crash, too, no old coding may stand beside the new content.
            store.flush(place)?;
        }
        Ok(aside)
    }

    pub(super) fn remove(mut self) {
        for (_, temporary) in self.names.drain(..) {
            // What can't be taken away now is cleared up when the store is next opened.
            let _ = self.store.disk.unlink((self.place.folder.as_fd(), &temporary));
        }
    }
}

impl Drop for SetAside<'_> {
    fn drop(&mut self) {
        let folder = self.place.folder.as_fd();
        for (name, temporary) in &self.names {
            // If its name was taken again, that file is the newer one.
            if self.store.disk.rename_new((folder, temporary), (folder, name)).is_err() {
                let _ = self.store.disk.unlink((folder, temporary));
            }
        }
    }
}
