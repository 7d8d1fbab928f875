//! Plain messages to whoever runs the server, a line each on the standard error with the time before it.

use std::fmt;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wherefore_message::date::HttpDate;

/// Says something to the operator, as `format!` would: `notice!("core {i} has ended")`.
#[macro_export]
macro_rules! notice {
    ($($text:tt)*) => { $crate::notice::say(::core::format_args!($($text)*)) };
}

/// Writes one line with the time to the standard error. Should that be closed, nobody is left to be told.
pub fn say(text: fmt::Arguments<'_>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = format!("{} {}\n", HttpDate::from_unix(now.as_secs()), one_line(&text.to_string()));
    // One write a line, so that lines of several threads don't mix.
    drop(io::stderr().lock().write_all(line.as_bytes()));
}

/// `text` with each control character written out, so that octets from outside can't start a line.
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() { out.extend(letter.escape_default()) } else { out.push(letter) }
    }
    out
}

/// Lets a message that would repeat itself through only so often, and counts the rest.
#[derive(Debug)]
pub struct Seldom {
    interval_millis: u64,
    /// When the next may be said, in milliseconds since the program first asked.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Seldom {
    /// Lets one message through each `interval`.
    #[must_use]
    pub const fn every(interval: Duration) -> Self {
        let interval_millis = interval.as_millis() as u64;
        Self { interval_millis, next: AtomicU64::new(0), unsaid: AtomicU64::new(0) }
    }

    /// Says it, unless one was said within the interval; with the number of those left unsaid.
    pub fn say(&self, text: fmt::Arguments<'_>) {
        match self.pass(since_start_millis()) {
            Some(0) => say(text),
            Some(unsaid) => say(format_args!("{text} (and {unsaid} times more since the last)")),
            None => {}
        }
    }

    /// Whether one may be said at `now`, and how many were not since the last.
    fn pass(&self, now: u64) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let after = now.saturating_add(self.interval_millis);
        let won = now >= next
            && self
                .next
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

fn since_start_millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_an_interval_and_the_rest_counted() {
        let seldom = Seldom::every(Duration::from_secs(1));
        assert_eq!(seldom.pass(0), Some(0));
        assert_eq!(seldom.pass(1), None);
        assert_eq!(seldom.pass(999), None);
        assert_eq!(seldom.pass(1000), Some(2));
        assert_eq!(seldom.pass(5000), Some(0));
    }

    #[test]
    fn what_came_from_outside_can_not_start_a_line() {
        assert_eq!(one_line("a\nb\r\u{1b}[1m\u{9b}é"), "a\\nb\\r\\u{1b}[1m\\u{9b}é");
    }
}
