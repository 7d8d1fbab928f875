//! A connection to an upstream, whatever it goes over.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::socket::Socket;
use crate::target::Peer;

/// A connection to an upstream: TCP or a unix socket, or TLS over either.
#[derive(Debug)]
pub struct Stream {
    carrier: Carrier,
    peer: Peer,
}

/// What can be seen of a connection on which nothing is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing: it can be used again.
    Quiet,
    /// The peer closed or broke it.
    Closed,
    /// The peer sent octets that nobody asked for.
    Octets,
}

impl Stream {
    pub(crate) const fn plain(socket: Socket, peer: Peer) -> Self {
        Self { carrier: Carrier::Plain(socket), peer }
    }

    pub(crate) fn tls(stream: TlsStream<Socket>, peer: Peer) -> Self {
        Self { carrier: Carrier::Tls(Box::new(stream)), peer }
    }

    /// Reads into `room`; 0 says that the peer sends no more (or that `room` is empty). A read that does not
    /// fill its room is taken as the last for now: the next waits without asking the kernel again.
    ///
    /// # Errors
    /// If the connection broke: [`broken_by`](crate::broken_by) tells the cause. With TLS that is so too if the
    /// peer closed without saying so: then it can't be known whether something is missing.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut into = ReadBuf::new(room);
        ready!(self.io().poll_read(cx, &mut into))?;
        Poll::Ready(Ok(into.filled().len()))
    }

    /// Writes some of `octets`. What TLS made of them may still have to be [flushed](Self::poll_flush).
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, octets)
    }

    /// Writes some of `slices`: in one system call, or with TLS in as few records as they fit.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, slices)
    }

    /// Hands everything written to the kernel. Only TLS keeps anything back.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Plain(_) => Poll::Ready(Ok(())),
            Carrier::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Says that nothing more is written. The peer may still send.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_shutdown_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.io().poll_shutdown(cx)) {
            // The peer was faster: there is nobody left to tell.
            Err(error) if error.kind() == ErrorKind::NotConnected => Poll::Ready(Ok(())),
            ended => Poll::Ready(ended),
        }
    }

    /// Looks whether anything came on a connection that lies idle, without waiting, and without taking
    /// content. The kernel is asked, by one system call: the reactor may not have heard of it yet.
    pub fn is_quiet(&mut self) -> Quiet {
        match &mut self.carrier {
            Carrier::Plain(socket) => match socket.peek() {
                Ok(0) => Quiet::Closed,
                Ok(_) => Quiet::Octets,
                Err(error) if error.kind() == ErrorKind::WouldBlock => Quiet::Quiet,
                Err(_) => Quiet::Closed,
            },
            Carrier::Tls(stream) => tls_is_quiet(stream),
        }
    }

    /// Whom it was made to.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Breaks the connection off, over TCP with a reset, so that a request that can't be finished never looks
    /// whole.
    pub fn abort(self) {
        let socket = match &self.carrier {
            Carrier::Plain(socket) => socket,
            Carrier::Tls(stream) => stream.get_ref().0,
        };
        if let Socket::Tcp(stream) = socket {
            // Should it fail, the connection is closed all the same, and its framing shows what is missing.
            let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
    }

    fn io(&mut self) -> Pin<&mut (dyn Io + '_)> {
        match &mut self.carrier {
            Carrier::Plain(socket) => Pin::new(socket),
            Carrier::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

#[derive(Debug)]
enum Carrier {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// How often an idle connection is read for what TLS has to say to itself, such as tickets.
const READS_MAX: usize = 16;

/// What the peer sent may be a ticket: TLS has to look at it, and keeps what turns out to be content.
fn tls_is_quiet(stream: &mut TlsStream<Socket>) -> Quiet {
    let (socket, tls) = stream.get_mut();
    for _ in 0..READS_MAX {
        match tls.process_new_packets() {
            Ok(state) if state.plaintext_bytes_to_read() > 0 => return Quiet::Octets,
            Ok(state) if state.peer_has_closed() => return Quiet::Closed,
            Ok(_) => {}
            Err(_) => return Quiet::Closed,
        }
        match tls.read_tls(&mut WithoutWaiting(socket)) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Quiet::Quiet,
            Ok(0) | Err(_) => return Quiet::Closed,
        }
    }
    Quiet::Octets
}

struct WithoutWaiting<'a>(&'a Socket);

impl Read for WithoutWaiting<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}
