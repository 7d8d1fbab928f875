//! A connection from its first octet to its last: idle with nothing in hand, active with what exchanges
//! need, and one of the ways to close.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::spawn_local;
use wherefore_h1::Server;

use crate::admission::Refusal;
use crate::answer::Answer;
use crate::buffer::{Buffer, Buffers};
use crate::core::Arrival;
use crate::h1::H1;
use crate::listen::Opening;
use crate::proxied;
use crate::service::Service;
use crate::shutdown::{State, Watch};
use crate::socket::{Drain, Socket};
use crate::wheel::Deadline;

/// Serves one connection to its end.
pub(crate) async fn connection(
    service: &Rc<Service>,
    socket: &mut Socket,
    peer: SocketAddr,
    place: Place,
) {
    let deadline = service.core.wheel.deadline();
    let watch = service.core.shutdown.watch();
    let end = loop {
        deadline.set_in(Duration::from_millis(service.wire.idle_time));
        // On one that is new, the request may have come with it.
        if socket.is_watched() && idle(socket, &deadline, &watch).await == Idle::Over {
            return;
        }
        let mut active = service.take_active();
        let end = {
            let on = On { service, socket, deadline: &deadline, peer };
            Box::pin(active.run(on, place)).await
        };
        service.give_active(active);
        match end {
            End::Idle => {}
            end => break end,
        }
    };
    match end {
        End::Idle | End::Close => {}
        End::Abort => socket.abort(),
        // Apart, so that a connection that is idle does not hold room for it.
        End::Linger => Box::pin(linger(service, socket, &deadline)).await,
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
                connection(&service, &mut socket, peer, Place::None).await;
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
        connection(service, socket, peer, Place::None).await;
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

#[derive(PartialEq)]
enum Idle {
    Readable,
    Over,
}

/// Waits until something comes, holding nothing.
async fn idle(socket: &mut Socket, deadline: &Deadline, watch: &Watch) -> Idle {
    poll_fn(|cx| {
        if let Poll::Ready(ready) = socket.poll_read_ready(cx) {
            return Poll::Ready(if ready.is_ok() { Idle::Readable } else { Idle::Over });
        }
        let over = deadline.poll_expired(cx).is_ready()
            || watch.poll_reached(cx, State::Draining).is_ready();
        if over { Poll::Ready(Idle::Over) } else { Poll::Pending }
    })
    .await
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
        };
        let end = wire.exchanges(&mut self.answer, on.peer.ip(), place).await;
        self.input = Some(input);
        end
    }
}
