//! The folder's store under its own conditions: links, other programs, crashes, failing disks.

mod crash;
mod faults;
mod flush;
mod folder;
mod model;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::Medium;

/// Where a file system that lies in memory is mounted, as a rule.
const IN_MEMORY: &str = "/dev/shm";

/// A folder of its own for one test, removed with everything in it.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        Self::under(&std::env::temp_dir())
    }

    /// One on a file system that lies in memory.
    pub(super) fn in_memory() -> Self {
        Self::under(Path::new(IN_MEMORY))
    }

    /// How one is made on a disk, as a rule, and in memory, where there is a file system that lies there.
    pub(super) fn everywhere() -> Vec<fn() -> Self> {
        let mut all: Vec<fn() -> Self> = vec![Self::new];
        let memory = File::open(IN_MEMORY);
        if memory.is_ok_and(|folder| crate::system::medium(folder.as_fd()) == Medium::Memory) {
            all.push(Self::in_memory);
        } else {
            eprintln!("{IN_MEMORY} does not lie in memory: what is done there is not tried");
        }
        all
    }

    fn under(folder: &Path) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wherefore-store-{}-{count}", std::process::id());
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Every name under it, hidden ones too, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn writable() -> Options {
    Options { access: Access::Writable, ..Options::default() }
}

pub(super) fn stage(store: &FileStore, content: &[u8]) -> Box<dyn Staged> {
    let mut staged = Store::stage(store, b"/", None).unwrap();
    staged.write(content).unwrap();
    staged
}

pub(super) fn put(store: &FileStore, path: &[u8], content: &[u8]) -> Result<Written, StoreError> {
    store.replace(path, stage(store, content), CreateFolders::Yes, &mut |_| true)
}

pub(super) fn look(store: &FileStore, path: &[u8]) -> Look {
    store.look(path, LookFor::Content, Wait::Yes).unwrap()
}
