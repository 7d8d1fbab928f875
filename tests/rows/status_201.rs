//! 201 Created (RFC 9110 §15.3.2): something stands where nothing stood.

use crate::inboxes::{self, ENCODED, PARTS};
use crate::support::start;
use crate::written;

#[test]
fn a_put_to_a_free_name() {
    let server = start(&["--writable"]);
    let reply = written::put(&server, "/new.txt", b"hello");
    assert_eq!((reply.status, &*reply.phrase), (201, "Created"));
    assert_eq!(reply.field("location"), Some("/new.txt"));
    assert_eq!(reply.field("content-length"), Some("0"));
    assert!(reply.has("date") && reply.has("last-modified"));
    let tag = reply.field("etag").unwrap();
    assert!(tag.starts_with('"'), "what the server wrote has a strong tag");
    // It is on the disk, whole, before it is said.
    assert_eq!(server.read("new.txt"), b"hello");
    let now = written::get(&server, "/new.txt", "");
    assert_eq!((now.status, now.text()), (200, "hello"));
    assert_eq!(now.field("etag"), Some(tag));
    assert_eq!(now.field("last-modified"), reply.field("last-modified"));
}

/// By existence, and by nothing else: the second PUT replaces.
#[test]
fn the_second_put_is_none() {
    let server = start(&["--writable"]);
    assert_eq!(written::put(&server, "/a", b"one").status, 201);
    let second = written::put(&server, "/a", b"one");
    assert_eq!(second.status, 204);
    assert!(!second.has("location"));
    assert_eq!(server.ask("DELETE /a HTTP/1.1\nHost: localhost\n\n").status, 204);
    assert_eq!(written::put(&server, "/a", b"three").status, 201, "it was gone in between");
}

#[test]
fn a_put_that_makes_folders() {
    let server = start(&["--writable", "--create-folders"]);
    let reply = written::put(&server, "/a/b%20c/%E2%82%AC.txt?query", b"");
    assert_eq!((reply.status, reply.field("location")), (201, Some("/a/b%20c/%E2%82%AC.txt")));
    assert_eq!(server.read("a/b c/€.txt"), b"");
}

#[test]
fn a_post_to_a_folder() {
    let server = start(&["--writable"]);
    server.file("in/other", "");
    let post = |fields: &str| {
        server.ask(&format!(
            "POST /in/ HTTP/1.1\nHost: localhost\nContent-Length: 5\n{fields}\nhello"
        ))
    };
    let mut seen = std::collections::HashSet::new();
    for (fields, ending) in [
        ("Content-Type: text/plain\n", ".txt"),
        ("Content-Type: text/plain; charset=utf-8\n", ".txt"),
        ("Content-Type: application/json\n", ".json"),
        ("", ""),
    ] {
        let reply = post(fields);
        assert_eq!(reply.status, 201, "{reply:?}");
        let location = reply.field("location").unwrap().to_owned();
        assert!(location.starts_with("/in/") && location.ends_with(ending), "{location}");
        let stored = written::get(&server, &location, "");
        assert_eq!((stored.status, stored.text()), (200, "hello"));
        assert_eq!(stored.field("etag"), reply.field("etag"));
        assert!(seen.insert(location), "a name of its own");
    }
}

/// `Location` is a reference that leads there, whatever the folder is called.
#[test]
fn a_post_to_a_folder_with_a_strange_name() {
    let server = start(&["--writable"]);
    server.file("a b?%\u{fc}/other", "");
    let reply = server.ask(
        "POST //a%20b%3f%25%C3%BC/./ HTTP/1.1\nHost: localhost\nContent-Length: 1\nSlug: c d\n\nx",
    );
    assert_eq!((reply.status, reply.field("location")), (201, Some("/a%20b%3F%25%C3%BC/c-d")));
    assert_eq!(server.read("a b?%\u{fc}/c-d"), b"x");
}

/// The name that is asked for is taken if it is free and safe.
#[test]
fn a_post_with_a_slug() {
    let server = start(&["--writable"]);
    let post = |slug: &str| {
        let reply = server.ask(&format!(
            "POST / HTTP/1.1\nHost: localhost\nContent-Length: 1\nContent-Type: text/plain\nSlug: {slug}\n\nx"
        ));
        assert_eq!(reply.status, 201, "{reply:?}");
        let location = reply.field("location").unwrap().to_owned();
        assert_eq!(written::get(&server, &location, "").status, 200, "{location}");
        location
    };
    assert_eq!(post("The Beach"), "/The-Beach.txt");
    assert_ne!(post("The Beach"), "/The-Beach.txt", "it is taken");
    assert_eq!(post("%C3%A9t%C3%A9.txt"), "/%C3%A9t%C3%A9.txt");
    for hostile in ["../../out", "/etc/x", ".hidden", "%2e%2e%2fup", "a/b", ".."] {
        let location = post(hostile);
        assert!(!location[1..].contains('/') && !location.starts_with("/."), "{location}");
    }
    assert!(!server.folder().parent().unwrap().join("out.txt").exists());
}

