//! Every bound of the server itself, as one table: its name, its unit, what it is if nobody says
//! otherwise, and what it is for.

use std::fmt;
use std::time::Duration;

/// Descriptors that connections leave alone: logs, what is kept, and of each core listeners and the loop's own. Of few,
/// half.
const fn descriptors_kept(descriptors: u64, cores: usize) -> u64 {
    let kept = 24 + 10 * if cores < 4 { 4 } else { cores as u64 };
    if descriptors / 2 < kept { descriptors / 2 } else { kept }
}

/// What is known of one limit.
#[derive(Clone, Copy, Debug)]
pub struct LimitInfo {
    /// Its name, as it is written in settings.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Its value where none is set.
    pub default: Preset,
    /// The least it may be set to.
    pub least: u64,
    /// What it is for.
    pub about: &'static str,
}

/// What a limit counts, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things: `256`.
    Count,
    /// Octets: `64KiB`.
    Bytes,
    /// Time, kept in milliseconds: `5s`.
    Millis,
}

/// A value that holds until another is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// So much.
    Fixed(u64),
    /// So much for each core.
    ACore(u64),
    /// So many sixteenths of the descriptors that the process may hold.
    Sixteenths(u64),
    /// The same, shared out among the cores.
    SixteenthsByCore(u64),
}

macro_rules! limits {
    ($( $field:ident $name:literal $unit:ident $preset:expr, least $least:literal: $about:literal; )*) => {
        /// The limits in force.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $( #[doc = $about] pub $field: u64, )*
        }

        /// Every limit.
        pub const LIMITS: &[LimitInfo] = &[ $( LimitInfo {
            name: $name,
            unit: Unit::$unit,
            default: $preset,
            least: $least,
            about: $about,
        }, )* ];

        impl Limits {
            /// The presets, for a process that may hold `descriptors` and runs on `cores`.
            #[must_use]
            pub fn preset(descriptors: u64, cores: usize) -> Self {
                Self { $( $field: $preset.value(descriptors, cores), )* }
            }

            /// The value of the limit of this name.
            #[must_use]
            pub fn value(&self, name: &str) -> Option<u64> {
                match name { $( $name => Some(self.$field), )* _ => None }
            }

            fn field(&mut self, name: &str) -> Option<&mut u64> {
                match name { $( $name => Some(&mut self.$field), )* _ => None }
            }
        }
    };
}

use Preset::{ACore, Fixed, Sixteenths, SixteenthsByCore};

limits! {
    connections "connections" Count Sixteenths(7), least 1: "connections that are open at once, over all cores; each takes up to two descriptors";
    connections_an_address "connections-an-address" Count Sixteenths(2), least 1: "connections from one IPv4 address or one IPv6 /64";
    requests_in_flight "requests-in-flight" Count ACore(1024), least 1: "requests that are being answered at once, over all cores; more are told when to come back";
    workers "workers" Count ACore(4), least 1: "threads for work that waits on a disk or takes long, over all cores";
    writers "writers" Count ACore(16), least 1: "threads for writes, which wait until they are on the disk together with others, over all cores";
    worker_queue "worker-queue" Count ACore(256), least 0: "jobs that may wait for a thread of either kind, over all cores";
    linger_time_millis "linger-time" Millis Fixed(2_000), least 0: "how long what a client still sends is read and dropped before its connection is closed";
    linger_bytes "linger-bytes" Bytes Fixed(64 * 1024 * 1024), least 0: "how much of it is read and dropped; a client that sends all it has before it reads loses the answer past this";
    shutdown_time_millis "shutdown-time" Millis Fixed(30_000), least 0: "how long requests in flight may go on when the server is told to end";
    send_time_millis "send-time" Millis Fixed(60_000), least 100: "how long a client may take nothing of an answer before its connection is broken off";
    cache_bytes "cache-bytes" Bytes Fixed(64 * 1024 * 1024), least 0: "small files and what is known of others that a core keeps in memory";
    cache_files "cache-files" Count SixteenthsByCore(2), least 0: "large files that a core keeps open for the next request";
    cache_recheck_millis "cache-recheck" Millis Fixed(1_000), least 0: "how long a change by another program may go unnoticed";
    compress_memory_bytes "compress-memory" Bytes Fixed(128 * 1024 * 1024), least 0: "memory that encoding on the fly may take, over all cores; when it is used up, files are sent as they are";
    compress_cache_bytes "compress-cache" Bytes Fixed(64 * 1024 * 1024), least 0: "small files that were encoded on the fly and are kept for the next request, over all cores";
    digest_bytes "digest-bytes" Bytes Fixed(32 * 1024 * 1024), least 0: "the longest representation whose digest is made for a client that wants it; each time, all of it is read";
    patch_bytes "patch-bytes" Bytes Fixed(1024 * 1024), least 1: "the longest patch that is taken";
    buffers_kept "buffers-kept" Count Fixed(1024), least 0: "unused buffers of each sort that a core keeps for the next request";
}

