//! What a connection reads into and writes from: taken from a core's pool while there is something to
//! read or write, so that an idle connection holds none.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The size of a fresh read buffer in octets: room for nearly every head with some content behind it. Hundreds of
/// them may be in use at once.
pub const READ_BYTES: usize = 8 * 1024;

/// The room in octets for content of which nobody knows how long it is, at first.
const UNKNOWN_READ_BYTES: usize = 16 * 1024;
/// The most room in octets that any content has.
const CONTENT_READ_BYTES: usize = 64 * 1024;
/// The room in octets for content that comes so fast that it fills the other: the network has less to do then, of
/// which each reading makes it tell the sender how much it may send.
const WIDE_READ_BYTES: usize = 512 * 1024;
/// How many buffers of a core may be so wide at once.
const WIDE_MAX: usize = 16;

/// The largest write buffer that is kept for the next connection, in octets.
const WRITE_BYTES_KEPT_MAX: usize = 64 * 1024;

/// Octets that were read, in order: the kept head of the current message, then what is not consumed
/// yet, then room for more.
///
/// ```text
/// 0        head       start          end          capacity
/// |  head   | (dropped) |   unread    |   spare     |
/// ```
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    head: usize,
    start: usize,
    end: usize,
    /// Whether what was read last filled it.
    was_filled: bool,
    width: Width,
}

/// How wide a buffer may become.
#[derive(Debug)]
enum Width {
    /// As wide as any.
    Usual,
    /// Wider, as one of few.
    Wide(#[allow(dead_code, reason = "held until it is dropped")] Place),
    /// As wide as any until the message is over, since who takes it is slow.
    Narrow,
}

/// One of a core's few places for wide buffers.
#[derive(Debug)]
struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// There is no room for more, and the buffer is as large as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Buffer {
    /// An empty buffer with room for `bytes` octets.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        let (was_filled, width) = (false, Width::Usual);
        Self { bytes: vec![0; bytes], head: 0, start: 0, end: 0, was_filled, width }
    }

    /// What was read and is not consumed.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The kept head; empty if none is kept.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.bytes[..self.head]
    }

    /// The kept head and what is unread after it, at once.
    #[must_use]
    pub fn head_and_unread(&self) -> (&[u8], &[u8]) {
        (self.head(), self.unread())
    }

    /// Room to read into; tell [`Buffer::filled`] how much of it was used. [`Buffer::make_room`] makes more.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// The first `count` octets of the spare room have been read.
    ///
    /// # Panics
    /// If there was not so much room: the caller would have counted octets that no one wrote.
    pub fn filled(&mut self, count: usize) {
        assert!(count <= self.bytes.len() - self.end, "more was read than there was room for");
        self.end += count;
        self.was_filled = self.end == self.bytes.len();
    }

    /// Drops the first `count` unread octets.
    ///
    /// # Panics
    /// If fewer are unread.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "more was consumed than was read");
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (self.head, self.head);
        }
    }

    /// Keeps the first `count` unread octets at the front, as the head of the current message, until
    /// [`Buffer::release_head`]; they are consumed by this. A head kept before is released.
    ///
    /// # Panics
    /// If fewer are unread.
    pub fn keep_head(&mut self, count: usize) {
        assert!(count <= self.end - self.start, "a longer head was kept than was read");
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
        }
        (self.head, self.start) = (count, count);
    }

    /// The head is needed no longer, nor is more room than usual: its message is over.
    pub fn release_head(&mut self) {
        self.head = 0;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if !matches!(self.width, Width::Usual) {
            self.shrink();
            self.width = Width::Usual;
        }
    }

    /// Is no wider than usual until the message is over. To be called when who takes it turns out to be slow.
    pub fn narrow(&mut self) {
        self.shrink();
        self.width = Width::Narrow;
    }

    fn shrink(&mut self) {
        let unread = self.end - self.start;
        if self.bytes.len() > self.head + CONTENT_READ_BYTES.max(unread) {
            let mut bytes = vec![0; self.head + CONTENT_READ_BYTES.max(unread)];
            bytes[..self.head].copy_from_slice(&self.bytes[..self.head]);
            bytes[self.head..self.head + unread].copy_from_slice(&self.bytes[self.start..self.end]);
            (self.bytes, self.start, self.end) = (bytes, self.head, self.head + unread);
        }
    }

    /// Makes sure that there is spare room: moves what is unread to the front, else doubles the buffer,
    /// up to `bytes_max` octets in all.
    ///
    /// # Errors
    /// If it is full and as large as that already.
    pub fn make_room(&mut self, bytes_max: usize) -> Result<(), Full> {
        if self.end < self.bytes.len() {
            return Ok(());
        }
        if self.start > self.head {
            self.bytes.copy_within(self.start..self.end, self.head);
            self.end -= self.start - self.head;
            self.start = self.head;
            return Ok(());
        }
        let larger = self.bytes.len().saturating_mul(2).max(READ_BYTES).min(bytes_max);
        if larger <= self.bytes.len() {
            return Err(Full);
        }
        self.bytes.resize(larger, 0);
        Ok(())
    }

    /// Whether it holds nothing: neither head nor unread octets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.head == 0 && self.start == self.end
    }
}

