//! Payments that somebody else settles: which were, and for what. Each is settled at most once, whatever happens to
//! this process: before it is asked for, that is on the disk.
//!
//! Who is at which is in memory alone. What was to be settled by a process that has ended may have been: it is never
//! tried again.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{ReadableDatabase, ReadableTableMetadata, TableDefinition};

use crate::StateError;
use crate::database::{DatabaseFile, Form};
use crate::folder::FolderLock;

/// The longest name of a payment, in octets.
pub const PAYMENT_ID_BYTES_MAX: usize = 16 << 10;

/// How many payments are remembered, unless told otherwise. None is ever forgotten.
pub const PAYMENTS_MAX_DEFAULT: u64 = 1 << 20;

const FORM: Form = Form {
    name: "payments",
    version: 1,
    begin: |write| {
        write.open_table(PAYMENTS)?;
        Ok(())
    },
};

/// By the payment's name: until when it holds, in seconds since 1970, what it is for, and what its settlement was told
/// as. Of one that was begun and not told the last is empty.
const PAYMENTS: TableDefinition<'_, &[u8], Row<'_>> = TableDefinition::new("payments");

type Row<'a> = (u64, &'a [u8], &'a [u8]);

/// Which payments were settled.
#[derive(Debug)]
pub struct Payments {
    database: Mutex<DatabaseFile>,
    held: Mutex<HashSet<Box<[u8]>>>,
    payments_max: u64,
    _lock: FolderLock,
}

/// What is known of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Nothing,
    /// It was to be settled, and nobody knows whether it was.
    Begun,
    /// It was settled.
    Settled(Settlement),
}

/// A payment that was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Until when it holds, in seconds since 1970.
    pub until: u64,
    /// What it is for.
    pub purpose: Box<[u8]>,
    /// What it was told as.
    pub told: Box<[u8]>,
}

/// Why a payment can't be settled now.
#[derive(Debug)]
pub enum BeginError {
    /// It was begun before.
    Again,
    /// As many as may be are remembered.
    Full,
    /// It could not be written.
    State(StateError),
}

/// A payment that nobody else is at. Dropping this lets others have it.
#[derive(Debug)]
pub struct Hold {
    payments: Arc<Payments>,
    id: Box<[u8]>,
}

impl Payments {
    /// Opens the payments kept in the folder `payments` in `folder`, which is made if it is not there and is locked as
    /// long as this lives.
    ///
    /// # Errors
    /// [`StateError::Locked`] while another has it, [`StateError::UnknownVersion`], [`StateError::NotOurs`],
    /// [`StateError::Damaged`], [`StateError::Io`].
    pub fn open(folder: &Path, payments_max: u64) -> Result<Arc<Self>, StateError> {
        let folder = folder.join("payments");
        let lock = FolderLock::take(&folder)?;
        let database = Mutex::new(DatabaseFile::open(&folder, &FORM)?);
        let held = Mutex::default();
        Ok(Arc::new(Self { database, held, payments_max, _lock: lock }))
    }

    /// Takes a payment; none if somebody is at it, or its name is too long. Never waits for the disk.
    #[must_use]
    pub fn hold(self: &Arc<Self>, id: &[u8]) -> Option<Hold> {
        let is_free = id.len() <= PAYMENT_ID_BYTES_MAX && lock(&self.held).insert(id.into());
        is_free.then(|| Hold { payments: Arc::clone(self), id: id.into() })
    }

    /// What is known of it. Waits for the disk.
    ///
    /// # Errors
    /// A [`StateError`] if it can't be read.
    pub fn known(&self, hold: &Hold) -> Result<Known, StateError> {
        lock(&self.database).with(|database| {
            let table = database.begin_read()?.open_table(PAYMENTS)?;
            let known = table.get(&*hold.id)?;
            Ok(known.map_or(Known::Nothing, |known| match known.value() {
                (_, _, []) => Known::Begun,
                (until, purpose, told) => {
                    Known::Settled(Settlement { until, purpose: purpose.into(), told: told.into() })
                }
            }))
        })
    }

    /// Notes that it is about to be settled. That is on the disk when this returns. Waits for the disk.
    ///
    /// # Errors
    /// [`BeginError`]: it is not to be settled then.
    pub fn begin(&self, hold: &Hold) -> Result<(), BeginError> {
        let payments_max = self.payments_max;
        self.write(|database| {
            let write = database.begin_write()?;
            let begun = {
                let mut table = write.open_table(PAYMENTS)?;
                if table.len()? >= payments_max {
                    Err(BeginError::Full)
                } else if table.insert(&*hold.id, (0, &[][..], &[][..]))?.is_some() {
                    Err(BeginError::Again)
                } else {
                    Ok(())
                }
            };
            match &begun {
                Ok(()) => write.commit()?,
                Err(_) => write.abort()?,
            }
            Ok(begun)
        })
        .unwrap_or_else(|error| Err(BeginError::State(error)))
    }

    /// Notes that it was settled. That is on the disk when this returns. Waits for the disk.
    ///
    /// # Errors
    /// A [`StateError`]: it stays begun, and is not tried again.
    pub fn settled(&self, hold: &Hold, settlement: &Settlement) -> Result<(), StateError> {
        let Settlement { until, purpose, told } = settlement;
        self.write(|database| {
            let write = database.begin_write()?;
            write.open_table(PAYMENTS)?.insert(&*hold.id, (*until, &**purpose, &**told))?;
            write.commit()?;
            Ok(())
        })
    }

    /// Notes that it was not settled, which is known: it can be tried again. Waits for the disk.
    ///
    /// # Errors
    /// A [`StateError`]: it stays begun, and is not tried again.
    pub fn refused(&self, hold: &Hold) -> Result<(), StateError> {
        self.write(|database| {
            let write = database.begin_write()?;
            write.open_table(PAYMENTS)?.remove(&*hold.id)?;
            write.commit()?;
            Ok(())
        })
    }

    /// Writes; what can't be written to is opened again before it is used again.
    fn write<T>(
        &self,
        work: impl FnOnce(&redb::Database) -> Result<T, redb::Error>,
    ) -> Result<T, StateError> {
        let mut database = lock(&self.database);
        let written = database.with(work);
        if written.is_err() {
            database.distrust();
        }
        written
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.payments.held).remove(&self.id);
    }
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("this payment was begun before"),
            Self::Full => f.write_str("no more payments are remembered"),
            Self::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BeginError {}

/// What it guards is whole whenever a panic could unwind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
