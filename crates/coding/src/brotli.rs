//! The coding `br` (RFC 7932), by the crate `brotli`.

use ::brotli::enc::StandardAlloc;
use ::brotli::enc::encode::{
    BrotliEncoderOperation as Operation, BrotliEncoderParameter as Parameter,
    BrotliEncoderStateStruct,
};
use ::brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

use crate::decoder::{self, DecodeError};
use crate::encoder::{BLOCK_BYTES, CoderFailed, Step, Until};

/// A window of 512 KiB: with the one of 4 MiB that is usual for files, an encoder would take
/// 30 MiB.
const WINDOW_BITS: u32 = 19;

pub(crate) struct Encoder(BrotliEncoderStateStruct<StandardAlloc>);

impl Encoder {
    pub(crate) fn new(level: u8) -> Self {
        let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
        state.set_parameter(Parameter::BROTLI_PARAM_QUALITY, level.into());
        state.set_parameter(Parameter::BROTLI_PARAM_LGWIN, WINDOW_BITS);
        // Else it would be what the first call happens to bring, and larger tables with it.
        state.set_parameter(Parameter::BROTLI_PARAM_SIZE_HINT, BLOCK_BYTES as u32);
        Self(state)
    }

    pub(crate) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        until: Until,
    ) -> Result<Step, CoderFailed> {
        let operation = match until {
            Until::Convenient => Operation::BROTLI_OPERATION_PROCESS,
            Until::Flushed => Operation::BROTLI_OPERATION_FLUSH,
            Until::Finished => Operation::BROTLI_OPERATION_FINISH,
        };
        let (mut left, mut used, mut room, mut made) = (input.len(), 0, out.len(), 0);
        let is_well = self.0.compress_stream(
            operation,
            &mut left,
            input,
            &mut used,
            &mut room,
            out,
            &mut made,
            &mut None,
            &mut |_, _, _, _| (),
        );
        if !is_well {
            return Err(CoderFailed);
        }
        let is_done = match until {
            Until::Convenient | Until::Flushed => left == 0 && !self.0.has_more_output(),
            Until::Finished => self.0.is_finished(),
        };
        Ok(Step { used, made, is_done })
    }
}

pub(crate) struct Decoder {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    total: usize,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        // Strict: windows beyond 16 MiB are another format than the registered coding.
        let state = BrotliState::new_strict(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        );
        Self { state, total: 0 }
    }

    pub(crate) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
    ) -> Result<decoder::Step, DecodeError> {
        let (mut left, mut used, mut room, mut made) = (input.len(), 0, out.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut used,
            input,
            &mut room,
            &mut made,
            out,
            &mut self.total,
            &mut self.state,
        );
        let is_end = match result {
            BrotliResult::ResultSuccess => true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => false,
            BrotliResult::ResultFailure => return Err(DecodeError::Malformed),
        };
        Ok(decoder::Step { used, made, is_end })
    }
}
