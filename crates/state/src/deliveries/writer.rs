//! The thread that writes: it takes what waits, writes it together, and tells those who wait.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use super::board::Shared;
use super::delivery::{DeliveryId, UnixMillis};
use super::ledger::{Entered, Ledger, Written};
use super::record::{Letter, Standing};
use super::spool::{self, Incoming};
use super::{AcceptError, Lease, ORDERS_MAX};
use crate::StateError;

/// How long a delivery is left alone when what a try came to could not be written down.
const HELD_TIME: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) enum Order {
    Accept {
        incoming: Box<Incoming>,
        letter: Box<Letter>,
        standing: Standing,
        print: u128,
        now: UnixMillis,
        answer: SyncSender<Result<DeliveryId, AcceptError>>,
    },
    Settle {
        lease: Box<Lease>,
        standing: Standing,
        now: UnixMillis,
        answer: SyncSender<Result<(), StateError>>,
    },
    Read {
        id: DeliveryId,
        answer: SyncSender<Result<Option<Box<Letter>>, StateError>>,
    },
    /// Whatever failed before, the file is to be read again.
    Recover {
        answer: SyncSender<Result<(), StateError>>,
    },
}

/// Carries out orders until nobody can give any more.
pub(super) fn write_all(
    mut ledger: Ledger,
    shared: &Shared,
    spool: &Path,
    orders: &Receiver<Order>,
) {
    // Nobody knows whether these are accepted.
    let mut uncertain = Vec::new();
    while let Ok(first) = orders.recv() {
        let mut batch = vec![first];
        batch.extend(orders.try_iter().take(ORDERS_MAX - 1));
        match write(&mut ledger, shared, spool, &mut uncertain, &batch) {
            Ok(Written { entered, forgotten }) => {
                forgotten.into_iter().for_each(|id| shared.lock().forget(id));
                for (order, entered) in batch.into_iter().zip(entered) {
                    order.done(entered, shared);
                }
            }
            Err(error) => {
                ledger.distrust();
                shared.lock().mark_stale();
                uncertain
                    .extend(batch.into_iter().filter_map(|order| order.failed(&error, shared)));
            }
        }
    }
    // What may be accepted keeps its content: who opens the file next finds out.
    uncertain.iter_mut().for_each(|incoming| incoming.keep());
}

fn write(
    ledger: &mut Ledger,
    shared: &Shared,
    spool: &Path,
    uncertain: &mut Vec<Incoming>,
    batch: &[Order],
) -> Result<Written, StateError> {
    if ledger.is_distrusted() {
        let standings = ledger.standings()?;
        shared.lock().load(standings);
        for mut incoming in uncertain.drain(..) {
            if shared.lock().is_pending(incoming.id()) {
                incoming.keep();
            }
        }
        // What it leaves is swept when this is opened again.
        let _ = spool::sweep(spool, shared);
    }
    ledger.enter(batch)
}

impl Order {
    pub(super) const fn only_reads(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Recover { .. })
    }

    pub(super) const fn now(&self) -> Option<UnixMillis> {
        match self {
            Self::Accept { now, .. } | Self::Settle { now, .. } => Some(*now),
            Self::Read { .. } | Self::Recover { .. } => None,
        }
    }

    /// It is on the disk, or was refused. Memory follows before anybody is told.
    fn done(self, entered: Entered, shared: &Shared) {
        match (self, entered) {
            (Self::Accept { mut incoming, answer, .. }, Entered::Stands(standing)) => {
                let id = incoming.id();
                shared.lock().set(id, standing);
                incoming.keep();
                drop(incoming);
                // Whoever asked may be gone, here and below.
                let _ = answer.send(Ok(id));
            }
            (Self::Accept { incoming, answer, .. }, Entered::Known(id)) => {
                drop(incoming);
                let _ = answer.send(Ok(id));
            }
            (Self::Accept { incoming, answer, .. }, Entered::KeyReused) => {
                drop(incoming);
                let _ = answer.send(Err(AcceptError::KeyReused));
            }
            (Self::Settle { lease, answer, .. }, Entered::Stands(standing)) => {
                shared.lock().set(lease.delivery.id, standing);
                drop(lease);
                let _ = answer.send(Ok(()));
            }
            (Self::Read { answer, .. }, Entered::Read(letter)) => {
                let _ = answer.send(Ok(letter));
            }
            (Self::Recover { answer }, Entered::Recovered) => {
                let _ = answer.send(Ok(()));
            }
            // One can't be the answer to the other: who asked sees that there is none.
            (Self::Accept { .. } | Self::Settle { .. } | Self::Read { .. }, _)
            | (Self::Recover { .. }, _) => {}
        }
    }

    /// It may or may not be on the disk. What would be accepted is not let go of before that is known.
    fn failed(self, error: &StateError, shared: &Shared) -> Option<Incoming> {
        match self {
            Self::Accept { incoming, answer, .. } => {
                let _ = answer.send(Err(AcceptError::State(error.again())));
                return Some(*incoming);
            }
            Self::Settle { lease, now, answer, .. } => {
                shared.lock().hold(lease.delivery.id, now.after(HELD_TIME));
                drop(lease);
                let _ = answer.send(Err(error.again()));
            }
            Self::Read { answer, .. } => {
                let _ = answer.send(Err(error.again()));
            }
            Self::Recover { answer } => {
                let _ = answer.send(Err(error.again()));
            }
        }
        None
    }
}
