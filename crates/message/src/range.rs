//! Byte ranges (RFC 9110 §14.1.2, §14.2): what a `Range` field asks of a representation of known
//! length, made safe against sets that ask for more than the whole.

use crate::token::trim;

/// A range of octets, both ends included, inside the representation it was resolved against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// Offset of the first octet.
    pub first: u64,
    /// Offset of the last octet, not less than `first`.
    pub last: u64,
}

impl ByteRange {
    /// How many octets it has; at least one.
    #[must_use]
    pub const fn length(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// How much a `Range` field may ask for before it is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLimits {
    /// The most ranges in one set, as written; 0 turns ranges off. 32 unless told.
    pub ranges_max: usize,
}

impl Default for RangeLimits {
    fn default() -> Self {
        Self { ranges_max: 32 }
    }
}

/// What a `Range` field comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// As if it had not been sent: the whole is the answer.
    Ignored,
    /// Well-formed, but nothing of it exists (RFC 9110 §15.5.17).
    Unsatisfiable,
    /// One range.
    One(ByteRange),
    /// Two or more, none touching another, in the order in which they were first asked for.
    Several(Vec<ByteRange>),
}

/// Resolves the value of a `Range` field against a representation of `length` octets.
///
/// Ignored are: units other than `bytes`, sets that are malformed in any member (RFC 9110 §14.1.1
/// calls the whole specifier invalid) or have more members than the limit. Ranges that overlap or
/// touch become one, in the place of the earliest, so no octet is ever sent twice.
///
/// An empty representation satisfies a suffix of nonzero length (RFC 9110 §14.1.2), but no
/// `Content-Range` can say so; the set is then ignored, as §14.2 allows, and the whole is sent.
///
/// Numbers too large for a `u64` are read as its largest; a single range allocates nothing.
#[must_use]
pub fn resolve(value: &[u8], length: u64, limits: &RangeLimits) -> Resolved {
    let Some(set) = range_set(value) else { return Resolved::Ignored };
    let mut count = 0usize;
    for spec in specs(set) {
        count += 1;
        if spec.is_none() || count > limits.ranges_max {
            return Resolved::Ignored;
        }
    }
    if count == 0 {
        return Resolved::Ignored;
    }
    if length == 0 {
        let suffix = |spec| matches!(spec, RangeSpec::Suffix(n) if n > 0);
        let satisfiable = specs(set).flatten().any(suffix);
        return if satisfiable { Resolved::Ignored } else { Resolved::Unsatisfiable };
    }
    let mut ranges = specs(set).flatten().filter_map(|spec| spec.within(length));
    let Some(first) = ranges.next() else { return Resolved::Unsatisfiable };
    if count == 1 {
        return Resolved::One(first);
    }
    let mut several = Vec::with_capacity(count);
    several.push(first);
    for range in ranges {
        coalesce(&mut several, range);
    }
    match several[..] {
        [one] => Resolved::One(one),
        _ => Resolved::Several(several),
    }
}

/// What follows `bytes=`.
fn range_set(value: &[u8]) -> Option<&[u8]> {
    let (unit, rest) = value.split_at_checked(b"bytes".len())?;
    unit.eq_ignore_ascii_case(b"bytes").then(|| rest.strip_prefix(b"="))?
}

/// The members of a set; none in place of each that is malformed.
fn specs(set: &[u8]) -> impl Iterator<Item = Option<RangeSpec>> {
    set.split(|octet| *octet == b',')
        .map(trim)
        .filter(|member| !member.is_empty())
        .map(RangeSpec::parse)
}

#[derive(Clone, Copy)]
enum RangeSpec {
    Int { first: u64, last: Option<u64> },
    Suffix(u64),
}

impl RangeSpec {
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|octet| *octet == b'-')?;
        let (before, after) = (text.get(..dash)?, text.get(dash + 1..)?);
        if before.is_empty() {
            return decimal(after).map(Self::Suffix);
        }
        let first = decimal(before)?;
        if after.is_empty() {
            return Some(Self::Int { first, last: None });
        }
        let last = decimal(after)?;
        (first <= last).then_some(Self::Int { first, last: Some(last) })
    }

    /// The octets meant, in a representation of `length`; none if there are none.
    fn within(self, length: u64) -> Option<ByteRange> {
        let end = length.checked_sub(1)?;
        match self {
            Self::Int { first, last } => {
                let last = last.map_or(end, |last| last.min(end));
                (first <= end).then_some(ByteRange { first, last })
            }
            Self::Suffix(0) => None,
            Self::Suffix(n) => Some(ByteRange { first: length.saturating_sub(n), last: end }),
        }
    }
}

/// `1*DIGIT`, at most the largest `u64`.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits.iter().fold(0u64, |sum, digit| {
            sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        }),
    )
}

