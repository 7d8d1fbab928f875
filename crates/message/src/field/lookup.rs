//! Finding a known field name, in any case (RFC 9110 §5.1): every field line of every message passes here, so a
//! name is looked at as four words.

use super::FieldName;
use crate::token::{is_token, is_token_octet};

/// The longest name that can be known, in octets.
const NAME_BYTES_MAX: usize = 32;

/// A name's octets, eight in a word, the first of them lowest; nothing after the last.
type Words = [u64; NAME_BYTES_MAX / 8];

/// Names that nothing here looks at, and that come with most requests all the same: they are found, so that they
/// need not be looked through for octets that no name has.
const OTHERS: [&str; 16] = [
    "baggage",
    "DNT",
    "Priority",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-User",
    "Sec-GPC",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "traceparent",
    "tracestate",
    "Upgrade-Insecure-Requests",
    "X-Requested-With",
];

impl FieldName {
    /// Looks up a name, in any case (RFC 9110 §5.1).
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let length = text.len();
        let (Some(first), Some(middle), Some(late)) =
            (text.first(), text.get(length / 2), text.get(length.wrapping_sub(2)))
        else {
            return Self::Other;
        };
        match words(text) {
            Some(words) => {
                let found = find(&words, length, bucket(*first, *middle, *late, length));
                found.unwrap_or(Self::Other)
            }
            None => Self::Other,
        }
    }

    /// Looks up the name that a field line begins with; says which it is, and where its colon stands. None if no
    /// token stands before a colon.
    #[must_use]
    #[inline]
    pub fn of_line(line: &[u8]) -> Option<(Self, usize)> {
        let Some(window) = line.first_chunk::<NAME_BYTES_MAX>() else { return of_short_line(line) };
        let words = window.as_chunks::<8>().0;
        let words: Words = core::array::from_fn(|i| u64::from_le_bytes(words[i]));
        let length = match colon(&words) {
            Some(length) if length > 0 => length,
            _ => return of_short_line(line),
        };
        // The remainders show that no index is past the end; a name of one octet is none that could be found.
        let middle = window[length / 2 % NAME_BYTES_MAX];
        let late = window[length.wrapping_sub(2) % NAME_BYTES_MAX];
        let found = find(&words, length, bucket(window[0], middle, late, length));
        // A name that was found is a token.
        let is_well = found.is_some() || is_usual(&words, length) || is_token(&line[..length]);
        is_well.then_some((found.unwrap_or(Self::Other), length))
    }
}

/// Does as [`FieldName::of_line`], an octet at a time.
fn of_short_line(line: &[u8]) -> Option<(FieldName, usize)> {
    let length = line.iter().position(|octet| !is_token_octet(*octet))?;
    (length > 0 && line[length] == b':').then(|| (FieldName::parse(&line[..length]), length))
}

/// The words of a name; none if it is longer than any that is known.
#[inline]
fn words(text: &[u8]) -> Option<Words> {
    let length = text.len();
    let mut words = [0; NAME_BYTES_MAX / 8];
    // Two loads that overlap, the second moved down to where the first ends.
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
        let first = u128::from_le_bytes(*first);
        (words[0], words[1]) = (first as u64, (first >> 64) as u64);
        if length > NAME_BYTES_MAX {
            return None;
        }
        if length > 16 {
            let last = u128::from_le_bytes(*last) >> (8 * (32 - length));
            (words[2], words[3]) = (last as u64, (last >> 64) as u64);
        }
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        words[0] = u64::from_le_bytes(*first);
        if length > 8 {
            words[1] = u64::from_le_bytes(*last) >> (8 * (16 - length));
        }
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        words[0] = u64::from(first) | u64::from(last) << (8 * (length - 4));
    } else {
        for octet in text.iter().rev() {
            words[0] = words[0] << 8 | u64::from(*octet);
        }
    }
    Some(words)
}

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);

const fn every(octet: u8) -> u64 {
    ONES * octet as u64
}

