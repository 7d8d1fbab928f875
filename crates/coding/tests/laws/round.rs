//! What is encoded decodes to itself, however both are cut.

use proptest::prelude::*;
use wherefore_coding::{Decoder, Encoder};
use wherefore_message::Coding;

use crate::{any_level, content, cuts, decode, encode, feed, levels, made, pieces};

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_content_comes_back(
        level in any_level(), content in content(), before in cuts(), behind in cuts(),
    ) {
        let coded = encode(level, pieces(&content, &before));
        let length = content.len() as u64;
        let decoded = decode(level.coding(), length, pieces(&coded, &behind));
        prop_assert!(decoded == Ok(content));
    }

    #[test]
    fn cuts_do_not_change_what_is_written(
        level in any_level(), content in content(), cuts in cuts(),
    ) {
        prop_assert!(encode(level, [&content[..]]) == encode(level, pieces(&content, &cuts)));
    }

    #[test]
    fn what_is_flushed_can_be_decoded(level in any_level(), content in content(), cuts in cuts()) {
        let mut encoder = Encoder::new(level).unwrap();
        let mut decoder = Decoder::new(level.coding(), u64::MAX).unwrap();
        let (mut coded, mut decoded, mut given) = (Vec::new(), Vec::new(), 0);
        for piece in pieces(&content, &cuts) {
            given += piece.len();
            coded.clear();
            encoder.encode(piece, &mut coded).unwrap();
            encoder.flush(&mut coded).unwrap();
            feed(&mut decoder, &coded, &mut decoded).unwrap();
            prop_assert!(decoded == content[..given]);
        }
        coded.clear();
        encoder.finish(&mut coded).unwrap();
        feed(&mut decoder, &coded, &mut decoded).unwrap();
        prop_assert!(decoder.finish().is_ok() && decoded == content);
    }
}

#[test]
fn octet_by_octet() {
    let content = made(7, 3, 2000);
    for level in levels() {
        let coded = encode(level, content.chunks(1));
        let decoded = decode(level.coding(), 2000, coded.chunks(1));
        assert!(decoded.as_ref() == Ok(&content), "{level:?}");
    }
}

#[test]
fn nothing_is_coded_too() {
    for level in levels() {
        let coded = encode(level, []);
        assert!(!coded.is_empty() && decode(level.coding(), 0, [&coded[..]]) == Ok(Vec::new()));
    }
}

#[test]
fn flushing_twice_is_flushing() {
    for level in levels() {
        let mut encoder = Encoder::new(level).unwrap();
        let mut coded = Vec::new();
        encoder.flush(&mut coded).unwrap();
        encoder.encode(b"abc", &mut coded).unwrap();
        encoder.flush(&mut coded).unwrap();
        encoder.flush(&mut coded).unwrap();
        encoder.encode(b"def", &mut coded).unwrap();
        encoder.finish(&mut coded).unwrap();
        assert_eq!(decode(level.coding(), 6, [&coded[..]]).unwrap(), b"abcdef", "{level:?}");
    }
}

#[test]
fn texts_get_smaller_and_noise_hardly_larger() {
    let (words, noise) = (made(3, 1, 100_000), made(3, 0, 100_000));
    for level in levels() {
        assert!(encode(level, [&words[..]]).len() < words.len() / 2, "{level:?}");
        // The quickest way of gzip has no tables of its own, nor looks whether it helps.
        let is_quickest = level.coding() == Coding::Gzip && level.number() == 1;
        let more = if is_quickest { noise.len() / 16 } else { 64 };
        assert!(encode(level, [&noise[..]]).len() <= noise.len() + more, "{level:?}");
    }
}

/// They go from worker to worker.
#[test]
fn coders_can_be_sent() {
    const fn is_send<T: Send>() {}
    const { is_send::<Encoder>() };
    const { is_send::<Decoder>() };
}
