//! 507 Insufficient Storage (RFC 4918 §11.5): a write that does not fit, on a disk that is really full, or
//! past a quota. What was there stays. Elsewhere a full disk is a 500, with half a file left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::inboxes;
use crate::support::{Client, Reply, Running, setup, start};

/// A file system of 64 KiB. Dropped, it is taken away.
struct SmallDisk {
    folder: PathBuf,
    _within: TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let within = TempDir::new().unwrap();
        let folder = within.path().join("disk");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(&folder)
            .output()
            .map_err(|error| error.to_string())?;
        if mounted.status.success() {
            Ok(Self { folder, _within: within })
        } else {
            Err(String::from_utf8_lossy(&mounted.stderr).into_owned())
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let taken_away = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        assert!(taken_away.unwrap().success() || std::thread::panicking());
    }
}

/// Says to a test that it runs where it may mount what it likes.
const WITHIN: &str = "WHEREFORE_TEST_MAY_MOUNT";

/// Runs the test over a server of a small disk: here, or, where mounting is not allowed, once more in a
/// name space of its own where it is.
fn on_a_small_disk(name: &str, arguments: &[&str], test: impl FnOnce(Running)) {
    with_a_small_disk(name, |folder| test(Running::over(folder, arguments)));
}

/// The same for a test that starts its server itself.
fn with_a_small_disk(name: &str, test: impl FnOnce(&Path)) {
    match SmallDisk::mount() {
        Ok(disk) => test(&disk.folder),
        Err(why) => {
            assert!(std::env::var_os(WITHIN).is_none(), "a tmpfs can't be mounted: {why}");
            let again = Command::new("unshare")
                .args(["--user", "--map-root-user", "--mount"])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", &format!("status_507::{name}"), "--nocapture"])
                .env(WITHIN, "yes")
                .output();
            match again {
                Ok(again) => {
                    let said = String::from_utf8_lossy(&again.stdout);
                    assert!(
                        again.status.success() && said.contains("1 passed"),
                        "a tmpfs can't be mounted here ({why}), and in a name space of its own the \
                         test failed: {said}{}",
                        String::from_utf8_lossy(&again.stderr)
                    );
                }
                Err(error) => panic!("a tmpfs can't be mounted ({why}), nor unshare run: {error}"),
            }
        }
    }
}

const DISK_BYTES: usize = 64 << 10;

fn put(server: &Running, target: &str, content: &[u8]) -> Reply {
    let mut client = server.connect();
    client.send(&format!(
        "PUT {target} HTTP/1.1\nHost: localhost\nContent-Length: {}\n\n",
        content.len()
    ));
    client.send_octets(content);
    client.reply("PUT")
}

fn put_chunked(server: &Running, target: &str, content: &[u8]) -> (Reply, Client) {
    let mut client = server.connect();
    client.send(&format!(
        "PUT {target} HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n{:x}\n",
        content.len()
    ));
    client.send_octets(content);
    client.send("\n0\n\n");
    (client.reply("PUT"), client)
}

fn has_no_room(reply: &Reply, what: &str) {
    reply.is(507, "room");
    assert_eq!(reply.phrase, "Insufficient Storage");
    assert!(reply.has("date"));
    let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(what) && detail.contains("Nothing was changed"), "{detail}");
}

