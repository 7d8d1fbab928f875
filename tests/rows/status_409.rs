//! 409 Conflict (RFC 9110 §15.5.10): what is there stands against the request, and its sender could
//! change that. Elsewhere a PUT under a missing folder gets 500, or makes the folder unasked.

use crate::support::{Reply, Running, start};

fn write(server: &Running, method: &str, target: &str) -> Reply {
    server.ask(&format!(
        "{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: 3\n\
         Content-Type: application/merge-patch+json\n\n{{ }}"
    ))
}

/// Asserts that it is a 409 by this rule that says `what` conflicts.
fn conflicts(reply: &Reply, rule: &str, what: &str) {
    reply.is(409, rule);
    let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(what), "{detail}");
}

#[test]
fn put_under_a_folder_that_does_not_exist() {
    let server = start(&["--writable"]);
    let reply = write(&server, "PUT", "/no/such/file");
    conflicts(&reply, "parent", "does not exist");
    assert!(reply.has("date"));
    assert!(!server.folder().join("no").exists());
}

#[test]
fn create_folders_makes_them() {
    let server = start(&["--writable", "--create-folders"]);
    assert_eq!(write(&server, "PUT", "/no/such/file").status, 201);
    assert_eq!(server.read("no/such/file"), b"{ }");
}

#[test]
fn create_folders_makes_none_for_a_write_that_is_refused() {
    let server = start(&["--writable", "--create-folders"]);
    let reply =
        server.ask("PUT /new/file HTTP/1.1\nHost: localhost\nIf-Match: *\nContent-Length: 1\n\nx");
    reply.is(412, "if-match");
    assert!(!server.folder().join("new").exists());
}

#[test]
fn put_under_what_is_no_folder() {
    for arguments in [&["--writable"][..], &["--writable", "--create-folders"]] {
        let server = start(arguments);
        server.file("file", "as it was");
        for target in ["/file/below", "/file/far/below"] {
            conflicts(&write(&server, "PUT", target), "parent", "no folder");
        }
        assert_eq!(server.read("file"), b"as it was");
    }
}

#[test]
fn a_folder_named_without_its_slash() {
    let server = start(&["--writable"]);
    server.file("folder/member", "kept");
    for method in ["PUT", "PATCH", "DELETE"] {
        conflicts(&write(&server, method, "/folder"), "folder-name", "slash");
    }
    assert_eq!(server.read("folder/member"), b"kept");
}

#[test]
fn a_file_named_with_a_slash() {
    let server = start(&["--writable"]);
    server.file("file", "as it was");
    conflicts(&write(&server, "PUT", "/new/"), "file-name", "slash");
    conflicts(&write(&server, "PUT", "/file/"), "file-name", "slash");
    assert_eq!(server.read("file"), b"as it was");
    assert!(!server.folder().join("new").exists());
}

#[test]
fn delete_of_a_folder_with_members() {
    let server = start(&["--writable"]);
    let member = server.file("folder/member", "kept");
    let request = "DELETE /folder/ HTTP/1.1\nHost: localhost\n\n";
    conflicts(&server.ask(request), "members", "has members");
    assert_eq!(std::fs::read(&member).unwrap(), b"kept");
    // What is not shown is a member all the same.
    std::fs::rename(&member, member.with_file_name(".hidden")).unwrap();
    conflicts(&server.ask(request), "members", "has members");
    std::fs::remove_file(member.with_file_name(".hidden")).unwrap();
    assert_eq!(server.ask(request).status, 204);
    assert!(!server.folder().join("folder").exists());
}

#[test]
fn a_test_of_the_patch_that_fails() {
    let server = start(&["--writable"]);
    let tag = server.put("/data.json", r#"{"version":1}"#);
    let patch = r#"[{"op":"replace","path":"/version","value":3},{"op":"test","path":"/version","value":2}]"#;
    let reply = server.ask(&format!(
        "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Length: {}\n\
         Content-Type: application/json-patch+json\n\n{patch}",
        patch.len()
    ));
    conflicts(&reply, "patch-test", "test of the patch");
    let now = server.ask("GET /data.json HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(
        (now.text(), now.field("etag")),
        (r#"{"version":1}"#, Some(&*tag)),
        "all or nothing"
    );
}

#[test]
fn what_is_there_can_not_be_patched() {
    let server = start(&["--writable"]);
    server.put("/data.json", "no JSON");
    conflicts(&write(&server, "PATCH", "/data.json"), "store-conflict", "not JSON");
    assert_eq!(server.read("data.json"), b"no JSON");
}

#[test]
fn a_name_longer_than_the_file_system_can_hold() {
    let server = start(&["--writable"]);
    let reply = write(&server, "PUT", &format!("/{}", "n".repeat(300)));
    conflicts(&reply, "store-conflict", "longer than");
}

/// A conflict that the head shows is told before the content is invited.
#[test]
fn no_content_is_invited_for_a_conflict() {
    let server = start(&["--writable"]);
    server.file("folder/member", "kept");
    for target in ["/no/such", "/folder", "/new/"] {
        let reply = server.ask(&format!(
            "PUT {target} HTTP/1.1\nHost: localhost\nContent-Length: 3\nExpect: 100-continue\n\n"
        ));
        assert_eq!((reply.status, reply.interim.len()), (409, 0), "{target}: {reply:?}");
    }
}

/// A conflict is no secret of the method's offer: a folder that takes no writes says 405, not 409.
#[test]
fn where_nothing_is_written_there_is_no_conflict() {
    let server = start(&[]);
    server.file("folder/member", "kept");
    assert_eq!(write(&server, "PUT", "/no/such").status, 405);
    assert_eq!(server.ask("DELETE /folder/ HTTP/1.1\nHost: localhost\n\n").status, 405);
}
