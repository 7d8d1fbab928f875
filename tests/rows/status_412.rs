//! 412 Precondition Failed (RFC 9110 §15.5.13): in the order of §13.2.2, with the tag that is current.
//! Some servers that take writes pass over `If-Match`, and so lose updates without a word.

use crate::support::{Reply, Running, start};

const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Fri, 31 Dec 2100 23:59:59 GMT";

fn put_if(server: &Running, target: &str, conditions: &str, content: &str) -> Reply {
    server.ask(&format!(
        "PUT {target} HTTP/1.1\nHost: localhost\n{conditions}\nContent-Length: {}\n\n{content}",
        content.len()
    ))
}

fn ask_if(server: &Running, method: &str, target: &str, conditions: &str) -> Reply {
    server.ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\n{conditions}\n\n"))
}

/// Asserts that it is a 412 by this rule that tells the current tag.
fn failed(reply: &Reply, rule: &str, tag: &str) {
    reply.is(412, rule);
    assert_eq!(reply.field("etag"), Some(tag));
    assert!(reply.has("date") && !reply.has("last-modified"));
}

#[test]
fn if_match_with_another_tag() {
    let server = start(&["--writable"]);
    let old = server.put("/file", "first");
    let tag = server.put("/file", "second");
    failed(&put_if(&server, "/file", &format!("If-Match: {old}"), "lost"), "if-match", &tag);
    failed(&ask_if(&server, "DELETE", "/file", "If-Match: \"x\""), "if-match", &tag);
    failed(&ask_if(&server, "GET", "/file", "If-Match: \"x\""), "if-match", &tag);
    let patch = server.ask(
        "PATCH /file HTTP/1.1\nHost: localhost\nContent-Type: application/json-patch+json\n\
         If-Match: \"x\"\nContent-Length: 2\n\n[]",
    );
    assert_eq!(patch.status, 405, "what is no JSON can't be patched, whatever the condition");
    assert_eq!(server.read("file"), b"second");
    assert_eq!(put_if(&server, "/file", &format!("If-Match: {tag}"), "third").status, 204);
}

#[test]
fn head_says_what_get_says() {
    let server = start(&["--writable"]);
    let tag = server.put("/file", "x");
    let head = ask_if(&server, "HEAD", "/file", "If-Match: \"x\"");
    assert_eq!((head.status, head.field("etag")), (412, Some(&*tag)));
}

#[test]
fn if_match_lists_over_several_lines() {
    let server = start(&["--writable"]);
    let mut tag = server.put("/file", "0");
    for lines in [
        "If-Match: \"a\", TAG",
        "If-Match: \"a\"\nIf-Match: TAG",
        "If-Match: \"a\"\nIf-Match: \"b\" , ,TAG,\"c\"",
        "if-match:TAG",
        "If-Match: *",
    ] {
        let reply = put_if(&server, "/file", &lines.replace("TAG", &tag), "n");
        assert_eq!(reply.status, 204, "{lines}");
        tag = reply.field("etag").unwrap().to_owned();
    }
    let reply = put_if(&server, "/file", "If-Match: \"a\"\nIf-Match: \"b\",\"c\"", "n");
    failed(&reply, "if-match", &tag);
}

#[test]
fn if_match_is_strong() {
    let server = start(&["--writable"]);
    let tag = server.put("/file", "kept");
    failed(&put_if(&server, "/file", &format!("If-Match: W/{tag}"), "x"), "if-match", &tag);
    // What another program has just written may still change within one tick of the clock: weak.
    server.file("theirs", "kept");
    let get = ask_if(&server, "GET", "/theirs", "Accept: */*");
    let weak = get.field("etag").unwrap();
    assert!(weak.starts_with("W/\""), "{weak}");
    let reply = put_if(&server, "/theirs", &format!("If-Match: {weak}"), "x");
    reply.is(412, "if-match");
    assert!(reply.field("etag").unwrap().ends_with(weak.trim_start_matches("W/")));
    assert_eq!((server.read("file"), server.read("theirs")), (b"kept".into(), b"kept".into()));
}

#[test]
fn if_match_where_nothing_is() {
    let server = start(&["--writable"]);
    for condition in ["If-Match: *", "If-Match: \"x\""] {
        let reply = put_if(&server, "/new", condition, "x");
        reply.is(412, "if-match");
        assert!(!reply.has("etag"), "there is none");
    }
    assert!(!server.folder().join("new").exists());
}

