//! A lot, with clients on real sockets and a clock that stands still until every task waits.

use super::*;
use crate::admission::Admission;
use crate::tests::paused;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream as Client};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, advance, sleep};

const IDLE_TIME: Duration = Duration::from_secs(60);

struct Running {
    clock: Rc<Clock>,
    lot: Rc<Lot>,
    admission: Arc<Admission>,
    listener: TcpListener,
    woken: mpsc::UnboundedReceiver<(Arrival, Admitted)>,
    end: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Running {
    fn start() -> Self {
        let clock = Rc::new(Clock::new());
        let wheel = Wheel::new(Rc::clone(&clock));
        let lot = Rc::new(Lot::new(Rc::clone(&clock), &wheel).unwrap());
        spawn_local(async move { wheel.run().await });
        let (wake, woken) = mpsc::unbounded_channel();
        let (end, mut ended) = oneshot::channel();
        let running = spawn_local({
            let lot = Rc::clone(&lot);
            async move {
                let poll_end = |cx: &mut Context<'_>| Pin::new(&mut ended).poll(cx).map(drop);
                lot.run(poll_end, |arrival, admitted| {
                    drop(wake.send((arrival, admitted)));
                })
                .await;
            }
        });
        Self {
            clock,
            lot,
            admission: Admission::new(1000, 1000),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            woken,
            end: Some(end),
            running,
        }
    }

    /// A client, and what it is connected to, which has fallen silent now.
    fn connected(&self) -> (Client, Parked) {
        let client = Client::connect(self.listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = self.listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let admitted = self.admission.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        self.clock.turn();
        let since = self.clock.now();
        (
            client,
            Parked {
                stream,
                peer,
                admitted,
                before: Before::Nothing,
                brought: Brought::Nothing,
                since,
            },
        )
    }

    /// A client whose connection waits in the lot.
    fn parked(&self) -> Client {
        let (client, parked) = self.connected();
        self.lot.park(parked, IDLE_TIME);
        client
    }

    /// Time passes.
    async fn pass(&self, span: Duration) {
        advance(span).await;
        self.clock.turn();
    }

    async fn woken(&mut self) -> (Arrival, Admitted) {
        self.woken.recv().await.unwrap()
    }

    /// Waits until no more than so many connections have a place.
    async fn are_left(&self, count: usize) {
        let start = Instant::now();
        while self.admission.connections() > count {
            assert!(start.elapsed() < IDLE_TIME * 10, "{} are left", self.admission.connections());
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(self.admission.connections(), count);
    }

    async fn end(&mut self) {
        self.end.take().unwrap().send(()).unwrap();
        (&mut self.running).await.unwrap();
    }
}

fn read(mut stream: &TcpStream) -> Vec<u8> {
    let mut octets = [0; 100];
    let count = stream.read(&mut octets).unwrap();
    octets[..count].to_vec()
}

#[test]
fn what_comes_wakes_a_connection_again_and_again() {
    paused(async {
        let mut running = Running::start();
        let (mut client, mut parked) = running.connected();
        let brought_in = |round| if round == 0 { Brought::Nothing } else { Brought::Requests };
        for round in 0..3 {
            running.lot.park(parked, IDLE_TIME);
            assert_eq!(running.lot.count(), 1);
            running.pass(Duration::from_millis(70)).await;
            client.write_all(b"come").unwrap();
            let (arrival, admitted) = running.woken().await;
            assert_eq!((running.lot.count(), running.admission.connections()), (0, 1));
            assert_eq!(arrival.peer, client.local_addr().unwrap());
            assert_eq!(arrival.opening, Opening::Request);
            let (silence, brought) = (Duration::from_millis(70), brought_in(round));
            assert_eq!(arrival.before, Before::Parked { silence, brought });
            assert_eq!(read(&arrival.stream), b"come", "round {round}");
            let Arrival { stream, peer, before, .. } = arrival;
            let (brought, since) = (brought_in(round + 1), running.clock.now());
            parked = Parked { stream, peer, admitted, before, brought, since };
            // While it is served, the lot does not look at it.
            client.write_all(b"more").unwrap();
            sleep(Duration::from_millis(1)).await;
            assert!(running.woken.try_recv().is_err());
            assert_eq!(read(&parked.stream), b"more");
            running.clock.turn();
            parked.since = running.clock.now();
        }
    });
}

#[test]
fn what_is_there_already_wakes_too() {
    paused(async {
        let mut running = Running::start();
        let (mut client, parked) = running.connected();
        client.write_all(b"early").unwrap();
        running.lot.park(parked, IDLE_TIME);
        let (arrival, admitted) = running.woken().await;
        assert_eq!(read(&arrival.stream), b"early");

        client.write_all(b"pipelined").unwrap();
        let Arrival { stream, peer, before, .. } = arrival;
        let (brought, since) = (Brought::Requests, running.clock.now());
        let parked = Parked { stream, peer, admitted, before, brought, since };
        running.lot.park(parked, IDLE_TIME);
        assert_eq!(read(&running.woken().await.0.stream), b"pipelined");
    });
}

#[test]
fn who_has_left_is_closed_and_wakes_nobody() {
    paused(async {
        let mut running = Running::start();
        let clients: Vec<_> = (0..3).map(|_| running.parked()).collect();
        let [closes, mut stays, resets] = <[_; 3]>::try_from(clients).unwrap();
        drop(closes);
        running.are_left(2).await;
        socket2::SockRef::from(&resets).set_linger(Some(Duration::ZERO)).unwrap();
        drop(resets);
        running.are_left(1).await;
        assert!(running.woken.try_recv().is_err());
        assert_eq!(running.lot.count(), 1);

        // A request before the end is served.
        stays.write_all(b"last").unwrap();
        stays.shutdown(Shutdown::Write).unwrap();
        let (arrival, _admitted) = running.woken().await;
        assert_eq!(read(&arrival.stream), b"last");
        assert_eq!(read(&arrival.stream), b"");
    });
}

#[test]
fn who_is_silent_for_too_long_is_closed_and_no_sooner() {
    paused(async {
        let mut running = Running::start();
        let start = Instant::now();
        let mut clients = Vec::new();
        // More at once than are closed in a turn.
        for seconds in [0, 1, 5] {
            let count = if seconds == 1 { CLOSED_MAX + 10 } else { 1 };
            clients.push((0..count).map(|_| running.parked()).collect::<Vec<_>>());
            running.pass(Duration::from_secs(4)).await;
        }
        clients[0][0].write_all(b"x").unwrap();
        drop(running.woken().await);
        for (left, seconds) in [(1, 64), (0, 68)] {
            running.are_left(left).await;
            let took = start.elapsed();
            let due = Duration::from_secs(seconds);
            assert!(took >= due && took < due + Duration::from_secs(1), "{took:?}");
        }
        for mut client in clients.into_iter().flatten() {
            // What was not read when it was closed may break it off.
            assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
        }
        // The next one has its whole time.
        let start = Instant::now();
        let _client = running.parked();
        running.are_left(0).await;
        assert!(start.elapsed() >= IDLE_TIME);
    });
}

#[test]
fn at_the_end_requests_that_came_are_served_and_the_others_closed() {
    paused(async {
        let mut running = Running::start();
        let mut clients: Vec<_> = (0..101).map(|_| running.parked()).collect();
        let mut silent = clients.pop().unwrap();
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        running.end().await;
        assert_eq!(silent.read(&mut [0]).unwrap(), 0);
        for _ in 0..clients.len() {
            drop(running.woken.try_recv().unwrap());
        }
        assert_eq!((running.lot.count(), running.admission.connections()), (0, 0));

        assert!(!running.lot.takes());
        let mut late = running.parked();
        assert_eq!(late.read(&mut [0]).unwrap(), 0);
        assert_eq!(running.admission.connections(), 0);
    });
}

#[test]
fn many_are_woken_at_once() {
    paused(async {
        let mut running = Running::start();
        let mut clients: Vec<_> = (0..100).map(|_| running.parked()).collect();
        assert_eq!(running.lot.count(), clients.len());
        for client in &mut clients {
            client.write_all(&client.local_addr().unwrap().port().to_be_bytes()).unwrap();
        }
        let mut seen = Vec::new();
        for _ in &clients {
            let (arrival, _admitted) = running.woken().await;
            assert_eq!(read(&arrival.stream), arrival.peer.port().to_be_bytes());
            seen.push(arrival.peer.port());
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((seen.len(), running.lot.count()), (clients.len(), 0));
    });
}

#[test]
fn those_who_are_left_of_many_are_woken_and_take_little_room() {
    paused(async {
        let mut running = Running::start();
        let mut clients: Vec<_> = (0..140).map(|_| running.parked()).collect();
        let most = running.lot.table.borrow().room();
        // Those who came first leave, so that the others have the last places: some are woken, some close.
        let left = clients.split_off(130);
        for (number, mut client) in clients.into_iter().enumerate() {
            if number % 2 == 0 {
                client.write_all(b"x").unwrap();
                drop(running.woken().await);
            }
        }
        running.are_left(left.len()).await;
        assert_eq!(running.lot.count(), left.len());
        let room = running.lot.table.borrow().room();
        assert!(room <= most / 2, "{room} of {most}");
        for mut client in left {
            client.write_all(b"still here").unwrap();
            let (arrival, _admitted) = running.woken().await;
            assert_eq!(arrival.peer, client.local_addr().unwrap());
            assert_eq!(read(&arrival.stream), b"still here");
        }
    });
}
