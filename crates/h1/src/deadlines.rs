//! What is waited for, and until when. Only waiting for the peer counts: time that the server takes
//! for itself, to answer or because it does not read on, runs against nobody.

use wherefore_message::Fault;

use crate::limits::Limits;
use crate::reason::CloseReason;

/// A moment of a monotonic clock, or a span of it, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    const fn after(self, span: u64) -> Self {
        Self(self.0.saturating_add(span))
    }

    const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The head that has begun must be complete.
    HeadLate,
    /// The content must be complete.
    ContentLate,
    /// Enough content must have arrived to keep the least rate.
    ContentSlow,
    /// A request must begin.
    Idle,
}

/// What becomes of a connection whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// A request has begun: this fault is to be answered if an answer can still be sent.
    Fault(Fault),
    /// No request has begun: the connection just closes.
    Close(CloseReason),
}

/// The waiting of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiting {
    /// Not waiting for the peer, or not told the time yet.
    Not,
    /// For a request to begin.
    Request {
        /// Since when.
        since: Millis,
    },
    /// For a head to be complete.
    Head {
        /// When its first octet was seen.
        since: Millis,
    },
    /// For content.
    Content(Pace),
}

/// How content comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// When the head was complete.
    began: Millis,
    /// Since when the server has been waiting, if it is.
    since: Option<Millis>,
    /// How long it waited in this window before `since`.
    waited: u64,
    /// Octets that arrived in this window.
    octets: u64,
}

impl Waiting {
    /// The head was complete at `now`.
    pub(crate) const fn content(now: Millis) -> Self {
        Self::Content(Pace { began: now, since: None, waited: 0, octets: 0 })
    }

    /// The moment by which something must have happened.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<(Millis, Why)> {
        match self {
            Self::Not => None,
            Self::Request { since } => Some((since.after(limits.idle_time), Why::Idle)),
            Self::Head { since } => Some((since.after(limits.head_time), Why::HeadLate)),
            Self::Content(pace) => pace.deadline(limits),
        }
    }

    /// `now` is at or past the deadline: why that is too late. None if it is not, or if enough
    /// content has come, whereupon a new window begins.
    pub(crate) fn late(&mut self, now: Millis, limits: &Limits) -> Option<Why> {
        let (at, why) = self.deadline(limits)?;
        if now < at {
            return None;
        }
        match (why, self) {
            (Why::ContentSlow, Self::Content(pace)) if pace.is_enough(limits) => {
                pace.begin_window(now);
                None
            }
            (Why::ContentSlow | Why::HeadLate | Why::ContentLate | Why::Idle, _) => Some(why),
        }
    }
}

impl Pace {
    /// The server waits for content from `now` on.
    pub(crate) fn wait(&mut self, now: Millis) {
        self.since.get_or_insert(now);
    }

    /// The server looked at what came, or stopped reading: it waits no longer.
    pub(crate) fn stop(&mut self, now: Millis, limits: &Limits) {
        if let Some(since) = self.since.take() {
            self.waited = self.waited.saturating_add(now.since(since));
        }
        if self.waited >= limits.content_grace && self.is_enough(limits) {
            (self.waited, self.octets) = (0, 0);
        }
    }

    /// This many octets of content came.
    pub(crate) fn came(&mut self, octets: usize) {
        self.octets = self.octets.saturating_add(octets as u64);
    }

    fn is_enough(&self, limits: &Limits) -> bool {
        let least = u128::from(limits.content_rate) * u128::from(limits.content_grace) / 1000;
        u128::from(self.octets) >= least
    }

    fn begin_window(&mut self, now: Millis) {
        (self.waited, self.octets) = (0, 0);
        self.since = Some(now);
    }

    fn deadline(&self, limits: &Limits) -> Option<(Millis, Why)> {
        let since = self.since?;
        let slow = (limits.content_rate > 0).then(|| {
            (since.after(limits.content_grace.saturating_sub(self.waited)), Why::ContentSlow)
        });
        let late = (limits.content_time > 0)
            .then(|| (self.began.after(limits.content_time), Why::ContentLate));
        match (slow, late) {
            (Some(slow), Some(late)) => Some(if late.0 <= slow.0 { late } else { slow }),
            (slow, late) => slow.or(late),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { content_rate: 100, content_grace: 10_000, ..Limits::default() }
    }

    #[test]
    fn only_waiting_counts_against_the_rate() {
        let limits = limits();
        let mut pace = Pace { began: Millis(0), since: None, waited: 0, octets: 0 };
        assert_eq!(pace.deadline(&limits), None, "nobody waits yet");
        pace.wait(Millis(1_000));
        assert_eq!(pace.deadline(&limits), Some((Millis(11_000), Why::ContentSlow)));
        pace.stop(Millis(4_000), &limits);
        pace.came(10);
        assert_eq!(pace.deadline(&limits), None, "the server is at work");
        pace.wait(Millis(50_000));
        assert_eq!(pace.deadline(&limits), Some((Millis(57_000), Why::ContentSlow)));
    }

    #[test]
    fn enough_content_begins_a_new_window() {
        let limits = limits();
        let mut waiting = Waiting::content(Millis(0));
        let Waiting::Content(pace) = &mut waiting else { panic!("content is waited for") };
        pace.wait(Millis(0));
        pace.came(1_000);
        assert_eq!(waiting.late(Millis(9_999), &limits), None);
        assert_eq!(waiting.late(Millis(10_000), &limits), None);
        assert_eq!(waiting.deadline(&limits), Some((Millis(20_000), Why::ContentSlow)));
        assert_eq!(waiting.late(Millis(20_000), &limits), Some(Why::ContentSlow));
    }

    #[test]
    fn the_whole_time_ends_even_a_quick_flow_and_may_be_without_end() {
        let limits = Limits { content_time: 5_000, ..limits() };
        let mut waiting = Waiting::content(Millis(100));
        let Waiting::Content(pace) = &mut waiting else { panic!("content is waited for") };
        pace.wait(Millis(200));
        pace.came(1_000_000);
        assert_eq!(waiting.late(Millis(5_100), &limits), Some(Why::ContentLate));
        let without = Limits { content_time: 0, content_rate: 0, ..limits };
        assert_eq!(waiting.deadline(&without), None);
    }
}
