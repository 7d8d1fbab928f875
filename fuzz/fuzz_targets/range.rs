//! A length, in the first eight octets, and a `Range`: what is resolved lies within, apart, and is no more
//! than the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_message::range::{ByteRange, RangeLimits, Resolved, resolve};

fuzz_target!(|input: &[u8]| {
    let Some((length, value)) = input.split_first_chunk() else { return };
    let length = u64::from_le_bytes(*length);
    let limits = RangeLimits::default();
    let within = |range: &ByteRange| range.first <= range.last && range.last < length;
    match resolve(value, length, &limits) {
        Resolved::Ignored | Resolved::Unsatisfiable => {}
        Resolved::One(range) => assert!(within(&range)),
        Resolved::Several(ranges) => {
            assert!((2..=limits.ranges_max).contains(&ranges.len()));
            assert!(ranges.iter().all(within));
            let mut sorted = ranges;
            sorted.sort_by_key(|range| range.first);
            assert!(sorted.windows(2).all(|two| two[0].last + 1 < two[1].first));
        }
    }
});
