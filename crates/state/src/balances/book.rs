//! The balances on the disk, in a file of `redb`.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError,
    Table, TableDefinition, TableError,
};

use super::writer::Order;
use super::{BalanceBounds, CreditError};
use crate::StateError;

const NAME: &str = "balances.redb";
/// The name under which it is made.
const NAME_NEW: &str = "balances.redb.new";
/// How every file of the library begins.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const CACHE_BYTES: usize = 1 << 24;

/// What this file is, and in which form.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("wherefore");
const VERSION_KEY: &str = "balances";
const VERSION: u64 = 1;

/// Accounts with what they have; who has nothing is not here.
const BALANCES: TableDefinition<'_, &[u8], u64> = TableDefinition::new("balances");
/// Payments with their amounts and accounts.
const PAYMENTS: TableDefinition<'_, &[u8], (u64, &[u8])> = TableDefinition::new("payments");

/// What became of an order.
#[derive(Debug)]
pub(super) enum Entered {
    /// A payment is accounted for, and this is the balance.
    Credited {
        balance: u64,
    },
    CreditedBefore,
    Refused(CreditError),
    /// An amount is spent, and this is left.
    Settled {
        left: u64,
    },
}

pub(super) struct Book {
    file: PathBuf,
    bounds: BalanceBounds,
    open: Box<Open>,
    /// None if a write failed: what is on the disk is to be seen by opening it again.
    database: Option<Database>,
}

pub(super) type Open = dyn Fn() -> Result<Database, DatabaseError> + Send;

impl Book {
    /// Opens the book in `folder`, which belongs to the caller alone, and makes it if it is not there.
    pub(super) fn open(folder: &Path, bounds: BalanceBounds) -> Result<Self, StateError> {
        let file = folder.join(NAME);
        if !fs::exists(&file).map_err(StateError::io(&file))? {
            make(folder)?;
        }
        let mut begin = Vec::new();
        let read = File::open(&file)
            .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
        read.map_err(StateError::io(&file))?;
        if begin != MAGIC {
            return Err(StateError::NotOurs { file });
        }
        let path = file.clone();
        let open = move || {
            // Money is worth reading the whole file once: damage is an error then, never a panic.
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
            builder.open(&path)
        };
        Self::open_with(file, bounds, Box::new(open))
    }

    pub(super) fn open_with(
        file: PathBuf,
        bounds: BalanceBounds,
        open: Box<Open>,
    ) -> Result<Self, StateError> {
        let mut book = Self { file, bounds, open, database: None };
        book.check_version()?;
        Ok(book)
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// A write failed: nothing that is known of the file counts any more.
    pub(super) fn distrust(&mut self) {
        self.database = None;
    }

    pub(super) const fn is_distrusted(&self) -> bool {
        self.database.is_none()
    }

    /// All balances.
    pub(super) fn balances(&mut self) -> Result<HashMap<Box<[u8]>, u64>, StateError> {
        let read = |database: &Database| {
            let table = database.begin_read()?.open_table(BALANCES)?;
            let mut balances = HashMap::new();
            for row in table.iter()? {
                let (account, balance) = row?;
                balances.insert(account.value().into(), balance.value());
            }
            Ok(balances)
        };
        let read = read(self.database()?);
        read.map_err(|error| self.told(error))
    }

    /// Carries out orders, all in one write. It is on the disk when this returns.
    pub(super) fn enter(&mut self, orders: &[Order]) -> Result<Vec<Entered>, StateError> {
        let bounds = self.bounds;
        let enter = |database: &Database| {
            let write = database.begin_write()?;
            let entered = {
                let mut page = Page {
                    bounds,
                    balances: write.open_table(BALANCES)?,
                    payments: write.open_table(PAYMENTS)?,
                };
                let entered = orders.iter().map(|order| page.enter(order));
                entered.collect::<Result<Vec<_>, StorageError>>()?
            };
            write.commit()?;
            Ok(entered)
        };
        let entered = enter(self.database()?);
        entered.map_err(|error| self.told(error))
    }

    fn database(&mut self) -> Result<&Database, StateError> {
        if self.database.is_none() {
            let opened = (self.open)().map_err(|error| self.told(error.into()))?;
            self.database = Some(opened);
        }
        self.database.as_ref().ok_or_else(|| self.damaged("it is not open"))
    }

    fn check_version(&mut self) -> Result<(), StateError> {
        let read = |database: &Database| {
            let about = match database.begin_read()?.open_table(ABOUT) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                about => about?,
            };
            Ok(about.get(VERSION_KEY)?.map(|version| version.value()))
        };
        let version = read(self.database()?).map_err(|error| self.told(error))?;
        let file = self.file.clone();
        match version {
            Some(VERSION) => Ok(()),
            Some(other) => Err(StateError::UnknownVersion { file, version: other.to_string() }),
            None => Err(StateError::NotOurs { file }),
        }
    }

