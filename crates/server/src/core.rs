//! One loop a core: each with its own runtime, listeners, clock, deadlines and buffers, so that a
//! connection never leaves the core that took it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{LocalSet, spawn_local};

use crate::accept::{Acceptor, Incoming};
use crate::admission::{Admission, Admitted, Refusal};
use crate::blocking::Workers;
use crate::buffer::Buffers;
use crate::clock::Clock;
use crate::encode::Encoders;
use crate::limits::Limits;
use crate::listen::{Listeners, Opening, Queue};
use crate::load::{CoreLoad, Load};
use crate::log::{AccessLog, CoreLog};
use crate::notice;
use crate::parking::Lot;
use crate::random::Random;
use crate::ring::{CoreRing, Io};
use crate::shutdown::{CoreShutdown, Shutdown, Signals, State};
use crate::supervision::{Prepared, Pulse, Supervision};
use crate::wheel::Wheel;

/// How long a core that ends waits for jobs on its worker threads.
const WORKERS_WAIT: Duration = Duration::from_secs(1);

/// What a server is made of.
#[derive(Debug)]
pub struct Server {
    /// The addresses it listens at, each with a socket for each core.
    pub listeners: Vec<Listeners>,
    /// Its bounds.
    pub limits: Limits,
    /// Its access log.
    pub log: Option<AccessLog>,
    /// The state by which it is told to end.
    pub shutdown: Arc<Shutdown>,
    /// What tells it to end.
    pub ends: Ends,
    /// By what octets go to and from clients.
    pub io: Io,
}

/// What tells a server to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// SIGTERM or SIGINT: the first drains, the second stops at once. Its [`Shutdown`] too.
    OnSignal,
    /// Its [`Shutdown`] alone; signals are left to others.
    OnShutdown,
}

/// What the connections of one core share.
#[derive(Debug)]
pub struct Core {
    /// Which core, from 0.
    pub index: usize,
    /// Its clock.
    pub clock: Rc<Clock>,
    /// Its deadlines.
    pub wheel: Rc<Wheel>,
    /// Where its connections wait while nothing is under way.
    pub lot: Lot,
    /// Its buffers.
    pub buffers: Buffers,
    /// Its source of numbers that differ.
    pub random: Random,
    /// Requests in flight.
    pub load: Rc<CoreLoad>,
    /// Threads for what must not hold up the loop.
    pub workers: Arc<Workers>,
    /// Threads for what waits until it is on a disk.
    pub writers: Arc<Workers>,
    /// What all cores share of encoding.
    pub encoders: Arc<Encoders>,
    /// How far the end of the server has come.
    pub shutdown: Rc<CoreShutdown>,
    /// The access log, if one is kept.
    pub log: Option<Rc<CoreLog>>,
    /// Its ring, if its connections go through one.
    pub(crate) ring: Option<Rc<CoreRing>>,
    /// The bounds in force.
    pub limits: Arc<Limits>,
}

/// What is done with the connections of one core.
pub trait Handler: 'static {
    /// Serves one connection to its end. The place it was admitted to is given back when the guard is
    /// dropped, or goes with the connection to where it waits for the next request ([`Core::lot`]). A panic ends this
    /// connection alone.
    fn connection(&self, arrival: Arrival, admitted: Admitted) -> impl Future<Output = ()>;

    /// Sees a connection that has no place. If nothing is done with it, it is closed at once.
    fn refused(&self, arrival: Arrival, refusal: Refusal) {
        let _ = refusal;
        drop(arrival);
    }
}

/// A connection that was taken.
#[derive(Debug)]
pub struct Arrival {
    /// The connection. It does not block, and the loop does not watch it yet.
    pub stream: TcpStream,
    /// Its other end.
    pub peer: SocketAddr,
    /// What it begins with.
    pub opening: Opening,
    /// Whether it was served before.
    pub before: Before,
}

/// What became of a connection before it was handed out to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It is new.
    Nothing,
    /// It waited in the lot.
    Parked {
        /// For how long nothing had happened on it when something came.
        silence: Duration,
        /// What came on it before that.
        brought: Brought,
    },
}

impl Before {
    /// What came on it.
    #[must_use]
    pub const fn brought(self) -> Brought {
        match self {
            Self::Nothing => Brought::Nothing,
            Self::Parked { brought, .. } => brought,
        }
    }
}

/// What has come on a connection so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Brought {
    /// Nothing, or not a whole request.
    Nothing,
    /// One request or more.
    Requests,
}

