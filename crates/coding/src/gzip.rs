//! The coding `gzip` (RFC 1952), by zlib-rs. Its head holds neither a name nor a time.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::decoder::{self, DecodeError};
use crate::encoder::{CoderFailed, Step, Until};

/// A window of 32 KiB, which is the largest (RFC 1951 §2).
const WINDOW_BITS: u8 = 15;

/// Where the head names the file system it was made on (RFC 1952 §2.3), and what stands there here, so that
/// it is the same on all.
const SYSTEM_AT: usize = 9;
const SYSTEM_UNKNOWN: u8 = 255;

pub(crate) struct Encoder(Compress);

impl Encoder {
    pub(crate) fn new(level: u8) -> Self {
        Self(Compress::new_gzip(Compression::new(level.into()), WINDOW_BITS))
    }

    pub(crate) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        until: Until,
    ) -> Result<Step, CoderFailed> {
        if input.is_empty() && until == Until::Convenient {
            return Ok(Step { used: 0, made: 0, is_done: true });
        }
        let flush = match until {
            Until::Convenient => FlushCompress::None,
            Until::Flushed => FlushCompress::Sync,
            Until::Finished => FlushCompress::Finish,
        };
        let (in_before, out_before) = (self.0.total_in(), self.0.total_out());
        let status = self.0.compress(input, out, flush).map_err(|_| CoderFailed)?;
        let used = (self.0.total_in() - in_before) as usize;
        let made = (self.0.total_out() - out_before) as usize;
        if let (0, Some(system)) = (out_before, out[..made].get_mut(SYSTEM_AT)) {
            *system = SYSTEM_UNKNOWN;
        }
        let is_done = match until {
            Until::Convenient => used == input.len(),
            // All is written when room is left.
            Until::Flushed => used == input.len() && made < out.len(),
            Until::Finished => status == Status::StreamEnd,
        };
        Ok(Step { used, made, is_done })
    }
}

pub(crate) struct Decoder(Decompress);

impl Decoder {
    pub(crate) fn new() -> Self {
        Self(Decompress::new_gzip(WINDOW_BITS))
    }

    pub(crate) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
    ) -> Result<decoder::Step, DecodeError> {
        let (in_before, out_before) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, out, FlushDecompress::None);
        let status = status.map_err(|_| DecodeError::Malformed)?;
        Ok(decoder::Step {
            used: (self.0.total_in() - in_before) as usize,
            made: (self.0.total_out() - out_before) as usize,
            is_end: status == Status::StreamEnd,
        })
    }
}
