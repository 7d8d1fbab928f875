//! The four forms of a request target (RFC 9112 §3.2), read in place.

use crate::authority::Authority;
use crate::fault::FaultKind;
use crate::method::Method;

/// A request target, split but not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// Which form it has.
    pub form: Form,
    /// The scheme of an absolute form.
    pub scheme: Option<&'a [u8]>,
    /// The authority of an absolute or authority form.
    pub authority: Option<Authority<'a>>,
    /// The path, percent-encoded as it came; `/` where an absolute form has none, empty for the others.
    pub path: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
}

/// The forms of RFC 9112 §3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`: the usual one.
    Origin,
    /// `http://host/path`: as a proxy gets it; a server must take it too.
    Absolute,
    /// `host:port`: for CONNECT alone.
    Authority,
    /// `*`: for OPTIONS alone.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Splits a target.
    ///
    /// # Errors
    /// The kind of fault, and how many octets into the target it stands.
    pub fn parse(method: Method, text: &'a [u8]) -> Result<Self, (FaultKind, usize)> {
        if text.is_empty() {
            return Err((FaultKind::TargetEmpty, 0));
        }
        if let Some(at) = wrong_octet(text) {
            return Err((FaultKind::TargetOctet, at));
        }
        let wrong_form = Err((FaultKind::TargetForm, 0));
        if method == Method::Connect {
            return match Authority::parse(text) {
                Some(authority) if authority.port.is_some() && !authority.host.is_empty() => {
                    Ok(Self {
                        form: Form::Authority,
                        scheme: None,
                        authority: Some(authority),
                        path: b"",
                        query: None,
                    })
                }
                Some(_) | None => wrong_form,
            };
        }
        if text.starts_with(b"/") {
            let (path, query) = split_query(text);
            return Ok(Self { form: Form::Origin, scheme: None, authority: None, path, query });
        }
        if text == b"*" && method == Method::Options {
            let form = Form::Asterisk;
            return Ok(Self { form, scheme: None, authority: None, path: b"", query: None });
        }
        Self::parse_absolute(text)
    }

    fn parse_absolute(text: &'a [u8]) -> Result<Self, (FaultKind, usize)> {
        let wrong_form = (FaultKind::TargetForm, 0);
        let scheme_end = text.windows(3).position(|w| w == b"://").ok_or(wrong_form)?;
        let scheme = &text[..scheme_end];
        let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|o| o.is_ascii_alphanumeric() || matches!(o, b'+' | b'-' | b'.'));
        if !is_scheme {
            return Err(wrong_form);
        }
        let rest_at = scheme_end + 3;
        let rest = &text[rest_at..];
        let end = rest.iter().position(|o| matches!(o, b'/' | b'?')).unwrap_or(rest.len());
        let named = &rest[..end];
        if let Some(at) = named.iter().position(|octet| *octet == b'@') {
            return Err((FaultKind::TargetUserinfo, rest_at + at));
        }
        let authority = Authority::parse(named)
            .filter(|authority| !authority.host.is_empty())
            .ok_or((FaultKind::TargetForm, rest_at))?;
        let (path, query) = split_query(&rest[end..]);
        let path = if path.is_empty() { b"/" } else { path };
        Ok(Self {
            form: Form::Absolute,
            scheme: Some(scheme),
            authority: Some(authority),
            path,
            query,
        })
    }
}

fn split_query(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|octet| *octet == b'?') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Where the first octet stands that no target may hold. Nearly always there is none, which is seen of
/// eight octets at once.
fn wrong_octet(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    let is_well =
        |octets: &[u8]| octets.iter().fold(true, |all, octet| all & is_target_octet(*octet));
    if words.iter().all(|word| is_well(word)) && is_well(rest) {
        return None;
    }
    text.iter().position(|octet| !is_target_octet(*octet))
}

/// An octet that a URI without fragment may hold (RFC 3986 §2). Octets that browsers leave unencoded
/// in queries (`|`, `"`, `{` ...) and UTF-8 are let through: they can't be mistaken for anything else.
const fn is_target_octet(octet: u8) -> bool {
    (octet > b' ') & (octet != 0x7f) & (octet != b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: Method, text: &'static str) -> Result<Target<'static>, (FaultKind, usize)> {
        Target::parse(method, text.as_bytes())
    }

    #[test]
    fn the_four_forms() {
        let target = parse(Method::Get, "/a/b?c?d").unwrap();
        assert_eq!((target.path, target.query), (&b"/a/b"[..], Some(&b"c?d"[..])));
        let target = parse(Method::Get, "http://h:1?q").unwrap();
        assert_eq!((target.form, target.path), (Form::Absolute, &b"/"[..]));
        assert_eq!(target.authority.unwrap().port, Some(1));
        assert_eq!(parse(Method::Options, "*").unwrap().form, Form::Asterisk);
        assert_eq!(parse(Method::Connect, "h:443").unwrap().form, Form::Authority);
    }

    #[test]
    fn a_wrong_octet_is_found_wherever_it_stands() {
        for length in 1..20 {
            for at in 1..length {
                let mut text = vec![b'/'; length];
                for octet in [0, b' ', b'#', 0x7f] {
                    text[at] = octet;
                    let wrong = Err((FaultKind::TargetOctet, at));
                    assert_eq!(Target::parse(Method::Get, &text), wrong);
                }
                text[at] = 0xff;
                assert!(Target::parse(Method::Get, &text).is_ok());
            }
        }
    }

    #[test]
    fn what_has_none_of_the_forms() {
        for (method, text) in [
            (Method::Get, "*"),
            (Method::Get, "a/b"),
            (Method::Connect, "/a"),
            (Method::Connect, "h"),
            (Method::Get, "http:///a"),
            (Method::Get, "1http://a/"),
            (Method::Get, "mailto:x"),
        ] {
            assert_eq!(parse(method, text).unwrap_err().0, FaultKind::TargetForm, "{text}");
        }
        assert_eq!(parse(Method::Get, "http://u@h/"), Err((FaultKind::TargetUserinfo, 8)));
        assert_eq!(parse(Method::Get, "/a#b"), Err((FaultKind::TargetOctet, 2)));
        assert_eq!(parse(Method::Get, ""), Err((FaultKind::TargetEmpty, 0)));
    }
}
