//! How a message's content is delimited: one function, in the order of RFC 9112 §6.3.

use wherefore_message::token::{is_token, trim};
use wherefore_message::{
    Fault, FaultKind, FieldName, FieldSet, Fields, Line, Method, Status, Version, list,
};

use crate::octets::offset;

/// How the content that follows a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No content follows, and the head did not say so by a length.
    Nothing,
    /// This many octets follow; may be 0.
    Length(u64),
    /// Chunks follow (RFC 9112 §7.1).
    Chunked,
    /// Whatever comes until the connection closes; responses alone.
    UntilClose,
    /// No content: a tunnel begins after the head; responses alone.
    Tunnel,
}

/// Which message the head begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expecting {
    /// A request. Its method has no say in its framing.
    Request,
    /// The response to a request.
    Response {
        /// The request's method.
        method: Method,
        /// The response's status.
        status: Status,
    },
}

/// Tells how the content after a head is delimited, by the eight cases of RFC 9112 §6.3 in their order.
/// `fields` are those of `head`, from whose start a fault's octet is counted.
///
/// # Errors
/// A length or transfer coding that leaves the end of the content uncertain, or a coding that is not
/// known: chunked alone is.
#[inline]
pub fn framing(
    expecting: Expecting,
    version: Version,
    head: &[u8],
    fields: Fields<'_>,
) -> Result<Framing, Fault> {
    if let Expecting::Response { method, status } = expecting {
        // 1. No content, whatever the fields say.
        if method == Method::Head || status.ends_with_head() {
            return Ok(Framing::Nothing);
        }
        // 2. A tunnel.
        if method == Method::Connect && (200..300).contains(&status.code()) {
            return Ok(Framing::Tunnel);
        }
    }
    said(expecting, version, head, fields)
}

/// The fields that say something of it.
const SAYING: FieldSet = FieldSet::of(&[FieldName::ContentLength, FieldName::TransferEncoding]);

/// What the fields alone say of the content: cases 3 to 8.
#[inline]
pub(crate) fn said(
    expecting: Expecting,
    version: Version,
    head: &[u8],
    fields: Fields<'_>,
) -> Result<Framing, Fault> {
    if fields.present().meets(SAYING) {
        return said_in(version, head, fields);
    }
    Ok(match expecting {
        // 7. A request without either has no content.
        Expecting::Request => Framing::Nothing,
        // 8. A response without either ends with the connection.
        Expecting::Response { .. } => Framing::UntilClose,
    })
}

/// Cases 3 to 6: a transfer coding or a length.
fn said_in(version: Version, head: &[u8], fields: Fields<'_>) -> Result<Framing, Fault> {
    let Some(line) = line_of(fields, FieldName::TransferEncoding) else {
        // 5. and 6. A length.
        return length(head, fields).map(Framing::Length);
    };
    if version < Version::HTTP_11 {
        return Err(fault(FaultKind::CodingInHttp10, line.0, line.1.name_at.start as usize));
    }
    // 3. Both: an attempt to smuggle, or a mistake that looks like one.
    if let Some((i, length)) = line_of(fields, FieldName::ContentLength) {
        return Err(fault(FaultKind::LengthAndCoding, i, length.name_at.start as usize));
    }
    // 4. A transfer coding.
    coding(head, fields)
}

