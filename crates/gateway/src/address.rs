//! Where an upstream is, as its URL says it (RFC 3986 §3).

use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The longest path of a socket, in octets, as the kernel has it.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The longest name of a host, in octets.
pub const NAME_BYTES_MAX: usize = 253;

const LABEL_BYTES_MAX: usize = 63;

/// Where an upstream is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whether with TLS.
    pub scheme: Scheme,
    /// Where connections are made to.
    pub place: Place,
    /// What stands before the path of every request: empty, or a path that begins with a slash. A slash at its end
    /// is left off, since the path that follows begins with one.
    pub base: Box<str>,
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In the open.
    Http,
    /// By TLS.
    Https,
}

/// Where connections are made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A name, in lower case and without a dot at its end, that has to be resolved.
    Host {
        /// The name.
        name: Box<str>,
        /// The port.
        port: u16,
    },
    /// An address.
    Ip(SocketAddr),
    /// A socket in the file system, by its absolute path.
    Unix(Box<str>),
}

impl Scheme {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where none is said (RFC 9110 §4.2.1, §4.2.2).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Address {
    /// Reads `http://host:port/base`, the same with `https`, or `unix:/path/of/socket:/base`. Port and base may be
    /// left out. What a gateway has no use for is refused: userinfo, query, fragment.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let scheme_is =
            |scheme: &str| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
        if scheme_is("unix:") {
            return parse_unix(text);
        }
        let scheme = match () {
            () if scheme_is("http://") => Scheme::Http,
            () if scheme_is("https://") => Scheme::Https,
            () => return Err(AddressFault::Scheme.at(0)),
        };
        let from = scheme.name().len() + "://".len();
        let to = text[from..].find(['/', '?', '#']).map_or(text.len(), |length| from + length);
        let base = parse_base(text, to)?;
        let place = parse_place(text, from, to, scheme)?;
        Ok(Self { scheme, place, base })
    }

    /// Whether somebody who writes this means it: its URL, with or without what stands before paths, or its host and
    /// port alone.
    #[must_use]
    pub fn is_meant_by(&self, text: &str) -> bool {
        match Self::parse(text) {
            Ok(named) => {
                let is_there = (named.scheme, &named.place) == (self.scheme, &self.place);
                is_there && (named.base.is_empty() || named.base == self.base)
            }
            Err(_) => {
                let has_host = !matches!(self.place, Place::Unix(_));
                has_host && self.authority().eq_ignore_ascii_case(text)
            }
        }
    }

    /// What `Host` names to this upstream unless told otherwise; a socket's is `localhost`.
    #[must_use]
    pub fn authority(&self) -> String {
        let is_default = |port: u16| port == self.scheme.default_port();
        match &self.place {
            Place::Host { name, port } if is_default(*port) => name.to_string(),
            Place::Host { name, port } => format!("{name}:{port}"),
            Place::Ip(address) if is_default(address.port()) => match address.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            },
            Place::Ip(address) => address.to_string(),
            Place::Unix(_) => "localhost".to_owned(),
        }
    }
}

/// Written so that it reads back as the same.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unix(path) if self.base.is_empty() => return write!(f, "unix:{path}"),
            Place::Unix(path) => write!(f, "unix:{path}:{}", self.base)?,
            Place::Host { .. } | Place::Ip(_) => {
                write!(f, "{}://{}{}", self.scheme.name(), self.authority(), self.base)?;
            }
        }
        // One that ends the base was written twice.
        f.write_str(if self.base.ends_with('/') { "/" } else { "" })
    }
}

/// What is wrong with an upstream's URL, and at which octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// What.
    pub fault: AddressFault,
    /// The octet at which it was seen.
    pub at: usize,
}

/// The ways in which an upstream's URL can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// It has none of the schemes.
    Scheme,
    /// It has a user's name or a password.
    Userinfo,
    /// It has no host.
    NoHost,
    /// The host is neither a name nor an address.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// It has a query.
    Query,
    /// It has a fragment.
    Fragment,
    /// An octet that no path has, or a percent sign without two digits.
    PathOctet,
    /// A segment `.` or `..` of the path, written out or encoded.
    DotSegment,
    /// The path of a socket is not absolute, or has a control character.
    SocketPath,
    /// The path of a socket is longer than the kernel can have it.
    SocketPathTooLong,
}

