//! 101 Switching Protocols (RFC 9110 §15.2.2): the upstream accepts, and the connection becomes a tunnel.

use std::time::Duration;

use wherefore_gateway::{Settings, forward};

use crate::support::client::End;
use crate::support::inside::{Inside, serve_gateway};
use crate::support::lies::good;
use crate::support::upstream::{Act, Step, Upstream};
use crate::support::{Client, Reply};

const ASKING: &str = "GET /chat HTTP/1.1\nHost: localhost\nConnection: keep-alive, Upgrade\n\
                      Upgrade: websocket\nSec-WebSocket-Version: 13\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n";
const ACCEPTING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                         Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn before(upstream: &Upstream) -> Inside {
    serve_gateway(&[&upstream.url()], Settings::default(), |_| ())
}

fn switched(client: &mut Client) -> Reply {
    client.send(ASKING);
    let head = client.head();
    assert_eq!(head.status, 101);
    assert_eq!(head.field("upgrade").map(str::to_ascii_lowercase).as_deref(), Some("websocket"));
    assert_eq!(head.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(head.field("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(!head.has("content-length") && !head.has("transfer-encoding"));
    head
}

#[test]
fn octets_go_both_ways_and_each_way_ends_by_itself() {
    let upstream = Upstream::stepping(vec![Step::Write(ACCEPTING.into()), Step::Echo]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    switched(&mut client);
    let received = upstream.heard();
    assert_eq!(received.field("upgrade"), Some("websocket"));
    assert_eq!(received.field("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    client.send_octets(b"\x81\x05hello\0\xff");
    assert_eq!(client.exactly(9), b"\x81\x05hello\0\xff");
    // It ends its own direction; what it sent comes back all the same, and then the other's end.
    client.send_octets(&[7; 100_000]);
    client.finish_sending();
    let (rest, end) = client.until_end();
    assert_eq!((rest.len(), end), (100_000, End::Closed));
    let line = gateway.log_line("switched");
    assert_eq!((&line["status"], &line["method"]), (&101.into(), &"GET".into()));
    assert_eq!(line["target"], ASKING.split(' ').nth(1).unwrap());
}

#[test]
fn what_comes_with_the_heads_is_not_lost() {
    let accepting = [ACCEPTING.as_bytes(), b"first words"].concat();
    let upstream = Upstream::stepping(vec![Step::Write(accepting), Step::Echo]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send_octets([ASKING.replace('\n', "\r\n").as_bytes(), b"early"].concat().as_slice());
    assert_eq!(client.head().status, 101);
    assert_eq!(client.exactly(16), b"first wordsearly");
}

#[test]
fn a_hundred_megabytes_each_way() {
    const OCTETS: usize = 100 << 20;
    let upstream = Upstream::stepping(vec![Step::Write(ACCEPTING.into()), Step::Echo]);
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    switched(&mut client);
    let sender = client.stream().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        use std::io::Write;
        let chunk: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        for _ in 0..OCTETS >> 20 {
            (&sender).write_all(&chunk).unwrap();
        }
        sender.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let chunk: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
    for _ in 0..OCTETS >> 20 {
        assert!(client.exactly(1 << 20) == chunk);
    }
    assert_eq!(client.until_end(), (Vec::new(), End::Closed));
    sending.join().unwrap();
}

#[test]
fn a_tunnel_that_carries_nothing_ends() {
    let upstream = Upstream::stepping(vec![Step::Write(ACCEPTING.into()), Step::AwaitEnd]);
    let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |gateway| {
        gateway.times.tunnel_idle = Duration::from_millis(200);
    });
    let mut client = gateway.connect();
    switched(&mut client);
    let _ = client.until_end();
    let line = gateway.log_line("switched");
    assert_eq!((&line["status"], &line["method"]), (&101.into(), &"GET".into()));
    assert_eq!(line["target"], ASKING.split(' ').nth(1).unwrap());
}

#[test]
fn an_upstream_that_does_not_accept_answers_as_ever() {
    let upstream = Upstream::always(good("no socket here"));
    let gateway = before(&upstream);
    let mut client = gateway.connect();
    client.send(ASKING);
    assert_eq!(client.reply("GET").text(), "no socket here");
    client.send("GET / HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("GET").status, 200, "the connection goes on with HTTP");
}

/// An unknown protocol is ignored, not refused (RFC 9110 §7.8).
#[test]
fn what_is_not_forwarded_is_ignored() {
    let upstream = Upstream::start(|received| {
        assert!(received.field("upgrade").is_none() && received.field("connection").is_none());
        Act::Answer(good("plain").into_bytes())
    });
    let gateway = before(&upstream);
    for protocol in ["h2c", "TLS/1.3", "chat"] {
        let asking = format!(
            "GET / HTTP/1.1\nHost: localhost\nConnection: upgrade\nUpgrade: {protocol}\n\n"
        );
        assert_eq!(gateway.ask(&asking).text(), "plain", "{protocol}");
    }
    let old = "GET / HTTP/1.0\nHost: localhost\nConnection: upgrade\nUpgrade: websocket\n\n";
    assert_eq!(gateway.ask(old).text(), "plain");
}

#[test]
fn other_protocols_where_the_operator_allows_them() {
    let accepting =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
    let upstream = Upstream::stepping(vec![Step::Write(accepting.into()), Step::Echo]);
    let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |gateway| {
        gateway.forward.upgrades = forward::Upgrades::Any;
    });
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\nHost: localhost\nConnection: upgrade\nUpgrade: chat\n\n");
    assert_eq!(client.head().status, 101);
    client.send_octets(b"hi");
    assert_eq!(client.exactly(2), b"hi");
}

/// An answer that changes to something else than was asked for is broken: the client never sees it.
#[test]
fn a_switch_to_something_else_is_502() {
    for accepting in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let upstream = Upstream::stepping(vec![Step::Write(accepting.into()), Step::AwaitEnd]);
        let gateway = before(&upstream);
        let reply = gateway.ask(ASKING);
        assert_eq!((reply.status, &reply.problem()["cause"]), (502, &"switch-failed".into()));
    }
}
