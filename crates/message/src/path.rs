//! Paths of requests: the only place where percent-encoding is taken off and dot segments are
//! resolved, so that what the rules judge is what is opened (RFC 3986 §2.1, §6.2.2; RFC 9110 §4.2.3).

mod ambiguity;

use core::fmt;
use core::str;

use crate::spec::Spec;

pub use ambiguity::ambiguity;

/// A decoded and normalised path, read in place.
///
/// It begins with `/`, holds no NUL, no empty segment, no `.` and no `..`; a `/` in it always
/// separates segments. Any other octet may occur: it need not be UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path<'a> {
    text: &'a [u8],
}

/// Decodes the path of a target, as it came and without its query.
///
/// Repeated slashes become one; `.` and `..` are resolved, also where they are percent-encoded, and
/// at the end leave a folder's path (`/a/b/..` is `/a/`). Parameters (`;`) and backslashes are
/// ordinary octets. Where nothing is to be decoded, `raw` itself is the path and `scratch` is left
/// alone; else the path stands in `scratch`, whose former content is dropped.
///
/// # Errors
/// The first [`PathFault`].
pub fn decode<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Path<'a>, PathFault> {
    if raw.first() != Some(&b'/') {
        return Err(PathFault::NotAbsolute);
    }
    if is_without_marks(raw) || is_plain(raw) {
        return Ok(Path { text: raw });
    }
    scratch.clear();
    scratch.reserve(raw.len());
    scratch.push(b'/');
    let mut at = 1;
    while at <= raw.len() {
        let rest = raw.get(at..).unwrap_or_default();
        let raw_segment_bytes = rest.iter().position(|octet| *octet == b'/').unwrap_or(rest.len());
        let start = scratch.len();
        decode_segment(raw, at..at + raw_segment_bytes, scratch)?;
        match scratch.get(start..).unwrap_or_default() {
            b"" | b"." => scratch.truncate(start),
            b".." => {
                scratch.truncate(start);
                leave_folder(scratch).ok_or(PathFault::AboveRoot(at))?;
            }
            _ if at + raw_segment_bytes < raw.len() => scratch.push(b'/'),
            _ => {}
        }
        at += raw_segment_bytes + 1;
    }
    Ok(Path { text: scratch })
}

/// The same of a path that was made for the moment: it stands in `scratch` in any case.
///
/// # Errors
/// The first [`PathFault`].
pub fn decode_made<'a>(raw: &[u8], scratch: &'a mut Vec<u8>) -> Result<Path<'a>, PathFault> {
    let mut decoded = Vec::new();
    let path = decode(raw, &mut decoded)?;
    scratch.clear();
    scratch.extend_from_slice(path.bytes());
    Ok(Path { text: scratch })
}

/// Whether nothing stands in the path that could make it stand for another: most paths are such, and it
/// is seen of many octets at once.
fn is_without_marks(raw: &[u8]) -> bool {
    let pairs = raw.iter().zip(raw.get(1..).unwrap_or_default());
    !pairs.fold(false, |found, (before, octet)| {
        let begins = (*before == b'/') & ((*octet == b'/') | (*octet == b'.'));
        found | (*octet == b'%') | (*octet == 0) | begins
    })
}

/// Whether the path stands for itself: nothing encoded, no NUL, no empty segment, no dot segment.
fn is_plain(raw: &[u8]) -> bool {
    let mut previous = 0;
    for (i, octet) in raw.iter().copied().enumerate() {
        match octet {
            b'%' | 0 => return false,
            b'/' if previous == b'/' => return false,
            b'.' if previous == b'/' && begins_with_dots(raw.get(i..).unwrap_or_default()) => {
                return false;
            }
            _ => {}
        }
        previous = octet;
    }
    true
}