impl AddressFault {
    const fn at(self, at: usize) -> AddressError {
        AddressError { fault: self, at }
    }
}

impl fmt::Display for AddressFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "an upstream begins with http://, https:// or unix:/",
            Self::Userinfo => "an upstream has no user's name or password: set Authorization",
            Self::NoHost => "a host is missing",
            Self::Host => "this is neither a host's name nor its address",
            Self::Port => "a port is a number from 1 to 65535",
            Self::Query => "an upstream has no query: that is each request's own",
            Self::Fragment => "an upstream has no fragment",
            Self::PathOctet => "this can't stand in a path unless it is percent-encoded",
            Self::DotSegment => "a path before others has no segment . or ..",
            Self::SocketPath => "a socket has an absolute path without control characters",
            Self::SocketPathTooLong => {
                return write!(f, "a socket's path has {SOCKET_PATH_BYTES_MAX} octets at most");
            }
        })
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at octet {})", self.fault, self.at)
    }
}

impl core::error::Error for AddressError {}

fn parse_unix(text: &str) -> Result<Address, AddressError> {
    let from = "unix:".len();
    let to = text[from..].find(':').map_or(text.len(), |length| from + length);
    let path = &text[from..to];
    if !path.starts_with('/') || path.starts_with("//") || path.ends_with('/') {
        return Err(AddressFault::SocketPath.at(from));
    }
    if let Some(at) = path.find(|c: char| c.is_control()) {
        return Err(AddressFault::SocketPath.at(from + at));
    }
    if path.len() > SOCKET_PATH_BYTES_MAX {
        return Err(AddressFault::SocketPathTooLong.at(from + SOCKET_PATH_BYTES_MAX));
    }
    let base = match text.get(to + 1..) {
        Some(base) if !base.starts_with('/') => return Err(AddressFault::PathOctet.at(to + 1)),
        Some(_) => parse_base(text, to + 1)?,
        None => Box::default(),
    };
    Ok(Address { scheme: Scheme::Http, place: Place::Unix(path.into()), base })
}

/// The authority of `text`, which stands from `from` to `to`.
fn parse_place(text: &str, from: usize, to: usize, scheme: Scheme) -> Result<Place, AddressError> {
    let authority = &text[from..to];
    if authority.contains('@') {
        return Err(AddressFault::Userinfo.at(from));
    }
    let host_bytes = match authority.starts_with('[') {
        true => authority.find(']').ok_or(AddressFault::Host.at(from))? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_bytes);
    let port_at = from + host_bytes;
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => scheme.default_port(),
        None => return Err(AddressFault::Host.at(port_at)),
        Some(digits) => parse_port(digits).ok_or(AddressFault::Port.at(port_at + 1))?,
    };
    if host.is_empty() {
        return Err(AddressFault::NoHost.at(from));
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let ip: Ipv6Addr = inner.parse().map_err(|_| AddressFault::Host.at(from + 1))?;
        return Ok(Place::Ip(SocketAddr::new(ip.into(), port)));
    }
    // What ends with a number is an IPv4 address, or nothing: no top-level domain is one.
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit()) {
        let ip: IpAddr = host.parse().map_err(|_| AddressFault::Host.at(from))?;
        return Ok(Place::Ip(SocketAddr::new(ip, port)));
    }
    let name = parse_name(host).map_err(|at| AddressFault::Host.at(from + at))?;
    Ok(Place::Host { name, port })
}

fn parse_port(digits: &str) -> Option<u16> {
    let port: u16 = digits.parse().ok()?;
    (port > 0 && digits.bytes().all(|octet| octet.is_ascii_digit())).then_some(port)
}

