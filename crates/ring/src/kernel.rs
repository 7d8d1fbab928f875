//! The kernel's side of a ring: the queues, and the memory that operations read and write. All `unsafe` code stands
//! here, and rests on one rule: that memory is given back only once no operation is under way.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering, fence};

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use rustix::event::{EventfdFlags, eventfd};
use rustix::net::SendFlags;

use crate::Sizes;

/// The group that the buffers for receiving form.
const GROUP: u16 = 0;
/// Memory that both sides see begins with a page.
const PAGE_BYTES: usize = 4096;
/// Runs what the kernel has put off for this thread (io_uring_enter(2)).
const GETEVENTS: u32 = 1;
/// How often the end waits for operations that were cancelled, and how long each time.
const END_WAITS: u32 = 20;
const END_WAIT_NANOS: u32 = 50_000_000;
/// Whether nobody is told of what is done in a call of ours. The kernel says that it put something off, and then looks
/// whether to tell, in this order only where stores are seen in order.
const QUIET: bool = cfg!(target_arch = "x86_64");
/// Whose completion says nothing: that of cancelling.
const NOBODY: u64 = u64::MAX;

/// Memory that both sides see.
struct Shared {
    start: NonNull<u8>,
    layout: Layout,
}

impl Shared {
    fn new(bytes: usize) -> io::Result<Self> {
        let layout = Layout::from_size_align(bytes.max(PAGE_BYTES), PAGE_BYTES)
            .map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, layout })
    }

    /// Where the octet at `at` stands, of which `bytes` follow.
    fn at(&self, at: usize, bytes: usize) -> *mut u8 {
        assert!(at.checked_add(bytes).is_some_and(|end| end <= self.layout.size()));
        // SAFETY: it lies within the allocation, as was just seen.
        unsafe { self.start.as_ptr().add(at) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and given back once.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// What one completion says.
pub(crate) struct Raw {
    pub(crate) token: u64,
    pub(crate) result: i32,
    /// The buffer that was received into, which is now ours.
    pub(crate) buffer: Option<u16>,
    /// Whether nothing more comes of its operation.
    pub(crate) is_over: bool,
}

/// The queues, and all that operations read and write.
pub(crate) struct Kernel {
    ring: IoUring,
    /// Counted up when there is something to run.
    told: OwnedFd,
    // Given back by hand: see `drop`.
    memory: mem::ManuallyDrop<Memory>,
    sizes: Sizes,
    /// What found no room in the queue.
    waiting: VecDeque<squeue::Entry>,
    /// Operations of which no completion was seen.
    under_way: u32,
    /// How many buffers were handed to the kernel so far.
    handed: u16,
}

struct Memory {
    entries: Shared,
    received: Shared,
    sent: Shared,
}

impl Kernel {
    pub(crate) fn new(sizes: Sizes) -> io::Result<Self> {
        let count = usize::from(sizes.receive_buffers);
        if !count.is_power_of_two() || sizes.send_slots > 4096 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_coop_taskrun()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(sizes.submissions.saturating_mul(4))
            .build(sizes.submissions)?;
        if !ring.params().is_feature_nodrop() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // What is put off for this thread makes no ring readable, but it tells an eventfd.
        let told = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        ring.submitter().register_eventfd(told.as_raw_fd())?;
        let memory = Memory {
            entries: Shared::new(count * size_of::<types::BufRingEntry>())?,
            received: Shared::new(count * sizes.receive_bytes as usize)?,
            sent: Shared::new(usize::from(sizes.send_slots) * sizes.send_bytes as usize)?,
        };
        let entries = memory.entries.start.as_ptr() as u64;
        // SAFETY: the memory holds `count` entries, and outlives the ring: see `drop`.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                entries,
                sizes.receive_buffers,
                GROUP,
                0,
            )?;
        }
        let (memory, waiting) = (mem::ManuallyDrop::new(memory), VecDeque::new());
        let mut kernel = Self { ring, told, memory, sizes, waiting, under_way: 0, handed: 0 };
        (0..sizes.receive_buffers).for_each(|buffer| kernel.hand(buffer));
        Ok(kernel)
    }

    /// Hands a buffer to the kernel, to be received into. It must be ours.
    pub(crate) fn hand(&mut self, buffer: u16) {
        let bytes = self.sizes.receive_bytes as usize;
        let octets = self.memory.received.at(usize::from(buffer) * bytes, bytes) as u64;
        let base = self.memory.entries.start.as_ptr().cast::<types::BufRingEntry>();
        let index = usize::from(self.handed & (self.sizes.receive_buffers - 1));
        self.handed = self.handed.wrapping_add(1);
        // SAFETY: the index is below the number of entries; the kernel reads an entry only once the tail is past it.
        unsafe {
            let entry = &mut *base.add(index);
            entry.set_addr(octets);
            entry.set_len(self.sizes.receive_bytes);
            entry.set_bid(buffer);
            let tail = types::BufRingEntry::tail(base).cast::<AtomicU16>();
            (*tail).store(self.handed, Ordering::Release);
        }
    }

    /// What was received into a buffer that is ours.
    pub(crate) fn received(&self, buffer: u16, count: usize) -> &[u8] {
        let bytes = self.sizes.receive_bytes as usize;
        let start = self.memory.received.at(usize::from(buffer) * bytes, count.min(bytes));
        // SAFETY: it is initialised memory of the ring's, and the kernel does not write to a buffer that is ours.
        unsafe { std::slice::from_raw_parts(start, count.min(bytes)) }
    }

    /// The octets of a slot from which nothing is being sent.
    pub(crate) fn slot(&mut self, slot: u16) -> &mut [u8] {
        let bytes = self.sizes.send_bytes as usize;
        let start = self.memory.sent.at(usize::from(slot) * bytes, bytes);
        // SAFETY: it is initialised memory of the ring's, borrowed as the ring is; the kernel only reads of it.
        unsafe { std::slice::from_raw_parts_mut(start, bytes) }
    }

    pub(crate) fn receive(&mut self, socket: RawFd, token: u64) {
        let receive = opcode::RecvMulti::new(types::Fd(socket), GROUP);
        self.ask(receive.build().user_data(token));
    }

    pub(crate) fn send(&mut self, socket: RawFd, slot: u16, (from, to): (u32, u32), token: u64) {
        assert!(from <= to && to <= self.sizes.send_bytes);
        let at = usize::from(slot) * self.sizes.send_bytes as usize + from as usize;
        let octets = self.memory.sent.at(at, (to - from) as usize);
        let send = opcode::Send::new(types::Fd(socket), octets, to - from);
        self.ask(send.flags(SendFlags::NOSIGNAL.bits() as i32).build().user_data(token));
    }

    pub(crate) fn poll(&mut self, socket: RawFd, events: u32, token: u64) {
        self.ask(opcode::PollAdd::new(types::Fd(socket), events).build().user_data(token));
    }

    pub(crate) fn cancel(&mut self, token: u64) {
        self.ask(opcode::AsyncCancel::new(token).build().user_data(NOBODY));
    }

    pub(crate) fn under_way(&self) -> u32 {
        self.under_way
    }

    fn ask(&mut self, entry: squeue::Entry) {
        self.under_way += 1;
        // What waits already goes first.
        if !self.waiting.is_empty() || !push(&mut self.ring, &entry) {
            self.waiting.push_back(entry);
        }
    }

    /// Submits what was asked for, as much as the queue holds, and runs what the kernel has put off; where there is
    /// neither, it is not called.
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        while let Some(entry) = self.waiting.front() {
            if !push(&mut self.ring, entry) {
                break;
            }
            self.waiting.pop_front();
        }
        if !self.has_more() {
            return Ok(());
        }
        let count = u32::try_from(self.ring.submission().len()).unwrap_or(u32::MAX);
        // What is done in this call is seen after it, and needs no telling.
        if QUIET {
            self.ring.completion().disable_eventfd();
        }
        // SAFETY: no argument is passed by address, and `count` entries stand in the queue.
        let entered = unsafe { self.ring.submitter().enter::<()>(count, 0, GETEVENTS, None) };
        if QUIET {
            self.ring.completion().enable_eventfd();
            // What was put off before, and told nobody, is seen by `has_more` now.
            fence(Ordering::SeqCst);
        }
        entered.map(drop)
    }

    /// Whether another call would bring more at once: of what the kernel put off, of completions that found no room,
    /// or of what it did not take.
    pub(crate) fn has_more(&mut self) -> bool {
        let queue = self.ring.submission();
        let is_told = queue.taskrun() || queue.cq_overflow();
        is_told || !queue.is_empty() || !self.waiting.is_empty()
    }

    /// The next completion that is somebody's.
    pub(crate) fn completion(&mut self) -> Option<Raw> {
        loop {
            let entry = self.ring.completion().next()?;
            let (token, result, flags) = (entry.user_data(), entry.result(), entry.flags());
            let is_over = !cqueue::more(flags);
            self.under_way = self.under_way.saturating_sub(u32::from(is_over));
            if token != NOBODY {
                let buffer = cqueue::buffer_select(flags);
                return Some(Raw { token, result, buffer, is_over });
            }
        }
    }

    fn end(&mut self) {
        let all = opcode::AsyncCancel2::new(types::CancelBuilder::any().all());
        self.ask(all.build().user_data(NOBODY));
        while !self.waiting.is_empty() && self.submit().is_ok() {
            while self.completion().is_some() {}
        }
        let wait = types::Timespec::new().nsec(END_WAIT_NANOS);
        for _ in 0..END_WAITS {
            // Should one fail, the next may not; the count decides.
            let _ = self.submit();
            while self.completion().is_some() {}
            if self.under_way == 0 {
                return;
            }
            let arguments = types::SubmitArgs::new().timespec(&wait);
            let _ = self.ring.submitter().submit_with_args(1, &arguments);
        }
    }
}

impl AsFd for Kernel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.end();
        if self.under_way == 0 && self.ring.submitter().unregister_buf_ring(GROUP).is_ok() {
            // SAFETY: nothing is under way and the buffers are the kernel's no more; it is dropped here alone.
            unsafe { mem::ManuallyDrop::drop(&mut self.memory) }
        }
        // Else the memory is never given back: something might still be written to it.
    }
}

fn push(ring: &mut IoUring, entry: &squeue::Entry) -> bool {
    // SAFETY: each entry names memory of the ring's alone, which lives until nothing is under way.
    unsafe { ring.submission().push(entry).is_ok() }
}
