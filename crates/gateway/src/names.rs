//! Sets of field names that an operator wrote, known ones and others.

use wherefore_message::{FieldName, FieldSet};

/// Names of fields, whatever their case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    known: FieldSet,
    others: Vec<Box<str>>,
}

impl Names {
    /// No names.
    pub const NONE: Self = Self { known: FieldSet::EMPTY, others: Vec::new() };

    /// These names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::NONE;
        for name in names {
            match FieldName::parse(name.as_bytes()) {
                FieldName::Other => all.others.push(name.into()),
                known => all.known.insert(known),
            }
        }
        all
    }

    /// Each name.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let others = self.others.iter().map(|name| name.as_bytes());
        self.known.iter().map(|name| name.as_str().as_bytes()).chain(others)
    }

    /// The known ones.
    #[must_use]
    pub const fn known(&self) -> FieldSet {
        self.known
    }

    /// Whether this name is among them; `known` is what it is known as.
    #[must_use]
    pub fn has(&self, known: FieldName, name: &[u8]) -> bool {
        match known {
            FieldName::Other => {
                self.others.iter().any(|other| other.as_bytes().eq_ignore_ascii_case(name))
            }
            known => self.known.has(known),
        }
    }
}

/// The known names among fields that are set.
pub(crate) fn known_of(set: &[(Box<str>, Box<str>)]) -> FieldSet {
    set.iter()
        .fold(FieldSet::EMPTY, |known, (name, _)| known.with(FieldName::parse(name.as_bytes())))
}

/// Whether `name` stands among fields that are set, each a name and a value.
pub(crate) fn is_among(set: &[(Box<str>, Box<str>)], name: &[u8]) -> bool {
    set.iter().any(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name))
}
