//! Answers of an upstream: they are its own, but what an operator and a route's policy say stands in their place.

use std::sync::Arc;

use wherefore_decide::Scheme;
use wherefore_decide::policy::cors::{Credentials, Origins};
use wherefore_decide::policy::{Dress, Site};
use wherefore_decide::reply;
use wherefore_message::response::{Author, Lines};
use wherefore_message::{FieldName, FieldSet, ResponseHead, Status};

use crate::ask::{Asked, Split};
use crate::policies::{cors, guarded};

fn relayed(status: Status, lines: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead::new(status);
    head.author = Author::Upstream;
    for (name, value) in lines {
        head.relay(name.as_bytes(), value.as_bytes());
    }
    head
}

fn dressed(site: &Site, dress: &Dress, asked: &Asked, head: &mut ResponseHead) -> String {
    let route = &site.routes()[0];
    asked.read(Split::ALineAField, |request| {
        reply::dress::dress(dress, Some(route), request, Scheme::Http, &[], head);
    });
    let mut all = String::from_utf8(head.relayed_written().to_vec()).unwrap();
    for (name, value) in head.fields() {
        all.push_str(&format!("{name}: {value}\r\n"));
    }
    for lines in head.lines() {
        all.push_str(str::from_utf8(lines.written()).unwrap());
    }
    all
}

#[test]
fn what_an_upstream_left_out_is_its_own_affair() {
    let mut head = relayed(Status::UNAUTHORIZED, &[("Content-Type", "text/plain")]);
    assert_eq!(reply::seal(&mut head), Ok(()));
    head.author = Author::Ours;
    assert_eq!(reply::seal(&mut head), Err(FieldSet::of(&[FieldName::WwwAuthenticate])));
}

#[test]
fn the_operators_fields_replace_the_upstreams() {
    let dress = Dress {
        known: [
            (FieldName::Server, "ours"),
            (FieldName::CacheControl, "no-store"),
            (FieldName::ContentSecurityPolicy, "default-src 'self'"),
            (FieldName::ETag, "\"never\""),
            (FieldName::Vary, "Cookie"),
        ]
        .map(|(name, value)| (name, Arc::from(value)))
        .into(),
        lines: Lines::new([("X-Own", "a")]).map(Arc::new),
        ..Dress::default()
    };
    let mut head = relayed(
        Status::NOT_FOUND,
        &[
            ("server", "theirs"),
            ("cache-control", "max-age=9"),
            ("Content-Security-Policy", "default-src *"),
            ("x-own", "b"),
            ("X-Other", "c"),
            ("ETag", "\"x\""),
            ("Vary", "Accept, cookie"),
        ],
    );
    let site = guarded(|_| {});
    let written = dressed(&site, &dress, &Asked::new("GET", "/a"), &mut head);
    assert_eq!(
        written,
        "X-Other: c\r\nETag: \"x\"\r\nVary: Accept, cookie\r\nServer: ours\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'self'\r\nX-Own: a\r\n"
    );
}

#[test]
fn what_other_sites_may_do_is_the_routes_to_say() {
    let policy = cors(Origins::These(vec!["https://a.example".into()]), Credentials::Omitted);
    let site = guarded(|route| route.cors = Some(policy));
    let theirs = [
        ("Access-Control-Allow-Origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("Vary", "Accept"),
    ];
    for (origin, allowed) in [("https://a.example", true), ("https://evil.example", false)] {
        let mut head = relayed(Status::OK, &theirs);
        let asked = Asked::new("GET", "/a").with("Origin", origin);
        let written = dressed(&site, &Dress::default(), &asked, &mut head);
        let expected = "Access-Control-Allow-Origin: https://a.example\r\n";
        assert_eq!(written.contains(expected), allowed, "{written}");
        assert!(!written.contains('*') && !written.contains("true"), "{written}");
        assert!(written.starts_with("Vary: Accept\r\nVary: Origin\r\n"), "{written}");
    }
}
