//! 205 Reset Content (RFC 9110 §15.3.6): the form was taken, and is to be cleared for the next one. Elsewhere
//! it is sent with a page, which no client shows, or without a length, for which some wait.

use crate::inboxes::{self, ENCODED, JSON, PARTS, documents, parts, post, request};
use crate::support::Reply;

const RESET: &str = ", answer = \"reset\"";

fn is_bare(reply: &Reply) {
    assert_eq!((reply.status, &*reply.phrase), (205, "Reset Content"), "{reply:?}");
    assert_eq!(reply.field("content-length"), Some("0"));
    assert!(reply.has("date") && reply.content.is_empty());
    for name in ["transfer-encoding", "content-type", "location", "etag", "last-modified"] {
        assert!(!reply.has(name), "{name} in {reply:?}");
    }
}

#[test]
fn a_form_that_is_taken_is_cleared() {
    let server = inboxes::inbox(RESET);
    is_bare(&post(&server, ENCODED, "name=A%20B&cake=plum"));
    let file = parts(&[("cake", None, b"apple"), ("photo", Some("a.png"), b"png")]);
    is_bare(&post(&server, PARTS, file));
    is_bare(&post(&server, JSON, r#"{"cake":"pear"}"#));
    let kept = documents(&server);
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().any(|document| document["fields"]["name"][0] == "A B"));
    assert!(kept.iter().any(|document| document["content"]["cake"] == "pear"));
}

/// A route that shows the folder changes nothing: the operator said what is answered.
#[test]
fn also_where_it_could_be_read() {
    is_bare(&post(&inboxes::shown(RESET), ENCODED, "a=b"));
}

/// A client that reads on by the letter finds the next answer right behind the head.
#[test]
fn the_next_answer_follows_at_once() {
    let server = inboxes::inbox(RESET);
    let mut client = server.connect();
    let twice = [request(ENCODED, b"n=1"), request(ENCODED, b"n=2")].concat();
    client.send_octets(&twice);
    is_bare(&client.reply("POST"));
    is_bare(&client.reply("POST"));
    client.send("OPTIONS /orders HTTP/1.1\nHost: localhost\nConnection: close\n\n");
    assert_eq!(client.reply("OPTIONS").status, 200);
    assert!(client.is_closed());
    assert_eq!(documents(&server).len(), 2);
}

#[test]
fn a_form_that_is_not_taken_is_not_cleared() {
    let server = inboxes::inbox(RESET);
    post(&server, ENCODED, "a=%zz").is(400, "form-syntax");
    post(&server, "Content-Type: text/plain\n", "a").is(415, "inbox-type");
    inboxes::is_empty(&server);
}
