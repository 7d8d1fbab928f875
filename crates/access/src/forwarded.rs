//! Who asked, where proxies stand in between: from `Forwarded` (RFC 7239), or from `X-Forwarded-For` and
//! `X-Forwarded-Proto`, which older proxies write.
//!
//! Each proxy adds to the right end whom it was asked by. So the fields are read from there, one step to
//! the left for each proxy that is trusted; anything further left was written by who knows whom, and is
//! not even looked at. From a peer that is not trusted nothing is believed.
//!
//! What trusted proxies did write but cannot be read is a fault, not passed over: the address that is
//! then left is the proxy's own, which may be allowed more than the client.

use std::fmt;
use std::net::IpAddr;

use wherefore_message::network::Networks;
use wherefore_message::token::{is_token, is_token_octet, trim};
use wherefore_message::{FieldName, Fields, list};

/// The most proxies that a request may have come through.
pub const HOPS_MAX: usize = 32;

/// The scheme by which a request reached the first proxy or, without any, us (RFC 9110 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As a target has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        // Some proxies name the protocol that a connection is about to change to.
        let is =
            |names: [&str; 2]| names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()));
        if is(["http", "ws"]) {
            Some(Self::Http)
        } else if is(["https", "wss"]) {
            Some(Self::Https)
        } else {
            None
        }
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Networks,
    /// The fields that they write.
    pub dialect: Dialect,
}

/// Which fields the trusted proxies write.
///
/// A proxy that writes one of them may let through the other as a client sent it. Which one is whose
/// can't be seen, so it is better said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `Forwarded`; the others are not looked at.
    Forwarded,
    /// `X-Forwarded-For` and `X-Forwarded-Proto`; `Forwarded` is not looked at.
    XForwarded,
    /// `Forwarded` where it is present, else the others. If both are and lead to different clients,
    /// neither wins: one of them may be the client's own, and it is [`ForwardedFault::Conflict`].
    #[default]
    Either,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address; none if a trusted proxy keeps it to itself (`unknown`, RFC 7239 §6.2, or a
    /// name of its own making, §6.3). No network has such a client.
    pub address: Option<IpAddr>,
    /// The known address that is nearest to the client: its own, or that of the proxy which keeps it to
    /// itself. Clients are counted by it.
    pub nearest: IpAddr,
    /// The scheme by which the client asked.
    pub scheme: Scheme,
}

/// Why it can't be said who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedFault {
    /// What a trusted proxy wrote in this field is not of its grammar.
    Malformed(FieldName),
    /// More than [`HOPS_MAX`] proxies.
    TooManyHops,
    /// `Forwarded` and `X-Forwarded-For` or `X-Forwarded-Proto` tell of different clients.
    Conflict,
}

impl ForwardedFault {
    /// What is wrong, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed(FieldName::Forwarded) => {
                "what the trusted proxy says in Forwarded can't be read"
            }
            Self::Malformed(FieldName::XForwardedProto) => {
                "what the trusted proxy says in X-Forwarded-Proto can't be read"
            }
            Self::Malformed(_) => "what the trusted proxy says in X-Forwarded-For can't be read",
            Self::TooManyHops => "there are more proxies in between than are followed",
            Self::Conflict => "Forwarded and X-Forwarded-For name different clients",
        }
    }
}

impl fmt::Display for ForwardedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ForwardedFault {}

impl Proxies {
    /// Who asked, as far as the peer can be believed. `peer` and `scheme` are those of the connection.
    ///
    /// # Errors
    ///
    /// If trusted proxies wrote what can't be understood.
    pub fn client(
        &self,
        peer: IpAddr,
        scheme: Scheme,
        fields: Fields<'_>,
    ) -> Result<Client, ForwardedFault> {
        let peer = peer.to_canonical();
        let direct = Client { address: Some(peer), nearest: peer, scheme };
        if !self.trusted.has(peer) {
            return Ok(direct);
        }
        let forwarded = || self.told_by_forwarded(peer, fields);
        let x_forwarded = || self.told_by_x_forwarded(peer, fields);
        let told = match self.dialect {
            Dialect::Forwarded => forwarded()?,
            Dialect::XForwarded => x_forwarded()?,
            Dialect::Either => agreed(forwarded()?, x_forwarded()?)?,
        };
        let Some((nearest, shown)) = told.node else {
            return Ok(Client { scheme: told.scheme.unwrap_or(scheme), ..direct });
        };
        let address = (shown == Shown::Yes).then_some(nearest);
        Ok(Client { address, nearest, scheme: told.scheme.unwrap_or(scheme) })
    }

