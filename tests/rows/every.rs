//! What holds for every row, whatever brings it about.

use wherefore_message::Status;

use crate::support::{Reply, Running};

/// Fields that tell one answer from the next, and nothing else.
const OF_THE_MOMENT: [&str; 2] = ["date", "request-id"];

/// Asserts what every answer to this request has to keep: it dates itself; HEAD says what GET says, and sends
/// no content; HTTP/1.0 is told the same, and the connection then ends; elsewhere it goes on. The answer.
pub fn holds(server: &Running, status: u16, target: &str, fields: &str) -> Reply {
    let head = format!("{target} HTTP/1.1\nHost: localhost\n{fields}\n");
    let mut client = server.connect();
    client.send(&format!("GET {head}HEAD {head}GET {head}"));
    let first = client.reply("GET");
    let phrase = Status::new(status).unwrap().phrase();
    assert_eq!((first.status, &*first.phrase), (status, phrase), "{target}: {first:?}");
    assert!(first.has("date"), "{target}: {first:?}");
    assert!(!first.has("connection") || first.status == 426, "{target}: {first:?}");
    let (head, second) = (client.reply("HEAD"), client.reply("GET"));
    assert_eq!(named(&head), named(&first), "{target}: HEAD says what GET says");
    assert_eq!(named(&second), named(&first), "{target}: said once more");

    let mut older = server.connect();
    older.send(&format!("GET {target} HTTP/1.0\nHost: localhost\n{fields}\n"));
    let reply = older.reply("GET");
    assert_eq!((reply.status, reply.interim.len()), (status, 0), "{target}: {reply:?}");
    assert!(older.is_closed());
    first
}

/// The same of an error, whose explanation comes in the form that is asked for.
pub fn error_holds(server: &Running, status: u16, rule: &str, target: &str, fields: &str) -> Reply {
    let first = holds(server, status, target, fields);
    first.is(status, rule);
    let problem = first.problem();
    assert_eq!(problem["title"], Status::new(status).unwrap().phrase());
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    for (accept, kind) in [
        ("text/html,*/*;q=0.8", "text/html; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("image/png", "application/problem+json"),
    ] {
        let reply = holds(server, status, target, &format!("Accept: {accept}\n{fields}"));
        assert_eq!(reply.field("content-type"), Some(kind), "{target}");
        let vary = reply.field("vary").unwrap();
        assert!(vary.split(", ").any(|name| name == "Accept"), "{target}: {vary}");
        assert!(!reply.content.is_empty());
    }
    first
}

/// What an answer says in its fields, but for what is of the moment, and for how long is left, which is less
/// from moment to moment.
fn named(reply: &Reply) -> Vec<(String, String)> {
    let counted = ["retry-after", "ratelimit", "content-length"];
    let kept = reply.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    kept.filter(|(name, _)| !OF_THE_MOMENT.contains(&&**name))
        .map(|(name, value)| match counted.contains(&&*name) {
            true => (name, String::new()),
            false => (name, value),
        })
        .collect()
}
