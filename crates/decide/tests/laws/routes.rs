//! The tree of routes and the plainest matcher that could be written say the same.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wherefore_decide::policy::pattern::{Captures, End, Segment};
use wherefore_decide::policy::{Pattern, Router};
use wherefore_message::path;

/// How a pattern took a path: a rank for each of its segments and one for its end, the higher the more
/// specific; and what it captured.
struct Taken {
    ranks: Vec<u8>,
    captured: Vec<Vec<u8>>,
    rest: Vec<u8>,
}

const LITERAL: u8 = 3;
const CAPTURE: u8 = 2;
const END: u8 = 1;
const REST: u8 = 0;

/// Reads pattern and path side by side.
fn take(pattern: &Pattern, path: &[u8]) -> Option<Taken> {
    let is_folder = path.ends_with(b"/");
    let inner = path.strip_prefix(b"/")?;
    let inner = inner.strip_suffix(b"/").unwrap_or(inner);
    let segments: Vec<&[u8]> =
        if inner.is_empty() { Vec::new() } else { inner.split(|octet| *octet == b'/').collect() };
    let mut taken = Taken { ranks: Vec::new(), captured: Vec::new(), rest: Vec::new() };
    for (i, segment) in pattern.segments().iter().enumerate() {
        let other = *segments.get(i)?;
        match segment {
            Segment::Literal(text) if **text == *other => taken.ranks.push(LITERAL),
            Segment::Literal(_) => return None,
            Segment::Capture(_) => {
                taken.ranks.push(CAPTURE);
                taken.captured.push(other.to_vec());
            }
        }
    }
    let left = &segments[pattern.segments().len()..];
    match pattern.end() {
        End::Exact => {
            if !left.is_empty() || is_folder {
                return None;
            }
            taken.ranks.push(END);
            taken.rest = [b"/", *segments.last()?].concat();
        }
        End::Slash => {
            if !left.is_empty() || !is_folder {
                return None;
            }
            taken.ranks.push(END);
            taken.rest = b"/".to_vec();
        }
        End::Rest => {
            taken.ranks.push(REST);
            for segment in left {
                taken.rest.extend_from_slice(&[b"/", *segment].concat());
            }
            if is_folder {
                taken.rest.push(b'/');
            }
        }
    }
    Some(taken)
}

/// The first of the most specific.
fn naive(patterns: &[Pattern], path: &[u8]) -> Option<(usize, Taken)> {
    let mut best: Option<(usize, Taken)> = None;
    for (i, pattern) in patterns.iter().enumerate() {
        if let Some(taken) = take(pattern, path)
            && best.as_ref().is_none_or(|(_, other)| taken.ranks > other.ranks)
        {
            best = Some((i, taken));
        }
    }
    best
}

fn patterns() -> impl Strategy<Value = Vec<Pattern>> {
    let segment = select(vec!["a", "b", "caf%C3%A9", "{}", "{}", "a%2Eb"]);
    let end = select(vec!["", "/", "/*", "/{rest*}"]);
    let pattern = (vec(segment, 0..5), end).prop_map(|(segments, end)| {
        let mut text = String::new();
        for (i, segment) in segments.iter().enumerate() {
            text.push('/');
            text.push_str(&segment.replace("{}", &format!("{{c{i}}}")));
        }
        text.push_str(end);
        let text = if text.is_empty() { "/".to_owned() } else { text };
        Pattern::parse(&text).unwrap()
    });
    vec(pattern, 1..24)
}

fn paths() -> impl Strategy<Value = Vec<u8>> {
    let segment = select(vec!["a", "b", "c", "caf%c3%a9", "a.b", "..", ".", "", "%61", "%7bc0%7d"]);
    (vec(segment, 0..7), any::<bool>()).prop_filter_map("above the root", |(segments, slash)| {
        let text = format!("/{}{}", segments.join("/"), if slash { "/" } else { "" });
        let mut scratch = Vec::new();
        path::decode(text.as_bytes(), &mut scratch).ok().map(|path| path.bytes().to_vec())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_finds_what_a_list_finds(patterns in patterns(), paths in vec(paths(), 1..16)) {
        let router = Router::new(patterns.iter());
        for path in paths {
            let wanted = naive(&patterns, &path);
            let found = router.route(&path);
            let text = String::from_utf8_lossy(&path).into_owned();
            prop_assert_eq!(
                found.as_ref().map(|(route, _)| patterns[*route].to_string()),
                wanted.as_ref().map(|(route, _)| patterns[*route].to_string()),
                "{}", text
            );
            let (Some((route, rest_at)), Some((other, taken))) = (found, wanted) else { continue };
            prop_assert_eq!(route, other);
            let pattern = &patterns[route];
            let captures = Captures::new(pattern, &path);
            for (i, captured) in taken.captured.iter().enumerate() {
                prop_assert_eq!(captures.of(i), &captured[..], "{} {} capture {}", text, pattern, i);
            }
            prop_assert_eq!(&path[rest_at..], &taken.rest[..], "{} {}", text, pattern);
            if pattern.end() == End::Rest {
                let named = taken.rest.strip_prefix(b"/").unwrap_or(&taken.rest);
                prop_assert_eq!(captures.of(taken.captured.len()), named, "{} {}", text, pattern);
            }
        }
    }
}
