//! A gateway: which upstreams answer in its place, and how the path is named to them. How their messages are
//! forwarded and relayed stands outside the engine.

use wherefore_message::path::Path;
use wherefore_message::{Method, MethodSet};

use crate::policy::{IMPLEMENTED, Index, Matched};

/// A gateway, also known as a reverse proxy (RFC 9110 §3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Which upstreams, among those of the configuration.
    pub upstreams: Index,
    /// What stands in the upstreams' paths in place of the segments that the route's pattern names; begins and ends
    /// with a slash. None: the path goes on as it is.
    pub base: Option<Box<[u8]>>,
    /// What clients may change to.
    pub upgrades: Upgrades,
    /// Whether interim answers other than 100 are relayed.
    pub interim: Interim,
}

/// What clients may change the connection to (RFC 9110 §7.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrades {
    /// WebSocket (RFC 6455).
    WebSocket,
    /// Whatever the client asks for and the upstream accepts.
    Any,
    /// Nothing: the field is not forwarded.
    None,
}

/// Whether interim answers are relayed: 103 (RFC 8297) and others. Some old clients take them for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interim {
    /// They are.
    Relayed,
    /// They end here.
    Dropped,
}

impl Gateway {
    /// Upstreams number `upstreams`, to which the path goes on as it is.
    #[must_use]
    pub const fn new(upstreams: Index) -> Self {
        Self { upstreams, base: None, upgrades: Upgrades::WebSocket, interim: Interim::Relayed }
    }

    /// The part of the path that goes on behind [`Gateway::base`]: all but the slash that begins it.
    #[must_use]
    pub fn rest<'p>(&self, matched: &Matched<'_>, path: Path<'p>) -> &'p [u8] {
        let rest = match self.base {
            Some(_) => path.bytes().get(matched.rest_at..).unwrap_or_default(),
            None => path.bytes(),
        };
        rest.strip_prefix(b"/").unwrap_or(rest)
    }
}

/// What a gateway offers: whatever the upstream does. CONNECT would ask for a forward proxy.
pub(super) const METHODS: MethodSet = IMPLEMENTED.without(MethodSet::of(&[Method::Trace]));
