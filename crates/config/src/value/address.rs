//! Addresses to listen on, and networks.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use super::{Text, Wrong};
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// An address and a port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenAddress(pub SocketAddr);

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Text for ListenAddress {
    const KIND: Kind = Kind {
        name: "an address with a port",
        example: "\"0.0.0.0:80\"",
        wrong: &["\"\"", "\"127.0.0.1\"", "\":80\"", "\"localhost:80\"", "\"1.2.3.4:65536\""],
        shape: Shape::Text("^.+:[0-9]+$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let wrong = Wrong::new(format!("{} is no address with a port", quoted(text)));
        let port = text.rsplit_once(':').map_or(text, |(_, port)| port);
        Err(match (text.parse::<IpAddr>(), port.parse::<u16>()) {
            (Ok(address), _) => {
                wrong.right(format!("a port behind it, as in \"{}\"", SocketAddr::new(address, 80)))
            }
            (_, Ok(port)) => wrong.right(format!(
                "an address before the port: \"127.0.0.1:{port}\" for this machine alone, \
                 \"[::]:{port}\" for all"
            )),
            _ => wrong,
        })
    }
}

/// A network by its first address and how many of its bits all addresses share; an address alone is a
/// network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// Its first address.
    pub first: IpAddr,
    /// How many bits all its addresses share.
    pub prefix_bits: u8,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

impl Text for Network {
    const KIND: Kind = Kind {
        name: "a network",
        example: "\"10.0.0.0/8\"",
        wrong: &["\"\"", "\"10.0.0.1/8\"", "\"10.0.0.0/33\"", "\"example.org\"", "\"10.0.0.0/+8\""],
        shape: Shape::Text("^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first = address.parse::<IpAddr>().map_err(|_| {
            Wrong::new(format!("{} is no address", quoted(address))).at(0..address.len())
        })?;
        let bits_max = if first.is_ipv4() { 32 } else { 128 };
        let is_number = |bits: &&str| bits.bytes().all(|octet| octet.is_ascii_digit());
        let prefix_bits = match bits {
            None => Some(bits_max),
            Some(bits) => Some(bits).filter(is_number).and_then(|bits| bits.parse::<u8>().ok()),
        };
        let prefix_bits = prefix_bits.filter(|bits| *bits <= bits_max).ok_or_else(|| {
            let wrong = Wrong::new(format!("{} is no length of a prefix", quoted(text)));
            wrong.right(format!("from 0 to {bits_max}")).at(address.len()..text.len())
        })?;
        let begin = first_of(first, prefix_bits);
        if begin != first {
            let wrong = Wrong::new(format!("{} does not begin a network", quoted(address)));
            return Err(wrong.right(format!("\"{begin}/{prefix_bits}\"")));
        }
        Ok(Self { first, prefix_bits })
    }
}

/// The first address of the network that this one lies in.
fn first_of(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let bits = u32::from(prefix_bits);
    match address {
        IpAddr::V4(address) => {
            let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
            IpAddr::V4((address.to_bits() & !rest).into())
        }
        IpAddr::V6(address) => {
            let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
            IpAddr::V6((address.to_bits() & !rest).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on() {
        for text in ["127.0.0.1:8080", "[::1]:80", "0.0.0.0:0"] {
            assert_eq!(ListenAddress::parse(text).unwrap().to_string(), text);
        }
        for (text, right) in [
            ("127.0.0.1", "a port behind it, as in \"127.0.0.1:80\""),
            ("::1", "a port behind it, as in \"[::1]:80\""),
            (":80", "an address before the port: \"127.0.0.1:80\" for this machine alone"),
            ("80", "an address before the port: \"127.0.0.1:80\" for this machine alone"),
            ("localhost:81", "an address before the port: \"127.0.0.1:81\" for this machine alone"),
        ] {
            let found = ListenAddress::parse(text).unwrap_err().right.unwrap();
            assert!(found.starts_with(right), "{text}: {found}");
        }
        assert!(ListenAddress::parse("1.2.3.4:65536").unwrap_err().right.is_none());
    }

    #[test]
    fn networks() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(Network::parse(text).unwrap().to_string(), written);
        }
        let right = |text| Network::parse(text).unwrap_err().right.unwrap_or_default();
        assert_eq!(right("10.1.2.3/8"), "\"10.0.0.0/8\"");
        assert_eq!(right("2001:db8::1/32"), "\"2001:db8::/32\"");
        assert_eq!(right("10.0.0.0/33"), "from 0 to 32");
        assert_eq!(right("::/"), "from 0 to 128");
        assert_eq!(right("10.0.0/8"), "");
    }
}
