//! Writers at once (RFC 9110 §13.1.1): what a precondition promised holds at the moment of the change,
//! not only when it was first looked at. It is 412 that tells the others.

use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Client, Reply, Running, start};

const WRITERS: usize = 32;
const ROUNDS: usize = 8;

/// Has every writer send its own content at once, each under this condition.
fn race(server: &Running, condition: &str) -> Vec<(String, Reply)> {
    let (address, barrier) = (server.address, Barrier::new(WRITERS));
    let one = |writer: usize| {
        let content = format!("by writer {writer}");
        let mut client = Client::connect(address);
        barrier.wait();
        let reply = put(&mut client, condition, &content);
        (content, reply)
    };
    thread::scope(|scope| {
        let one = &one;
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || one(writer))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

fn put(client: &mut Client, condition: &str, content: &str) -> Reply {
    client.send(&format!(
        "PUT /file HTTP/1.1\nHost: localhost\n{condition}Content-Length: {}\n\n{content}",
        content.len()
    ));
    client.reply("PUT")
}

/// Asserts that one got `status`, and all others 412; says the winner and the losers.
fn one_wins(server: &Running, replies: Vec<(String, Reply)>, status: u16) -> (Reply, Vec<Reply>) {
    let (won, lost): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|(_, one)| one.status == status);
    let [(content, winner)] = &won[..] else { panic!("{} won", won.len()) };
    assert_eq!(server.read("file"), content.as_bytes());
    let get = server.ask("GET /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(get.field("etag"), winner.field("etag"));
    (winner.clone(), lost.into_iter().map(|(_, loser)| loser).collect())
}

/// The opaque part of the tag that an answer tells.
fn opaque(reply: &Reply) -> &str {
    reply.field("etag").unwrap().trim_start_matches("W/")
}

#[test]
fn of_writers_with_the_same_tag_one_wins() {
    let server = start(&["--writable"]);
    let mut tag = server.put("/file", "at first");
    for _ in 0..ROUNDS {
        let replies = race(&server, &format!("If-Match: {tag}\n"));
        let (winner, losers) = one_wins(&server, replies, 204);
        for loser in losers {
            loser.is(412, "if-match");
            assert_ne!(opaque(&loser), tag, "what is no longer current");
        }
        winner.field("etag").unwrap().clone_into(&mut tag);
    }
}

#[test]
fn of_makers_of_the_same_file_one_wins() {
    let server = start(&["--writable"]);
    for _ in 0..ROUNDS {
        let replies = race(&server, "If-None-Match: *\n");
        let (winner, losers) = one_wins(&server, replies, 201);
        for loser in losers {
            loser.is(412, "if-none-match");
            // Until the winner is told that its write is durable, others may see its tag as a weak one.
            assert_eq!(opaque(&loser), opaque(&winner));
        }
        assert_eq!(server.ask("DELETE /file HTTP/1.1\nHost: localhost\n\n").status, 204);
    }
}

/// Patches made of what each saw: all are applied, one after the other, to what is there then.
#[test]
fn patches_at_once_are_all_applied() {
    let server = start(&["--writable"]);
    server.put("/data.json", "{}");
    let (address, barrier) = (server.address, &Barrier::new(WRITERS));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                let patch = format!("{{\"{writer}\":{writer}}}");
                barrier.wait();
                // Too many others in a row is a conflict that is told, and is tried again.
                loop {
                    client.send(&format!(
                        "PATCH /data.json HTTP/1.1\nHost: localhost\nContent-Length: {}\n\
                         Content-Type: application/merge-patch+json\n\n{patch}",
                        patch.len()
                    ));
                    match client.reply("PATCH").status {
                        204 => break,
                        status => assert_eq!(status, 409),
                    }
                }
            });
        }
    });
    let all: serde_json::Value = serde_json::from_slice(&server.read("data.json")).unwrap();
    for writer in 0..WRITERS {
        assert_eq!(all[writer.to_string()], writer, "{all}");
    }
}

/// Another program swaps its own file in while a client writes version upon version, each by the tag of
/// the last. Whenever that happens, the swapped file must never be written over by a client that has not
/// seen it, and what came out of the swap must be the last version that was accepted, or one that was
/// refused for this very reason.
#[test]
fn no_update_of_another_program_is_lost() {
    let server = start(&["--writable"]);
    let path = server.folder().join("file");
    let beside = server.folder().parent().unwrap().join("theirs");
    for round in 0..150 {
        let accepted = AtomicUsize::new(0);
        let swapped_after = round % 4;
        let theirs = format!("theirs {round}");
        fs::write(&beside, &theirs).unwrap();
        let mut tag = server.put("/file", &format!("{round}: 0"));
        let last = thread::scope(|scope| {
            let swap = scope.spawn(|| {
                while accepted.load(Ordering::Acquire) < swapped_after {
                    std::hint::spin_loop();
                }
                // A different moment of the write every round.
                (0..round * 400).for_each(|_| std::hint::spin_loop());
                renameat_with(CWD, &beside, CWD, &path, RenameFlags::EXCHANGE).unwrap();
            });
            let mut client = server.connect();
            let last = loop {
                let number = accepted.load(Ordering::Relaxed) + 1;
                let reply =
                    put(&mut client, &format!("If-Match: {tag}\n"), &format!("{round}: {number}"));
                if reply.status != 204 {
                    reply.is(412, "if-match");
                    break number - 1;
                }
                reply.field("etag").unwrap().clone_into(&mut tag);
                accepted.store(number, Ordering::Release);
            };
            swap.join().unwrap();
            last
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), theirs, "lost in round {round}");
        let came_out = fs::read_to_string(&beside).unwrap();
        let versions = [last, last + 1].map(|number| format!("{round}: {number}"));
        assert!(versions.contains(&came_out), "{came_out}, not one of {versions:?}");
    }
}
