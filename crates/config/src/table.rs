//! Reading a table by its rows: every key that it has is one of them, every value of its row's kind, and
//! every complaint at its place.

use std::collections::HashSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::complaint::{Complaint, quoted};
use crate::hints;
use crate::kind::{Absent, Choice, Kind, Row, Scope, Shape};
use crate::nearest::nearest;
use crate::source::{Source, Span};

/// The value of a key; none where it is not there and has no default, or is complained about.
pub type Key<T> = Option<Set<T>>;

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub from: Provenance,
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Nobody set it.
    Default,
    /// It stands here.
    Written(Span),
    /// It stands here, in the site that the route belongs to.
    Inherited(Span),
}

impl Provenance {
    /// Where it stands; none for a default.
    #[must_use]
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Default => None,
            Self::Written(span) | Self::Inherited(span) => Some(span),
        }
    }
}

/// A value that can stand in the file.
pub(crate) trait Value: Sized + Clone {
    /// What it is.
    const KIND: Kind;

    /// Reads it, and complains where it is not right.
    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self>;

    /// Writes it as TOML, on one line.
    fn write(&self, out: &mut String);

    /// The number that bounds are about, in the kind's base unit.
    fn measure(&self) -> Option<u64> {
        None
    }

    /// Such a number as people write it.
    fn measured(number: u64) -> String {
        number.to_string()
    }
}

/// A table of the file as a struct: made by [`keys!`] from its rows.
pub(crate) trait Keys: Sized + Clone {
    /// What it is and which keys it has.
    const SCOPE: Scope;

    /// Reads each key.
    fn read_keys(table: &Table<'_>, reader: &mut Reader<'_>) -> Self;

    /// Tells each key that has a value.
    fn each(&self, tell: &mut Tell<'_>);
}

/// Told of a key: its row, what writes its value as TOML, and where it came from.
pub(crate) type Tell<'a> = dyn FnMut(&'static Row, &dyn Fn(&mut String), Provenance) + 'a;

/// What was found under a key.
#[derive(Clone, Copy)]
pub(crate) struct Found<'t> {
    /// The key as it is written.
    pub(crate) key: &'t str,
    /// A right value for it, as TOML.
    pub(crate) example: &'static str,
    pub(crate) value: &'t DeValue<'t>,
    pub(crate) span: Span,
    pub(crate) part: Part,
}

/// Which part of a key's value was found.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// One of several.
    Member,
}

/// Takes the complaints in while the tables are read.
pub(crate) struct Reader<'s> {
    source: &'s Source,
    complaints: Vec<Complaint>,
    /// Where the file is no TOML: what stands there was read as something else than was meant.
    broken_lines: HashSet<usize>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self { source, complaints: Vec::new(), broken_lines: HashSet::new() }
    }

    pub(crate) fn complain(&mut self, complaint: Complaint) {
        let line = self.source.line_of(complaint.span.start);
        if !self.broken_lines.contains(&line) {
            self.complaints.push(complaint);
        }
    }

    /// Says that something is not there; not where the file is no TOML, since it may be there then.
    pub(crate) fn complain_of_absence(&mut self, complaint: Complaint) {
        if self.broken_lines.is_empty() {
            self.complain(complaint);
        }
    }

    /// Takes in that the file is no TOML here.
    pub(crate) fn complain_of_syntax(&mut self, complaint: Complaint) {
        let line = self.source.line_of(complaint.span.start);
        // What follows on the same line is mostly the same mistake once more.
        if self.broken_lines.insert(line) {
            self.complaints.push(complaint);
        }
    }

    pub(crate) fn into_complaints(self) -> Vec<Complaint> {
        self.complaints
    }

    /// The place of a part of a string, where the string stands in the file as it is meant.
    pub(crate) fn part(&self, whole: Span, text: &str, part: core::ops::Range<usize>) -> Span {
        let written = self.source.at(whole);
        let is_plain = written.len() == text.len() + 2 && written.get(1..=text.len()) == Some(text);
        match is_plain {
            true => Span { start: whole.start + 1 + part.start, end: whole.start + 1 + part.end },
            false => whole,
        }
    }
}

/// A table that is being read.
pub(crate) struct Table<'t> {
    members: &'t DeTable<'t>,
    head: Span,
}

impl<'t> Table<'t> {
    /// Reads a whole table.
    pub(crate) fn read<K: Keys>(
        members: &'t DeTable<'t>,
        head: Span,
        reader: &mut Reader<'_>,
    ) -> K {
        let table = Self { members, head };
        table.complain_of_unknown(&K::SCOPE, reader);
        table.complain_of_choice(&K::SCOPE, reader);
        K::read_keys(&table, reader)
    }

    /// Where it begins.
    pub(crate) const fn head(&self) -> Span {
        self.head
    }

