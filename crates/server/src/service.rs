//! What serves the connections of one core: the core's own things, the origin that all cores share, and
//! what this core remembers of its files.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use wherefore_decide::act::Failure;
use wherefore_h1 as h1;
use wherefore_origin::cache::Cache;
use wherefore_origin::members::NamesCache;
use wherefore_store::StoreError;

use crate::admission::{Admitted, Refusal};
use crate::admit::Kept;
use crate::blocking::{WorkError, Workers};
use crate::configuration::{Current, Held};
use crate::connection::{Active, Left, Pace, Place, connection, turn_away, turn_away_opened};
use crate::core::{Arrival, Core, Handler};
use crate::gateway::{LetIn, Pool, probe};
use crate::given::Given;
use crate::listen::Opening;
use crate::notice;
use crate::notice::Seldom;
use crate::outbox;
use crate::parking::Parked;
use crate::proxied;
use crate::socket::Socket;

/// How many idle states of connections a core keeps for the next request.
const ACTIVE_KEPT_MAX: usize = 1024;
/// How many connections of a core keep their buffers for a moment after an answer.
const WAITING_MAX: usize = 256;
/// Above how many no new connection does, of which nobody knows whether another request comes: it waits without a task.
const WAITING_MAX_FOR_NEW: usize = 64;
/// How many connections without a place a core tells so at once.
const TURNED_AWAY_MAX: usize = 64;

/// How often the cache is swept.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// What serves the connections of one core.
pub struct Service {
    /// The core's clock, timers, buffers and counts.
    pub core: Rc<Core>,
    /// The limits on messages.
    pub wire: h1::Limits,
    pub(crate) configuration: Held,
    pub(crate) kept: Arc<Kept>,
    pub(crate) cache: RefCell<Cache>,
    pub(crate) names: RefCell<NamesCache>,
    pub(crate) given: RefCell<Given>,
    #[allow(clippy::vec_box, reason = "it is large, and moves between here and connections")]
    active: RefCell<Vec<Box<Active>>>,
    pub(crate) pool: Pool,
    /// Whom others have let in.
    pub(crate) let_in: RefCell<LetIn>,
    turned_away: Cell<usize>,
    waiting: Cell<usize>,
}

/// One connection that keeps its buffers while it waits.
pub(crate) struct Waits<'a>(&'a Service);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

/// One connection that is being turned away.
pub(crate) struct TurnedAway(Rc<Service>);

impl Drop for TurnedAway {
    fn drop(&mut self) {
        self.0.turned_away.set(self.0.turned_away.get() - 1);
    }
}

impl Service {
    /// What serves the connections of `core`.
    ///
    /// # Panics
    /// Outside a local set of tokio's.
    #[must_use]
    pub fn new(
        core: Rc<Core>,
        current: Arc<Current>,
        kept: Arc<Kept>,
        wire: h1::Limits,
    ) -> Rc<Self> {
        let limits = &core.limits;
        // Few folders are asked for variants, and their names are short.
        let names_bytes = limits.cache_bytes / 16;
        let names = NamesCache::new(names_bytes, limits.cache_recheck_millis);
        // Answers are kept for a second at most.
        let given_bytes = usize::try_from(limits.cache_bytes / 16).unwrap_or(usize::MAX);
        let files_bytes = limits.cache_bytes - names_bytes - given_bytes as u64;
        let cache = Cache::new(files_bytes, limits.cache_files, limits.cache_recheck_millis);
        let service = Rc::new(Self {
            core,
            configuration: Held::new(current),
            kept,
            wire,
            cache: RefCell::new(cache),
            names: RefCell::new(names),
            given: RefCell::new(Given::new(given_bytes)),
            active: RefCell::default(),
            pool: Pool::default(),
            let_in: RefCell::default(),
            turned_away: Cell::new(0),
            waiting: Cell::new(0),
        });
        spawn_local(sweep(Rc::downgrade(&service)));
        spawn_local(probe(Rc::downgrade(&service)));
        // One core delivers for all.
        if service.core.index == 0
            && let Some(outbox) = &service.kept.outbox
        {
            spawn_local(outbox::deliver(Rc::downgrade(&service), Arc::clone(outbox)));
        }
        service
    }

