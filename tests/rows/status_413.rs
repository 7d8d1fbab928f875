//! 413 Content Too Large (RFC 9110 §15.5.14): said before a sender that asks first has sent anything, and
//! so that one that does not ask can read it. Elsewhere the answer is often lost in a reset.

use std::thread;

use crate::support::{Client, Reply, start};

const SMALL: &[&str] = &["--writable", "--limit", "content-bytes=1000"];

/// Time to send a lot, however busy the machine is.
const PATIENT: &[&str] =
    &["--writable", "--limit", "content-bytes=1000", "--limit", "linger-time=30s"];

fn is_too_large(reply: &Reply, rule: &str) {
    reply.is(413, rule);
    assert!(reply.has("date"));
    assert_eq!(reply.problem()["title"], "Content Too Large");
}

#[test]
fn the_announced_length_passes_the_limit() {
    let server = start(SMALL);
    for (method, target) in [("PUT", "/file"), ("POST", "/"), ("PUT", "/no/such")] {
        let reply = server
            .ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: 1001\n\n"));
        is_too_large(&reply, "content-size");
        let problem = reply.problem();
        assert_eq!((&problem["limit"], &problem["seen"]), (&1000.into(), &1001.into()));
    }
    let whole = "x".repeat(1000);
    server.put("/file", &whole);
    assert_eq!(server.read("file"), whole.as_bytes(), "the limit itself is taken");
}

#[test]
fn no_content_is_invited() {
    let server = start(SMALL);
    let mut client = server.connect();
    client.send(
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 1001\nExpect: 100-continue\n\n",
    );
    let reply = client.reply("PUT");
    is_too_large(&reply, "content-size");
    assert_eq!(reply.interim, [0_u16; 0]);
    assert_eq!(reply.field("connection"), Some("close"), "it may send all the same");
    client.finish_sending();
    assert!(client.is_closed());
}

#[test]
fn what_no_one_could_announce_in_earnest() {
    let server = start(&["--writable"]);
    for length in ["1073741825", "18446744073709551615"] {
        let mut client = server.connect();
        client.send(&format!("PUT /f HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\n"));
        let reply = client.reply("PUT");
        is_too_large(&reply, "content-size");
        assert_eq!(reply.field("connection"), Some("close"));
    }
}

#[test]
fn chunks_are_counted() {
    let server = start(SMALL);
    let tag = server.put("/file", "as it was");
    let chunk = format!("1f4\n{}\n", "x".repeat(500));
    let head = "PUT /file HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n";
    let mut client = server.connect();
    client.send(&format!("{head}{chunk}{chunk}1\nx\n0\n\n"));
    let reply = client.reply("PUT");
    is_too_large(&reply, "content-counted");
    assert_eq!(reply.field("connection"), Some("close"));
    assert!(client.rest().is_empty());
    let get = server.ask("GET /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((get.text(), get.field("etag")), ("as it was", Some(&*tag)));
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 1, "nothing half-written");
    assert_eq!(server.ask(&format!("{head}{chunk}{chunk}0\n\n")).status, 204);
}

#[test]
fn a_patch_has_a_limit_of_its_own() {
    let server = start(&["--writable", "--limit", "patch-bytes=20B"]);
    server.put("/data.json", &format!("{{\"a\":\"{}\"}}", "x".repeat(50)));
    let patch = |fields: &str, content: &str| {
        format!(
            "PATCH /data.json HTTP/1.1\nHost: localhost\n\
             Content-Type: application/merge-patch+json\n{fields}\n\n{content}"
        )
    };
    let announced = server.ask(&patch("Content-Length: 21\nExpect: 100-continue", ""));
    is_too_large(&announced, "content-size");
    assert_eq!(announced.interim, [0_u16; 0], "the head says enough");
    assert_eq!(announced.problem()["limit"], 20);
    let counted = format!("15\n{{\"a\":\"{}\"}}\n0\n\n", "y".repeat(13));
    let counted = server.ask(&patch("Transfer-Encoding: chunked", &counted));
    is_too_large(&counted, "content-counted");
    let fits = format!("{{\"a\":\"{}\"}}", "y".repeat(12));
    assert_eq!(server.ask(&patch("Content-Length: 20", &fits)).status, 204);
    assert_eq!(server.read("data.json"), fits.as_bytes());
}

/// The client writes all it has to write before it reads, as many do; nothing of the answer is lost.
#[test]
fn who_still_sends_can_read_the_answer() {
    let server = start(PATIENT);
    let octets = vec![b'x'; 8 << 20];
    let length = octets.len();
    for (framing, rule) in [
        (format!("Content-Length: {length}\n\n"), "content-size"),
        (format!("Transfer-Encoding: chunked\n\n{length:x}\n"), "content-counted"),
    ] {
        let mut client = server.connect();
        client.send(&format!("PUT /file HTTP/1.1\nHost: localhost\n{framing}"));
        client.send_octets(&octets);
        client.finish_sending();
        let reply = client.reply("PUT");
        is_too_large(&reply, rule);
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(client.is_closed(), "an end, and no reset");
    }
    assert_eq!(std::fs::read_dir(server.folder()).unwrap().count(), 0);
}

/// The same for many at once, so that none is served at the cost of another.
#[test]
fn many_who_still_send_can_all_read_the_answer() {
    let server = start(PATIENT);
    let address = server.address;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                client.send("POST / HTTP/1.1\nHost: localhost\nContent-Length: 8388608\n\n");
                client.send_octets(&vec![b'x'; 8 << 20]);
                is_too_large(&client.reply("POST"), "content-size");
            });
        }
    });
}

/// Little that is left unread is read and dropped, and the connection goes on.
#[test]
fn a_small_excess_costs_no_connection() {
    let server = start(SMALL);
    let mut client = server.connect();
    client.send(&format!(
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 1001\n\n{}",
        "x".repeat(1001)
    ));
    let reply = client.reply("PUT");
    is_too_large(&reply, "content-size");
    assert_eq!(reply.field("connection"), None);
    client.send("OPTIONS * HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("OPTIONS").status, 200);
}

/// Where the method is not offered, the length does not matter.
#[test]
fn where_nothing_is_written_it_is_405() {
    let server = start(&["--limit", "content-bytes=1000"]);
    server.file("file", "x");
    let reply = server.ask("DELETE /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(reply.status, 405);
}
