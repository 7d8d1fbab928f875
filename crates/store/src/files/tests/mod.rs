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

/// A folder of its own for one test, removed with everything in it.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wherefore-store-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
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
