//! Connections that are kept and on which nothing happens: they wait without a task, and nobody can tell.
#![cfg(target_os = "linux")]

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::server::eventually;
use crate::support::{Client, Running, start};

const GET: &str = "GET /file HTTP/1.1\nHost: localhost\n\n";

/// How many connections wait without a task: those that the kernel watches to tell of them once (EPOLLIN and
/// EPOLLONESHOT).
fn parked(server: &Running) -> usize {
    const ARMED: u32 = 0x4000_0001;
    let folder = format!("/proc/{}/fdinfo", server.pid());
    let files = fs::read_dir(folder).unwrap().filter_map(|file| file.ok());
    // What was there a moment ago may be closed.
    let all = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    all.map(|text| {
        let watched = text.lines().filter(|line| line.starts_with("tfd:"));
        let events = watched.filter_map(|line| line.split_whitespace().nth(3));
        let is_armed = |events: &&str| u32::from_str_radix(events, 16).unwrap() & ARMED == ARMED;
        events.filter(is_armed).count()
    })
    .sum()
}

fn are_parked(server: &Running, count: usize) {
    eventually(&format!("{count} wait without a task"), || parked(server) == count);
}

fn descriptors(server: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

fn served(arguments: &[&str]) -> Running {
    let server = start(arguments);
    server.file("file", "here");
    server
}

/// A connection on which a request was answered.
fn answered(server: &Running) -> Client {
    let mut client = server.connect();
    client.send(GET);
    assert_eq!(client.reply("GET").text(), "here");
    client
}

#[test]
fn what_comes_is_answered_as_ever() {
    let server = served(&[]);
    let mut client = answered(&server);
    for round in 0..3 {
        are_parked(&server, 1);
        client.send(GET);
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.text()), (200, "here"), "{round}");
        are_parked(&server, 1);
        client.send(&GET.repeat(5));
        for _ in 0..5 {
            assert_eq!(client.reply("GET").text(), "here");
        }
        // What comes quickly, and then not.
        for _ in 0..20 {
            client.send(GET);
            assert_eq!(client.reply("GET").text(), "here");
        }
    }
    are_parked(&server, 1);
    client.send("HEAD /file HTTP/1.1\nHost: localhost\nConnection: close\n\n");
    assert_eq!(client.reply("HEAD").field("connection"), Some("close"));
    assert!(client.is_closed());
    are_parked(&server, 0);
}

#[test]
fn one_that_brings_nothing_waits_so_too() {
    let server = served(&[]);
    let mut client = server.connect();
    are_parked(&server, 1);
    client.send(GET);
    assert_eq!(client.reply("GET").text(), "here");
}

#[test]
fn half_a_request_is_waited_for_as_long_as_a_head_may_take() {
    let server = served(&["--limit", "head-time=3s", "--limit", "idle-time=1h"]);
    let mut client = answered(&server);
    are_parked(&server, 1);
    let (start, end) = GET.split_at(10);
    client.send(start);
    are_parked(&server, 0);
    client.send(end);
    assert_eq!(client.reply("GET").text(), "here");
    are_parked(&server, 1);
    // One that waits in the middle of a request does not leave.
    client.send(start);
    are_parked(&server, 0);
    client.reply("GET").is(408, "head-deadline");
    assert!(client.is_closed());
    assert_eq!(parked(&server), 0);
}

#[test]
fn content_that_is_slow_is_waited_for() {
    let server = served(&["--writable"]);
    let mut client = answered(&server);
    are_parked(&server, 1);
    client.send("PUT /new HTTP/1.1\nHost: localhost\nContent-Length: 6\n\n");
    client.send_octets(b"con");
    are_parked(&server, 0);
    client.send_octets(b"tent");
    // The seventh octet begins the next request, which does not come.
    assert_eq!(client.reply("PUT").status, 201);
    assert_eq!(server.read("new"), b"conten");
    assert_eq!(parked(&server), 0);
}

#[test]
fn who_leaves_gives_all_back() {
    let server = served(&["--limit", "connections-an-address=3"]);
    // What it opens for itself in the meantime is less than what would be left of five rounds.
    let few = descriptors(&server) + 10;
    for _ in 0..5 {
        let mut clients: Vec<_> = (0..3).map(|_| answered(&server)).collect();
        are_parked(&server, 3);
        clients[0].send(GET);
        assert_eq!(clients[0].reply("GET").text(), "here");
        let mut refused = server.connect();
        refused.send(GET);
        assert_eq!(refused.reply("GET").status, 503);
        are_parked(&server, 3);
        // One says that it is done, and two just leave.
        clients[1].finish_sending();
        assert!(clients[1].is_closed());
        drop((clients, refused));
        // Their places are free for the next round then.
        are_parked(&server, 0);
        eventually("all is given back", || descriptors(&server) < few);
    }
}

#[test]
fn who_is_silent_for_too_long_is_closed() {
    let server = served(&["--limit", "idle-time=4s"]);
    let mut clients = [answered(&server), answered(&server)];
    are_parked(&server, 2);
    clients[1].send(GET);
    assert_eq!(clients[1].reply("GET").text(), "here");
    let mut silent = server.connect();
    for client in &mut clients {
        assert!(client.is_closed());
    }
    assert!(silent.is_closed());
    are_parked(&server, 0);
}

#[test]
fn the_end_closes_them_at_once() {
    let mut server = served(&["--limit", "shutdown-time=1h"]);
    let clients: Vec<_> = (0..10).map(|_| answered(&server)).collect();
    are_parked(&server, 10);
    server.signal("TERM");
    for mut client in clients {
        assert!(client.is_closed());
    }
    assert!(server.wait().success());
}

#[test]
fn who_was_named_at_the_beginning_stays_so() {
    let server = served(&["--proxy-protocol"]);
    let mut client = server.connect();
    client.send_octets(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n");
    for target in ["/first", "/second", "/third"] {
        client.send(&format!("GET {target} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(client.reply("GET").status, 404);
        let logged = server.log_line(&format!("\"GET {target} "));
        assert!(logged.starts_with("192.0.2.7 "), "{logged}");
        are_parked(&server, 1);
    }
}

#[test]
fn thousands_are_woken_at_once() {
    // More than a core wakes at once.
    const COUNT: usize = 2500;
    // Each end of a connection takes one, of this process and of the server's, which has as many.
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let count = maximum.map_or(COUNT, |maximum| COUNT.min(maximum as usize / 4));
    let all = count.to_string();
    let limit = |name: &str| format!("{name}={all}");
    let server = served(&[
        "--limit",
        &limit("connections"),
        "--limit",
        &limit("connections-an-address"),
        "--limit",
        &limit("requests-in-flight"),
    ]);
    let mut clients: Vec<_> = (0..count).map(|_| answered(&server)).collect();
    for _ in 0..2 {
        are_parked(&server, count);
        for client in &mut clients {
            client.send(GET);
        }
        for client in &mut clients {
            assert_eq!(client.reply("GET").text(), "here");
        }
    }
    are_parked(&server, count);
    drop(clients);
    are_parked(&server, 0);
    answered(&server);
}
