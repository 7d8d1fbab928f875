//! A connection's socket: one system call a read and one a write, and the three ways it may end.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::SockRef;
use tokio::io::{AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::task::coop;

use crate::ring::{CoreRing, RingStream};
use crate::sendfile::{FileSpan, SendError};
use crate::wheel::Deadline;

/// A connected socket. The loop, or its core's ring, watches it from when something has to be waited for: a connection
/// that brings its request along and is closed after the answer needs no watching.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    /// With the ring that is to have it, if there is one.
    Unwatched(std::net::TcpStream, Option<Rc<CoreRing>>),
    Watched(TcpStream),
    Ringed(RingStream),
    /// The loop did not take it, and it is closed.
    Lost,
}

/// What watches a socket.
enum By<'a> {
    Loop(&'a mut TcpStream),
    Ring(&'a RingStream),
}

/// How much and how long is read, only to be dropped, before a connection is closed.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// At most so many octets.
    pub bytes_max: u64,
    /// At most so long.
    pub time_max: Duration,
}

/// How a staged close came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// The peer closed too: it has everything that was sent.
    Closed,
    /// The peer went on sending past the bound on octets.
    TooMuch,
    /// The peer did not close in time.
    TooLong,
    /// The connection broke.
    Broken,
}

impl Socket {
    /// Takes over a connected stream.
    #[must_use]
    pub const fn new(stream: TcpStream) -> Self {
        Self { stream: Stream::Watched(stream) }
    }

    /// Takes over a connected stream that does not block, and that nobody watches yet.
    #[must_use]
    pub const fn unwatched(stream: std::net::TcpStream) -> Self {
        Self { stream: Stream::Unwatched(stream, None) }
    }

    /// The same, to be watched by `ring` if there is one.
    pub(crate) const fn unwatched_on(
        stream: std::net::TcpStream,
        ring: Option<Rc<CoreRing>>,
    ) -> Self {
        Self { stream: Stream::Unwatched(stream, ring) }
    }

