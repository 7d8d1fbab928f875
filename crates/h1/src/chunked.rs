//! Content in chunks (RFC 9112 §7.1), decoded where it lies: the decoder is shown octets as they come
//! and answers with the ranges of them that are content or trailer fields. Extensions are checked and
//! passed over, as §7.1.1 allows.

use core::ops::Range;

use wherefore_message::token::{is_token_octet, is_value_octet};
use wherefore_message::{Fault, FaultKind};

use crate::limits::Limits;
use crate::octets::from;

/// The decoder of one content in chunks.
#[derive(Clone, Debug, Default)]
pub struct Chunked {
    at: At,
    /// The size that is being read, then what is left of the chunk, in octets.
    left: u64,
    /// Octets of this chunk's size line so far.
    line: u64,
    /// Octets of extensions so far, of all chunks.
    extensions: u64,
    /// Octets of trailer fields so far.
    trailers: u64,
    /// Trailer fields so far.
    trailer_lines: usize,
    /// Octets of content that the chunks so far announced.
    announced: u64,
    /// Octets looked at so far, framing included.
    offset: u64,
}

/// What a decoder found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// The content goes on past what there is.
    NeedMore,
    /// These octets of the input are content.
    Content(Range<usize>),
    /// These octets of the input are of the trailer fields' lines, which come after all content.
    Trailers(Range<usize>),
    /// The content is complete, trailer fields included.
    End,
}

/// What comes next. Those of which more than one octet is taken at a time stand last, so that the others are
/// told from them at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
enum At {
    #[default]
    SizeStart,
    Size,
    /// White space after a size or a value: only a further extension may follow.
    ExtensionSpace,
    NameStart,
    Name,
    /// White space after a name: a value or a further extension may follow.
    NameSpace,
    ValueStart,
    Token,
    Quoted,
    Escaped,
    QuotedEnd,
    SizeFeed,
    ContentReturn,
    ContentFeed,
    EndFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerFeed,
    Content,
    End,
}

impl Chunked {
    /// Decodes on in `input`, which begins where the last call stopped using it. Returns how many
    /// octets are used up, the range found included, and what was found.
    ///
    /// # Errors
    /// Whatever is malformed or past a limit. A fault's octet counts from the content's start, framing
    /// included.
    #[inline]
    pub fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<(usize, Decoded), Fault> {
        let mut used = 0;
        while let Some(octet) = input.get(used) {
            if self.at >= At::TrailerStart {
                if self.at == At::Content {
                    let taken = self.content(input.len() - used);
                    return Ok((used + taken, Decoded::Content(used..used + taken)));
                }
                if self.at == At::End {
                    break;
                }
                if self.is_in_trailers(*octet) {
                    let end = used + self.trailers(from(input, used), limits)?;
                    return Ok((end, Decoded::Trailers(used..end)));
                }
            }
            self.at = self.step(*octet, limits)?;
            self.offset += 1;
            used += 1;
        }
        let found = if self.at == At::End { Decoded::End } else { Decoded::NeedMore };
        Ok((used, found))
    }

    /// How many octets, framing included, have been looked at.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How many lines of trailer fields there were so far.
    #[must_use]
    pub const fn trailer_lines(&self) -> usize {
        self.trailer_lines
    }

    /// Takes content, of which this many octets are there, and returns how many of them are this chunk's.
    fn content(&mut self, there: usize) -> usize {
        let taken = self.left.min(there as u64);
        self.left -= taken;
        self.offset += taken;
        if self.left == 0 {
            self.at = At::ContentReturn;
        }
        taken as usize
    }

    /// Whether this octet, which comes next, is of a trailer field's line.
    const fn is_in_trailers(&self, octet: u8) -> bool {
        matches!(self.at, At::TrailerName | At::TrailerValue | At::TrailerFeed)
            || (matches!(self.at, At::TrailerStart) && octet != b'\r')
    }

    /// Takes a run of trailer fields' lines, up to what may be the blank line, and returns how long it is.
    fn trailers(&mut self, input: &[u8], limits: &Limits) -> Result<usize, Fault> {
        let mut used = 0;
        while let Some(octet) = input.get(used).filter(|octet| self.is_in_trailers(**octet)) {
            self.at = self.trailer(*octet, limits)?;
            self.offset += 1;
            used += 1;
        }
        Ok(used)
    }

    fn step(&mut self, octet: u8, limits: &Limits) -> Result<At, Fault> {
        match self.at {
            At::SizeStart | At::Size => self.size(octet, limits),
            At::ExtensionSpace
            | At::NameStart
            | At::Name
            | At::NameSpace
            | At::ValueStart
            | At::Token
            | At::Quoted
            | At::Escaped
            | At::QuotedEnd => {
                self.count_line(limits)?;
                self.extensions += 1;
                if self.extensions > limits.extensions_bytes {
                    return Err(self.fault(FaultKind::ChunkLineTooLong));
                }
                self.extension(octet)
            }
            At::SizeFeed => self.size_end(octet, limits),
            At::ContentReturn if octet == b'\r' => Ok(At::ContentFeed),
            At::ContentFeed if octet == b'\n' => {
                self.line = 0;
                Ok(At::SizeStart)
            }
            At::ContentReturn | At::ContentFeed => Err(self.fault(FaultKind::ChunkEnd)),
            At::TrailerStart | At::TrailerName | At::TrailerValue | At::TrailerFeed => {
                self.trailer(octet, limits)
            }
            At::EndFeed if octet == b'\n' => Ok(At::End),
            At::EndFeed => Err(self.fault_before(FaultKind::BareCarriageReturn)),
            // Neither is stepped: `decode` sees to both.
            At::Content | At::End => Ok(self.at),
        }
    }

