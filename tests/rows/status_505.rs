//! 505 HTTP Version Not Supported (RFC 9110 §15.6.6): a major version that is not spoken here.

use crate::support::start;

#[test]
fn other_major_versions_are_told_what_is_spoken() {
    let server = start(&[]);
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"] {
        let mut client = server.connect();
        client.send(&format!("GET / {version}\nHost: localhost\n\n"));
        let reply = client.reply("GET");
        reply.is(505, "version");
        assert_eq!(reply.version, "HTTP/1.1");
        assert_eq!(reply.field("connection"), Some("close"));
        let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("HTTP/1.1"), "{detail}");
        assert!(client.is_closed());
    }
    assert!(server.log_line(" 505 ").contains("version"));
}

#[test]
fn the_preface_of_http_2_is_answered_in_http_1() {
    let server = start(&[]);
    let mut client = server.connect();
    // RFC 9113 §3.4, with an empty SETTINGS frame behind it.
    client.send_octets(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let reply = client.reply("PRI");
    reply.is(505, "version");
    assert!(client.is_closed());
}

#[test]
fn an_unknown_minor_version_is_served_as_the_highest_known() {
    let server = start(&[]);
    server.file("file", "here");
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("GET /file HTTP/1.9\nHost: localhost\n\n");
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.version.as_str()), (200, "HTTP/1.1"));
        assert_eq!(reply.text(), "here");
    }
    // And so it needs a Host.
    client.send("GET /file HTTP/1.9\n\n");
    client.reply("GET").is(400, "host");
}

#[test]
fn what_is_no_version_at_all_is_malformed() {
    let server = start(&[]);
    for version in ["http/1.1", "HTTP/1", "HTTP/10.0", "HTTPS/1.1", "HTTP/1.1.1"] {
        let reply = server.ask(&format!("GET / {version}\nHost: localhost\n\n"));
        reply.is(400, "syntax");
    }
}
