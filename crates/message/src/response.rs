//! A response's head as values, before any version of HTTP writes it.

use core::fmt;
use std::sync::Arc;

use crate::etag::EntityTag;
use crate::field::{FieldName, FieldSet, Line, Span};
use crate::method::MethodSet;
use crate::runs::Run;
use crate::status::Status;
use crate::token::{is_token, is_value};
use crate::version::Version;
use crate::via;

/// A field's value. Kept as what it means until it is written, so that a hit formats nothing it need not.
#[derive(Clone, Debug)]
pub enum Value {
    /// Fixed text.
    Static(&'static str),
    /// Text made for this answer.
    Text(Box<str>),
    /// Text shared with a cache or a configuration.
    Shared(Arc<str>),
    /// A number in decimal.
    Number(u64),
    /// A date, in seconds since 1970, written as an IMF-fixdate (RFC 9110 §5.6.7).
    Date(u64),
    /// An entity tag.
    Tag(EntityTag),
    /// A list of methods.
    Methods(MethodSet),
    /// `bytes first-last/length` (RFC 9110 §14.4); `last` is included.
    ContentRange {
        /// Offset of the first octet.
        first: u64,
        /// Offset of the last octet.
        last: u64,
        /// Length of the whole representation.
        length: u64,
    },
    /// `bytes */length` (RFC 9110 §15.5.17).
    UnsatisfiedRange(u64),
}

/// Lines that an operator adds to answers, written once: of names that no answer of ours has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    fields: Vec<(Box<str>, Box<str>)>,
    written: Box<[u8]>,
}

impl Lines {
    /// These lines; none if a name is no token or one that answers of ours may have, or a value holds what
    /// none may (RFC 9110 §5.1, §5.5).
    #[must_use]
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut lines = Self { fields: Vec::new(), written: Box::default() };
        let mut written = Vec::new();
        for (name, value) in fields {
            // A name of ours would stand twice, or say where the message ends.
            let is_free = matches!(
                FieldName::parse(name.as_bytes()),
                FieldName::Other | FieldName::StrictTransportSecurity
            );
            if !is_free || !is_token(name.as_bytes()) || !is_value(value.as_bytes()) {
                return None;
            }
            for part in [name, ": ", value, "\r\n"] {
                written.extend_from_slice(part.as_bytes());
            }
            lines.fields.push((name.into(), value.into()));
        }
        lines.written = written.into();
        Some(lines)
    }

    /// The lines as HTTP/1.1 writes them.
    #[must_use]
    pub const fn written(&self) -> &[u8] {
        &self.written
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// Whose answer a head belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// This server's: it owes what the status must carry.
    Ours,
    /// Another server's, relayed: what it lacks is its own affair.
    Upstream,
}

/// A response's head: a status and its fields, in order. Reused from answer to answer.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: Status,
    /// Whose answer it is.
    pub author: Author,
    fields: Vec<(FieldName, Value)>,
    present: FieldSet,
    lines: [Option<Arc<Lines>>; 2],
    relayed: Relayed,
}

/// What a relayed line never is: the connection's own business, or what delimits the content. Each connection
/// says these anew (RFC 9110 §7.6.1, RFC 9112 §6).
pub const OF_THE_CONNECTION: FieldSet = FieldSet::of(&[
    FieldName::Connection,
    FieldName::ContentLength,
    FieldName::KeepAlive,
    FieldName::ProxyConnection,
    FieldName::Te,
    FieldName::Trailer,
    FieldName::TransferEncoding,
    FieldName::Upgrade,
]);

