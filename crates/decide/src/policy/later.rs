//! Accepting for later: which requests are stored to be delivered to an upstream, and where their monitors stand.

use std::sync::Arc;

use wherefore_message::path::Path;
use wherefore_message::prefer::{self, Respond};
use wherefore_message::{FieldName, Method, MethodSet, Request};

use crate::policy::pattern::End;
use crate::policy::{Index, Matched};

/// That requests are accepted for later (RFC 9110 §15.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// Where they go, among the destinations of the configuration.
    pub destination: Index,
    /// What stands in the destination's paths in place of the segments that the route's pattern names, as a target has
    /// it. None: the path goes on whole.
    pub base: Option<Box<str>>,
    /// Which of them are.
    pub when: When,
    /// The path under which a route of the site has the monitors; begins and ends with a slash.
    pub monitors: Arc<str>,
}

/// Which requests are accepted for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All that would change something.
    Always,
    /// Those of them whose client prefers it: `Prefer: respond-async` (RFC 7240 §4.1).
    Preferred,
}

/// Where monitors stand unless told otherwise.
pub const MONITORS: &str = "/.well-known/wherefore/later/";

/// What a monitor offers.
pub(super) const METHODS: MethodSet = MethodSet::of(&[Method::Get, Method::Head, Method::Options]);

impl Later {
    /// Destination number `destination`, with monitors where they usually stand.
    #[must_use]
    pub fn new(destination: Index, when: When) -> Self {
        Self { destination, base: None, when, monitors: MONITORS.into() }
    }

    /// Whether this request is accepted for later. One that only reads is not: its answer is all that it is for, and
    /// a monitor does not have it.
    #[must_use]
    pub fn takes(&self, request: &Request<'_>) -> bool {
        !request.method.is_safe()
            && match self.when {
                When::Always => true,
                When::Preferred => prefers(request),
            }
    }

    /// How many octets of the path that was asked for the base stands for. What is posted to one path goes to one; else
    /// it is as where it would be forwarded.
    #[must_use]
    pub fn replaced_bytes(&self, matched: &Matched<'_>, path: Path<'_>) -> usize {
        let pattern = &matched.route.pattern;
        let is_one = pattern.end() != End::Rest && pattern.names().next().is_none();
        match self.when {
            When::Always if is_one => path.bytes().len(),
            When::Always | When::Preferred => matched.rest_at,
        }
    }

    /// The path of the monitor of what has this name.
    #[must_use]
    pub fn monitor(&self, id: &str) -> String {
        [&self.monitors, id].concat()
    }
}

/// Whether the client prefers to be answered before it is done.
pub(crate) fn prefers(request: &Request<'_>) -> bool {
    let preferences = || prefer::read(request.fields.all(FieldName::Prefer));
    request.fields.has(FieldName::Prefer) && preferences().respond == Respond::Async
}
