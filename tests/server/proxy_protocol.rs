//! Behind a load balancer that speaks the PROXY protocol.

use tempfile::TempDir;

use crate::support::server::command;
use crate::support::{Client, Reply, Running, start};

const GET: &str = "GET /file HTTP/1.1\nHost: localhost\n\n";

/// A header of version 1 for a client of this address.
fn line(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 10.0.0.1 56324 443\r\n").into_bytes()
}

/// One of version 2 with this command, family and block.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(block.len()).unwrap().to_be_bytes());
    header.extend(block);
    header
}

const V4: [u8; 12] = [192, 0, 2, 9, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];

fn proxied(arguments: &[&str]) -> Running {
    let server = start(&[&["--proxy-protocol"], arguments].concat());
    server.file("file", "here");
    server
}

/// A connection that begins with these octets.
fn begun(server: &Running, octets: &[u8]) -> Client {
    let mut client = server.connect();
    // Who is refused need not take all.
    let _ = client.try_send_octets(octets);
    client
}

fn get(client: &mut Client, target: &str) -> Reply {
    client.send(&format!("GET {target} HTTP/1.1\nHost: localhost\n\n"));
    client.reply("GET")
}

#[test]
fn the_client_is_whom_the_header_names() {
    let server = proxied(&[]);
    let mut v6 = [0; 36];
    v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    for (target, header, named) in [
        ("/v1", line("192.0.2.7"), "192.0.2.7"),
        ("/v1-6", b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n".to_vec(), "2001:db8::7"),
        ("/unknown", b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        ("/v2", binary(0x21, 0x11, &V4), "192.0.2.9"),
        ("/v2-6", binary(0x21, 0x21, &v6), "2001:db8::"),
        ("/more", binary(0x21, 0x11, &[&V4[..], &[4; 500]].concat()), "192.0.2.9"),
        ("/local", binary(0x20, 0x00, &[]), "127.0.0.1"),
        ("/unix", binary(0x21, 0x31, &[b'/'; 216]), "127.0.0.1"),
    ] {
        let mut client = begun(&server, &header);
        assert_eq!(get(&mut client, target).status, 404);
        let logged = server.log_line(&format!("\"GET {target} "));
        assert!(logged.starts_with(&format!("{named} ")), "{logged}");
        // It stands before the first request alone.
        assert_eq!(get(&mut client, "/file").text(), "here");
    }
}

#[test]
fn it_may_come_in_pieces_and_with_the_request() {
    let server = proxied(&[]);
    for header in [line("192.0.2.7"), binary(0x21, 0x11, &V4)] {
        let whole = [header, GET.replace('\n', "\r\n").into_bytes()].concat();
        let mut client = begun(&server, &whole);
        assert_eq!(client.reply("GET").text(), "here");
        for cut in 1..whole.len() {
            let mut client = begun(&server, &whole[..cut]);
            client.send_octets(&whole[cut..]);
            assert_eq!(client.reply("GET").text(), "here", "cut at {cut}");
        }
        let mut client = server.connect();
        whole.iter().for_each(|octet| client.send_octets(&[*octet]));
        assert_eq!(client.reply("GET").text(), "here");
    }
}

#[test]
fn what_is_no_header_is_closed_without_an_answer() {
    for (octets, says) in [
        (GET.replace('\n', "\r\n").into_bytes(), "does not begin with a PROXY header"),
        (b"\x16\x03\x01\x02\x00".to_vec(), "does not begin with a PROXY header"),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 99999\r\n".to_vec(), "line is malformed"),
        ([b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 5000]].concat(), "does not end within 107"),
        (binary(0x11, 0x11, &V4), "unknown version"),
        (binary(0x21, 0x41, &V4), "unknown family"),
        (binary(0x21, 0x11, &V4[..11]), "too short"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff".to_vec(), "too long"),
    ] {
        // One each: what would repeat itself is said only so often.
        let server = proxied(&[]);
        let mut client = begun(&server, &octets);
        assert!(client.is_broken(), "{says}");
        let said = server.notice("a connection from 127.0.0.1:");
        assert!(said.contains(says), "{said}");
        let mut client = begun(&server, &line("192.0.2.7"));
        assert_eq!(get(&mut client, "/file").text(), "here");
    }
}

#[test]
fn it_has_the_time_of_a_head() {
    let server = proxied(&["--limit", "head-time=100ms"]);
    let mut silent = server.connect();
    assert!(silent.is_closed());
    let said = server.notice("a connection from 127.0.0.1:");
    assert!(said.contains("did not come in time"), "{said}");

    let mut half = begun(&server, &line("192.0.2.7")[..10]);
    assert!(half.is_closed());
    // Who comes and goes at once, as those do who only look whether we live, is no matter.
    drop(server.connect());
    let mut client = begun(&server, &line("192.0.2.7"));
    assert_eq!(get(&mut client, "/file").text(), "here");
}

#[test]
fn connections_are_counted_as_their_clients() {
    let server = proxied(&["--limit", "connections-an-address=1"]);
    // All from one balancer, and of two clients.
    let mut first = begun(&server, &line("192.0.2.7"));
    assert_eq!(get(&mut first, "/file").status, 200);
    let mut second = begun(&server, &line("192.0.2.8"));
    assert_eq!(get(&mut second, "/file").status, 200);
    let mut again = begun(&server, &line("192.0.2.7"));
    assert_eq!(get(&mut again, "/file").status, 503);
    assert_eq!(get(&mut first, "/file").status, 200);
}

#[test]
fn a_connection_that_has_no_place_is_told_so_after_its_header() {
    let server = proxied(&["--limit", "connections=1"]);
    let mut first = begun(&server, &line("192.0.2.7"));
    assert_eq!(get(&mut first, "/file").status, 200);
    let mut second = begun(&server, &line("192.0.2.8"));
    assert_eq!(get(&mut second, "/file").status, 503);
}

#[test]
fn who_waits_with_its_header_does_not_hold_up_the_end() {
    let mut server = proxied(&[]);
    let _silent = server.connect();
    let mut half = begun(&server, &line("192.0.2.7")[..10]);
    let mut client = begun(&server, &line("192.0.2.7"));
    assert_eq!(get(&mut client, "/file").status, 200);
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(half.is_broken());
}

/// With trusted proxies, whoever else connects speaks for itself, and can't pretend to be another.
#[test]
fn only_those_who_are_trusted_are_asked_for_it() {
    let serve = |trusted: &str| {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("file"), "here").unwrap();
        let file = folder.path().join("wherefore.toml");
        let text = format!(
            "[server]\ntrusted-proxies = [\"{trusted}\"]\nproxy-protocol = true\n\n\
             [[site.localhost.route]]\npath = \"/*\"\nfolder = \".\"\n"
        );
        std::fs::write(&file, text).unwrap();
        let mut command = command();
        command.args(["serve", "--cores", "1", "--allow-root", "--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(&file);
        (Running::started(command, folder.path(), TempDir::new().unwrap()), folder)
    };
    let (server, _folder) = serve("192.0.2.0/24");
    let mut client = server.connect();
    assert_eq!(get(&mut client, "/file?direct").text(), "here");
    assert!(server.log_line("?direct").starts_with("127.0.0.1 "));
    let mut client = begun(&server, &line("192.0.2.7"));
    assert_eq!(client.reply("GET").status, 400);

    let (server, _folder) = serve("127.0.0.0/8");
    let mut client = begun(&server, &line("192.0.2.7"));
    assert_eq!(get(&mut client, "/file?proxied").text(), "here");
    assert!(server.log_line("?proxied").starts_with("192.0.2.7 "));
    let mut client = begun(&server, GET.replace('\n', "\r\n").as_bytes());
    assert!(client.is_broken());
    server.notice("does not begin with a PROXY header");
}
