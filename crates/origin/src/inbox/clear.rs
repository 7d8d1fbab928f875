//! Taking away what a crash left of submissions that were not finished.

use wherefore_store::{Conflict, Look, LookFor, MemberKind, Store, StoreError, Wait};

use super::Inbox;

/// How many members of a folder are looked at: markers come before all else by their names.
const MEMBERS_MAX: usize = 10_000;

const MARKER_SUFFIX: &str = ".unfinished";
const DOCUMENT_SUFFIX: &str = ".json";

/// What was cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// How many submissions were unfinished, and are gone.
    pub unfinished: usize,
    /// How many could not be cleared, since something else stands in their folder.
    pub kept: usize,
}

impl Inbox {
    /// Takes away what was left of submissions that a crash cut off. To be called once when the store is
    /// opened, and before anything is taken: what is under way looks the same.
    ///
    /// # Errors
    /// What the store fails with.
    pub fn clear(&self) -> Result<Cleared, StoreError> {
        let store = &*self.store;
        let mut cleared = Cleared::default();
        for member in store.list(b"/", MEMBERS_MAX)?.members {
            let Some(name) = submission_of(&member.name) else { continue };
            let document = format!("/{}", document_name(name));
            let look = store.look(document.as_bytes(), LookFor::Content, Wait::Yes)?;
            if matches!(look, Look::Missing { .. }) {
                match remove_files(store, name) {
                    Ok(()) => cleared.unfinished += 1,
                    Err(StoreError::Conflict(Conflict::NotEmpty | Conflict::NotFolder)) => {
                        cleared.kept += 1;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            remove(store, &marker_name(name))?;
        }
        Ok(cleared)
    }
}

/// Removes the folder of a submission with its files. Folders in it are none of ours: they stay, and so does
/// it.
fn remove_files(store: &dyn Store, name: &str) -> Result<(), StoreError> {
    let folder = format!("/{name}");
    loop {
        let members = match store.list(folder.as_bytes(), MEMBERS_MAX) {
            Err(StoreError::Missing) => return Ok(()),
            listing => listing?.members,
        };
        let mut files = members.iter().filter(|member| member.kind == MemberKind::File).peekable();
        if files.peek().is_none() {
            return remove(store, name);
        }
        for file in files {
            let path = [folder.as_bytes(), b"/", &file.name].concat();
            remove_at(store, &path)?;
        }
    }
}

/// Removes what stands under a path from the inbox on, if anything does.
pub(super) fn remove(store: &dyn Store, path: &str) -> Result<(), StoreError> {
    remove_at(store, format!("/{path}").as_bytes())
}

fn remove_at(store: &dyn Store, path: &[u8]) -> Result<(), StoreError> {
    match store.remove(path, &mut |_| true, &mut || Ok(())) {
        Err(StoreError::Missing) => Ok(()),
        removed => removed.map(drop),
    }
}

pub(super) fn document_name(name: &str) -> String {
    format!("{name}{DOCUMENT_SUFFIX}")
}

pub(super) fn marker_name(name: &str) -> String {
    format!(".{name}{MARKER_SUFFIX}")
}

/// The submission that a marker of this name is of: only what looks as we make them is ours.
fn submission_of(member: &[u8]) -> Option<&str> {
    let name = str::from_utf8(member).ok()?.strip_prefix('.')?.strip_suffix(MARKER_SUFFIX)?;
    let (time, random) = name.split_once('-')?;
    let of_time = |c: char| c.is_ascii_digit() || matches!(c, 'T' | 'Z');
    let is_ours = time.len() == "19941106T084937Z".len()
        && time.chars().all(of_time)
        && random.len() == 16
        && random.chars().all(|c| c.is_ascii_hexdigit());
    is_ours.then_some(name)
}
