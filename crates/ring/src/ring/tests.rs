use super::*;
use rustix::event::{PollFd, PollFlags, epoll, poll};
use rustix::io::Errno;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

const SMALL: Sizes = Sizes {
    submissions: 4,
    receive_buffers: 2,
    receive_bytes: 64,
    send_slots: 2,
    send_bytes: 4096,
    operations_max: 64,
};

fn ring(sizes: Sizes) -> Option<Ring<OwnedFd>> {
    match Ring::new(sizes) {
        Ok(ring) => Some(ring),
        // Where the kernel has none or refuses, there is nothing to be seen here.
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOSYS | Errno::PERM | Errno::ACCESS) => None,
            _ => panic!("{error}"),
        },
    }
}

fn pair() -> (TcpStream, Rc<OwnedFd>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (served, _) = listener.accept().unwrap();
    served.set_nonblocking(true).unwrap();
    (client, Rc::new(served.into()))
}

/// Waits until something comes of an operation, by the ring's descriptor.
fn next(ring: &mut Ring<OwnedFd>) -> Completed<OwnedFd> {
    let mut told = [0; 8];
    loop {
        // What it tells from here on is told anew.
        let _ = rustix::io::read(&*ring, &mut told);
        let more = ring.turn().unwrap();
        if let Some(completed) = ring.completed() {
            return completed;
        }
        if more == More::Later {
            poll(&mut [PollFd::new(ring, PollFlags::IN)], None).unwrap();
        }
    }
}

fn octets(ring: &mut Ring<OwnedFd>, done: Done) -> Vec<u8> {
    match done {
        Done::Received(Some(received)) => {
            let octets = ring.octets(&received).to_vec();
            ring.give_back(received);
            octets
        }
        Done::Received(None) => Vec::new(),
        done => panic!("{done:?}"),
    }
}

#[test]
fn octets_come_and_then_the_end() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (mut client, socket) = pair();
    let token = ring.receive(&socket).unwrap();
    // More often than there are buffers: each comes back.
    for round in 0..10_u8 {
        ring.turn().unwrap();
        client.write_all(&[round; 5]).unwrap();
        let completed = next(&mut ring);
        assert_eq!((completed.token, completed.is_over), (token, false));
        assert_eq!(octets(&mut ring, completed.done), [round; 5]);
    }
    client.shutdown(Shutdown::Write).unwrap();
    let completed = next(&mut ring);
    assert_eq!((completed.token, completed.is_over), (token, true));
    assert_eq!(octets(&mut ring, completed.done), b"");
    assert_eq!(ring.under_way(), 0);
}

#[test]
fn what_is_sent_outlives_who_sent_it() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (mut client, socket) = pair();
    let mut slot = ring.take_slot().unwrap();
    ring.slot(&mut slot)[..5].copy_from_slice(b"hello");
    ring.send(&socket, slot, (1, 5)).unwrap();
    drop(socket);
    assert!(matches!(next(&mut ring).done, Done::Sent(Ok(4), _)));
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"ello", "and then its end: nobody holds the socket");
}

#[test]
fn a_peer_that_does_not_read_holds_up_its_own_send_alone() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (client, socket) = pair();
    let filled = TcpStream::from(socket.try_clone().unwrap());
    while (&filled).write(&[0; 65536]).is_ok() {}
    let mut slot = ring.take_slot().unwrap();
    ring.slot(&mut slot).fill(1);
    let stuck = ring.send(&socket, slot, (0, 4096)).unwrap();
    let room = ring.wait_writable(&socket).unwrap();
    let (mut other, served) = pair();
    other.write_all(b"x").unwrap();
    let token = ring.receive(&served).unwrap();
    let completed = next(&mut ring);
    assert_eq!(completed.token, token);
    assert_eq!(octets(&mut ring, completed.done), b"x");
    assert_eq!(ring.under_way(), 3);
    ring.cancel(stuck);
    ring.cancel(room);
    for _ in 0..2 {
        match next(&mut ring).done {
            Done::Sent(Err(error), slot) => {
                assert_eq!(error.raw_os_error(), Some(Errno::CANCELED.raw_os_error()));
                ring.give_slot(slot);
            }
            Done::Failed(_) => {}
            done => panic!("{done:?}"),
        }
    }
    assert_eq!(ring.slots.len(), 2, "the slot is free again");
    drop(client);
}

