//! Sending: what was written goes with one call, files go from the page cache, and a client that takes
//! nothing for too long is given up.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use wherefore_message::range::ByteRange;
use wherefore_origin::multipart::Piece;
use wherefore_origin::read::{Content, OpenFile};
use wherefore_store::{StoreError, Wait};

use crate::sendfile::{FileSpan, SendError};
use crate::service::Service;
use crate::socket::Socket;
use crate::wheel::Deadline;

/// Content up to this many octets is copied behind its head, to leave with it in one call.
pub(crate) const COPIED_BYTES_MAX: usize = 16 << 10;
/// How much of a file is looked after at a time, in octets.
const STRETCH_BYTES: u64 = 2 << 20;
/// How much is read at once where the kernel can't send by itself, in octets.
const READ_BYTES: usize = 256 << 10;

/// What sends on one connection.
pub(crate) struct Sender<'a> {
    pub(crate) service: &'a Service,
    pub(crate) socket: &'a mut Socket,
    pub(crate) deadline: &'a Deadline,
    pub(crate) output: &'a mut Vec<u8>,
}

/// Where a stretch stands in what is sent of a file.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Others follow.
    Before,
    /// It is the last.
    Last,
}

/// An answer that was not sent whole.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// How much of its content was.
    pub(crate) octets: u64,
}

const NOTHING: Trouble = Trouble { octets: 0 };

