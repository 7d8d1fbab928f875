//! The upstreams of other tests do what they are told: octet by octet.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "everything here is a test's")]

#[path = "support/mod.rs"]
mod support;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use support::Client;
use support::client::End;
use support::lies::{
    LIES, cut_chunks, cut_content, early, endless_head, field_of, good, head_of, lie,
    reset_after_head, reset_before_head, reset_in_head, storm_of_103,
};
use support::nginx::Nginx;
use support::node::Node;
use support::upstream::{Act, FullQueue, Refusing, Step, Upstream};

const GET: &str = "GET /here HTTP/1.1\nHost: a.test\n\n";

/// All that comes for one request, and how the connection ended.
fn told(upstream: &Upstream, request: &str) -> (Vec<u8>, End) {
    let mut client = Client::connect(upstream.address);
    client.send(request);
    client.until_end()
}

#[test]
fn requests_are_remembered_and_answered() {
    let upstream = Upstream::start(|received| match received.target.as_str() {
        "/here" => Act::Answer(good(received.field("host").unwrap()).into()),
        _ => Act::Steps(vec![Step::Read, Step::Write(good("read").into())]),
    });
    let mut client = Client::connect(upstream.address);
    client.send(GET);
    assert_eq!(client.reply("GET").text(), "a.test");
    client.send("POST /there HTTP/1.1\nHost: a.test\nContent-Length: 7\n\ncontent");
    assert_eq!(client.reply("POST").text(), "read");
    let first = upstream.done();
    assert_eq!((first.connection, first.number, first.method.as_str()), (0, 0, "GET"));
    assert_eq!(first.head, GET.replace('\n', "\r\n"));
    assert_eq!(
        (first.field("HOST"), first.field("other"), first.text()),
        (Some("a.test"), None, "")
    );
    let second = upstream.done();
    assert_eq!((second.connection, second.number, second.text()), (0, 1, "content"));
    assert!(second.is_whole);
    let chunked = "POST /there HTTP/1.1\nHost: a.test\nTransfer-Encoding: chunked\n\n";
    // Were it closed, a reset could destroy what is still to be read.
    let mut other = Client::connect(upstream.address);
    other.send(&format!("{chunked}3;ext\nabc\n2\nde\n0\nDigest: x\n\n{GET}"));
    let third = upstream.done();
    assert_eq!((third.connection, third.text()), (1, "abcde"));
    assert_eq!(third.trailers, [("Digest".to_owned(), "x".to_owned())]);
    assert_eq!(upstream.done().number, 1, "what is pipelined is its own request");
    assert_eq!((upstream.received().len(), upstream.accepted()), (4, 2));
}

#[test]
fn steps_wait_until_they_are_told() {
    let upstream = Upstream::stepping(vec![
        Step::ReadSome(3),
        Step::Write(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Step::Await,
        Step::WriteEach(b"\r\nab".to_vec()),
        Step::HalfClose,
        Step::AwaitEnd,
    ]);
    let mut client = Client::connect(upstream.address);
    client.send("POST / HTTP/1.1\nHost: a.test\nContent-Length: 5\n\n");
    assert_eq!(upstream.heard().content, b"");
    client.send("123");
    assert_eq!(client.line(), "HTTP/1.1 200 OK");
    assert_eq!(upstream.received()[0].text(), "123");
    upstream.go_on();
    upstream.go_on();
    upstream.go_on();
    assert_eq!(client.line(), "");
    upstream.go_on();
    assert_eq!(client.exactly(1), b"a");
    upstream.go_on();
    assert_eq!(client.rest(), b"b");
    drop(client);
    let done = upstream.done();
    assert_eq!((done.end, done.is_whole), (Some(End::Closed), false));
}

#[test]
fn a_drip_ends_with_its_listener() {
    // A pace that no test would outlast.
    let upstream = Upstream::stepping(vec![Step::Drip(vec![b'x'; 100], Duration::from_secs(20))]);
    let mut client = Client::connect(upstream.address);
    client.send(GET);
    assert_eq!(client.exactly(1), b"x");
    drop(client);
    assert_eq!(upstream.done().end, Some(End::Closed));
    let upstream = Upstream::stepping(vec![
        Step::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::from_millis(1)),
        Step::Close,
    ]);
    assert_eq!(told(&upstream, GET), (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), End::Closed));
}

#[test]
fn lies_are_told_to_the_letter() {
    for (what, octets) in LIES {
        let upstream = Upstream::stepping(lie(octets));
        assert_eq!(told(&upstream, GET), (octets.as_bytes().to_vec(), End::Closed), "{what}");
    }
    for octets in [field_of(100_000), head_of(100_000)] {
        assert!(octets.len() > 100_000);
        assert_eq!(told(&Upstream::stepping(lie(&octets)), GET).0, octets.as_bytes());
    }
}

