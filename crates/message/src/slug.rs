//! A name for a new resource out of what a client proposes (RFC 5023 §9.7).

use crate::path::percent_value;

/// The most octets of a name made from a `Slug`.
pub const NAME_BYTES_MAX: usize = 100;

/// A safe name for a member of a collection, from the value of a `Slug` field; none where nothing safe
/// remains of it or what it encodes is not UTF-8.
///
/// Letters and digits of any script stay, and `.`, `_`, `-` among them; white space and separators
/// become one `-`; the rest is dropped. The name has at most [`NAME_BYTES_MAX`] octets, begins with a
/// letter, a digit or `_`, and does not end in a dot or hyphen: it is never hidden, never an option of
/// a program, never leads elsewhere.
#[must_use]
pub fn name_from_slug(value: &[u8]) -> Option<String> {
    let text = String::from_utf8(percent_decoded(value)).ok()?;
    let mut name = String::with_capacity(text.len().min(NAME_BYTES_MAX));
    for c in text.chars() {
        let Some(kept) = safe(c) else { continue };
        if matches!(kept, '.' | '-') && (name.is_empty() || (kept == '-' && name.ends_with('-'))) {
            continue;
        }
        if name.len() + kept.len_utf8() > NAME_BYTES_MAX {
            break;
        }
        name.push(kept);
    }
    name.truncate(name.trim_end_matches(['.', '-']).len());
    name.contains(char::is_alphanumeric).then_some(name)
}

/// What becomes of a character; none if it is dropped.
fn safe(c: char) -> Option<char> {
    match c {
        '.' | '_' | '-' => Some(c),
        '/' | '\\' | ':' => Some('-'),
        c if c.is_whitespace() => Some('-'),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    }
}

/// Takes the encoding off; a `%` that begins none stays, to be dropped later.
fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [octet, behind @ ..] = rest {
        match percent_value(behind).filter(|_| *octet == b'%') {
            Some(decoded) => {
                out.push(decoded);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*octet);
                rest = behind;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (slug, name) in [
            ("The Beach at S%C3%A8te", "The-Beach-at-Sète"),
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "etc-passwd"),
            ("%2e%2e%2fx", "x"),
            (".htaccess", "htaccess"),
            ("-rf", "rf"),
            ("a  \t b", "a-b"),
            ("a\\b:c", "a-b-c"),
            ("100% sure", "100-sure"),
            ("a%00b%0a", "ab"),
            ("_x_", "_x_"),
            ("end. ", "end"),
            ("\u{4f60}\u{597d}", "\u{4f60}\u{597d}"),
            ("<script>", "script"),
        ] {
            assert_eq!(name_from_slug(slug.as_bytes()).as_deref(), Some(name), "{slug}");
        }
    }

    #[test]
    fn nothing_safe() {
        for slug in ["", "...", "-", "___", "%2f", "?*|", " "] {
            assert_eq!(name_from_slug(slug.as_bytes()), None, "{slug}");
        }
        assert_eq!(name_from_slug(b"a%ff"), None);
        assert_eq!(name_from_slug(b"\xe4"), None);
    }

    #[test]
    fn long_ones_are_cut_between_characters() {
        let name = name_from_slug("ä".repeat(80).as_bytes()).unwrap();
        assert_eq!(name, "ä".repeat(50));
        let name = name_from_slug(format!("{}.x", "a".repeat(99)).as_bytes()).unwrap();
        assert_eq!(name, "a".repeat(99));
    }
}
