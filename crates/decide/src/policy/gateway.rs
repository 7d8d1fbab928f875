//! A gateway: which upstreams answer in its place, and how the path is named to them. How their messages are
//! forwarded and relayed stands outside the engine.

use wherefore_message::{Method, MethodSet};

use crate::policy::{IMPLEMENTED, Index};

/// A gateway, also known as a reverse proxy (RFC 9110 §3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Which upstreams, among those of the configuration.
    pub upstreams: Index,
    /// What stands in the upstreams' paths in place of the segments that the route's pattern names, as a target has
    /// it: it begins with a slash. None: the path goes on whole.
    pub base: Option<Box<str>>,
}

impl Gateway {
    /// Upstreams number `upstreams`, to which the path goes on whole.
    #[must_use]
    pub const fn new(upstreams: Index) -> Self {
        Self { upstreams, base: None }
    }
}

/// What a gateway offers: whatever the upstream does. CONNECT would ask for a forward proxy.
pub(super) const METHODS: MethodSet = IMPLEMENTED.without(MethodSet::of(&[Method::Trace]));
