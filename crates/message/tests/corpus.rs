//! The fuzzers' corpora, replayed. A file is named for what becomes of it, and some more words where one
//! is not enough.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use wherefore_message::form::{FormFault, pairs};
use wherefore_message::form_data::{Event, FormData, Limits};
use wherefore_message::path::{PathFault, decode};
use wherefore_message::range::{ByteRange, RangeLimits, Resolved, resolve};

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    assert!(files.len() > 10, "the corpus of {name} is there");
    files
}

#[test]
fn paths() {
    for (name, input) in corpus("path") {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let found = match decode(&input, &mut one) {
            Ok(path) => {
                let encoded = path.encoded();
                assert_eq!(decode(encoded.as_bytes(), &mut two), Ok(path), "{name}");
                assert!(!encoded.starts_with("//") && !encoded.contains('\\'), "{name}: {encoded}");
                "ok"
            }
            Err(fault) => {
                assert!(fault.at() <= input.len(), "{name}: {fault}");
                match fault {
                    PathFault::Percent(_) => "percent",
                    PathFault::Nul(_) => "nul",
                    PathFault::AboveRoot(_) => "above-root",
                    PathFault::EncodedSlash(_) => "encoded-slash",
                    PathFault::NotAbsolute => "not-absolute",
                }
            }
        };
        assert!(name.starts_with(found), "{name}: {found}");
    }
}

#[test]
fn ranges() {
    for (name, input) in corpus("range") {
        let (length, value) = input.split_first_chunk().unwrap();
        let length = u64::from_le_bytes(*length);
        let within = |range: &ByteRange| range.first <= range.last && range.last < length;
        let found = match resolve(value, length, &RangeLimits::default()) {
            Resolved::Ignored => "ignored",
            Resolved::Unsatisfiable => "unsatisfiable",
            Resolved::One(range) => {
                assert!(within(&range), "{name}: {range:?}");
                "one"
            }
            Resolved::Several(ranges) => {
                assert!(ranges.iter().all(within), "{name}: {ranges:?}");
                "several"
            }
        };
        assert!(name.starts_with(found), "{name}: {found}");
    }
}

#[test]
fn forms() {
    for (name, input) in corpus("form") {
        let read: Result<Vec<_>, _> = pairs(&input, 8).collect();
        let found = read.map_or_else(|fault| fault.kind.id(), |_| "ok");
        assert!(name.starts_with(found), "{name}: {found}");
    }
}

#[test]
fn forms_in_parts() {
    for (name, input) in corpus("form_data") {
        for step in [1, 2, 5, input.len().max(1)] {
            let found = form_in_parts(&input, step).map_or_else(|fault| fault.kind.id(), |()| "ok");
            assert!(name.starts_with(found), "{name} in pieces of {step}: {found}");
        }
    }
}

fn form_in_parts(input: &[u8], step: usize) -> Result<(), FormFault> {
    let limits = Limits { parts_max: 8, head_bytes_max: 256, name_bytes_max: 32 };
    let mut reader = FormData::new(b"b", limits)?;
    for mut piece in input.chunks(step) {
        loop {
            let (used, event) = reader.receive(piece)?;
            piece = &piece[used..];
            if event == Event::NeedMore {
                break;
            }
        }
    }
    reader.finish()
}
