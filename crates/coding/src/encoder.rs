//! From octets to octets in a content coding, as they come.

use core::fmt;

use wherefore_message::Coding;

use crate::{Level, brotli, gzip, zstd};

/// How much a coder is given at once. What coders write depends on how their input is cut (RFC 9110
/// does not mind, but a strong entity tag does), so that here it is always cut alike.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;

/// How much room a coder has at once; for the same reason it is always the same.
const WINDOW_BYTES: usize = 16 << 10;

/// Encodes one representation. The octets that come out depend on the level, on what goes in, and on
/// where it is flushed, and on nothing else.
///
/// It takes no more memory than [`encoder_bytes_max`](crate::encoder_bytes_max) says. Each call appends what can be
/// written by then; that may be nothing for a long while.
pub struct Encoder {
    coder: Coder,
    /// What came since the last whole block.
    pending: Vec<u8>,
}

enum Coder {
    Gzip(gzip::Encoder),
    Brotli(Box<brotli::Encoder>),
    Zstd(zstd::Encoder),
}

/// Up to where a coder shall write what it has been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// As far as it likes.
    Convenient,
    /// So that all of it can be decoded.
    Flushed,
    /// And that nothing can follow.
    Finished,
}

/// What a coder did in one call.
pub(crate) struct Step {
    /// How much of the input it took.
    pub(crate) used: usize,
    /// How much it wrote.
    pub(crate) made: usize,
    /// Whether nothing is left to be done of what it was asked to do.
    pub(crate) is_done: bool,
}

impl Encoder {
    /// An encoder that has been given nothing yet.
    ///
    /// # Errors
    /// [`CoderFailed`] if there is no memory for it.
    pub fn new(level: Level) -> Result<Self, CoderFailed> {
        let coder = match level.coding() {
            Coding::Gzip => Coder::Gzip(gzip::Encoder::new(level.number())),
            Coding::Brotli => Coder::Brotli(Box::new(brotli::Encoder::new(level.number()))),
            Coding::Zstd => Coder::Zstd(zstd::Encoder::new(level.number())?),
        };
        Ok(Self { coder, pending: Vec::new() })
    }

    /// Encodes `input`, and appends to `out` what is ready.
    ///
    /// # Errors
    /// [`CoderFailed`] if there is no memory for it; what was appended is then of no use.
    pub fn encode(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), CoderFailed> {
        if !self.pending.is_empty() {
            let fits = input.len().min(BLOCK_BYTES - self.pending.len());
            let (first, rest) = input.split_at(fits);
            self.pending.extend_from_slice(first);
            input = rest;
            if self.pending.len() < BLOCK_BYTES {
                return Ok(());
            }
            self.pass_pending(Until::Convenient, out)?;
        }
        let mut blocks = input.chunks_exact(BLOCK_BYTES);
        for block in &mut blocks {
            self.coder.pass(block, Until::Convenient, out)?;
        }
        self.pending.extend_from_slice(blocks.remainder());
        Ok(())
    }

    /// Appends to `out` what is needed to decode all that was given so far. It costs some octets.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), CoderFailed> {
        self.pass_pending(Until::Flushed, out)
    }

    /// Appends the rest to `out`.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), CoderFailed> {
        self.pass_pending(Until::Finished, out)
    }

    fn pass_pending(&mut self, until: Until, out: &mut Vec<u8>) -> Result<(), CoderFailed> {
        let passed = self.coder.pass(&self.pending, until, out);
        self.pending.clear();
        passed
    }
}

impl Coder {
    fn pass(
        &mut self,
        mut input: &[u8],
        until: Until,
        out: &mut Vec<u8>,
    ) -> Result<(), CoderFailed> {
        loop {
            let start = out.len();
            out.resize(start + WINDOW_BYTES, 0);
            let step = self.step(input, &mut out[start..], until);
            out.truncate(start + step.as_ref().map_or(0, |step| step.made));
            let Step { used, made, is_done } = step?;
            if is_done {
                return Ok(());
            }
            if used == 0 && made == 0 {
                return Err(CoderFailed);
            }
            input = &input[used..];
        }
    }

    fn step(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Result<Step, CoderFailed> {
        match self {
            Self::Gzip(coder) => coder.step(input, out, until),
            Self::Brotli(coder) => coder.step(input, out, until),
            Self::Zstd(coder) => coder.step(input, out, until),
        }
    }
}

/// A coder could not go on: it got no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoderFailed;

impl fmt::Display for CoderFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the coder got no memory")
    }
}

impl core::error::Error for CoderFailed {}
