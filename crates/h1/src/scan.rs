//! Finds where a request's head ends, and reads its request line on the way (RFC 9112 §2.1, §3). Works
//! on from where it stopped, so each octet is looked at once however the head arrives, and what it
//! finds wrong it finds at the same octet however the head was cut.

use wherefore_message::target::Target;
use wherefore_message::token::is_token_octet;
use wherefore_message::{Fault, FaultKind, Method, Span, Version};

use crate::diagnose;
use crate::head::TargetAt;
use crate::limits::Limits;
use crate::lines::LineScan;
use crate::octets::{from, span, within};

/// What stands after the target: a space, `HTTP/1.1`, CR and LF.
pub(crate) const VERSION_PART_BYTES: usize = 11;

const TLS_HANDSHAKE: u8 = 0x16;
const TLS_MAJOR: u8 = 0x03;

/// The look at one head so far. Offsets count from the head's first octet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    part: Part,
    /// How many octets have been looked at, up to the field lines.
    looked: usize,
    method_end: usize,
    method: Option<Method>,
    target: Span,
    target_parts: Option<TargetAt>,
    version: Option<Version>,
    fields: LineScan,
}

/// Which part of the head comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Method,
    Target,
    Version,
    Fields,
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The head goes on past what there is.
    NeedMore,
    /// The head ends here, blank line included.
    Whole(usize),
}

/// One step within a scan.
enum Step {
    NeedMore,
    GoOn,
}

impl Scan {
    /// Looks on in `head`, which begins with the head's first octet and has only grown since.
    ///
    /// # Errors
    /// The first fault of the request line, or a field line past a limit or badly ended.
    pub(crate) fn scan(&mut self, head: &[u8], limits: &Limits) -> Result<Scanned, Fault> {
        loop {
            let step = match self.part {
                Part::Method => self.method(head, limits)?,
                Part::Target => self.target(head, limits)?,
                Part::Version => self.version(head, limits)?,
                Part::Fields => return self.fields.scan(head, limits.into()),
            };
            if let Step::NeedMore = step {
                return Ok(Scanned::NeedMore);
            }
        }
    }

    /// The method and where it stands; none until it is read.
    pub(crate) fn method_read(&self) -> Option<(Method, Span)> {
        self.method.map(|method| (method, span(0, self.method_end)))
    }

    /// Where the target stands, as far as it was read; none if it was not begun.
    pub(crate) fn target_at(&self) -> Option<Span> {
        match self.part {
            Part::Method => None,
            Part::Target => {
                let start = self.method_end + 1;
                (self.looked > start).then(|| span(start, self.looked))
            }
            Part::Version | Part::Fields => Some(self.target),
        }
    }

    /// The parts of the target; none until the request line is read.
    pub(crate) const fn target_parts(&self) -> Option<TargetAt> {
        self.target_parts
    }

    /// How many octets were looked at.
    pub(crate) fn looked(&self) -> usize {
        if self.part == Part::Fields { self.fields.looked() } else { self.looked }
    }

    /// The version as it was read, 1.0 until then.
    pub(crate) fn version_read(&self) -> Version {
        // What promises least.
        self.version.unwrap_or(Version::HTTP_10)
    }

    /// Where the first field line begins; none until the request line is read.
    pub(crate) fn fields_start(&self) -> Option<usize> {
        (self.part == Part::Fields).then_some(self.fields.start())
    }

