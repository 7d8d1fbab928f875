//! What holds for every request, whatever it asks and whatever is there: the laws of the engine, over
//! whole requests and invented look-ups.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod again;
mod allowances;
mod answers;
mod ask;
mod askers;
mod asking;
mod content;
mod coverage;
mod dresses;
mod gates;
mod gateways;
mod guards;
mod inboxes;
mod later;
mod locations;
mod made;
mod methods;
mod order;
mod policies;
mod preflights;
mod redirects;
mod relayed;
mod replies;
mod required;
mod routes;
mod statuses;
mod stories;
mod variants;
