//! A folder's store as a store, and what only folders have.

use std::fs::Permissions;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use super::*;
use crate::files::write::REPLACED_AT_ONCE_BYTES_MAX;
use crate::{Medium, conformance};

#[test]
fn it_is_a_store() {
    let mut scratches = Vec::new();
    for at in Scratch::everywhere() {
        conformance::all(&mut || {
            scratches.push(at());
            FileStore::open(scratches.last().unwrap().path(), writable()).unwrap()
        });
        let scratch = at();
        let options = Options { quota_bytes: Some(conformance::QUOTA_BYTES), ..writable() };
        conformance::quota(&FileStore::open(scratch.path(), options).unwrap());
    }
}

/// The ways of an old kernel, or of a file system with less, keep the same word.
#[test]
fn it_is_a_store_without_what_newer_systems_have() {
    struct Old;
    impl Disk for Old {
        fn exchange(&self, _: BorrowedFd<'_>, _: &[u8], _: &[u8]) -> Result<(), Errno> {
            Err(Errno::INVAL)
        }
    }
    let mut scratches = Vec::new();
    conformance::all(&mut || {
        scratches.push(Scratch::new());
        let path = scratches.last().unwrap().path();
        let mut store = FileStore::with_disk(path, writable(), Arc::new(Old)).unwrap();
        store.unnamed = false;
        store.resolver = Resolver::Walk;
        store
    });
    assert!(scratches.iter().all(|s| s.names().iter().all(|n| !n.ends_with(".partial"))));
}

/// Without the lock that keeps a second writable store away: some tests want to see one.
fn open(scratch: &Scratch, options: Options) -> FileStore {
    FileStore::with_disk(scratch.path(), options, Arc::new(Kernel)).unwrap()
}

/// A system says names in the order in which it finds them, which is seldom that of the names.
#[test]
fn a_long_list_has_the_first_by_name() {
    let scratch = Scratch::new();
    // In an order of their own.
    for i in 0..200 {
        std::fs::write(scratch.path().join(format!("{:03}", i * 77 % 200)), "x").unwrap();
    }
    let _pipe = UnixListener::bind(scratch.path().join("000-not-listed")).unwrap();
    let names = |options: Options, members_max: usize| {
        let listing = open(&scratch, options).list(b"/", members_max).unwrap();
        let names = listing.members.into_iter().map(|m| String::from_utf8(m.name).unwrap());
        (names.collect::<Vec<_>>(), listing.truncated)
    };
    let all: Vec<_> = (0..200).map(|i| format!("{i:03}")).collect();
    for count in [1, 5, 199] {
        assert_eq!(names(Options::default(), count), (all[..count].to_vec(), true));
    }
    assert_eq!(names(Options::default(), 200), (all, false));

    let few = Options { list_members_max: 20, ..Options::default() };
    let (names, truncated) = names(few, 200);
    assert!(truncated && (19..=20).contains(&names.len()) && names.is_sorted(), "{names:?}");
}

#[test]
fn a_second_writable_store_is_refused_until_the_first_is_gone() {
    let scratch = Scratch::new();
    let first = FileStore::open(scratch.path(), writable()).unwrap();
    let refused = FileStore::open(scratch.path(), writable()).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
    assert!(FileStore::open(scratch.path(), Options::default()).is_ok(), "reading goes on");
    drop(first);
    assert!(FileStore::open(scratch.path(), writable()).is_ok());
}

