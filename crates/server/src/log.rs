//! The access log: each core writes its lines to a buffer of its own and hands it, when it is full or
//! has waited long enough, to one thread that writes to the disk. A core never waits for that: if the
//! disk is slower than the requests, lines are dropped, and the number of those is said.

pub mod file;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wherefore_message::date::IMF_FIXDATE_BYTES;

use crate::line::{Format, Line, date_of};
use crate::notice::{Seldom, say};

/// How long a line may wait in a core's buffer.
const WAIT: Duration = Duration::from_millis(150);

/// A buffer of this many octets is handed over at once.
const HAND_OVER_BYTES: usize = 32 * 1024;

/// What a core may hold while the writer is behind, in octets; further lines are dropped.
const BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Buffers that may wait for the writer.
const QUEUE_BUFFERS: usize = 64;

/// Where the cores' logs are made.
#[derive(Clone, Debug)]
pub struct AccessLog {
    format: Format,
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

/// The thread that writes.
#[derive(Debug)]
pub struct Writer {
    queue: SyncSender<Message>,
    done: Receiver<()>,
}

#[derive(Debug)]
enum Message {
    Lines(Vec<u8>),
    End,
}

/// Starts the thread that writes lines to `sink`, such as a file opened to append.
///
/// # Errors
/// If the system gives no thread.
pub fn start(sink: impl Write + Send + 'static, format: Format) -> io::Result<(AccessLog, Writer)> {
    let (queue, messages) = sync_channel(QUEUE_BUFFERS);
    let (ended, done) = sync_channel(1);
    let dropped = Arc::new(AtomicU64::new(0));
    thread::Builder::new().name("access-log".into()).spawn({
        let dropped = Arc::clone(&dropped);
        move || {
            write_all(sink, &messages, &dropped);
            // Nobody may be waiting for it.
            let _ = ended.try_send(());
        }
    })?;
    Ok((AccessLog { format, queue: queue.clone(), dropped }, Writer { queue, done }))
}

fn write_all(mut sink: impl Write, messages: &Receiver<Message>, dropped: &AtomicU64) {
    let failing = Seldom::every(Duration::from_secs(10));
    while let Ok(Message::Lines(lines)) = messages.recv() {
        if let Err(error) = sink.write_all(&lines).and_then(|()| sink.flush()) {
            failing.say(format_args!("the access log can't be written: {error}"));
        }
        say_dropped(dropped);
    }
    say_dropped(dropped);
}

fn say_dropped(dropped: &AtomicU64) {
    match dropped.swap(0, Ordering::Relaxed) {
        0 => {}
        count => say(format_args!("{count} lines of the access log were dropped: it is too slow")),
    }
}

impl Writer {
    /// Waits until all that was handed over is written, at most for `wait`; says whether it was. The cores
    /// have handed over what they have when their logs are dropped.
    #[must_use]
    pub fn finish(self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut message = Message::End;
        loop {
            match self.queue.try_send(message) {
                Ok(()) => break,
                // The thread is gone, so it has written what it was given.
                Err(TrySendError::Disconnected(_)) => return true,
                Err(TrySendError::Full(_)) if Instant::now() >= until => return false,
                Err(TrySendError::Full(again)) => message = again,
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.done.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok()
    }
}

impl AccessLog {
    /// The log of one core.
    #[must_use]
    pub fn core(&self) -> CoreLog {
        CoreLog {
            shared: self.clone(),
            buffer: RefCell::default(),
            lines: Cell::new(0),
            begun: Notify::new(),
            date: Cell::new((0, date_of(0))),
        }
    }
}

/// The log of one core. Its [`CoreLog::run`] must run on that core.
#[derive(Debug)]
pub struct CoreLog {
    shared: AccessLog,
    buffer: RefCell<Vec<u8>>,
    /// How many lines the buffer holds.
    lines: Cell<u64>,
    /// The buffer holds a first line.
    begun: Notify,
    /// The second of the last line, and its date.
    date: Cell<(u64, [u8; IMF_FIXDATE_BYTES])>,
}

impl CoreLog {
    /// Adds a line. It is written within 200 ms, or dropped and counted.
    pub fn write(&self, line: &Line<'_>) {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.len() >= BUFFER_BYTES_MAX {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if buffer.is_empty() {
            self.begun.notify_one();
        }
        line.write(self.shared.format, &self.date(line.unix_millis), &mut buffer);
        self.lines.set(self.lines.get() + 1);
        let full = buffer.len() >= HAND_OVER_BYTES;
        drop(buffer);
        if full {
            self.hand_over();
        }
    }

    /// Hands over what has waited long enough, for ever.
    pub async fn run(&self) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(WAIT).await;
            self.hand_over();
            if !self.buffer.borrow().is_empty() {
                self.begun.notify_one();
            }
        }
    }

