//! 426 Upgrade Required (RFC 9110 §15.5.22): a route speaks WebSocket alone, or a newer HTTP.

use crate::every::error_holds;
use crate::support::{Client, Configured, Reply, routes};

fn floors() -> Configured {
    routes(&[
        "{ path = '/*', folder = 'site' }",
        "{ path = '/chat/*', folder = 'site', websocket-only = true }",
        "{ path = '/two/*', folder = 'site', http-version = '2' }",
        "{ path = '/three/*', folder = 'site', http-version = '3' }",
        "{ path = '/eleven/*', folder = 'site', http-version = '1.1' }",
    ])
}

fn options(reply: &Reply) -> Vec<String> {
    let value = reply.field("connection").unwrap();
    value.split(',').map(|option| option.trim().to_ascii_lowercase()).collect()
}

#[test]
fn what_is_spoken_is_named() {
    let server = floors();
    for (target, protocol) in
        [("/chat/file", "websocket"), ("/two/file", "HTTP/2.0"), ("/three/x", "HTTP/3.0")]
    {
        let reply = error_holds(&server, 426, "protocol", target, "");
        assert_eq!(reply.field("upgrade"), Some(protocol), "{target}");
        assert_eq!(options(&reply), ["upgrade"], "and the connection goes on");
        for method in ["POST", "DELETE", "OPTIONS"] {
            let reply = server.ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\n\n"));
            reply.is(426, "protocol");
        }
    }
    assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").status, 200);
}

/// To HTTP/1.0 as well, which learns that the connection ends.
#[test]
fn an_older_client() {
    let server = floors();
    let mut client: Client = server.connect();
    client.send("GET /eleven/file HTTP/1.0\nHost: localhost\n\n");
    let reply = client.reply("GET");
    reply.is(426, "protocol");
    assert_eq!(reply.field("upgrade"), Some("HTTP/1.1"));
    let mut said = options(&reply);
    said.sort();
    assert_eq!(said, ["close", "upgrade"]);
    assert!(client.is_closed());
    assert_eq!(server.ask("GET /eleven/file HTTP/1.1\nHost: localhost\n\n").text(), "here");
    assert_eq!(server.ask("GET /eleven/file HTTP/1.9\nHost: localhost\n\n").text(), "here");
}

const HANDSHAKE: &str = "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n";

/// Only who asks for WebSocket, on this very connection, is not told to.
#[test]
fn who_asks_for_websocket() {
    let server = floors();
    let ask = |method: &str, version: &str, fields: &str| {
        server
            .ask(&format!("{method} /chat/file {version}\nHost: localhost\n{HANDSHAKE}{fields}\n"))
    };
    for fields in [
        "Connection: Upgrade\nUpgrade: websocket\n",
        "Connection: keep-alive, upgrade\nUpgrade: h2c, WebSocket\n",
    ] {
        assert_ne!(ask("GET", "HTTP/1.1", fields).status, 426, "{fields}");
    }
    for (method, version, fields) in [
        ("GET", "HTTP/1.1", "Upgrade: websocket\n"),
        ("GET", "HTTP/1.1", "Connection: upgrade\n"),
        ("GET", "HTTP/1.1", "Connection: upgrade\nUpgrade: h2c\n"),
        ("GET", "HTTP/1.1", "Connection: upgrade\nUpgrade: websockets\n"),
        ("POST", "HTTP/1.1", "Connection: upgrade\nUpgrade: websocket\n"),
        ("GET", "HTTP/1.0", "Connection: upgrade\nUpgrade: websocket\n"),
    ] {
        ask(method, version, fields).is(426, "protocol");
    }
}

#[test]
fn no_content_is_invited() {
    let server = floors();
    let reply = server.ask(
        "PUT /two/file HTTP/1.1\nHost: localhost\nContent-Length: 5\nExpect: 100-continue\n\n",
    );
    reply.is(426, "protocol");
    assert_eq!(reply.interim.len(), 0);
}
