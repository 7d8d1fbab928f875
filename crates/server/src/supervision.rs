//! What is done beside serving, by the thread that sees the cores: reloading, the control socket, and what
//! a supervisor such as systemd is told.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep;
use wherefore_state::Balances;

use crate::control::{self, Commanded, Control};
use crate::core::Ends;
use crate::notice;
use crate::reload::{Reloading, Reloads, reloader};
use crate::shutdown::{Shutdown, State};
use crate::systemd::Notify;

/// What is done beside serving. By default nothing.
#[derive(Default)]
pub struct Supervision {
    /// What is reloaded, and how: when SIGHUP comes, if signals are the server's, or the control socket asks.
    pub reloading: Option<Reloading>,
    /// Where commands are taken.
    pub control: Option<Control>,
    /// The accounts that they may pay into.
    pub balances: Option<Arc<Balances>>,
    /// Who is told how the server fares.
    pub notify: Option<Notify>,
}

/// What is ready to begin: signals are caught from here on.
pub(crate) struct Prepared {
    supervision: Supervision,
    hangup: Option<Signal>,
}

impl Supervision {
    /// Catches the signal that asks for a reload, on the runtime that is current.
    pub(crate) fn prepare(self, ends: Ends) -> io::Result<Prepared> {
        let hangup = match (&self.reloading, ends) {
            (Some(_), Ends::OnSignal) => Some(signal(SignalKind::hangup())?),
            _ => None,
        };
        Ok(Prepared { supervision: self, hangup })
    }
}

impl Prepared {
    /// Begins, once all cores take connections, with tasks on the runtime that is current.
    pub(crate) fn begin(self, shutdown: &Arc<Shutdown>, pulse: &Arc<Pulse>) {
        let Supervision { reloading, control, balances, notify } = self.supervision;
        let notify = notify.map(Arc::new);
        let current = reloading.as_ref().map(|reloading| Arc::clone(&reloading.current));
        let reloads = reloading.map(|reloading| {
            let (reloads, following) = reloader(reloading, notify.clone(), Arc::clone(shutdown));
            tokio::spawn(following);
            reloads
        });
        if let (Some(hangup), Some(reloads)) = (self.hangup, reloads.clone()) {
            tokio::spawn(follow_signal(hangup, reloads));
        }
        if let Some(control) = control {
            let commanded = Commanded { reloads, balances, current };
            tokio::spawn(command(control, commanded, Arc::clone(shutdown)));
        }
        if let Some(notify) = notify {
            notify.ready();
            tokio::spawn(tell(notify, Arc::clone(shutdown), Arc::clone(pulse)));
        }
    }
}

async fn follow_signal(mut hangup: Signal, reloads: Reloads) {
    while hangup.recv().await.is_some() {
        reloads.ask();
    }
}

/// Takes commands until the server begins to end: from then on its place is free for another's.
async fn command(control: Control, commanded: Commanded, shutdown: Arc<Shutdown>) {
    let mut serving = pin!(control::serve(control, commanded));
    let mut draining = pin!(shutdown.reached(State::Draining));
    let served = poll_fn(|cx| match draining.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        Poll::Pending => serving.as_mut().poll(cx),
    });
    if let Err(error) = served.await {
        notice!("no commands are taken any more: {error}");
    }
}

/// Tells the supervisor that all cores live, as often as it wants to hear it, and that the end has begun.
async fn tell(notify: Arc<Notify>, shutdown: Arc<Shutdown>, pulse: Arc<Pulse>) {
    let stopping = async {
        shutdown.reached(State::Draining).await;
        notify.stopping();
    };
    let living = async {
        // Twice within the time, as is asked for, with room for a core that answers late.
        let Some(interval) = notify.watchdog().map(|time| time / 4) else { return };
        loop {
            pulse.ask();
            sleep(interval.max(Duration::from_millis(1))).await;
            // Cores that have ended answer no more, and the end has a bound of its own.
            if pulse.is_answered() || shutdown.state() != State::Running {
                notify.alive();
            }
        }
    };
    let (mut stopping, mut living) = (pin!(stopping), pin!(living));
    let (mut told, mut over) = (false, false);
    poll_fn(|cx| {
        told = told || stopping.as_mut().poll(cx).is_ready();
        over = over || living.as_mut().poll(cx).is_ready();
        if told && over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The question whether all cores still turn their loops, and their answers.
#[derive(Debug)]
pub(crate) struct Pulse {
    cores: usize,
    asked: watch::Sender<()>,
    answers: AtomicUsize,
}

impl Pulse {
    pub(crate) fn new(cores: usize) -> Arc<Self> {
        Arc::new(Self { cores, asked: watch::Sender::new(()), answers: AtomicUsize::new(cores) })
    }

    /// Answers for one core, for ever, on that core. What is asked from now on is heard.
    pub(crate) fn answer(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let (pulse, mut asked) = (Arc::clone(self), self.asked.subscribe());
        async move {
            while asked.changed().await.is_ok() {
                pulse.answers.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Asks, unless some have not answered the last question yet.
    fn ask(&self) {
        if self.is_answered() {
            self.answers.store(0, Ordering::Relaxed);
            self.asked.send_replace(());
        }
    }

    fn is_answered(&self) -> bool {
        self.answers.load(Ordering::Relaxed) >= self.cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use tokio::task::{spawn_local, yield_now};

    #[test]
    fn a_core_that_stands_still_is_noticed() {
        on_a_core(async {
            let pulse = Pulse::new(2);
            let (_steady, stuck) = (spawn_local(pulse.answer()), spawn_local(pulse.answer()));
            for _ in 0..3 {
                pulse.ask();
                assert!(!pulse.is_answered());
                while !pulse.is_answered() {
                    yield_now().await;
                }
            }
            stuck.abort();
            assert!(stuck.await.unwrap_err().is_cancelled());
            pulse.ask();
            while pulse.answers.load(Ordering::Relaxed) == 0 {
                yield_now().await;
            }
            for _ in 0..10 {
                // Asked again and again, one core does not answer for two.
                pulse.ask();
                yield_now().await;
                assert!(!pulse.is_answered());
            }
        });
    }
}