/// Serves until the server is told to end and has ended: with a thread for each core, and on it what
/// `make_handler` makes for that core. `ready` is called once, when every core is set up to take
/// connections and what tells the server to end is heard.
///
/// # Errors
/// If a thread, a runtime or a listener can't be set up, or a core ends by itself; the other cores are
/// drained first.
pub fn run<H: Handler>(
    server: Server,
    make_handler: impl Fn(Rc<Core>) -> H + Sync,
    ready: impl FnOnce(),
) -> io::Result<()> {
    run_supervised(server, Supervision::default(), make_handler, ready)
}

/// The same, with what is to be done beside serving.
///
/// # Errors
/// As [`run`], or if a signal can't be caught.
pub fn run_supervised<H: Handler>(
    server: Server,
    supervision: Supervision,
    make_handler: impl Fn(Rc<Core>) -> H + Sync,
    ready: impl FnOnce(),
) -> io::Result<()> {
    let supervisor = Builder::new_current_thread().enable_all().build()?;
    let inside = supervisor.enter();
    let signals = match server.ends {
        Ends::OnSignal => Some(Signals::install()?),
        Ends::OnShutdown => None,
    };
    let prepared = supervision.prepare(server.ends)?;
    drop(inside);
    let cores = by_core(server.listeners);
    let shared = Shared {
        io: server.io,
        ..Shared::new(server.limits, cores.len(), server.log, server.shutdown)
    };
    let (alive, ended) = mpsc::unbounded_channel();
    let outcome = thread::scope(|scope| {
        let (shared, make_handler) = (&shared, &make_handler);
        let (mut threads, mut outcome) = (Vec::new(), Ok(()));
        for (index, sockets) in cores.into_iter().enumerate() {
            let alive = Alive(alive.clone());
            let thread = thread::Builder::new().name(format!("core-{index}"));
            let core = move || {
                let _alive = alive;
                run_core(index, sockets, shared, make_handler)
            };
            match thread.spawn_scoped(scope, core) {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    shared.shutdown.drain();
                    outcome = Err(error);
                    break;
                }
            }
        }
        drop(alive);
        supervisor.block_on(supervise(shared, signals, prepared, ended, ready));
        for thread in threads {
            let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("a core panicked")));
            outcome = outcome.and(ended);
        }
        outcome
    });
    // A reload that is under way would be for nothing.
    supervisor.shutdown_background();
    outcome
}

/// What all cores share; cheap to look at, and not written on the way of a request but for the load.
#[derive(Debug)]
struct Shared {
    cores: usize,
    io: Io,
    limits: Arc<Limits>,
    admission: Arc<Admission>,
    load: Arc<Load>,
    workers: Arc<Workers>,
    writers: Arc<Workers>,
    encoders: Arc<Encoders>,
    log: Option<AccessLog>,
    shutdown: Arc<Shutdown>,
    /// How many cores have all that they need. None takes clients before all have it: else those could
    /// leave the others no descriptors to begin with.
    set_up: watch::Sender<usize>,
    pulse: Arc<Pulse>,
}

impl Shared {
    fn new(limits: Limits, cores: usize, log: Option<AccessLog>, shutdown: Arc<Shutdown>) -> Self {
        let queue = count(limits.worker_queue);
        let from_address = u32::try_from(limits.connections_an_address).unwrap_or(u32::MAX);
        Self {
            cores,
            io: Io::default(),
            admission: Admission::new(count(limits.connections), from_address),
            load: Load::new(count(limits.requests_in_flight)),
            workers: Workers::new(count(limits.workers), queue),
            writers: Workers::new(count(limits.writers), queue),
            encoders: Encoders::new(&limits, cores),
            limits: Arc::new(limits),
            log,
            shutdown,
            set_up: watch::Sender::new(0),
            pulse: Pulse::new(cores),
        }
    }

    fn one_set_up(&self) {
        self.set_up.send_modify(|count| *count += 1);
    }

    async fn all_set_up(&self) {
        // It can't fail: the sender is held by `self`.
        drop(self.set_up.subscribe().wait_for(|count| *count >= self.cores).await);
    }
}

