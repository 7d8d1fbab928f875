//! Encoding files as they are sent: small ones whole, to be kept, large ones a step at a time.

use std::fmt;
use std::sync::Arc;

use wherefore_coding::{CoderFailed, Encoder, Level, encoder_bytes_max, tag_of};
use wherefore_decide::facts::{Found, Octets, Representation};
use wherefore_decide::policy::Compress;
use wherefore_message::EntityTag;
use wherefore_message::path::Path;
use wherefore_store::{Conflict, StoreError, Wait};

use crate::find::media_type;
use crate::read::OpenFile;
use crate::room::Room;

/// Files up to this many octets are encoded whole, and kept so.
pub const WHOLE_BYTES_MAX: u64 = 1 << 20;
/// How much of a file is read and encoded in one step, in octets.
const STEP_BYTES: u64 = 256 << 10;
/// How much of what goes in may come out, in percent; where it is more, it is not worth the client's trouble.
const WORTH_PERCENT_MAX: u64 = 95;

/// The most octets that a step writes: an encoder keeps some back, and may give it all at once.
const STEP_OUT_BYTES_MAX: u64 = 1 << 20;

/// Adds to what was found under `path` what a route makes of it: those codings of the file that `compress`
/// offers and that are not stored beside it.
pub fn offer(found: &mut Found, path: Path<'_>, compress: &Compress) {
    let media_type = media_type(path, found);
    let Some(all) = found.representations_mut() else { return };
    let original = all.original;
    for level in compress.offers(media_type, original.length().unwrap_or(0)) {
        let coded = all.coded_mut(level.coding());
        if coded.is_none() {
            // There is none for a tag that is too long to be added to; then that coding is not offered.
            let octets = Octets::Made(level);
            *coded =
                tag_of(&original.tag, level).map(|tag| Representation { tag, octets, ..original });
        }
    }
}

/// What came of encoding a file whole.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// It, as a file of its own.
    File(Arc<OpenFile>),
    /// It is hardly smaller than the original.
    NotWorth,
}

/// The most octets of memory that it takes to encode a file of this length whole: the encoder, what it reads,
/// and what it wrote, once as it grows and once as it is kept.
#[must_use]
pub const fn whole_bytes_max(level: Level, length: u64) -> u64 {
    encoder_bytes_max(level) as u64 + 2 * STEP_BYTES + 2 * length
}

/// Encodes a file whole, and gives it this tag. It takes the memory that [`whole_bytes_max`] says.
///
/// # Errors
/// If the file changed on the way, can't be read, or there is no memory for the encoder.
pub fn whole(file: &OpenFile, level: Level, tag: EntityTag) -> Result<Encoded, EncodeError> {
    let mut encoder = Encoder::new(level)?;
    let mut coded = Vec::with_capacity(file.length() as usize);
    let mut offset = 0;
    while offset < file.length() {
        offset = step(file, offset, &mut encoder, &mut coded)?;
        if !is_worth(coded.len(), file.length()) {
            return Ok(Encoded::NotWorth);
        }
    }
    encoder.finish(&mut coded)?;
    Ok(if is_worth(coded.len(), file.length()) {
        Encoded::File(Arc::new(OpenFile::encoded(file, tag, coded.into())))
    } else {
        Encoded::NotWorth
    })
}

fn is_worth(coded: usize, original: u64) -> bool {
    coded as u64 * 100 <= original * WORTH_PERCENT_MAX
}

/// Reads and encodes the next stretch; says where the one after it begins. The file is looked at again each time
/// something was read: what is made of two versions must never look whole.
fn step(
    file: &OpenFile,
    offset: u64,
    encoder: &mut Encoder,
    coded: &mut Vec<u8>,
) -> Result<u64, EncodeError> {
    let wanted = STEP_BYTES.min(file.length() - offset);
    let mut octets = file.read(offset, wanted as usize, Wait::Yes)?;
    while (octets.len() as u64) < wanted {
        let (at, left) = (offset + octets.len() as u64, wanted as usize - octets.len());
        octets.extend(file.read(at, left, Wait::Yes)?);
    }
    if !file.is_unchanged() {
        return Err(StoreError::from(Conflict::Changed).into());
    }
    encoder.encode(&octets, coded)?;
    Ok(offset + octets.len() as u64)
}

/// A large file on its way through an encoder. Between two steps it may wait for as long as its client does.
pub struct Encoding {
    file: OpenFile,
    /// None once all has gone through it.
    encoder: Option<Encoder>,
    offset: u64,
    ready: Vec<u8>,
    _room: Room,
}

impl Encoding {
    /// The most octets of memory that it takes.
    #[must_use]
    pub const fn bytes_max(level: Level) -> u64 {
        encoder_bytes_max(level) as u64 + STEP_BYTES + STEP_OUT_BYTES_MAX
    }

    /// Begins, and takes the first step. `room` is for [`Encoding::bytes_max`].
    ///
    /// # Errors
    /// As of [`Encoding::advance`].
    pub fn begin(file: OpenFile, level: Level, room: Room) -> Result<Self, EncodeError> {
        let (mut encoder, mut ready) = (Encoder::new(level)?, Vec::new());
        let offset = step(&file, 0, &mut encoder, &mut ready)?;
        // It tells whether it is worth it, and the client has something to begin with. The octets stay the same
        // for the same file, since it is always at the same place.
        encoder.flush(&mut ready)?;
        Ok(Self { file, encoder: Some(encoder), offset, ready, _room: room }.ended()?)
    }

    /// Takes the next step. What was ready before is gone.
    ///
    /// # Errors
    /// If the file changed, can't be read, or there is no memory for the encoder: what came out so far is then
    /// of no use.
    pub fn advance(mut self) -> Result<Self, EncodeError> {
        self.ready.clear();
        if let Some(encoder) = &mut self.encoder {
            self.offset = step(&self.file, self.offset, encoder, &mut self.ready)?;
        }
        Ok(self.ended()?)
    }

    /// Writes the end, once all has gone through.
    fn ended(mut self) -> Result<Self, CoderFailed> {
        if self.offset == self.file.length()
            && let Some(encoder) = self.encoder.take()
        {
            encoder.finish(&mut self.ready)?;
        }
        Ok(self)
    }

    /// What came out of the last step.
    #[must_use]
    pub fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// Whether nothing is left to be done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.encoder.is_none()
    }

    /// Whether what came out of the last step is noticeably less than what all steps took in. Of use after the
    /// first.
    #[must_use]
    pub fn is_worth(&self) -> bool {
        is_worth(self.ready.len(), self.offset)
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Encoding");
        told.field("file", &self.file).field("offset", &self.offset);
        told.field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

/// Why a file was not encoded.
#[derive(Debug)]
pub enum EncodeError {
    /// It could not be read, or changed.
    Store(StoreError),
    /// There is no memory for the encoder.
    Coder(CoderFailed),
}

impl From<StoreError> for EncodeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CoderFailed> for EncodeError {
    fn from(error: CoderFailed) -> Self {
        Self::Coder(error)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Coder(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EncodeError {}
