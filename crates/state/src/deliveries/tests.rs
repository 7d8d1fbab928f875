//! What the writer does when the disk is slow or fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::{env, process};

use wherefore_message::Cause;

use super::*;
use crate::disk::Disk;

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("wherefore-ledger-{}-{count}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self, disk: &Arc<Disk>) -> Deliveries {
        let bounds = DeliveryBounds { inline_bytes_max: 4, ..DeliveryBounds::default() };
        let settings = DeliverySettings { bounds, ..DeliverySettings::default() };
        drop(Deliveries::open(&self.0, settings.clone()).unwrap());
        let folder = self.0.join("deliveries");
        let file = folder.join("deliveries.redb");
        let open = disk.opens(file.clone());
        let ledger = Ledger::open_with(file, settings.bounds.memory(), open).unwrap();
        let lock = FolderLock::take(&folder).unwrap();
        Deliveries::start(&folder, ledger, settings, lock).unwrap()
    }

    fn spooled(&self) -> usize {
        fs::read_dir(self.0.join("deliveries/spool")).unwrap().count()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const REFUSED: Refused =
    Refused { why: Setback::Cause(Cause::Reset), lasts: Lasts::ForGood, retry_after: None };

fn id(number: u8) -> DeliveryId {
    DeliveryId::new([number; 16])
}

fn request() -> NewDelivery {
    NewDelivery {
        destination: "d".into(),
        method: "POST".into(),
        target: b"/"[..].into(),
        fields: Vec::new(),
        key: None,
    }
}

fn accept(deliveries: &Deliveries, number: u8) -> Result<DeliveryId, AcceptError> {
    let mut incoming = deliveries.begin(id(number))?;
    incoming.write(b"large content")?;
    deliveries.accept(incoming, request(), UnixMillis(0))
}

fn lease(deliveries: &Deliveries, now: u64) -> Option<Lease> {
    match deliveries.lease(UnixMillis(now)).unwrap() {
        Due::Now(lease) => Some(*lease),
        Due::At(_) | Due::Nothing => None,
    }
}

#[test]
fn what_is_accepted_at_the_same_time_shares_a_write() {
    const MANY: u8 = 63;
    let (scratch, disk) = (Scratch::new(), Disk::sound());
    let deliveries = scratch.open(&disk);
    let syncs = || disk.syncs.load(Ordering::Relaxed);
    let before = syncs();
    accept(&deliveries, 100).unwrap();
    let one = syncs() - before;

    let (reached, at_gate) = channel();
    let (open, go_on) = channel();
    *disk.gate.lock().unwrap() = Some((reached, go_on));
    let (answer, answered) = sync_channel(usize::from(MANY) + 1);
    let order = |number| {
        let incoming = Box::new(deliveries.begin(id(number)).unwrap());
        let letter = Letter { request: request(), content: Kept::Inline(Box::default()) };
        let now = UnixMillis(0);
        let standing = Pending { accepted_at: now, tries: 0, next_at: now, last: None };
        let standing = Standing::Pending { standing, bytes: 6 };
        let (letter, answer) = (Box::new(letter), answer.clone());
        let order = Order::Accept { incoming, letter, standing, print: 0, now, answer };
        deliveries.orders.as_ref().unwrap().send(order).unwrap();
    };
    order(0);
    at_gate.recv().unwrap();
    (1..=MANY).for_each(order);
    assert_eq!(deliveries.progress(id(1)), None, "it is not said before it is on the disk");
    let before = syncs();
    drop((open, at_gate));
    for number in 0..=MANY {
        assert_eq!(answered.recv().unwrap().unwrap(), id(number));
    }
    // The first of them had begun its first sync.
    assert_eq!(syncs() - before, one - 1 + one);
}

/// Whatever step fails: what was said to be accepted is there with its content, what was said to be settled is, and
/// once the disk is well again everything goes on, and nothing is left behind.
#[test]
fn a_disk_that_fails_at_any_step() {
    let mut failures = 0;
    for steps in 0.. {
        let (scratch, disk) = (Scratch::new(), Disk::sound());
        let deliveries = scratch.open(&disk);
        for number in [1, 2, 3] {
            accept(&deliveries, number).unwrap();
        }
        let [first, second, held] = [1, 2, 3].map(|_| lease(&deliveries, 0).unwrap());

        disk.steps_left.store(steps, Ordering::Relaxed);
        let accepted = accept(&deliveries, 4);
        let delivered = deliveries.delivered(first, Status::OK, UnixMillis(1));
        let failed = deliveries.failed(second, &REFUSED, UnixMillis(1), 0);
        let is_well = accepted.is_ok() && delivered.is_ok() && failed.is_ok();
        failures += usize::from(!is_well);
        disk.steps_left.store(-1, Ordering::Relaxed);

        // What could not be written down is not tried at once again.
        let mut seen = Vec::new();
        while let Some(lease) = lease(&deliveries, 1) {
            seen.push(lease);
        }
        let others = seen.iter().map(|lease| lease.delivery().id);
        assert!(others.clone().all(|other| other == id(4)), "{seen:?} after {steps} steps");
        seen.extend(std::iter::from_fn(|| lease(&deliveries, 20_000)));
        let is_seen = |number| seen.iter().any(|lease| lease.delivery().id == id(number));
        assert!(!is_seen(3), "somebody is at it, after {steps} steps");
        assert!(accepted.is_err() || is_seen(4), "after {steps} steps");
        assert!(!(delivered.is_ok() && is_seen(1)), "after {steps} steps");
        assert!(!(failed.is_ok() && is_seen(2)), "after {steps} steps");
        assert_eq!(scratch.spooled(), seen.len() + 1, "after {steps} steps");
        for lease in seen.into_iter().chain([held]) {
            let Content::File { path, .. } = &lease.delivery().content else {
                panic!("it is large")
            };
            assert_eq!(fs::read(path).unwrap(), b"large content");
            deliveries.delivered(lease, Status::OK, UnixMillis(20_000)).unwrap();
        }
        assert_eq!((deliveries.pending(), scratch.spooled()), (0, 0));
        // All the room is there again.
        assert_eq!(deliveries.shared.lock().bytes(), 0, "after {steps} steps");
        drop(deliveries);
        let settings = DeliverySettings::default();
        assert_eq!(Deliveries::open(&scratch.0, settings).unwrap().pending(), 0);
        if is_well {
            break;
        }
    }
    assert!(failures > 5, "{failures}");
}