/// A name as resolvers take it, or the octet at which it is none.
fn parse_name(host: &str) -> Result<Box<str>, usize> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.len() > NAME_BYTES_MAX {
        return Err(NAME_BYTES_MAX);
    }
    let is_of_name = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    let mut at = 0;
    for label in name.split('.') {
        if let Some(wrong) = label.bytes().position(|octet| !is_of_name(octet)) {
            return Err(at + wrong);
        }
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return Err(at);
        }
        at += label.len() + 1;
    }
    Ok(name.to_ascii_lowercase().into())
}

/// The path of `text`, which begins at `from` and must end it.
fn parse_base(text: &str, from: usize) -> Result<Box<str>, AddressError> {
    let octets = text.as_bytes();
    let mut at = from;
    while let Some(octet) = octets.get(at) {
        at += match octet {
            b'?' => return Err(AddressFault::Query.at(at)),
            b'#' => return Err(AddressFault::Fragment.at(at)),
            b'%' if is_encoded(octets.get(at + 1..at + 3)) => 3,
            octet if is_of_path(*octet) => 1,
            _ => return Err(AddressFault::PathOctet.at(at)),
        };
    }
    let path = &text[from..];
    let mut at = from;
    for segment in path.split('/') {
        if matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..") {
            return Err(AddressFault::DotSegment.at(at));
        }
        at += segment.len() + 1;
    }
    Ok(path.strip_suffix('/').unwrap_or(path).into())
}

