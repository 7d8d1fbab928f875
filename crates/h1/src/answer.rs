//! An answer's head: its status line, judged octet by octet as it comes (RFC 9112 §4), its end, and the
//! whole as spans.

use wherefore_message::token::is_value_octet;
use wherefore_message::{
    Announced, Fault, FaultKind, FieldName, Fields, Method, Status, Version, list,
};

use crate::framing::{Expecting, Framing, framing, said};
use crate::head::version;
use crate::limits::ClientLimits;
use crate::lines::{Known, LineLimits, LineScan, Lines, Wish};
use crate::octets::{from, value_end, within};
use crate::scan::Scanned;

/// What every status line begins with.
const NAME: &[u8] = b"HTTP/";
/// Where the status code begins, after `HTTP/1.1 `.
const CODE_AT: usize = 9;
/// Where it has ended.
const CODE_END: usize = 12;

/// The look at one head so far. Each octet is looked at once, however the head arrives.
#[derive(Clone, Debug)]
pub(crate) struct AnswerScan {
    part: Part,
    /// How many octets have been looked at, up to the field lines.
    looked: usize,
    version: Version,
    code: u16,
    fields: LineScan,
}

/// Which part of the head comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    VersionAndCode,
    Phrase,
    Fields,
}

/// An answer's head, read. Its memory is reused.
#[derive(Debug)]
pub(crate) struct AnswerHead {
    version: Version,
    status: Status,
    /// Where the first field line begins.
    fields_start: usize,
    lines: Lines,
    framing: Framing,
    length_said: Option<u64>,
    wish: Wish,
    ending: Ending,
    /// The version, status and method with which all this was settled; none until it is.
    settled: Option<(Version, Status, Method)>,
}

/// Whether it is certain where the answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is.
    Certain,
    /// It announces content that it can't have, which may follow or not.
    Doubtful,
}

/// An answer's head, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The version it came in: 1.0 or 1.1.
    pub version: Version,
    /// Its status.
    pub status: Status,
    /// Its field lines.
    pub fields: Fields<'a>,
    /// The content that follows it.
    pub announced: Announced,
    /// How that is delimited; a tunnel after 101, too.
    pub framing: Framing,
    /// The length that it says, be it of content that does not follow: to HEAD, and with 304, it is that
    /// of the answer to GET (RFC 9110 §8.6).
    pub length_said: Option<u64>,
}

impl Default for AnswerScan {
    fn default() -> Self {
        Self {
            part: Part::VersionAndCode,
            looked: 0,
            version: Version::HTTP_10,
            code: 0,
            fields: LineScan::default(),
        }
    }
}

impl AnswerScan {
    /// Looks on in `head`, which begins with the head's first octet and has only grown since.
    ///
    /// # Errors
    /// The first fault of the status line, as soon as its octet is there, or a field line past a limit or
    /// badly ended.
    pub(crate) fn scan(&mut self, head: &[u8], limits: &ClientLimits) -> Result<Scanned, Fault> {
        if self.part == Part::VersionAndCode {
            self.version_and_code(head)?;
        }
        if self.part == Part::Phrase {
            self.phrase(head, phrase_most(limits.head_bytes_max as usize))?;
        }
        if self.part != Part::Fields {
            return Ok(Scanned::NeedMore);
        }
        self.fields.scan(head, line_limits(limits, self.fields.start()))
    }

    /// How many octets were looked at.
    pub(crate) fn looked(&self) -> usize {
        if self.part == Part::Fields { self.fields.looked() } else { self.looked }
    }

    fn version_and_code(&mut self, head: &[u8]) -> Result<(), Fault> {
        while let Some(octet) = head.get(self.looked) {
            if self.looked == CODE_END {
                return match octet {
                    // Many leave out the space where the phrase is empty.
                    b' ' | b'\r' | b'\n' => {
                        self.part = Part::Phrase;
                        Ok(())
                    }
                    b'0'..=b'9' => Err(Fault::new(FaultKind::StatusInvalid, CODE_AT)),
                    _ => Err(Fault::new(FaultKind::StatusLine, CODE_END)),
                };
            }
            self.octet(*octet)?;
            self.looked += 1;
        }
        Ok(())
    }

