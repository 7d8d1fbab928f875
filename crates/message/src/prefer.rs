//! What a client would like, without insisting (RFC 7240).

use crate::list;
use crate::token::{is_token, trim};

/// The preferences that this program knows, of all lines of a `Prefer` field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Whether it is to be answered now, or when it is done.
    pub respond: Respond,
    /// How long the client would wait for the answer, in seconds (RFC 7240 §4.3).
    pub wait_seconds: Option<u32>,
}

/// When the client would like its answer (RFC 7240 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Respond {
    /// When it is done, as is usual.
    #[default]
    Done,
    /// Before it is done: `respond-async`.
    Async,
}

/// What `Preference-Applied` says of [`Respond::Async`] (RFC 7240 §3).
pub const RESPOND_ASYNC: &str = "respond-async";

/// Reads the lines of a `Prefer` field. Of a preference that stands twice the first counts, and what is unknown or
/// malformed is passed over (RFC 7240 §2).
pub fn read<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> Preferences {
    let mut preferences = Preferences::default();
    let (mut respond, mut wait) = (false, false);
    for member in list::members(lines) {
        // Parameters say more about a preference; these two have none.
        let Some((name, value)) = list::parameters(member).next().and_then(split) else { continue };
        if name.eq_ignore_ascii_case(RESPOND_ASYNC.as_bytes()) {
            if !respond && value.is_empty() {
                preferences.respond = Respond::Async;
            }
            respond = true;
        } else if name.eq_ignore_ascii_case(b"wait") {
            if !wait {
                preferences.wait_seconds = seconds(value);
            }
            wait = true;
        }
    }
    preferences
}

/// A preference's name and value; an empty value is none (RFC 7240 §2).
fn split(preference: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = match preference.iter().position(|octet| *octet == b'=') {
        Some(at) => (trim(preference.get(..at)?), trim(preference.get(at + 1..)?)),
        None => (preference, &b""[..]),
    };
    // What is quoted means what it would mean without (RFC 9110 §5.6.4); neither of ours has to be escaped.
    let bare = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    is_token(name).then_some((name, bare.unwrap_or(value)))
}

/// `delta-seconds`; more than can be counted is as much as can (RFC 9111 §1.2.2).
fn seconds(value: &[u8]) -> Option<u32> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0, |seconds: u32, digit| {
        seconds.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> (Respond, Option<u32>) {
        let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let Preferences { respond, wait_seconds } = read(bytes.into_iter());
        (respond, wait_seconds)
    }

    #[test]
    fn preferences() {
        for (lines, expected) in [
            (&[][..], (Respond::Done, None)),
            (&["respond-async"], (Respond::Async, None)),
            (&["Respond-Async, WAIT=10"], (Respond::Async, Some(10))),
            (&["respond-async", "wait = 10"], (Respond::Async, Some(10))),
            (&["wait=\"10\" ; x=y, return=minimal"], (Respond::Done, Some(10))),
            (&["respond-async;foo=\"a,b\", handling=lenient"], (Respond::Async, None)),
            (&["respond-async=\"\""], (Respond::Async, None)),
            (&["respond-async=no, respond-async"], (Respond::Done, None)),
            (&["wait=1, wait=2"], (Respond::Done, Some(1))),
            (&["wait=x, wait=2"], (Respond::Done, None)),
            (&["wait=99999999999"], (Respond::Done, Some(u32::MAX))),
            (&["wait=-1"], (Respond::Done, None)),
            (&["wait"], (Respond::Done, None)),
            (&["x=\"respond-async\", y=\"a, respond-async\""], (Respond::Done, None)),
            (&["respond async, =1, ;wait=3, \"wait\"=4"], (Respond::Done, None)),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_says_it_is_read_alike_on_one_line_and_on_several(
            members in proptest::collection::vec(
                "(respond-async|wait|x)( ?= ?([0-9]{0,12}|\"[0-9,; ]{0,5}\"))?(; ?y(=z)?)?", 0..6,
            ),
            junk in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let lines: Vec<&str> = members.iter().map(String::as_str).collect();
            prop_assert_eq!(of(&lines), of(&[&lines.join(", ")]));
            let _ = read([&junk[..]].into_iter());
        }
    }
}
