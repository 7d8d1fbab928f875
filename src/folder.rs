//! `serve FOLDER` and `explain` as what they are: a site with one route.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::{fs, io};

use wherefore_decide::policy::{
    Compress, ContentPolicy, Folder, FolderAccess, Hosts, MissingFolders, Pattern, Resource, Route,
    Site, Trace,
};
use wherefore_origin::{Deleted, Memory, Origin};
use wherefore_server::configuration::Configuration;
use wherefore_server::notice;
use wherefore_state::{
    CAPACITY_DEFAULT, RootIdentity, StateError, Tombstones, state_folder_default,
};
use wherefore_store::{Access, FileStore, Links, Options};

use crate::UsageError;
use crate::limits::Limits;

/// What is served, and how: the options that `serve` and `explain` share.
#[derive(clap::Args)]
pub(crate) struct Served {
    /// Answer for this host name too, besides addresses and localhost (loopback only; may be repeated)
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// Take PUT, POST, PATCH and DELETE
    #[arg(long)]
    pub(crate) writable: bool,
    /// A PUT makes the folders that its path names
    #[arg(long, requires = "writable")]
    pub(crate) create_folders: bool,
    /// Echo TRACE requests
    #[arg(long)]
    pub(crate) trace: bool,
    /// Encode texts as they are sent, in gzip, brotli or zstd
    #[arg(long)]
    pub(crate) compress: bool,
    /// Refuse symbolic links, also those that stay within the folder
    #[arg(long)]
    pub(crate) refuse_links: bool,
    /// The most octets that the folder may hold, such as 10GiB
    #[arg(long, value_name = "SIZE", requires = "writable")]
    pub(crate) quota: Option<String>,
    /// Where what must survive a restart is kept, such as what was deleted
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Set a limit; --help lists them (may be repeated)
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    pub(crate) limits: Vec<String>,
}

impl Served {
    /// The one site with its one route.
    pub(crate) fn site(&self, is_loopback: bool, limits: &Limits) -> Site {
        let access = if self.writable { FolderAccess::Writable } else { FolderAccess::ReadOnly };
        let missing_folders =
            if self.create_folders { MissingFolders::Create } else { MissingFolders::Conflict };
        let hosts = if is_loopback { Hosts::loopback(&self.hosts) } else { Hosts::any() };
        let folder = Folder { access, missing_folders, ..Folder::read_only(0) };
        let content = ContentPolicy::up_to(limits.wire.content_bytes, limits.server.patch_bytes);
        let route = Route {
            trace: if self.trace { Trace::On } else { Trace::Off },
            compress: self.compress.then(|| Arc::new(Compress::usual())),
            ..Route::new(Pattern::everything(), Resource::Folder(folder), content)
        };
        Site::new("folder", hosts, vec![route])
    }

    /// How `serve` opens the folder.
    pub(crate) const fn access(&self) -> Access {
        if self.writable { Access::Writable } else { Access::ReadOnly }
    }

    /// The site over the folder, with what is remembered of it.
    pub(crate) fn configuration(
        &self,
        folder: &Path,
        access: Access,
        site: Site,
    ) -> Result<Configuration, UsageError> {
        let quota_bytes = match &self.quota {
            None => None,
            Some(text) => Some(octets(text).ok_or_else(|| {
                UsageError(format!(
                    "--quota {text}: a size is a number with B, KiB, MiB, GiB or TiB"
                ))
            })?),
        };
        let links = if self.refuse_links { Links::Refuse } else { Links::Follow };
        let state = self.state.as_deref();
        let options = FolderOptions { access, links, quota_bytes, index: None, state };
        let origin = Folders::default().open(folder, &options)?;
        Ok(Configuration::of_folder(site, Arc::new(origin)))
    }
}

/// How a folder is opened.
pub(crate) struct FolderOptions<'a> {
    /// Whether it is written to.
    pub(crate) access: Access,
    /// Whether links in it are followed.
    pub(crate) links: Links,
    /// The most octets that it may hold.
    pub(crate) quota_bytes: Option<u64>,
    /// The files that are sent for a folder in it: the first that is there.
    pub(crate) index: Option<&'a [Vec<u8>]>,
    /// Where it is remembered what was deleted from it; a place of its own if none.
    pub(crate) state: Option<&'a Path>,
}

impl Default for FolderOptions<'_> {
    fn default() -> Self {
        Self {
            access: Access::ReadOnly,
            links: Links::Follow,
            quota_bytes: None,
            index: None,
            state: None,
        }
    }
}

/// Folders as origins; those that share a place for what was deleted share it.
#[derive(Default)]
pub(crate) struct Folders {
    tombstones: HashMap<PathBuf, Weak<Tombstones>>,
}

