//! Looking into slices without ever stepping outside them.

use wherefore_message::Span;

/// What stands from `start` on; nothing if that is past the end.
pub(crate) fn from(octets: &[u8], start: usize) -> &[u8] {
    octets.get(start..).unwrap_or_default()
}

/// What stands from `start` to `end`; nothing if that does not lie within.
pub(crate) fn within(octets: &[u8], start: usize, end: usize) -> &[u8] {
    octets.get(start..end).unwrap_or_default()
}

/// The span from `start` to `end`. A head is far smaller than 4 GiB: the limits' ranges see to it.
pub(crate) const fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

/// How many octets into `whole` its part `part` stands.
pub(crate) fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

/// Where `part` stands in `head`.
pub(crate) fn span_of(head: &[u8], part: &[u8]) -> Span {
    let start = offset(head, part);
    span(start, start + part.len())
}

/// Where the first LF stands: eight octets at a time, since every octet of every head passes here.
pub(crate) fn line_feed(octets: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    const FEEDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let (words, rest) = octets.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // An octet of `zeros` is 0 where the word has LF; the lowest such octet is marked exactly.
        let zeros = u64::from_le_bytes(*word) ^ FEEDS;
        let marks = zeros.wrapping_sub(ONES) & !zeros & TOPS;
        if marks != 0 {
            return Some(i * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|octet| *octet == b'\n').map(|i| words.len() * 8 + i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_line_feed_is_found(octets in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\x0b'), Just(b'\x8a'), any::<u8>()], 0..64)
        ) {
            prop_assert_eq!(line_feed(&octets), octets.iter().position(|o| *o == b'\n'));
        }
    }

    #[test]
    fn a_part_knows_its_place() {
        let whole = b"abcdef";
        assert_eq!(offset(whole, &whole[2..4]), 2);
        assert_eq!(within(whole, 4, 9), b"");
        assert_eq!(from(whole, 7), b"");
    }
}
