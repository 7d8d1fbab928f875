//! What is encoded as it is sent.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use wherefore_coding::Decoder;
use wherefore_decide::policy::Compress;
use wherefore_message::{Coding, FieldName};
use wherefore_store::MemoryStore;

use crate::slow::memory_kib;
use crate::support::client::End;
use crate::support::inside::serve_route;
use crate::support::{Client, Reply, Running, start};

/// Text of which no part is like another, that gets half as long in any coding.
fn text(octets: usize) -> String {
    let mut state = 1_u64;
    let digits = (0..octets).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        char::from(b"0123456789abcdef"[(state >> 60) as usize])
    });
    digits.collect()
}

fn coding(name: &str) -> Coding {
    Coding::ALL.into_iter().find(|coding| coding.name() == name).unwrap()
}

fn decoded(coding: Coding, coded: &[u8]) -> String {
    let mut decoder = Decoder::new(coding, 1 << 30).unwrap();
    let (mut plain, mut rest) = (Vec::new(), coded);
    loop {
        let progress = decoder.decode(rest, &mut plain).unwrap();
        rest = &rest[progress.used..];
        if !progress.has_more {
            break;
        }
    }
    decoder.finish().unwrap();
    String::from_utf8(plain).unwrap()
}

fn ask(server: &Running, method: &str, target: &str, fields: &str) -> Reply {
    server.ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\n{fields}\n"))
}

fn get(server: &Running, target: &str, fields: &str) -> Reply {
    ask(server, "GET", target, fields)
}

/// Asserts that the answer is the whole of `plain` in this coding, or as it is.
fn is_whole(reply: &Reply, name: Option<&str>, plain: &str) {
    assert_eq!((reply.status, reply.field("content-encoding")), (200, name));
    assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
    let content = match name {
        Some(name) => decoded(coding(name), &reply.content),
        None => reply.text().to_owned(),
    };
    assert!(content == plain, "{name:?}");
    assert_eq!(reply.has("accept-ranges"), name.is_none());
}

/// A server of one file that it wrote itself, whose tag is strong from the start.
fn serving(target: &str, plain: &str, arguments: &[&str]) -> Running {
    let server = start(&[&["--writable", "--compress"], arguments].concat());
    server.put(target, plain);
    server
}

#[test]
fn every_coding_is_the_file_and_has_a_tag_of_its_own() {
    let plain = text(100_000);
    let server = serving("/a.txt", &plain, &[]);
    let whole = get(&server, "/a.txt", "");
    is_whole(&whole, None, &plain);
    let mut tags = BTreeSet::from([whole.field("etag").unwrap().to_owned()]);
    for name in ["br", "zstd", "gzip"] {
        let accept = format!("Accept-Encoding: {name}\n");
        let first = get(&server, "/a.txt", &accept);
        is_whole(&first, Some(name), &plain);
        assert_eq!(first.field("content-length"), Some(&*first.content.len().to_string()));
        assert_eq!(first.field("content-type"), whole.field("content-type"));
        assert_eq!(first.field("last-modified"), whole.field("last-modified"));
        let tag = first.field("etag").unwrap();
        assert!(tag.starts_with('"') && tags.insert(tag.to_owned()), "{tag}");
        // On either core.
        for _ in 0..8 {
            let again = get(&server, "/a.txt", &accept);
            assert!(again.content == first.content && again.field("etag") == Some(tag));
        }
    }
    assert_eq!(
        get(&server, "/a.txt", "Accept-Encoding: gzip, br\n").field("content-encoding"),
        Some("br")
    );
}

#[test]
fn it_is_off_unless_told() {
    let server = start(&["--writable"]);
    server.put("/a.txt", &text(10_000));
    let reply = get(&server, "/a.txt", "Accept-Encoding: gzip, br, zstd\n");
    assert!(!reply.has("content-encoding") && !reply.has("vary"));
}

#[test]
fn the_operator_s_word_that_content_stays_as_it_is_holds() {
    let text = text(10_000);
    for (value, is_encoded) in [("max-age=60", true), ("max-age=60, no-transform", false)] {
        let server = serve_route(Arc::new(MemoryStore::new()), &[], |mut route| {
            route.compress = Some(Arc::new(Compress::usual()));
            route.dress.known = vec![(FieldName::CacheControl, value.into())];
            route
        });
        let put = format!("PUT /a.txt HTTP/1.1\nHost: localhost\nContent-Length: 10000\n\n{text}");
        assert_eq!(server.ask(&put).status, 201);
        let get = "GET /a.txt HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip\n\n";
        let reply = server.ask(get);
        assert_eq!((reply.status, reply.field("cache-control")), (200, Some(value)));
        assert_eq!(reply.has("content-encoding"), is_encoded);
        assert_eq!(reply.has("vary"), is_encoded);
    }
}

