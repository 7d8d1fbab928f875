//! Connections to upstreams that are kept for the next request, a core its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use wherefore_upstream::Quiet;

use super::Gateway;
use super::hop::Hop;
use crate::buffer::Buffers;
use crate::clock::Millis;

/// The most idle connections of a core, to all upstreams together.
const IDLE_MAX: usize = 4096;

/// The idle connections of one core.
#[derive(Default)]
pub(crate) struct Pool {
    /// By the gateways' ids, of which there are few, and which nobody else chooses.
    idle: RefCell<BTreeMap<u64, Vec<Idle>>>,
    count: Cell<usize>,
}

/// Those to one upstream: the one that was used last stands last.
#[derive(Default)]
struct Idle {
    #[allow(clippy::vec_box, reason = "they are large, and move between here and exchanges")]
    hops: Vec<Box<Hop>>,
    idle_millis_max: u64,
}

impl Pool {
    /// A connection to upstream number `member`, which nothing has come on since it was used.
    pub(super) fn take(
        &self,
        gateway: &Gateway,
        member: usize,
        buffers: &Buffers,
        now: Millis,
    ) -> Option<Box<Hop>> {
        let mut idle = self.idle.borrow_mut();
        let idle = idle.get_mut(&gateway.id)?.get_mut(member)?;
        while let Some(mut hop) = idle.hops.pop() {
            self.count.set(self.count.get() - 1);
            let age = now.0.saturating_sub(hop.idle_since.0);
            // However fresh it is: what came on it would be taken for the answer to another request.
            if age < idle.idle_millis_max && hop.stream.is_quiet() == Quiet::Quiet {
                hop.wake(buffers);
                return Some(hop);
            }
        }
        None
    }

    /// Keeps a connection whose exchange is whole; closes it if there are enough.
    pub(super) fn give(
        &self,
        gateway: &Gateway,
        member: usize,
        mut hop: Box<Hop>,
        buffers: &Buffers,
        now: Millis,
    ) {
        // What came behind an answer answers nothing: it must never be taken for the next.
        let is_spent = !hop.role.is_reusable() || !hop.input.unread().is_empty();
        hop.input.release_head();
        hop.rest(buffers, now);
        if is_spent || self.count.get() >= IDLE_MAX {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let members = idle.entry(gateway.id).or_default();
        if members.len() <= member {
            members.resize_with(member + 1, Idle::default);
        }
        if let Some(idle) = members.get_mut(member)
            && idle.hops.len() < gateway.limits.idle_max
        {
            idle.idle_millis_max =
                u64::try_from(gateway.times.idle.as_millis()).unwrap_or(u64::MAX);
            idle.hops.push(hop);
            self.count.set(self.count.get() + 1);
        }
    }

    /// Closes those that are too old, or on which something came.
    pub(crate) fn sweep(&self, now: Millis) {
        let mut count = 0;
        self.idle.borrow_mut().retain(|_, members| {
            for idle in members.iter_mut() {
                let max = idle.idle_millis_max;
                idle.hops.retain_mut(|hop| {
                    now.0.saturating_sub(hop.idle_since.0) < max
                        && hop.stream.is_quiet() == Quiet::Quiet
                });
                count += idle.hops.len();
            }
            members.iter().any(|idle| !idle.hops.is_empty())
        });
        self.count.set(count);
    }
}
