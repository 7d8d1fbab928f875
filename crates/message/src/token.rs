//! The small character classes of RFC 9110 §5.6, as tables.

/// Whether `octet` may stand in a token (`tchar`, RFC 9110 §5.6.2).
#[must_use]
pub const fn is_token_octet(octet: u8) -> bool {
    TOKEN[octet as usize]
}

/// Whether `text` is a token: one or more `tchar`.
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|octet| is_token_octet(*octet))
}

/// Whether `octet` may stand in a field value: visible, space, tab or obs-text (RFC 9110 §5.5).
#[must_use]
pub const fn is_value_octet(octet: u8) -> bool {
    octet == b'\t' || (octet >= b' ' && octet != 0x7f)
}

/// Whether every octet may stand in a field value (RFC 9110 §5.5), seen eight at a time: each line of each message that is
/// forwarded or relayed passes here.
#[must_use]
pub fn is_value(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    const DELETES: u64 = u64::from_ne_bytes([0x7f; 8]);
    let one_by_one = || text.iter().all(|octet| is_value_octet(*octet));
    let Some(end) = text.last_chunk::<8>() else { return one_by_one() };
    // Marks every octet below a space and every delete, and perhaps some that stand behind one.
    let marks = |word: &[u8; 8]| {
        let (word, other) = (u64::from_le_bytes(*word), u64::from_le_bytes(*word) ^ DELETES);
        ((word.wrapping_sub(ONES << 5) & !word) | (other.wrapping_sub(ONES) & !other)) & TOPS
    };
    let all = text.as_chunks::<8>().0.iter().fold(marks(end), |all, word| all | marks(word));
    // A tab is marked, and may stand there.
    all == 0 || one_by_one()
}

/// `text` without spaces and tabs at either end (OWS, RFC 9110 §5.6.3).
#[must_use]
pub fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|octet| !matches!(octet, b' ' | b'\t')).unwrap_or(text.len());
    let end =
        text.iter().rposition(|octet| !matches!(octet, b' ' | b'\t')).map_or(start, |i| i + 1);
    &text[start..end]
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    let marks = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = true;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_known_at_once(octets in prop::collection::vec(
            prop_oneof![
                60 => 0x20..=0x7eu8, 20 => 0x80..=0xffu8, 2 => Just(b'\t'), 1 => any::<u8>(),
                1 => Just(0x7f), 1 => Just(0x1f)
            ],
            0..64,
        )) {
            prop_assert_eq!(is_value(&octets), octets.iter().all(|octet| is_value_octet(*octet)));
        }
    }

    #[test]
    fn tokens_and_values() {
        assert!(is_token(b"M-SEARCH") && !is_token(b"") && !is_token(b"a b") && !is_token(b"a:"));
        assert_eq!((0..=255).filter(|octet| is_token_octet(*octet)).count(), 77);
        assert!(is_value_octet(0xff) && !is_value_octet(0) && !is_value_octet(b'\n'));
        assert_eq!(trim(b" \ta b\t"), b"a b");
        assert_eq!(trim(b"  "), b"");
    }
}
