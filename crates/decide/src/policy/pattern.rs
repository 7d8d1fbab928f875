//! The paths that a route stands under: `/about`, `/docs/*`, `/users/{name}/posts/{id}`, `/files/{rest*}`.

use core::fmt;

use wherefore_message::path;

/// The most captures of one pattern.
pub const CAPTURES_MAX: usize = 8;
/// The most segments of one pattern.
pub const SEGMENTS_MAX: usize = 64;

/// The paths that a route stands under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    segments: Vec<Segment>,
    end: End,
    rest_name: Option<Box<str>>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// These octets, decoded.
    Literal(Box<[u8]>),
    /// Any segment, under a name.
    Capture(Box<str>),
}

/// How a pattern ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its last segment.
    Exact,
    /// With a slash.
    Slash,
    /// With anything below it, or nothing.
    Rest,
}

/// What is wrong with a pattern, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The offset in octets.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub what: &'static str,
}

impl Pattern {
    /// Everything: `/*`.
    #[must_use]
    pub fn everything() -> Self {
        Self { text: "/*".into(), segments: Vec::new(), end: End::Rest, rest_name: None }
    }

    /// Reads a pattern: segments, each literal or `{name}`; at its end a slash, or `*` or `{name*}` for
    /// everything below.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let error = |at, what| Err(PatternError { at, what });
        let Some(inner) = text.strip_prefix('/') else {
            return error(0, "a path begins with a slash");
        };
        if text.contains(['?', '#']) {
            let at = text.find(['?', '#']).unwrap_or(0);
            return error(at, "a route's path has no query and no fragment");
        }
        let mut pattern =
            Self { text: text.into(), segments: Vec::new(), end: End::Exact, rest_name: None };
        let (mut at, mut captures) = (1, 0);
        let mut segments = inner.split('/').peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            match segment {
                "" if is_last => pattern.end = End::Slash,
                "" => return error(at, "two slashes follow one another; one is enough"),
                "*" if is_last => pattern.end = End::Rest,
                "*" => {
                    return error(at, "* stands at the end of a path only; {name} is one segment");
                }
                _ => {
                    let capture = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                    if let Some(name) = capture {
                        captures += 1;
                        if captures > CAPTURES_MAX {
                            return error(at, "a path captures at most 8 segments");
                        }
                        let rest = name.strip_suffix('*');
                        let bare = rest.unwrap_or(name);
                        if !is_name(bare) {
                            return error(
                                at,
                                "a capture's name is of letters, digits, - and _: {name}",
                            );
                        }
                        if pattern.names().any(|other| other == bare) {
                            return error(at, "two captures have this name");
                        }
                        match (rest, is_last) {
                            (Some(_), false) => {
                                return error(at, "{name*} stands at the end of a path only");
                            }
                            (Some(rest), true) => {
                                pattern.end = End::Rest;
                                pattern.rest_name = Some(rest.into());
                            }
                            (None, _) => pattern.segments.push(Segment::Capture(name.into())),
                        }
                    } else if segment.contains(['{', '}', '*']) {
                        return error(at, "a capture is a whole segment: {name}");
                    } else {
                        pattern.segments.push(Segment::Literal(literal(segment, at)?));
                    }
                }
            }
            if pattern.segments.len() > SEGMENTS_MAX {
                return error(at, "a path of a route has at most 64 segments");
            }
            at += segment.len() + 1;
        }
        Ok(pattern)
    }

    /// Its segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// How it ends.
    #[must_use]
    pub const fn end(&self) -> End {
        self.end
    }

    /// The names of what it captures, in order; that of the rest, if it has one, last.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let captured = self.segments.iter().filter_map(|segment| match segment {
            Segment::Capture(name) => Some(&**name),
            Segment::Literal(_) => None,
        });
        captured.chain(self.rest_name.as_deref())
    }

    /// Whether another pattern stands under the same paths, whatever its captures are named.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |(one, two): (&Segment, &Segment)| match (one, two) {
            (Segment::Literal(one), Segment::Literal(two)) => one == two,
            (Segment::Capture(_), Segment::Capture(_)) => true,
            (Segment::Literal(_), Segment::Capture(_))
            | (Segment::Capture(_), Segment::Literal(_)) => false,
        };
        self.end == other.end
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(same)
    }
}

/// Written as it was read.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_part)
}

/// A literal segment may be written percent-encoded or bare; a request's path is read by the same code.
fn literal(segment: &str, at: usize) -> Result<Box<[u8]>, PatternError> {
    let mut encoded = String::from("/");
    for octet in segment.bytes() {
        if octet == b'%' || octet.is_ascii_graphic() {
            encoded.push(octet as char);
        } else {
            encoded.push_str(&path::encode_segment(&[octet]));
        }
    }
    let mut scratch = Vec::new();
    match path::decode(encoded.as_bytes(), &mut scratch) {
        Ok(path) if !path.name().is_empty() && !path.is_folder() => Ok(path.name().into()),
        Ok(_) => {
            Err(PatternError { at, what: "\".\" and \"..\" are no segments of a route's path" })
        }
        Err(fault) => Err(PatternError { at, what: fault.text() }),
    }
}

