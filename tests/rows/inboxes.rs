//! Inboxes, and what is posted to them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Configured, Reply, Running, setup};

/// What browsers send forms as.
pub const ENCODED: &str = "Content-Type: application/x-www-form-urlencoded\n";
pub const PARTS: &str = "Content-Type: multipart/form-data; boundary=cut-here\n";
pub const JSON: &str = "Content-Type: application/json\n";

/// The route `/orders` to an inbox with these further keys, which begin with a comma.
pub fn route(keys: &str) -> String {
    format!(
        "[[site.localhost.route]]\npath = \"/orders\"\ninbox = {{ folder = \"site/orders\"{keys} }}\n"
    )
}

/// A server of these routes, with an empty folder for what is posted.
pub fn serve(routes: &str) -> Configured {
    setup().folder("site/orders").serve(routes)
}

/// A server with the inbox `/orders`. Nothing shows what is in it.
pub fn inbox(keys: &str) -> Configured {
    serve(&route(keys))
}

/// The same, and the route `/kept/*` shows what is in it.
pub fn shown(keys: &str) -> Configured {
    let shown = "[[site.localhost.route]]\npath = \"/kept/*\"\nfolder = \"site/orders\"\n";
    serve(&(route(keys) + shown))
}

/// The head and the content of a POST to `/orders`, with these further field lines.
pub fn request(fields: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head =
        format!("POST /orders HTTP/1.1\nHost: localhost\n{fields}Content-Length: {length}\n\n");
    [head.replace('\n', "\r\n").as_bytes(), content].concat()
}

/// Posts to `/orders`.
pub fn post(server: &Running, fields: &str, content: impl AsRef<[u8]>) -> Reply {
    let mut client = server.connect();
    client.send_octets(&request(fields, content.as_ref()));
    client.reply("POST")
}

/// A form in parts: of each its name, that of its file, and its content.
pub fn parts(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, file, content) in parts {
        let mut head = format!("--cut-here\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(file) = file {
            let _ = write!(head, "; filename=\"{file}\"");
        }
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(b"\r\n\r\n");
        form.extend_from_slice(content);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--cut-here--\r\n");
    form
}

/// All that is in the inbox, by name.
pub fn names(server: &Running) -> Vec<String> {
    names_in(&server.folder().join("orders"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let members = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        members.map(|member| member.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The documents in the inbox, in the order in which they came.
pub fn documents(server: &Running) -> Vec<Value> {
    let documents = names(server).into_iter().filter(|name| name.ends_with(".json"));
    documents
        .map(|name| serde_json::from_slice(&server.read(&format!("orders/{name}"))).unwrap())
        .collect()
}

/// Asserts that nothing of what was refused stays.
pub fn is_empty(server: &Running) {
    assert_eq!(names(server), [""; 0]);
}
