//! 300 Multiple Choices: the choice among variants is left to the client.

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
        .file("site/page.pdf", "%PDF")
        .file("site/alone.fr.html", "<p>Salut")
        .file("elsewhere/page.en.html", "<p>Hello")
        .file("elsewhere/page.de.html", "<p>Hallo")
        .file("site/docs/index.en.html", "<p>Docs")
        .file("site/docs/index.de.html", "<p>Doku")
        .routes(&[
            "{ path = \"/*\", folder = \"site\", negotiate = \"reactive\" }",
            "{ path = \"/listed\", negotiate = \"reactive\", variants = [\
              { path = \"/page.de.html\", language = \"de\", quality = 500 }, \
              { file = \"site/page.pdf\" }, { path = \"/not-there.html\" }] }",
            "{ path = \"/fixed\", folder = \"elsewhere\", rewrite = \"/page\", negotiate = \"reactive\" }",
        ])
}

const LINKS: &str = "<page.de.html>; rel=\"alternate\"; type=\"text/html\"; hreflang=\"de\", \
                     <page.en.html>; rel=\"alternate\"; type=\"text/html\"; hreflang=\"en\", \
                     <page.pdf>; rel=\"alternate\"; type=\"application/pdf\"";

#[test]
fn the_variants_are_listed_for_programs() {
    let server = server();
    let reply = holds(&server, 300, "/page", "Accept-Language: de\n");
    assert_eq!(reply.field("content-type"), Some("application/json"));
    assert_eq!(reply.field("link"), Some(LINKS));
    assert_eq!(reply.field("vary"), Some("Accept"), "only the list's own form differs");
    for absent in ["location", "content-location", "content-language", "etag"] {
        assert!(!reply.has(absent), "{absent}: {reply:?}");
    }
    let list: serde_json::Value = serde_json::from_slice(&reply.content).unwrap();
    let all = list["alternatives"].as_array().unwrap();
    let hrefs: Vec<_> = all.iter().map(|one| one["href"].as_str().unwrap()).collect();
    assert_eq!(hrefs, ["page.de.html", "page.en.html", "page.pdf"]);
    assert_eq!((&all[0]["language"][0], &all[0]["length"]), (&"de".into(), &8.into()));
    // What is chosen is there.
    assert_eq!(ask(&server, "/page.de.html", "").text(), "<p>Hallo");
}

#[test]
fn the_variants_are_listed_for_people() {
    let server = server();
    let reply = ask(&server, "/page", "Accept: text/html\n");
    assert_eq!((reply.status, reply.field("link")), (300, Some(LINKS)));
    assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
    let links = reply.text().matches("<a rel=\"alternate\" href=\"page.").count();
    assert_eq!(links, 3, "{}", reply.text());
    let reply = ask(&server, "/page", "Accept: text/plain\n");
    assert_eq!(reply.field("content-type"), Some("text/plain; charset=utf-8"));
    assert!(reply.text().contains("\n  page.de.html, text/html; charset=utf-8, de, 8 octets\n"));
}

#[test]
fn a_folder_s_index_too() {
    let server = server();
    let reply = ask(&server, "/docs/", "");
    assert_eq!(reply.status, 300);
    assert!(reply.field("link").unwrap().starts_with("<index.de.html>; "), "{reply:?}");
    assert_eq!(ask(&server, "/docs/index.de.html", "").text(), "<p>Doku");
}

#[test]
fn a_list_names_the_paths_of_those_that_are_there_in_its_order() {
    let reply = ask(&server(), "/listed", "");
    assert_eq!(reply.status, 300);
    let list: serde_json::Value = serde_json::from_slice(&reply.content).unwrap();
    let told: Vec<_> = list["alternatives"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["href"], one["quality"]))
        .collect();
    assert_eq!(told, ["\"/page.de.html\" 0.5", "\"/page.pdf\" 1"]);
}

#[test]
fn there_is_nothing_to_choose_from_where_one_is_alone_or_none_has_a_path() {
    let server = server();
    let reply = ask(&server, "/alone", "");
    assert_eq!((reply.status, reply.text()), (200, "<p>Salut"));
    let reply = ask(&server, "/fixed", "Accept-Language: de\n");
    assert_eq!((reply.status, reply.text()), (200, "<p>Hallo"));
    assert!(!reply.has("content-location"), "no path leads to it from there: {reply:?}");
}

#[test]
fn preconditions_are_about_what_is_sent_so_not_about_a_list() {
    let reply = ask(&server(), "/page", "If-None-Match: *\nRange: bytes=0-1\n");
    assert_eq!(reply.status, 300);
}
