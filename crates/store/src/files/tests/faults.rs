//! Disks that fail at any step, and other programs that come between any two.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::SystemTime;

use super::*;
use crate::files::disk::At;
use crate::{Conflict, Medium};

/// A disk on which one step fails, or something happens just before it.
struct Fragile {
    /// How many steps until then.
    steps_left: AtomicUsize,
    then: Then,
    happened: AtomicBool,
}

enum Then {
    Fail(Errno),
    Before(Box<dyn Fn() + Send + Sync>),
}

impl Fragile {
    fn new(steps: usize, then: Then) -> Arc<Self> {
        Arc::new(Self { steps_left: steps.into(), then, happened: false.into() })
    }

    fn step(&self) -> Result<(), Errno> {
        let left = self.steps_left.fetch_sub(1, Ordering::SeqCst);
        if left != 0 || self.happened.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match &self.then {
            Then::Fail(errno) => Err(*errno),
            Then::Before(act) => {
                act();
                Ok(())
            }
        }
    }
}

macro_rules! steps {
    ($( fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty; )*) => {
        impl Disk for Fragile { $(
            fn $name(&self, $($argument: $type),*) -> Result<$result, Errno> {
                self.step()?;
                Kernel.$name($($argument),*)
            }
        )* }
    };
}

steps! {
    fn create_unnamed(folder: BorrowedFd<'_>) -> File;
    fn create(at: At<'_>, mode: Mode) -> File;
    fn write(file: &File, bytes: &[u8], offset: u64) -> ();
    fn sync_file(file: &File) -> ();
    fn sync_folder(folder: BorrowedFd<'_>) -> ();
    fn link(file: &File, at: At<'_>) -> ();
    fn rename_new(from: At<'_>, to: At<'_>) -> ();
    fn rename_over(folder: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> ();
    fn exchange(folder: BorrowedFd<'_>, one: &[u8], other: &[u8]) -> ();
    fn unlink(at: At<'_>) -> ();
    fn make_folder(at: At<'_>) -> ();
    fn remove_folder(at: At<'_>) -> ();
}

const OLD: &[u8] = b"old";
const NEW: &[u8] = b"new content";
const FOREIGN: &[u8] = b"of another program";

fn try_put_whole(store: &FileStore, path: &[u8]) -> Result<Written, StoreError> {
    store.replace_with(path, NEW, CreateFolders::Yes, (LookFor::Content, Wait::Yes), &mut |_| true)
}

fn try_put_unconditionally(store: &FileStore, path: &[u8]) -> Result<Written, StoreError> {
    let how = (LookFor::Original, Wait::Yes);
    store.replace_with(path, NEW, CreateFolders::Yes, how, &mut |_| true)
}

fn try_put(store: &FileStore, path: &[u8]) -> Result<Written, StoreError> {
    let mut staged = Store::stage(store, b"/", None)?;
    staged.write(NEW)?;
    store.replace(path, staged, CreateFolders::Yes, &mut |_| true)
}

/// Whichever step fails, the file is old or new as a whole, and after the next opening nothing else is left.
#[test]
fn a_failing_step_leaves_old_or_new_and_no_litter() {
    let mut failed = 0;
    let puts = [try_put, try_put_whole, try_put_unconditionally];
    let puts =
        puts.into_iter().flat_map(|put| Scratch::everywhere().into_iter().map(move |at| (put, at)));
    for (named, errno, (put, at)) in
        puts.flat_map(|put| [(false, Errno::NOSPC, put), (true, Errno::IO, put)])
    {
        for steps in 0.. {
            let scratch = at();
            let file = scratch.path().join("a");
            std::fs::write(&file, OLD).unwrap();
            std::fs::write(scratch.path().join("a.gz"), "coded").unwrap();
            let disk = Fragile::new(steps, Then::Fail(errno));
            let options = Options { quota_bytes: Some(1000), ..writable() };
            let mut store = FileStore::with_disk(scratch.path(), options, disk.clone()).unwrap();
            store.unnamed &= !named;
            let generation = store.generation(b"/a");
            let result = put(&store, b"/a");
            let content = std::fs::read(&file).unwrap();
            match &result {
                Ok(_) => assert_eq!(content, NEW, "after {steps} steps"),
                Err(error) => {
                    failed += 1;
                    assert!(content == OLD || content == NEW, "after {steps} steps");
                    let expected = matches!(error, StoreError::NoSpace | StoreError::Io(_));
                    assert!(expected, "{error:?}");
                }
            }
            if content == NEW {
                assert!(store.generation(b"/a") > generation, "it is seen");
            }
            drop(store);
            FileStore::open(scratch.path(), writable()).unwrap();
            let coding = if content == OLD { vec!["a", "a.gz"] } else { vec!["a"] };
            assert_eq!(scratch.names(), coding, "after {steps} steps, {result:?}");
            if !disk.happened.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    assert!(failed > 10, "steps did fail: {failed}");
}

#[test]
fn a_failing_step_leaves_no_new_folders() {
    for steps in 0.. {
        let scratch = Scratch::new();
        let disk = Fragile::new(steps, Then::Fail(Errno::NOSPC));
        let store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
        let result = try_put(&store, b"/d/e/a");
        let path = scratch.path().join("d/e/a");
        if result.is_ok() {
            assert_eq!(std::fs::read(path).unwrap(), NEW);
        } else if !path.exists() {
            assert!(scratch.names().is_empty(), "after {steps} steps");
        }
        if !disk.happened.load(Ordering::SeqCst) {
            assert!(result.is_ok() && steps > 6);
            break;
        }
    }
}

/// What another program does to the file, atomically as programs do.
fn foreign(kind: usize, file: PathBuf) -> Box<dyn Fn() + Send + Sync> {
    Box::new(move || match kind {
        0 => {
            let temporary = file.with_file_name("theirs");
            std::fs::write(&temporary, FOREIGN).unwrap();
            std::fs::rename(temporary, &file).unwrap();
        }
        1 => std::fs::write(&file, FOREIGN).unwrap(),
        _ => std::fs::remove_file(&file).unwrap_or_default(),
    })
}

/// Another program changes the file between any two steps of a write. Either that comes first, and the
/// write says so and leaves it; or the write comes first, and what the program did to it stands.
#[test]
fn another_programs_change_at_any_step_is_not_lost() {
    let (mut refused, mut changed, mut kept) = (0, 0, 0);
    let kinds = [(true, 0), (true, 1), (true, 2), (false, 0), (false, 1)];
    let ways = [
        (None, Wait::Yes),
        (Some(LookFor::Content), Wait::Yes),
        (Some(LookFor::Content), Wait::No),
        (Some(LookFor::Original), Wait::Yes),
        (Some(LookFor::Original), Wait::No),
    ];
    let everywhere = Scratch::everywhere();
    let ways = everywhere.into_iter().flat_map(|at| ways.map(|(whole, wait)| (at, whole, wait)));
    for ((old, kind), (at, whole, wait)) in ways.flat_map(|way| kinds.map(|kind| (kind, way))) {
        for steps in 0.. {
            let scratch = at();
            let file = scratch.path().join("a");
            if old {
                std::fs::write(&file, OLD).unwrap();
            }
            let disk = Fragile::new(steps, Then::Before(foreign(kind, file.clone())));
            let store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
            // The condition is asked with what is there: after the change it no longer holds.
            let before = old.then_some(OLD.len() as u64);
            let mut allow = |seen: &Look| {
                let now = match seen {
                    Look::File(found) => Some(found.info.meta.length),
                    _ => None,
                };
                now == before
            };
            let result = if let Some(what) = whole {
                store.replace_with(b"/a", NEW, CreateFolders::No, (what, wait), &mut allow)
            } else {
                let mut staged = Store::stage(&store, b"/", None).unwrap();
                staged.write(NEW).unwrap();
                store.replace(b"/a", staged, CreateFolders::No, &mut allow)
            };
            let content = std::fs::read(&file).ok();
            if let (Err(StoreError::WouldWait), Wait::No) = (&result, wait) {
                assert_eq!(store.media.of_root(), Medium::Disk);
                assert!(!disk.happened.load(Ordering::SeqCst), "nothing was done");
                break;
            }
            let theirs = if kind == 2 { None } else { Some(FOREIGN) };
            if !disk.happened.load(Ordering::SeqCst) {
                assert!(result.is_ok() && content.as_deref() == Some(NEW));
                break;
            }
            assert_eq!(content.as_deref(), theirs, "kind {kind}, after {steps} steps: {result:?}");
            match result {
                Err(StoreError::Conflict(Conflict::Changed)) => changed += 1,
                Err(StoreError::Refused(_)) => refused += 1,
                Ok(written) => {
                    kept += 1;
                    let Look::File(now) = look(&store, b"/a") else { continue };
                    let (now, then) = (now.info.tag, written.info.tag);
                    assert!(!now.text().strong_eq(then.text()), "theirs has a tag of its own");
                }
                Err(error) => panic!("{error:?}"),
            }
            assert!(scratch.names().iter().all(|name| name == "a"), "{:?}", scratch.names());
        }
    }
    let counts = (refused, changed, kept);
    assert!(refused > 2 && changed > 5 && kept > 2, "all come about: {counts:?}");
}

/// Who may read and write the file is changed between any two steps of a write: that stands, whichever came first.
#[test]
fn a_mode_that_is_given_at_any_step_is_not_lost() {
    let (mut changed, mut kept) = (0, 0);
    let puts = [try_put, try_put_whole, try_put_unconditionally];
    let puts =
        puts.into_iter().flat_map(|put| Scratch::everywhere().into_iter().map(move |at| (put, at)));
    for (put, at) in puts {
        for steps in 0.. {
            let scratch = at();
            let file = scratch.path().join("a");
            std::fs::write(&file, OLD).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
            let theirs = file.clone();
            let lock_up = move || {
                std::fs::set_permissions(&theirs, Permissions::from_mode(0o600)).unwrap();
            };
            let disk = Fragile::new(steps, Then::Before(Box::new(lock_up)));
            let store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
            let result = put(&store, b"/a");
            let (content, mode) = (std::fs::read(&file).unwrap(), file.metadata().unwrap().mode());
            if !disk.happened.load(Ordering::SeqCst) {
                assert!(result.is_ok() && mode & 0o777 == 0o644);
                break;
            }
            assert_eq!(mode & 0o777, 0o600, "after {steps} steps: {result:?}");
            match result {
                Ok(_) => {
                    assert_eq!(content, NEW);
                    kept += 1;
                }
                Err(error) => {
                    assert!(error.is_changed() && content == OLD, "{error:?}");
                    changed += 1;
                }
            }
            assert_eq!(scratch.names(), ["a"]);
        }
    }
    assert!(changed > 5 && kept > 5, "both come about: {changed} and {kept}");
}

/// A stored coding of the old content that another program makes while the new is flushed is gone with the old.
#[test]
fn a_coding_that_comes_during_the_flush_is_not_taken_for_one_of_the_new_content() {
    struct Coded(PathBuf);
    impl Disk for Coded {
        fn sync_file(&self, file: &File) -> Result<(), Errno> {
            let coded = File::create_new(&self.0).unwrap();
            coded.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
            Kernel.sync_file(file)
        }
    }
    for put in [try_put, try_put_whole, try_put_unconditionally] {
        let scratch = Scratch::new();
        std::fs::write(scratch.path().join("a"), OLD).unwrap();
        let disk = Arc::new(Coded(scratch.path().join("a.gz")));
        let mut store = FileStore::with_disk(scratch.path(), writable(), disk).unwrap();
        store.media = Media::DISK;
        put(&store, b"/a").unwrap();
        assert_eq!(scratch.names(), ["a"]);
    }
}

/// Where no version decides, a refusal is told with the stored codings all the same, which it may depend on.
#[test]
fn what_is_refused_is_seen_with_its_codings() {
    for at in Scratch::everywhere() {
        let scratch = at();
        std::fs::write(scratch.path().join("a"), OLD).unwrap();
        std::fs::write(scratch.path().join("a.gz"), "coded").unwrap();
        let store = FileStore::open(scratch.path(), writable()).unwrap();
        let how = (LookFor::Original, Wait::Yes);
        let result = store.replace_with(b"/a", NEW, CreateFolders::No, how, &mut |_| false);
        let Err(StoreError::Refused(seen)) = result else { panic!("{result:?}") };
        assert!(matches!(*seen, Look::File(found) if found.codings.gzip.is_some()));
        assert_eq!(scratch.names(), ["a", "a.gz"]);
        try_put_unconditionally(&store, b"/a").unwrap();
        assert_eq!(scratch.names(), ["a"], "they go with what they are of");
    }
}

#[test]
fn another_programs_change_during_a_removal_is_not_lost() {
    let mut changed = 0;
    for kind in 0..2 {
        for steps in 0.. {
            let scratch = Scratch::new();
            let file = scratch.path().join("a");
            std::fs::write(&file, OLD).unwrap();
            std::fs::write(scratch.path().join("a.gz"), "coded").unwrap();
            let disk = Fragile::new(steps, Then::Before(foreign(kind, file.clone())));
            let store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
            let result = store.remove(b"/a", &mut |_| true, &mut || Ok(()));
            let content = std::fs::read(&file).ok();
            if !disk.happened.load(Ordering::SeqCst) {
                assert!(result.is_ok() && scratch.names().is_empty());
                break;
            }
            assert_eq!(content.as_deref(), Some(FOREIGN), "after {steps} steps: {result:?}");
            changed += usize::from(result.is_err_and(|error| error.is_changed()));
        }
    }
    assert!(changed > 2, "{changed}");
}

/// Yet another change comes in while the first is being put back: the last word stands.
#[test]
fn a_change_while_a_swap_is_undone_is_not_lost() {
    struct Twice {
        file: PathBuf,
        exchanges: AtomicUsize,
    }
    impl Disk for Twice {
        fn exchange(&self, folder: BorrowedFd<'_>, one: &[u8], other: &[u8]) -> Result<(), Errno> {
            let count = self.exchanges.fetch_add(1, Ordering::SeqCst);
            if count < 2 {
                let theirs = self.file.with_file_name("theirs");
                std::fs::write(&theirs, format!("change {count}")).unwrap();
                std::fs::rename(theirs, &self.file).unwrap();
            }
            Kernel.exchange(folder, one, other)
        }
    }
    let scratch = Scratch::new();
    let file = scratch.path().join("a");
    std::fs::write(&file, OLD).unwrap();
    let disk = Arc::new(Twice { file: file.clone(), exchanges: 0.into() });
    let store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
    let result = try_put(&store, b"/a");
    assert!(result.is_err_and(|error| error.is_changed()));
    assert_eq!(std::fs::read(&file).unwrap(), b"change 1");
    assert_eq!(scratch.names(), ["a"]);
    assert!(disk.exchanges.load(Ordering::SeqCst) > 2);
}

/// Without a swap, a change that comes before the last look is still noticed.
#[test]
fn a_change_before_a_plain_rename_is_not_lost() {
    struct Plain(Box<dyn Fn() + Send + Sync>);
    impl Disk for Plain {
        fn sync_file(&self, file: &File) -> Result<(), Errno> {
            (self.0)();
            Kernel.sync_file(file)
        }
        fn exchange(&self, _: BorrowedFd<'_>, _: &[u8], _: &[u8]) -> Result<(), Errno> {
            Err(Errno::INVAL)
        }
    }
    for kind in 0..3 {
        let scratch = Scratch::new();
        let file = scratch.path().join("a");
        std::fs::write(&file, OLD).unwrap();
        let disk = Arc::new(Plain(foreign(kind, file.clone())));
        let store = FileStore::with_disk(scratch.path(), writable(), disk).unwrap();
        assert!(try_put(&store, b"/a").is_err_and(|error| error.is_changed()));
        let theirs = if kind == 2 { None } else { Some(FOREIGN) };
        assert_eq!(std::fs::read(&file).ok().as_deref(), theirs);
        assert_eq!(scratch.names().len(), usize::from(kind != 2));
    }
}

/// Who looks into the folder at any step of a write finds nothing there that says more than what it replaces did.
#[test]
fn what_is_private_stays_so_on_its_way() {
    let modes = [0o600, 0o640, 0o604, 0o644, 0o400];
    let ways = [(false, false), (false, true), (true, false), (true, true)];
    for (at, mode, (named, whole)) in Scratch::everywhere()
        .into_iter()
        .flat_map(|at| modes.into_iter().flat_map(move |mode| ways.map(|way| (at, mode, way))))
    {
        for steps in 0.. {
            let scratch = at();
            let file = scratch.path().join("a");
            std::fs::write(&file, OLD).unwrap();
            std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let folder = scratch.path().to_owned();
            let look = move || {
                for entry in std::fs::read_dir(&folder).unwrap() {
                    let found = entry.unwrap().metadata().unwrap().mode() & 0o777;
                    assert_eq!(found & 0o077 & !mode, 0, "{found:o} on the way to {mode:o}");
                }
            };
            let disk = Fragile::new(steps, Then::Before(Box::new(look)));
            let mut store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
            store.unnamed &= !named;
            if whole { try_put_whole(&store, b"/a") } else { try_put(&store, b"/a") }.unwrap();
            assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, mode);
            if !disk.happened.load(Ordering::SeqCst) {
                assert!(steps > 2, "it is looked at");
                break;
            }
        }
    }
}

/// A new file has what the system gives new files, however it came about.
#[test]
fn new_files_are_for_whom_the_system_says() {
    let usual = |folder: &Path| {
        let file = folder.join("usual");
        std::fs::write(&file, "").unwrap();
        std::fs::metadata(file).unwrap().mode()
    };
    for named in [false, true] {
        let scratch = Scratch::new();
        let mut store = FileStore::open(scratch.path(), writable()).unwrap();
        store.unnamed &= !named;
        try_put(&store, b"/pieces").unwrap();
        try_put_whole(&store, b"/whole").unwrap();
        for name in ["pieces", "whole"] {
            let mode = std::fs::metadata(scratch.path().join(name)).unwrap().mode();
            assert_eq!(mode, usual(scratch.path()), "{name}, {named}");
        }
    }
}
