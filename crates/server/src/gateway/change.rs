//! Content that is changed on its way: decoded, texts in it replaced, coded anew. It goes in steps, each of bounded cost,
//! and little of it is ever in memory.

use wherefore_coding::{
    CoderFailed, DecodeError, Decoder, Encoder, Level, decoder_bytes_max, encoder_bytes_max,
};
use wherefore_gateway::transform::{Replacer, STEP_BYTES, Transform};
use wherefore_message::{Cause, Coding};
use wherefore_origin::room::Room;

use crate::encode::Encoders;

/// So much is done to content in one turn of a core's loop, in octets: then others have theirs.
pub(super) const TURN_BYTES_MAX: usize = 64 << 10;

/// What is done to the content of one answer.
pub(super) struct Change {
    decoder: Option<(Decoder, Room)>,
    replacer: Replacer,
    encoder: Option<(Encoder, Room)>,
    /// What was decoded.
    plain: Vec<u8>,
    /// How much of that the replacer has taken.
    at: usize,
    /// What the encoder is given.
    replaced: Vec<u8>,
    /// What has become of the content, and is to be taken on.
    pub(super) made: Vec<u8>,
    replacer_has_more: bool,
    decoder_has_more: bool,
    content: Content,
    /// Whether what went into the encoder may not have come out.
    is_unflushed: bool,
}

/// How much content came.
#[derive(Clone, Copy, PartialEq)]
enum Content {
    None,
    Some,
    /// Some, of which something was decoded.
    Decoded,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stepped {
    /// How many octets of the content were used.
    pub(super) used: usize,
    /// What it cost, in octets.
    pub(super) cost: usize,
    /// Whether the same is to be done again, with the rest of the content.
    pub(super) has_more: bool,
}

impl Change {
    /// What `transform` does to content that comes in a coding. Once that is taken off, it may be so many octets long.
    ///
    /// # Errors
    /// If there is no memory for taking it off.
    pub(super) fn new(
        encoders: &Encoders,
        transform: &Transform,
        decode: Option<Coding>,
        plain_bytes_max: u64,
    ) -> Result<Self, Cause> {
        let decoder = match decode {
            None => None,
            Some(coding) => {
                let room = encoders.room(decoder_bytes_max(coding) as u64).ok_or(Cause::OwnLack)?;
                Some((Decoder::new(coding, plain_bytes_max).map_err(undecoded)?, room))
            }
        };
        Ok(Self {
            decoder,
            replacer: transform.replacer(),
            encoder: None,
            plain: Vec::new(),
            at: 0,
            replaced: Vec::new(),
            made: Vec::new(),
            replacer_has_more: false,
            decoder_has_more: false,
            content: Content::None,
            is_unflushed: false,
        })
    }

    /// Codes what goes out, too. Says whether there is memory for it.
    pub(super) fn code(&mut self, encoders: &Encoders, level: Level) -> bool {
        let room = encoders.room(encoder_bytes_max(level) as u64);
        self.encoder = room.and_then(|room| Some((Encoder::new(level).ok()?, room)));
        self.encoder.is_some()
    }

    /// Whether it may turn out that what comes can't be decoded.
    pub(super) const fn may_fail(&self) -> bool {
        self.decoder.is_some()
    }

    /// Whether something was decoded.
    pub(super) fn has_decoded(&self) -> bool {
        self.content == Content::Decoded
    }

    /// Does a bounded part of what is to be done to this content.
    ///
    /// # Errors
    /// If it can't be decoded, or there is no memory for coding it.
    pub(super) fn step(&mut self, content: &[u8]) -> Result<Stepped, Cause> {
        let mut used = 0;
        if self.at == self.plain.len() && !self.replacer_has_more {
            used = self.decode(content)?;
        }
        let taken = self.plain.get(self.at..).unwrap_or_default();
        let into = if self.encoder.is_some() { &mut self.replaced } else { &mut self.made };
        let before = into.len();
        let progress = self.replacer.replace(taken, into);
        let cost = used.max(progress.used).max(into.len() - before).max(1);
        self.at += progress.used;
        self.replacer_has_more = progress.has_more;
        self.encode()?;
        Ok(Stepped { used, cost, has_more: self.decoder_has_more || self.replacer_has_more })
    }

    /// Does a bounded part of what is to be done when no more content comes.
    ///
    /// # Errors
    /// If the content's end is missing, or there is no memory.
    pub(super) fn finish(&mut self) -> Result<Stepped, Cause> {
        // Some say a coding of no content at all: there is nothing that could be wrong with it.
        if let Some((decoder, _)) = self.decoder.take()
            && self.content != Content::None
        {
            decoder.finish().map_err(undecoded)?;
        }
        let into = if self.encoder.is_some() { &mut self.replaced } else { &mut self.made };
        let before = into.len();
        let has_more = self.replacer.finish(into).has_more;
        let cost = (into.len() - before).max(1);
        self.encode()?;
        if !has_more && let Some((encoder, _)) = self.encoder.take() {
            encoder.finish(&mut self.made).map_err(uncoded)?;
        }
        Ok(Stepped { used: 0, cost, has_more })
    }

    /// Brings out what the encoder holds back, for who waits for it.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(super) fn flush(&mut self) -> Result<(), Cause> {
        if let Some((encoder, _)) = &mut self.encoder
            && std::mem::take(&mut self.is_unflushed)
        {
            encoder.flush(&mut self.made).map_err(uncoded)?;
        }
        Ok(())
    }

    /// Takes more content. Says how much of it was used.
    fn decode(&mut self, content: &[u8]) -> Result<usize, Cause> {
        self.plain.clear();
        self.at = 0;
        if self.content == Content::None && !content.is_empty() {
            self.content = Content::Some;
        }
        let used = match &mut self.decoder {
            None => {
                let used = content.len().min(STEP_BYTES);
                self.plain.extend_from_slice(content.get(..used).unwrap_or_default());
                self.decoder_has_more = used < content.len();
                used
            }
            Some((decoder, _)) => {
                let progress = decoder.decode(content, &mut self.plain).map_err(undecoded)?;
                self.decoder_has_more = progress.has_more;
                progress.used
            }
        };
        if !self.plain.is_empty() {
            self.content = Content::Decoded;
        }
        Ok(used)
    }

    fn encode(&mut self) -> Result<(), Cause> {
        if let Some((encoder, _)) = &mut self.encoder
            && !self.replaced.is_empty()
        {
            encoder.encode(&self.replaced, &mut self.made).map_err(uncoded)?;
            self.replaced.clear();
            self.is_unflushed = true;
        }
        Ok(())
    }
}

const fn undecoded(error: DecodeError) -> Cause {
    match error {
        DecodeError::TooLarge => Cause::ContentTooLarge,
        DecodeError::Failed => Cause::OwnLack,
        DecodeError::Malformed
        | DecodeError::Truncated
        | DecodeError::WindowTooLarge
        | DecodeError::TooManyStreams => Cause::ContentCoding,
    }
}

const fn uncoded(CoderFailed: CoderFailed) -> Cause {
    Cause::OwnLack
}

#[cfg(test)]
mod tests;
