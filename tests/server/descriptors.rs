//! Descriptors run out: by clients that hold connections, and by files that are kept open.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tempfile::TempDir;

use crate::support::server::{PATIENCE, command_with_descriptors, eventually};
use crate::support::{Running, start};

/// What one connection that ends after its answer brings, whole or broken off.
fn fetch(server: &Running, name: &str) -> String {
    let mut all = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(server.address) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request =
            format!("GET /{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        // It may be let go at any moment.
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.read_to_end(&mut all);
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn clients_that_take_them_all_are_survived() {
    let server = start(&["--limit", "connections=1000", "--limit", "connections-an-address=1000"]);
    server.file("file", "here");
    assert!(fetch(&server, "file").ends_with("here"));
    let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count() as u64;
    let maximum = getrlimit(Resource::Nofile).maximum;
    let few = Rlimit { current: Some(open + 10), maximum };
    let before = prlimit(Some(pid), Resource::Nofile, few).unwrap();
    assert!(before.current > Some(open + 10));

    let clients: Vec<TcpStream> =
        (0..60).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let said = server.notice("no connection can be taken for now");
    assert!(said.contains("raise the limit on open files"), "{said}");
    drop(clients);
    // One core may be done with those who left while the other still lets some go, so that one answer is
    // not enough.
    eventually("it answers again, and goes on to", || {
        (0..20).all(|_| fetch(&server, "file").ends_with("here"))
    });
}

/// Whoever has a connection is told to come back, and is served when there are descriptors again.
#[test]
fn files_can_not_be_opened_for_a_while() {
    let server = start(&["--writable"]);
    server.file("file", "here");
    let mut client = server.connect();
    let mut ask = |line: &str| {
        client.send(&format!("{line} HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n"));
        client.reply_to(line)
    };
    assert_eq!(ask("OPTIONS *").status, 200);
    let pid = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
    let none = Rlimit { current: Some(0), maximum: getrlimit(Resource::Nofile).maximum };
    let before = prlimit(Some(pid), Resource::Nofile, none).unwrap();
    for line in ["GET /file", "GET /", "PUT /new", "DELETE /file"] {
        let reply = ask(line);
        reply.is(503, "busy");
        assert_eq!(reply.field("retry-after"), Some("1"), "{line}");
    }
    let said = server.notice("no file can be opened for now");
    assert!(said.contains("raise the limit on open files"), "{said}");

    prlimit(Some(pid), Resource::Nofile, before).unwrap();
    assert_eq!(ask("GET /file").text(), "here");
    assert_eq!(ask("PUT /new").status, 201);
}

#[test]
fn files_that_are_kept_open_leave_some_to_others() {
    let folder = TempDir::new().unwrap();
    let large = "x".repeat(100 << 10);
    for i in 0..100 {
        std::fs::write(folder.path().join(format!("small-{i}")), format!("small {i}")).unwrap();
        std::fs::write(folder.path().join(format!("large-{i}")), &large).unwrap();
    }
    let state = TempDir::new().unwrap();
    let server = Running::by(command_with_descriptors(64), folder.path(), state, &[]);
    let mut client = server.connect();
    for i in 0..100 {
        client.send(&format!("GET /small-{i} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(client.reply("GET").text(), format!("small {i}"));
    }
    for i in 0..100 {
        client.send(&format!("GET /large-{i} HTTP/1.1\nHost: localhost\n\n"));
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.content.len()), (200, large.len()), "large-{i}");
    }
}

#[test]
fn it_starts_and_serves_with_few() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "here").unwrap();
    for _ in 0..5 {
        let state = TempDir::new().unwrap();
        let server = Running::by(command_with_descriptors(40), folder.path(), state, &[]);
        // At once, while it may still be setting itself up.
        let clients: Vec<TcpStream> =
            (0..60).map(|_| TcpStream::connect(server.address).unwrap()).collect();
        drop(clients);
        eventually("it answers", || fetch(&server, "file").ends_with("here"));
    }
}