impl ResponseHead {
    /// A head without fields.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self {
            status,
            author: Author::Ours,
            fields: Vec::new(),
            present: FieldSet::EMPTY,
            lines: [None, None],
            relayed: Relayed::NONE,
        }
    }

    /// Makes it a head without fields again, keeping its memory.
    pub fn reset(&mut self, status: Status) {
        self.status = status;
        self.author = Author::Ours;
        self.fields.clear();
        self.present = FieldSet::EMPTY;
        self.lines = [None, None];
        self.relayed.clear();
    }

    /// Adds a line of another server's answer, as it came. A line that is the connection's own
    /// ([`OF_THE_CONNECTION`]) is not taken, nor one that would not be one line.
    pub fn relay(&mut self, name: &[u8], value: &[u8]) {
        self.relay_known(FieldName::parse(name), name, value);
    }

    /// The same, where it is known already which name it is.
    pub fn relay_known(&mut self, known: FieldName, name: &[u8], value: &[u8]) {
        // A known name is a token.
        let is_name = known != FieldName::Other || is_token(name);
        if !OF_THE_CONNECTION.has(known) && is_name && is_value(value) {
            self.present.insert(known);
            self.relayed.push(known, name, value);
        }
    }

    /// Adds lines of another server's answer as they were read, but for those that are the connection's own.
    pub fn relay_run(&mut self, run: &Run<'_>) {
        let names = run.lines().iter().fold(FieldSet::EMPTY, |names, line| names.with(line.name));
        if !names.meets(OF_THE_CONNECTION) {
            self.present = self.present.or(names);
            self.relayed.push_run(run);
            return;
        }
        let start = run.lines().first().map_or(0, |line| line.name_at.start);
        let of = |span: Span| {
            let back = |at: u32| at.wrapping_sub(start);
            Span { start: back(span.start), end: back(span.end) }.of(run.written())
        };
        for line in run.lines() {
            self.relay_known(line.name, of(line.name_at), of(line.value_at));
        }
    }

    /// Adds the `Via` of an answer that came in `version`: what `lines` say, then this recipient (RFC 9110 §7.6.3).
    pub fn relay_via<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a [u8]>,
        version: Version,
        pseudonym: &str,
    ) {
        if is_value(pseudonym.as_bytes()) {
            self.present.insert(FieldName::Via);
            let write = |out: &mut Vec<u8>| via::add(lines, version, pseudonym, out);
            self.relayed.push_with(FieldName::Via, b"Via", write);
        }
    }

    /// The relayed lines as names and values, in order.
    pub fn relayed(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.relayed.iter().map(|(_, name, value)| (name, value))
    }

    /// The values of the relayed lines of a known name, in order.
    pub fn relayed_values(&self, name: FieldName) -> impl Iterator<Item = &[u8]> + Clone {
        let lines = self.relayed.iter().filter(move |(known, ..)| *known == name);
        lines.map(|(_, _, value)| value)
    }

    /// The relayed lines as HTTP/1.1 writes them.
    #[must_use]
    pub fn relayed_written(&self) -> &[u8] {
        &self.relayed.written
    }

    /// Takes out the relayed lines of a name that need not be known.
    pub fn remove_relayed(&mut self, name: &[u8]) {
        match FieldName::parse(name) {
            FieldName::Other => {
                self.relayed.retain(|_, other| !other.eq_ignore_ascii_case(name));
            }
            known => {
                self.relayed.retain(|other, _| other != known);
                if self.value(known).is_none() {
                    self.present = self.present.without(FieldSet::of(&[known]));
                }
            }
        }
    }

    /// Adds an operator's lines, at most two blocks of them. They stand in place of relayed lines of their names.
    pub fn add_lines(&mut self, lines: &Arc<Lines>) {
        if !self.relayed.lines.is_empty() {
            for (name, _) in lines.iter() {
                self.remove_relayed(name.as_bytes());
            }
        }
        if let Some(free) = self.lines.iter_mut().find(|lines| lines.is_none()) {
            *free = Some(Arc::clone(lines));
        }
    }

    /// The operator's lines.
    pub fn lines(&self) -> impl Iterator<Item = &Lines> {
        self.lines.iter().flatten().map(|lines| &**lines)
    }

    /// Adds a line.
    pub fn push(&mut self, name: FieldName, value: Value) {
        debug_assert_ne!(name, FieldName::Other, "a field of ours has a known name");
        self.present.insert(name);
        self.fields.push((name, value));
    }

    /// Replaces all lines of this name by one, relayed ones too.
    pub fn set(&mut self, name: FieldName, value: Value) {
        self.remove(name);
        self.push(name, value);
    }

    /// Takes out all lines of this name, relayed ones too.
    pub fn remove(&mut self, name: FieldName) {
        if self.present.has(name) {
            self.fields.retain(|(other, _)| *other != name);
            self.relayed.retain(|other, _| other != name);
            self.present = self.present.without(FieldSet::of(&[name]));
        }
    }

    /// The known names that it carries, in lines of its own or relayed.
    #[must_use]
    pub const fn present(&self) -> FieldSet {
        self.present
    }

    /// The first value of this name among its own lines.
    #[must_use]
    pub fn value(&self, name: FieldName) -> Option<&Value> {
        self.fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Every line of its own, in order.
    pub fn fields(&self) -> impl Iterator<Item = (FieldName, &Value)> {
        self.fields.iter().map(|(name, value)| (*name, value))
    }
}

