//! A server that gives answers again says what one says that remembers nothing, whatever is asked and written.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tempfile::TempDir;
use wherefore_decide::policy::folder::Listing;
use wherefore_decide::policy::{Compress, Cors, Resource, Route, cors};
use wherefore_message::response::Lines;
use wherefore_store::{Access, FileStore, MemoryStore, Options, Store};

use crate::support::client::{Client, Reply};
use crate::support::inside::{Inside, serve_route};

/// How often each question is asked of the server that remembers: it has to be asked twice to be remembered.
const TIMES: usize = 4;
/// Of so many questions one is answered again at least. Half of all would be, if each were about what may be remembered
/// and asked within one second.
const ASKED_FOR_ONE_AGAIN: u64 = 16;

const PATHS: [&str; 5] = ["/a.txt", "/b.txt", "/folder/", "/folder/index.html", "/%61.txt"];

const FIELDS: [&str; 19] = [
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
    "Keep-Alive: timeout=5",
    "Origin: https://other.example",
    "Range: bytes=1-3",
    "Referer: https://other.example/",
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

    /// Ends the server; says how many answers it gave again.
    fn given_again(self) -> u64 {
        drop(self.client);
        self.server.given_again()
    }
}

/// What was asked over all cases, and answered again.
#[derive(Default)]
struct Sums {
    asked: Cell<u64>,
    again: Cell<u64>,
}

impl Sums {
    fn asked(&self) {
        self.asked.set(self.asked.get() + 1);
    }

    fn ended(&self, remembering: Asked) {
        self.again.set(self.again.get() + remembering.given_again());
    }

    /// The lane that is compared with the other was taken.
    fn are_good(&self) {
        let (asked, again) = (self.asked.get(), self.again.get());
        assert!(again * ASKED_FOR_ONE_AGAIN >= asked, "{again} of {asked} were given again");
    }
}

/// What of an answer does not depend on when it was given, or on its own number. What another program wrote has a weak
/// tag for a while.
fn lasting(reply: &Reply) -> String {
    let is_lasting = |(name, _): &&(String, String)| {
        let is_of_explanation = reply.status >= 400 && name.eq_ignore_ascii_case("Content-Length");
        !["date", "request-id"].contains(&&*name.to_ascii_lowercase()) && !is_of_explanation
    };
    let fields = reply.fields.iter().filter(is_lasting);
    let fields: Vec<_> =
        fields.map(|(name, value)| (name, value.trim_start_matches("W/"))).collect();
    let content = if reply.status >= 400 { b"" } else { &*reply.content };
    format!("{} {} {fields:?} {:?} {content:?}", reply.status, reply.phrase, reply.interim)
}

fn request(method: &str, path: usize, fields: &[String], content: &str) -> String {
    let lines: String = fields.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {} HTTP/1.1\r\n{lines}\r\n{content}", PATHS[path])
}

/// Holds `law` over so many random values.
fn holds<S: Strategy>(cases: u32, values: &S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(cases) });
    if let Err(error) = runner.run(values, law) {
        panic!("{error}\n{runner}");
    }
}

/// A folder of its own, and a store over it that takes writes.
fn folder() -> (TempDir, Arc<dyn Store>) {
    let folder = TempDir::new().unwrap();
    let options = Options { access: Access::Writable, ..Options::default() };
    let store = FileStore::open(folder.path(), options).unwrap();
    (folder, Arc::new(store))
}

#[test]
fn what_is_given_again_is_what_would_be_given() {
    let sums = Sums::default();
    holds(48, &(0..5usize, prop::collection::vec(step(), 1..48)), |(policies, steps)| {
        is_the_same_from_both(Arc::new(MemoryStore::new()), policies, &steps, &sums)
    });
    sums.are_good();
}

#[test]
fn so_it_is_over_a_folder() {
    let sums = Sums::default();
    holds(24, &(0..5usize, prop::collection::vec(step(), 1..48)), |(policies, steps)| {
        let (_folder, store) = folder();
        is_the_same_from_both(store, policies, &steps, &sums)
    });
    sums.are_good();
}

/// What two servers over one store say: one that remembers, and one that does not.
fn is_the_same_from_both(
    store: Arc<dyn Store>,
    policies: usize,
    steps: &[Step],
    sums: &Sums,
) -> Result<(), TestCaseError> {
    let serve = |limit| serve_route(Arc::clone(&store), &[limit], with_policies(policies));
    let mut remembering = Asked::new(serve(("cache-recheck", "1h")));
    let mut other = Asked::new(serve(("cache-bytes", "0")));
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
                    sums.asked();
                    prop_assert_eq!(lasting(&given), lasting(&expected), "{}: {}", i, request);
                }
                if let Some(tag) = expected.field("ETag") {
                    tags[*path] = Some(tag.to_owned());
                }
            }
            Step::Put { path, octets, other: by_other } => {
                let by = if *by_other { &mut other } else { &mut remembering };
                by.reply(&put(*path, &format!("{i}").repeat(*octets)));
            }
            Step::Delete { path, other: by_other } => {
                let by = if *by_other { &mut other } else { &mut remembering };
                by.reply(&request("DELETE", *path, &["Host: localhost".to_owned()], ""));
            }
        }
    }
    sums.ended(remembering);
    Ok(())
}

/// What is asked while another program writes: without fields, and with such as tell on the answer.
const QUESTIONS: [&[&str]; 4] =
    [&[], &["Range: bytes=0-3"], &["If-None-Match: *"], &["Accept-Encoding: gzip", "Cookie: a=b"]];
