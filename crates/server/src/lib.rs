//! Sockets, timers, logs, and one loop a core: all that carries octets to the engine and its answers
//! back. No rule of HTTP stands here.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod accept;
pub mod admission;
pub mod admit;
mod answer;
pub mod blocking;
pub mod buffer;
mod carrier;
pub mod clock;
pub mod configuration;
mod connection;
pub mod control;
pub mod core;
pub mod descriptors;
pub mod encode;
mod exchange;
mod forwarding;
pub mod gateway;
mod given;
mod h1;
mod keeping;
pub mod limits;
pub mod line;
pub mod listen;
pub mod load;
pub mod log;
pub mod notice;
pub mod outbox;
pub mod parking;
pub mod paying;
pub mod privileges;
mod proxied;
pub mod random;
mod reading;
pub mod reload;
pub mod ring;
mod send;
pub mod sendfile;
pub mod service;
pub mod shutdown;
pub mod socket;
pub mod supervision;
pub mod systemd;
mod taking;
mod told;
mod turn;
mod unwind;
mod variants;
pub mod wheel;
mod writing;

#[cfg(test)]
mod tests {
    use std::future::Future;

    use tokio::runtime::Builder;
    use tokio::task::LocalSet;

    /// Runs a test on one core whose time stands still until every task waits for it.
    pub(crate) fn paused<T>(test: impl Future<Output = T>) -> T {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, test)
    }

    /// Runs a test on one core, in real time.
    pub(crate) fn on_a_core<T>(test: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, test)
    }
}
