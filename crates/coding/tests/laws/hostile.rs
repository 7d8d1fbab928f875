//! Input that was made to do harm.

use proptest::prelude::*;
use wherefore_coding::{DecodeError, Decoder, Level};
use wherefore_message::Coding;

use crate::{any_coding, any_level, content, cuts, decode, encode, feed, pieces};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_an_error(
        coding in any_coding(), head in any::<bool>(), noise in prop::collection::vec(any::<u8>(), 0..600),
        cuts in cuts(),
    ) {
        let head: &[u8] = match coding {
            _ if !head => b"",
            Coding::Gzip => b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            Coding::Zstd => b"\x28\xb5\x2f\xfd",
            // A window of 512 KiB.
            Coding::Brotli => b"\x05",
        };
        let input = [head, &noise].concat();
        // A few octets may well be brotli by chance, but then they say little.
        let bound = 1 << 20;
        match decode(coding, bound, pieces(&input, &cuts)) {
            Ok(_) => prop_assert!(coding == Coding::Brotli),
            Err(error) => prop_assert!(error != DecodeError::Failed),
        }
    }

    #[test]
    fn what_was_changed_is_seen_or_makes_no_panic(
        level in any_level(), content in content(), flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 1..4),
        cuts in cuts(),
    ) {
        let mut changed = encode(level, [&content[..]]);
        for (place, bit) in &flips {
            let place = place.index(changed.len());
            changed[place] ^= 1 << bit;
        }
        let decoded = decode(level.coding(), 1 << 20, pieces(&changed, &cuts));
        // Of the three only gzip carries a checksum here.
        if let (Coding::Gzip, Ok(decoded)) = (level.coding(), decoded) {
            prop_assert!(decoded == content);
        }
    }

    #[test]
    fn an_end_that_is_missing_is_missed(
        level in any_level(), content in content(), cut in any::<prop::sample::Index>(),
    ) {
        let coded = encode(level, [&content[..]]);
        let part = &coded[..cut.index(coded.len())];
        prop_assert_eq!(decode(level.coding(), 1 << 20, [part]), Err(DecodeError::Truncated));
    }

    #[test]
    fn what_passes_the_bound_is_stopped_at_it(
        level in any_level(), content in content(), bound in any::<prop::sample::Index>(), cuts in cuts(),
    ) {
        prop_assume!(!content.is_empty());
        let coded = encode(level, [&content[..]]);
        let bound = bound.index(content.len());
        let mut decoder = Decoder::new(level.coding(), bound as u64).unwrap();
        let mut decoded = Vec::new();
        let mut results = Vec::new();
        for piece in pieces(&coded, &cuts) {
            results.push(feed(&mut decoder, piece, &mut decoded));
        }
        let first = results.iter().position(|result| result.is_err()).unwrap();
        prop_assert!(results[first..].iter().all(|result| *result == Err(DecodeError::TooLarge)));
        prop_assert!(decoded == content[..bound]);
        prop_assert_eq!(decoder.finish(), Err(DecodeError::TooLarge));
    }
}

/// Eight megabytes in little are given up after the first.
#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![0; 1 << 20];
    for coding in Coding::ALL {
        let level = Level::new(coding, *Level::numbers(coding).start()).unwrap();
        let bomb = encode(level, (0..8).map(|_| &zeros[..]));
        assert!(bomb.len() < zeros.len() / 8, "{coding:?}: {}", bomb.len());
        let mut decoder = Decoder::new(coding, 1 << 20).unwrap();
        let mut decoded = Vec::new();
        let mut used = 0;
        let error = loop {
            match decoder.decode(&bomb[used..], &mut decoded) {
                Ok(progress) => used += progress.used,
                Err(error) => break error,
            }
        };
        assert_eq!(error, DecodeError::TooLarge);
        assert!(decoded == zeros && used < bomb.len());
    }
}

#[test]
fn streams_behind_each_other() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let parts = [&b"abc"[..], b"", b"def"].map(|part| encode(Level::usual(coding), [part]));
        let whole = parts.concat();
        for cut in 0..whole.len() {
            let (before, behind) = whole.split_at(cut);
            assert_eq!(decode(coding, 6, [before, behind]).unwrap(), b"abcdef");
        }
        let garbage = [&whole[..], b"garbage"].concat();
        assert_eq!(decode(coding, 6, [&garbage[..]]), Err(DecodeError::Malformed));
        let many = encode(Level::usual(coding), [&b""[..]]).repeat(1025);
        let allowed = &many[..many.len() / 1025 * 1024];
        assert_eq!(decode(coding, 6, [allowed]).unwrap(), b"");
        assert_eq!(decode(coding, 6, [&many[..]]), Err(DecodeError::TooManyStreams));
    }
}

#[test]
fn nothing_follows_brotli() {
    let coded = encode(Level::usual(Coding::Brotli), [&b"abc"[..]]);
    for behind in [&coded[..], b"\0"] {
        let whole = [&coded[..], behind].concat();
        assert_eq!(decode(Coding::Brotli, 6, [&whole[..]]), Err(DecodeError::Malformed));
        assert_eq!(decode(Coding::Brotli, 6, [&coded[..], behind]), Err(DecodeError::Malformed));
    }
}

#[test]
fn nothing_at_all_is_in_no_coding() {
    for coding in Coding::ALL {
        assert_eq!(decode(coding, 0, []), Err(DecodeError::Truncated));
        assert_eq!(decode(coding, 0, [&b""[..]]), Err(DecodeError::Truncated));
    }
}

#[test]
fn windows_that_are_too_large() {
    // The head of a frame: no length, and a window of 8 or 16 MiB (RFC 8878 §3.1.1.1); then a last
    // block that repeats one octet thrice (RFC 8878 §3.1.1.2).
    let frame =
        |window: u8| [b"\x28\xb5\x2f\xfd\x00", &[window << 3, 0x1b, 0, 0, b'a'][..]].concat();
    assert_eq!(decode(Coding::Zstd, 9, [&frame(23 - 10)[..]]).unwrap(), b"aaa");
    assert_eq!(decode(Coding::Zstd, 9, [&frame(24 - 10)[..]]), Err(DecodeError::WindowTooLarge));
    // The head of a stream of "large window brotli", which is no registered coding.
    assert_eq!(decode(Coding::Brotli, 9, [&b"\x11\x1e\x03"[..]]), Err(DecodeError::Malformed));
}

#[test]
fn a_frame_that_wants_a_dictionary() {
    let frame = b"\x28\xb5\x2f\xfd\x01\x08\x07\x1b\0\0a";
    assert_eq!(decode(Coding::Zstd, 9, [&frame[..]]), Err(DecodeError::Malformed));
}

#[test]
fn a_wrong_checksum_or_length_of_gzip() {
    let coded = encode(Level::usual(Coding::Gzip), [&b"abc"[..]]);
    for place in 1..=8 {
        let mut changed = coded.clone();
        changed[coded.len() - place] ^= 1;
        assert_eq!(decode(Coding::Gzip, 9, [&changed[..]]), Err(DecodeError::Malformed));
    }
}