#[test]
fn what_is_small_or_coded_already_is_not_offered() {
    let server = serving("/small.txt", &text(1023), &[]);
    server.put("/a.png", &text(10_000));
    for target in ["/small.txt", "/a.png"] {
        let reply = get(&server, target, "Accept-Encoding: gzip, br, zstd\n");
        assert!(!reply.has("content-encoding") && !reply.has("vary"), "{target}");
    }
    server.put("/enough.txt", &text(1024));
    let reply = get(&server, "/enough.txt", "Accept-Encoding: gzip, br, zstd\n");
    assert!(reply.has("content-encoding"));
}

#[test]
fn a_copy_is_known_by_its_tag() {
    let plain = text(10_000);
    let server = serving("/a.txt", &plain, &[]);
    let tag_of = |accept: &str| get(&server, "/a.txt", accept).field("etag").unwrap().to_owned();
    let (gzip, original) = (tag_of("Accept-Encoding: gzip\n"), tag_of(""));
    for (accept, tag, status) in [
        ("Accept-Encoding: gzip\n", &gzip, 304),
        ("Accept-Encoding: gzip\n", &original, 200),
        ("Accept-Encoding: br\n", &gzip, 200),
        ("", &original, 304),
        ("", &gzip, 200),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = ask(&server, method, "/a.txt", &format!("{accept}If-None-Match: {tag}\n"));
            assert_eq!(reply.status, status, "{method} {accept} {tag}");
            assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
            if status == 304 {
                assert_eq!(reply.field("etag"), Some(&**tag));
            }
        }
    }
    // A write knows the version by the tag of any coding of it.
    let put = |tag: &str| {
        server.ask(&format!(
            "PUT /a.txt HTTP/1.1\nHost: localhost\nIf-Match: {tag}\nContent-Length: 3\n\nnew"
        ))
    };
    assert_eq!(put(&gzip.replace("gzip", "brotli")).status, 412);
    assert_eq!(put(&gzip).status, 204);
    put(&gzip).is(412, "if-match");
}

#[test]
fn a_304_costs_no_encoding() {
    // There is no memory for any.
    let server = serving("/a.txt", &text(10_000), &["--limit", "compress-memory=0"]);
    let original = get(&server, "/a.txt", "").field("etag").unwrap().to_owned();
    let head = ask(&server, "HEAD", "/a.txt", "Accept-Encoding: gzip\n");
    let gzip = head.field("etag").unwrap();
    assert_ne!(gzip, original);
    let fields = format!("Accept-Encoding: gzip\nIf-None-Match: {gzip}\n");
    let reply = get(&server, "/a.txt", &fields);
    assert_eq!((reply.status, reply.field("etag")), (304, Some(gzip)));
}

#[test]
fn parts_are_of_what_is_stored_alone() {
    let plain = text(10_000);
    let server = serving("/a.txt", &plain, &[]);
    for (accept, range, status) in [
        ("Accept-Encoding: gzip\n", "0-9", 200),
        ("Accept-Encoding: gzip\n", "20000-", 200),
        ("", "0-9", 206),
        ("", "20000-", 416),
        ("Accept-Encoding: gzip;q=0.1, identity\n", "0-9", 206),
    ] {
        let fields = format!("{accept}Range: bytes={range}\n");
        let reply = get(&server, "/a.txt", &fields);
        assert_eq!(reply.status, status, "{fields}");
        match status {
            200 => is_whole(&reply, Some("gzip"), &plain),
            206 => assert_eq!(reply.text(), &plain[..10]),
            _ => {}
        }
    }
    let fields = "Accept-Encoding: gzip\nWant-Repr-Digest: sha-256=1\n";
    assert!(!get(&server, "/a.txt", fields).has("repr-digest"));
    assert!(get(&server, "/a.txt", "Want-Repr-Digest: sha-256=1\n").has("repr-digest"));
}

#[test]
fn a_head_says_what_is_known() {
    let server = serving("/a.txt", &text(10_000), &[]);
    let accept = "Accept-Encoding: gzip\n";
    let before = ask(&server, "HEAD", "/a.txt", accept);
    assert!(!before.has("content-length") && !before.has("transfer-encoding"));
    let whole = get(&server, "/a.txt", accept);
    let after = ask(&server, "HEAD", "/a.txt", accept);
    assert_eq!(after.field("content-length"), whole.field("content-length"));
    for name in ["etag", "content-encoding", "content-type", "vary", "last-modified"] {
        assert_eq!(before.field(name), whole.field(name), "{name}");
        assert_eq!(after.field(name), whole.field(name), "{name}");
    }
}

