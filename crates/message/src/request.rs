//! A request's head, of any version of HTTP, read in place.

use crate::authority::Authority;
use crate::field::Fields;
use crate::method::Method;
use crate::target::Target;
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
