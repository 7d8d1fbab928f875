//! Serving through `io_uring`. The other tests see it too, where `WHEREFORE_TEST_IO` says so.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::support::client::End;
use crate::support::server::{PATIENCE, eventually};
use crate::support::{Client, Configured, Running, setup, start};

fn ringed() -> Running {
    start(&["--io", "io_uring", "--writable", "--limit", "connections-an-address=1000"])
}

/// Which of its descriptors are rings' own.
fn rings(pid: u32) -> usize {
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().contains("io_uring")).count()
}

fn descriptors(server: &Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

fn configured(line: &str) -> Configured {
    let mut own = setup();
    if !line.is_empty() {
        own = own.server(line);
    }
    own.routes(&["{ path = \"/*\", folder = \"site\" }"])
}

fn content(octets: usize) -> Vec<u8> {
    (0..octets).map(|i| (i % 251) as u8).collect()
}

#[test]
fn each_core_has_a_ring_where_it_is_told_to() {
    if std::env::var_os("WHEREFORE_TEST_IO").is_none() {
        for line in ["", "io = \"epoll\""] {
            assert_eq!(rings(configured(line).pid()), 0, "{line}");
        }
        let server = configured("io = \"io_uring\"");
        assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
        match rings(server.pid()) {
            0 => drop(server.notice("io_uring can't be used, and epoll is")),
            count => assert_eq!(count, 2),
        }
    }
    assert_eq!(rings(start(&["--io", "epoll"]).pid()), 0);
}

#[test]
fn pipelined_requests_are_answered_wherever_they_are_cut() {
    let server = ringed();
    server.file("small", "small");
    server.file("large", content(100_000));
    let one = "GET /small HTTP/1.1\r\nHost: localhost\r\n\r\nPUT /new HTTP/1.1\r\nHost: localhost\r\n\
               Content-Length: 5\r\n\r\n12345GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let all = one.repeat(20);
    for step in [1, 7, 100, 1999, 5000] {
        let mut client = server.connect();
        let mut sender = client.stream().try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for part in all.as_bytes().chunks(step) {
                    sender.write_all(part).unwrap();
                }
                sender.shutdown(Shutdown::Write).unwrap();
            });
            for _ in 0..20 {
                assert_eq!(client.reply("GET").text(), "small");
                assert!(matches!(client.reply("PUT").status, 201 | 204));
                assert!(client.reply("GET").content == content(100_000));
            }
            assert_eq!(client.until_end(), (Vec::new(), End::Closed));
        });
    }
}

#[test]
fn ten_mebibytes_go_both_ways() {
    let server = ringed();
    let large = content(10 << 20);
    let mut client = server.connect();
    for _ in 0..2 {
        client.send(&format!(
            "PUT /large HTTP/1.1\nHost: localhost\nContent-Length: {}\n\n",
            large.len()
        ));
        client.send_octets(&large);
        assert!(matches!(client.reply("PUT").status, 201 | 204));
        client.send("GET /large HTTP/1.1\nHost: localhost\n\n");
        assert!(client.reply("GET").content == large);
    }
}

#[test]
fn who_takes_nothing_is_broken_off_in_time() {
    let server = start(&["--io", "io_uring", "--limit", "send-time=1s"]);
    server.file("small", content(12_000));
    // Answers that go by themselves, to a client that never reads. The last counts as sent, and the next has to wait.
    let mut client = Client::connect_with_room(server.address, 4096);
    let request = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send_octets(request);
    server.log_line("/small");
    let with_it = descriptors(&server);
    let (mut count, mut is_over) = (1, false);
    while !is_over {
        is_over = client.try_send_octets(request).is_err();
        eventually("it is answered, or given up", || {
            is_over = is_over || descriptors(&server) < with_it;
            is_over || !server.log_so_far().is_empty()
        });
        count += 1;
    }
    assert!(count > 10);
    let (all, end) = client.until_end();
    assert_eq!(end, End::BrokenOff);
    assert!(all.len() < count * 12_000);
}

#[test]
fn who_closes_one_way_and_reads_slowly_gets_all() {
    let server = ringed();
    server.file("small", content(15_000));
    let mut client = Client::connect_with_room(server.address, 4096);
    client.send(&"GET /small HTTP/1.1\nHost: localhost\n\n".repeat(100));
    client.finish_sending();
    server.log_line("/small");
    for _ in 0..100 {
        assert!(client.reply("GET").content == content(15_000));
    }
    assert_eq!(client.until_end(), (Vec::new(), End::Closed));
}

#[test]
fn a_thousand_that_come_and_go_leave_no_descriptor() {
    let server = ringed();
    server.file("file", "here");
    assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
    let request = b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let before = descriptors(&server);
    for round in 0..10 {
        let mut clients: Vec<TcpStream> =
            (0..100).map(|_| TcpStream::connect(server.address).unwrap()).collect();
        for (index, client) in clients.iter_mut().enumerate() {
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            match (index + round) % 5 {
                // It says nothing, or half of a request.
                0 => {}
                1 => client.write_all(&request[..20]).unwrap(),
                // It has had its answer, or leaves without it.
                2 => {
                    client.write_all(request).unwrap();
                    assert!(client.read(&mut [0; 2000]).unwrap() > 0);
                }
                3 => client.write_all(request).unwrap(),
                // It breaks off.
                _ => {
                    client.write_all(request).unwrap();
                    let linger = Some(std::time::Duration::ZERO);
                    socket2::SockRef::from(&*client).set_linger(linger).unwrap();
                }
            }
        }
        drop(clients);
    }
    // The file that is asked for may be kept open by each core.
    eventually("they are closed", || descriptors(&server) <= before + 2);
    assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
}

#[test]
fn it_ends_with_connections_that_wait() {
    let mut server = ringed();
    server.file("file", "here");
    let mut clients: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
        assert_eq!(client.reply("GET").text(), "here");
    }
    server.signal("TERM");
    for client in &mut clients {
        assert_eq!(client.until_end(), (Vec::new(), End::Closed));
    }
    assert!(server.wait().success());
}