    /// Takes the next octet of `HTTP/1.1 200`.
    fn octet(&mut self, octet: u8) -> Result<(), Fault> {
        let at = self.looked;
        let digit = octet.is_ascii_digit().then(|| octet - b'0');
        let kind = match (at, digit) {
            (0..5, _) if NAME.get(at) == Some(&octet) => return Ok(()),
            (6, _) if octet == b'.' => return Ok(()),
            (8, _) if octet == b' ' => return Ok(()),
            (0..5 | 8, _) => FaultKind::StatusLine,
            (5, Some(major)) => {
                self.version.major = major;
                return Ok(());
            }
            (7, Some(minor)) => {
                self.version.minor = minor;
                return self.known_version();
            }
            (5..8, _) => FaultKind::VersionSyntax,
            (_, Some(digit)) => {
                self.code = self.code * 10 + u16::from(digit);
                let is_status = at + 1 < CODE_END || Status::new(self.code).is_some();
                return if is_status {
                    Ok(())
                } else {
                    Err(Fault::new(FaultKind::StatusInvalid, CODE_AT))
                };
            }
            (_, None) => FaultKind::StatusInvalid,
        };
        Err(Fault::new(kind, at))
    }

    fn known_version(&self) -> Result<(), Fault> {
        match self.version {
            Version { major: 1, minor: 0 | 1 } => Ok(()),
            Version { major: 1, .. } => Err(Fault::new(FaultKind::VersionMinor, 7)),
            _ => Err(Fault::new(FaultKind::VersionMajor, 5)),
        }
    }

    /// Passes over the reason phrase, which means nothing (RFC 9112 §4). Its CR is within `most` octets.
    fn phrase(&mut self, head: &[u8], most: usize) -> Result<(), Fault> {
        let seen = within(head, 0, head.len().min(most));
        let rest = from(seen, self.looked);
        let run = rest.iter().position(|octet| !is_value_octet(*octet));
        self.looked += run.unwrap_or(rest.len());
        let at = self.looked;
        let kind = match seen.get(at) {
            None if head.len() >= most => FaultKind::FieldsTooLarge,
            None => return Ok(()),
            Some(b'\n') => FaultKind::BareLineFeed,
            Some(b'\r') => match head.get(at + 1) {
                None => return Ok(()),
                Some(b'\n') => {
                    self.part = Part::Fields;
                    self.fields = LineScan::at(at + 2);
                    return Ok(());
                }
                Some(_) => FaultKind::BareCarriageReturn,
            },
            Some(_) => FaultKind::StatusLine,
        };
        Err(Fault::new(kind, at))
    }
}

/// Within how many octets of a head the status line has its CR: LF and a blank line come after it.
const fn phrase_most(head_most: usize) -> usize {
    head_most.saturating_sub(3)
}

/// What the field lines of an answer may cost that begin at `start`.
const fn line_limits(limits: &ClientLimits, start: usize) -> LineLimits {
    LineLimits {
        field_bytes: limits.field_bytes_max as usize,
        // The blank line is of the head, too.
        fields_bytes: (limits.head_bytes_max as usize).saturating_sub(start + 2),
        count: limits.fields_max as usize,
    }
}

impl Default for AnswerHead {
    fn default() -> Self {
        Self {
            version: Version::HTTP_10,
            status: Status::OK,
            fields_start: 0,
            lines: Lines::default(),
            framing: Framing::Nothing,
            length_said: None,
            wish: Wish::Nothing,
            ending: Ending::Certain,
            settled: None,
        }
    }
}

impl AnswerHead {
    /// Reads the head that `input` begins with, of an answer to a request with `method`, in one pass, and says how
    /// many octets it is. None if it is not all there, past a limit, or there is a fault in it: that is for the scan
    /// and [`read`](Self::read) to find out.
    #[inline]
    pub(crate) fn read_whole(
        &mut self,
        input: &[u8],
        method: Method,
        limits: &ClientLimits,
    ) -> Option<usize> {
        let (start, code) = input.split_first_chunk::<8>()?;
        let version = version(start)?;
        let code = code.strip_prefix(b" ")?;
        let digits = code.first_chunk::<3>()?.map(|octet| u16::from(octet.wrapping_sub(b'0')));
        let [hundreds, tens, ones] = digits;
        if hundreds.max(tens).max(ones) > 9 || !matches!(input.get(CODE_END), Some(b' ' | b'\r')) {
            return None;
        }
        let status = Status::new(hundreds * 100 + tens * 10 + ones)?;
        let line_end = value_end(input, CODE_END)?;
        let head_most = limits.head_bytes_max as usize;
        if line_end >= phrase_most(head_most) || input.get(line_end + 1) != Some(&b'\n') {
            return None;
        }
        let fields_start = line_end + 2;
        let text = from(input, fields_start);
        let (length, known) = self.lines.read_whole(text, line_limits(limits, fields_start))?;
        (self.version, self.status, self.fields_start) = (version, status, fields_start);
        if known == Known::Not || self.settled != Some((version, status, method)) {
            self.settle(within(text, 0, length), method).ok()?;
        }
        Some(fields_start + length)
    }

