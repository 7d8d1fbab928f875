//! Trailer fields that go on, in either direction (RFC 9110 §6.5.1): none that should have been known before the
//! content, whose place is the head alone.

use wherefore_message::{FieldName, FieldSet, Fields};

use crate::claims::is_claim;
use crate::hop::{Options, line};

/// Appends the lines of a trailer section that go on. `head` is the head of the same message, whose `Connection` names
/// what ends with it.
pub fn trailers(head: Fields<'_>, trailers: Fields<'_>, out: &mut Vec<u8>) {
    let options = Options::of(head);
    let lines = trailers.lines().iter().zip(trailers.iter());
    for (known, (name, value)) in lines.map(|(known, text)| (known.name, text)) {
        let is_late = match known {
            FieldName::Other => !is_of_the_head(name) && !is_claim(name),
            known => LATE.has(known),
        };
        if is_late && !options.end(known, name) {
            line(name, value, out);
        }
    }
}

/// Known fields whose definitions let them come late: RFC 9110 §8.8.3 and §14.3, RFC 9530 §2 and §3, RFC 9209 §2.
const LATE: FieldSet = FieldSet::of(&[
    FieldName::AcceptRanges,
    FieldName::ContentDigest,
    FieldName::ETag,
    FieldName::ProxyStatus,
    FieldName::ReprDigest,
]);

/// Whether a field that is not known belongs to the head by its family: what frames, routes, authenticates, modifies
/// a request, controls an answer or describes content.
fn is_of_the_head(name: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 7] =
        [b"accept-", b"access-control-", b"cdn-", b"content-", b"if-", b"proxy-", b"sec-"];
    const NAMES: [&[u8]; 6] =
        [b"alt-svc", b"from", b"http2-settings", b"refresh", b"set-cookie2", b"surrogate-control"];
    let begins = |beginning: &&[u8]| {
        name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    BEGINNINGS.iter().any(begins) || NAMES.iter().any(|other| other.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wherefore_message::FieldLines;

    #[test]
    fn what_comes_late() {
        let lines: FieldLines = [
            ("grpc-status", "0"),
            ("Content-Length", "5"),
            ("transfer-encoding", "chunked"),
            ("Host", "evil"),
            ("Authorization", "x"),
            ("Set-Cookie", "a=b"),
            ("Content-Type", "text/html"),
            ("Content-Disposition", "x"),
            ("Content-Foo", "x"),
            ("X-Forwarded-User", "root"),
            ("x_y", "z"),
            ("Cache-Control", "no-store"),
            ("Content-Digest", "sha-256=:x:"),
            ("Named", "x"),
            ("Server-Timing", "a"),
        ]
        .into_iter()
        .collect();
        let head: FieldLines = [("Connection", "close, named, server")].into_iter().collect();
        let mut out = Vec::new();
        trailers(head.view(), lines.view(), &mut out);
        let expected = "grpc-status: 0\r\nContent-Digest: sha-256=:x:\r\nServer-Timing: a\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
