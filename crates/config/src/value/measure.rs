//! Numbers with their units: durations, sizes, rates, and things counted.

use core::fmt;

use toml::de::DeValue;

use super::{Text, Wrong};
use crate::complaint::{Complaint, quoted};
use crate::kind::{Kind, Shape};
use crate::table::{Found, Reader, Value};

/// A span of time: `"5s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// In milliseconds.
    pub millis: u64,
}

/// A number of octets: `"10MiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// In octets.
    pub bytes: u64,
}

/// So many in a span of time: `"100/hour"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// In how many seconds.
    pub window_seconds: u64,
}

/// A number of things: `20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

type Units = &'static [(&'static str, u64)];

const TIMES: Units = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: Units = &[
    ("B", 1),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
];
/// Spans that a rate is over, in seconds. The first of each length is how it is written.
const WINDOWS: Units = &[
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", 86_400),
    ("week", 604_800),
    ("month", 2_592_000),
    ("s", 1),
    ("sec", 1),
    ("min", 60),
    ("m", 60),
    ("h", 3_600),
    ("d", 86_400),
];

/// Reads a whole number with one of these units.
fn number_with_unit(text: &str, units: Units, what: &str) -> Result<u64, Wrong> {
    let known = || units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>().join(", ");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        let found = format!("{} does not begin with a whole number", quoted(text));
        return Err(Wrong::new(found));
    }
    if unit.is_empty() {
        let wrong = Wrong::new(format!("{} has no unit", quoted(text)));
        return Err(wrong.right(format!("{what} has one of {}", known())));
    }
    let Some((_, scale)) = units.iter().find(|(known, _)| *known == unit.trim_start()) else {
        let wrong = Wrong::new(format!("{} is no unit of {what}", quoted(unit)));
        return Err(wrong.right(format!("it has one of {}", known())).at(digits..text.len()));
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*scale));
    number.ok_or_else(|| Wrong::new(format!("{} is too great", quoted(text))))
}

/// Writes a number in the greatest of these units that leaves it whole.
fn with_unit(number: u64, units: Units) -> String {
    let is_whole = |(_, scale): &&(&str, u64)| number >= *scale && number.is_multiple_of(*scale);
    let fitting = units.iter().filter(is_whole).max_by_key(|(_, scale)| *scale);
    let (unit, scale) = fitting.or(units.first()).copied().unwrap_or(("", 1));
    format!("{}{unit}", number / scale)
}

impl Text for Duration {
    const KIND: Kind = Kind {
        name: "a duration with its unit",
        example: "\"5s\"",
        wrong: &["\"5\"", "\"\"", "\"5 parsecs\"", "\"-5s\"", "\"99999999999999999999d\""],
        shape: Shape::Text("^[0-9]+ ?(ms|s|m|h|d)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        let millis = number_with_unit(text, TIMES, "a duration")?;
        Ok(Self { millis })
    }

    fn measure(&self) -> Option<u64> {
        Some(self.millis)
    }

    fn measured(number: u64) -> String {
        with_unit(number, TIMES)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_unit(self.millis, TIMES))
    }
}

impl Text for Size {
    const KIND: Kind = Kind {
        name: "a size with its unit",
        example: "\"10MiB\"",
        wrong: &["\"5\"", "\"\"", "\"5 bushels\"", "\"5mib\"", "\"99999999999999999999B\""],
        shape: Shape::Text("^[0-9]+ ?(B|[KMGT]i?B)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        let bytes = number_with_unit(text, SIZES, "a size")?;
        Ok(Self { bytes })
    }

    fn measure(&self) -> Option<u64> {
        Some(self.bytes)
    }

    fn measured(number: u64) -> String {
        with_unit(number, SIZES)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_unit(self.bytes, SIZES))
    }
}