/// Case 4: chunked must be there, once, last and alone. An answer in another coding would go on until the
/// connection closes, and nobody here could read it.
fn coding(head: &[u8], fields: Fields<'_>) -> Result<Framing, Fault> {
    let mut chunked = None;
    let mut unknown = None;
    let mut last = None;
    for (i, value) in values(fields, head, FieldName::TransferEncoding) {
        for member in list::members(core::iter::once(value)) {
            let at = (i, offset(head, member));
            let name = member.split(|octet| *octet == b';').next().unwrap_or_default();
            if !is_token(trim(name)) {
                return Err(fault(FaultKind::CodingSyntax, at.0, at.1));
            }
            let is_chunked = trim(name).eq_ignore_ascii_case(b"chunked");
            if is_chunked && name.len() < member.len() {
                // It has no parameters (RFC 9112 §7).
                return Err(fault(FaultKind::CodingSyntax, at.0, at.1 + name.len()));
            }
            if is_chunked && chunked.replace(at).is_some() {
                return Err(fault(FaultKind::CodingRepeated, at.0, at.1));
            }
            if !is_chunked {
                unknown = unknown.or(Some(at));
            }
            last = Some(is_chunked);
        }
    }
    match (last, chunked, unknown) {
        (Some(true), Some(_), None) => Ok(Framing::Chunked),
        (Some(false), Some((i, at)), _) => Err(fault(FaultKind::CodingNotLast, i, at)),
        (_, _, Some((i, at))) => Err(fault(FaultKind::CodingUnknown, i, at)),
        (_, _, None) => {
            let (i, at) = line_of(fields, FieldName::TransferEncoding)
                .map_or((0, 0), |(i, line)| (i, line.value_at.start as usize));
            Err(fault(FaultKind::CodingSyntax, i, at))
        }
    }
}

