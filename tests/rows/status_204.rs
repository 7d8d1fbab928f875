//! 204 No Content (RFC 9110 §15.3.5): it is done, and there is nothing more to say.

use crate::inboxes;
use crate::support::{Reply, start};
use crate::written;

fn is_bare(reply: &Reply) {
    assert_eq!((reply.status, &*reply.phrase), (204, "No Content"), "{reply:?}");
    assert!(reply.has("date"));
    for name in ["content-length", "transfer-encoding", "content-type", "location"] {
        assert!(!reply.has(name), "{name} in {reply:?}");
    }
}

#[test]
fn a_put_that_replaces() {
    let server = start(&["--writable"]);
    let first = written::tag(&server, "/a", b"one");
    let reply = written::put(&server, "/a", b"two");
    is_bare(&reply);
    let second = reply.field("etag").unwrap();
    assert_ne!(second, first);
    let now = written::get(&server, "/a", "");
    assert_eq!((now.text(), now.field("etag")), ("two", Some(second)));
}

#[test]
fn a_put_over_what_another_program_wrote() {
    let server = start(&["--writable"]);
    server.file("a", "theirs");
    is_bare(&written::put(&server, "/a", b"ours"));
    assert_eq!(server.read("a"), b"ours");
}

#[test]
fn deletes() {
    let server = start(&["--writable"]);
    server.file("file", "content");
    std::fs::create_dir(server.folder().join("empty")).unwrap();
    for path in ["/file", "/empty/"] {
        let reply = server.ask(&format!("DELETE {path} HTTP/1.1\nHost: localhost\n\n"));
        is_bare(&reply);
        assert!(!reply.has("etag"), "nothing is current");
        assert!(!server.folder().join(&path[1..]).exists());
    }
}

#[test]
fn patches() {
    let server = start(&["--writable"]);
    server.file("d.json", r#"{"a":1,"b":[1,2]}"#);
    for (format, patch, after) in [
        ("merge-patch+json", r#"{"a":null,"c":3}"#, r#"{"b":[1,2],"c":3}"#),
        (
            "json-patch+json",
            r#"[{"op":"test","path":"/c","value":3},{"op":"add","path":"/b/-","value":4}]"#,
            r#"{"b":[1,2,4],"c":3}"#,
        ),
    ] {
        let reply = server.ask(&format!(
            "PATCH /d.json HTTP/1.1\nHost: localhost\nContent-Type: application/{format}\n\
             Content-Length: {}\n\n{patch}",
            patch.len()
        ));
        is_bare(&reply);
        let now = written::get(&server, "/d.json", "");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(now.text()), read(after));
        assert_eq!(now.field("etag"), reply.field("etag"));
    }
}

/// A client that reads on by the letter finds the next answer right behind the head.
#[test]
fn the_next_answer_follows_at_once() {
    let server = start(&["--writable"]);
    server.file("a", "1");
    server.file("b", "2");
    let mut client = server.connect();
    client.send(
        "DELETE /a HTTP/1.1\nHost: localhost\n\nDELETE /b HTTP/1.1\nHost: localhost\n\n\
         PUT /c HTTP/1.1\nHost: localhost\nContent-Length: 1\n\n3\
         PUT /c HTTP/1.1\nHost: localhost\nContent-Length: 1\n\n4\
         GET /c HTTP/1.1\nHost: localhost\nConnection: close\n\n",
    );
    for status in [204, 204, 201, 204] {
        assert_eq!(client.reply("PUT").status, status);
    }
    assert_eq!(client.reply("GET").text(), "4");
    assert!(client.is_closed());
}

#[test]
fn a_form_that_nothing_is_to_be_shown_for() {
    for server in [
        inboxes::inbox(", answer = \"no-content\""),
        inboxes::shown(", answer = \"no-content\""),
        // Where no route shows what was made, there is no place to name, so it is no 201.
        inboxes::inbox(""),
    ] {
        let reply = inboxes::post(&server, inboxes::ENCODED, "cake=plum");
        is_bare(&reply);
        assert!(!reply.has("etag"));
        assert_eq!(inboxes::documents(&server)[0]["fields"]["cake"][0], "plum");
    }
}

/// What is taken survives the server; what a crash cut off is cleared away when it starts again.
#[test]
fn a_form_that_was_taken_outlives_a_crash() {
    let server = inboxes::inbox("");
    is_bare(&inboxes::post(&server, inboxes::ENCODED, "cake=plum"));
    let cut = "19941106T084937Z-0123456789abcdef";
    server.file(&format!("orders/{cut}/photo.png"), "half");
    server.file(&format!("orders/.{cut}.unfinished"), "");
    assert_eq!(inboxes::names(&server).len(), 3);
    let again = server.crash_and_restart();
    assert_eq!(inboxes::names(&again).len(), 1, "{:?}", inboxes::names(&again));
    assert_eq!(inboxes::documents(&again)[0]["fields"]["cake"][0], "plum");
    assert!(again.notice("cut off").contains("1 submission"));
}
