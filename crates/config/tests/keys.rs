//! Every key, as its row has it: its right use is read, each wrong use is complained about at its place.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::fmt::Write as _;

use wherefore_config::keys::scopes;
use wherefore_config::kind::{Absent, Kind, Row, Scope, Shape};
use wherefore_config::{Complaint, Severity, Source, Span, read};

#[test]
fn the_right_use_of_every_key_is_read() {
    each_key(|case| {
        let example = case.file(&format!("{} = {}", case.row.name, case.row.example));
        assert!(errors(&example.text).is_empty(), "{}\n{:?}", example.text, errors(&example.text));
        if let Absent::Default(value) = case.row.absent {
            let default = case.file(&format!("{} = {value}", case.row.name));
            assert!(errors(&default.text).is_empty(), "{}", default.text);
            assert_ne!(value, case.row.example, "{}: the example is the default", case.row.name);
        }
    });
}

#[test]
fn a_value_of_another_type_is_complained_about_at_its_place() {
    each_key(|case| {
        let mut wrong = 0;
        for (sort, value) in OF_EVERY_TYPE {
            if accepts(&case.row.kind, *sort) {
                continue;
            }
            wrong += 1;
            let complaint = case.complaint_about(value, Span::eq);
            let says = complaint.what.starts_with(&format!("`{}` is ", case.row.name));
            assert!(says && complaint.right.is_some(), "{complaint:?}");
        }
        assert!(wrong > 0, "{} takes anything", case.row.name);
    });
}

#[test]
fn a_value_out_of_range_is_complained_about_at_its_place() {
    let mut count = 0;
    each_key(|case| {
        for wrong in wrong_values(&case.row.kind).into_iter().chain(beyond(case.row)) {
            case.complaint_about(&wrong, |whole, place| whole.holds(*place));
            count += 1;
        }
    });
    assert!(count > 300, "{count}");
}

#[test]
fn an_unknown_neighbour_is_complained_about_at_its_place_with_what_was_meant() {
    each_key(|case| {
        let name = format!("{}q", case.row.name);
        let right = format!("{} = {}", case.row.name, case.row.example);
        let file = case.file(&format!("{right}\n{name} = 5"));
        let at = file.text.find(&format!("\n{name}")).unwrap() + 1;
        let complaint = only(&file.text);
        assert_eq!(complaint.span, Span { start: at, end: at + name.len() });
        assert_eq!(complaint.right, Some(format!("did you mean `{}`?", case.row.name)));
    });
}

#[test]
fn a_key_that_is_there_twice_is_complained_about_at_both_places() {
    each_key(|case| {
        let line = format!("{} = {}", case.row.name, case.row.example);
        let file = case.file(&format!("{line}\n{line}"));
        let first = file.text.find(&format!("{line}\n{line}")).unwrap();
        let complaint = only(&file.text);
        let name = case.row.name.len();
        let second = first + line.len() + 1;
        assert_eq!(complaint.span, Span { start: second, end: second + name });
        assert_eq!(complaint.related[0].0, Span { start: first, end: first + name });
    });
}

#[test]
fn a_missing_key_is_complained_about_at_the_head_of_its_table() {
    let mut count = 0;
    each_key(|case| {
        if case.row.absent == Absent::Refused {
            let file = case.file("");
            let complaint = only(&file.text);
            assert_eq!(complaint.what, format!("`{}` is missing here", case.row.name));
            assert_eq!(complaint.span, file.head, "{}", file.text);
            count += 1;
        }
    });
    assert!(count > 5, "{count}");
}

#[test]
fn of_keys_that_exclude_each_other_one_is_asked_for_and_two_are_complained_about_at_both_places() {
    let mut count = 0;
    each_key(|case| {
        if !case.row.is_choice {
            return;
        }
        let none = case.file("");
        let complaint = only(&none.text);
        assert!(complaint.right.unwrap().contains(&format!("`{}`", case.row.name)));
        assert_eq!(complaint.span, none.head);
        for other in case.scope.keys().filter(|other| other.is_choice) {
            if other.name == case.row.name {
                continue;
            }
            let (first, second) = (line(case.row), line(other));
            let file = case.file(&format!("{first}\n{second}"));
            let at = file.text.find(&format!("{first}\n{second}")).unwrap();
            let complaint = only(&file.text);
            let start = at + first.len() + 1;
            assert_eq!(complaint.span, Span { start, end: start + other.name.len() });
            assert_eq!(complaint.related[0].0, Span { start: at, end: at + case.row.name.len() });
            count += 1;
        }
    });
    assert!(count > 40, "{count}");
}

