//! A core's clock: read once a turn of the loop, however many connections ask for the time in it.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use wherefore_message::date::{HttpDate, IMF_FIXDATE_BYTES};

/// A moment: milliseconds since the core's clock was made. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// Later than any moment that a clock shows.
    pub const NEVER: Self = Self(u64::MAX);

    /// This moment and `span` more, with parts of a millisecond counted as a whole one.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        let rest = u64::from(span.subsec_nanos().div_ceil(1_000_000));
        let millis = span.as_secs().saturating_mul(1000).saturating_add(rest);
        Self(self.0.saturating_add(millis))
    }

    /// The time since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The clock of one core. [`Clock::turn`] marks a new turn of the loop; the first look in a turn reads the
/// system's clock, later looks cost a load.
#[derive(Debug)]
pub struct Clock {
    origin: Instant,
    fresh: Cell<bool>,
    now: Cell<Millis>,
    second: Cell<Second>,
}

/// The second of the day's clock that is running, and until when.
#[derive(Clone, Copy, Debug)]
struct Second {
    unix: u64,
    ends: Millis,
    date: [u8; IMF_FIXDATE_BYTES],
}

impl Clock {
    /// A clock that starts at 0.
    #[must_use]
    pub fn new() -> Self {
        let second = Second { unix: 0, ends: Millis(0), date: HttpDate::from_unix(0).to_fixdate() };
        Self {
            origin: Instant::now(),
            fresh: Cell::new(false),
            now: Cell::new(Millis(0)),
            second: Cell::new(second),
        }
    }

    /// A new turn of the loop has begun: the next look reads the time anew.
    pub fn turn(&self) {
        self.fresh.set(false);
    }

    /// The time of this turn.
    #[must_use]
    pub fn now(&self) -> Millis {
        if !self.fresh.get() {
            self.read();
        }
        self.now.get()
    }

    /// Microseconds since the clock was made, read anew: for measuring, not for deadlines.
    #[must_use]
    pub fn micros(&self) -> u64 {
        self.read()
    }

    /// Today's date for the `Date` field (RFC 9110 §6.6.1), made anew once a second.
    #[must_use]
    pub fn date(&self) -> [u8; IMF_FIXDATE_BYTES] {
        self.second().date
    }

    /// Seconds since the start of 1970, by the day's clock.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.second().unix
    }

    /// Milliseconds since the start of 1970, by the day's clock.
    #[must_use]
    pub fn unix_millis(&self) -> u64 {
        let second = self.second();
        let left = second.ends.0.saturating_sub(self.now().0).min(1000);
        second.unix.saturating_mul(1000).saturating_add(1000 - left)
    }

    /// The moment as timers take it.
    pub(crate) fn instant(&self, at: Millis) -> Instant {
        self.origin + Duration::from_millis(at.0)
    }

    fn read(&self) -> u64 {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.now.set(Millis(micros / 1000));
        self.fresh.set(true);
        micros
    }

    fn second(&self) -> Second {
        let now = self.now();
        if now >= self.second.get().ends {
            // A day's clock before 1970 is not set yet; 0 says so as well as any other number.
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.second.set(Second::at(now, unix));
        }
        self.second.get()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Second {
    /// The second that runs when the core's clock shows `now` and the day's clock `unix`.
    fn at(now: Millis, unix: Duration) -> Self {
        let left = 1000 - u64::from(unix.subsec_millis());
        let date = HttpDate::from_unix(unix.as_secs()).to_fixdate();
        Self { unix: unix.as_secs(), ends: Millis(now.0.saturating_add(left)), date }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::paused;

    #[test]
    fn the_time_stands_still_within_a_turn() {
        paused(async {
            let clock = Clock::new();
            assert_eq!(clock.now(), Millis(0));
            tokio::time::advance(Duration::from_millis(70)).await;
            assert_eq!(clock.now(), Millis(0));
            clock.turn();
            assert_eq!(clock.now(), Millis(70));
            tokio::time::advance(Duration::from_micros(1500)).await;
            assert_eq!(clock.micros(), 71_500);
            assert_eq!(clock.now(), Millis(71), "a measurement is the newest time there is");
        });
    }

    #[test]
    fn a_second_ends_where_the_clock_of_the_day_says() {
        let second = Second::at(Millis(5000), Duration::from_millis(784_111_777_250));
        assert_eq!((second.unix, second.ends), (784_111_777, Millis(5750)));
        assert_eq!(&second.date, b"Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn the_date_is_the_systems() {
        let clock = Clock::new();
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (seconds, millis, date) = (clock.unix_seconds(), clock.unix_millis(), clock.date());
        assert!((before.as_secs()..=before.as_secs() + 1).contains(&seconds));
        assert_eq!(date, HttpDate::from_unix(seconds).to_fixdate());
        assert_eq!(millis / 1000, seconds);
        assert!(millis.abs_diff(before.as_millis() as u64) < 1000);
    }

    #[test]
    fn moments_round_up_and_saturate() {
        assert_eq!(Millis(1).after(Duration::from_micros(1)), Millis(2));
        assert_eq!(Millis(1).after(Duration::MAX), Millis::NEVER);
        assert_eq!(Millis(1).since(Millis(2)), Duration::ZERO);
        assert_eq!(Millis(7).since(Millis(2)), Duration::from_millis(5));
    }
}
