//! What every store must do, as checks that any implementation can be put through in its tests. Each
//! takes an empty writable store and panics, saying what is wrong, if it does not keep its word.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    Coding, Conflict, CreateFolders, FileInfo, Look, LookFor, MemberKind, Parent, Removed, Staged,
    Store, StoreError, Wait, Written,
};

/// The quota that [`quota`] expects its store to have, in octets.
pub const QUOTA_BYTES: u64 = 100;

/// Every check but [`quota`], each with a new store.
///
/// # Panics
/// If the store does not keep its word.
pub fn all<S: Store>(empty: &mut dyn FnMut() -> S) {
    for check in [reads, refuses, creates_members, removes, lists, codes, counts] {
        check(&empty());
    }
    races(&empty());
}

/// What is written is what is read, at every path, and each write is later than the last.
///
/// # Panics
/// If the store does not keep its word.
pub fn reads(store: &dyn Store) {
    assert!(matches!(look(store, b"/a"), Look::Missing { parent: Parent::Folder }));
    assert!(matches!(look(store, b"/d/a"), Look::Missing { parent: Parent::Missing }));
    let first = put(store, b"/a", b"one");
    assert!(first.created && !first.info.tag.is_weak());
    assert_eq!(read(store, b"/a"), b"one");
    assert!(matches!(look(store, b"/a/b"), Look::Missing { parent: Parent::NotFolder }));
    let second = put(store, b"/a", b"second");
    assert!(!second.created && !second.info.tag.is_weak());
    assert!(second.info.meta.modified > first.info.meta.modified);
    assert!(!second.info.tag.text().weak_eq(first.info.tag.text()));
    assert_eq!((second.info.meta.length, read(store, b"/a")), (6, b"second".to_vec()));
    let Look::File(found) = look(store, b"/a") else { panic!("a file was written") };
    assert!(found.info.tag.text().strong_eq(second.info.tag.text()), "a tag stands");
    put(store, b"/empty", b"");
    assert_eq!(read(store, b"/empty"), b"");

    let opened = store.open(b"/a", None, Wait::Yes).expect("it is there");
    put(store, b"/a", b"third");
    let mut buffer = [0; 16];
    let count = opened.file.read_at(2, &mut buffer, Wait::Yes).expect("it is open");
    assert_eq!(buffer.get(..count), Some(&b"cond"[..]), "what is open stays what it was");
    assert_eq!(opened.file.read_at(6, &mut buffer, Wait::Yes).expect("at the end"), 0);
    assert_eq!(opened.file.read_at(1 << 40, &mut buffer, Wait::Yes).expect("beyond"), 0);
    assert!(matches!(store.open(b"/b", None, Wait::Yes), Err(StoreError::Missing)));
    assert!(matches!(
        store.open(b"/", None, Wait::Yes),
        Err(StoreError::Conflict(Conflict::IsFolder))
    ));
}

/// Paths that are none, names too long, folders in the way, and an `allow` that says no.
///
/// # Panics
/// If the store does not keep its word.
pub fn refuses(store: &dyn Store) {
    for path in [&b""[..], b"a", b"/a/", b"//", b"/..", b"/a/../b", b"/./a", b"/a\0b"] {
        assert!(matches!(store.look(path, LookFor::Content, Wait::Yes), Err(StoreError::Invalid)));
        assert!(matches!(store.open(path, None, Wait::Yes), Err(StoreError::Invalid)));
        assert!(matches!(store.list(path, 1), Err(StoreError::Invalid)));
        assert!(matches!(try_put(store, path, b"x", CreateFolders::Yes), Err(StoreError::Invalid)));
        assert!(matches!(try_remove(store, path), Err(StoreError::Invalid)));
    }
    let long = [b"/", &[b'n'; 300][..]].concat();
    assert!(matches!(try_put(store, &long, b"x", CreateFolders::No), Err(StoreError::TooLong)));
    put(store, b"/file", b"x");
    assert!(
        try_put(store, b"/d/e/f", b"x", CreateFolders::No)
            .is_err_and(|e| conflict(&e) == Some(Conflict::ParentMissing))
    );
    for folders in [CreateFolders::No, CreateFolders::Yes] {
        let under_file = try_put(store, b"/file/x", b"x", folders);
        assert!(under_file.is_err_and(|e| conflict(&e) == Some(Conflict::ParentNotFolder)));
        let onto_root = try_put(store, b"/", b"x", folders);
        assert!(onto_root.is_err_and(|e| conflict(&e) == Some(Conflict::IsFolder)));
    }
    assert!(try_put(store, b"/d/e/f", b"deep", CreateFolders::Yes).is_ok_and(|w| w.created));
    assert_eq!(read(store, b"/d/e/f"), b"deep");
    let onto_folder = try_put(store, b"/d/e", b"x", CreateFolders::Yes);
    assert!(onto_folder.is_err_and(|e| conflict(&e) == Some(Conflict::IsFolder)));

    let asked = Cell::new(0);
    let refused =
        store.replace(b"/new/file", stage(store, b"x"), CreateFolders::Yes, &mut |seen| {
            asked.set(asked.get() + 1);
            assert!(matches!(seen, Look::Missing { .. }));
            false
        });
    let Err(StoreError::Refused(seen)) = refused else { panic!("allow said no") };
    assert!(matches!(*seen, Look::Missing { .. }) && asked.get() > 0);
    assert!(matches!(look(store, b"/new"), Look::Missing { .. }), "nor is its folder made");
    let refused = store.replace(b"/file", stage(store, b"y"), CreateFolders::No, &mut |_| false);
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    assert_eq!(read(store, b"/file"), b"x");
}

