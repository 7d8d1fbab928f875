//! Of a folder.

use std::path::Path;

use crate::case::{Case, case, ends};
use crate::support::server::command;
use crate::support::{Running, start};

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
    let (folder, state) = (server.folder().to_str().unwrap(), server.state().to_str().unwrap());
    let arguments = ["--writable", "--folder", folder, "--state", state];
    for case in cases {
        let text = case.explained(&arguments, outside.path());
        let explained = ends(&text);
        let depends = text.contains("the answer depends on how the write ends");
        assert!(depends == (explained.len() > 1) && !explained.is_empty(), "{text}");
        let (status, rule) = case.sent(&server);
        let what = case.name();
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
