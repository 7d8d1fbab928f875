//! Every state that a crash can leave, at every step of a write. The steps of the real store on a real
//! folder are recorded; then each prefix of them is replayed in a model of a disk that may have lost
//! whatever was not synced: any of a file's octets, and any selection of a folder's changed names.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use rustix::fs::AtFlags;

use super::*;
use crate::files::disk::At;

type Inode = u64;
type Name = Vec<u8>;

/// What one step did to the disk.
#[derive(Clone, Debug)]
enum Step {
    Created {
        file: Inode,
        at: Option<(Inode, Name)>,
    },
    Wrote {
        file: Inode,
        offset: usize,
        bytes: Vec<u8>,
    },
    SyncedFile {
        file: Inode,
    },
    BeganFolder {
        folder: Inode,
        flush: u64,
    },
    /// What had changed when the flush began is on the disk, and nothing else.
    SyncedFolder {
        folder: Inode,
        flush: u64,
    },
    Named(Inode, Change),
    MadeFolder {
        parent: Inode,
        name: Name,
        folder: Inode,
    },
    Acknowledged,
    /// Somebody was told that this version of a file is there.
    Told {
        name: Name,
        version: u8,
    },
}

/// What happened to a folder's names, in one act.
#[derive(Clone, Debug)]
enum Change {
    Linked { name: Name, file: Inode },
    Renamed { from: Name, to: Name },
    Exchanged { one: Name, other: Name },
    Unlinked { name: Name },
}

/// With every file that was made, open, so that none gets the number of one that is gone.
#[derive(Default)]
struct Recorder(Mutex<Vec<Step>>, Mutex<Vec<File>>);

impl Recorder {
    fn push(&self, step: Step) {
        self.0.lock().unwrap().push(step);
    }

    fn created(&self, file: &File, at: Option<(Inode, Name)>) {
        self.1.lock().unwrap().push(file.try_clone().unwrap());
        self.push(Step::Created { file: inode(file), at });
    }
}

fn inode(fd: impl AsFd) -> Inode {
    rustix::fs::fstat(fd).unwrap().st_ino
}

impl Disk for Recorder {
    fn create_unnamed(&self, folder: BorrowedFd<'_>) -> Result<File, Errno> {
        let file = Kernel.create_unnamed(folder)?;
        self.created(&file, None);
        Ok(file)
    }

