//! What of an upstream's answer goes on to the client (RFC 9110 §7.6).

mod cookie;
mod location;
mod trailers;

use core::mem;

use wherefore_message::response::{Author, OF_THE_CONNECTION};
use wherefore_message::runs::{Part, Passage};
use wherefore_message::token::is_token;
use wherefore_message::{
    Cause, FieldName, FieldSet, Fields, Line, ResponseHead, Status, Value, Version, list,
};

use crate::hop::{Options, PROXY_AUTHENTICATION};
use crate::names::{Names, is_among, known_of};

pub use location::{Address, Addresses};
pub use trailers::trailers;

/// What an operator decided about the answers of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name of this gateway in `Via` and `Proxy-Status`, a token.
    pub pseudonym: Box<str>,
    /// Fields that are set, in place of any of these names.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// Fields that are not relayed.
    pub drop: Names,
    /// Whether addresses of the upstream become public ones.
    pub locations: Locations,
    /// Beginnings of the paths of cookies, and what stands in their place: the first that fits.
    pub cookie_paths: Vec<(Box<str>, Box<str>)>,
    /// Domains of cookies, and what stands in their place; the attribute goes where that is empty.
    pub cookie_domains: Vec<(Box<str>, Box<str>)>,
}

/// Whether `Location`, `Content-Location` and `Refresh` are rewritten where they lead to the upstream itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locations {
    /// They are.
    #[default]
    Rewritten,
    /// They go on as they came.
    Kept,
}

impl Policy {
    /// The default, by the same name as requests are forwarded by.
    #[must_use]
    pub fn new(forward: &crate::forward::Policy) -> Self {
        Self {
            pseudonym: forward.pseudonym.clone(),
            set: Vec::new(),
            drop: Names::NONE,
            locations: Locations::default(),
            cookie_paths: Vec::new(),
            cookie_domains: Vec::new(),
        }
    }
}

/// An upstream's answer.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// Its status.
    pub status: Status,
    /// The version that it came in.
    pub version: Version,
    /// Its fields.
    pub fields: Fields<'a>,
    /// Where the upstream was asked, and where the client asked.
    pub addresses: Option<Addresses<'a>>,
}

/// What the answer says to the gateway itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// How its content is to go on.
    pub buffering: Buffering,
}

/// What an answer says of buffering it (`X-Accel-Buffering`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Buffering {
    /// Nothing.
    #[default]
    Unsaid,
    /// Each part goes on at once.
    No,
    /// It may be.
    Yes,
}

/// Makes the head of the answer that the client gets. What it lacks is the upstream's affair.
pub fn head(policy: &Policy, from: &From<'_>, head: &mut ResponseHead) -> Told {
    head.reset(from.status);
    head.author = Author::Upstream;
    let relayed = Relayed::of(policy, from.fields);
    let rewritten = rewritten(policy, from);
    let unchanged = relayed.known.without(rewritten).without(DATE);
    let mut told = Told { buffering: usual_buffering(from.fields) };
    let mut is_dated = false;
    let judge = |line: &Line| {
        if unchanged.has(line.name) {
            return Passage::Unchanged;
        }
        if line.name != FieldName::Other {
            // There is one date.
            let is_again = line.name == FieldName::Date && mem::replace(&mut is_dated, true);
            return match () {
                () if is_again || !relayed.known.has(line.name) => Passage::Ended,
                () if rewritten.has(line.name) => Passage::Apart,
                () => Passage::Unchanged,
            };
        }
        let (name, value) = from.fields.texts(line);
        if is_to_gateway(name) {
            if name.eq_ignore_ascii_case(b"X-Accel-Buffering") {
                told.buffering = buffering(value);
            }
            return Passage::Ended;
        }
        match () {
            () if !relayed.has(line.name, name) => Passage::Ended,
            () if is_refresh(line.name, name) => Passage::Apart,
            () => Passage::Unchanged,
        }
    };
    from.fields.pass(judge, |part| match part {
        Part::Run(run) => head.relay_run(&run),
        Part::Line(line) => relay(policy, from, line, head),
    });
    if matches!(from.status, Status::SWITCHING_PROTOCOLS | Status::UPGRADE_REQUIRED) {
        offer(from.fields, head);
    }
    head.relay_via(from.fields.all(FieldName::Via), from.version, &policy.pseudonym);
    for (name, value) in &policy.set {
        if !name.eq_ignore_ascii_case("Via") {
            head.relay(name.as_bytes(), value.as_bytes());
        }
    }
    told
}

