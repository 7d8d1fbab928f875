//! Upstreams of a gateway: where they are, how one is chosen, what it is asked and what it may answer.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use toml::de::DeValue;
use wherefore_gateway::{Address, AddressFault};
use wherefore_message::Status;
use wherefore_message::authority::Authority;

use super::name::text;
use super::{FieldName, HostPattern, Name, Text, Wrong};
use crate::complaint::{Complaint, quoted};
use crate::kind::{Kind, Shape};
use crate::table::{Found, Reader, Value};

/// The longest URL of an upstream, in octets.
const URL_BYTES_MAX: usize = 2048;

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    /// As it is reached.
    pub address: Address,
    /// The path that it has, if any: it stands in the place of what a route's path says. A path of one slash is one
    /// too.
    pub base: Option<String>,
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        // A slash at its end says nothing, unless it is all that there is.
        let is_root = self.address.base.is_empty() && self.base.is_some();
        f.write_str(match (is_root, &self.address.place) {
            (false, _) => "",
            (true, wherefore_gateway::Place::Unix(_)) => ":/",
            (true, _) => "/",
        })
    }
}

const URL_PATTERN: &str = "^([Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+(/[^?#]*)?|[Uu][Nn][Ii][Xx]:/.+)$";

impl Text for UpstreamUrl {
    const KIND: Kind = Kind {
        name: "the URL of an upstream",
        example: "\"http://127.0.0.1:9000\"",
        wrong: &[
            "\"\"",
            "\"ftp://a\"",
            "\"127.0.0.1:9000\"",
            "\"http://\"",
            "\"http://u@a\"",
            "\"http://a:0\"",
            "\"http://a/?b\"",
            "\"http://a/../b\"",
            "\"unix:app.sock\"",
        ],
        shape: Shape::Text(URL_PATTERN),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.len() > URL_BYTES_MAX {
            return Err(Wrong::new("this URL is too long"));
        }
        let address = Address::parse(text).map_err(|error| {
            let wrong = Wrong::new(error.fault.to_string());
            match error.fault {
                AddressFault::Scheme if Address::parse(&format!("http://{text}")).is_ok() => {
                    wrong.right(format!("\"http://{text}\""))
                }
                AddressFault::Scheme => wrong,
                _ => wrong.at(place_from(text, error.at)),
            }
        })?;
        let base = base_of(text).map(|path| match path.trim_end_matches('/') {
            "" => "/".to_owned(),
            _ => address.base.to_string(),
        });
        Ok(Self { address, base })
    }
}

/// The octets of the character that begins at or around this one; all of a text that ends there.
fn place_from(text: &str, at: usize) -> core::ops::Range<usize> {
    let found = text.char_indices().find(|(start, c)| (*start..start + c.len_utf8()).contains(&at));
    found.map_or(0..text.len(), |(start, c)| start..start + c.len_utf8())
}

/// The path of an upstream's URL, if it has one.
fn base_of(text: &str) -> Option<&str> {
    let behind = match text.split_once("://") {
        Some((_, rest)) => rest.split_at(rest.find('/')?).1,
        // The socket's own path ends at the next colon.
        None => text.split_once(':')?.1.split_once(':')?.1,
    };
    (!behind.is_empty()).then_some(behind)
}

/// Who answers for a route that is a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayTo {
    /// This upstream.
    Url(UpstreamUrl),
    /// The group of this name.
    Group(Name),
}

impl fmt::Display for GatewayTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Group(name) => name.fmt(f),
        }
    }
}

impl Text for GatewayTo {
    const KIND: Kind = Kind {
        name: "the URL of an upstream, or the name of a group of them",
        example: "\"http://127.0.0.1:9000\"",
        wrong: &[
            "\"\"",
            "\"ftp://a\"",
            "\"127.0.0.1:9000\"",
            "\"http://\"",
            "\"unix:app.sock\"",
            "\"a b\"",
        ],
        shape: Shape::Text("^([A-Za-z0-9._-]{1,64}|[A-Za-z]+:.*/.*)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains([':', '/']) {
            return UpstreamUrl::parse(text).map(Self::Url);
        }
        <Name as Text>::parse(text).map(Self::Group)
    }
}

/// What the key of a request is made of, by which its upstream is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address.
    Client,
    /// The path.
    Path,
    /// The value of a field.
    Field(FieldName),
    /// The value of a cookie.
    Cookie(String),
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Path => f.write_str("path"),
            Self::Field(name) => write!(f, "field:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
}