impl Folders {
    /// An origin over the folder, with what is remembered of it.
    pub(crate) fn open(
        &mut self,
        folder: &Path,
        options: &FolderOptions<'_>,
    ) -> Result<Origin, UsageError> {
        let meta = fs::metadata(folder).map_err(|error| unservable(folder, &error))?;
        if !meta.is_dir() {
            return Err(unservable(folder, &io::ErrorKind::NotADirectory.into()));
        }
        let root = RootIdentity { device: meta.dev(), inode: meta.ino() };
        // The lock on the state comes first: opening a store to write clears away what a crash left, which
        // must not be another instance's work.
        let deleted = match options.access {
            Access::Writable => Some(self.kept(folder, root, options.state)?),
            Access::ReadOnly => read(folder, root, options.state)?,
        };
        let deleted = deleted.map(|tombstones| Deleted { tombstones, root });
        let FolderOptions { access, links, quota_bytes, index, .. } = *options;
        let mut options = Options { access, links, quota_bytes, ..Options::default() };
        if let Some(index) = index {
            options.index = index.to_vec();
        }
        let store = FileStore::open(folder, options).map_err(|error| unservable(folder, &error))?;
        Ok(Origin::new(Arc::new(store), deleted))
    }

    fn kept(
        &mut self,
        folder: &Path,
        root: RootIdentity,
        state: Option<&Path>,
    ) -> Result<Memory, UsageError> {
        let state = state.map(Path::to_path_buf).or_else(|| default_state(root));
        let state = state.ok_or_else(|| {
            UsageError(
                "there is no place to keep what is deleted: set HOME, or name one (--state DIR, or \
                 `state` in the configuration)"
                    .to_owned(),
            )
        })?;
        if let Some(tombstones) = self.tombstones.get(&state).and_then(Weak::upgrade) {
            return Ok(Memory::Kept(tombstones));
        }
        let tombstones = Tombstones::open(&state, CAPACITY_DEFAULT)
            .map_err(|error| UsageError(refused(folder, &error)))?;
        let tombstones = Arc::new(tombstones);
        self.tombstones.insert(state, Arc::downgrade(&tombstones));
        Ok(Memory::Kept(tombstones))
    }
}

/// What a writer remembers, or has. A place that nobody named and that we may not look into is no reason not to
/// serve.
fn read(
    folder: &Path,
    root: RootIdentity,
    state: Option<&Path>,
) -> Result<Option<Memory>, UsageError> {
    let is_named = state.is_some();
    let Some(state) = state.map(Path::to_path_buf).or_else(|| default_state(root)) else {
        return Ok(None);
    };
    match Tombstones::read(&state, CAPACITY_DEFAULT) {
        Ok(snapshot) => Ok(Some(Memory::Read(snapshot))),
        Err(error @ StateError::Io { .. }) if !is_named => {
            notice!("what was deleted is not known, and is answered 404: {error}");
            Ok(None)
        }
        Err(error) => Err(UsageError(refused(folder, &error))),
    }
}

fn default_state(root: RootIdentity) -> Option<PathBuf> {
    let variable = std::env::var_os;
    let (xdg, home) = (variable("XDG_STATE_HOME"), variable("HOME"));
    state_folder_default(xdg.as_deref(), home.as_deref(), root)
}

fn unservable(folder: &Path, error: &io::Error) -> UsageError {
    let mend = match error.kind() {
        io::ErrorKind::ResourceBusy => {
            "end it, or serve without --writable (`writable` in the configuration)"
        }
        io::ErrorKind::QuotaExceeded => "serve it without a quota",
        _ => "name a folder that is there and that you may read",
    };
    UsageError(format!("can't serve the folder {}: {error}; {mend}", folder.display()))
}

fn refused(folder: &Path, error: &StateError) -> String {
    match error {
        StateError::Locked { .. } => format!(
            "{error}: another instance writes to {}; end it, or serve without --writable (`writable` in the configuration)",
            folder.display()
        ),
        _ => format!("{error}; name another folder (--state DIR, or `state` in the configuration)"),
    }
}

fn octets(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0), ("", 0)];
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))?;
    let number: u64 = digits.trim().parse().ok()?;
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::octets;

    #[test]
    fn sizes_are_read() {
        assert_eq!(octets("10"), Some(10));
        assert_eq!(octets("3 KiB"), Some(3072));
        assert_eq!(octets("1TiB"), Some(1 << 40));
        for wrong in ["", "KiB", "-1", "1.5GiB", "99999999999TiB", "1KB"] {
            assert_eq!(octets(wrong), None, "{wrong}");
        }
    }
}
