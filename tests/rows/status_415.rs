//! 415 Unsupported Media Type (RFC 9110 §15.5.16): content in a type or a coding that is not taken, and
//! the answer says which is. Elsewhere content that claims a coding is stored as if it had none.

use crate::inboxes;
use crate::support::{Reply, start};

fn is_unsupported(reply: &Reply, rule: &str, name: &str, value: &str) {
    reply.is(415, rule);
    assert_eq!(reply.field(name), Some(value));
    assert_eq!(reply.problem()["field"].as_str().map(str::to_lowercase), Some(name.to_lowercase()));
    for other in ["Accept-Encoding", "Accept-Patch", "Accept-Post"] {
        assert_eq!(reply.has(other), other == name, "{other}");
    }
    assert!(reply.has("date"));
}

const TYPES: &str = "application/*, audio/*, font/*, image/*, model/*, text/*, video/*";
const PATCHES: &str = "application/merge-patch+json, application/json-patch+json";

#[test]
fn a_form_is_no_file() {
    let server = start(&["--writable"]);
    for kind in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded;charset=utf-8",
        "multipart/form-data; boundary=x",
    ] {
        let reply = server.ask(&format!(
            "POST / HTTP/1.1\nHost: localhost\nContent-Type: {kind}\nContent-Length: 3\n\na=b"
        ));
        is_unsupported(&reply, "post-format", "Accept-Post", TYPES);
    }
    let text =
        "POST / HTTP/1.1\nHost: localhost\nContent-Type: text/plain\nContent-Length: 3\n\na=b";
    assert_eq!(server.ask(text).status, 201);
}

#[test]
fn a_content_coding_that_is_not_understood() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", "{}");
    for (method, target) in [("PUT", "/data.json"), ("POST", "/"), ("PATCH", "/data.json")] {
        for coding in ["gzip", "identity, br", "GZIP", "identity\nContent-Encoding: x"] {
            let reply = server.ask(&format!(
                "{method} {target} HTTP/1.1\nHost: localhost\nContent-Encoding: {coding}\n\
                 Content-Type: application/merge-patch+json\nContent-Length: 2\n\n{{}}"
            ));
            is_unsupported(&reply, "content-coding", "Accept-Encoding", "identity");
        }
    }
    let get = server.ask("GET /data.json HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((get.text(), get.field("etag")), ("{}", Some(&*tag)));
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 1);
    let identity =
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Encoding: identity\nContent-Length: 0\n\n";
    assert_eq!(server.ask(identity).status, 201);
}

#[test]
fn a_patch_format_that_is_not_understood() {
    let server = start(&["--writable"]);
    server.put("/data.json", "{}");
    for kind in [
        "Content-Type: application/json\n",
        "Content-Type: text/x-diff\n",
        "Content-Type: merge-patch\n",
        "Content-Type: application/merge-patch+json\nContent-Type: application/merge-patch+json\n",
        "",
    ] {
        let reply = server.ask(&format!(
            "PATCH /data.json HTTP/1.1\nHost: localhost\n{kind}Content-Length: 2\n\n{{}}"
        ));
        is_unsupported(&reply, "patch-format", "Accept-Patch", PATCHES);
    }
    for kind in ["application/merge-patch+json", "Application/Merge-Patch+JSON; charset=utf-8"] {
        let reply = server.ask(&format!(
            "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Type: {kind}\n\
             Content-Length: 2\n\n{{}}"
        ));
        assert_eq!(reply.status, 204, "{kind}");
    }
}

/// What OPTIONS offers is what is taken.
#[test]
fn options_say_the_same() {
    let server = start(&["--writable"]);
    server.put("/data.json", "{}");
    let file = server.ask("OPTIONS /data.json HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(file.field("accept-patch"), Some(PATCHES));
    let folder = server.ask("OPTIONS / HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(folder.field("accept-post"), Some(TYPES));
}

#[test]
fn no_content_is_invited() {
    let server = start(&["--writable"]);
    for (request, name) in [
        ("PUT /file HTTP/1.1\nContent-Encoding: gzip", "accept-encoding"),
        ("POST / HTTP/1.1\nContent-Type: multipart/form-data", "accept-post"),
        ("PATCH /data.json HTTP/1.1\nContent-Type: text/plain", "accept-patch"),
    ] {
        let reply = server.ask(&format!(
            "{request}\nHost: localhost\nContent-Length: 2\nExpect: 100-continue\n\n"
        ));
        assert_eq!((reply.status, reply.interim.len()), (415, 0), "{request}");
        assert!(reply.has(name));
    }
}

/// What can't be written at all is not made better by another type.
#[test]
fn where_nothing_is_written_it_is_405() {
    let server = start(&[]);
    server.file("data.json", "{}");
    for method in ["PUT", "POST", "PATCH"] {
        let reply = server.ask(&format!(
            "{method} /data.json HTTP/1.1\nHost: localhost\nContent-Encoding: gzip\n\
             Content-Type: application/x-www-form-urlencoded\nContent-Length: 2\n\n{{}}"
        ));
        assert_eq!(reply.status, 405, "{method}");
    }
}

/// An inbox names exactly what it takes, when it is asked and when it refuses.
#[test]
fn what_an_inbox_does_not_take() {
    let usual = "application/x-www-form-urlencoded, multipart/form-data, application/json";
    for (keys, taken, others) in [
        ("", usual, ["text/plain", "image/png", "multipart/mixed"]),
        (
            ", types = [\"image/*\", \"application/json\"]",
            "image/*, application/json",
            ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html"],
        ),
    ] {
        let server = inboxes::inbox(keys);
        for other in
            others.iter().map(|other| format!("Content-Type: {other}\n")).chain([String::new()])
        {
            let fields = format!("{other}Expect: 100-continue\n");
            let reply = inboxes::post(&server, &fields, "x");
            is_unsupported(&reply, "inbox-type", "Accept-Post", taken);
            assert!(reply.interim.is_empty());
        }
        let gzip = format!("{}Content-Encoding: gzip\n", inboxes::JSON);
        is_unsupported(
            &inboxes::post(&server, &gzip, "{}"),
            "content-coding",
            "Accept-Encoding",
            "identity",
        );
        inboxes::is_empty(&server);
        let options = server.ask("OPTIONS /orders HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(options.field("accept-post"), Some(taken));
        assert_eq!(inboxes::post(&server, inboxes::JSON, "{}").status, 204);
    }
}
