//! How hard an encoder tries, and what that costs.

use core::ops::RangeInclusive;

use wherefore_message::Coding;

use crate::encoder::BLOCK_BYTES;

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

    /// The most octets of memory that an encoder takes, whatever it is given.
    #[must_use]
    pub const fn encoder_bytes_max(self) -> usize {
        let coder = match (self.coding, self.number) {
            (Coding::Gzip, _) => 400 << 10,
            (Coding::Brotli, ..=3) => 4 << 20,
            (Coding::Brotli, 4) => 10 << 20,
            (Coding::Brotli, 5) => 11 << 20,
            (Coding::Brotli, _) => 12 << 20,
            (Coding::Zstd, ..=3) => 3 << 20,
            (Coding::Zstd, 4..=6) => 5 << 20,
            (Coding::Zstd, 7..=8) => 7 << 20,
            (Coding::Zstd, _) => 12 << 20,
        };
        coder + BLOCK_BYTES
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
                    assert!(level.encoder_bytes_max() <= 13 << 20);
                }
            }
            let usual = Level::usual(coding);
            assert_eq!(Level::new(usual.coding(), usual.number()), Some(usual));
        }
    }
}
