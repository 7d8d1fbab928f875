//! Forms in parts, whole and octet by octet: nothing panics, and both ways read the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_message::form::FormFault;
use wherefore_message::form_data::{Event, FormData, Limits, PartHead};

fuzz_target!(|input: &[u8]| {
    let whole = read(input, input.len().max(1));
    assert_eq!(whole, read(input, 1));
    assert_eq!(whole, read(input, 3));
    if let Err(fault) = whole.1 {
        assert!(fault.at <= input.len() as u64);
    }
});

/// The parts, and whether the form is whole.
fn read(input: &[u8], step: usize) -> (Vec<(PartHead, Vec<u8>)>, Result<(), FormFault>) {
    let limits = Limits { parts_max: 8, head_bytes_max: 256, name_bytes_max: 32 };
    let mut reader = FormData::new(b"b", limits).expect("it is a boundary");
    let mut parts: Vec<(PartHead, Vec<u8>)> = Vec::new();
    let mut is_open = false;
    for mut piece in input.chunks(step) {
        loop {
            let (used, event) = match reader.receive(piece) {
                Ok(found) => found,
                Err(fault) => return (parts, Err(fault)),
            };
            piece = &piece[used..];
            match event {
                Event::NeedMore => {
                    assert!(piece.is_empty());
                    break;
                }
                Event::Part(head) => {
                    assert!(!is_open);
                    is_open = true;
                    parts.push((head, Vec::new()));
                }
                Event::Content(content) => {
                    assert!(is_open && !content.is_empty());
                    parts.last_mut().expect("a part is open").1.extend_from_slice(content);
                }
                Event::PartEnd => {
                    assert!(is_open);
                    is_open = false;
                }
                Event::End => assert!(!is_open),
            }
        }
    }
    (parts, reader.finish())
}
