//! What was accepted to be delivered later. It is on the disk before it is said to be accepted, and stays there until
//! it was delivered, or is a dead letter: no crash loses it, and one may have it delivered twice.
//!
//! One deliverer is at a delivery at a time, by a [`Lease`] that ends with the process. One thread writes, and whatever
//! waits for it meanwhile is written together. Whatever says that it waits for the disk is not for a loop.

mod board;
mod dead;
mod delivery;
mod ledger;
mod record;
mod retry;
mod spool;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use wherefore_message::Status;
use wherefore_message::later::{Lasts, Progress, Setback};

use self::board::{Shared, Turn};
pub use self::delivery::{
    ClientKey, Content, Delivery, DeliveryId, KeptLine, NewDelivery, UnixMillis,
};
use self::ledger::{Ledger, Memory};
use self::record::{Kept, Letter, Standing};
use self::retry::{After, End, Finished, Pending};
pub use self::retry::{Refused, Retry};
pub use self::spool::Incoming;
use self::writer::{Order, write_all};
use crate::StateError;
use crate::folder::FolderLock;

/// The folder in that of the state in which they are kept.
const FOLDER: &str = "deliveries";

/// How many orders wait for the thread that writes; whoever gives one more waits too.
const ORDERS_MAX: usize = 1024;

/// How much is kept at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryBounds {
    /// How many deliveries are pending.
    pub pending_max: usize,
    /// How many octets of them are kept, content and heads.
    pub pending_bytes_max: u64,
    /// The most octets of the content of one.
    pub content_bytes_max: u64,
    /// Up to how many octets content is kept with its head; more is a file of its own.
    pub inline_bytes_max: usize,
    /// The most octets of all that is kept of one but its content.
    pub head_bytes_max: usize,
    /// The most octets of a client's key.
    pub key_bytes_max: usize,
    /// How many deliveries are remembered that are settled. The oldest are forgotten, and the keys of clients with
    /// them.
    pub finished_max: usize,
    /// For how long they are remembered.
    pub finished_time: Duration,
    /// How many dead letters are written. While as many are there, what would be given up stays pending.
    pub dead_letters_max: usize,
}

/// How deliveries are kept and tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliverySettings {
    /// How much is kept.
    pub bounds: DeliveryBounds,
    /// How often each is tried.
    pub retry: Retry,
    /// The folder of dead letters; none: one in the folder of state.
    pub dead_letters: Option<PathBuf>,
}

/// The deliveries of a process.
#[derive(Debug)]
pub struct Deliveries {
    settings: DeliverySettings,
    file: PathBuf,
    spool: PathBuf,
    dead_letters: PathBuf,
    shared: Arc<Shared>,
    /// None once this is being dropped.
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    _lock: FolderLock,
}

/// A delivery that the holder is at, and nobody else. Dropping it leaves the delivery as it is.
#[derive(Debug)]
#[must_use = "a lease that is dropped is given back"]
pub struct Lease {
    shared: Arc<Shared>,
    delivery: Delivery,
    standing: Pending,
}

/// Whether there is something to deliver.
#[derive(Debug)]
pub enum Due {
    /// This.
    Now(Box<Lease>),
    /// Not before this moment, unless more is accepted.
    At(UnixMillis),
    /// Not before more is accepted, or a lease is given back.
    Nothing,
}

/// What follows a try that failed.
#[derive(Debug)]
pub enum Next {
    /// It is tried again at this moment, or later.
    At(UnixMillis),
    /// It was given up: it is a dead letter.
    Dead,
    /// It was to be given up, but its letter can't be written: it stays, and is tried again at this moment.
    Kept {
        /// The moment.
        at: UnixMillis,
        /// Why it can't be written.
        error: StateError,
    },
}

/// Why something is not accepted.
#[derive(Debug)]
pub enum AcceptError {
    /// As many, or as much, as may be is pending.
    Full,
    /// The content has more octets than one may have.
    TooLarge {
        /// How many one may have.
        limit: u64,
        /// How many there are, or came before it was given up.
        seen: u64,
    },
    /// What is kept of it but its content has more octets than it may have.
    HeadTooLarge {
        /// How many it may have.
        limit: u64,
        /// How many there are, or came before it was given up.
        seen: u64,
    },
    /// The client's key has more octets than one may have.
    KeyTooLong {
        /// How many one may have.
        limit: u64,
        /// How many there are, or came before it was given up.
        seen: u64,
    },
    /// The client used the key before, for something else.
    KeyReused,
    /// A part of the content could not be taken, as was said then.
    Incomplete,
    /// Another delivery has the name.
    IdTaken,
    /// It could not be written. It may or may not be accepted.
    State(StateError),
}

