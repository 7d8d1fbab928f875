//! What keys are hashed with, so that whoever chooses keys can't choose where they come to lie.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

/// Sixteen random octets, made when the server starts and told to nobody.
#[derive(Clone)]
pub struct Secret([u8; 16]);

impl Secret {
    /// Octets from a random source that can't be guessed.
    #[must_use]
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The hash that stands for a key of the limit called `limit`, which allows so much: 128 bits, so that
    /// no two keys are ever taken for one another.
    pub(crate) fn hash(&self, limit: &str, allowed: u64, key: &[u8]) -> Hash {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&(limit.len() as u64).to_le_bytes());
        hasher.write(&allowed.to_le_bytes());
        hasher.write(limit.as_bytes());
        hasher.write(key);
        let hash = hasher.finish128();
        Hash { h1: hash.h1, h2: hash.h2 }
    }
}

/// It is not shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What stands for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Hash {
    pub(crate) h1: u64,
    pub(crate) h2: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counts() {
        let secret = Secret::new([7; 16]);
        let one = secret.hash("ab", 1, b"key");
        assert_eq!(one, secret.hash("ab", 1, b"key"));
        assert_ne!(one, secret.hash("abk", 1, b"ey"));
        assert_ne!(one, secret.hash("ab", 2, b"key"));
        assert_ne!(one, secret.hash("ab", 1, b"kez"));
        assert_ne!(one, Secret::new([8; 16]).hash("ab", 1, b"key"));
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
