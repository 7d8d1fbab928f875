//! Coders take no more memory than they say. What zstd takes is not seen here, since the library asks the
//! system itself; its own count is held to the bound in `zstd.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use wherefore_coding::{Decoder, Encoder, Level, decoder_bytes_max, encoder_bytes_max};
use wherefore_message::Coding;

struct Measuring;

thread_local! {
    // Of this thread alone: the test harness allocates on its own.
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let now = NOW.get() + bytes;
    NOW.set(now);
    MOST.set(MOST.get().max(now));
}

// SAFETY: every call is handed on to the system's allocator unchanged; counting allocates nothing, since
// the cells are initialised in place and have no destructor.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller keeps the contract of `realloc`, and the block is the system's.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`, and the block is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static MEASURING: Measuring = Measuring;

/// The most octets that `act` holds at a time.
fn held(act: impl FnOnce()) -> usize {
    let before = NOW.get();
    MOST.set(before);
    act();
    (MOST.get() - before).unsigned_abs()
}

/// Contents that fill the tables of encoders in different ways: noise, words of two letters, and short
/// matches with one octet between them and with none. They are longer than two windows of brotli.
fn contents() -> [Vec<u8>; 4] {
    const LENGTH: usize = 5 << 18;
    let mut state = 9u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    };
    let noise: Vec<u8> = (0..LENGTH).map(|_| next() as u8).collect();
    let letters: Vec<u8> = (0..LENGTH).map(|_| b"ab"[next() % 2]).collect();
    let mut matches = |between: usize| {
        let mut matches = noise[..4096].to_vec();
        while matches.len() < LENGTH {
            let from = matches.len() - 4096 + next() % 4000;
            matches.extend_from_within(from..from + 4);
            matches.extend_from_slice(&noise[from..from + between]);
        }
        matches
    };
    let (apart, together) = (matches(1), matches(0));
    [noise, letters, apart, together]
}

#[test]
fn no_encoder_takes_more_than_its_level_says() {
    let contents = contents();
    let mut out = Vec::with_capacity(4 << 20);
    for coding in [Coding::Gzip, Coding::Brotli] {
        for level in Level::numbers(coding).map(|number| Level::new(coding, number).unwrap()) {
            // What gzip takes, it takes at once.
            let contents = if coding == Coding::Gzip { &contents[..1] } else { &contents[..] };
            for (i, content) in contents.iter().enumerate() {
                let held = held(|| {
                    let mut encoder = Encoder::new(level).unwrap();
                    // Cut so that the encoder has to gather its blocks.
                    for piece in content.chunks(100_000) {
                        encoder.encode(piece, &mut out).unwrap();
                    }
                    encoder.finish(&mut out).unwrap();
                });
                assert!(out.capacity() == 4 << 20, "the output was counted too");
                assert!(held <= encoder_bytes_max(level), "{level:?}, content {i}: {held}");
                out.clear();
            }
        }
    }
}

/// The largest window that each coding has, filled.
#[test]
fn no_decoder_takes_more_than_it_says() {
    let mut gzip = Vec::new();
    let mut encoder = Encoder::new(Level::usual(Coding::Gzip)).unwrap();
    encoder.encode(&contents()[1], &mut gzip).unwrap();
    encoder.finish(&mut gzip).unwrap();
    for (coding, coded) in [(Coding::Gzip, gzip), (Coding::Brotli, brotli_of_a_large_window())] {
        let mut out = Vec::with_capacity(64 << 10);
        let mut decoded = 0;
        let held = held(|| {
            let mut decoder = Decoder::new(coding, u64::MAX).unwrap();
            let mut input = &coded[..];
            loop {
                let progress = decoder.decode(input, &mut out).unwrap();
                decoded += out.len();
                out.clear();
                input = &input[progress.used..];
                if !progress.has_more {
                    break;
                }
            }
            decoder.finish().unwrap();
        });
        assert!(decoded >= 1 << 20 && out.capacity() == 64 << 10);
        assert!(held <= decoder_bytes_max(coding), "{coding:?}: {held}");
    }
}

/// Two stretches of 16 MiB and 2 MiB that are not coded, behind a head that asks for the largest window
/// (RFC 7932 §9.1, §9.2).
fn brotli_of_a_large_window() -> Vec<u8> {
    let mut out = Vec::new();
    for (at, length) in [16 << 20, 2 << 20].into_iter().enumerate() {
        // From the lowest bit: not the last, six nibbles of length less one, and "not coded".
        let block: u64 = 0b10 << 1 | (length - 1) << 3 | 1 << 27;
        // Before the first one stands the window: 24 bits.
        let bits = if at == 0 { 0b1111 | block << 4 } else { block };
        out.extend_from_slice(&bits.to_le_bytes()[..4]);
        out.resize(out.len() + length as usize, b'x');
    }
    // An empty block, which is the last.
    out.push(0b11);
    out
}
