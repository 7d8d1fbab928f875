//! Several ranges as one content: `multipart/byteranges` (RFC 9110 §14.6).

use std::fmt::Write as _;

use wherefore_message::range::ByteRange;

/// A run of a multipart content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What stands between the parts.
    Text(String),
    /// Octets of the representation.
    Range(ByteRange),
}

/// The pieces of a `multipart/byteranges` content, and its length in octets.
#[must_use]
pub fn byteranges(
    ranges: &[ByteRange],
    length: u64,
    media_type: &str,
    boundary: &str,
) -> (Vec<Piece>, u64) {
    let mut pieces = Vec::with_capacity(ranges.len() * 2 + 1);
    let mut total = 0;
    let mut add = |piece: Piece| {
        total += match &piece {
            Piece::Text(text) => text.len() as u64,
            Piece::Range(range) => range.length(),
        };
        pieces.push(piece);
    };
    for (i, range) in ranges.iter().enumerate() {
        let mut text = String::with_capacity(160);
        // The CR LF before a delimiter belongs to it (RFC 2046 §5.1.1); the first one needs none.
        if i > 0 {
            text.push_str("\r\n");
        }
        let _ = write!(
            text,
            "--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {}-{}/{length}\r\n\r\n",
            range.first, range.last,
        );
        add(Piece::Text(text));
        add(Piece::Range(*range));
    }
    add(Piece::Text(format!("\r\n--{boundary}--\r\n")));
    (pieces, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_what_is_written() {
        let ranges = [ByteRange { first: 0, last: 1 }, ByteRange { first: 4, last: 4 }];
        let (pieces, total) = byteranges(&ranges, 6, "text/plain", "B");
        let content = b"abcdef";
        let mut written = Vec::new();
        for piece in &pieces {
            match piece {
                Piece::Text(text) => written.extend_from_slice(text.as_bytes()),
                Piece::Range(r) => {
                    written.extend_from_slice(&content[r.first as usize..=r.last as usize]);
                }
            }
        }
        assert_eq!(written.len() as u64, total);
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/6\r\n\r\nab\r\n--B\r\n\
             Content-Type: text/plain\r\nContent-Range: bytes 4-4/6\r\n\r\ne\r\n--B--\r\n"
        );
    }
}
