//! What serves the connections of one core: the core's own things, the origin that all cores share, and
//! what this core remembers of its files.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use wherefore_decide::act::Failure;
use wherefore_h1 as h1;
use wherefore_origin::Origin;
use wherefore_origin::cache::Cache;
use wherefore_store::StoreError;

use crate::admission::{Admitted, Refusal};
use crate::blocking::WorkError;
use crate::core::{Core, Handler};
use crate::h1::{Active, Place, connection, turn_away};
use crate::notice;
use crate::notice::Seldom;

/// How many idle states of connections a core keeps for the next request.
const ACTIVE_KEPT_MAX: usize = 256;
/// How many connections without a place a core tells so at once.
const TURNED_AWAY_MAX: usize = 64;

/// What serves the connections of one core.
pub struct Service {
    /// The core's clock, timers, buffers and counts.
    pub core: Rc<Core>,
    /// The folder that is served.
    pub origin: Arc<Origin>,
    /// The limits on messages.
    pub wire: h1::Limits,
    pub(crate) cache: RefCell<Cache>,
    #[allow(clippy::vec_box, reason = "it is large, and moves between here and connections")]
    active: RefCell<Vec<Box<Active>>>,
    turned_away: Cell<usize>,
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
    #[must_use]
    pub fn new(core: Rc<Core>, origin: Arc<Origin>, wire: h1::Limits) -> Rc<Self> {
        let limits = &core.limits;
        let cache = Cache::new(limits.cache_bytes, limits.cache_files, limits.cache_recheck_millis);
        Rc::new(Self {
            core,
            origin,
            wire,
            cache: RefCell::new(cache),
            active: RefCell::default(),
            turned_away: Cell::new(0),
        })
    }

    pub(crate) fn try_turn_away(self: &Rc<Self>) -> Option<TurnedAway> {
        let count = self.turned_away.get();
        (count < TURNED_AWAY_MAX).then(|| {
            self.turned_away.set(count + 1);
            TurnedAway(Rc::clone(self))
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
        let core = &self.core;
        core.workers.run(job).await.map_err(|error| match error {
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
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        connection(Self::clone(self), stream, peer, Place::Admitted).await;
        drop(admitted);
    }

    fn refused(&self, stream: TcpStream, peer: SocketAddr, refusal: Refusal) {
        turn_away(self, stream, peer, refusal);
    }
}
