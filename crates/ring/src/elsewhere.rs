//! Where there is no `io_uring`: there is never a ring, and nothing to be done with one.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};

use crate::Sizes;

/// What one completion says.
pub(crate) struct Raw {
    pub(crate) token: u64,
    pub(crate) result: i32,
    pub(crate) buffer: Option<u16>,
    pub(crate) is_over: bool,
}

/// There is none.
pub(crate) struct Kernel(Infallible);

impl Kernel {
    pub(crate) fn new(_: Sizes) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn hand(&mut self, _: u16) {
        match self.0 {}
    }

    pub(crate) fn received(&self, _: u16, _: usize) -> &[u8] {
        match self.0 {}
    }

    pub(crate) fn slot(&mut self, _: u16) -> &mut [u8] {
        match self.0 {}
    }

    pub(crate) fn receive(&mut self, _: RawFd, _: u64) {
        match self.0 {}
    }

    pub(crate) fn send(&mut self, _: RawFd, _: u16, _: (u32, u32), _: u64) {
        match self.0 {}
    }

    pub(crate) fn poll(&mut self, _: RawFd, _: u32, _: u64) {
        match self.0 {}
    }

    pub(crate) fn cancel(&mut self, _: u64) {
        match self.0 {}
    }

    pub(crate) fn under_way(&self) -> u32 {
        match self.0 {}
    }

    pub(crate) fn submit(&mut self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn has_more(&mut self) -> bool {
        match self.0 {}
    }

    pub(crate) fn completion(&mut self) -> Option<Raw> {
        match self.0 {}
    }
}

impl AsFd for Kernel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.0 {}
    }
}
