//! A server that gives answers again says what one says that remembers nothing, whatever is asked and written.

use std::sync::Arc;

use proptest::prelude::*;
use wherefore_decide::policy::{Compress, Cors, Route, cors};
use wherefore_message::response::Lines;
use wherefore_store::MemoryStore;

use crate::support::client::{Client, Reply};
use crate::support::inside::{Inside, serve_route};

/// How often each question is asked of the server that remembers: it has to be asked twice to be remembered.
const TIMES: usize = 4;

const PATHS: [&str; 5] = ["/a.txt", "/b.txt", "/folder/", "/folder/index.html", "/%61.txt"];

const FIELDS: [&str; 17] = [
    "Accept: text/html, */*;q=0.1",
    "Accept-Encoding: gzip",
    "Accept-Encoding: br, gzip;q=0.5",
    "Accept-Encoding: identity;q=0",
    "Accept-Language: de",
    "Cache-Control: no-cache",
    "Connection: keep-alive",
    "Cookie: a=b",
    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    "If-Modified-Since: Fri, 06 Nov 2093 08:49:37 GMT",
    "If-None-Match: *",
    "If-Range: \"a\"",
    "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    "Origin: https://other.example",
    "Range: bytes=1-3",
    "User-Agent: test",
    "X-Other: 1",
];

#[derive(Clone, Debug)]
enum Step {
    /// A reading: of which path, with which fields, by which name of the host, and whether with the last tag of the path.
    Get { path: usize, fields: Vec<usize>, host: usize, tag: bool },
    /// A writing, by the server that remembers or by the other.
    Put { path: usize, octets: usize, other: bool },
    /// A removal, by either.
    Delete { path: usize, other: bool },
}

fn step() -> impl Strategy<Value = Step> {
    // Most are about one file, in its two spellings.
    let path = prop_oneof![4 => Just(0), 1 => 0..PATHS.len()];
    let fields = prop::collection::vec(0..FIELDS.len(), 0..3);
    let host = prop_oneof![4 => Just(0), 1 => 0..3usize];
    prop_oneof![
        6 => (path.clone(), fields, host, any::<bool>())
            .prop_map(|(path, fields, host, tag)| Step::Get { path, fields, host, tag }),
        2 => (path.clone(), 0..1500usize, any::<bool>())
            .prop_map(|(path, octets, other)| Step::Put { path, octets, other }),
        1 => (path, any::<bool>()).prop_map(|(path, other)| Step::Delete { path, other }),
    ]
}

/// Policies that tell on answers, and some that are no one else's business.
fn with_policies(which: usize) -> impl Fn(Route) -> Route {
    move |route| match which {
        0 => route,
        1 => Route { compress: Some(Arc::new(Compress::usual())), ..route },
        2 => {
            let mut route = route;
            route.dress.lines = Lines::new([("X-Own", "1")]).map(Arc::new);
            route
        }
        3 => {
            let mut route = route;
            route.dress.early_hints = vec!["</a.css>; rel=preload".into()];
            route
        }
        _ => Route {
            cors: Some(Cors {
                origins: cors::Origins::These(vec!["https://other.example".into()]),
                methods: None,
                request_fields: "".into(),
                response_fields: None,
                credentials: cors::Credentials::Omitted,
                max_age_seconds: 60,
            }),
            ..route
        },
    }
}

/// A server and the connection to it, which is made anew where it was closed.
struct Asked {
    server: Inside,
    client: Option<Client>,
}

impl Asked {
    fn new(server: Inside) -> Self {
        Self { server, client: None }
    }

    fn reply(&mut self, request: &str) -> Reply {
        let mut client = self.client.take().unwrap_or_else(|| self.server.connect());
        client.send(request);
        let reply = client.reply_to(request);
        if reply.field("Connection").is_none() {
            self.client = Some(client);
        }
        reply
    }
}

/// What of an answer does not depend on when it was given, or on its own number.
fn lasting(reply: &Reply) -> String {
    let is_lasting = |(name, _): &&(String, String)| {
        let is_of_explanation = reply.status >= 400 && name.eq_ignore_ascii_case("Content-Length");
        !["date", "request-id"].contains(&&*name.to_ascii_lowercase()) && !is_of_explanation
    };
    let fields: Vec<_> = reply.fields.iter().filter(is_lasting).collect();
    let content = if reply.status >= 400 { b"" } else { &*reply.content };
    format!("{} {} {fields:?} {:?} {content:?}", reply.status, reply.phrase, reply.interim)
}

fn request(method: &str, path: usize, fields: &[String], content: &str) -> String {
    let lines: String = fields.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {} HTTP/1.1\r\n{lines}\r\n{content}", PATHS[path])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_given_again_is_what_would_be_given(
        policies in 0..5usize,
        steps in prop::collection::vec(step(), 1..48),
    ) {
        let store = Arc::new(MemoryStore::new());
        let mut remembering =
            Asked::new(serve_route(store.clone(), &[("cache-recheck", "1h")], with_policies(policies)));
        let mut other = Asked::new(serve_route(store, &[("cache-bytes", "0")], with_policies(policies)));
        let mut tags: [Option<String>; PATHS.len()] = Default::default();
        for (i, step) in steps.iter().enumerate() {
            match step {
                Step::Get { path, fields, host, tag } => {
                    let host = ["localhost", "LOCALHOST", "127.0.0.1"][*host];
                    let mut lines = vec![format!("Host: {host}")];
                    lines.extend(fields.iter().map(|field| FIELDS[*field].to_owned()));
                    if let Some(tag) = tags[*path].as_ref().filter(|_| *tag) {
                        lines.push(format!("If-None-Match: {tag}"));
                    }
                    let request = request("GET", *path, &lines, "");
                    let expected = other.reply(&request);
                    for _ in 0..TIMES {
                        let given = remembering.reply(&request);
                        prop_assert_eq!(lasting(&given), lasting(&expected), "{}: {}", i, request);
                    }
                    if let Some(tag) = expected.field("ETag") {
                        tags[*path] = Some(tag.to_owned());
                    }
                }
                Step::Put { path, octets, other: by_other } => {
                    let content = format!("{i}").repeat(*octets);
                    let length = format!("Content-Length: {}", content.len());
                    let lines = ["Host: localhost".to_owned(), length];
                    let by = if *by_other { &mut other } else { &mut remembering };
                    by.reply(&request("PUT", *path, &lines, &content));
                }
                Step::Delete { path, other: by_other } => {
                    let by = if *by_other { &mut other } else { &mut remembering };
                    by.reply(&request("DELETE", *path, &["Host: localhost".to_owned()], ""));
                }
            }
        }
    }
}

/// The log says of an answer that was given again what it said of the first.
#[test]
fn the_log_tells_of_each() {
    let store = Arc::new(MemoryStore::new());
    let mut asked = Asked::new(serve_route(store, &[], |route| route));
    let host = "Host: localhost".to_owned();
    asked.reply(&request("PUT", 0, &[host.clone(), "Content-Length: 3".to_owned()], "abc"));
    let request = request("GET", 0, &[host], "");
    for _ in 0..2 * TIMES {
        assert_eq!(asked.reply(&request).content, b"abc");
    }
    for _ in 0..2 * TIMES {
        let line = asked.server.log_line("\"GET\"");
        let told = ["status", "octets", "rule", "target"].map(|name| line[name].to_string());
        assert_eq!(told, ["200", "3", "\"representation\"", "\"/a.txt\""], "{line}");
    }
}
