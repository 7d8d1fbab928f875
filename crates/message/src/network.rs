//! Networks of addresses, as operators write them (`10.0.0.0/8`, `2001:db8::/32`), and the look-up of an
//! address in many of them.
//!
//! An IPv4 address that is written as an IPv6 one (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is the IPv4
//! address everywhere here: a socket for both families gives it in that form.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// Appends an address as text, one of IPv4 that came as IPv6 as what it is. It is what each forwarded request says, so
/// no formatter stands between.
pub fn write_address(address: IpAddr, out: &mut Vec<u8>) {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            for (i, octet) in address.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                let (hundreds, tens) = (octet / 100, octet / 10 % 10);
                if hundreds > 0 {
                    out.push(b'0' + hundreds);
                }
                if hundreds > 0 || tens > 0 {
                    out.push(b'0' + tens);
                }
                out.push(b'0' + octet % 10);
            }
        }
        IpAddr::V6(address) => out.extend_from_slice(address.to_string().as_bytes()),
    }
}

/// The addresses that share their first bits: CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// The network of the addresses that share the first `prefix_bits` bits with `address`.
    ///
    /// # Errors
    ///
    /// If there are not so many bits, or if one behind them is set: whoever writes `10.0.0.1/8` may
    /// have meant one address or sixteen millions.
    pub fn new(address: IpAddr, prefix_bits: u8) -> Result<Self, NetworkError> {
        let bits = bits_of(address);
        if prefix_bits > bits {
            return Err(NetworkError::PrefixTooLong { bits_max: bits });
        }
        let first = masked(address, prefix_bits);
        if first != address {
            return Err(NetworkError::HostBits { meant: Self { first, prefix_bits } });
        }
        Ok(Self { first, prefix_bits }.canonical())
    }

    /// The network of one address alone.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let first = address.to_canonical();
        Self { first, prefix_bits: bits_of(first) }
    }

    /// The first address.
    #[must_use]
    pub const fn first(self) -> IpAddr {
        self.first
    }

    /// The last address.
    #[must_use]
    pub fn last(self) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => {
                let host = u32::MAX.checked_shr(self.prefix_bits.into()).unwrap_or(0);
                Ipv4Addr::from_bits(first.to_bits() | host).into()
            }
            IpAddr::V6(first) => {
                let host = u128::MAX.checked_shr(self.prefix_bits.into()).unwrap_or(0);
                Ipv6Addr::from_bits(first.to_bits() | host).into()
            }
        }
    }

    /// How many bits all its addresses share.
    #[must_use]
    pub const fn prefix_bits(self) -> u8 {
        self.prefix_bits
    }

    /// Whether the address is one of this network's.
    #[must_use]
    pub fn has(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        // Between addresses of two families the order says nothing, and IPv4 comes first.
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last()
    }

    /// A network within `::ffff:0:0/96` is one of IPv4.
    fn canonical(self) -> Self {
        match self.first.to_canonical() {
            first if self.prefix_bits >= 96 && first != self.first => {
                Self { first, prefix_bits: self.prefix_bits - 96 }
            }
            _ => self,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `address/prefix`, or an address alone.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse().map_err(|_| NetworkError::Address)?;
        let Some(prefix) = prefix else { return Ok(Self::of(address)) };
        let is_number = !prefix.is_empty() && prefix.bytes().all(|octet| octet.is_ascii_digit());
        if !is_number || (prefix.len() > 1 && prefix.starts_with('0')) {
            return Err(NetworkError::Prefix);
        }
        // So many digits that they fit no octet are more than any address has bits.
        Self::new(address, prefix.parse().unwrap_or(u8::MAX))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// What stands before the slash is no address.
    Address,
    /// What stands behind the slash is no number.
    Prefix,
    /// The prefix is longer than the address.
    PrefixTooLong {
        /// How many bits the address has.
        bits_max: u8,
    },
    /// Bits behind the prefix are set.
    HostBits {
        /// The network without those bits.
        meant: Network,
    },
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("the address is neither IPv4 nor IPv6"),
            Self::Prefix => f.write_str("the length of the prefix is not a number"),
            Self::PrefixTooLong { bits_max } => {
                write!(f, "the prefix is longer than the {bits_max} bits of the address")
            }
            Self::HostBits { meant } => write!(
                f,
                "bits are set behind the prefix: the network is {meant}, the address alone has no prefix"
            ),
        }
    }
}

