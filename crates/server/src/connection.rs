//! A connection while it has a task: active with what exchanges need, idle with nothing in hand until the next
//! request is no longer likely to come soon, and one of the ways to close. Then it waits where it has no task.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::task::spawn_local;
use wherefore_h1::Server;

use crate::admission::Refusal;
use crate::answer::Answer;
use crate::buffer::{Buffer, Buffers};
use crate::clock::Millis;
use crate::core::{Arrival, Before, Brought};
use crate::h1::H1;
use crate::listen::Opening;
use crate::proxied;
use crate::send::settle;
use crate::service::Service;
use crate::shutdown::State;
use crate::socket::{Drain, Socket};
use crate::wheel::Deadline;

/// How long a connection on which nothing comes keeps its task, and some their buffers; a timer's tick is about as long.
pub(crate) const SOON: Duration = Duration::from_millis(100);

/// Serves one connection until it is closed, or nothing more is to be expected on it soon.
pub(crate) async fn connection(
    service: &Rc<Service>,
    socket: &mut Socket,
    peer: &SocketAddr,
    place: Place,
    before: Before,
) -> Left {
    let deadline = service.core.wheel.deadline();
    let mut rhythm = Rhythm::after(before, service.core.clock.now());
    // On one that nobody watches yet, the request may have come with it.
    let mut is_silent = socket.is_watched();
    let end = loop {
        if is_silent {
            let mut waiting = idle(service, socket, &deadline, place, &rhythm);
            let came = match &mut waiting {
                Some(waiting) => waiting.await,
                None => Idle::Silent,
            };
            drop(waiting);
            match came {
                Idle::Readable => rhythm.goes_on(),
                Idle::Silent if poll_fn(|cx| socket.poll_quiet(cx)).await => {
                    let Rhythm { since, brought, .. } = rhythm;
                    return Left::Silent { since, brought };
                }
                Idle::Silent => rhythm.goes_on(),
                Idle::Over => return Left::Nothing,
            }
        }
        let mut active = service.take_active();
        let end = {
            let on = On { service, socket, deadline: &deadline, peer: *peer, rhythm: &mut rhythm };
            Box::pin(active.run(on, place)).await
        };
        service.give_active(active);
        let is_settled = socket.unsent_bytes() == 0 || matches!(end, End::Abort);
        // Apart, since hardly any has to wait.
        if !is_settled {
            let settled = settle(socket, &deadline, service.core.limits.send_time());
            if Box::pin(settled).await.is_err() {
                break End::Abort;
            }
        }
        match end {
            End::Idle => is_silent = true,
            end => break end,
        }
    };
    match end {
        End::Idle | End::Close => {}
        End::Abort => socket.abort(),
        // Apart, so that a connection that is idle does not hold room for it.
        End::Linger => Box::pin(linger(service, socket, &deadline)).await,
    }
    Left::Nothing
}

/// What is left of a connection when its task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: it is closed.
    Nothing,
    /// All of it, to wait for the next request.
    Silent {
        /// Since when nothing has happened on it.
        since: Millis,
        /// What has come on it before that.
        brought: Brought,
    },
}

/// How requests have come on a connection so far.
#[derive(Debug)]
pub(crate) struct Rhythm {
    pub(crate) pace: Pace,
    pub(crate) brought: Brought,
    /// Since when nothing has come, and nothing is under way.
    pub(crate) since: Millis,
}

/// How soon the next request of a connection is to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nobody knows: it is new.
    New,
    /// Soon, as the last one came soon.
    Busy,
    /// Not soon: it was silent for a while before the last one.
    Sparse,
}

impl Rhythm {
    fn after(before: Before, now: Millis) -> Self {
        let pace = match before {
            Before::Nothing => Pace::New,
            Before::Parked { silence, .. } if silence >= SOON => Pace::Sparse,
            // One that waited only for its first request is as good as new.
            Before::Parked { brought: Brought::Nothing, .. } => Pace::New,
            Before::Parked { brought: Brought::Requests, .. } => Pace::Busy,
        };
        Self { pace, brought: before.brought(), since: now }
    }

    /// Something has come soon after what came before it, if anything did.
    fn goes_on(&mut self) {
        if self.brought == Brought::Requests {
            self.pace = Pace::Busy;
        }
    }
}

/// Closes so that the last answer is not lost on its way.
async fn linger(service: &Service, socket: &mut Socket, deadline: &Deadline) {
    let limits = &service.core.limits;
    let drain = Drain { bytes_max: limits.linger_bytes, time_max: limits.linger_time() };
    let mut scratch = service.core.buffers.take_read();
    socket.close(scratch.spare(), drain, deadline).await;
    service.core.buffers.give_read(scratch);
}

