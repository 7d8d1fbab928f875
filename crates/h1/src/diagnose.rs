//! The grammar of a head's parts as RFC 9112 has it, spelled out: what names a fault and its octet when
//! the quick parser only says no, and what that parser is held against.

use wherefore_message::token::{is_token_octet, is_value_octet, trim};
use wherefore_message::{Fault, FaultKind, FieldName, Line, Span, Version};

use crate::octets::{first, from, offset, span, within};

/// Reads what stands after the second space of a request line, line end included; a line end that
/// does not come within the limit is missing from it.
///
/// # Errors
/// The kind of fault and how many octets into `text` it stands.
pub(crate) fn version(text: &[u8]) -> Result<Version, (FaultKind, usize)> {
    if let [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b'\r', b'\n'] = *text
        && major.is_ascii_digit()
        && minor.is_ascii_digit()
    {
        if major != b'1' {
            return Err((FaultKind::VersionMajor, 5));
        }
        // A higher minor version is served as the highest known (RFC 9110 §2.5).
        return Ok(Version { major: 1, minor: (minor - b'0').min(1) });
    }
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    if line.len() < text.len() && !line.ends_with(b"\r") {
        return Err((FaultKind::BareLineFeed, line.len()));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if let Some(at) = line.iter().position(|octet| *octet == b'\r') {
        return Err((FaultKind::BareCarriageReturn, at));
    }
    if let Some(at) = line.iter().position(|octet| matches!(octet, b' ' | b'\t')) {
        return Err((FaultKind::RequestLineSpaces, at));
    }
    let fits = |(wanted, octet): &(&u8, &u8)| match **wanted {
        b'd' => octet.is_ascii_digit(),
        wanted => wanted == **octet,
    };
    Err((FaultKind::VersionSyntax, b"HTTP/d.d".iter().zip(line).take_while(fits).count()))
}

/// Reads the field lines `all`, up to the blank line, into `lines`.
///
/// # Errors
/// The first fault, with its line.
pub(crate) fn field_lines(all: &[u8], lines: &mut Vec<Line>) -> Result<(), Fault> {
    let mut start = 0;
    loop {
        let text = from(all, start);
        let length = first(b'\n', text).map_or(text.len(), |feed| feed + 1);
        let text = within(text, 0, length);
        if matches!(text, b"\r\n" | b"\n" | b"") {
            return Ok(());
        }
        let (name, value) = field_line(text, lines.len())
            .map_err(|(kind, at)| Fault::new(kind, start + at).in_line(lines.len()))?;
        let name_end = start + name.len();
        let value_start = start + offset(text, value);
        lines.push(Line {
            name: FieldName::parse(name),
            name_at: span(start, name_end),
            value_at: span(value_start, value_start + value.len()),
        });
        start += length;
    }
}

type NameAndValue<'a> = (&'a [u8], &'a [u8]);

/// Reads one field line, CR LF included: `name ":" OWS value OWS` (RFC 9112 §5). `before` lines stand
/// before it.
fn field_line(text: &[u8], before: usize) -> Result<NameAndValue<'_>, (FaultKind, usize)> {
    let Some(line) = text.strip_suffix(b"\r\n") else {
        return Err((FaultKind::BareLineFeed, text.len().saturating_sub(1)));
    };
    let name_end = line.iter().position(|octet| !is_token_octet(*octet)).unwrap_or(line.len());
    let kind = match line.get(name_end) {
        Some(b':') if name_end > 0 => {
            let value = from(line, name_end + 1);
            return match value.iter().position(|octet| !is_value_octet(*octet)) {
                None => Ok((within(line, 0, name_end), trim(value))),
                Some(i) if value.get(i) == Some(&b'\r') => {
                    Err((FaultKind::BareCarriageReturn, name_end + 1 + i))
                }
                Some(i) => Err((FaultKind::FieldValueOctet, name_end + 1 + i)),
            };
        }
        Some(b':') => FaultKind::FieldNameEmpty,
        Some(b' ' | b'\t') if name_end == 0 && before == 0 => FaultKind::SpaceBeforeFields,
        Some(b' ' | b'\t') if name_end == 0 => FaultKind::FieldFolded,
        Some(b' ' | b'\t') if trim(from(line, name_end)).starts_with(b":") => {
            FaultKind::FieldNameSpace
        }
        Some(b'\r') => FaultKind::BareCarriageReturn,
        Some(_) if line.contains(&b':') => FaultKind::FieldNameOctet,
        Some(_) | None => return Err((FaultKind::FieldColonMissing, line.len())),
    };
    Err((kind, name_end))
}

/// Where the name of field line `line` stands, of those that begin at `start`; none if it has none.
pub(crate) fn field_name(head: &[u8], start: usize, line: u16) -> Option<Span> {
    let mut start = start;
    for _ in 0..line {
        start += first(b'\n', from(head, start))? + 1;
    }
    let length = from(head, start).iter().position(|octet| !is_token_octet(*octet))?;
    (length > 0).then(|| span(start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_what_is_none() {
        use FaultKind as K;
        assert_eq!(version(b"HTTP/1.0\r\n"), Ok(Version::HTTP_10));
        assert_eq!(version(b"HTTP/1.1\r\n"), Ok(Version::HTTP_11));
        assert_eq!(version(b"HTTP/1.9\r\n"), Ok(Version::HTTP_11));
        for (text, kind, at) in [
            ("HTTP/2.0\r\n", K::VersionMajor, 5),
            ("HTTP/0.9\r\n", K::VersionMajor, 5),
            ("\r\n", K::VersionSyntax, 0),
            ("http/1.1\r\n", K::VersionSyntax, 0),
            ("HTTP/1.10\r\n", K::VersionSyntax, 8),
            ("HTTP/1\r\n", K::VersionSyntax, 6),
            ("HTTP/x.1\r\n", K::VersionSyntax, 5),
            ("HTTP/1.1 \r\n", K::RequestLineSpaces, 8),
            (" HTTP/1.1\r\n", K::RequestLineSpaces, 0),
            ("b HTTP/1.1\r\n", K::RequestLineSpaces, 1),
            ("HTTP/1.1\n", K::BareLineFeed, 8),
            ("HTTP/1.1\rX: 1\r\n", K::BareCarriageReturn, 8),
            ("HTTP/1.1\r\r\n", K::BareCarriageReturn, 8),
            ("HTTP/1.1XXXX", K::VersionSyntax, 8),
        ] {
            assert_eq!(version(text.as_bytes()), Err((kind, at)), "{text:?}");
        }
    }
}
