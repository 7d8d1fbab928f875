//! The form of one record in the log: its length, a checksum, and what it says.
//!
//! All numbers are little-endian. Length (4 octets) counts what follows the checksum (4 octets, CRC-32 of
//! length and body): what happened (1), device (8), inode (8), seconds since 1970 (8), path.

use crate::RootIdentity;

/// The longest path that is kept, in octets; the longest that systems take is 4096.
pub(crate) const PATH_BYTES_MAX: usize = 1 << 16;

const HEAD_BYTES: usize = 8;
const FIXED_BYTES: usize = 25;

/// What happened to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Removed,
    Lifted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) what: What,
    pub(crate) root: RootIdentity,
    pub(crate) since: u64,
    pub(crate) path: &'a [u8],
}

impl<'a> Record<'a> {
    /// Appends it to `out`. The path is at most [`PATH_BYTES_MAX`] octets.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let length = (FIXED_BYTES + self.path.len()) as u32;
        let mut body = Vec::with_capacity(FIXED_BYTES + self.path.len());
        body.push(match self.what {
            What::Removed => b'r',
            What::Lifted => b'l',
        });
        for number in [self.root.device, self.root.inode, self.since] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(self.path);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&checksum(length, &body).to_le_bytes());
        out.extend_from_slice(&body);
    }

    /// Reads the record at the start of `bytes`, and says how many octets it takes; none if a whole and
    /// sound one is not there.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        let (sum, rest) = rest.split_first_chunk()?;
        let body = rest.get(..length as usize)?;
        if checksum(length, body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let (what, rest) = body.split_first()?;
        let what = match what {
            b'r' => What::Removed,
            b'l' => What::Lifted,
            _ => return None,
        };
        let (device, rest) = number(rest)?;
        let (inode, rest) = number(rest)?;
        let (since, path) = number(rest)?;
        let root = RootIdentity { device, inode };
        Some((Self { what, root, since, path }, HEAD_BYTES + body.len()))
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

/// CRC-32 as Ethernet and gzip have it.
fn checksum(length: u32, body: &[u8]) -> u32 {
    let octets = length.to_le_bytes();
    !octets.iter().chain(body).fold(u32::MAX, |sum, octet| {
        (sum >> 8) ^ CRC_TABLE[((sum ^ u32::from(*octet)) & 0xff) as usize]
    })
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut sum = i as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[i] = sum;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_the_well_known_one() {
        // The customary check value of CRC-32 is that of the digits 1 to 9.
        assert_eq!(checksum(u32::from_le_bytes(*b"1234"), b"56789"), 0xcbf4_3926);
        assert!(Record::read(&[0; 64]).is_none(), "a hole of zeros is no record");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in any::<[u64; 3]>(),
            path in proptest::collection::vec(any::<u8>(), 0..40),
            removed in any::<bool>(),
            flip in any::<proptest::sample::Index>(),
        ) {
            let [device, inode, since] = numbers;
            let what = if removed { What::Removed } else { What::Lifted };
            let record =
                Record { what, root: RootIdentity { device, inode }, since, path: &path };
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            let whole = bytes.len();
            bytes.extend_from_slice(b"next");
            prop_assert_eq!(Record::read(&bytes), Some((record, whole)));
            prop_assert_eq!(Record::read(&bytes[..whole - 1]), None);
            bytes.truncate(whole);
            let bit = flip.index(whole * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Record::read(&bytes), None, "one bit is always noticed");
        }
    }
}
