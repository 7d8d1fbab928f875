//! Content as it goes out, of either role: what stands around each run of it, and after the last.

use crate::write::chunk_head;

/// What content a message has. Whether any of it is sent, and how it is delimited, is the role's to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// None; where the peer would else wait for some, a length of 0 is said.
    None,
    /// This many octets.
    Sized(u64),
    /// Some, how much is not known.
    Streamed,
}

/// Which octets follow a message's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// None.
    Nothing,
    /// This many more.
    Sized(u64),
    /// Chunks.
    Chunks,
    /// Content until we close.
    UntilClose,
}

/// Whether as much content went out as the head said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It did.
    Whole,
    /// There was less.
    Short,
}

impl Follows {
    /// Appends what stands before a run of this many octets.
    #[inline]
    pub(crate) fn frame(&mut self, octets: usize, out: &mut Vec<u8>) {
        match self {
            // A chunk of 0 would be the last.
            Self::Chunks if octets > 0 => chunk_head(out, octets),
            Self::Sized(left) => {
                debug_assert!(octets as u64 <= *left, "more content than the head said");
                *left = left.saturating_sub(octets as u64);
            }
            Self::Nothing => debug_assert_eq!(octets, 0, "the message has no content"),
            Self::Chunks | Self::UntilClose => {}
        }
    }

    /// Appends what stands after a run of this many octets.
    #[inline]
    pub(crate) fn frame_end(self, octets: usize, out: &mut Vec<u8>) {
        if self == Self::Chunks && octets > 0 {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Appends what ends the content, after which nothing follows. `trailers`, whole field lines, have
    /// a place in chunks alone (RFC 9112 §7.1.2).
    #[inline]
    pub(crate) fn end(&mut self, trailers: &[u8], out: &mut Vec<u8>) -> Ended {
        match core::mem::replace(self, Self::Nothing) {
            Self::Chunks if trailers.is_empty() => out.extend_from_slice(b"0\r\n\r\n"),
            Self::Chunks => {
                debug_assert!(trailers.ends_with(b"\r\n"), "trailer fields are whole lines");
                out.extend_from_slice(b"0\r\n");
                out.extend_from_slice(trailers);
                out.extend_from_slice(b"\r\n");
            }
            Self::Sized(left) if left > 0 => return Ended::Short,
            Self::Sized(_) | Self::UntilClose | Self::Nothing => {}
        }
        Ended::Whole
    }
}