/// Whether the first segment of `text` is `.` or `..`.
const fn begins_with_dots(text: &[u8]) -> bool {
    matches!(text, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
}

/// Appends the octets of the segment that stands at `span`.
fn decode_segment(
    raw: &[u8],
    span: core::ops::Range<usize>,
    out: &mut Vec<u8>,
) -> Result<(), PathFault> {
    let mut at = span.start;
    while at < span.end {
        let Some(&octet) = raw.get(at) else { break };
        let (decoded, used) = match octet {
            b'%' => {
                let digits = raw.get(at + 1..span.end).unwrap_or_default();
                (percent_value(digits).ok_or(PathFault::Percent(at))?, 3)
            }
            other => (other, 1),
        };
        match decoded {
            0 => return Err(PathFault::Nul(at)),
            b'/' => return Err(PathFault::EncodedSlash(at)),
            octet => out.push(octet),
        }
        at += used;
    }
    Ok(())
}

/// The octet that the two hexadecimal digits at the start of `digits` stand for.
pub(crate) fn percent_value(digits: &[u8]) -> Option<u8> {
    let [high, low, ..] = *digits else { return None };
    let high = (high as char).to_digit(16)?;
    let low = (low as char).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

/// Takes the last folder off a path that ends with `/`; none if it is the root.
fn leave_folder(path: &mut Vec<u8>) -> Option<()> {
    let without_slash = path.len().checked_sub(1)?;
    let slash = path.get(..without_slash)?.iter().rposition(|octet| *octet == b'/')?;
    path.truncate(slash + 1);
    Some(())
}

/// What can be wrong with a path. The number is how many octets into the raw path it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// A `%` without two hexadecimal digits.
    Percent(usize),
    /// A NUL, which no name may hold.
    Nul(usize),
    /// A `..` that would leave the root.
    AboveRoot(usize),
    /// An encoded `/` inside a segment: it names nothing that a folder could hold.
    EncodedSlash(usize),
    /// It does not begin with `/`.
    NotAbsolute,
}

impl PathFault {
    /// How many octets into the raw path it stands.
    #[must_use]
    pub const fn at(self) -> usize {
        match self {
            Self::Percent(at) | Self::Nul(at) | Self::AboveRoot(at) | Self::EncodedSlash(at) => at,
            Self::NotAbsolute => 0,
        }
    }

    /// A sentence for people, without its full stop.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Percent(_) => {
                "a percent sign in the path is not followed by two hexadecimal digits"
            }
            Self::Nul(_) => "the path holds a NUL",
            Self::AboveRoot(_) => "the path leads above its root",
            Self::EncodedSlash(_) => "a segment of the path holds an encoded slash",
            Self::NotAbsolute => "the path does not begin with a slash",
        }
    }

    /// The section that calls it wrong.
    #[must_use]
    pub const fn spec(self) -> Spec {
        match self {
            Self::Percent(_) => Spec::new(3986, "2.1"),
            Self::Nul(_) => Spec::new(3986, "7.3"),
            Self::AboveRoot(_) => Spec::new(3986, "5.2.4"),
            Self::EncodedSlash(_) => Spec::new(3986, "2.2"),
            Self::NotAbsolute => Spec::new(9110, "4.1"),
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at octet {})", self.text(), self.at())
    }
}

impl<'a> Path<'a> {
    /// The root, `/`.
    pub const ROOT: Path<'static> = Path { text: b"/" };

    /// The octets of the whole path.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.text
    }

    /// The segments in order; none of them is empty.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + Clone + use<'a> {
        self.text.split(|octet| *octet == b'/').filter(|segment| !segment.is_empty())
    }

    /// Whether it is `/`.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.text.len() == 1
    }

    /// Whether it ends with `/`, as the path of a folder does.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self.text, [.., b'/'])
    }

    /// The last segment, a folder's own name included; empty for the root.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.segments().next_back().unwrap_or_default()
    }

    /// The path of the folder that holds it, with its slash: `/a/` for both `/a/b` and `/a/b/`. The
    /// root is its own parent.
    #[must_use]
    pub fn parent(&self) -> Self {
        let text = self.text.strip_suffix(b"/").unwrap_or(self.text);
        match text.iter().rposition(|octet| *octet == b'/') {
            Some(slash) => Self { text: text.get(..=slash).unwrap_or(text) },
            None => Path::ROOT,
        }
    }

    /// Whether any segment begins with a dot. `.well-known` as the first segment does not count
    /// (RFC 8615 §3).
    #[must_use]
    pub fn has_dot_name(&self) -> bool {
        self.segments()
            .enumerate()
            .any(|(i, segment)| segment.starts_with(b".") && (i > 0 || segment != b".well-known"))
    }

    /// The path percent-encoded, as `Location` and links hold it. It begins with exactly one `/`, so
    /// it can't be taken for an authority.
    #[must_use]
    pub fn encoded(&self) -> String {
        let mut out = String::with_capacity(self.text.len() + 8);
        encode_path(self.text, &mut out);
        out
    }

    /// The path of what has this name in the folder that the path names or stands in, as a relative reference
    /// to it is resolved (RFC 3986 §5.2.3); none where nothing can have such a name.
    #[must_use]
    pub fn beside(&self, name: &[u8]) -> Option<PathBuf> {
        let is_name = !matches!(name, b"" | b"." | b"..")
            && !name.iter().any(|octet| matches!(octet, b'/' | 0));
        let folder = if self.is_folder() { *self } else { self.parent() };
        is_name.then(|| PathBuf { text: [folder.text, name].concat().into() })
    }

    /// What is left of it from octet `at`, where a slash stands; the root if nothing is left.
    #[must_use]
    pub fn below(&self, at: usize) -> Self {
        match self.text.get(at..) {
            Some(text @ [b'/', ..]) => Self { text },
            Some(_) | None => Path::ROOT,
        }
    }
}