    /// Reads the value of one key.
    pub(crate) fn key<T: Value>(&self, row: &'static Row, reader: &mut Reader<'_>) -> Key<T> {
        let Some((_, value)) = self.entry(row.name) else {
            if row.absent == Absent::Refused {
                let what = format!("`{}` is missing here", row.name);
                let right = format!("{}, as in {} = {}", row.about, row.name, row.example);
                reader.complain_of_absence(Complaint::error(self.head, what).right(right));
            }
            return None;
        };
        let span = value.span().into();
        let found = Found {
            key: row.name,
            example: row.example,
            value: value.get_ref(),
            span,
            part: Part::Whole,
        };
        let complaints = reader.complaints.len();
        let value = T::read(found, reader)?;
        // Of a list with members that are wrong it is not known how long it is meant to be.
        if let (Some((least, most)), Some(number)) = (row.bounds, value.measure())
            && reader.complaints.len() == complaints
            && !(least..=most).contains(&number)
        {
            let [found, least, most] = [number, least, most].map(T::measured);
            let is = if matches!(row.kind.shape, Shape::List(_)) { "be of length" } else { "be" };
            let what = format!("`{}` can't {is} {found}", row.name);
            reader.complain(Complaint::error(span, what).right(format!("from {least} to {most}")));
            return None;
        }
        Some(Set { value, from: Provenance::Written(span) })
    }

    fn entry(&self, name: &str) -> Option<(&'t Spanned<toml::de::DeString<'t>>, Valued<'t>)> {
        self.members.get_key_value(name)
    }

    fn complain_of_unknown(&self, scope: &Scope, reader: &mut Reader<'_>) {
        for name in self.members.keys() {
            let (text, span) = (name.get_ref().as_ref(), Span::from(name.span()));
            if let Some(row) = scope.row(text) {
                self.complain_of_company(row, span, reader);
                continue;
            }
            let what = format!("{} has no key {}", scope.name, quoted(text));
            let complaint = Complaint::error(span, what);
            let value = self.members.get(text).map(|value| value.get_ref());
            let near = nearest(text, scope.keys().map(|row| row.name));
            let near = near.map(|near| format!("did you mean `{near}`?"));
            let right = match (near, hints::other_table(text, scope)) {
                (Some(near), Some(other)) => Some(format!("{near} {other}")),
                (near, other) => near.or(other),
            };
            reader.complain(match hints::habit(text, value).or(right) {
                Some(right) => complaint.right(right),
                None => complaint,
            });
        }
    }

    /// A key that means something only beside another is useless alone.
    fn complain_of_company(&self, row: &Row, span: Span, reader: &mut Reader<'_>) {
        if row.with.is_empty() || row.with.iter().any(|other| self.members.contains_key(*other)) {
            return;
        }
        let others = row.with.iter().map(|other| format!("`{other}`")).collect::<Vec<_>>();
        let what = format!("`{}` does nothing without {}", row.name, others.join(" or "));
        reader.complain_of_absence(Complaint::error(span, what));
    }

    fn complain_of_choice(&self, scope: &Scope, reader: &mut Reader<'_>) {
        let Choice::One(missing) = scope.choice else { return };
        let mut chosen: Vec<_> = scope
            .keys()
            .filter(|row| row.is_choice)
            .filter_map(|row| self.entry(row.name))
            .map(|(name, _)| (Span::from(name.span()), name.get_ref()))
            .collect();
        chosen.sort();
        let names = scope.keys().filter(|row| row.is_choice).map(|row| format!("`{}`", row.name));
        match chosen.as_slice() {
            [_] => {}
            [] => {
                let names = names.collect::<Vec<_>>().join(", ");
                let right = format!("one of {names}");
                reader.complain_of_absence(Complaint::error(self.head, missing).right(right));
            }
            [(first, first_name), rest @ ..] => {
                for (span, name) in rest {
                    let what = format!("`{name}` can't stand beside `{first_name}`");
                    reader.complain(
                        Complaint::error(*span, what)
                            .right(format!("{} has one of them", scope.name))
                            .related(*first, format!("`{first_name}` stands here")),
                    );
                }
            }
        }
    }
}

/// The key's own value, or else the other's, which is inherited then.
pub(crate) fn over<T: Clone>(own: &Key<T>, other: &Key<T>) -> Key<T> {
    own.clone().or_else(|| {
        let other = other.clone()?;
        let from = match other.from {
            Provenance::Written(span) => Provenance::Inherited(span),
            from @ (Provenance::Default | Provenance::Inherited(_)) => from,
        };
        Some(Set { from, ..other })
    })
}

/// The value of a key that is not there.
pub(crate) fn default<T: Value>(row: &'static Row) -> Key<T> {
    let Absent::Default(text) = row.absent else { return None };
    let value = DeValue::parse(text).ok()?;
    let source = Source::new("", text);
    let mut reader = Reader::new(&source);
    let span = value.span().into();
    let found = Found {
        key: row.name,
        example: row.example,
        value: value.get_ref(),
        span,
        part: Part::Whole,
    };
    Some(Set { value: T::read(found, &mut reader)?, from: Provenance::Default })
}

/// Reads a table that is a value.
pub(crate) fn read_table<K: Keys>(found: Found<'_>, reader: &mut Reader<'_>) -> Option<K> {
    match found.value {
        DeValue::Table(members) => Some(Table::read(members, found.span, reader)),
        _ => {
            let kind = Kind { name: "a table", ..Kind::EMPTY };
            found.mismatch(&kind, reader);
            None
        }
    }
}

