//! 506 Variant Also Negotiates: a variant leads to what has variants itself.

use crate::every::holds;
use crate::support::configured::{Configured, setup};
use crate::support::{Reply, Running};

fn ask(server: &Running, target: &str, fields: &str) -> Reply {
    server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n{fields}\n"))
}

fn list(path: &str, variants: &str) -> String {
    format!("{{ path = \"{path}\", variants = [{variants}] }}")
}

/// German leads astray, English to a file.
fn server() -> Configured {
    let english = "{ path = \"/a.html\", language = \"en\" }";
    let german = |path: &str| {
        format!("{{ path = \"{path}\", type = \"text/html\", language = \"de\" }}, {english}")
    };
    let reactive = format!(
        "{{ path = \"/reactive\", negotiate = \"reactive\", variants = [{}] }}",
        german("/other")
    );
    setup()
        .file("site/a.html", "<p>Hello")
        .file("site/b.html", "<p>Hallo")
        .file("named/page.de.html", "<p>Hallo")
        .routes(&[
            "{ path = \"/*\", folder = \"site\" }",
            "{ path = \"/named/*\", folder = \"named\", negotiate = \"proactive\" }",
            &list("/listed", &german("/other")),
            &list("/other", &german("/b.html")),
            &list("/itself", &german("/itself")),
            &list("/there", &german("/back")),
            &list("/back", &german("/there")),
            &list("/to-names", &german("/named/page")),
            &list("/to-name", &german("/named/page.de.html")),
            &reactive,
        ])
}

#[test]
fn a_variant_leads_to_another_list() {
    let server = server();
    let reply = holds(&server, 506, "/listed", "Accept-Language: de\n");
    reply.is(506, "variant-ends");
    let problem = reply.problem();
    assert!(problem["detail"].as_str().unwrap().contains("has variants itself"), "{problem}");
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Language"));
    assert!(!reply.has("link"), "{reply:?}");
    // The other list is well by itself.
    assert_eq!(ask(&server, "/other", "Accept-Language: de\n").text(), "<p>Hallo");
}

#[test]
fn in_a_circle() {
    let server = server();
    for target in ["/itself", "/there", "/back"] {
        let reply = ask(&server, target, "Accept-Language: de\n");
        reply.is(506, "variant-ends");
        let detail = reply.problem()["detail"].to_string();
        assert!(detail.contains("is the resource itself"), "{target}: {detail}");
    }
}

#[test]
fn to_what_has_variants_by_the_names_of_files() {
    let server = server();
    ask(&server, "/to-names", "Accept-Language: de\n").is(506, "variant-ends");
    assert_eq!(ask(&server, "/to-name", "Accept-Language: de\n").text(), "<p>Hallo");
    // Once there is a file of just that name, it is one.
    std::fs::write(server.path().join("named/page"), "exact").unwrap();
    let until = std::time::Instant::now() + crate::support::server::PATIENCE;
    loop {
        let reply = ask(&server, "/to-names", "Accept-Language: de\n");
        if reply.status == 200 {
            assert_eq!(reply.text(), "exact");
            break;
        }
        assert!(std::time::Instant::now() < until, "{reply:?}");
    }
}

#[test]
fn only_the_variant_that_is_chosen_counts() {
    let reply = ask(&server(), "/listed", "Accept-Language: en\n");
    assert_eq!((reply.status, reply.text()), (200, "<p>Hello"));
}

#[test]
fn a_list_that_is_left_to_the_client_has_to_be_whole() {
    ask(&server(), "/reactive", "Accept-Language: en\n").is(506, "variant-ends");
}

#[test]
fn the_configuration_warns_and_serves() {
    let server = server();
    server.notice("this leads back to the list that it stands in");
}
