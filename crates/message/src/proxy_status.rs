//! `Proxy-Status` (RFC 9209): what an intermediary tells of how it came by an answer, as a member of a list of
//! structured fields (RFC 9651 §3.1).

use crate::cause::Cause;
use crate::status::Status;
use crate::token::is_token_octet;

/// What one intermediary tells. The nearest to the client stands last (RFC 9209 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Who tells.
    pub proxy: &'a str,
    /// Why the answer is this intermediary's own (RFC 9209 §2.1.1).
    pub error: Option<Cause>,
    /// Whom it asked (RFC 9209 §2.1.2).
    pub next_hop: Option<&'a str>,
    /// The status that it got (RFC 9209 §2.1.4).
    pub received_status: Option<Status>,
    /// More, for people (RFC 9209 §2.1.5).
    pub details: Option<&'a str>,
}

impl<'a> Member<'a> {
    /// This intermediary has an answer of its own, for this cause.
    #[must_use]
    pub const fn error(proxy: &'a str, cause: Cause) -> Self {
        Self {
            proxy,
            error: Some(cause),
            next_hop: None,
            received_status: None,
            details: Some(cause.text()),
        }
    }

    /// Appends the member.
    pub fn write(&self, out: &mut String) {
        if is_sf_token(self.proxy) {
            out.push_str(self.proxy);
        } else {
            string(self.proxy, out);
        }
        if let Some(cause) = self.error {
            // The error types are tokens (RFC 9209 §2.1.1).
            out.push_str("; error=");
            out.push_str(cause.token());
        }
        if let Some(next_hop) = self.next_hop {
            out.push_str("; next-hop=");
            string(next_hop, out);
        }
        if let Some(status) = self.received_status {
            out.push_str("; received-status=");
            out.push_str(&status.code().to_string());
        }
        if let Some(details) = self.details {
            out.push_str("; details=");
            string(details, out);
        }
    }

    /// The member alone, as a value.
    #[must_use]
    pub fn written(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// Whether `text` is a token of structured fields (RFC 9651 §3.3.4).
fn is_sf_token(text: &str) -> bool {
    let mut octets = text.bytes();
    octets.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'*')
        && octets.all(|octet| is_token_octet(octet) || matches!(octet, b':' | b'/'))
}

/// A string of structured fields holds visible ASCII and spaces alone (RFC 9651 §3.3.3).
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::Dictionary;

    #[test]
    fn members() {
        let refused = Member::error("wherefore-1", Cause::Refused);
        assert_eq!(
            refused.written(),
            "wherefore-1; error=connection_refused; details=\"the upstream refuses the connection\""
        );
        let passed = Member {
            proxy: "1 proxy\u{fc}",
            error: None,
            next_hop: Some("10.0.0.1:80"),
            received_status: Some(Status::NOT_FOUND),
            details: Some("a\"b\\\r\n"),
        };
        let expected =
            "\"1 proxy?\"; next-hop=\"10.0.0.1:80\"; received-status=404; details=\"a\\\"b\\\\??\"";
        assert_eq!(passed.written(), expected);
    }

    #[test]
    fn every_cause_is_read_again() {
        for cause in Cause::ALL {
            let member = Member {
                next_hop: Some("unix:/run/app.sock"),
                received_status: Some(Status::OK),
                ..Member::error("wherefore", *cause)
            };
            // The same item as the member of a dictionary, which is what can be read here.
            let text = format!("a={}", member.written());
            let read = Dictionary::read([text.as_bytes()].into_iter()).unwrap();
            let item = read.item("a").unwrap();
            let names: Vec<_> = item.parameters.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, ["error", "next-hop", "received-status", "details"]);
        }
    }
}