    /// Whether it is watched.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        !matches!(self.stream, Stream::Unwatched(..))
    }

    /// Has the ring watch it if there is one, else the loop; nothing is changed if it is watched already.
    ///
    /// # Errors
    /// If the loop does not take it: it is closed then.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn watch(&mut self) -> io::Result<()> {
        if let Stream::Unwatched(..) = self.stream
            && let Stream::Unwatched(stream, ring) = mem::replace(&mut self.stream, Stream::Lost)
        {
            self.stream = match ring {
                Some(ring) => Stream::Ringed(RingStream::new(ring, stream)),
                None => Stream::Watched(TcpStream::from_std(stream)?),
            };
        }
        Ok(())
    }

    /// Has the loop watch it, if it does not yet. From then on no ring does.
    ///
    /// # Errors
    /// If the loop does not take it: it is closed then. If a ring has it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn watched(&mut self) -> io::Result<&mut TcpStream> {
        if let Stream::Unwatched(_, ring) = &mut self.stream {
            *ring = None;
        }
        match self.by()? {
            By::Loop(stream) => Ok(stream),
            By::Ring(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn by(&mut self) -> io::Result<By<'_>> {
        if !self.is_watched() {
            self.watch()?;
        }
        match &mut self.stream {
            Stream::Watched(stream) => Ok(By::Loop(stream)),
            Stream::Ringed(stream) => Ok(By::Ring(stream)),
            Stream::Unwatched(..) | Stream::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Ends what a ring has under way on it, so that it can be had by itself. False if something has come before.
    pub(crate) fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &self.stream {
            Stream::Ringed(stream) => stream.poll_quiet(cx),
            Stream::Unwatched(..) | Stream::Watched(_) | Stream::Lost => Poll::Ready(true),
        }
    }

    /// The connection by itself, which nobody watches any more. None if it is closed, or a ring has something under way.
    #[must_use]
    pub fn into_unwatched(self) -> Option<std::net::TcpStream> {
        match self.stream {
            Stream::Unwatched(stream, _) => Some(stream),
            Stream::Watched(stream) => stream.into_std().ok(),
            Stream::Ringed(stream) => stream.into_stream(),
            Stream::Lost => None,
        }
    }

    /// Ready when there is something to read, or nothing more will come.
    ///
    /// # Errors
    /// If the loop does not watch it.
    pub fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.by()? {
            By::Loop(stream) => stream.poll_read_ready(cx),
            By::Ring(stream) => stream.poll_read_ready(cx),
        }
    }

    /// Reads into `room`; 0 says that the peer sends no more (or that `room` is empty). A read that does
    /// not fill its room is taken as the last for now: the next waits without asking the kernel again.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if matches!(self.stream, Stream::Watched(_)) {
            return self.poll_read_on(cx, room);
        }
        // The loop counts how often a task reads what it watches, so that others have their turn, and nothing else.
        let turn = ready!(coop::poll_proceed(cx));
        let read = self.poll_read_on(cx, room);
        if read.is_ready() {
            turn.made_progress();
        }
        read
    }

    fn poll_read_on(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Some(read) = self.read_unwatched(room) {
            return Poll::Ready(read);
        }
        let stream = match self.by()? {
            By::Loop(stream) => &*stream,
            By::Ring(stream) => return stream.poll_read(cx, room),
        };
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let mut last = None;
            let read = stream.try_io(Interest::READABLE, || match receive(stream, room)? {
                count if (1..room.len()).contains(&count) => {
                    last = Some(count);
                    Err(io::ErrorKind::WouldBlock.into())
                }
                count => Ok(count),
            });
            match (read, last) {
                (_, Some(count)) => return Poll::Ready(Ok(count)),
                (Err(error), None) if is_passing(&error) => {}
                (read, None) => return Poll::Ready(read),
            }
        }
    }

    /// Reads what has come already on a connection that is not watched. None if it is watched, or nothing has come.
    pub fn read_unwatched(&mut self, room: &mut [u8]) -> Option<io::Result<usize>> {
        let Stream::Unwatched(stream, _) = &self.stream else { return None };
        now(|| receive(stream, room))
    }

    /// Writes `head` and then `content`, in one call where the kernel takes both. `sent` counts the octets
    /// of both that are gone: start with 0, and call again with the same until it is ready.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_write_all(
        &mut self,
        cx: &mut Context<'_>,
        head: &[u8],
        content: &[u8],
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        if let Stream::Ringed(stream) = &self.stream {
            return stream.poll_write_all(cx, head, content, sent);
        }
        loop {
            let head_left = head.get(*sent..).unwrap_or_default();
            let content_left = content.get(sent.saturating_sub(head.len())..).unwrap_or_default();
            let both = [IoSlice::new(head_left), IoSlice::new(content_left)];
            let written = match (head_left, content_left) {
                ([], []) => return Poll::Ready(Ok(())),
                ([], one) | (one, []) => ready!(self.poll_write(cx, |to| send(to, one)))?,
                _ => ready!(self.poll_write(cx, |to| send_both(to, &both)))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += written;
        }
    }

    /// Does `write`, which does not block: at once where there is room, as there nearly always is, else when there is.
    ///
    /// # Errors
    /// Its own, or if the connection broke.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let written = match &self.stream {
            Stream::Unwatched(stream, _) => now(|| write(stream.as_fd())),
            Stream::Watched(stream) => now(|| write(stream.as_fd())),
            Stream::Ringed(_) | Stream::Lost => None,
        };
        if let Some(written) = written {
            return Poll::Ready(written);
        }
        let stream = match self.by()? {
            By::Loop(stream) => stream,
            By::Ring(stream) => return stream.poll_write(cx, write),
        };
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match stream.try_io(Interest::WRITABLE, || write(stream.as_fd())) {
                Err(error) if is_passing(&error) => {}
                written => return Poll::Ready(written),
            }
        }
    }

    /// Says that nothing more is sent; the peer may go on.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_shutdown_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.by()? {
            By::Loop(stream) => Pin::new(stream).poll_shutdown(cx),
            By::Ring(stream) => stream.poll_shutdown_write(cx),
        }
    }

    /// Ready when the kernel has all that was written: a ring has it a moment later.
    ///
    /// # Errors
    /// If the connection broke.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Ringed(stream) => stream.poll_sent(cx),
            Stream::Unwatched(..) | Stream::Watched(_) | Stream::Lost => Poll::Ready(Ok(())),
        }
    }

    /// How many octets of what was written the kernel does not have.
    #[must_use]
    pub fn unsent_bytes(&self) -> usize {
        match &self.stream {
            Stream::Ringed(stream) => stream.unsent_bytes(),
            Stream::Unwatched(..) | Stream::Watched(_) | Stream::Lost => 0,
        }
    }

    /// Sends what is left of `span` of `file` without copying it through this process.
    ///
    /// # Errors
    /// If the connection broke, or the file ended before the span did.
    pub fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: impl AsFd,
        span: &mut FileSpan,
    ) -> Poll<Result<(), SendError>> {
        span.poll_send(cx, self, file)
    }

    /// Closes in stages (RFC 9112 §9.6), so that it can be dropped then: says that nothing more is sent, then reads and drops what the peer
    /// still sends, within bounds, until it closes too. Closing at once with octets unread would reset
    /// the connection and might destroy the last answer on its way. `scratch` is read into.
    pub async fn close(
        &mut self,
        scratch: &mut [u8],
        drain: Drain,
        deadline: &Deadline,
    ) -> Drained {
        deadline.set_in(drain.time_max);
        let mut left = drain.bytes_max;
        let ended = poll_fn(|cx| self.poll_shutdown_write(cx)).await;
        if ended.is_err() {
            return Drained::Broken;
        }
        let drained = poll_fn(|cx| self.poll_drain(cx, scratch, &mut left, deadline)).await;
        deadline.clear();
        drained
    }

    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        left: &mut u64,
        deadline: &Deadline,
    ) -> Poll<Drained> {
        loop {
            if deadline.poll_expired(cx).is_ready() {
                return Poll::Ready(Drained::TooLong);
            }
            match ready!(self.poll_read(cx, scratch)) {
                Err(_) => return Poll::Ready(Drained::Broken),
                Ok(0) => return Poll::Ready(Drained::Closed),
                Ok(count) => match left.checked_sub(count as u64) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(Drained::TooMuch),
                },
            }
        }
    }

    /// Breaks the connection off with a reset, so that an answer that can't be finished never looks
    /// whole. What was written and is still on its way is lost with it.
    pub fn abort(&mut self) {
        let socket = match &self.stream {
            Stream::Unwatched(stream, _) => SockRef::from(stream),
            Stream::Watched(stream) => SockRef::from(stream),
            Stream::Ringed(stream) => SockRef::from(stream.stream()),
            Stream::Lost => return,
        };
        // Should it fail, the connection is closed all the same, and its framing shows what is missing.
        drop(socket.set_linger(Some(Duration::ZERO)));
        self.stream = Stream::Lost;
    }
}

