//! What one core remembers of files: what was found, and what is open. Never shared, never locked.
//!
//! An entry is good while nothing of ours was written under its name, as the store's generation tells,
//! and for `recheck` after it was looked up, since other programs tell nobody. What holds a large file open is
//! let go some time after the last look, since the file may be gone and its space with it.

use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use quick_cache::{Equivalent, unsync};
use wherefore_decide::facts::{Found, Octets};
use wherefore_decide::policy::Compress;
use wherefore_message::Coding;

use crate::encode::WHOLE_BYTES_MAX;
use crate::read::{OpenFile, SMALL_BYTES_MAX};

/// What is remembered under one path.
#[derive(Debug)]
pub struct Entry {
    /// What was found there.
    pub found: Found,
    /// The media type of its name.
    pub media_type: &'static str,
    generation: u64,
    checked_at: Cell<u64>,
    files: RefCell<[Option<Rc<OpenFile>>; 4]>,
}

impl Entry {
    /// What was found under a path when the store's generation was `generation`, at `now` in ms.
    #[must_use]
    pub fn new(found: Found, media_type: &'static str, generation: u64, now: u64) -> Self {
        Self {
            found,
            media_type,
            generation,
            checked_at: Cell::new(now),
            files: RefCell::default(),
        }
    }

    /// The store's generation when it was looked up.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The file that is open for this coding.
    #[must_use]
    pub fn file(&self, coding: Option<Coding>) -> Option<Rc<OpenFile>> {
        self.files.borrow()[slot(coding)].clone()
    }

    /// Keeps a file that was opened, if it is the version that was found.
    ///
    /// # Errors
    /// If it is another one: what was found is no longer true.
    pub fn keep(&self, coding: Option<Coding>, file: &Rc<OpenFile>) -> Result<(), Stale> {
        let all = self.found.representations().ok_or(Stale)?;
        let known = all.in_coding(coding).tag;
        if !known.text().weak_eq(file.representation.tag.text()) {
            return Err(Stale);
        }
        self.files.borrow_mut()[slot(coding)] = Some(Rc::clone(file));
        Ok(())
    }

    /// The same, where it turned out that what would be made in this coding is not worth it.
    #[must_use]
    pub fn withholding(&self, coding: Coding) -> Self {
        let mut found = self.found;
        if let Some(all) = found.representations_mut() {
            all.withhold(coding);
        }
        Self::new(found, self.media_type, self.generation, self.checked_at.get())
    }

    fn holds_a_large_file(&self) -> bool {
        self.files.borrow().iter().flatten().any(|file| file.octets.is_none())
    }

    /// Takes over what an older entry had open of the same versions, and what it knew of them.
    fn inherit(&mut self, older: &Self) {
        if let (Some(all), Some(known)) =
            (self.found.representations_mut(), older.found.representations())
        {
            for coding in Coding::ALL {
                let (old, new) = (known.in_coding(Some(coding)), all.in_coding(Some(coding)));
                if old.octets == Octets::Withheld && old.tag.text().strong_eq(new.tag.text()) {
                    all.withhold(coding);
                }
            }
        }
        for coding in [None].into_iter().chain(Coding::ALL.map(Some)) {
            // With a weak tag it may have changed since without its tag telling.
            if let Some(file) = older.file(coding)
                && !file.representation.tag.is_weak()
            {
                // A version that is no longer there is let go.
                let _ = self.keep(coding, &file);
            }
        }
    }
}

/// What was found is no longer what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

const fn slot(coding: Option<Coding>) -> usize {
    match coding {
        None => 0,
        Some(Coding::Brotli) => 1,
        Some(Coding::Zstd) => 2,
        Some(Coding::Gzip) => 3,
    }
}

/// One core's memory of files, bounded in octets.
pub struct Cache {
    entries: unsync::Cache<Key, Rc<Entry>, Weight>,
    recheck_ms: u64,
}

/// Under which an entry is kept, to ask with. What a route makes of a file is no other's, so that what was
/// found is each route's own where they differ in it.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// The origin's number.
    pub origin: u32,
    /// The path within it.
    pub path: &'a [u8],
    /// What the route encodes.
    pub compress: Option<&'a Arc<Compress>>,
}

/// The same, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    origin: u32,
    path: Box<[u8]>,
    compress: Option<Arc<Compress>>,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.origin, &*self.path).hash(state);
    }
}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.origin, self.path).hash(state);
    }
}

impl Equivalent<Key> for Name<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.origin == key.origin
            && *self.path == *key.path
            && match (self.compress, &key.compress) {
                (None, None) => true,
                (Some(asked), Some(kept)) => Arc::ptr_eq(asked, kept) || asked == kept,
                (None, Some(_)) | (Some(_), None) => false,
            }
    }
}

/// An entry weighs what its small files have in octets; what may be made of one, which is known only then, as
/// much as the original, since it is no more. A large file is held open and weighs as much of
/// the whole as its descriptor is of those that may be held.
#[derive(Clone)]
struct Weight {
    large_file: u64,
}

