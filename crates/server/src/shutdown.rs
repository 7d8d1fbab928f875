//! The end of a server: running, then draining, then stopped, and never back.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not begun.
    Running,
    /// No more connections are taken; what is in flight is finished, and idle connections close.
    Draining,
    /// Whatever is left is dropped.
    Stopped,
}

/// The state that all cores share.
#[derive(Debug)]
pub struct Shutdown {
    /// What `changed` holds too, here to be read without a lock.
    state: AtomicU8,
    changed: watch::Sender<State>,
}

impl Shutdown {
    /// A server that runs.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let changed = watch::Sender::new(State::Running);
        Arc::new(Self { state: AtomicU8::new(State::Running as u8), changed })
    }

    /// How far it has come: one load.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Running,
            1 => State::Draining,
            _ => State::Stopped,
        }
    }

    /// Begins draining.
    pub fn drain(&self) {
        self.advance(State::Draining);
    }

    /// Stops at once.
    pub fn stop(&self) {
        self.advance(State::Stopped);
    }

    /// One step further, as each signal asks: drains first, stops at the second.
    pub fn next(&self) {
        match self.state() {
            State::Running => self.drain(),
            State::Draining | State::Stopped => self.stop(),
        }
    }

    /// Waits until `state` or a later one is reached.
    pub async fn reached(&self, state: State) {
        // It can't fail: the sender is held by `self`.
        drop(self.changed.subscribe().wait_for(|now| *now >= state).await);
    }

    fn advance(&self, to: State) {
        self.changed.send_if_modified(|now| {
            let further = to > *now;
            if further {
                *now = to;
                self.state.store(to as u8, Ordering::Release);
            }
            further
        });
    }
}

/// The signals that end a server: SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes them over from the system's default, which would end the process at once.
    ///
    /// # Errors
    /// If the system does not let it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn install() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Takes `shutdown` a step further at each signal, until it has stopped.
    pub async fn follow(mut self, shutdown: &Shutdown) {
        while shutdown.state() != State::Stopped {
            poll_fn(|cx| self.poll_signal(cx)).await;
            shutdown.next();
        }
    }

    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Both are polled, so that both wake.
        let (terminate, interrupt) = (self.terminate.poll_recv(cx), self.interrupt.poll_recv(cx));
        if terminate.is_ready() || interrupt.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A core's view: it passes the news on to the connections of the core, which wait for it each in its
/// own way. Its [`CoreShutdown::run`] must run on that core.
#[derive(Debug)]
pub struct CoreShutdown {
    shared: Arc<Shutdown>,
    watches: RefCell<Watches>,
}

#[derive(Debug, Default)]
struct Watches {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// One connection's eye on the state.
#[derive(Debug)]
pub struct Watch {
    core: Rc<CoreShutdown>,
    slot: usize,
}

impl CoreShutdown {
    /// A core's view of `shared`.
    #[must_use]
    pub fn new(shared: Arc<Shutdown>) -> Rc<Self> {
        Rc::new(Self { shared, watches: RefCell::default() })
    }

    /// Wakes those who watch, at each step.
    pub async fn run(&self) {
        for state in [State::Draining, State::Stopped] {
            self.shared.reached(state).await;
            let wakers: Vec<Waker> =
                self.watches.borrow_mut().wakers.iter_mut().filter_map(Option::take).collect();
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.state()
    }

    /// An eye on the state, for one task.
    #[must_use]
    pub fn watch(self: &Rc<Self>) -> Watch {
        let mut watches = self.watches.borrow_mut();
        let slot = watches.free.pop().unwrap_or_else(|| {
            watches.wakers.push(None);
            watches.wakers.len() - 1
        });
        Watch { core: Rc::clone(self), slot }
    }
}

impl Watch {
    /// How far it has come: one load.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.state()
    }

    /// Ready once `state` or a later one is reached; otherwise the task is woken then.
    pub fn poll_reached(&self, cx: &mut Context<'_>, state: State) -> Poll<()> {
        if self.state() >= state {
            return Poll::Ready(());
        }
        if let Some(slot) = self.core.watches.borrow_mut().wakers.get_mut(self.slot) {
            match slot {
                Some(waker) => waker.clone_from(cx.waker()),
                None => *slot = Some(cx.waker().clone()),
            }
        }
        // It may have changed, and those who watched been woken, since the first look.
        if self.state() >= state { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until `state` or a later one is reached.
    pub async fn reached(&self, state: State) {
        poll_fn(|cx| self.poll_reached(cx, state)).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = self.core.watches.borrow_mut();
        if let Some(slot) = watches.wakers.get_mut(self.slot) {
            *slot = None;
        }
        watches.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use std::thread;
    use tokio::task::spawn_local;

    #[test]
    fn it_only_goes_on() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.state(), State::Running);
        shutdown.next();
        assert_eq!(shutdown.state(), State::Draining);
        shutdown.drain();
        shutdown.next();
        assert_eq!(shutdown.state(), State::Stopped);
        shutdown.drain();
        assert_eq!(shutdown.state(), State::Stopped);
    }

    #[test]
    fn those_who_watch_are_woken_at_each_step_from_another_thread() {
        on_a_core(async {
            let shutdown = Shutdown::new();
            let core = CoreShutdown::new(Arc::clone(&shutdown));
            let running = spawn_local({
                let core = Rc::clone(&core);
                async move { core.run().await }
            });
            let mut waiting = Vec::new();
            for state in [State::Draining, State::Stopped, State::Draining] {
                let watch = core.watch();
                waiting.push(spawn_local(async move {
                    watch.reached(state).await;
                    watch
                }));
            }
            tokio::task::yield_now().await;
            thread::spawn({
                let shutdown = Arc::clone(&shutdown);
                move || shutdown.drain()
            });
            let stopped = waiting.remove(1);
            for task in waiting {
                assert_eq!(task.await.unwrap().state(), State::Draining);
            }
            assert!(!stopped.is_finished());
            shutdown.stop();
            assert_eq!(stopped.await.unwrap().state(), State::Stopped);
            running.await.unwrap();
        });
    }

    #[test]
    fn places_of_those_who_left_are_used_again() {
        let core = CoreShutdown::new(Shutdown::new());
        for _ in 0..1000 {
            let (first, second) = (core.watch(), core.watch());
            assert_ne!(first.slot, second.slot);
        }
        assert_eq!(core.watches.borrow().wakers.len(), 2);
        assert_eq!(core.watches.borrow().free.len(), 2);
    }
}
