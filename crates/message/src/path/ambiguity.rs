//! What of a path others could read otherwise than it was judged.

use super::percent_value;

/// Why a path that is forwarded could mean something else to the server that gets it than what was judged here; none
/// if it can't. Some servers take parameters off before they resolve dots (`..;/`), some take a backslash for a slash,
/// and some end a text at a control character.
#[must_use]
pub fn ambiguity(raw: &[u8]) -> Option<&'static str> {
    // Most paths have nothing of the kind.
    if raw.iter().all(|octet| PLAIN[*octet as usize]) {
        return None;
    }
    let octets = || Decoded { rest: raw };
    if octets().any(|octet| octet == b'\\') {
        return Some("the path holds a backslash, which some servers take for a slash");
    }
    if octets().any(|octet| octet < b' ' || octet == 0x7f) {
        return Some("the path holds a control character");
    }
    let mut segments = raw.split(|octet| *octet == b'/');
    let has_dots = segments.any(|segment| {
        let mut octets = Decoded { rest: segment };
        let dots = octets.by_ref().take_while(|octet| *octet == b'.').count();
        // What ended the dots is taken already; it is the octet behind them.
        let behind = Decoded { rest: segment }.nth(dots);
        (1..=2).contains(&dots) && behind == Some(b';')
    });
    has_dots.then_some("a segment of the path is dots with parameters, which some servers resolve")
}

/// The octets of which alone nothing can be made that is read otherwise by some.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = !matches!(octet as u8, 0..=b' ' | b'%' | b';' | b'\\' | 0x7f);
        octet += 1;
    }
    table
};

/// The octets that a path stands for, whatever is wrong with it.
struct Decoded<'a> {
    rest: &'a [u8],
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        let (octet, rest) = match percent_value(rest) {
            Some(octet) if *first == b'%' => (octet, rest.get(2..).unwrap_or_default()),
            _ => (*first, rest),
        };
        self.rest = rest;
        Some(octet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_read_otherwise() {
        for raw in [
            "/a/..;/b",
            "/a/.;x=y/b",
            "/a/%2e%2E;/b",
            "/a/..%3b/b",
            "/..;",
            "/..;x=y/",
            "/.;/",
            "/%2e%2e;x",
            "/%00",
            "/a\\..\\b",
            "/a%5cb",
            "/a%0d%0ab",
            "/a%7f",
            "/a\t",
        ] {
            assert!(ambiguity(raw.as_bytes()).is_some(), "{raw}");
        }
        for raw in [
            "/",
            "/a;x=y/b",
            "/...;/b",
            "/a..;/b",
            "/a.;x",
            "/;..",
            "/%2e%2ea",
            "/%c0%af",
            "/a%",
            "/.well-known/x",
            "/a%20b",
            "/%C3%BC",
            "/a%2Fb",
            "/%",
            "/a/../b",
        ] {
            assert_eq!(ambiguity(raw.as_bytes()), None, "{raw}");
        }
    }
}
