//! Content in codings.

use wherefore_coding::{Decoder, Encoder, Level};
use wherefore_message::Coding;

/// `content` in a coding.
pub fn all(coding: Coding, content: &[u8]) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(Level::usual(coding)).unwrap(), Vec::new());
    encoder.encode(content, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

/// What content in a coding stands for. Its end is there.
pub fn whole(coding: Coding, content: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(coding, u64::MAX).unwrap();
    let out = decoded(&mut decoder, content);
    decoder.finish().unwrap();
    out
}

/// What the beginning of content in a coding stands for.
pub fn begun(coding: Coding, content: &[u8]) -> Vec<u8> {
    decoded(&mut Decoder::new(coding, u64::MAX).unwrap(), content)
}

fn decoded(decoder: &mut Decoder, mut content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let progress = decoder.decode(content, &mut out).unwrap();
        content = &content[progress.used..];
        if !progress.has_more {
            return out;
        }
    }
}
