//! What the writer does when the disk is slow or fails.

use std::fs::File;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::{env, fs, io, process};

use redb::backends::FileBackend;
use redb::{Database, StorageBackend};

use super::*;

/// A file whose writes can be counted, held up, and made to fail.
#[derive(Debug, Default)]
struct Disk {
    syncs: AtomicU64,
    /// How many writes and syncs still succeed; without end if it is negative.
    steps_left: AtomicI64,
    /// Told of each sync, which then waits to be let go on.
    gate: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Disk {
    fn sound() -> Arc<Self> {
        Arc::new(Self { steps_left: AtomicI64::new(-1), ..Self::default() })
    }

    fn step(&self) -> io::Result<()> {
        let fewer = |left: i64| if left == 0 { None } else { Some((left - 1).max(-1)) };
        let stepped = self.steps_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        stepped.map_or_else(|_| Err(io::ErrorKind::StorageFull.into()), |_| Ok(()))
    }

    fn sync(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((reached, go_on)) = gate.as_ref() {
            // Once the other side is gone, the gate stands open.
            let _ = reached.send(());
            let _ = go_on.recv();
        }
    }
}

#[derive(Debug)]
struct Backend {
    file: FileBackend,
    disk: Arc<Disk>,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.step()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.step()?;
        self.disk.sync();
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.step()?;
        self.file.write(offset, data)
    }
}

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
        let (path, disk) = (file.clone(), disk.clone());
        let open = move || {
            let file = File::options().read(true).write(true).open(&path)?;
            let backend = Backend { file: FileBackend::new(file)?, disk: disk.clone() };
            Database::builder().create_with_backend(backend)
        };
        let book = Book::open_with(file, BalanceBounds::default(), Box::new(open)).unwrap();
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
