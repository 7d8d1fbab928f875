//! 413 Content Too Large (RFC 9110 §15.5.14): said before a sender that asks first has sent anything, and
//! so that one that does not ask can read it. Elsewhere the answer is often lost in a reset.

use std::thread;

use crate::inboxes::{self, ENCODED, JSON, PARTS};
use crate::support::{Client, Reply, routes, start};

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

/// What the head says too much of is not invited.
#[test]
fn a_form_that_is_announced_too_large() {
    let keys = ", text-max = \"1KiB\", file-max = \"2KiB\", types = [\"*/*\"]";
    let server = inboxes::serve(&(inboxes::route(keys) + "content-max = \"8KiB\"\n"));
    for (kind, most, rule) in [
        (ENCODED, 1 << 10, "inbox-size"),
        (JSON, 1 << 10, "inbox-size"),
        ("Content-Type: image/png\n", 2 << 10, "inbox-size"),
        (PARTS, 8 << 10, "content-size"),
    ] {
        let reply = server.ask(&format!(
            "POST /orders HTTP/1.1\nHost: localhost\n{kind}Expect: 100-continue\n\
             Content-Length: {}\n\n",
            most + 1
        ));
        reply.is(413, rule);
        assert!(reply.interim.is_empty(), "{kind}");
        assert_eq!(
            (&reply.problem()["limit"], &reply.problem()["seen"]),
            (&most.into(), &(most + 1).into())
        );
    }
    let most = [b"a=".as_slice(), &[b'x'; 1022]].concat();
    assert_eq!(inboxes::post(&server, ENCODED, most).status, 204);
}

/// What turns out to be too large as it comes is refused then, and nothing of it stays.
#[test]
fn a_form_that_grows_too_large() {
    let keys = ", text-max = \"1KiB\", file-max = \"300KiB\", files-max = 2, fields-max = 2";
    let server = inboxes::serve(&(inboxes::route(keys) + "content-max = \"1MiB\"\n"));
    let file = vec![b'x'; 300 << 10];
    let longer = [file.as_slice(), b"x"].concat();
    let (x, f) = (b"x".as_slice(), Some("f"));
    for (form, fault) in [
        (inboxes::parts(&[("a", f, &longer)]), "form-file-too-large"),
        (inboxes::parts(&[("a", f, &file), ("b", f, x), ("c", f, x)]), "form-files-too-many"),
        (inboxes::parts(&[("a", f, x), ("b", None, &[b'x'; 1024])]), "form-fields-too-large"),
        (inboxes::parts(&[("a", None, x), ("b", None, x), ("c", None, x)]), "form-fields-too-many"),
        (inboxes::parts(&[(&"a".repeat(2000), None, x)]), "part-name-too-long"),
    ] {
        let reply = inboxes::post(&server, PARTS, form);
        reply.is(413, "form-size");
        assert_eq!(reply.problem()["fault"], fault);
        inboxes::is_empty(&server);
    }
    for (kind, size, chunks) in [(ENCODED, 1 << 10, 1), (PARTS, 64 << 10, 20)] {
        let mut client = server.connect();
        client.send(&format!(
            "POST /orders HTTP/1.1\nHost: localhost\n{kind}Transfer-Encoding: chunked\n\n"
        ));
        let chunk =
            [format!("{:x}\r\n", size + 1).as_bytes(), &vec![b'x'; size + 1], b"\r\n"].concat();
        // The server may answer, and stop reading, before all of it has left.
        for _ in 0..chunks {
            if client.try_send_octets(&chunk).is_err() {
                break;
            }
        }
        let _ = client.try_send_octets(b"0\r\n\r\n");
        assert_eq!(client.reply("POST").status, 413, "{kind}");
        inboxes::is_empty(&server);
    }
    let most = inboxes::parts(&[("a", f, &file), ("b", f, &file), ("c", None, x)]);
    assert_eq!(inboxes::post(&server, PARTS, most).status, 204);
}

/// Each route takes as much as it says, announced or counted.
#[test]
fn a_route_s_own_limit() {
    let server = routes(&[
        "{ path = '/*', folder = 'site', writable = true, content-max = '1KiB' }",
        "{ path = '/more/*', folder = 'site', writable = true, content-max = '2KiB' }",
        "{ path = '/for-now/*', folder = 'site', writable = true, \
         content-max = { size = '1KiB', until = 2099-01-01T00:00:00Z } }",
        "{ path = '/once/*', folder = 'site', writable = true, \
         content-max = { size = '1KiB', until = 2020-01-01T00:00:00Z } }",
    ]);
    let put = |target: &str, count: usize, is_chunked: bool| {
        let content = "x".repeat(count);
        let (framing, content) = if is_chunked {
            ("Transfer-Encoding: chunked".to_owned(), format!("{count:x}\n{content}\n0\n\n"))
        } else {
            (format!("Content-Length: {count}"), content)
        };
        server.ask(&format!("PUT {target} HTTP/1.1\nHost: localhost\n{framing}\n\n{content}"))
    };
    for (is_chunked, rule) in [(false, "content-size"), (true, "content-counted")] {
        for (target, most) in
            [("/new", 1024), ("/more/new", 2048), ("/for-now/new", 1024), ("/once/new", 1024)]
        {
            let reply = put(target, most + 1, is_chunked);
            is_too_large(&reply, rule);
            let is_passing = target.starts_with("/for-now");
            assert_eq!(reply.has("retry-after"), is_passing, "{target} {rule}");
            let taken = put(target, most, is_chunked).status;
            assert!([201, 204].contains(&taken), "{target} {rule}: {taken}");
            assert_eq!(server.read("new").len(), most);
        }
    }
    // Asked first, nothing is invited; a POST has the limit of a PUT, and of what is only read there is none.
    for (method, target) in [("PUT", "/new"), ("POST", "/"), ("DELETE", "/new")] {
        let reply = server.ask(&format!(
            "{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: 1025\n\
             Expect: 100-continue\n\n"
        ));
        is_too_large(&reply, "content-size");
        assert!(reply.interim.is_empty());
    }
    let get = "GET /file HTTP/1.1\nHost: localhost\nContent-Length: 1025\n\n";
    assert_eq!(server.ask(&format!("{get}{}", "x".repeat(1025))).text(), "here");
}
