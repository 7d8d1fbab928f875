//! Being told to end: what is under way is finished, nothing new is begun, and it takes no longer than it
//! may.

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::support::server::eventually;
use crate::support::{Client, Running, start};

const GET: &str = "GET /file HTTP/1.1\nHost: localhost\n\n";

/// An upload of four octets, of which two are sent.
fn half_an_upload(server: &Running) -> Client {
    let mut client = server.connect();
    client
        .send("PUT /upload HTTP/1.1\nHost: localhost\nContent-Length: 4\nExpect: 100-continue\n\n");
    assert_eq!(client.head().status, 100);
    client.send_octets(b"ha");
    client
}

/// A connection that is kept and on which nothing happens.
fn idle(server: &Running) -> Client {
    let mut client = server.connect();
    client.send(GET);
    assert_eq!(client.reply("GET").status, 200);
    client
}

fn refuses(server: &Running) -> bool {
    matches!(TcpStream::connect(server.address),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused)
}

#[test]
fn what_is_under_way_is_finished_and_nothing_new_begun() {
    let mut server = start(&["--writable"]);
    server.file("file", "here");
    let mut upload = half_an_upload(&server);
    let mut idle = idle(&server);
    server.signal("TERM");
    assert!(idle.is_closed(), "an idle connection is closed");
    eventually("new connections are refused", || refuses(&server));
    // The upload goes on, and its answer says that it is the connection's last.
    upload.send_octets(b"lf");
    let reply = upload.reply("PUT");
    assert_eq!(reply.status, 201);
    assert_eq!(reply.field("connection"), Some("close"));
    assert!(upload.is_closed());
    assert!(server.wait().success());
    assert_eq!(server.read("upload"), b"half");
    // The log was written to its end.
    assert!(server.log_line("/upload").contains(" 201 "));
}

#[test]
fn a_download_under_way_is_finished() {
    let mut server = start(&[]);
    let content: Vec<u8> = (0..16 << 20).map(|i: u32| (i % 251) as u8).collect();
    server.file("large", &content);
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\nHost: localhost\n\n");
    let head = client.head();
    assert_eq!(head.field("content-length"), Some("16777216"));
    server.signal("TERM");
    eventually("new connections are refused", || refuses(&server));
    assert!(client.exactly(content.len()) == content);
    assert!(client.is_closed());
    assert!(server.wait().success());
}

#[test]
fn an_interrupt_drains_too() {
    let mut server = start(&[]);
    server.file("file", "here");
    let mut idle = idle(&server);
    server.signal("INT");
    assert!(idle.is_closed());
    assert!(server.wait().success());
}

#[test]
fn it_waits_no_longer_than_it_may() {
    let mut server = start(&["--writable", "--limit", "shutdown-time=100ms"]);
    let mut upload = half_an_upload(&server);
    server.signal("TERM");
    // It ends although the upload never does: without the bound, this would wait for ever.
    server.wait();
    assert!(upload.try_send_octets(b"lf").is_err() || upload.is_broken());
    assert!(!server.folder().join("upload").exists());
}

#[test]
fn a_second_signal_stops_at_once() {
    let mut server = start(&["--writable", "--limit", "shutdown-time=1h"]);
    server.file("file", "here");
    let mut upload = half_an_upload(&server);
    let mut idle = idle(&server);
    server.signal("TERM");
    // The first has arrived when the idle connection closes; else the two could become one.
    assert!(idle.is_closed());
    server.signal("TERM");
    server.wait();
    assert!(upload.try_send_octets(b"lf").is_err() || upload.is_broken());
    assert!(!server.folder().join("upload").exists());
}
