//! The command line: what it prints, how it ends, and that `explain` says what the running server does.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Output;

use support::server::command;
use support::{Running, start};

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// What a command printed that did its work and had nothing to complain of.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complained of that was called wrongly: with status 2, and nothing else printed.
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Where no server runs, the accounts are written all the same; with one, `examples/prices` shows it.
#[test]
fn what_is_paid_in_counts_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("wherefore.toml");
    let route = |price: &str| {
        let route = format!("path = \"/*\"\nfolder = \".\"\n{price}");
        let text = format!("[server]\nstate = \"state\"\n[[site.localhost.route]]\n{route}");
        std::fs::write(&file, text).unwrap();
    };
    let file = file.to_str().unwrap();
    let credit = |words: [&'static str; 3]| [&["credit", "--config", file][..], &words].concat();

    route("");
    assert!(complaint(&credit(["anna", "7", "first"])).contains("no route has a price"));
    route("price = { amount = 5, account = { field = \"X-Key\" } }\n");
    assert_eq!(printed(&credit(["anna", "7", "first"])), "it is accounted for: anna can spend 7\n");
    let again = "it was accounted for before, and counts once: anna can spend 7\n";
    assert_eq!(printed(&credit(["anna", "7", "first"])), again);
    assert!(complaint(&credit(["anna", "8", "first"])).contains("another account or amount"));
    assert!(printed(&credit(["anna", "8", "second"])).contains("anna can spend 15"));
    for (words, says) in [
        (["", "7", "third"], "an account has a name"),
        (["anna", "7", "the third"], "a payment has a name"),
        (["anna", "-7", "third"], "unexpected argument"),
    ] {
        assert!(complaint(&credit(words)).contains(says), "{words:?}");
    }
}

#[test]
fn rules_lists_every_rule_of_every_group_in_order() {
    let all = printed(&["rules"]);
    let mut rest = all.as_str();
    for group in wherefore_decide::catalogue::GroupId::ALL {
        for what in std::iter::once(group.title()).chain(group.rules().iter().map(|info| info.id)) {
            let at = rest.find(what).unwrap_or_else(|| panic!("{what} is not where it belongs"));
            rest = &rest[at + what.len()..];
        }
    }
}

#[test]
fn rules_of_a_status_are_those_that_may_send_it() {
    let text = printed(&["rules", "412"]);
    assert!(text.starts_with("412 Precondition Failed  (RFC 9110 §15.5.13)\n"), "{text}");
    for id in ["if-match", "if-unmodified-since", "if-none-match"] {
        assert!(text.contains(&format!("\n  {id}  (RFC 9110 §13.1.")), "{text}");
    }
    assert!(!text.contains("if-modified-since"), "{text}");
    assert!(printed(&["rules", "405"]).contains("must carry: Allow"));
    assert!(printed(&["rules", "306"]).contains("never sent by our own decision"));
}

#[test]
fn what_is_no_status_is_a_mistake_of_the_user() {
    for (code, says) in [
        ("abc", "\"abc\" is no status code"),
        ("99", "\"99\" is no status code"),
        ("600", "\"600\" is no status code"),
        ("299", "299 is not a registered status code"),
        ("", "\"\" is no status code"),
    ] {
        let text = complaint(&["rules", code]);
        assert!(text.starts_with("wherefore: ") && text.contains(says), "{code}: {text}");
    }
}

