//! Forms of encoded pairs, and names of files: pairs are decoded or have a fault that is there, and a
//! name is safe.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_message::form::pairs;
use wherefore_message::slug::{NAME_BYTES_MAX, name_from_file_name};

fuzz_target!(|input: &[u8]| {
    let mut count = 0;
    for pair in pairs(input, 8) {
        match pair {
            Ok(pair) => {
                count += 1;
                assert!(pair.name.len() + pair.value.len() <= 3 * input.len());
                if let Some(name) = name_from_file_name(&pair.value) {
                    assert!((1..=NAME_BYTES_MAX).contains(&name.len()));
                    assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\\', '\0']));
                    assert_eq!(name_from_file_name(&name), Some(name));
                }
            }
            Err(fault) => assert!(input[fault.at as usize] == b'%' || count == 8),
        }
    }
    assert!(count <= 8);
});
