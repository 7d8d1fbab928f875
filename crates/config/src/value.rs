//! The values that stand in the file, each read into a type that can't be wrong, and written as it is read.

use core::fmt;
use std::collections::HashMap;

use toml::de::DeValue;

use crate::complaint::{Complaint, quoted};
use crate::kind::{Kind, Shape};
use crate::source::{Placed, Span};
use crate::table::{Found, Part, Reader, Value, shown_key, string};

mod address;
mod field;
mod host;
mod measure;
mod moment;
mod name;
mod path;
mod refused;
mod template;
mod upstream;
mod uri;
mod word;

pub use address::{ListenAddress, Network};
pub use field::{
    Directives, FieldName, FieldValue, LinkValue, MediaRange, RelayedField, SetField, ToldField,
};
pub use host::{DefaultSite, HostPattern};
pub use measure::{Count, Duration, Rate, Size};
pub use moment::Moment;
pub use name::{Country, FileName, FilePath, Language, Name, Prose};
pub use path::{CaptureName, PathPattern, Segment, SitePath, Tail};
pub use refused::{ErrorStatus, refusal};
pub use template::{Template, TemplatePart, TryStep};
pub use upstream::{
    AnswerStatus, AnswerText, AskedPath, CertificateName, CookieAttribute, GatewayTo, HashKey,
    HostAndPort, NameServer, ToldHost, UpstreamUrl,
};
pub use uri::{AbsoluteUri, CorsOrigin, Origin};
pub use word::*;

/// A value that is a string in the file.
pub(crate) trait Text: Sized + Clone + fmt::Display {
    /// What it is.
    const KIND: Kind;

    /// Reads it.
    fn parse(text: &str) -> Result<Self, Wrong>;

    /// The number that bounds are about.
    fn measure(&self) -> Option<u64> {
        None
    }

    /// Such a number as people write it.
    fn measured(number: u64) -> String {
        number.to_string()
    }
}

/// Why a string is not what its key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// What was found, as a sentence.
    pub(crate) what: String,
    /// What would be right; the key's example where it is not said.
    pub(crate) right: Option<String>,
    /// The octets of the string that it is about; the whole string if none.
    pub(crate) part: Option<core::ops::Range<usize>>,
}

impl Wrong {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), right: None, part: None }
    }

    pub(crate) fn right(mut self, right: impl Into<String>) -> Self {
        self.right = Some(right.into());
        self
    }

    pub(crate) fn at(mut self, part: core::ops::Range<usize>) -> Self {
        self.part = Some(part);
        self
    }
}

impl<T: Text> Value for T {
    const KIND: Kind = <T as Text>::KIND;

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::String(text) = found.value else {
            found.mismatch(&<T as Text>::KIND, reader);
            return None;
        };
        match T::parse(text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let kind = <T as Text>::KIND;
                let part = wrong.part.unwrap_or(0..text.len());
                let span = reader.part(found.span, text, part);
                let right = wrong.right.unwrap_or_else(|| {
                    let example =
                        if found.example.is_empty() { kind.example } else { found.example };
                    format!("`{}` is {}, as in {example}", found.key, kind.name)
                });
                reader.complain(Complaint::error(span, wrong.what).right(right));
                None
            }
        }
    }

    fn write(&self, out: &mut String) {
        out.push_str(&string(&self.to_string()));
    }

    fn measure(&self) -> Option<u64> {
        <T as Text>::measure(self)
    }

    fn measured(number: u64) -> String {
        <T as Text>::measured(number)
    }
}

impl Value for bool {
    const KIND: Kind =
        Kind { name: "true or false", example: "true", wrong: &[], shape: Shape::Boolean };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        if let DeValue::Boolean(value) = found.value {
            return Some(*value);
        }
        found.mismatch(&<Self as Value>::KIND, reader);
        None
    }

    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

/// `true`, where `false` would mean what the absence of the key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yes;

impl Value for Yes {
    const KIND: Kind =
        Kind { name: "true", example: "true", wrong: &["false"], shape: Shape::Boolean };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match found.value {
            DeValue::Boolean(true) => return Some(Self),
            DeValue::Boolean(false) => {
                let what = format!("`{}` can't be false", found.key);
                reader.complain(Complaint::error(found.span, what).right("no such key at all"));
            }
            _ => found.mismatch(&<Self as Value>::KIND, reader),
        }
        None
    }

    fn write(&self, out: &mut String) {
        out.push_str("true");
    }
}

/// Several values of one kind, each with its place; a single one need not stand in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<Placed<T>>);

impl<T: Value> Value for List<T> {
    const KIND: Kind = Kind {
        name: "a list",
        example: T::KIND.example,
        wrong: &[],
        shape: Shape::List(const { &T::KIND }),
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(members) = found.value else {
            let value = T::read(found, reader)?;
            return Some(Self(vec![Placed { value, span: found.span }]));
        };
        let mut list = Vec::with_capacity(members.len());
        for member in members {
            let member = found.member(member);
            if let Some(value) = T::read(member, reader) {
                list.push(Placed { value, span: member.span });
            }
        }
        Some(Self(list))
    }

