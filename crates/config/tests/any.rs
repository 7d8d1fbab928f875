//! Any text at all: nothing panics, every complaint has its place, and what is shown means the same.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use wherefore_config::keys::File;
use wherefore_config::model::{Bounds, Model, model};
use wherefore_config::{Colours, Report, Source, Span, read, show};

const WHOLE: &str = include_str!("whole.toml");

#[test]
fn a_file_with_everything_is_read_without_complaints() {
    let (file, mut report) = read(Source::new("whole.toml", WHOLE));
    let file = file.unwrap();
    made(&file, &mut report);
    assert!(report.complaints().is_empty(), "{}", report.drawn(Colours::None));
    let sites = file.site.unwrap().value.0;
    assert_eq!(sites[0].1.value.route.as_ref().unwrap().value.0.len(), 12);
}

#[test]
fn what_is_shown_says_where_each_value_came_from_and_means_the_same() {
    let source = Source::new("whole.toml", WHOLE);
    let (file, _) = read(source.clone());
    let shown = show(&file.unwrap(), &source);
    let (again, report) = read(Source::new("shown.toml", shown.clone()));
    assert!(report.complaints().is_empty(), "{}", report.drawn(Colours::None));
    let shown_again = show(&again.unwrap(), report.source());
    let values = |text: &str| {
        let values = text.lines().map(|line| line.split(" # ").next().unwrap().trim_end());
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values(&shown), values(&shown_again));
    let line = |key: &str, from: &str| {
        let of = |line: &str| line.starts_with(&format!("{key} = ")) && line.ends_with(from);
        assert!(shown.lines().any(of), "{key} {from}\n{shown}");
    };
    line("cores", "# whole.toml:4");
    line("limit", "# whole.toml:46, from the site");
    line("limit", "# whole.toml:72");
    line("trace", "# default");
    line("listing", "# whole.toml:53");
}

#[test]
fn the_corpus_is_read_to_its_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        check(&String::from_utf8_lossy(&octets));
        count += 1;
    }
    assert!(count > 10, "the corpus of config is there");
}

#[test]
fn a_file_too_long_is_refused_unread() {
    let text = "#".repeat(wherefore_config::TEXT_BYTES_MAX + 1);
    let (file, report) = read(Source::new("long.toml", text));
    assert!(file.is_none() && report.complaints().len() == 1);
    assert!(report.drawn(Colours::None).len() < 20_000);
}

#[test]
fn more_of_one_kind_than_can_be_numbered_are_refused() {
    let one = |i: u32| format!("{i}.htpasswd = \"u\"\n");
    let all: String = (0..=u32::from(u16::MAX) + 1).map(one).collect();
    let text = format!("[users]\n{all}");
    let (file, mut report) = read(Source::new("many.toml", text));
    assert!(made(&file.unwrap(), &mut report).is_none());
    let complaint = &report.complaints()[0];
    assert!(complaint.what.starts_with("there are more than 65535"), "{complaint:?}");
    assert_eq!(report.source().position(complaint.span).line, 65_538);
}

#[test]
fn a_file_of_nothing_but_mistakes_is_read_to_its_end() {
    for mistake in ["=\n", "a = 1\n", "[x]\n", "\"", "[[site.a.route]]\n", "'\n", "x.y = 5\n"] {
        let report = check(&mistake.repeat(20_000));
        assert!(report.complaints().len() <= wherefore_config::complaint::COMPLAINTS_MAX);
        assert!(!report.is_usable(), "{mistake}");
    }
}

/// Reads a text and does all that can be done with what comes of it.
fn check(text: &str) -> Report {
    let (file, report) = read(Source::new("any.toml", text));
    assert_eq!(file.is_some(), report.is_usable());
    let mut before = 0;
    for complaint in report.complaints() {
        let places = complaint.related.iter().map(|(span, _)| *span).chain([complaint.span]);
        for span in places {
            assert!(text.get(span.start..span.end).is_some(), "{complaint:?}");
        }
        assert!(before <= complaint.span.start && !complaint.what.is_empty());
        before = complaint.span.start;
    }
    assert_eq!(report.lines().count(), report.complaints().len());
    assert!(report.lines().all(|line| !line.contains(['\n', '\u{1b}'])));
    assert!(!report.drawn(Colours::None).contains('\u{1b}'));
    if let Some(file) = file {
        check_model(&file, &report);
        let shown = show(&file, report.source());
        let (again, complaints) = read(Source::new("shown.toml", shown.as_str()));
        assert!(again.is_some(), "{}", complaints.drawn(Colours::None));
    }
    report
}

/// Makes the model of a file: whatever is served has its place, and what refuses it as well.
fn check_model(file: &File, read: &Report) {
    let mut report = read.clone();
    let Some(model) = made(file, &mut report) else {
        assert!(!report.is_usable());
        return;
    };
    let is_in = |span: Span| read.source().text().get(span.start..span.end).is_some();
    assert_eq!(model.sites.len(), model.places.len());
    for (site, places) in model.sites.iter().zip(&model.places) {
        assert_eq!(site.routes().len(), places.routes.len());
        assert!(places.routes.iter().chain([&places.host]).all(|span| is_in(*span)));
    }
    assert!(report.complaints().iter().all(|complaint| is_in(complaint.span)));
}

/// The model, where each file whose name has a `z` can't be read.
fn made(file: &File, report: &mut Report) -> Option<Model> {
    let bounds = Bounds { content_bytes_max: 1 << 30, patch_bytes_max: 1 << 20 };
    let mut text_of = |path: &str| match path.contains('z') {
        true => Err("it has a z".to_owned()),
        false => Ok("<p>".to_owned()),
    };
    model(file, bounds, &mut text_of, report)
}

/// A change to a text.
#[derive(Clone, Debug)]
enum Change {
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, String),
    Copy(prop::sample::Index, prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let pieces =
        "[\\[\\]{}=\".,'#\n\t a-z0-9*/:ä\u{1b}-]{1,6}|= (5|true|\"\"|\\[\\]|1.5)|\\[\\[site";
    prop_oneof![
        (at(), 1_usize..8).prop_map(|(at, count)| Change::Remove(at, count)),
        (at(), pieces).prop_map(|(at, text)| Change::Insert(at, text)),
        (at(), at()).prop_map(|(from, to)| Change::Copy(from, to)),
        (at(), at()).prop_map(|(one, two)| Change::Swap(one, two)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    for change in changes {
        match change {
            Change::Remove(at, count) => {
                let line = at.index(lines.len());
                let end = lines[line].len().min(*count + at.index(lines[line].len() + 1));
                lines[line].drain(end.saturating_sub(*count)..end);
            }
            Change::Insert(at, text) => {
                let line = at.index(lines.len());
                let column = at.index(lines[line].len() + 1);
                lines[line].splice(column..column, text.chars());
            }
            Change::Copy(from, to) => {
                let line = lines[from.index(lines.len())].clone();
                lines.insert(to.index(lines.len()), line);
            }
            Change::Swap(one, two) => {
                let (one, two) = (one.index(lines.len()), two.index(lines.len()));
                lines.swap(one, two);
            }
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect::<String>() + "\n").collect()
}

proptest! {
    #[test]
    fn no_change_makes_it_panic(changes in prop::collection::vec(change(), 1..12)) {
        check(&changed(WHOLE, &changes));
    }

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}") {
        check(&text);
    }

    #[test]
    fn no_nesting_makes_it_panic(open in "[\\[{]|a\\.|a=\\[|a=\\{a=|\\[\\[a\\.", count in 1_usize..5000) {
        check(&open.repeat(count));
    }
}