    /// Forgets the field lines, which the next head's would be held against.
    pub(crate) fn forget(&mut self) {
        self.lines.clear();
    }

    /// Reads the head that `scan` found to be complete, of an answer to a request with `method`.
    ///
    /// # Errors
    /// The first fault: of a field line, of the framing, of `Connection`, in this order.
    pub(crate) fn read(
        &mut self,
        head: &[u8],
        scan: &AnswerScan,
        method: Method,
    ) -> Result<(), Fault> {
        let Some(status) = Status::new(scan.code) else {
            return Err(Fault::new(FaultKind::StatusInvalid, CODE_AT));
        };
        (self.version, self.status) = (scan.version, status);
        self.fields_start = scan.fields.start();
        let text = from(head, self.fields_start);
        let read = self.lines.read(text).and_then(|()| self.settle(text, method));
        read.map_err(|fault| Fault { at: fault.at + self.fields_start as u32, ..fault })
    }

    /// The answer's head, over the octets that the caller kept.
    #[inline]
    pub(crate) fn response<'a>(&'a self, head: &'a [u8]) -> Response<'a> {
        Response {
            version: self.version,
            status: self.status,
            fields: self.fields(head),
            announced: match self.framing {
                Framing::Nothing | Framing::Tunnel => Announced::Nothing,
                Framing::Length(length) => Announced::Length(length),
                Framing::Chunked | Framing::UntilClose => Announced::Unknown,
            },
            framing: self.framing,
            length_said: self.length_said,
        }
    }

    pub(crate) const fn status(&self) -> Status {
        self.status
    }

    pub(crate) const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the connection persists after this answer, as far as its head is asked (RFC 9112 §9.3).
    pub(crate) fn persists(&self) -> bool {
        let wished = match self.wish {
            Wish::Close => false,
            Wish::KeepAlive => true,
            Wish::Nothing => self.version >= Version::HTTP_11,
        };
        let ends_within = !matches!(self.framing, Framing::UntilClose | Framing::Tunnel);
        wished && ends_within && self.ending == Ending::Certain
    }

    /// Whether it changes to a protocol of `asked`, a list as the request's `Upgrade` was, and to no other
    /// (RFC 9110 §7.8).
    pub(crate) fn switches_to(&self, head: &[u8], asked: &[u8]) -> bool {
        let fields = self.fields(head);
        let mut chosen = list::members(fields.all(FieldName::Upgrade)).peekable();
        chosen.peek().is_some()
            && chosen.all(|protocol| {
                list::members(core::iter::once(asked))
                    .any(|member| member.eq_ignore_ascii_case(protocol))
            })
    }

    fn fields<'a>(&'a self, head: &'a [u8]) -> Fields<'a> {
        self.lines.fields(from(head, self.fields_start))
    }

    /// Settles what the field lines `text` say.
    fn settle(&mut self, text: &[u8], method: Method) -> Result<(), Fault> {
        self.settled = None;
        self.read_framing(text, method)?;
        self.wish = self.lines.wish(text)?;
        self.settled = Some((self.version, self.status, method));
        Ok(())
    }