#[test]
fn a_key_that_does_nothing_alone_is_complained_about_at_its_place() {
    let mut count = 0;
    each_key(|case| {
        if case.row.with.is_empty() {
            return;
        }
        let other =
            case.scope.keys().find(|row| row.is_choice && !case.row.with.contains(&row.name));
        let mut body = other.map(line).unwrap_or_default();
        let _ = write!(body, "\n{}", line(case.row));
        let file = case.only_with(&body);
        let complaint = only(&file.text);
        assert!(complaint.what.starts_with(&format!("`{}` does nothing without", case.row.name)));
        assert_eq!(complaint.span, file.place_of(case.row.name));
        count += 1;
    });
    assert!(count > 10, "{count}");
}

/// One key in one of the tables that it may stand in.
struct Case<'a> {
    /// The keys that lead to the table, from the file down.
    way: &'a [(&'static Row, Scope)],
    scope: Scope,
    row: &'static Row,
}

/// A file made for a case.
struct Made {
    text: String,
    /// The header of the table that it is about.
    head: Span,
}

impl Case<'_> {
    /// A file in which all is right, with `body` in place of the key.
    fn file(&self, body: &str) -> Made {
        let mut rows: Vec<&Row> = Vec::new();
        let required = self.scope.keys().filter(|row| row.absent == Absent::Refused);
        rows.extend(required.filter(|row| row.name != self.row.name));
        company(&self.scope, self.row, &mut rows);
        if !self.row.is_choice && !rows.iter().any(|row| row.is_choice) {
            rows.extend(self.scope.keys().find(|row| row.is_choice));
        }
        let own = self.row.name;
        let mut lines: Vec<_> = rows.into_iter().filter(|row| row.name != own).map(line).collect();
        lines.push(body.to_owned());
        self.under_headers(&lines.join("\n"))
    }

    /// The same without the keys that this one does nothing without.
    fn only_with(&self, body: &str) -> Made {
        let mut lines: Vec<_> =
            self.scope.keys().filter(|row| row.absent == Absent::Refused).map(line).collect();
        lines.push(body.to_owned());
        self.under_headers(&lines.join("\n"))
    }

    fn under_headers(&self, body: &str) -> Made {
        let (mut text, mut path) = (String::from("# made\n"), Vec::new());
        let mut head = Span::default();
        for (i, (row, scope)) in self.way.iter().enumerate() {
            path.push(row.name.to_owned());
            let is_list = matches!(row.kind.shape, Shape::List(_));
            if let Shape::Named(name, _) = row.kind.shape {
                path.push(format!("\"{}\"", name.example.trim_matches('"')));
            }
            let (open, close) = if is_list { ("[[", "]]") } else { ("[", "]") };
            let start = text.len();
            let _ = write!(text, "{open}{}{close}", path.join("."));
            head = Span { start, end: text.len() };
            text.push('\n');
            // What this table needs besides the table that comes in it.
            if let Some((next, _)) = self.way.get(i + 1) {
                for row in scope.keys().filter(|row| row.absent == Absent::Refused) {
                    if row.name != next.name {
                        let _ = writeln!(text, "{}", line(row));
                    }
                }
                let mut rows = Vec::new();
                company(scope, next, &mut rows);
                if !next.is_choice && !rows.iter().any(|row| row.is_choice) {
                    rows.extend(scope.keys().find(|row| row.is_choice));
                }
                for row in rows {
                    let _ = writeln!(text, "{}", line(row));
                }
            }
        }
        let _ = writeln!(text, "{body}");
        Made { text, head }
    }

    /// The one complaint about this value, which stands at a place that fits the value's.
    fn complaint_about(&self, value: &str, fits: impl Fn(&Span, &Span) -> bool) -> Complaint {
        let marked = format!("{} = {value}", self.row.name);
        let file = self.file(&marked);
        let start = file.text.rfind(&marked).unwrap() + marked.len() - value.len();
        let place = Span { start, end: start + value.len() };
        let found = errors(&file.text);
        assert!(!found.is_empty(), "nothing is wrong with\n{}", file.text);
        for complaint in &found {
            assert!(fits(&place, &complaint.span), "{place:?} {complaint:?}\n{}", file.text);
        }
        found.into_iter().next().unwrap()
    }
}

impl Made {
    /// Where the key stands at the beginning of a line, for the last time.
    fn place_of(&self, name: &str) -> Span {
        let start = self.text.rfind(&format!("\n{name} =")).unwrap() + 1;
        Span { start, end: start + name.len() }
    }
}

/// Adds the keys that a key does nothing without, and those that these need. Two may need each other.
fn company(scope: &Scope, row: &Row, rows: &mut Vec<&'static Row>) {
    let Some(other) = row.with.first().and_then(|name| scope.row(name)) else { return };
    if !rows.iter().any(|row| row.name == other.name) {
        rows.push(other);
        company(scope, other, rows);
    }
}

