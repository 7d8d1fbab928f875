//! Entity tags (RFC 9110 §8.8.3). They have two equalities, so `==` is not one of them.

use core::fmt;

use crate::token::trim;

/// The most octets of an opaque part that this program makes itself.
pub const OPAQUE_BYTES_MAX: usize = 38;

/// An entity tag of ours, held inline.
#[derive(Clone, Copy)]
pub struct EntityTag {
    opaque: [u8; OPAQUE_BYTES_MAX],
    length: u8,
    weak: bool,
}

impl EntityTag {
    /// A strong tag.
    ///
    /// # Panics
    /// If `opaque` is longer than [`OPAQUE_BYTES_MAX`] or holds an octet that no tag may hold: the
    /// makers of tags choose neither.
    #[must_use]
    pub fn strong(opaque: &[u8]) -> Self {
        assert!(opaque.len() <= OPAQUE_BYTES_MAX && opaque.iter().all(|o| is_opaque_octet(*o)));
        let mut tag =
            Self { opaque: [0; OPAQUE_BYTES_MAX], length: opaque.len() as u8, weak: false };
        tag.opaque[..opaque.len()].copy_from_slice(opaque);
        tag
    }

    /// The same opaque part, said to be weak.
    #[must_use]
    pub const fn weakened(self) -> Self {
        Self { weak: true, ..self }
    }

    /// The tag, to be compared.
    #[must_use]
    pub fn text(&self) -> TagText<'_> {
        TagText { opaque: &self.opaque[..self.length as usize], weak: self.weak }
    }

    /// Whether it is weak.
    #[must_use]
    pub const fn is_weak(&self) -> bool {
        self.weak
    }
}

/// Written as the value of `ETag`: `"opaque"`, or `W/"opaque"`.
impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl fmt::Debug for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

/// An entity tag read in place.
#[derive(Clone, Copy, Debug)]
pub struct TagText<'a> {
    /// What stands between the quotes.
    pub opaque: &'a [u8],
    /// Whether `W/` stands before them.
    pub weak: bool,
}

impl<'a> TagText<'a> {
    /// Reads one tag; none if it is anything else.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (weak, rest) = match text.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let opaque = rest.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        opaque.iter().all(|octet| is_opaque_octet(*octet)).then_some(Self { opaque, weak })
    }

    /// Both strong, and the same octets (RFC 9110 §8.8.3.2).
    #[must_use]
    pub fn strong_eq(self, other: TagText<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// The same octets, weak or not (RFC 9110 §8.8.3.2).
    #[must_use]
    pub fn weak_eq(self, other: TagText<'_>) -> bool {
        self.opaque == other.opaque
    }
}

impl fmt::Display for TagText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.weak { "W/" } else { "" };
        write!(f, "{prefix}\"{}\"", String::from_utf8_lossy(self.opaque))
    }
}

/// What `If-Match` and `If-None-Match` hold (RFC 9110 §13.1.1, §13.1.2).
#[derive(Clone, Debug)]
pub enum Tags<T> {
    /// `*`: any current representation.
    Any,
    /// A list of tags; members that are no tags match nothing and are passed over.
    List(T),
}

/// Reads the lines of an `If-Match` or `If-None-Match` field.
pub fn tags<'a>(
    lines: impl Iterator<Item = &'a [u8]> + Clone,
) -> Tags<impl Iterator<Item = TagText<'a>> + Clone> {
    let members =
        lines.flat_map(|line| Members { rest: Some(line) }).filter(|member| !member.is_empty());
    let mut first = members.clone();
    match (first.next(), first.next()) {
        (Some(b"*"), None) => Tags::Any,
        _ => Tags::List(members.filter_map(TagText::parse)),
    }
}

/// Splits a line at the commas outside of opaque tags. Unlike in a quoted string, a `\` in an opaque tag
/// is an octet like any other and escapes nothing (RFC 9110 §8.8.3).
#[derive(Clone)]
struct Members<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let mut is_quoted = false;
        let comma = text.iter().position(|octet| {
            is_quoted ^= *octet == b'"';
            *octet == b',' && !is_quoted
        });
        let (member, rest) = match comma {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        self.rest = rest;
        Some(trim(member))
    }
}

const fn is_opaque_octet(octet: u8) -> bool {
    octet == 0x21 || (octet >= 0x23 && octet != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of RFC 9110 §8.8.3.2.
    #[test]
    fn the_two_comparisons() {
        for (a, b, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            let (a, b) =
                (TagText::parse(a.as_bytes()).unwrap(), TagText::parse(b.as_bytes()).unwrap());
            assert_eq!((a.strong_eq(b), a.weak_eq(b)), (strong, weak), "{a} {b}");
        }
    }

    #[test]
    fn lists_with_commas_inside_tags_and_over_lines() {
        let lines = [&b"\"a,b\", W/\"c\""[..], b"bad, \"d\""];
        let Tags::List(list) = tags(lines.into_iter()) else { panic!("no star here") };
        let found: Vec<_> = list.map(|tag| tag.to_string()).collect();
        assert_eq!(found, ["\"a,b\"", "W/\"c\"", "\"d\""]);
        assert!(matches!(tags([&b"*"[..]].into_iter()), Tags::Any));
        assert!(matches!(tags([&b"*, \"a\""[..]].into_iter()), Tags::List(_)));
    }

    #[test]
    fn a_backslash_in_a_tag_escapes_nothing() {
        for (line, wanted) in [
            (r#""a\", "b""#, &[r#""a\""#, r#""b""#][..]),
            (r#""\\\", W/"\""#, &[r#""\\\""#, r#"W/"\""#]),
            (r#""a\,b""#, &[r#""a\,b""#]),
            (r#"\"a", "b""#, &[r#""b""#]),
            (r#", "a",, "b" ,"#, &[r#""a""#, r#""b""#]),
            (r#""open, "b""#, &[]),
        ] {
            let Tags::List(list) = tags([line.as_bytes()].into_iter()) else { panic!("no star") };
            let found: Vec<_> = list.map(|tag| tag.to_string()).collect();
            assert_eq!(found, wanted, "{line}");
        }
    }

    #[test]
    fn what_is_no_tag() {
        for wrong in ["", "a", "\"a", "w/\"a\"", "\"a b\"", "\"a\"b\"", "\""] {
            assert!(TagText::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
        let tag = EntityTag::strong(b"abc").weakened();
        assert_eq!(tag.to_string(), "W/\"abc\"");
    }
}
