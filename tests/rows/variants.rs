//! What is chosen among variants is sent as any file is: 200, 206, 304 and 412 of a chosen variant.

use crate::every::holds;
use crate::support::configured::{Configured, setup};
use crate::support::{Reply, Running};

fn ask(server: &Running, target: &str, fields: &str) -> Reply {
    server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n{fields}\n"))
}

fn server() -> Configured {
    let server = setup()
        .file("site/page.en.html", "<p>Hello")
        .file("site/page.de.html", "<p>Hallo")
        .file("site/page.html.pt-BR", "<p>Alô")
        .file("site/exact", "exactly")
        .file("site/exact.en.html", "<p>never by that name")
        .file("site/photo.webp", "webp")
        .file("site/photo.jpg", "jpeg, which is longer")
        .file("site/only.json.gz", "as if it were gzip")
        .file("site/docs/index.en.html", "<p>Docs")
        .file("site/docs/index.de.html", "<p>Doku")
        .file("listed/1", "{}")
        .file("listed/2", "<x/>")
        .file("listed/folder/index.html", "<p>index")
        .routes(&[
            "{ path = \"/*\", folder = \"site\", negotiate = \"proactive\", writable = true, \
              default-language = \"de\" }",
            "{ path = \"/listed/*\", folder = \"listed\" }",
            "{ path = \"/doc\", variants = [\
              { file = \"listed/1\", type = \"application/json;x=y\" }, \
              { path = \"/listed/2\", type = \"application/xml\", quality = 900 }, \
              { path = \"/listed/folder/\", type = \"text/html\", quality = 100, \
                language = [\"en\", \"fr\"] }, \
              { path = \"/listed/gone\", type = \"text/plain\" }] }",
            "{ path = \"/fallback/*\", folder = \"site\", negotiate = \"proactive\", \
              try = [\"file\", \"/exact\"] }",
        ]);
    // A stored coding has to be no older than what it is of.
    server.put("/page.en.html.gz", "stored gzip");
    server
}

/// Status, content, and whose languages it is in.
fn told(reply: &Reply) -> (u16, &str, Option<&str>) {
    (reply.status, reply.text(), reply.field("content-language"))
}

#[test]
fn the_language_that_is_asked_for() {
    let server = server();
    let reply = holds(&server, 200, "/page", "Accept-Language: de, en;q=0.5\n");
    assert_eq!(told(&reply), (200, "<p>Hallo", Some("de")));
    assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.field("content-location"), Some("page.de.html"));
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Language"));
    assert_eq!(reply.field("accept-ranges"), Some("bytes"));
    let exact = ask(&server, "/page.de.html", "");
    for name in ["etag", "last-modified", "content-length", "content-type"] {
        assert_eq!(reply.field(name), exact.field(name), "{name}");
    }
    assert!(!exact.has("vary") && !exact.has("content-location"), "{exact:?}");
    for (fields, expected) in [
        ("Accept-Language: en\n", "<p>Hello"),
        ("Accept-Language: pt-BR, de;q=0.9\n", "<p>Alô"),
        ("Accept-Language: de-AT, en;q=0.1\n", "<p>Hallo"),
        ("", "<p>Hallo"),
    ] {
        assert_eq!(ask(&server, "/page", fields).text(), expected, "{fields}");
    }
    let reply = ask(&server, "/page.html", "Accept-Language: pt-br\n");
    assert_eq!(told(&reply), (200, "<p>Alô", Some("pt-BR")));
    assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(reply.field("content-location"), Some("page.html.pt-BR"));
}

#[test]
fn the_type_that_is_asked_for() {
    let server = server();
    for (fields, expected) in [
        ("Accept: image/avif, image/webp, */*;q=0.8\n", "image/webp"),
        ("Accept: image/jpeg, image/webp;q=0.5\n", "image/jpeg"),
        ("", "image/webp"),
    ] {
        let reply = ask(&server, "/photo", fields);
        assert_eq!((reply.status, reply.field("content-type")), (200, Some(expected)), "{fields}");
        assert_eq!(reply.field("vary"), Some("Accept"));
        assert!(!reply.has("content-language"));
    }
}

