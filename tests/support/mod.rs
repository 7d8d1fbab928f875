//! The built server on a real socket, and a client that shows every octet.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(clippy::print_stderr, reason = "what the server says belongs to what a failed test shows")]

pub mod client;
pub mod coded;
pub mod configured;
pub mod counted;
pub mod countries;
pub mod inside;
pub mod lies;
pub mod nginx;
pub mod node;
pub mod program;
pub mod received;
pub mod server;
pub mod tokens;
pub mod upstream;

pub use client::{Client, Reply};
pub use configured::{Configured, configured, routes, setup};
pub use server::{Running, start};
