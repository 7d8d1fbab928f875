//! The loop of a core, with clients that send single octets.

use super::*;
use crate::line::{Format, Line};
use crate::listen;
use crate::log;
use crate::parking::Parked;
use std::io::{Read, Write};
use std::net::TcpStream as Client;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wherefore_message::{Status, Version};

/// Answers each octet with another: `p` panics, `i` says which core it is, `w` waits for draining, `h`
/// hangs, `l` logs a line, `t` waits for a deadline, `s` has the connection wait in the lot after it, `c` counts
/// those that do, anything else comes back.
struct Octets(Rc<Core>);

impl Handler for Octets {
    async fn connection(&self, arrival: Arrival, admitted: Admitted) {
        let (core, Arrival { stream, peer, before, .. }) = (&self.0, arrival);
        let mut stream = tokio::net::TcpStream::from_std(stream).unwrap();
        while let Ok(octet) = stream.read_u8().await {
            let answer = match octet {
                b'p' => panic!("as a test asks"),
                b'i' => b'0' + core.index as u8,
                b'w' => {
                    core.shutdown.watch().reached(State::Draining).await;
                    b'd'
                }
                b'h' => std::future::pending().await,
                b'l' => {
                    log_line(core, peer);
                    b'l'
                }
                b't' => {
                    let (deadline, start) = (core.wheel.deadline(), core.clock.now());
                    deadline.set_in(Duration::from_millis(50));
                    poll_fn(|cx| deadline.poll_expired(cx)).await;
                    b'0' + u8::from(core.clock.now().since(start).as_millis() >= 50)
                }
                b'c' => b'0' + core.lot.count() as u8,
                other => other,
            };
            if stream.write_u8(answer).await.is_err() || answer == b'd' {
                return;
            }
            if answer == b's' {
                let (stream, since) = (stream.into_std().unwrap(), core.clock.now());
                let brought = Brought::Requests;
                let parked = Parked { stream, peer, admitted, before, brought, since };
                return core.lot.park(parked, Duration::from_secs(60));
            }
        }
    }
}

fn log_line(core: &Core, peer: SocketAddr) {
    core.log.as_ref().unwrap().write(&Line {
        unix_millis: core.clock.unix_millis(),
        client: peer.ip(),
        method: b"GET",
        target: b"/",
        version: Version::HTTP_11,
        status: Some(Status::OK),
        octets: 0,
        duration_micros: core.clock.micros(),
        rule: "found",
        upstream: None,
        hedged: None,
        cause: None,
        request_id: core.random.request_id(),
        referer: None,
        user_agent: None,
    });
}

struct Running {
    address: SocketAddr,
    shutdown: Arc<Shutdown>,
    outcome: Receiver<io::Result<()>>,
}

impl Running {
    fn start(cores: usize, set: &[(&str, &str)], log: Option<AccessLog>) -> Self {
        let cores = NonZeroUsize::new(cores).unwrap();
        let listeners = listen::bind("127.0.0.1:0".parse().unwrap(), cores).unwrap();
        let mut limits = Limits::preset(1000, cores.get());
        set.iter().for_each(|(name, text)| limits.set(name, text).unwrap());
        let (address, shutdown) = (listeners.address, Shutdown::new());
        let server = Server {
            listeners: vec![listeners],
            limits,
            log,
            shutdown: Arc::clone(&shutdown),
            ends: Ends::OnShutdown,
            io: Io::default(),
        };
        let (ended, outcome) = channel();
        thread::spawn(move || ended.send(run(server, Octets, || ())));
        Self { address, shutdown, outcome }
    }

