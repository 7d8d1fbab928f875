//! What is wrong with a file: each complaint with its place, what was found, and what would be right.

use core::cmp::Ordering;
use core::fmt::Write as _;
use core::ops::Range;

use annotate_snippets::{
    AnnotationKind, Element, Level, Renderer, Snippet, normalize_untrusted_str as harmless,
};

use crate::source::{Source, Span};

/// The most complaints that are kept: a file with more is no configuration.
pub const COMPLAINTS_MAX: usize = 1000;
/// The most lines between two places of one complaint that are still shown in one piece.
const APART_LINES_MAX: usize = 6;
/// The most octets of a line that are shown before the place.
const LINE_BYTES_MAX: usize = 4096;

/// One thing that is wrong, or might be meant otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// Where it is.
    pub span: Span,
    /// What was found, as a sentence without its full stop.
    pub what: String,
    /// What would be right.
    pub right: Option<String>,
    /// Other places that it has to do with, and how.
    pub related: Vec<(Span, String)>,
}

/// Whether a file can be used in spite of a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can't.
    Error,
    /// It can, but it may not do what was meant.
    Warning,
}

/// Whether complaints are drawn with colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// With the codes of terminals for them.
    Ansi,
    /// Plain text.
    None,
}

impl Complaint {
    /// A complaint that makes the file unusable.
    #[must_use]
    pub fn error(span: Span, what: impl Into<String>) -> Self {
        let (severity, what) = (Severity::Error, what.into());
        Self { severity, span, what, right: None, related: Vec::new() }
    }

    /// A complaint that leaves the file usable.
    #[must_use]
    pub fn warning(span: Span, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, what) }
    }

    /// Says what would be right.
    #[must_use]
    pub fn right(mut self, right: impl Into<String>) -> Self {
        self.right = Some(right.into());
        self
    }

    /// Points to another place that it has to do with.
    #[must_use]
    pub fn related(mut self, span: Span, how: impl Into<String>) -> Self {
        self.related.push((span, how.into()));
        self
    }

    /// By place, then what makes the file unusable first.
    fn order(&self, other: &Self) -> Ordering {
        let key = |complaint: &Self| (complaint.span.start, complaint.severity, complaint.span.end);
        key(self).cmp(&key(other)).then_with(|| self.what.cmp(&other.what))
    }
}

/// All complaints about one file, by place.
#[derive(Clone, Debug)]
pub struct Report {
    source: Source,
    complaints: Vec<Complaint>,
    /// How many more there were.
    left_out: usize,
}

impl Report {
    /// A report on this file, without complaints so far.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self { source, complaints: Vec::new(), left_out: 0 }
    }

    /// The file that it is about.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Takes complaints in, in any order; the same one is kept once.
    pub fn extend(&mut self, complaints: impl IntoIterator<Item = Complaint>) {
        for complaint in complaints {
            let span = self.source.clamp(complaint.span);
            self.complaints.push(Complaint { span, ..complaint });
        }
        self.complaints.sort_by(Complaint::order);
        self.complaints.dedup();
        self.left_out += self.complaints.len().saturating_sub(COMPLAINTS_MAX);
        self.complaints.truncate(COMPLAINTS_MAX);
    }

    /// The complaints, by place.
    #[must_use]
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// Whether the file can be used: no complaint is an error.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.complaints.iter().all(|complaint| complaint.severity == Severity::Warning)
    }

    /// Every complaint drawn at its place in the text, and how many there are.
    #[must_use]
    pub fn drawn(&self, colours: Colours) -> String {
        let renderer = match colours {
            Colours::Ansi => Renderer::styled(),
            Colours::None => Renderer::plain(),
        };
        let mut out = String::new();
        for complaint in &self.complaints {
            out.push_str(&self.draw(complaint, &renderer));
            out.push_str("\n\n");
        }
        out.push_str(&self.summary());
        out
    }

    /// Every complaint on a line, as logs have it: `file:line:column: error: what; what would be right`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.complaints.iter().map(|complaint| {
            let at = self.source.position(complaint.span);
            let severity = match complaint.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let mut line = format!(
                "{}:{}:{}: {severity}: {}",
                self.source.name(),
                at.line,
                at.column,
                complaint.what
            );
            for (span, how) in &complaint.related {
                let _ = write!(line, " ({how} in line {})", self.source.position(*span).line);
            }
            if let Some(right) = &complaint.right {
                let _ = write!(line, "; {right}");
            }
            harmless(&line).replace('\n', " ")
        })
    }

    /// How many complaints there are, in words.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |severity| self.complaints.iter().filter(|c| c.severity == severity).count();
        let words = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let mut text = format!("{}: {}", self.source.name(), words(errors, "error"));
        if warnings > 0 {
            let _ = write!(text, ", {}", words(warnings, "warning"));
        }
        if self.left_out > 0 {
            let _ = write!(text, ", and {} more", self.left_out);
        }
        text
    }

    fn draw(&self, complaint: &Complaint, renderer: &Renderer) -> String {
        let level = match complaint.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut elements: Vec<Element<'_>> = Vec::new();
        let mut marks = vec![(complaint.span, String::new(), AnnotationKind::Primary)];
        for (span, how) in &complaint.related {
            marks.push((self.source.clamp(*span), harmless(how), AnnotationKind::Context));
        }
        // Places that are near each other are shown in one piece, others each in its own: what lies
        // between is never read, however long the file.
        while !marks.is_empty() {
            let first = self.source.line_of(marks[0].0.start);
            let is_near =
                |span: Span| self.source.line_of(span.start).abs_diff(first) <= APART_LINES_MAX;
            let (near, far): (Vec<_>, Vec<_>) =
                marks.into_iter().partition(|(span, ..)| is_near(*span));
            marks = far;
            elements.push(self.snippet(near).into());
        }
        if let Some(right) = &complaint.right {
            elements.push(Level::HELP.message(harmless(right)).into());
        }
        renderer.render(&[level.primary_title(complaint.what.as_str()).elements(elements)])
    }

    /// The lines around these places, with the places marked.
    fn snippet<'s>(
        &'s self,
        marks: Vec<(Span, String, AnnotationKind)>,
    ) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
        let starts = marks.iter().map(|(span, ..)| self.source.line_of(span.start));
        let (first, last) = (starts.clone().min().unwrap_or(0), starts.max().unwrap_or(0));
        let text = self.source.text();
        let (start, end) = (self.source.line_start(first), self.source.line_start(last + 1));
        // A place is shown on the line where it begins, and of endless lines a piece.
        let nearest = marks.iter().map(|(span, ..)| span.start).min().unwrap_or(start);
        let before = self.source.boundary_before(nearest.saturating_sub(LINE_BYTES_MAX));
        let start = start.max(before);
        let furthest = marks.iter().map(|(span, ..)| span.start).max().unwrap_or(end);
        let end = end.min(self.source.boundary_before(furthest + LINE_BYTES_MAX));
        let piece = text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let mut snippet = Snippet::source(piece).path(self.source.name()).line_start(first + 1);
        for (span, label, kind) in marks {
            let line_end = self.source.line_start(self.source.line_of(span.start) + 1);
            let within = |at: usize| at.saturating_sub(start).min(piece.len());
            let range: Range<usize> = within(span.start)..within(span.end.min(line_end));
            let label = (!label.is_empty()).then_some(label);
            snippet = snippet.annotation(kind.span(range).label(label));
        }
        snippet
    }
}