fn is_encoded(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// `pchar` and `/` (RFC 3986 §3.3), without what is encoded.
const fn is_of_path(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@')
        || matches!(octet, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',')
        || matches!(octet, b';' | b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn people_mean_it_by_its_url_or_its_host() {
        for (address, texts, others) in [
            (
                "http://app.test:9000",
                vec!["http://app.test:9000", "HTTP://APP.test:9000/", "app.test:9000"],
                vec![
                    "app.test",
                    "https://app.test:9000",
                    "http://app.test:9000/x",
                    "http://app.test",
                    "",
                ],
            ),
            ("http://app.test", vec!["app.test", "http://app.test:80"], vec!["app.test:80"]),
            (
                "https://[::1]:9000/x",
                vec!["[::1]:9000", "https://[::1]:9000", "https://[::1]:9000/x/"],
                vec!["https://[::1]:9000/y", "http://[::1]:9000"],
            ),
            ("unix:/run/a", vec!["unix:/run/a"], vec!["unix:/run/b", "localhost", "/run/a"]),
        ] {
            let address = Address::parse(address).unwrap();
            for text in texts {
                assert!(address.is_meant_by(text), "{address} {text}");
            }
            for text in others {
                assert!(!address.is_meant_by(text), "{address} {text}");
            }
        }
    }

    #[test]
    fn what_urls_say() {
        let host = |name: &str, port| Place::Host { name: name.into(), port };
        let ip = |text: &str| Place::Ip(text.parse().unwrap());
        for (text, scheme, place, base) in [
            ("http://127.0.0.1:9000", Scheme::Http, ip("127.0.0.1:9000"), ""),
            ("https://api.internal", Scheme::Https, host("api.internal", 443), ""),
            ("HTTP://App_1.Example./", Scheme::Http, host("app_1.example", 80), ""),
            ("http://h:1/base/", Scheme::Http, host("h", 1), "/base"),
            ("http://h:1/a/b;c=%2F", Scheme::Http, host("h", 1), "/a/b;c=%2F"),
            ("https://[::1]:8443/x", Scheme::Https, ip("[::1]:8443"), "/x"),
            ("https://[::1]", Scheme::Https, ip("[::1]:443"), ""),
            ("unix:/run/app.sock", Scheme::Http, Place::Unix("/run/app.sock".into()), ""),
            ("unix:/run/a b.sock:/v1/", Scheme::Http, Place::Unix("/run/a b.sock".into()), "/v1"),
            ("http://xn--bcher-kva.example", Scheme::Http, host("xn--bcher-kva.example", 80), ""),
        ] {
            assert_eq!(parse(text), Address { scheme, place, base: base.into() }, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_and_where() {
        use AddressFault as F;
        for (text, fault, at) in [
            ("", F::Scheme, 0),
            ("127.0.0.1:9000", F::Scheme, 0),
            ("ftp://a", F::Scheme, 0),
            ("http:/a", F::Scheme, 0),
            ("http://", F::NoHost, 7),
            ("http:///a", F::NoHost, 7),
            ("http://:80", F::NoHost, 7),
            ("http://u:p@h/", F::Userinfo, 7),
            ("http://u@h", F::Userinfo, 7),
            ("http://a b", F::Host, 8),
            ("http://bücher.example", F::Host, 8),
            ("http://a..b", F::Host, 9),
            ("http://127.0.0.256", F::Host, 7),
            ("http://127.1", F::Host, 7),
            ("http://127.0.0.1.", F::Host, 7),
            ("http://[::1", F::Host, 7),
            ("http://[::1%eth0]", F::Host, 8),
            ("http://[::1]x", F::Host, 12),
            ("http://::1", F::Port, 8),
            ("http://h:", F::Port, 9),
            ("http://h:0", F::Port, 9),
            ("http://h:+1", F::Port, 9),
            ("http://h:65536", F::Port, 9),
            ("http://h?a", F::Query, 8),
            ("http://h/a?b", F::Query, 10),
            ("http://h/#a", F::Fragment, 9),
            ("http://h/a b", F::PathOctet, 10),
            ("http://h/%2", F::PathOctet, 9),
            ("http://h/ä", F::PathOctet, 9),
            ("http://h/a/../b", F::DotSegment, 11),
            ("http://h/%2E", F::DotSegment, 9),
            ("unix:run/a", F::SocketPath, 5),
            ("unix:///run/a", F::SocketPath, 5),
            ("unix:/run/", F::SocketPath, 5),
            ("unix:/a\0b", F::SocketPath, 7),
            ("unix:/a:b", F::PathOctet, 8),
            ("unix:/a:", F::PathOctet, 8),
            ("unix:/a:/b?c", F::Query, 10),
        ] {
            assert_eq!(Address::parse(text), Err(fault.at(at)), "{text:?}");
        }
        let long = format!("http://{}.example", "a".repeat(64));
        assert_eq!(Address::parse(&long), Err(F::Host.at(7)));
        let long = format!("http://{}", ["a"; 128].join("."));
        assert_eq!(Address::parse(&long), Err(F::Host.at(7 + NAME_BYTES_MAX)));
        let socket = format!("unix:/{}", "a".repeat(SOCKET_PATH_BYTES_MAX - 1));
        parse(&socket);
        let at = 5 + SOCKET_PATH_BYTES_MAX;
        assert_eq!(Address::parse(&(socket + "a")), Err(F::SocketPathTooLong.at(at)));
    }

    #[test]
    fn the_host_that_a_request_names() {
        for (text, authority) in [
            ("http://A:80", "a"),
            ("http://a:443", "a:443"),
            ("https://a:443", "a"),
            ("https://[::1]:443/x", "[::1]"),
            ("http://[::1]:443", "[::1]:443"),
            ("http://10.0.0.1", "10.0.0.1"),
            ("unix:/a", "localhost"),
        ] {
            assert_eq!(parse(text).authority(), authority, "{text}");
        }
    }

    #[test]
    fn slashes_at_the_end_are_kept_but_for_one() {
        for (text, base) in [("http://h/a//", "/a/"), ("http://h//", "/"), ("unix:/s:/a//", "/a/")]
        {
            assert_eq!(&*parse(text).base, base);
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("unix:/s:/").to_string(), "unix:/s");
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_and_places_are_in_the_text(text in "(https?://|unix:/|)(?s).{0,40}") {
            if let Err(error) = Address::parse(&text) {
                prop_assert!(error.at <= text.len());
            }
        }

        #[test]
        fn what_is_shown_reads_back(text in "(https?://([a-z.-]{1,9}|[0-9.]{7,9}|\\[::[0-9a-f]{1,4}\\])(:[0-9]{1,5})?|unix:/[a-z]{1,5}:)(/[a-z.%2e]{0,4}){0,3}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(parse(&address.to_string()), address);
            }
        }
    }
}
