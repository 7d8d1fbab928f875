//! Hedging: where an upstream takes long to begin its answer, a second one is asked as well, and the first answer counts.

use core::time::Duration;
use std::sync::Arc;

use wherefore_message::Method;

use crate::budget::Retry;
use crate::upstreams::{Among, Asked, Permit, Upstreams};

/// Whether a request can be said to two members at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeatable {
    /// All of it is at hand.
    Yes,
    /// Its content comes from the client as it is sent on, or its connection is to change to another protocol.
    No,
}

impl Upstreams {
    /// For how long the first octet of an answer is awaited before a second member is asked; none: however long it
    /// takes.
    ///
    /// Requests of safe methods alone are hedged (RFC 9110 §9.2.1): of the two, the one whose answer is not awaited may
    /// still be carried out when the client has been told the other's. What is merely idempotent would then be done
    /// again after whatever the client did next, and a precondition that the first met could fail for the second.
    #[must_use]
    pub fn hedge_time(&self, method: Method, repeatable: Repeatable) -> Option<Duration> {
        let hedge = self.settings.hedge?;
        let has_another = self.entries.len() > 1;
        (has_another && method.is_safe() && repeatable == Repeatable::Yes).then_some(hedge.after)
    }

    /// The member that is asked as well, now that the time is over: one of those that were not tried and are healthy,
    /// as any other is chosen. None where all of these are busy, or too many requests were hedged.
    #[must_use]
    pub fn hedge(self: &Arc<Self>, asked: &Asked) -> Option<Permit> {
        let budget = self.hedges.as_ref()?;
        if budget.take(asked.now) != Retry::Granted {
            return None;
        }
        let permit = self.choose_of(asked, Among::Healthy).ok();
        if permit.is_none() {
            budget.give_back();
        }
        permit
    }
}
