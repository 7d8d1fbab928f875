//! The PROXY protocol, versions 1 and 2: what a load balancer says of a connection before the first octet
//! of the client's.
//!
//! Whether a connection begins with such a header is settled by configuration and by who the peer is,
//! never by looking: anybody can send one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1, its CR LF included.
pub const V1_BYTES_MAX: usize = 107;

/// The longest header of version 2 that is taken. It could announce 64 KiB more than its first 16 octets;
/// addresses take 216 at most, and what else load balancers say of a connection a few hundred.
pub const V2_BYTES_MAX: usize = 4096;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many octets it took; what follows is the client's.
    pub used: usize,
    /// The ends of the connection that the load balancer took. None if it opened this one for itself,
    /// to see whether we live, or doesn't know or say: then the ends are those of the socket.
    pub ends: Option<Ends>,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's.
    pub source: SocketAddr,
    /// The one that the client connected to.
    pub destination: SocketAddr,
}

/// Why what a connection begins with is no header. Such a connection is closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// It begins in another way.
    Absent,
    /// The line of version 1 is longer than [`V1_BYTES_MAX`].
    LineTooLong,
    /// The line of version 1 is not of its grammar.
    Line,
    /// A version that is neither 1 nor 2.
    Version,
    /// Version 2 has no such command.
    Command,
    /// Version 2 has no such family of addresses or protocol.
    Family,
    /// The header of version 2 announces more than [`V2_BYTES_MAX`].
    HeaderTooLong,
    /// The header of version 2 announces less than its addresses take.
    HeaderTooShort,
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the connection does not begin with a PROXY header",
            Self::LineTooLong => "the PROXY line does not end within 107 octets",
            Self::Line => "the PROXY line is malformed",
            Self::Version => "the PROXY header is of an unknown version",
            Self::Command => "the PROXY header has an unknown command",
            Self::Family => "the PROXY header has an unknown family or protocol",
            Self::HeaderTooLong => "the PROXY header is too long",
            Self::HeaderTooShort => "the PROXY header is too short for its addresses",
        })
    }
}

impl std::error::Error for ProxyFault {}

/// Reads a header from the first octets of a connection; none if more are needed. However the octets
/// arrive, the answer in the end is the same.
///
/// # Errors
///
/// If the connection does not begin with a header that can be read.
pub fn parse(octets: &[u8]) -> Result<Option<Header>, ProxyFault> {
    if begins(octets, SIGNATURE) {
        return parse_v2(octets);
    }
    if begins(octets, PREFIX) {
        return parse_v1(octets);
    }
    Err(ProxyFault::Absent)
}

const PREFIX: &[u8] = b"PROXY ";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Whether the octets are, as far as they go, those of `start`.
fn begins(octets: &[u8], start: &[u8]) -> bool {
    octets.iter().zip(start).all(|(octet, of_start)| octet == of_start)
}

fn parse_v1(octets: &[u8]) -> Result<Option<Header>, ProxyFault> {
    let within = &octets[..octets.len().min(V1_BYTES_MAX)];
    let Some(end) = within.windows(2).position(|two| two == b"\r\n") else {
        return if octets.len() < V1_BYTES_MAX { Ok(None) } else { Err(ProxyFault::LineTooLong) };
    };
    let words = within.get(PREFIX.len()..end).ok_or(ProxyFault::Line)?;
    let ends = parse_words(words).ok_or(ProxyFault::Line)?;
    Ok(Some(Header { used: end + 2, ends }))
}

fn parse_words(words: &[u8]) -> Option<Option<Ends>> {
    // What follows the word is to be passed over, whatever it is.
    if words == b"UNKNOWN" || words.starts_with(b"UNKNOWN ") {
        return Some(None);
    }
    let mut words = std::str::from_utf8(words).ok()?.split(' ');
    let family = words.next()?;
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::from),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::from),
            _ => None,
        }
    };
    let (source, destination) = (address()?, address()?);
    let mut port = || words.next().and_then(parse_port);
    let (source_port, destination_port) = (port()?, port()?);
    words.next().is_none().then_some(())?;
    Some(Some(Ends {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    }))
}

