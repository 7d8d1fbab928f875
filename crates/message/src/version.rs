//! The version of HTTP that a message speaks (RFC 9110 §2.5).

use core::fmt;

/// A version of HTTP as its two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The digit that changes the message syntax.
    pub major: u8,
    /// The digit that adds to it; an unknown one of a known major is served as the highest known.
    pub minor: u8,
}

impl Version {
    /// HTTP/1.0: no chunked coding, no interim answers, closes unless told otherwise.
    pub const HTTP_10: Self = Self { major: 1, minor: 0 };
    /// HTTP/1.1 (RFC 9112).
    pub const HTTP_11: Self = Self { major: 1, minor: 1 };
    /// HTTP/2 (RFC 9113).
    pub const HTTP_2: Self = Self { major: 2, minor: 0 };
    /// HTTP/3 (RFC 9114).
    pub const HTTP_3: Self = Self { major: 3, minor: 0 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.major {
            0 | 1 => write!(f, "HTTP/{}.{}", self.major, self.minor),
            major => write!(f, "HTTP/{major}"),
        }
    }
}
