//! The folder in which state is kept, and the lock on it.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::StateError;

/// Which folder is served, whatever its name: its device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootIdentity {
    /// The file system.
    pub device: u64,
    /// The folder in it.
    pub inode: u64,
}

/// Where the state of a served folder is kept unless told otherwise: below `$XDG_STATE_HOME`, else below
/// `~/.local/state`, a folder of its own for each served folder. None if neither variable is an absolute
/// path, as the XDG base directory specification asks.
#[must_use]
pub fn state_folder_default(
    xdg_state_home: Option<&OsStr>,
    home: Option<&OsStr>,
    root: RootIdentity,
) -> Option<PathBuf> {
    let absolute = |path: &&OsStr| Path::new(path).is_absolute();
    let base = match xdg_state_home.filter(absolute) {
        Some(base) => PathBuf::from(base),
        None => Path::new(home.filter(absolute)?).join(".local/state"),
    };
    Some(base.join("wherefore").join(format!("{:x}-{:x}", root.device, root.inode)))
}

/// The lock on a folder of state; the system lifts it when this process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder, for its owner's eyes only, and locks it.
    pub(crate) fn take(folder: &Path) -> Result<Self, StateError> {
        make_durably(folder).map_err(StateError::io(folder))?;
        let path = folder.join("lock");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(StateError::io(&path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // A lock just taken may not say by whom yet.
                let read = file.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(StateError::Locked { folder: folder.to_path_buf(), pid });
            }
            locked => locked.map_err(|errno| StateError::io(&path)(errno.into()))?,
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(StateError::io(&path))?;
        Ok(Self { _file: file })
    }
}

/// Makes a folder with all that is missing above it: a crash must not take it away with what it holds.
fn make_durably(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_absolute_and_one_for_each_folder() {
        let root = RootIdentity { device: 0xfd01, inode: 0x1234 };
        let default = |xdg: Option<&str>, home: Option<&str>| {
            let folder = state_folder_default(xdg.map(OsStr::new), home.map(OsStr::new), root);
            folder.map(|folder| folder.into_os_string().into_string().unwrap())
        };
        let at = |base: &str| Some(format!("{base}/wherefore/fd01-1234"));
        assert_eq!(default(Some("/x"), Some("/h")), at("/x"));
        assert_eq!(default(None, Some("/h")), at("/h/.local/state"));
        assert_eq!(default(Some(""), Some("/h")), at("/h/.local/state"));
        assert_eq!(default(Some("relative"), None), None);
        assert_eq!(default(None, Some("relative")), None);
    }
}
