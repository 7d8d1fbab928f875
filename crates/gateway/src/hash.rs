//! SipHash-2-4 (Aumasson and Bernstein, 2012), by which keys are given to members: whoever doesn't know the seed
//! can't choose keys that all come to lie with one. It is the same on every machine and in every release, which
//! the standard library's hashers don't promise.

/// The hash of `octets` under `seed`.
#[must_use]
pub(crate) fn siphash(seed: &[u8; 16], octets: &[u8]) -> u64 {
    let [k0, k1] = [0, 8].map(|at| le_word(seed.get(at..at + 8).unwrap_or_default()));
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let chunks = octets.chunks_exact(8);
    let last = le_word(chunks.remainder()) | (octets.len() as u64) << 56;
    for word in chunks.map(le_word).chain([last]) {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// Mixes two numbers into one in which each of their bits counts (the end of MurmurHash3).
#[must_use]
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ x >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}

/// Up to eight octets, the least significant first.
fn le_word(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |word, octet| word << 8 | u64::from(*octet))
}

const fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    #![allow(deprecated, reason = "the standard library's SipHash-2-4 is the oracle")]
    use std::hash::{Hasher, SipHasher};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_its_authors() {
        let seed = core::array::from_fn(|i| i as u8);
        let message: [u8; 15] = core::array::from_fn(|i| i as u8);
        assert_eq!(siphash(&seed, &message), 0xa129_ca61_49be_45e5);
    }

    proptest! {
        #[test]
        fn it_is_that_of_the_standard_library(seed: [u8; 16], octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let [k0, k1] = [&seed[..8], &seed[8..]].map(|half| u64::from_le_bytes(half.try_into().unwrap()));
            let mut oracle = SipHasher::new_with_keys(k0, k1);
            oracle.write(&octets);
            prop_assert_eq!(siphash(&seed, &octets), oracle.finish());
        }
    }
}
