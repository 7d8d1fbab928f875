//! From octets in a content coding to what they were. All input is hostile: little of it may stand for
//! very much.

use core::fmt;

use wherefore_message::Coding;

use crate::{CoderFailed, brotli, gzip, zstd};

/// The most that one call appends.
const STEP_BYTES: usize = 32 << 10;

/// The most streams that may follow each other where a coding allows several (RFC 1952 §2.2,
/// RFC 8878 §3.1). Beginning one costs more than the few octets that an empty one needs.
const STREAMS_MAX: u32 = 1024;

/// Decodes one representation, up to a bound.
pub struct Decoder {
    coder: Coder,
    /// How much more may come out.
    left_bytes: u64,
    streams: u32,
    place: Place,
}

enum Coder {
    Gzip(gzip::Decoder),
    Brotli(Box<brotli::Decoder>),
    Zstd(zstd::Decoder),
}

#[derive(Clone, Copy)]
enum Place {
    /// Before a stream: behind the last one, or before all.
    Between,
    Within,
    Failed(DecodeError),
}

/// What one call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many octets of the input were used.
    pub used: usize,
    /// Whether there is more to be decoded, of the rest of the input or of what was used already.
    pub has_more: bool,
}

/// What a coder did in one call.
pub(crate) struct Step {
    pub(crate) used: usize,
    pub(crate) made: usize,
    /// Whether the stream has ended, and all of it is written.
    pub(crate) is_end: bool,
}

impl Decoder {
    /// A decoder that writes at most `decoded_bytes_max`.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] if there is no memory for it.
    pub fn new(coding: Coding, decoded_bytes_max: u64) -> Result<Self, DecodeError> {
        let coder = match coding {
            Coding::Gzip => Coder::Gzip(gzip::Decoder::new()),
            Coding::Brotli => Coder::Brotli(Box::new(brotli::Decoder::new())),
            Coding::Zstd => Coder::Zstd(zstd::Decoder::new()?),
        };
        Ok(Self { coder, left_bytes: decoded_bytes_max, streams: 0, place: Place::Between })
    }

    /// Decodes from `input`, and appends at most 32 KiB to `out`. It is to be called again, with
    /// the rest of the input, while [`Progress::has_more`].
    ///
    /// # Errors
    /// What is wrong with the input; what was appended before is right as far as can be told. A
    /// decoder that failed once fails the same way ever after.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, DecodeError> {
        if let Place::Failed(error) = self.place {
            return Err(error);
        }
        self.advance(input, out).inspect_err(|error| self.place = Place::Failed(*error))
    }

    /// Says that no more input comes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if more had to come.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.place {
            Place::Between if self.streams > 0 => Ok(()),
            Place::Between | Place::Within => Err(DecodeError::Truncated),
            Place::Failed(error) => Err(error),
        }
    }

    fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, DecodeError> {
        if matches!(self.place, Place::Between) {
            if input.is_empty() {
                return Ok(Progress { used: 0, has_more: false });
            }
            self.begin_stream()?;
        }
        // One more than is left, so that too much is seen.
        let room = self.left_bytes.saturating_add(1).min(STEP_BYTES as u64) as usize;
        let start = out.len();
        out.resize(start + room, 0);
        let step = self.coder.step(input, &mut out[start..]);
        let made = step.as_ref().map_or(0, |step| step.made);
        let allowed = self.left_bytes.min(made as u64);
        out.truncate(start + allowed as usize);
        let Step { used, is_end, .. } = step?;
        if (made as u64) > allowed {
            return Err(DecodeError::TooLarge);
        }
        self.left_bytes -= allowed;
        if is_end {
            self.place = Place::Between;
        } else if used == 0 && made == 0 && !input.is_empty() {
            return Err(DecodeError::Malformed);
        }
        Ok(Progress { used, has_more: used < input.len() || (!is_end && made == room) })
    }

    fn begin_stream(&mut self) -> Result<(), DecodeError> {
        if self.streams > 0 {
            self.coder.begin_another()?;
        }
        if self.streams == STREAMS_MAX {
            return Err(DecodeError::TooManyStreams);
        }
        self.streams += 1;
        self.place = Place::Within;
        Ok(())
    }
}

impl Coder {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, DecodeError> {
        match self {
            Self::Gzip(coder) => coder.step(input, out),
            Self::Brotli(coder) => coder.step(input, out),
            Self::Zstd(coder) => coder.step(input, out),
        }
    }

    fn begin_another(&mut self) -> Result<(), DecodeError> {
        match self {
            Self::Gzip(coder) => *coder = gzip::Decoder::new(),
            // Nothing may follow a stream of brotli (RFC 7932 §2).
            Self::Brotli(_) => return Err(DecodeError::Malformed),
            // It begins each frame by itself.
            Self::Zstd(_) => {}
        }
        Ok(())
    }
}

/// The most octets of memory that a decoder takes, apart from the caller's. Most of it is the window,
/// which the input chooses: 32 KiB for gzip (RFC 1951 §2), 16 MiB for brotli (RFC 7932 §9.1), 8 MiB for
/// zstd (RFC 9659 §3).
#[must_use]
pub const fn decoder_bytes_max(coding: Coding) -> usize {
    match coding {
        Coding::Gzip => 64 << 10,
        Coding::Brotli => 20 << 20,
        Coding::Zstd => 9 << 20,
    }
}

/// Why something can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is not in this coding, or was changed on its way.
    Malformed,
    /// Its end is missing.
    Truncated,
    /// It is more than the bound allows.
    TooLarge,
    /// Decoding it takes a larger window than zstd may use as a content coding (RFC 9659 §3).
    WindowTooLarge,
    /// It consists of too many streams behind each other.
    TooManyStreams,
    /// The coder got no memory.
    Failed,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the content is not in its coding",
            Self::Truncated => "the end of the coded content is missing",
            Self::TooLarge => "the decoded content is larger than the limit",
            Self::WindowTooLarge => "the coded content takes a window larger than 8 MiB",
            Self::TooManyStreams => "the coded content consists of too many streams",
            Self::Failed => "the coder got no memory",
        })
    }
}

impl core::error::Error for DecodeError {}

impl From<CoderFailed> for DecodeError {
    fn from(_: CoderFailed) -> Self {
        Self::Failed
    }
}
