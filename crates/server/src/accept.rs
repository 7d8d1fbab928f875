//! Taking connections from a listener, whatever becomes of single ones.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::time::{Sleep, sleep};

use crate::admission::{Admission, Admitted, Refusal};
use crate::descriptors::Reserve;
use crate::listen::{BACKLOG, Opening, Queue};
use crate::notice::Seldom;

/// How long no one is accepted after the system had no descriptor or memory for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a core that has more than its share of a queue leaves those who come to the others. Who sleeps is awake
/// long before; if all others are busy, it takes the next one itself.
const TURN: Duration = Duration::from_millis(1);

/// How many connections above its share a core of a shared queue takes without hesitation.
const SHARE_SLACK: usize = 4;

/// What the operator is told when the system runs out, over all cores.
static OUT: Seldom = Seldom::every(Duration::from_secs(10));

/// The listener of one core.
#[derive(Debug)]
pub struct Acceptor {
    /// The listener, watched as a stream is: tokio's own takes connections only to watch them at once.
    listener: tokio::net::TcpStream,
    opening: Opening,
    queue: Queue,
    admission: Arc<Admission>,
    reserve: Reserve,
    pause: Option<Pin<Box<Sleep>>>,
}

/// A client that came.
#[derive(Debug)]
pub struct Incoming {
    /// Its connection. It does not block, and the loop does not watch it yet.
    pub stream: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// What its connection begins with.
    pub opening: Opening,
    /// The place it has, or why it has none.
    pub place: Result<Admitted, Refusal>,
}

impl Acceptor {
    /// Accepts from `listener`, which does not block, within the bounds of `admission`.
    ///
    /// # Errors
    /// If the runtime does not take the listener, or no descriptor is left to keep in reserve.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(listener: TcpListener, admission: Arc<Admission>) -> io::Result<Self> {
        let listener = tokio::net::TcpStream::from_std(OwnedFd::from(listener).into())?;
        let (opening, queue) = (Opening::default(), Queue::default());
        Ok(Self { listener, opening, queue, admission, reserve: Reserve::hold()?, pause: None })
    }

    /// The same for connections that begin with something, from a queue that is somebody's.
    #[must_use]
    pub fn with(self, opening: Opening, queue: Queue) -> Self {
        Self { opening, queue, ..self }
    }

    /// The next client. Errors of single connections are passed over; when the system runs out of
    /// descriptors, one waiting client is let go so that it knows, and the rest wait a moment.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
                self.reserve.restore();
            }
            match ready!(self.poll_one(cx)) {
                Ok((stream, peer)) => return Poll::Ready(self.incoming(stream, peer)),
                Err(error) => match Trouble::of(&error) {
                    Trouble::OfOne => {}
                    Trouble::OfAll => {
                        OUT.say(format_args!(
                            "no connection can be taken for now: {error}; raise the limit on open \
                             files, or lower the limit `connections`"
                        ));
                        self.let_one_go(cx);
                        self.pause = Some(Box::pin(sleep(PAUSE)));
                    }
                },
            }
        }
    }

    fn poll_one(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            ready!(self.listener.poll_read_ready(cx))?;
            match self.listener.try_io(Interest::READABLE, || accept(&self.listener)) {
                // It is no longer ready, and the next look waits.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return Poll::Ready(accepted),
            }
        }
    }

    /// Leaves who comes next to other cores for a moment, if they take from the same queue and this one has more
    /// than its share with the `own` connections that it has. Without it, whoever is awake takes all.
    pub fn share(&mut self, own: usize, cores: usize) {
        let all = self.admission.connections();
        if self.queue == Queue::Shared && own > all.div_ceil(cores.max(1)) + SHARE_SLACK {
            self.pause = Some(Box::pin(sleep(TURN)));
        }
    }

    /// Stops listening, and returns the clients that the kernel had taken already: they were promised
    /// an answer. Those of a queue that others hold too wait for those.
    ///
    /// # Errors
    /// If the runtime does not give the listener back.
    pub fn end(self) -> io::Result<Vec<Incoming>> {
        let Self { listener, admission, opening, queue, .. } = self;
        let listener = OwnedFd::from(listener.into_std()?);
        let mut rest = Vec::new();
        if queue == Queue::Shared {
            return Ok(rest);
        }
        // No more than can have waited, or a flood of new ones would put off the end.
        while rest.len() < BACKLOG as usize {
            let Ok((stream, peer)) = accept(&listener) else { break };
            rest.push(incoming(stream, peer, opening, &admission));
        }
        Ok(rest)
    }

    fn incoming(&self, stream: TcpStream, peer: SocketAddr) -> Incoming {
        // Elsewhere it is not inherited from the listener. Without it answers are only slower.
        #[cfg(not(target_os = "linux"))]
        drop(stream.set_nodelay(true));
        incoming(stream, peer, self.opening, &self.admission)
    }

    /// Lets a waiting client know that it can't be served, by closing its connection, with the one
    /// descriptor that was kept for this.
    fn let_one_go(&mut self, cx: &mut Context<'_>) {
        if self.reserve.release() {
            // Should another core have been faster, there is no descriptor again, and no harm done.
            if let Poll::Ready(Ok((stream, _))) = self.poll_one(cx) {
                drop(stream);
            }
            self.reserve.restore();
        }
    }
}

