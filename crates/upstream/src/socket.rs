//! The two kinds of socket as one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::stream::Asked;

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
    pub(crate) fn peek(&self, asked: Asked) -> io::Result<usize> {
        self.receive(&mut [0], RecvFlags::PEEK, asked)
    }

    /// Reads what has come; an error of the kind `WouldBlock` if nothing has.
    pub(crate) fn try_read(&self, room: &mut [u8], asked: Asked) -> io::Result<usize> {
        self.receive(room, RecvFlags::empty(), asked)
    }

    fn receive(&self, room: &mut [u8], flags: RecvFlags, asked: Asked) -> io::Result<usize> {
        let flags = flags | RecvFlags::DONTWAIT;
        either!(self, stream => {
            let receive = || Ok(recv(stream, room, flags)?.0);
            match asked {
                Asked::Reactor => stream.try_io(Interest::READABLE, receive),
                Asked::Kernel => receive(),
            }
        })
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
