//! 308 Permanent Redirect (RFC 9110 §15.4.9): what 301 says, where the method must not become GET.

use crate::support::{configured, routes, start};

#[test]
fn a_post_to_a_folder_without_its_slash() {
    let server = start(&["--writable"]);
    server.file("folder/file", "content");
    let post = |target: &str| {
        server.ask(&format!(
            "POST {target} HTTP/1.1\nHost: localhost\nContent-Type: text/plain\n\
             Content-Length: 5\n\nhello"
        ))
    };
    let reply = post("/folder?a=b");
    assert_eq!((reply.status, &*reply.phrase), (308, "Permanent Redirect"));
    assert_eq!(reply.field("location"), Some("/folder/?a=b"));
    assert!(reply.has("date"));
    assert_eq!(std::fs::read_dir(server.folder().join("folder")).unwrap().count(), 1);
    // Followed as it is, it does what was meant.
    let reply = post(reply.field("location").unwrap());
    assert_eq!(reply.status, 201);
    assert!(reply.field("location").unwrap().starts_with("/folder/"));
}

/// Neither content nor an invitation is waited for: the redirect comes first.
#[test]
fn before_the_content() {
    let server = start(&["--writable"]);
    server.file("folder/file", "content");
    let mut client = server.connect();
    client.send(
        "POST /folder HTTP/1.1\nHost: localhost\nExpect: 100-continue\n\
         Content-Type: text/plain\nContent-Length: 5\n\n",
    );
    let reply = client.reply("POST");
    assert_eq!((reply.status, reply.interim.len()), (308, 0));
    assert_eq!(reply.field("connection"), Some("close"));
}

/// Where the method is not offered, another path would not help: 405.
#[test]
fn not_for_what_is_not_offered() {
    let server = start(&[]);
    server.file("folder/file", "content");
    let reply = server.ask("POST /folder HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello");
    reply.is(405, "method");
    assert_eq!(reply.field("allow"), Some("GET, HEAD, OPTIONS"));
    assert!(!reply.has("location"));
}

#[test]
fn other_methods_that_are_offered() {
    let server = start(&["--trace"]);
    server.file("folder/file", "content");
    for method in ["OPTIONS", "TRACE"] {
        let reply = server.ask(&format!("{method} /folder HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!((reply.status, reply.field("location")), (308, Some("/folder/")), "{method}");
    }
}

/// What moved for good, asked for by a method that must stay what it is; its content is read away.
#[test]
fn what_moved_for_good() {
    let server = routes(&["{ path = '/old/{name}', redirect = '/new/{name}', permanent = true }"]);
    let mut client = server.connect();
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        client.send(&format!(
            "{method} /old/a?b=c HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello"
        ));
        let reply = client.reply(method);
        assert_eq!((reply.status, &*reply.phrase), (308, "Permanent Redirect"), "{method}");
        assert_eq!(reply.field("location"), Some("/new/a?b=c"));
        assert!(reply.has("date") && !reply.has("connection"));
    }
    client.send("POST /old/a HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n");
    assert_eq!(client.reply("POST").status, 308, "and so with chunks");
    let reply = server.ask("POST /old/a HTTP/1.0\nHost: localhost\nContent-Length: 0\n\n");
    assert_eq!(reply.status, 308);
}

#[test]
fn nothing_is_invited_for_what_moved() {
    let server = routes(&["{ path = '/old', redirect = '/new', permanent = true }"]);
    let reply = server
        .ask("PUT /old HTTP/1.1\nHost: localhost\nContent-Length: 5\nExpect: 100-continue\n\n");
    assert_eq!((reply.status, reply.interim.len()), (308, 0));
}

/// A write in clear to a site of HTTPS alone: led there, or refused, since what it brought was seen.
#[test]
fn writes_in_clear() {
    for (more, status) in [("", 308), ("clear-writes = 'refuse'\n", 403)] {
        let server = configured(&format!(
            "[site.localhost]\nhttps = 'only'\n{more}\
             route = {{ path = '/*', folder = 'site', writable = true }}\n"
        ));
        for method in ["PUT", "POST", "DELETE", "PATCH"] {
            let reply = server
                .ask(&format!("{method} /file HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx"));
            assert_eq!(reply.status, status, "{method}");
            let location = reply.field("location");
            assert_eq!(location, (status == 308).then_some("https://localhost/file"));
            if status == 403 {
                reply.is(403, "https");
            }
        }
        assert_eq!(server.read("file"), b"here");
        let get = server.ask("GET /file HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(get.status, 301, "a reading brought nothing");
    }
}