/// Does what does not block; none if it would have to.
pub(crate) fn now(mut act: impl FnMut() -> io::Result<usize>) -> Option<io::Result<usize>> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            done => return Some(done),
        }
    }
}

/// Whether what failed may do so no longer the next time.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

// The three calls go to the kernel itself: the standard library's are points at which a thread may be cancelled, and
// to mark them as such costs more than the rest of what we do around them.

pub(crate) fn receive(from: impl AsFd, room: &mut [u8]) -> io::Result<usize> {
    let (received, _) = rustix::net::recv(from, room, RecvFlags::empty())?;
    Ok(received)
}

fn send(to: BorrowedFd<'_>, octets: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(to, octets, SendFlags::NOSIGNAL)?)
}

pub(crate) fn send_both(to: BorrowedFd<'_>, both: &[IoSlice<'_>]) -> io::Result<usize> {
    let nothing = &mut SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(to, both, nothing, SendFlags::NOSIGNAL)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::ring::Io;
    use crate::tests::on_a_core;
    use crate::wheel::Wheel;
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream as Client};
    use std::rc::Rc;
    use std::thread;
    use tokio::task::spawn_local;

    /// Runs a test with sockets that the loop watches, and with such that a ring does where there is one.
    fn on_both(test: impl AsyncFn(Option<Rc<CoreRing>>)) {
        on_a_core(test(None));
        on_a_core(async {
            if let Some(ring) = CoreRing::begin(Io::IoUring, 100) {
                let turned = Rc::clone(&ring);
                let driver = spawn_local(async move { turned.run().await });
                test(Some(ring)).await;
                driver.abort();
            }
        });
    }

    fn pair(ring: &Option<Rc<CoreRing>>) -> (Client, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        let (served, _) = listener.accept().unwrap();
        served.set_nonblocking(true).unwrap();
        (client, Socket::unwatched_on(served, ring.clone()))
    }

    fn deadline() -> Deadline {
        let wheel = Wheel::new(Rc::new(Clock::new()));
        let deadline = wheel.deadline();
        spawn_local(async move { wheel.run().await });
        deadline
    }

    async fn read(socket: &mut Socket, room: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| socket.poll_read(cx, room)).await
    }

    const SMALL: Drain = Drain { bytes_max: 100_000, time_max: Duration::from_secs(30) };

    #[test]
    fn reads_what_came_and_then_the_end() {
        on_both(async |ring| {
            let (mut client, mut socket) = pair(&ring);
            let mut room = [0; 16];
            assert!(socket.read_unwatched(&mut room).is_none() && !socket.is_watched());
            for is_watched in [false, true] {
                client.write_all(b"hello").unwrap();
                assert_eq!(read(&mut socket, &mut room).await.unwrap(), 5);
                assert_eq!(&room[..5], b"hello");
                // On loopback what was written is there; what is waited for is watched from then on.
                assert_eq!(socket.is_watched(), is_watched);
                socket.watch().unwrap();
            }
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read(&mut socket, &mut room).await.unwrap(), 0);
        });
    }

    #[test]
    fn who_always_has_something_to_read_leaves_others_their_turn() {
        on_both(async |ring| {
            for is_watched in [false, true] {
                let (mut client, mut socket) = pair(&ring);
                client.write_all(&[b'x'; 1000]).unwrap();
                if is_watched {
                    socket.watch().unwrap();
                }
                let mut left = 1000;
                let mut polls = 0;
                poll_fn(|cx| {
                    polls += 1;
                    while left > 0 {
                        assert_eq!(ready!(socket.poll_read(cx, &mut [0])).unwrap(), 1);
                        left -= 1;
                    }
                    Poll::Ready(())
                })
                .await;
                assert!(polls > 5, "{polls}");
            }
        });
    }

    #[test]
    fn head_and_content_arrive_whole_however_slowly_they_are_taken() {
        on_both(async |ring| {
            for (head_bytes, content_bytes) in [(0, 0), (5, 0), (0, 5), (300, 9), (100, 8 << 20)] {
                let (mut client, mut socket) = pair(&ring);
                let head = vec![b'h'; head_bytes];
                let content: Vec<u8> = (0..content_bytes).map(|i| (i % 251) as u8).collect();
                let reader = thread::spawn(move || {
                    let mut all = Vec::new();
                    client.read_to_end(&mut all).map(|_| all)
                });
                let mut sent = 0;
                poll_fn(|cx| socket.poll_write_all(cx, &head, &content, &mut sent)).await.unwrap();
                assert_eq!(sent, head_bytes + content_bytes);
                drop(socket);
                assert!(reader.join().unwrap().unwrap() == [head, content].concat());
            }
        });
    }

    #[test]
    fn a_staged_close_waits_for_the_peer() {
        on_both(async |ring| {
            let (mut client, mut socket) = pair(&ring);
            let client = thread::spawn(move || {
                client.write_all(&[b'x'; 50_000]).unwrap();
                let mut rest = Vec::new();
                client.read_to_end(&mut rest).map(|_| rest)
            });
            let drained = socket.close(&mut [0; 4096], SMALL, &deadline()).await;
            assert_eq!(drained, Drained::Closed);
            drop(socket);
            assert_eq!(client.join().unwrap().unwrap(), b"", "an end, and no reset");
        });
    }

    #[test]
    fn a_staged_close_is_bounded_in_octets_and_time() {
        on_both(async |ring| {
            let (mut client, mut socket) = pair(&ring);
            let sender = thread::spawn(move || while client.write(&[0; 65536]).is_ok() {});
            let drained = socket.close(&mut [0; 4096], SMALL, &deadline()).await;
            assert_eq!(drained, Drained::TooMuch);
            drop(socket);
            // A ring closes it in its next turn.
            let joined = tokio::task::spawn_blocking(move || sender.join());
            joined.await.unwrap().unwrap();

            let (_silent, mut socket) = pair(&ring);
            let short = Drain { time_max: Duration::from_millis(10), ..SMALL };
            let drained = socket.close(&mut [0; 4096], short, &deadline()).await;
            assert_eq!(drained, Drained::TooLong);
        });
    }

    #[test]
    fn an_abort_is_a_reset() {
        on_both(async |ring| {
            let (mut client, mut socket) = pair(&ring);
            let mut sent = 0;
            poll_fn(|cx| socket.poll_write_all(cx, b"half", b"", &mut sent)).await.unwrap();
            socket.abort();
            let read = move || client.read_to_end(&mut Vec::new());
            let error = tokio::task::spawn_blocking(read).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        });
    }
}
