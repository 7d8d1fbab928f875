//! A citation: which sentence of which RFC a rule or a fault rests on, as data that can be printed.

use core::fmt;

/// A section of a current RFC. Obsoleted RFCs are never cited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The RFC's number, such as 9110.
    pub rfc: u16,
    /// The section as the RFC numbers it, without the sign: `13.2.2`.
    pub section: &'static str,
}

impl Spec {
    /// The section `section` of RFC `rfc`.
    #[must_use]
    pub const fn new(rfc: u16, section: &'static str) -> Self {
        Self { rfc, section }
    }
}

/// Written as `RFC 9110 §13.2.2`, the one form used everywhere.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RFC {} §{}", self.rfc, self.section)
    }
}

/// The RFCs that may be cited; a test holds every citation in the workspace to this list.
pub const CURRENT_RFCS: &[u16] = &[
    1035, 2046, 2295, 2296, 2518, 2774, 3229, 3986, 4647, 4918, 5023, 5646, 5789, 5842, 5861, 6266,
    6585, 6750, 6838, 6901, 6902, 7239, 7240, 7396, 7515, 7517, 7519, 7578, 7617, 7694, 7725, 8246,
    8259, 8288, 8297, 8470, 8615, 8725, 9110, 9111, 9112, 9113, 9114, 9209, 9211, 9213, 9457, 9530,
    9651,
];