/// The file behind each of [`PATHS`].
const FILES: [&str; PATHS.len()] =
    ["a.txt", "b.txt", "folder/index.html", "folder/index.html", "a.txt"];

#[derive(Clone, Debug)]
enum Change {
    /// Nothing is written: it is asked for, by one of [`QUESTIONS`].
    Get { path: usize, question: usize },
    /// Another program writes the file, or removes it.
    Foreign { path: usize, octets: Option<usize> },
    /// The server that remembers writes it.
    Own { path: usize, octets: usize },
}

impl Change {
    fn path(&self) -> usize {
        match *self {
            Self::Get { path, .. } | Self::Foreign { path, .. } | Self::Own { path, .. } => path,
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let path = prop_oneof![2 => Just(0), 1 => 0..PATHS.len()];
    prop_oneof![
        6 => (path.clone(), 0..QUESTIONS.len())
            .prop_map(|(path, question)| Change::Get { path, question }),
        2 => (path.clone(), prop::option::weighted(0.8, 0..1500usize))
            .prop_map(|(path, octets)| Change::Foreign { path, octets }),
        1 => (path, 0..1500usize).prop_map(|(path, octets)| Change::Own { path, octets }),
    ]
}

/// What may be said to each question about each path.
#[derive(Default)]
struct Said(HashMap<(usize, usize), Vec<String>>);

impl Said {
    /// Adds what is said now by a server that remembers nothing, of all paths to the file behind this one.
    fn learn(&mut self, path: usize, by: &mut Asked) {
        for path in (0..PATHS.len()).filter(|other| FILES[*other] == FILES[path]) {
            for question in 0..QUESTIONS.len() {
                let said = lasting(&by.reply(&asking(path, question)));
                self.0.entry((path, question)).or_default().push(said);
            }
        }
    }

    fn forget(&mut self, path: usize) {
        self.0.retain(|(other, _), _| FILES[*other] != FILES[path]);
    }
}

/// A list is of what there is when it is made, though that there is no index file may be remembered.
fn without_lists(mut route: Route) -> Route {
    if let Resource::Folder(folder) = &mut route.resource {
        folder.listing = Listing::Off;
    }
    route
}

fn asking(path: usize, question: usize) -> String {
    let lines = ["Host: localhost"].iter().chain(QUESTIONS[question]);
    request("GET", path, &lines.map(|&line| line.to_owned()).collect::<Vec<_>>(), "")
}

/// What another program has written may be told late, by as much as the operator allows. Until then, what is told is
/// one of the versions that there were, whole; and what a server writes itself ends the time of all before it.
#[test]
fn what_others_write_is_told_whole_and_not_before_what_was_written_here() {
    let sums = Sums::default();
    holds(24, &prop::collection::vec(change(), 1..32), |changes| {
        let (folder, store) = folder();
        let serve = |limit| Asked::new(serve_route(Arc::clone(&store), &[limit], without_lists));
        let (mut remembering, mut other) =
            (serve(("cache-recheck", "1h")), serve(("cache-bytes", "0")));
        let mut said = Said::default();
        (0..PATHS.len() - 1).for_each(|path| said.learn(path, &mut other));
        for (i, change) in changes.iter().enumerate() {
            match *change {
                Change::Get { path, question } => {
                    for _ in 0..TIMES {
                        let given = lasting(&remembering.reply(&asking(path, question)));
                        sums.asked();
                        let may_be = &said.0[&(path, question)];
                        prop_assert!(may_be.contains(&given), "{i}: {given}\nnone of {may_be:#?}");
                    }
                    continue;
                }
                Change::Foreign { path, octets } => write(folder.path(), path, i, octets),
                Change::Own { path, octets } => {
                    let reply = remembering.reply(&put(path, &format!("{i}").repeat(octets)));
                    // By the name of a folder nothing is written.
                    if reply.status < 400 {
                        said.forget(path);
                    }
                }
            }
            said.learn(change.path(), &mut other);
        }
        sums.ended(remembering);
        Ok(())
    });
    sums.are_good();
}

/// Where it may not be told late at all, it never is, and nothing is given again.
#[test]
fn what_others_write_is_told_at_once_where_all_is_looked_up_anew() {
    holds(12, &prop::collection::vec(change(), 1..32), |changes| {
        let (folder, store) = folder();
        let serve = |limit| Asked::new(serve_route(Arc::clone(&store), &[limit], without_lists));
        let (mut remembering, mut other) =
            (serve(("cache-recheck", "0ms")), serve(("cache-bytes", "0")));
        for (i, change) in changes.iter().enumerate() {
            match *change {
                Change::Get { path, question } => {
                    let request = asking(path, question);
                    let expected = lasting(&other.reply(&request));
                    for _ in 0..TIMES {
                        prop_assert_eq!(lasting(&remembering.reply(&request)), &*expected, "{}", i);
                    }
                }
                Change::Foreign { path, octets } => write(folder.path(), path, i, octets),
                Change::Own { path, octets } => {
                    remembering.reply(&put(path, &format!("{i}").repeat(octets)));
                }
            }
        }
        prop_assert_eq!(remembering.given_again(), 0);
        Ok(())
    });
}

/// Writes a file as another program does, or removes it.
fn write(folder: &Path, path: usize, number: usize, octets: Option<usize>) {
    let file = folder.join(FILES[path]);
    match octets {
        Some(octets) => {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{number}").repeat(octets)).unwrap();
        }
        // There may be none.
        None => drop(fs::remove_file(file)),
    }
}

fn put(path: usize, content: &str) -> String {
    let length = format!("Content-Length: {}", content.len());
    request("PUT", path, &["Host: localhost".to_owned(), length], content)
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
