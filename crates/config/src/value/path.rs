//! Patterns of paths: which requests a route is for.

use core::fmt;

use super::name::text;
use super::{Text, Wrong};
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// A pattern of paths: exact (`/about`), everything under a path (`/docs/*`), with captures that each
/// take a segment (`/u/{name}/x`) or all that is left (`/files/{rest*}`).
///
/// It is written as people read it, without percent-encoding, and compared with the decoded path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// The segments from the root on, but for what the tail stands for.
    pub segments: Vec<Segment>,
    /// What follows them.
    pub tail: Tail,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This one.
    Literal(String),
    /// Any one, kept under this name.
    Capture(CaptureName),
}

/// What follows the segments of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tail {
    /// Nothing: `/about`.
    End,
    /// A slash: `/about/`.
    Slash,
    /// A slash and anything, or nothing: `/docs/*`.
    Anything,
    /// The same, kept under this name: `/files/{rest*}`.
    Capture(CaptureName),
}

text! {
    /// The name of a capture.
    CaptureName,
    Kind {
        name: "the name of a capture",
        example: "\"name\"",
        wrong: &["\"\"", "\"a b\""],
        shape: Shape::Text("^[A-Za-z_][A-Za-z0-9_]{0,31}$"),
    },
    |text| {
        let is_of_names = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if begins && text.len() <= 32 && text.chars().all(is_of_names) {
            return Ok(());
        }
        let wrong = Wrong::new(format!("{} is no name for a capture", quoted(text)));
        Err(wrong.right("letters, digits and underscores, as in {name}"))
    }
}

text! {
    /// A path of a site that leads to one thing.
    SitePath,
    Kind {
        name: "a path of the site",
        example: "\"/photo.webp\"",
        wrong: &["\"\"", "\"photo\"", "\"/a/../b\"", "\"//a\"", "\"/a?b\"", "\"/{a}\"", "\"/a/*\""],
        shape: Shape::Text("^/[^?#*{}]*$"),
    },
    |text| {
        let pattern = PathPattern::parse(text)?;
        let is_one = pattern.captures().next().is_none() && pattern.tail != Tail::Anything;
        if is_one {
            return Ok(());
        }
        let wrong = Wrong::new(format!("{} leads to more than one thing", quoted(text)));
        Err(wrong.right("a path without captures and without `*`"))
    }
}

/// The longest pattern, in octets.
const PATTERN_BYTES_MAX: usize = 1024;
/// The most captures in one pattern.
const CAPTURES_MAX: usize = 8;

impl PathPattern {
    /// The names of its captures, in order.
    pub fn captures(&self) -> impl Iterator<Item = &CaptureName> {
        let of_segments = self.segments.iter().filter_map(|segment| match segment {
            Segment::Capture(name) => Some(name),
            Segment::Literal(_) => None,
        });
        let of_tail = match &self.tail {
            Tail::Capture(name) => Some(name),
            Tail::End | Tail::Slash | Tail::Anything => None,
        };
        of_segments.chain(of_tail)
    }

    /// The pattern with captures made alike: two patterns that are alike take the same paths.
    #[must_use]
    pub fn shape(&self) -> String {
        let mut shape = String::new();
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                // No literal can hold a NUL.
                Segment::Capture(_) => shape.push('\0'),
            }
        }
        shape.push_str(match self.tail {
            Tail::End => "",
            Tail::Slash => "/",
            Tail::Anything | Tail::Capture(_) => "/\0\0",
        });
        shape
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Capture(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match &self.tail {
            Tail::End => Ok(()),
            Tail::Slash => f.write_str("/"),
            Tail::Anything => f.write_str("/*"),
            Tail::Capture(name) => write!(f, "/{{{name}*}}"),
        }
    }
}

impl Text for PathPattern {
    const KIND: Kind = Kind {
        name: "a path",
        example: "\"/docs/*\"",
        wrong: &[
            "\"\"",
            "\"docs\"",
            "\"/a*b\"",
            "\"/*/a\"",
            "\"/a/../b\"",
            "\"//a\"",
            "\"/a?b\"",
            "\"/a%20b\"",
            "\"/{a}/{a}\"",
            "\"/{a\"",
            "\"/x{a}\"",
            "\"/{a*}/b\"",
        ],
        shape: Shape::Text("^/[^?#]*$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        if !text.starts_with('/') {
            let wrong = Wrong::new(format!("{} does not begin with a slash", quoted(text)));
            let right = format!("\"/{}\"", text.replace(char::is_control, ""));
            return Err(if text.is_empty() { wrong } else { wrong.right(right) });
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(Wrong::new("this path is too long"));
        }
        let mut pattern = Self { segments: Vec::new(), tail: Tail::End };
        let mut at = 1;
        for written in text.split('/').skip(1) {
            let place = at..at + written.len();
            let is_last = place.end == text.len();
            pattern.push(written, is_last).map_err(|wrong| wrong.at(place))?;
            at += written.len() + 1;
        }
        let names: Vec<_> = pattern.captures().collect();
        if let Some(name) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(Wrong::new(format!("two captures are called `{}`", name.1)));
        }
        if names.len() > CAPTURES_MAX {
            return Err(Wrong::new(format!("a path has at most {CAPTURES_MAX} captures")));
        }
        Ok(pattern)
    }
}