#[test]
fn links_stay_within_the_root() {
    for resolver in [Resolver::Kernel, Resolver::Walk] {
        let scratch = Scratch::new();
        let at = |name: &str| scratch.path().join(name);
        std::fs::create_dir_all(at("root/d")).unwrap();
        std::fs::write(at("secret"), "secret").unwrap();
        std::fs::write(at("root/d/file"), "inside").unwrap();
        for (name, to) in [
            ("out", "../secret"),
            ("d/out", "../../secret"),
            ("absolute", "/etc/passwd"),
            ("up", ".."),
            ("loop", "loop"),
            ("in", "d/../d/file"),
            ("d/up", "../in"),
            ("folder", "d"),
        ] {
            symlink(to, at("root").join(name)).unwrap();
        }
        let mut store = FileStore::open(&at("root"), writable()).unwrap();
        store.resolver = resolver;
        for path in ["/out", "/d/out", "/absolute", "/up/secret", "/up", "/loop", "/folder/out"] {
            assert!(matches!(look(&store, path.as_bytes()), Look::Escapes), "{path} {resolver:?}");
            assert!(put(&store, path.as_bytes(), b"evil").is_err(), "{path}");
            assert!(store.open(path.as_bytes(), None, Wait::Yes).is_err(), "{path}");
        }
        for path in ["/in", "/d/up", "/folder/file"] {
            assert!(matches!(look(&store, path.as_bytes()), Look::File(_)), "{path} {resolver:?}");
        }
        put(&store, b"/d/up", b"through two links").unwrap();
        assert_eq!(std::fs::read(at("root/d/file")).unwrap(), b"through two links");
        assert!(std::fs::symlink_metadata(at("root/d/up")).unwrap().is_symlink());
        let before = store.generation(b"/elsewhere");
        put(&store, b"/d/file", b"x").unwrap();
        assert!(store.generation(b"/elsewhere") > before, "any path may be a link to it");
        let names: Vec<_> =
            store.list(b"/", 9).unwrap().members.into_iter().map(|m| m.name).collect();
        assert_eq!(names, [&b"d"[..], b"folder", b"in"]);
        store.remove(b"/in", &mut |_| true, &mut || Ok(())).unwrap();
        assert!(matches!(look(&store, b"/d/file"), Look::File(_)), "the link went, the file stays");
        assert!(matches!(look(&store, b"/in"), Look::Missing { .. }));
        assert_eq!(std::fs::read(at("secret")).unwrap(), b"secret");

        store.options.links = Links::Refuse;
        for path in ["/d/up", "/folder/file", "/folder"] {
            assert!(matches!(look(&store, path.as_bytes()), Look::Escapes), "{path} {resolver:?}");
            assert!(
                matches!(put(&store, path.as_bytes(), b"x"), Err(StoreError::Escapes)),
                "{path}"
            );
        }
        assert!(matches!(look(&store, b"/d/file"), Look::File(_)));
    }
}

#[test]
fn what_is_no_file_is_never_opened() {
    let scratch = Scratch::new();
    let fifo = scratch.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(scratch.path().join("socket")).unwrap();
    let store = open(&scratch, writable());
    for path in [&b"/fifo"[..], b"/socket"] {
        assert!(matches!(look(&store, path), Look::Special));
        assert!(matches!(store.open(path, None, Wait::Yes), Err(StoreError::Special)));
        assert!(matches!(put(&store, path, b"x"), Err(StoreError::Special)));
        let removed = store.remove(path, &mut |_| true, &mut || Ok(()));
        assert!(matches!(removed, Err(StoreError::Special)));
    }
    assert!(store.list(b"/", 9).unwrap().members.is_empty());
}

#[test]
fn tags_of_other_programs_files_are_weak_at_first() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path().join("a"), "one").unwrap();
    let store = open(&scratch, writable());
    let tag = |store: &FileStore| {
        let Look::File(found) = look(store, b"/a") else { panic!("a file") };
        found.info.tag
    };
    let weak = tag(&store);
    assert!(weak.is_weak());
    let trusting = open(&scratch, Options { granularity: Duration::ZERO, ..writable() });
    let strong = tag(&trusting);
    assert!(!strong.is_weak() && strong.text().weak_eq(weak.text()));
    let ours = put(&store, b"/a", b"two").unwrap().info.tag;
    assert!(tag(&store).text().strong_eq(ours.text()));
    assert!(tag(&open(&scratch, writable())).is_weak(), "another process can't know");
    std::fs::write(scratch.path().join("a"), "six").unwrap();
    assert!(tag(&store).is_weak() && !tag(&store).text().weak_eq(ours.text()));
}

#[test]
fn mode_is_kept_and_time_goes_on() {
    let scratch = Scratch::new();
    let path = scratch.path().join("a");
    std::fs::write(&path, "one").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o4640)).unwrap();
    let future = std::time::SystemTime::now() + Duration::from_secs(86_400);
    File::options().write(true).open(&path).unwrap().set_modified(future).unwrap();
    let store = open(&scratch, writable());
    let written = put(&store, b"/a", b"two").unwrap();
    let metadata = std::fs::metadata(&path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o640, "but no rights are lent");
    assert!(metadata.modified().unwrap() > future);
    assert_eq!(metadata.ino(), written.info.meta.inode);
}