fn count(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// What one core has of an address.
struct Ear {
    socket: std::net::TcpListener,
    opening: Opening,
    queue: Queue,
}

/// The listeners of each core: one of each address.
fn by_core(listeners: Vec<Listeners>) -> Vec<Vec<Ear>> {
    let mut cores: Vec<Vec<_>> = Vec::new();
    for address in listeners {
        let (opening, queue) = (address.opening, address.queue);
        for (index, socket) in address.sockets.into_iter().enumerate() {
            let socket = Ear { socket, opening, queue };
            match cores.get_mut(index) {
                Some(core) => core.push(socket),
                None => cores.push(vec![socket]),
            }
        }
    }
    cores
}

/// Tells the supervisor when its core ends, in whatever way.
struct Alive(mpsc::UnboundedSender<()>);

impl Drop for Alive {
    fn drop(&mut self) {
        // The supervisor waits for every core, so it hears.
        let _ = self.0.send(());
    }
}

/// Sees the server from its beginning, which it tells, through its end: signals, the bound on draining, and
/// a core that ends by itself.
async fn supervise(
    shared: &Shared,
    signals: Option<Signals>,
    prepared: Prepared,
    mut ended: mpsc::UnboundedReceiver<()>,
    ready: impl FnOnce(),
) {
    let (shutdown, shutdown_time) = (Arc::clone(&shared.shutdown), shared.limits.shutdown_time());
    tokio::spawn(async move {
        shutdown.reached(State::Draining).await;
        tokio::time::sleep(shutdown_time).await;
        shutdown.stop();
    });
    if let Some(signals) = signals {
        let shutdown = Arc::clone(&shared.shutdown);
        tokio::spawn(async move { signals.follow(&shutdown).await });
    }
    let ready = || {
        ready();
        prepared.begin(&shared.shutdown, &shared.pulse);
    };
    let (mut ready, mut all) = (Some(ready), pin!(shared.all_set_up()));
    let mut next_ended = async || {
        poll_fn(|cx| {
            if ready.is_some()
                && all.as_mut().poll(cx).is_ready()
                && let Some(ready) = ready.take()
            {
                ready();
            }
            ended.poll_recv(cx)
        })
        .await
    };
    while next_ended().await.is_some() {
        if shared.shutdown.state() == State::Running {
            notice!("a core has ended by itself; the server ends too");
            shared.shutdown.drain();
        }
    }
}

fn run_core<H: Handler>(
    index: usize,
    sockets: Vec<Ear>,
    shared: &Shared,
    make_handler: &impl Fn(Rc<Core>) -> H,
) -> io::Result<()> {
    let a_core = |threads| count(threads).div_ceil(shared.cores).max(1);
    let threads = a_core(shared.limits.workers).saturating_add(a_core(shared.limits.writers));
    let mut builder = Builder::new_current_thread();
    let builder = builder.enable_all().max_blocking_threads(threads);
    let runtime = builder.thread_name(format!("worker-{index}")).build()?;
    let inside = runtime.enter();
    let core = Rc::new(Core::new(index, shared)?);
    drop(inside);
    let log = core.log.clone();
    let local = LocalSet::new();
    let served = {
        let clock = Rc::clone(&core.clock);
        let mut serving = pin!(serve(core, sockets, shared, make_handler));
        // The future of a local set's run is polled before each turn of its tasks.
        let turning = poll_fn(|cx| {
            clock.turn();
            serving.as_mut().poll(cx)
        });
        local.block_on(&runtime, turning)
    };
    // Connections that are left are dropped with it, and then what they held on this core.
    drop(local);
    if let Some(log) = log {
        log.hand_over();
    }
    runtime.shutdown_timeout(WORKERS_WAIT);
    served
}

impl Core {
    fn new(index: usize, shared: &Shared) -> io::Result<Self> {
        let clock = Rc::new(Clock::new());
        let wheel = Wheel::new(Rc::clone(&clock));
        Ok(Self {
            index,
            lot: Lot::new(Rc::clone(&clock), &wheel)?,
            wheel,
            clock,
            buffers: Buffers::new(count(shared.limits.buffers_kept)),
            random: Random::from_system()?,
            load: CoreLoad::new(Arc::clone(&shared.load)),
            workers: Arc::clone(&shared.workers),
            writers: Arc::clone(&shared.writers),
            encoders: Arc::clone(&shared.encoders),
            shutdown: CoreShutdown::new(Arc::clone(&shared.shutdown)),
            log: shared.log.as_ref().map(|log| Rc::new(log.core())),
            ring: CoreRing::begin(shared.io, shared.limits.connections),
            limits: Arc::clone(&shared.limits),
        })
    }
}

/// The life of one core.
async fn serve<H: Handler>(
    core: Rc<Core>,
    sockets: Vec<Ear>,
    shared: &Shared,
    make_handler: &impl Fn(Rc<Core>) -> H,
) -> io::Result<()> {
    let (wheel, shutdown) = (Rc::clone(&core.wheel), Rc::clone(&core.shutdown));
    spawn_local(async move { wheel.run().await });
    spawn_local(async move { shutdown.run().await });
    if let Some(log) = core.log.clone() {
        spawn_local(async move { log.run().await });
    }
    if let Some(ring) = core.ring.clone() {
        spawn_local(async move { ring.run().await });
    }
    spawn_local(shared.pulse.answer());
    let floor = Rc::new(Floor {
        handler: make_handler(Rc::clone(&core)),
        connections: Cell::new(0),
        empty: Notify::new(),
    });
    let parking = spawn_local(wait_parked(Rc::clone(&core), Rc::clone(&floor)));
    let acceptors = sockets
        .into_iter()
        .map(|Ear { socket, opening, queue }| {
            let acceptor = Acceptor::new(socket, Arc::clone(&shared.admission))?;
            Ok(acceptor.with(opening, queue))
        })
        .collect::<io::Result<Vec<_>>>()?;
    // Should another core fail to begin, the server drains.
    let draining = core.shutdown.watch();
    shared.one_set_up();
    let mut all = pin!(shared.all_set_up());
    poll_fn(|cx| match draining.poll_reached(cx, State::Draining) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => all.as_mut().poll(cx),
    })
    .await;
    let mut accepting = Vec::new();
    for acceptor in acceptors {
        let (core, floor) = (Rc::clone(&core), Rc::clone(&floor));
        accepting.push(spawn_local(accept(acceptor, core, floor, shared.cores)));
    }
    for task in accepting {
        task.await.map_err(io::Error::other)??;
    }
    // Those that are woken at the end are on the floor then.
    parking.await.map_err(io::Error::other)?;
    let stopped = core.shutdown.watch();
    let mut empty = pin!(floor.emptied());
    poll_fn(|cx| match stopped.poll_reached(cx, State::Stopped) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => empty.as_mut().poll(cx),
    })
    .await;
    Ok(())
}

