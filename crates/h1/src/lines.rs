//! Field lines (RFC 9112 §5), of either role: where they end, found as they come; and what they are, as
//! spans, read once all are there.

use wherefore_message::token::is_token;
use wherefore_message::{Fault, FaultKind, FieldName, FieldSet, Fields, Line, Span, list};

use crate::diagnose;
use crate::limits::Limits;
use crate::octets::{first, from, offset, span, value_end, within};
use crate::scan::Scanned;

/// The look at a head's field lines so far. Offsets count from the head's first octet.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineScan {
    /// Where the first line begins.
    start: usize,
    line_start: usize,
    lines: usize,
    /// How many octets have been looked at.
    looked: usize,
}

/// What the field lines of a head may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineLimits {
    /// The longest line.
    pub(crate) field_bytes: usize,
    /// All lines together.
    pub(crate) fields_bytes: usize,
    /// How many lines there may be.
    pub(crate) count: usize,
}

/// Field lines as spans. Their memory is reused.
#[derive(Debug)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    /// The known names among them.
    present: FieldSet,
    /// Those of more than one line.
    repeated: FieldSet,
    /// The octets from which all this was read, blank line included. Empty where that is not known, or they are too
    /// many: no blank line is empty.
    remembered: Vec<u8>,
}

/// The most octets of field lines that are remembered: room for those of a browser with its cookies.
const REMEMBERED_BYTES_MAX: usize = 4 << 10;

/// Whether the field lines are those that were read before, to the octet: then all that follows from them still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// They are.
    Before,
    /// They are others.
    Not,
}

/// What the peer wishes to become of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It says nothing: 1.1 persists, 1.0 closes.
    Nothing,
    /// `close`.
    Close,
    /// `keep-alive`.
    KeepAlive,
}

impl LineScan {
    /// Field lines begin at `start`.
    pub(crate) const fn at(start: usize) -> Self {
        Self { start, line_start: start, lines: 0, looked: start }
    }

    /// Looks on in `head`, which begins with the head's first octet and has only grown since.
    ///
    /// # Errors
    /// A field line past a limit or badly ended.
    #[inline]
    pub(crate) fn scan(&mut self, head: &[u8], limits: LineLimits) -> Result<Scanned, Fault> {
        loop {
            let feed = first(b'\n', from(head, self.looked)).map(|i| self.looked + i);
            let line = within(head, self.line_start, feed.map_or(head.len(), |at| at + 1));
            self.line_within_limits(line, limits)?;
            let Some(feed) = feed else {
                self.looked = head.len();
                return Ok(Scanned::NeedMore);
            };
            if !line.ends_with(b"\r\n") {
                let fault = Fault::new(FaultKind::BareLineFeed, feed);
                // An empty line is no field's.
                return Err(if line.len() > 1 { fault.in_line(self.lines) } else { fault });
            }
            self.looked = feed + 1;
            if line.len() == 2 {
                return Ok(Scanned::Whole(feed + 1));
            }
            if self.lines >= limits.count {
                return Err(self.line_fault(FaultKind::FieldsTooMany, self.line_start));
            }
            self.lines += 1;
            self.line_start = feed + 1;
        }
    }

    /// Holds the line that began at `line_start`, as far as it has come, to the limits.
    fn line_within_limits(&self, line: &[u8], limits: LineLimits) -> Result<(), Fault> {
        match line.first() {
            None | Some(b'\r') if line.len() <= 2 => return Ok(()),
            Some(b'\r') | None => {}
            Some(_) if self.lines >= limits.count => {
                return Err(self.line_fault(FaultKind::FieldsTooMany, self.line_start));
            }
            Some(_) => {}
        }
        let end = self.line_start + line.len();
        let field_most = self.line_start + limits.field_bytes;
        let fields_most = self.start + limits.fields_bytes;
        if field_most < end && field_most <= fields_most {
            return Err(self.line_fault(FaultKind::FieldTooLarge, field_most));
        }
        if fields_most < end {
            return Err(self.line_fault(FaultKind::FieldsTooLarge, fields_most));
        }
        Ok(())
    }