impl PathPattern {
    /// Takes in what stands between two slashes.
    fn push(&mut self, written: &str, is_last: bool) -> Result<(), Wrong> {
        if written.starts_with('{') || written.ends_with('}') {
            let inner = written.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
            let inner = inner.ok_or_else(|| {
                Wrong::new("a capture takes a whole segment").right("as in /{name}/")
            })?;
            match inner.strip_suffix('*') {
                None => self.segments.push(Segment::Capture(CaptureName::parse(inner)?)),
                Some(name) if is_last => self.tail = Tail::Capture(CaptureName::parse(name)?),
                Some(_) => return Err(Wrong::new("what takes all the rest stands at the end")),
            }
            return Ok(());
        }
        match written {
            "" if is_last => self.tail = Tail::Slash,
            "*" if is_last => self.tail = Tail::Anything,
            "" => return Err(Wrong::new("a path has no empty segments")),
            "*" => {
                let wrong = Wrong::new("a `*` stands at the end");
                return Err(wrong.right("within a path a capture takes a segment, as in /{name}/"));
            }
            _ => {
                check_literal(written)?;
                self.segments.push(Segment::Literal(written.to_owned()));
            }
        }
        Ok(())
    }
}

/// Complains about what no decoded segment can be, or what was meant otherwise.
fn check_literal(segment: &str) -> Result<(), Wrong> {
    let is_encoded = segment.match_indices('%').any(|(at, _)| {
        let digits = segment.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    match segment {
        "." | ".." => Err(Wrong::new("a path has no dot segments")),
        _ if segment.contains('*') => Err(Wrong::new("a `*` stands for whole segments")
            .right("as in /docs/*; there are no patterns within a segment")),
        _ if segment.contains(['{', '}']) => {
            Err(Wrong::new("a capture takes a whole segment").right("as in /{name}/"))
        }
        _ if segment.contains(['?', '#']) => {
            Err(Wrong::new("a path ends before the query").right("the path alone"))
        }
        _ if segment.contains(char::is_control) => {
            Err(Wrong::new("a path holds no control characters"))
        }
        _ if is_encoded => Err(Wrong::new("a path is written without percent-encoding")
            .right("the characters themselves, as in \"/a b\"")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> PathPattern {
        PathPattern::parse(text).unwrap()
    }

    #[test]
    fn patterns() {
        for (text, segments, tail) in [
            ("/", 0, "/"),
            ("/about", 1, ""),
            ("/about/", 1, "/"),
            ("/*", 0, "/*"),
            ("/docs/*", 1, "/*"),
            ("/u/{name}/x", 3, ""),
            ("/files/{rest*}", 1, "/{rest*}"),
            ("/a b/ä/100%", 3, ""),
        ] {
            let pattern = parse(text);
            assert_eq!(pattern.segments.len(), segments, "{text}");
            assert!(text.ends_with(tail) && pattern.to_string() == text, "{text}");
        }
        let names = parse("/{a}/{b}/{c*}");
        assert_eq!(names.captures().map(CaptureName::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn patterns_that_take_the_same_are_alike() {
        assert_eq!(parse("/{a}/x").shape(), parse("/{b}/x").shape());
        assert_eq!(parse("/x/*").shape(), parse("/x/{rest*}").shape());
        for (one, two) in [("/x", "/x/"), ("/x/*", "/x"), ("/{a}", "/a"), ("/{a}", "/*")] {
            assert_ne!(parse(one).shape(), parse(two).shape());
        }
    }

    #[test]
    fn what_is_no_pattern_and_where() {
        for (text, part) in [
            ("/a/../b", Some(3..5)),
            ("/a//b", Some(3..3)),
            ("/a/b*", Some(3..5)),
            ("/*/b", Some(1..2)),
            ("/{rest*}/b", Some(1..8)),
            ("/{a b}", Some(1..6)),
            ("/a{b}", Some(1..5)),
            ("/a?b", Some(1..4)),
            ("/a%2Fb", Some(1..6)),
            ("docs/*", None),
            ("/{a}/{a}", None),
            ("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", None),
        ] {
            assert_eq!(PathPattern::parse(text).unwrap_err().part, part, "{text}");
        }
        assert_eq!(PathPattern::parse("docs/*").unwrap_err().right.unwrap(), "\"/docs/*\"");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "(/([a-c]{0,2}|\\{[a-c]{0,2}\\*?\\}|\\*|.{0,2})){0,4}") {
            if let Ok(pattern) = PathPattern::parse(&text) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