impl Text for HashKey {
    const KIND: Kind = Kind {
        name: "\"client\", \"path\", \"field:NAME\" or \"cookie:NAME\"",
        example: "\"cookie:session\"",
        wrong: &[
            "\"\"",
            "\"somehow\"",
            "\"field:\"",
            "\"field:a b\"",
            "\"cookie:\"",
            "\"cookie:a=b\"",
        ],
        shape: Shape::Text("^(client|path|(field|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text.split_once(':') {
            None if text == "client" => Ok(Self::Client),
            None if text == "path" => Ok(Self::Path),
            Some(("field", name)) => <FieldName as Text>::parse(name)
                .map(Self::Field)
                .map_err(|wrong| wrong.at("field:".len()..text.len())),
            Some(("cookie", name)) if <FieldName as Text>::parse(name).is_ok() => {
                Ok(Self::Cookie(name.to_owned()))
            }
            Some(("cookie", name)) => {
                Err(Wrong::new(format!("{} is no name of a cookie", quoted(name)))
                    .at("cookie:".len()..text.len()))
            }
            _ => Err(Wrong::new(format!("{} is not known here", quoted(text)))
                .right("one of \"client\", \"path\", \"field:NAME\", \"cookie:NAME\"")),
        }
    }
}

/// Which host an upstream is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToldHost {
    /// The one that the client asked for.
    Client,
    /// The upstream's own.
    Upstream,
    /// This one.
    Fixed(String),
}

impl fmt::Display for ToldHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Fixed(host) => host,
        })
    }
}

impl Text for ToldHost {
    const KIND: Kind = Kind {
        name: "\"client\", \"upstream\", or a host",
        example: "\"upstream\"",
        wrong: &["\"\"", "\"http://a\"", "\"a b\"", "\"u@a\"", "\"a:b\""],
        shape: Shape::Text("^[^/@ ]+$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "client" => return Ok(Self::Client),
            "upstream" => return Ok(Self::Upstream),
            _ => {}
        }
        HostAndPort::parse(text).map(|host| Self::Fixed(host.to_string())).map_err(|wrong| {
            wrong.right("\"client\" for the client's, \"upstream\" for its own, or a host as in \"app.example:80\"")
        })
    }
}

text! {
    /// A host, with its port where that is not the usual one.
    HostAndPort,
    Kind {
        name: "a host with or without a port",
        example: "\"app.example\"",
        wrong: &["\"\"", "\"http://a\"", "\"a b\"", "\"u@a\"", "\"a:b\""],
        shape: Shape::Text("^[^/@ ]+$"),
    },
    |text| match Authority::parse(text.as_bytes()) {
        Some(authority) if !authority.host.is_empty() && text.len() <= URL_BYTES_MAX => Ok(()),
        _ => Err(Wrong::new(format!("{} is no host", quoted(text)))),
    }
}

text! {
    /// The name that an upstream's certificate has.
    CertificateName,
    Kind {
        name: "the name of a certificate",
        example: "\"app.example\"",
        wrong: &["\"\"", "\"https://a\"", "\"a:80\"", "\"*.a\"", "\"a b\""],
        shape: Shape::Text("^[A-Za-z0-9._:-]+$"),
    },
    |text| match HostPattern::parse(text)? {
        HostPattern::Name(_) | HostPattern::Address(_) => Ok(()),
        HostPattern::Under(_) => {
            Err(Wrong::new("a wildcard is no name").right("a name that the certificate holds for"))
        }
    }
}

/// A server that is asked for the addresses of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameServer(pub SocketAddr);