    const fn line_fault(&self, kind: FaultKind, at: usize) -> Fault {
        Fault::new(kind, at).in_line(self.lines)
    }

    /// Where the first line begins.
    pub(crate) const fn start(&self) -> usize {
        self.start
    }

    /// How many octets were looked at.
    pub(crate) const fn looked(&self) -> usize {
        self.looked
    }
}

impl LineLimits {
    /// None: for lines that were held to theirs.
    const NONE: Self =
        Self { field_bytes: usize::MAX, fields_bytes: usize::MAX, count: usize::MAX };
}

impl From<&Limits> for LineLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            field_bytes: limits.field_bytes as usize,
            fields_bytes: limits.fields_bytes as usize,
            count: limits.fields_count as usize,
        }
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            present: FieldSet::EMPTY,
            repeated: FieldSet::EMPTY,
            remembered: Vec::new(),
        }
    }
}

impl Lines {
    /// Reads the field lines that `text` begins with, blank line included, in one pass; says how many octets they
    /// are. None if they are not all there, or one of them is malformed or past a limit: which, and where, is then to
    /// be found out by [`read`](Self::read).
    #[inline]
    pub(crate) fn read_whole(&mut self, text: &[u8], limits: LineLimits) -> Option<(usize, Known)> {
        // They end with their only blank line, so that what begins with them has no other lines.
        let length = self.remembered.len();
        if length > 0 && text.starts_with(&self.remembered) {
            // Each was within its limit, which is the same for every head. The room for all of them may not be.
            return (length - 2 <= limits.fields_bytes).then_some((length, Known::Before));
        }
        let length = self.read_others(text, limits);
        self.remembered.clear();
        let octets = within(text, 0, length?);
        if octets.len() <= REMEMBERED_BYTES_MAX {
            self.remembered.extend_from_slice(octets);
        }
        Some((octets.len(), Known::Not))
    }

    /// Reads lines of which not all are those that are remembered, over those: a line that stands in the place of the
    /// same one is not read again.
    fn read_others(&mut self, text: &[u8], limits: LineLimits) -> Option<usize> {
        (self.present, self.repeated) = (FieldSet::EMPTY, FieldSet::EMPTY);
        if self.remembered.is_empty() {
            self.lines.clear();
        }
        let (mut at, mut count) = (0, 0);
        loop {
            let rest = text.get(at..)?;
            if rest.first_chunk::<2>()? == b"\r\n" {
                self.lines.truncate(count);
                return Some(at + 2);
            }
            if count >= limits.count {
                return None;
            }
            let (name, length) = match self.same_line(count, rest, at) {
                Some(same) => same,
                None => self.other_line(count, rest, at)?,
            };
            if length > limits.field_bytes || at + length > limits.fields_bytes {
                return None;
            }
            self.note(name);
            (at, count) = (at + length, count + 1);
        }
    }

    /// Takes the line that `rest` begins with, at octet `at`, if it is the remembered one at place `i`, to the octet;
    /// says its name and its length. From there on the lines are still those that are remembered.
    #[inline(always)]
    fn same_line(&mut self, i: usize, rest: &[u8], at: usize) -> Option<(FieldName, usize)> {
        let next = self.lines.get(i + 1).map(|next| next.name_at.start as usize);
        let end = next.unwrap_or(self.remembered.len().saturating_sub(2));
        let line = self.lines.get_mut(i)?;
        let text = within(&self.remembered, line.name_at.start as usize, end);
        // Most lines that differ do so where they begin.
        if text.first_chunk::<4>()? != rest.first_chunk::<4>()? || !rest.starts_with(text) {
            return None;
        }
        if line.name_at.start as usize != at {
            let moved = |octet: u32| octet - line.name_at.start + at as u32;
            *line = Line {
                name: line.name,
                name_at: Span { start: at as u32, end: moved(line.name_at.end) },
                value_at: Span { start: moved(line.value_at.start), end: moved(line.value_at.end) },
            };
        }
        Some((line.name, text.len()))
    }