#[test]
fn codings_that_are_stored_of_a_variant_and_codings_of_its_own() {
    let server = server();
    let reply = ask(&server, "/page", "Accept-Language: en\nAccept-Encoding: gzip\n");
    assert_eq!(told(&reply), (200, "stored gzip", Some("en")));
    assert_eq!(reply.field("content-encoding"), Some("gzip"));
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Encoding, Accept-Language"));
    assert_eq!(reply.field("content-location"), Some("page.en.html"));
    let plain = ask(&server, "/page", "Accept-Language: en\n");
    assert_eq!(plain.text(), "<p>Hello");
    assert_ne!(plain.field("etag"), reply.field("etag"));

    let reply = ask(&server, "/only", "Accept-Encoding: gzip\n");
    assert_eq!((reply.status, reply.text()), (200, "as if it were gzip"));
    assert_eq!(reply.field("content-type"), Some("application/json"));
    assert_eq!(reply.field("content-encoding"), Some("gzip"));
    assert_eq!(reply.field("content-location"), Some("only.json.gz"));
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Encoding"));
}

#[test]
fn a_folder_s_index() {
    let server = server();
    let reply = ask(&server, "/docs/", "Accept-Language: en\n");
    assert_eq!(told(&reply), (200, "<p>Docs", Some("en")));
    assert_eq!(reply.field("content-location"), Some("index.en.html"));
    assert_eq!(ask(&server, "/docs", "").status, 301);
    assert_eq!(ask(&server, "/docs/index.html", "Accept-Language: de\n").text(), "<p>Doku");
    server.put("/docs/index.html", "<p>the index");
    let reply = ask(&server, "/docs/", "Accept-Language: en\n");
    assert_eq!(told(&reply), (200, "<p>the index", None));
    assert!(!reply.has("vary"), "{reply:?}");
}

#[test]
fn what_has_exactly_that_name_is_not_negotiated() {
    let server = server();
    let reply = ask(&server, "/exact", "Accept: text/html\nAccept-Language: en\n");
    assert_eq!(told(&reply), (200, "exactly", None));
    assert!(!reply.has("vary") && !reply.has("content-location"), "{reply:?}");
    assert_eq!(ask(&server, "/pag", "").status, 404);
    assert_eq!(ask(&server, "/page/", "").status, 404);
    assert_eq!(ask(&server, "/no/page", "").status, 404);
}

#[test]
fn what_is_written_is_seen_at_once() {
    let server = server();
    assert_eq!(ask(&server, "/page", "Accept-Language: fr\n").text(), "<p>Hallo");
    server.put("/page.fr.html", "<p>Salut");
    let connections: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for mut client in connections {
        client.send("GET /page HTTP/1.1\nHost: localhost\nAccept-Language: fr\n\n");
        assert_eq!(client.reply("GET").text(), "<p>Salut");
    }
    let request = "DELETE /page.fr.html HTTP/1.1\nHost: localhost\n\n";
    assert_eq!(server.ask(request).status, 204);
    assert_eq!(ask(&server, "/page", "Accept-Language: fr\n").text(), "<p>Hallo");
    // A write is for the file of exactly that name.
    let request = "DELETE /page HTTP/1.1\nHost: localhost\n\n";
    server.ask(request).is(404, "missing");
    server.put("/page", "exactly");
    assert_eq!(ask(&server, "/page", "Accept-Language: de\n").text(), "exactly");
}

#[test]
fn a_list_with_types_and_qualities_of_its_own() {
    let server = server();
    let reply = holds(&server, 200, "/doc", "");
    assert_eq!((reply.text(), reply.field("content-type")), ("{}", Some("application/json;x=y")));
    assert_eq!(reply.field("content-location"), Some("/listed/1"));
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Language"));
    let reply = ask(&server, "/doc", "Accept: application/xml, application/json;q=0.8\n");
    assert_eq!((reply.text(), reply.field("content-type")), ("<x/>", Some("application/xml")));
    let reply = ask(&server, "/doc", "Accept: text/html\n");
    assert_eq!(told(&reply), (200, "<p>index", Some("en, fr")));
    assert_eq!(reply.field("content-location"), Some("/listed/folder/"));
    let reply = ask(&server, "/doc", "Accept: text/plain\n");
    assert!(reply.status == 406 && !reply.text().contains("/listed/gone"), "{reply:?}");
}