    fn client(&self) -> Client {
        let client = Client::connect(self.address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client
    }

    fn ended(&self) -> io::Result<()> {
        self.outcome.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

fn ask(client: &mut Client, octet: u8) -> io::Result<u8> {
    client.write_all(&[octet])?;
    let mut answer = [0];
    client.read_exact(&mut answer).map(|()| answer[0])
}

#[test]
fn every_core_serves_and_the_server_ends_when_told() {
    let running = Running::start(2, &[], None);
    let mut seen = [0; 2];
    for _ in 0..64 {
        let core = ask(&mut running.client(), b'i').unwrap();
        seen[usize::from(core - b'0')] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    running.shutdown.drain();
    running.ended().unwrap();
    assert!(Client::connect(running.address).is_err());
}

#[test]
fn the_clock_goes_and_deadlines_pass_on_a_running_core() {
    let running = Running::start(1, &[], None);
    let mut client = running.client();
    for _ in 0..2 {
        assert_eq!(ask(&mut client, b't').unwrap(), b'1');
    }
    running.shutdown.stop();
    running.ended().unwrap();
}

#[test]
fn a_panic_ends_one_connection_and_gives_its_place_back() {
    let running = Running::start(1, &[("connections", "2")], None);
    let mut steady = running.client();
    assert_eq!(ask(&mut steady, b'a').unwrap(), b'a');
    for _ in 0..3 {
        assert!(ask(&mut running.client(), b'p').is_err());
        assert_eq!(ask(&mut steady, b'b').unwrap(), b'b');
    }
    drop(steady);
    running.shutdown.drain();
    running.ended().unwrap();
}

#[test]
fn a_connection_too_many_is_closed() {
    let running = Running::start(1, &[("connections-an-address", "1")], None);
    let mut first = running.client();
    assert_eq!(ask(&mut first, b'a').unwrap(), b'a');
    assert!(ask(&mut running.client(), b'a').is_err());
    assert_eq!(ask(&mut first, b'a').unwrap(), b'a');
    running.shutdown.stop();
    running.ended().unwrap();
}

#[test]
fn draining_lets_connections_finish() {
    let running = Running::start(1, &[], None);
    let mut client = running.client();
    assert_eq!(ask(&mut client, b'a').unwrap(), b'a');
    client.write_all(b"w").unwrap();
    running.shutdown.drain();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"d");
    running.ended().unwrap();
}

#[test]
fn draining_is_bounded_and_stopping_is_at_once() {
    let running = Running::start(1, &[("shutdown-time", "50ms")], None);
    let mut client = running.client();
    assert_eq!(ask(&mut client, b'a').unwrap(), b'a');
    client.write_all(b"h").unwrap();
    running.shutdown.drain();
    running.ended().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);

    let running = Running::start(2, &[], None);
    let mut client = running.client();
    assert_eq!(ask(&mut client, b'a').unwrap(), b'a');
    running.shutdown.stop();
    running.ended().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
}

/// A connection that waits in the lot, and another that has said so.
#[cfg(target_os = "linux")]
fn silent(running: &Running) -> (Client, Client) {
    let (mut silent, mut other) = (running.client(), running.client());
    assert_eq!(ask(&mut silent, b's').unwrap(), b's');
    while ask(&mut other, b'c').unwrap() != b'1' {}
    (silent, other)
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_waits_without_a_task_keeps_its_place_and_is_served_again() {
    let running = Running::start(1, &[("connections-an-address", "2")], None);
    let (mut silent, mut other) = silent(&running);
    assert!(ask(&mut running.client(), b'a').is_err(), "there are two");
    for octet in [b'a', b's', b'b'] {
        assert_eq!(ask(&mut silent, octet).unwrap(), octet);
    }
    // A panic ends it alone, and gives its place back.
    assert!(ask(&mut silent, b'p').is_err());
    assert_eq!(ask(&mut other, b'c').unwrap(), b'0');
    assert_eq!(ask(&mut running.client(), b'a').unwrap(), b'a');
    running.shutdown.stop();
    running.ended().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn draining_closes_those_that_wait_without_a_task() {
    let running = Running::start(1, &[], None);
    let (mut silent, mut other) = silent(&running);
    other.write_all(b"w").unwrap();
    running.shutdown.drain();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert_eq!(other.read(&mut [0]).unwrap(), 1);
    running.ended().unwrap();
}

#[test]
fn lines_are_written_while_it_runs_and_by_the_end() {
    let (mut reader, writer) = io::pipe().unwrap();
    let (access_log, log_writer) = log::start(writer, Format::Text).unwrap();
    let running = Running::start(1, &[], Some(access_log));
    let mut client = running.client();
    assert_eq!(ask(&mut client, b'l').unwrap(), b'l');
    let mut first = [0; 9];
    reader.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"127.0.0.1");
    assert_eq!(ask(&mut client, b'l').unwrap(), b'l');
    running.shutdown.stop();
    running.ended().unwrap();
    assert!(log_writer.finish(Duration::from_secs(20)));
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 2, "{rest}");
}

#[test]
fn a_core_that_can_not_begin_ends_the_server_with_an_error() {
    let cores = NonZeroUsize::new(2).unwrap();
    let listeners = listen::bind("127.0.0.1:0".parse().unwrap(), cores).unwrap();
    let server = Server {
        listeners: vec![listeners],
        limits: Limits::preset(1000, 2),
        log: None,
        shutdown: Shutdown::new(),
        ends: Ends::OnShutdown,
        io: Io::default(),
    };
    let make = |core: Rc<Core>| {
        assert!(core.index == 0, "as a test asks");
        Octets(core)
    };
    let error = run(server, make, || panic!("it is never ready"));
    assert_eq!(error.unwrap_err().to_string(), "a core panicked");
}
