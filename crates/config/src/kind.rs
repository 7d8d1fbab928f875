//! The keys of the file as data: what each is called, what its value may be, what it is for. The reader,
//! the complaints, the page of documentation and the schema are all made from these rows.

use wherefore_message::Spec;

/// What a value is: said in complaints, in the documentation and in the schema.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// In words, with its article: `a duration`.
    pub name: &'static str,
    /// One right value, as TOML.
    pub example: &'static str,
    /// Values of a right type that are none of this kind all the same, as TOML.
    pub wrong: &'static [&'static str],
    /// The values of TOML that can be one.
    pub shape: Shape,
}

/// Which values of TOML can be of a kind.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Number,
    /// A string; the pattern is what an editor can check of it, and may be empty.
    Text(&'static str),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A point in time.
    Moment,
    /// A list of such values; a single one stands for a list of one.
    List(&'static Kind),
    /// A table with these keys.
    Table(&'static Scope),
    /// A table whose keys are names of the first kind, and whose values are of the second.
    Named(&'static Kind, &'static Kind),
    /// Any of these.
    Either(&'static [Kind]),
}

/// A table of the file and the keys that may stand in it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What it is, with its article: `a route`.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The keys that stand only in it.
    pub rows: &'static [Row],
    /// The keys that it shares with other tables.
    pub shared: Option<&'static Self>,
    /// How many of the keys marked as a choice may stand in one table.
    pub choice: Choice,
}

/// How many of the keys that are marked as a choice may stand in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// No keys are marked.
    None,
    /// Exactly one. The words say what is missing where there is none.
    One(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As it is written.
    pub name: &'static str,
    /// What it does, as a sentence.
    pub about: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// A right value, as TOML, that differs from the default.
    pub example: &'static str,
    /// The value where the key is not there.
    pub absent: Absent,
    /// Whether it is one of those of which a table has only one.
    pub is_choice: bool,
    /// It means something only beside one of these keys.
    pub with: &'static [&'static str],
    /// The least and the greatest number, in the base unit of the kind; of lists, of members.
    pub bounds: Option<(u64, u64)>,
    /// The section that it carries out.
    pub spec: Option<Spec>,
    /// Whether it is looked at when the server starts, and not when it reads the file again.
    pub is_of_start: bool,
}

/// What holds where a key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Nothing: what it asks for is not done.
    Nothing,
    /// This value, as TOML.
    Default(&'static str),
    /// It can't be absent.
    Refused,
}

/// A row for the key of this name; the table that it stands in adds the kind.
pub(crate) const fn key(name: &'static str, example: &'static str, about: &'static str) -> Row {
    Row {
        name,
        about,
        kind: Kind::EMPTY,
        example,
        absent: Absent::Nothing,
        is_choice: false,
        with: &[],
        bounds: None,
        spec: None,
        is_of_start: false,
    }
}

impl Row {
    pub(crate) const fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The key has to be there.
    pub(crate) const fn required(mut self) -> Self {
        self.absent = Absent::Refused;
        self
    }

    /// The value where it is not there.
    pub(crate) const fn default(mut self, value: &'static str) -> Self {
        self.absent = Absent::Default(value);
        self
    }

    /// Of the keys with this mark, a table has one.
    pub(crate) const fn choice(mut self) -> Self {
        self.is_choice = true;
        self
    }

    /// It means something only beside one of these keys.
    pub(crate) const fn with(mut self, keys: &'static [&'static str]) -> Self {
        self.with = keys;
        self
    }

    /// The least and the greatest number that it may have, in the base unit of its kind.
    pub(crate) const fn within(mut self, least: u64, most: u64) -> Self {
        self.bounds = Some((least, most));
        self
    }

    /// It is looked at when the server starts, and not when it reads the file again.
    pub(crate) const fn of_start(mut self) -> Self {
        self.is_of_start = true;
        self
    }

    /// The section that it carries out.
    pub(crate) const fn spec(mut self, rfc: u16, section: &'static str) -> Self {
        self.spec = Some(Spec::new(rfc, section));
        self
    }
}

impl Scope {
    /// The keys that may stand in it: its own, then the shared ones.
    pub fn keys(&self) -> impl Iterator<Item = &'static Row> + Clone {
        self.rows.iter().chain(self.shared.map_or(&[][..], |shared| shared.rows))
    }

    /// The row of this key.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&'static Row> {
        self.keys().find(|row| row.name == name)
    }
}

impl Kind {
    /// A kind of which nothing is said yet.
    pub(crate) const EMPTY: Self =
        Self { name: "", example: "", wrong: &[], shape: Shape::Boolean };

    /// The tables that a value of this kind may be or hold.
    #[must_use]
    pub fn scopes(&self) -> Vec<&'static Scope> {
        match self.shape {
            Shape::Table(scope) => vec![scope],
            Shape::List(of) | Shape::Named(_, of) => of.scopes(),
            Shape::Either(kinds) => kinds.iter().flat_map(Self::scopes).collect(),
            Shape::Boolean | Shape::Number | Shape::Text(_) | Shape::Word(_) | Shape::Moment => {
                Vec::new()
            }
        }
    }
}