impl Limits {
    /// Sets the limit of this name from text: `256`, `64KiB` (B, KiB, MiB, GiB), `5s` (ms, s, m, h).
    ///
    /// # Errors
    /// If there is no such limit, or the text is not a value for it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), LimitError> {
        let known = LIMITS.iter().find(|info| info.name == name);
        let (Some(info), Some(field)) = (known, self.field(name)) else {
            return Err(LimitError::Unknown { name: name.into() });
        };
        let value = info.unit.parse(text);
        match value.ok_or_else(|| LimitError::Malformed { info, text: text.into() })? {
            value if value < info.least => Err(LimitError::TooSmall { info }),
            value => {
                *field = value;
                Ok(())
            }
        }
    }

    /// How long what a client still sends is read and dropped.
    #[must_use]
    pub const fn linger_time(&self) -> Duration {
        Duration::from_millis(self.linger_time_millis)
    }

    /// How long a client may take nothing of an answer.
    #[must_use]
    pub const fn send_time(&self) -> Duration {
        Duration::from_millis(self.send_time_millis)
    }

    /// How long requests in flight may go on when the server is told to end.
    #[must_use]
    pub const fn shutdown_time(&self) -> Duration {
        Duration::from_millis(self.shutdown_time_millis)
    }
}

impl Preset {
    const fn value(self, descriptors: u64, cores: usize) -> u64 {
        match self {
            Fixed(value) => value,
            ACore(value) => value * cores as u64,
            Sixteenths(parts) => sixteenths(descriptors, cores, parts),
            SixteenthsByCore(parts) => {
                let each = sixteenths(descriptors, cores, parts) / cores as u64;
                if each == 0 { 1 } else { each }
            }
        }
    }

    /// The preset in words, for a limit of this unit.
    #[must_use]
    pub fn describe(self, unit: Unit) -> String {
        match self {
            Fixed(value) => unit.write(value),
            ACore(value) => format!("{} a core", unit.write(value)),
            Sixteenths(parts) => format!("{parts}/16 of the descriptors that the process may hold"),
            SixteenthsByCore(parts) => {
                format!("{parts}/16 of the descriptors that the process may hold, over all cores")
            }
        }
    }
}

const fn sixteenths(descriptors: u64, cores: usize, parts: u64) -> u64 {
    let kept = descriptors_kept(descriptors, cores);
    let share = (descriptors - kept) / 16 * parts;
    if share == 0 { 1 } else { share }
}

impl Unit {
    const fn scales(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Count => &[("", 1)],
            Self::Bytes => {
                &[("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
            }
            Self::Millis => &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)],
        }
    }

    /// Reads a whole number with its unit.
    fn parse(self, text: &str) -> Option<u64> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, suffix) = text.split_at_checked(digits)?;
        let (_, scale) = self.scales().iter().find(|(name, _)| *name == suffix)?;
        number.parse::<u64>().ok()?.checked_mul(*scale)
    }

    /// Writes a value in the largest unit that leaves it whole.
    #[must_use]
    pub fn write(self, value: u64) -> String {
        let whole = |(_, scale): &&(&str, u64)| value >= *scale && value.is_multiple_of(*scale);
        let (name, scale) = self.scales().iter().rfind(whole).unwrap_or(&self.scales()[0]);
        format!("{}{name}", value / scale)
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Count => "a whole number, such as 256",
            Self::Bytes => "a size in octets or with its unit (B, KiB, MiB, GiB), such as 64KiB",
            Self::Millis => "a time with its unit (ms, s, m, h), such as 5s",
        }
    }
}

