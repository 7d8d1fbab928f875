//! A request as it is said to an upstream: made once, said to as many as it takes.

use std::net::IpAddr;
use std::sync::Arc;

use wherefore_decide::Client;
use wherefore_decide::plan::GatewayPlace;
use wherefore_gateway::forward::{self, PeerTrust, Rewrite};
use wherefore_gateway::{HashBy, Strategy};
use wherefore_h1::{Outbound, Outgoing, TeTrailers};
use wherefore_message::expect::{self, Expectation};
use wherefore_message::network::client_key;
use wherefore_message::path::encode_path;
use wherefore_message::{Announced, FieldName, FieldSet, Fields, Method, Request, Version};

use super::Gateway;
use super::errand::Errand;
use super::upload::{Framed, Waits};

/// A request that is to be forwarded.
pub(crate) struct Forwarded {
    /// To whom.
    pub(crate) gateway: Arc<Gateway>,
    /// Who asks.
    pub(crate) client: Client,
    /// The route: its site's place in the configuration, and its own in the site.
    pub(crate) route: (usize, usize),
    /// Up to where the route's pattern names the path.
    pub(crate) rest_at: usize,
    /// What of the path the upstream's base stands for.
    replaced: Box<str>,
    /// The most octets of content that the route takes.
    pub(super) content_bytes_max: u64,
    pub(super) method: Method,
    method_text: Vec<u8>,
    target: Vec<u8>,
    lines: Vec<u8>,
    /// What every upstream is told; none: each its own.
    host: Option<Vec<u8>>,
    upgrade: Option<Vec<u8>>,
    pub(super) te_trailers: TeTrailers,
    content: Outgoing,
    waits: Waits,
    /// By what its upstream is chosen, where that is not left to chance.
    pub(super) key: Option<u64>,
}

/// What is known of a request that is to be forwarded, besides itself.
pub(crate) struct Known<'a> {
    pub(crate) client: &'a Client,
    pub(crate) peer: IpAddr,
    pub(crate) peer_trust: PeerTrust,
    pub(crate) user: Option<&'a str>,
    pub(crate) copied: Fields<'a>,
    pub(crate) request_id: &'a str,
    pub(crate) site: usize,
}