    fn told_by_forwarded(&self, peer: IpAddr, fields: Fields<'_>) -> Result<Told, ForwardedFault> {
        let lines: Vec<&[u8]> = fields.all(FieldName::Forwarded).collect();
        let elements = lines.into_iter().rev().flat_map(|line| ElementsBack { rest: Some(line) });
        let fault = ForwardedFault::Malformed(FieldName::Forwarded);
        let hops = elements
            .filter(|element| !element.is_empty())
            .map(|element| parse_element(element).ok_or(fault));
        self.walk(peer, hops)
    }

    fn told_by_x_forwarded(
        &self,
        peer: IpAddr,
        fields: Fields<'_>,
    ) -> Result<Told, ForwardedFault> {
        let members = |name| {
            let lines: Vec<&[u8]> = fields.all(name).collect();
            let members =
                lines.into_iter().flat_map(|line| line.split(|octet| *octet == b',')).map(trim);
            members.filter(|member| !member.is_empty()).collect::<Vec<_>>()
        };
        let (nodes, schemes) =
            (members(FieldName::XForwardedFor), members(FieldName::XForwardedProto));
        let parse_scheme = |text: &&[u8]| {
            Scheme::parse(text).ok_or(ForwardedFault::Malformed(FieldName::XForwardedProto))
        };
        // Only if there is one scheme for each address is it clear which belongs to which; else what
        // the nearest proxy wrote holds for all.
        let of_each = nodes.len() == schemes.len();
        let hops = nodes.iter().enumerate().rev().map(|(i, node)| {
            let node =
                parse_node(node).ok_or(ForwardedFault::Malformed(FieldName::XForwardedFor))?;
            let scheme = schemes.get(i).filter(|_| of_each).map(parse_scheme).transpose()?;
            Ok(Hop { node, scheme })
        });
        let mut told = self.walk(peer, hops)?;
        if !of_each {
            told.scheme = schemes.last().map(parse_scheme).transpose()?;
        }
        Ok(told)
    }

    /// Goes from the peer towards the client for as long as the one that speaks is trusted.
    fn walk(
        &self,
        peer: IpAddr,
        hops: impl Iterator<Item = Result<Hop, ForwardedFault>>,
    ) -> Result<Told, ForwardedFault> {
        let mut told = Told { node: None, scheme: None };
        let mut speaker = peer;
        for (i, hop) in hops.enumerate() {
            if i == HOPS_MAX {
                return Err(ForwardedFault::TooManyHops);
            }
            let hop = hop?;
            told.scheme = hop.scheme.or(told.scheme);
            match hop.node {
                Node::Address(address) => {
                    told.node = Some((address, Shown::Yes));
                    speaker = address;
                }
                Node::Veiled => {
                    told.node = Some((speaker, Shown::No));
                    break;
                }
            }
            if !self.trusted.has(speaker) {
                break;
            }
        }
        Ok(told)
    }
}

/// What the fields of one dialect say.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Told {
    /// The nearest address to the client, and whether it is the client's own.
    node: Option<(IpAddr, Shown)>,
    scheme: Option<Scheme>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Yes,
    No,
}

/// What both dialects say, if what each says is said by the other too or not at all.
fn agreed(one: Told, other: Told) -> Result<Told, ForwardedFault> {
    let differ = one.node.is_some() && other.node.is_some() && one.node != other.node
        || one.scheme.is_some() && other.scheme.is_some() && one.scheme != other.scheme;
    if differ {
        return Err(ForwardedFault::Conflict);
    }
    Ok(Told { node: one.node.or(other.node), scheme: one.scheme.or(other.scheme) })
}

/// What one proxy says of whoever asked it.
struct Hop {
    node: Node,
    scheme: Option<Scheme>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Address(IpAddr),
    /// It is not to be known.
    Veiled,
}

/// The elements of a line from the right. Quotes are paired from there as well: one that a client left
/// open at the left must not swallow what a proxy wrote behind it.
struct ElementsBack<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for ElementsBack<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let mut quoted = false;
        for (i, octet) in text.iter().enumerate().rev() {
            match octet {
                b'"' if quoted => quoted = is_escaped(text, i),
                b'"' => quoted = true,
                b',' if !quoted => {
                    self.rest = Some(&text[..i]);
                    return Some(trim(&text[i + 1..]));
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(trim(text))
    }
}

/// Whether an odd number of backslashes stands before the octet.
fn is_escaped(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|octet| **octet == b'\\').count() % 2 == 1
}

