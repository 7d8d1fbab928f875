//! Laws of the codings that hold for any input, held against generated ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use wherefore_coding::{DecodeError, Decoder, Encoder, Level};
use wherefore_message::Coding;

mod hostile;
mod octets;
mod programs;
mod round;

/// Every level of every coding.
fn levels() -> impl Iterator<Item = Level> {
    Coding::ALL.into_iter().flat_map(|coding| {
        Level::numbers(coding).map(move |number| Level::new(coding, number).unwrap())
    })
}

fn any_level() -> impl Strategy<Value = Level> {
    prop::sample::select(levels().collect::<Vec<_>>())
}

fn any_coding() -> impl Strategy<Value = Coding> {
    prop::sample::select(&Coding::ALL[..])
}

/// Contents that a coder treats in different ways, some of them longer than its blocks.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let length =
        prop_oneof![4 => 0..3000usize, 2 => 60_000..70_000usize, 1 => 120_000..200_000usize];
    (any::<u64>(), 0..4usize, length).prop_map(|(seed, kind, length)| made(seed, kind, length))
}

/// `length` octets of a kind: 0 is noise, 1 words, 2 long repeats, 3 stretches of all three.
fn made(seed: u64, kind: usize, length: usize) -> Vec<u8> {
    const WORDS: [&str; 8] = ["GET ", "field", ": ", "the ", "host\r\n", "\u{e4}", "</a>", "0"];
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    };
    let mut out = Vec::with_capacity(length + 8);
    let mut now = kind;
    while out.len() < length {
        if kind == 3 && next() % 64 == 0 {
            now = (next() % 3) as usize;
        }
        match now {
            1 => out.extend_from_slice(WORDS[(next() % 8) as usize].as_bytes()),
            2 => out.extend_from_slice(&[b'a' + (out.len() / 7919) as u8 % 26; 8]),
            _ => out.push(next() as u8),
        }
    }
    out.truncate(length);
    out
}

/// What `cuts` make of `whole`: pieces, some of them empty.
fn pieces<'a>(whole: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for place in places {
        pieces.push(&whole[from..place]);
        from = place;
    }
    pieces.push(&whole[from..]);
    pieces
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..12)
}

fn encode<'a>(level: Level, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut encoder = Encoder::new(level).unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        encoder.encode(piece, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out
}

/// Decodes all of `pieces`, and wants their end to be the end.
fn decode<'a>(
    coding: Coding,
    decoded_bytes_max: u64,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(coding, decoded_bytes_max)?;
    let mut out = Vec::new();
    for piece in pieces {
        feed(&mut decoder, piece, &mut out)?;
        assert!(out.len() as u64 <= decoded_bytes_max);
    }
    decoder.finish()?;
    Ok(out)
}

/// Decodes all of `input` that can be decoded by now.
fn feed(decoder: &mut Decoder, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    loop {
        let before = out.len();
        let progress = decoder.decode(input, out)?;
        assert!(out.len() - before <= 32 << 10);
        assert!(progress.used > 0 || out.len() > before || !progress.has_more);
        input = &input[progress.used..];
        if !progress.has_more {
            assert!(input.is_empty());
            return Ok(());
        }
    }
}
