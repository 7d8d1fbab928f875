//! What is no TOML at all, said with what would be right; keys that are there twice, at both places.

use toml::de::{DeTable, DeValue, Error};

use crate::complaint::{Complaint, quoted};
use crate::source::{Source, Span};

/// A complaint about what is no TOML.
pub(crate) fn syntax(error: &Error, source: &Source, members: &DeTable<'_>) -> Complaint {
    let span = source.clamp(error.span().map(Span::from).unwrap_or_default());
    if error.message() == "duplicate key" {
        let complaint =
            Complaint::error(span, format!("{} is there twice", quoted(source.at(span))));
        return match first(span, source, members) {
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
fn first(span: Span, source: &Source, members: &DeTable<'_>) -> Option<Span> {
    let line = source.line_of(span.start);
    let header = header_of(source, line);
    if header.starts_with('[') {
        let line = (0..line).find(|line| header_of(source, *line) == header)?;
        let start = source.line_start(line);
        return Some(Span { start, end: start + header.len() });
    }
    let mut search = Search { source, span, table: Span::default(), found: Vec::new() };
    search.look_in(members, Span::default());
    let name = source.at(span).trim_matches(['"', '\'']);
    let same =
        search.found.iter().filter(|(table, _, text)| *table == search.table && text == name);
    same.map(|(_, key, _)| *key).max()
}

/// What stands in a line, without spaces and comment.
fn header_of(source: &Source, line: usize) -> &str {
    let line = Span { start: source.line_start(line), end: source.line_start(line + 1) };
    source.at(line).split('#').next().unwrap_or_default().trim()
}

/// Looks for the table that a key stands in, and for the keys before it in each table.
struct Search<'s> {
    source: &'s Source,
    span: Span,
    /// The table that holds the key, so far: the last header before it, or the braces around it.
    table: Span,
    /// Keys, each with its table.
    found: Vec<(Span, Span, String)>,
}

impl Search<'_> {
    fn look_in(&mut self, members: &DeTable<'_>, table: Span) {
        for (key, value) in members {
            let place = Span::from(key.span());
            if place.end <= self.span.start {
                self.found.push((table, place, key.get_ref().to_string()));
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
        let complaint = syntax(errors.first().unwrap(), &source, members.get_ref());
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
        let complaint = syntax(errors.first().unwrap(), &source, members.get_ref());
        assert_eq!(complaint.what, "invalid literal string");
        assert_eq!(complaint.right.as_deref(), Some("expected `'`"));
    }
}
