//! A disk for tests: it can be slow, and fail.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{Database, StorageBackend};

use crate::database::Open;

/// A file whose writes can be counted, held up, and made to fail.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub(crate) syncs: AtomicU64,
    /// How many writes and syncs still succeed; without end if it is negative.
    pub(crate) steps_left: AtomicI64,
    /// Told of each sync, which then waits to be let go on.
    pub(crate) gate: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Disk {
    pub(crate) fn sound() -> Arc<Self> {
        Arc::new(Self { steps_left: AtomicI64::new(-1), ..Self::default() })
    }

    /// How a database in this file is opened on this disk.
    pub(crate) fn opens(self: &Arc<Self>, file: PathBuf) -> Box<Open> {
        let disk = self.clone();
        Box::new(move || {
            let file = File::options().read(true).write(true).open(&file)?;
            let backend = Backend { file: FileBackend::new(file)?, disk: disk.clone() };
            Database::builder().create_with_backend(backend)
        })
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
