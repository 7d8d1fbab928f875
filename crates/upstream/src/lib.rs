//! Connections to upstreams: names are resolved, sockets opened, TLS spoken. What goes wrong is a
//! [`Cause`](wherefore_message::Cause).
//!
//! A [`Connector`] stands for a whole process and is shared by its cores: it holds what was learned of names. A
//! [`Stream`] belongs to the core that opened it. A [`TlsClient`] is what one upstream's TLS is made by.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod connect;
mod failure;
mod names;
mod race;
mod socket;
mod stream;
mod target;
mod tls;

pub use connect::Connector;
pub use failure::{ConnectError, broken_by};
pub use names::{ConnectSettings, SettingsError};
pub use stream::{Quiet, Stream};
pub use target::{Endpoint, Peer, Target, Times};
pub use tls::{Identity, TlsClient, TlsError, TlsSettings, Trust};