impl core::error::Error for NetworkError {}

/// A set of networks: merged into ranges when it is made, so that looking an address up takes as many
/// steps as their number has bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Box<[(Ipv4Addr, Ipv4Addr)]>,
    v6: Box<[(Ipv6Addr, Ipv6Addr)]>,
}

impl Networks {
    /// Whether an address is in any of the networks.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => is_in(&self.v4, address),
            IpAddr::V6(address) => is_in(&self.v6, address),
        }
    }

    /// Whether no address is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match (network.first(), network.last()) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first, last)),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first, last)),
                // Both ends are made of one address.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        let after_v4 =
            |address: Ipv4Addr| address.to_bits().checked_add(1).map(Ipv4Addr::from_bits);
        let after_v6 =
            |address: Ipv6Addr| address.to_bits().checked_add(1).map(Ipv6Addr::from_bits);
        Self { v4: merged(v4, after_v4), v6: merged(v6, after_v6) }
    }
}

/// The bits of an IPv6 address by which its client is counted.
const CLIENT_PREFIX_BITS: u8 = 64;

/// What a client is counted by: its address, of IPv6 the first 64 bits alone. A household or a machine
/// is given at least so large a network, and could take another address for each request (RFC 6177 §2).
#[must_use]
pub fn client_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        v6 @ IpAddr::V6(_) => masked(v6, CLIENT_PREFIX_BITS),
    }
}

const fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with the bits behind the prefix cleared.
fn masked(address: IpAddr, prefix_bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let host = u32::MAX.checked_shr(prefix_bits.into()).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & !host).into()
        }
        IpAddr::V6(address) => {
            let host = u128::MAX.checked_shr(prefix_bits.into()).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & !host).into()
        }
    }
}

/// The ranges in order, those that overlap or touch made one.
fn merged<A: Copy + Ord>(mut ranges: Vec<(A, A)>, after: impl Fn(A) -> Option<A>) -> Box<[(A, A)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(A, A)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            // Nothing stands behind the greatest address: what begins later touches it in any case.
            Some((_, end)) if after(*end).is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged.into_boxed_slice()
}

