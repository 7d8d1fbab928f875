//! What an encoder costs.

use wherefore_message::Coding;
use wherefore_message::coding::Level;

use crate::encoder::BLOCK_BYTES;

/// The most octets of memory that an encoder takes, whatever it is given.
#[must_use]
pub const fn encoder_bytes_max(level: Level) -> usize {
    let coder = match (level.coding(), level.number()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_takes_more_than_its_page_says() {
        for coding in Coding::ALL {
            for number in Level::numbers(coding) {
                let level = Level::new(coding, number).unwrap();
                assert!(encoder_bytes_max(level) <= 13 << 20);
            }
        }
    }
}
