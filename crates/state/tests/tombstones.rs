//! Tombstones over restarts, crashes and damage.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use wherefore_state::{RootIdentity, StateError, Tombstone, Tombstones};

const ROOT: RootIdentity = RootIdentity { device: 1, inode: 2 };

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wherefore-state-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn log(&self) -> PathBuf {
        self.0.join("tombstones.log")
    }

    fn open(&self) -> Tombstones {
        Tombstones::open(&self.0, 100).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn remembered_lifted_and_remembered_again() {
    let scratch = Scratch::new();
    let other = RootIdentity { inode: 3, ..ROOT };
    {
        let tombstones = scratch.open();
        assert_eq!(tombstones.get(ROOT, b"/a"), None);
        tombstones.record(ROOT, b"/a", 10).unwrap();
        tombstones.record(ROOT, b"/b", 20).unwrap();
        tombstones.lift(ROOT, b"/a").unwrap();
        tombstones.lift(ROOT, b"/never").unwrap();
        assert_eq!(tombstones.get(ROOT, b"/a"), None);
        tombstones.record(ROOT, b"/b", 30).unwrap();
        assert!(matches!(tombstones.record(ROOT, &[b'x'; 70_000], 1), Err(StateError::TooLong)));
    }
    let tombstones = scratch.open();
    assert_eq!(tombstones.get(ROOT, b"/a"), None);
    assert_eq!(tombstones.get(ROOT, b"/b"), Some(Tombstone { since: 30 }));
    assert_eq!(tombstones.get(other, b"/b"), None, "another folder's paths are its own");
    assert_eq!((tombstones.len(), tombstones.cut_off_bytes()), (1, 0));
}

#[test]
fn a_folder_belongs_to_one_at_a_time() {
    let scratch = Scratch::new();
    let first = scratch.open();
    let second = Tombstones::open(&scratch.0, 100);
    let Err(error @ StateError::Locked { pid, .. }) = &second else { panic!("it is in use") };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(first);
    scratch.open();
}

#[test]
fn it_is_read_while_another_has_it_and_left_as_it_is() {
    let scratch = Scratch::new();
    let writer = scratch.open();
    writer.record(ROOT, b"/a", 10).unwrap();
    writer.record(ROOT, b"/b", 20).unwrap();
    writer.lift(ROOT, b"/b").unwrap();
    let early = Tombstones::read(&scratch.0, 100).unwrap();
    writer.record(ROOT, b"/c", 30).unwrap();
    // Half of a record, as another process may be writing it.
    let mut log = fs::read(scratch.log()).unwrap();
    let half = log[23..40].to_vec();
    log.extend(half);
    fs::write(scratch.log(), &log).unwrap();

    let late = Tombstones::read(&scratch.0, 100).unwrap();
    for snapshot in [&early, &late] {
        assert_eq!(snapshot.get(ROOT, b"/a"), Some(Tombstone { since: 10 }));
        assert_eq!(snapshot.get(ROOT, b"/b"), None);
    }
    assert_eq!(early.get(ROOT, b"/c"), None, "it is what there was then");
    assert_eq!(late.get(ROOT, b"/c"), Some(Tombstone { since: 30 }));
    assert_eq!(fs::read(scratch.log()).unwrap(), log);
    assert_eq!(Tombstones::read(&scratch.0, 1).unwrap().get(ROOT, b"/a"), None, "it is bounded");
}

#[test]
fn a_reader_makes_nothing_and_says_what_it_can_not_read() {
    let scratch = Scratch::new();
    let read = |folder: &Path| Tombstones::read(folder, 100);
    for nothing in [scratch.0.clone(), scratch.0.join("no/where"), "/dev/null/state".into()] {
        assert_eq!(read(&nothing).unwrap().get(ROOT, b"/a"), None, "{nothing:?}");
    }
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);

    fs::write(scratch.log(), b"wherefore tomb").unwrap();
    assert_eq!(read(&scratch.0).unwrap().get(ROOT, b"/a"), None, "it is only begun");
    assert_eq!(fs::read(scratch.log()).unwrap(), b"wherefore tomb");
    assert!(matches!(read(&scratch.log()), Err(StateError::Io { .. })), "a file is no folder");
    fs::write(scratch.log(), b"wherefore tombstones 9\n").unwrap();
    assert!(matches!(read(&scratch.0), Err(StateError::UnknownVersion { .. })));
    fs::write(scratch.log(), b"something else").unwrap();
    assert!(matches!(read(&scratch.0), Err(StateError::NotOurs { .. })));
}

