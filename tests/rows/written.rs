//! Files that the server wrote itself: their tags are strong from the start.

use crate::support::{Reply, Running};

/// Puts `content` at `path`; the answer, with the tag.
pub fn put(server: &Running, path: &str, content: &[u8]) -> Reply {
    let mut client = server.connect();
    let head =
        format!("PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: {}\n\n", content.len());
    let mut octets = head.replace('\n', "\r\n").into_bytes();
    octets.extend_from_slice(content);
    client.send_octets(&octets);
    let reply = client.reply("PUT");
    assert!(matches!(reply.status, 201 | 204), "{reply:?}");
    reply
}

/// The strong tag of `content`, put at `path`.
pub fn tag(server: &Running, path: &str, content: &[u8]) -> String {
    let tag = put(server, path, content).field("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag} is not strong");
    tag
}

/// GET of `path` with further field lines, each ended by `\n`.
pub fn get(server: &Running, path: &str, fields: &str) -> Reply {
    server.ask(&format!("GET {path} HTTP/1.1\nHost: localhost\n{fields}\n"))
}
