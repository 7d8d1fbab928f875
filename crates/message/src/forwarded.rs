//! The elements of `Forwarded` as a proxy writes them (RFC 7239 §4).

use core::net::IpAddr;

use crate::network::write_address;
use crate::token::is_token;

/// What one proxy says of whoever asked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Who asked; none if that is not to be known.
    pub by_whom: Option<IpAddr>,
    /// The host that was asked for, as it was written.
    pub host: Option<&'a [u8]>,
    /// The scheme that was used, a token.
    pub proto: &'a str,
}

impl Element<'_> {
    /// Appends the element.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"for=");
        match self.by_whom.map(|address| address.to_canonical()) {
            None => out.extend_from_slice(b"unknown"),
            Some(address @ IpAddr::V4(_)) => write_address(address, out),
            // Brackets and colons stand in no token (RFC 7239 §6).
            Some(address @ IpAddr::V6(_)) => {
                out.extend_from_slice(b"\"[");
                write_address(address, out);
                out.extend_from_slice(b"]\"");
            }
        }
        if let Some(host) = self.host {
            out.extend_from_slice(b";host=");
            value(host, out);
        }
        out.extend_from_slice(b";proto=");
        out.extend_from_slice(self.proto.as_bytes());
    }
}

/// A token, or else a quoted string (RFC 7239 §4).
fn value(text: &[u8], out: &mut Vec<u8>) {
    if is_token(text) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for octet in text {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*octet);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        for (by_whom, host, expected) in [
            (Some("192.0.2.1"), Some("a.example"), "for=192.0.2.1;host=a.example;proto=http"),
            (Some("::ffff:192.0.2.1"), None, "for=192.0.2.1;proto=http"),
            (Some("2001:db8::1"), Some("a:80"), "for=\"[2001:db8::1]\";host=\"a:80\";proto=http"),
            (None, Some("a\"b\\"), "for=unknown;host=\"a\\\"b\\\\\";proto=http"),
            (None, Some(""), "for=unknown;host=\"\";proto=http"),
        ] {
            let by_whom = by_whom.map(|text| text.parse().unwrap());
            let mut out = Vec::new();
            Element { by_whom, host: host.map(str::as_bytes), proto: "http" }.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
