//! What a file is apart from its content, and the entity tag made of it (RFC 9110 §8.8.3).

use std::time::{Duration, SystemTime};

use wherefore_message::EntityTag;

/// Within how much time of its last change a file may change again without its stamps telling: the
/// coarsest clock of a file system in use has ticks of two seconds.
pub const GRANULARITY_DEFAULT: Duration = Duration::from_secs(2);

/// A moment, as file systems keep it: seconds since 1970, before it negative, and nanoseconds after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Whole seconds since the start of 1970.
    pub seconds: i64,
    /// Nanoseconds after them, below a thousand million.
    pub nanos: u32,
}

impl Stamp {
    /// The system's clock.
    #[must_use]
    pub fn now() -> Self {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self { seconds: since.as_secs() as i64, nanos: since.subsec_nanos() },
            // A clock before 1970 is wrong anyway; then everything counts as changed just now.
            Err(_) => Self::default(),
        }
    }

    /// The next nanosecond.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.nanos >= 999_999_999 {
            Self { seconds: self.seconds.saturating_add(1), nanos: 0 }
        } else {
            Self { seconds: self.seconds, nanos: self.nanos + 1 }
        }
    }

    /// Whether it lies at least `age` before `now`.
    #[must_use]
    pub fn is_older_than(self, age: Duration, now: Self) -> bool {
        let nanos =
            |stamp: Self| i128::from(stamp.seconds) * 1_000_000_000 + i128::from(stamp.nanos);
        nanos(now) - nanos(self) >= age.as_nanos() as i128
    }
}

/// What the system says of a file. Two equal ones are the same file, unchanged as far as can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Meta {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
    /// Its size in octets.
    pub length: u64,
    /// When its content was last changed, as programs may set it.
    pub modified: Stamp,
    /// When content or attributes were last changed, as only the system sets it.
    pub changed: Stamp,
}

/// Who wrote a file as it now is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// This store, which gives each write a modification time of its own.
    Ours,
    /// Some other program, which may write twice within one tick of the clock.
    Foreign,
}

impl Meta {
    /// The entity tag. Its opaque part depends on all five values and nothing else, and stands while they
    /// do, over restarts too. A foreign file's is weak until it has not changed for `granularity`, as
    /// until then it may change and keep all five.
    #[must_use]
    pub fn tag(&self, author: Author, now: Stamp, granularity: Duration) -> EntityTag {
        let tag = EntityTag::strong(&self.opaque());
        match author {
            Author::Foreign if !self.changed.is_older_than(granularity, now) => tag.weakened(),
            Author::Ours | Author::Foreign => tag,
        }
    }

    /// Whether `other` is this file with the same content, though it may have been given another name
    /// since, or lost the last one: that changes [`Meta::changed`] alone.
    #[must_use]
    pub fn is_same_content(&self, other: &Self) -> bool {
        Self { changed: other.changed, ..*self } == *other
    }

    /// 128 bits in base 32. Each step is a bijection of the state, so that two files which differ in one
    /// value never share a tag; the inode can't be read off it.
    fn opaque(&self) -> [u8; OPAQUE_BYTES] {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let nanos = u64::from(self.modified.nanos) << 32 | u64::from(self.changed.nanos);
        let words = [
            self.device,
            self.inode,
            self.length,
            self.modified.seconds as u64,
            self.changed.seconds as u64,
            nanos,
        ];
        let mut state = words.iter().fold(SEED, |state, word| mix(state ^ u128::from(*word)));
        state = mix(mix(state));
        core::array::from_fn(|i| DIGITS[(state >> (i * 5)) as usize % 32])
    }
}

const OPAQUE_BYTES: usize = 26;
/// The digits of pi after the point.
const SEED: u128 = 0x243f_6a88_85a3_08d3_1319_8a2e_0370_7344;
/// A multiplier known to spread well: that of the 128-bit PCG generators.
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

const fn mix(state: u128) -> u128 {
    let product = (state ^ (state >> 61)).wrapping_mul(MULTIPLIER);
    product ^ (product >> 67)
}

/// The attributes in what the system says.
#[allow(clippy::unnecessary_cast, reason = "the widths differ from platform to platform")]
pub(crate) fn meta_of(stat: &rustix::fs::Stat) -> Meta {
    Meta {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        length: u64::try_from(stat.st_size).unwrap_or(0),
        modified: Stamp { seconds: stat.st_mtime as i64, nanos: stat.st_mtime_nsec as u32 },
        changed: Stamp { seconds: stat.st_ctime as i64, nanos: stat.st_ctime_nsec as u32 },
    }
}

/// A file, with its current tag.
#[derive(Clone, Copy, Debug)]
pub struct FileInfo {
    /// What the system says of it.
    pub meta: Meta,
    /// Its entity tag as of the moment it was looked at: a weak one becomes strong with time.
    pub tag: EntityTag,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_stamp() -> impl Strategy<Value = Stamp> {
        (any::<i64>(), 0u32..1_000_000_000).prop_map(|(seconds, nanos)| Stamp { seconds, nanos })
    }

    fn any_meta() -> impl Strategy<Value = Meta> {
        (any::<[u64; 3]>(), any_stamp(), any_stamp()).prop_map(|([device, inode, length], m, c)| {
            Meta { device, inode, length, modified: m, changed: c }
        })
    }

    proptest! {
        #[test]
        fn a_tag_tells_any_two_files_apart(a in any_meta(), b in any_meta()) {
            let tag = |meta: &Meta| meta.tag(Author::Ours, Stamp::default(), GRANULARITY_DEFAULT);
            prop_assert_eq!(tag(&a).text().strong_eq(tag(&b).text()), a == b);
            prop_assert!(tag(&a).text().strong_eq(tag(&a).text()));
        }

        #[test]
        fn a_tag_changes_with_any_one_value(meta in any_meta(), bit in 0u32..64, which in 0usize..7) {
            let mut other = meta;
            let nanos = |nanos: u32| (nanos + 1) % 1_000_000_000;
            match which {
                0 => other.device ^= 1 << bit,
                1 => other.inode ^= 1 << bit,
                2 => other.length ^= 1 << bit,
                3 => other.modified.seconds ^= 1 << bit,
                4 => other.modified.nanos = nanos(other.modified.nanos),
                5 => other.changed.seconds ^= 1 << bit,
                _ => other.changed.nanos = nanos(other.changed.nanos),
            }
            prop_assert_ne!(meta.opaque(), other.opaque());
        }

        #[test]
        fn the_next_stamp_is_later(stamp in any_stamp()) {
            prop_assume!(stamp.seconds < i64::MAX);
            prop_assert!(stamp.next() > stamp);
        }
    }

    #[test]
    fn a_foreign_tag_is_weak_until_it_can_be_trusted() {
        let changed = Stamp { seconds: 1000, nanos: 500 };
        let meta = Meta { device: 1, inode: 2, length: 3, modified: changed, changed };
        let tag = |author, seconds, nanos| {
            meta.tag(author, Stamp { seconds, nanos }, GRANULARITY_DEFAULT)
        };
        assert!(tag(Author::Foreign, 1002, 499).is_weak());
        assert!(!tag(Author::Foreign, 1002, 500).is_weak());
        assert!(tag(Author::Foreign, 900, 0).is_weak(), "a clock set back proves nothing");
        assert!(!tag(Author::Ours, 1000, 500).is_weak());
        let (early, late) = (tag(Author::Foreign, 1001, 0), tag(Author::Foreign, 2000, 0));
        assert!(early.text().weak_eq(late.text()), "the opaque part stands");
    }
}