const ENTRY_BYTES: u64 = 512;
/// For how long after the last look a large file is held open at least, in ms.
const HELD_MS_MIN: u64 = 10_000;

impl quick_cache::Weighter<Key, Rc<Entry>> for Weight {
    fn weight(&self, key: &Key, entry: &Rc<Entry>) -> u64 {
        let octets = entry.found.representations().map_or(0, |all| {
            let original = all.original.length().unwrap_or(0);
            let weight = |octets| match octets {
                Octets::Stored(length) if length > SMALL_BYTES_MAX => self.large_file,
                Octets::Stored(length) => length,
                Octets::Made(_) if original <= WHOLE_BYTES_MAX => original,
                Octets::Made(_) | Octets::Withheld => 0,
            };
            all.iter().map(|one| weight(one.octets)).sum()
        });
        key.path.len() as u64 + ENTRY_BYTES + octets
    }
}

impl Cache {
    /// Room for `bytes_max` octets and for `files_max` large files that are open; entries are looked up
    /// again after `recheck_ms`.
    #[must_use]
    pub fn new(bytes_max: u64, files_max: u64, recheck_ms: u64) -> Self {
        let entries_about = (bytes_max / (8 * ENTRY_BYTES)).clamp(16, 1 << 16) as usize;
        let large_file = bytes_max.checked_div(files_max).unwrap_or(bytes_max).max(SMALL_BYTES_MAX);
        let weight = Weight { large_file };
        Self { entries: unsync::Cache::with_weighter(entries_about, bytes_max, weight), recheck_ms }
    }

    /// What is remembered under `name`, if it is still good at `now` in ms.
    #[must_use]
    pub fn get(&self, name: Name<'_>, generation: u64, now: u64) -> Option<Rc<Entry>> {
        let entry = self.entries.get(&name)?;
        let good = entry.generation == generation
            && now.saturating_sub(entry.checked_at.get()) < self.recheck_ms;
        good.then(|| Rc::clone(entry))
    }

    /// Until when what is remembered is good, in ms.
    #[must_use]
    pub fn until(&self, entry: &Entry) -> u64 {
        entry.checked_at.get().saturating_add(self.recheck_ms)
    }

    /// Remembers what was found under `name`.
    pub fn put(&mut self, name: Name<'_>, mut entry: Entry) -> Rc<Entry> {
        if let Some(older) = self.entries.get(&name) {
            entry.inherit(older);
        }
        let entry = Rc::new(entry);
        let Name { origin, path, compress } = name;
        let key = Key { origin, path: path.into(), compress: compress.cloned() };
        self.entries.insert(key, Rc::clone(&entry));
        entry
    }

    /// Forgets what is remembered under `name`.
    pub fn forget(&mut self, name: Name<'_>) {
        self.entries.remove(&name);
    }

