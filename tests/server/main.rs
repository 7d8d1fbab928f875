//! How the server behaves as a process: starting, loading, draining, ending.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test that fails panics")]
#![allow(unreachable_pub, reason = "shared by several test binaries")]

#[path = "../support/mod.rs"]
mod support;

mod access_log;
mod again;
mod clients;
mod compress;
mod crash;
mod descriptors;
mod drain;
mod draining;
mod gateways;
mod many;
mod memory;
mod peers;
mod privileges;
mod proxy_protocol;
mod reload;
mod ring;
mod silent;
mod slow;
mod start;
mod supervisor;
mod swaps;