    /// Hands the buffer to the writer, if that has room for it; else it stays here.
    pub fn hand_over(&self) {
        let mut buffer = self.buffer.borrow_mut();
        if buffer.is_empty() {
            return;
        }
        match self.shared.queue.try_send(Message::Lines(std::mem::take(&mut buffer))) {
            Ok(()) => {
                buffer.reserve(HAND_OVER_BYTES + HAND_OVER_BYTES / 8);
                self.lines.set(0);
            }
            Err(TrySendError::Full(Message::Lines(lines))) => *buffer = lines,
            Err(_) => self.drop_lines(),
        }
    }

    fn drop_lines(&self) {
        self.shared.dropped.fetch_add(self.lines.replace(0), Ordering::Relaxed);
    }

    fn date(&self, unix_millis: u64) -> [u8; IMF_FIXDATE_BYTES] {
        let (second, date) = self.date.get();
        if second == unix_millis / 1000 {
            return date;
        }
        let date = date_of(unix_millis);
        self.date.set((unix_millis / 1000, date));
        date
    }
}

impl Drop for CoreLog {
    fn drop(&mut self) {
        self.hand_over();
        self.drop_lines();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::tests::paused;
    use std::rc::Rc;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use tokio::task::spawn_local;
    use wherefore_message::{Status, Version};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Memory {
        fn lines(&self) -> usize {
            self.0.lock().unwrap().iter().filter(|octet| **octet == b'\n').count()
        }
    }

    impl Write for Memory {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A sink that takes nothing until the other end says so.
    struct Stuck(Receiver<()>, Memory);

    impl Write for Stuck {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            // An error is the word to go on for good.
            let _ = self.0.recv();
            self.1.write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write(log: &CoreLog, count: usize) {
        let random = Random::from_seed(1);
        for i in 0..count {
            log.write(&Line {
                unix_millis: i as u64 * 10,
                client: [127, 0, 0, 1].into(),
                method: b"GET",
                target: b"/a/b/c",
                version: Version::HTTP_11,
                status: Some(Status::OK),
                octets: 5,
                duration_micros: 7,
                rule: "found",
                upstream: None,
                hedged: None,
                cause: None,
                request_id: random.request_id(),
                referer: None,
                user_agent: None,
            });
        }
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn every_line_of_every_core_is_written_by_the_end() {
        let memory = Memory::default();
        let (log, writer) = start(memory.clone(), Format::Json).unwrap();
        thread::scope(|scope| {
            for _ in 0..3 {
                let log = log.clone();
                scope.spawn(move || write(&log.core(), 2000));
            }
        });
        assert!(writer.finish(LONG));
        assert_eq!(memory.lines(), 6000);
        for line in memory.0.lock().unwrap().split(|octet| *octet == b'\n') {
            assert!(line.is_empty() || serde_json::from_slice::<serde_json::Value>(line).is_ok());
        }
    }

    #[test]
    fn an_idle_core_hands_its_lines_over_soon() {
        paused(async {
            let memory = Memory::default();
            let (log, writer) = start(memory.clone(), Format::Text).unwrap();
            let core = Rc::new(log.core());
            spawn_local({
                let core = Rc::clone(&core);
                async move { core.run().await }
            });
            for _ in 0..2 {
                write(&core, 3);
                assert!(!core.buffer.borrow().is_empty());
                tokio::time::sleep(Duration::from_millis(200)).await;
                assert!(core.buffer.borrow().is_empty());
            }
            assert!(writer.finish(LONG));
            assert_eq!(memory.lines(), 6);
        });
    }

    #[test]
    fn a_stuck_disk_costs_lines_but_never_a_wait() {
        let (go_on, wait) = channel::<()>();
        let memory = Memory::default();
        let (log, writer) = start(Stuck(wait, memory.clone()), Format::Text).unwrap();
        let core = log.core();
        let room = (QUEUE_BUFFERS + 1) * HAND_OVER_BYTES + BUFFER_BYTES_MAX;
        let count = 2 * room / 100;
        write(&core, count);
        let dropped = log.dropped.load(Ordering::Relaxed);
        assert!(dropped > 0 && dropped < count as u64);
        assert!(core.buffer.borrow().len() < BUFFER_BYTES_MAX + 1000);

        drop(go_on);
        // Room comes as the writer goes on, so what the core still holds is not lost.
        while !core.buffer.borrow().is_empty() {
            core.hand_over();
            thread::yield_now();
        }
        drop(core);
        assert!(writer.finish(LONG));
        assert_eq!(memory.lines() as u64 + dropped, count as u64);
        assert_eq!(log.dropped.load(Ordering::Relaxed), 0, "their number was said");
    }

    #[test]
    fn a_disk_that_stays_stuck_does_not_hold_up_the_end() {
        let fills_the_queue = (QUEUE_BUFFERS + 2) * HAND_OVER_BYTES / 90;
        for count in [10, fills_the_queue] {
            let (_hold, wait) = channel::<()>();
            let (log, writer) = start(Stuck(wait, Memory::default()), Format::Text).unwrap();
            write(&log.core(), count);
            assert!(!writer.finish(Duration::from_millis(20)));
        }
    }
}
