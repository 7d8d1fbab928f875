//! Lines that go from one message into another: those that stand one behind the other as they would be written are
//! one run of octets, and are copied at once.

use crate::field::{Fields, Line};

/// Whether a line goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// As it is.
    Unchanged,
    /// It is looked at by itself.
    Apart,
    /// It does not.
    Ended,
}

/// What goes on.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Lines that go on unchanged, as they stand.
    Run(Run<'a>),
    /// A line that is looked at by itself, or that stands otherwise than one would write it.
    Line(&'a Line),
}

/// Lines of a message that was read, one behind the other: each a name, a colon, a space, a value, CR LF. Whoever
/// read it has judged that the names are tokens, and that the values hold nothing that none may (RFC 9110 §5.5).
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    written: &'a [u8],
    lines: &'a [Line],
}

impl<'a> Run<'a> {
    /// The lines as they stand.
    #[must_use]
    pub const fn written(&self) -> &'a [u8] {
        self.written
    }

    /// Each line. Where it stands is said by the message's octets; the first one's name stands first in the run.
    #[must_use]
    pub const fn lines(&self) -> &'a [Line] {
        self.lines
    }
}

/// A run that may become longer.
#[derive(Clone, Copy)]
struct Growing {
    /// Its first line.
    first: usize,
    /// Where it ends in the message.
    end: u32,
}

impl<'a> Fields<'a> {
    /// Hands to `take` what `judge` lets go on, in order. Each line is judged once.
    #[inline]
    pub fn pass(self, mut judge: impl FnMut(&'a Line) -> Passage, mut take: impl FnMut(Part<'a>)) {
        let mut growing: Option<Growing> = None;
        for (i, line) in self.lines().iter().enumerate() {
            let passage = judge(line);
            if passage == Passage::Unchanged
                && let Some(end) = self.written_end(line)
            {
                growing = match growing {
                    Some(run) if run.end == line.name_at.start => Some(Growing { end, ..run }),
                    other => {
                        self.end_run(other, i, &mut take);
                        Some(Growing { first: i, end })
                    }
                };
                continue;
            }
            self.end_run(growing.take(), i, &mut take);
            if passage != Passage::Ended {
                take(Part::Line(line));
            }
        }
        self.end_run(growing, self.lines().len(), &mut take);
    }

    /// The name and the value of a line.
    #[must_use]
    pub fn texts(self, line: &Line) -> (&'a [u8], &'a [u8]) {
        (line.name_at.of(self.octets()), line.value_at.of(self.octets()))
    }

    fn end_run(self, run: Option<Growing>, next: usize, take: &mut impl FnMut(Part<'a>)) {
        let Some(Growing { first, end }) = run else { return };
        let lines = self.lines().get(first..next).unwrap_or_default();
        let Some(line) = lines.first() else { return };
        let start = line.name_at.start as usize;
        let written = self.octets().get(start..end as usize).unwrap_or_default();
        take(Part::Run(Run { written, lines }));
    }

    /// Where a line ends with its CR LF, if it stands as one would write it. One whose name and value are kept side by
    /// side, and were read from no message, does not.
    #[inline]
    fn written_end(self, line: &Line) -> Option<u32> {
        let (name_end, value_end) = (line.name_at.end, line.value_at.end);
        let octets = self.octets();
        let is_written = line.value_at.start == name_end.wrapping_add(2)
            && pair(octets, name_end) == Some(b": ")
            && pair(octets, value_end) == Some(b"\r\n");
        is_written.then(|| value_end.wrapping_add(2))
    }
}

#[inline]
fn pair(octets: &[u8], at: u32) -> Option<&[u8; 2]> {
    octets.get(at as usize..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{FieldLines, FieldName, FieldSet, Span};

    /// The lines of a text, read without judging them: all octets between the colon and the end are the value, but
    /// for the first space.
    fn read(text: &str) -> Vec<Line> {
        let mut at = 0;
        let mut lines = Vec::new();
        for line in text.split_inclusive("\r\n") {
            let (name, rest) = line.split_once(':').unwrap();
            let space = rest.len() - rest.trim_start_matches(' ').len();
            let start = at + name.len() + 1 + space;
            let span = |start: usize, end: usize| Span { start: start as u32, end: end as u32 };
            lines.push(Line {
                name: FieldName::parse(name.as_bytes()),
                name_at: span(at, at + name.len()),
                value_at: span(start, at + line.len() - 2),
            });
            at += line.len();
        }
        lines
    }

    fn passed(fields: Fields<'_>) -> Vec<String> {
        let mut parts = Vec::new();
        let judge = |line: &Line| match fields.texts(line).0 {
            b"Apart" => Passage::Apart,
            b"End" => Passage::Ended,
            _ => Passage::Unchanged,
        };
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        fields.pass(judge, |part| {
            parts.push(match part {
                Part::Run(run) => format!("{} {}", run.lines().len(), text(run.written())),
                Part::Line(line) => text(fields.texts(line).0),
            });
        });
        parts
    }

    #[test]
    fn what_stands_together_goes_on_together() {
        let text = "A: 1\r\nEnd: 2\r\nB: 3\r\nC: \r\nApart: 4\r\nD: 5\r\nE:6\r\nF: 7\r\nG:  8\r\n";
        let lines = read(text);
        let fields = Fields::new(text.as_bytes(), &lines, FieldSet::EMPTY);
        let parts =
            ["1 A: 1\r\n", "2 B: 3\r\nC: \r\n", "Apart", "1 D: 5\r\n", "E", "1 F: 7\r\n", "G"];
        assert_eq!(passed(fields), parts);
        // Where the octets are others, or end before the lines do, nothing stands together.
        let cut = text.as_bytes().get(..8).unwrap_or_default();
        assert_eq!(passed(Fields::new(cut, &lines, FieldSet::EMPTY)).first().unwrap(), parts[0]);
        assert!(passed(Fields::new(b"", &lines, FieldSet::EMPTY)).iter().all(String::is_empty));
    }

    #[test]
    fn lines_of_no_message_go_on_one_by_one() {
        let lines: FieldLines =
            [("A", ": b\r\n"), ("End", "x"), ("C: ", "\r\n")].into_iter().collect();
        assert_eq!(passed(lines.view()), ["A", "C: "]);
    }
}