impl Deliveries {
    /// Opens the deliveries kept in the folder `deliveries` in `folder`, which is made if it is not there and is
    /// locked as long as this lives. What a crash left of what was not accepted is removed.
    ///
    /// # Errors
    /// [`StateError::Locked`] while another has it, [`StateError::UnknownVersion`],
    /// [`StateError::NotOurs`], [`StateError::Damaged`], [`StateError::Io`].
    pub fn open(folder: &Path, settings: DeliverySettings) -> Result<Self, StateError> {
        let folder = folder.join(FOLDER);
        let lock = FolderLock::take(&folder)?;
        let ledger = Ledger::open(&folder, settings.bounds.memory())?;
        Self::start(&folder, ledger, settings, lock)
    }

    /// Whether deliveries were kept in this folder of state before.
    #[must_use]
    pub fn are_in(folder: &Path) -> bool {
        folder.join(FOLDER).exists()
    }

    fn start(
        folder: &Path,
        mut ledger: Ledger,
        settings: DeliverySettings,
        lock: FolderLock,
    ) -> Result<Self, StateError> {
        let spool = folder.join("spool");
        let dead_letters =
            settings.dead_letters.clone().unwrap_or_else(|| folder.join("dead-letters"));
        for made in [&spool, &dead_letters] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(made)
                .and_then(|()| File::open(made.parent().unwrap_or(Path::new(".")))?.sync_all())
                .map_err(StateError::io(made))?;
        }
        let shared = Arc::new(Shared::default());
        shared.lock().load(ledger.standings()?);
        spool::sweep(&spool, &shared)?;
        let file = ledger.file().to_path_buf();
        let (orders, given) = sync_channel(ORDERS_MAX);
        let (board, files) = (shared.clone(), spool.clone());
        let writer = Builder::new()
            .name("deliveries".to_owned())
            .spawn(move || write_all(ledger, &board, &files, &given))
            .map_err(StateError::io(&file))?;
        let (orders, writer) = (Some(orders), Some(writer));
        Ok(Self { settings, file, spool, dead_letters, shared, orders, writer, _lock: lock })
    }

    /// Begins to take a request that is to have this name; nothing is written yet.
    ///
    /// # Errors
    /// [`AcceptError::Full`], [`AcceptError::IdTaken`].
    pub fn begin(&self, id: DeliveryId) -> Result<Incoming, AcceptError> {
        let bounds = self.settings.bounds;
        let mut board = self.shared.lock();
        if board.is_known(id) {
            return Err(AcceptError::IdTaken);
        }
        if !board.admit(id, bounds.pending_max) {
            return Err(AcceptError::Full);
        }
        Ok(Incoming::new(&self.shared, bounds, &self.spool, id))
    }

    /// Accepts a request whose content has come: it is on the disk when this returns. Says by what name it is known,
    /// which is that of the first if the client sent the same under the same key before. Waits for the disk; calls at
    /// the same time share the wait.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub fn accept(
        &self,
        mut incoming: Incoming,
        request: NewDelivery,
        now: UnixMillis,
    ) -> Result<DeliveryId, AcceptError> {
        let DeliveryBounds { head_bytes_max, key_bytes_max, .. } = self.settings.bounds;
        if incoming.is_broken() {
            return Err(AcceptError::Incomplete);
        }
        let key = request.key.as_ref().map_or(0, |key| key.key.len());
        if key > key_bytes_max {
            let (limit, seen) = (key_bytes_max as u64, key as u64);
            return Err(AcceptError::KeyTooLong { limit, seen });
        }
        let head = request.bytes() as u64;
        if head > head_bytes_max as u64 {
            return Err(AcceptError::HeadTooLarge { limit: head_bytes_max as u64, seen: head });
        }
        incoming.reserve(head)?;
        let print = incoming.print(&request);
        let content = incoming.flush().map_err(AcceptError::State)?;
        let bytes = incoming.length() + head;
        let standing = Pending { accepted_at: now, tries: 0, next_at: now, last: None };
        let standing = Standing::Pending { standing, bytes };
        let letter = Box::new(Letter { request, content });
        let (answer, answered) = sync_channel(1);
        let incoming = Box::new(incoming);
        self.order(Order::Accept { incoming, letter, standing, print, now, answer }, &answered)
            .unwrap_or_else(|error| Err(AcceptError::State(error)))
    }

    /// Leases what is to be delivered now to the caller. Waits for the disk.
    ///
    /// # Errors
    /// A [`StateError`]: it is as it was.
    pub fn lease(&self, now: UnixMillis) -> Result<Due, StateError> {
        let Retry { delay_max, .. } = self.settings.retry;
        loop {
            let turn = {
                let mut board = self.shared.lock();
                if board.is_stale() { None } else { Some(board.take(now, delay_max)) }
            };
            let (id, standing) = match turn {
                Some(Turn::Of(id, standing)) => (id, standing),
                Some(Turn::At(at)) => return Ok(Due::At(at)),
                Some(Turn::Nobody) => return Ok(Due::Nothing),
                None => {
                    self.recover()?;
                    continue;
                }
            };
            let lease = self.read(id, standing)?;
            if self.is_whole(&lease)? {
                return Ok(Due::Now(Box::new(lease)));
            }
            let (why, lasts) = (Setback::ContentLost, Lasts::ForGood);
            self.failed(lease, &Refused { why, lasts, retry_after: None }, now, 0)?;
        }
    }

    /// Takes note that a delivery was taken, with this answer: it is on the disk when this returns. Waits for the disk.
    ///
    /// # Errors
    /// A [`StateError`]: it may be delivered again.
    pub fn delivered(
        &self,
        lease: Lease,
        status: Status,
        now: UnixMillis,
    ) -> Result<(), StateError> {
        let id = lease.delivery.id;
        let may_be_dead = self.settings.retry.is_last(&lease.standing, now);
        let finished = Finished { at: now, end: End::Delivered(status) };
        self.finish(lease, finished, now)?;
        if may_be_dead {
            dead::take_back(&self.dead_letters, id);
        }
        Ok(())
    }

    /// Takes note that a try failed, and says what follows: it is on the disk when this returns. A number of which any
    /// is as likely spreads the next tries of those that failed together. Waits for the disk.
    ///
    /// # Errors
    /// A [`StateError`]: the try may not be counted.
    pub fn failed(
        &self,
        lease: Lease,
        refused: &Refused,
        now: UnixMillis,
        jitter: u64,
    ) -> Result<Next, StateError> {
        let Retry { delay_max, .. } = self.settings.retry;
        let finished = match self.settings.retry.after(&lease.standing, refused, now, jitter) {
            After::Again(standing) => {
                self.put_off(lease, standing, now)?;
                return Ok(Next::At(standing.next_at));
            }
            After::GivenUp(finished) => finished,
        };
        let letters_max = self.settings.bounds.dead_letters_max;
        match dead::write(&self.dead_letters, &lease.delivery, &finished, letters_max) {
            Ok(()) => {
                self.finish(lease, finished, now)?;
                Ok(Next::Dead)
            }
            Err(error) => {
                let tries = lease.standing.tries.saturating_add(1);
                let (at, last) = (now.after(delay_max), Some(refused.why));
                let standing = Pending { tries, next_at: at, last, ..lease.standing };
                self.put_off(lease, standing, now)?;
                Ok(Next::Kept { at, error })
            }
        }
    }

    /// Leaves a delivery alone until this moment, for a reason that is no try of it: nothing is written.
    pub fn set_aside(&self, lease: Lease, why: Setback, until: UnixMillis) {
        self.shared.lock().postpone(lease.delivery.id, why, until);
        drop(lease);
    }

    /// Leaves a delivery alone until others that go to the same destination [have ended](Self::unshelve): nothing is
    /// written, and it is as due as it was.
    pub fn shelve(&self, lease: Lease) {
        let Delivery { id, request, .. } = &lease.delivery;
        self.shared.lock().shelve(*id, &request.destination);
        drop(lease);
    }

    /// The first of the deliveries to this destination that were left alone is due; says whether there was one.
    pub fn unshelve(&self, destination: &str) -> bool {
        self.shared.lock().unshelve(destination)
    }

    /// What was left alone for this reason is due.
    pub fn call_back(&self, why: Setback, now: UnixMillis) {
        self.shared.lock().call_back(why, now);
    }

    /// How far a delivery is; none if it is not known, or no longer. Never waits for the disk.
    #[must_use]
    pub fn progress(&self, id: DeliveryId) -> Option<Progress> {
        self.shared.lock().progress(id)
    }

    /// How many deliveries are pending.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shared.lock().pending_count()
    }

    fn recover(&self) -> Result<(), StateError> {
        let (answer, answered) = sync_channel(1);
        self.order(Order::Recover { answer }, &answered)?
    }

    fn read(&self, id: DeliveryId, standing: Pending) -> Result<Lease, StateError> {
        // It is put back, whatever comes of it.
        let shared = self.shared.clone();
        let Pending { tries, accepted_at, .. } = standing;
        let delivery = Delivery::unread(id, tries, accepted_at);
        let mut lease = Lease { shared, delivery, standing };
        let (answer, answered) = sync_channel(1);
        let letter = self.order(Order::Read { id, answer }, &answered)??;
        let letter =
            letter.ok_or_else(|| self.damaged("a delivery is pending without its letter"))?;
        lease.delivery.request = letter.request;
        lease.delivery.content = match letter.content {
            Kept::Inline(octets) => Content::Inline(octets),
            Kept::File(length) => Content::File { path: spool::path(&self.spool, id), length },
        };
        Ok(lease)
    }

    /// Whether the content is there that was accepted.
    fn is_whole(&self, lease: &Lease) -> Result<bool, StateError> {
        let Content::File { path, length } = &lease.delivery.content else { return Ok(true) };
        match fs::metadata(path) {
            Ok(meta) => Ok(meta.len() == *length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StateError::io(path)(error)),
        }
    }

    fn put_off(&self, lease: Lease, standing: Pending, now: UnixMillis) -> Result<(), StateError> {
        let bytes = self.shared.lock().pending_bytes(lease.delivery.id).unwrap_or(0);
        self.settle(lease, Standing::Pending { standing, bytes }, now)
    }

    fn finish(&self, lease: Lease, finished: Finished, now: UnixMillis) -> Result<(), StateError> {
        let content = lease.delivery.content.clone();
        self.settle(lease, Standing::Finished(finished), now)?;
        if let Content::File { path, .. } = content {
            // What can't be removed now is removed when the folder is opened again.
            let _ = fs::remove_file(path);
        }
        Ok(())
    }

    fn settle(&self, lease: Lease, standing: Standing, now: UnixMillis) -> Result<(), StateError> {
        let (answer, answered) = sync_channel(1);
        let lease = Box::new(lease);
        self.order(Order::Settle { lease, standing, now, answer }, &answered)?
    }

    fn order<T>(&self, order: Order, answered: &Receiver<T>) -> Result<T, StateError> {
        let gone = || self.damaged("the thread that writes it has ended");
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())
    }

    fn damaged(&self, what: &str) -> StateError {
        StateError::Damaged { file: self.file.clone(), what: what.to_owned() }
    }
}

