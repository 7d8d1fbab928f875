//! `multipart/form-data` (RFC 7578), taken apart as it comes: the reader is shown octets and answers with
//! the heads of parts and with slices of their content. It keeps no content: what it holds back because
//! it might begin a boundary is the boundary's own text.

use core::ops::Range;

pub use self::part::PartHead;
use crate::form::{FormFault, FormFaultKind};
use crate::media::MediaType;

mod part;

/// The media type of what is read here.
pub const FORM_DATA: &str = "multipart/form-data";

/// The most octets of a boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The reader of one form.
#[derive(Clone, Debug)]
pub struct FormData {
    /// CR LF, two hyphens, and the boundary. The CR in it is the only one.
    delimiter: Vec<u8>,
    limits: Limits,
    at: At,
    /// How many octets of the delimiter the content last seen ends with.
    matched: usize,
    /// How many of these are no content, whatever follows: the line end before them is another thing's.
    lent: usize,
    /// The head that is being read.
    head: Vec<u8>,
    /// Parts so far.
    parts: usize,
    /// Octets looked at so far.
    offset: u64,
}

/// What is found in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Nothing more, until more octets come.
    NeedMore,
    /// A part begins.
    Part(PartHead),
    /// The part's content goes on with these octets; never none.
    Content(&'a [u8]),
    /// The part's content is complete.
    PartEnd,
    /// The form is complete; whatever follows is passed over.
    End,
}

/// The bounds of a form's parts. Their content is for the caller to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most parts: a part of no content still costs its head.
    pub parts_max: usize,
    /// The most octets of a part's head, of which one at a time is held in memory.
    pub head_bytes_max: usize,
    /// The most octets of a part's name, and of its file's.
    pub name_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parts_max: 1_000, head_bytes_max: 8 << 10, name_bytes_max: 1 << 10 }
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Preamble,
    /// Right behind a boundary: a hyphen, or the end of its line.
    Boundary,
    /// Behind a boundary and one hyphen.
    Hyphen,
    /// White space behind a boundary, which only transports may have put there.
    Padding,
    LineFeed,
    Head,
    Content,
    /// Behind the closing boundary: the end, or the end of the line.
    ClosePadding,
    CloseLineFeed,
    Epilogue,
}

/// Where a search for the delimiter came to.
enum Found {
    /// The input is used up, and may end in the beginning of a delimiter.
    Nothing,
    /// This much of the delimiter, held back before, turned out to be content.
    HeldBack(Range<usize>),
    /// This range of the input is content.
    Sent(Range<usize>),
    Delimiter,
}

impl FormData {
    /// A reader of a content of this media type.
    ///
    /// # Errors
    /// [`FormFaultKind::Boundary`].
    pub fn of(media: &MediaType<'_>, limits: Limits) -> Result<Self, FormFault> {
        let boundary = media.parameter("boundary").unwrap_or_default();
        Self::new(boundary.as_bytes(), limits)
    }