/// A limit could not be set.
#[derive(Clone, Debug)]
pub enum LimitError {
    /// There is none of this name.
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The text is not a value of its unit.
    Malformed {
        /// The limit.
        info: &'static LimitInfo,
        /// What was given.
        text: String,
    },
    /// The value is less than the least that makes sense.
    TooSmall {
        /// The limit.
        info: &'static LimitInfo,
    },
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                write!(f, "there is no limit {name:?} here; there are")?;
                for (i, info) in LIMITS.iter().enumerate() {
                    write!(f, "{} {}", if i > 0 { "," } else { "" }, info.name)?;
                }
                Ok(())
            }
            Self::Malformed { info, text } => {
                write!(f, "{}: {text:?} is not {}", info.name, info.unit.example())
            }
            Self::TooSmall { info } => {
                write!(f, "{} is at least {}", info.name, info.unit.write(info.least))
            }
        }
    }
}

impl std::error::Error for LimitError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn preset() -> Limits {
        Limits::preset(16_064, 2)
    }

    #[test]
    fn presets_follow_the_machine() {
        let limits = preset();
        assert_eq!((limits.connections, limits.cache_files), (7000, 1000));
        assert_eq!(limits.requests_in_flight, 2048);
        assert_eq!(limits.connections_an_address, 2000);
        let few = Limits::preset(40, 2);
        assert_eq!((few.connections, few.cache_files), (7, 1));
        assert_eq!(Limits::preset(10, 1).connections, 1);
    }

    #[test]
    fn every_limit_is_set_by_its_name_and_only_that_one() {
        for info in LIMITS {
            let mut limits = preset();
            let value = limits.value(info.name).unwrap() + 1;
            limits.set(info.name, &info.unit.write(value)).unwrap();
            for other in LIMITS {
                let expected =
                    preset().value(other.name).unwrap() + u64::from(other.name == info.name);
                assert_eq!(
                    limits.value(other.name),
                    Some(expected),
                    "{} {}",
                    info.name,
                    other.name
                );
            }
            assert!(!info.about.ends_with('.') && !info.default.describe(info.unit).is_empty());
        }
    }

    #[test]
    fn units_are_asked_for() {
        let mut limits = preset();
        limits.set("linger-bytes", "3MiB").unwrap();
        limits.set("linger-time", "1m").unwrap();
        assert_eq!((limits.linger_bytes, limits.linger_time()), (3 << 20, Duration::from_secs(60)));
        for (name, text) in [
            ("linger-bytes", "3MB"),
            ("linger-time", "5"),
            ("linger-time", "5 s"),
            ("linger-time", "99999999999999999999s"),
            ("linger-time", "18446744073709551615h"),
            ("connections", "10KiB"),
            ("connections", "-1"),
            ("connections", ""),
            ("connections", "ä"),
        ] {
            let error = limits.set(name, text).unwrap_err();
            assert!(matches!(error, LimitError::Malformed { .. }), "{name} {text}");
            assert!(error.to_string().contains("such as"), "{error}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        let mut limits = preset();
        let error = limits.set("connections", "0").unwrap_err();
        assert_eq!(error.to_string(), "connections is at least 1");
        let error = limits.set("conections", "5").unwrap_err();
        assert!(error.to_string().contains("connections-an-address"), "{error}");
        assert_eq!(limits, preset());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value: u64) {
            for unit in [Unit::Count, Unit::Bytes, Unit::Millis] {
                prop_assert_eq!(unit.parse(&unit.write(value)), Some(value));
            }
        }
    }
}
