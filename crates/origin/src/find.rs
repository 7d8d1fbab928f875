//! What a look at the store says, in the engine's words.

use std::time::SystemTime;

use wherefore_decide::act::Failure;
use wherefore_decide::facts::{
    Found, Members, Octets, Parent, Refusal, Representation, Representations,
};
use wherefore_message::date::HttpDate;
use wherefore_message::media;
use wherefore_message::path::Path;
use wherefore_store::{self as store, Conflict, FileInfo, Look, LookFor, StoreError, Wait};

use crate::Origin;

impl Origin {
    /// What stands under `path`; with its index file, if it is a folder that has one.
    ///
    /// # Errors
    /// [`StoreError::WouldWait`] with [`Wait::No`]; what the store failed with.
    pub fn find(&self, path: Path<'_>, what: LookFor, wait: Wait) -> Result<Found, StoreError> {
        let name = store_path(path);
        let look = match self.store.look(name, what, wait) {
            // A name that no file system could hold names nothing.
            Err(StoreError::TooLong | StoreError::Invalid) => {
                return Ok(Found::Missing { parent: Parent::Folder, gone_since: None });
            }
            other => other?,
        };
        self.found(path, &look, wait)
    }

    /// The same of a look that was made already.
    pub(crate) fn found(
        &self,
        path: Path<'_>,
        look: &Look,
        wait: Wait,
    ) -> Result<Found, StoreError> {
        let name = store_path(path);
        if let (Look::File(_) | Look::Folder { .. }, Some(deleted)) = (look, &self.deleted)
            && deleted.can_lift(name)
        {
            // Another program put something back, which lifts the tombstone; that is a write.
            match wait {
                Wait::No => return Err(StoreError::WouldWait),
                Wait::Yes => deleted.lift(name),
            }
        }
        Ok(match look {
            Look::File(file) => Found::File(representations(file)),
            Look::Folder { index, empty, .. } => {
                let members = match empty {
                    None => Members::NotAsked,
                    Some(true) => Members::None,
                    Some(false) => Members::Some,
                };
                let Some(index) = index else { return Ok(Found::Folder { index: None, members }) };
                match self.store.look(&member(name, index), LookFor::Content, wait)? {
                    Look::File(file) => {
                        Found::Folder { index: Some(representations(&file)), members }
                    }
                    Look::Denied => Found::Refused(Refusal::Denied),
                    Look::Escapes => Found::Refused(Refusal::Escapes),
                    Look::Folder { .. } | Look::Missing { .. } | Look::Special => {
                        Found::Folder { index: None, members }
                    }
                }
            }
            Look::Missing { parent } => Found::Missing {
                parent: match parent {
                    store::Parent::Folder => Parent::Folder,
                    store::Parent::Missing => Parent::Missing,
                    store::Parent::NotFolder => Parent::NotFolder,
                },
                gone_since: self.deleted.as_ref().and_then(|all| all.of(path)).map(|t| t.since),
            },
            Look::Denied => Found::Refused(Refusal::Denied),
            Look::Escapes => Found::Refused(Refusal::Escapes),
            Look::Special => Found::Refused(Refusal::Special),
        })
    }

    /// The path of the file that a reading of `path` sends: the index file's for a folder.
    pub(crate) fn file_of(&self, path: Path<'_>, wait: Wait) -> Result<Vec<u8>, StoreError> {
        let name = store_path(path);
        if !path.is_folder() {
            return Ok(name.to_vec());
        }
        match self.store.look(name, LookFor::Content, wait)? {
            Look::Folder { index: Some(index), .. } => Ok(member(name, &index)),
            _ => Err(StoreError::Missing),
        }
    }
}

/// The media type of what a reading of `path` sends: that of its name; an index file is HTML.
#[must_use]
pub fn media_type(path: Path<'_>, found: &Found) -> &'static str {
    match found {
        Found::Folder { .. } => media::by_name(b"index.html"),
        Found::File(_) | Found::Missing { .. } | Found::Refused(_) => media::by_name(path.name()),
    }
}

/// A path as stores have it: without the slash that says that it names a folder.
pub(crate) fn store_path(path: Path<'_>) -> &[u8] {
    bare(path.bytes())
}

/// A path without the slash that a folder's ends with.
pub(crate) fn bare(path: &[u8]) -> &[u8] {
    match path.strip_suffix(b"/") {
        Some(b"") | None => path,
        Some(bare) => bare,
    }
}

/// The path of a folder's member.
pub(crate) fn member(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    [folder, b"/", name].concat()
}

fn representations(file: &store::Found) -> Representations {
    let stored = |info: &Option<FileInfo>| info.as_ref().map(representation);
    Representations {
        original: representation(&file.info),
        brotli: stored(&file.codings.brotli),
        zstd: stored(&file.codings.zstd),
        gzip: stored(&file.codings.gzip),
    }
}

/// A date of modification is never later than the answer that tells it (RFC 9110 §8.8.2.1).
pub(crate) fn representation(info: &FileInfo) -> Representation {
    let now = unix_now();
    let modified = u64::try_from(info.meta.modified.seconds).unwrap_or(0).min(now);
    Representation {
        tag: info.tag,
        modified: HttpDate::from_unix(modified),
        octets: Octets::Stored(info.meta.length),
    }
}

pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What was found, if it turned out only when it was opened that it is not given out.
#[must_use]
pub const fn refused(error: &StoreError) -> Option<Found> {
    match error {
        StoreError::Denied => Some(Found::Refused(Refusal::Denied)),
        StoreError::Escapes => Some(Found::Refused(Refusal::Escapes)),
        StoreError::Special => Some(Found::Refused(Refusal::Special)),
        _ => None,
    }
}

/// In how many seconds what runs out for a moment may be there again.
const MOMENT_SECONDS: u32 = 1;

/// What keeps a store from its work, as the failure of an act.
#[must_use]
pub fn failure(error: &StoreError) -> Failure {
    match error {
        StoreError::NoSpace => Failure::NoSpace,
        StoreError::Quota => Failure::Quota,
        StoreError::Denied | StoreError::ReadOnly => Failure::Denied,
        StoreError::TooLong | StoreError::Invalid => Failure::NameTooLong,
        StoreError::Missing => Failure::Conflict("what was there a moment ago is gone"),
        StoreError::Escapes => Failure::Conflict("a link leads out of the folder that is served"),
        StoreError::Special => Failure::Conflict("it is neither a file nor a folder"),
        StoreError::Conflict(conflict) => Failure::Conflict(match conflict {
            Conflict::ParentMissing => "the folder that is to hold it does not exist",
            Conflict::ParentNotFolder => "a part of the path names something that is no folder",
            Conflict::IsFolder => "a folder of this name stands there",
            Conflict::NotFolder => "it is no folder",
            Conflict::NotEmpty => "the folder has members",
            Conflict::Changed => "another program changed it at the same time",
            Conflict::Exists => "every name that could be given is taken",
        }),
        // Each answer that ends gives some back.
        StoreError::NoDescriptors => Failure::Busy(MOMENT_SECONDS),
        StoreError::Refused(_) | StoreError::WouldWait | StoreError::Io(_) => Failure::Io,
    }
}