/// A new member never takes another's name.
///
/// # Panics
/// If the store does not keep its word.
pub fn creates_members(store: &dyn Store) {
    put(store, b"/1", b"old");
    let mut names = ["1", "2"].into_iter().map(|name| name.as_bytes().to_vec());
    let (name, info) =
        store.create_member(b"/", &mut names, stage(store, b"new")).expect("2 is free");
    assert_eq!((name, info.meta.length), (b"2".to_vec(), 3));
    assert_eq!((read(store, b"/1"), read(store, b"/2")), (b"old".to_vec(), b"new".to_vec()));
    let create = |folder: &[u8], name: &[u8]| {
        let mut names = std::iter::once(name.to_vec());
        store.create_member(folder, &mut names, stage(store, b"x")).map_err(|error| match error {
            StoreError::Conflict(conflict) => Some(conflict),
            StoreError::Invalid => None,
            error => panic!("{error}"),
        })
    };
    assert_eq!(create(b"/", b"2").err(), Some(Some(Conflict::Exists)));
    assert_eq!(create(b"/no", b"a").err(), Some(Some(Conflict::ParentMissing)));
    assert_eq!(create(b"/1", b"a").err(), Some(Some(Conflict::ParentNotFolder)));
    for name in ["", ".", "..", "a/b", "a\0"] {
        assert_eq!(create(b"/", name.as_bytes()).err(), Some(None), "{name:?}");
    }
}

/// Files and empty folders go, after what must be done before; nothing else does.
///
/// # Panics
/// If the store does not keep its word.
pub fn removes(store: &dyn Store) {
    assert!(try_put(store, b"/d/a", b"x", CreateFolders::Yes).is_ok());
    assert!(matches!(try_remove(store, b"/no"), Err(StoreError::Missing)));
    assert!(matches!(try_remove(store, b"/no/no"), Err(StoreError::Missing)));
    assert!(matches!(try_remove(store, b"/d/a/no"), Err(StoreError::Missing)));
    assert!(try_remove(store, b"/").is_err());
    assert!(try_remove(store, b"/d").is_err_and(|e| conflict(&e) == Some(Conflict::NotEmpty)));

    let refused = store.remove(b"/d/a", &mut |_| false, &mut || panic!("it was refused"));
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    let failed = store.remove(b"/d/a", &mut |_| true, &mut || Err(io::Error::other("no")));
    assert!(matches!(failed, Err(StoreError::Io(_))));
    assert_eq!(read(store, b"/d/a"), b"x", "nothing goes if what must be done before fails");

    let ran = Cell::new(false);
    let mut before = || {
        ran.set(true);
        Ok(())
    };
    let removed = store.remove(b"/d/a", &mut |seen| matches!(seen, Look::File(_)), &mut before);
    assert!(matches!(removed, Ok(Removed::File(info)) if info.meta.length == 1) && ran.get());
    assert!(matches!(look(store, b"/d/a"), Look::Missing { parent: Parent::Folder }));
    let is_empty = |seen: &Look| matches!(seen, Look::Folder { empty: Some(true), .. });
    assert!(matches!(
        store.remove(b"/d", &mut |l| is_empty(l), &mut || Ok(())),
        Ok(Removed::Folder)
    ));
    assert!(matches!(look(store, b"/d"), Look::Missing { parent: Parent::Folder }));
}

