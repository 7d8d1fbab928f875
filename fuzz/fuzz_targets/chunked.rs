//! Content in chunks, whole and octet by octet: nothing panics, and both ways decode the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefore_h1::Limits;
use wherefore_h1::chunked::{Chunked, Decoded};
use wherefore_message::Fault;

fuzz_target!(|input: &[u8]| {
    let whole = decode(input, input.len().max(1));
    assert_eq!(whole, decode(input, 1));
    // What is decoded and encoded again decodes to the same.
    if let (content, Ok(true)) = whole {
        let mut wire = format!("{:x};again\r\n", content.len()).into_bytes();
        if content.is_empty() {
            wire.extend_from_slice(b"\r\n");
        } else {
            wire.extend_from_slice(&content);
            wire.extend_from_slice(b"\r\n0\r\n\r\n");
        }
        assert_eq!(decode(&wire, wire.len()), (content, Ok(true)));
    }
});

/// The content, and whether it came to its end.
fn decode(input: &[u8], step: usize) -> (Vec<u8>, Result<bool, Fault>) {
    let (mut decoder, limits) = (Chunked::default(), Limits::default());
    let mut content = Vec::new();
    for mut piece in input.chunks(step) {
        loop {
            match decoder.decode(piece, &limits) {
                Ok((used, Decoded::Content(range))) => {
                    content.extend_from_slice(&piece[range]);
                    piece = &piece[used..];
                }
                Ok((used, Decoded::Trailers(_))) => piece = &piece[used..],
                Ok((used, Decoded::NeedMore)) => {
                    assert_eq!(used, piece.len());
                    break;
                }
                Ok((_, Decoded::End)) => return (content, Ok(true)),
                Err(fault) => return (content, Err(fault)),
            }
        }
    }
    (content, Ok(false))
}