impl Sender<'_> {
    /// Sends what was written.
    pub(crate) async fn flush(&mut self) -> Result<(), Trouble> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.write(&[]).await.map_err(|_| NOTHING)
    }

    /// Sends an answer's content, with what was written before it. Small content is written, and leaves
    /// with the next flush.
    pub(crate) async fn content(&mut self, content: &Content) -> Result<(), Trouble> {
        match content {
            // What is encoded on the way goes in chunks, by whoever frames them.
            Content::None | Content::Absent(_) | Content::Encoding(_) => Ok(()),
            Content::Made(octets) => self.octets(octets).await.map_err(|_| NOTHING),
            Content::File(file, range) => self.range(file, *range).await,
            Content::Pieces(file, pieces, _) => {
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => {
                            self.octets(text.as_bytes()).await.map_err(|_| NOTHING)?;
                        }
                        Piece::Range(range) => self.range(file, *range).await?,
                    }
                }
                Ok(())
            }
        }
    }

    pub(crate) async fn octets(&mut self, octets: &[u8]) -> io::Result<()> {
        if octets.len() <= COPIED_BYTES_MAX {
            self.output.extend_from_slice(octets);
            return Ok(());
        }
        self.write(octets).await
    }

    async fn range(&mut self, file: &Rc<OpenFile>, range: ByteRange) -> Result<(), Trouble> {
        if let Some(octets) = &file.octets {
            let part = octets.get(range.first as usize..=range.last as usize).unwrap_or_default();
            return self.octets(part).await.map_err(|_| NOTHING);
        }
        self.flush().await?;
        let (mut at, end) = (range.first, range.last + 1);
        while at < end {
            let stretch = FileSpan { offset: at, end: end.min(at + STRETCH_BYTES) };
            let trouble = |_| Trouble { octets: at - range.first };
            self.warm(file, stretch).await.map_err(trouble)?;
            let place = if stretch.end == end { Place::Last } else { Place::Before };
            self.stretch(file, stretch, place).await.map_err(trouble)?;
            at = stretch.end;
        }
        Ok(())
    }

    /// Sees to it that the stretch is in memory, so that sending it holds up no one else. The first octet
    /// and the last stand for those between: a file that is read from front to end is read ahead.
    async fn warm(&self, file: &Rc<OpenFile>, stretch: FileSpan) -> io::Result<()> {
        let is_cached = |offset| match file.handle.read_at(offset, &mut [0], Wait::No) {
            Err(StoreError::WouldWait) => false,
            // Any other trouble shows when the octets are sent.
            Ok(_) | Err(_) => true,
        };
        if is_cached(stretch.offset) && is_cached(stretch.end - 1) {
            return Ok(());
        }
        let file = OpenFile::clone(file);
        let read = move || {
            let mut at = stretch.offset;
            while at < stretch.end {
                let left = usize::try_from(stretch.end - at).unwrap_or(READ_BYTES);
                at += file.read(at, left.min(READ_BYTES), Wait::Yes)?.len() as u64;
            }
            Ok::<(), StoreError>(())
        };
        match self.service.core.workers.run(read).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::Other.into()),
        }
    }

    /// Sends the stretch. The file is looked at again each time before something of the last one leaves,
    /// so also after each wait for the client: an answer of two versions must never look whole.
    async fn stretch(
        &mut self,
        file: &Rc<OpenFile>,
        mut stretch: FileSpan,
        place: Place,
    ) -> io::Result<()> {
        let is_changed = || place == Place::Last && !file.is_unchanged();
        if let Some(descriptor) = file.handle.descriptor() {
            let mut patience = Patience::new(self.deadline, self.service.core.limits.send_time());
            let sent = poll_fn(|cx| {
                if is_changed() {
                    return Poll::Ready(Err(SendError::Io(io::ErrorKind::UnexpectedEof.into())));
                }
                let before = stretch.offset;
                match self.socket.poll_send_file(cx, descriptor, &mut stretch) {
                    Poll::Ready(sent) => Poll::Ready(sent),
                    Poll::Pending => {
                        let waited = patience.poll(cx, stretch.offset != before);
                        waited.map(|error| Err(SendError::Io(error)))
                    }
                }
            })
            .await;
            match sent {
                Ok(()) => return Ok(()),
                Err(SendError::Unsupported) => {}
                Err(SendError::Shrunk) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(SendError::Io(error)) => return Err(error),
            }
        }
        while stretch.left() > 0 {
            let wanted = usize::try_from(stretch.left()).unwrap_or(READ_BYTES).min(READ_BYTES);
            let octets = match file.read(stretch.offset, wanted, Wait::No) {
                Err(StoreError::WouldWait) => {
                    let (file, at) = (OpenFile::clone(file), stretch.offset);
                    let read = move || file.read(at, wanted, Wait::Yes);
                    let read = self.service.core.workers.run(read).await;
                    read.map_err(io::Error::other)?.map_err(io::Error::other)?
                }
                other => other.map_err(io::Error::other)?,
            };
            if is_changed() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.write(&octets).await?;
            stretch.offset += octets.len() as u64;
        }
        Ok(())
    }

    /// Sends what was written, and `content` behind it.
    async fn write(&mut self, content: &[u8]) -> io::Result<()> {
        let mut patience = Patience::new(self.deadline, self.service.core.limits.send_time());
        let (mut sent, mut unsent) = (0, 0);
        let written = poll_fn(|cx| {
            let before = (sent, unsent);
            match self.socket.poll_write_all(cx, self.output, content, &mut sent) {
                Poll::Ready(written) => Poll::Ready(written),
                Poll::Pending => {
                    unsent = self.socket.unsent_bytes();
                    patience.poll(cx, (sent, unsent) != before).map(Err)
                }
            }
        })
        .await;
        self.output.clear();
        written
    }
}

/// Waits until the kernel has all that was written; an error once the client takes nothing for too long.
pub(crate) async fn settle(
    socket: &mut Socket,
    deadline: &Deadline,
    time_max: Duration,
) -> io::Result<()> {
    let mut patience = Patience::new(deadline, time_max);
    let mut unsent = 0;
    let settled = poll_fn(|cx| match socket.poll_sent(cx) {
        Poll::Ready(sent) => Poll::Ready(sent),
        Poll::Pending => {
            let before = std::mem::replace(&mut unsent, socket.unsent_bytes());
            patience.poll(cx, unsent != before).map(Err)
        }
    })
    .await;
    deadline.clear();
    settled
}

/// How long a client may take nothing.
struct Patience<'a> {
    deadline: &'a Deadline,
    time_max: Duration,
    waits: bool,
}

impl<'a> Patience<'a> {
    const fn new(deadline: &'a Deadline, time_max: Duration) -> Self {
        Self { deadline, time_max, waits: false }
    }

    /// Ready with an error once nothing was taken for too long.
    fn poll(&mut self, cx: &mut Context<'_>, progress: bool) -> Poll<io::Error> {
        if progress || !self.waits {
            self.waits = true;
            self.deadline.set_in(self.time_max);
        }
        self.deadline.poll_expired(cx).map(|()| io::ErrorKind::TimedOut.into())
    }
}
