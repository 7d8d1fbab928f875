//! Ranges against a naive model that marks the octets of a small representation one by one.

use proptest::prelude::*;
use wherefore_message::range::{ByteRange, RangeLimits, Resolved, resolve};

#[derive(Clone, Debug)]
enum Asked {
    Between(u64, u64),
    From(u64),
    Last(u64),
}

impl Asked {
    fn text(&self) -> String {
        match self {
            Self::Between(first, last) => format!("{first}-{last}"),
            Self::From(first) => format!("{first}-"),
            Self::Last(count) => format!("-{count}"),
        }
    }

    fn is_valid(&self) -> bool {
        !matches!(self, Self::Between(first, last) if last < first)
    }

    /// Whether octet `i` of `length` is meant.
    fn means(&self, i: u64, length: u64) -> bool {
        match self {
            Self::Between(first, last) => (*first..=*last).contains(&i),
            Self::From(first) => i >= *first,
            Self::Last(count) => i + count >= length,
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        4 => (0..30u64, 0..12u64).prop_map(|(first, more)| Asked::Between(first, first + more)),
        1 => (0..30u64, 0..30u64).prop_map(|(first, last)| Asked::Between(first, last)),
        1 => (0..30u64).prop_map(Asked::From),
        1 => (0..30u64).prop_map(Asked::Last),
    ]
}

/// The answer by enumeration: runs of marked octets, each in the place of the earliest range in it.
fn model(set: &[Asked], length: u64) -> Resolved {
    if !set.iter().all(Asked::is_valid) {
        return Resolved::Ignored;
    }
    if length == 0 && set.iter().any(|asked| matches!(asked, Asked::Last(1..))) {
        return Resolved::Ignored;
    }
    let marked: Vec<bool> =
        (0..length).map(|i| set.iter().any(|asked| asked.means(i, length))).collect();
    let mut runs: Vec<ByteRange> = Vec::new();
    for asked in set {
        let Some(hit) = (0..length).find(|i| asked.means(*i, length)) else { continue };
        if runs.iter().any(|run| (run.first..=run.last).contains(&hit)) {
            continue;
        }
        let (mut first, mut last) = (hit, hit);
        while first > 0 && marked[first as usize - 1] {
            first -= 1;
        }
        while last + 1 < length && marked[last as usize + 1] {
            last += 1;
        }
        runs.push(ByteRange { first, last });
    }
    match runs[..] {
        [] => Resolved::Unsatisfiable,
        [one] => Resolved::One(one),
        _ => Resolved::Several(runs),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn equals_the_model(set in prop::collection::vec(asked(), 1..8), length in 0..30u64) {
        let texts: Vec<_> = set.iter().map(Asked::text).collect();
        let value = format!("bytes={}", texts.join(", "));
        let found = resolve(value.as_bytes(), length, &RangeLimits::default());
        prop_assert_eq!(found, model(&set, length), "{} of {}", value, length);
    }

    #[test]
    fn never_more_octets_than_there_are(value in "bytes=[0-9, -]{0,60}", length: u64) {
        let ranges = match resolve(value.as_bytes(), length, &RangeLimits::default()) {
            Resolved::Ignored | Resolved::Unsatisfiable => vec![],
            Resolved::One(range) => vec![range],
            Resolved::Several(ranges) => {
                prop_assert!(ranges.len() > 1);
                ranges
            }
        };
        let mut sum = 0u128;
        for range in &ranges {
            prop_assert!(range.first <= range.last && range.last < length);
            sum += u128::from(range.length());
        }
        prop_assert!(sum <= u128::from(length));
    }

    #[test]
    fn no_octets_make_it_panic(value in prop::collection::vec(any::<u8>(), 0..60), length: u64) {
        let value = [b"bytes=", &value[..]].concat();
        let found = resolve(&value, length, &RangeLimits { ranges_max: 3 });
        if let Resolved::Several(ranges) = found {
            prop_assert!(ranges.len() <= 3);
        }
    }
}
