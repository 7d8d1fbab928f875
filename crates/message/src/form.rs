//! Posted forms: `application/x-www-form-urlencoded` read in place, as the URL Standard of the WHATWG
//! says, and the faults of forms of every kind. [`form_data`](crate::form_data) reads the other kind.

use std::borrow::Cow;

pub use self::fault::{FormFault, FormFaultKind};
use crate::path::percent_value;

mod fault;

/// The media type of what [`pairs`] reads.
pub const URL_ENCODED: &str = "application/x-www-form-urlencoded";

/// The pairs of an `application/x-www-form-urlencoded` content, in order; the first fault ends them.
///
/// As the URL Standard has it, empty pairs (`&&`) are passed over, a pair without `=` has an empty
/// value, `+` is a space, and octets that are not UTF-8 become U+FFFD. Unlike there, a `%` that begins
/// no encoded octet is a fault, since nobody knows what was meant by it.
#[must_use]
pub const fn pairs(content: &[u8], pairs_max: usize) -> Pairs<'_> {
    Pairs { content, at: 0, left: pairs_max }
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Its name; may be empty, and may come again.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: Cow<'a, str>,
}

/// The iterator that [`pairs`] makes.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    content: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, FormFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let blank = self.content.get(self.at..)?.iter().take_while(|octet| **octet == b'&').count();
        let start = self.at + blank;
        let rest = self.content.get(start..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|octet| *octet == b'&').unwrap_or(rest.len());
        self.at = start + end;
        let read = match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                pair(rest.get(..end).unwrap_or_default(), start)
            }
            None => Err(FormFault::new(FormFaultKind::FieldsTooMany, start as u64)),
        };
        if read.is_err() {
            self.at = self.content.len();
        }
        Some(read)
    }
}

/// The pair that stands `at` octets into the content.
fn pair(text: &[u8], at: usize) -> Result<Pair<'_>, FormFault> {
    let equals = text.iter().position(|octet| *octet == b'=');
    let (name, value) = match equals {
        Some(equals) => {
            (text.get(..equals).unwrap_or_default(), text.get(equals + 1..).unwrap_or_default())
        }
        None => (text, &text[..0]),
    };
    Ok(Pair { name: decode(name, at)?, value: decode(value, at + equals.map_or(0, |i| i + 1))? })
}

/// Takes both encodings off the text that stands `at` octets into the content.
fn decode(text: &[u8], at: usize) -> Result<Cow<'_, str>, FormFault> {
    if !text.iter().any(|octet| matches!(octet, b'+' | b'%')) {
        return Ok(String::from_utf8_lossy(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [octet, behind @ ..] = rest {
        rest = behind;
        plain.push(match octet {
            b'+' => b' ',
            b'%' => {
                let there = at + (text.len() - behind.len() - 1);
                let fault = FormFault::new(FormFaultKind::Percent, there as u64);
                rest = behind.get(2..).unwrap_or_default();
                percent_value(behind).ok_or(fault)?
            }
            other => *other,
        });
    }
    Ok(Cow::Owned(String::from_utf8_lossy(&plain).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Vec<(String, String)> {
        pairs(content.as_bytes(), 100)
            .map(|pair| pair.map(|pair| (pair.name.into_owned(), pair.value.into_owned())).unwrap())
            .collect()
    }

    fn fault(content: &[u8], pairs_max: usize) -> FormFault {
        let mut all = pairs(content, pairs_max);
        let fault = all.find_map(Result::err).unwrap();
        assert!(all.next().is_none(), "a fault ends them");
        fault
    }

    #[test]
    fn as_the_url_standard_has_it() {
        for (content, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a=b", &[("a", "b")]),
            ("a", &[("a", "")]),
            ("a=", &[("a", "")]),
            ("=b", &[("", "b")]),
            ("=", &[("", "")]),
            ("&a=b&&c=d&", &[("a", "b"), ("c", "d")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a=1&a=2", &[("a", "1"), ("a", "2")]),
            ("a+b=c+d", &[("a b", "c d")]),
            ("a=%2B%26%3D%25", &[("a", "+&=%")]),
            ("%c3%A4=%e4%BD%a0", &[("\u{e4}", "\u{4f60}")]),
            ("\u{e4}=\u{4f60}", &[("\u{e4}", "\u{4f60}")]),
            ("a=%ff", &[("a", "\u{fffd}")]),
            ("a=%00", &[("a", "\0")]),
            ("a=%EF%BB%BFx", &[("a", "\u{feff}x")]),
            ("a=b;c=d", &[("a", "b;c=d")]),
        ] {
            let found = read(content);
            let found: Vec<_> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
            assert_eq!(found, expected, "{content}");
        }
        assert_eq!(pairs(b"a=\xff", 1).next().unwrap().unwrap().value, "\u{fffd}");
    }

    #[test]
    fn what_needs_no_decoding_is_read_in_place() {
        let pair = pairs(b"name=value", 1).next().unwrap().unwrap();
        assert!(matches!((pair.name, pair.value), (Cow::Borrowed("name"), Cow::Borrowed("value"))));
    }

    #[test]
    fn a_percent_sign_that_encodes_nothing_is_found_where_it_stands() {
        for (content, at) in [
            ("%", 0),
            ("a=%", 2),
            ("a=%4", 2),
            ("a=b&c=100%", 9),
            ("a=%20%zz", 5),
            ("a=%4=", 2),
            ("a%=b", 1),
            ("&&a=%%41", 4),
            ("a=%4&1=b", 2),
            ("a=%+1", 2),
        ] {
            let expected = FormFault::new(FormFaultKind::Percent, at);
            assert_eq!(fault(content.as_bytes(), 10), expected, "{content}");
        }
    }

    #[test]
    fn there_are_no_more_pairs_than_may_be() {
        assert_eq!(pairs(b"&a&b&c&", 3).filter(Result::is_ok).count(), 3);
        assert_eq!(fault(b"a&b&&c", 2), FormFault::new(FormFaultKind::FieldsTooMany, 5));
        assert_eq!(fault(b"a", 0), FormFault::new(FormFaultKind::FieldsTooMany, 0));
    }
}
