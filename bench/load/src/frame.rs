//! WebSocket messages of one frame each: what a client masks, a server sends back plainly.

/// What a client's opening handshake and its answer prove to each other.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A final frame of binary data.
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;
/// Lengths from here on stand in two octets of their own.
const SHORT_MAX: usize = 125;
/// The longest content of a message.
pub(crate) const CONTENT_MAX: usize = u16::MAX as usize;

/// Where the content of a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// How long what comes before it is.
    pub(crate) begins: usize,
    /// How long it is.
    pub(crate) octets: usize,
    /// What it is masked with.
    pub(crate) mask: Option<[u8; 4]>,
}

/// What comes before content of so many octets, at most [`CONTENT_MAX`].
pub(crate) fn begin(out: &mut Vec<u8>, octets: usize, mask: Option<[u8; 4]>) {
    let flag = if mask.is_some() { MASKED } else { 0 };
    out.push(BINARY);
    match u8::try_from(octets) {
        Ok(short) if octets <= SHORT_MAX => out.push(flag | short),
        _ => {
            out.push(flag | 126);
            out.extend_from_slice(&u16::try_from(octets).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend(mask.into_iter().flatten());
}

/// The frame at the beginning of `octets`, once its content is there too.
pub(crate) fn read(octets: &[u8]) -> Result<Option<Frame>, String> {
    let [first, second, rest @ ..] = octets else { return Ok(None) };
    if *first != BINARY {
        return Err(format!("a frame that begins with {first:#04x}"));
    }
    let (length, rest) = match (second & !MASKED, rest) {
        (127, _) => return Err("a frame that is too long".to_owned()),
        (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        (126, _) => return Ok(None),
        (short, rest) => (usize::from(short), rest),
    };
    let mask = match rest {
        _ if second & MASKED == 0 => None,
        [a, b, c, d, ..] => Some([*a, *b, *c, *d]),
        _ => return Ok(None),
    };
    let begins = octets.len() - rest.len() + mask.map_or(0, |mask| mask.len());
    let is_whole = octets.len() - begins >= length;
    Ok(is_whole.then_some(Frame { begins, octets: length, mask }))
}

/// Masks content, or takes the mask off again.
pub(crate) fn mask(content: &mut [u8], mask: [u8; 4]) {
    for four in content.chunks_mut(4) {
        for (octet, with) in four.iter_mut().zip(mask) {
            *octet ^= with;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        for octets in [0, 1, 125, 126, 4096, CONTENT_MAX] {
            for with in [None, Some([1, 2, 3, 4])] {
                let mut out = Vec::new();
                begin(&mut out, octets, with);
                let begins = out.len();
                out.resize(begins + octets, b'a');
                let frame = Frame { begins, octets, mask: with };
                assert_eq!(read(&out), Ok(Some(frame)));
                for cut in [1, 2, begins, out.len()] {
                    let cut = &out[..out.len() - cut.min(out.len())];
                    assert_eq!(read(cut).map(|frame| frame.is_some()), Ok(false));
                }
            }
        }
    }

    #[test]
    fn a_mask_is_taken_off_as_it_was_put_on() {
        let mut content = *b"Hello";
        mask(&mut content, [0x37, 0xfa, 0x21, 0x3d]);
        // The example of RFC 6455 §5.7.
        assert_eq!(content, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        mask(&mut content, [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(&content, b"Hello");
    }

    #[test]
    fn what_else_there_is_is_refused() {
        assert!(read(&[0x81, 0]).is_err());
        assert!(read(&[0x88, 0]).is_err());
        assert!(read(&[BINARY, 127]).is_err());
    }
}
