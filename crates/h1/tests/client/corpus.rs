//! The fuzzer's corpus, replayed.

use std::path::Path;

use crate::drive::{CONNECT, GET, HEAD, Seen, UPGRADE, run};

/// A file is named for what becomes of it: the id of its fault, or `ok` and some words.
#[test]
fn answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/answer");
    let mut replayed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The first octet says what was asked.
        let input = std::fs::read(&path).unwrap();
        let request = match input[0] {
            b'h' => HEAD,
            b'c' => CONNECT,
            b'u' => UPGRADE,
            _ => GET,
        };
        let fault = run(&request, &input[1..]).into_iter().find_map(|seen| match seen {
            Seen::Fault(fault) | Seen::Eof(Err(fault)) => Some(fault.kind.id()),
            _ => None,
        });
        assert_eq!(fault, (!name.starts_with("ok")).then_some(&*name), "{name}");
        replayed += 1;
    }
    assert!(replayed > 10, "the corpus of answers is there");
}
