//! Who asks, and from where: credentials and addresses turned into facts.
//!
//! Nothing here says what an answer should be. Rules ask for these facts and judge; what this crate calls
//! a fault is told to them, and to the log. It reads no file and no clock: texts, times and secrets are
//! the caller's.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod authorization;
pub mod basic;
pub mod bearer;
pub mod cost;
pub mod country;
pub mod forwarded;
mod keys;
mod password;
pub mod proxy_protocol;
mod users;
mod verified;

pub use authorization::Authorization;

/// Someone whose credentials were right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// What the credentials call them.
    pub name: String,
    /// The groups that they belong to.
    pub groups: Vec<String>,
}

impl Asker {
    /// Whether they belong to this group.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|other| other == group)
    }
}
