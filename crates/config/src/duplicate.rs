//! What is no TOML at all, said with what would be right; keys that are there twice, at both places.

use toml::de::{DeTable, DeValue, Error};

use crate::complaint::{Complaint, quoted};
use crate::source::{Source, Span};

/// The most keys whose first place is looked for: each time, the whole file is.
const FIRSTS_MAX: usize = 32;

/// Says what is no TOML in a file.
pub(crate) struct Faults<'t> {
    source: &'t Source,
    members: &'t DeTable<'t>,
    firsts: usize,
}

impl<'t> Faults<'t> {
    pub(crate) const fn new(source: &'t Source, members: &'t DeTable<'t>) -> Self {
        Self { source, members, firsts: 0 }
    }

    /// The complaint for an error of the parser.
    pub(crate) fn complaint(&mut self, error: &Error) -> Complaint {
        let span = self.source.clamp(error.span().map(Span::from).unwrap_or_default());
        if error.message() == "duplicate key" {
            let what = format!("{} is there twice", quoted(self.source.at(span)));
            let complaint = Complaint::error(span, what);
            self.firsts += 1;
            let first = (self.firsts <= FIRSTS_MAX).then(|| self.first(span)).flatten();
            return match first {
                Some(first) => complaint.related(first, "the first stands here"),
                None => complaint,
            };
        }
        match error.message().split_once(", expected ") {
            Some((what, right)) => Complaint::error(span, what).right(format!("expected {right}")),
            None => Complaint::error(span, error.message()),
        }
    }

    /// Where the key that is there twice stands for the first time.
    fn first(&self, span: Span) -> Option<Span> {
        let source = self.source;
        let line = source.line_of(span.start);
        let header = header_of(source, line);
        if header.starts_with('[') {
            let line = (0..line).find(|line| header_of(source, *line) == header)?;
            let start = source.line_start(line);
            return Some(Span { start, end: start + header.len() });
        }
        let name = source.at(span).trim_matches(['"', '\'']);
        let mut search = Search { source, span, name, table: Span::default(), found: Vec::new() };
        search.look_in(self.members, Span::default());
        let same = search.found.iter().filter(|(table, _)| *table == search.table);
        same.map(|(_, key)| *key).max()
    }
}

/// What stands in a line, without spaces and comment.
fn header_of(source: &Source, line: usize) -> &str {
    let line = Span { start: source.line_start(line), end: source.line_start(line + 1) };
    source.at(line).split('#').next().unwrap_or_default().trim()
}

/// Looks for the table that a key stands in, and for keys of its name before it.
struct Search<'s> {
    source: &'s Source,
    span: Span,
    name: &'s str,
    /// The table that holds the key, so far: the last header before it, or the braces around it.
    table: Span,
    /// Tables, each with its key of that name.
    found: Vec<(Span, Span)>,
}

impl Search<'_> {
    fn look_in(&mut self, members: &DeTable<'_>, table: Span) {
        for (key, value) in members {
            let place = Span::from(key.span());
            if place.end <= self.span.start && key.get_ref() == self.name {
                self.found.push((table, place));
            }
            self.look_in_value(value.get_ref(), value.span().into(), table);
        }
    }

    fn look_in_value(&mut self, value: &DeValue<'_>, span: Span, table: Span) {
        match value {
            DeValue::Table(members) => {
                let written = self.source.at(span);
                let is_inline = written.starts_with('{');
                let is_around = is_inline && span.holds(self.span);
                let is_header = written.starts_with('[') && span.end <= self.span.start;
                // Braces hold a key more closely than any header, and inner ones than outer ones.
                if is_around || (is_header && span.start >= self.table.start) {
                    self.table = span;
                }
                // Tables of dotted keys have no place of their own.
                let is_dotted = !is_inline && !written.starts_with('[');
                self.look_in(members, if is_dotted { table } else { span });
            }
            DeValue::Array(members) => {
                for member in members {
                    self.look_in_value(member.get_ref(), member.span().into(), table);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of the first duplicate: the line and column of each.
    fn duplicate(text: &str) -> Option<[(usize, usize); 2]> {
        let source = Source::new("", text);
        let (members, errors) = DeTable::parse_recoverable(text);
        let complaint = Faults::new(&source, members.get_ref()).complaint(errors.first().unwrap());
        assert!(complaint.what.ends_with("is there twice"), "{}", complaint.what);
        let (first, _) = complaint.related.first()?;
        let [one, two] = [*first, complaint.span].map(|span| source.position(span));
        Some([(one.line, one.column), (two.line, two.column)])
    }

    #[test]
    fn both_places_of_a_duplicate_are_told() {
        for (text, places) in [
            ("a = 1\na = 2", [(1, 1), (2, 1)]),
            ("[x]\na = 1\n[y]\na = 1\n\"a\" = 2", [(4, 1), (5, 1)]),
            ("[x]\na = 1\nb = { a = 1 }\na = 2", [(2, 1), (4, 1)]),
            ("b = { a = 1, c = { a = 2 }, a = 3 }", [(1, 7), (1, 29)]),
            ("[[r]]\na = 1\n[[r]]\na = 1\na = 2", [(4, 1), (5, 1)]),
            (" [x] # one\n[y]\n[x]", [(1, 1), (3, 2)]),
            ("x.y = 1\nx.y = 2", [(1, 3), (2, 3)]),
        ] {
            assert_eq!(duplicate(text), Some(places), "{text}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_with_what_would_be_right() {
        let text = "a = 'b\n";
        let (members, errors) = DeTable::parse_recoverable(text);
        let source = Source::new("", text);
        let complaint = Faults::new(&source, members.get_ref()).complaint(errors.first().unwrap());
        assert_eq!(complaint.what, "invalid literal string");
        assert_eq!(complaint.right.as_deref(), Some("expected `'`"));
    }
}