/// Makes an interim answer that the client gets (RFC 9110 §15.2): of each only what its status means to say, so that
/// nothing is said early that the final answer might not.
pub fn interim(policy: &Policy, status: Status, fields: Fields<'_>, head: &mut ResponseHead) {
    head.reset(status);
    head.author = Author::Upstream;
    let relayed = Relayed::of(policy, fields);
    match status {
        Status::CONTINUE | Status::PROCESSING => {}
        Status::EARLY_HINTS => {
            for (known, name, value) in lines(fields) {
                if HINTS.has(known) && relayed.has(known, name) {
                    head.relay_known(known, name, value);
                }
            }
        }
        _ => {
            for (known, name, value) in lines(fields) {
                let speaks_of_it =
                    matches!(known, FieldName::Other | FieldName::Location | FieldName::Link);
                if speaks_of_it && !is_to_gateway(name) && relayed.has(known, name) {
                    head.relay_known(known, name, value);
                }
            }
        }
    }
}

/// Whether an answer names another place, as the upstream calls it.
#[must_use]
pub fn leads_on(fields: Fields<'_>) -> bool {
    const PLACES: FieldSet = FieldSet::of(&[FieldName::Location, FieldName::ContentLocation]);
    let mut others = fields.lines().iter().filter(|line| line.name == FieldName::Other);
    PLACES.meets(fields.present()) || others.any(|line| is_refresh(line.name, fields.texts(line).0))
}

/// Judges a 101: it has to change to the protocol that the upstream was asked for, and for WebSocket to accept the key
/// (RFC 6455 §4.2.2). Whether the right one is for the client to find out, whose key it is.
///
/// # Errors
/// The cause for which the client is told of a broken upstream.
pub fn switched(fields: Fields<'_>, asked: Option<&[u8]>) -> Result<(), Cause> {
    let asked = asked.ok_or(Cause::SwitchFailed)?;
    let mut protocols = list::members(fields.all(FieldName::Upgrade));
    let (first, more) = (protocols.next(), protocols.next());
    let is_asked = more.is_none() && first.is_some_and(|first| first.eq_ignore_ascii_case(asked));
    let accepts = lines(fields)
        .filter(|(_, name, value)| {
            name.eq_ignore_ascii_case(b"Sec-WebSocket-Accept") && !value.is_empty()
        })
        .count();
    let is_whole = !asked.eq_ignore_ascii_case(b"websocket") || accepts == 1;
    if is_asked && is_whole { Ok(()) } else { Err(Cause::SwitchFailed) }
}

/// What a 103 may say: each is of use before the final answer, and binds nobody (RFC 8297 §2).
const HINTS: FieldSet = FieldSet::of(&[FieldName::Link, FieldName::ContentSecurityPolicy]);

fn lines<'a>(fields: Fields<'a>) -> impl Iterator<Item = (FieldName, &'a [u8], &'a [u8])> {
    let known = fields.lines().iter().map(|line| line.name);
    known.zip(fields.iter()).map(|(known, (name, value))| (known, name, value))
}

/// Which lines of an answer are relayed.
struct Relayed<'a> {
    policy: &'a Policy,
    options: Options<'a>,
    /// The known names of those that are.
    known: FieldSet,
}

impl<'a> Relayed<'a> {
    fn of(policy: &'a Policy, fields: Fields<'a>) -> Self {
        const USUAL: FieldSet = FieldSet::of(FieldName::KNOWN)
            .without(OF_THE_CONNECTION)
            .without(PROXY_AUTHENTICATION)
            .without(FieldSet::of(&[FieldName::Via]));
        let known = USUAL.without(policy.drop.known()).without(known_of(&policy.set));
        Self { policy, options: Options::of(fields), known }
    }

