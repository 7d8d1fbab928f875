//! List-based fields (RFC 9110 §5.6.1): members over one line or several, commas inside quoted strings
//! left alone, empty members passed over as §5.6.1.2 asks.

use crate::token::trim;

/// The members of a list-based field, over all of its lines, each trimmed.
pub fn members<'a>(
    lines: impl Iterator<Item = &'a [u8]> + Clone,
) -> impl Iterator<Item = &'a [u8]> + Clone {
    lines.flat_map(|line| Members { rest: Some(line) }).filter(|member| !member.is_empty())
}

/// The parameters after a member's first part: `;`-separated, each trimmed, quoted strings whole.
pub fn parameters(member: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    Split { rest: Some(member), at: b';' }
}

#[derive(Clone)]
struct Members<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut split = Split { rest: self.rest, at: b',' };
        let member = split.next();
        self.rest = split.rest;
        member
    }
}

/// Splits at an octet that does not stand inside a quoted string.
#[derive(Clone)]
struct Split<'a> {
    rest: Option<&'a [u8]>,
    at: u8,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest?;
        let (mut quoted, mut escaped) = (false, false);
        for (i, octet) in text.iter().copied().enumerate() {
            match octet {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                octet if octet == self.at && !quoted => {
                    self.rest = Some(&text[i + 1..]);
                    return Some(trim(&text[..i]));
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(trim(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(lines: &[&'static str]) -> Vec<&'static str> {
        let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        members(bytes.into_iter()).map(|m| core::str::from_utf8(m).unwrap()).collect()
    }

    #[test]
    fn commas_inside_quotes_and_empty_members() {
        assert_eq!(split(&["a, \"b,c\" ,,d", "", "e"]), ["a", "\"b,c\"", "d", "e"]);
        assert_eq!(split(&["\"a\\\",b\", c"]), ["\"a\\\",b\"", "c"]);
        assert_eq!(split(&["\"open, c"]), ["\"open, c"]);
        let parts: Vec<_> = parameters(b"text/html; q=\"a;b\" ;x").collect();
        assert_eq!(parts, [&b"text/html"[..], b"q=\"a;b\"", b"x"]);
    }

    #[test]
    fn a_list_on_one_line_equals_the_list_on_several() {
        assert_eq!(split(&["a, b", "c"]), split(&["a, b, c"]));
        assert_eq!(split(&["a, b", "c"]), split(&["a", "b", "c"]));
    }
}