#[test]
fn if_unmodified_since_counts_without_if_match_alone() {
    let server = start(&["--writable"]);
    let tag = server.put("/file", "first");
    let since = format!("If-Unmodified-Since: {OLD}");
    failed(&put_if(&server, "/file", &since, "x"), "if-unmodified-since", &tag);
    failed(&ask_if(&server, "GET", "/file", &since), "if-unmodified-since", &tag);
    failed(&ask_if(&server, "DELETE", "/file", &since), "if-unmodified-since", &tag);
    let both = format!("{since}\nIf-Match: {tag}");
    let reply = put_if(&server, "/file", &both, "second");
    assert_eq!(reply.status, 204, "If-Match stands in its place");
    let tag = reply.field("etag").unwrap();
    let both = format!("If-Unmodified-Since: {LATER}\nIf-Match: \"x\"");
    failed(&put_if(&server, "/file", &both, "x"), "if-match", tag);
    for passed in [format!("If-Unmodified-Since: {LATER}"), "If-Unmodified-Since: soon".to_owned()]
    {
        assert_eq!(put_if(&server, "/file", &passed, "n").status, 204, "{passed}");
    }
}

#[test]
fn if_none_match_on_a_write() {
    let server = start(&["--writable"]);
    let first = put_if(&server, "/file", "If-None-Match: *", "first");
    assert_eq!(first.status, 201);
    let tag = first.field("etag").unwrap();
    failed(&put_if(&server, "/file", "If-None-Match: *", "x"), "if-none-match", tag);
    let weak = format!("If-None-Match: \"a\"\nIf-None-Match: W/{tag}");
    failed(&put_if(&server, "/file", &weak, "x"), "if-none-match", tag);
    failed(&ask_if(&server, "DELETE", "/file", "If-None-Match: *"), "if-none-match", tag);
    assert_eq!(server.read("file"), b"first");
    assert_eq!(put_if(&server, "/file", "If-None-Match: \"a\"", "second").status, 204);
}

/// RFC 9110 §13.2.2, step by step: each precondition is reached only when those before it hold.
#[test]
fn the_order_of_preconditions() {
    let server = start(&["--writable"]);
    let tag = server.put("/file", "x");
    let (bad, good) = ("If-Match: \"x\"", format!("If-Match: {tag}"));
    let (not, none) = (format!("If-None-Match: {tag}"), "If-None-Match: \"x\"");
    let (early, late) =
        (format!("If-Unmodified-Since: {OLD}"), format!("If-Modified-Since: {LATER}"));
    for (conditions, status) in [
        (format!("{not}\n{bad}"), 412),
        (format!("{not}\n{good}"), 304),
        (format!("{none}\n{good}"), 200),
        (format!("{early}\n{not}"), 412),
        (format!("{early}\n{good}\n{not}"), 304),
        (format!("{early}\n{late}"), 412),
        (format!("{none}\n{late}"), 200),
        (format!("{good}\n{late}"), 304),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = ask_if(&server, method, "/file", &conditions);
            assert_eq!(reply.status, status, "{method} {conditions}");
            assert_eq!(reply.field("etag"), Some(&*tag), "{method} {conditions}");
        }
    }
    let passed = format!("{good}\n{none}\nIf-Modified-Since: {LATER}");
    assert_eq!(put_if(&server, "/file", &passed, "y").status, 204, "a write knows no 304");
}

/// RFC 9110 §13.2.1: what would be refused without preconditions is refused so with them.
#[test]
fn other_refusals_come_first() {
    let server = start(&["--writable"]);
    server.file("folder/member", "x");
    for (request, status) in [
        ("GET /none HTTP/1.1\nHost: localhost\nIf-Match: \"x\"\n\n", 404),
        ("PUT /no/such HTTP/1.1\nHost: localhost\nIf-Match: *\nContent-Length: 0\n\n", 409),
        ("DELETE /folder/ HTTP/1.1\nHost: localhost\nIf-Match: \"x\"\n\n", 409),
        ("PUT /folder/member HTTP/1.1\nHost: localhost\nIf-Match: \"x\"\n\n", 411),
        ("GET /folder/member HTTP/1.1\nHost: example.org\nIf-Match: \"x\"\n\n", 421),
    ] {
        assert_eq!(server.ask(request).status, status, "{request}");
    }
}

/// Preconditions mean nothing to methods that select no representation.
#[test]
fn options_pass_over_preconditions() {
    let server = start(&["--writable"]);
    server.put("/file", "x");
    assert_eq!(ask_if(&server, "OPTIONS", "/file", "If-Match: \"x\"").status, 200);
}

/// A client that asks first sends no content in vain.
#[test]
fn no_content_is_invited() {
    let server = start(&["--writable"]);
    let tag = server.put("/file", "x");
    let reply = server.ask(
        "PUT /file HTTP/1.1\nHost: localhost\nIf-None-Match: *\nContent-Length: 9\n\
         Expect: 100-continue\n\n",
    );
    failed(&reply, "if-none-match", &tag);
    assert_eq!(reply.interim, [0_u16; 0]);
}