#[test]
fn what_gets_hardly_smaller_is_sent_as_it_is() {
    for octets in [20_000, 3 << 19] {
        let (server, noise) = (start(&["--writable", "--compress"]), noise(octets));
        let mut client = server.connect();
        client.send(&format!("PUT /a.txt HTTP/1.1\nHost: localhost\nContent-Length: {octets}\n\n"));
        client.send_octets(&noise);
        assert_eq!(client.reply("PUT").status, 201);
        let accept = "Accept-Encoding: gzip, br, zstd\n";
        for _ in 0..4 {
            let reply = get(&server, "/a.txt", accept);
            assert!(reply.status == 200 && reply.content == noise);
            assert!(!reply.has("content-encoding") && reply.has("accept-ranges"));
            assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
            let tag = reply.field("etag").unwrap();
            let fields = format!("{accept}If-None-Match: {tag}\n");
            assert_eq!(get(&server, "/a.txt", &fields).status, 304);
            let part = get(&server, "/a.txt", &format!("{accept}Range: bytes=0-9\n"));
            assert_eq!((part.status, &*part.content), (206, &noise[..10]));
        }
    }
}

/// Octets that nothing gets shorter.
fn noise(octets: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let octets = (0..octets).map(|_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    });
    octets.collect()
}

#[test]
fn what_is_stored_goes_before_what_is_made() {
    let server = start(&["--compress"]);
    server.file("a.txt", text(10_000));
    server.file("a.txt.gz", "GZIP");
    let reply = get(&server, "/a.txt", "Accept-Encoding: gzip, br, zstd\n");
    assert_eq!((reply.text(), reply.field("content-encoding")), ("GZIP", Some("gzip")));
    assert!(reply.has("accept-ranges"));
    let reply = get(&server, "/a.txt", "Accept-Encoding: gzip;q=0.9, br\n");
    assert_eq!(reply.field("content-encoding"), Some("br"));
}

/// Its tag is weak, since it may change within the tick of a clock: then the copy must not outlive it.
#[test]
fn what_may_change_unseen_is_not_kept() {
    let server = start(&["--compress", "--limit", "cache-recheck=0ms"]);
    for i in 0..20 {
        let plain = format!("{i:04}{}", text(5_000));
        server.file("a.txt", &plain);
        let reply = get(&server, "/a.txt", "Accept-Encoding: zstd\n");
        is_whole(&reply, Some("zstd"), &plain);
        assert!(reply.field("etag").unwrap().starts_with("W/"));
    }
}

#[test]
fn without_memory_for_it_files_are_sent_as_they_are() {
    for octets in [10_000, 2 << 20] {
        let plain = text(octets);
        let server = serving("/a.txt", &plain, &["--limit", "compress-memory=0"]);
        let reply = get(&server, "/a.txt", "Accept-Encoding: gzip, br, zstd\n");
        is_whole(&reply, None, &plain);
        let fields = "Accept-Encoding: gzip\nRange: bytes=0-9\n";
        assert_eq!(get(&server, "/a.txt", fields).text(), &plain[..10]);
        // Enough for gzip alone, which takes the least.
        let server = serving("/a.txt", &plain, &["--limit", "compress-memory=2MiB"]);
        let reply = get(&server, "/a.txt", "Accept-Encoding: gzip, br, zstd\n");
        is_whole(&reply, Some("gzip"), &plain);
    }
}

#[test]
fn without_a_cache_it_is_encoded_each_time() {
    let plain = text(10_000);
    let limits = ["--limit", "compress-cache=0B", "--limit", "cache-bytes=0B"];
    let server = serving("/a.txt", &plain, &limits);
    for _ in 0..3 {
        is_whole(&get(&server, "/a.txt", "Accept-Encoding: gzip\n"), Some("gzip"), &plain);
    }
}

#[test]
fn many_ask_at_once() {
    let plain = text(500_000);
    let server = serving("/a.txt", &plain, &["--limit", "workers=2"]);
    let ask = "GET /a.txt HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip\n\n";
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(ask));
    let first = clients[0].reply("GET");
    is_whole(&first, Some("gzip"), &plain);
    for client in &mut clients[1..] {
        assert!(client.reply("GET").content == first.content);
    }
}

/// Large enough not to fit the buffers of a connection when it is encoded.
const LARGE_BYTES: usize = 24 << 20;

