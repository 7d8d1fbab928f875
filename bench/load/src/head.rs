//! As much of a head as a load program has to understand: of answers and of requests.

use std::str;

/// The longest head that is taken.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A head, as far as it says what comes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    /// The first line.
    pub(crate) line: &'a str,
    /// How much content follows, if that is said.
    pub(crate) content: Option<u64>,
    /// How many octets the head has.
    pub(crate) octets: usize,
}

/// The head at the beginning of `octets`, once it is whole.
pub(crate) fn read(octets: &[u8]) -> Result<Option<Head<'_>>, String> {
    let Some(end) = end_of(octets) else {
        let is_long = octets.len() > HEAD_BYTES_MAX;
        return if is_long { Err("a head without end".to_owned()) } else { Ok(None) };
    };
    let text = str::from_utf8(&octets[..end]).map_err(|_| "a head that is no text".to_owned())?;
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let mut content = None;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse().map_err(|_| format!("a length of {value:?}"))?;
            content = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(format!("content is {}, which is not read here", value.trim()));
        }
    }
    Ok(Some(Head { line, content, octets: end + 4 }))
}

/// The status of an answer's first line.
pub(crate) fn status(line: &str) -> Result<u16, String> {
    let code = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).ok_or_else(|| format!("{line:?} begins an answer"))
}

fn end_of(octets: &[u8]) -> Option<usize> {
    octets.windows(4).position(|four| four == b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_known() {
        let octets = b"HTTP/1.1 206 Some\r\nA: b\r\ncontent-LENGTH: 12\r\n\r\nrest";
        let head = read(octets).unwrap().unwrap();
        assert_eq!((head.content, head.octets), (Some(12), octets.len() - 4));
        assert_eq!(status(head.line), Ok(206));
        for cut in 0..octets.len() - 4 {
            assert_eq!(read(&octets[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_said() {
        for octets in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        ] {
            assert!(read(octets.as_bytes()).is_err(), "{octets}");
        }
        assert!(read(&vec![b'a'; HEAD_BYTES_MAX + 1]).is_err());
        for line in ["", "HTTP/1.1", "HTTP/1.0 200 OK", "HTTP/1.1 2x0"] {
            assert!(status(line).is_err(), "{line}");
        }
    }
}