    pub(crate) fn try_turn_away(self: &Rc<Self>) -> Option<TurnedAway> {
        let count = self.turned_away.get();
        (count < TURNED_AWAY_MAX).then(|| {
            self.turned_away.set(count + 1);
            TurnedAway(Rc::clone(self))
        })
    }

    /// A place among the connections that may keep their buffers while they wait for the next request.
    /// One that can wait without a task, and is not likely to be needed soon, has none.
    pub(crate) fn try_wait(&self, pace: Pace) -> Option<Waits<'_>> {
        let waiting_max = match pace {
            Pace::Busy => WAITING_MAX,
            Pace::New => WAITING_MAX_FOR_NEW,
            Pace::Sparse => 0,
        };
        let count = self.waiting.get();
        (count < waiting_max).then(|| {
            self.waiting.set(count + 1);
            Waits(self)
        })
    }

    /// Does a job on a worker thread.
    ///
    /// # Errors
    /// What its failing is answered with: there is no room for it, or it panicked.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.work_by(&self.core.workers, job).await
    }

    /// Does a write, which waits until it is on the disk, on a thread for such.
    ///
    /// # Errors
    /// As [`Service::work`].
    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.work_by(&self.core.writers, job).await
    }

    async fn work_by<T: Send + 'static>(
        &self,
        workers: &Workers,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let core = &self.core;
        workers.run(job).await.map_err(|error| match error {
            WorkError::Busy | WorkError::Stopping => {
                let seconds = core.load.retry_after(core.random.next_u64());
                Failure::Busy(u32::try_from(seconds).unwrap_or(u32::MAX))
            }
            WorkError::Panicked => {
                notice!("a job panicked; the request that it was for is answered 500");
                Failure::Panicked
            }
        })
    }

    /// The state of a connection on which something happens. Idle connections have none.
    pub(crate) fn take_active(&self) -> Box<Active> {
        self.active.borrow_mut().pop().unwrap_or_else(|| Box::new(Active::new(&self.wire)))
    }

    pub(crate) fn give_active(&self, mut active: Box<Active>) {
        let mut kept = self.active.borrow_mut();
        if kept.len() < ACTIVE_KEPT_MAX {
            active.clear(&self.core.buffers);
            kept.push(active);
        }
    }
}

/// Has the cache let go of what it need not hold, for as long as there is one.
async fn sweep(service: Weak<Service>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(service) = service.upgrade() else { return };
        let now = service.core.clock.now();
        service.cache.borrow_mut().sweep(now.0);
        service.pool.sweep(now);
        service.let_in.borrow_mut().sweep(now.0);
    }
}

/// Operators are told what the client is not: what the system said.
pub(crate) fn tell(target: &[u8], error: &StoreError) {
    // While they last, every request may meet it.
    static NO_DESCRIPTORS: Seldom = Seldom::every(Duration::from_secs(10));
    match error {
        StoreError::Io(error) => notice!("{}: {error}", target.escape_ascii()),
        StoreError::NoDescriptors => NO_DESCRIPTORS.say(format_args!(
            "no file can be opened for now: {error}; raise the limit on open files (ulimit -n)"
        )),
        _ => {}
    }
}

impl Handler for Rc<Service> {
    fn connection(&self, arrival: Arrival, admitted: Admitted) -> impl Future<Output = ()> {
        // All that is held as long as something happens on the connection.
        let Arrival { stream, mut peer, opening, before } = arrival;
        let socket = Socket::unwatched_on(stream, self.core.ring.clone());
        let (service, mut socket, mut admitted) = (Self::clone(self), socket, admitted);
        async move {
            if opening == Opening::ProxyHeader {
                let opened = Box::pin(proxied::open(&service, &mut socket, peer)).await;
                let Some(opened) = opened else { return };
                peer = opened;
                admitted = match admitted.of(peer.ip()) {
                    Ok(admitted) => admitted,
                    Err(refusal) => {
                        let turned_away = turn_away_opened(&service, &mut socket, peer, refusal);
                        return Box::pin(turned_away).await;
                    }
                };
            }
            let left = connection(&service, &mut socket, &peer, Place::Admitted, before).await;
            if let Left::Silent { since, brought } = left
                && let Some(stream) = socket.into_unwatched()
            {
                let parked = Parked { stream, peer, admitted, before, brought, since };
                service.core.lot.park(parked, Duration::from_millis(service.wire.idle_time));
            }
        }
    }

