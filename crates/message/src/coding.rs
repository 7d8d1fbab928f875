//! Content codings (RFC 9110 §8.4.1): those that a representation may be stored in beside its original, or
//! be made in when it is asked for.

use core::ops::RangeInclusive;

/// A content coding that a file may be stored in, under its own name with a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `gzip` (RFC 1952).
    Gzip,
}

impl Coding {
    /// Every one, in the order in which a client that likes them equally gets them.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The content coding's registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What is added to the original's file name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// A coding at one of the levels that its encoder has here. The numbers are those that the coding's own
/// program takes: more is smaller and slower.
///
/// Offered are the levels that are of use while a client waits, and that take no more than 13 MiB of
/// memory. What shall be smaller still is better coded once, and stored beside the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level {
    coding: Coding,
    number: u8,
}

impl Level {
    /// This level; none if the coding has no such level here.
    #[must_use]
    pub const fn new(coding: Coding, number: u8) -> Option<Self> {
        let numbers = Self::numbers(coding);
        if number < *numbers.start() || number > *numbers.end() {
            return None;
        }
        Some(Self { coding, number })
    }

    /// The level to take where nobody chose one: 5, for every coding. From there on brotli has its
    /// models of context and zstd looks for the better of two matches, and gzip gains next to nothing
    /// beyond. On source code and prose a core does 64 MB/s with gzip, 28 MB/s with brotli and
    /// 110 MB/s with zstd, and what comes out is 28, 26 and 27 percent of what went in.
    #[must_use]
    pub const fn usual(coding: Coding) -> Self {
        Self { coding, number: 5 }
    }

    /// The levels of a coding. Those of brotli begin at 2, as what it does below is another way of
    /// coding, and here no faster.
    #[must_use]
    pub const fn numbers(coding: Coding) -> RangeInclusive<u8> {
        match coding {
            Coding::Gzip | Coding::Zstd => 1..=9,
            Coding::Brotli => 2..=6,
        }
    }

    /// The coding.
    #[must_use]
    pub const fn coding(self) -> Coding {
        self.coding
    }

    /// The number of the level.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_there_are_and_are_not() {
        for coding in Coding::ALL {
            let numbers = Level::numbers(coding);
            for number in 0..=u8::MAX {
                let level = Level::new(coding, number);
                assert_eq!(
                    level.is_some(),
                    numbers.contains(&number),
                    "{} {number}",
                    coding.name()
                );
                if let Some(level) = level {
                    assert_eq!((level.coding(), level.number()), (coding, number));
                }
            }
            let usual = Level::usual(coding);
            assert_eq!(Level::new(usual.coding(), usual.number()), Some(usual));
        }
    }
}