/// Appends octets percent-encoded but for those that a path may hold bare, slashes among them.
pub fn encode_path(octets: &[u8], out: &mut String) {
    for octet in octets {
        encode_octet(*octet, is_path_octet(*octet), out);
    }
}

/// Appends octets percent-encoded but for `unreserved` (RFC 3986 §2.3): as a value in a query.
pub fn encode_value(octets: &[u8], out: &mut String) {
    for octet in octets {
        let plain = octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~');
        encode_octet(*octet, plain, out);
    }
}

/// One segment percent-encoded. Also `:` is, so that the segment alone is a relative reference
/// (RFC 3986 §4.2).
#[must_use]
pub fn encode_segment(segment: &[u8]) -> String {
    let mut out = String::with_capacity(segment.len() + 8);
    for octet in segment {
        let plain = is_path_octet(*octet) && !matches!(*octet, b'/' | b':');
        encode_octet(*octet, plain, &mut out);
    }
    out
}

/// Appends a query as it came, but for octets that no URI may hold: these are percent-encoded. Browsers
/// and other programs send some of them bare.
pub fn encode_query(query: &[u8], out: &mut String) {
    for octet in query {
        let plain = is_path_octet(*octet) || matches!(*octet, b'?' | b'%' | b'[' | b']');
        encode_octet(*octet, plain, out);
    }
}

fn encode_octet(octet: u8, plain: bool, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if plain {
        out.push(octet as char);
    } else {
        out.push('%');
        out.push(HEX[octet as usize >> 4] as char);
        out.push(HEX[octet as usize & 15] as char);
    }
}

/// `pchar` or `/` (RFC 3986 §3.3).
const fn is_path_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@')
        || matches!(octet, b'!' | b'$' | b'&' | b'\'' | b'(' | b')')
        || matches!(octet, b'*' | b'+' | b',' | b';' | b'=')
}

/// Written as text for people; octets that are not UTF-8 are shown as U+FFFD.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.text))
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.text), f)
    }
}

/// A [`Path`] that owns its octets. Equal and hashed by these octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathBuf {
    text: Box<[u8]>,
}

impl PathBuf {
    /// The path, read in place.
    #[must_use]
    pub const fn as_path(&self) -> Path<'_> {
        Path { text: &self.text }
    }
}

impl From<Path<'_>> for PathBuf {
    fn from(path: Path<'_>) -> Self {
        Self { text: path.text.into() }
    }
}

