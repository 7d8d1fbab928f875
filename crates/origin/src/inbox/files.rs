//! The files of a submission: stored as they come, each durable before the next, and all of them gone again
//! unless the document follows.

use std::sync::Arc;

use wherefore_message::Coding;
use wherefore_message::media::MediaType;
use wherefore_message::slug::name_from_file_name;
use wherefore_store::{Conflict, CreateFolders, FileInfo, Look, Staged, Store, StoreError};

use super::clear::{document_name, marker_name, remove};
use super::document::FileEntry;
use crate::names::extension;

/// A file on its way in.
pub(super) struct Incoming {
    field: Option<String>,
    file_name: Option<String>,
    media_type: Option<String>,
    staged: Option<Box<dyn Staged>>,
}

/// The files of one submission that are stored, and the submission's place.
pub(super) struct Files {
    store: Arc<dyn Store>,
    /// The name of the submission.
    name: String,
    /// The names that are taken in its folder.
    taken: Vec<String>,
    state: State,
}

/// What of the submission is in the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing.
    Nothing,
    /// The marker, and perhaps files.
    Begun,
    /// Perhaps the document too.
    Documented,
    /// All of it.
    Whole,
}

impl Incoming {
    pub(super) const fn new(
        field: Option<String>,
        file_name: Option<String>,
        media_type: Option<String>,
    ) -> Self {
        Self { field, file_name, media_type, staged: None }
    }

    /// How many octets have come.
    pub(super) fn octets(&self) -> u64 {
        self.staged.as_ref().map_or(0, |staged| staged.written())
    }

    /// Whether there is a file: a form whose user chose none sends a part without name and content.
    pub(super) fn was_chosen(&self) -> bool {
        self.octets() > 0 || self.file_name.as_deref() != Some("")
    }

    /// The name that it gets, if nothing is in the way: what the client says, if that is safe.
    fn safe_name(&self) -> String {
        let proposed = self.file_name.as_deref().and_then(name_from_file_name);
        proposed.unwrap_or_else(|| {
            let media =
                self.media_type.as_deref().and_then(|text| MediaType::parse(text.as_bytes()));
            format!("file{}", media.and_then(|media| extension(&media)).unwrap_or_default())
        })
    }
}

impl Files {
    pub(super) const fn new(store: Arc<dyn Store>, name: String) -> Self {
        Self { store, name, taken: Vec::new(), state: State::Nothing }
    }

    pub(super) fn write(&self, file: &mut Incoming, octets: &[u8]) -> Result<(), StoreError> {
        if file.staged.is_none() {
            file.staged = Some(self.store.stage(b"/", None)?);
        }
        file.staged.as_mut().map_or(Ok(()), |staged| staged.write(octets))
    }

    /// Stores a file that has come whole.
    pub(super) fn keep(&mut self, mut file: Incoming) -> Result<FileEntry, StoreError> {
        self.write(&mut file, b"")?;
        let octets = file.octets();
        let staged = file.staged.take().ok_or(StoreError::Invalid)?;
        if self.state == State::Nothing {
            // If this fails, there may be a marker all the same.
            self.state = State::Begun;
            let marker = self.store.stage(b"/", None)?;
            let mut name = std::iter::once(marker_name(&self.name).into_bytes());
            self.store.create_member(b"/", &mut name, marker)?;
        }
        let name = self.free_name(&file.safe_name());
        let path = format!("{}/{name}", self.name);
        self.taken.push(name);
        let place = format!("/{path}");
        let is_free = &mut |look: &Look| matches!(look, Look::Missing { .. });
        self.store.replace(place.as_bytes(), staged, CreateFolders::Yes, is_free)?;
        let Incoming { field, file_name, media_type, .. } = file;
        Ok(FileEntry { field, file_name, media_type, octets, path })
    }

    /// `name`, or that with a number before it: of two files in a folder, neither may be taken for the other,
    /// nor for a stored coding of it.
    fn free_name(&self, name: &str) -> String {
        let is_free = |name: &str| self.taken.iter().all(|other| !are_mistaken(name, other));
        let numbered = (2..).map(|number| format!("{number}-{name}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| is_free(name))
            .unwrap_or_default()
    }

    /// Puts the document into its place, by which the submission is there; says its name, and what it is.
    pub(super) fn finish(mut self, document: &str) -> Result<(String, FileInfo), StoreError> {
        let mut staged = self.store.stage(b"/", Some(document.len() as u64))?;
        staged.write(document.as_bytes())?;
        let name = document_name(&self.name);
        let had_files = self.state == State::Begun;
        self.state = State::Documented;
        let created =
            self.store.create_member(b"/", &mut std::iter::once(name.clone().into_bytes()), staged);
        let info = match created {
            Ok((_, info)) => info,
            Err(error) => {
                if matches!(error, StoreError::Conflict(Conflict::Exists)) {
                    // The document that is there is another's.
                    self.state = if had_files { State::Begun } else { State::Nothing };
                }
                return Err(error);
            }
        };
        self.state = State::Whole;
        if had_files {
            // Where the document is, the marker says nothing any more; it goes when next all is cleared.
            let _ = remove(&*self.store, &marker_name(&self.name));
        }
        Ok((name, info))
    }
}

impl Drop for Files {
    /// The marker goes last: if anything can't be removed now, it is when next all is cleared.
    fn drop(&mut self) {
        let store = &*self.store;
        let removed = || -> Result<(), StoreError> {
            if self.state == State::Documented {
                remove(store, &document_name(&self.name))?;
            }
            for name in &self.taken {
                remove(store, &format!("{}/{name}", self.name))?;
            }
            if !self.taken.is_empty() {
                remove(store, &self.name)?;
            }
            remove(store, &marker_name(&self.name))
        };
        match self.state {
            State::Nothing | State::Whole => {}
            // What fails here is the store's, which failed already, or is said by the next write.
            State::Begun | State::Documented => drop(removed()),
        }
    }
}

/// Whether one of two names stands for the other, on some system or as a stored coding.
fn are_mistaken(one: &str, other: &str) -> bool {
    let is_coding_of = |coded: &str, plain: &str| {
        Coding::ALL.iter().any(|coding| coded.strip_suffix(coding.suffix()) == Some(plain))
    };
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    one == other || is_coding_of(&one, &other) || is_coding_of(&other, &one)
}