/// Reads `forwarded-element` (RFC 7239 §4).
fn parse_element(element: &[u8]) -> Option<Hop> {
    let (mut node, mut scheme) = (None, None);
    for pair in list::parameters(element).filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|octet| *octet == b'=')?;
        let (name, value) = (&pair[..equals], parse_value(&pair[equals + 1..])?);
        if !is_token(name) {
            return None;
        }
        // Each parameter at most once, the ones that are not read included.
        if name.eq_ignore_ascii_case(b"for") {
            let first = node.replace(parse_node(&value)?).is_none();
            first.then_some(())?;
        } else if name.eq_ignore_ascii_case(b"proto") {
            let first = scheme.replace(Scheme::parse(&value)?).is_none();
            first.then_some(())?;
        }
    }
    Some(Hop { node: node.unwrap_or(Node::Veiled), scheme })
}

/// Reads a token or a quoted string. Colons and brackets are let through without quotes, since many
/// proxies forget them around ports and IPv6 addresses.
fn parse_value(text: &[u8]) -> Option<Vec<u8>> {
    let Some(rest) = text.strip_prefix(b"\"") else {
        let is_fine = |octet: &u8| is_token_octet(*octet) || matches!(octet, b':' | b'[' | b']');
        return (!text.is_empty() && text.iter().all(is_fine)).then(|| text.to_vec());
    };
    let mut value = Vec::with_capacity(rest.len());
    let mut octets = rest.iter().copied();
    loop {
        match octets.next()? {
            b'"' => return octets.next().is_none().then_some(value),
            b'\\' => value.push(octets.next()?),
            octet => value.push(octet),
        }
    }
}

/// Reads `node` (RFC 7239 §6), and an IPv6 address without brackets, as `X-Forwarded-For` has it.
fn parse_node(text: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Node::Address(address.to_canonical()));
    }
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address: std::net::Ipv6Addr = address.parse().ok()?;
            (
                Node::Address(IpAddr::from(address).to_canonical()),
                port.strip_prefix(':').or(port.is_empty().then_some("0")),
            )
        }
        None => {
            let (name, port) = text.split_once(':').unwrap_or((text, "0"));
            let is_veiled = name.eq_ignore_ascii_case("unknown") || is_obfuscated(name);
            let address =
                || name.parse::<std::net::Ipv4Addr>().ok().map(|v4| Node::Address(v4.into()));
            (if is_veiled { Node::Veiled } else { address()? }, Some(port))
        }
    };
    let port = port?;
    let is_port =
        !port.is_empty() && port.len() <= 5 && port.bytes().all(|octet| octet.is_ascii_digit());
    (is_port || is_obfuscated(port)).then_some(name)
}