/// Members by name, no others, no more than asked for; the index is found.
///
/// # Panics
/// If the store does not keep its word.
pub fn lists(store: &dyn Store) {
    for path in [&b"/b"[..], b"/a", b"/d/x", b"/d-", b"/d/index.html"] {
        assert!(try_put(store, path, path, CreateFolders::Yes).is_ok());
    }
    // Content on its way in is no member.
    let _staged = stage(store, b"half");
    let listing = store.list(b"/", 10).expect("the root can be listed");
    let members: Vec<_> = listing.members.iter().map(|m| (&*m.name, m.kind, m.length)).collect();
    let file = |name: &'static [u8], length| (name, MemberKind::File, length);
    assert_eq!(
        members,
        [file(b"a", 2), file(b"b", 2), (b"d", MemberKind::Folder, 0), file(b"d-", 3)]
    );
    assert!(!listing.truncated);
    for (members_max, first) in [(3, &[&b"a"[..], b"b", b"d"][..]), (1, &[b"a"]), (0, &[])] {
        let listing = store.list(b"/", members_max).expect("the root can be listed");
        let names: Vec<_> = listing.members.iter().map(|member| &*member.name).collect();
        assert!(listing.truncated && names == first, "of {members_max}: {names:?}");
    }
    assert!(!store.list(b"/", 4).expect("the root can be listed").truncated);
    assert!(matches!(store.list(b"/no", 1), Err(StoreError::Missing)));
    assert!(store.list(b"/a", 1).is_err_and(|e| conflict(&e) == Some(Conflict::NotFolder)));
    let names = store.names(b"/", 10).expect("the root has names");
    assert_eq!(names, [&b"a"[..], b"b", b"d", b"d-"]);
    assert_eq!(store.names(b"/", 2).expect("the root has names").len(), 2);
    assert!(matches!(store.names(b"/no", 1), Err(StoreError::Missing)));
    assert!(store.names(b"/a", 1).is_err_and(|e| conflict(&e) == Some(Conflict::NotFolder)));
    let Look::Folder { index, empty, .. } = look(store, b"/d") else { panic!("a folder") };
    assert_eq!((index.as_deref(), empty), (Some(&b"index.html"[..]), None));
    assert!(matches!(look(store, b"/"), Look::Folder { index: None, .. }));
    let emptiness = store.look(b"/d", LookFor::Emptiness, Wait::Yes);
    assert!(matches!(emptiness, Ok(Look::Folder { empty: Some(false), .. })));
}

/// Stored codings are found while current, and go with the content that they are of.
///
/// # Panics
/// If the store does not keep its word.
pub fn codes(store: &dyn Store) {
    put(store, b"/a.gz", b"early");
    put(store, b"/a", b"content");
    let found = codings(store, b"/a");
    assert!(found.is_empty(), "a coding older than its original is none: {found:?}");
    assert_eq!(read(store, b"/a.gz"), b"early", "a new file takes nothing out");
    assert!(matches!(store.open(b"/a", Some(Coding::Gzip), Wait::Yes), Err(StoreError::Missing)));
    put(store, b"/a.gz", b"zipped");
    put(store, b"/a.br", b"br");
    assert_eq!(codings(store, b"/a"), [Coding::Brotli, Coding::Gzip]);
    let opened = store.open(b"/a", Some(Coding::Gzip), Wait::Yes).expect("it is current");
    assert_eq!(opened.info.meta.length, 6);
    put(store, b"/a", b"content");
    assert!(codings(store, b"/a").is_empty(), "even where the content is the same");
    assert!(matches!(look(store, b"/a.gz"), Look::Missing { .. }));
    put(store, b"/a.zst", b"zst");
    assert_eq!(codings(store, b"/a"), [Coding::Zstd]);
    assert!(try_remove(store, b"/a").is_ok());
    assert!(matches!(look(store, b"/a.zst"), Look::Missing { .. }));
    assert!(matches!(store.open(b"/a", Some(Coding::Zstd), Wait::Yes), Err(StoreError::Missing)));
}

/// The generation of a path grows with each write that its looks may show.
///
/// # Panics
/// If the store does not keep its word.
pub fn counts(store: &dyn Store) {
    let mut last = (0, 0);
    let mut grew = |after: &str| {
        let now = (store.generation(b"/d/a"), store.generation(b"/d"));
        assert!(now.0 > last.0 && now.1 > last.1, "after {after}");
        last = now;
    };
    assert!(try_put(store, b"/d/a", b"x", CreateFolders::Yes).is_ok());
    grew("a new file");
    put(store, b"/d/a", b"y");
    grew("a replaced file");
    put(store, b"/d/a.gz", b"y");
    grew("a new coding");
    assert!(try_remove(store, b"/d/a.gz").is_ok());
    grew("a removed coding");
    assert!(try_remove(store, b"/d/a").is_ok());
    grew("a removed file");
    let mut names = std::iter::once(b"a".to_vec());
    assert!(store.create_member(b"/d", &mut names, stage(store, b"x")).is_ok());
    grew("a new member");
}

