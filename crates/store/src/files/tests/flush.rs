//! Flushes that are shared: nobody is let go before what it changed is on the disk, and nobody flushes alone
//! what others wait for too.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::files::flush::Flushes;

const FOLDER: (u64, u64) = (1, 2);

/// A flush that begins and ends when the test says so.
struct Held {
    began: Sender<()>,
    end: Receiver<Result<(), Errno>>,
}

fn held() -> (Held, Receiver<()>, Sender<Result<(), Errno>>) {
    let (began, begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    (Held { began, end: ended }, begun, end)
}

impl Held {
    fn run(self) -> Result<(), Errno> {
        self.began.send(()).unwrap();
        self.end.recv().unwrap()
    }
}

/// Waits until so many are waiting for the folder.
fn until_waiting(flushes: &Flushes, count: usize) {
    while flushes.waiting(FOLDER) < count {
        thread::yield_now();
    }
}

#[test]
fn who_comes_during_a_flush_waits_for_the_next_and_shares_it() {
    let flushes = Flushes::default();
    let later = AtomicUsize::new(0);
    let (first, begun, end) = held();
    let (second, next_begun, next_end) = held();
    let second = Mutex::new(Some(second));
    thread::scope(|scope| {
        let one = scope.spawn(|| flushes.wait(FOLDER, || first.run()));
        begun.recv().unwrap();
        let others: Vec<_> = (0..5)
            .map(|_| {
                scope.spawn(|| {
                    flushes.wait(FOLDER, || {
                        later.fetch_add(1, Ordering::SeqCst);
                        let held = second.lock().unwrap().take().unwrap();
                        held.run()
                    })
                })
            })
            .collect();
        until_waiting(&flushes, 6);
        end.send(Ok(())).unwrap();
        assert_eq!(one.join().unwrap(), Ok(()));
        // The first has ended, and the others are still there: theirs has only begun.
        next_begun.recv().unwrap();
        assert!(others.iter().all(|other| !other.is_finished()));
        next_end.send(Ok(())).unwrap();
        assert!(others.into_iter().all(|other| other.join().unwrap() == Ok(())));
    });
    assert_eq!(later.into_inner(), 1);
    assert_eq!(flushes.folders(), 0, "nothing is kept of a folder that nobody waits for");
}

#[test]
fn an_error_reaches_all_who_waited_for_it_and_nobody_else() {
    let flushes = Flushes::default();
    let (first, begun, end) = held();
    thread::scope(|scope| {
        let one = scope.spawn(|| flushes.wait(FOLDER, || first.run()));
        begun.recv().unwrap();
        let others: Vec<_> =
            (0..3).map(|_| scope.spawn(|| flushes.wait(FOLDER, || Err(Errno::IO)))).collect();
        until_waiting(&flushes, 4);
        end.send(Ok(())).unwrap();
        assert_eq!(one.join().unwrap(), Ok(()));
        for other in others {
            assert_eq!(other.join().unwrap(), Err(Errno::IO));
        }
    });
    assert_eq!(flushes.wait(FOLDER, || Ok(())), Ok(()));
}

#[test]
fn folders_do_not_wait_for_one_another() {
    let flushes = Flushes::default();
    let (first, begun, end) = held();
    thread::scope(|scope| {
        let one = scope.spawn(|| flushes.wait(FOLDER, || first.run()));
        begun.recv().unwrap();
        assert_eq!(flushes.wait((1, 3), || Err(Errno::NOSPC)), Err(Errno::NOSPC));
        end.send(Ok(())).unwrap();
        assert_eq!(one.join().unwrap(), Ok(()));
    });
}

#[test]
fn a_flush_that_panics_is_an_error_to_those_who_share_it() {
    let flushes = Flushes::default();
    let (first, begun, end) = held();
    let panicked = AtomicBool::new(false);
    let panics = || -> Result<(), Errno> {
        panicked.store(true, Ordering::SeqCst);
        panic!("as a test asks")
    };
    thread::scope(|scope| {
        let one = scope.spawn(|| flushes.wait(FOLDER, || first.run()));
        begun.recv().unwrap();
        let others: Vec<_> = (0..2).map(|_| scope.spawn(|| flushes.wait(FOLDER, panics))).collect();
        until_waiting(&flushes, 3);
        end.send(Ok(())).unwrap();
        one.join().unwrap().unwrap();
        let ended: Vec<_> = others.into_iter().map(thread::ScopedJoinHandle::join).collect();
        assert_eq!(ended.iter().filter(|ended| ended.is_err()).count(), 1);
        assert_eq!(ended.iter().filter(|ended| matches!(ended, Ok(Err(Errno::IO)))).count(), 1);
    });
    assert!(panicked.into_inner() && flushes.folders() == 0);
}

/// A disk that knows which changes are on it: those made before a flush began, once it has ended.
#[derive(Default)]
struct Changes {
    made: AtomicUsize,
    flushed: AtomicUsize,
    flushes: AtomicUsize,
}

impl Changes {
    fn change(&self) -> usize {
        self.made.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn flush(&self, turns: usize) -> Result<(), Errno> {
        let begun = self.made.load(Ordering::SeqCst);
        (0..turns).for_each(|_| thread::yield_now());
        self.flushed.fetch_max(begun, Ordering::SeqCst);
        self.flushes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whoever changes what, and however long flushes take: what was waited for is on the disk.
    #[test]
    fn nobody_is_let_go_before_its_own_change_is_on_the_disk(
        writers in proptest::collection::vec(proptest::collection::vec((0..2u64, 0..6usize), 1..20), 1..6)
    ) {
        let flushes = Flushes::default();
        let disks = [Changes::default(), Changes::default()];
        thread::scope(|scope| {
            for writer in &writers {
                let (flushes, disks) = (&flushes, &disks);
                scope.spawn(move || {
                    for (folder, turns) in writer {
                        let disk = &disks[*folder as usize];
                        let own = disk.change();
                        flushes.wait((1, *folder), || disk.flush(*turns)).unwrap();
                        assert!(disk.flushed.load(Ordering::SeqCst) >= own);
                    }
                });
            }
        });
        for disk in disks {
            prop_assert!(disk.flushes.into_inner() <= disk.made.into_inner());
        }
        prop_assert_eq!(flushes.folders(), 0);
    }
}

/// The store's own writes share: while the disk is busy with one flush, all others gather behind it.
#[test]
fn writes_to_one_folder_share_their_flushes() {
    const WRITERS: usize = 6;
    struct Slow {
        flushes: AtomicUsize,
        first: Mutex<Option<Held>>,
    }
    impl Disk for Slow {
        fn sync_folder(&self, _: BorrowedFd<'_>) -> Result<(), Errno> {
            self.flushes.fetch_add(1, Ordering::SeqCst);
            match self.first.lock().unwrap().take() {
                Some(held) => held.run(),
                None => Ok(()),
            }
        }
    }
    let scratch = Scratch::new();
    let (held, begun, end) = held();
    let disk = Arc::new(Slow { flushes: 0.into(), first: Mutex::new(Some(held)) });
    let mut store = FileStore::with_disk(scratch.path(), writable(), disk.clone()).unwrap();
    store.media = Media::DISK;
    let identity = store.root_identity().unwrap();
    thread::scope(|scope| {
        let write = |path: &str, content: &[u8]| {
            store
                .replace_with(
                    path.as_bytes(),
                    content,
                    CreateFolders::No,
                    (LookFor::Content, Wait::Yes),
                    &mut |_| true,
                )
                .unwrap()
        };
        let first = scope.spawn(move || write("/first", b"1"));
        begun.recv().unwrap();
        // Two of them have the same name, which keeps neither from waiting together with all others.
        let others: Vec<_> = (0..WRITERS)
            .map(|i| scope.spawn(move || write(&format!("/{}", i.max(1)), b"others")))
            .collect();
        while store.flushes.waiting(identity) < 1 + WRITERS {
            thread::yield_now();
        }
        assert!(!first.is_finished() && others.iter().all(|other| !other.is_finished()));
        end.send(Ok(())).unwrap();
        first.join().unwrap();
        assert!(others.into_iter().all(|other| other.join().unwrap().info.meta.length == 6));
    });
    assert_eq!(disk.flushes.load(Ordering::SeqCst), 2);
    assert_eq!(scratch.names(), ["1", "2", "3", "4", "5", "first"]);
}