/// A name that a proxy made up: `_` and more (RFC 7239 §6.3).
fn is_obfuscated(text: &str) -> bool {
    let is_fine = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-');
    text.strip_prefix('_').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_fine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wherefore_message::FieldLines;

    fn proxies(dialect: Dialect) -> Proxies {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap());
        Proxies { trusted: trusted.into_iter().collect(), dialect }
    }

    fn ask(dialect: Dialect, peer: &str, lines: &[(&str, &str)]) -> Result<Client, ForwardedFault> {
        let lines: FieldLines = lines.iter().copied().collect();
        proxies(dialect).client(peer.parse().unwrap(), Http, lines.view())
    }

    fn known(address: &str, scheme: Scheme) -> Result<Client, ForwardedFault> {
        let address = address.parse().unwrap();
        Ok(Client { address: Some(address), nearest: address, scheme })
    }

    fn veiled(nearest: &str, scheme: Scheme) -> Result<Client, ForwardedFault> {
        Ok(Client { address: None, nearest: nearest.parse().unwrap(), scheme })
    }

    use Scheme::{Http, Https};

    #[test]
    fn nothing_is_believed_from_just_anybody() {
        let lines = [("Forwarded", "for=192.0.2.1;proto=https"), ("X-Forwarded-For", "192.0.2.2")];
        for dialect in [Dialect::Forwarded, Dialect::XForwarded, Dialect::Either] {
            assert_eq!(ask(dialect, "203.0.113.9", &lines), known("203.0.113.9", Http));
            assert_eq!(ask(dialect, "::ffff:203.0.113.9", &lines), known("203.0.113.9", Http));
            assert_eq!(ask(dialect, "10.0.0.1", &[]), known("10.0.0.1", Http));
        }
    }

    #[test]
    fn forwarded_is_read_from_the_right() {
        for (value, client) in [
            ("for=192.0.2.43", known("192.0.2.43", Http)),
            ("For=\"192.0.2.43:47011\";PROTO=https;by=203.0.113.43", known("192.0.2.43", Https)),
            ("for=\"[2001:db9:cafe::17]:4711\"", known("2001:db9:cafe::17", Http)),
            ("for=[2001:db9:cafe::17]:4711", known("2001:db9:cafe::17", Http)),
            ("for=\"[::ffff:192.0.2.43]\"", known("192.0.2.43", Http)),
            ("for=\"\\192.0.2.43\"", known("192.0.2.43", Http)),
            // Two trusted hops; what stands left of the client is its own invention.
            ("for=1.1.1.1, for=192.0.2.43;proto=https, for=10.0.0.2", known("192.0.2.43", Https)),
            ("for=1.1.1.1;proto=https, for=192.0.2.43, for=10.0.0.2", known("192.0.2.43", Http)),
            // Nobody but proxies: the one at the far end asked itself.
            ("for=10.0.0.3, for=\"[2001:db8::1]\"", known("10.0.0.3", Http)),
            ("for=unknown;proto=https", veiled("10.0.0.1", Https)),
            ("for=_hidden, for=10.0.0.2", veiled("10.0.0.2", Http)),
            ("for=\"_hidden:_port\"", veiled("10.0.0.1", Http)),
            ("proto=https", veiled("10.0.0.1", Https)),
            ("for=192.0.2.43;;secret=\"a;b,c\"", known("192.0.2.43", Http)),
            (", for=192.0.2.43 ,", known("192.0.2.43", Http)),
        ] {
            assert_eq!(
                ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", value)]),
                client,
                "{value}"
            );
        }
        let lines = [("Forwarded", "for=192.0.2.43"), ("Forwarded", "for=10.0.0.2")];
        assert_eq!(ask(Dialect::Forwarded, "10.0.0.1", &lines), known("192.0.2.43", Http));
    }

    #[test]
    fn an_open_quote_swallows_nothing() {
        for left in ["for=\"evil", "\"", "for=\"a\\", "\\\"", "for=\"10.0.0.9\"\"", "for=\""] {
            let value = format!("{left}, for=\"[2001:db9::1]:80\";proto=https");
            let client = ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", &value)]);
            assert_eq!(client, known("2001:db9::1", Https), "{value}");
        }
    }

    #[test]
    fn what_a_trusted_proxy_wrote_badly_is_a_fault() {
        for value in [
            "for=192.0.2.256",
            "for=",
            "for",
            "=192.0.2.1",
            "for=\"192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;proto=gopher",
            "for=\"192.0.2.1:999999\"",
            "for=\"192.0.2.1:\"",
            "for=[::1",
            "for=_",
            "for=\"_a b\"",
            "for = 192.0.2.1",
            "for=\"192.0.2.1\"x",
            "for=\"[192.0.2.1]\"",
            "for=192.0.2.1;a b=c",
        ] {
            let fault = Err(ForwardedFault::Malformed(FieldName::Forwarded));
            assert_eq!(
                ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", value)]),
                fault,
                "{value}"
            );
        }
        let badly = [("X-Forwarded-For", "192.0.2.1, evil, 10.0.0.2")];
        let fault = Err(ForwardedFault::Malformed(FieldName::XForwardedFor));
        assert_eq!(ask(Dialect::XForwarded, "10.0.0.1", &badly), fault);
        let badly = [("X-Forwarded-Proto", "ftp")];
        let fault = Err(ForwardedFault::Malformed(FieldName::XForwardedProto));
        assert_eq!(ask(Dialect::XForwarded, "10.0.0.1", &badly), fault);
    }

    #[test]
    fn the_older_fields() {
        let ask = |lines: &[(&str, &str)]| ask(Dialect::XForwarded, "10.0.0.1", lines);
        let (from, by) = ("X-Forwarded-For", "X-Forwarded-Proto");
        assert_eq!(ask(&[(from, "1.1.1.1, 192.0.2.43, 10.0.0.2")]), known("192.0.2.43", Http));
        assert_eq!(ask(&[(from, "192.0.2.43:1234"), (by, "https")]), known("192.0.2.43", Https));
        assert_eq!(ask(&[(from, "evil, 2001:db9::1"), (by, "wss")]), known("2001:db9::1", Https));
        assert_eq!(
            ask(&[(from, "[2001:db9::1]:80"), (from, "10.0.0.2")]),
            known("2001:db9::1", Http)
        );
        assert_eq!(ask(&[(from, "unknown"), (by, "https")]), veiled("10.0.0.1", Https));
        // A scheme each, or the nearest for all.
        let both = (from, "192.0.2.43, 10.0.0.2");
        assert_eq!(ask(&[both, (by, "https, http")]), known("192.0.2.43", Https));
        assert_eq!(ask(&[both, (by, "http, http, https")]), known("192.0.2.43", Https));
        assert_eq!(ask(&[(by, "https")]), known("10.0.0.1", Https));
        assert_eq!(ask(&[("Forwarded", "for=192.0.2.1")]), known("10.0.0.1", Http));
    }

    #[test]
    fn both_at_once_must_agree() {
        let ask = |dialect, forwarded, older, scheme| {
            let lines = [
                ("Forwarded", forwarded),
                ("X-Forwarded-For", older),
                ("X-Forwarded-Proto", scheme),
            ];
            ask(dialect, "10.0.0.1", &lines)
        };
        let either = Dialect::Either;
        let (one, other) = ("for=192.0.2.1", "192.0.2.2");
        assert_eq!(ask(either, one, "192.0.2.1", "https"), known("192.0.2.1", Https));
        assert_eq!(ask(either, one, other, "http"), Err(ForwardedFault::Conflict));
        assert_eq!(ask(either, "for=unknown", other, "http"), Err(ForwardedFault::Conflict));
        let (plain, tls) = ("for=192.0.2.1;proto=http", "https");
        assert_eq!(ask(either, plain, "192.0.2.1", tls), Err(ForwardedFault::Conflict));
        assert_eq!(ask(Dialect::Forwarded, one, other, tls), known("192.0.2.1", Http));
        assert_eq!(ask(Dialect::XForwarded, one, other, tls), known("192.0.2.2", Https));
        let older: FieldLines = [("X-Forwarded-For", "192.0.2.2")].into_iter().collect();
        let client = proxies(either).client([10, 0, 0, 1].into(), Http, older.view());
        assert_eq!(client, known("192.0.2.2", Http));
    }

    #[test]
    fn the_way_is_bounded() {
        let hops = |count: usize| vec!["for=10.0.0.2"; count].join(",");
        let ask = |value: &str| ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", value)]);
        assert_eq!(ask(&hops(HOPS_MAX)), known("10.0.0.2", Http));
        assert_eq!(ask(&hops(HOPS_MAX + 1)), Err(ForwardedFault::TooManyHops));
    }

    fn element() -> impl Strategy<Value = String> {
        prop_oneof![
            "for=10\\.0\\.0\\.[0-9]",
            "for=\"\\[2001:db8::[0-9a-f]{1,4}\\]:[0-9]{1,3}\";proto=https?",
            "by=_[a-z]{1,3};for=192\\.0\\.2\\.[0-9]",
            "for=unknown;x=\"(a|,|;|\\\\\"|\\\\\\\\){0,5}\"",
        ]
    }

    proptest! {
        #[test]
        fn from_the_right_it_is_the_same_list(elements in prop::collection::vec(element(), 0..6)) {
            let line = elements.join(" , ");
            let mut back: Vec<_> = ElementsBack { rest: Some(line.as_bytes()) }.filter(|e| !e.is_empty()).collect();
            back.reverse();
            prop_assert!(back.into_iter().eq(list::members([line.as_bytes()].into_iter())));
        }

        #[test]
        fn splitting_over_lines_changes_nothing(
            elements in prop::collection::vec(element(), 1..6), cut in any::<prop::sample::Index>(),
        ) {
            let (left, right) = elements.split_at(cut.index(elements.len()));
            let (whole, left, right) = (elements.join(", "), left.join(", "), right.join(","));
            let one = ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", &whole)]);
            prop_assert_eq!(one, ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", &left), ("Forwarded", &right)]));
        }

        #[test]
        fn what_a_client_sends_changes_nothing(evil in "[ -~]{0,40}") {
            let value = format!("{evil}, for=192.0.2.43;proto=https");
            let client = ask(Dialect::Forwarded, "10.0.0.1", &[("Forwarded", &value)]);
            prop_assert_eq!(client, known("192.0.2.43", Https));
            let value = format!("{evil}, 192.0.2.43");
            let client = ask(Dialect::XForwarded, "10.0.0.1", &[("X-Forwarded-For", &value)]);
            prop_assert_eq!(client, known("192.0.2.43", Http));
        }

        #[test]
        fn nothing_makes_it_panic(one in ".{0,40}", other in "[for=\"\\\\\\[\\]:_.;, 0-9]{0,40}") {
            for value in [&one, &other] {
                let lines = [("Forwarded", &**value), ("X-Forwarded-For", value), ("X-Forwarded-Proto", value)];
                if let Ok(client) = ask(Dialect::Either, "10.0.0.1", &lines) {
                    prop_assert!(client.address.is_none_or(|address| address == client.nearest));
                }
            }
        }
    }
}
