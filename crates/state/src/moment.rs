//! The time as limits count it.

use std::time::Duration;

/// A moment: nanoseconds since an origin that all who share a table of limits share too, such as the start
/// of the process. A caller's clock may show it late, by less than a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// This long after the origin; five hundred years at most.
    #[must_use]
    pub fn after_origin(span: Duration) -> Self {
        Self(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }

    /// This moment and `span` more.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(Self::after_origin(span).0))
    }

    /// The time since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
