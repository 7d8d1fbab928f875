//! Where redirects lead: to this very resource with a slash, on this very host.

use proptest::prelude::*;
use wherefore_decide::Scheme;
use wherefore_decide::facts::Members;
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_message::path;
use wherefore_message::target::Target;
use wherefore_message::{FieldName, Method, ResponseHead, Status};

use crate::ask::{Asked, Split, folder, hostile_targets};

/// The octets that a text with percent-encoding stands for; a `%` without digits stands for itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(octet) = text.get(at) {
        let digits = text.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let value = digits
            .filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match (octet, value) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 3;
            }
            _ => {
                out.push(*octet);
                at += 1;
            }
        }
    }
    out
}

fn location(asked: &Asked) -> Option<(Status, String)> {
    let (said, _) = asked.ask(&folder(None, Members::NotAsked));
    let verdict = said.verdict()?;
    if !matches!(verdict.status, Status::MOVED_PERMANENTLY | Status::PERMANENT_REDIRECT) {
        return None;
    }
    asked.read(Split::ALineAField, |request| {
        let mut scratch = Vec::new();
        let setting = Setting {
            verdict,
            request: Some(request),
            path: Some(path::decode(request.target.path, &mut scratch).unwrap()),
            matched: None,
            dress: None,
            scheme: Scheme::Http,
            current: None,
            varies: Varies::Not,
            field: None,
        };
        let mut head = ResponseHead::new(Status::OK);
        reply::fields(&setting, &mut head);
        let value = head.value(FieldName::Location).unwrap().to_string();
        Some((verdict.status, value))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_redirect_stays_on_its_host_and_keeps_its_query(
        target in hostile_targets(),
        method in proptest::sample::select(vec!["GET", "HEAD", "OPTIONS"]),
    ) {
        let asked = Asked::new(method, &target);
        let Some((status, location)) = location(&asked) else { return Ok(()) };
        let reads = method != "OPTIONS";
        prop_assert_eq!(status == Status::MOVED_PERMANENTLY, reads);
        prop_assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
        // A browser reads a backslash as a slash.
        prop_assert!(!location.contains('\\'), "{location}");
        // RFC 3986 §2: what stands in a URI reference.
        let is_uri = location.bytes().all(|octet| octet.is_ascii_alphanumeric()
            || b"-._~:/?#[]@!$&'()*+,;=%".contains(&octet));
        prop_assert!(is_uri, "{location}");

        let sent = Target::parse(Method::Get, target.as_bytes()).unwrap();
        let led = Target::parse(Method::Get, location.as_bytes()).unwrap();
        prop_assert_eq!(sent.query.map(decoded), led.query.map(decoded));
        let mut wanted = asked.decoded_path().unwrap();
        wanted.push(b'/');
        let again = Asked::new(method, &location);
        prop_assert_eq!(again.decoded_path(), Some(wanted));
        // And there it leads no further.
        prop_assert!(again.ask(&folder(None, Members::NotAsked)).0.status() == Some(Status::OK));
    }
}

#[test]
fn hostile_paths_by_name() {
    for (target, wanted) in [
        ("//evil.example", Some("/evil.example/")),
        ("///evil.example?//x", Some("/evil.example/?//x")),
        ("/\\evil.example", Some("/%5Cevil.example/")),
        ("/%5cevil.example", Some("/%5Cevil.example/")),
        ("/%2f/evil.example", None),
        ("/a/..//evil.example", Some("/evil.example/")),
        ("/a%0d%0aSet-Cookie:x", Some("/a%0D%0ASet-Cookie:x/")),
        ("/a?\"<\u{e4}>", Some("/a/?%22%3C%C3%A4%3E")),
    ] {
        let led = location(&Asked::new("GET", target)).map(|(_, location)| location);
        assert_eq!(led.as_deref(), wanted, "{target}");
    }
}