    /// A reader of a content whose parts are set apart by `boundary`.
    ///
    /// # Errors
    /// [`FormFaultKind::Boundary`].
    pub fn new(boundary: &[u8], limits: Limits) -> Result<Self, FormFault> {
        let is_boundary = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len())
            && boundary.iter().all(|octet| is_boundary_octet(*octet))
            && !boundary.ends_with(b" ");
        if !is_boundary {
            return Err(FormFault::new(FormFaultKind::Boundary, 0));
        }
        let delimiter = [b"\r\n--", boundary].concat();
        let mut new = Self {
            delimiter,
            limits,
            at: At::Preamble,
            matched: 0,
            lent: 0,
            head: Vec::new(),
            parts: 0,
            offset: 0,
        };
        new.lend_line_end();
        Ok(new)
    }

    /// Reads on in `input`, which begins where the last call stopped using it. Returns how many octets are
    /// used up and what was found; that may be something even where none is used. Only
    /// [`Event::NeedMore`] means that all of them are used up and more have to come.
    ///
    /// # Errors
    /// Whatever is malformed or past a limit. After a fault there is nothing more to be read.
    pub fn receive<'a>(&'a mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), FormFault> {
        let mut used = 0;
        while let Some(octet) = input.get(used) {
            match self.at {
                At::Preamble | At::Content => {
                    let rest = input.get(used..).unwrap_or_default();
                    let (searched, found) = self.search(rest);
                    self.offset += searched as u64;
                    let is_content = self.at == At::Content;
                    let from = used;
                    used += searched;
                    match found {
                        Found::Delimiter => {
                            self.at = At::Boundary;
                            if is_content {
                                return Ok((used, Event::PartEnd));
                            }
                        }
                        Found::HeldBack(held) if is_content => {
                            let held = self.delimiter.get(held).unwrap_or_default();
                            return Ok((used, Event::Content(held)));
                        }
                        Found::Sent(sent) if is_content => {
                            let sent = input.get(from..).and_then(|rest| rest.get(sent));
                            return Ok((used, Event::Content(sent.unwrap_or_default())));
                        }
                        Found::Nothing | Found::HeldBack(_) | Found::Sent(_) => {}
                    }
                }
                At::Epilogue => {
                    self.offset += (input.len() - used) as u64;
                    used = input.len();
                }
                At::Head => {
                    let is_whole = self.head_octet(*octet)?;
                    self.offset += 1;
                    used += 1;
                    if is_whole {
                        return Ok((used, Event::Part(self.begin_part()?)));
                    }
                }
                _ => {
                    let closes = self.at == At::Hyphen;
                    self.at = self.behind_boundary(*octet)?;
                    self.offset += 1;
                    used += 1;
                    if closes {
                        return Ok((used, Event::End));
                    }
                }
            }
        }
        Ok((used, Event::NeedMore))
    }

    /// Says whether the form is complete: to be asked where the content ends.
    ///
    /// # Errors
    /// [`FormFaultKind::Unended`], or [`FormFaultKind::DelimiterLine`] for a last line cut in its end.
    pub const fn finish(&self) -> Result<(), FormFault> {
        match self.at {
            At::ClosePadding | At::Epilogue => Ok(()),
            At::CloseLineFeed => Err(FormFault::new(FormFaultKind::DelimiterLine, self.offset)),
            _ => Err(FormFault::new(FormFaultKind::Unended, self.offset)),
        }
    }

    /// How many octets have been looked at.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// A boundary may stand at the very beginning of a form, and where the content of a part would begin: its
    /// own line end is then that of nothing, or the empty line's.
    fn lend_line_end(&mut self) {
        (self.matched, self.lent) = (2, 2);
    }

    /// Looks for the delimiter in `input`, as far as it can be told.
    ///
    /// No octet but the first of the delimiter is a CR, so that what did not match on holds no other
    /// beginning of one.
    fn search(&mut self, input: &[u8]) -> (usize, Found) {
        let mut start = 0;
        if self.matched > 0 {
            let wanted = self.delimiter.get(self.matched..).unwrap_or_default();
            let same = common_prefix(wanted, input);
            self.matched += same;
            if self.matched == self.delimiter.len() {
                (self.matched, self.lent) = (0, 0);
                return (same, Found::Delimiter);
            }
            if same == input.len() {
                return (same, Found::Nothing);
            }
            let held = self.lent..self.matched;
            (self.matched, self.lent) = (0, 0);
            if !held.is_empty() {
                return (same, Found::HeldBack(held));
            }
            start = same;
        }
        self.search_on(input, start)
    }

    /// The same from `start` on, where nothing is held back.
    fn search_on(&mut self, input: &[u8], start: usize) -> (usize, Found) {
        let mut from = start;
        let (end, used, otherwise) = loop {
            let rest = input.get(from..).unwrap_or_default();
            let Some(skipped) = rest.iter().position(|octet| *octet == b'\r') else {
                break (input.len(), input.len(), Found::Nothing);
            };
            let candidate = rest.get(skipped..).unwrap_or_default();
            let same = common_prefix(&self.delimiter, candidate);
            let at = from + skipped;
            if same == self.delimiter.len() {
                // Content before it is told first; the delimiter is then found again, at the start.
                break (at, if at > start { at } else { at + same }, Found::Delimiter);
            }
            if same == candidate.len() {
                self.matched = same;
                break (at, input.len(), Found::Nothing);
            }
            from = at + same;
        };
        (used, if end > start { Found::Sent(start..end) } else { otherwise })
    }

    /// What may follow a boundary on its line.
    fn behind_boundary(&mut self, octet: u8) -> Result<At, FormFault> {
        Ok(match (self.at, octet) {
            (At::Boundary, b'-') => At::Hyphen,
            (At::Hyphen, b'-') => At::ClosePadding,
            (At::Boundary | At::Padding, b' ' | b'\t') => At::Padding,
            (At::Boundary | At::Padding, b'\r') => At::LineFeed,
            (At::LineFeed, b'\n') => {
                self.parts += 1;
                if self.parts > self.limits.parts_max {
                    return Err(self.fault(FormFaultKind::PartsTooMany));
                }
                self.head.clear();
                At::Head
            }
            (At::ClosePadding, b' ' | b'\t') => At::ClosePadding,
            (At::ClosePadding, b'\r') => At::CloseLineFeed,
            (At::CloseLineFeed, b'\n') => At::Epilogue,
            _ => return Err(self.fault(FormFaultKind::DelimiterLine)),
        })
    }

    /// Takes an octet of a head; says whether the head is complete with it.
    fn head_octet(&mut self, octet: u8) -> Result<bool, FormFault> {
        if self.head.len() >= self.limits.head_bytes_max {
            return Err(self.fault(FormFaultKind::PartHeadTooLarge));
        }
        let behind_return = self.head.last() == Some(&b'\r');
        match octet {
            b'\n' if !behind_return => return Err(self.fault(FormFaultKind::PartLineFeed)),
            b'\n' => {}
            _ if behind_return => {
                let at = self.offset.saturating_sub(1);
                return Err(FormFault::new(FormFaultKind::PartCarriageReturn, at));
            }
            _ => {}
        }
        self.head.push(octet);
        Ok(self.head.ends_with(b"\r\n\r\n") || self.head == b"\r\n")
    }

    fn begin_part(&mut self) -> Result<PartHead, FormFault> {
        let at = self.offset - self.head.len() as u64;
        let part = part::read(&self.head, at, self.limits.name_bytes_max)?;
        self.at = At::Content;
        self.lend_line_end();
        Ok(part)
    }

    /// A fault of the octet that is being looked at.
    const fn fault(&self, kind: FormFaultKind) -> FormFault {
        FormFault::new(kind, self.offset)
    }
}

/// `bchars` (RFC 2046 §5.1.1).
const fn is_boundary_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'\''
                | b'('
                | b')'
                | b'+'
                | b'_'
                | b','
                | b'-'
                | b'.'
                | b'/'
                | b':'
                | b'='
                | b'?'
                | b' '
        )
}

fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests;