#[test]
fn without_buffers_the_socket_can_still_be_read_from() {
    let Some(mut ring) = ring(SMALL) else { return };
    let pairs: Vec<_> = (0..3).map(|_| pair()).collect();
    let mut held = Vec::new();
    for (mut client, socket) in pairs.iter().map(|(client, socket)| (client, socket)) {
        client.write_all(b"octets").unwrap();
        ring.receive(socket).unwrap();
        match next(&mut ring).done {
            Done::Received(Some(received)) => held.push(received),
            Done::NoBuffer => {
                ring.wait_readable(socket).unwrap();
                assert!(matches!(next(&mut ring).done, Done::Ready));
            }
            done => panic!("{done:?}"),
        }
    }
    assert_eq!(held.len(), 2);
    held.into_iter().for_each(|received| ring.give_back(received));
    ring.receive(&pairs[2].1).unwrap();
    let done = next(&mut ring).done;
    assert_eq!(octets(&mut ring, done), b"octets");
}

#[test]
fn more_than_the_queue_holds_is_asked_for_in_order() {
    let Some(mut ring) = ring(SMALL) else { return };
    let pairs: Vec<_> = (0..30).map(|_| pair()).collect();
    let mut asked = HashMap::new();
    for (index, (_, socket)) in pairs.iter().enumerate() {
        asked.insert(ring.receive(socket).unwrap(), index);
    }
    for (client, _) in &pairs {
        client.shutdown(Shutdown::Write).unwrap();
    }
    while !asked.is_empty() {
        let completed = next(&mut ring);
        assert!(asked.remove(&completed.token).is_some());
    }
    assert_eq!(ring.under_way(), 0);
}

#[test]
fn a_token_is_nobody_elses_afterwards() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (_client, socket) = pair();
    let first = ring.receive(&socket).unwrap();
    ring.cancel(first);
    assert_eq!(next(&mut ring).token, first);
    let second = ring.receive(&socket).unwrap();
    assert!(first.index == second.index && first != second);
    ring.cancel(first);
    let late = Raw { token: first.user_data(), result: 0, buffer: None, is_over: true };
    ring.complete(&late);
    ring.turn().unwrap();
    assert!(ring.completed().is_none(), "what is late reaches nobody");
    ring.cancel(second);
    assert_eq!(next(&mut ring).token, second);
}

#[test]
fn operations_are_bounded_and_end_with_the_ring() {
    let Some(mut bounded) = ring(SMALL) else { return };
    let (mut client, socket) = pair();
    while bounded.receive(&socket).is_some() {}
    assert_eq!(bounded.under_way(), SMALL.operations_max);
    bounded.turn().unwrap();
    drop(socket);
    drop(bounded);
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0, "its socket is closed");
}

#[test]
fn sizes_that_can_t_be_are_refused() {
    for sizes in [Sizes { receive_buffers: 3, ..SMALL }, Sizes { send_slots: 5000, ..SMALL }] {
        assert!(Ring::<OwnedFd>::new(sizes).is_err());
    }
}

#[test]
#[should_panic(expected = "another ring's")]
fn what_is_another_rings_is_not_taken() {
    let (Some(mut first), Some(mut second)) = (ring(SMALL), ring(SMALL)) else {
        panic!("another ring's: there is none");
    };
    let slot = first.take_slot().unwrap();
    second.give_slot(slot);
}

#[test]
fn turns_without_waiting_take_all_that_came_together() {
    let Some(mut ring) = ring(Sizes::default()) else { return };
    let pairs: Vec<_> = (0..100).map(|_| pair()).collect();
    for (_, socket) in &pairs {
        ring.receive(socket).unwrap();
    }
    ring.turn().unwrap();
    for (mut client, _) in pairs.iter().map(|(client, socket)| (client, socket)) {
        client.write_all(b"octets").unwrap();
    }
    // Who is told of a change only once must not wait before the kernel has said all.
    while ring.turn().unwrap() == More::Now {}
    for _ in &pairs {
        let done = ring.completed().unwrap().done;
        assert_eq!(octets(&mut ring, done), b"octets");
    }
}

/// As a loop does that is told of changes only.
#[test]
fn who_watches_the_descriptor_hears_of_each_thing_that_comes() {
    let Some(mut ring) = ring(SMALL) else { return };
    let watch = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&watch, &ring, epoll::EventData::new_u64(0), flags).unwrap();
    let (client, socket) = pair();
    ring.receive(&socket).unwrap();
    for round in 0..10_u8 {
        assert_eq!(ring.turn().unwrap(), More::Later);
        assert!(ring.completed().is_none());
        let mut client = client.try_clone().unwrap();
        let writer = std::thread::spawn(move || client.write_all(&[round]).unwrap());
        let done = loop {
            let mut events = Vec::with_capacity(4);
            match epoll::wait(&watch, rustix::buffer::spare_capacity(&mut events), None) {
                // What the kernel put off has its turn then.
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => panic!("{error}"),
            }
            while ring.turn().unwrap() == More::Now {}
            if let Some(completed) = ring.completed() {
                break completed.done;
            }
        };
        writer.join().unwrap();
        assert_eq!(octets(&mut ring, done), [round]);
    }
}
