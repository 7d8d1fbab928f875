//! The target that an upstream is asked for: exactly the path that the rules judged.
//!
//! Where decoding changed nothing but the spelling of single octets (no empty segment, no dot segment), the path goes
//! on as the client spelt it, so that signatures over it hold: decoded by the same rules it is the path that was
//! judged. Octets that no URI may hold bare are encoded even then. Else the path that was judged is encoded anew.
//! What an upstream might yet read otherwise is found by [`path::ambiguity`], and is for the rules to refuse.

use wherefore_message::Request;
use wherefore_message::path::{self, Path};
use wherefore_message::target::Form;

/// What an upstream is asked for in place of the beginning of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite<'a> {
    /// Nothing: it is asked for the whole path.
    Whole,
    /// The first octets of the decoded path, up to the end of a segment, give way to what is written here.
    Instead {
        /// How many octets of the decoded path give way.
        octets: usize,
        /// What stands in their place, as a target has it; empty, or it begins with a slash.
        by: &'a str,
    },
}

/// Appends the target of the request that is forwarded, in origin form, or `*` where that was asked for
/// (RFC 9112 §3.2). `path` is what the rules judged. The query goes on as it came.
pub fn target(request: &Request<'_>, path: Path<'_>, rewrite: Rewrite<'_>, out: &mut Vec<u8>) {
    if request.target.form == Form::Asterisk {
        return out.push(b'*');
    }
    let (octets, by) = match rewrite {
        Rewrite::Whole => (0, ""),
        Rewrite::Instead { octets, by } => (octets, by),
    };
    let start = out.len();
    out.extend_from_slice(by.strip_suffix('/').unwrap_or(by).as_bytes());
    let raw = request.target.path;
    let rest = if raw == path.bytes() {
        // Most paths are spelt as they are meant.
        raw.get(octets..).filter(|rest| is_at_end_of_segment(rest))
    } else if is_spelling(raw, path) {
        after(raw, octets)
    } else {
        None
    };
    match rest {
        Some(rest) => as_spelt(rest, out),
        None => {
            let mut encoded = String::new();
            path::encode_path(path.bytes().get(octets..).unwrap_or_default(), &mut encoded);
            let slash = if encoded.starts_with('/') || encoded.is_empty() { "" } else { "/" };
            out.extend_from_slice(slash.as_bytes());
            out.extend_from_slice(encoded.as_bytes());
        }
    }
    if out.len() == start {
        out.push(b'/');
    }
    if let Some(query) = request.target.query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

/// Whether `raw` is `path` with nothing but single octets spelt otherwise.
fn is_spelling(raw: &[u8], path: Path<'_>) -> bool {
    let mut judged = path.bytes().iter();
    Octets { raw }.all(|(octet, _)| judged.next() == Some(&octet)) && judged.next().is_none()
}

/// What is left of `raw` behind this many decoded octets, if a segment ends there.
fn after(raw: &[u8], octets: usize) -> Option<&[u8]> {
    let at = Octets { raw }.take(octets).map(|(_, used)| used).sum();
    raw.get(at..).filter(|rest| is_at_end_of_segment(rest))
}

fn is_at_end_of_segment(rest: &[u8]) -> bool {
    rest.is_empty() || rest.starts_with(b"/")
}

/// Appends a path as it was spelt, but for octets that no URI may hold.
fn as_spelt(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|octet| !BARE[*octet as usize]) {
        let (bare, other) = rest.split_at(at);
        out.extend_from_slice(bare);
        let (octet, behind) = other.split_at(1);
        let mut encoded = String::new();
        path::encode_path(octet, &mut encoded);
        out.extend_from_slice(encoded.as_bytes());
        rest = behind;
    }
    out.extend_from_slice(rest);
}

/// The octets that stand bare in a path (RFC 3986 §3.3), and the one that those which don't are spelt with.
const BARE: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    let marks = b"-._~/:@!$&'()*+,;=%";
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = true;
        i += 1;
    }
    table
};

/// The octets that a path stands for, each with how many it is spelt by.
struct Octets<'a> {
    raw: &'a [u8],
}

impl Iterator for Octets<'_> {
    type Item = (u8, usize);

    fn next(&mut self) -> Option<(u8, usize)> {
        let (octet, used) = match *self.raw {
            [] => return None,
            [b'%', high, low, ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [octet, ..] => (octet, 1),
        };
        self.raw = self.raw.get(used..).unwrap_or_default();
        Some((octet, used))
    }
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
