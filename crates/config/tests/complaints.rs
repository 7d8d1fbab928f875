//! What people are told: files with mistakes, and every word that is said about them.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use wherefore_config::{Colours, Source, read};

/// What is said about a file, a complaint a line.
fn said(text: &str) -> Vec<String> {
    let (_, report) = read(Source::new("w", text));
    report.lines().collect()
}

/// The same for the keys of a route.
fn said_of_route(keys: &str) -> Vec<String> {
    said(&format!("site.a.route.path = \"/x\"\nsite.a.route.folder = \"x\"\n{keys}"))
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_and_in_order() {
    let text = "[server]\n\
                lisen = \"0.0.0.0:80\"\n\
                log = \"xml\"\n\
                \n\
                [site.\"example.org:80\"]\n\
                aliases = [\"www.example.org\", 5]\n\
                [[site.\"example.org:80\".route]]\n\
                folder = \"public\"\n\
                redirect = \"/new/{name\"\n\
                content-max = \"10 megs\"\n\
                x = \n";
    assert_eq!(
        said(text),
        [
            "w:2:1: error: the server has no key `lisen`; did you mean `listen`?",
            "w:3:8: error: `xml` is not known here; one of \"text\", \"json\", \"off\"",
            "w:5:19: error: `example.org:80` has a port; the host alone: \"example.org\"; \
             ports stand in `listen`",
            "w:6:31: error: each of `aliases` is a host, not a whole number; as in \
             aliases = [\"www.example.org\", \"*.example.net\"]",
            "w:9:1: error: `redirect` can't stand beside `folder` (`folder` stands here in \
             line 8); a route has one of them",
            "w:9:18: error: a capture ends with `}`; `redirect` is a path or a URI, with captures \
             in braces, as in \"/new/{name}\"",
            "w:10:18: error: ` megs` is no unit of a size; it has one of B, KB, KiB, MB, MiB, GB, \
             GiB, TB, TiB",
            "w:11:5: error: string values must be quoted; expected literal string",
        ]
    );
}

#[test]
fn what_is_wrong_with_an_upstream_is_told_once_and_with_what_is_meant() {
    let found = said(
        "[gateway.app]\n\
         to = \"127.0.0.1:9000\"\n\
         request-headers = { set = { Host = \"a\" } }\n\
         unhealthy-statuses = [99]\n\
         proxy_read_timeout = \"5s\"\n",
    );
    assert_eq!(
        found,
        [
            "w:2:7: error: an upstream begins with http://, https:// or unix:/; \"http://127.0.0.1:9000\"",
            "w:3:29: error: `Host` can't be set; the key `host` says it",
            "w:4:23: error: `99` is the status of no answer; a code from 200 to 599",
            "w:5:1: error: a gateway has no key `proxy_read_timeout`; `answer-time = \"60s\"` until an \
             answer begins, `pause-time = \"60s\"` within it",
        ]
    );
    assert_eq!(said("gateway.app.to = [\"ftp://a\"]").len(), 1);
}

#[test]
fn a_status_by_number_is_refused_by_name_and_with_the_reason() {
    for (key, why) in [
        ("status = 418", "418 is never sent: reserved for a joke (RFC 9110 §15.5.19)"),
        ("return = \"306\"", "306 is never sent: reserved, and means nothing (RFC 9110 §15.4.7)"),
        ("code = 299", "299 is not registered"),
        ("respond = 404", "no status is set by its number"),
    ] {
        let found = said_of_route(&format!("site.a.route.{key}\n"));
        assert!(found[0].contains(why) && found.len() == 1, "{key}: {found:?}");
        assert!(found[0].contains("no status is set by its number"), "{found:?}");
    }
    let found = said_of_route("site.a.error-pages = { 418 = \"x\" }");
    assert!(found[0].contains("418 is never sent"), "{found:?}");
}

#[test]
fn what_other_servers_call_it_and_what_stands_elsewhere_is_told() {
    for (key, right) in [
        ("root = \"x\"", "a route's files are its `folder`"),
        ("gzip = true", "`compress = true`"),
        ("cores = 2", "`cores` is a key of the server"),
        ("cache_control = \"x\"", "did you mean `cache-control`?"),
    ] {
        let found = said_of_route(&format!("site.a.route.{key}\n"));
        assert!(found.len() == 1 && found[0].ends_with(right), "{key}: {found:?}");
    }
}

#[test]
fn what_is_missing_is_not_asked_for_where_the_file_is_broken() {
    let broken = "[[site.a.route]]\npath \"/x\"\nfolder = \"x\"\n";
    let found = said(broken);
    assert!(found.iter().all(|line| line.starts_with("w:2:")), "{found:?}");
    let whole = "[[site.a.route]]\nfolder = \"x\"\n";
    assert_eq!(said(whole).len(), 1);
}

#[test]
fn a_file_that_is_right_says_so() {
    let (file, report) = read(Source::new("w", "[site.a]\n"));
    assert!(file.unwrap().site.is_some());
    assert_eq!(report.drawn(Colours::None), "w: 0 errors");
}