#[test]
fn large_files_are_encoded_on_the_way() {
    let plain = text(3 << 19);
    let server = serving("/a.txt", &plain, &[]);
    for name in ["br", "zstd", "gzip"] {
        let accept = format!("Accept-Encoding: {name}\n");
        let head = ask(&server, "HEAD", "/a.txt", &accept);
        assert!(!head.has("content-length"));
        let mut client = server.connect();
        // The connection goes on afterwards.
        for _ in 0..2 {
            client.send(&format!("GET /a.txt HTTP/1.1\nHost: localhost\n{accept}\n"));
            let reply = client.reply("GET");
            assert_eq!(reply.field("transfer-encoding"), Some("chunked"));
            assert!(!reply.has("content-length"));
            assert_eq!(reply.field("etag"), head.field("etag"));
            is_whole(&reply, Some(name), &plain);
        }
        client.send(&format!("GET /a.txt HTTP/1.0\nConnection: keep-alive\n{accept}\n"));
        let reply = client.reply("GET");
        assert!(!reply.has("transfer-encoding"), "HTTP/1.0 knows no chunks");
        is_whole(&reply, Some(name), &plain);
    }
    assert!(server.log_line("\"GET /a.txt").contains(" 200 "));
}

/// A client that has read the head of the large file's answer, and has little room for the rest.
fn reader(server: &Running, name: &str) -> Client {
    let mut client = Client::connect_with_room(server.address, 256 << 10);
    client.send(&format!("GET /large.txt HTTP/1.1\nHost: localhost\nAccept-Encoding: {name}\n\n"));
    let head = client.head();
    assert_eq!(head.field("content-encoding"), Some(name));
    client
}

#[test]
fn a_slow_reader_holds_an_encoder_and_nothing_else() {
    let server = start(&["--compress", "--limit", "workers=1"]);
    let plain = text(LARGE_BYTES);
    server.file("large.txt", &plain);
    // Others before, so that what all of them need is there already.
    for (name, octets) in [("small.txt", 10_000), ("less.txt", 2 << 20)] {
        server.file(name, text(octets));
        get(&server, &format!("/{name}"), "Accept-Encoding: gzip\n");
    }
    let before = memory_kib(&server);
    let mut slow = reader(&server, "gzip");
    // While it reads nothing, the one worker is there for others.
    let mut gotten = Vec::new();
    for _ in 0..20 {
        server.file("small.txt", text(20_000));
        let reply = get(&server, "/small.txt", "Accept-Encoding: gzip\n");
        assert_eq!(reply.status, 200);
        gotten.extend(chunk(&mut slow));
    }
    let grown_kib = memory_kib(&server).saturating_sub(before);
    assert!(grown_kib < 8 << 10, "it cost {grown_kib} KiB");
    loop {
        let chunk = chunk(&mut slow);
        if chunk.is_empty() {
            break;
        }
        gotten.extend(chunk);
    }
    assert!(decoded(Coding::Gzip, &gotten) == plain);
    let grown_kib = memory_kib(&server).saturating_sub(before);
    assert!(grown_kib < 8 << 10, "it cost {grown_kib} KiB");
}

/// Reads one chunk; the last is empty.
fn chunk(client: &mut Client) -> Vec<u8> {
    let size = usize::from_str_radix(&client.line(), 16).unwrap();
    let chunk = client.exactly(size);
    assert_eq!(client.exactly(2), b"\r\n");
    chunk
}

#[test]
fn a_file_that_changes_on_the_way_is_broken_off() {
    let changes: [fn(&fs::File); 3] = [
        |file| file.write_all_at(b"something else", 100).unwrap(),
        |file| file.set_len(LARGE_BYTES as u64 / 2).unwrap(),
        |file| file.write_all_at(b"more", LARGE_BYTES as u64).unwrap(),
    ];
    for (name, change) in ["gzip", "zstd", "gzip"].into_iter().zip(changes) {
        let server = start(&["--compress"]);
        let path = server.file("large.txt", text(LARGE_BYTES));
        let mut client = reader(&server, name);
        chunk(&mut client);
        change(&OpenOptions::new().write(true).open(path).unwrap());
        let (rest, end) = client.until_end();
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{name} looks whole");
        assert_eq!(end, End::BrokenOff);
        assert!(server.log_line("/large.txt").contains("broken-off"));
    }
}

#[test]
fn a_client_that_takes_nothing_gives_its_encoder_back() {
    // Room for one.
    let limits = ["--limit", "compress-memory=2MiB", "--limit", "send-time=100ms"];
    let server = start(&[&["--compress"], &limits[..]].concat());
    server.file("large.txt", text(LARGE_BYTES));
    let stuck = reader(&server, "gzip");
    assert!(server.log_line("/large.txt").contains("broken-off"));
    chunk(&mut reader(&server, "gzip"));
    drop(stuck);
}