#[test]
fn leftovers_of_a_crash_are_hidden_and_cleared_but_not_what_is_in_use() {
    let scratch = Scratch::new();
    let leftover = String::from_utf8(stage::temporary_name()).unwrap();
    std::fs::create_dir(scratch.path().join("d")).unwrap();
    std::fs::write(scratch.path().join("d").join(&leftover), "half").unwrap();
    std::fs::write(scratch.path().join("file"), "12345").unwrap();
    let reader = open(&scratch, Options::default());
    let path = format!("/d/{leftover}");
    assert!(matches!(look(&reader, path.as_bytes()), Look::Missing { .. }));
    assert!(reader.list(b"/d", 9).unwrap().members.is_empty());
    let emptiness = reader.look(b"/d", LookFor::Emptiness, Wait::Yes).unwrap();
    assert!(matches!(emptiness, Look::Folder { empty: Some(true), .. }));
    assert!(matches!(put_readonly(&reader), Err(StoreError::ReadOnly)));

    let mut first = open(&scratch, writable());
    let expected = Scan { bytes: 5, members: 3, removed: 1, complete: true };
    assert_eq!(first.scan(), expected);
    assert!(!scratch.path().join("d").join(&leftover).exists());
    assert!(matches!(put(&first, path.as_bytes(), b"x"), Err(StoreError::Denied)));
    first.unnamed = false;
    let staged = stage(&first, b"alive");
    assert_eq!(open(&scratch, writable()).scan().removed, 0, "its writer still holds it");
    first.replace(b"/new", staged, CreateFolders::No, &mut |_| true).unwrap();
    drop(stage(&first, b"given up"));
    assert_eq!(scratch.names(), ["d", "file", "new"]);
    let options = Options { scan_members_max: 2, ..writable() };
    assert!(!open(&scratch, options.clone()).scan().complete);
    let options = Options { quota_bytes: Some(9), ..options };
    assert!(FileStore::open(scratch.path(), options).is_err(), "a quota needs the whole count");
}

fn put_readonly(store: &FileStore) -> Result<Box<dyn Staged>, StoreError> {
    Store::stage(store, b"/", None)
}

