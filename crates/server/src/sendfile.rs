//! Sending a part of a file: from the page cache to the socket, without a copy through this process.
//! The system calls of each platform stand here and nowhere else.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;

use crate::socket::Socket;
use crate::turn::after_the_loop;

/// The most octets of one call and of one turn, so that a connection on a fast network does not hold up the others.
const CALL_BYTES_MAX: u64 = 512 * 1024;

/// The part of a file that is still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSpan {
    /// Offset of the next octet to be sent.
    pub offset: u64,
    /// Offset after the last one.
    pub end: u64,
}

/// Why a file could not be sent to its end.
#[derive(Debug)]
pub enum SendError {
    /// The file ends before the span does: it has shrunk since its length was announced.
    Shrunk,
    /// The file can't be sent in this way (not every file system can); nothing was lost, and what is
    /// left of the span may be read and written instead.
    Unsupported,
    /// The connection broke, or the file could not be read.
    Io(io::Error),
}

impl FileSpan {
    /// How many octets are left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.end.saturating_sub(self.offset)
    }

    /// Sends what is left of the span. The loop waits wherever pages of the file are not in memory, so this
    /// is for files of which they are.
    ///
    /// # Errors
    /// See [`SendError`]; `offset` says how far it came.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        socket: &mut Socket,
        file: impl AsFd,
    ) -> Poll<Result<(), SendError>> {
        while self.left() > 0 {
            let count = self.left().min(CALL_BYTES_MAX) as usize;
            let mut offset = self.offset;
            let send = |to: BorrowedFd<'_>| Ok(send_some(to, file.as_fd(), &mut offset, count)?);
            match ready!(socket.poll_write(cx, send)) {
                Ok(0) => return Poll::Ready(Err(SendError::Shrunk)),
                Ok(sent) => {
                    self.offset += sent as u64;
                    if sent == count && self.left() > 0 {
                        // The others have their turn, and the client takes this meanwhile.
                        after_the_loop(cx);
                        return Poll::Pending;
                    }
                }
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::INVAL | Errno::NOSYS) => {
                        return Poll::Ready(Err(SendError::Unsupported));
                    }
                    _ => return Poll::Ready(Err(SendError::Io(error))),
                },
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Sends up to `count` octets from `offset`; 0 says that the file has ended.
#[cfg(target_os = "linux")]
fn send_some(
    socket: BorrowedFd<'_>,
    file: impl AsFd,
    offset: &mut u64,
    count: usize,
) -> rustix::io::Result<usize> {
    rustix::fs::sendfile(socket, file, Some(offset), count)
}

/// Sends up to `count` octets from `offset`; 0 says that the file has ended.
#[cfg(not(target_os = "linux"))]
fn send_some(
    socket: BorrowedFd<'_>,
    file: impl AsFd,
    offset: &mut u64,
    count: usize,
) -> rustix::io::Result<usize> {
    let mut copy = [0; 16 * 1024];
    let room = count.min(copy.len());
    let read = rustix::io::pread(file, &mut copy[..room], *offset)?;
    if read == 0 { Ok(0) } else { rustix::io::write(socket, &copy[..read]) }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shrunk => f.write_str("the file has become shorter while it was sent"),
            Self::Unsupported => f.write_str("the file can't be sent straight to a socket"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Shrunk | Self::Unsupported => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use std::fs::{self, File};
    use std::future::poll_fn;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream as Client};
    use std::path::PathBuf;
    use std::thread;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, content: &[u8]) -> Self {
            let name = format!("wherefore-sendfile-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, content).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(fs::remove_file(&self.0));
        }
    }

    fn pair() -> (Client, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::connect(listener.local_addr().unwrap()).unwrap();
        let (served, _) = listener.accept().unwrap();
        served.set_nonblocking(true).unwrap();
        (client, Socket::unwatched(served))
    }

    async fn send(socket: &mut Socket, file: &File, span: &mut FileSpan) -> Result<(), SendError> {
        poll_fn(|cx| span.poll_send(cx, socket, file)).await
    }

    #[test]
    fn a_part_arrives_through_a_socket_that_fills_up() {
        on_a_core(async {
            let content: Vec<u8> = (0..20_000_000u32).map(|i| (i % 253) as u8).collect();
            let scratch = Scratch::new("part", &content);
            let file = File::open(&scratch.0).unwrap();
            let (mut client, mut socket) = pair();
            let mut span = FileSpan { offset: 1000, end: content.len() as u64 - 1 };
            let first = loop {
                // Nobody reads yet, so after some turns it has to stop half-way.
                let before = span.offset;
                socket.watched().unwrap().writable().await.unwrap();
                let waited =
                    poll_fn(|cx| Poll::Ready(span.poll_send(cx, &mut socket, &file))).await;
                assert!(waited.is_pending());
                let sent = span.offset - before;
                assert!(sent <= CALL_BYTES_MAX, "one turn's part");
                if sent < CALL_BYTES_MAX {
                    break span.offset;
                }
            };
            assert!(first > 1000 && span.left() > 0);
            let reader = thread::spawn(move || {
                let mut all = Vec::new();
                client.read_to_end(&mut all).map(|_| all)
            });
            send(&mut socket, &file, &mut span).await.unwrap();
            assert_eq!(span.left(), 0);
            drop(socket);
            assert!(reader.join().unwrap().unwrap() == content[1000..content.len() - 1]);
        });
    }

    #[test]
    fn a_file_that_shrank_is_an_error_after_what_there_was() {
        on_a_core(async {
            let scratch = Scratch::new("shrunk", b"0123456789");
            let file = File::open(&scratch.0).unwrap();
            let (mut client, mut socket) = pair();
            let mut span = FileSpan { offset: 2, end: 20 };
            let error = send(&mut socket, &file, &mut span).await.unwrap_err();
            assert!(matches!(error, SendError::Shrunk), "{error:?}");
            assert_eq!(span, FileSpan { offset: 10, end: 20 });
            drop(socket);
            let mut got = Vec::new();
            client.read_to_end(&mut got).unwrap();
            assert_eq!(got, b"23456789");
        });
    }

    #[test]
    fn a_broken_connection_is_an_error() {
        on_a_core(async {
            let scratch = Scratch::new("broken", &vec![1; 10_000_000]);
            let file = File::open(&scratch.0).unwrap();
            let (client, mut socket) = pair();
            drop(client);
            let mut span = FileSpan { offset: 0, end: 10_000_000 };
            let error = send(&mut socket, &file, &mut span).await.unwrap_err();
            assert!(matches!(error, SendError::Io(_)), "{error:?}");
        });
    }

    #[test]
    fn nothing_to_send_is_ready_at_once() {
        on_a_core(async {
            let scratch = Scratch::new("nothing", b"");
            let file = File::open(&scratch.0).unwrap();
            let (_client, mut socket) = pair();
            send(&mut socket, &file, &mut FileSpan { offset: 5, end: 5 }).await.unwrap();
        });
    }
}
