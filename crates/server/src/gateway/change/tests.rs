//! What becomes of content, however it is cut and coded.

use std::sync::Arc;

use proptest::prelude::*;
use wherefore_gateway::transform::{Replacement, Replacements};

use super::*;
use crate::limits::Limits;

fn encoders() -> Arc<Encoders> {
    Encoders::new(&Limits::preset(1000, 1), 1)
}

fn transform(old: &str, new: &str) -> Transform {
    let one = Replacement { old: old.as_bytes().into(), new: new.as_bytes().into() };
    Transform::new(Replacements::new(vec![one]).unwrap())
}

/// What becomes of content that comes in pieces of so many octets; no step costs much.
fn changed(change: &mut Change, content: &[u8], cut: usize) -> Result<Vec<u8>, Cause> {
    let mut made = Vec::new();
    for mut piece in content.chunks(cut) {
        loop {
            let stepped = change.step(piece)?;
            assert!(change.made.len() <= 256 << 10, "{}", change.made.len());
            made.append(&mut change.made);
            piece = &piece[stepped.used..];
            if !stepped.has_more {
                break;
            }
        }
        assert!(piece.is_empty());
    }
    while change.finish()?.has_more {}
    made.append(&mut change.made);
    Ok(made)
}

fn coded(coding: Coding, content: &[u8]) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(Level::usual(coding)).unwrap(), Vec::new());
    encoder.encode(content, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

fn decoded(coding: Coding, content: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(coding, u64::MAX).unwrap();
    let (mut rest, mut out) = (content, Vec::new());
    loop {
        let progress = decoder.decode(rest, &mut out).unwrap();
        rest = &rest[progress.used..];
        if !progress.has_more {
            break;
        }
    }
    decoder.finish().unwrap();
    out
}

fn new(transform: &Transform, decode: Option<Coding>, bytes_max: u64) -> Change {
    Change::new(&encoders(), transform, decode, bytes_max).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_it_comes_and_goes_the_content_is_the_same(
        words in proptest::collection::vec(proptest::sample::select(vec!["old", "ol", "d", " ", "x"]), 0..4000),
        cut in 1_usize..5000,
        from in proptest::option::of(proptest::sample::select(Coding::ALL.to_vec())),
        to in proptest::option::of(proptest::sample::select(Coding::ALL.to_vec())),
    ) {
        let content = words.concat();
        let transform = transform("old", "something new");
        let mut change = new(&transform, from, u64::MAX);
        if let Some(to) = to {
            prop_assert!(change.code(&encoders(), Level::usual(to)));
        }
        let came = from.map_or_else(|| content.clone().into_bytes(), |from| coded(from, content.as_bytes()));
        let made = changed(&mut change, &came, cut).unwrap();
        let plain = to.map_or(made.clone(), |to| decoded(to, &made));
        prop_assert_eq!(String::from_utf8(plain).unwrap(), content.replace("old", "something new"));
    }
}

#[test]
fn what_is_held_back_can_be_had() {
    let transform = transform("old", "new");
    let mut change = new(&transform, None, u64::MAX);
    assert!(change.code(&encoders(), Level::usual(Coding::Gzip)));
    change.step(b"an old event").unwrap();
    change.flush().unwrap();
    let mut plain = Vec::new();
    let mut decoder = Decoder::new(Coding::Gzip, u64::MAX).unwrap();
    decoder.decode(&change.made, &mut plain).unwrap();
    assert_eq!(plain, b"an new event");
    let flushed = change.made.len();
    change.flush().unwrap();
    assert_eq!(change.made.len(), flushed, "there was nothing more to be had");
}

#[test]
fn what_is_not_in_its_coding() {
    let transform = transform("old", "new");
    let good = coded(Coding::Gzip, b"old");
    for (content, cause) in [
        (&b"no gzip at all"[..], Cause::ContentCoding),
        (&good[..good.len() - 1], Cause::ContentCoding),
        (&[good.as_slice(), b"more"].concat(), Cause::ContentCoding),
    ] {
        let mut change = new(&transform, Some(Coding::Gzip), u64::MAX);
        assert_eq!(changed(&mut change, content, 5), Err(cause));
    }
    let mut change = new(&transform, Some(Coding::Gzip), u64::MAX);
    assert_eq!(
        changed(&mut change, b"", 1),
        Ok(Vec::new()),
        "there is nothing that could be wrong"
    );
}

#[test]
fn little_that_stands_for_much_costs_little_at_a_time() {
    let transform = transform("\0\0\0\0", "a longer text in place of four octets");
    let bomb = coded(Coding::Gzip, &vec![0; 4 << 20]);
    let mut change = new(&transform, Some(Coding::Gzip), u64::MAX);
    let (mut rest, mut octets) = (bomb.as_slice(), 0);
    loop {
        let stepped = change.step(rest).unwrap();
        assert!(stepped.cost <= 64 << 10 && change.made.len() <= 64 << 10);
        octets += std::mem::take(&mut change.made).len();
        rest = &rest[stepped.used..];
        if !stepped.has_more {
            break;
        }
    }
    assert_eq!(octets, (1 << 20) * 37);
    let mut change = new(&transform, Some(Coding::Gzip), 1 << 20);
    assert_eq!(changed(&mut change, &bomb, 1 << 16), Err(Cause::ContentTooLarge));
}

#[test]
fn no_more_memory_is_taken_than_there_is() {
    let mut limits = Limits::preset(1000, 1);
    limits.set("compress-memory", "100KiB").unwrap();
    let encoders = Encoders::new(&limits, 1);
    let transform = transform("old", "new");
    let first = Change::new(&encoders, &transform, Some(Coding::Gzip), u64::MAX);
    assert!(first.is_ok());
    let second = Change::new(&encoders, &transform, Some(Coding::Gzip), u64::MAX);
    assert_eq!(second.err(), Some(Cause::OwnLack));
    let mut plain = Change::new(&encoders, &transform, None, u64::MAX).unwrap();
    assert!(!plain.code(&encoders, Level::usual(Coding::Brotli)));
    drop(first);
    assert!(Change::new(&encoders, &transform, Some(Coding::Gzip), u64::MAX).is_ok());
}