    fn method(&mut self, head: &[u8], limits: &Limits) -> Result<Step, Fault> {
        let (at, octet) = self.first_that(head, |octet| !is_token_octet(octet));
        let most = limits.method_bytes as usize;
        if at > most {
            return Err(Fault::new(FaultKind::MethodTooLong, most));
        }
        let kind = match octet {
            None => return Ok(Step::NeedMore),
            Some(b' ') if at == 0 => FaultKind::MethodEmpty,
            Some(b' ') => {
                self.method_end = at;
                self.method = Some(Method::parse(within(head, 0, at)));
                self.begin(Part::Target, at + 1);
                return Ok(Step::GoOn);
            }
            Some(b'\t') => FaultKind::RequestLineSpaces,
            Some(b'\n') => FaultKind::BareLineFeed,
            Some(b'\r') => match head.get(at + 1) {
                None => return Ok(Step::NeedMore),
                Some(b'\n') if at == 0 => FaultKind::MethodEmpty,
                Some(b'\n') => FaultKind::TargetEmpty,
                Some(_) => FaultKind::BareCarriageReturn,
            },
            Some(TLS_HANDSHAKE) if at == 0 => match head.get(1) {
                None => return Ok(Step::NeedMore),
                Some(&TLS_MAJOR) => FaultKind::TlsOnPlain,
                Some(_) => FaultKind::MethodOctet,
            },
            Some(_) => FaultKind::MethodOctet,
        };
        Err(Fault::new(kind, at))
    }

    fn target(&mut self, head: &[u8], limits: &Limits) -> Result<Step, Fault> {
        let start = self.method_end + 1;
        let (at, octet) = self.first_that(head, |octet| octet <= b' ' || octet == 0x7f);
        let most = start + limits.target_bytes as usize;
        if at > most {
            self.looked = most;
            return Err(Fault::new(FaultKind::TargetTooLong, most));
        }
        let kind = match octet {
            None => return Ok(Step::NeedMore),
            Some(b' ') if at > start => {
                self.target = span(start, at);
                self.begin(Part::Version, at + 1);
                return Ok(Step::GoOn);
            }
            Some(b' ' | b'\t') => FaultKind::RequestLineSpaces,
            Some(b'\n') => FaultKind::BareLineFeed,
            Some(b'\r') => match head.get(at + 1) {
                None => return Ok(Step::NeedMore),
                Some(b'\n') if at == start => FaultKind::TargetEmpty,
                // As HTTP/0.9 had it.
                Some(b'\n') => FaultKind::VersionSyntax,
                Some(_) => FaultKind::BareCarriageReturn,
            },
            Some(_) => FaultKind::TargetOctet,
        };
        Err(Fault::new(kind, at))
    }

    fn version(&mut self, head: &[u8], limits: &Limits) -> Result<Step, Fault> {
        let (target_start, start) = (self.target.start as usize, self.target.end as usize + 1);
        let most = target_start + limits.target_bytes as usize + VERSION_PART_BYTES;
        let (at, octet) = self.first_that(within(head, 0, head.len().min(most)), |o| o == b'\n');
        if octet.is_none() && head.len() < most {
            return Ok(Step::NeedMore);
        }
        let version = diagnose::version(within(head, start, at + usize::from(octet.is_some())))
            .map_err(|(kind, offset)| Fault::new(kind, start + offset))?;
        self.version = Some(version);
        let target = Target::parse(self.method.unwrap_or(Method::Other), self.target.of(head))
            .map_err(|(kind, offset)| Fault::new(kind, target_start + offset))?;
        self.target_parts = Some(TargetAt::new(head, &target));
        self.begin(Part::Fields, at + 1);
        self.fields = LineScan::at(at + 1);
        Ok(Step::GoOn)
    }

    const fn begin(&mut self, part: Part, at: usize) {
        self.part = part;
        self.looked = at;
    }

    /// The next octet for which `stops` holds, and where; else the end. What lies before it has been
    /// looked at.
    fn first_that(&mut self, head: &[u8], stops: impl Fn(u8) -> bool) -> (usize, Option<u8>) {
        let rest = from(head, self.looked);
        let found = rest.iter().position(|octet| stops(*octet));
        self.looked += found.unwrap_or(rest.len());
        (self.looked, found.and_then(|i| rest.get(i)).copied())
    }
}

/// How many octets at the start of `input` are empty lines, of which at most `most` are passed over,
/// and how many lines those are (RFC 9112 §2.2).
pub(crate) fn empty_lines(input: &[u8], most: u64) -> (usize, u64) {
    let lines = input.as_chunks::<2>().0.iter().take_while(|pair| *pair == b"\r\n").count();
    let lines = lines.min(most as usize);
    (lines * 2, lines as u64)
}
