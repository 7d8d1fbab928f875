//! What is remembered of small files holds none of them open: there may be far more of them than a process
//! may have descriptors.
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use wherefore_message::path;
use wherefore_origin::Origin;
use wherefore_origin::read::SMALL_BYTES_MAX;
use wherefore_store::{FileStore, Options, Wait};

#[test]
fn only_large_files_stay_open() {
    let name = format!("wherefore-descriptors-{}", std::process::id());
    let folder = Scratch(std::env::temp_dir().join(name));
    fs::create_dir(&folder.0).unwrap();
    let small = SMALL_BYTES_MAX as usize;
    for (name, length) in [("empty", 0), ("small", small), ("large", small + 1)] {
        fs::write(folder.0.join(name), vec![b'x'; length]).unwrap();
    }
    let store = FileStore::open(&folder.0, Options::default()).unwrap();
    let origin = Origin::new(Arc::new(store), None);
    for (name, stays_open) in [("/empty", false), ("/small", false), ("/large", true)] {
        let mut scratch = Vec::new();
        let path = path::decode(name.as_bytes(), &mut scratch).unwrap();
        let file = origin.open(path, None, Wait::Yes).unwrap();
        assert_eq!(file.handle.descriptor().is_some(), stays_open, "{name}");
        assert_eq!(file.octets.is_none(), stays_open, "{name}");
        assert!(file.is_unchanged(), "{name}");
    }
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
