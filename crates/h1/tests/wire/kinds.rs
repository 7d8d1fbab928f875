//! Every kind of fault that a request can have is brought about by some octets, and by no test's word alone.

use wherefore_h1::Limits;
use wherefore_message::FaultKind as K;

use crate::drive::fault_with;

/// Octets that have this fault; none for a fault of responses, of time, or of a peer that closed.
fn example(kind: K) -> Option<String> {
    let fields = |lines: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let chunks = |text: &str| fields("Transfer-Encoding: chunked\r\n") + text;
    Some(match kind {
        K::MethodEmpty => " / HTTP/1.1\r\n".into(),
        K::MethodOctet => "G@T / HTTP/1.1\r\n".into(),
        K::MethodTooLong => "M".repeat(100),
        K::TargetEmpty => "GET\r\n".into(),
        K::TargetOctet => "GET /\u{1} HTTP/1.1\r\n".into(),
        K::TargetForm => "GET a HTTP/1.1\r\n".into(),
        K::TargetTooLong => format!("GET /{}", "x".repeat(9_000)),
        K::TargetUserinfo => "GET http://u:p@a/ HTTP/1.1\r\n".into(),
        K::VersionSyntax => "GET / HTTX/1.1\r\n".into(),
        K::VersionMajor => "GET / HTTP/4.0\r\n".into(),
        K::RequestLineSpaces => "GET  / HTTP/1.1\r\n".into(),
        K::TlsOnPlain => "\u{16}\u{3}\u{3}".into(),
        K::BareLineFeed => fields("X: y\n"),
        K::BareCarriageReturn => fields("X: y\r\r\n"),
        K::FieldNameEmpty => fields(":\r\n"),
        K::FieldNameOctet => fields("X[]: y\r\n"),
        K::FieldNameSpace => fields("X : y\r\n"),
        K::FieldColonMissing => fields("X\r\n"),
        K::FieldValueOctet => fields("X: \u{8}\r\n"),
        K::FieldFolded => fields(" X\r\n"),
        K::SpaceBeforeFields => "GET / HTTP/1.1\r\n Host: a\r\n\r\n".into(),
        K::FieldTooLarge => fields(&format!("X: {}\r\n", "y".repeat(17_000))),
        K::FieldsTooLarge => fields(&format!("X: {}\r\n", "y".repeat(9_000)).repeat(8)),
        K::FieldsTooMany => fields(&"X: y\r\n".repeat(100)),
        K::TrailersTooLarge => chunks("0\r\n") + &"X: y\r\n".repeat(2_000),
        K::HostMissing => "GET / HTTP/1.1\r\n\r\n".into(),
        K::HostRepeated => fields("Host: a\r\n"),
        K::HostInvalid => "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n".into(),
        K::LengthInvalid => fields("Content-Length: 1.5\r\n"),
        K::LengthsDiffer => fields("Content-Length: 1, 2\r\n"),
        K::LengthAndCoding => fields("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
        K::CodingUnknown => fields("Transfer-Encoding: br\r\n"),
        K::CodingNotLast => fields("Transfer-Encoding: chunked, br\r\n"),
        K::CodingRepeated => fields("Transfer-Encoding: chunked, chunked\r\n"),
        K::CodingSyntax => fields("Transfer-Encoding: ?,=\r\n"),
        K::CodingInHttp10 => "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
        K::ConnectionSyntax => fields("Connection: a=b\r\n"),
        K::ChunkSize => chunks("zero\r\n"),
        K::ChunkSizeOverflow => chunks("fffffffffffffffff\r\n"),
        K::ChunkExtension => chunks("1;=\r\n"),
        K::ChunkLineTooLong => chunks(&format!("1;{}", "x".repeat(5_000))),
        K::ChunkEnd => chunks("1\r\nxx\r\n"),
        K::ContentTooLarge => chunks("fffffffff\r\n"),
        K::StatusLine
        | K::StatusInvalid
        | K::VersionMinor
        | K::InterimTooMany
        | K::InterimTooLarge
        | K::InterimContent
        | K::SwitchUnasked
        | K::HeadLate
        | K::ContentLate
        | K::ContentSlow
        | K::ClosedInHead
        | K::ClosedInContent => return None,
    })
}

#[test]
fn every_kind_of_fault_is_brought_about() {
    let limits = Limits::default();
    let mut brought_about = 0;
    for kind in K::ALL {
        if let Some(input) = example(*kind) {
            assert_eq!(fault_with(input.as_bytes(), &limits).0, *kind);
            brought_about += 1;
        }
    }
    assert_eq!(brought_about, K::ALL.len() - 12);
}
