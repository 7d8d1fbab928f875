//! Slow readers, and files that change or shrink while they are read.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use crate::support::client::End;
use crate::support::{Client, Running, start};

/// More than the buffers of a connection hold.
const LARGE_BYTES: usize = 64 << 20;

fn large(server: &Running) -> std::path::PathBuf {
    server.file("large", content(LARGE_BYTES))
}

/// Content of this length in which no two neighbouring pages are alike.
fn content(octets: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..=250).collect();
    let mut content = block.repeat(octets.div_ceil(block.len()));
    content.truncate(octets);
    content
}

/// A client that has read the head of the large file's answer, and the first octets.
fn reader(server: &Running) -> Client {
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\nHost: localhost\n\n");
    let head = client.head();
    assert_eq!(head.field("content-length"), Some(LARGE_BYTES.to_string().as_str()));
    assert_eq!(client.exactly(1000), content(1000));
    client
}

fn is_cut_short(server: &Running, mut client: Client) {
    let (rest, end) = client.until_end();
    assert!(1000 + rest.len() < LARGE_BYTES, "{} octets look whole", rest.len());
    assert_eq!(end, End::BrokenOff);
    assert!(server.log_line("/large").contains("broken-off"));
}

#[test]
fn a_file_that_shrinks_is_broken_off() {
    let server = start(&[]);
    let path = large(&server);
    let client = reader(&server);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(LARGE_BYTES as u64 / 2).unwrap();
    is_cut_short(&server, client);
    // What is there now is served whole.
    let reply = server.ask("GET /large HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(reply.content.len(), LARGE_BYTES / 2);
}

#[test]
fn a_file_that_is_written_over_is_broken_off() {
    let server = start(&[]);
    let path = large(&server);
    let client = reader(&server);
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(LARGE_BYTES as u64 / 2)).unwrap();
    file.write_all(b"something else").unwrap();
    drop(file);
    is_cut_short(&server, client);
}

#[test]
fn a_file_that_grows_is_broken_off() {
    let server = start(&[]);
    let path = large(&server);
    let client = reader(&server);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    is_cut_short(&server, client);
}

#[test]
fn a_change_in_each_part_that_is_still_to_come_is_seen() {
    // Not later: what the kernel has taken, it may send from the file's own pages.
    let server = start(&[]);
    for part in 0..4 {
        let path = large(&server);
        let mut client = reader(&server);
        client.exactly(part * (LARGE_BYTES / 8));
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"something else", LARGE_BYTES as u64 - 20).unwrap();
        drop(file);
        let (rest, end) = client.until_end();
        assert!(1000 + part * (LARGE_BYTES / 8) + rest.len() < LARGE_BYTES, "part {part}");
        assert_eq!(end, End::BrokenOff);
        // What is there now is served at once, though the file is known and open.
        let get = "GET /large HTTP/1.1\nHost: localhost\nRange: bytes=-20\n\n";
        assert!(server.ask(get).content.starts_with(b"something else"));
    }
}

#[test]
fn a_file_that_is_replaced_or_removed_is_sent_as_it_was() {
    let server = start(&["--writable", "--limit", "cache-recheck=0ms"]);
    let path = large(&server);
    let whole = content(LARGE_BYTES).split_off(1000);

    let mut client = reader(&server);
    let other = server.file("other", "other");
    fs::rename(&other, &path).unwrap();
    assert!(client.exactly(whole.len()) == whole, "after a rename");

    fs::remove_file(&path).unwrap();
    large(&server);
    let mut client = reader(&server);
    let put = "PUT /large HTTP/1.1\nHost: localhost\nContent-Length: 3\n\nnew";
    assert_eq!(server.ask(put).status, 204);
    assert_eq!(server.ask("GET /large HTTP/1.1\nHost: localhost\n\n").text(), "new");
    assert!(client.exactly(whole.len()) == whole, "after a PUT");

    large(&server);
    let mut client = reader(&server);
    assert_eq!(server.ask("DELETE /large HTTP/1.1\nHost: localhost\n\n").status, 204);
    server.ask("GET /large HTTP/1.1\nHost: localhost\n\n").is(410, "gone");
    assert!(client.exactly(whole.len()) == whole, "after a DELETE");
}

#[test]
fn a_client_that_reads_nothing_is_given_up() {
    let server = start(&["--limit", "send-time=100ms"]);
    large(&server);
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\nHost: localhost\n\n");
    // Without the bound, this line would never come.
    assert!(server.log_line("/large").contains("broken-off"));
    let (came, end) = client.until_end();
    assert!(came.len() < LARGE_BYTES);
    assert_eq!(end, End::BrokenOff);
}

#[test]
fn a_client_that_asks_on_and_reads_nothing_is_given_up() {
    let server = start(&["--limit", "send-time=100ms"]);
    server.file("file", content(10_000));
    let before = memory_kib(&server);
    let mut client = server.connect();
    let many = "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    // Its requests are no longer taken once nothing is read, so that they don't pile up; then it is
    // broken off.
    let mut sent = 0;
    while client.try_send_octets(many.as_bytes()).is_ok() {
        sent += many.len();
        assert!(sent < 1 << 30, "its requests are taken for ever");
    }
    let grown_kib = memory_kib(&server).saturating_sub(before);
    assert!(grown_kib < 8 << 10, "it cost {grown_kib} KiB");
}

#[test]
fn uploads_cost_little_memory() {
    let server = start(&["--writable"]);
    let whole = content(LARGE_BYTES);
    let first = "PUT /first HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx";
    assert_eq!(server.ask(first).status, 201);
    let before = memory_kib(&server);
    let mut client = server.connect();
    client
        .send(&format!("PUT /large HTTP/1.1\nHost: localhost\nContent-Length: {LARGE_BYTES}\n\n"));
    client.send_octets(&whole);
    assert_eq!(client.reply("PUT").status, 201);
    client.send("PUT /chunked HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n");
    for chunk in whole.chunks(1 << 20) {
        client.send_octets(format!("{:x}\r\n", chunk.len()).as_bytes());
        client.send_octets(chunk);
        client.send_octets(b"\r\n");
    }
    client.send_octets(b"0\r\n\r\n");
    assert_eq!(client.reply("PUT").status, 201);
    let grown_kib = memory_kib(&server).saturating_sub(before);
    assert!(grown_kib < 8 << 10, "they cost {grown_kib} KiB");
    assert!(server.read("large") == whole && server.read("chunked") == whole);
}

#[test]
fn slow_readers_cost_little_memory() {
    const FILE_BYTES: usize = 10 << 20;
    const READERS: usize = 40;
    let server = start(&[]);
    let content = content(FILE_BYTES);
    server.file("file", &content);
    // One that takes all, so that what is kept for all is there already.
    let get = "GET /file HTTP/1.1\nHost: localhost\n\n";
    assert!(server.ask(get).content == content);
    let before = memory_kib(&server);
    let mut readers: Vec<Client> = (0..READERS)
        .map(|_| {
            let mut client = server.connect();
            client.send(get);
            assert_eq!(client.head().status, 200);
            client
        })
        .collect();
    for _ in 0..8 {
        for reader in &mut readers {
            reader.exactly(100_000);
        }
    }
    let grown_kib = memory_kib(&server).saturating_sub(before);
    let all_kib = (FILE_BYTES * READERS) >> 10;
    assert!(grown_kib < all_kib / 10, "{READERS} readers cost {grown_kib} KiB");
    for reader in &mut readers {
        assert!(reader.exactly(FILE_BYTES - 800_000) == content[800_000..]);
    }
}

/// The most memory that the server has had resident.
pub fn memory_kib(server: &Running) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