/// Takes connections until draining begins.
async fn accept<H: Handler>(
    mut acceptor: Acceptor,
    core: Rc<Core>,
    floor: Rc<Floor<H>>,
    cores: usize,
) -> io::Result<()> {
    let draining = core.shutdown.watch();
    loop {
        let incoming = poll_fn(|cx| match draining.poll_reached(cx, State::Draining) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => acceptor.poll_accept(cx).map(Some),
        });
        match incoming.await {
            Some(incoming) => floor.enter(incoming),
            None => break,
        }
        acceptor.share(floor.connections.get() + core.lot.count(), cores);
    }
    acceptor.end()?.into_iter().for_each(|incoming| floor.enter(incoming));
    Ok(())
}

/// Has connections wait in the lot until draining begins.
async fn wait_parked<H: Handler>(core: Rc<Core>, floor: Rc<Floor<H>>) {
    let draining = core.shutdown.watch();
    let poll_draining = |cx: &mut Context<'_>| draining.poll_reached(cx, State::Draining);
    core.lot.run(poll_draining, |arrival, admitted| floor.serve(arrival, admitted)).await;
}

/// The connections of one core that have a task, and what serves them.
struct Floor<H> {
    handler: H,
    connections: Cell<usize>,
    empty: Notify,
}

impl<H: Handler> Floor<H> {
    fn enter(self: &Rc<Self>, incoming: Incoming) {
        let Incoming { stream, peer, opening, place } = incoming;
        let arrival = Arrival { stream, peer, opening, before: Before::Nothing };
        match place {
            Ok(admitted) => self.serve(arrival, admitted),
            Err(refusal) => self.handler.refused(arrival, refusal),
        }
    }

    fn serve(self: &Rc<Self>, arrival: Arrival, admitted: Admitted) {
        self.connections.set(self.connections.get() + 1);
        let visit = Visit(Rc::clone(self));
        spawn_local(async move { visit.0.handler.connection(arrival, admitted).await });
    }

    async fn emptied(&self) {
        while self.connections.get() > 0 {
            self.empty.notified().await;
        }
    }
}

/// One connection on the floor; dropped when its task ends, panics or is dropped.
struct Visit<H>(Rc<Floor<H>>);

impl<H> Drop for Visit<H> {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
        if self.0.connections.get() == 0 {
            self.0.empty.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