/// So that a map of paths is asked by octets, without a copy.
impl core::borrow::Borrow<[u8]> for PathBuf {
    fn borrow(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for PathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_path().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Result<String, PathFault> {
        let mut scratch = b"old content".to_vec();
        decode(raw.as_bytes(), &mut scratch).map(|path| path.to_string())
    }

    #[test]
    fn what_stands_beside() {
        let beside = |path: &str, name: &[u8]| {
            let mut scratch = Vec::new();
            let path = decode(path.as_bytes(), &mut scratch).ok()?;
            path.beside(name).map(|beside| beside.as_path().to_string())
        };
        for (path, name, expected) in [
            ("/", "a", "/a"),
            ("/a", "b", "/b"),
            ("/a/b", "c%2f", "/a/c%2f"),
            ("/a/b/", "c", "/a/b/c"),
        ] {
            assert_eq!(beside(path, name.as_bytes()).as_deref(), Some(expected), "{path}");
        }
        for name in [b"".as_slice(), b".", b"..", b"a/b", b"/", b"a\0"] {
            assert_eq!(beside("/a", name), None, "{name:?}");
        }
    }

    #[test]
    fn what_is_decoded_and_resolved() {
        for (raw, path) in [
            ("/", "/"),
            ("/a/b.txt", "/a/b.txt"),
            ("/a/b/", "/a/b/"),
            ("/a%20b/%C3%A4", "/a b/ä"),
            ("//a///b//", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/a/%2e%2E/b", "/b"),
            ("/%2e", "/"),
            ("/a/..", "/"),
            ("/.hidden/..x/...", "/.hidden/..x/..."),
            ("/a;v=1/b", "/a;v=1/b"),
            ("/a\\b/%5c", "/a\\b/\\"),
            ("/%252e%252e/x", "/%2e%2e/x"),
            ("/a/../..b", "/..b"),
        ] {
            assert_eq!(of(raw).as_deref(), Ok(path), "{raw}");
        }
    }

    #[test]
    fn what_is_refused_and_where() {
        for (raw, fault) in [
            ("", PathFault::NotAbsolute),
            ("a/b", PathFault::NotAbsolute),
            ("/a%", PathFault::Percent(2)),
            ("/a%2", PathFault::Percent(2)),
            ("/a%2/b", PathFault::Percent(2)),
            ("/%+1", PathFault::Percent(1)),
            ("/%zz", PathFault::Percent(1)),
            ("/a/%00", PathFault::Nul(3)),
            ("/a\0", PathFault::Nul(2)),
            ("/a%2fb", PathFault::EncodedSlash(2)),
            ("/%2F", PathFault::EncodedSlash(1)),
            ("/..", PathFault::AboveRoot(1)),
            ("/a/../../b", PathFault::AboveRoot(6)),
            ("/a//%2e./..", PathFault::AboveRoot(9)),
            ("//..", PathFault::AboveRoot(2)),
        ] {
            assert_eq!(of(raw), Err(fault), "{raw}");
            assert!(crate::spec::CURRENT_RFCS.contains(&fault.spec().rfc), "{fault}");
        }
    }

    #[test]
    fn plain_paths_are_borrowed() {
        let mut scratch = Vec::new();
        let raw = b"/a/.b/c..d/..e/f./";
        let path = decode(raw, &mut scratch).unwrap();
        assert!(core::ptr::eq(path.bytes(), raw));
        assert_eq!(scratch.capacity(), 0);
    }

    #[test]
    fn parts() {
        let path = |text: &'static str| Path { text: text.as_bytes() };
        assert_eq!(path("/a/b").segments().collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(path("/a/b/").name(), b"b");
        assert_eq!(path("/").name(), b"");
        assert_eq!(path("/a/b/").parent(), path("/a/"));
        assert_eq!(path("/a/b").parent(), path("/a/"));
        assert_eq!(path("/a").parent(), Path::ROOT);
        assert_eq!(path("/").parent(), Path::ROOT);
        assert!(path("/").is_root() && path("/").is_folder() && !path("/a").is_folder());
    }

    #[test]
    fn dot_names() {
        for (text, has) in [
            ("/a/.b", true),
            ("/.git/config", true),
            ("/.well-known/acme", false),
            ("/.well-known/.x", true),
            ("/a/.well-known", true),
            ("/.well-knownx", true),
            ("/a.b/c.", false),
        ] {
            assert_eq!(Path { text: text.as_bytes() }.has_dot_name(), has, "{text}");
        }
    }

    #[test]
    fn written_for_links() {
        let path = Path { text: b"/a b/\xff?#%\\:;" };
        assert_eq!(path.encoded(), "/a%20b/%FF%3F%23%25%5C:;");
        assert_eq!(encode_segment(b"a/b:c"), "a%2Fb%3Ac");
        let mut query = String::from("/a?");
        encode_query(b"b=%20c&d[]=/?:@\"<\xc3\xa4\xff\\#", &mut query);
        assert_eq!(query, "/a?b=%20c&d[]=/?:@%22%3C%C3%A4%FF%5C%23");
        let owned = PathBuf::from(path);
        assert_eq!(owned.as_path(), path);
        assert!(std::collections::HashSet::from([owned]).contains(path.bytes()));
    }
}
