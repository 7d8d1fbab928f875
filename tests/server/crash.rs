//! Killed in the middle of writes: what was there stays, or what was written is whole; nothing else is
//! left.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::server::eventually;
use crate::support::start;

/// The lengths of the contents: one is gathered in memory, one streams.
const LENGTHS: [usize; 2] = [10_000, 700_000];

/// The content that the write of this number brings.
fn content(number: usize) -> Vec<u8> {
    let letter = b'a' + (number % 26) as u8;
    let mut content = format!("{number:08}\n").into_bytes();
    content.resize(LENGTHS[number % 2], letter);
    content
}

/// Writes one content after the other until the server is gone, and counts those acknowledged.
fn write_on(address: SocketAddr, begun: usize, acknowledged: &AtomicUsize) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    for number in begun.. {
        let content = content(number);
        let head = format!(
            "PUT /file HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            content.len()
        );
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content)).is_err() {
            return;
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            match stream.read(&mut octet) {
                Ok(1) => answer.push(octet[0]),
                _ => return,
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", answer.escape_ascii());
        acknowledged.store(number, Ordering::SeqCst);
    }
}

/// Files of the folder, at any depth, that no one wrote by their name.
fn strangers(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).filter(|name| name != "file").collect()
}

#[test]
fn killed_during_writes_it_has_the_old_content_or_the_new() {
    let mut server = start(&["--writable"]);
    let acknowledged = AtomicUsize::new(0);
    for round in 0..20 {
        let begun = acknowledged.load(Ordering::SeqCst) + 1;
        std::thread::scope(|scope| {
            let (address, acknowledged) = (server.address, &acknowledged);
            scope.spawn(move || write_on(address, begun, acknowledged));
            // A few are acknowledged, and the next is somewhere on its way.
            eventually("some writes are done", || {
                acknowledged.load(Ordering::SeqCst) >= begun + round % 4
            });
            server.kill();
        });
        let last = acknowledged.load(Ordering::SeqCst);
        let there = server.read("file");
        let is_whole = there == content(last) || there == content(last + 1);
        let start = there[..there.len().min(40)].escape_ascii();
        assert!(is_whole, "after {last}: {} octets: {start}", there.len());

        server = server.crash_and_restart(&["--writable"]);
        let strangers = strangers(server.folder());
        assert!(strangers.is_empty(), "{strangers:?}");
        let reply = server.ask("GET /file HTTP/1.1\nHost: localhost\n\n");
        assert!(reply.content == there);
        // The next writes go on from what is there, be it acknowledged or not.
        let number: usize = str::from_utf8(&there[..8]).unwrap().parse().unwrap();
        acknowledged.store(number, Ordering::SeqCst);
    }
}
