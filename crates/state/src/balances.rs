//! Prepaid balances: what accounts have paid in and not yet spent. They survive restarts.
//!
//! A price is reserved before the answer is made and settled when it stands, or given back. Reservations
//! are in memory alone, so that no crash leaves money reserved; what is settled is on the disk before
//! anybody hears of it. One thread writes, and whatever waits for it meanwhile is written together.

mod accounts;
mod book;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use self::accounts::Accounts;
pub use self::accounts::{Insufficient, Reservation};
use self::book::Book;
use self::writer::{Order, write_all};
use crate::StateError;
use crate::folder::FolderLock;

/// The longest name of an account or a payment, in octets.
pub const ACCOUNT_BYTES_MAX: usize = 256;

/// How many orders wait for the thread that writes; whoever gives one more waits too.
const ORDERS_MAX: usize = 1024;

/// How much is kept at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceBounds {
    /// How many accounts have a balance. They are all held in memory.
    pub accounts_max: usize,
    /// How many payments are remembered, so that none counts twice. None is ever forgotten.
    pub payments_max: u64,
}

/// The balances of all accounts. Amounts are whole numbers of the smallest unit.
#[derive(Debug)]
pub struct Balances {
    file: PathBuf,
    accounts: Arc<Accounts>,
    /// None once this is being dropped.
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
    _lock: FolderLock,
}

/// A payment is accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credited {
    /// It is now.
    Now,
    /// It was before, with the same account and amount: it counts once.
    Before,
}

/// Why a payment is not accounted for.
#[derive(Debug)]
pub enum CreditError {
    /// A payment of this name was for another account or amount.
    Conflict,
    /// The balance would be more than can be counted.
    Overflow,
    /// As many accounts or payments as may be are kept.
    Full,
    /// The name of the account or of the payment has more than [`ACCOUNT_BYTES_MAX`] octets.
    TooLong,
    /// It could not be written: it may or may not be accounted for, and can be tried again.
    State(StateError),
}

impl Balances {
    /// Opens the balances kept in the folder `balances` in `folder`, which is made if it is not there and
    /// is locked as long as this lives. A file that a crash left in the middle of a write is mended.
    ///
    /// # Errors
    /// [`StateError::Locked`] while another has it, [`StateError::UnknownVersion`],
    /// [`StateError::NotOurs`], [`StateError::Damaged`], [`StateError::Io`].
    pub fn open(folder: &Path, bounds: BalanceBounds) -> Result<Self, StateError> {
        let folder = folder.join("balances");
        let lock = FolderLock::take(&folder)?;
        Self::start(Book::open(&folder, bounds)?, lock)
    }

    fn start(mut book: Book, lock: FolderLock) -> Result<Self, StateError> {
        let accounts = Arc::new(Accounts::default());
        accounts.set_all(book.balances()?);
        let file = book.file().to_path_buf();
        let (orders, given) = sync_channel(ORDERS_MAX);
        let shared = accounts.clone();
        let writer = Builder::new()
            .name("balances".to_owned())
            .spawn(move || write_all(book, &shared, &given))
            .map_err(StateError::io(&file))?;
        Ok(Self { file, accounts, orders: Some(orders), writer: Some(writer), _lock: lock })
    }

    /// What `account` can spend now: its balance without what is reserved.
    #[must_use]
    pub fn available(&self, account: &[u8]) -> u64 {
        self.accounts.available(account)
    }

    /// Adds `amount` to the balance of `account`, once for each payment, however often it is told. It is
    /// on the disk when this returns. Waits for the disk.
    ///
    /// # Errors
    /// [`CreditError`].
    pub fn credit(
        &self,
        account: &[u8],
        amount: u64,
        payment: &[u8],
    ) -> Result<Credited, CreditError> {
        if account.len().max(payment.len()) > ACCOUNT_BYTES_MAX {
            return Err(CreditError::TooLong);
        }
        let (answer, answered) = sync_channel(1);
        let (account, payment) = (account.into(), payment.into());
        self.order(Order::Credit { account, amount, payment, answer }, &answered)
            .unwrap_or_else(|error| Err(CreditError::State(error)))
    }

    /// Sets `amount` aside from what `account` can spend, until it is settled or given back. Never waits
    /// for the disk.
    ///
    /// # Errors
    /// [`Insufficient`].
    pub fn reserve(&self, account: &[u8], amount: u64) -> Result<Reservation, Insufficient> {
        self.accounts.reserve(account, amount)
    }

    /// Spends what is reserved; says what is left of the balance then, reserved or not. It is on the disk
    /// when this returns. Waits for the disk; calls at the same time share the wait.
    ///
    /// # Errors
    /// A [`StateError`]: it may or may not be spent. Until the file has been read again, which is tried
    /// before anything else is written, it stays reserved.
    pub fn settle(&self, reservation: Reservation) -> Result<u64, StateError> {
        let (answer, answered) = sync_channel(1);
        self.order(Order::Settle { reservation, answer }, &answered)?
    }

    /// Gives back what is reserved, as dropping it does.
    pub fn cancel(&self, reservation: Reservation) {
        drop(reservation);
    }

    fn order<T>(&self, order: Order, answered: &Receiver<T>) -> Result<T, StateError> {
        let gone = || StateError::Damaged {
            file: self.file.clone(),
            what: "the thread that writes it has ended".to_owned(),
        };
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())
    }
}

/// What was ordered is still written.
impl Drop for Balances {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(writer) = self.writer.take() {
            // If it panicked, whoever waited for it was told.
            let _ = writer.join();
        }
    }
}

impl Default for BalanceBounds {
    fn default() -> Self {
        Self { accounts_max: 1 << 20, payments_max: 10_000_000 }
    }
}

impl fmt::Display for CreditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => f.write_str("this payment was for another account or amount"),
            Self::Overflow => f.write_str("the balance would be more than can be counted"),
            Self::Full => f.write_str("no more accounts or payments are kept"),
            Self::TooLong => write!(f, "a name has more than {ACCOUNT_BYTES_MAX} octets"),
            Self::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CreditError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::State(error) => Some(error),
            _ => None,
        }
    }
}
