//! What is said to an upstream: the target and the fields of the request that is forwarded (RFC 9110 §7.6).
//!
//! What a client says of itself and of how it came is not believed: names that claim it are dropped, unless the
//! peer is a proxy that is trusted, and then what is said is added to.

mod chain;
mod target;

use core::net::IpAddr;
use std::borrow::Cow;

use wherefore_decide::{Client, Scheme};
use wherefore_message::expect::{self, Expectation};
use wherefore_message::response::OF_THE_CONNECTION;
use wherefore_message::runs::{Part, Passage};
use wherefore_message::{FieldName, FieldSet, Fields, Line, Method, Request, Version, list, via};

use crate::claims;
use crate::hop::{Options, PROXY_AUTHENTICATION, is_value, line, own_line};
use crate::names::{Names, is_among, known_of};

pub use wherefore_message::hops::{MaxForwards, max_forwards};

pub use chain::Chain;
pub use target::{Rewrite, target};

/// What an operator decided about the requests to an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which host the upstream is told.
    pub host: Host,
    /// Fields that are set, in place of any of these names.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// Fields that are not sent.
    pub drop: Names,
    /// Fields that are filled by whoever was asked for access: a client's own of these names are never sent.
    pub copied: Names,
    /// The field that tells who asks; a client's own of this name is never sent.
    pub user_field: Option<Box<str>>,
    /// How it is told who asks, and from where.
    pub forwarded: Forwarded,
    /// The name of this gateway in `Via`, a token: no other on the way may have it, since loops are found by it.
    pub pseudonym: Box<str>,
    /// Which protocols a client may change to.
    pub upgrades: Upgrades,
    /// Whether the upstream sees credentials.
    pub credentials: Credentials,
}

/// Which host an upstream is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// The one that the client asked for.
    #[default]
    Client,
    /// The upstream's own.
    Upstream,
    /// Always this one.
    Fixed(Box<str>),
}

/// By which fields it is told who asks, and from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarded {
    /// `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// All of them.
    #[default]
    Both,
    /// It is not told.
    None,
}

/// Which protocols a client may change to by way of the upstream (RFC 9110 §7.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upgrades {
    /// None.
    None,
    /// WebSocket (RFC 6455).
    #[default]
    WebSocket,
    /// Any but other versions of HTTP and TLS: those would go past the rules.
    Any,
}

/// Whether an upstream sees the client's `Authorization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// It does.
    #[default]
    Passed,
    /// It does not: they were for us.
    Dropped,
}

impl Policy {
    /// The default, by this name in `Via`. What is no token in it is left out.
    #[must_use]
    pub fn new(pseudonym: &str) -> Self {
        let of_token = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let mut name: String = pseudonym.chars().filter(of_token).collect();
        if name.is_empty() {
            name.push_str("wherefore");
        }
        Self {
            host: Host::default(),
            set: Vec::new(),
            drop: Names::NONE,
            copied: Names::NONE,
            user_field: None,
            forwarded: Forwarded::default(),
            pseudonym: name.into(),
            upgrades: Upgrades::default(),
            credentials: Credentials::default(),
        }
    }
}

/// How far the peer is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerTrust {
    /// Not at all.
    Stranger,
    /// It is a trusted proxy that writes `Forwarded`.
    Forwarded,
    /// It is a trusted proxy that writes `X-Forwarded-For` and its like.
    XForwarded,
    /// It is a trusted proxy that may write either.
    Either,
}

impl PeerTrust {
    const fn has_forwarded(self) -> bool {
        matches!(self, Self::Forwarded | Self::Either)
    }

    const fn has_x_forwarded(self) -> bool {
        matches!(self, Self::XForwarded | Self::Either)
    }
}

/// The request, and what is known of whoever sent it.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Who asks, as far as it is believed.
    pub client: &'a Client,
    /// The address that the connection comes from.
    pub peer: IpAddr,
    /// How far the peer is believed.
    pub peer_trust: PeerTrust,
    /// How the connection came.
    pub scheme: Scheme,
    /// What whoever was asked for access wants the upstream to be told.
    pub copied: Fields<'a>,
    /// Who asks, where it was found out.
    pub user: Option<&'a str>,
    /// The id by which the request is found in the log.
    pub request_id: &'a str,
    /// Fields of the client that concern us alone, as those that a transform of the answer would contradict.
    pub withheld: FieldSet,
    /// Lines in place of withheld ones, as written.
    pub lines: &'a [u8],
}

/// What the connection to the upstream has to say for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding<'a> {
    /// The protocol that the upstream is asked to change to.
    pub upgrade: Option<&'a [u8]>,
    /// Whether the client takes trailers.
    pub te_trailers: TeTrailers,
    /// Whether the client waits to be invited to send its content.
    pub waits: Waits,
}

/// Whether a client waits to be invited to send its content (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// For 100.
    ForContinue,
    /// It sends, or has nothing to send.
    Not,
}

/// Whether trailers are taken (RFC 9110 §10.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeTrailers {
    /// They are.
    Taken,
    /// Nothing is said of it.
    Unsaid,
}

