//! Paths of any octets: what is decoded is normal, stands for itself, and survives being encoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_message::path::decode;

fuzz_target!(|input: &[u8]| {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    let path = match decode(input, &mut one) {
        Ok(path) => path,
        Err(fault) => {
            assert!(fault.at() <= input.len());
            return;
        }
    };
    let bytes = path.bytes();
    assert!(bytes.starts_with(b"/") && !bytes.starts_with(b"//"));
    assert!(!bytes.contains(&0) && !bytes.windows(2).any(|two| two == b"//"));
    assert!(!path.segments().any(|segment| segment == b"." || segment == b".."));
    let encoded = path.encoded();
    assert!(encoded.is_ascii() && !encoded.contains('\\') && !encoded.starts_with("//"));
    assert_eq!(decode(encoded.as_bytes(), &mut two).map(|again| again.bytes()), Ok(bytes));
    assert!(bytes.starts_with(path.parent().bytes()));
});
