//! The server role on the wire, case by case of RFC 9112. Every input runs whole, octet by octet and at
//! random cuts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod cases;
mod corpus;
mod drive;
mod kinds;
mod random;
mod time;