    fn size(&mut self, octet: u8, limits: &Limits) -> Result<At, Fault> {
        self.count_line(limits)?;
        if let Some(digit) = (octet as char).to_digit(16) {
            let shifted =
                self.left.checked_mul(16).ok_or(self.fault(FaultKind::ChunkSizeOverflow))?;
            self.left = shifted | u64::from(digit);
            return Ok(At::Size);
        }
        let kind = match octet {
            b'\n' => FaultKind::BareLineFeed,
            _ if self.at == At::SizeStart => FaultKind::ChunkSize,
            b'\r' => return Ok(At::SizeFeed),
            b';' => return Ok(At::NameStart),
            b' ' | b'\t' => return Ok(At::ExtensionSpace),
            _ => FaultKind::ChunkSize,
        };
        Err(self.fault(kind))
    }

    /// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`, a value being a token or a quoted string.
    fn extension(&self, octet: u8) -> Result<At, Fault> {
        let is_space = matches!(octet, b' ' | b'\t');
        Ok(match (self.at, octet) {
            (At::Quoted, b'"') => At::QuotedEnd,
            (At::Quoted, b'\\') => At::Escaped,
            (At::Quoted | At::Escaped, _) if is_value_octet(octet) => At::Quoted,
            (_, b'\n') => return Err(self.fault(FaultKind::BareLineFeed)),
            (At::Name | At::Token | At::QuotedEnd, b'\r') => At::SizeFeed,
            (At::Name | At::NameSpace, b'=') => At::ValueStart,
            (At::Name | At::NameSpace | At::Token | At::QuotedEnd | At::ExtensionSpace, b';') => {
                At::NameStart
            }
            (At::NameStart | At::Name, _) if is_token_octet(octet) => At::Name,
            (At::ValueStart | At::Token, _) if is_token_octet(octet) => At::Token,
            (At::ValueStart, b'"') => At::Quoted,
            (At::Name | At::NameSpace, _) if is_space => At::NameSpace,
            (At::Token | At::QuotedEnd | At::ExtensionSpace, _) if is_space => At::ExtensionSpace,
            (At::NameStart | At::ValueStart, _) if is_space => self.at,
            _ => return Err(self.fault(FaultKind::ChunkExtension)),
        })
    }

    /// The size line is complete if this is its LF.
    fn size_end(&mut self, octet: u8, limits: &Limits) -> Result<At, Fault> {
        if octet != b'\n' {
            return Err(self.fault_before(FaultKind::BareCarriageReturn));
        }
        if self.left == 0 {
            return Ok(At::TrailerStart);
        }
        self.announced = self.announced.saturating_add(self.left);
        if self.announced > limits.content_bytes {
            return Err(self.fault(FaultKind::ContentTooLarge));
        }
        Ok(At::Content)
    }

    /// Field lines as in a head (RFC 9112 §7.1.2), up to a blank line.
    fn trailer(&mut self, octet: u8, limits: &Limits) -> Result<At, Fault> {
        self.trailers += 1;
        if self.trailers > limits.trailers_bytes {
            return Err(self.trailer_fault(FaultKind::TrailersTooLarge));
        }
        let kind = match (self.at, octet) {
            (At::TrailerFeed, b'\n') => {
                self.trailer_lines += 1;
                return Ok(At::TrailerStart);
            }
            (At::TrailerFeed, _) => {
                return Err(self
                    .fault_before(FaultKind::BareCarriageReturn)
                    .in_line(self.trailer_lines));
            }
            (At::TrailerStart, b'\r') => return Ok(At::EndFeed),
            (At::TrailerValue, b'\r') => return Ok(At::TrailerFeed),
            (_, b'\n') => FaultKind::BareLineFeed,
            (At::TrailerValue, _) if is_value_octet(octet) => return Ok(At::TrailerValue),
            (At::TrailerValue, _) => FaultKind::FieldValueOctet,
            (At::TrailerStart | At::TrailerName, _) if is_token_octet(octet) => {
                return Ok(At::TrailerName);
            }
            (At::TrailerStart, b':') => FaultKind::FieldNameEmpty,
            (At::TrailerStart, b' ' | b'\t') if self.trailer_lines == 0 => {
                FaultKind::SpaceBeforeFields
            }
            (At::TrailerStart, b' ' | b'\t') => FaultKind::FieldFolded,
            (_, b':') => return Ok(At::TrailerValue),
            (_, b' ' | b'\t') => FaultKind::FieldNameSpace,
            (_, b'\r') => FaultKind::FieldColonMissing,
            _ => FaultKind::FieldNameOctet,
        };
        Err(self.trailer_fault(kind))
    }

    fn count_line(&mut self, limits: &Limits) -> Result<(), Fault> {
        self.line += 1;
        if self.line > limits.chunk_line_bytes {
            return Err(self.fault(FaultKind::ChunkLineTooLong));
        }
        Ok(())
    }

    /// A fault of the octet that is being looked at.
    fn fault(&self, kind: FaultKind) -> Fault {
        fault_at(kind, self.offset)
    }

    /// A fault of the octet before it: a CR that turns out to stand alone.
    fn fault_before(&self, kind: FaultKind) -> Fault {
        fault_at(kind, self.offset.saturating_sub(1))
    }

    fn trailer_fault(&self, kind: FaultKind) -> Fault {
        self.fault(kind).in_line(self.trailer_lines)
    }
}

/// A fault's octet is 32 bits wide; past that the last that can be said stands for all that follow.
fn fault_at(kind: FaultKind, offset: u64) -> Fault {
    Fault::new(kind, offset.min(u64::from(u32::MAX)) as usize)
}
