//! Content as it comes in, of either role, by the framing that its head said: what of the octets is
//! content, where it ends, and the trailer fields after it.

use core::ops::Range;

use wherefore_message::{Fault, Fields};

use crate::chunked::{Chunked, Decoded};
use crate::framing::Framing;
use crate::limits::Limits;
use crate::lines::Lines;
use crate::octets::{from, within};

/// The content of one message after another. The memory of its trailer fields is reused.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    rest: Rest,
    /// How many octets the head said.
    length: u64,
    trailers_text: Vec<u8>,
    trailers: Lines,
}

/// What is still to be received.
#[derive(Debug)]
enum Rest {
    Length(u64),
    Chunks(Chunked),
    UntilClose,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The content goes on past what there is.
    NeedMore,
    /// These octets of the input are content.
    Content(Range<usize>),
    /// The content is complete, trailer fields included.
    End,
}

/// How much of a message's content has not been received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// None.
    None,
    /// This many octets.
    Octets(u64),
    /// Some; how much can't be told.
    Unknown,
}

impl Default for Rest {
    fn default() -> Self {
        Self::Length(0)
    }
}

impl Incoming {
    /// A head has said that its content is delimited so.
    #[inline]
    pub(crate) fn begin(&mut self, framing: Framing) {
        self.length = 0;
        self.rest = match framing {
            Framing::Length(length) => {
                self.length = length;
                Rest::Length(length)
            }
            Framing::Chunked => Rest::Chunks(Chunked::default()),
            Framing::UntilClose => Rest::UntilClose,
            Framing::Nothing | Framing::Tunnel => Rest::Length(0),
        };
        self.trailers_text.clear();
        self.trailers.clear();
    }

    /// Looks at `input` as far as one finding, and returns how many of its octets are used.
    ///
    /// # Errors
    /// Chunks or trailer fields that are malformed or past a limit.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Found), Fault> {
        let mut start = 0;
        loop {
            return match &mut self.rest {
                Rest::Length(0) => Ok((0, Found::End)),
                Rest::Length(_) | Rest::UntilClose if input.is_empty() => Ok((0, Found::NeedMore)),
                Rest::Length(left) => {
                    let taken = (input.len() as u64).min(*left);
                    *left -= taken;
                    Ok((taken as usize, Found::Content(0..taken as usize)))
                }
                Rest::UntilClose => Ok((input.len(), Found::Content(0..input.len()))),
                Rest::Chunks(chunks) => match chunks.decode(from(input, start), limits) {
                    Ok((used, Decoded::Content(range))) => Ok((used, Found::Content(range))),
                    Ok((used, Decoded::NeedMore)) => Ok((start + used, Found::NeedMore)),
                    Ok((used, Decoded::Trailers(range))) => {
                        let octets = within(input, start + range.start, start + range.end);
                        self.trailers_text.extend_from_slice(octets);
                        start += used;
                        continue;
                    }
                    Ok((used, Decoded::End)) => self.end_chunks(start + used),
                    Err(fault) => Err(fault),
                },
            };
        }
    }

    /// How much has not been received.
    pub(crate) const fn unread(&self) -> Unread {
        match self.rest {
            Rest::Length(0) => Unread::None,
            Rest::Length(left) => Unread::Octets(left),
            Rest::Chunks(_) | Rest::UntilClose => Unread::Unknown,
        }
    }

    /// Whether the peer's closing is what ends it.
    pub(crate) const fn ends_by_closing(&self) -> bool {
        matches!(self.rest, Rest::UntilClose)
    }

    /// How many octets, framing included, were received; 0 where that is not counted.
    pub(crate) const fn received(&self) -> usize {
        match &self.rest {
            Rest::Length(left) => (self.length - *left) as usize,
            Rest::Chunks(chunks) => chunks.offset() as usize,
            Rest::UntilClose => 0,
        }
    }

    /// The trailer fields, once the content has ended.
    pub(crate) fn trailers(&self) -> Fields<'_> {
        self.trailers.fields(&self.trailers_text)
    }

    /// The last chunk and the trailer fields are there, and `used` octets of the input with them.
    #[cold]
    fn end_chunks(&mut self, used: usize) -> Result<(usize, Found), Fault> {
        if let Rest::Chunks(chunks) = &self.rest
            && chunks.trailer_lines() > 0
        {
            self.trailers_text.extend_from_slice(b"\r\n");
            self.trailers.read(&self.trailers_text)?;
        }
        Ok((used, Found::End))
    }
}