/// The buffers of one core that no connection uses at the moment.
#[derive(Debug)]
pub struct Buffers {
    kept_max: usize,
    read: RefCell<Vec<Buffer>>,
    write: RefCell<Vec<Vec<u8>>>,
    /// How many more may be wide.
    wide_left: Rc<Cell<usize>>,
}

impl Buffers {
    /// An empty pool that keeps at most `kept_max` buffers of each sort.
    #[must_use]
    pub fn new(kept_max: usize) -> Self {
        let wide_left = Rc::new(Cell::new(WIDE_MAX));
        Self { kept_max, read: RefCell::default(), write: RefCell::default(), wide_left }
    }

    /// Makes room in `buffer` for content of which so many octets are still to come, if that is known, or for a part of
    /// them: the more, the faster they come.
    pub fn widen(&self, buffer: &mut Buffer, left: Option<u64>) {
        let room = buffer.bytes.len() - buffer.head;
        let is_fast = buffer.was_filled && room >= UNKNOWN_READ_BYTES;
        let mut max =
            if left.is_some() || is_fast { CONTENT_READ_BYTES } else { UNKNOWN_READ_BYTES };
        if is_fast
            && room >= CONTENT_READ_BYTES
            && left.is_none_or(|left| left > CONTENT_READ_BYTES as u64)
            && matches!(buffer.width, Width::Usual)
            && let Some(place) = self.try_place()
        {
            buffer.width = Width::Wide(place);
        }
        if matches!(buffer.width, Width::Wide(_)) {
            max = WIDE_READ_BYTES;
        }
        let left = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let wanted = buffer.head + left.min(max);
        if buffer.bytes.len() < wanted {
            buffer.bytes.resize(wanted, 0);
        }
    }

    fn try_place(&self) -> Option<Place> {
        let left = self.wide_left.get().checked_sub(1)?;
        self.wide_left.set(left);
        Some(Place(Rc::clone(&self.wide_left)))
    }

    /// An empty read buffer of [`READ_BYTES`].
    #[must_use]
    pub fn take_read(&self) -> Buffer {
        self.read.borrow_mut().pop().unwrap_or_else(|| Buffer::with_room(READ_BYTES))
    }

    /// Gives a read buffer back; what it holds is dropped. One that has grown is freed.
    pub fn give_read(&self, buffer: Buffer) {
        let mut kept = self.read.borrow_mut();
        if kept.len() < self.kept_max && buffer.bytes.len() == READ_BYTES {
            kept.push(Buffer { bytes: buffer.bytes, ..Buffer::with_room(0) });
        }
    }

    /// An empty buffer to write into.
    #[must_use]
    pub fn take_write(&self) -> Vec<u8> {
        self.write.borrow_mut().pop().unwrap_or_default()
    }

