//! The thread that writes: it takes what waits, writes it together, and tells those who wait.

use std::sync::mpsc::{Receiver, SyncSender};

use super::accounts::{Accounts, Reservation};
use super::book::{Book, Entered};
use super::{CreditError, Credited, ORDERS_MAX};
use crate::StateError;

#[derive(Debug)]
pub(super) enum Order {
    Credit {
        account: Box<[u8]>,
        amount: u64,
        payment: Box<[u8]>,
        answer: SyncSender<Result<Credited, CreditError>>,
    },
    Settle {
        reservation: Reservation,
        answer: SyncSender<Result<u64, StateError>>,
    },
}

/// Carries out orders until nobody can give any more.
pub(super) fn write_all(mut book: Book, accounts: &Accounts, orders: &Receiver<Order>) {
    // Nobody knows whether these are spent.
    let mut uncertain: Vec<Reservation> = Vec::new();
    while let Ok(first) = orders.recv() {
        let mut batch = vec![first];
        batch.extend(orders.try_iter().take(ORDERS_MAX - 1));
        match write(&mut book, accounts, &mut uncertain, &batch) {
            Ok(entered) => {
                for (order, entered) in batch.into_iter().zip(entered) {
                    order.done(entered, accounts);
                }
            }
            Err(error) => {
                book.distrust();
                uncertain.extend(batch.into_iter().filter_map(|order| order.failed(&error)));
            }
        }
    }
}

fn write(
    book: &mut Book,
    accounts: &Accounts,
    uncertain: &mut Vec<Reservation>,
    batch: &[Order],
) -> Result<Vec<Entered>, StateError> {
    if book.is_distrusted() {
        // What the file says holds; what is not spent by it is given back.
        accounts.set_all(book.balances()?);
        uncertain.clear();
    }
    book.enter(batch)
}

impl Order {
    /// It is on the disk, or was refused. Memory follows before anybody is told.
    fn done(self, entered: Entered, accounts: &Accounts) {
        match (self, entered) {
            (Self::Credit { account, answer, .. }, Entered::Credited { balance }) => {
                accounts.set(&account, balance);
                // Whoever asked may be gone, here and below.
                let _ = answer.send(Ok(Credited::Now));
            }
            (Self::Credit { answer, .. }, Entered::CreditedBefore) => {
                let _ = answer.send(Ok(Credited::Before));
            }
            (Self::Credit { answer, .. }, Entered::Refused(error)) => {
                let _ = answer.send(Err(error));
            }
            (Self::Settle { reservation, answer }, Entered::Settled { left }) => {
                reservation.spend(left);
                let _ = answer.send(Ok(left));
            }
            // One can't be the answer to the other: who asked sees that there is none.
            (Self::Credit { .. }, Entered::Settled { .. })
            | (Self::Settle { .. }, Entered::Credited { .. } | Entered::CreditedBefore)
            | (Self::Settle { .. }, Entered::Refused(_)) => {}
        }
    }

    /// It may or may not be on the disk. What it would spend stays reserved.
    fn failed(self, error: &StateError) -> Option<Reservation> {
        match self {
            Self::Credit { answer, .. } => {
                let _ = answer.send(Err(CreditError::State(error.again())));
                None
            }
            Self::Settle { reservation, answer } => {
                let _ = answer.send(Err(error.again()));
                Some(reservation)
            }
        }
    }
}
