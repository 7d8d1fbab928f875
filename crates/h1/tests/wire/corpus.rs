//! The fuzzers' corpora, replayed.

use std::path::Path;

use wherefore_h1::Limits;
use wherefore_h1::chunked::{Chunked, Decoded};

use crate::drive::{Seen, run};

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// A file is named for what becomes of it: the id of its fault, or `ok` and some words.
#[test]
fn heads() {
    for (name, input) in corpus("head") {
        let faults = run(&input).into_iter().filter_map(|seen| match seen {
            Seen::Fault(fault, _) => Some(fault.kind.id()),
            _ => None,
        });
        let expected = (!name.starts_with("ok")).then_some(&*name);
        assert!(faults.eq(expected), "{name}");
    }
}

#[test]
fn chunks() {
    for (name, input) in corpus("chunked") {
        let mut decoder = Chunked::default();
        let mut rest = &input[..];
        let found = loop {
            match decoder.decode(rest, &Limits::default()) {
                Ok((used, Decoded::Content(_) | Decoded::Trailers(_))) => rest = &rest[used..],
                Ok((_, Decoded::End | Decoded::NeedMore)) => break "ok",
                Err(fault) => break fault.kind.id(),
            }
        };
        assert!(name == found || (found == "ok" && name.starts_with("ok")), "{name}: {found}");
    }
}
