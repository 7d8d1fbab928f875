//! What the operator decided about a group of upstreams.

use core::fmt;
use core::time::Duration;

use wherefore_message::Status;

use crate::address::Address;

/// How many members a group may have.
pub const MEMBERS_MAX: usize = 256;

/// The largest weight of a member.
pub const WEIGHT_MAX: u32 = 100;

/// One upstream of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it is.
    pub address: Address,
    /// Its share of the requests, from 1 to [`WEIGHT_MAX`], against the weights of the others.
    pub weight: u32,
    /// When it is asked.
    pub role: Role,
}

impl Member {
    /// A member like any other.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, weight: 1, role: Role::Primary }
    }
}

/// When a member is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// In its turn.
    Primary,
    /// Only where no primary member is left that is healthy and was not tried. One that is merely busy is waited for.
    Backup,
}

/// How a member is chosen among those that can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// One after the other, as often as their weights say and as evenly spread as can be.
    RoundRobin,
    /// The one with the fewest requests in flight, by its weight.
    Least,
    /// The one with fewer requests in flight of two that are drawn at random by their weights.
    TwoChoices,
    /// The same one for the same key, as long as it can be asked.
    Hash(HashBy),
}

/// What the key of a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashBy {
    /// The value of the field with this name.
    Field(Box<str>),
    /// The value of the cookie with this name.
    Cookie(Box<str>),
    /// The client's address.
    Client,
    /// The path.
    Path,
}

/// How an unhealthy member comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// After a time, one request is sent to it on trial.
    Trial,
    /// By probes alone, which somebody sends.
    Probes {
        /// From one probe of a member to the next.
        every: Duration,
        /// How many have to succeed in a row.
        healthy_after: u32,
    },
}

/// When so many requests of a window fail that the member counts as unhealthy at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// How many of a hundred requests.
    pub failures_percent: u32,
    /// How many requests there must have been.
    pub requests_min: u32,
    /// The length of a window.
    pub window: Duration,
}

/// When a second member is asked for what a first one takes long to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// For how long the first octet of an answer is awaited before.
    pub after: Duration,
    /// Of how many of a hundred requests at most.
    pub ratio_percent: u32,
}

/// The settings of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How a member is chosen.
    pub strategy: Strategy,
    /// Sixteen octets that keys are hashed with. Machines that have the same agree on the member of each key.
    pub hash_seed: [u8; 16],
    /// After how many failures in a row a member is unhealthy; 0 if failures never make it so.
    pub unhealthy_after: u32,
    /// How long it is; doubled by each trial that fails, up to eight times this.
    pub unhealthy_time: Duration,
    /// Statuses of a member's answers that count as failures too.
    pub unhealthy_statuses: Vec<Status>,
    /// How an unhealthy member comes back.
    pub recovery: Recovery,
    /// Over what time the share of a member that came back grows to what it was; zero for at once.
    pub slow_start: Duration,
    /// Trips a member by the share of its failures.
    pub breaker: Option<Breaker>,
    /// How often one request may be sent again.
    pub retries_max: u32,
    /// How many retries a hundred requests allow.
    pub retry_ratio_percent: u32,
    /// How many retries a second are allowed beside those.
    pub retry_least_per_second: u32,
    /// When a second member is asked as well; never if there is none.
    pub hedge: Option<Hedge>,
    /// How many requests may be in flight with one member; 0 for any number.
    pub in_flight_max: u32,
    /// How many requests may wait for a place.
    pub queue_max: u32,
    /// For how long one may.
    pub queue_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategy: Strategy::RoundRobin,
            hash_seed: [0; 16],
            unhealthy_after: 3,
            unhealthy_time: Duration::from_secs(10),
            unhealthy_statuses: Vec::new(),
            recovery: Recovery::Trial,
            slow_start: Duration::ZERO,
            breaker: None,
            retries_max: 2,
            retry_ratio_percent: 20,
            retry_least_per_second: 10,
            hedge: None,
            in_flight_max: 0,
            queue_max: 100,
            queue_time: Duration::from_secs(5),
        }
    }
}

/// Why there can be no such group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupError {
    /// It has no member.
    Empty,
    /// It has more than [`MEMBERS_MAX`].
    TooMany,
    /// The weight of the member with this number is not from 1 to [`WEIGHT_MAX`].
    Weight(usize),
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a group has at least one upstream"),
            Self::TooMany => write!(f, "a group has {MEMBERS_MAX} upstreams at most"),
            Self::Weight(_) => write!(f, "a weight is from 1 to {WEIGHT_MAX}"),
        }
    }
}

impl core::error::Error for GroupError {}