    fn told(&self, error: redb::Error) -> StateError {
        let file = self.file.clone();
        match error {
            redb::Error::Io(error) => StateError::Io { file, error },
            redb::Error::DatabaseAlreadyOpen => StateError::Locked { folder: file, pid: None },
            redb::Error::UpgradeRequired(version) => {
                StateError::UnknownVersion { file, version: format!("{version} of redb") }
            }
            error => self.damaged(&error.to_string()),
        }
    }

    fn damaged(&self, what: &str) -> StateError {
        StateError::Damaged { file: self.file.clone(), what: what.to_owned() }
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The tables of a write that is going on.
struct Page<'t> {
    bounds: BalanceBounds,
    balances: Table<'t, &'static [u8], u64>,
    payments: Table<'t, &'static [u8], (u64, &'static [u8])>,
}

impl Page<'_> {
    fn enter(&mut self, order: &Order) -> Result<Entered, StorageError> {
        match order {
            Order::Credit { account, amount, payment, .. } => {
                self.credit(account, *amount, payment)
            }
            Order::Settle { reservation, .. } => {
                let balance = self.balance(reservation.account())?.unwrap_or(0);
                // It was reserved, so it is there.
                let left = balance.checked_sub(reservation.amount());
                let left =
                    left.ok_or_else(|| StorageError::Corrupted("less than reserved".into()))?;
                self.set(reservation.account(), left)?;
                Ok(Entered::Settled { left })
            }
        }
    }

    /// Refuses before anything is changed.
    fn credit(
        &mut self,
        account: &[u8],
        amount: u64,
        payment: &[u8],
    ) -> Result<Entered, StorageError> {
        if let Some(known) = self.payments.get(payment)? {
            return Ok(if known.value() == (amount, account) {
                Entered::CreditedBefore
            } else {
                Entered::Refused(CreditError::Conflict)
            });
        }
        let before = self.balance(account)?;
        let Some(balance) = before.unwrap_or(0).checked_add(amount) else {
            return Ok(Entered::Refused(CreditError::Overflow));
        };
        let is_full = before.is_none() && self.balances.len()? >= self.bounds.accounts_max as u64;
        if is_full || self.payments.len()? >= self.bounds.payments_max {
            return Ok(Entered::Refused(CreditError::Full));
        }
        self.payments.insert(payment, (amount, account))?;
        self.set(account, balance)?;
        Ok(Entered::Credited { balance })
    }

    fn balance(&self, account: &[u8]) -> Result<Option<u64>, StorageError> {
        Ok(self.balances.get(account)?.map(|balance| balance.value()))
    }

    fn set(&mut self, account: &[u8], balance: u64) -> Result<(), StorageError> {
        if balance == 0 {
            self.balances.remove(account)?;
        } else {
            self.balances.insert(account, balance)?;
        }
        Ok(())
    }
}

/// Makes the file under another name first: one that has its name is whole.
fn make(folder: &Path) -> Result<(), StateError> {
    let path = folder.join(NAME_NEW);
    let write = || -> Result<(), redb::Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let database = Database::builder().create(&path)?;
        begin(&database)?;
        database.close()?;
        Ok(())
    };
    write().map_err(|error| StateError::io(&path)(io::Error::other(error)))?;
    fs::rename(&path, folder.join(NAME))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(StateError::io(folder))
}

/// The first write: what the file is, and its tables.
pub(super) fn begin(database: &Database) -> Result<(), redb::Error> {
    let write = database.begin_write()?;
    write.open_table(ABOUT)?.insert(VERSION_KEY, VERSION)?;
    write.open_table(BALANCES)?;
    write.open_table(PAYMENTS)?;
    write.commit()?;
    Ok(())
}