/// Writes a table on one line.
pub(crate) fn write_inline<K: Keys>(keys: &K, out: &mut String) {
    out.push('{');
    let mut before = " ";
    keys.each(&mut |row, write, _| {
        out.push_str(before);
        out.push_str(row.name);
        out.push_str(" = ");
        write(out);
        before = ", ";
    });
    out.push_str(" }");
}

type Valued<'t> = &'t Spanned<DeValue<'t>>;

impl<'t> Found<'t> {
    /// Complains that the value is of a wrong type.
    pub(crate) fn mismatch(&self, kind: &Kind, reader: &mut Reader<'_>) {
        let each = match self.part {
            Part::Whole => "",
            Part::Member => "each of ",
        };
        let found = in_words(self.value);
        let what = format!("{each}`{}` is {}, not {found}", self.key, kind.name);
        let example = if self.example.is_empty() { kind.example } else { self.example };
        let right = format!("as in {} = {example}", shown_key(self.key));
        reader.complain(Complaint::error(self.span, what).right(right));
    }

    /// The same key with a member of its value.
    pub(crate) fn member(&self, value: Valued<'t>) -> Self {
        let (value, span) = (value.get_ref(), value.span().into());
        Self { value, span, part: Part::Member, ..*self }
    }
}

/// What TOML calls a value, in words.
pub(crate) const fn in_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A key as TOML writes it: bare where it can be.
pub(crate) fn shown_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { string(key) }
}

/// A string as TOML writes it.
pub(crate) fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Makes the struct of a table from its keys, each with the type of its value and its row: what is read,
/// what is documented and what the program uses can't differ.
macro_rules! keys {
    (
        $(#[$doc:meta])*
        $name:ident: $scope:expr;
        $( $field:ident: $type:ty = $row:expr; )*
        $( ..$shared:ident: $group:ty; )?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// Where the table begins.
            pub head: $crate::source::Span,
            $(
                #[doc = concat!("The key `", stringify!($field), "`: see its row.")]
                pub $field: $crate::table::Key<$type>,
            )*
            $(
                /// The keys that it shares with other tables.
                pub $shared: $group,
            )?
        }

        impl $crate::table::Keys for $name {
            const SCOPE: $crate::kind::Scope = {
                let mut scope: $crate::kind::Scope = $scope;
                scope.rows = const { &[ $( $row.of(<$type as $crate::table::Value>::KIND), )* ] };
                $( scope.shared = Some(const { &<$group as $crate::table::Keys>::SCOPE }); )?
                scope
            };

            fn read_keys(
                table: &$crate::table::Table<'_>,
                reader: &mut $crate::table::Reader<'_>,
            ) -> Self {
                let mut rows = Self::SCOPE.rows.iter();
                Self {
                    head: table.head(),
                    $( $field: rows.next().and_then(|row| table.key(row, reader)), )*
                    $( $shared: <$group as $crate::table::Keys>::read_keys(table, reader), )?
                }
            }

            fn each(&self, tell: &mut $crate::table::Tell<'_>) {
                let mut rows = Self::SCOPE.rows.iter();
                $(
                    if let (Some(row), Some(set)) = (rows.next(), &self.$field) {
                        let write = |out: &mut String| $crate::table::Value::write(&set.value, out);
                        tell(row, &write, set.from);
                    }
                )*
                $( self.$shared.each(tell); )?
            }
        }

        impl $name {
            /// The same, with what the other has where this has nothing.
            #[must_use]
            pub fn over(&self, other: &Self) -> Self {
                Self {
                    head: self.head,
                    $( $field: $crate::table::over(&self.$field, &other.$field), )*
                    $( $shared: self.$shared.over(&other.$shared), )?
                }
            }

            /// The same, with the defaults where nothing is written.
            #[must_use]
            pub fn resolved(&self) -> Self {
                self.over(&Self::defaults())
            }

            /// What holds where nothing is written.
            #[must_use]
            pub fn defaults() -> Self {
                let mut rows = <Self as $crate::table::Keys>::SCOPE.rows.iter();
                Self {
                    head: $crate::source::Span::default(),
                    $( $field: rows.next().and_then($crate::table::default), )*
                    $( $shared: <$group>::defaults(), )?
                }
            }
        }

        impl $crate::table::Value for $name {
            const KIND: $crate::kind::Kind = $crate::kind::Kind {
                name: "a table",
                example: "{}",
                wrong: &[],
                shape: $crate::kind::Shape::Table(const { &<Self as $crate::table::Keys>::SCOPE }),
            };

            fn read(
                found: $crate::table::Found<'_>,
                reader: &mut $crate::table::Reader<'_>,
            ) -> Option<Self> {
                $crate::table::read_table(found, reader)
            }

            fn write(&self, out: &mut String) {
                $crate::table::write_inline(self, out);
            }
        }
    };
}
pub(crate) use keys;
