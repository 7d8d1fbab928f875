//! The text of a file with its name, and places in it.

/// A file's text and the name that complaints call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Source {
    /// The text of the file of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let ends = text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n');
        let lines = core::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// The name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text at a place; empty where the place is not in this text.
    #[must_use]
    pub fn at(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The line and column at which a place begins, both from one; columns count characters.
    #[must_use]
    pub fn position(&self, span: Span) -> Position {
        let line = self.line_of(span.start);
        let before = self.text.get(self.line_start(line)..span.start).unwrap_or_default();
        Position { line: line + 1, column: before.chars().count() + 1 }
    }

    /// The number of the line that the octet stands in, from zero.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// Where this line begins; the end of the text for one behind the last.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.lines.get(line).copied().unwrap_or(self.text.len())
    }

    /// The place as it lies within the text: not beyond its end, not within a character.
    pub(crate) fn clamp(&self, span: Span) -> Span {
        let end = self.boundary_before(span.end);
        Span { start: self.boundary_before(span.start.min(end)), end }
    }

    /// The last place that is not within a character, at this octet or before it.
    pub(crate) fn boundary_before(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

/// A place in a text, in octets from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// Just behind its end.
    pub end: usize,
}

impl Span {
    /// Whether the other place lies in this one.
    #[must_use]
    pub const fn holds(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

impl From<core::ops::Range<usize>> for Span {
    fn from(range: core::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// A line and a column, both from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A value with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let source = Source::new("a.toml", "ä = 1\nb = 2\n");
        let position = |start| {
            let found = source.position(Span { start, end: start });
            (found.line, found.column)
        };
        assert_eq!(position(0), (1, 1));
        assert_eq!(position(5), (1, 5));
        assert_eq!(position(7), (2, 1));
        assert_eq!(position(13), (3, 1));
        assert_eq!(source.at(Span { start: 7, end: 8 }), "b");
        assert_eq!(source.at(Span { start: 1, end: 2 }), "", "within a character");
        let clamped = source.clamp(Span { start: 1, end: 99 });
        assert_eq!(clamped, Span { start: 0, end: 13 });
    }
}
