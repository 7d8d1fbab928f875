//! Looking into slices without ever stepping outside them.

use wherefore_message::Span;
use wherefore_message::token::is_value_octet;

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

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Where the first `octet` stands: eight octets at a time, since every octet of every head passes here.
#[inline]
pub(crate) fn first(octet: u8, octets: &[u8]) -> Option<usize> {
    let wanted = u64::from_ne_bytes([octet; 8]);
    let (words, rest) = octets.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // An octet is 0 here where the word has what is wanted; the lowest such octet is marked exactly.
        let marks = zeros(u64::from_le_bytes(*word) ^ wanted);
        if marks != 0 {
            return Some(i * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|other| *other == octet).map(|i| words.len() * 8 + i)
}

const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

/// Where a value of a field ends: at the first octet that may not stand in one (RFC 9110 §5.5), if that is CR. Eight
/// octets at a time, as above.
#[inline]
pub(crate) fn value_end(octets: &[u8]) -> Option<usize> {
    const DELETES: u64 = u64::from_ne_bytes([0x7f; 8]);
    let is_end = |at: usize| (octets.get(at) == Some(&b'\r')).then_some(at);
    let (words, rest) = octets.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let text = u64::from_le_bytes(*word);
        // Octets below a space are marked, and deletes; the lowest mark of each is exact.
        let mut marks = (text.wrapping_sub(ONES << 5) & !text & TOPS) | zeros(text ^ DELETES);
        while marks != 0 {
            let at = i * 8 + marks.trailing_zeros() as usize / 8;
            match octets.get(at) {
                // Behind a mark others may be wrong.
                Some(b'\t' | b' '..=b'~' | 0x80..) => marks &= marks - 1,
                Some(_) | None => return is_end(at),
            }
        }
    }
    let at = rest.iter().position(|octet| !is_value_octet(*octet))?;
    is_end(words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_of_its_kind_is_found(octets in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(b'\x0b'), Just(b'\x8a'), any::<u8>()], 0..64)
        ) {
            prop_assert_eq!(first(b'\n', &octets), octets.iter().position(|o| *o == b'\n'));
        }

        #[test]
        fn the_end_of_a_value_is_found(octets in prop::collection::vec(
            prop_oneof![
                60 => 0x20..=0x7eu8, 20 => 0x80..=0xffu8, 5 => Just(b'\t'), 2 => Just(b'\r'),
                1 => any::<u8>(), 1 => Just(0x7f), 1 => Just(0x1f)
            ],
            0..64,
        )) {
            let first = octets.iter().position(|octet| !is_value_octet(*octet));
            let expected = first.filter(|at| octets[*at] == b'\r');
            prop_assert_eq!(value_end(&octets), expected);
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
