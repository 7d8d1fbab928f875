//! HTTP/1.1 (RFC 9112) without input or output: octets go in as slices, events come out; heads and
//! framing of answers are appended to the caller's buffer; time is an argument.
//!
//! [`Server`] is the whole server role. It reads in three steps: `scan` finds where a head
//! ends and faults its request line, `head` turns the octets into spans with `httparse`, and
//! [`framing`] says how the content is delimited. What is wrong is named by kind and octet. Which
//! states a connection can be in, and what leads from one to the next, is the one function
//! [`exchange::next`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

pub mod chunked;
pub mod deadlines;
mod diagnose;
pub mod exchange;
pub mod framing;
mod head;
pub mod limits;
mod octets;
pub mod reason;
mod scan;
pub mod server;
mod write;

pub use deadlines::{Late, Millis, Why};
pub use limits::{LIMITS, LimitInfo, Limits};
pub use reason::CloseReason;
pub use server::{After, BrokenHead, Event, Outgoing, Server, Unread};
