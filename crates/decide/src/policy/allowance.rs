//! How often, how much at once, and for how much.

use crate::policy::Index;

/// One limit on requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Which limit it is, among those of the configuration: routes that name the same share it.
    pub id: Index,
    /// Its name, in `RateLimit` and `RateLimit-Policy`.
    pub name: Box<str>,
    /// Whose requests are counted together.
    pub by: By,
    /// What is limited.
    pub kind: LimitKind,
}

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The client's address; IPv6 by its /64.
    Network,
    /// The user, as authenticated; the network of those of whom that is not known.
    User,
    /// Everyone's who asks for what stands under this route: the key that stands for it.
    Route(Box<str>),
    /// Those with the same value of this field, such as a key.
    Field(Box<str>),
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests in a time (429).
    Rate {
        /// How many.
        count: u64,
        /// In how many seconds.
        window_seconds: u64,
        /// How many may come at once.
        burst: u64,
    },
    /// Requests in flight (503).
    AtOnce(u32),
}

/// A payment that a request has to bring along (402).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Who knows what payments are worth, and what is asked for, among those of the configuration.
    pub facilitator: Index,
}

/// What a request costs (402).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The amount, in the smallest unit.
    pub amount: u64,
    /// The unit's name, for people, such as `EUR cent`.
    pub unit: Box<str>,
    /// Whose account pays.
    pub account: By,
    /// Where an account is filled up.
    pub top_up: Option<Box<str>>,
}
