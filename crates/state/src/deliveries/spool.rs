//! The content of what comes in: a small one in memory, a large one in a file of its own, which is on the disk
//! before the delivery is.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use siphasher::sip128::{Hasher128, SipHasher24};

use super::board::Shared;
use super::delivery::{DeliveryId, NewDelivery};
use super::record::Kept;
use super::{AcceptError, DeliveryBounds};
use crate::StateError;

/// The content of a request that is about to be accepted. Dropping it lets go of what came so far.
#[derive(Debug)]
pub struct Incoming {
    shared: Arc<Shared>,
    bounds: DeliveryBounds,
    id: DeliveryId,
    path: PathBuf,
    begun: Vec<u8>,
    /// None while it is small.
    file: Option<File>,
    length: u64,
    hash: SipHasher24,
    /// A part of it could not be taken.
    is_broken: bool,
    /// Its file belongs to a delivery that is pending.
    is_kept: bool,
}

impl Incoming {
    pub(super) fn new(
        shared: &Arc<Shared>,
        bounds: DeliveryBounds,
        folder: &Path,
        id: DeliveryId,
    ) -> Self {
        Self {
            shared: shared.clone(),
            bounds,
            id,
            path: path(folder, id),
            begun: Vec::new(),
            file: None,
            length: 0,
            hash: SipHasher24::new(),
            is_broken: false,
            is_kept: false,
        }
    }

    /// The name that it will be known by.
    #[must_use]
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// Takes what came next of the content. May wait for the disk.
    ///
    /// # Errors
    /// [`AcceptError::TooLarge`], [`AcceptError::Full`], [`AcceptError::State`].
    pub fn write(&mut self, octets: &[u8]) -> Result<(), AcceptError> {
        let written = self.add(octets);
        self.is_broken |= written.is_err();
        written
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    fn add(&mut self, octets: &[u8]) -> Result<(), AcceptError> {
        let limit = self.bounds.content_bytes_max;
        let length = self.length.saturating_add(octets.len() as u64);
        if length > limit {
            return Err(AcceptError::TooLarge { limit, seen: length });
        }
        self.reserve(octets.len() as u64)?;
        self.hash.write(octets);
        let written = match &mut self.file {
            Some(file) => file.write_all(octets),
            None if length <= self.bounds.inline_bytes_max as u64 => {
                self.begun.extend_from_slice(octets);
                Ok(())
            }
            None => self.spill(octets),
        };
        written.map_err(StateError::io(&self.path)).map_err(AcceptError::State)?;
        self.length = length;
        Ok(())
    }

    pub(super) fn reserve(&self, bytes: u64) -> Result<(), AcceptError> {
        let grown = self.shared.lock().grow(self.id, bytes, self.bounds.pending_bytes_max);
        if grown { Ok(()) } else { Err(AcceptError::Full) }
    }

    fn spill(&mut self, octets: &[u8]) -> io::Result<()> {
        let file = File::options().write(true).create_new(true).mode(0o600).open(&self.path)?;
        let file = self.file.insert(file);
        file.write_all(&self.begun)?;
        self.begun = Vec::new();
        file.write_all(octets)
    }

    /// Where the content is kept; what has a file is on the disk when this returns.
    pub(super) fn flush(&mut self) -> Result<Kept, StateError> {
        let Some(file) = &self.file else {
            return Ok(Kept::Inline(std::mem::take(&mut self.begun).into()));
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let flushed = file.sync_all().and_then(|()| File::open(folder)?.sync_all());
        flushed.map_err(StateError::io(&self.path))?;
        Ok(Kept::File(self.length))
    }

    /// By what it is told whether a client asks the same again under one key. Who finds two that are alike deceives
    /// nobody but itself.
    pub(super) fn print(&self, request: &NewDelivery) -> u128 {
        let content = self.hash.finish128();
        let mut hash = SipHasher24::new();
        for part in [request.destination.as_bytes(), request.method.as_bytes(), &request.target] {
            hash.write_u64(part.len() as u64);
            hash.write(part);
        }
        for number in [self.length, content.h1, content.h2] {
            hash.write_u64(number);
        }
        hash.finish128().as_u128()
    }

    /// It is pending now.
    pub(super) const fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.file.is_some() && !self.is_kept {
            // What can't be removed now is removed when the folder is opened again.
            let _ = fs::remove_file(&self.path);
        }
        self.shared.lock().dismiss(self.id);
    }
}

/// The file of a delivery's content.
pub(super) fn path(folder: &Path, id: DeliveryId) -> PathBuf {
    folder.join(id.to_string())
}

/// Removes the files that no delivery needs.
pub(super) fn sweep(folder: &Path, shared: &Shared) -> Result<(), StateError> {
    let names = || -> io::Result<Vec<_>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    };
    for name in names().map_err(StateError::io(folder))? {
        let Some(id) = DeliveryId::parse(name.as_encoded_bytes()) else { continue };
        if !shared.lock().needs(id) {
            let file = folder.join(name);
            fs::remove_file(&file).map_err(StateError::io(&file))?;
        }
    }
    Ok(())
}