    /// Reads the line that `rest` begins with, at octet `at`, into place `i`; says its name, and its length, CR LF
    /// included. None if it is malformed, or not all there.
    #[inline(always)]
    fn other_line(&mut self, i: usize, rest: &[u8], at: usize) -> Option<(FieldName, usize)> {
        let (name, colon) = FieldName::of_line(rest)?;
        let value_start = match rest.get(colon + 1..)? {
            [b' ', octet, ..] if !is_blank(*octet) => colon + 2,
            behind => colon + 1 + behind.iter().take_while(|octet| is_blank(**octet)).count(),
        };
        let line_end = value_end(rest, value_start)?;
        if rest.get(line_end + 1) != Some(&b'\n') {
            return None;
        }
        let mut end = line_end;
        while end > value_start && rest.get(end - 1).copied().is_some_and(is_blank) {
            end -= 1;
        }
        let (name_at, value_at) = (span(at, at + colon), span(at + value_start, at + end));
        let line = Line { name, name_at, value_at };
        match self.lines.get_mut(i) {
            Some(place) => *place = line,
            None => self.lines.push(line),
        }
        Some((name, line_end + 2))
    }

    /// A line has this name.
    #[inline]
    fn note(&mut self, name: FieldName) {
        if name == FieldName::Other {
            return;
        }
        let all = self.present.with(name);
        if all == self.present {
            self.repeated.insert(name);
        }
        self.present = all;
    }

    /// Reads the field lines `text`, of which the last is the blank one, and each was found to be within the limits.
    ///
    /// # Errors
    /// The first fault, with its line.
    pub(crate) fn read(&mut self, text: &[u8]) -> Result<(), Fault> {
        self.clear();
        if self.read_others(text, LineLimits::NONE) == Some(text.len()) {
            return Ok(());
        }
        self.clear();
        diagnose::field_lines(text, &mut self.lines)?;
        for i in 0..self.lines.len() {
            self.note(self.lines.get(i).map_or(FieldName::Other, |line| line.name));
        }
        Ok(())
    }

    /// Forgets them, though not their memory.
    pub(crate) fn clear(&mut self) {
        self.remembered.clear();
        self.lines.clear();
        (self.present, self.repeated) = (FieldSet::EMPTY, FieldSet::EMPTY);
    }

    /// The lines, over the octets that they were read from.
    #[inline]
    pub(crate) fn fields<'a>(&'a self, text: &'a [u8]) -> Fields<'a> {
        Fields::new(text, &self.lines, self.present)
    }

    /// The lines of this name, and which they are.
    #[inline]
    pub(crate) fn named(&self, name: FieldName) -> impl Iterator<Item = (usize, &Line)> {
        let lines = if self.present.has(name) { self.lines.as_slice() } else { &[] };
        // Most names have one line, behind which nothing need be looked for.
        let most = if self.repeated.has(name) { usize::MAX } else { 1 };
        lines.iter().enumerate().filter(move |(_, line)| line.name == name).take(most)
    }

    /// The options of `Connection`, over all its lines (RFC 9110 §7.6.1). `close` outdoes `keep-alive`
    /// (RFC 9112 §9.3).
    ///
    /// # Errors
    /// An option that is no token.
    #[inline]
    pub(crate) fn wish(&self, text: &[u8]) -> Result<Wish, Fault> {
        let mut lines = self.named(FieldName::Connection);
        let Some((_, line)) = lines.next() else { return Ok(Wish::Nothing) };
        match line.value_at.of(text) {
            b"keep-alive" | b"Keep-Alive" if lines.next().is_none() => Ok(Wish::KeepAlive),
            b"close" if lines.next().is_none() => Ok(Wish::Close),
            _ => self.wish_of_all(text),
        }
    }

