//! A request as it is said to an upstream: made once, said to as many as it takes.

use std::cell::Cell;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use wherefore_decide::Client;
use wherefore_decide::plan::GatewayPlace;
use wherefore_gateway::forward::{self, Chain, PeerTrust, Rewrite, Waits};
use wherefore_gateway::{Repeatable, affinity};
use wherefore_h1::{Outbound, Outgoing, TeTrailers};
use wherefore_message::path::encode_path;
use wherefore_message::{Announced, FieldSet, Fields, Method, Request};

use super::Gateway;
use super::errand::Errand;
use super::upload::{Framed, Kept};

/// What most requests take, in octets, so that their buffer grows once.
const TEXT_BYTES_USUAL: usize = 1024;

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
    /// The texts below, one behind the other: most requests take one buffer, which is used again.
    text: Vec<u8>,
    /// Of a method that is not known by name; else empty.
    method_text: Range<usize>,
    target: Range<usize>,
    lines: Range<usize>,
    /// What every upstream is told; empty: each its own.
    host: Range<usize>,
    upgrade: Option<Vec<u8>>,
    pub(super) te_trailers: TeTrailers,
    content: Outgoing,
    waits: Waits,
    /// By what its upstream is chosen, where that is not left to chance.
    pub(super) key: Option<u64>,
    /// The two upstreams that it was said to at once.
    pub(super) hedged: Cell<Option<(usize, usize)>>,
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
        chain: &mut Chain,
        mut text: Vec<u8>,
    ) -> Self {
        let policy = &gateway.forward;
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
        text.reserve(TEXT_BYTES_USUAL);
        let forwarding = forward::fields_in_turn(policy, &from, chain, &mut text);
        let lines = 0..text.len();
        let rewrite = match &place.gateway.base {
            None => Rewrite::Whole,
            Some(by) => Rewrite::Instead { octets: place.matched.rest_at, by },
        };
        forward::target(request, place.path, rewrite, &mut text);
        let target = lines.end..text.len();
        if policy.host != forward::Host::Upstream {
            forward::host(policy, request, "", &mut text);
        }
        let host = target.end..text.len();
        if request.method == Method::Other {
            text.extend_from_slice(request.method_text);
        }
        let method_text = host.end..text.len();
        let content = outgoing(request.announced);
        let address = known.client.nearest.unwrap_or(known.peer);
        Self {
            gateway: Arc::clone(gateway),
            client: *known.client,
            route: (known.site, place.matched.index),
            rest_at: place.matched.rest_at,
            replaced: replaced(place),
            content_bytes_max: place.matched.route.content_bytes_max_of(request.method),
            method: request.method,
            text,
            method_text,
            target,
            lines,
            host,
            upgrade: forwarding.upgrade.map(<[u8]>::to_vec),
            te_trailers: match forwarding.te_trailers {
                forward::TeTrailers::Taken => TeTrailers::Said,
                forward::TeTrailers::Unsaid => TeTrailers::Unsaid,
            },
            content,
            waits: forwarding.waits,
            key: affinity::key(&gateway.upstreams, request, address, place.path),
            hedged: Cell::new(None),
        }
    }

    /// A request of our own.
    pub(super) fn of_errand(
        gateway: &Arc<Gateway>,
        errand: &Errand<'_>,
        announced: Announced,
    ) -> Self {
        let text = [errand.lines, errand.target, errand.host.unwrap_or_default()].concat();
        let lines = 0..errand.lines.len();
        let target = lines.end..lines.end + errand.target.len();
        let host = target.end..text.len();
        Self {
            gateway: Arc::clone(gateway),
            client: Client::UNKNOWN,
            route: (0, 0),
            rest_at: 0,
            replaced: "".into(),
            content_bytes_max: u64::MAX,
            method: errand.method,
            text,
            method_text: 0..0,
            target,
            lines,
            host,
            upgrade: None,
            te_trailers: TeTrailers::Unsaid,
            content: outgoing(announced),
            waits: Waits::Not,
            key: None,
            hedged: Cell::new(None),
        }
    }

    /// The head that upstream number `member` is sent.
    pub(super) fn outbound(&self, member: usize) -> Outbound<'_> {
        let own = || self.gateway.members.get(member).map_or("", |reached| &reached.authority);
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        let host = text(&self.host);
        Outbound {
            method: self.method,
            method_text: text(&self.method_text),
            target: text(&self.target),
            host: if host.is_empty() { own().as_bytes() } else { host },
            lines: text(&self.lines),
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

    /// The buffer that its texts stood in, for the next one.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// The protocols that its client asks to change to.
    pub(crate) fn upgrade(&self) -> Option<&[u8]> {
        self.upgrade.as_deref()
    }

    /// The beginning of the client's path that the upstream's base stands for; empty where it knows the whole.
    pub(crate) fn replaced(&self) -> &str {
        &self.replaced
    }

    /// Whether it can be said to a second upstream while a first one has it.
    pub(super) fn repeatable(&self, kept: &Kept) -> Repeatable {
        let (framed, _) = self.framed();
        let is_at_hand = framed == Framed::Nothing || kept.is_whole();
        if is_at_hand && self.upgrade.is_none() { Repeatable::Yes } else { Repeatable::No }
    }

    /// The other upstream that it was said to, beside this one.
    pub(crate) fn hedged_with(&self, member: usize) -> Option<usize> {
        let (first, second) = self.hedged.get()?;
        Some(if member == first { second } else { first })
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
