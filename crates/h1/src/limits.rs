//! Every limit of each role as a named setting with its unit, default, range and purpose: one table,
//! from which the struct, the defaults, the reader of settings and the documentation are made.

use core::fmt;

/// What a limit's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Octets; written with an optional `KiB`, `MiB` or `GiB`.
    Octets,
    /// Things; written as a bare number.
    Count,
    /// Milliseconds; written with `ms`, `s`, `m` or `h`.
    Time,
    /// Octets a second; written as octets are, with an optional `/s`.
    Rate,
}

/// One row of the table of limits.
#[derive(Clone, Copy, Debug)]
pub struct LimitInfo {
    /// The setting's name, such as `target-bytes`.
    pub name: &'static str,
    /// What its number counts.
    pub unit: Unit,
    /// The number unless set, in the unit's base.
    pub default: u64,
    /// The least number that may be set.
    pub least: u64,
    /// The greatest number that may be set.
    pub most: u64,
    /// What it bounds and why the default is what it is.
    pub about: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
/// Most octets that any part of a head may be let grow to; keeps every span far within 32 bits.
const HEAD_PART_MOST: u64 = 16 * MIB;

/// The most fields that `fields-count` may be set to; bounds what a head takes on the stack.
pub const FIELDS_COUNT_MOST: usize = 256;

macro_rules! limits {
    (
        $(#[$struct_doc:meta])* $limits:ident;
        $(#[$table_doc:meta])* $table:ident;
        $( $field:ident $name:literal $unit:ident $default:expr, $least:expr, $most:expr, $about:literal; )*
    ) => {
        $(#[$struct_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $limits { $( #[doc = $about] pub $field: u64, )* }

        impl Default for $limits {
            fn default() -> Self { Self { $( $field: $default, )* } }
        }

        $(#[$table_doc])*
        pub const $table: &[LimitInfo] = &[ $( LimitInfo {
            name: $name, unit: Unit::$unit, default: $default, least: $least, most: $most, about: $about,
        }, )* ];

        impl $limits {
            /// Sets the limit called `name` from text such as `8KiB` or `10s`.
            ///
            /// # Errors
            /// A sentence for whoever wrote the setting: an unknown name, a unit that does not fit,
            /// or a number outside the limit's range.
            pub fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
                match name {
                    $( $name => self.$field = read($table, $name, text)?, )*
                    _ => return Err(format!("there is no limit called {name}")),
                }
                Ok(())
            }

            /// The number that the limit called `name` has now, in its unit's base.
            #[must_use]
            pub fn value(&self, name: &str) -> Option<u64> {
                match name { $( $name => Some(self.$field), )* _ => None }
            }
        }
    };
}

limits! {
    /// The limits of one connection in the server role. Sizes are in octets, times in milliseconds.
    Limits;
    /// Every limit of the server role, in the order in which they are met.
    LIMITS;
    empty_lines "empty-lines" Count 4, 0, 64,
        "Empty lines passed over before a request line (RFC 9112 §2.2); some old clients send one after content.";
    method_bytes "method-bytes" Octets 64, 7, KIB,
        "The longest method; the longest registered one has 17 octets.";
    target_bytes "target-bytes" Octets 8 * KIB, 16, HEAD_PART_MOST,
        "The longest target; RFC 9112 §3 asks for request lines of 8000 octets at least.";
    field_bytes "field-bytes" Octets 16 * KIB, 64, HEAD_PART_MOST,
        "The longest field line; room for large cookies and tickets.";
    fields_bytes "fields-bytes" Octets 64 * KIB, 256, HEAD_PART_MOST,
        "All field lines of a head together; bounds the memory that a head may hold.";
    fields_count "fields-count" Count 100, 1, FIELDS_COUNT_MOST as u64,
        "Field lines in a head; browsers send about 20.";
    chunk_line_bytes "chunk-line-bytes" Octets 4 * KIB, 16, MIB,
        "A chunk's size with its extensions (RFC 9112 §7.1.1 asks for a limit).";
    extensions_bytes "extensions-bytes" Octets 16 * KIB, 0, MIB,
        "Chunk extensions of one content together, so that tiny chunks with long extensions cost their sender.";
    trailers_bytes "trailers-bytes" Octets 8 * KIB, 2, MIB,
        "All trailer fields of one content together.";
    content_bytes "content-bytes" Octets GIB, 0, u64::MAX,
        "Content whose length is not said beforehand, counted as it comes.";
    drain_bytes "drain-bytes" Octets 256 * KIB, 0, GIB,
        "Unread content that is read and dropped to keep a connection; more would cost more than a new one.";
    head_time "head-time" Time 10 * SECOND, 100, HOUR,
        "From a head's first octet to its last; heads fit in few packets, so more time helps only those who hold connections.";
    content_time "content-time" Time HOUR, 0, 168 * HOUR,
        "From a head's end to its content's end, while the server waits for it; 0 is without end.";
    content_rate "content-rate" Rate 256, 0, GIB,
        "The least rate of content while the server waits for it; slower than any modem still in use.";
    content_grace "content-grace" Time 10 * SECOND, SECOND, HOUR,
        "The span of waiting over which the least rate is judged; outlasts a lost packet or two.";
    idle_time "idle-time" Time 60 * SECOND, 100, 24 * HOUR,
        "Between requests; longer than browsers' pauses within a page, shorter than most networks forget a connection.";
}

limits! {
    /// The limits of one connection in the client role. Sizes are in octets.
    ClientLimits;
    /// Every limit of the client role, in the order in which they are met.
    CLIENT_LIMITS;
    head_bytes_max "answer-head-bytes" Octets 64 * KIB, 256, HEAD_PART_MOST,
        "The longest head of an answer, status line and blank line included; as much as a request's fields may have.";
    field_bytes_max "answer-field-bytes" Octets 16 * KIB, 64, HEAD_PART_MOST,
        "The longest field line of an answer; room for large cookies and policies.";
    fields_max "answer-fields-count" Count 200, 1, FIELDS_COUNT_MOST as u64,
        "Field lines in an answer's head; more than a request may have, since some set many cookies.";
    interim_max "interim-count" Count 32, 0, 10_000,
        "Interim answers before a final one; some servers tell how they get on, none for ever.";
    interim_bytes_max "interim-bytes" Octets 64 * KIB, 0, HEAD_PART_MOST,
        "All interim answers of one exchange together; early hints are the longest, and come once or twice.";
    trailers_bytes_max "answer-trailers-bytes" Octets 8 * KIB, 2, MIB,
        "All trailer fields of one answer together; they are held until the content's end.";
}

impl Limits {
    /// The most octets that a head with its leading empty lines can have before it is refused: what
    /// the caller's buffer must be able to hold.
    #[must_use]
    pub const fn head_bytes_max(&self) -> u64 {
        self.empty_lines * 2
            + self.method_bytes
            + 1
            + self.target_bytes
            + crate::scan::VERSION_PART_BYTES as u64
            + self.fields_bytes
            + 2
    }
}

impl LimitInfo {
    /// The row of the server role's limit called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        LIMITS.iter().find(|info| info.name == name)
    }

    /// `number` as a setting would write it.
    #[must_use]
    pub fn written(&self, number: u64) -> impl fmt::Display {
        let (scales, suffix): (&[(&'static str, u64)], _) = match self.unit {
            Unit::Octets => (&SIZES, ""),
            Unit::Rate => (&SIZES, "/s"),
            Unit::Time => (&TIMES, ""),
            Unit::Count => (&[], ""),
        };
        let scale = scales
            .iter()
            .rev()
            .find(|(_, size)| number >= *size && number.is_multiple_of(*size) && number > 0);
        match scale {
            Some((unit, size)) => format!("{}{unit}{suffix}", number / size),
            None if self.unit == Unit::Time => format!("{number}ms"),
            None => format!("{number}{suffix}"),
        }
    }
}

const SIZES: [(&str, u64); 3] = [("KiB", KIB), ("MiB", MIB), ("GiB", GIB)];
const TIMES: [(&str, u64); 4] = [("ms", 1), ("s", SECOND), ("m", 60 * SECOND), ("h", HOUR)];

/// Reads the value of the limit called `name` of a table.
fn read(table: &[LimitInfo], name: &str, text: &str) -> Result<u64, String> {
    let Some(info) = table.iter().find(|info| info.name == name) else {
        return Err(format!("there is no limit called {name}"));
    };
    let text = text.trim();
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let unit = unit.trim();
    let scale = match info.unit {
        Unit::Octets => scale_of(&SIZES, unit).or(matches!(unit, "" | "B").then_some(1)),
        Unit::Rate => {
            let unit = unit.strip_suffix("/s").unwrap_or(unit);
            scale_of(&SIZES, unit).or(matches!(unit, "" | "B").then_some(1))
        }
        Unit::Time => scale_of(&TIMES, unit).or((digits == "0" && unit.is_empty()).then_some(1)),
        Unit::Count => unit.is_empty().then_some(1),
    };
    let number = digits.parse::<u64>().ok();
    let Some(value) = scale.zip(number).and_then(|(scale, number)| number.checked_mul(scale))
    else {
        return Err(format!("{name} is written as {}, not {text:?}", form(info.unit)));
    };
    if value < info.least || value > info.most {
        let (least, most) = (info.written(info.least), info.written(info.most));
        return Err(format!("{name} may be from {least} to {most}, not {text}"));
    }
    Ok(value)
}

fn scale_of(scales: &[(&str, u64)], unit: &str) -> Option<u64> {
    scales.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, size)| *size)
}

const fn form(unit: Unit) -> &'static str {
    match unit {
        Unit::Octets => "octets, as in 512, 8KiB or 1GiB",
        Unit::Count => "a whole number",
        Unit::Time => "a time, as in 500ms, 10s or 1h",
        Unit::Rate => "octets a second, as in 256 or 1KiB/s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_set_by_its_name_and_read_back() {
        for info in LIMITS.iter().chain(CLIENT_LIMITS) {
            assert!(info.least <= info.default && info.default <= info.most, "{}", info.name);
            let (mut limits, mut of_client) = (Limits::default(), ClientLimits::default());
            let value = |limits: &Limits, of_client: &ClientLimits| {
                limits.value(info.name).xor(of_client.value(info.name))
            };
            assert_eq!(value(&limits, &of_client), Some(info.default));
            for number in [info.least, info.default, info.most] {
                let text = info.written(number).to_string();
                let set = (limits.set(info.name, &text), of_client.set(info.name, &text));
                assert!(set.0.is_ok() != set.1.is_ok(), "{} is of one role", info.name);
                assert_eq!(value(&limits, &of_client), Some(number), "{}", info.name);
            }
        }
    }

    #[test]
    fn units_are_those_of_the_limit() {
        let mut limits = Limits::default();
        for (name, text, number) in [
            ("target-bytes", "8KiB", 8192),
            ("target-bytes", " 16 kib ", 16384),
            ("target-bytes", "100", 100),
            ("head-time", "1500ms", 1500),
            ("head-time", "2m", 120_000),
            ("content-time", "0", 0),
            ("content-rate", "1KiB/s", 1024),
            ("fields-count", "256", 256),
        ] {
            limits.set(name, text).unwrap();
            assert_eq!(limits.value(name), Some(number), "{name} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        let mut limits = Limits::default();
        for (name, text) in [
            ("target-bytes", "8KB"),
            ("target-bytes", "8s"),
            ("target-bytes", ""),
            ("target-bytes", "-1"),
            ("target-bytes", "1"),
            ("target-bytes", "99999999999999999999"),
            ("content-bytes", "99999999999999GiB"),
            ("head-time", "10"),
            ("fields-count", "257"),
            ("fields-count", "10KiB"),
            ("no-such", "1"),
        ] {
            assert!(limits.set(name, text).is_err(), "{name} {text}");
        }
        assert_eq!(limits, Limits::default());
        assert_eq!(
            limits.set("head-time", "10").unwrap_err(),
            "head-time is written as a time, as in 500ms, 10s or 1h, not \"10\""
        );
        assert_eq!(
            limits.set("fields-count", "0").unwrap_err(),
            "fields-count may be from 1 to 256, not 0"
        );
    }
}