/// Adds `range` to ranges of which none touches another, so that this stays true. What touches the
/// union touches `range` itself, hence one pass is enough.
fn coalesce(several: &mut Vec<ByteRange>, mut range: ByteRange) {
    let mut place = None;
    let mut kept = 0;
    for i in 0..several.len() {
        let other = several[i];
        if touch(other, range) {
            range.first = range.first.min(other.first);
            range.last = range.last.max(other.last);
            if place.is_some() {
                continue;
            }
            place = Some(kept);
        }
        several[kept] = other;
        kept += 1;
    }
    several.truncate(kept);
    match place {
        Some(at) => several[at] = range,
        None => several.push(range),
    }
}

const fn touch(a: ByteRange, b: ByteRange) -> bool {
    a.first <= b.last.saturating_add(1) && b.first <= a.last.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, length: u64) -> Resolved {
        resolve(value.as_bytes(), length, &RangeLimits::default())
    }

    fn one(first: u64, last: u64) -> Resolved {
        Resolved::One(ByteRange { first, last })
    }

    fn several(ranges: &[(u64, u64)]) -> Resolved {
        Resolved::Several(
            ranges.iter().map(|(first, last)| ByteRange { first: *first, last: *last }).collect(),
        )
    }

    /// The examples of RFC 9110 §14.1.2, for a representation of 10000 octets.
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(of("bytes=0-499", 10_000), one(0, 499));
        assert_eq!(of("bytes=500-999", 10_000), one(500, 999));
        assert_eq!(of("bytes=-500", 10_000), one(9_500, 9_999));
        assert_eq!(of("bytes=9500-", 10_000), one(9_500, 9_999));
        assert_eq!(of("bytes=0-0,-1", 10_000), several(&[(0, 0), (9_999, 9_999)]));
        assert_eq!(
            of("bytes= 0-999, 4500-5499, -1000", 10_000),
            several(&[(0, 999), (4_500, 5_499), (9_000, 9_999)])
        );
        assert_eq!(of("bytes=500-600,601-999", 10_000), one(500, 999));
        assert_eq!(of("bytes=500-700,601-999", 10_000), one(500, 999));
    }

    #[test]
    fn what_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes 0-1",
            "byte=0-1",
            "lines=0-1",
            "bytes=1-0",
            "bytes=-",
            "bytes=0",
            "bytes=a-",
            "bytes=0-b",
            "bytes=0-1-2",
            "bytes=--1",
            "bytes=0-1,x",
            "bytes=0 -1",
            "bytes =0-1",
            "bytes=+1-2",
            "bytes=0-1;2-3",
        ] {
            assert_eq!(of(value, 10), Resolved::Ignored, "{value}");
        }
    }

    #[test]
    fn units_have_no_case_and_empty_members_are_passed_over() {
        assert_eq!(of("BYTES=0-1", 10), one(0, 1));
        assert_eq!(of("bytes=,0-1 ,\t,", 10), one(0, 1));
    }

    #[test]
    fn what_lies_outside() {
        assert_eq!(of("bytes=10-", 10), Resolved::Unsatisfiable);
        assert_eq!(of("bytes=-0", 10), Resolved::Unsatisfiable);
        assert_eq!(of("bytes=-0,10-20", 10), Resolved::Unsatisfiable);
        assert_eq!(of("bytes=9-99", 10), one(9, 9));
        assert_eq!(of("bytes=-99", 10), one(0, 9));
        assert_eq!(of("bytes=10-,2-3", 10), one(2, 3));
        assert_eq!(of("bytes=0-", 0), Resolved::Unsatisfiable);
        assert_eq!(of("bytes=-0", 0), Resolved::Unsatisfiable);
        assert_eq!(of("bytes=-5", 0), Resolved::Ignored);
    }

    #[test]
    fn numbers_of_any_size() {
        let huge = "9".repeat(400);
        assert_eq!(of(&format!("bytes=0-{huge}"), 10), one(0, 9));
        assert_eq!(of(&format!("bytes=-{huge}"), 10), one(0, 9));
        assert_eq!(of(&format!("bytes={huge}-{huge}"), u64::MAX), Resolved::Unsatisfiable);
        assert_eq!(of("bytes=0-", u64::MAX), one(0, u64::MAX - 1));
        assert_eq!(of("bytes=000-0001", 10), one(0, 1));
    }

    #[test]
    fn ranges_that_touch_become_one_where_the_earliest_stood() {
        assert_eq!(of("bytes=8-9,0-1,4-4,2-3", 20), several(&[(8, 9), (0, 4)]));
        assert_eq!(of("bytes=5-6,0-1,9-9,2-8", 20), one(0, 9));
        assert_eq!(of("bytes=5-6,0-1,0-1,0-0", 20), several(&[(5, 6), (0, 1)]));
    }

    #[test]
    fn too_many_ranges_are_ignored() {
        let limits = RangeLimits { ranges_max: 2 };
        assert_eq!(resolve(b"bytes=0-0,1-1,2-2", 9, &limits), Resolved::Ignored);
        assert_eq!(resolve(b"bytes=0-0,,1-1", 9, &limits), one(0, 1));
        let off = RangeLimits { ranges_max: 0 };
        assert_eq!(resolve(b"bytes=0-0", 9, &off), Resolved::Ignored);
        assert_eq!(ByteRange { first: 3, last: 3 }.length(), 1);
    }
}
