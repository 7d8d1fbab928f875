//! Base 64 with the alphabet of `+` and `/`, as byte sequences of structured fields hold it
//! (RFC 9651 §4.1.8, §4.2.7), and with that of `-` and `_`, as tokens do (RFC 4648 §5).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NONE: u8 = 0xff;
const VALUES: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < ALPHABET.len() {
        table[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    table
};

/// Appends `octets` to `out`, padded to a multiple of four characters.
pub fn encode_into(octets: &[u8], out: &mut String) {
    out.reserve(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet))
            << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= group.len() { digit as char } else { '=' });
        }
    }
}

/// `octets`, padded to a multiple of four characters.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    let mut out = String::new();
    encode_into(octets, &mut out);
    out
}

/// Reads what [`encode`] writes; none for anything else.
///
/// As RFC 9651 §4.2.7 asks, absent padding and leftover bits that are not zero are let through;
/// padding that is there must be right.
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|octet| **octet == b'=').count();
    let digits = text.get(..text.len() - padding)?;
    let padding_wanted = (4 - digits.len() % 4) % 4;
    if digits.len() % 4 == 1 || (padding > 0 && padding != padding_wanted) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            let value = VALUES[*digit as usize];
            if value == NONE {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let octets = bits.to_be_bytes();
        // Two digits make one octet, three make two, four make three, behind the empty first.
        out.extend_from_slice(octets.get(1..group.len()).unwrap_or_default());
    }
    Some(out)
}

/// Reads what is written with `-` and `_` and without padding, as a token's parts are (RFC 7515 §2);
/// none for anything else, leftover bits that are not zero included: what is signed has one form.
#[must_use]
pub fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .map(|octet| match octet {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' | b'=' => None,
            other => Some(*other),
        })
        .collect();
    let digits = digits?;
    let octets = decode(&digits)?;
    let leftover_bits = digits.len() * 6 - octets.len() * 8;
    let last = digits.last().map_or(0, |digit| VALUES[*digit as usize]);
    (last & ((1 << leftover_bits) - 1) == 0).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_pairs_both_ways() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(octets.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()).unwrap(), octets.as_bytes());
            assert_eq!(decode(text.trim_end_matches('=').as_bytes()).unwrap(), octets.as_bytes());
        }
        assert_eq!(encode(&[0xfb, 0xef, 0xff]), "++//");
    }

    #[test]
    fn what_is_no_base_64() {
        for wrong in ["A", "A===", "Zg=", "Zm9v=", "====", "=", "Zm=v", "Z-==", "Zg ==", "Zm9vA"] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(decode(b"Zh==").unwrap(), b"f");
    }

    #[test]
    fn the_other_alphabet_has_one_form() {
        for (text, octets) in
            [("", &b""[..]), ("Zg", b"f"), ("Zm9vYg", b"foob"), ("--__", b"\xfb\xef\xff")]
        {
            assert_eq!(decode_url(text.as_bytes()).unwrap(), octets);
        }
        for wrong in ["Zg==", "Zh", "Zm9", "++//", "A", "Zm 9", "Zm9v\n"] {
            assert_eq!(decode_url(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
