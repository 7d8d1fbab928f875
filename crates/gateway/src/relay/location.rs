//! References to the upstream's own address, which its clients can't reach, as references to the public one.

use wherefore_message::authority::Authority;
use wherefore_message::token::trim;

/// Where a server is asked: what stands before the path that is told to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Its host, with its port where that is not the scheme's.
    pub authority: &'a [u8],
    /// The path under which everything stands, without a slash at its end; empty for all.
    pub base: &'a str,
}

/// Where the upstream was asked, and where the client asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    /// The upstream's.
    pub upstream: Address<'a>,
    /// The client's view.
    pub public: Address<'a>,
}

impl Addresses<'_> {
    /// The public reference to what `reference` is for the upstream; none if it leads elsewhere, or is public as it is.
    pub(super) fn public_of(&self, reference: &[u8]) -> Option<Vec<u8>> {
        let (upstream, public) = (&self.upstream, &self.public);
        if let Some(rest) = reference.strip_prefix(b"//") {
            let below = below(self.own(rest)?, upstream.base)?;
            return Some([b"//", public.authority, public.base.as_bytes(), below].concat());
        }
        if reference.starts_with(b"/") {
            if upstream.base == public.base {
                return None;
            }
            let below = below(reference, upstream.base)?;
            let path = [public.base.as_bytes(), below].concat();
            // What begins with two slashes names another host, and browsers drop tabs before they look.
            let mut seen = path.iter().filter(|octet| **octet != b'\t');
            return match (seen.next(), seen.next()) {
                (Some(b'/'), Some(b'/' | b'\\')) => None,
                (Some(b'/'), _) => Some(path),
                _ => Some([b"/", &*path].concat()),
            };
        }
        let scheme_end = reference.windows(3).position(|three| three == b"://")?;
        let (scheme, rest) = reference.split_at(scheme_end);
        if !scheme.eq_ignore_ascii_case(upstream.scheme.as_bytes()) {
            return None;
        }
        let below = below(self.own(&rest[3..])?, upstream.base)?;
        let public_base = public.base.as_bytes();
        Some([public.scheme.as_bytes(), b"://", public.authority, public_base, below].concat())
    }

    /// The same for the value of `Refresh`: seconds, and a reference behind `url=`.
    pub(super) fn refresh(&self, value: &[u8]) -> Option<Vec<u8>> {
        let at = value.windows(4).position(|four| four.eq_ignore_ascii_case(b"url="))?;
        let (before, rest) = value.split_at(at + 4);
        let (quote, rest) = match rest {
            [quote @ (b'"' | b'\''), rest @ ..] => (Some(*quote), rest),
            rest => (None, rest),
        };
        let end = quote.and_then(|quote| rest.iter().position(|octet| *octet == quote));
        let (reference, after) = rest.split_at(end.unwrap_or(rest.len()));
        let public = self.public_of(trim(reference))?;
        let quote: Vec<u8> = quote.into_iter().collect();
        Some([before, &*quote, &*public, after].concat())
    }

    /// What stands behind the authority, if that is the upstream's own.
    fn own<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let end = text.iter().position(|octet| matches!(octet, b'/' | b'?' | b'#' | b'\\'));
        let (authority, rest) = text.split_at(end.unwrap_or(text.len()));
        let (named, own) =
            (Authority::parse(authority)?, Authority::parse(self.upstream.authority)?);
        let port = |of: &Authority<'_>| of.port.unwrap_or(default_port(self.upstream.scheme));
        let is_own = named.host.eq_ignore_ascii_case(own.host) && port(&named) == port(&own);
        is_own.then_some(rest)
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 }
}

/// What is left of a path behind `base`, if a segment ends there.
fn below<'t>(path: &'t [u8], base: &str) -> Option<&'t [u8]> {
    let rest = path.strip_prefix(base.as_bytes())?;
    matches!(rest, [] | [b'/' | b'?' | b'#', ..]).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses<'static> {
        Addresses {
            upstream: Address { scheme: "http", authority: b"app:9000", base: "/api" },
            public: Address { scheme: "https", authority: b"shop.example", base: "/v1" },
        }
    }

    #[test]
    fn what_leads_to_the_upstream() {
        for (from, to) in [
            ("http://app:9000/api/a?b#c", Some("https://shop.example/v1/a?b#c")),
            ("HTTP://APP:9000/api", Some("https://shop.example/v1")),
            ("//app:9000/api/x", Some("//shop.example/v1/x")),
            ("/api/x", Some("/v1/x")),
            ("/api", Some("/v1")),
            ("/api?x", Some("/v1?x")),
            ("/apix", None),
            ("http://app:9000/other", None),
            ("http://app:9001/api/a", None),
            ("http://app/api/a", None),
            ("https://app:9000/api/a", None),
            ("http://else.example/api", None),
            ("http://app:9000@evil/api", None),
            ("x", None),
            ("../x", None),
            ("", None),
            ("mailto:a", None),
        ] {
            let found = addresses().public_of(from.as_bytes());
            assert_eq!(found.as_deref(), to.map(str::as_bytes), "{from}");
        }
    }

    #[test]
    fn at_the_root() {
        let mut at = addresses();
        at.public.base = "";
        for (from, to) in [
            ("/api/x", Some("/x")),
            ("/api", Some("/")),
            ("/api//evil.example", None),
            ("/api/\\evil.example", None),
            ("/api/\t/evil.example", None),
            ("/api\t//evil.example", None),
            ("/api/x\t/y", Some("/x\t/y")),
            ("http://app:9000/api", Some("https://shop.example")),
        ] {
            assert_eq!(at.public_of(from.as_bytes()).as_deref(), to.map(str::as_bytes), "{from}");
        }
        at.upstream.base = "";
        at.upstream.authority = b"app:80";
        assert_eq!(at.public_of(b"/x"), None);
        assert_eq!(at.public_of(b"http://app/x").unwrap(), b"https://shop.example/x");
    }

    #[test]
    fn refreshed() {
        for (from, to) in [
            ("5; url=http://app:9000/api/a", Some("5; url=https://shop.example/v1/a")),
            ("0;URL='/api/a' ", Some("0;URL='/v1/a' ")),
            ("0; url=\"/api/a", Some("0; url=\"/v1/a")),
            ("5", None),
            ("5; url=http://else.example/", None),
        ] {
            let found = addresses().refresh(from.as_bytes());
            assert_eq!(found.as_deref(), to.map(str::as_bytes), "{from}");
        }
    }
}
