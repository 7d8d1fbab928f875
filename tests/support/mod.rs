//! The built server on a real socket, and a client that shows every octet.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "everything here is a test's")]

pub mod client;
pub mod inside;
pub mod server;

pub use client::{Client, Reply};
pub use server::{Running, start};