impl Forwarded {
    /// The request, as upstreams are told it.
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        request: &Request<'_>,
        place: &GatewayPlace<'_>,
        known: &Known<'_>,
    ) -> Self {
        let policy = &gateway.forward;
        let (mut lines, mut target) = (Vec::with_capacity(1024), Vec::with_capacity(64));
        let (mut withheld, mut instead) = (FieldSet::EMPTY, Vec::new());
        if let Some(transform) = &gateway.transform {
            withheld = transform.withheld(request);
            transform.lines(request, &mut instead);
        }
        let from = forward::From {
            request,
            client: known.client,
            peer: known.peer,
            peer_trust: known.peer_trust,
            scheme: wherefore_decide::Scheme::Http,
            copied: known.copied,
            user: known.user,
            request_id: known.request_id,
            withheld,
            lines: &instead,
        };
        let forwarding = forward::fields(policy, &from, &mut lines);
        let rewrite = match &place.gateway.base {
            None => Rewrite::Whole,
            Some(by) => Rewrite::Instead { octets: place.matched.rest_at, by },
        };
        forward::target(request, place.path, rewrite, &mut target);
        let host = (policy.host != forward::Host::Upstream).then(|| {
            let mut host = Vec::with_capacity(32);
            forward::host(policy, request, "", &mut host);
            host
        });
        let content = outgoing(request.announced);
        let waits = if request.fields.has(FieldName::Expect)
            && request.version >= Version::HTTP_11
            && expect::read(request.fields.all(FieldName::Expect)) == Expectation::Continue
        {
            Waits::ForContinue
        } else {
            Waits::Not
        };
        Self {
            gateway: Arc::clone(gateway),
            client: *known.client,
            route: (known.site, place.matched.index),
            rest_at: place.matched.rest_at,
            replaced: replaced(place),
            content_bytes_max: place.matched.route.content_bytes_max_of(request.method),
            method: request.method,
            method_text: request.method_text.to_vec(),
            target,
            lines,
            host: host.filter(|host| !host.is_empty()),
            upgrade: forwarding.upgrade.map(<[u8]>::to_vec),
            te_trailers: match forwarding.te_trailers {
                forward::TeTrailers::Taken => TeTrailers::Said,
                forward::TeTrailers::Unsaid => TeTrailers::Unsaid,
            },
            content,
            waits,
            key: key(gateway, request, known, place.path.bytes()),
        }
    }

    /// A request of our own.
    pub(super) fn of_errand(
        gateway: &Arc<Gateway>,
        errand: &Errand<'_>,
        announced: Announced,
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            client: Client::UNKNOWN,
            route: (0, 0),
            rest_at: 0,
            replaced: "".into(),
            content_bytes_max: u64::MAX,
            method: errand.method,
            method_text: Vec::new(),
            target: errand.target.to_vec(),
            lines: errand.lines.to_vec(),
            host: errand.host.map(<[u8]>::to_vec),
            upgrade: None,
            te_trailers: TeTrailers::Unsaid,
            content: outgoing(announced),
            waits: Waits::Not,
            key: None,
        }
    }

    /// The head that upstream number `member` is sent.
    pub(super) fn outbound(&self, member: usize) -> Outbound<'_> {
        let own = || self.gateway.members.get(member).map_or("", |reached| &reached.authority);
        Outbound {
            method: self.method,
            method_text: &self.method_text,
            target: &self.target,
            host: self.host.as_deref().unwrap_or_else(|| own().as_bytes()),
            lines: &self.lines,
            content: self.content,
            upgrade: self.upgrade.as_deref(),
            te_trailers: self.te_trailers,
        }
    }

    /// What content it has, and whether the client waits to be invited.
    pub(super) const fn outgoing(&self) -> (Outgoing, Waits) {
        (self.content, self.waits)
    }

    /// How its content is framed, and whether the client waits to be invited.
    pub(super) const fn framed(&self) -> (Framed, Waits) {
        match self.content {
            Outgoing::None | Outgoing::Sized(0) => (Framed::Nothing, self.waits),
            Outgoing::Sized(_) => (Framed::Sized, self.waits),
            Outgoing::Streamed => (Framed::Chunks, self.waits),
        }
    }

    /// The protocols that its client asks to change to.
    pub(crate) fn upgrade(&self) -> Option<&[u8]> {
        self.upgrade.as_deref()
    }

    /// The beginning of the client's path that the upstream's base stands for; empty where it knows the whole.
    pub(crate) fn replaced(&self) -> &str {
        &self.replaced
    }

    /// Whether it may be sent again where it can't be known what became of it (RFC 9110 §9.2.2).
    pub(super) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent() && self.upgrade.is_none()
    }
}

/// The beginning of the path that gives way to the upstream's base, encoded.
fn replaced(place: &GatewayPlace<'_>) -> Box<str> {
    let mut encoded = String::new();
    if place.gateway.base.is_some() {
        let replaced = place.path.bytes().get(..place.matched.rest_at).unwrap_or_default();
        encode_path(replaced, &mut encoded);
    }
    encoded.into()
}

const fn outgoing(announced: Announced) -> Outgoing {
    match announced {
        Announced::Nothing => Outgoing::None,
        Announced::Length(length) => Outgoing::Sized(length),
        Announced::Unknown => Outgoing::Streamed,
    }
}

/// What is hashed to find the request's upstream.
fn key(gateway: &Gateway, request: &Request<'_>, known: &Known<'_>, path: &[u8]) -> Option<u64> {
    let Strategy::Hash(by) = &gateway.upstreams.settings().strategy else { return None };
    let key = |octets: &[u8]| gateway.upstreams.key(octets);
    match by {
        HashBy::Client => {
            let address = known.client.nearest.unwrap_or(known.peer);
            Some(key(client_key(address).to_string().as_bytes()))
        }
        HashBy::Path => Some(key(path)),
        HashBy::Field(name) => {
            let mut lines = request.fields.iter();
            let found = lines.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
            found.map(|(_, value)| key(value))
        }
        HashBy::Cookie(name) => cookie(request, name.as_bytes()).map(key),
    }
}

/// The value of a cookie (RFC 6265 §4.2.1).
fn cookie<'a>(request: &Request<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let pairs = request.fields.all(FieldName::Cookie).flat_map(|value| value.split(|o| *o == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let at = pair.iter().position(|octet| *octet == b'=')?;
        let (own, value) = pair.split_at(at);
        (own == name).then(|| value.get(1..).unwrap_or_default())
    })
}
