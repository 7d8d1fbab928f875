//! Many requests on one connection, and many connections at once.

use std::io::Write;

use crate::support::{Client, start};

#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let server = start(&[]);
    for i in 0..10 {
        server.file(&format!("file-{i}"), format!("content {i}"));
    }
    // One among them is large, so that the order holds between what is copied and what is sent by the
    // kernel.
    let large: Vec<u8> = (0..300 << 10).map(|i: u32| (i % 251) as u8).collect();
    server.file("large", &large);
    let mut client = server.connect();
    let mut sender = client.stream().try_clone().unwrap();
    let requests: String = (0..1000)
        .map(|i| match i % 100 {
            50 => "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            51 => "GET /missing HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            52 => "HEAD /large HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            53 => {
                "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n".to_owned()
            }
            _ => format!("GET /file-{} HTTP/1.1\r\nHost: localhost\r\n\r\n", i % 10),
        })
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(move || sender.write_all(requests.as_bytes()).unwrap());
        for i in 0..1000 {
            match i % 100 {
                50 => assert!(client.reply("GET").content == large, "{i}"),
                51 => assert_eq!(client.reply("GET").status, 404, "{i}"),
                52 => assert_eq!(client.reply("HEAD").field("content-length"), Some("307200")),
                53 => assert!(client.reply("GET").text().contains("file-9"), "{i}"),
                _ => assert_eq!(client.reply("GET").text(), format!("content {}", i % 10)),
            }
        }
    });
}

/// Whoever waits for one answer before sending more gets it, though a request is under way behind it.
#[test]
fn an_answer_does_not_wait_for_the_content_of_the_next_request() {
    let server = start(&["--writable"]);
    server.file("file", "here");
    let mut client = server.connect();
    client.send(
        "GET /file HTTP/1.1\nHost: localhost\n\n\
         PUT /new HTTP/1.1\nHost: localhost\nContent-Length: 7\n\n",
    );
    assert_eq!(client.reply("GET").text(), "here");
    client.send("content");
    assert_eq!(client.reply("PUT").status, 201);
}

#[test]
fn five_hundred_connections_are_kept_at_once() {
    let server = start(&["--limit", "connections-an-address=500", "--limit", "idle-time=1h"]);
    server.file("file", "here");
    let mut clients: Vec<Client> = (0..500).map(|_| server.connect()).collect();
    for round in 0..3 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
            assert_eq!(client.reply("GET").text(), "here", "connection {i} in round {round}");
        }
    }
    // All at once too: each has its request before any answer is read.
    for client in &mut clients {
        client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
    }
    for client in &mut clients {
        assert_eq!(client.reply("GET").text(), "here");
    }
}
