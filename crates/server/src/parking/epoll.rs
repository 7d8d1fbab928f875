//! A set of connections that the kernel watches for one descriptor (epoll). Each is reported once, and then not
//! watched until it is armed anew; closing it takes it out.

use std::io;
use std::net::TcpStream;
use std::task::{Context, Poll, ready};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::retry_on_intr;
use tokio::io::Interest;

use super::table::Token;
use super::{Before, WOKEN_MAX};

/// The set of one core.
#[derive(Debug)]
pub(super) struct Set {
    /// Watched as a stream is: tokio has no safe way to watch another descriptor.
    epoll: tokio::net::TcpStream,
}

/// A connection of the set on which something has come, or that has ended.
pub(super) type Found = Event;

/// What is known of a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Open,
    /// The client has said that it sends no more, or the connection broke; something may be left to be read.
    Near,
}

/// What connections are watched for, until it is seen once.
const ARMED: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ONESHOT);
const NEAR_END: EventFlags = EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR);

impl Set {
    pub(super) const WATCHES: bool = true;

    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&epoll, true)?;
        Ok(Self { epoll: tokio::net::TcpStream::from_std(epoll.into())? })
    }

    /// Watches a connection for the next thing that comes on it, which may be there already.
    pub(super) fn arm(&self, stream: &TcpStream, before: Before, token: Token) -> io::Result<()> {
        match before {
            Before::Nothing => {
                let data = EventData::new_u64(token.to_number());
                Ok(epoll::add(&self.epoll, stream, data, ARMED)?)
            }
            Before::Parked { .. } => self.rearm(stream, token),
        }
    }

    /// The same, where it was watched before, or is. What was found on it by its old token is found again.
    pub(super) fn rearm(&self, stream: &TcpStream, token: Token) -> io::Result<()> {
        let data = EventData::new_u64(token.to_number());
        Ok(epoll::modify(&self.epoll, stream, data, ARMED)?)
    }

    /// Waits until something is found.
    pub(super) fn poll_look(
        &self,
        cx: &mut Context<'_>,
        found: &mut Vec<Found>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.epoll.poll_read_ready(cx))?;
            self.look(found)?;
            // When there may be more, the loop need not say so again.
            if found.len() < WOKEN_MAX {
                let empty = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
                let _ = self.epoll.try_io(Interest::READABLE, empty);
            }
            if !found.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Looks at what there is now; `found` is empty, and has room for so many.
    pub(super) fn look(&self, found: &mut Vec<Found>) -> io::Result<()> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        retry_on_intr(|| epoll::wait(&self.epoll, spare_capacity(&mut *found), Some(&at_once)))?;
        Ok(())
    }
}

/// Which connection it is, and what is known of its end.
pub(super) fn told(found: &Found) -> (Token, End) {
    let (flags, data) = (found.flags, found.data);
    let end = if flags.intersects(NEAR_END) { End::Near } else { End::Open };
    (Token::of_number(data.u64()), end)
}
