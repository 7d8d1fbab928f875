//! The balances on the disk, in a file of `redb`.

use std::collections::HashMap;
use std::path::Path;
#[cfg(test)]
use std::path::PathBuf;

use redb::{
    ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition,
};

use super::writer::Order;
use super::{BalanceBounds, CreditError};
use crate::StateError;
#[cfg(test)]
use crate::database::Open;
use crate::database::{DatabaseFile, Form};

const FORM: Form = Form {
    name: "balances",
    version: 1,
    begin: |write| {
        write.open_table(BALANCES)?;
        write.open_table(PAYMENTS)?;
        Ok(())
    },
};

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

#[derive(Debug)]
pub(super) struct Book {
    bounds: BalanceBounds,
    database: DatabaseFile,
}

impl Book {
    /// Opens the book in `folder`, which belongs to the caller alone, and makes it if it is not there.
    pub(super) fn open(folder: &Path, bounds: BalanceBounds) -> Result<Self, StateError> {
        Ok(Self { bounds, database: DatabaseFile::open(folder, &FORM)? })
    }

    #[cfg(test)]
    pub(super) fn open_with(
        file: PathBuf,
        bounds: BalanceBounds,
        open: Box<Open>,
    ) -> Result<Self, StateError> {
        Ok(Self { bounds, database: DatabaseFile::open_with(file, &FORM, open)? })
    }

    pub(super) fn file(&self) -> &Path {
        self.database.file()
    }

    /// A write failed: nothing that is known of the file counts any more.
    pub(super) fn distrust(&mut self) {
        self.database.distrust();
    }

    pub(super) const fn is_distrusted(&self) -> bool {
        self.database.is_distrusted()
    }

    /// All balances.
    pub(super) fn balances(&mut self) -> Result<HashMap<Box<[u8]>, u64>, StateError> {
        self.database.with(|database| {
            let table = database.begin_read()?.open_table(BALANCES)?;
            let mut balances = HashMap::new();
            for row in table.iter()? {
                let (account, balance) = row?;
                balances.insert(account.value().into(), balance.value());
            }
            Ok(balances)
        })
    }

    /// Carries out orders, all in one write. It is on the disk when this returns.
    pub(super) fn enter(&mut self, orders: &[Order]) -> Result<Vec<Entered>, StateError> {
        let bounds = self.bounds;
        self.database.with(|database| {
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
        })
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
