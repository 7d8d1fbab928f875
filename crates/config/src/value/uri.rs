//! URIs and origins.

use core::fmt;

use wherefore_message::authority::Authority;

use super::name::text;
use super::{Text, Wrong};
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// The longest URI, in octets.
const URI_BYTES_MAX: usize = 2048;

text! {
    /// A whole URI of HTTP.
    AbsoluteUri,
    Kind {
        name: "a whole URI",
        example: "\"https://court.example/order/17\"",
        wrong: &["\"\"", "\"/x\"", "\"court.example\"", "\"https://\"", "\"https://a b/\""],
        shape: Shape::Text("^https?://[^/]+"),
    },
    |text| {
        let (origin, rest) = split(text)?;
        Origin::parse(origin)?;
        let is_fine = |c: char| c.is_ascii_graphic() && !"<>\"{}|\\^`".contains(c);
        match rest.char_indices().find(|(_, c)| !is_fine(*c)) {
            Some((at, c)) => {
                let at = origin.len() + at;
                let wrong = Wrong::new(format!("{} can't stand in a URI", quoted(&c.to_string())));
                Err(wrong.at(at..at + c.len_utf8()))
            }
            None => Ok(()),
        }
    }
}

text! {
    /// Scheme, host and port, without a path.
    Origin,
    Kind {
        name: "scheme, host and port",
        example: "\"http://proxy.example:3128\"",
        wrong: &[
            "\"\"",
            "\"proxy.example\"",
            "\"https://a.example/x\"",
            "\"ftp://a.example\"",
            "\"https://u@a.example\"",
            "\"https://:80\"",
        ],
        shape: Shape::Text("^https?://[^/]+$"),
    },
    |text| {
        let (origin, rest) = split(text)?;
        if !rest.is_empty() {
            let wrong = Wrong::new(format!("{} goes on behind the host", quoted(text)));
            return Err(wrong.right(format!("\"{origin}\"")).at(origin.len()..text.len()));
        }
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        match Authority::parse(host.as_bytes()) {
            Some(authority) if !authority.host.is_empty() => Ok(()),
            _ => Err(Wrong::new(format!("{} is no host with a port", quoted(host)))
                .at(origin.len() - host.len()..origin.len())),
        }
    }
}

/// The part up to the path, and the path with what follows.
fn split(text: &str) -> Result<(&str, &str), Wrong> {
    let scheme = ["http://", "https://"].into_iter().find(|scheme| text.starts_with(scheme));
    let Some(scheme) = scheme else {
        let wrong = Wrong::new(format!("{} has no scheme", quoted(text)));
        return Err(wrong.right("one that begins with http:// or https://"));
    };
    if text.len() > URI_BYTES_MAX {
        return Err(Wrong::new("this URI is too long"));
    }
    let rest = text.get(scheme.len()..).unwrap_or_default();
    let end = scheme.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Ok(text.split_at(end))
}

/// An origin that may ask from a browser, or any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigin {
    /// Any.
    Any,
    /// This one.
    One(Origin),
}

impl fmt::Display for CorsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::One(origin) => origin.fmt(f),
        }
    }
}

impl Text for CorsOrigin {
    const KIND: Kind = Kind {
        name: "an origin, or \"*\" for any",
        example: "\"https://app.example\"",
        wrong: &["\"\"", "\"**\"", "\"app.example\"", "\"https://app.example/\"", "\"null\""],
        shape: Shape::Text("^(\\*|https?://[^/]+)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "*" => Ok(Self::Any),
            _ => Origin::parse(text).map(Self::One),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_and_uris() {
        for text in ["https://a.example", "http://a.example:80", "http://[::1]:3128", "http://x"] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
            assert!(AbsoluteUri::parse(&format!("{text}/a?b#c")).is_ok());
        }
        assert_eq!(Origin::parse("https://a.example/").unwrap_err().part, Some(17..18));
        assert_eq!(Origin::parse("https://a b").unwrap_err().part, Some(8..11));
        assert_eq!(AbsoluteUri::parse("https://a/b c").unwrap_err().part, Some(11..12));
        assert_eq!(CorsOrigin::parse("*"), Ok(CorsOrigin::Any));
    }

    proptest! {
        #[test]
        fn what_is_read_can_stand_in_a_field(text in "(https?://)?(?s).{0,20}") {
            if AbsoluteUri::parse(&text).is_ok() || CorsOrigin::parse(&text).is_ok() {
                prop_assert!(text.chars().all(|c| c.is_ascii_graphic()));
            }
        }
    }
}