/// Takes a connection, which does not block.
#[cfg(target_os = "linux")]
fn accept(listener: impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
    use rustix::net::{SocketFlags, acceptfrom_with};

    let (stream, peer) = acceptfrom_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    // Clients of a listener on TCP have addresses.
    let peer = peer.ok_or(Errno::CONNABORTED)?;
    Ok((stream.into(), peer))
}

/// Takes a connection, which does not block.
#[cfg(not(target_os = "linux"))]
fn accept(listener: impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
    let stream = TcpStream::from(rustix::net::accept(listener)?);
    stream.set_nonblocking(true)?;
    let peer = stream.peer_addr()?;
    Ok((stream, peer))
}

fn incoming(
    stream: TcpStream,
    peer: SocketAddr,
    opening: Opening,
    admission: &Arc<Admission>,
) -> Incoming {
    let place = match opening {
        Opening::Request => admission.admit(peer.ip()),
        // It is to be counted under the address that the header names.
        Opening::ProxyHeader => admission.admit_unknown(),
    };
    Incoming { stream, peer, opening, place }
}

/// Whom an error of accept(2) concerns.
#[derive(Debug, PartialEq)]
enum Trouble {
    /// The one connection, which is gone; the next may be fine.
    OfOne,
    /// The system or the listener: the next would fail too.
    OfAll,
}

impl Trouble {
    fn of(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(
                Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::INTR
                | Errno::PERM
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::OPNOTSUPP
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::TIMEDOUT,
            ) => Self::OfOne,
            _ => Self::OfAll,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen;
    use crate::tests::on_a_core;
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::net::TcpStream as Client;
    use std::num::NonZeroUsize;

    fn acceptor(admission: &Arc<Admission>) -> (SocketAddr, Acceptor) {
        let address = "127.0.0.1:0".parse().unwrap();
        let listeners = listen::bind(address, NonZeroUsize::MIN).unwrap();
        let [socket] = <[_; 1]>::try_from(listeners.sockets).unwrap();
        (listeners.address, Acceptor::new(socket, Arc::clone(admission)).unwrap())
    }

    /// A client that has said something.
    fn speaking(address: SocketAddr) -> Client {
        let mut client = Client::connect(address).unwrap();
        client.write_all(b"G").unwrap();
        client
    }

    async fn next(acceptor: &mut Acceptor) -> Incoming {
        poll_fn(|cx| acceptor.poll_accept(cx)).await
    }

    #[test]
    fn clients_come_with_their_places() {
        on_a_core(async {
            let admission = Admission::new(10, 1);
            let (address, mut acceptor) = acceptor(&admission);
            let client = speaking(address);
            let first = next(&mut acceptor).await;
            assert_eq!(first.peer, client.local_addr().unwrap());
            assert!(first.stream.nodelay().unwrap());
            let _second_client = speaking(address);
            let second = next(&mut acceptor).await;
            assert_eq!(second.place.unwrap_err(), Refusal::TooManyFromAddress);
            drop(first);
            assert_eq!(admission.connections(), 0);
        });
    }

    #[test]
    fn at_the_end_those_who_wait_are_taken_and_no_more_come() {
        on_a_core(async {
            let (address, acceptor) = acceptor(&Admission::new(10, 10));
            let mut clients: Vec<_> = (0..3).map(|_| speaking(address)).collect();
            let rest = acceptor.end().unwrap();
            assert_eq!(rest.len(), 3);
            assert!(rest.iter().all(|incoming| incoming.place.is_ok()));
            assert!(Client::connect(address).is_err());
            for mut incoming in rest {
                assert_eq!(incoming.stream.read(&mut [0; 1]).unwrap(), 1, "what it said is there");
            }
            assert_eq!(clients[0].read(&mut [0; 1]).unwrap(), 0);
        });
    }

    #[test]
    fn who_has_more_than_a_share_of_a_queue_leaves_the_next_to_others() {
        on_a_core(async {
            let admission = Admission::new(100, 100);
            let (address, acceptor) = acceptor(&admission);
            let mut acceptor = acceptor.with(Opening::Request, Queue::Shared);
            let clients: Vec<_> = (0..10).map(|_| speaking(address)).collect();
            let mut taken = Vec::new();
            for own in 1..=clients.len() {
                taken.push(next(&mut acceptor).await);
                acceptor.share(own, 2);
                // Half of them are its share, and four more make no difference.
                assert_eq!(acceptor.pause.is_some(), own > own.div_ceil(2) + 4, "{own}");
            }
            acceptor.pause = None;
            acceptor.share(9, 2);
            assert!(acceptor.pause.is_none());
            acceptor.share(10, 1);
            assert!(acceptor.pause.is_none(), "one core has no others");
            acceptor.share(10, 2);
            let _late = speaking(address);
            assert!(next(&mut acceptor).await.place.is_ok(), "it is taken after all");
            let mut acceptor = acceptor.with(Opening::Request, Queue::Own);
            acceptor.share(10, 2);
            assert!(acceptor.pause.is_none(), "a queue of its own is nobody else's");
        });
    }

    #[test]
    fn errors_of_one_connection_are_told_from_those_of_all() {
        for errno in [Errno::CONNABORTED, Errno::PROTO, Errno::PERM, Errno::HOSTUNREACH] {
            assert_eq!(Trouble::of(&errno.into()), Trouble::OfOne, "{errno}");
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::BADF] {
            assert_eq!(Trouble::of(&errno.into()), Trouble::OfAll, "{errno}");
        }
    }
}
