//! What the writer does when the disk is slow or fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::{env, fs, process};

use super::*;
use crate::disk::Disk;

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("wherefore-book-{}-{count}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self, disk: &Arc<Disk>) -> Balances {
        drop(Balances::open(&self.0, BalanceBounds::default()).unwrap());
        let file = self.0.join("balances/balances.redb");
        let open = disk.opens(file.clone());
        let book = Book::open_with(file, BalanceBounds::default(), open).unwrap();
        Balances::start(book, FolderLock::take(&self.0.join("balances")).unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn settlements_at_the_same_time_share_a_write() {
    const MANY: u64 = 63;
    let (scratch, disk) = (Scratch::new(), Disk::sound());
    let balances = scratch.open(&disk);
    balances.credit(b"a", 100, b"p").unwrap();
    let syncs = || disk.syncs.load(Ordering::Relaxed);
    let before = syncs();
    balances.settle(balances.reserve(b"a", 1).unwrap()).unwrap();
    let one = syncs() - before;

    let (reached, at_gate) = channel();
    let (open, go_on) = channel();
    *disk.gate.lock().unwrap() = Some((reached, go_on));
    let order = |answer| {
        let reservation = balances.reserve(b"a", 1).unwrap();
        let order = Order::Settle { reservation, answer };
        balances.orders.as_ref().unwrap().send(order).unwrap();
    };
    let (answer, first) = sync_channel(1);
    order(answer);
    at_gate.recv().unwrap();
    let (answer, others) = sync_channel(MANY as usize);
    (0..MANY).for_each(|_| order(answer.clone()));
    assert_eq!(balances.available(b"a"), 100 - 2 - MANY);
    let before = syncs();
    drop((open, at_gate));
    assert_eq!(first.recv().unwrap().unwrap(), 98);
    let left: Vec<u64> = (0..MANY).map(|_| others.recv().unwrap().unwrap()).collect();
    assert_eq!(left, (100 - 2 - MANY..98).rev().collect::<Vec<_>>());
    // The first of them had begun its first sync.
    assert_eq!(syncs() - before, one - 1 + one);
}

/// Whatever step fails: who was told that something is spent is right, who was told of an error doesn't
/// know, nothing is spent twice, and once the disk is well again everything goes on.
#[test]
fn a_disk_that_fails_at_any_step() {
    let mut failures = 0;
    for steps in 0.. {
        let (scratch, disk) = (Scratch::new(), Disk::sound());
        let balances = scratch.open(&disk);
        balances.credit(b"a", 100, b"first").unwrap();
        let held = balances.reserve(b"a", 5).unwrap();
        let settled = balances.reserve(b"a", 30).unwrap();

        disk.steps_left.store(steps, Ordering::Relaxed);
        let credited = balances.credit(b"a", 50, b"second");
        let settled = balances.settle(settled);
        let is_well = credited.is_ok() && settled.is_ok();
        if settled.is_err() {
            failures += 1;
            assert!(matches!(settled, Err(StateError::Io { .. } | StateError::Damaged { .. })));
            let available = balances.available(b"a");
            assert!([65, 115].contains(&available), "{available}: it stays reserved");
        }
        disk.steps_left.store(-1, Ordering::Relaxed);

        // Told again, the payment counts once.
        let again = balances.credit(b"a", 50, b"second").unwrap();
        assert!(credited.is_err() || again == Credited::Before);
        let available = balances.available(b"a");
        let spent = 145 - available;
        assert!(spent == 30 || (settled.is_err() && spent == 0), "after {steps} steps");
        assert_eq!(balances.settle(held).unwrap(), available);
        drop(balances);
        let balances = Balances::open(&scratch.0, BalanceBounds::default()).unwrap();
        assert_eq!(balances.available(b"a"), available, "after {steps} steps");
        if is_well {
            break;
        }
    }
    assert!(failures > 5, "{failures}");
}
