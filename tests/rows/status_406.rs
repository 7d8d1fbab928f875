//! 406 Not Acceptable: there are variants, and none that the client accepts.

use crate::every::holds;
use crate::support::configured::{Configured, setup};
use crate::support::{Reply, Running};

fn ask(server: &Running, target: &str, fields: &str) -> Reply {
    server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n{fields}\n"))
}

fn server() -> Configured {
    setup()
        .file("site/page.en.html", "<p>Hello")
        .file("site/page.de.html", "<p>Hallo")
        .file("site/exact.html", "<p>here")
        .file("site/data.json.gz", "no gzip, but it is not looked at")
        .file("strict/page.en.html", "<p>Hello")
        .file("strict/page.de.html", "<p>Hallo")
        .routes(&[
            "{ path = \"/*\", folder = \"site\", negotiate = \"proactive\" }",
            "{ path = \"/strict/*\", folder = \"strict\", negotiate = \"proactive\", \
             strict-language = true }",
            "{ path = \"/listed\", variants = [\
              { path = \"/page.de.html\", language = \"de\" }, { file = \"site/exact.html\" }] }",
        ])
}

#[test]
fn none_has_a_type_that_is_accepted() {
    let server = server();
    let reply = holds(&server, 406, "/page", "Accept: image/png, application/*\n");
    reply.is(406, "variant-acceptable");
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Language"));
    let links = reply.field("link").unwrap();
    assert!(
        links.starts_with("<page.de.html>; rel=\"alternate\"; type=\"text/html\"; "),
        "{links}"
    );
    let problem = reply.problem();
    assert_eq!(problem["field"], "Accept");
    let all = problem["alternatives"].as_array().unwrap();
    let hrefs: Vec<_> = all.iter().map(|one| one["href"].as_str().unwrap()).collect();
    assert_eq!(hrefs, ["page.de.html", "page.en.html"]);
    assert_eq!(ask(&server, "/page.de.html", "Accept: image/png\n").text(), "<p>Hallo");
}

#[test]
fn the_list_is_for_people_too() {
    let reply = ask(&server(), "/page", "Accept: text/plain, text/html;q=0\n");
    assert_eq!(reply.status, 406);
    assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    assert!(reply.text().contains("\nalternatives:\n  page.de.html, "), "{}", reply.text());
}

#[test]
fn none_has_a_coding_that_is_accepted() {
    let reply = ask(&server(), "/data", "Accept-Encoding: gzip;q=0\n");
    reply.is(406, "variant-acceptable");
    assert_eq!(reply.problem()["field"], "Accept-Encoding");
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Encoding"));
    assert!(!reply.has("accept-encoding"), "no content was refused: {reply:?}");
}

#[test]
fn language_alone_refuses_only_where_it_is_told_to() {
    let server = server();
    let reply = ask(&server, "/page", "Accept-Language: fr\n");
    assert_eq!((reply.status, reply.field("content-language")), (200, Some("de")));
    let reply = ask(&server, "/strict/page", "Accept-Language: fr\n");
    reply.is(406, "variant-acceptable");
    assert_eq!(reply.problem()["field"], "Accept-Language");
    assert_eq!(reply.problem()["alternatives"][1]["href"], "page.en.html");
}

#[test]
fn of_a_list_too() {
    let reply = ask(&server(), "/listed", "Accept: image/png\n");
    reply.is(406, "variant-acceptable");
    assert_eq!(reply.problem()["alternatives"][0]["href"], "/page.de.html");
    assert_eq!(reply.problem()["alternatives"][1]["href"], "/exact.html");
}

#[test]
fn a_file_of_exactly_that_name_is_sent_whatever_is_accepted() {
    let server = server();
    for target in ["/exact.html", "/page.de.html", "/data.json.gz"] {
        let fields = "Accept: image/png\nAccept-Encoding: identity;q=0\nAccept-Language: fr;q=0\n";
        assert_eq!(ask(&server, target, fields).status, 200, "{target}");
    }
}

#[test]
fn preconditions_come_after_it() {
    let fields = "Accept: image/png\nIf-Match: \"x\"\nIf-None-Match: *\nRange: bytes=900-\n";
    ask(&server(), "/page", fields).is(406, "variant-acceptable");
}