fn line(row: &Row) -> String {
    format!("{} = {}", row.name, row.example)
}

/// Calls with every key in every table that can stand in a file.
fn each_key(mut test: impl FnMut(&Case<'_>)) {
    let file = scopes().into_iter().next().unwrap();
    let mut seen = Vec::new();
    let mut count = 0;
    visit(&file, &mut Vec::new(), &mut seen, &mut |case| {
        count += 1;
        test(case);
    });
    assert!(count > 120, "{count} keys");
    let shared = 1;
    assert_eq!(seen.len() + shared, scopes().len(), "a table is not reached");
}

fn visit(
    scope: &Scope,
    way: &mut Vec<(&'static Row, Scope)>,
    seen: &mut Vec<&'static str>,
    test: &mut dyn FnMut(&Case<'_>),
) {
    if seen.contains(&scope.name) {
        return;
    }
    seen.push(scope.name);
    for row in scope.keys() {
        test(&Case { way, scope: *scope, row });
    }
    for row in scope.keys() {
        for inner in row.kind.scopes() {
            way.push((row, *inner));
            visit(inner, way, seen, test);
            way.pop();
        }
    }
}

/// The types of TOML.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sort {
    Text,
    Number,
    Fraction,
    Boolean,
    Moment,
    List,
    Table,
}

const OF_EVERY_TYPE: &[(Sort, &str)] = &[
    (Sort::Text, "\"x\""),
    (Sort::Number, "5"),
    (Sort::Fraction, "1.5"),
    (Sort::Boolean, "true"),
    (Sort::Moment, "2027-01-01T00:00:00Z"),
    (Sort::List, "[]"),
    (Sort::Table, "{}"),
];

fn accepts(kind: &Kind, sort: Sort) -> bool {
    match kind.shape {
        Shape::Boolean => sort == Sort::Boolean,
        Shape::Number => sort == Sort::Number,
        Shape::Text(_) | Shape::Word(_) => sort == Sort::Text,
        Shape::Moment => sort == Sort::Moment,
        Shape::List(of) => sort == Sort::List || accepts(of, sort),
        Shape::Table(_) | Shape::Named(..) => sort == Sort::Table,
        Shape::Either(kinds) => kinds.iter().any(|kind| accepts(kind, sort)),
    }
}

/// Values of a right type that are none of the kind.
fn wrong_values(kind: &Kind) -> Vec<String> {
    let own = kind.wrong.iter().map(|wrong| (*wrong).to_owned());
    match kind.shape {
        Shape::List(of) => {
            let single = wrong_values(of);
            let in_list: Vec<_> = single.iter().map(|wrong| format!("[{wrong}]")).collect();
            single.into_iter().chain(in_list).collect()
        }
        Shape::Named(name, of) => {
            let right = name.example;
            let names = name.wrong.iter().map(|wrong| format!("{{ {wrong} = {} }}", of.example));
            let values = wrong_values(of);
            names
                .chain(values.into_iter().map(|wrong| format!("{{ {right} = {wrong} }}")))
                .collect()
        }
        Shape::Either(kinds) => kinds.iter().flat_map(wrong_values).collect(),
        Shape::Table(scope) => vec![format!("{{ {}q = 1 }}", scope.rows[0].name)],
        Shape::Boolean | Shape::Number | Shape::Text(_) | Shape::Word(_) | Shape::Moment => {
            own.collect()
        }
    }
}

/// Numbers just beyond the bounds.
fn beyond(row: &Row) -> Vec<String> {
    let Some((least, most)) = row.bounds else { return Vec::new() };
    if let Shape::List(of) = row.kind.shape {
        let list = |count: u64| {
            let members: Vec<_> = (0..count).map(|_| of.example).collect();
            format!("[{}]", members.join(", "))
        };
        return least.checked_sub(1).into_iter().chain([most + 1]).map(list).collect();
    }
    let written = |number: u64| match row.kind.example {
        example if !example.starts_with('"') => number.to_string(),
        example if example.contains('/') => format!("\"{number}/hour\""),
        example if example.contains('B') => format!("\"{number}B\""),
        _ => format!("\"{number}ms\""),
    };
    // A rate of nothing is none at all.
    least.checked_sub(1).into_iter().chain([most + 1]).map(written).collect()
}

fn errors(text: &str) -> Vec<Complaint> {
    let (_, report) = read(Source::new("test.toml", text));
    let errors = report.complaints().iter().filter(|found| found.severity == Severity::Error);
    errors.cloned().collect()
}

/// The only complaint about a file.
fn only(text: &str) -> Complaint {
    let mut found = errors(text);
    assert_eq!(found.len(), 1, "{found:?}\n{text}");
    found.remove(0)
}