/// Text as a complaint quotes it: short, on one line, with nothing that a terminal would obey.
pub(crate) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut out = String::from("`");
    for c in text.chars().take(CHARS_MAX) {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(CHARS_MAX).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[server]\nlisten = 5\n\n[x]\n\n\n\n\n\n\n\n\nlisten = 6\n";

    fn report(complaints: impl IntoIterator<Item = Complaint>) -> Report {
        let mut report = Report::new(Source::new("w.toml", TEXT));
        report.extend(complaints);
        report
    }

    #[test]
    fn complaints_stand_by_place_and_once() {
        let late = Complaint::warning(Span { start: 18, end: 19 }, "late");
        let early = Complaint::error(Span { start: 1, end: 7 }, "early");
        let report = report([late.clone(), early.clone(), late.clone()]);
        assert_eq!(report.complaints(), [early, late.clone()]);
        assert!(!report.is_usable());
        assert_eq!(report.summary(), "w.toml: 1 error, 1 warning");
        let mut usable = Report::new(Source::new("w.toml", TEXT));
        usable.extend([late]);
        assert!(usable.is_usable());
    }

    #[test]
    fn a_complaint_is_drawn_at_its_places() {
        let complaint = Complaint::error(Span { start: 18, end: 19 }, "`listen` is no number")
            .right("write \"127.0.0.1:8080\"")
            .related(Span { start: 1, end: 7 }, "in this table")
            .related(Span { start: 42, end: 43 }, "and here");
        let report = report([complaint]);
        let drawn = report.drawn(Colours::None);
        assert_eq!(
            drawn,
            [
                "error: `listen` is no number",
                "  --> w.toml:2:10",
                "   |",
                " 1 | [server]",
                "   |  ------ in this table",
                " 2 | listen = 5",
                "   |          ^",
                "   |",
                "  ::: w.toml:13:10",
                "   |",
                "13 | listen = 6",
                "   |          - and here",
                "   |",
                "   = help: write \"127.0.0.1:8080\"",
                "",
                "w.toml: 1 error",
            ]
            .join("\n")
        );
        assert!(report.drawn(Colours::Ansi).contains("\u{1b}["));
        assert_eq!(
            report.lines().collect::<Vec<_>>(),
            ["w.toml:2:10: error: `listen` is no number (in this table in line 1) \
                 (and here in line 13); write \"127.0.0.1:8080\""]
        );
    }

    #[test]
    fn there_are_no_more_than_can_be_read() {
        let all = (0..2 * COMPLAINTS_MAX)
            .map(|i| Complaint::error(Span { start: 0, end: 1 }, format!("complaint {i}")));
        let report = report(all);
        assert_eq!(report.complaints().len(), COMPLAINTS_MAX);
        assert!(report.summary().ends_with("1000 errors, and 1000 more"));
    }

    #[test]
    fn what_is_quoted_is_short_and_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\n"), "`a\\u{1b}[31m\\n`");
        assert_eq!(quoted(&"ä".repeat(61)).chars().count(), 63);
        let complaint = Complaint::error(Span { start: 0, end: 99_999 }, "a\u{1b}[2J")
            .right("b\u{1b}[2J")
            .related(Span { start: 500, end: 2 }, "c\u{1b}[2J");
        let report = report([complaint]);
        assert!(!report.drawn(Colours::None).contains('\u{1b}'));
        assert!(!report.lines().any(|line| line.contains('\u{1b}')));
    }
}