/// What a pattern captures of a path: looked up when it is asked for, since few answers need it.
#[derive(Clone, Copy, Debug)]
pub struct Captures<'a> {
    pattern: &'a Pattern,
    path: &'a [u8],
}

impl<'a> Captures<'a> {
    /// What `pattern` captures of a decoded path that falls under it.
    #[must_use]
    pub const fn new(pattern: &'a Pattern, path: &'a [u8]) -> Self {
        Self { pattern, path }
    }

    /// The path.
    #[must_use]
    pub const fn path(&self) -> &'a [u8] {
        self.path
    }

    /// Segment number `index` that was captured; the first number past them is the rest, without the slash
    /// that it begins with.
    #[must_use]
    pub fn of(&self, index: usize) -> &'a [u8] {
        let is_capture = |(_, segment): &(usize, &Segment)| matches!(segment, Segment::Capture(_));
        let places = self.pattern.segments.iter().enumerate();
        let (place, pieces) = match places.filter(is_capture).nth(index) {
            Some((place, _)) => (place, place + 2),
            None => (self.pattern.segments.len(), self.pattern.segments.len() + 1),
        };
        let inner = self.path.strip_prefix(b"/").unwrap_or(self.path);
        let mut segments = inner.splitn(pieces, |octet| *octet == b'/');
        segments.nth(place).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Router;

    fn router(patterns: &[&str]) -> Router {
        let patterns: Vec<_> = patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        Router::new(patterns.iter())
    }

    #[test]
    fn the_most_specific_route_answers() {
        let patterns = [
            "/*",
            "/about",
            "/docs/*",
            "/docs/{page}",
            "/docs/intro",
            "/u/{name}/posts/{id}",
            "/u/{name}/*",
            "/u/me/{rest*}",
            "/shop/",
            "/a/{x}/c",
            "/a/b/d",
        ];
        let router = router(&patterns);
        for (path, wanted) in [
            ("/", "/*"),
            ("/about", "/about"),
            ("/about/", "/*"),
            ("/docs", "/docs/*"),
            ("/docs/", "/docs/*"),
            ("/docs/intro", "/docs/intro"),
            ("/docs/other", "/docs/{page}"),
            ("/docs/other/", "/docs/*"),
            ("/docs/other/deep", "/docs/*"),
            ("/u/ann/posts/7", "/u/{name}/posts/{id}"),
            ("/u/ann/posts", "/u/{name}/*"),
            ("/u/me/posts/7", "/u/me/{rest*}"),
            ("/u", "/*"),
            ("/shop/", "/shop/"),
            ("/shop", "/*"),
            ("/a/b/c", "/a/{x}/c"),
            ("/a/b/d", "/a/b/d"),
            ("/a/b/e", "/*"),
        ] {
            let (route, _) = router.route(path.as_bytes()).unwrap();
            assert_eq!(patterns[route], wanted, "{path}");
        }
    }

    #[test]
    fn what_is_captured_and_what_is_left() {
        let router = router(&["/u/{name}/p/{id}/*", "/docs/*", "/favicon.ico", "/x/{rest*}"]);
        let pattern = Pattern::parse("/u/{name}/p/{id}/{rest*}").unwrap();
        for (path, wanted) in [
            ("/u/ann/p/7/a/b", ["ann", "7", "a/b"]),
            ("/u/ann/p/7/a/", ["ann", "7", "a/"]),
            ("/u/ann/p/7/", ["ann", "7", ""]),
            ("/u/ann/p/7", ["ann", "7", ""]),
        ] {
            let captures = Captures::new(&pattern, path.as_bytes());
            for (index, wanted) in wanted.into_iter().enumerate() {
                assert_eq!(captures.of(index), wanted.as_bytes(), "{path} {index}");
            }
        }
        for (path, rest) in [
            ("/docs/a", "/a"),
            ("/docs/", "/"),
            ("/docs", ""),
            ("/favicon.ico", "/favicon.ico"),
            ("/x/y/z/", "/y/z/"),
        ] {
            let (_, rest_at) = router.route(path.as_bytes()).unwrap();
            assert_eq!(&path[rest_at..], rest, "{path}");
        }
    }

    #[test]
    fn a_branch_that_leads_nowhere_leads_back() {
        let router = router(&["/{a}/{b}/c", "/*", "/x/y/z/{deep}"]);
        assert_eq!(router.route(b"/1/2/3"), Some((1, 0)));
        assert_eq!(router.route(b"/x/y/c"), Some((0, 4)));
    }

    #[test]
    fn patterns_that_can_t_be_meant_are_refused_at_their_place() {
        for (text, at) in [
            ("about", 0),
            ("/a//b", 3),
            ("/a?b", 2),
            ("/*/a", 1),
            ("/a/{x}b", 3),
            ("/{}", 1),
            ("/{a b}", 1),
            ("/{a}/{a}", 5),
            ("/{a*}/b", 1),
            ("/a/..", 3),
            ("/%zz", 1),
            ("/%2f", 1),
        ] {
            assert_eq!(Pattern::parse(text).map_err(|error| error.at), Err(at), "{text}");
        }
        assert!(Pattern::parse("/caf%C3%A9").unwrap().is_same(&Pattern::parse("/café").unwrap()));
    }
}
