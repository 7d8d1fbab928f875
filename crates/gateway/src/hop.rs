//! What ends with the connection that a message came by (RFC 9110 §7.6.1), in either direction.

use wherefore_message::response::OF_THE_CONNECTION;
pub(crate) use wherefore_message::token::is_value;
use wherefore_message::token::{is_token, trim};
use wherefore_message::{FieldName, FieldSet, Fields};

/// The most options of `Connection` that are looked at. A message with more has each field dropped that an option
/// could name.
pub(crate) const OPTIONS_MAX: usize = 64;

/// Fields that no connection option drops, since they speak to everyone: all that are known here but those of the
/// connection itself. A client could else take from a request what the gateway before us added, or what access is
/// decided by; the sender may not name such a field (RFC 9110 §7.6.1), so none that is right is touched.
///
/// Of the others any that is named goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    fields: Fields<'a>,
    named: Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Nothing,
    Some,
    /// There are too many options to tell.
    Everything,
}

impl<'a> Options<'a> {
    /// The options of a message with these fields.
    pub(crate) fn of(fields: Fields<'a>) -> Self {
        let mut named = Named::Nothing;
        if fields.has(FieldName::Connection) {
            for (i, option) in options_of(fields).take(OPTIONS_MAX + 1).enumerate() {
                if i == OPTIONS_MAX {
                    named = Named::Everything;
                } else if !is_usual(option) {
                    named = Named::Some;
                }
            }
        }
        Self { fields, named }
    }

    /// Whether a line ends with the connection.
    pub(crate) fn end(&self, known: FieldName, name: &[u8]) -> bool {
        match known {
            FieldName::Other => self.name(name) || is_always_hop(name),
            known => OF_THE_CONNECTION.has(known),
        }
    }

    /// Whether `option` is among them; it is looked for among the first.
    pub(crate) fn has(&self, option: &str) -> bool {
        options_of(self.fields)
            .take(OPTIONS_MAX)
            .any(|other| other.eq_ignore_ascii_case(option.as_bytes()))
    }

    fn name(&self, name: &[u8]) -> bool {
        match self.named {
            Named::Nothing => false,
            Named::Everything => true,
            Named::Some => options_of(self.fields).any(|option| option.eq_ignore_ascii_case(name)),
        }
    }
}

/// Each option. They are tokens: a quote is none, and must not hide the ones behind it.
fn options_of<'a>(fields: Fields<'a>) -> impl Iterator<Item = &'a [u8]> {
    let lines = fields.all(FieldName::Connection);
    lines
        .flat_map(|line| line.split(|octet| *octet == b','))
        .map(trim)
        .filter(|option| !option.is_empty())
}

/// The options that name no field that would not go anyway.
fn is_usual(option: &[u8]) -> bool {
    const USUAL: [&str; 4] = ["keep-alive", "close", "upgrade", "te"];
    USUAL.iter().any(|usual| option.eq_ignore_ascii_case(usual.as_bytes()))
}

/// Fields that speak of one connection whatever `Connection` says, beside the known ones.
fn is_always_hop(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"HTTP2-Settings")
        || name.eq_ignore_ascii_case(b"Proxy-Authentication-Info")
}

/// What is said to whoever is next alone (RFC 9110 §11.7): it was said to us.
pub(crate) const PROXY_AUTHENTICATION: FieldSet =
    FieldSet::of(&[FieldName::ProxyAuthenticate, FieldName::ProxyAuthorization]);

/// Appends a line, if it is one.
pub(crate) fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    if is_token(name) && is_value(value) {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// Appends a line that is certainly one.
#[inline]
pub(crate) fn own_line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.reserve(name.len() + value.len() + 4);
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}
