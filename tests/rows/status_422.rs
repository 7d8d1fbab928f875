//! 422 Unprocessable Content (RFC 9110 §15.5.21): a patch that can be read and fits nothing that is there
//! (RFC 5789 §2.2). One that can't be read is a 400.

use crate::support::{Reply, Running, start};

const DOCUMENT: &str = r#"{"list":[1,2],"name":"n"}"#;

fn patch(server: &Running, kind: &str, patch: &str) -> Reply {
    server.ask(&format!(
        "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Type: application/{kind}+json\n\
         Content-Length: {}\n\n{patch}",
        patch.len()
    ))
}

/// Asserts that nothing has changed, not even the tag.
fn is_untouched(server: &Running, tag: &str) {
    let get = server.ask("GET /data.json HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((get.text(), get.field("etag")), (DOCUMENT, Some(tag)));
}

#[test]
fn a_patch_that_fits_nothing() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    for unfit in [
        r#"[{"op":"remove","path":"/none"}]"#,
        r#"[{"op":"replace","path":"/none","value":1}]"#,
        r#"[{"op":"add","path":"/none/below","value":1}]"#,
        r#"[{"op":"add","path":"/list/3","value":1}]"#,
        r#"[{"op":"add","path":"/name/below","value":1}]"#,
        r#"[{"op":"move","from":"/none","path":"/other"}]"#,
        r#"[{"op":"copy","from":"/list/9","path":"/other"}]"#,
        r#"[{"op":"replace","path":"/name","value":"m"},{"op":"remove","path":"/none"}]"#,
    ] {
        let reply = patch(&server, "json-patch", unfit);
        reply.is(422, "patch-fits");
        assert_eq!(reply.phrase, "Unprocessable Content");
        assert!(reply.has("date"), "{unfit}");
        let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("not there"), "{detail}");
        is_untouched(&server, &tag);
    }
    assert!(server.log_line("\"PATCH /data.json ").contains(" 422 "));
}

#[test]
fn a_patch_that_would_grow_without_end() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    let copies: Vec<_> =
        (0..40).map(|i| format!(r#"{{"op":"copy","from":"","path":"/c{i}"}}"#)).collect();
    let reply = patch(&server, "json-patch", &format!("[{}]", copies.join(",")));
    reply.is(422, "patch-fits");
    is_untouched(&server, &tag);
}

#[test]
fn a_patch_of_too_many_operations() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    let inserts = [r#"{"op":"add","path":"/list/0","value":0}"#; 1001];
    let reply = patch(&server, "json-patch", &format!("[{}]", inserts.join(",")));
    reply.is(422, "patch-fits");
    let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("more than 1,000 operations"), "{detail}");
    is_untouched(&server, &tag);
}

#[test]
fn a_patch_that_can_not_be_read_is_400() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    for (kind, malformed) in [
        ("json-patch", ""),
        ("json-patch", "["),
        ("json-patch", "{}"),
        ("json-patch", r#"[{"op":"grow","path":"/list"}]"#),
        ("json-patch", r#"[{"op":"add","path":"/list"}]"#),
        ("json-patch", r#"[{"op":"remove","path":"no pointer"}]"#),
        ("merge-patch", ""),
        ("merge-patch", "{\"name\":"),
        ("merge-patch", "{} trailing"),
        ("merge-patch", "{\"name\":\"\u{1}\"}"),
    ] {
        let reply = patch(&server, kind, malformed);
        reply.is(400, "patch-syntax");
        assert_eq!(reply.field("connection"), None, "the framing is as it should be");
        is_untouched(&server, &tag);
    }
}

#[test]
fn a_patch_that_is_not_utf_8_is_400() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    let mut client = server.connect();
    client.send(
        "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Length: 5\n\
         Content-Type: application/merge-patch+json\n\n",
    );
    client.send_octets(b"{\"\xff\"}");
    client.reply("PATCH").is(400, "patch-syntax");
    is_untouched(&server, &tag);
}

#[test]
fn deep_nesting_is_400_and_nothing_worse() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for kind in ["json-patch", "merge-patch"] {
        patch(&server, kind, &deep).is(400, "patch-syntax");
    }
    is_untouched(&server, &tag);
}

/// Preconditions come before the patch: whoever has an old copy learns that, not what fits the new one.
#[test]
fn preconditions_are_asked_first() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", DOCUMENT);
    let unfit = r#"[{"op":"remove","path":"/none"}]"#;
    for (condition, status) in [("\"x\"", 412), (&*tag, 422)] {
        let reply = server.ask(&format!(
            "PATCH /data.json HTTP/1.1\nHost: localhost\nIf-Match: {condition}\n\
             Content-Type: application/json-patch+json\nContent-Length: {}\n\n{unfit}",
            unfit.len()
        ));
        assert_eq!(reply.status, status, "{condition}");
    }
}