/// Where the first colon stands.
#[inline]
fn colon(words: &Words) -> Option<usize> {
    for (i, word) in words.iter().enumerate() {
        let other = word ^ every(b':');
        // The lowest mark is exact.
        let marks = other.wrapping_sub(ONES) & !other & TOPS;
        if marks != 0 {
            return Some(i * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    None
}

/// Whether the first `length` octets are letters, digits and hyphens: a token, as nearly every one is.
#[inline]
fn is_usual(words: &Words, length: usize) -> bool {
    words.iter().enumerate().take_while(|(i, _)| i * 8 < length).all(|(i, word)| {
        // Sums of octets below 0x80 stay within their octet; its top bit says how they compare.
        let low = word & !TOPS;
        let (letter, hyphen) = (low | every(0x20), low ^ every(b'-'));
        let is_letter = (letter + every(0x80 - b'a')) & !(letter + every(0x7f - b'z'));
        let is_digit = (low + every(0x80 - b'0')) & !(low + every(0x7f - b'9'));
        let is_hyphen = !(hyphen + every(0x7f));
        let wrong = (!(is_letter | is_digit | is_hyphen) | word) & TOPS;
        let left = length - i * 8;
        left >= 8 && wrong == 0 || left < 8 && wrong << (8 * (8 - left)) == 0
    })
}

/// A name, as it is compared.
#[derive(Clone, Copy)]
struct Row {
    words: Words,
    /// The bits that tell it from others: all of its octets but those of the case of letters.
    tells: Words,
    length: usize,
    name: FieldName,
    /// The next row of the same bucket.
    next: u8,
}

/// The row that nothing is equal to.
const NONE: u8 = (FieldName::KNOWN.len() + OTHERS.len()) as u8;

/// As many as a row's number can name.
const ROWS: usize = 256;

static BY_NAME: [Row; ROWS] = TABLES.0;
static BY_BUCKET: [u8; BUCKETS] = TABLES.1;

/// Names by length and three letters: the first, that in the middle and the last but one. With these factors two of
/// today's fall together; one that falls on another stands behind it.
const BUCKETS: usize = 512;

const fn bucket(first: u8, middle: u8, late: u8, length: usize) -> usize {
    ((first | 0x20) as usize * 384
        + (middle | 0x20) as usize * 293
        + (late | 0x20) as usize * 114
        + length * 479)
        % BUCKETS
}

const TABLES: ([Row; ROWS], [u8; BUCKETS]) = {
    let nothing = [0; NAME_BYTES_MAX / 8];
    let none =
        Row { words: nothing, tells: nothing, length: 0, name: FieldName::Other, next: NONE };
    let (mut rows, mut buckets) = ([none; ROWS], [NONE; BUCKETS]);
    let mut i = 0;
    while i < NONE as usize {
        let known = i < FieldName::KNOWN.len();
        let name = if known { FieldName::KNOWN[i] } else { FieldName::Other };
        let text = if known { name.as_str() } else { OTHERS[i - FieldName::KNOWN.len()] };
        let text = text.as_bytes();
        let length = text.len();
        assert!(length > 1 && length <= NAME_BYTES_MAX, "a name that would not be found");
        let row = &mut rows[i];
        (row.length, row.name) = (length, name);
        let mut at = 0;
        while at < length {
            let tells: u8 = if text[at].is_ascii_alphabetic() { !0x20 } else { !0 };
            row.words[at / 8] |= ((text[at] & tells) as u64) << (at % 8 * 8);
            row.tells[at / 8] |= (tells as u64) << (at % 8 * 8);
            at += 1;
        }
        let bucket = bucket(text[0], text[length / 2], text[length - 2], length);
        (row.next, buckets[bucket]) = (buckets[bucket], i as u8);
        i += 1;
    }
    (rows, buckets)
};

/// The name whose octets these are; what stands past `length` does not count.
#[inline]
fn find(words: &Words, length: usize, bucket: usize) -> Option<FieldName> {
    let mut row = &BY_NAME[BY_BUCKET[bucket % BUCKETS] as usize];
    loop {
        let differs = |i: usize| words[i] & row.tells[i] ^ row.words[i];
        if row.length == length && differs(0) | differs(1) | differs(2) | differs(3) == 0 {
            return Some(row.name);
        }
        if row.next == NONE {
            return None;
        }
        row = &BY_NAME[row.next as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_name_of_a_line_is_what_stands_before_its_colon(
            name in prop_oneof![
                4 => prop::sample::select(FieldName::KNOWN).prop_map(|name| name.as_str().into()),
                1 => prop::sample::select(&OTHERS[..]).prop_map(String::from),
                2 => "[A-Za-z0-9-]{0,40}",
                2 => "[!-~]{0,40}",
                1 => "\\PC{0,12}",
            ],
            wrong in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            rest in prop_oneof![Just(String::new()), "[: -~]{0,40}"],
        ) {
            let mut line = name.into_bytes();
            if let Some((at, octet)) = wrong && !line.is_empty() {
                let at = at.index(line.len());
                line[at] = octet;
            }
            line.push(b':');
            line.extend_from_slice(rest.as_bytes());
            for end in 0..=line.len() {
                let line = &line[..end];
                let name = line.iter().position(|octet| *octet == b':').map(|at| &line[..at]);
                let known = |name: &[u8]| {
                    let is = |known: &&FieldName| known.as_str().as_bytes().eq_ignore_ascii_case(name);
                    *FieldName::KNOWN.iter().find(is).unwrap_or(&FieldName::Other)
                };
                let expected =
                    name.filter(|name| is_token(name)).map(|name| (known(name), name.len()));
                prop_assert_eq!(FieldName::of_line(line), expected);
            }
        }
    }

    #[test]
    fn what_is_not_known_is_no_name_of_ours() {
        for text in OTHERS {
            assert!(is_token(text.as_bytes()));
            assert_eq!(FieldName::parse(text.as_bytes()), FieldName::Other, "{text} is known");
        }
    }

    #[test]
    fn octets_of_usual_names() {
        for octet in 0..=255_u8 {
            let expected = octet.is_ascii_alphanumeric() || octet == b'-';
            for at in 0..8 {
                let mut word = [b'x'; 8];
                word[at] = octet;
                let words = [u64::from_le_bytes(word), 0, 0, 0];
                assert_eq!(is_usual(&words, 8), expected, "{octet}");
                assert_eq!(is_usual(&words, at + 1), expected, "{octet}");
                assert!(at == 0 || is_usual(&words, at), "{octet}");
            }
        }
    }
}