#[test]
fn without_waiting_it_answers_from_memory_or_says_so() {
    let scratch = Scratch::new();
    let store = open(&scratch, writable());
    put(&store, b"/a", b"content").unwrap();
    let mut answered = false;
    // The first look may have to ask the disk; what was just looked at is in memory, as a rule.
    for _ in 0..3 {
        assert!(matches!(look(&store, b"/a"), Look::File(_)));
        match store.look(b"/a", LookFor::Content, Wait::No) {
            Ok(Look::File(found)) => answered |= found.info.meta.length == 7,
            Err(StoreError::WouldWait) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(answered, "openat2 with RESOLVE_CACHED needs Linux 5.12");
    let opened = store.open(b"/a", None, Wait::Yes).unwrap();
    let mut buffer = [0; 7];
    match opened.file.read_at(0, &mut buffer, Wait::No) {
        Ok(count) => assert_eq!(&buffer[..count], b"content"),
        Err(error) => assert!(matches!(error, StoreError::WouldWait)),
    }
    assert!(opened.file.descriptor().is_some());
    let emptiness = store.look(b"/", LookFor::Emptiness, Wait::No);
    assert!(matches!(emptiness, Err(StoreError::WouldWait)));
}

/// What lies in memory is read and written without waiting, as long as one look tells what stands there and nobody
/// else writes it; what lies on a disk is not.
#[test]
fn in_memory_nothing_is_waited_for() {
    for at in Scratch::everywhere() {
        let scratch = at();
        let store = open(&scratch, writable());
        let write = |path: &[u8], content: &[u8], folders| {
            store.replace_with(path, content, folders, (LookFor::Content, Wait::No), &mut |_| true)
        };
        let would_wait = |written| matches!(written, Err(StoreError::WouldWait));
        if store.media.of_root() == Medium::Disk {
            assert!(would_wait(write(b"/a", b"one", CreateFolders::No)));
            assert!(scratch.names().is_empty());
            continue;
        }
        let one = write(b"/a", b"one", CreateFolders::No).unwrap();
        let two = write(b"/a", b"second", CreateFolders::No).unwrap();
        assert!(one.created && !two.created && !two.info.tag.is_weak());
        assert!(two.info.meta.modified > one.info.meta.modified);
        let opened = store.open(b"/a", None, Wait::Yes).unwrap();
        let mut buffer = [0; 9];
        assert_eq!(opened.file.read_at(1, &mut buffer, Wait::No).unwrap(), 5);
        assert_eq!(&buffer[..5], b"econd");

        assert!(would_wait(write(b"/d/a", b"x", CreateFolders::Yes)), "folders are flushed");
        assert!(would_wait(write(b"/d/a", b"x", CreateFolders::No)));
        std::fs::create_dir(scratch.path().join("d")).unwrap();
        assert!(would_wait(write(b"/d", b"x", CreateFolders::No)));
        assert!(write(b"/d/a", b"x", CreateFolders::No).unwrap().created);
        std::fs::write(scratch.path().join("a.gz"), "coded").unwrap();
        assert!(would_wait(write(b"/a", b"x", CreateFolders::No)), "that goes the long way");
        let how = (LookFor::Original, Wait::No);
        let over = store.replace_with(b"/a", b"second", CreateFolders::No, how, &mut |_| true);
        assert!(!over.unwrap().created, "where no version decides, it has only to go");
        assert!(!scratch.path().join("a.gz").exists());
        let file = File::options().write(true).open(scratch.path().join("d/a")).unwrap();
        file.set_len(REPLACED_AT_ONCE_BYTES_MAX + 1).unwrap();
        assert!(would_wait(write(b"/d/a", b"x", CreateFolders::No)), "its space is to be freed");
        file.set_len(REPLACED_AT_ONCE_BYTES_MAX).unwrap();
        assert!(!write(b"/d/a", b"x", CreateFolders::No).unwrap().created);
        let place = store.place(ResourcePath::parse(b"/a").unwrap()).unwrap();
        let held = store.locks.lock(place.key());
        assert!(would_wait(write(b"/a", b"x", CreateFolders::No)), "somebody else writes it");
        drop(held);
        let refused = store.replace_with(
            b"/a",
            b"x",
            CreateFolders::No,
            (LookFor::Content, Wait::No),
            &mut |_| false,
        );
        assert!(matches!(refused, Err(StoreError::Refused(_))));
        assert_eq!(std::fs::read(scratch.path().join("a")).unwrap(), b"second");
        assert_eq!(scratch.names(), ["a", "d"]);
    }
}

#[test]
fn what_changes_while_it_is_sent_is_seen() {
    let scratch = Scratch::new();
    let store = open(&scratch, writable());
    put(&store, b"/a", b"content").unwrap();
    let opened = store.open(b"/a", None, Wait::Yes).unwrap();
    assert_eq!(opened.file.restat().unwrap(), opened.info.meta);
    put(&store, b"/a", b"other").unwrap();
    let now = opened.file.restat().unwrap();
    assert!(now.is_same_content(&opened.info.meta), "it lost its name, not its content");
    let opened = store.open(b"/a", None, Wait::Yes).unwrap();
    File::options().append(true).open(scratch.path().join("a")).unwrap().write_all(b"!").unwrap();
    assert!(!opened.file.restat().unwrap().is_same_content(&opened.info.meta));
}

/// Another program swaps a file with one outside the root over and over. Whenever it is looked for, one of
/// the two is there; that the other has just left is no escape.
#[cfg(target_os = "linux")]
#[test]
fn what_is_swapped_out_of_the_root_is_no_escape() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::AtomicBool;

    let (scratch, outside) = (Scratch::new(), Scratch::new());
    let (inner, outer) = (scratch.path().join("file"), outside.path().join("file"));
    std::fs::write(&inner, "one").unwrap();
    std::fs::write(&outer, "two").unwrap();
    let store = FileStore::open(scratch.path(), Options::default()).unwrap();
    let ended = AtomicBool::new(false);
    let escapes = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                renameat_with(CWD, &inner, CWD, &outer, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let looks = (0..20_000).filter(|_| !matches!(look(&store, b"/file"), Look::File(_)));
        let escapes = looks.count();
        ended.store(true, Ordering::Relaxed);
        escapes
    });
    assert_eq!(escapes, 0);
}