/// What was said to be stored is stored, also if the server dies the moment after.
#[test]
fn it_outlives_a_crash() {
    let server = start(&["--writable"]);
    let reply = written::put(&server, "/kept", b"hello");
    let tag = reply.field("etag").unwrap().to_owned();
    let server = server.crash_and_restart(&["--writable"]);
    let again = written::get(&server, "/kept", "");
    assert_eq!((again.status, again.text()), (200, "hello"));
    let weak = format!("W/{tag}");
    assert!([Some(&*tag), Some(&*weak)].contains(&again.field("etag")), "the same version");
}

/// A form is a resource that was made, if a route shows it; with the tag that it has there.
#[test]
fn a_form_that_another_route_shows() {
    let server = inboxes::shown("");
    let reply = inboxes::post(&server, ENCODED, "cake=plum&cake=apple&to=A+B");
    assert_eq!(reply.status, 201, "{reply:?}");
    let location = reply.field("location").unwrap();
    assert!(location.starts_with("/kept/") && location.ends_with(".json"), "{location}");
    let read = server.ask(&format!("GET {location} HTTP/1.1\nHost: localhost\n\n"));
    assert_eq!((read.status, read.field("etag")), (200, reply.field("etag")));
    let document: serde_json::Value = serde_json::from_slice(&read.content).unwrap();
    assert_eq!(document["fields"]["cake"], serde_json::json!(["plum", "apple"]));
    assert_eq!(document["fields"]["to"][0], "A B");
    assert_eq!(document["request"], reply.field("request-id").unwrap());
}

/// Real forms of a program that no one here wrote, files and all; large ones by 100 (Continue).
#[test]
fn what_curl_posts() {
    let server = inboxes::shown(", file-max = \"4MiB\"");
    let small = server.file("small.txt", "hello");
    let large = server.file("large.bin", vec![b'x'; 2 << 20]);
    let upload = |path: &std::path::Path| format!("file=@{}", path.display());
    let typed = ["--header", "Content-Type: application/json"];
    for arguments in [
        vec!["--data", "a=b"],
        vec!["--form", "a=b", "--form", &upload(&small), "--form", &upload(&large)],
        vec!["--data", r#"{"a":"b"}"#, typed[0], typed[1]],
        vec!["--form", &upload(&large), "--header", "Transfer-Encoding: chunked"],
        vec!["--form", &upload(&large), "--header", "Expect: 100-continue"],
    ] {
        let done = std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "30", "--header", "Host: localhost"])
            .args(["--write-out", "%{http_code} %header{location}"])
            .args(&arguments)
            .arg(format!("http://{}/orders", server.address))
            .output()
            .unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        let location = said.strip_prefix("201 ").unwrap_or_else(|| panic!("{arguments:?}: {said}"));
        let read = server.ask(&format!("GET {location} HTTP/1.1\nHost: localhost\n\n"));
        let document: serde_json::Value = serde_json::from_slice(&read.content).unwrap();
        for file in document["files"].as_array().into_iter().flatten() {
            let path = file["path"].as_str().unwrap();
            let wanted = if file["filename"] == "small.txt" { &small } else { &large };
            assert!(server.read(&format!("orders/{path}")) == std::fs::read(wanted).unwrap());
            let shown = server.ask(&format!("GET /kept/{path} HTTP/1.1\nHost: localhost\n\n"));
            assert_eq!(shown.status, 200, "{path}");
        }
    }
    let files = inboxes::documents(&server)
        .iter()
        .fold(0, |count, document| count + document["files"].as_array().map_or(0, Vec::len));
    assert_eq!((inboxes::documents(&server).len(), files), (5, 4));
}

/// However the octets come.
#[test]
fn a_form_that_comes_octet_by_octet_in_chunks() {
    let server = inboxes::shown("");
    let form = inboxes::parts(&[("a", None, b"--cut-her"), ("f", Some("f"), b"\r\n--cut-her")]);
    let mut client = server.connect();
    client.send(&format!(
        "POST /orders HTTP/1.1\nHost: localhost\n{PARTS}Transfer-Encoding: chunked\n\n"
    ));
    for octet in form {
        client.send_octets(&[b'1', b'\r', b'\n', octet, b'\r', b'\n']);
    }
    client.send_octets(b"0\r\n\r\n");
    assert_eq!(client.reply("POST").status, 201);
    let document = &inboxes::documents(&server)[0];
    assert_eq!(document["fields"]["a"][0], "--cut-her");
    let path = document["files"][0]["path"].as_str().unwrap();
    assert_eq!(server.read(&format!("orders/{path}")), b"\r\n--cut-her");
}

/// None is lost, and none is taken for another.
#[test]
fn many_forms_at_once() {
    let server = inboxes::shown("");
    std::thread::scope(|scope| {
        for i in 0..16 {
            let server = &server;
            scope.spawn(move || {
                let reply = inboxes::post(server, ENCODED, format!("i={i}"));
                assert_eq!(reply.status, 201, "{reply:?}");
                let location = reply.field("location").unwrap();
                let read = server.ask(&format!("GET {location} HTTP/1.1\nHost: localhost\n\n"));
                assert!(read.text().contains(&format!("\"i\":[\"{i}\"]")), "{}", read.text());
            });
        }
    });
    assert_eq!(inboxes::documents(&server).len(), 16);
}
