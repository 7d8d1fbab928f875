//! What serves the connections of one core: the core's own things, the origin that all cores share, and
//! what this core remembers of its files.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use wherefore_h1 as h1;
use wherefore_origin::Origin;
use wherefore_origin::cache::Cache;

use crate::admission::{Admitted, Refusal};
use crate::core::{Core, Handler};
use crate::h1::{Active, Place, connection, turn_away};

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

impl Handler for Rc<Service> {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, admitted: Admitted) {
        connection(Self::clone(self), stream, peer, Place::Admitted).await;
        drop(admitted);
    }

    fn refused(&self, stream: TcpStream, peer: SocketAddr, refusal: Refusal) {
        turn_away(self, stream, peer, refusal);
    }
}
