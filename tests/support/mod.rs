//! The built server on a real socket, and a client that shows every octet.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(clippy::print_stderr, reason = "what the server says belongs to what a failed test shows")]

pub mod client;
pub mod inside;
pub mod server;

pub use client::{Client, Reply};
pub use server::{Running, configured, start};