    fn has(&self, known: FieldName, name: &[u8]) -> bool {
        match known {
            FieldName::Other => {
                !self.options.end(known, name)
                    && !self.policy.drop.has(known, name)
                    && !is_among(&self.policy.set, name)
            }
            known => self.known.has(known),
        }
    }
}

const DATE: FieldSet = FieldSet::of(&[FieldName::Date]);

/// The known names of lines that may be rewritten.
fn rewritten(policy: &Policy, from: &From<'_>) -> FieldSet {
    const PLACES: FieldSet = FieldSet::of(&[FieldName::Location, FieldName::ContentLocation]);
    const COOKIES: FieldSet = FieldSet::of(&[FieldName::SetCookie]);
    let places = if addresses(policy, from).is_some() { PLACES } else { FieldSet::EMPTY };
    let has_cookies = !policy.cookie_paths.is_empty() || !policy.cookie_domains.is_empty();
    places.or(if has_cookies { COOKIES } else { FieldSet::EMPTY })
}

fn addresses<'a>(policy: &Policy, from: &From<'a>) -> Option<Addresses<'a>> {
    from.addresses.filter(|_| policy.locations == Locations::Rewritten)
}

fn is_refresh(known: FieldName, name: &[u8]) -> bool {
    known == FieldName::Other && name.eq_ignore_ascii_case(b"Refresh")
}

/// Whether a field speaks to the gateway alone.
fn is_to_gateway(name: &[u8]) -> bool {
    const BEGINNING: &[u8] = b"X-Accel-";
    name.get(..BEGINNING.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEGINNING))
}

/// Events are of use when they happen.
fn usual_buffering(fields: Fields<'_>) -> Buffering {
    const EVENTS: &[u8] = b"text/event-stream";
    let is_events = |value: &[u8]| {
        let (essence, rest) = value.split_at_checked(EVENTS.len()).unwrap_or_default();
        essence.eq_ignore_ascii_case(EVENTS)
            && matches!(rest.first(), None | Some(b';' | b' ' | b'\t'))
    };
    match fields.only(FieldName::ContentType) {
        Some(value) if is_events(value) => Buffering::No,
        _ => Buffering::Unsaid,
    }
}

fn buffering(value: &[u8]) -> Buffering {
    if value.eq_ignore_ascii_case(b"no") {
        Buffering::No
    } else if value.eq_ignore_ascii_case(b"yes") {
        Buffering::Yes
    } else {
        Buffering::Unsaid
    }
}

/// Relays a line, rewritten where it leads to the upstream's own address.
fn relay(policy: &Policy, from: &From<'_>, line: &Line, head: &mut ResponseHead) {
    let (name, value) = from.fields.texts(line);
    let rewritten = match (line.name, addresses(policy, from)) {
        (FieldName::Location | FieldName::ContentLocation, Some(addresses)) => {
            addresses.public_of(value)
        }
        (known, Some(addresses)) if is_refresh(known, name) => addresses.refresh(value),
        (FieldName::SetCookie, _) => cookie::rewritten(policy, value),
        _ => None,
    };
    head.relay_known(line.name, name, rewritten.as_deref().unwrap_or(value));
}

/// The protocols that are changed to, or that must be: `Upgrade` ends with the connection, and is said anew on this
/// one (RFC 9110 §7.8).
fn offer(fields: Fields<'_>, head: &mut ResponseHead) {
    let is_protocol = |text: &&[u8]| text.split(|octet| *octet == b'/').all(is_token);
    let protocols = list::members(fields.all(FieldName::Upgrade)).filter(is_protocol);
    let names: Vec<&str> = protocols.filter_map(|text| str::from_utf8(text).ok()).collect();
    if !names.is_empty() {
        head.push(FieldName::Upgrade, Value::Text(names.join(", ").into()));
        head.push(FieldName::Connection, Value::Static("upgrade"));
    }
}

#[cfg(test)]
mod tests;