    fn write(&self, out: &mut String) {
        out.push('[');
        for (i, member) in self.0.iter().enumerate() {
            out.push_str(if i > 0 { ", " } else { "" });
            member.value.write(out);
        }
        out.push(']');
    }

    fn measure(&self) -> Option<u64> {
        u64::try_from(self.0.len()).ok()
    }
}

/// Values under names that the operator chose, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<N, T>(pub Vec<(Placed<N>, Placed<T>)>);

impl<N: Text, T: Value> Value for Named<N, T> {
    const KIND: Kind = Kind {
        name: "a table of names",
        example: "{}",
        wrong: &[],
        shape: Shape::Named(const { &<N as Text>::KIND }, const { &T::KIND }),
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Table(members) = found.value else {
            found.mismatch(&<Self as Value>::KIND, reader);
            return None;
        };
        let mut named = Vec::with_capacity(members.len());
        let mut places: HashMap<String, Span> = HashMap::with_capacity(members.len());
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by_key(|(name, _)| name.span().start);
        for (key, value) in members {
            let (text, span) = (key.get_ref().as_ref(), Span::from(key.span()));
            let member = found.member(value);
            let member = Found { key: text, example: T::KIND.example, part: Part::Whole, ..member };
            let value = T::read(member, reader);
            let name = match N::parse(text) {
                Ok(name) => name,
                Err(wrong) => {
                    let part = wrong.part.unwrap_or(0..text.len());
                    let right = wrong.right.unwrap_or_else(|| {
                        format!("it is {}, as in {}", N::KIND.name, N::KIND.example)
                    });
                    let span = reader.part(span, text, part);
                    reader.complain(Complaint::error(span, wrong.what).right(right));
                    continue;
                }
            };
            // Names that are written in different ways can be the same.
            if let Some(first) = places.insert(name.to_string(), span) {
                let what = format!("{} is there twice", quoted(text));
                let complaint = Complaint::error(span, what);
                reader.complain(complaint.related(first, "the first stands here"));
                continue;
            }
            if let Some(value) = value {
                named.push((Placed { value: name, span }, Placed { value, span: member.span }));
            }
        }
        Some(Self(named))
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (i, (name, member)) in self.0.iter().enumerate() {
            out.push_str(if i > 0 { ", " } else { " " });
            out.push_str(&shown_key(&name.value.to_string()));
            out.push_str(" = ");
            member.value.write(out);
        }
        out.push_str(" }");
    }
}

/// A table with the details of something, or `true` for it with none, or `false` for not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch<T> {
    /// Not at all.
    Off,
    /// As it is unless said otherwise.
    On,
    /// In this way.
    As(T),
}

impl<T: Value> Value for Switch<T> {
    const KIND: Kind = Kind {
        name: "true, false, or a table",
        example: "true",
        wrong: &[],
        shape: Shape::Either(const { &[<bool as Value>::KIND, T::KIND] }),
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match found.value {
            DeValue::Boolean(true) => Some(Self::On),
            DeValue::Boolean(false) => Some(Self::Off),
            DeValue::Table(_) => T::read(found, reader).map(Self::As),
            _ => {
                found.mismatch(&<Self as Value>::KIND, reader);
                None
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Off => out.push_str("false"),
            Self::On => out.push_str("true"),
            Self::As(value) => value.write(out),
        }
    }
}

/// A table that says how, or `false` for not at all, where a site says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unless<T> {
    /// Not at all.
    Not,
    /// In this way.
    As(T),
}

impl<T: Value> Value for Unless<T> {
    const KIND: Kind = Kind {
        name: "a table, or false",
        example: "false",
        wrong: &[],
        shape: Shape::Either(const { &[FALSE, T::KIND] }),
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match found.value {
            DeValue::Boolean(false) => Some(Self::Not),
            DeValue::Boolean(true) => {
                let what = format!("`{}` can't be true: that does not say how", found.key);
                let right = format!("as in {} = {}", found.key, found.example);
                reader.complain(Complaint::error(found.span, what).right(right));
                None
            }
            DeValue::Table(_) => T::read(found, reader).map(Self::As),
            _ => {
                found.mismatch(&<Self as Value>::KIND, reader);
                None
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Not => out.push_str("false"),
            Self::As(value) => value.write(out),
        }
    }
}

const FALSE: Kind =
    Kind { name: "false", example: "false", wrong: &["true"], shape: Shape::Boolean };

/// A value in its short form, or a table with more to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Either<S, T> {
    /// The short form.
    Short(S),
    /// The table.
    Table(T),
}

impl<S: Value, T: Value> Value for Either<S, T> {
    const KIND: Kind = Kind {
        name: S::KIND.name,
        example: S::KIND.example,
        wrong: S::KIND.wrong,
        shape: Shape::Either(const { &[S::KIND, T::KIND] }),
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match found.value {
            DeValue::Table(_) => T::read(found, reader).map(Self::Table),
            _ => S::read(found, reader).map(Self::Short),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Short(value) => value.write(out),
            Self::Table(value) => value.write(out),
        }
    }
}