#[test]
fn other_methods() {
    let server = server();
    for target in ["/doc", "/page"] {
        let reply = server.ask(&format!("OPTIONS {target} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.field("allow").unwrap().starts_with("GET, HEAD, "), "{reply:?}");
        assert!(!reply.has("vary"), "{reply:?}");
    }
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        let fields =
            "Host: localhost\nContent-Length: 0\nContent-Type: application/merge-patch+json\n";
        let reply = server.ask(&format!("{method} /doc HTTP/1.1\n{fields}\n"));
        assert_eq!(
            (reply.status, reply.field("allow")),
            (405, Some("GET, HEAD, OPTIONS")),
            "{method}"
        );
    }
}

#[test]
fn what_is_sent_instead_comes_after_it() {
    let server = server();
    assert_eq!(ask(&server, "/fallback/page", "Accept-Language: de\n").text(), "<p>Hallo");
    assert_eq!(ask(&server, "/fallback/nothing", "").text(), "exactly");
}

#[test]
fn a_304_is_about_the_variant_that_would_be_sent() {
    let server = server();
    let german = ask(&server, "/page", "Accept-Language: de\n");
    let tag = german.field("etag").unwrap();
    let reply = ask(&server, "/page", &format!("Accept-Language: de\nIf-None-Match: {tag}\n"));
    assert_eq!(reply.status, 304);
    for name in ["etag", "vary", "content-location"] {
        assert_eq!(reply.field(name), german.field(name), "{name}");
    }
    assert!(!reply.has("content-language") && !reply.has("content-type"), "{reply:?}");
    let reply = ask(&server, "/page", &format!("Accept-Language: en\nIf-None-Match: {tag}\n"));
    assert_eq!(told(&reply), (200, "<p>Hello", Some("en")));
    let reply = ask(&server, "/page", &format!("Accept-Language: en\nIf-Match: {tag}\n"));
    reply.is(412, "if-match");
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Language"));
}

#[test]
fn a_206_is_a_part_of_the_variant() {
    let server = server();
    let german = ask(&server, "/page", "Accept-Language: de\n");
    let reply = ask(&server, "/page", "Accept-Language: de\nRange: bytes=3-\n");
    assert_eq!(told(&reply), (206, "Hallo", Some("de")));
    for name in ["etag", "vary", "content-location", "content-type"] {
        assert_eq!(reply.field(name), german.field(name), "{name}");
    }
    let reply = ask(&server, "/page.html", "Accept-Language: pt-BR\nRange: bytes=0-0,5-5\n");
    let kind = reply.field("content-type").unwrap();
    assert!(reply.status == 206 && kind.starts_with("multipart/byteranges"), "{reply:?}");
    let parts = String::from_utf8_lossy(&reply.content).into_owned();
    assert_eq!(parts.matches("Content-Type: text/html; charset=utf-8").count(), 2, "{parts}");
    let reply = ask(&server, "/page", "Accept-Language: de\nRange: bytes=900-\n");
    reply.is(416, "satisfiable");
    assert_eq!(reply.field("vary"), Some("Accept, Accept-Language"));
}

#[test]
fn with_if_range_it_has_what_it_must_and_no_more() {
    let server = server();
    let german = ask(&server, "/page", "Accept-Language: de\n");
    let Some(tag) = german.field("etag").filter(|tag| !tag.starts_with("W/")) else {
        // It is too new to have a strong tag; what the server wrote has one at once.
        server.put("/page.de.html", "<p>Hallo");
        return with_strong_tag(&server);
    };
    assert!(!tag.is_empty());
    with_strong_tag(&server);
}

fn with_strong_tag(server: &Running) {
    let german = ask(server, "/page", "Accept-Language: de\n");
    let tag = german.field("etag").unwrap();
    let fields = format!("Accept-Language: de\nRange: bytes=0-2\nIf-Range: {tag}\n");
    let reply = ask(server, "/page", &fields);
    assert_eq!((reply.status, reply.text()), (206, "<p>"));
    assert_eq!(reply.field("content-location"), Some("page.de.html"));
    assert_eq!(reply.field("vary"), german.field("vary"));
    assert!(!reply.has("content-language"), "{reply:?}");
    // The tag of one variant is none of another.
    let fields = format!("Accept-Language: en\nRange: bytes=0-2\nIf-Range: {tag}\n");
    assert_eq!(ask(server, "/page", &fields).text(), "<p>Hello");
}

#[test]
fn curl_as_somebody_would_call_it() {
    let server = server();
    let url = format!("http://{}/page", server.address);
    let output = std::process::Command::new("curl")
        .args(["-sS", "-i", "-H", "Host: localhost", "-H", "Accept-Language: de", &url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\n<p>Hallo"),
        "{text}"
    );
    assert!(text.contains("\r\nContent-Language: de\r\n"), "{text}");
}
