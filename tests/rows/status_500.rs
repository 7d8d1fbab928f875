//! 500 Internal Server Error (RFC 9110 §15.6.1): a fault of ours, brought about by a store that really
//! panics or fails, on the loop and on a worker thread.

use std::io;
use std::sync::Arc;

use wherefore_store::{
    Coding, CreateFolders, FileInfo, Listing, Look, LookFor, MemoryStore, Opened, Removed, Staged,
    Store, StoreError, Wait, Written,
};

use crate::support::Reply;
use crate::support::inside::{Inside, serve};

/// A store in memory that fails where a path's name says so: `OPERATION-HOW`, such as `/open-panics`.
struct Failing(MemoryStore);

impl Failing {
    fn step(operation: &str, path: &[u8], wait: Wait) -> Result<(), StoreError> {
        let path = str::from_utf8(path).unwrap();
        let Some(how) = path.strip_prefix(&format!("/{operation}-")) else { return Ok(()) };
        match (how, wait) {
            ("panics", _) => panic!("as a test asks: {operation}"),
            ("panics-on-a-worker" | "fails-on-a-worker", Wait::No) => Err(StoreError::WouldWait),
            ("panics-on-a-worker", Wait::Yes) => panic!("as a test asks: {operation} on a worker"),
            ("fails" | "fails-on-a-worker", _) => {
                Err(StoreError::Io(io::Error::other("a secret of the disk")))
            }
            _ => Ok(()),
        }
    }
}

impl Store for Failing {
    fn look(&self, path: &[u8], what: LookFor, wait: Wait) -> Result<Look, StoreError> {
        Self::step("look", path, wait)?;
        self.0.look(path, what, wait)
    }

    fn open(&self, path: &[u8], coding: Option<Coding>, wait: Wait) -> Result<Opened, StoreError> {
        Self::step("open", path, wait)?;
        self.0.open(path, coding, wait)
    }

    fn list(&self, path: &[u8], members_max: usize) -> Result<Listing, StoreError> {
        Self::step("list", path, Wait::Yes)?;
        self.0.list(path, members_max)
    }

    fn stage(&self, parent: &[u8], announced: Option<u64>) -> Result<Box<dyn Staged>, StoreError> {
        Self::step("stage", parent, Wait::Yes)?;
        self.0.stage(parent, announced)
    }

    fn replace(
        &self,
        path: &[u8],
        staged: Box<dyn Staged>,
        folders: CreateFolders,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        Self::step("replace", path, Wait::Yes)?;
        self.0.replace(path, staged, folders, allow)
    }

