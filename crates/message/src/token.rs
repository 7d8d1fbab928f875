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

    #[test]
    fn tokens_and_values() {
        assert!(is_token(b"M-SEARCH") && !is_token(b"") && !is_token(b"a b") && !is_token(b"a:"));
        assert_eq!((0..=255).filter(|octet| is_token_octet(*octet)).count(), 77);
        assert!(is_value_octet(0xff) && !is_value_octet(0) && !is_value_octet(b'\n'));
        assert_eq!(trim(b" \ta b\t"), b"a b");
        assert_eq!(trim(b"  "), b"");
    }
}
