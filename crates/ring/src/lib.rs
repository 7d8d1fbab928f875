//! Octets to and from connections through `io_uring`: what many connections ask for goes to the kernel in one call, and
//! what came of it is read from memory. Only Linux has it; elsewhere no ring can be made.
//!
//! A [`Ring`] belongs to one thread. All memory that the kernel touches is the ring's and lives until nothing is under
//! way any more: whoever asked may be gone by then.
#![deny(unsafe_code, missing_docs)]

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod kernel;
#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod kernel;
mod ring;

pub use ring::{Completed, Done, More, Received, Ring, Slot, Token};

/// The bounds of one ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Operations that one call submits at most; a power of two.
    pub submissions: u32,
    /// Buffers that are received into: a power of two, 32,768 at most.
    pub receive_buffers: u16,
    /// Octets of each.
    pub receive_bytes: u32,
    /// Buffers that are sent from, one an operation: 4,096 at most.
    pub send_slots: u16,
    /// Octets of each.
    pub send_bytes: u32,
    /// Operations under way at once, waiting ones included.
    pub operations_max: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            submissions: 512,
            receive_buffers: 256,
            receive_bytes: 4 << 10,
            send_slots: 256,
            send_bytes: 16 << 10,
            operations_max: 1 << 16,
        }
    }
}
