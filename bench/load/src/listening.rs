//! A listener at a port of this machine, with all who have connected, in numbered places.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::asking::ready;

const EVENTS: usize = 512;
/// The library's queue is short, and hundreds of connections come at once.
const QUEUE: i32 = 4096;
/// The event of the listener; those of connections are their places.
const LISTENER: u64 = u64::MAX;

/// The listener, and those who have connected.
#[derive(Debug)]
pub(crate) struct Listening<T> {
    listener: TcpListener,
    poll: OwnedFd,
    /// What is told of connections.
    told: epoll::EventFlags,
    peers: Vec<Option<T>>,
    /// Which places of `peers` are empty.
    free: Vec<usize>,
}

impl<T> Listening<T> {
    /// Listens at this port, or at a free one if it is 0.
    pub(crate) fn bind(port: u16, told: epoll::EventFlags) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        listener.set_nonblocking(true)?;
        rustix::net::listen(&listener, QUEUE)?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        Ok(Self { listener, poll, told, peers: Vec::new(), free: Vec::new() })
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Waits for what happens next, at most so long, and takes who connects. Says in `places` of whom something is told.
    pub(crate) fn wait(
        &mut self,
        time_max: Option<&Timespec>,
        places: &mut Vec<usize>,
        mut made: impl FnMut(TcpStream) -> T,
    ) -> io::Result<()> {
        let mut room = [const { MaybeUninit::uninit() }; EVENTS];
        let (events, _) = match epoll::wait(&self.poll, &mut room, time_max) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            done => done?,
        };
        for event in events {
            match event.data.u64() {
                LISTENER => self.accept(&mut made)?,
                at => places.push(at as usize),
            }
        }
        Ok(())
    }

    fn accept(&mut self, made: &mut impl FnMut(TcpStream) -> T) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => ready(stream)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let at = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            epoll::add(&self.poll, &stream, epoll::EventData::new_u64(at as u64), self.told)?;
            self.peers[at] = Some(made(stream));
        }
    }

    /// Who has this place.
    pub(crate) fn peer(&mut self, at: usize) -> Option<&mut T> {
        self.peers.get_mut(at)?.as_mut()
    }

    /// Closes a connection, if there is one.
    pub(crate) fn close(&mut self, at: usize) {
        if self.peers.get_mut(at).is_some_and(|peer| peer.take().is_some()) {
            self.free.push(at);
        }
    }
}
