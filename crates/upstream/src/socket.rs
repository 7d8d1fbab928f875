//! The two kinds of socket as one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same for either kind.
macro_rules! either {
    ($self:expr, $stream:ident => $what:expr) => {
        match $self {
            Self::Tcp($stream) => $what,
            Self::Unix($stream) => $what,
        }
    };
}

impl Socket {
    /// How many octets there are, 1 at most, without taking them; an error of the kind `WouldBlock` if there
    /// are none yet.
    pub(crate) fn peek(&self) -> io::Result<usize> {
        self.receive(&mut [0], RecvFlags::PEEK)
    }

    /// Reads what has come; an error of the kind `WouldBlock` if nothing has.
    pub(crate) fn try_read(&self, room: &mut [u8]) -> io::Result<usize> {
        self.receive(room, RecvFlags::empty())
    }

    fn receive(&self, room: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        either!(self, stream => Ok(recv(stream, room, flags | RecvFlags::DONTWAIT)?.0))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, room))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, octets))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}