    /// Gives a write buffer back. One that has grown large is freed.
    pub fn give_write(&self, mut buffer: Vec<u8>) {
        let mut kept = self.write.borrow_mut();
        if kept.len() < self.kept_max && (1..=WRITE_BYTES_KEPT_MAX).contains(&buffer.capacity()) {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(buffer: &mut Buffer, octets: &[u8]) {
        buffer.spare()[..octets.len()].copy_from_slice(octets);
        buffer.filled(octets.len());
    }

    #[test]
    fn a_head_stays_while_content_passes() {
        let mut buffer = Buffer::with_room(16);
        fill(&mut buffer, b"xxHEAD1234");
        buffer.consume(2);
        buffer.keep_head(4);
        assert_eq!(buffer.head_and_unread(), (&b"HEAD"[..], &b"1234"[..]));
        buffer.consume(4);
        for _ in 0..10 {
            fill(&mut buffer, b"0123456789ab");
            assert_eq!(buffer.make_room(16), Err(Full));
            buffer.consume(5);
            buffer.make_room(16).unwrap();
            assert_eq!(buffer.head_and_unread(), (&b"HEAD"[..], &b"56789ab"[..]));
            buffer.consume(7);
        }
        fill(&mut buffer, b"next");
        buffer.release_head();
        assert_eq!((buffer.head(), buffer.unread()), (&b""[..], &b"next"[..]));
        buffer.keep_head(4);
        assert_eq!(buffer.head(), b"next");
        buffer.release_head();
        assert!(buffer.is_empty());
    }

    #[test]
    fn it_grows_to_its_limit_and_no_further() {
        let mut buffer = Buffer::with_room(READ_BYTES);
        let all = READ_BYTES * 3;
        while buffer.unread().len() < all {
            buffer.make_room(all).unwrap();
            let room = buffer.spare().len();
            fill(&mut buffer, &vec![7; room]);
        }
        assert_eq!(buffer.unread().len(), all);
        assert_eq!(buffer.make_room(all), Err(Full));
    }

    fn fill_all(buffer: &mut Buffer) {
        let room = buffer.spare().len();
        fill(buffer, &vec![7; room]);
        let unread = buffer.unread().len();
        buffer.consume(unread);
    }

    #[test]
    fn it_is_widened_for_content_within_bounds() {
        let pool = Buffers::new(2);
        let mut buffer = Buffer::with_room(READ_BYTES);
        fill(&mut buffer, b"head12");
        buffer.keep_head(4);
        pool.widen(&mut buffer, Some(100));
        assert_eq!(buffer.bytes.len(), READ_BYTES, "it is wide enough");
        pool.widen(&mut buffer, Some(10_000));
        assert_eq!(buffer.bytes.len(), 4 + 10_000);
        pool.widen(&mut buffer, None);
        assert_eq!(buffer.bytes.len(), 4 + UNKNOWN_READ_BYTES);
        pool.widen(&mut buffer, None);
        assert_eq!(buffer.bytes.len(), 4 + UNKNOWN_READ_BYTES, "it was not filled");
        pool.widen(&mut buffer, Some(u64::MAX));
        assert_eq!(buffer.bytes.len(), 4 + CONTENT_READ_BYTES);
        assert_eq!(buffer.head_and_unread(), (&b"head"[..], &b"12"[..]));
    }

    #[test]
    fn what_comes_fast_has_more_room_until_its_message_is_over() {
        let pool = Buffers::new(2);
        let mut buffer = Buffer::with_room(READ_BYTES);
        fill(&mut buffer, b"head12");
        buffer.keep_head(4);
        for bytes in [UNKNOWN_READ_BYTES, CONTENT_READ_BYTES, WIDE_READ_BYTES, WIDE_READ_BYTES] {
            pool.widen(&mut buffer, None);
            assert_eq!(buffer.bytes.len(), 4 + bytes);
            fill_all(&mut buffer);
        }
        assert_eq!(pool.wide_left.get(), WIDE_MAX - 1);
        assert_eq!(buffer.head(), b"head");
        fill(&mut buffer, b"next");
        buffer.release_head();
        assert_eq!(buffer.unread(), b"next");
        assert_eq!((buffer.bytes.len(), pool.wide_left.get()), (CONTENT_READ_BYTES, WIDE_MAX));

        // One that is known to be at its end needs no more.
        fill_all(&mut buffer);
        pool.widen(&mut buffer, Some(CONTENT_READ_BYTES as u64));
        assert_eq!((buffer.bytes.len(), pool.wide_left.get()), (CONTENT_READ_BYTES, WIDE_MAX));
    }

    #[test]
    fn few_are_wide_and_none_whose_taker_is_slow() {
        let pool = Buffers::new(2);
        let wide = || {
            let mut buffer = Buffer::with_room(CONTENT_READ_BYTES);
            fill_all(&mut buffer);
            pool.widen(&mut buffer, None);
            buffer
        };
        let mut buffers: Vec<_> = (0..=WIDE_MAX).map(|_| wide()).collect();
        let widths: Vec<_> = buffers.iter().map(|buffer| buffer.bytes.len()).collect();
        assert_eq!(widths[..WIDE_MAX], [WIDE_READ_BYTES; WIDE_MAX]);
        assert_eq!(widths[WIDE_MAX], CONTENT_READ_BYTES);
        fill(&mut buffers[0], b"unread");
        buffers[0].narrow();
        assert_eq!(buffers[0].unread(), b"unread");
        assert_eq!(buffers[0].bytes.len(), CONTENT_READ_BYTES);
        fill_all(&mut buffers[0]);
        pool.widen(&mut buffers[0], None);
        assert_eq!(buffers[0].bytes.len(), CONTENT_READ_BYTES);
        assert_eq!(wide().bytes.len(), WIDE_READ_BYTES, "a place was given back");
        drop(buffers);
        assert_eq!(pool.wide_left.get(), WIDE_MAX);
    }

    #[test]
    fn the_pool_is_bounded_and_gives_only_empty_buffers() {
        let pool = Buffers::new(2);
        let mut taken: Vec<_> = (0..4).map(|_| pool.take_read()).collect();
        fill(&mut taken[0], b"of another connection");
        taken[0].keep_head(2);
        taken[1].bytes.resize(READ_BYTES * 2, 0);
        taken.into_iter().for_each(|buffer| pool.give_read(buffer));
        assert_eq!(pool.read.borrow().len(), 2);
        assert!(pool.read.borrow().iter().all(|b| b.is_empty() && b.bytes.len() == READ_BYTES));

        pool.give_write(Vec::with_capacity(WRITE_BYTES_KEPT_MAX + 1));
        pool.give_write(Vec::new());
        assert!(pool.write.borrow().is_empty(), "too large, or nothing worth keeping");
        pool.give_write(b"old".to_vec());
        let again = pool.take_write();
        assert!(again.is_empty() && again.capacity() >= 3);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Fill(Vec<u8>),
        Consume(usize),
        Keep(usize),
        Release,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12).prop_map(Step::Fill),
            (0usize..12).prop_map(Step::Consume),
            (0usize..12).prop_map(Step::Keep),
            Just(Step::Release),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        /// Whatever is done, the buffer holds what two plain vectors would.
        #[test]
        fn equal_to_plain_vectors(steps in steps()) {
            let mut buffer = Buffer::with_room(8);
            let (mut head, mut unread) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Fill(octets) => {
                        for octet in octets {
                            buffer.make_room(1 << 20).unwrap();
                            fill(&mut buffer, &[octet]);
                            unread.push(octet);
                        }
                    }
                    Step::Consume(count) => {
                        let count = count.min(unread.len());
                        buffer.consume(count);
                        unread.drain(..count);
                    }
                    Step::Keep(count) => {
                        let count = count.min(unread.len());
                        buffer.keep_head(count);
                        head = unread.drain(..count).collect();
                    }
                    Step::Release => {
                        buffer.release_head();
                        head.clear();
                    }
                }
                prop_assert_eq!(buffer.head_and_unread(), (&head[..], &unread[..]));
            }
        }
    }
}