    /// Lets go, at `now` in ms, of the large files that nobody has asked for in a while. Should they have been
    /// deleted or replaced, the system can't give their space to others before.
    pub fn sweep(&mut self, now: u64) {
        let held_ms = HELD_MS_MIN.max(self.recheck_ms);
        self.entries.retain(|_, entry| {
            now.saturating_sub(entry.checked_at.get()) < held_ms || !entry.holds_a_large_file()
        });
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::path::{self, Path};
    use wherefore_store::{CreateFolders, LookFor, MemoryStore, Store, Wait};

    use super::*;
    use crate::Origin;

    fn name<'a>(origin: &Origin, path: Path<'a>) -> Name<'a> {
        Name { origin: origin.id(), path: path.bytes(), compress: None }
    }

    /// Looks `path` up and opens it, as a reading does; says what is held open.
    fn read(cache: &mut Cache, origin: &Origin, path: Path<'_>, now: u64) -> Rc<OpenFile> {
        let found = origin.find(path, LookFor::Content, Wait::Yes).unwrap();
        let entry = cache.put(name(origin, path), Entry::new(found, "text/plain", 0, now));
        let file = Rc::new(origin.open(path, None, Wait::Yes).unwrap());
        assert_eq!(entry.keep(None, &file), Ok(()));
        file
    }

    #[test]
    fn large_files_that_nobody_asks_for_are_let_go() {
        let store = MemoryStore::new();
        for (name, length) in [("/small", SMALL_BYTES_MAX), ("/large", SMALL_BYTES_MAX + 1)] {
            let mut staged = store.stage(b"/", None).unwrap();
            staged.write(&vec![b'x'; length as usize]).unwrap();
            store.replace(name.as_bytes(), staged, CreateFolders::No, &mut |_| true).unwrap();
        }
        let origin = Origin::new(Arc::new(store), None);
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let small = path::decode(b"/small", &mut one).unwrap();
        let large = path::decode(b"/large", &mut other).unwrap();

        let mut cache = Cache::new(1 << 20, 10, 1_000);
        let small = Rc::downgrade(&read(&mut cache, &origin, small, 0));
        let held = Rc::downgrade(&read(&mut cache, &origin, large, 0));
        cache.sweep(9_999);
        assert!(held.upgrade().is_some());
        // Being asked for again puts it off.
        let held = Rc::downgrade(&read(&mut cache, &origin, large, 9_999));
        cache.sweep(10_000);
        assert!(held.upgrade().is_some());
        cache.sweep(19_999);
        assert!(held.upgrade().is_none(), "nothing holds it any more");
        assert!(small.upgrade().is_some(), "it holds no more than memory");
        assert!(cache.get(name(&origin, large), 0, 9_999).is_none());

        // Where looks are good for longer, it is held for as long as they are.
        let mut cache = Cache::new(1 << 20, 10, 60_000);
        let held = Rc::downgrade(&read(&mut cache, &origin, large, 0));
        cache.sweep(59_999);
        assert!(held.upgrade().is_some() && cache.get(name(&origin, large), 0, 59_999).is_some());
        cache.sweep(60_000);
        assert!(held.upgrade().is_none());
    }

    #[test]
    fn what_was_read_while_its_tag_was_weak_is_read_anew() {
        let store = MemoryStore::new();
        let staged = store.stage(b"/", None).unwrap();
        store.replace(b"/a", staged, CreateFolders::No, &mut |_| true).unwrap();
        let origin = Origin::new(Arc::new(store), None);
        let mut scratch = Vec::new();
        let path = path::decode(b"/a", &mut scratch).unwrap();
        let found = origin.find(path, LookFor::Content, Wait::Yes).unwrap();
        let file = origin.open(path, None, Wait::Yes).unwrap();
        let mut cache = Cache::new(1 << 20, 10, 1_000);
        for is_weak in [false, true] {
            let (mut found, mut file) = (found, file.clone());
            if is_weak {
                let tag = file.representation.tag.weakened();
                (file.representation.tag, found.representations_mut().unwrap().original.tag) =
                    (tag, tag);
            }
            let entry = cache.put(name(&origin, path), Entry::new(found, "text/plain", 0, 0));
            assert_eq!(entry.keep(None, &Rc::new(file)), Ok(()));
            // It is looked up again, and the tag may have become strong by then.
            let again = origin.find(path, LookFor::Content, Wait::Yes).unwrap();
            let entry = cache.put(name(&origin, path), Entry::new(again, "text/plain", 0, 1_000));
            assert_eq!(entry.file(None).is_none(), is_weak);
        }
    }

    /// Looks `path` up for a route that encodes this.
    fn offered(origin: &Origin, path: Path<'_>, compress: &Compress, now: u64) -> Entry {
        let mut found = origin.find(path, LookFor::Content, Wait::Yes).unwrap();
        crate::encode::offer(&mut found, path, compress);
        Entry::new(found, "text/plain", 0, now)
    }

    #[test]
    fn what_one_route_makes_of_a_file_is_no_other_s() {
        let store = MemoryStore::new();
        let mut staged = store.stage(b"/", None).unwrap();
        staged.write(&[b'x'; 5000]).unwrap();
        store.replace(b"/a.txt", staged, CreateFolders::No, &mut |_| true).unwrap();
        let origin = Origin::new(Arc::new(store), None);
        let mut scratch = Vec::new();
        let path = path::decode(b"/a.txt", &mut scratch).unwrap();
        let (all, some) = (Compress::usual(), Compress::usual().without(Coding::Gzip));
        let [all, again, some] = [all.clone(), all, some].map(Arc::new);
        let name = |compress| Name { compress, ..name(&origin, path) };

        let mut cache = Cache::new(1 << 20, 10, 1_000);
        cache.put(
            name(None),
            Entry::new(origin.find(path, LookFor::Content, Wait::Yes).unwrap(), "text/plain", 0, 0),
        );
        cache.put(name(Some(&all)), offered(&origin, path, &all, 0));
        let codings = |cache: &Cache, compress| {
            let entry = cache.get(name(compress), 0, 0)?;
            let all = entry.found.representations()?;
            Some([all.brotli, all.zstd, all.gzip].map(|one| one.map(|one| one.octets)))
        };
        assert_eq!(codings(&cache, None), Some([None; 3]));
        assert!(codings(&cache, Some(&all)).unwrap().iter().all(Option::is_some));
        assert_eq!(codings(&cache, Some(&again)), codings(&cache, Some(&all)), "it says the same");
        assert_eq!(codings(&cache, Some(&some)), None);

        // What is not worth it stays so when the file is looked up again, as long as it is the same.
        let entry = cache.get(name(Some(&all)), 0, 0).unwrap();
        cache.put(name(Some(&all)), entry.withholding(Coding::Gzip));
        cache.put(name(Some(&all)), offered(&origin, path, &all, 500));
        let [brotli, _, gzip] = codings(&cache, Some(&all)).unwrap();
        assert_eq!(gzip, Some(Octets::Withheld));
        assert!(matches!(brotli, Some(Octets::Made(_))));
        cache.forget(name(Some(&all)));
        assert!(codings(&cache, Some(&all)).is_none() && codings(&cache, None).is_some());
    }
}
