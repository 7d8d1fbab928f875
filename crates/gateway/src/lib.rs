//! What a gateway decides about a message that it forwards: which upstream is asked, what is said to it, and what of
//! its answer goes on to the client (RFC 9110 §7.6). Nothing here knows a socket or a clock.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod claims;
pub mod forward;
mod hop;
pub mod names;
pub mod relay;
pub mod transform;
