//! Connections as the gateway makes them: to servers of this machine that behave, and to those that don't.
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

mod dns;
mod names;
mod peers;
mod sockets;
mod tls;
