//! What a gateway decides about a message that it forwards: which upstream is asked, what is said to it, and what of
//! its answer goes on to the client (RFC 9110 §7.6). Nothing here knows a socket or a clock.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod address;
pub mod affinity;
mod breaker;
pub mod budget;
mod hash;
pub mod health;
pub mod hedge;
pub mod members;
pub mod probe;
pub mod queue;
pub mod settings;
mod strategy;
pub mod upstreams;
pub mod x402;

pub use address::{Address, AddressError, AddressFault, Place, Scheme};
pub use budget::Retry;
pub use health::{Health, Purpose};
pub use hedge::Repeatable;
pub use members::MemberSet;
pub use probe::Probed;
pub use queue::QueuePlace;
pub use settings::{
    Breaker, GroupError, HashBy, Hedge, Member, Recovery, Role, Settings, Strategy,
};
pub use upstreams::{Asked, NotChosen, Permit, Service, Standing, Upstreams};
pub mod asking;
mod claims;
pub mod forward;
mod hop;
pub mod names;
pub mod relay;
pub mod transform;
