//! However the content of a PUT arrives, with its head or after an invitation, in one piece of known length or in
//! chunks: it is judged alike. With its head, it is judged and written in one step.

use std::os::unix::fs::symlink;

use crate::support::{Reply, Running, start};

/// What is asked: a path, and fields.
const CASES: &[(&str, &str)] = &[
    ("/file", ""),
    ("/new", ""),
    ("/new", "If-None-Match: *\n"),
    ("/file", "If-Match: \"other\"\n"),
    ("/file", "If-None-Match: *\n"),
    ("/file", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\n"),
    ("/missing", "If-Match: *\n"),
    ("/coded", "If-Match: \"other\"\n"),
    ("/coded", "If-None-Match: *\n"),
    ("/coded", ""),
    ("/folder", ""),
    ("/folder/", ""),
    ("/file/", ""),
    ("/none/", ""),
    ("/file/below", ""),
    ("/none/such/file", ""),
    ("/none/such/other", "If-Match: *\n"),
    ("/folder/index.html", "If-Match: \"other\"\n"),
    ("/out", ""),
    ("/out/file", ""),
    ("/within", ""),
    ("/gone", "If-Match: *\n"),
    ("/file", "Content-Range: bytes 0-1/3\n"),
    ("/file", "Content-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\n"),
    ("/last", "Accept: application/problem+xml\n"),
];

#[derive(Clone, Copy, Debug)]
enum Arrives {
    WithItsHead,
    Invited,
    InChunks,
}

fn ask(server: &Running, path: &str, fields: &str, content: &str, arrives: Arrives) -> Reply {
    let head = format!("PUT {path} HTTP/1.1\nHost: localhost\n{fields}");
    let length = content.len();
    let mut client = server.connect();
    match arrives {
        Arrives::WithItsHead => {
            client.send(&format!("{head}Content-Length: {length}\n\n{content}"))
        }
        Arrives::InChunks => client
            .send(&format!("{head}Transfer-Encoding: chunked\n\n{length:x}\n{content}\n0\n\n")),
        Arrives::Invited => {
            client.send(&format!("{head}Content-Length: {length}\nExpect: 100-continue\n\n"));
            let first = client.head();
            if first.status != 100 {
                let length = first.field("content-length").unwrap().parse().unwrap();
                return Reply { content: client.exactly(length), ..first };
            }
            client.send(content);
        }
    }
    client.reply("PUT")
}

fn prepared(arguments: &[&str]) -> Running {
    let server = start(arguments);
    for name in ["file", "coded", "coded.gz", "folder/index.html", "gone"] {
        server.file(name, "as it was");
    }
    symlink("/etc", server.folder().join("out")).unwrap();
    symlink("file", server.folder().join("within")).unwrap();
    let reply = server.ask("DELETE /gone HTTP/1.1\nHost: localhost\n\n");
    assert!(matches!(reply.status, 204 | 405));
    server
}

/// What an answer says, but for what is another's each time: moments, and who ends the connection.
fn said(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let passing = ["date", "last-modified", "etag", "connection", "request-id"];
    let lasts = |(name, _): &&(String, String)| !passing.contains(&&*name.to_ascii_lowercase());
    let fields = reply.fields.iter().filter(lasts).cloned().collect();
    let id = reply.field("request-id").unwrap_or("none");
    (reply.status, fields, reply.text().replace(id, ""))
}

#[test]
fn a_put_is_judged_alike_however_its_content_arrives() {
    let mut statuses = Vec::new();
    for arguments in [
        &[][..],
        &["--writable"],
        &["--writable", "--create-folders"],
        &["--writable", "--quota", "40B"],
    ] {
        let (with_head, invited, chunked) =
            (prepared(arguments), prepared(arguments), prepared(arguments));
        for (path, fields) in CASES {
            for content in ["new", "it is longer than what is left"] {
                let one = ask(&with_head, path, fields, content, Arrives::WithItsHead);
                for (server, arrives) in
                    [(&invited, Arrives::Invited), (&chunked, Arrives::InChunks)]
                {
                    let other = ask(server, path, fields, content, arrives);
                    let case = format!("{path} {fields:?} {arguments:?} {arrives:?}");
                    assert_eq!(said(&one), said(&other), "{case}");
                    assert_eq!(one.has("etag"), other.has("etag"), "{case}");
                }
                statuses.push(one.status);
            }
        }
        for name in ["file", "coded", "folder/index.html"] {
            assert_eq!(with_head.read(name), invited.read(name), "{name} {arguments:?}");
            assert_eq!(with_head.read(name), chunked.read(name), "{name} {arguments:?}");
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [201, 204, 400, 403, 405, 409, 412, 507]);
}