/// Appends the lines of the request that is forwarded, but for `Host` and what the connection says for itself.
pub fn fields<'a>(policy: &Policy, from: &From<'a>, out: &mut Vec<u8>) -> Forwarding<'a> {
    fields_in_turn(policy, from, &mut Chain::new(), out)
}

/// The same of one request after the other: `chain` is what was written of those before it, on whatever connection.
pub fn fields_in_turn<'a>(
    policy: &Policy,
    from: &From<'a>,
    chain: &mut Chain,
    out: &mut Vec<u8>,
) -> Forwarding<'a> {
    let request = from.request;
    let options = Options::of(request.fields);
    let replaced = Replaced::of(policy, from);
    let passed = passed(policy, from).without(replaced.known);
    let judge = |line: &Line| {
        let is_passed = passed.has(line.name)
            || line.name == FieldName::Other && {
                let (name, _) = request.fields.texts(line);
                !options.end(line.name, name)
                    && (from.peer_trust != PeerTrust::Stranger || !claims::is_claim(name))
                    && !replaced.has(line.name, name)
            };
        if is_passed { Passage::Unchanged } else { Passage::Ended }
    };
    request.fields.pass(judge, |part| match part {
        Part::Run(run) => out.extend_from_slice(run.written()),
        Part::Line(each) => {
            let (name, value) = request.fields.texts(each);
            line(name, value, out);
        }
    });
    out.extend_from_slice(from.lines);
    own(policy, &replaced, from, out);
    chain.write(policy, &replaced, from, out);
    for (name, value) in from.copied.iter() {
        if is_free(name) {
            line(name, value, out);
        }
    }
    for (name, value) in &policy.set {
        if is_free(name.as_bytes()) {
            line(name.as_bytes(), value.as_bytes(), out);
        }
    }
    Forwarding {
        upgrade: upgrade(policy, request, &options),
        te_trailers: te_trailers(request),
        waits: waits(request),
    }
}

/// Appends the host that the upstream is told; `upstream` is its own.
pub fn host(policy: &Policy, request: &Request<'_>, upstream: &str, out: &mut Vec<u8>) {
    match &policy.host {
        Host::Fixed(host) => out.extend_from_slice(host.as_bytes()),
        Host::Upstream => out.extend_from_slice(upstream.as_bytes()),
        Host::Client => {
            let asked = asked(request);
            // HTTP/1.0 has requests without one.
            out.extend_from_slice(if asked.is_empty() { upstream.as_bytes() } else { &asked });
        }
    }
}

/// Whether the request came through this gateway before (RFC 9110 §7.6.3).
#[must_use]
pub fn is_loop(request: &Request<'_>, pseudonym: &str) -> bool {
    request.fields.has(FieldName::Via) && via::names(request.fields.all(FieldName::Via), pseudonym)
}

/// What the gateway writes itself, or the connection to the upstream does.
const OURS: FieldSet = FieldSet::of(&[
    FieldName::Expect,
    FieldName::Forwarded,
    FieldName::Host,
    FieldName::RequestId,
    FieldName::Via,
    FieldName::XForwardedFor,
    FieldName::XForwardedHost,
    FieldName::XForwardedProto,
]);

/// The known names of the lines that go on as they came.
fn passed(policy: &Policy, from: &From<'_>) -> FieldSet {
    const USUAL: FieldSet = FieldSet::of(FieldName::KNOWN)
        .without(OURS)
        .without(OF_THE_CONNECTION)
        .without(PROXY_AUTHENTICATION);
    const OF_PROXIES: FieldSet =
        FieldSet::of(&[FieldName::XForwardedPort, FieldName::XForwardedPrefix, FieldName::XRealIp]);
    const CREDENTIALS: FieldSet = FieldSet::of(&[FieldName::Authorization]);
    const COUNTED: FieldSet = FieldSet::of(&[FieldName::MaxForwards]);
    let mut passed = USUAL.without(from.withheld);
    if !from.peer_trust.has_x_forwarded() || policy.forwarded == Forwarded::None {
        passed = passed.without(OF_PROXIES);
    }
    if policy.credentials == Credentials::Dropped {
        passed = passed.without(CREDENTIALS);
    }
    if matches!(from.request.method, Method::Options | Method::Trace) {
        passed = passed.without(COUNTED);
    }
    passed
}

/// The names in whose place something else stands, or nothing is to stand.
struct Replaced<'a> {
    /// The known ones.
    known: FieldSet,
    /// By whom and what there are others; most policies have none.
    others: Option<(&'a Policy, &'a From<'a>)>,
}

