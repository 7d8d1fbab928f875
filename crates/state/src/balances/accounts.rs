//! The accounts in memory: what they have, and what of it is reserved.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An account can't spend as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insufficient {
    /// What it can spend.
    pub balance: u64,
}

/// An amount that is set aside. Dropping this gives it back.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    accounts: Arc<Accounts>,
    account: Box<[u8]>,
    /// None once it is spent.
    amount: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Accounts {
    by_name: Mutex<HashMap<Box<[u8]>, Account>>,
}

/// What is reserved is never more than the balance.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    balance: u64,
    reserved: u64,
}

impl Accounts {
    pub(super) fn available(&self, name: &[u8]) -> u64 {
        self.lock().get(name).map_or(0, Account::available)
    }

    pub(super) fn reserve(
        self: &Arc<Self>,
        name: &[u8],
        amount: u64,
    ) -> Result<Reservation, Insufficient> {
        let mut accounts = self.lock();
        let account = accounts.get_mut(name);
        let balance = account.as_ref().map_or(0, |account| account.available());
        if amount > balance {
            return Err(Insufficient { balance });
        }
        if let Some(account) = account {
            account.reserved += amount;
        }
        Ok(Reservation { accounts: self.clone(), account: name.into(), amount: Some(amount) })
    }

    /// An account has this balance now.
    pub(super) fn set(&self, name: &[u8], balance: u64) {
        if balance > 0 {
            self.lock().entry(name.into()).or_default().balance = balance;
        }
    }

    /// These accounts have these balances, and no others have any. What is reserved stays reserved.
    pub(super) fn set_all(&self, balances: HashMap<Box<[u8]>, u64>) {
        let mut accounts = self.lock();
        accounts.retain(|_, account| {
            account.balance = 0;
            account.reserved > 0
        });
        for (name, balance) in balances {
            accounts.entry(name).or_default().balance = balance;
        }
    }

    fn change(&self, name: &[u8], change: impl FnOnce(&mut Account)) {
        if let Entry::Occupied(mut account) = self.lock().entry(name.into()) {
            change(account.get_mut());
            let Account { balance, reserved } = *account.get();
            if balance == 0 && reserved == 0 {
                account.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, Account>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    const fn available(&self) -> u64 {
        self.balance.saturating_sub(self.reserved)
    }
}

impl Reservation {
    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &[u8] {
        &self.account
    }

    /// How much it is.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount.unwrap_or(0)
    }

    /// It is spent, on the disk, and this is left there.
    pub(super) fn spend(mut self, left: u64) {
        if let Some(amount) = self.amount.take() {
            self.accounts.change(&self.account, |account| {
                account.balance = left;
                account.reserved = account.reserved.saturating_sub(amount);
            });
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(amount) = self.amount.take() {
            self.accounts.change(&self.account, |account| {
                account.reserved = account.reserved.saturating_sub(amount);
            });
        }
    }
}
