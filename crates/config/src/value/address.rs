//! Addresses to listen on, and networks.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use wherefore_message::network::{self, NetworkError};

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

/// A network of addresses; an address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(pub network::Network);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
        text.parse().map(Self).map_err(|error| {
            let slash = text.find('/').unwrap_or(text.len());
            let wrong = Wrong::new(format!("{} is no network", quoted(text)));
            match error {
                NetworkError::Address => wrong.at(0..slash),
                NetworkError::Prefix => wrong.at(slash..text.len()),
                NetworkError::PrefixTooLong { bits_max } => {
                    let right = format!("a prefix from 0 to {bits_max}");
                    wrong.right(right).at(slash..text.len())
                }
                NetworkError::HostBits { meant } => wrong
                    .right(format!("\"{meant}\" for all that begin alike, or the address alone")),
            }
        })
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
        let wrong = |text| Network::parse(text).unwrap_err();
        let right = |text| wrong(text).right.unwrap_or_default();
        assert!(right("10.1.2.3/8").starts_with("\"10.0.0.0/8\""));
        assert!(right("2001:db8::1/32").starts_with("\"2001:db8::/32\""));
        assert_eq!(right("10.0.0.0/33"), "a prefix from 0 to 32");
        assert_eq!(wrong("::/").part, Some(2..3));
        assert_eq!(wrong("10.0.0/8").part, Some(0..6));
    }
}