/// Of writers who all saw the same version and want to replace just that, exactly one does.
///
/// # Panics
/// If the store does not keep its word.
pub fn races(store: &dyn Store) {
    const WRITERS: usize = 8;
    for round in 0..10 {
        let seen = put(store, b"/r", format!("round {round}").as_bytes()).info;
        let (won, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let barrier = Arc::new(std::sync::Barrier::new(WRITERS));
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (barrier, won, lost) = (barrier.clone(), &won, &lost);
                scope.spawn(move || {
                    let staged = stage(store, format!("writer {writer}").as_bytes());
                    barrier.wait();
                    let mut allow = |now: &Look| is_version(now, &seen);
                    match store.replace(b"/r", staged, CreateFolders::No, &mut allow) {
                        Ok(_) => won.store(writer + 1, Ordering::SeqCst),
                        Err(StoreError::Refused(_)) => {
                            lost.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => panic!("{error}"),
                    }
                });
            }
        });
        let winner = won.load(Ordering::SeqCst);
        assert!(winner > 0 && lost.load(Ordering::SeqCst) == WRITERS - 1);
        assert_eq!(read(store, b"/r"), format!("writer {}", winner - 1).as_bytes());
    }
}

/// A store with a quota of [`QUOTA_BYTES`] holds that much and no more, and keeps what it has.
///
/// # Panics
/// If the store does not keep its word.
pub fn quota(store: &dyn Store) {
    let content = [b'x'; QUOTA_BYTES as usize];
    put(store, b"/a", content.get(..60).unwrap_or_default());
    assert!(matches!(try_put(store, b"/b", &content, CreateFolders::No), Err(StoreError::Quota)));
    assert!(matches!(look(store, b"/b"), Look::Missing { .. }));
    assert!(matches!(store.stage(b"/", Some(QUOTA_BYTES + 1)), Err(StoreError::Quota)));
    let mut staged = store.stage(b"/", None).expect("nothing is announced");
    assert!(staged.write(&content).is_ok());
    assert!(matches!(staged.write(b"x"), Err(StoreError::Quota)));
    drop(staged);
    assert!(store.room_for(40, None).is_ok() && store.room_for(40, Some(b"/b")).is_ok());
    assert!(matches!(store.room_for(41, None), Err(StoreError::Quota)));
    assert!(matches!(store.room_for(41, Some(b"/b")), Err(StoreError::Quota)));
    assert!(matches!(store.room_for(41, Some(b"/no/such")), Err(StoreError::Quota)));
    assert!(store.room_for(QUOTA_BYTES, Some(b"/a")).is_ok(), "what it replaces makes room");
    put(store, b"/a", &content);
    assert!(matches!(try_put(store, b"/b", b"x", CreateFolders::No), Err(StoreError::Quota)));
    assert_eq!(read(store, b"/a"), content);
    put(store, b"/a", b"small");
    put(store, b"/b", content.get(..95).unwrap_or_default());
    assert!(try_remove(store, b"/b").is_ok());
    put(store, b"/c", content.get(..95).unwrap_or_default());
}

fn look(store: &dyn Store, path: &[u8]) -> Look {
    store.look(path, LookFor::Content, Wait::Yes).expect("a look at a path says what is there")
}

fn stage(store: &dyn Store, content: &[u8]) -> Box<dyn Staged> {
    let mut staged = store.stage(b"/", Some(content.len() as u64)).expect("there is room");
    for piece in content.chunks(5) {
        staged.write(piece).expect("there is room");
    }
    assert_eq!(staged.written(), content.len() as u64);
    staged
}

fn try_put(
    store: &dyn Store,
    path: &[u8],
    content: &[u8],
    folders: CreateFolders,
) -> Result<Written, StoreError> {
    store.replace(path, stage(store, content), folders, &mut |_| true)
}

fn put(store: &dyn Store, path: &[u8], content: &[u8]) -> Written {
    try_put(store, path, content, CreateFolders::No).expect("nothing is in the way of it")
}

fn try_remove(store: &dyn Store, path: &[u8]) -> Result<Removed, StoreError> {
    store.remove(path, &mut |_| true, &mut || Ok(()))
}

fn read(store: &dyn Store, path: &[u8]) -> Vec<u8> {
    let opened = store.open(path, None, Wait::Yes).expect("a file is there");
    let mut content = vec![0; opened.info.meta.length as usize + 1];
    let count = opened.file.read_at(0, &mut content, Wait::Yes).expect("it can be read");
    assert_eq!(count as u64, opened.info.meta.length);
    content.truncate(count);
    content
}

fn codings(store: &dyn Store, path: &[u8]) -> Vec<Coding> {
    let Look::File(found) = look(store, path) else { panic!("a file is there") };
    found.codings.iter().map(|(coding, _)| coding).collect()
}

fn is_version(look: &Look, info: &FileInfo) -> bool {
    matches!(look, Look::File(found) if found.info.tag.text().strong_eq(info.tag.text()))
}

const fn conflict(error: &StoreError) -> Option<Conflict> {
    match error {
        StoreError::Conflict(conflict) => Some(*conflict),
        _ => None,
    }
}
