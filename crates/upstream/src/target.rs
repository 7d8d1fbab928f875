//! What a connection leads to, and how long making it may take.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::tls::TlsClient;

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// At an address.
    Ip(SocketAddr),
    /// Wherever its name leads at the time.
    Name {
        /// The name, as the resolver is asked for it.
        host: Box<str>,
        /// The port at each of its addresses.
        port: u16,
    },
    /// At a socket of this machine.
    Unix(PathBuf),
}

/// An upstream to connect to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How TLS is spoken with it, if it is.
    pub tls: Option<Arc<TlsClient>>,
}

/// How long each step of connecting may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// For resolving a name.
    pub name_time: Duration,
    /// For connecting, to all addresses together.
    pub connect_time: Duration,
    /// For the TLS handshake.
    pub tls_time: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let time = Duration::from_secs(5);
        Self { name_time: time, connect_time: time, tls_time: time }
    }
}

/// Whom a connection was made to, for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Who has this address.
    Ip(SocketAddr),
    /// Who listens at this socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