    fn create(&self, at: At<'_>, mode: Mode) -> Result<File, Errno> {
        let file = Kernel.create(at, mode)?;
        self.created(&file, Some((inode(at.0), at.1.to_vec())));
        Ok(file)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> Result<(), Errno> {
        Kernel.write(file, bytes, offset)?;
        let (bytes, offset) = (bytes.to_vec(), offset as usize);
        self.push(Step::Wrote { file: inode(file), offset, bytes });
        Ok(())
    }

    fn sync_file(&self, file: &File) -> Result<(), Errno> {
        self.push(Step::SyncedFile { file: inode(file) });
        Kernel.sync_file(file)
    }

    fn sync_folder(&self, folder: BorrowedFd<'_>) -> Result<(), Errno> {
        static FLUSHES: AtomicU64 = AtomicU64::new(0);
        let (folder_inode, flush) = (inode(folder), FLUSHES.fetch_add(1, Ordering::SeqCst));
        self.push(Step::BeganFolder { folder: folder_inode, flush });
        Kernel.sync_folder(folder)?;
        self.push(Step::SyncedFolder { folder: folder_inode, flush });
        Ok(())
    }

    fn link(&self, file: &File, at: At<'_>) -> Result<(), Errno> {
        Kernel.link(file, at)?;
        let change = Change::Linked { name: at.1.to_vec(), file: inode(file) };
        self.push(Step::Named(inode(at.0), change));
        Ok(())
    }

    fn rename_new(&self, from: At<'_>, to: At<'_>) -> Result<(), Errno> {
        let file = rustix::fs::statat(from.0, from.1, AtFlags::empty())?.st_ino;
        Kernel.rename_new(from, to)?;
        if inode(from.0) == inode(to.0) {
            let change = Change::Renamed { from: from.1.to_vec(), to: to.1.to_vec() };
            self.push(Step::Named(inode(from.0), change));
        } else {
            // Two folders, of which either may keep its change and the other lose it.
            let linked = Change::Linked { name: to.1.to_vec(), file };
            self.push(Step::Named(inode(to.0), linked));
            self.push(Step::Named(inode(from.0), Change::Unlinked { name: from.1.to_vec() }));
        }
        Ok(())
    }

    fn rename_over(&self, folder: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> Result<(), Errno> {
        Kernel.rename_over(folder, from, to)?;
        let change = Change::Renamed { from: from.to_vec(), to: to.to_vec() };
        self.push(Step::Named(inode(folder), change));
        Ok(())
    }

    fn exchange(&self, folder: BorrowedFd<'_>, one: &[u8], other: &[u8]) -> Result<(), Errno> {
        Kernel.exchange(folder, one, other)?;
        let change = Change::Exchanged { one: one.to_vec(), other: other.to_vec() };
        self.push(Step::Named(inode(folder), change));
        Ok(())
    }

    fn unlink(&self, at: At<'_>) -> Result<(), Errno> {
        Kernel.unlink(at)?;
        self.push(Step::Named(inode(at.0), Change::Unlinked { name: at.1.to_vec() }));
        Ok(())
    }

    fn make_folder(&self, at: At<'_>) -> Result<(), Errno> {
        Kernel.make_folder(at)?;
        let folder = rustix::fs::statat(at.0, at.1, AtFlags::empty())?.st_ino;
        self.push(Step::MadeFolder { parent: inode(at.0), name: at.1.to_vec(), folder });
        Ok(())
    }
}

/// A file on the modelled disk: what is certainly there, and what was written since.
#[derive(Clone, Default)]
struct Content {
    synced: Vec<u8>,
    written: Vec<u8>,
}

#[derive(Clone, Default)]
struct FolderNames {
    synced: BTreeMap<Name, Inode>,
    /// With the place of each among all that ever happened to them.
    since: Vec<(usize, Change)>,
    changes: usize,
    /// Of each flush that is under way, how many changes there were when it began.
    begun: BTreeMap<u64, usize>,
}

#[derive(Clone, Default)]
struct Model {
    files: BTreeMap<Inode, Content>,
    folders: BTreeMap<Inode, FolderNames>,
    acknowledged: bool,
    /// The last version of each file that somebody was told of.
    told: BTreeMap<Name, u8>,
}

impl Model {
    /// What is under `root` now counts as synced.
    fn of(root: &Path) -> Self {
        let mut model = Self::default();
        let root_inode = inode(File::open(root).unwrap());
        let names = model.folders.entry(root_inode).or_default();
        for entry in std::fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            let file = File::open(entry.path()).unwrap();
            names.synced.insert(entry.file_name().into_encoded_bytes(), inode(&file));
            let content = std::fs::read(entry.path()).unwrap();
            model.files.insert(inode(&file), Content { synced: content.clone(), written: content });
        }
        model
    }

    fn apply(&mut self, step: &Step) {
        match step.clone() {
            Step::Created { file, at } => {
                self.files.insert(file, Content::default());
                if let Some((folder, name)) = at {
                    self.change(folder, Change::Linked { name, file });
                }
            }
            Step::Wrote { file, offset, bytes } => {
                let written = &mut self.files.get_mut(&file).unwrap().written;
                written.truncate(offset);
                written.extend(bytes);
            }
            Step::SyncedFile { file } => {
                let content = self.files.get_mut(&file).unwrap();
                content.synced = content.written.clone();
            }
            Step::BeganFolder { folder, flush } => {
                let names = self.folders.get_mut(&folder).unwrap();
                names.begun.insert(flush, names.changes);
            }
            Step::SyncedFolder { folder, flush } => {
                let names = self.folders.get_mut(&folder).unwrap();
                let begun = names.begun.remove(&flush).unwrap();
                for (_, change) in names.since.extract_if(.., |(at, _)| *at < begun) {
                    change.apply(&mut names.synced);
                }
            }
            Step::Named(folder, change) => self.change(folder, change),
            Step::MadeFolder { parent, name, folder } => {
                self.folders.insert(folder, FolderNames::default());
                self.change(parent, Change::Linked { name, file: folder });
            }
            Step::Acknowledged => self.acknowledged = true,
            Step::Told { name, version } => {
                let told = self.told.entry(name).or_default();
                *told = version.max(*told);
            }
        }
    }

    fn change(&mut self, folder: Inode, change: Change) {
        let names = self.folders.get_mut(&folder).unwrap();
        names.since.push((names.changes, change));
        names.changes += 1;
    }

    /// Every selection of what is not synced in `folder`, applied to what is.
    fn possible_names(&self, folder: Inode) -> Vec<BTreeMap<Name, Inode>> {
        let names = &self.folders[&folder];
        Self::selections(&names.synced, names.since.iter().map(|(_, change)| change).collect())
    }

    fn selections(
        synced: &BTreeMap<Name, Inode>,
        since: Vec<&Change>,
    ) -> Vec<BTreeMap<Name, Inode>> {
        assert!(since.len() < 12, "a write leaves few changes unsynced");
        (0u32..1 << since.len())
            .map(|kept| {
                let mut possible = synced.clone();
                for (i, change) in since.iter().enumerate() {
                    if kept >> i & 1 == 1 {
                        change.apply(&mut possible);
                    }
                }
                possible
            })
            .collect()
    }

    /// What may have `name` in `folder` after a crash: only those changes count that lead to it.
    fn possible_files(&self, folder: Inode, name: &[u8]) -> Vec<Option<Inode>> {
        let FolderNames { synced, since, .. } = &self.folders[&folder];
        let mut reached = BTreeSet::from([name]);
        let leading: Vec<&Change> = loop {
            let leads = |change: &&Change| change.names().iter().any(|name| reached.contains(name));
            let leading: Vec<&Change> =
                since.iter().map(|(_, change)| change).filter(leads).collect();
            let before = reached.len();
            leading.iter().for_each(|change| reached.extend(change.names()));
            if reached.len() == before {
                break leading;
            }
        };
        let possible = Self::selections(synced, leading).into_iter();
        possible.map(|names| names.get(name).copied()).collect()
    }

    /// What a file may hold after a crash: what was synced, all, half, or as many zeros.
    fn possible_contents(&self, file: Inode) -> Vec<Vec<u8>> {
        let Content { synced, written } = &self.files[&file];
        if synced == written {
            return vec![synced.clone()];
        }
        let half = written[..written.len() / 2].to_vec();
        vec![synced.clone(), half, written.clone(), vec![0; written.len()]]
    }

    /// What may be at `path` after a crash.
    fn possible(&self, root: Inode, path: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let Some((name, rest)) = path.split_first() else { return vec![None] };
        let mut all = Vec::new();
        for names in self.possible_names(root) {
            match names.get(*name) {
                None => all.push(None),
                Some(found) if rest.is_empty() => {
                    all.extend(self.possible_contents(*found).into_iter().map(Some));
                }
                Some(found) => all.extend(self.possible(*found, rest)),
            }
        }
        all
    }
}

impl Change {
    fn names(&self) -> Vec<&[u8]> {
        match self {
            Self::Linked { name, .. } | Self::Unlinked { name } => vec![name],
            Self::Renamed { from: one, to: other } | Self::Exchanged { one, other } => {
                vec![one, other]
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<Name, Inode>) {
        match self {
            Self::Linked { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Renamed { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Exchanged { one, other } => {
                if let (Some(a), Some(b)) = (names.get(one).copied(), names.get(other).copied()) {
                    names.insert(one.clone(), b);
                    names.insert(other.clone(), a);
                }
            }
            Self::Unlinked { name } => {
                names.remove(name);
            }
        }
    }
}

const OLD: &[u8] = b"the old content";
const NEW: &[u8] = b"new content, which is longer than the old";

/// Runs `write` and hands every state after every step to `check`.
fn replay(
    named: bool,
    before: &[(&str, &[u8])],
    write: impl Fn(&FileStore),
    check: impl Fn(&Model, Inode),
) {
    let scratch = Scratch::new();
    for (name, content) in before {
        std::fs::write(scratch.path().join(name), content).unwrap();
    }
    let recorder = Arc::new(Recorder::default());
    let mut store = FileStore::with_disk(scratch.path(), writable(), recorder.clone()).unwrap();
    store.media = Media::DISK;
    store.unnamed &= !named;
    let mut model = Model::of(scratch.path());
    write(&store);
    recorder.push(Step::Acknowledged);
    let root = inode(&store.root.folder);
    check(&model, root);
    let steps = recorder.0.lock().unwrap().clone();
    assert!(steps.len() > 3, "the steps are recorded: {steps:?}");
    for step in &steps {
        model.apply(step);
        check(&model, root);
    }
}

/// Content that arrives piece by piece, or is held in memory.
fn put_either(store: &FileStore, path: &[u8], whole: bool) {
    if whole {
        let how = (LookFor::Original, Wait::Yes);
        store.replace_with(path, NEW, CreateFolders::Yes, how, &mut |_| true).unwrap();
    } else {
        put(store, path, NEW).unwrap();
    }
}

#[test]
fn a_replaced_file_is_old_or_new_and_new_once_acknowledged() {
    for (named, whole) in [(false, false), (false, true), (true, false), (true, true)] {
        let write = |store: &FileStore| put_either(store, b"/a", whole);
        replay(named, &[("a", OLD), ("a.gz", b"old, zipped")], write, |model, root| {
            for content in model.possible(root, &[b"a"]) {
                let content = content.expect("something is always there");
                assert!(content == NEW || (content == OLD && !model.acknowledged), "{content:?}");
            }
            // In whichever state the names are, an old coding never stands beside the new content.
            for names in model.possible_names(root) {
                let new = model.possible_contents(names[&b"a"[..]]).contains(&NEW.to_vec());
                assert!(!(new && names.contains_key(&b"a.gz"[..])));
            }
        });
    }
}

#[test]
fn a_new_file_is_whole_or_missing_and_whole_once_acknowledged() {
    for case in 0..8 {
        let (named, whole) = (case & 1 == 0, case & 2 == 0);
        let path = if case & 4 == 0 { "/a" } else { "/d/e/a" };
        let write = |store: &FileStore| put_either(store, path.as_bytes(), whole);
        let parts: Vec<&[u8]> = path.split('/').skip(1).map(str::as_bytes).collect();
        replay(named, &[("other", OLD)], write, |model, root| {
            for content in model.possible(root, &parts) {
                match content {
                    None => assert!(!model.acknowledged, "{path} is lost"),
                    Some(content) => assert_eq!(content, NEW),
                }
            }
            assert!(model.possible(root, &[b"other"]).iter().all(|c| c.as_deref() == Some(OLD)));
        });
    }
}

#[test]
fn a_new_member_is_whole_once_acknowledged() {
    let write = |store: &FileStore| {
        let mut names = [b"a".to_vec(), b"b".to_vec()].into_iter();
        let (name, _) = store.create_member(b"/", &mut names, stage(store, NEW)).unwrap();
        assert_eq!(name, b"b");
    };
    replay(false, &[("a", OLD)], write, |model, root| {
        assert!(model.possible(root, &[b"a"]).iter().all(|c| c.as_deref() == Some(OLD)));
        for content in model.possible(root, &[b"b"]) {
            assert!(content.as_deref() == Some(NEW) || (content.is_none() && !model.acknowledged));
        }
    });
}

#[test]
fn a_removed_file_is_old_or_missing_and_missing_once_acknowledged() {
    let write = |store: &FileStore| {
        store.remove(b"/a", &mut |_| true, &mut || Ok(())).unwrap();
    };
    replay(false, &[("a", OLD), ("a.br", b"coded")], write, |model, root| {
        for content in model.possible(root, &[b"a"]) {
            assert!(content.is_none() || (content.as_deref() == Some(OLD) && !model.acknowledged));
        }
        let coding = model.possible(root, &[b"a.br"]);
        assert!(!model.acknowledged || coding.iter().all(Option::is_none));
    });
}

const WRITERS: u8 = 4;
const VERSIONS: u8 = 4;

/// Several write at the same time, each a file of its own and one that all write. Whatever flush each was let go
/// after: what it was told is there after a crash at any step, or what was written later.
#[test]
fn what_shares_a_flush_is_on_the_disk_before_anybody_is_told() {
    let scratch = Scratch::new();
    let recorder = Arc::new(Recorder::default());
    let names: Vec<String> = (0..WRITERS).map(|writer| format!("own-{writer}")).collect();
    names.iter().for_each(|name| std::fs::write(scratch.path().join(name), [0]).unwrap());
    let opened = names.iter().map(|name| File::open(scratch.path().join(name)).unwrap());
    recorder.1.lock().unwrap().extend(opened);
    let mut store = FileStore::with_disk(scratch.path(), writable(), recorder.clone()).unwrap();
    store.media = Media::DISK;
    let mut model = Model::of(scratch.path());
    thread::scope(|scope| {
        for name in &names {
            let (store, recorder) = (&store, &recorder);
            scope.spawn(move || {
                for version in 1..=VERSIONS {
                    let write = |path: &str| {
                        let path = format!("/{path}");
                        let folders = CreateFolders::No;
                        store.replace_with(
                            path.as_bytes(),
                            &[version],
                            folders,
                            (LookFor::Original, Wait::Yes),
                            &mut |_| true,
                        )
                    };
                    write(name).unwrap();
                    recorder.push(Step::Told { name: name.clone().into_bytes(), version });
                    if version == 1 {
                        write("shared").unwrap();
                        recorder.push(Step::Told { name: b"shared".to_vec(), version });
                    }
                }
            });
        }
    });
    let root = inode(&store.root.folder);
    let steps = recorder.0.lock().unwrap().clone();
    for step in &steps {
        model.apply(step);
        for name in names.iter().map(String::as_bytes).chain([&b"shared"[..]]) {
            let told = model.told.get(name).copied();
            for file in model.possible_files(root, name) {
                let Some(file) = file else {
                    assert!(told.is_none() && name == b"shared", "{name:?} is lost");
                    continue;
                };
                for content in model.possible_contents(file) {
                    let [version] = content[..] else { panic!("{content:?} is not whole") };
                    assert!(version >= told.unwrap_or(0), "{version} and {told:?} of {name:?}");
                }
            }
        }
    }
    assert_eq!(model.told.len(), names.len() + 1);
}

/// A flush that began before a change says nothing of it.
#[test]
#[should_panic(expected = "it may be lost")]
fn the_model_sees_who_is_let_go_by_an_earlier_flush() {
    let scratch = Scratch::new();
    let mut model = Model::of(scratch.path());
    let root = inode(File::open(scratch.path()).unwrap());
    for step in [
        Step::Created { file: 1, at: None },
        Step::BeganFolder { folder: root, flush: 0 },
        Step::Named(root, Change::Linked { name: b"a".to_vec(), file: 1 }),
        Step::SyncedFolder { folder: root, flush: 0 },
    ] {
        model.apply(&step);
    }
    assert!(model.possible_files(root, b"a").iter().all(Option::is_some), "it may be lost");
}

/// The model must be able to see a fault: a write whose content is not synced is one.
#[test]
#[should_panic(expected = "something is half there")]
fn the_model_sees_a_write_that_is_not_synced() {
    let scratch = Scratch::new();
    let mut model = Model::of(scratch.path());
    let root = inode(File::open(scratch.path()).unwrap());
    for step in [
        Step::Created { file: 1, at: None },
        Step::Wrote { file: 1, offset: 0, bytes: NEW.to_vec() },
        Step::Named(root, Change::Linked { name: b"a".to_vec(), file: 1 }),
        Step::BeganFolder { folder: root, flush: 0 },
        Step::SyncedFolder { folder: root, flush: 0 },
    ] {
        model.apply(&step);
    }
    let contents = model.possible(root, &[b"a"]);
    assert!(contents.iter().all(|c| c.as_deref() == Some(NEW)), "something is half there");
}
