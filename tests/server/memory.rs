//! A folder that lies in memory is written on a core's loop itself, where one on a disk goes to a thread. Whoever
//! asks sees no difference.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::support::{Reply, Running};

/// Where a file system that lies in memory is mounted, as a rule.
const IN_MEMORY: &str = "/dev/shm";
const WRITERS: usize = 8;
const ROUNDS: usize = 20;

/// Does the same over a folder of each sort; the first is on a disk, as a rule.
fn everywhere(test: impl Fn(&Running)) {
    let mut folders = vec![TempDir::new().unwrap()];
    if Path::new(IN_MEMORY).is_dir() {
        folders.push(TempDir::new_in(IN_MEMORY).unwrap());
    } else {
        eprintln!("there is no {IN_MEMORY}: what lies in memory is not tried");
    }
    for folder in folders {
        test(&Running::over(folder.path(), &["--writable"]));
    }
}

fn ask(server: &Running, method: &str, target: &str, fields: &str, content: &str) -> Reply {
    let length = content.len();
    server.ask(&format!(
        "{method} {target} HTTP/1.1\nHost: localhost\n{fields}Content-Length: {length}\n\n{content}"
    ))
}

#[test]
fn what_is_written_is_read_and_judged_alike() {
    everywhere(|server| {
        let get = |target| ask(server, "GET", target, "", "");
        let first = ask(server, "PUT", "/a", "", "one");
        assert_eq!((first.status, first.field("location")), (201, Some("/a")));
        let old = first.field("etag").unwrap();
        let second = ask(server, "PUT", "/a", &format!("If-Match: {old}\n"), "second");
        assert_eq!(second.status, 204);
        let tag = second.field("etag").unwrap();
        assert!(!tag.starts_with("W/") && tag != old);
        let read = get("/a");
        assert_eq!((read.field("etag"), read.text()), (Some(tag), "second"));

        let late = ask(server, "PUT", "/a", &format!("If-Match: {old}\n"), "third");
        assert_eq!(late.status, 412);
        assert_eq!(ask(server, "PUT", "/a", "If-None-Match: *\n", "third").status, 412);
        let broken = "Content-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\n";
        assert_eq!(ask(server, "PUT", "/a", broken, "third").status, 400);
        assert_eq!(ask(server, "PUT", "/no/such", "", "x").status, 409);
        assert_eq!(get("/a").text(), "second");

        // What was deleted and stands there again is no longer remembered to have been.
        assert_eq!(ask(server, "DELETE", "/a", "", "").status, 204);
        assert_eq!(get("/a").status, 410);
        assert_eq!(ask(server, "PUT", "/a", "", "again").status, 201);
        assert_eq!(get("/a").text(), "again");
        std::fs::remove_file(server.folder().join("a")).unwrap();
        assert_eq!(ask(server, "DELETE", "/a", "", "").status, 404);
    });
}

#[test]
fn stored_codings_go_with_what_they_were_made_of() {
    everywhere(|server| {
        server.file("a", "old");
        server.file("a.gz", "coded");
        assert_eq!(ask(server, "PUT", "/a", "", "new").status, 204);
        assert!(!server.folder().join("a.gz").exists());
        let read = ask(server, "GET", "/a", "Accept-Encoding: gzip\n", "");
        assert_eq!((read.field("content-encoding"), read.text()), (None, "new"));
    });
}

/// Of those who write the same at the same time on the same condition, one does.
#[test]
fn of_writers_at_once_one_wins() {
    everywhere(|server| {
        for round in 0..ROUNDS {
            let (won, barrier) = (AtomicUsize::new(0), Barrier::new(WRITERS));
            thread::scope(|scope| {
                for _ in 0..WRITERS {
                    scope.spawn(|| {
                        barrier.wait();
                        let target = format!("/{round}");
                        match ask(server, "PUT", &target, "If-None-Match: *\n", "x").status {
                            201 => won.fetch_add(1, Ordering::Relaxed),
                            status => {
                                assert!(matches!(status, 409 | 412), "{status}");
                                0
                            }
                        };
                    });
                }
            });
            assert_eq!(won.into_inner(), 1);
        }
    });
}

/// A part of a large file is the part of what stands there.
#[test]
fn parts_of_large_files_are_theirs() {
    everywhere(|server| {
        let octets: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
        server.file("large", &octets);
        for first in [0, 4096, 500_001, (1 << 20) - 4096] {
            let range = format!("Range: bytes={first}-{}\n", first + 4095);
            for _ in 0..2 {
                let reply = ask(server, "GET", "/large", &range, "");
                assert_eq!(reply.status, 206);
                assert_eq!(reply.content, octets[first..first + 4096]);
            }
        }
        assert_eq!(ask(server, "GET", "/large", "", "").content, octets);
    });
}
