//! A response's head as values, before any version of HTTP writes it.

use core::fmt;
use std::sync::Arc;

use crate::etag::EntityTag;
use crate::field::{FieldName, FieldSet};
use crate::method::MethodSet;
use crate::status::Status;
use crate::token::{is_token, is_value_octet};

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
            if !is_free || !is_token(name.as_bytes()) || !value.bytes().all(is_value_octet) {
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

/// A response's head: a status and its fields, in order. Reused from answer to answer.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: Status,
    fields: Vec<(FieldName, Value)>,
    present: FieldSet,
    lines: [Option<Arc<Lines>>; 2],
}

impl ResponseHead {
    /// A head without fields.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self { status, fields: Vec::new(), present: FieldSet::EMPTY, lines: [None, None] }
    }

    /// Makes it a head without fields again, keeping its memory.
    pub fn reset(&mut self, status: Status) {
        self.status = status;
        self.fields.clear();
        self.present = FieldSet::EMPTY;
        self.lines = [None, None];
    }

    /// Adds an operator's lines, at most two blocks of them.
    pub fn add_lines(&mut self, lines: &Arc<Lines>) {
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

    /// Replaces all lines of this name by one.
    pub fn set(&mut self, name: FieldName, value: Value) {
        self.remove(name);
        self.push(name, value);
    }

    /// Takes out all lines of this name.
    pub fn remove(&mut self, name: FieldName) {
        self.fields.retain(|(other, _)| *other != name);
        self.present = self.present.without(FieldSet::of(&[name]));
    }

    /// The names that it carries.
    #[must_use]
    pub const fn present(&self) -> FieldSet {
        self.present
    }

    /// The first value of this name.
    #[must_use]
    pub fn value(&self, name: FieldName) -> Option<&Value> {
        self.fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Every line, in order.
    pub fn fields(&self) -> impl Iterator<Item = (FieldName, &Value)> {
        self.fields.iter().map(|(name, value)| (*name, value))
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
