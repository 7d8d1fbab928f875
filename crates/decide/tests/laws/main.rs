//! What holds for every request, whatever it asks and whatever is there: the laws of the engine, over
//! whole requests and invented look-ups.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ask;
mod content;
mod coverage;
mod locations;
mod methods;
mod replies;
mod statuses;
mod stories;
mod variants;
