//! A name for a new resource out of what a client proposes: in a `Slug` (RFC 5023 §9.7), or as the name
//! of a posted file (RFC 7578 §4.2).

use crate::path::percent_value;

/// The most octets of a name made of what a client proposes.
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
    safe_name(&text, NAME_BYTES_MAX)
}

/// A safe name for a posted file, from the name that the client has for it; none where nothing safe
/// remains.
///
/// Of a path, of whichever system, only its last segment counts (RFC 7578 §4.2). What then stays and what
/// is dropped is as by [`name_from_slug`], but percent signs encode nothing, and a name that is too long
/// keeps its extension.
#[must_use]
pub fn name_from_file_name(file_name: &str) -> Option<String> {
    let segment = file_name.rsplit(['/', '\\']).next()?;
    let name = safe_name(segment, usize::MAX)?;
    if name.len() <= NAME_BYTES_MAX {
        return Some(name);
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= EXTENSION_BYTES_MAX);
    let (stem, extension) = name.split_at_checked(dot.unwrap_or(name.len()))?;
    let stem = safe_name(stem, NAME_BYTES_MAX - extension.len())?;
    Some(stem + extension)
}

/// The longest extension that a name keeps when it is cut, its dot included; longer ones are none.
const EXTENSION_BYTES_MAX: usize = 16;

/// What is safe of a text, up to so many octets.
fn safe_name(text: &str, bytes_max: usize) -> Option<String> {
    let mut name = String::with_capacity(text.len().min(bytes_max));
    for c in text.chars() {
        let Some(kept) = safe(c) else { continue };
        let begins_badly = name.is_empty() && (matches!(kept, '.' | '-') || is_mark(kept));
        if begins_badly || (kept == '-' && name.ends_with('-')) {
            continue;
        }
        if name.len() + kept.len_utf8() > bytes_max {
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
        c if c.is_alphanumeric() || is_mark(c) => Some(c),
        _ => None,
    }
}

/// Whether it is a mark on the letter before it that the language misses when it is gone, as far as marks
/// are no letters themselves: accents set apart, as one system has them in all names, vowel killers, tones.
const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{93c}' | '\u{94d}' | '\u{9bc}' | '\u{9cd}' | '\u{a3c}' | '\u{a4d}'
        | '\u{abc}' | '\u{acd}' | '\u{b3c}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{cbc}' | '\u{ccd}'
        | '\u{d4d}' | '\u{dca}' | '\u{e47}'..='\u{e4e}' | '\u{eba}' | '\u{ec8}'..='\u{ece}'
        | '\u{f39}' | '\u{f84}' | '\u{1037}'..='\u{103a}' | '\u{17c9}'..='\u{17d3}'
        | '\u{3099}' | '\u{309a}')
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
    fn names_of_files() {
        for (file_name, name) in [
            ("photo.jpg", "photo.jpg"),
            ("my photo (1).JPG", "my-photo-1.JPG"),
            ("C:\\Documents\\My CV.pdf", "My-CV.pdf"),
            ("/etc/passwd", "passwd"),
            ("..\\..\\x.exe", "x.exe"),
            ("a/..", ""),
            ("a/", ""),
            ("..", ""),
            (".htaccess", "htaccess"),
            ("..x", "x"),
            ("a..b", "a..b"),
            ("100%2e.txt", "1002e.txt"),
            ("a.tar.gz", "a.tar.gz"),
            ("a.", "a"),
            ("a. ", "a"),
            (".a.b", "a.b"),
            ("\u{30ab}\u{3099}.txt", "\u{30ab}\u{3099}.txt"),
            (
                "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
                "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
            ),
            ("re\u{301}sume\u{301}.doc", "re\u{301}sume\u{301}.doc"),
            ("\u{301}a", "a"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("a\u{200b}\0b\r\n.c", "ab-.c"),
            ("\u{1f600}.png", "png"),
            ("", ""),
        ] {
            let expected = (!name.is_empty()).then_some(name);
            assert_eq!(name_from_file_name(file_name).as_deref(), expected, "{file_name:?}");
        }
        let long = name_from_file_name(&format!("{}.jpeg", "\u{e4}".repeat(80))).unwrap();
        assert_eq!(long, format!("{}.jpeg", "\u{e4}".repeat(47)));
        let odd = name_from_file_name(&format!("a.{}", "x".repeat(120))).unwrap();
        assert_eq!(odd, format!("a.{}", "x".repeat(98)));
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
