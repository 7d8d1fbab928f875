//! In place of a set, where none is known that the loop could watch.

use std::convert::Infallible;
use std::io;
use std::net::TcpStream;
use std::task::{Context, Poll};

use super::Before;
use super::table::Token;

/// A set that watches nothing.
#[derive(Debug)]
pub(super) struct Set;

/// What is never found.
pub(super) type Found = Infallible;

/// What is known of a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client has said that it sends no more, or the connection broke; something may be left to be read.
    Near,
}

impl Set {
    pub(super) const WATCHES: bool = false;

    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn arm(&self, _: &TcpStream, _: Before, _: Token) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn rearm(&self, _: &TcpStream, _: Token) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn poll_look(
        &self,
        _: &mut Context<'_>,
        _: &mut Vec<Found>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    pub(super) fn look(&self, _: &mut Vec<Found>) -> io::Result<()> {
        Ok(())
    }
}

/// Which connection it is, and what is known of its end.
pub(super) fn told(found: &Found) -> (Token, End) {
    match *found {}
}