    fn refused(&self, arrival: Arrival, refusal: Refusal) {
        turn_away(self, arrival, refusal);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use wherefore_decide::policy::{Hosts, Site};
    use wherefore_message::path;
    use wherefore_origin::Origin;
    use wherefore_origin::cache::{Entry, Name};
    use wherefore_store::{CreateFolders, LookFor, MemoryStore, Store, Wait};

    use super::*;
    use crate::blocking::Workers;
    use crate::buffer::Buffers;
    use crate::clock::Clock;
    use crate::configuration::Configuration;
    use crate::encode::Encoders;
    use crate::limits::Limits;
    use crate::load::{CoreLoad, Load};
    use crate::parking::Lot;
    use crate::random::Random;
    use crate::shutdown::{CoreShutdown, Shutdown};
    use crate::tests::paused;
    use crate::wheel::Wheel;

    /// A core by itself.
    fn core() -> Rc<Core> {
        let clock = Rc::new(Clock::new());
        let wheel = Wheel::new(Rc::clone(&clock));
        Rc::new(Core {
            index: 0,
            lot: Lot::new(Rc::clone(&clock), &wheel).unwrap(),
            wheel,
            clock,
            buffers: Buffers::new(1),
            random: Random::from_system().unwrap(),
            load: CoreLoad::new(Load::new(1)),
            workers: Workers::new(1, 0),
            writers: Workers::new(1, 0),
            encoders: Encoders::new(&Limits::preset(1000, 1), 1),
            shutdown: CoreShutdown::new(Shutdown::new()),
            log: None,
            ring: None,
            limits: Arc::new(Limits::preset(1000, 1)),
        })
    }

    /// What serves files of this origin, on a core of its own.
    pub(crate) fn service(origin: Arc<Origin>) -> Rc<Service> {
        let site = Site::new("test", Hosts::any(), Vec::new());
        let current = Current::new(Configuration::of_folder(site, origin));
        Service::new(core(), current, Kept::new([1; 64], None, None), h1::Limits::default())
    }

    #[test]
    fn large_files_are_not_held_for_ever() {
        paused(async {
            let store = MemoryStore::new();
            let mut staged = store.stage(b"/", None).unwrap();
            staged.write(&[b'x'; 100 << 10]).unwrap();
            store.replace(b"/large", staged, CreateFolders::No, &mut |_| true).unwrap();
            let origin = Arc::new(Origin::new(Arc::new(store), None));
            let service = service(Arc::clone(&origin));

            let mut scratch = Vec::new();
            let path = path::decode(b"/large", &mut scratch).unwrap();
            let found = origin.find(path, LookFor::Content, Wait::Yes).unwrap();
            let entry = Entry::new(found, "text/plain", 0, service.core.clock.now().0);
            let name = Name { origin: origin.id(), path: path.bytes(), compress: None };
            let entry = service.cache.borrow_mut().put(name, entry);
            let file = Rc::new(origin.open(path, None, Wait::Yes).unwrap());
            assert!(entry.keep(None, &file).is_ok());
            drop(entry);
            let held = Rc::downgrade(&file);
            drop(file);
            assert!(held.upgrade().is_some());
            for _ in 0..30 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                service.core.clock.turn();
            }
            assert!(held.upgrade().is_none(), "swept");

            // The sweeping holds nothing itself.
            let ended = Rc::downgrade(&service);
            drop(service);
            assert!(ended.upgrade().is_none());
        });
    }
}