/// The port at which names are asked for, where none is said.
const NAMES_PORT: u16 = 53;

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Text for NameServer {
    const KIND: Kind = Kind {
        name: "the address of a name server",
        example: "\"192.0.2.53\"",
        wrong: &["\"\"", "\"dns.example\"", "\"1.2.3.4:65536\"", "\"1.2.3.4:0\"", "\":53\""],
        shape: Shape::Text("^[0-9A-Fa-f.:\\[\\]]+$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        let alone = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, NAMES_PORT));
        match alone.or_else(|_| text.parse::<SocketAddr>()) {
            Ok(address) if address.port() != 0 => Ok(Self(address)),
            Ok(_) | Err(_) => Err(Wrong::new(format!("{} is no address", quoted(text)))
                .right("an address, with a port where it is not 53: names can't be resolved to find who does it")),
        }
    }
}

/// The status of an upstream's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerStatus(pub Status);

impl Value for AnswerStatus {
    const KIND: Kind = Kind {
        name: "a status code",
        example: "503",
        wrong: &["0", "101", "600", "-1"],
        shape: Shape::Number,
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Integer(number) = found.value else {
            found.mismatch(&<Self as Value>::KIND, reader);
            return None;
        };
        let code = u16::from_str_radix(number.as_str(), number.radix()).ok();
        let status = code.filter(|code| (200..600).contains(code)).and_then(Status::new);
        if status.is_none() {
            let what = format!("{} is the status of no answer", quoted(number.as_str()));
            reader.complain(Complaint::error(found.span, what).right("a code from 200 to 599"));
        }
        status.map(Self)
    }

    fn write(&self, out: &mut String) {
        out.push_str(&self.0.code().to_string());
    }
}

text! {
    /// The path, and perhaps the query, that an upstream is asked for.
    AskedPath,
    Kind {
        name: "a path with or without a query",
        example: "\"/health\"",
        wrong: &["\"\"", "\"health\"", "\"/a b\"", "\"/a#b\"", "\"http://a/\""],
        shape: Shape::Text("^/[!-\"$-~]*$"),
    },
    |text| {
        if !text.starts_with('/') {
            return Err(Wrong::new(format!("{} does not begin with a slash", quoted(text))));
        }
        if text.len() > URL_BYTES_MAX {
            return Err(Wrong::new("this path is too long"));
        }
        match text.char_indices().find(|(_, c)| !c.is_ascii_graphic() || *c == '#') {
            Some((at, c)) => {
                let wrong = Wrong::new(format!("{} can't stand in a path", quoted(&c.to_string())));
                Err(wrong.at(at..at + c.len_utf8()))
            }
            None => Ok(()),
        }
    }
}

text! {
    /// The value of a cookie's attribute; nothing for none.
    CookieAttribute,
    Kind {
        name: "the value of a cookie's attribute",
        example: "\"/app\"",
        wrong: &["\"a;b\"", "\"a\\r\\nb\"", "\" a\""],
        shape: Shape::Text("^[^;\\u0000-\\u001f\\u007f]*$"),
    },
    |text| {
        let is_fine = text.chars().all(|c| (c.is_ascii_graphic() || c == ' ') && c != ';');
        if is_fine && text.trim().len() == text.len() && text.len() <= URL_BYTES_MAX {
            return Ok(());
        }
        Err(Wrong::new(format!("{} can't stand in a cookie", quoted(text))))
    }
}

text! {
    /// A text in an upstream's answer, or what stands in its place.
    AnswerText,
    Kind {
        name: "a text",
        example: "\"http://app.internal\"",
        wrong: &[],
        shape: Shape::Text(""),
    },
    |text| match text.len() {
        0..=TEXT_BYTES_MAX => Ok(()),
        _ => Err(Wrong::new("this text is too long").right(format!("{TEXT_BYTES_MAX} octets at most"))),
    }
}

/// The longest text that is put in, in octets.
const TEXT_BYTES_MAX: usize = wherefore_gateway::transform::NEW_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_of_upstreams() {
        for (text, written, base) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000", None),
            ("HTTP://App.example:80", "http://app.example", None),
            ("http://app/", "http://app/", Some("/")),
            ("https://app/base/", "https://app/base", Some("/base")),
            ("https://app/base", "https://app/base", Some("/base")),
            ("unix:/run/app.sock", "unix:/run/app.sock", None),
            ("unix:/run/app.sock:/", "unix:/run/app.sock:/", Some("/")),
            ("unix:/run/app.sock:/b", "unix:/run/app.sock:/b", Some("/b")),
        ] {
            let url = UpstreamUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.base.as_deref()), (written, base), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_an_upstream() {
        for (text, part, right) in [
            ("localhost:80", None, Some("\"http://localhost:80\"")),
            ("ftp://a", None, None),
            ("http://a/?b", Some(9..10), None),
            ("http://a:b", Some(9..10), None),
            ("http://a/ä", Some(9..11), None),
        ] {
            let wrong = UpstreamUrl::parse(text).unwrap_err();
            assert_eq!((wrong.part, wrong.right.as_deref()), (part, right), "{text}");
        }
    }

    #[test]
    fn groups_are_told_from_urls() {
        assert!(matches!(GatewayTo::parse("app_1.x"), Ok(GatewayTo::Group(_))));
        assert!(matches!(GatewayTo::parse("http://app"), Ok(GatewayTo::Url(_))));
        assert!(GatewayTo::parse("app:80").unwrap_err().right.is_some());
    }

    #[test]
    fn keys_hosts_and_servers_of_names() {
        for text in ["client", "path", "field:X-User", "cookie:session"] {
            assert_eq!(HashKey::parse(text).unwrap().to_string(), text);
        }
        for text in ["client", "upstream", "app.example", "app.example:80", "[::1]:80"] {
            assert_eq!(ToldHost::parse(text).unwrap().to_string(), text);
        }
        for (text, written) in
            [("1.1.1.1", "1.1.1.1:53"), ("::1", "[::1]:53"), ("[::1]:54", "[::1]:54")]
        {
            assert_eq!(NameServer::parse(text).unwrap().to_string(), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "((https?://|unix:/)[a-z0-9.:/%-]{0,20}|(?s).{0,20})") {
            if let Ok(url) = UpstreamUrl::parse(&text) {
                prop_assert_eq!(UpstreamUrl::parse(&url.to_string()), Ok(url));
            }
            if let Ok(to) = GatewayTo::parse(&text) {
                prop_assert_eq!(GatewayTo::parse(&to.to_string()), Ok(to));
            }
            let _ = (HashKey::parse(&text), ToldHost::parse(&text), NameServer::parse(&text));
            if AskedPath::parse(&text).is_ok() || CookieAttribute::parse(&text).is_ok() {
                prop_assert!(!text.contains(['\r', '\n', '\0']));
            }
        }
    }
}
