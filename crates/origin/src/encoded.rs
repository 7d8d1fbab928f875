//! What was encoded and is kept for the next request, over all cores; and the memory that encoding may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::unsync;
use wherefore_message::EntityTag;

use crate::encode::Encoded;
use crate::read::OpenFile;
use crate::room::{Budget, Room};

/// Under which a version of a file is kept in a coding: its origin's number, and its tag there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    origin: u32,
    opaque: Box<[u8]>,
}

impl Name {
    /// The name of what has this tag. None if the tag of the original is weak: then the file may yet change
    /// without its tag telling.
    #[must_use]
    pub fn of(origin: u32, original: &EntityTag, coded: &EntityTag) -> Option<Self> {
        (!original.is_weak()).then(|| Self { origin, opaque: coded.text().opaque.into() })
    }
}

/// The files that were encoded, over all cores. Looked at where a core has it not yet.
#[derive(Debug)]
pub struct Files {
    entries: Mutex<unsync::Cache<Name, Encoded, Weight>>,
    encoders: Arc<Budget>,
    held: Arc<Budget>,
}

#[derive(Clone, Debug)]
struct Weight;

const ENTRY_BYTES: u64 = 256;

impl quick_cache::Weighter<Name, Encoded> for Weight {
    fn weight(&self, _: &Name, encoded: &Encoded) -> u64 {
        ENTRY_BYTES
            + match encoded {
                Encoded::File(file) => file.length(),
                Encoded::NotWorth => 0,
            }
    }
}

/// Bounds on memory, in octets.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// What is kept for the next request.
    pub cache_bytes_max: u64,
    /// What encoders take, and what clients that are slow to take it keep from being freed.
    pub memory_bytes_max: u64,
    /// What the cores may remember together.
    pub cores_bytes_max: u64,
}

impl Files {
    /// Nothing yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let Bounds { cache_bytes_max, memory_bytes_max, cores_bytes_max } = bounds;
        let entries_about = (cache_bytes_max / (8 << 10)).clamp(16, 1 << 16) as usize;
        let entries = unsync::Cache::with_weighter(entries_about, cache_bytes_max, Weight);
        Arc::new(Self {
            entries: Mutex::new(entries),
            encoders: Budget::new(memory_bytes_max),
            held: Budget::new(memory_bytes_max.saturating_add(cores_bytes_max)),
        })
    }

    /// What is kept under this name.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<Encoded> {
        self.entries().get(name).cloned()
    }

    /// Keeps something for the next request.
    pub fn keep(&self, name: Name, encoded: Encoded) {
        self.entries().insert(name, encoded);
    }

    /// Memory for an encoder and what belongs to it, if so much is left.
    #[must_use]
    pub fn room(&self, bytes: u64) -> Option<Room> {
        self.encoders.take(bytes)
    }

    /// A file that was encoded, to be sent by one core and held for as long as somebody there has it. None where
    /// too much is held: what the cores remember is bounded, so it is by clients that don't take what they
    /// asked for.
    #[must_use]
    pub fn hold(&self, file: &OpenFile) -> Option<OpenFile> {
        let room = self.held.take(file.length())?;
        Some(file.clone().holding(room))
    }

    fn entries(&self) -> MutexGuard<'_, unsync::Cache<Name, Encoded, Weight>> {
        // No panic can leave it half changed for others to see: what is done under the lock is the cache's own.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
