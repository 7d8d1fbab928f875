//! The authority of a target: host and optional port (RFC 9110 §4.2, §7.2; RFC 3986 §3.2).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host with an optional port, as `Host` and a target name it; read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host as written; an IPv6 address without its brackets. Names compare without case.
    pub host: &'a [u8],
    /// What sort of host it is.
    pub kind: HostKind,
    /// The port, if one is written; an empty port is none.
    pub port: Option<u16>,
}

/// The three sorts of host (RFC 3986 §3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKind {
    /// A registered name.
    Name,
    /// An address, with or without brackets.
    Address(IpAddr),
}

impl<'a> Authority<'a> {
    /// Reads `host [":" port]`. Returns none for anything else: userinfo, bad octets, a bad port.
    /// An empty host is read (RFC 9112 §3.2 has an empty `Host` for targets without authority).
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(b"[") {
            let end = rest.iter().position(|octet| *octet == b']')?;
            let host = &rest[..end];
            let address: Ipv6Addr = core::str::from_utf8(host).ok()?.parse().ok()?;
            let port = parse_port(&rest[end + 1..])?;
            return Some(Self { host, kind: HostKind::Address(address.into()), port });
        }
        if let Some((address, end)) = leading_ipv4(text) {
            let (host, rest) = text.split_at(end);
            if matches!(rest, [] | [b':', ..]) {
                let port = parse_port(rest)?;
                return Some(Self { host, kind: HostKind::Address(address.into()), port });
            }
        }
        let (mut end, mut seen) = (0, 0);
        for octet in text {
            let sort = SORTS[*octet as usize];
            if sort == NO_NAME {
                break;
            }
            seen |= sort;
            end += 1;
        }
        let (host, rest) = text.split_at(end);
        let port = parse_port(rest)?;
        if seen & PERCENT != 0 && !percents_are_whole(host) {
            return None;
        }
        Some(Self { host, kind: HostKind::Name, port })
    }

    /// Whether the host is this name, without case and without one dot at the end.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        let host = self.host.strip_suffix(b".").unwrap_or(self.host);
        self.kind == HostKind::Name && host.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Written as `Host` has it: an IPv6 address in brackets, the port where one was said.
impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = String::from_utf8_lossy(self.host);
        match self.kind {
            HostKind::Address(IpAddr::V6(_)) => write!(f, "[{host}]")?,
            HostKind::Address(IpAddr::V4(_)) | HostKind::Name => f.write_str(&host)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

fn parse_port(text: &[u8]) -> Option<Option<u16>> {
    let Some(digits) = text.strip_prefix(b":") else {
        return text.is_empty().then_some(None);
    };
    if digits.is_empty() {
        return Some(None);
    }
    let mut port = 0_u32;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        port = port * 10 + u32::from(value);
        if value > 9 || port > u32::from(u16::MAX) {
            return None;
        }
    }
    Some(Some(port as u16))
}

/// Four numbers from 0 to 255 with dots between them (RFC 3986 §3.2.2), and how many octets they are.
fn leading_ipv4(text: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let (mut address, mut end) = (0, 0);
    for part in 0..4 {
        if part > 0 {
            end += text[end..].starts_with(b".").then_some(1)?;
        }
        let (number, digits) = leading_dec_octet(&text[end..])?;
        address = address << 8 | number;
        end += digits;
    }
    Some((Ipv4Addr::from_bits(address), end))
}

/// A number from 0 to 255 without zeros before it, and how many digits it has, three at most.
fn leading_dec_octet(text: &[u8]) -> Option<(u32, usize)> {
    let digit = |at: usize| {
        let digit = text.get(at)?.wrapping_sub(b'0');
        (digit <= 9).then_some(u32::from(digit))
    };
    let first = digit(0)?;
    let Some(second) = digit(1) else { return Some((first, 1)) };
    if first == 0 {
        return None;
    }
    let number = first * 10 + second;
    let Some(third) = digit(2) else { return Some((number, 2)) };
    let number = number * 10 + third;
    (number <= 255).then_some((number, 3))
}

/// The sorts of octet in a registered name (RFC 3986 §3.2.2): what begins an encoded octet, and `unreserved` and
/// `sub-delims`.
const PERCENT: u8 = 2;
const OTHER: u8 = 4;
const NO_NAME: u8 = 0;

const SORTS: [u8; 256] = {
    let mut table = [NO_NAME; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match octet as u8 {
            b'%' => PERCENT,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => OTHER,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => OTHER,
            _ => NO_NAME,
        };
        octet += 1;
    }
    table
};

fn percents_are_whole(host: &[u8]) -> bool {
    host.iter().enumerate().filter(|(_, octet)| **octet == b'%').all(|(i, _)| {
        host.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn addresses_are_those_of_the_standard_library(text in "[0-9]{0,4}([.][0-9]{1,3}){2,4}|[0-9.]{1,12}") {
            let address = text.parse().map(IpAddr::V4).map_or(HostKind::Name, HostKind::Address);
            prop_assert_eq!(Authority::parse(text.as_bytes()).unwrap().kind, address);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// Whatever it is made of, it reads as its parts do.
        #[test]
        fn parts_decide(
            host in "([0-9]{1,3}[.]){3}[0-9]{1,4}|[0-9.]{0,12}|[a-z0-9.%@/ ]{0,9}",
            port in "|:[0-9]{0,6}|:[0-9a:]{0,4}|[a-z /]",
        ) {
            let text = format!("{host}{port}");
            let (name, digits) = match text.split_once(':') {
                Some((name, digits)) => (name, Some(digits)),
                None => (text.as_str(), None),
            };
            let hex = |text: &[u8]| text.iter().take(2).filter(|o| o.is_ascii_hexdigit()).count() == 2;
            let octets = name.as_bytes();
            let is_host = octets.iter().enumerate().all(|(i, octet)| match octet {
                b'%' => hex(&octets[i + 1..]),
                b'@' | b'/' | b' ' => false,
                _ => true,
            });
            let number = digits.map(|digits| match digits {
                "" => Some(None),
                digits if digits.bytes().all(|o| o.is_ascii_digit()) => digits.parse().ok().map(Some),
                _ => None,
            });
            let expected = match number.unwrap_or(Some(None)) {
                Some(port) if is_host => {
                    let kind = name.parse().map_or(HostKind::Name, HostKind::Address);
                    Some(Authority { host: octets, kind, port })
                }
                Some(_) | None => None,
            };
            prop_assert_eq!(Authority::parse(text.as_bytes()), expected);
        }
    }

    #[test]
    fn hosts_and_ports() {
        let parse = |text: &'static str| Authority::parse(text.as_bytes());
        assert_eq!(parse("Example.org:80").unwrap().port, Some(80));
        assert!(parse("Example.org.").unwrap().is_named("example.ORG"));
        assert_eq!(parse("a:").unwrap().port, None);
        assert_eq!(parse("").unwrap().host, b"");
        assert_eq!(parse("[::1]:8080").unwrap().kind, HostKind::Address("::1".parse().unwrap()));
        assert_eq!(parse("127.0.0.1").unwrap().kind, HostKind::Address([127, 0, 0, 1].into()));
        for wrong in
            ["a:b", "a:99999", "u@h", "a b", "[::1", "[zz]", "a/b", "a%2", "[::1]x", "a:-1"]
        {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