    /// Settles how the content is delimited. What the fields say of it must make sense where it has no
    /// effect as well: it is relayed.
    fn read_framing(&mut self, text: &[u8], method: Method) -> Result<(), Fault> {
        (self.length_said, self.ending) = (None, Ending::Certain);
        let expecting = Expecting::Response { method, status: self.status };
        let fields = self.lines.fields(text);
        self.framing = framing(expecting, self.version, text, fields)?;
        let said = match self.framing {
            // Whatever the fields say is to be ignored (RFC 9110 §9.3.6).
            Framing::Tunnel => return Ok(()),
            Framing::Nothing => said(expecting, self.version, text, fields)?,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => self.framing,
        };
        if let Framing::Length(length) = said {
            self.length_said = Some(length);
        }
        let announces = matches!(said, Framing::Length(1..) | Framing::Chunked);
        match self.status {
            status if status.code() < 200 && announces => {
                let at = [FieldName::ContentLength, FieldName::TransferEncoding]
                    .into_iter()
                    .find_map(|name| self.lines.named(name).next());
                let (i, start) = at.map_or((0, 0), |(i, line)| (i, line.name_at.start as usize));
                return Err(Fault::new(FaultKind::InterimContent, start).in_line(i));
            }
            Status::SWITCHING_PROTOCOLS => self.framing = Framing::Tunnel,
            // It must have no content (RFC 9110 §15.3.6), yet a head that says some may well be followed by it.
            Status::RESET_CONTENT if method != Method::Head => {
                self.framing = Framing::Nothing;
                if said != Framing::Length(0) {
                    self.ending = Ending::Doubtful;
                }
            }
            Status::NO_CONTENT if announces && method != Method::Head => {
                self.ending = Ending::Doubtful
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => prop::sample::select(vec![
                "Content-Length: 3", "Content-Length: 4", "Content-Length: x", "Server: x",
                "Transfer-Encoding: chunked", "Connection: close", "Connection: keep-alive",
                "Connection: a b", "Upgrade: websocket", "ETag:\t\"a\" \t", "X:", "Bad",
                " folded", "Name : a", "X: \u{1}", "A-Field-Of-Nobody-That-Is-Longer-Than-Words: 1",
            ]).prop_map(String::from),
            1 => "[ -~]{0,70}",
        ]
    }

    fn head() -> impl Strategy<Value = String> {
        let start = prop::sample::select(vec![
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 ",
            "HTTP/1.1 200",
            "HTTP/1.0 200 OK",
            "HTTP/1.1 204 ",
            "HTTP/1.1 304 Not Modified",
            "HTTP/1.1 103 Early",
            "HTTP/1.1 205 A phrase that is long",
            "HTTP/1.1 99 OK",
            "HTTP/1.1 600 OK",
            "HTTP/1.1 2000",
            "HTTP/1.2 200 OK",
            "HTTP/1.1 200\tO",
            "HTTP/1.1 200 \u{7f}",
            "http/1.1 200 OK",
            "HTTP/1.1 101 Switching Protocols",
        ]);
        let end = prop::sample::select(vec!["\r\n\r\n", "\r\n\r\nabc", "\r\n", "\n\n", "\r\n\r"]);
        (start, prop::collection::vec(line(), 0..5), end).prop_map(|(start, lines, end)| {
            let lines: Vec<String> = lines.iter().map(|line| format!("\r\n{line}")).collect();
            format!("{start}{}{end}", lines.concat())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// What is read in one pass, or was known before, is what the scan and the grammar find; and whatever they
        /// take is read in one pass.
        #[test]
        fn one_pass_tells_the_same(
            heads in prop::collection::vec(head(), 1..4),
            turns in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..8),
            limits in prop::sample::select(vec![
                ClientLimits::default(),
                ClientLimits { head_bytes_max: 64, field_bytes_max: 32, fields_max: 3, ..ClientLimits::default() },
            ]),
        ) {
            let mut quick = AnswerHead::default();
            for (turn, is_head) in turns {
                let input = turn.get(&heads).as_bytes();
                let method = if is_head { Method::Head } else { Method::Get };
                let whole = quick.read_whole(input, method, &limits);
                let (mut scan, mut slow) = (AnswerScan::default(), AnswerHead::default());
                let expected = match scan.scan(input, &limits) {
                    Ok(Scanned::Whole(end)) => {
                        slow.read(within(input, 0, end), &scan, method).ok().map(|()| end)
                    }
                    Ok(Scanned::NeedMore) | Err(_) => None,
                };
                prop_assert_eq!(whole, expected, "{:?}", turn.get(&heads));
                if let Some(end) = whole {
                    let head = within(input, 0, end);
                    let tell = |of: &AnswerHead| format!("{:?} {:?}", of.response(head), of.persists());
                    prop_assert_eq!(tell(&quick), tell(&slow));
                    prop_assert_eq!(quick.fields(head).lines(), slow.fields(head).lines());
                }
            }
        }
    }
}
