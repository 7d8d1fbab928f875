//! 414 URI Too Long (RFC 9110 §15.5.15): longer than is parsed. Elsewhere a long target is a 400, a 431, a
//! reset, or a 500 once the file system has seen it.

use crate::support::start;

fn request(target_bytes: usize) -> String {
    format!("GET /{} HTTP/1.1\nHost: localhost\n\n", "a".repeat(target_bytes - 1))
}

#[test]
fn the_target_passes_the_limit() {
    let server = start(&["--limit", "target-bytes=9000"]);
    let reply = server.ask(&request(9001));
    assert_eq!((reply.status, reply.phrase.as_str()), (414, "URI Too Long"));
    assert_eq!(reply.field("connection"), Some("close"), "its head was not read to its end");
    assert!(reply.has("date"));
    assert_eq!(reply.problem()["fault"], "target-too-long");
    server.ask(&request(9000)).is(404, "missing");
}

/// RFC 9112 §3 asks that request lines of 8000 octets be taken, whatever is set here by default.
#[test]
fn eight_thousand_octets_are_taken() {
    let server = start(&[]);
    server.file("file", "there");
    let line = format!("GET /file?{} HTTP/1.1", "q".repeat(8000 - 19));
    assert_eq!(line.len(), 8000);
    assert_eq!(server.ask(&format!("{line}\nHost: localhost\n\n")).text(), "there");
}

/// It is said as soon as it is known: no more of the head is awaited.
#[test]
fn the_rest_of_the_head_is_not_awaited() {
    let server = start(&["--limit", "target-bytes=100"]);
    for begun in [request(101).replace(" HTTP/1.1\nHost: localhost\n\n", ""), request(150_000)] {
        let mut client = server.connect();
        client.send(&begun);
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.field("connection")), (414, Some("close")));
        client.finish_sending();
        assert!(client.is_closed());
    }
}

/// The whole target counts, as it came: its query, and its authority in absolute form.
#[test]
fn every_part_of_the_target_counts() {
    let server = start(&["--limit", "target-bytes=100"]);
    for target in [
        format!("/?{}", "q".repeat(99)),
        format!("http://localhost/{}", "a".repeat(84)),
        format!("/{}", "%61".repeat(34)),
    ] {
        let reply = server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, 414, "{target}");
    }
}

#[test]
fn content_behind_it_does_not_hide_the_answer() {
    let limits = ["--limit", "target-bytes=100", "--limit", "linger-time=30s"];
    let server = start(&limits);
    let mut client = server.connect();
    client.send(&format!(
        "PUT /{} HTTP/1.1\nHost: localhost\nContent-Length: 4000000\n\n",
        "a".repeat(100)
    ));
    client.send_octets(&vec![b'x'; 4_000_000]);
    let reply = client.reply("PUT");
    assert_eq!((reply.status, reply.field("connection")), (414, Some("close")));
}

/// What the file system can't hold as a name is not there; that is no fault of the server's.
#[test]
fn a_name_that_no_file_could_have_is_missing() {
    let server = start(&[]);
    server.ask(&request(7000)).is(404, "missing");
}
