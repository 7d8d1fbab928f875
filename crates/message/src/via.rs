//! `Via` (RFC 9110 §7.6.3): which intermediaries a message came through. A gateway adds itself at the end, and
//! finds itself there if the message comes round again.

use crate::token::{is_value, trim};
use crate::version::Version;

/// Appends the value of one `Via` field to `out`: what stood in all lines before, then this recipient, which got
/// the message in `version`. `pseudonym` is a token. A line that holds what none may is left out.
pub fn add<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    version: Version,
    pseudonym: &str,
    out: &mut Vec<u8>,
) {
    let is_one = |line: &&[u8]| !line.is_empty() && is_value(line);
    for line in lines.map(trim).filter(is_one) {
        out.extend_from_slice(line);
        out.extend_from_slice(b", ");
    }
    // The name of the protocol is left out where it is HTTP.
    let digit = |number: u8| b'0' + number % 10;
    out.extend_from_slice(&[digit(version.major), b'.', digit(version.minor), b' ']);
    out.extend_from_slice(pseudonym.as_bytes());
}

/// Whether any member names this recipient.
///
/// Commas within comments are taken for the ends of members too: what a client leaves open can then hide nobody,
/// and whoever writes our name into a comment harms only itself.
pub fn names<'a>(mut lines: impl Iterator<Item = &'a [u8]>, pseudonym: &str) -> bool {
    lines.any(|line| {
        line.split(|octet| *octet == b',').any(|member| {
            let mut words =
                member.split(|octet| matches!(octet, b' ' | b'\t')).filter(|word| !word.is_empty());
            words.nth(1).is_some_and(|by| by.eq_ignore_ascii_case(pseudonym.as_bytes()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(lines: &[&'static str], version: Version) -> String {
        let mut out = Vec::new();
        add(lines.iter().map(|line| line.as_bytes()), version, "us", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_line_of_all() {
        assert_eq!(added(&[], Version::HTTP_11), "1.1 us");
        assert_eq!(added(&["", " ", "1.1 a\r\nb: c"], Version::HTTP_10), "1.0 us");
        let lines = ["1.0 fred", "HTTP/1.1 p.example (Apache, or so) "];
        let all = "1.0 fred, HTTP/1.1 p.example (Apache, or so), 2.0 us";
        assert_eq!(added(&lines, Version::HTTP_2), all);
    }

    #[test]
    fn who_came_by_is_found() {
        let found = |lines: &[&'static str]| names(lines.iter().map(|line| line.as_bytes()), "us");
        for lines in [
            &["1.1 us"][..],
            &["1.0 fred, 1.1\tUS (comment)"],
            &["1.0 fred", "HTTP/1.1  us, 1.1 b"],
            &["1.1 a (open, 1.1 us"],
            &["1.1 \"open, 1.1 us"],
        ] {
            assert!(found(lines), "{lines:?}");
            let passed_on = added(lines, Version::HTTP_11);
            assert!(names([passed_on.as_bytes()].into_iter(), "us"));
        }
        for lines in [&[][..], &["1.1 usa"], &["us"], &["1.1 a (us)"], &["1.1 us:80"]] {
            assert!(!found(lines), "{lines:?}");
        }
    }
}