/// The names in a folder, also those that are not shown.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_full_disk() {
    on_a_small_disk("a_full_disk", &["--writable"], |server| {
        let old = vec![b'o'; DISK_BYTES / 2];
        let first = put(&server, "/file", &old);
        assert_eq!(first.status, 201);
        let larger = vec![b'n'; DISK_BYTES];
        has_no_room(&put(&server, "/file", &larger), "disk is full");
        has_no_room(&put(&server, "/new", &larger), "disk is full");
        let (reply, mut client) = put_chunked(&server, "/file", &larger);
        has_no_room(&reply, "disk is full");
        if reply.field("connection") == Some("close") {
            client.finish_sending();
            assert!(client.is_closed(), "an end, and no reset");
        }
        let posted = server.ask(&format!(
            "POST / HTTP/1.1\nHost: localhost\nContent-Length: {DISK_BYTES}\n\n{}",
            "p".repeat(DISK_BYTES)
        ));
        has_no_room(&posted, "disk is full");

        assert_eq!(names(server.folder()), ["file"], "nothing half-written");
        let get = server.ask("GET /file HTTP/1.1\nHost: localhost\n\n");
        assert_eq!((&get.content, get.field("etag")), (&old, first.field("etag")));
        // Each core hands over its own lines, so that they come in any order; of this one there is one.
        assert!(server.log_line("\"PUT /new ").contains(" 507 "));

        // Room that was taken for what was refused is free again, and room that is made can be used.
        assert_eq!(put(&server, "/small", b"fits").status, 201);
        for name in ["/file", "/small"] {
            let delete = server.ask(&format!("DELETE {name} HTTP/1.1\nHost: localhost\n\n"));
            assert_eq!(delete.status, 204);
        }
        assert_eq!(put(&server, "/file", &larger[..DISK_BYTES / 2]).status, 201);
    });
}

/// To replace a file, both versions have to fit for a moment: a disk that is nearly full says so.
#[test]
fn a_patch_on_a_full_disk() {
    on_a_small_disk("a_patch_on_a_full_disk", &["--writable"], |server| {
        let document = format!("{{\"a\":\"{}\"}}", "x".repeat(DISK_BYTES * 3 / 4));
        assert_eq!(put(&server, "/data.json", document.as_bytes()).status, 201);
        let reply = server.ask(
            "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Length: 7\n\
             Content-Type: application/merge-patch+json\n\n{\"b\":1}",
        );
        has_no_room(&reply, "disk is full");
        assert_eq!(server.read("data.json"), document.as_bytes());
        assert_eq!(names(server.folder()), ["data.json"]);
    });
}

/// A client that asks first is told before it sends what can't be kept.
#[test]
fn a_full_disk_invites_no_content() {
    on_a_small_disk("a_full_disk_invites_no_content", &["--writable"], |server| {
        let mut client = server.connect();
        client.send(&format!(
            "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: {}\nExpect: 100-continue\n\n",
            DISK_BYTES + 1
        ));
        let reply = client.reply("PUT");
        has_no_room(&reply, "disk is full");
        assert_eq!(reply.interim, [0_u16; 0]);
        assert!(names(server.folder()).is_empty());
    });
}

const QUOTA: &[&str] = &["--writable", "--quota", "1000B"];

