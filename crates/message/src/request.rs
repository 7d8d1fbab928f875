//! A request's head, of any version of HTTP, read in place.

use crate::authority::{Authority, HostKind};
use crate::field::{FieldLines, Fields, Span};
use crate::method::Method;
use crate::target::{Form, Target};
use crate::token::is_token;
use crate::version::Version;

/// What the head says of the content that follows (RFC 9110 §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    /// None follows, and no length was said.
    Nothing,
    /// This many octets follow; may be 0.
    Length(u64),
    /// Some follows, how much is not said (chunked, or a stream without length).
    Unknown,
}

impl Announced {
    /// Whether content may follow at all.
    #[must_use]
    pub const fn may_have_content(self) -> bool {
        !matches!(self, Self::Nothing | Self::Length(0))
    }
}

/// A request's head: complete, well-formed, framed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The version it came in.
    pub version: Version,
    /// Its method.
    pub method: Method,
    /// The method's own text, for those not known by name.
    pub method_text: &'a [u8],
    /// Its target as it came.
    pub target: Target<'a>,
    /// The target's own text.
    pub target_text: &'a [u8],
    /// The authority that the request is for: the target's, else `Host` (RFC 9110 §7.2); none for
    /// HTTP/1.0 without `Host`.
    pub authority: Option<Authority<'a>>,
    /// Its field lines.
    pub fields: Fields<'a>,
    /// What it says of its content.
    pub announced: Announced,
}

/// A request's head that owns its octets: for work that outlives the buffer it came in. It is read once: to view
/// it costs next to nothing.
#[derive(Clone, Debug)]
pub struct RequestBuf {
    version: Version,
    method: Method,
    /// The method's text, the target's, and what the rest names and does not stand in these.
    octets: Vec<u8>,
    method_at: Span,
    target_at: Span,
    target: TargetAt,
    authority: Option<AuthorityAt>,
    fields: FieldLines,
    announced: Announced,
}

/// Where the parts of a target stand.
#[derive(Clone, Copy, Debug)]
struct TargetAt {
    form: Form,
    scheme: Option<Span>,
    authority: Option<AuthorityAt>,
    path: Span,
    query: Option<Span>,
}

/// Where the host of an authority stands, and the rest of it.
#[derive(Clone, Copy, Debug)]
struct AuthorityAt {
    host: Span,
    kind: HostKind,
    port: Option<u16>,
}

impl RequestBuf {
    /// A head made of its parts; none if method, target or authority can't be read.
    #[must_use]
    pub fn new(
        version: Version,
        method_text: &[u8],
        target_text: &[u8],
        authority: Option<&[u8]>,
        fields: FieldLines,
        announced: Announced,
    ) -> Option<Self> {
        let method = Method::parse(method_text);
        let target = Target::parse(method, target_text).ok().filter(|_| is_token(method_text))?;
        let named = match authority {
            Some(text) => Some(Authority::parse(text)?),
            None => None,
        };
        let authority = target.authority.or(named);
        let request = Request {
            version,
            method,
            method_text,
            target,
            target_text,
            authority,
            fields: Fields::EMPTY,
            announced,
        };
        Some(Self { fields, ..Self::from(&request) })
    }

    /// The head, to be read.
    #[must_use]
    pub fn view(&self) -> Request<'_> {
        let octets = &*self.octets;
        let authority =
            |at: AuthorityAt| Authority { host: at.host.of(octets), kind: at.kind, port: at.port };
        Request {
            version: self.version,
            method: self.method,
            method_text: self.method_at.of(octets),
            target: Target {
                form: self.target.form,
                scheme: self.target.scheme.map(|at| at.of(octets)),
                authority: self.target.authority.map(authority),
                path: self.target.path.of(octets),
                query: self.target.query.map(|at| at.of(octets)),
            },
            target_text: self.target_at.of(octets),
            authority: self.authority.map(authority),
            fields: self.fields.view(),
            announced: self.announced,
        }
    }
}

