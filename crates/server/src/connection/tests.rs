//! How long a connection keeps its task, on a core whose time stands still until every task waits.

use super::*;
use crate::buffer::READ_BYTES;
use crate::tests::paused;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream as Client};
use std::sync::Arc;
use tokio::time::{Instant, sleep};
use wherefore_origin::Origin;
use wherefore_store::{CreateFolders, MemoryStore, Store};

const GET: &[u8] = b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// How much later than it is due a deadline may be noticed.
const TICK: Duration = Duration::from_millis(crate::wheel::TICK_MILLIS + 1);
const SPARSE: Before = Before::Parked { silence: SOON, brought: Brought::Requests };
const BUSY: Before = woken_soon(Brought::Requests);
const NEW: Before = woken_soon(Brought::Nothing);

const fn woken_soon(brought: Brought) -> Before {
    Before::Parked { silence: Duration::from_millis(99), brought }
}

/// What serves one small file, on a core whose clock goes and whose deadlines pass.
fn service() -> Rc<Service> {
    let store = MemoryStore::new();
    let mut staged = store.stage(b"/", None).unwrap();
    staged.write(b"here").unwrap();
    store.replace(b"/file", staged, CreateFolders::No, &mut |_| true).unwrap();
    let service = crate::service::tests::service(Arc::new(Origin::new(Arc::new(store), None)));
    let core = Rc::clone(&service.core);
    spawn_local(async move { core.wheel.run().await });
    let clock = Rc::clone(&service.core.clock);
    spawn_local(async move {
        loop {
            clock.turn();
            sleep(Duration::from_millis(1)).await;
        }
    });
    service
}

/// A connection on which these octets have come.
fn brought(octets: &[u8]) -> (Client, Socket, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(octets).unwrap();
    let (stream, peer) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    (client, Socket::unwatched(stream), peer)
}

/// How many answers a client has.
fn answers(client: &mut Client) -> usize {
    client.set_nonblocking(true).unwrap();
    let mut octets = [0; 4096];
    let count = client.read(&mut octets).unwrap_or(0);
    octets[..count].windows(9).filter(|text| text == b"HTTP/1.1 ").count()
}

/// Serves a connection with a place until it is silent; how long that took, and whether the loop watches it.
async fn served(service: &Rc<Service>, octets: &[u8], before: Before) -> (Duration, bool) {
    let (mut client, mut socket, peer) = brought(octets);
    service.core.clock.turn();
    let (start, began) = (Instant::now(), service.core.clock.now());
    let left = connection(service, &mut socket, &peer, Place::Admitted, before).await;
    let asked = octets.windows(4).filter(|text| text == b"GET ").count();
    assert_eq!(answers(&mut client), asked);
    let brought = if asked > 0 { Brought::Requests } else { before.brought() };
    assert_eq!(left, Left::Silent { since: began, brought });
    (start.elapsed(), socket.is_watched())
}

#[test]
fn one_that_was_silent_before_is_answered_and_never_watched() {
    paused(async {
        let service = service();
        for octets in [&b""[..], GET, &GET.repeat(3)] {
            let (took, is_watched) = served(&service, octets, SPARSE).await;
            assert_eq!((took, is_watched), (Duration::ZERO, false));
        }
    });
}

