//! What a client expects of the server before it goes on (RFC 9110 §10.1.1).

use crate::list;

/// What an `Expect` field comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing is expected.
    None,
    /// `100-continue`, and nothing else.
    Continue,
    /// Something that no one defined, alone or beside `100-continue`: it may be answered by 417.
    Other,
}

/// Reads the lines of an `Expect` field; expectations have no case.
pub fn read<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> Expectation {
    let mut found = Expectation::None;
    for member in list::members(lines) {
        if !member.eq_ignore_ascii_case(b"100-continue") {
            return Expectation::Other;
        }
        found = Expectation::Continue;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations() {
        let of = |lines: &[&'static str]| read(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(of(&[]), Expectation::None);
        assert_eq!(of(&["", " , "]), Expectation::None);
        assert_eq!(of(&["100-Continue"]), Expectation::Continue);
        assert_eq!(of(&["100-continue", "100-continue,"]), Expectation::Continue);
        for other in ["200-ok", "100-continue=1", "100-continue;a", "100-continue, x"] {
            assert_eq!(of(&[other]), Expectation::Other, "{other}");
        }
        assert_eq!(of(&["100-continue", "tea=earl"]), Expectation::Other);
    }
}
