//! 303 See Other (RFC 9110 §15.4.4): the form was taken, and what is to be looked at stands elsewhere. So a
//! page that is loaded again sends no form twice.

use std::process::Command;

use crate::inboxes::{self, ENCODED, documents, post};
use crate::support::{Configured, setup};

const THANKS: &str = ", answer = { see-other = \"/thanks.html\" }";

fn with_a_page() -> Configured {
    let page = "[[site.localhost.route]]\npath = \"/*\"\nfolder = \"site/pages\"\n";
    let setup = setup().folder("site/orders").file("site/pages/thanks.html", "<p>Thanks!");
    setup.serve(&(inboxes::route(THANKS) + page))
}

#[test]
fn whoever_posted_is_led_to_the_page() {
    let server = with_a_page();
    let reply = post(&server, &format!("{ENCODED}Accept: text/html\n"), "cake=plum");
    assert_eq!((reply.status, &*reply.phrase), (303, "See Other"));
    assert_eq!(reply.field("location"), Some("/thanks.html"));
    assert!(reply.has("date") && !reply.has("etag"));
    assert!(reply.text().contains("Location"), "{}", reply.text());
    // The answer names the submission as its document does.
    let id = reply.field("request-id").unwrap();
    assert_eq!(documents(&server)[0]["request"], id);
}

/// The query was the form's, and says nothing of the page.
#[test]
fn the_query_stays_behind() {
    let server = with_a_page();
    let request = format!(
        "POST /orders?token=secret HTTP/1.1\nHost: localhost\n{ENCODED}Content-Length: 3\n\na=b"
    );
    assert_eq!(server.ask(&request).field("location"), Some("/thanks.html"));
}

/// What a client put into the path can't lead away from the site.
#[test]
fn what_was_captured_stays_in_its_place() {
    let route = "[[site.localhost.route]]\npath = \"/forms/{name}\"\n\
                 inbox = { folder = \"site/orders\", answer = { see-other = \"/{name}\" } }\n";
    let server = inboxes::serve(route);
    for (name, location) in [
        ("cakes", "/cakes"),
        ("%5cevil.example", "/%5Cevil.example"),
        ("a%0d%0aSet-Cookie:x", "/a%0D%0ASet-Cookie:x"),
        ("%3F%23", "/%3F%23"),
    ] {
        let reply = server.ask(&format!(
            "POST /forms/{name} HTTP/1.1\nHost: localhost\n{ENCODED}Content-Length: 3\n\na=b"
        ));
        assert_eq!((reply.status, reply.field("location")), (303, Some(location)), "{name}");
    }
}

#[test]
fn a_form_that_is_not_taken_leads_nowhere() {
    let server = with_a_page();
    let reply = post(&server, ENCODED, "a=%zz");
    reply.is(400, "form-syntax");
    assert!(!reply.has("location"));
    inboxes::is_empty(&server);
}

/// A client that no one here wrote goes on with GET.
#[test]
fn curl_shows_the_page() {
    let server = with_a_page();
    let address = server.address;
    let shown = Command::new("curl")
        .args(["--silent", "--show-error", "--location", "--max-time", "20", "--data", "a=b"])
        .args(["--header", "Host: localhost", &format!("http://{address}/orders")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "<p>Thanks!", "{shown:?}");
    assert_eq!(documents(&server).len(), 1);
}
