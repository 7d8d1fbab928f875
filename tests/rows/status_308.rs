//! 308 Permanent Redirect (RFC 9110 §15.4.9): what 301 says, where the method must not become GET.

use crate::support::start;

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
