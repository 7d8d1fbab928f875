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

/// Where the value ends that begins at `start`: at the first octet that may not stand in one (RFC 9110 §5.5), if that is
/// CR. Sixteen octets at a time as long as there is no control among them, which compilers know vectors for. It
/// stands within its loop, not to be called for each line anew.
#[inline(always)]
pub(crate) fn value_end(octets: &[u8], start: usize) -> Option<usize> {
    let is_control = |octet: u8| (octet < b' ') | (octet == 0x7f);
    let (chunks, _) = from(octets, start).as_chunks::<16>();
    let mut at = start;
    for chunk in chunks {
        if chunk.iter().fold(false, |any, octet| any | is_control(*octet)) {
            let [low, high] = [0, 8].map(|half| {
                let word = from(chunk, half).first_chunk();
                let text = word.map_or(0, |word| u64::from_le_bytes(*word));
                // Controls are marked, and perhaps some octets beside them.
                (text.wrapping_sub(ONES << 5) | text.wrapping_add(ONES)) & !text & TOPS
            });
            at += match low {
                0 => 8 + high.trailing_zeros() as usize / 8,
                low => low.trailing_zeros() as usize / 8,
            };
            break;
        }
        at += 16;
    }
    if octets.get(at) == Some(&b'\r') { Some(at) } else { slow_value_end(octets, at) }
}

/// Does as [`value_end`], an octet at a time.
fn slow_value_end(octets: &[u8], start: usize) -> Option<usize> {
    let rest = from(octets, start);
    let at = rest.iter().position(|octet| !is_value_octet(*octet))?;
    (rest.get(at) == Some(&b'\r')).then_some(start + at)
}

/// Where the target of a request line ends, and where the first `?` stands in it.
pub(crate) struct TargetEnd {
    pub(crate) end: usize,
    pub(crate) query: Option<usize>,
}

/// Looks for the space behind a target that `octets` begin with; none if an octet that no URI may hold comes before it,
/// or fewer than eight octets behind it. Eight octets at a time, as above.
#[inline]
pub(crate) fn target_end(octets: &[u8]) -> Option<TargetEnd> {
    let mut query = None;
    for (i, word) in octets.as_chunks::<8>().0.iter().enumerate() {
        let text = u64::from_le_bytes(*word);
        let of = |octet: u8| (text ^ (ONES * u64::from(octet))).wrapping_sub(ONES);
        let controls = text.wrapping_sub(ONES * 0x21) | text.wrapping_add(ONES);
        // What is looked for is marked, and perhaps some octets beside.
        let mut marks = (controls | of(b'#') | of(b'?')) & !text & TOPS;
        while marks != 0 {
            let bit = marks.trailing_zeros();
            let at = i * 8 + bit as usize / 8;
            match (text >> (bit & !7)) as u8 {
                b' ' => return Some(TargetEnd { end: at, query }),
                b'?' => query = query.or(Some(at)),
                0..b' ' | b'#' | 0x7f => return None,
                _ => {}
            }
            marks &= marks - 1;
        }
    }
    None
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
            prop_assert_eq!(value_end(&octets, 0), expected);
        }

        #[test]
        fn the_end_of_a_target_is_found(octets in prop::collection::vec(
            prop_oneof![
                60 => 0x21..=0x7eu8, 10 => 0x80..=0xffu8, 5 => Just(b'?'), 3 => Just(b' '),
                1 => Just(b'#'), 1 => any::<u8>(), 1 => Just(0x7f), 1 => Just(0x1f)
            ],
            0..64,
        )) {
            let found = target_end(&octets).map(|target| (target.end, target.query));
            let first = octets.iter().position(|o| *o <= b' ' || matches!(o, b'#' | 0x7f));
            let expected = first.filter(|at| octets[*at] == b' ').map(|end| {
                (end, octets[..end].iter().position(|octet| *octet == b'?'))
            });
            // It may not see one that stands among the last octets.
            let is_late = first.is_some_and(|at| at >= octets.len() / 8 * 8);
            prop_assert_eq!(found, expected.filter(|_| !is_late));
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