#[test]
fn the_oldest_are_given_up_also_over_a_restart() {
    let scratch = Scratch::new();
    let check = |tombstones: &Tombstones| {
        let kept: Vec<_> =
            (0..5u8).filter(|i| tombstones.get(ROOT, &[b'/', b'a' + i]).is_some()).collect();
        assert_eq!(kept, [0, 3, 4]);
    };
    let tombstones = Tombstones::open(&scratch.0, 3).unwrap();
    for i in [0, 1, 2, 3, 0, 4u8] {
        tombstones.record(ROOT, &[b'/', b'a' + i], i.into()).unwrap();
    }
    check(&tombstones);
    drop(tombstones);
    check(&Tombstones::open(&scratch.0, 3).unwrap());
    assert_eq!(Tombstones::open(&scratch.0, 1).unwrap().len(), 1);
    assert!(Tombstones::open(&scratch.0, 0).unwrap().is_empty());
}

#[test]
fn the_log_is_written_anew_when_it_has_grown() {
    let scratch = Scratch::new();
    let tombstones = scratch.open();
    let long = vec![b'p'; 4000];
    let mut largest = 0;
    for i in 0..100 {
        tombstones.record(ROOT, &long, i).unwrap();
        largest = largest.max(fs::metadata(scratch.log()).unwrap().len());
    }
    assert!(largest > 60_000 && largest < 80_000, "{largest}");
    assert!(fs::metadata(scratch.log()).unwrap().len() < largest);
    drop(tombstones);
    assert_eq!(scratch.open().get(ROOT, &long), Some(Tombstone { since: 99 }));
}

#[test]
fn what_is_no_log_of_ours_is_left_alone() {
    let scratch = Scratch::new();
    for (content, version) in [
        ("wherefore tombstones 2\nanything", Some("2")),
        ("wherefore tombstones later and longer than shown\n", Some("later and longer tha")),
        ("some other file", None),
    ] {
        fs::write(scratch.log(), content).unwrap();
        match Tombstones::open(&scratch.0, 10) {
            Err(StateError::UnknownVersion { version: found, .. }) => {
                assert_eq!(Some(&*found), version);
            }
            Err(StateError::NotOurs { .. }) => assert_eq!(version, None),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read_to_string(scratch.log()).unwrap(), content);
    }
}

/// A disk without room for a second log is no reason to forget.
#[test]
fn a_log_that_cannot_be_written_anew_grows_on() {
    let scratch = Scratch::new();
    let tombstones = scratch.open();
    fs::create_dir(scratch.0.join("tombstones.log.new")).unwrap();
    let long = vec![b'p'; 4000];
    for i in 0..40 {
        tombstones.record(ROOT, &long, i).unwrap();
    }
    assert!(fs::metadata(scratch.log()).unwrap().len() > 1 << 17);
    drop(tombstones);
    assert_eq!(scratch.open().get(ROOT, &long), Some(Tombstone { since: 39 }));
}

/// A log of a few operations, with its length after each and what is remembered then.
fn history() -> (Vec<u8>, Vec<(usize, Model)>) {
    let scratch = Scratch::new();
    let tombstones = scratch.open();
    let mut model = Model::new();
    let length = || fs::metadata(scratch.log()).unwrap().len() as usize;
    let mut states = vec![(length(), model.clone())];
    for (path, since) in
        [("/a", Some(1)), ("/b", Some(2)), ("/a", None), ("/long/er", Some(3)), ("/b", Some(4))]
    {
        match since {
            Some(since) => {
                tombstones.record(ROOT, path.as_bytes(), since).unwrap();
                model.insert(path.into(), since);
            }
            None => {
                tombstones.lift(ROOT, path.as_bytes()).unwrap();
                model.remove(path);
            }
        }
        states.push((length(), model.clone()));
    }
    (fs::read(scratch.log()).unwrap(), states)
}