impl Text for Rate {
    const KIND: Kind = Kind {
        name: "a rate",
        example: "\"100/hour\"",
        wrong: &["\"100\"", "\"/s\"", "\"0/s\"", "\"100/fortnight\"", "\"x/hour\""],
        shape: Shape::Text("^[0-9]+/[a-z0-9]+$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Some((count_text, window)) = text.split_once('/') else {
            return Err(Wrong::new(format!("{} does not say in what time", quoted(text))));
        };
        let count = count_text.trim_end().parse::<u64>().ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| {
            Wrong::new(format!("{} is no whole number above zero", quoted(count_text)))
                .at(0..count_text.len())
        })?;
        let place = count_text.len() + 1..text.len();
        let window = window.trim_start();
        let digits = window.bytes().take_while(u8::is_ascii_digit).count();
        let (times, unit) = window.split_at(digits);
        let times = if times.is_empty() { Some(1) } else { times.parse::<u64>().ok() };
        let Some((_, scale)) = WINDOWS.iter().find(|(known, _)| *known == unit) else {
            let known: Vec<_> = WINDOWS.iter().take(6).map(|(unit, _)| *unit).collect();
            let wrong = Wrong::new(format!("{} is no span of time for a rate", quoted(window)));
            return Err(wrong.right(format!("one of {}", known.join(", "))).at(place));
        };
        let window_seconds = times.and_then(|times| times.checked_mul(*scale));
        match window_seconds.filter(|seconds| (1..=31 * 86_400).contains(seconds)) {
            Some(window_seconds) => Ok(Self { count, window_seconds }),
            None => {
                let wrong = Wrong::new(format!("{} is no span for a rate", quoted(window)));
                Err(wrong.right("from a second to a month").at(place))
            }
        }
    }

    fn measure(&self) -> Option<u64> {
        Some(self.count)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WINDOWS.iter().find(|(_, scale)| *scale == self.window_seconds) {
            Some((unit, _)) => write!(f, "{}/{unit}", self.count),
            None => write!(f, "{}/{}s", self.count, self.window_seconds),
        }
    }
}

impl Value for Count {
    const KIND: Kind = Kind {
        name: "a whole number",
        example: "10",
        wrong: &["-1", "99999999999999999999"],
        shape: Shape::Number,
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Integer(number) = found.value else {
            found.mismatch(&<Self as Value>::KIND, reader);
            return None;
        };
        let read = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let read = read.filter(|number| i64::try_from(*number).is_ok());
        if read.is_none() {
            let what = format!("`{}` can't be {}", found.key, quoted(number.as_str()));
            reader
                .complain(Complaint::error(found.span, what).right("a whole number from zero on"));
        }
        read.map(Self)
    }

    fn write(&self, out: &mut String) {
        out.push_str(&self.0.to_string());
    }

    fn measure(&self) -> Option<u64> {
        Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("5s", 5_000),
            ("250ms", 250),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("10 m", 600_000),
            ("0s", 0),
        ] {
            assert_eq!(Duration::parse(text).map(|found| found.millis), Ok(millis), "{text}");
        }
        assert_eq!(Duration { millis: 90_000 }.to_string(), "90s");
        assert_eq!(Duration { millis: 0 }.to_string(), "0ms");
        let wrong = Duration::parse("5 parsecs").unwrap_err();
        assert_eq!(wrong.what, "` parsecs` is no unit of a duration");
        assert_eq!(wrong.right.unwrap(), "it has one of ms, s, m, h, d");
        assert_eq!(wrong.part, Some(1..9));
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("10MiB", 10 << 20), ("64KiB", 65_536), ("1GB", 1_000_000_000), ("5B", 5)]
        {
            assert_eq!(Size::parse(text).map(|found| found.bytes), Ok(bytes), "{text}");
            assert_eq!(Size { bytes }.to_string(), text);
        }
        assert_eq!(Size::parse("18014398509481984KiB").unwrap_err().what, {
            "`18014398509481984KiB` is too great"
        });
    }

    #[test]
    fn rates() {
        for (text, count, window_seconds, written) in [
            ("100/hour", 100, 3_600, "100/hour"),
            ("10/s", 10, 1, "10/second"),
            ("1 / 15m", 1, 900, "1/900s"),
            ("5/month", 5, 2_592_000, "5/month"),
            ("5/7d", 5, 604_800, "5/week"),
        ] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!(rate, Rate { count, window_seconds }, "{text}");
            assert_eq!(rate.to_string(), written);
        }
        for text in ["100", "0/s", "-1/s", "1/0s", "1/99d", "1/", "1/x", "/s", "1/99999999999999d"]
        {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u64, count in 1_u64.., seconds in 1_u64..2_678_401) {
            let duration = Duration { millis: number };
            prop_assert_eq!(Duration::parse(&duration.to_string()), Ok(duration));
            let size = Size { bytes: number };
            prop_assert_eq!(Size::parse(&size.to_string()), Ok(size));
            let rate = Rate { count, window_seconds: seconds };
            prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
        }

        #[test]
        fn nothing_panics(text in ".{0,20}") {
            let _ = (Duration::parse(&text), Size::parse(&text), Rate::parse(&text));
        }
    }
}
