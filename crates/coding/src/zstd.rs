//! The coding `zstd` (RFC 8878), by the library that defines it.

use zstd_safe::zstd_sys::{ZSTD_EndDirective as Directive, ZSTD_ErrorCode};
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, is_error_kind};

use crate::decoder::{self, DecodeError};
use crate::encoder::{CoderFailed, Step, Until};

/// A window of 1 MiB, so that an encoder of a usual level takes less than 5 MiB.
const WINDOW_BITS: u32 = 20;

/// No window may be larger than 8 MiB (RFC 9659 §3).
const WINDOW_BITS_MAX: u32 = 23;

/// The release that [`crate::VERSION`] speaks of: 1.5.7.
const RELEASE: u32 = 10_507;

/// Whether the library is the one that it was built with, and not one of the system's.
pub(crate) fn is_known_release() -> bool {
    zstd_safe::version_number() == RELEASE
}

pub(crate) struct Encoder(CCtx<'static>);

impl Encoder {
    pub(crate) fn new(level: u8) -> Result<Self, CoderFailed> {
        let mut context = CCtx::try_create().ok_or(CoderFailed)?;
        for parameter in
            [CParameter::CompressionLevel(level.into()), CParameter::WindowLog(WINDOW_BITS)]
        {
            context.set_parameter(parameter).map_err(|_| CoderFailed)?;
        }
        Ok(Self(context))
    }

    pub(crate) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        until: Until,
    ) -> Result<Step, CoderFailed> {
        let directive = match until {
            Until::Convenient => Directive::ZSTD_e_continue,
            Until::Flushed => Directive::ZSTD_e_flush,
            Until::Finished => Directive::ZSTD_e_end,
        };
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(out));
        let left = self.0.compress_stream2(&mut to, &mut from, directive);
        let left = left.map_err(|_| CoderFailed)?;
        let (used, made) = (from.pos(), to.pos());
        let is_done = used == input.len() && (until == Until::Convenient || left == 0);
        Ok(Step { used, made, is_done })
    }
}

pub(crate) struct Decoder(DCtx<'static>);

impl Decoder {
    pub(crate) fn new() -> Result<Self, CoderFailed> {
        let mut context = DCtx::try_create().ok_or(CoderFailed)?;
        let set = context.set_parameter(DParameter::WindowLogMax(WINDOW_BITS_MAX));
        set.map_err(|_| CoderFailed)?;
        Ok(Self(context))
    }

    pub(crate) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
    ) -> Result<decoder::Step, DecodeError> {
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(out));
        let hint = self.0.decompress_stream(&mut to, &mut from).map_err(error_of)?;
        Ok(decoder::Step { used: from.pos(), made: to.pos(), is_end: hint == 0 })
    }
}

fn error_of(code: usize) -> DecodeError {
    use ZSTD_ErrorCode::{
        ZSTD_error_frameParameter_windowTooLarge as WINDOW, ZSTD_error_memory_allocation as MEMORY,
    };
    if is_error_kind(code, WINDOW) {
        DecodeError::WindowTooLarge
    } else if is_error_kind(code, MEMORY) {
        DecodeError::Failed
    } else {
        DecodeError::Malformed
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::Coding;

    use super::*;
    use crate::Level;
    use crate::decoder::decoder_bytes_max;
    use crate::encoder::BLOCK_BYTES;

    #[test]
    fn no_level_takes_more_memory_than_it_says() {
        let input = vec![0; BLOCK_BYTES];
        let mut out = vec![0; 2 * BLOCK_BYTES];
        for number in Level::numbers(Coding::Zstd) {
            let level = Level::new(Coding::Zstd, number).unwrap();
            let mut encoder = Encoder::new(number).unwrap();
            // It takes all that it will ever take with the first octets.
            encoder.step(&input, &mut out, Until::Flushed).unwrap();
            let taken = encoder.0.sizeof();
            assert!(taken + BLOCK_BYTES <= crate::encoder_bytes_max(level), "{number}: {taken}");
        }
    }

    /// A frame with the largest window that is allowed, as large as it is, of stretches that repeat one
    /// octet (RFC 8878 §3.1.1).
    #[test]
    fn no_decoder_takes_more_memory_than_it_says() {
        let mut decoder = Decoder::new().unwrap();
        let mut out = vec![0; 128 << 10];
        decoder.step(b"\x28\xb5\x2f\xfd\x00\x68", &mut out).unwrap();
        let mut decoded = 0;
        while decoded < 9 << 20 {
            // Not the last, of one octet, 128 KiB.
            let mut block = &b"\x02\x00\x10a"[..];
            while !block.is_empty() {
                let step = decoder.step(block, &mut out).unwrap();
                block = &block[step.used..];
                decoded += step.made;
            }
        }
        let taken = decoder.0.sizeof();
        assert!(taken > 8 << 20 && taken <= decoder_bytes_max(Coding::Zstd), "{taken}");
    }

    #[test]
    fn the_library_is_the_one_that_was_built() {
        assert!(is_known_release());
    }
}
