//! What is remembered between requests, outside the folders that are served.
//!
//! Over restarts: that something was there and was removed ([`Tombstones`]), what accounts have paid in
//! ([`Balances`]), what is to be delivered later ([`Deliveries`]), and
//! which payments others settled ([`Payments`]). What is said to be remembered survives a crash. A folder of state belongs to one
//! process at a time, and its files carry the version of their form. Tombstones may be read by others, who
//! see them as they are then.
//!
//! Until the process ends: how much each key took of its quota ([`Limits`]), and how many requests of
//! each are in flight ([`Concurrent`]).
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod balances;
mod concurrent;
mod database;
pub mod deliveries;
#[cfg(test)]
mod disk;
mod error;
mod folder;
mod gcra;
mod limits;
mod log;
mod moment;
pub mod payments;
mod record;
mod secret;
mod tombstones;

pub use balances::{
    ACCOUNT_BYTES_MAX, BalanceBounds, Balances, CreditError, Credited, Insufficient, Reservation,
};
pub use concurrent::{Concurrent, IN_FLIGHT_KEYS_DEFAULT, Permit, TooMany};
pub use deliveries::{Deliveries, DeliveryId};
pub use error::StateError;
pub use folder::{RootIdentity, state_folder_default};
pub use gcra::{Denied, Quota, QuotaError, Standing};
pub use limits::{Charge, LIMIT_ENTRIES_DEFAULT, Limits, Meter, Refused, Why};
pub use moment::Moment;
pub use payments::{BeginError, Payments};
pub use secret::Secret;
pub use tombstones::{CAPACITY_DEFAULT, Snapshot, Tombstone, Tombstones};