    fn wish_of_all(&self, text: &[u8]) -> Result<Wish, Fault> {
        let mut wish = Wish::Nothing;
        for (i, line) in self.named(FieldName::Connection) {
            for option in list::members(core::iter::once(line.value_at.of(text))) {
                if !is_token(option) {
                    let at = offset(text, option);
                    return Err(Fault::new(FaultKind::ConnectionSyntax, at).in_line(i));
                }
                if option.eq_ignore_ascii_case(b"close") {
                    wish = Wish::Close;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && wish == Wish::Nothing {
                    wish = Wish::KeepAlive;
                }
            }
        }
        Ok(wish)
    }
}

const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that make field lines, well-formed and not.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "[A-Za-z-]{1,9}".prop_map(String::into_bytes),
            3 => Just(b": ".to_vec()),
            2 => Just(b":".to_vec()),
            4 => Just(b"\r\n".to_vec()),
            1 => Just(b"\r".to_vec()),
            1 => Just(b" ".to_vec()),
            1 => Just(b"\t".to_vec()),
            2 => any::<u8>().prop_map(|octet| vec![octet]),
            1 => "[ -~]{0,40}".prop_map(String::into_bytes),
        ]
    }

    fn texts<'a>(head: &'a [u8], lines: &[Line]) -> Vec<(FieldName, &'a [u8], &'a [u8])> {
        lines
            .iter()
            .map(|line| (line.name, line.name_at.of(head), line.value_at.of(head)))
            .collect()
    }

    #[test]
    fn lines_are_known_by_their_octets_until_they_are_forgotten() {
        let mut lines = Lines::default();
        let mut read = |text: &str, limits| lines.read_whole(text.as_bytes(), limits);
        let (one, two) = ("Host: a\r\nX: y\r\n\r\n", "Host: a\r\nX: z\r\n\r\n");
        assert_eq!(read(one, LineLimits::NONE), Some((17, Known::Not)));
        assert_eq!(read(&format!("{one}{two}"), LineLimits::NONE), Some((17, Known::Before)));
        assert_eq!(read(&one[..16], LineLimits::NONE), None);
        assert_eq!(read(one, LineLimits::NONE), Some((17, Known::Not)));
        // The room for all of them may be less in the next head.
        let tight = LineLimits { fields_bytes: 14, ..LineLimits::NONE };
        assert_eq!(read(one, tight), None);
        assert_eq!(read(two, LineLimits::NONE), Some((17, Known::Not)));
        assert_eq!(read(two, LineLimits::NONE), Some((17, Known::Before)));
        let long = format!("X: {}\r\n\r\n", "x".repeat(REMEMBERED_BYTES_MAX));
        for _ in 0..2 {
            assert_eq!(read(&long, LineLimits::NONE), Some((long.len(), Known::Not)));
        }
        assert_eq!(read(one, LineLimits::NONE), Some((17, Known::Not)));
        lines.clear();
        let again = lines.read_whole(one.as_bytes(), LineLimits::NONE);
        assert_eq!(again, Some((17, Known::Not)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// The quick parser and the spelled-out grammar take the same field lines and read the same in them.
        #[test]
        fn both_grammars_agree(pieces in prop::collection::vec(piece(), 0..24)) {
            let mut block = pieces.concat();
            // As the scan hands them on: every LF after a CR, one blank line, at the end.
            for i in 0..block.len() {
                if block[i] == b'\n' && (i == 0 || block[i - 1] != b'\r') {
                    block[i] = b'x';
                }
            }
            while let Some(at) = block.windows(4).position(|w| w == b"\r\n\r\n") {
                block.drain(at..at + 2);
            }
            if block.starts_with(b"\r\n") {
                block.drain(..2);
            }
            while block.ends_with(b"\r\n") {
                block.truncate(block.len() - 2);
            }
            block.extend_from_slice(if block.is_empty() { b"\r\n" } else { b"\r\n\r\n" });
            prop_assume!(!block.starts_with(b"\r\n") || block.len() == 2);
            let (mut quick, mut own) = (Lines::default(), Vec::new());
            let taken = quick.read_others(&block, LineLimits::NONE) == Some(block.len());
            let verdict = diagnose::field_lines(&block, &mut own);
            let mut slots = [httparse::EMPTY_HEADER; 64];
            let others = httparse::parse_headers(&block, &mut slots);
            let complete = others.is_ok_and(|read| read.is_complete());
            prop_assert_eq!(taken, complete, "{:?}", block);
            prop_assert_eq!(taken, verdict.is_ok(), "{:?} {:?}", verdict, block);
            if taken {
                prop_assert_eq!(texts(&block, &quick.lines), texts(&block, &own));
            }
        }
    }
}
