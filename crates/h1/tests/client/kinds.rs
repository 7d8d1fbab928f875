//! Every kind of fault that an answer can have is brought about by some octets, and by no test's word alone.

use wherefore_message::{Cause, Fault, FaultKind as K};

use crate::drive::{GET, fault};

/// Octets that have this fault, the upstream's closing after them; none for a fault of requests or of time,
/// or of what an answer may have as much of as it likes.
fn example(kind: K) -> Option<String> {
    let fields = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
    let chunks = |text: &str| fields("Transfer-Encoding: chunked\r\n") + text;
    Some(match kind {
        K::StatusLine => "<html>".into(),
        K::StatusInvalid => "HTTP/1.1 99 Odd\r\n".into(),
        K::VersionSyntax => "HTTP/x".into(),
        K::VersionMajor => "HTTP/9.9".into(),
        K::VersionMinor => "HTTP/1.2".into(),
        K::BareLineFeed => fields("X: y\n"),
        K::BareCarriageReturn => fields("X: y\r\r\n"),
        K::FieldNameEmpty => fields(":\r\n"),
        K::FieldNameOctet => fields("X[]: y\r\n"),
        K::FieldNameSpace => fields("X : y\r\n"),
        K::FieldColonMissing => fields("X\r\n"),
        K::FieldValueOctet => fields("X: \u{8}\r\n"),
        K::FieldFolded => fields("X: y\r\n z\r\n"),
        K::SpaceBeforeFields => fields(" X: y\r\n"),
        K::FieldTooLarge => fields(&format!("X: {}\r\n", "y".repeat(17_000))),
        K::FieldsTooLarge => fields(&format!("X: {}\r\n", "y".repeat(9_000)).repeat(8)),
        K::FieldsTooMany => fields(&"X: y\r\n".repeat(201)),
        K::TrailersTooLarge => chunks("0\r\n") + &"X: y\r\n".repeat(2_000),
        K::LengthInvalid => fields("Content-Length: 1.5\r\n"),
        K::LengthsDiffer => fields("Content-Length: 1\r\nContent-Length: 2\r\n"),
        K::LengthAndCoding => fields("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
        K::CodingUnknown => fields("Transfer-Encoding: gzip\r\n"),
        K::CodingNotLast => fields("Transfer-Encoding: chunked, br\r\n"),
        K::CodingRepeated => fields("Transfer-Encoding: chunked, chunked\r\n"),
        K::CodingSyntax => fields("Transfer-Encoding: ?,=\r\n"),
        K::CodingInHttp10 => "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
        K::ConnectionSyntax => fields("Connection: a=b\r\n"),
        K::ChunkSize => chunks("zero\r\n"),
        K::ChunkSizeOverflow => chunks("fffffffffffffffff\r\n"),
        K::ChunkExtension => chunks("1;=\r\n"),
        K::ChunkLineTooLong => chunks(&format!("1;{}", "x".repeat(5_000))),
        K::ChunkEnd => chunks("1\r\nxx\r\n"),
        K::InterimTooMany => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(33),
        K::InterimTooLarge => {
            format!("HTTP/1.1 103 Hints\r\nLink: {}\r\n\r\n", "y".repeat(15_000)).repeat(5)
        }
        K::InterimContent => "HTTP/1.1 103 Hints\r\nContent-Length: 1\r\n\r\nx".into(),
        K::SwitchUnasked => "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n".into(),
        K::ClosedInHead => "HTTP/1.1 200 OK\r\nX: y\r\n".into(),
        K::ClosedInContent => fields("Content-Length: 2\r\n") + "x",
        K::MethodEmpty
        | K::MethodOctet
        | K::MethodTooLong
        | K::TargetEmpty
        | K::TargetOctet
        | K::TargetForm
        | K::TargetTooLong
        | K::TargetUserinfo
        | K::RequestLineSpaces
        | K::TlsOnPlain
        | K::HostMissing
        | K::HostRepeated
        | K::HostInvalid
        | K::ContentTooLarge
        | K::HeadLate
        | K::ContentLate
        | K::ContentSlow => return None,
    })
}

#[test]
fn every_kind_of_fault_is_brought_about() {
    let mut brought_about = 0;
    for kind in K::ALL {
        if let Some(input) = example(*kind) {
            let (found, at, _) = fault(&GET, input.as_bytes());
            assert_eq!(found, *kind);
            assert_eq!(Cause::from(Fault::new(found, at as usize)).status().code(), 502);
            brought_about += 1;
        }
    }
    assert_eq!(brought_about, K::ALL.len() - 17);
}
