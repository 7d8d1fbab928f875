use super::*;
use crate::clock::Clock;
use crate::send::settle;
use crate::socket::Socket;
use crate::tests::on_a_core;
use crate::wheel::Wheel;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream as Client};
use std::thread;
use tokio::task::spawn_local;

/// Runs a test with a ring that is turned; nothing is to be seen where the kernel has none.
fn on_a_ring(sizes: Sizes, test: impl AsyncFnOnce(Rc<CoreRing>)) {
    on_a_core(async {
        if let Some(ring) = CoreRing::of(sizes) {
            let turned = Rc::clone(&ring);
            let driver = spawn_local(async move { turned.run().await });
            test(ring).await;
            driver.abort();
        }
    });
}

fn pair(ring: &Rc<CoreRing>) -> (Client, Socket) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::connect(listener.local_addr().unwrap()).unwrap();
    let (served, _) = listener.accept().unwrap();
    served.set_nonblocking(true).unwrap();
    let mut socket = Socket::unwatched_on(served, Some(Rc::clone(ring)));
    socket.watch().unwrap();
    (client, socket)
}

async fn read(socket: &mut Socket, room: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| socket.poll_read(cx, room)).await
}

async fn write(socket: &mut Socket, octets: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    poll_fn(|cx| socket.poll_write_all(cx, octets, b"", &mut sent)).await
}

async fn settled(ring: &CoreRing) {
    while ring.ring.borrow().under_way() > 0 {
        tokio::task::yield_now().await;
    }
    // Whom it was handed to has a turn of its own.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_the_kernel_refuses_is_no_ring() {
    on_a_core(async {
        assert!(CoreRing::of(Sizes { receive_buffers: 3, ..Sizes::default() }).is_none());
        assert!(CoreRing::begin(Io::Epoll, 10).is_none());
    });
}

#[test]
fn octets_come_in_as_many_parts_as_there_is_room_for() {
    on_a_ring(Sizes::default(), async |ring| {
        let (mut client, mut socket) = pair(&ring);
        let mut room = [0; 4];
        for octets in [&b"0123456789"[..], b"abcd"] {
            client.write_all(octets).unwrap();
            poll_fn(|cx| socket.poll_read_ready(cx)).await.unwrap();
            let mut all = Vec::new();
            while all.len() < octets.len() {
                let count = read(&mut socket, &mut room).await.unwrap();
                all.extend_from_slice(&room[..count]);
            }
            assert_eq!(all, octets);
        }
        client.shutdown(Shutdown::Write).unwrap();
        for _ in 0..2 {
            assert_eq!(read(&mut socket, &mut room).await.unwrap(), 0);
        }
        assert_eq!(ring.ring.borrow().under_way(), 0);
    });
}