impl<'a> Replaced<'a> {
    fn of(policy: &'a Policy, from: &'a From<'a>) -> Self {
        let is_nothing = policy.drop == Names::NONE
            && policy.copied == Names::NONE
            && policy.set.is_empty()
            && policy.user_field.is_none()
            && from.copied.lines().is_empty();
        if is_nothing {
            return Self { known: FieldSet::EMPTY, others: None };
        }
        let user = policy.user_field.as_deref().map(|name| FieldName::parse(name.as_bytes()));
        let known = policy
            .drop
            .known()
            .or(policy.copied.known())
            .or(known_of(&policy.set))
            .or(from.copied.present())
            .with(user.unwrap_or(FieldName::Other));
        Self { known, others: Some((policy, from)) }
    }

    fn has(&self, known: FieldName, name: &[u8]) -> bool {
        let Some((policy, from)) = self.others.filter(|_| known == FieldName::Other) else {
            return self.known.has(known);
        };
        let is_user = |field: &str| field.as_bytes().eq_ignore_ascii_case(name);
        policy.drop.has(known, name)
            || policy.copied.has(known, name)
            || is_among(&policy.set, name)
            || policy.user_field.as_deref().is_some_and(is_user)
            || from.copied.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

/// Whether a field may be set at all: not where the message would be another, or come another way.
fn is_free(name: &[u8]) -> bool {
    let known = FieldName::parse(name);
    !OF_THE_CONNECTION.has(known) && !matches!(known, FieldName::Host | FieldName::Via)
}

/// What the gateway says of itself and of the request.
fn own(policy: &Policy, replaced: &Replaced<'_>, from: &From<'_>, out: &mut Vec<u8>) {
    let request = from.request;
    out.extend_from_slice(b"Via: ");
    via::add(request.fields.all(FieldName::Via), request.version, &policy.pseudonym, out);
    out.extend_from_slice(b"\r\n");
    if waits(request) == Waits::ForContinue {
        out.extend_from_slice(b"Expect: 100-continue\r\n");
    }
    if let MaxForwards::Left(number) = max_forwards(request) {
        line(b"Max-Forwards", number.to_string().as_bytes(), out);
    }
    if !replaced.known.has(FieldName::RequestId) && !from.request_id.is_empty() {
        own_line(b"Request-Id", from.request_id.as_bytes(), out);
    }
    if let (Some(name), Some(user)) = (&policy.user_field, from.user)
        && is_free(name.as_bytes())
        && !is_among(&policy.set, name.as_bytes())
        && is_value(user.as_bytes())
    {
        line(name.as_bytes(), user.as_bytes(), out);
    }
}

/// The host that the client asked for, as it wrote it; empty where it asked for none.
fn asked<'a>(request: &Request<'a>) -> Cow<'a, [u8]> {
    match asked_by_field(request) {
        Some(host) if is_value(host) => host.into(),
        // Of an absolute form the target's counts (RFC 9112 §3.2.2).
        _ => {
            let authority = request.authority.map(|authority| authority.to_string());
            authority.unwrap_or_default().into_bytes().into()
        }
    }
}

/// The value of `Host`, where that says what was asked for.
fn asked_by_field<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let host = || request.fields.only(FieldName::Host);
    if request.target.authority.is_none() { host() } else { None }
}

/// The protocol that the upstream is asked to change to: the first that the client names and the policy allows.
fn upgrade<'a>(policy: &Policy, request: &Request<'a>, options: &Options<'_>) -> Option<&'a [u8]> {
    // Content would have to be read before the protocol can change; HTTP/1.0 can't ask (RFC 9110 §7.8).
    let can_ask = request.fields.has(FieldName::Upgrade)
        && request.version == Version::HTTP_11
        && !request.announced.may_have_content()
        && options.has("upgrade");
    if !can_ask {
        return None;
    }
    let mut protocols = list::members(request.fields.all(FieldName::Upgrade));
    protocols.find(|protocol| match policy.upgrades {
        Upgrades::None => false,
        Upgrades::WebSocket => {
            request.method == Method::Get && protocol.eq_ignore_ascii_case(b"websocket")
        }
        Upgrades::Any => is_foreign(protocol),
    })
}

/// Whether what is spoken then is nothing that rules should have judged.
fn is_foreign(protocol: &[u8]) -> bool {
    let name = protocol.split(|octet| *octet == b'/').next().unwrap_or_default();
    let is_ours = ["h2", "h2c", "h3", "HTTP", "HTTPS", "TLS"];
    wherefore_message::token::is_token(name)
        && is_value(protocol)
        && !is_ours.iter().any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()))
}

/// A client of HTTP/1.0 can't mean it (RFC 9110 §10.1.1).
fn waits(request: &Request<'_>) -> Waits {
    let is_meant = request.fields.has(FieldName::Expect)
        && request.version >= Version::HTTP_11
        && request.announced.may_have_content()
        && expect::read(request.fields.all(FieldName::Expect)) == Expectation::Continue;
    if is_meant { Waits::ForContinue } else { Waits::Not }
}

fn te_trailers(request: &Request<'_>) -> TeTrailers {
    let mut codings = list::members(request.fields.all(FieldName::Te));
    let is_taken = request.version >= Version::HTTP_11
        && codings.any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    if is_taken { TeTrailers::Taken } else { TeTrailers::Unsaid }
}

#[cfg(test)]
mod tests;