#[test]
fn explain_says_what_is_wrong_with_its_arguments() {
    for (arguments, says) in [
        (&["explain", "GET", "/", "-H", "Accept"][..], "'Name: value'"),
        (&["explain", "GET", "/", "--content", "/dev/null/file"], "--content /dev/null/file"),
        (
            &["explain", "GET", "/", "--folder", "/dev/null/site"],
            "can't serve the folder /dev/null/site",
        ),
        (&["explain", "GET", "/", "--limit", "no-such=1"], "no-such"),
        (&["explain", "GET"], "<TARGET>"),
    ] {
        let text = complaint(arguments);
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}

/// One request, as it is sent and as it is explained.
struct Case {
    method: &'static str,
    target: &'static str,
    fields: Vec<String>,
    content: Option<&'static str>,
    wanted: (u16, &'static str),
}

fn case(method: &'static str, target: &'static str, status: u16, rule: &'static str) -> Case {
    Case { method, target, fields: Vec::new(), content: None, wanted: (status, rule) }
}

impl Case {
    fn with(mut self, field: &str) -> Self {
        self.fields.push(field.to_owned());
        self
    }

    fn bringing(mut self, content: &'static str) -> Self {
        self.content = Some(content);
        self
    }

    /// What the running server answers: its status, and the rule that its log names.
    fn sent(&self, server: &Running) -> (u16, String) {
        let mut request = format!("{} {} HTTP/1.1\n", self.method, self.target);
        let has_host = self.fields.iter().any(|field| field.starts_with("Host:"));
        if !has_host {
            request.push_str("Host: localhost\n");
        }
        for field in &self.fields {
            request.push_str(&format!("{field}\n"));
        }
        if let Some(content) = self.content {
            request.push_str(&format!("Content-Length: {}\n", content.len()));
        }
        request.push_str(&format!("\n{}", self.content.unwrap_or_default()));
        let reply = server.ask(&request);
        let line = server.log_line(&format!("\"{} {} HTTP/1.1\"", self.method, self.target));
        let rule = line.rsplit(' ').nth(1).unwrap().to_owned();
        assert!(line.contains(&format!(" {} ", reply.status)), "{line}");
        (reply.status, rule)
    }

    /// What `explain` says: every way in which the request may end.
    fn explained(&self, server: &Running, scratch: &Path) -> Vec<(u16, String)> {
        let mut arguments = vec!["explain", self.method, self.target, "--writable", "--folder"];
        arguments.push(server.folder().to_str().unwrap());
        arguments.extend(["--state", server.state().to_str().unwrap()]);
        for field in &self.fields {
            arguments.extend(["-H", field]);
        }
        let file = scratch.join("content");
        if let Some(content) = self.content {
            std::fs::write(&file, content).unwrap();
            arguments.extend(["--content", file.to_str().unwrap()]);
        }
        let text = printed(&arguments);
        let ends: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once("  because of "))
            .map(|(status, rule)| {
                let code = status.split(' ').next().unwrap().parse().unwrap();
                (code, rule.split(':').next().unwrap().to_owned())
            })
            .collect();
        let depends = text.contains("the answer depends on how the write ends");
        assert!(depends == (ends.len() > 1) && !ends.is_empty(), "{text}");
        ends
    }
}

/// A folder with some of everything.
fn furnish(server: &Running, outside: &Path) {
    server.file("a.txt", "hello");
    server.file("data.json", "{}");
    server.file("full/member", "x");
    server.file("site/index.html", "<p>");
    server.file("poem.txt", "plain");
    server.file("poem.txt.gz", "not really gzip");
    server.file(".secret", "s");
    std::fs::create_dir(server.folder().join("empty")).unwrap();
    std::fs::write(outside.join("kept"), "k").unwrap();
    std::os::unix::fs::symlink(outside.join("kept"), server.folder().join("out")).unwrap();
}

fn cases(last_modified: &str, tag: &str) -> Vec<Case> {
    let since = |name: &str| format!("{name}: {last_modified}");
    let long_ago = "Sun, 06 Nov 1994 08:49:37 GMT";
    vec![
        case("GET", "/a.txt", 200, "representation"),
        case("HEAD", "/a.txt", 200, "representation"),
        case("GET", "/", 200, "listing"),
        case("GET", "/site/?index", 200, "representation"),
        case("GET", "/poem.txt", 200, "representation").with("Accept-Encoding: gzip"),
        case("OPTIONS", "/a.txt", 200, "options"),
        case("OPTIONS", "*", 200, "options"),
        case("GET", "/a.txt?part", 206, "part").with("Range: bytes=1-2"),
        case("GET", "/site", 301, "slash"),
        case("OPTIONS", "/site", 308, "slash"),
        case("GET", "/a.txt?tag", 304, "if-none-match").with(&format!("If-None-Match: {tag}")),
        case("GET", "/a.txt?date", 304, "if-modified-since").with(&since("If-Modified-Since")),
        case("GET", "/%zz", 400, "path"),
        case("TRACE", "/a.txt?content", 400, "trace-content").bringing("x"),
        case("PUT", "/a.txt?range", 400, "partial-put")
            .with("Content-Range: bytes 0-0/5")
            .bringing("x"),
        case("GET", "/.secret", 403, "dot-file"),
        case("GET", "/out", 403, "within"),
        case("PUT", "/a.txt?origin", 403, "cross-site-write")
            .with("Origin: http://evil.example")
            .bringing("x"),
        case("GET", "/nothing", 404, "missing"),
        case("GET", "/a%2Fb", 404, "nameable"),
        case("TRACE", "/a.txt", 405, "method"),
        case("PUT", "/full", 409, "folder-name").bringing("x"),
        case("DELETE", "/full/", 409, "members"),
        case("PUT", "/no-such/file", 409, "parent").bringing("x"),
        case("PUT", "/a.txt?none", 411, "length"),
        case("PUT", "/a.txt?star", 412, "if-none-match").with("If-None-Match: *").bringing("x"),
        case("GET", "/a.txt?old", 412, "if-unmodified-since")
            .with(&format!("If-Unmodified-Since: {long_ago}")),
        case("DELETE", "/a.txt?match", 412, "if-match").with("If-Match: \"other\""),
        case("PATCH", "/data.json", 415, "patch-format").bringing("x"),
        case("GET", "/a.txt?past", 416, "satisfiable").with("Range: bytes=5-"),
        case("GET", "/a.txt?expect", 417, "expectation").with("Expect: a-miracle"),
        case("GET", "/host", 421, "authority").with("Host: evil.example"),
        case("GET", "https://localhost/", 421, "scheme"),
        case("BREW", "/pot", 501, "method-implemented"),
        // These change what is there, so they come last.
        case("PUT", "/new.txt", 201, "created").bringing("new"),
        case("PUT", "/new.txt?again", 204, "done").bringing("newer"),
        case("POST", "/empty/", 201, "created").bringing("posted"),
        case("DELETE", "/new.txt?gone", 204, "done"),
        case("GET", "/new.txt?then", 410, "gone"),
        case("PUT", "/new.txt?anew", 201, "created").bringing("anew"),
    ]
}

#[test]
fn explain_says_what_the_running_server_answers() {
    let server = start(&["--writable"]);
    let outside = tempfile::TempDir::new().unwrap();
    furnish(&server, outside.path());
    let known = server.ask("GET /a.txt?first HTTP/1.1\nHost: localhost\n\n");
    let cases = cases(known.field("last-modified").unwrap(), known.field("etag").unwrap());
    assert!(cases.len() >= 30);
    for case in cases {
        let explained = case.explained(&server, outside.path());
        let (status, rule) = case.sent(&server);
        let what = format!("{} {} {:?}", case.method, case.target, case.fields);
        assert_eq!((status, rule.as_str()), case.wanted, "{what}");
        assert!(explained.contains(&(status, rule)), "{what}: explained as {explained:?}");
    }
    // Nothing that was explained was done.
    assert_eq!(server.read("a.txt"), b"hello");
}

/// Without being told, it looks where a writer would keep what it deleted, and takes nothing from it.
#[test]
fn explain_knows_what_a_writer_deleted() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let server = start(&["--writable"]);
    server.put("/file", "x");
    assert_eq!(server.ask("DELETE /file HTTP/1.1\nHost: localhost\n\n").status, 204);
    let home = tempfile::TempDir::new().unwrap();
    let states = home.path().join(".local/state/wherefore");
    std::fs::create_dir_all(&states).unwrap();
    let meta = std::fs::metadata(server.folder()).unwrap();
    symlink(server.state(), states.join(format!("{:x}-{:x}", meta.dev(), meta.ino()))).unwrap();

    let explain = ["explain", "GET", "/file", "--folder", server.folder().to_str().unwrap()];
    let told = command().env("HOME", home.path()).args(explain).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    assert!(String::from_utf8(told.stdout).unwrap().contains("410 Gone  because of gone"));
    // It is the writer's still.
    server.put("/other", "x");
    assert_eq!(server.ask("DELETE /other HTTP/1.1\nHost: localhost\n\n").status, 204);
    // Where there is no such place, it is only missing, and nothing is made.
    let home = tempfile::TempDir::new().unwrap();
    let told = command().env("HOME", home.path()).args(explain).output().unwrap();
    assert!(String::from_utf8(told.stdout).unwrap().contains("404 Not Found  because of missing"));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
