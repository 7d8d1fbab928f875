//! The access log: a line a request, whatever the request holds.

use serde_json::Value;

use crate::support::{Running, start};

/// Targets and agents that would forge lines, members or commands to a terminal if they could.
const HOSTILE: [(&[u8], &[u8]); 7] = [
    (b"/\"}{\"status\":200}", b"\"quoted\" \\ and {\"json\":true}"),
    (b"/a%0d%0aGET%20/forged", b"curl\\\" 200 - \"forged"),
    (b"/\\u0022\\x22\\", b"\\"),
    (b"/x?a=<script>&b='%00'", b"tab\there"),
    (b"/%e2%80%ae%ff", "right-to-left \u{202e} mark".as_bytes()),
    (b"/not-utf-8", b"\xff\xfe\x80"),
    (b"/plain", b""),
];

fn send_all(server: &Running) {
    for (target, agent) in HOSTILE {
        let mut client = server.connect();
        let parts: [&[u8]; 5] =
            [b"GET ", target, b" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ", agent, b"\r\n\r\n"];
        client.send_octets(&parts.concat());
        let status = client.reply("GET").status;
        assert!(matches!(status, 400 | 404), "{status}");
    }
    // Octets that no head may hold are told of too.
    for broken in
        [&b"GET /\x1b[2J\x07 HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"]
    {
        let mut client = server.connect();
        client.send_octets(broken);
        assert_eq!(client.reply("GET").status, 400);
    }
    server.ask("GET /the-last HTTP/1.1\nHost: localhost\n\n");
}

/// The lines up to the last request's.
fn lines(server: &Running) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = server.log_line("");
        let is_last = line.contains("/the-last");
        lines.push(line);
        if is_last {
            return lines;
        }
    }
}

/// As many lines; those of the other core may come after the last request's.
fn settled(server: &Running, count: usize) -> Vec<String> {
    let mut all = lines(server);
    while all.len() < count {
        all.push(server.log_line(""));
    }
    assert_eq!(all.len(), count, "{all:#?}");
    all
}

#[test]
fn json_lines_parse_and_say_what_came() {
    let server = start(&["--log", "json"]);
    send_all(&server);
    let lines = settled(&server, HOSTILE.len() + 3);
    for line in &lines {
        assert!(line.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{line}");
        let line: Value = serde_json::from_str(line).unwrap();
        let members: Vec<&String> = line.as_object().unwrap().keys().collect();
        for name in ["time", "client", "method", "target", "status", "octets", "rule", "id"] {
            assert!(members.iter().any(|member| *member == name), "{name} in {line}");
        }
        assert!(matches!(line["status"].as_u64(), Some(400 | 404)), "{line}");
        assert_eq!(line["client"], "127.0.0.1");
    }
    let with = |member: &str, value: &str| {
        let holds = |line: &&String| serde_json::from_str::<Value>(line).unwrap()[member] == value;
        assert_eq!(lines.iter().filter(holds).count(), 1, "{member} {value:?} in {lines:#?}");
    };
    with("target", "/a%0d%0aGET%20/forged");
    with("target", "/plain");
    with("user_agent", "curl\\\" 200 - \"forged");
    with("user_agent", "tab\there");
    with("user_agent", "right-to-left \u{202e} mark");
    with("user_agent", "%FF%FE%80");
}

#[test]
fn text_lines_keep_their_shape() {
    let server = start(&["--log", "text"]);
    send_all(&server);
    for line in settled(&server, HOSTILE.len() + 3) {
        assert!(line.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{line}");
        // Within quotes, only a quote without a backslash before it ends them.
        let (mut quotes, mut escaped) = (0, false);
        for octet in line.bytes() {
            quotes += usize::from(octet == b'"' && !escaped);
            escaped = octet == b'\\' && !escaped;
        }
        assert_eq!(quotes, 6, "{line}");
        let status = line.split("\" ").nth(1).unwrap_or_default();
        assert!(status.starts_with("400 ") || status.starts_with("404 "), "{line}");
    }
}

#[test]
fn none_is_kept_where_none_is_asked_for() {
    let mut server = start(&["--log", "off"]);
    for _ in 0..3 {
        assert_eq!(server.ask("GET /none HTTP/1.1\nHost: localhost\n\n").status, 404);
    }
    server.signal("TERM");
    assert!(server.wait().success());
    assert_eq!(server.rest_of_log(), Vec::<String>::new());
}