fn parse_port(word: &str) -> Option<u16> {
    let is_plain =
        word.bytes().all(|octet| octet.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    if is_plain { word.parse().ok() } else { None }
}

fn parse_v2(octets: &[u8]) -> Result<Option<Header>, ProxyFault> {
    let Some((start, rest)) = octets.split_first_chunk::<16>() else { return Ok(None) };
    let [.., version_command, family_protocol, high, low] = *start;
    if version_command >> 4 != 2 {
        return Err(ProxyFault::Version);
    }
    let is_local = match version_command & 0xf {
        0 => true,
        1 => false,
        _ => return Err(ProxyFault::Command),
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let used = start.len() + length;
    if used > V2_BYTES_MAX {
        return Err(ProxyFault::HeaderTooLong);
    }
    // For itself a load balancer may put anything here.
    let family = if is_local { Family::Unspecified } else { Family::parse(family_protocol)? };
    if length < family.address_bytes() {
        return Err(ProxyFault::HeaderTooShort);
    }
    // What stands behind the addresses says nothing that is asked for here.
    let Some(block) = rest.get(..length) else { return Ok(None) };
    Ok(Some(Header { used, ends: family.ends(block) }))
}

#[derive(Clone, Copy)]
enum Family {
    Unspecified,
    V4,
    V6,
    Unix,
}

impl Family {
    fn parse(octet: u8) -> Result<Self, ProxyFault> {
        match (octet >> 4, octet & 0xf) {
            (0, 0..=2) | (1..=3, 0) => Ok(Self::Unspecified),
            (1, 1 | 2) => Ok(Self::V4),
            (2, 1 | 2) => Ok(Self::V6),
            (3, 1 | 2) => Ok(Self::Unix),
            _ => Err(ProxyFault::Family),
        }
    }

    const fn address_bytes(self) -> usize {
        match self {
            Self::Unspecified => 0,
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Unix => 216,
        }
    }

    /// The ends, whose addresses stand before their ports.
    fn ends(self, block: &[u8]) -> Option<Ends> {
        let (source, destination, ports): (IpAddr, IpAddr, _) = match self {
            Self::Unspecified | Self::Unix => return None,
            Self::V4 => {
                let (source, rest) = block.split_first_chunk::<4>()?;
                let (destination, ports) = rest.split_first_chunk::<4>()?;
                ((*source).into(), (*destination).into(), ports)
            }
            Self::V6 => {
                let (source, rest) = block.split_first_chunk::<16>()?;
                let (destination, ports) = rest.split_first_chunk::<16>()?;
                ((*source).into(), (*destination).into(), ports)
            }
        };
        let (source_port, rest) = ports.split_first_chunk()?;
        let (destination_port, _) = rest.split_first_chunk()?;
        Some(Ends {
            source: SocketAddr::new(source, u16::from_be_bytes(*source_port)),
            destination: SocketAddr::new(destination, u16::from_be_bytes(*destination_port)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends(source: &str, destination: &str) -> Option<Ends> {
        Some(Ends { source: source.parse().unwrap(), destination: destination.parse().unwrap() })
    }

    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
        header.extend(block);
        header
    }

    #[test]
    fn lines_of_version_1() {
        for (line, expected) in [
            (
                "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n",
                ends("192.0.2.1:56324", "10.0.0.1:443"),
            ),
            ("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", ends("[2001:db8::1]:0", "[::1]:65535")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff:f...f:ffff 65535 anything\r\n", None),
        ] {
            let octets = format!("{line}GET / HTTP/1.1\r\n");
            let header = Header { used: line.len(), ends: expected };
            assert_eq!(parse(octets.as_bytes()), Ok(Some(header)), "{line}");
            assert_eq!(parse(&line.as_bytes()[..line.len() - 1]), Ok(None), "{line}");
        }
        let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(V1_BYTES_MAX - 16));
        assert_eq!(parse(longest.as_bytes()), Ok(Some(Header { used: V1_BYTES_MAX, ends: None })));
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY UNKNOWNX\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
            "PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
            "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n\r\n",
            "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n",
            "PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(ProxyFault::Line), "{line:?}");
        }
        let endless = format!("PROXY UNKNOWN {}", "f".repeat(V1_BYTES_MAX - 15));
        assert_eq!(parse(endless.as_bytes()), Ok(None));
        assert_eq!(parse(format!("{endless}f\r\n").as_bytes()), Err(ProxyFault::LineTooLong));
        for other in ["GET / HTTP/1.1\r\n", "PROXX", "\r\n\r\nX", "PROXY\t", "proxy "] {
            assert_eq!(parse(other.as_bytes()), Err(ProxyFault::Absent), "{other:?}");
        }
        assert_eq!(parse(b""), Ok(None));
    }

    #[test]
    fn headers_of_version_2() {
        let v4 = [192, 0, 2, 1, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
        let expected = ends("192.0.2.1:56324", "10.0.0.1:443");
        for family in [0x11, 0x12] {
            let header = v2(0x21, family, &v4);
            assert_eq!(parse(&header), Ok(Some(Header { used: 28, ends: expected })));
        }
        // A load balancer's further words are part of the header.
        let more = [&v4[..], &[0x04, 0, 2, 0, 0]].concat();
        assert_eq!(parse(&v2(0x21, 0x11, &more)), Ok(Some(Header { used: 33, ends: expected })));

        let mut v6 = [0; 36];
        (v6[15], v6[31], v6[33], v6[35]) = (1, 2, 80, 81);
        let expected = ends("[::1]:80", "[::2]:81");
        assert_eq!(parse(&v2(0x21, 0x21, &v6)), Ok(Some(Header { used: 52, ends: expected })));

        for (command, family, block) in [
            (0x20, 0x00, &[][..]),
            (0x20, 0x11, &v4[..]),
            (0x20, 0xff, &[1, 2, 3]),
            (0x21, 0x00, &[]),
            (0x21, 0x10, &[]),
            (0x21, 0x01, &[]),
            (0x21, 0x31, &[b'/'; 216]),
        ] {
            let header = Header { used: 16 + block.len(), ends: None };
            assert_eq!(
                parse(&v2(command, family, block)),
                Ok(Some(header)),
                "{command:x} {family:x}"
            );
        }
    }

    #[test]
    fn headers_that_are_none() {
        for (command, family, block, fault) in [
            (0x11, 0x11, &[0; 12][..], ProxyFault::Version),
            (0x31, 0x11, &[0; 12], ProxyFault::Version),
            (0x22, 0x11, &[0; 12], ProxyFault::Command),
            (0x21, 0x41, &[0; 12], ProxyFault::Family),
            (0x21, 0x13, &[0; 12], ProxyFault::Family),
            (0x21, 0x11, &[0; 11], ProxyFault::HeaderTooShort),
            (0x21, 0x21, &[0; 35], ProxyFault::HeaderTooShort),
            (0x21, 0x32, &[0; 215], ProxyFault::HeaderTooShort),
            (0x20, 0x00, &[0; V2_BYTES_MAX - 15], ProxyFault::HeaderTooLong),
        ] {
            let header = v2(command, family, block);
            assert_eq!(parse(&header), Err(fault), "{command:x} {family:x}");
            // It is refused as soon as it can be, before what it announces has come.
            assert_eq!(parse(&header[..16]), Err(fault));
        }
        let longest = v2(0x20, 0, &[0; V2_BYTES_MAX - 16]);
        assert_eq!(parse(&longest), Ok(Some(Header { used: V2_BYTES_MAX, ends: None })));
    }

    fn any_octets() -> impl Strategy<Value = Vec<u8>> {
        let line = "PROXY (TCP4|TCP6|UNKNOWN|X)?[ 0-9a-f.:]{0,120}(\r\n|\n|\r)?[A-Z\r\n]{0,20}";
        let good = "PROXY TCP4 [0-9]{1,3}\\.0\\.2\\.1 10\\.0\\.0\\.[0-9]{1,2} [0-9]{1,5} [0-9]{1,3}\r\nGET /";
        let binary = (
            prop_oneof![Just(0x20_u8), Just(0x21), any::<u8>()],
            prop_oneof![Just(0x11_u8), Just(0x21), Just(0x31), any::<u8>()],
            prop_oneof![0..60_u16, any::<u16>()],
            prop::collection::vec(any::<u8>(), 0..80),
        );
        let binary = binary.prop_map(|(command, family, length, rest)| {
            [SIGNATURE, &[command, family], &length.to_be_bytes(), &rest].concat()
        });
        let text = prop_oneof![line, good].prop_map(String::into_bytes);
        prop_oneof![text, binary, prop::collection::vec(any::<u8>(), 0..150)]
    }

    proptest! {
        #[test]
        fn any_cut_comes_to_the_same(octets in any_octets()) {
            let whole = parse(&octets);
            let used = whole.map_or(0, |header| header.map_or(0, |header| header.used));
            prop_assert!(used <= octets.len() && used <= V1_BYTES_MAX.max(V2_BYTES_MAX));
            for cut in 0..octets.len() {
                match parse(&octets[..cut]) {
                    Ok(None) => {}
                    early => prop_assert_eq!(early, whole, "cut at {}", cut),
                }
            }
        }

        #[test]
        fn no_more_is_waited_for_than_the_limits(octets in any_octets()) {
            let mut octets = octets;
            octets.resize(V2_BYTES_MAX, b'x');
            prop_assert_ne!(parse(&octets), Ok(None));
        }
    }
}