/// Lines of another server's answer: one run of octets that is written as it is, and where each line stands in it.
#[derive(Clone, Debug)]
struct Relayed {
    written: Vec<u8>,
    lines: Vec<Line>,
}

impl Relayed {
    const NONE: Self = Self { written: Vec::new(), lines: Vec::new() };

    fn clear(&mut self) {
        self.written.clear();
        self.lines.clear();
    }

    fn push(&mut self, known: FieldName, name: &[u8], value: &[u8]) {
        self.written.reserve(name.len() + value.len() + 4);
        self.push_with(known, name, |out| out.extend_from_slice(value));
    }

    fn push_with(&mut self, known: FieldName, name: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.written.len() as u32;
        self.written.extend_from_slice(name);
        let name_at = Span { start, end: self.written.len() as u32 };
        self.written.extend_from_slice(b": ");
        let start = self.written.len() as u32;
        write(&mut self.written);
        let value_at = Span { start, end: self.written.len() as u32 };
        self.written.extend_from_slice(b"\r\n");
        self.lines.push(Line { name: known, name_at, value_at });
    }

    /// Adds lines as they stand; where they stood in their own message is brought to where they stand in this one.
    fn push_run(&mut self, run: &Run<'_>) {
        let Some(first) = run.lines().first() else { return };
        let move_by = (self.written.len() as u32).wrapping_sub(first.name_at.start);
        let moved = |span: Span| Span {
            start: span.start.wrapping_add(move_by),
            end: span.end.wrapping_add(move_by),
        };
        self.written.extend_from_slice(run.written());
        self.lines.extend(run.lines().iter().map(|line| Line {
            name: line.name,
            name_at: moved(line.name_at),
            value_at: moved(line.value_at),
        }));
    }

    fn iter(&self) -> impl Iterator<Item = (FieldName, &[u8], &[u8])> + Clone {
        let of = |span: Span| span.of(&self.written);
        self.lines.iter().map(move |line| (line.name, of(line.name_at), of(line.value_at)))
    }

    /// Keeps the lines of which `keep` says so by their names. What is kept moves to the front, in place.
    fn retain(&mut self, keep: impl Fn(FieldName, &[u8]) -> bool) {
        let Self { written, lines } = self;
        let mut end = 0;
        lines.retain_mut(|line| {
            if !keep(line.name, line.name_at.of(written)) {
                return false;
            }
            // A line ends two octets behind its value.
            let from = line.name_at.start;
            let back = from - end;
            written.copy_within(from as usize..line.value_at.end as usize + 2, end as usize);
            for span in [&mut line.name_at, &mut line.value_at] {
                *span = Span { start: span.start - back, end: span.end - back };
            }
            end = line.value_at.end + 2;
            true
        });
        written.truncate(end as usize);
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static(text) => f.write_str(text),
            Self::Text(text) => f.write_str(text),
            Self::Shared(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Date(seconds) => crate::date::HttpDate::from_unix(*seconds).fmt(f),
            Self::Tag(tag) => tag.fmt(f),
            Self::Methods(methods) => methods.fmt(f),
            Self::ContentRange { first, last, length } => {
                write!(f, "bytes {first}-{last}/{length}")
            }
            Self::UnsatisfiedRange(length) => write!(f, "bytes */{length}"),
        }
    }
}

#[cfg(test)]
mod tests;