/// What was ordered is still written.
impl Drop for Deliveries {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            // If it panicked, whoever waited for it was told.
            let _ = writer.join();
        }
    }
}

impl Lease {
    /// What is to be delivered.
    #[must_use]
    pub const fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.lock().put_back(self.delivery.id);
    }
}

impl DeliveryBounds {
    const fn memory(&self) -> Memory {
        Memory { finished_max: self.finished_max, finished_time: self.finished_time }
    }
}

impl Default for DeliveryBounds {
    fn default() -> Self {
        Self {
            pending_max: 10_000,
            pending_bytes_max: 1 << 30,
            content_bytes_max: 64 << 20,
            inline_bytes_max: 16 << 10,
            head_bytes_max: 64 << 10,
            key_bytes_max: 256,
            finished_max: 100_000,
            finished_time: Duration::from_secs(24 * 3600),
            dead_letters_max: 10_000,
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("as much as may be waits to be delivered"),
            Self::TooLarge { limit, .. } => write!(f, "the content has more than {limit} octets"),
            Self::HeadTooLarge { limit, .. } => write!(f, "the head has more than {limit} octets"),
            Self::KeyTooLong { limit, .. } => write!(f, "the key has more than {limit} octets"),
            Self::KeyReused => f.write_str("the key was used before, for something else"),
            Self::Incomplete => f.write_str("a part of the content could not be taken"),
            Self::IdTaken => f.write_str("another delivery has the name"),
            Self::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::State(error) => Some(error),
            _ => None,
        }
    }
}
