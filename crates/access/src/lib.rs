//! Who asks, and from where: credentials and addresses turned into facts.
//!
//! Nothing here says what an answer should be. Rules ask for these facts and judge; what this crate calls
//! a fault is told to them, and to the log.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod forwarded;
pub mod proxy_protocol;