fn is_in<A: Copy + Ord>(ranges: &[(A, A)], address: A) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= address);
    ranges[..behind].last().is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_displayed() {
        for octet in 0..=255 {
            let addresses = [
                IpAddr::from([octet, 255 - octet, 10, 0]),
                IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(octet)]),
                IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, u16::from(octet)]),
            ];
            for address in addresses {
                let mut out = Vec::new();
                write_address(address, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), address.to_canonical().to_string());
            }
        }
    }

    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_read_and_written() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(network(text).to_string(), written, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| text.parse::<Network>().unwrap_err();
        for text in ["", "10.0.0/8", "010.0.0.0/8", "example.org", "10.0.0.0 /8", "fe80::1%eth0/64"]
        {
            assert_eq!(error(text), NetworkError::Address, "{text}");
        }
        for text in ["10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/255.0.0.0", "::/ 1"] {
            assert_eq!(error(text), NetworkError::Prefix, "{text}");
        }
        for (text, bits_max) in [("10.0.0.0/33", 32), ("::/129", 128), ("::/99999", 128)] {
            assert_eq!(error(text), NetworkError::PrefixTooLong { bits_max }, "{text}");
        }
        let meant = network("10.0.0.0/8");
        assert_eq!(error("10.0.0.1/8"), NetworkError::HostBits { meant });
        assert!(error("10.0.0.1/8").to_string().contains("the network is 10.0.0.0/8"));
        assert!(error("10.0.0.0/33").to_string().contains("32 bits"));
    }

    #[test]
    fn addresses_in_and_out() {
        let all: Networks =
            ["10.0.0.0/8", "11.0.0.0/8", "192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32", "::1"]
                .map(network)
                .into_iter()
                .collect();
        assert_eq!((all.v4.len(), all.v6.len()), (2, 2));
        for inside in ["10.0.0.0", "11.255.255.255", "192.0.2.128", "2001:db8::", "::1"] {
            assert!(all.has(address(inside)), "{inside}");
        }
        for outside in ["9.255.255.255", "12.0.0.0", "192.0.3.0", "::", "::2", "2001:db9::"] {
            assert!(!all.has(address(outside)), "{outside}");
        }
        assert!(all.has(address("::ffff:10.1.2.3")));
        assert!(!Networks::default().has(address("::1")) && Networks::default().is_empty());
    }

    #[test]
    fn the_families_are_apart() {
        let v6: Networks = [network("::/0")].into_iter().collect();
        assert!(v6.has(address("::1")) && !v6.has(address("::ffff:10.0.0.1")));
        assert!(!v6.has(address("10.0.0.1")) && !network("::/0").has(address("10.0.0.1")));
        let v4: Networks = [network("0.0.0.0/0"), network("255.0.0.0/8")].into_iter().collect();
        assert_eq!(v4.v4.len(), 1);
        assert!(v4.has(address("255.255.255.255")) && !v4.has(address("::1")));
    }

    #[test]
    fn clients_are_counted_by_network() {
        let key = |text: &str| client_key(address(text)).to_string();
        assert_eq!(key("192.0.2.7"), "192.0.2.7");
        assert_eq!(key("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    #[test]
    fn a_hundred_thousand_networks() {
        let every_other = (0..100_000_u32).map(|i| {
            let first = Ipv4Addr::from_bits(i << 9);
            Network::new(first.into(), 24).unwrap()
        });
        let all: Networks = every_other.collect();
        assert_eq!(all.v4.len(), 100_000);
        assert!(all.has(Ipv4Addr::from_bits((99_999 << 9) + 255).into()));
        assert!(!all.has(Ipv4Addr::from_bits((99_999 << 9) + 256).into()));
    }

    /// Networks in a corner of the address space, so that they overlap and touch.
    fn any_network() -> impl Strategy<Value = Network> {
        let v4 = (0..64_u32, 26..=32_u8)
            .prop_map(|(bits, prefix)| (Ipv4Addr::from(bits).into(), prefix));
        let v6 = (0..64_u128, 122..=128_u8)
            .prop_map(|(bits, prefix)| (Ipv6Addr::from(bits).into(), prefix));
        prop_oneof![v4, v6]
            .prop_map(|(address, prefix)| Network::new(masked(address, prefix), prefix).unwrap())
    }

    proptest! {
        #[test]
        fn a_set_has_what_any_of_its_networks_has(
            networks in prop::collection::vec(any_network(), 0..12), bits in 0..80_u32,
        ) {
            let all: Networks = networks.iter().copied().collect();
            let addresses: [IpAddr; 2] = [Ipv4Addr::from(bits).into(), Ipv6Addr::from(u128::from(bits)).into()];
            for address in addresses {
                prop_assert_eq!(all.has(address), networks.iter().any(|network| network.has(address)));
            }
            let apart = |ranges: &[(Ipv4Addr, Ipv4Addr)]| {
                ranges.windows(2).all(|two| two[0].1.to_bits() + 1 < two[1].0.to_bits())
            };
            prop_assert!(apart(&all.v4));
        }

        #[test]
        fn what_is_written_is_read(bits in any::<u128>(), prefix in 0..=128_u8) {
            let one = Network::new(masked(Ipv6Addr::from(bits).into(), prefix), prefix).unwrap();
            prop_assert_eq!(one.to_string().parse(), Ok(one));
            prop_assert!(one.has(one.first()) && one.has(one.last()));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-f:./]{0,40}|.{0,20}") {
            if let Ok(one) = text.parse::<Network>() {
                prop_assert_eq!(one.to_string().parse(), Ok(one));
            }
        }
    }
}
