//! The hosts that a site answers for.

use core::fmt;
use core::net::IpAddr;

use toml::de::DeValue;

use super::{Text, Wrong};
use crate::complaint::{Complaint, quoted};
use crate::kind::{Kind, Shape};
use crate::table::{Found, Reader, Value};

/// A host, or all hosts under a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This name, in small letters and without a dot at its end.
    Name(String),
    /// Every name that has one label more: `*.example.org` holds `www.example.org`, and neither
    /// `example.org` nor `a.b.example.org`.
    Under(String),
    /// This address.
    Address(IpAddr),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Under(name) => write!(f, "*.{name}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

/// For which hosts a site answers that no site has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultSite {
    /// For none.
    No,
    /// For all.
    Everyone,
    /// For addresses, `localhost` and names under it.
    Loopback,
}

impl Value for DefaultSite {
    const KIND: Kind = Kind {
        name: "true, false, or \"loopback\"",
        example: "true",
        wrong: &["\"\"", "\"everyone\""],
        shape: Shape::Either(&[<bool as Value>::KIND, LOOPBACK]),
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match found.value {
            DeValue::Boolean(false) => return Some(Self::No),
            DeValue::Boolean(true) => return Some(Self::Everyone),
            DeValue::String(text) if text == "loopback" => return Some(Self::Loopback),
            DeValue::String(text) => {
                let what = format!("{} is not known here", quoted(text));
                let right = "true for every host, \"loopback\" for addresses and localhost";
                reader.complain(Complaint::error(found.span, what).right(right));
            }
            _ => found.mismatch(&<Self as Value>::KIND, reader),
        }
        None
    }

    fn write(&self, out: &mut String) {
        out.push_str(match self {
            Self::No => "false",
            Self::Everyone => "true",
            Self::Loopback => "\"loopback\"",
        });
    }
}

const LOOPBACK: Kind = Kind {
    name: "\"loopback\"",
    example: "\"loopback\"",
    wrong: &[],
    shape: Shape::Word(&["loopback"]),
};

/// The longest name of a host, and the longest label of one (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

impl Text for HostPattern {
    const KIND: Kind = Kind {
        name: "a host",
        example: "\"www.example.org\"",
        wrong: &[
            "\"\"",
            "\"https://example.org\"",
            "\"example.org:80\"",
            "\"*.*.org\"",
            "\"*\"",
            "\"a..b\"",
            "\"-a.org\"",
            "\"a b\"",
        ],
        shape: Shape::Text("^(\\*\\.)?([A-Za-z0-9_-]+\\.?)+$|^\\[[0-9A-Fa-f:.]+\\]$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        if let Some((_, rest)) = text.split_once("://") {
            let host = rest.split(['/', ':']).next().unwrap_or_default();
            let wrong = Wrong::new(format!("{} is a URI, not a host", quoted(text)));
            return Err(wrong.right(format!("the host alone: \"{host}\"")));
        }
        if let Some((host, port)) = text.rsplit_once(':') {
            let wrong = Wrong::new(format!("{} has a port", quoted(text)));
            let right = format!("the host alone: \"{host}\"; ports stand in `listen`");
            return Err(wrong.right(right).at(text.len() - port.len() - 1..text.len()));
        }
        let (name, is_wildcard) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if let Some(what) = wrong_name(&name) {
            return Err(Wrong::new(format!("{} is no host: {what}", quoted(text))));
        }
        Ok(if is_wildcard { Self::Under(name) } else { Self::Name(name) })
    }
}

/// What is wrong with a name, if anything is.
fn wrong_name(name: &str) -> Option<&'static str> {
    let is_of_labels = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_ascii() {
        return Some("a name with other letters is written with its `xn--`");
    }
    if name.contains('*') {
        return Some("a `*` stands only for the whole first label, as in `*.example.org`");
    }
    if !name.chars().all(is_of_labels) {
        return Some("a name has letters, digits, hyphens and dots");
    }
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return Some("each label has 1 to 63 characters and no hyphen at its ends");
    }
    // A name whose last label is a number would be read as an address (RFC 3986 §3.2.2).
    let is_number = |label: &str| label.bytes().all(|octet| octet.is_ascii_digit());
    name.rsplit('.').next().is_some_and(is_number).then_some("an address has four numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts() {
        for (text, written) in [
            ("Example.ORG.", "example.org"),
            ("*.example.org", "*.example.org"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("::1", "[::1]"),
            ("a_b.example", "a_b.example"),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_host() {
        for (text, what) in [
            ("bücher.example", "xn--"),
            ("www.*.org", "first label"),
            ("*", "first label"),
            ("a/b", "letters"),
            ("1.2.3", "four numbers"),
            ("256.1.1.1", "four numbers"),
            ("a..b", "label"),
            ("", "label"),
            (".", "label"),
        ] {
            let wrong = HostPattern::parse(text).unwrap_err();
            assert!(wrong.what.contains(what), "{text}: {}", wrong.what);
        }
        let wrong = HostPattern::parse("http://a.example:80/").unwrap_err();
        assert_eq!(wrong.right.unwrap(), "the host alone: \"a.example\"");
        assert_eq!(HostPattern::parse("a.example:80").unwrap_err().part, Some(9..12));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "(\\*\\.)?[A-Za-z0-9.:\\[\\]_-]{0,20}") {
            if let Ok(host) = HostPattern::parse(&text) {
                prop_assert_eq!(HostPattern::parse(&host.to_string()), Ok(host));
            }
        }
    }
}