/// Cases 5 and 6: a number of octets; several are taken for one if they are the same.
fn length(head: &[u8], fields: Fields<'_>) -> Result<u64, Fault> {
    // As nearly all say it.
    if let Some(number) = fields.only(FieldName::ContentLength).and_then(decimal) {
        return Ok(number);
    }
    let mut length = None;
    for (i, value) in values(fields, head, FieldName::ContentLength) {
        for member in value.split(|octet| *octet == b',') {
            let digits = trim(member);
            let at = offset(head, digits);
            let Some(number) = decimal(digits) else {
                return Err(fault(FaultKind::LengthInvalid, i, at));
            };
            if *length.get_or_insert(number) != number {
                return Err(fault(FaultKind::LengthsDiffer, i, at));
            }
        }
    }
    Ok(length.unwrap_or(0))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, octet| {
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn fault(kind: FaultKind, line: usize, at: usize) -> Fault {
    Fault::new(kind, at).in_line(line)
}

/// The first line of this name, and which it is.
fn line_of(fields: Fields<'_>, name: FieldName) -> Option<(usize, Line)> {
    if !fields.has(name) {
        return None;
    }
    fields.lines().iter().copied().enumerate().find(|(_, line)| line.name == name)
}

/// The values of the lines of this name, and which lines they are.
fn values<'a>(
    fields: Fields<'a>,
    head: &'a [u8],
    name: FieldName,
) -> impl Iterator<Item = (usize, &'a [u8])> {
    let lines = fields.lines().iter().enumerate();
    lines
        .filter(move |(_, line)| line.name == name)
        .map(move |(i, line)| (i, line.value_at.of(head)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose;

    fn framed(expecting: Expecting, version: Version, text: &str) -> Result<Framing, Fault> {
        let head = format!("{text}\r\n");
        let mut lines = Vec::new();
        diagnose::field_lines(head.as_bytes(), &mut lines).unwrap();
        let mut present = FieldSet::EMPTY;
        lines.iter().for_each(|line| present.insert(line.name));
        let fields = Fields::new(head.as_bytes(), &lines, present);
        framing(expecting, version, head.as_bytes(), fields)
    }

    fn request(text: &str) -> Result<Framing, Fault> {
        framed(Expecting::Request, Version::HTTP_11, text)
    }

    #[test]
    fn requests_case_by_case() {
        for (text, framing) in [
            ("", Framing::Nothing),
            ("Content-Length: 0\r\n", Framing::Length(0)),
            ("Content-Length: 5\r\n", Framing::Length(5)),
            ("Content-Length: 5, 5\r\n", Framing::Length(5)),
            ("Content-Length: 5\r\ncontent-length: 05\r\n", Framing::Length(5)),
            ("Content-Length: 18446744073709551615\r\n", Framing::Length(u64::MAX)),
            ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
            ("Transfer-Encoding: , Chunked ,\r\n", Framing::Chunked),
        ] {
            assert_eq!(request(text), Ok(framing), "{text:?}");
        }
    }

    #[test]
    fn requests_whose_end_is_uncertain() {
        use FaultKind as K;
        for (text, kind, at, line) in [
            ("Content-Length: \r\n", K::LengthInvalid, 16, 0),
            ("Content-Length: +5\r\n", K::LengthInvalid, 16, 0),
            ("Content-Length: -1\r\n", K::LengthInvalid, 16, 0),
            ("Content-Length: 5 5\r\n", K::LengthInvalid, 16, 0),
            ("Content-Length: 5,\r\n", K::LengthInvalid, 18, 0),
            ("Content-Length: 0x5\r\n", K::LengthInvalid, 16, 0),
            ("Content-Length: 18446744073709551616\r\n", K::LengthInvalid, 16, 0),
            ("Content-Length: 5, 6\r\n", K::LengthsDiffer, 19, 0),
            ("Content-Length: 5\r\nX: y\r\nContent-Length: 6\r\n", K::LengthsDiffer, 41, 2),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", K::LengthAndCoding, 28, 1),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", K::LengthAndCoding, 0, 0),
            ("Transfer-Encoding: identity\r\n", K::CodingUnknown, 19, 0),
            ("Transfer-Encoding: gzip, chunked\r\n", K::CodingUnknown, 19, 0),
            ("Transfer-Encoding: chunked, gzip\r\n", K::CodingNotLast, 19, 0),
            ("Transfer-Encoding: xchunked\r\n", K::CodingUnknown, 19, 0),
            ("Transfer-Encoding: chunked, chunked\r\n", K::CodingRepeated, 28, 0),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                K::CodingRepeated,
                47,
                1,
            ),
            ("Transfer-Encoding: chunked;q=1\r\n", K::CodingSyntax, 26, 0),
            ("Transfer-Encoding: chu nked\r\n", K::CodingSyntax, 19, 0),
            ("Transfer-Encoding: \"chunked\"\r\n", K::CodingSyntax, 19, 0),
        ] {
            assert_eq!(request(text), Err(Fault::new(kind, at).in_line(line)), "{text:?}");
        }
        let text = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
        let fault = framed(Expecting::Request, Version::HTTP_10, text).unwrap_err();
        assert_eq!(fault, Fault::new(K::CodingInHttp10, 19).in_line(1));
        let empty = request("Transfer-Encoding:\r\n").unwrap_err();
        assert_eq!(empty.kind, K::CodingSyntax);
    }

    #[test]
    fn responses_case_by_case() {
        let ok = Status::OK;
        for (method, status, text, framing) in [
            (Method::Head, ok, "Content-Length: 5\r\n", Framing::Nothing),
            (Method::Get, Status::NOT_MODIFIED, "Content-Length: 5\r\n", Framing::Nothing),
            (Method::Get, Status::CONTINUE, "", Framing::Nothing),
            (Method::Connect, ok, "Content-Length: 5\r\n", Framing::Tunnel),
            (Method::Connect, Status::NOT_FOUND, "Content-Length: 5\r\n", Framing::Length(5)),
            (Method::Get, ok, "Transfer-Encoding: chunked\r\n", Framing::Chunked),
            (Method::Get, ok, "Content-Length: 5\r\n", Framing::Length(5)),
            (Method::Get, ok, "", Framing::UntilClose),
        ] {
            let expecting = Expecting::Response { method, status };
            assert_eq!(framed(expecting, Version::HTTP_11, text), Ok(framing), "{method} {text:?}");
        }
        let coded = framed(
            Expecting::Response { method: Method::Get, status: ok },
            Version::HTTP_11,
            "Transfer-Encoding: gzip\r\n",
        );
        assert_eq!(coded.unwrap_err().kind, FaultKind::CodingUnknown);
    }
}
