//! The field that brings credentials (RFC 9110 §11.4, §11.6.2).

use std::fmt;

use wherefore_message::token::{is_token_octet, trim};
use wherefore_message::{FieldName, Fields};

/// Credentials, by their scheme, and what stands behind its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// See [`crate::basic`].
    Basic(&'a [u8]),
    /// See [`crate::bearer`].
    Bearer(&'a [u8]),
    /// A scheme that is not known here, or no scheme at all.
    Other,
}

/// The field stands on several lines: which credentials are meant can't be said (RFC 9110 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

impl<'a> Authorization<'a> {
    /// The credentials in this field, `Authorization` or `Proxy-Authorization`; none without it.
    ///
    /// # Errors
    ///
    /// If there are several lines.
    pub fn read(fields: Fields<'a>, name: FieldName) -> Result<Option<Self>, Repeated> {
        let mut lines = fields.all(name);
        let Some(value) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            return Err(Repeated);
        }
        Ok(Some(Self::parse(value)))
    }

    fn parse(value: &'a [u8]) -> Self {
        let end = value.iter().position(|octet| !is_token_octet(*octet)).unwrap_or(value.len());
        let (scheme, rest) = value.split_at(end);
        if !rest.is_empty() && !rest.starts_with(b" ") {
            return Self::Other;
        }
        match scheme {
            _ if scheme.eq_ignore_ascii_case(b"Basic") => Self::Basic(trim(rest)),
            _ if scheme.eq_ignore_ascii_case(b"Bearer") => Self::Bearer(trim(rest)),
            _ => Self::Other,
        }
    }
}

/// The scheme alone: the rest is secret.
impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic(_) => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::Other => "Other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherefore_message::FieldLines;

    #[test]
    fn schemes_in_any_case() {
        for (value, expected) in [
            ("Basic QTpi", Authorization::Basic(b"QTpi")),
            ("bASIC   QTpi", Authorization::Basic(b"QTpi")),
            ("bearer a.b.c", Authorization::Bearer(b"a.b.c")),
            ("Bearer", Authorization::Bearer(b"")),
            ("Basic,x", Authorization::Other),
            ("Basic\tQTpi", Authorization::Other),
            ("Digest username=\"a\"", Authorization::Other),
            ("", Authorization::Other),
        ] {
            let lines: FieldLines = [("Authorization", value)].into_iter().collect();
            let read = Authorization::read(lines.view(), FieldName::Authorization);
            assert_eq!(read, Ok(Some(expected)), "{value}");
            let other = Authorization::read(lines.view(), FieldName::ProxyAuthorization);
            assert_eq!(other, Ok(None));
        }
        let lines: FieldLines = [("Authorization", "Basic QTpi"), ("authorization", "Basic QTpi")]
            .into_iter()
            .collect();
        assert_eq!(Authorization::read(lines.view(), FieldName::Authorization), Err(Repeated));
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let shown = format!("{:?}", Authorization::parse(b"Basic c2VjcmV0"));
        assert_eq!(shown, "Basic(..)");
    }
}
