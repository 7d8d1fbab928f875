//! The client role on the wire, case by case of RFC 9112, and joined with the server role in memory. Every
//! input runs whole, octet by octet and at random cuts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod corpus;
mod drive;
mod joined;
mod kinds;
mod random;
mod requests;
