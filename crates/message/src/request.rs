//! A request's head, of any version of HTTP, read in place.

use crate::authority::Authority;
use crate::field::{FieldLines, Fields};
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

/// A request's head that owns its octets: for work that outlives the buffer it came in.
#[derive(Clone, Debug)]
pub struct RequestBuf {
    version: Version,
    method: Vec<u8>,
    target: Vec<u8>,
    authority: Option<Vec<u8>>,
    fields: FieldLines,
    announced: Announced,
}

impl RequestBuf {
    /// A head made of its parts; none if method, target or authority can't be read.
    #[must_use]
    pub fn new(
        version: Version,
        method: &[u8],
        target: &[u8],
        authority: Option<&[u8]>,
        fields: FieldLines,
        announced: Announced,
    ) -> Option<Self> {
        let parsed = Method::parse(method);
        let readable = is_token(method)
            && Target::parse(parsed, target).is_ok()
            && authority.is_none_or(|text| Authority::parse(text).is_some());
        readable.then(|| Self {
            version,
            method: method.to_vec(),
            target: target.to_vec(),
            authority: authority.map(<[u8]>::to_vec),
            fields,
            announced,
        })
    }

    /// The head, to be read.
    #[must_use]
    pub fn view(&self) -> Request<'_> {
        let method = Method::parse(&self.method);
        // Both were parsed when this was made; were they not, the request would name nothing.
        let nothing =
            Target { form: Form::Asterisk, scheme: None, authority: None, path: b"", query: None };
        let target = Target::parse(method, &self.target).unwrap_or(nothing);
        let named = self.authority.as_deref().and_then(Authority::parse);
        Request {
            version: self.version,
            method,
            method_text: &self.method,
            target,
            target_text: &self.target,
            authority: target.authority.or(named),
            fields: self.fields.view(),
            announced: self.announced,
        }
    }
}

impl From<&Request<'_>> for RequestBuf {
    fn from(request: &Request<'_>) -> Self {
        let mut fields = FieldLines::new();
        for (name, value) in request.fields.iter() {
            fields.push(name, value);
        }
        Self {
            version: request.version,
            method: request.method_text.to_vec(),
            target: request.target_text.to_vec(),
            authority: request.authority.map(|authority| authority.to_string().into_bytes()),
            fields,
            announced: request.announced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
