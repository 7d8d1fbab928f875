//! What somebody else is told of a request, who says whether it may come in: its fields as they would be forwarded,
//! and what was asked for, by the names that such servers look for. Its content stays here.

use wherefore_message::{Announced, FieldLines, FieldName, FieldSet, Method, Request};

use crate::forward::{self, From, Policy};

/// Fields of the client that are about the content of its request or of the answer: whoever is asked sees neither.
const WITHHELD: FieldSet = FieldSet::of(&[
    FieldName::AcceptEncoding,
    FieldName::ContentEncoding,
    FieldName::ContentLength,
    FieldName::ContentRange,
    FieldName::ContentType,
    FieldName::Expect,
    FieldName::IdempotencyKey,
    FieldName::IfMatch,
    FieldName::IfModifiedSince,
    FieldName::IfNoneMatch,
    FieldName::IfRange,
    FieldName::IfUnmodifiedSince,
    FieldName::PaymentSignature,
    FieldName::Prefer,
    FieldName::Range,
    FieldName::WantContentDigest,
    FieldName::WantReprDigest,
]);

/// Appends the lines of the request by which somebody else is asked about the request of `from`. The same request of
/// the same client makes the same lines, so that what was said of one can be remembered for the other.
pub fn lines(policy: &Policy, from: &From<'_>, out: &mut Vec<u8>) {
    let request = from.request;
    let mut own = FieldLines::new();
    let target = target(request);
    let mut url = [from.client.scheme.name().as_bytes(), b"://"].concat();
    forward::host(&Policy { host: forward::Host::Client, ..policy.clone() }, request, "", &mut url);
    url.extend_from_slice(&target);
    // By the one family Traefik's users look, by the other nginx's.
    own.push(b"X-Forwarded-Method", request.method_text);
    own.push(b"X-Forwarded-Uri", &target);
    own.push(b"X-Original-Method", request.method_text);
    own.push(b"X-Original-URL", &url);
    let asked = Request {
        method: Method::Get,
        method_text: b"GET",
        announced: Announced::Nothing,
        ..*request
    };
    let from = From {
        request: &asked,
        copied: own.view(),
        user: None,
        request_id: "",
        withheld: WITHHELD,
        lines: b"",
        ..*from
    };
    let _ = forward::fields(policy, &from, out);
}

/// The request's target in origin form, as it came.
fn target(request: &Request<'_>) -> Vec<u8> {
    let path = if request.target.path.is_empty() { b"*" } else { request.target.path };
    match request.target.query {
        Some(query) => [path, b"?", query].concat(),
        None => path.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use wherefore_decide::{Client, Scheme};
    use wherefore_message::Version;
    use wherefore_message::request::RequestBuf;

    use super::*;
    use crate::forward::PeerTrust;

    const PEER: [u8; 4] = [203, 0, 113, 9];

    fn told(
        method: &str,
        target: &str,
        lines: &[(&str, &str)],
        peer_trust: PeerTrust,
    ) -> Vec<(String, String)> {
        let fields: FieldLines = lines.iter().copied().collect();
        let (version, announced) = (Version::HTTP_11, Announced::Length(5));
        let request = RequestBuf::new(
            version,
            method.as_bytes(),
            target.as_bytes(),
            Some(b"shop.example"),
            fields,
            announced,
        )
        .unwrap();
        let (client, view) = (Client::at(PEER.into()), request.view());
        let peer: IpAddr = PEER.into();
        let empty = FieldLines::new();
        let from = From {
            request: &view,
            client: &client,
            peer,
            peer_trust,
            scheme: Scheme::Http,
            copied: empty.view(),
            user: Some("eve"),
            request_id: "id-1",
            withheld: FieldSet::EMPTY,
            lines: b"",
        };
        let mut out = Vec::new();
        super::lines(&Policy::new("us"), &from, &mut out);
        let text = String::from_utf8(out).unwrap();
        let lines = text.split_terminator("\r\n").map(|line| line.split_once(": ").unwrap());
        lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
    }

    fn value<'a>(told: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        let lines = told.iter().filter(|(other, _)| other == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn what_was_asked_for_is_told_and_content_is_not() {
        for target in ["/a%20b?c=d&e", "http://shop.example/a%20b?c=d&e"] {
            let told = told(
                "POST",
                target,
                &[
                    ("Host", "shop.example"),
                    ("Cookie", "session=1"),
                    ("Authorization", "Bearer x"),
                    ("Content-Type", "text/plain"),
                    ("Content-Length", "5"),
                    ("Expect", "100-continue"),
                    ("If-None-Match", "*"),
                    ("Range", "bytes=0-1"),
                    ("PAYMENT-SIGNATURE", "money"),
                    ("Connection", "close, x-hop"),
                    ("X-Hop", "1"),
                    ("X-Forwarded-Method", "DELETE"),
                    ("X-Forwarded-Uri", "/public"),
                    ("X-Original-URL", "http://evil.example/"),
                    ("Remote-User", "root"),
                ],
                PeerTrust::Stranger,
            );
            for (name, wanted) in [
                ("cookie", &["session=1"][..]),
                ("authorization", &["Bearer x"]),
                ("x-forwarded-method", &["POST"]),
                ("x-forwarded-uri", &["/a%20b?c=d&e"]),
                ("x-forwarded-host", &["shop.example"]),
                ("x-forwarded-proto", &["http"]),
                ("x-forwarded-for", &["203.0.113.9"]),
                ("x-original-method", &["POST"]),
                ("x-original-url", &["http://shop.example/a%20b?c=d&e"]),
                ("via", &["1.1 us"]),
            ] {
                assert_eq!(value(&told, name), wanted, "{name}");
            }
            assert_eq!(told.len(), 11, "{told:?}");
        }
    }

    proptest! {
        /// Whoever is asked hears one value of each name that it decides by, and it is ours.
        #[test]
        fn nobody_says_another_way(
            lines in vec((select(vec![
                "X-Forwarded-Method", "x-forwarded-uri", "X-Original-URL", "x_original_url", "X-Original-Method",
                "X-Forwarded-Host", "Connection", "Accept",
            ]), select(vec!["GET", "/public", "x-original-url, x-forwarded-uri", "http://evil.example/", ""])), 0..8),
            trust in select(vec![PeerTrust::Stranger, PeerTrust::Either, PeerTrust::XForwarded]),
        ) {
            let told = told("PUT", "/secret", &lines, trust);
            prop_assert_eq!(value(&told, "x-forwarded-method"), ["PUT"]);
            prop_assert_eq!(value(&told, "x-forwarded-uri"), ["/secret"]);
            prop_assert_eq!(value(&told, "x-original-method"), ["PUT"]);
            prop_assert_eq!(value(&told, "x-original-url"), ["http://shop.example/secret"]);
        }
    }
}
