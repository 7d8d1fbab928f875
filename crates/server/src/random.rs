//! Numbers that differ: for jitter, and for the ids of requests. Nothing secret is made of them.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};

/// The length of a request id in octets.
pub const REQUEST_ID_BYTES: usize = 16;

/// Lowercase base32 (RFC 4648 §6), safe in a field, a file name and a shell.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Octets that nobody can guess, for what is to be kept secret.
///
/// # Errors
/// If the system's random source can't be read.
pub fn secret<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(octets)
}

/// A core's own generator (xoroshiro128++): fast, without a lock, and predictable to one who sees its
/// output, so nothing that must stay secret may come from it.
#[derive(Debug)]
pub struct Random {
    state: Cell<(u64, u64)>,
}

impl Random {
    /// A generator seeded by the operating system.
    ///
    /// # Errors
    /// If the system's random source can't be read.
    pub fn from_system() -> io::Result<Self> {
        let mut seed = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        Ok(Self::from_seed(u128::from_ne_bytes(seed)))
    }

    /// A generator that repeats itself for the same seed.
    #[must_use]
    pub fn from_seed(seed: u128) -> Self {
        // The state of all zeros would stay there for ever.
        let seed = seed.max(1);
        Self { state: Cell::new(((seed >> 64) as u64, seed as u64)) }
    }

    /// Any number.
    pub fn next_u64(&self) -> u64 {
        let (a, b) = self.state.get();
        let next = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
        let mixed = a ^ b;
        self.state.set((a.rotate_left(49) ^ mixed ^ (mixed << 21), mixed.rotate_left(28)));
        next
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// An id for one request: 80 bits.
    pub fn request_id(&self) -> RequestId {
        let bits = (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64());
        let mut text = [0; REQUEST_ID_BYTES];
        for (i, octet) in text.iter_mut().enumerate() {
            *octet = ALPHABET[(bits >> (i * 5)) as usize % ALPHABET.len()];
        }
        RequestId(text)
    }
}

/// The id by which a request is found again, in its `Request-Id` field, in the log and in its story.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; REQUEST_ID_BYTES]);

impl RequestId {
    /// Reads an id; none if `text` is anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let id: [u8; REQUEST_ID_BYTES] = text.try_into().ok()?;
        id.iter().all(|octet| ALPHABET.contains(octet)).then_some(Self(id))
    }

    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn generators_of_the_system_differ_and_a_seed_repeats() {
        let (a, b) = (Random::from_system().unwrap(), Random::from_system().unwrap());
        assert_ne!((a.next_u64(), a.next_u64()), (b.next_u64(), b.next_u64()));
        assert_eq!(Random::from_seed(7).next_u64(), Random::from_seed(7).next_u64());
        let zero = Random::from_seed(0);
        assert!((0..100).any(|_| zero.next_u64() != 0));
    }

    #[test]
    fn below_its_bound_and_spread_over_it() {
        let random = Random::from_seed(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834);
        let mut seen = [0; 8];
        for _ in 0..8000 {
            seen[random.below(8) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn ids_read_back_and_do_not_repeat() {
        let random = Random::from_system().unwrap();
        let ids: HashSet<_> = (0..10_000).map(|_| random.request_id()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids.iter().take(100) {
            assert_eq!(id.as_str().len(), REQUEST_ID_BYTES);
            assert_eq!(RequestId::parse(id.as_str().as_bytes()), Some(*id));
        }
        for wrong in [&b"aaaaaaaaaaaaaaa"[..], b"aaaaaaaaaaaaaaa1", b"Aaaaaaaaaaaaaaaa", b""] {
            assert_eq!(RequestId::parse(wrong), None);
        }
    }
}