/// How a connection that has no place among the others is told so: a few at a time read one request, and
/// are answered 503; more are closed at once.
pub(crate) fn turn_away(service: &Rc<Service>, arrival: Arrival, _: Refusal) {
    if let Some(place) = service.try_turn_away() {
        let service = Rc::clone(service);
        let Arrival { stream, peer, opening, .. } = arrival;
        let mut socket = Socket::unwatched(stream);
        spawn_local(async move {
            let peer = match opening {
                Opening::Request => Some(peer),
                Opening::ProxyHeader => proxied::open(&service, &mut socket, peer).await,
            };
            if let Some(peer) = peer {
                connection(&service, &mut socket, &peer, Place::None, Before::Nothing).await;
            }
            drop(place);
        });
    }
}

/// The same for a connection of which it is known only now who is at its other end.
pub(crate) async fn turn_away_opened(
    service: &Rc<Service>,
    socket: &mut Socket,
    peer: SocketAddr,
    _: Refusal,
) {
    if let Some(place) = service.try_turn_away() {
        connection(service, socket, &peer, Place::None, Before::Nothing).await;
        drop(place);
    }
}

/// Whether a connection has a place among those that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is served.
    Admitted,
    /// It is told that there is no room.
    None,
}

/// What came of waiting with nothing in hand.
enum Idle {
    /// Something has come.
    Readable,
    /// Nothing has, and it can wait where it needs no task.
    Silent,
    /// The connection is over.
    Over,
}

/// Waits until something comes, holding nothing: not for long, where it can wait without a task too. None if it is to
/// do so at once.
fn idle<'a>(
    service: &'a Service,
    socket: &'a mut Socket,
    deadline: &'a Deadline,
    place: Place,
    rhythm: &Rhythm,
) -> Option<impl Future<Output = Idle> + Unpin + use<'a>> {
    let (core, since) = (&service.core, rhythm.since);
    let idle_time = || Duration::from_millis(service.wire.idle_time);
    let can_park = place == Place::Admitted && core.lot.takes();
    let waits = match rhythm.pace {
        // Of those that come only to be silent, few may each have a task for that.
        pace @ (Pace::New | Pace::Sparse) if can_park => Some(service.try_wait(pace)?),
        _ => None,
    };
    deadline.set(since.after(if can_park { SOON } else { idle_time() }));
    let watch = core.shutdown.watch();
    Some(poll_fn(move |cx| {
        // It has the place for as long as it waits.
        let _ = &waits;
        if let Poll::Ready(ready) = socket.poll_read_ready(cx) {
            return Poll::Ready(if ready.is_ok() { Idle::Readable } else { Idle::Over });
        }
        if watch.poll_reached(cx, State::Draining).is_ready() {
            return Poll::Ready(Idle::Over);
        }
        ready!(deadline.poll_expired(cx));
        let is_over = !can_park || since.after(idle_time()) <= core.clock.now();
        Poll::Ready(if is_over { Idle::Over } else { Idle::Silent })
    }))
}

/// How a run of exchanges ended.
pub(crate) enum End {
    /// Nothing is under way; the connection waits for the next request.
    Idle,
    /// All is said, and the client sends nothing more.
    Close,
    /// All is said, but the client may still be sending.
    Linger,
    /// An answer can't be finished: it must not look whole.
    Abort,
}

/// What a connection needs while something happens on it, and only then.
pub(crate) struct Active {
    server: Server,
    input: Option<Buffer>,
    output: Vec<u8>,
    answer: Answer,
}

/// Where it happens.
struct On<'a> {
    service: &'a Service,
    socket: &'a mut Socket,
    deadline: &'a Deadline,
    peer: SocketAddr,
    rhythm: &'a mut Rhythm,
}

impl Active {
    pub(crate) fn new(limits: &wherefore_h1::Limits) -> Self {
        Self { server: Server::new(limits), input: None, output: Vec::new(), answer: Answer::new() }
    }

    /// Makes it ready for another connection; its buffers go back to the pool.
    pub(crate) fn clear(&mut self, buffers: &Buffers) {
        self.server.reset();
        self.answer.clear();
        if let Some(input) = self.input.take() {
            buffers.give_read(input);
        }
        buffers.give_write(std::mem::take(&mut self.output));
    }

    async fn run(&mut self, on: On<'_>, place: Place) -> End {
        let buffers = &on.service.core.buffers;
        self.output = buffers.take_write();
        let mut input = buffers.take_read();
        let mut wire = H1 {
            service: on.service,
            server: &mut self.server,
            input: &mut input,
            output: &mut self.output,
            sent: 0,
            answer_at: 0,
            socket: on.socket,
            deadline: on.deadline,
            peer: on.peer.ip(),
            rhythm: on.rhythm,
        };
        let end = wire.exchanges(&mut self.answer, on.peer.ip(), place).await;
        self.input = Some(input);
        end
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
