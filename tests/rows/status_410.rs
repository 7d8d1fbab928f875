//! 410 Gone (RFC 9110 §15.5.11): it was there, and was deleted. Where nothing is remembered of what was,
//! all that a server can say is 404.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::every::error_holds;
use crate::support::{Reply, Running, routes, start};

fn ask(server: &Running, method: &str, target: &str) -> Reply {
    server.ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\n\n"))
}

fn deleted(arguments: &[&str]) -> Running {
    let server = start(arguments);
    server.put("/file", "first");
    assert_eq!(ask(&server, "DELETE", "/file").status, 204);
    server
}

#[test]
fn what_was_deleted_is_gone() {
    let server = deleted(&["--writable"]);
    let reply = ask(&server, "GET", "/file");
    reply.is(410, "gone");
    assert_eq!(reply.field("cache-control"), Some("no-cache"));
    assert!(reply.has("date") && !reply.has("etag"));
    assert!(server.log_line("\"GET /file ").contains(" 410 "));
    assert_eq!(ask(&server, "GET", "/other").status, 404, "a tombstone is one name's");
}

#[test]
fn head_says_what_get_says() {
    let server = deleted(&["--writable"]);
    let (get, head) = (ask(&server, "GET", "/file"), ask(&server, "HEAD", "/file"));
    assert_eq!((head.status, head.content.len()), (410, 0));
    for name in ["cache-control", "content-type", "content-length", "vary"] {
        assert_eq!(head.field(name), get.field(name), "{name}");
    }
}

#[test]
fn a_file_that_another_program_made_is_gone_after_its_delete() {
    let server = start(&["--writable"]);
    server.file("file", "theirs");
    assert_eq!(ask(&server, "DELETE", "/file").status, 204);
    ask(&server, "GET", "/file").is(410, "gone");
    ask(&server, "DELETE", "/file").is(410, "gone");
}

/// Only a deletion that was asked of the server is known to be meant for good.
#[test]
fn what_another_program_removed_is_missing() {
    let server = start(&["--writable"]);
    let file = server.file("file", "theirs");
    std::fs::remove_file(file).unwrap();
    ask(&server, "GET", "/file").is(404, "missing");
}

#[test]
fn a_deleted_folder_is_gone() {
    let server = start(&["--writable"]);
    std::fs::create_dir(server.folder().join("folder")).unwrap();
    assert_eq!(ask(&server, "DELETE", "/folder/").status, 204);
    ask(&server, "GET", "/folder/").is(410, "gone");
}

#[test]
fn a_put_lifts_it() {
    let server = deleted(&["--writable"]);
    let put = server.ask("PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nagain");
    assert_eq!(put.status, 201);
    assert_eq!(ask(&server, "GET", "/file").text(), "again");
    // For good: should it go by another hand, nothing is remembered.
    std::fs::remove_file(server.folder().join("file")).unwrap();
    let server = server.crash_and_restart(&["--writable"]);
    ask(&server, "GET", "/file").is(404, "missing");
}

#[test]
fn a_file_that_another_program_puts_back_lifts_it() {
    let server = deleted(&["--writable", "--limit", "cache-recheck=0s"]);
    ask(&server, "GET", "/file").is(410, "gone");
    let file = server.file("file", "back");
    let reply = ask(&server, "GET", "/file");
    assert_eq!((reply.status, reply.text()), (200, "back"));
    std::fs::remove_file(file).unwrap();
    ask(&server, "GET", "/file").is(404, "missing");
}

#[test]
fn it_survives_a_crash() {
    let server = deleted(&["--writable"]).crash_and_restart(&["--writable"]);
    let reply = ask(&server, "GET", "/file");
    reply.is(410, "gone");
    assert_eq!(reply.field("cache-control"), Some("no-cache"));
}

/// A delete whose precondition fails deletes nothing, and leaves nothing to remember.
#[test]
fn a_refused_delete_leaves_no_tombstone() {
    let server = start(&["--writable", "--limit", "cache-recheck=0s"]);
    server.put("/file", "first");
    let refused = server.ask("DELETE /file HTTP/1.1\nHost: localhost\nIf-Match: \"other\"\n\n");
    refused.is(412, "if-match");
    std::fs::remove_file(server.folder().join("file")).unwrap();
    ask(&server, "GET", "/file").is(404, "missing");
}

#[test]
fn without_state_of_its_own_a_reader_still_says_so() {
    let server = deleted(&["--writable"]).crash_and_restart(&[]);
    ask(&server, "GET", "/file").is(410, "gone");
}

/// A reader beside it reads what the writer has written, and does not need the lock.
#[test]
fn a_reader_beside_the_writer_says_so() {
    let writer = deleted(&["--writable"]);
    let state = TempDir::new().unwrap();
    std::fs::remove_dir(state.path()).unwrap();
    symlink(writer.state(), state.path()).unwrap();
    let reader = Running::with_state(writer.folder(), state, &["--limit", "cache-recheck=0s"]);
    ask(&reader, "GET", "/file").is(410, "gone");
    // What is there again is there for the reader too.
    writer.put("/file", "again");
    assert_eq!(ask(&reader, "GET", "/file").text(), "again");
    assert_eq!(ask(&writer, "DELETE", "/file").status, 204);
    ask(&writer, "GET", "/file").is(410, "gone");
}

#[test]
fn a_file_and_a_folder_of_one_name_are_two_resources() {
    let server = start(&["--writable"]);
    server.file("file", "x");
    std::fs::create_dir(server.folder().join("folder")).unwrap();
    for path in ["/file", "/folder/"] {
        let reply = server.ask(&format!("DELETE {path} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, 204, "{path}");
    }
    for (path, status, rule) in [
        ("/file", 410, "gone"),
        ("/file/", 404, "missing"),
        ("/folder/", 410, "gone"),
        ("/folder", 410, "gone"),
    ] {
        server.ask(&format!("GET {path} HTTP/1.1\nHost: localhost\n\n")).is(status, rule);
    }
}

/// What the configuration says was retired for good, and is not asked of any folder.
#[test]
fn what_was_retired() {
    let server = routes(&[
        "{ path = '/*', folder = 'site' }",
        "{ path = '/old/*', gone = true }",
        "{ path = '/file', gone = true }",
        "{ path = '/old/kept', folder = 'site', rewrite = '/other' }",
    ]);
    server.file("other", "kept");
    for target in ["/old/a", "/old/a?b=c", "/old/", "/file", "/old/.git/config"] {
        let reply = error_holds(&server, 410, "retired", target, "");
        assert_eq!(reply.field("cache-control"), Some("no-cache"));
        assert!(!reply.has("location") && !reply.has("etag"));
    }
    for method in ["PUT", "POST", "DELETE", "OPTIONS"] {
        let reply = server.ask(&format!(
            "{method} /file HTTP/1.1\nHost: localhost\nContent-Length: 1\nExpect: 100-continue\n\n"
        ));
        reply.is(410, "retired");
        assert!(reply.interim.is_empty(), "{method}");
    }
    assert_eq!(ask(&server, "GET", "/old/kept").text(), "kept");
    assert_eq!(ask(&server, "GET", "/none").status, 404);
}