    fn create_member(
        &self,
        folder: &[u8],
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError> {
        self.0.create_member(folder, names, staged)
    }

    fn remove(
        &self,
        path: &[u8],
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError> {
        Self::step("remove", path, Wait::Yes)?;
        self.0.remove(path, allow, before)
    }

    fn generation(&self, path: &[u8]) -> u64 {
        self.0.generation(path)
    }
}

/// The ways of failing; a listing, a write and a removal are always done on a worker.
const HOW: [&str; 4] = ["panics", "panics-on-a-worker", "fails", "fails-on-a-worker"];

fn failing() -> Inside {
    let store = MemoryStore::new();
    let put = |path: &str| {
        let mut staged = store.stage(b"/", None).unwrap();
        staged.write(b"content").unwrap();
        store.replace(path.as_bytes(), staged, CreateFolders::Yes, &mut |_| true).unwrap();
    };
    put("/fine");
    for how in HOW {
        put(&format!("/open-{how}"));
        put(&format!("/remove-{how}"));
        put(&format!("/list-{how}/member"));
        put(&format!("/stage-{how}/member"));
    }
    serve(Arc::new(Failing(store)), &[])
}

fn is_500(server: &Inside, reply: &Reply, how: &str) {
    let rule = if how.starts_with("panics") { "own-code" } else { "store" };
    reply.is(500, rule);
    assert!(reply.has("date"));
    let told = String::from_utf8_lossy(&reply.content).into_owned();
    for internal in ["secret", "as a test asks", "panicked", ".rs"] {
        assert!(!told.contains(internal), "{told}");
    }
    // The client is given the id under which the log has it.
    let id = reply.field("request-id").unwrap();
    let line = server.log_line(id);
    assert_eq!((&line["status"], &line["rule"]), (&500.into(), &rule.into()), "{line}");
}

#[test]
fn a_store_that_fails_fails_one_request_alone() {
    let server = failing();
    let mut other = server.connect();
    for operation in ["look", "open", "list", "remove", "replace", "stage"] {
        for how in HOW {
            let request = match operation {
                "list" => format!("GET /list-{how}/ HTTP/1.1\nHost: localhost\n\n"),
                "remove" => format!("DELETE /remove-{how} HTTP/1.1\nHost: localhost\n\n"),
                "replace" => {
                    format!("PUT /replace-{how} HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx")
                }
                "stage" => {
                    format!("PUT /stage-{how}/x HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx")
                }
                _ => format!("GET /{operation}-{how} HTTP/1.1\nHost: localhost\n\n"),
            };
            is_500(&server, &server.ask(&request), how);
            // Another connection, and new ones, go on.
            other.send("GET /fine HTTP/1.1\nHost: localhost\n\n");
            assert_eq!(other.reply("GET").text(), "content", "after {operation}-{how}");
            let reply = server.ask("GET /fine HTTP/1.1\nHost: localhost\n\n");
            assert_eq!(reply.text(), "content", "after {operation}-{how}");
        }
    }
}

#[test]
fn a_write_that_failed_changed_nothing() {
    let server = failing();
    for how in HOW {
        let put = format!("PUT /replace-{how} HTTP/1.1\nHost: localhost\nContent-Length: 3\n\nnew");
        assert_eq!(server.ask(&put).status, 500);
        let get = format!("GET /replace-{how} HTTP/1.1\nHost: localhost\n\n");
        server.ask(&get).is(404, "missing");
        let delete = format!("DELETE /remove-{how} HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(server.ask(&delete).status, 500);
        let get = format!("GET /remove-{how} HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(server.ask(&get).text(), "content");
    }
}

#[test]
fn a_request_before_it_on_the_same_connection_is_answered() {
    let server = failing();
    let mut client = server.connect();
    client.send(
        "GET /fine HTTP/1.1\nHost: localhost\n\nGET /look-panics HTTP/1.1\nHost: localhost\n\n",
    );
    assert_eq!(client.reply("GET").text(), "content");
    let reply = client.reply("GET");
    reply.is(500, "own-code");
    // Where our own code stopped reading is not certain, so nothing more is read.
    assert_eq!(reply.field("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn what_failed_elsewhere_leaves_the_connection_open() {
    let server = failing();
    let mut client = server.connect();
    for how in ["panics-on-a-worker", "fails", "fails-on-a-worker"] {
        client.send(&format!("GET /look-{how} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(client.reply("GET").status, 500);
        client.send("GET /fine HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(client.reply("GET").text(), "content");
    }
}

#[test]
fn a_head_says_it_without_content() {
    let server = failing();
    let mut client = server.connect();
    client.send("HEAD /look-panics HTTP/1.1\nHost: localhost\n\n");
    let reply = client.reply("HEAD");
    assert_eq!(reply.status, 500);
    assert!(reply.has("content-length") && reply.has("request-id"));
}

#[test]
fn many_at_once_leave_the_server_as_it_was() {
    let server = failing();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for how in HOW {
                    for operation in ["look", "open"] {
                        let request =
                            format!("GET /{operation}-{how} HTTP/1.1\nHost: localhost\n\n");
                        assert_eq!(server.ask(&request).status, 500);
                    }
                }
            });
        }
    });
    assert_eq!(server.ask("GET /fine HTTP/1.1\nHost: localhost\n\n").text(), "content");
}