#[test]
fn ten_mebibytes_arrive_whole_both_ways_at_once() {
    const BYTES: usize = 10 << 20;
    // With so few buffers and slots, what has none takes the other way.
    let few = Sizes { receive_buffers: 2, send_slots: 1, ..Sizes::default() };
    on_a_ring(few, async |ring| {
        let mut tasks = Vec::new();
        for index in 0..4_usize {
            let (mut client, mut socket) = pair(&ring);
            tasks.push(spawn_local(async move {
                let (mut room, mut left) = (vec![0; 50_000 + index], BYTES);
                while left > 0 {
                    let count = read(&mut socket, &mut room).await.unwrap();
                    assert!(count > 0);
                    left -= count;
                    write(&mut socket, &room[..count]).await.unwrap();
                }
                poll_fn(|cx| socket.poll_shutdown_write(cx)).await.unwrap();
                assert_eq!(read(&mut socket, &mut room).await.unwrap(), 0);
            }));
            let mut writer = client.try_clone().unwrap();
            let octets = move |at: usize| ((at * 7 + index) % 251) as u8;
            thread::spawn(move || {
                let all: Vec<u8> = (0..BYTES).map(octets).collect();
                // In stretches of all lengths.
                let mut rest = &all[..];
                for length in (1..30_000).cycle().step_by(977) {
                    let (now, later) = rest.split_at(rest.len().min(length));
                    writer.write_all(now).unwrap();
                    rest = later;
                    if rest.is_empty() {
                        return writer.shutdown(Shutdown::Write).unwrap();
                    }
                }
            });
            tasks.push(spawn_local(async move {
                let reads = tokio::task::spawn_blocking(move || {
                    let mut all = Vec::new();
                    client.read_to_end(&mut all).unwrap();
                    assert!(all.len() == BYTES);
                    assert!(all.iter().enumerate().all(|(at, octet)| *octet == octets(at)));
                });
                reads.await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        settled(&ring).await;
    });
}

#[test]
fn who_waits_without_a_buffer_still_hears() {
    let one = Sizes { receive_buffers: 1, ..Sizes::default() };
    on_a_ring(one, async |ring| {
        let (mut first_client, mut first) = pair(&ring);
        first_client.write_all(b"first").unwrap();
        // What came is not read, so that it keeps the one buffer.
        poll_fn(|cx| first.poll_read_ready(cx)).await.unwrap();
        let (mut second_client, mut second) = pair(&ring);
        let mut room = [0; 16];
        let mut waits = Box::pin(read(&mut second, &mut room));
        for _ in 0..10 {
            assert!(poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_pending())).await);
            tokio::task::yield_now().await;
        }
        second_client.write_all(b"second").unwrap();
        assert_eq!(waits.await.unwrap(), 6);
        assert_eq!(read(&mut first, &mut [0; 16]).await.unwrap(), 5);
    });
}

#[test]
fn a_client_that_does_not_read_is_waited_for_and_given_up() {
    on_a_ring(Sizes::default(), async |ring| {
        let (mut client, mut socket) = pair(&ring);
        // What is in a slot counts as sent: the one after it has to wait.
        let mut sent = 0_u64;
        loop {
            let mut written = Box::pin(write(&mut socket, &[b'x'; 10_000]));
            let mut turns = 0;
            let is_done = poll_fn(|cx| {
                turns += 1;
                cx.waker().wake_by_ref();
                match written.as_mut().poll(cx) {
                    Poll::Ready(written) => Poll::Ready(written.is_ok()),
                    Poll::Pending if turns > 100 => Poll::Ready(false),
                    Poll::Pending => Poll::Pending,
                }
            });
            if !is_done.await {
                break;
            }
            sent += 10_000;
        }
        assert!(socket.unsent_bytes() > 0);
        // It holds up nobody else.
        let (mut other_client, mut other) = pair(&ring);
        write(&mut other, b"others").await.unwrap();
        poll_fn(|cx| other.poll_sent(cx)).await.unwrap();
        let mut others = [0; 6];
        other_client.read_exact(&mut others).unwrap();
        assert_eq!(&others, b"others");
        drop(other);

        let wheel = Wheel::new(Rc::new(Clock::new()));
        let deadline = wheel.deadline();
        let turned = Rc::clone(&wheel);
        let turning = spawn_local(async move { turned.run().await });
        let given_up = settle(&mut socket, &deadline, Duration::from_millis(200)).await;
        assert_eq!(given_up.unwrap_err().kind(), io::ErrorKind::TimedOut);
        turning.abort();
        let mut all = Vec::new();
        socket.abort();
        settled(&ring).await;
        let error = client.read_to_end(&mut all).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!((all.len() as u64) < sent);
    });
}

#[test]
fn what_was_sent_has_left_once_it_is_settled() {
    on_a_ring(Sizes::default(), async |ring| {
        let (mut client, mut socket) = pair(&ring);
        write(&mut socket, b"all of it").await.unwrap();
        assert_eq!(socket.unsent_bytes(), 9);
        poll_fn(|cx| socket.poll_sent(cx)).await.unwrap();
        assert_eq!(socket.unsent_bytes(), 0);
        drop(socket);
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"all of it");
    });
}

#[test]
fn a_thousand_that_come_and_go_leave_no_descriptor() {
    let count = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    on_a_ring(Sizes::default(), async |ring| {
        // Other tests of this process come and go too: what counts is that none of a thousand is left.
        let before = count();
        for round in 0..10 {
            let mut pairs: Vec<_> = (0..100).map(|_| pair(&ring)).collect();
            for (index, (client, socket)) in pairs.iter_mut().enumerate() {
                // One waits, one has read, one has octets that nobody reads, one is being written to.
                let mut room = [0; 8];
                match index % 4 {
                    0 => drop(poll_fn(|cx| Poll::Ready(socket.poll_read_ready(cx))).await),
                    1 => {
                        client.write_all(b"octets").unwrap();
                        assert_eq!(read(socket, &mut room).await.unwrap(), 6);
                    }
                    2 => {
                        client.write_all(b"octets").unwrap();
                        poll_fn(|cx| socket.poll_read_ready(cx)).await.unwrap();
                    }
                    _ => write(socket, b"octets").await.unwrap(),
                }
            }
            let clients: Vec<_> = pairs
                .into_iter()
                .enumerate()
                .map(|(index, (client, mut socket))| {
                    if (index + round) % 2 == 0 {
                        socket.abort();
                    }
                    client
                })
                .collect();
            settled(&ring).await;
            for mut client in clients {
                // Each sees its end, whichever it is.
                drop(client.read_to_end(&mut Vec::new()));
            }
        }
        assert!(count() < before + 200, "{before} before, {} after", count());
    });
}

#[test]
fn who_falls_silent_leaves_the_ring_and_nothing_is_lost() {
    on_a_ring(Sizes::default(), async |ring| {
        let (mut client, mut socket) = pair(&ring);
        let mut room = [0; 16];
        for octets in [&b"first"[..], b"second"] {
            let waits = poll_fn(|cx| Poll::Ready(socket.poll_read_ready(cx).is_pending())).await;
            assert!(waits);
            // Whether they come before it is quiet or not, they are there.
            client.write_all(octets).unwrap();
            if poll_fn(|cx| socket.poll_quiet(cx)).await {
                let stream = socket.into_unwatched().unwrap();
                socket = Socket::unwatched_on(stream, Some(Rc::clone(&ring)));
            }
            let count = read(&mut socket, &mut room).await.unwrap();
            assert_eq!(&room[..count], octets);
        }
        let waits = poll_fn(|cx| Poll::Ready(socket.poll_read_ready(cx).is_pending())).await;
        assert!(waits);
        tokio::task::yield_now().await;
        assert!(poll_fn(|cx| socket.poll_quiet(cx)).await);
        let stream = socket.into_unwatched().unwrap();
        assert_eq!(ring.ring.borrow().under_way(), 0);
        client.write_all(b"third").unwrap();
        let mut socket = Socket::unwatched_on(stream, Some(Rc::clone(&ring)));
        let count = read(&mut socket, &mut room).await.unwrap();
        assert_eq!(&room[..count], b"third");
    });
}
