//! Texts replaced in a stream of octets.
//!
//! The content is read once, from the left. Where several of the old texts begin at one octet, the one that is listed
//! first wins, whichever is longer. What was put in is not looked at again. How the stream is cut changes nothing: where
//! an old text may yet come, what would be its beginning is held back, and nothing else is.

use std::sync::Arc;

use wherefore_coding::Progress;

/// The most replacements of one route.
pub const REPLACEMENTS_MAX: usize = 32;

/// The most octets that an old text has: so much is held back at most.
pub const OLD_BYTES_MAX: usize = 256;

/// The most octets that a new text has.
pub const NEW_BYTES_MAX: usize = 16 << 10;

/// The most octets that one call looks at.
pub const STEP_BYTES: usize = 16 << 10;

/// The most octets that a replacer keeps.
pub const BYTES_MAX: usize = STEP_BYTES + OLD_BYTES_MAX;

/// One text, and what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// What is looked for; the case of letters counts.
    pub old: Box<[u8]>,
    /// What stands in its place.
    pub new: Box<[u8]>,
}

/// What is replaced on a route, within bounds. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacements(Option<Arc<Table>>);

#[derive(Debug, PartialEq, Eq)]
struct Table {
    list: Vec<Replacement>,
    /// The octets that an old text begins with.
    firsts: [bool; 256],
}

impl Replacements {
    /// Nothing is replaced.
    pub const NONE: Self = Self(None);

    /// These; none if there are too many of them, if one looks for nothing, or if one is too long.
    #[must_use]
    pub fn new(list: Vec<Replacement>) -> Option<Self> {
        let is_fine = |one: &Replacement| {
            (1..=OLD_BYTES_MAX).contains(&one.old.len()) && one.new.len() <= NEW_BYTES_MAX
        };
        if list.len() > REPLACEMENTS_MAX || !list.iter().all(is_fine) {
            return None;
        }
        let mut firsts = [false; 256];
        for first in list.iter().filter_map(|one| one.old.first()) {
            firsts[usize::from(*first)] = true;
        }
        let table = (!list.is_empty()).then(|| Arc::new(Table { list, firsts }));
        Some(Self(table))
    }

    /// Whether nothing is replaced.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Replacement> {
        self.0.iter().flat_map(|table| &table.list)
    }
}

impl Table {
    /// What is to be done where `rest` begins.
    fn at<'a>(&'a self, rest: &[u8], comes: Comes) -> Found<'a> {
        for one in &self.list {
            if rest.starts_with(&one.old) {
                return Found::Old(one);
            }
            // One listed before another has to be waited for, should the other be whole already.
            if comes == Comes::More && one.old.starts_with(rest) {
                return Found::Perhaps;
            }
        }
        Found::Nothing
    }
}

enum Found<'a> {
    Old(&'a Replacement),
    /// What follows decides.
    Perhaps,
    Nothing,
}

/// Whether more content follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comes {
    More,
    Nothing,
}

/// Replaces in one stream.
#[derive(Clone, Debug)]
pub struct Replacer {
    all: Replacements,
    /// What came and is not decided, or not written yet.
    held: Vec<u8>,
}

impl Replacer {
    /// Nothing came yet.
    #[must_use]
    pub fn new(all: &Replacements) -> Self {
        Self { all: all.clone(), held: Vec::new() }
    }

    /// Takes up to [`STEP_BYTES`] of the content, and appends what they become. It is to be called again with the rest,
    /// while there is more: what is put in may be much longer than what came.
    pub fn replace(&mut self, content: &[u8], out: &mut Vec<u8>) -> Progress {
        let room = BYTES_MAX.saturating_sub(self.held.len()).min(STEP_BYTES);
        let used = content.len().min(room);
        self.held.extend_from_slice(content.get(..used).unwrap_or_default());
        let is_through = self.advance(Comes::More, out);
        Progress { used, has_more: !is_through || used < content.len() }
    }

    /// Appends what was held back: nothing more comes. It is to be called until it says that there is no more.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Progress {
        let is_through = self.advance(Comes::Nothing, out);
        Progress { used: 0, has_more: !is_through }
    }

    /// Writes what can be, and as much as one step may. Says whether it came to the end of what can be.
    fn advance(&mut self, comes: Comes, out: &mut Vec<u8>) -> bool {
        let Some(table) = &self.all.0 else {
            out.append(&mut self.held);
            return true;
        };
        let (start, mut at) = (out.len(), 0);
        let mut is_through = true;
        while let Some(rest) = self.held.get(at..).filter(|rest| !rest.is_empty()) {
            if out.len() - start >= BYTES_MAX {
                is_through = false;
                break;
            }
            let begins = |octet: &u8| table.firsts[usize::from(*octet)];
            let plain = rest.iter().position(begins).unwrap_or(rest.len());
            if plain > 0 {
                out.extend_from_slice(&rest[..plain]);
                at += plain;
                continue;
            }
            match table.at(rest, comes) {
                Found::Old(one) => {
                    out.extend_from_slice(&one.new);
                    at += one.old.len();
                }
                Found::Nothing => {
                    out.extend_from_slice(&rest[..1]);
                    at += 1;
                }
                Found::Perhaps => break,
            }
        }
        self.held.drain(..at);
        is_through
    }
}
