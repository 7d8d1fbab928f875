//! Which credentials were found right lately.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

/// How many credentials are remembered unless told otherwise.
pub const VERIFIED_MAX: usize = 4096;

/// A bounded memory of credentials that were found right, so that a client which sends them with each
/// request costs one hash and not one a request.
///
/// It holds neither passwords nor anything that could be tried against guesses: what is kept is a keyed
/// hash of the name, the password and the hash that it was held against, under a secret that ends with the
/// process. Once the file has another hash, what was remembered is never met again.
pub struct Verified {
    key: hmac::Key,
    /// As many as a power of two. Each has a lock of its own, held while four entries are compared.
    sets: Box<[Mutex<Set>]>,
}

const WAYS: usize = 4;

type Tag = [u8; 32];

/// The entries that share some bits, the last used first.
type Set = [Option<Tag>; WAYS];

impl Verified {
    /// An empty memory for about so many credentials. `secret` is from a random source, and of 32 octets
    /// or more.
    #[must_use]
    pub fn new(secret: &[u8], entries_max: usize) -> Self {
        let sets = entries_max.div_ceil(WAYS).next_power_of_two();
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            sets: (0..sets).map(|_| Mutex::default()).collect(),
        }
    }

    /// What stands for these three; the lengths keep them apart.
    pub(crate) fn tag(&self, name: &str, password: &str, stored: &str) -> Option<Tag> {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [name, password, stored] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().try_into().ok()
    }

    /// Whether it is remembered; if it is, it is the last to be forgotten.
    pub(crate) fn has(&self, tag: &Tag) -> bool {
        self.with_set(tag, |set| {
            let is_it = |entry: &Option<Tag>| {
                entry.as_ref().is_some_and(|entry| verify_slices_are_equal(entry, tag).is_ok())
            };
            let Some(at) = set.iter().position(is_it) else { return false };
            set[..=at].rotate_right(1);
            true
        })
    }

    pub(crate) fn remember(&self, tag: Tag) {
        if self.has(&tag) {
            return;
        }
        self.with_set(&tag, |set| {
            set.rotate_right(1);
            set[0] = Some(tag);
        });
    }

    fn with_set<T>(&self, tag: &Tag, change: impl FnOnce(&mut Set) -> T) -> T {
        let [a, b, c, d, ..] = *tag;
        let at = u32::from_be_bytes([a, b, c, d]) as usize & (self.sets.len() - 1);
        change(&mut self.sets[at].lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Its size alone.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("entries_max", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_count() {
        let memory = Verified::new(&[1; 32], 64);
        let tag = memory.tag("ab", "c", "d").unwrap();
        memory.remember(tag);
        assert!(memory.has(&memory.tag("ab", "c", "d").unwrap()));
        for (name, password, stored) in
            [("a", "bc", "d"), ("ab", "cd", ""), ("ab", "c", "e"), ("ab", "C", "d")]
        {
            assert!(!memory.has(&memory.tag(name, password, stored).unwrap()));
        }
        let other = Verified::new(&[2; 32], 64);
        assert_ne!(other.tag("ab", "c", "d"), Some(tag));
    }

    #[test]
    fn the_oldest_goes_first() {
        let memory = Verified::new(&[1; 32], 1);
        assert_eq!(memory.sets.len() * WAYS, 4);
        let tags: Vec<_> = (0..5).map(|i: u8| [i; 32]).collect();
        tags[..4].iter().for_each(|tag| memory.remember(*tag));
        assert!(memory.has(&tags[0]));
        memory.remember(tags[4]);
        memory.remember(tags[4]);
        assert_eq!(
            tags.iter().map(|tag| memory.has(tag)).collect::<Vec<_>>(),
            [true, false, true, true, true]
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", Verified::new(b"the secret of the process", 64));
        assert_eq!(shown, "Verified { entries_max: 64, .. }");
    }
}