#[test]
fn one_that_is_new_or_busy_keeps_its_task_for_a_moment() {
    paused(async {
        let service = service();
        for before in [Before::Nothing, NEW, BUSY] {
            for octets in [&b""[..], GET] {
                let (took, is_watched) = served(&service, octets, before).await;
                assert!(SOON <= took && took <= SOON + TICK, "{took:?}");
                assert!(is_watched);
            }
        }
        // Many that are new may come at once, and no more than some have a task each for it.
        let waits: Vec<_> = std::iter::from_fn(|| service.try_wait(Pace::New)).collect();
        for before in [Before::Nothing, NEW] {
            for octets in [&b""[..], GET] {
                let (took, is_watched) = served(&service, octets, before).await;
                assert_eq!((took, is_watched), (Duration::ZERO, false));
            }
        }
        // Of the busy ones some keep their buffers, and all their task.
        let more: Vec<_> = std::iter::from_fn(|| service.try_wait(Pace::Busy)).collect();
        assert!(waits.len() < more.len());
        let (took, is_watched) = served(&service, GET, BUSY).await;
        assert!(SOON <= took && took <= SOON + TICK && is_watched, "{took:?}");
        // After what filled its buffer there might be more: there is not, and it waits like the others.
        let end = "\r\n\r\n";
        let filling = GET.strip_suffix(end.as_bytes()).unwrap();
        let padding = "p".repeat(READ_BYTES - GET.len() - 5);
        let filling = [filling, b"\r\nX: ", padding.as_bytes(), end.as_bytes()].concat();
        assert_eq!(filling.len(), READ_BYTES);
        let (mut client, mut socket, peer) = brought(&filling);
        socket.watch().unwrap();
        service.core.clock.turn();
        let start = Instant::now();
        let left = connection(&service, &mut socket, &peer, Place::Admitted, BUSY).await;
        assert!(matches!(left, Left::Silent { .. }), "{left:?}");
        assert!(start.elapsed() <= SOON + TICK, "{:?}", start.elapsed());
        assert_eq!(answers(&mut client), 1);
    });
}

#[test]
fn one_that_asks_on_leaves_others_their_turn() {
    paused(async {
        let service = service();
        let (_client, mut socket, peer) = brought(&GET.repeat(400));
        let serving = connection(&service, &mut socket, &peer, Place::Admitted, SPARSE);
        let mut serving = std::pin::pin!(serving);
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            serving.as_mut().poll(cx)
        })
        .await;
        assert!(polls > 3, "{polls}");
    });
}

#[test]
fn one_that_is_new_has_a_place_for_as_long_as_it_waits() {
    paused(async {
        let service = service();
        let places =
            || std::iter::from_fn(|| service.try_wait(Pace::New)).collect::<Vec<_>>().len();
        let all = places();
        for octets in [&b""[..], GET] {
            let (_client, mut socket, peer) = brought(octets);
            let serving =
                connection(&service, &mut socket, &peer, Place::Admitted, Before::Nothing);
            let mut serving = std::pin::pin!(serving);
            let is_pending = poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx).is_pending()));
            assert!(is_pending.await);
            assert_eq!(places(), all - 1);
            serving.await;
            assert_eq!(places(), all);
        }
    });
}

#[test]
fn one_that_brings_more_soon_is_busy() {
    paused(async {
        let service = service();
        let _waits: Vec<_> = std::iter::from_fn(|| service.try_wait(Pace::New)).collect();
        let (mut client, mut socket, peer) = brought(GET);
        let serving = spawn_local({
            let service = Rc::clone(&service);
            async move {
                let left = connection(&service, &mut socket, &peer, Place::Admitted, BUSY).await;
                (left, socket)
            }
        });
        for _ in 0..5 {
            sleep(SOON / 2).await;
            while answers(&mut client) == 0 {
                assert!(!serving.is_finished());
                sleep(Duration::from_millis(1)).await;
            }
            client.write_all(GET).unwrap();
        }
        let (left, socket) = serving.await.unwrap();
        assert!(left != Left::Nothing && socket.is_watched());
        assert_eq!(answers(&mut client), 1);
    });
}

#[test]
fn where_none_is_parked_each_waits_in_its_task() {
    paused(async {
        let service = service();
        let idle_time = Duration::from_millis(service.wire.idle_time);
        let closes = async |place| {
            let (_client, mut socket, peer) = brought(b"");
            let start = Instant::now();
            service.core.clock.turn();
            let left = connection(&service, &mut socket, &peer, place, Before::Nothing).await;
            assert_eq!(left, Left::Nothing);
            let took = start.elapsed();
            assert!(idle_time <= took && took <= idle_time + TICK, "{took:?}");
        };
        closes(Place::None).await;
        let end = |_: &mut std::task::Context<'_>| Poll::Ready(());
        service.core.lot.run(end, |_, _| ()).await;
        closes(Place::Admitted).await;
    });
}