type Model = BTreeMap<String, u64>;

fn remembered(tombstones: &Tombstones) -> Model {
    ["/a", "/b", "/long/er", "/after"]
        .into_iter()
        .filter_map(|path| Some((path.into(), tombstones.get(ROOT, path.as_bytes())?.since)))
        .collect()
}

fn open_log(folder: &Path, content: &[u8]) -> Result<Tombstones, StateError> {
    fs::write(folder.join("tombstones.log"), content).unwrap();
    Tombstones::open(folder, 100)
}

#[test]
fn after_a_crash_at_any_octet_all_whole_records_stand() {
    let (content, states) = history();
    let scratch = Scratch::new();
    for length in 0..=content.len() {
        let tombstones = open_log(&scratch.0, &content[..length]).unwrap();
        let whole = states.iter().rev().find(|(end, _)| *end <= length);
        let (end, mut expected) = whole.cloned().unwrap_or((length, Model::new()));
        assert_eq!(remembered(&tombstones), expected, "at {length}");
        assert_eq!(tombstones.cut_off_bytes(), (length - end) as u64);
        // And it goes on from there.
        tombstones.record(ROOT, b"/after", 9).unwrap();
        drop(tombstones);
        expected.insert("/after".into(), 9);
        let again = scratch.open();
        assert_eq!((remembered(&again), again.cut_off_bytes()), (expected, 0), "at {length}");
    }
}

#[test]
fn after_damage_to_any_octet_what_stood_before_it_stands() {
    let (content, states) = history();
    let scratch = Scratch::new();
    for at in 0..content.len() {
        let mut damaged = content.clone();
        damaged[at] ^= 0x40;
        match open_log(&scratch.0, &damaged) {
            Ok(tombstones) => {
                let (end, expected) = states.iter().rev().find(|(end, _)| *end <= at).unwrap();
                assert_eq!(&remembered(&tombstones), expected, "at {at}");
                assert_eq!(tombstones.cut_off_bytes(), (content.len() - end) as u64);
            }
            Err(StateError::UnknownVersion { .. } | StateError::NotOurs { .. }) => {
                assert!(at < states[0].0, "only the first line says what it is");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_crash_while_writing_anew_leaves_the_old_log() {
    let (content, states) = history();
    let scratch = Scratch::new();
    fs::write(scratch.0.join("tombstones.log.new"), &content[..30]).unwrap();
    let tombstones = open_log(&scratch.0, &content).unwrap();
    assert_eq!(Some(&remembered(&tombstones)), states.last().map(|(_, model)| model));
}

#[test]
fn many_at_once_are_all_kept() {
    let scratch = Scratch::new();
    let tombstones = scratch.open();
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let tombstones = &tombstones;
            scope.spawn(move || {
                for i in 0..10u8 {
                    tombstones.record(ROOT, &[b'/', thread, i], 7).unwrap();
                }
            });
        }
    });
    drop(tombstones);
    assert_eq!(scratch.open().len(), 80);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn it_does_what_a_list_does(
        operations in proptest::collection::vec((0u8..6, any::<bool>(), 0u64..9), 0..30),
        reopened_after in 0usize..30,
    ) {
        const CAPACITY: usize = 3;
        let scratch = Scratch::new();
        let mut tombstones = Tombstones::open(&scratch.0, CAPACITY).unwrap();
        let mut list: Vec<(u8, u64)> = Vec::new();
        for (i, (path, removed, since)) in operations.into_iter().enumerate() {
            list.retain(|(other, _)| *other != path);
            if removed {
                tombstones.record(ROOT, &[path], since).unwrap();
                list.push((path, since));
            } else {
                tombstones.lift(ROOT, &[path]).unwrap();
            }
            if list.len() > CAPACITY {
                list.remove(0);
            }
            if i == reopened_after {
                drop(tombstones);
                tombstones = Tombstones::open(&scratch.0, CAPACITY).unwrap();
            }
            for path in 0..6 {
                let expected = list.iter().find(|(other, _)| *other == path);
                let found = tombstones.get(ROOT, &[path]).map(|tombstone| (path, tombstone.since));
                prop_assert_eq!(found, expected.copied());
            }
        }
    }
}