#[test]
fn a_quota() {
    let server = start(QUOTA);
    let old = vec![b'o'; 600];
    let first = put(&server, "/file", &old);
    assert_eq!(first.status, 201);
    for length in [401, 1000, 1001, 5000] {
        has_no_room(&put(&server, "/new", &vec![b'n'; length]), "quota");
        has_no_room(&put_chunked(&server, "/new", &vec![b'n'; length]).0, "quota");
    }
    has_no_room(&put(&server, "/file", &[b'n'; 1001]), "quota");
    assert_eq!(names(server.folder()), ["file"], "nothing half-written");
    let get = server.ask("GET /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((&get.content, get.field("etag")), (&old, first.field("etag")));

    assert_eq!(put(&server, "/file", &[b'n'; 1000]).status, 204, "what it replaces makes room");
    has_no_room(&put(&server, "/new", b"n"), "quota");
    assert_eq!(put(&server, "/empty", b"").status, 201, "nothing always fits");
    assert_eq!(server.ask("DELETE /file HTTP/1.1\nHost: localhost\n\n").status, 204);
    assert_eq!(put(&server, "/new", &[b'n'; 1000]).status, 201);
}

#[test]
fn a_quota_holds_for_posts_and_patches() {
    let server = start(QUOTA);
    let document = format!("{{\"a\":\"{}\"}}", "x".repeat(900));
    server.put("/data.json", &document);
    let content = "y".repeat(200);
    let posted = server.ask(&format!(
        "POST / HTTP/1.1\nHost: localhost\nContent-Type: text/plain\nContent-Length: 200\n\n{content}"
    ));
    has_no_room(&posted, "quota");
    let patch = format!("{{\"b\":\"{content}\"}}");
    let patched = server.ask(&format!(
        "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Length: {}\n\
         Content-Type: application/merge-patch+json\n\n{patch}",
        patch.len()
    ));
    has_no_room(&patched, "quota");
    assert_eq!(server.read("data.json"), document.as_bytes());
    assert_eq!(names(server.folder()), ["data.json"]);
}

/// What was there before the server was started counts too.
#[test]
fn a_quota_counts_what_it_found() {
    let server = start(&["--writable"]);
    server.put("/file", &"x".repeat(800));
    let server = server.crash_and_restart(QUOTA);
    has_no_room(&put(&server, "/new", &[b'n'; 201]), "quota");
    assert_eq!(put(&server, "/new", &[b'n'; 200]).status, 201);
}

#[test]
fn a_quota_invites_no_content_that_passes_it() {
    let server = start(QUOTA);
    server.put("/file", &"x".repeat(800));
    for (target, length) in [("/new", 1001), ("/file", 1001), ("/new", 201), ("/new", 1000)] {
        let mut client = server.connect();
        client.send(&format!(
            "PUT {target} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\
             Expect: 100-continue\n\n"
        ));
        let reply = client.reply("PUT");
        has_no_room(&reply, "quota");
        assert_eq!(reply.interim, [0_u16; 0], "{target} {length}");
    }
    let mut client = server.connect();
    client.send(
        "PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 1000\nExpect: 100-continue\n\n",
    );
    assert_eq!(client.head().status, 100, "what it replaces makes room");
}

/// A form that does not fit is not stored in part, wherever the room ends.
#[test]
fn a_form_on_a_full_disk() {
    with_a_small_disk("a_form_on_a_full_disk", |folder| {
        let on_disk = inboxes::route("").replace("site/orders", folder.to_str().unwrap());
        let server = setup().serve(&on_disk);
        let half = vec![b'x'; DISK_BYTES / 2];
        let both = inboxes::parts(&[("a", Some("a"), &half), ("b", Some("b"), &half)]);
        has_no_room(&inboxes::post(&server, inboxes::PARTS, &both), "disk is full");
        assert_eq!(names(folder), [""; 0]);
        let chunked = "Transfer-Encoding: chunked";
        let mut client = server.connect();
        client.send(&format!(
            "POST /orders HTTP/1.1\nHost: localhost\n{}{chunked}\n\n{:x}\n",
            inboxes::PARTS,
            both.len()
        ));
        client.send_octets(&both);
        client.send("\n0\n\n");
        has_no_room(&client.reply("POST"), "disk is full");
        assert_eq!(names(folder), [""; 0]);
        let one = inboxes::parts(&[("a", Some("a"), &half)]);
        assert_eq!(inboxes::post(&server, inboxes::PARTS, one).status, 204);
    });
}

#[test]
fn a_form_past_the_quota() {
    let server = inboxes::serve(&(inboxes::route("") + "quota = \"16KiB\"\n"));
    let file = |size| inboxes::parts(&[("f", Some("f"), &vec![b'x'; size])]);
    has_no_room(&inboxes::post(&server, inboxes::PARTS, file(20 << 10)), "quota");
    inboxes::is_empty(&server);
    assert_eq!(inboxes::post(&server, inboxes::PARTS, file(10 << 10)).status, 204);
    has_no_room(&inboxes::post(&server, inboxes::PARTS, file(10 << 10)), "quota");
    assert_eq!(inboxes::documents(&server).len(), 1);
}