#[test]
fn what_is_cut_is_cut_where_it_should_be() {
    assert_eq!(told(&Upstream::stepping(reset_before_head()), GET), (Vec::new(), End::BrokenOff));
    let (octets, end) = told(&Upstream::stepping(cut_content()), GET);
    assert!(octets.ends_with(b"\r\n\r\nabc") && end == End::Closed);
    let (octets, end) = told(&Upstream::stepping(cut_chunks()), GET);
    assert!(octets.ends_with(b"\r\n3\r\nabc\r\n") && end == End::Closed);
    for (steps, octets) in [
        (reset_in_head(), "HTTP/1.1 200 O"),
        (reset_after_head(), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    ] {
        let upstream = Upstream::stepping(steps);
        let mut client = Client::connect(upstream.address);
        client.send(GET);
        assert_eq!(client.exactly(octets.len()), octets.as_bytes());
        upstream.go_on();
        assert_eq!(client.until_end(), (Vec::new(), End::BrokenOff));
    }
}

#[test]
fn much_is_told_until_nobody_listens() {
    let upstream = Upstream::stepping(endless_head());
    let mut client = Client::connect(upstream.address);
    client.send(GET);
    client.exactly(1 << 20);
    drop(client);
    assert_eq!(upstream.done().end, Some(End::BrokenOff));

    let upstream = Upstream::stepping(storm_of_103(1000));
    let mut client = Client::connect(upstream.address);
    client.send(GET);
    let reply = client.reply("GET");
    assert_eq!((reply.interim.len(), reply.text()), (1000, "at last"));
}

#[test]
fn a_final_answer_may_be_early() {
    let upstream = Upstream::stepping(early(2, &good("enough")));
    let mut client = Client::connect(upstream.address);
    client.send("POST / HTTP/1.1\nHost: a.test\nContent-Length: 1000000\n\n12");
    assert_eq!(client.reply("POST").text(), "enough");
    client.send_octets(&[b'x'; 100_000]);
    upstream.go_on();
    assert!(client.is_closed());
}

#[test]
fn a_tunnel_says_back_what_is_said() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n".to_vec();
    let upstream = Upstream::stepping(vec![Step::Write(switch.clone()), Step::Echo]);
    let mut client = Client::connect(upstream.address);
    client.send("GET / HTTP/1.1\nHost: a.test\nUpgrade: echo\n\nearly, ");
    assert_eq!(client.exactly(switch.len()), switch);
    client.send_octets(b"late");
    client.finish_sending();
    assert_eq!(client.rest(), b"early, late");
}

#[test]
fn who_is_silent_takes_all_and_ends_with_the_test() {
    let upstream = Upstream::silent();
    let mut client = Client::connect(upstream.address);
    client.send("POST / HTTP/1.1\nHost: a.test\nContent-Length: 1000000\n\n");
    client.send_octets(&[b'x'; 1_000_000]);
    assert!(!upstream.heard().is_whole);
    upstream.stop();
    assert!(client.is_closed());
}

#[test]
fn who_was_stopped_can_start_again() {
    let upstream = Upstream::always(good("first"));
    let mut client = Client::connect(upstream.address);
    client.send(GET);
    assert_eq!(client.reply("GET").text(), "first");
    let address = upstream.stop();
    assert!(client.is_closed());
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let upstream = Upstream::start_at(address, |_| Act::Answer(good("second").into()));
    let mut client = Client::connect(upstream.address);
    client.send(GET);
    assert_eq!(client.reply("GET").text(), "second");
}

#[test]
fn nobody_gets_through_where_nobody_should() {
    let refusing = Refusing::start();
    for _ in 0..2 {
        let error = TcpStream::connect(refusing.address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    let full = FullQueue::start();
    let short = Duration::from_millis(50);
    let error = TcpStream::connect_timeout(&full.address, short).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// One request, and the answer's text.
fn get(address: SocketAddr, target: &str) -> String {
    let mut client = Client::connect(address);
    client.send(&format!("GET {target} HTTP/1.1\nHost: a.test\n\n"));
    let reply = client.reply("GET");
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.text().to_owned()
}

#[test]
fn nginx_answers_as_it_is_told() {
    let Some(nginx) = Nginx::start("location /said { return 200 said; }") else { return };
    nginx.file("folder/file.txt", "in a file");
    assert_eq!(get(nginx.address, "/said"), "said");
    assert_eq!(get(nginx.address, "/folder/file.txt"), "in a file");
    let address = nginx.address;
    drop(nginx);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn node_answers_as_it_is_told() {
    let script = "server.on('request', (request, response) => response.end(request.url));";
    let Some(node) = Node::start(script) else { return };
    assert_eq!(get(node.address, "/said"), "/said");
    let address = node.address;
    drop(node);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