impl From<&Request<'_>> for RequestBuf {
    fn from(request: &Request<'_>) -> Self {
        let Request { method_text, target_text, target, .. } = request;
        let host = request.authority.map_or(0, |authority| authority.host.len());
        // One octet more: the path of an absolute target that has none stands in no text.
        let capacity = method_text.len() + target_text.len() + host + 1;
        let mut texts = Texts { octets: Vec::with_capacity(capacity), target_text, target_at: 0 };
        let method_at = texts.append(method_text);
        let target_at = texts.append(target_text);
        texts.target_at = target_at.start;
        let target = TargetAt {
            form: target.form,
            scheme: target.scheme.map(|scheme| texts.part(scheme)),
            authority: target.authority.map(|authority| texts.authority(authority)),
            path: texts.part(target.path),
            query: target.query.map(|query| texts.part(query)),
        };
        let authority = request.authority.map(|authority| texts.authority(authority));
        Self {
            version: request.version,
            method: request.method,
            octets: texts.octets,
            method_at,
            target_at,
            target,
            authority,
            fields: FieldLines::from(request.fields),
            announced: request.announced,
        }
    }
}

/// The octets of a head as they are put together.
struct Texts<'t> {
    octets: Vec<u8>,
    target_text: &'t [u8],
    /// Where the copy of the target's text begins.
    target_at: u32,
}

impl Texts<'_> {
    fn append(&mut self, text: &[u8]) -> Span {
        let start = self.octets.len() as u32;
        self.octets.extend_from_slice(text);
        Span { start, end: self.octets.len() as u32 }
    }

    /// Where a part of the target stands in its copy; what is no part of it is added.
    fn part(&mut self, part: &[u8]) -> Span {
        let whole = self.target_text;
        let before = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        if whole.len().checked_sub(part.len()).is_none_or(|room| before > room) {
            return self.append(part);
        }
        let start = self.target_at + before as u32;
        Span { start, end: start + part.len() as u32 }
    }

    fn authority(&mut self, authority: Authority<'_>) -> AuthorityAt {
        let Authority { host, kind, port } = authority;
        AuthorityAt { host: self.part(host), kind, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_copy_says_what_the_request_said(
            method in "GET|CONNECT|OPTIONS|M-SEARCH",
            target in "/[a-z?/]{0,9}|[*]|(http|x+y)://(h|127.0.0.1|\\[::1\\]|%41)(:80?)?(/a)?([?]b?)?|h:443|\\[::1\\]:1",
            host in proptest::option::of("h|[::1]|127.0.0.1:8080|a.b:|"),
        ) {
            let method_text = method.as_bytes();
            let method = Method::parse(method_text);
            let Ok(target_read) = Target::parse(method, target.as_bytes()) else { return Ok(()) };
            let named = host.as_deref().and_then(|host| Authority::parse(host.as_bytes()));
            let fields: FieldLines = [("Host", "h"), ("X-Mine", " "), ("if-match", "*")].into_iter().collect();
            let request = Request {
                version: Version::HTTP_11,
                method,
                method_text,
                target: target_read,
                target_text: target.as_bytes(),
                authority: target_read.authority.or(named),
                fields: fields.view(),
                announced: Announced::Unknown,
            };
            let copy = RequestBuf::from(&request);
            prop_assert_eq!(format!("{:?}", copy.view()), format!("{request:?}"));
            prop_assert_eq!(format!("{:?}", RequestBuf::from(&copy.view()).view()), format!("{request:?}"));
        }
    }

    #[test]
    fn a_copy_reads_as_what_it_was_made_from() {
        let fields: FieldLines = [("Host", "[::1]:80"), ("If-Match", "*")].into_iter().collect();
        let made = RequestBuf::new(
            Version::HTTP_11,
            b"PUT",
            b"/a?b",
            Some(b"[::1]:80"),
            fields,
            Announced::Length(3),
        )
        .unwrap();
        let copy = RequestBuf::from(&made.view());
        let (one, two) = (made.view(), copy.view());
        assert_eq!(
            (one.method, one.target, one.authority),
            (two.method, two.target, two.authority)
        );
        assert_eq!(one.fields.iter().collect::<Vec<_>>(), two.fields.iter().collect::<Vec<_>>());
        assert!(
            RequestBuf::new(
                Version::HTTP_11,
                b"G T",
                b"/",
                None,
                FieldLines::new(),
                Announced::Nothing
            )
            .is_none()
        );
    }
}
