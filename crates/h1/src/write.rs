//! Heads of answers as octets, straight into the caller's buffer: no formatter stands between for the
//! values that usual answers hold.

use wherefore_message::date::HttpDate;
use wherefore_message::token::is_value_octet;
use wherefore_message::{
    EntityTag, FieldName, Method, MethodSet, ResponseHead, Status, Value, Version,
};

use crate::outgoing::{Follows, Outgoing};

/// How the content of an answer is delimited, and what its head says of it (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing.
    Nothing,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// What the head says of the connection's future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionOption {
    /// What its version means by default.
    Nothing,
    /// `close`.
    Close,
    /// `keep-alive`, to an HTTP/1.0 client that asked.
    KeepAlive,
}

/// What most heads need, so that the buffer grows once.
const HEAD_BYTES_USUAL: usize = 512;

/// Writes a final answer's head. `Date` is written unless the head has one of its own, as a relayed
/// answer does; what delimits the content is said by `said` alone.
pub(crate) fn final_head(
    out: &mut Vec<u8>,
    head: &ResponseHead,
    date: &[u8; 29],
    said: Said,
    option: ConnectionOption,
) {
    out.reserve(HEAD_BYTES_USUAL);
    status_line(out, head.status);
    if !head.present().has(FieldName::Date) {
        line(out, "Date", |out| out.extend_from_slice(date));
    }
    fields(out, head);
    match said {
        Said::Nothing => {}
        Said::Length(length) => line(out, "Content-Length", |out| decimal(out, length)),
        Said::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    connection(out, head, option);
    out.extend_from_slice(b"\r\n");
}

/// Writes an interim answer's head (RFC 9110 §15.2): no `Date`, no content, no word on the connection
/// but the head's own.
pub(crate) fn interim_head(out: &mut Vec<u8>, head: &ResponseHead) {
    status_line(out, head.status);
    fields(out, head);
    connection(out, head, ConnectionOption::Nothing);
    out.extend_from_slice(b"\r\n");
}

/// What is said of an answer's content, and whether content follows (RFC 9110 §6.4.1, RFC 9112 §6.1).
pub(crate) fn said(
    method: Method,
    version: Version,
    status: Status,
    content: Outgoing,
) -> (Said, Follows) {
    let knows_chunks = version >= Version::HTTP_11;
    if switches(method, status) || (status.ends_with_head() && status != Status::NOT_MODIFIED) {
        return (Said::Nothing, Follows::Nothing);
    }
    match (status, content) {
        (Status::RESET_CONTENT, _) => (Said::Length(0), Follows::Nothing),
        (Status::NOT_MODIFIED, Outgoing::Sized(length)) => (Said::Length(length), Follows::Nothing),
        (Status::NOT_MODIFIED, _) => (Said::Nothing, Follows::Nothing),
        (_, Outgoing::Sized(length)) if method == Method::Head => {
            (Said::Length(length), Follows::Nothing)
        }
        // As the answer to GET would say it.
        (_, Outgoing::Streamed) if method == Method::Head && knows_chunks => {
            (Said::Chunked, Follows::Nothing)
        }
        (_, _) if method == Method::Head => (Said::Nothing, Follows::Nothing),
        // Without a length the client would wait for the connection to close (RFC 9112 §6.3).
        (_, Outgoing::None) => (Said::Length(0), Follows::Nothing),
        (_, Outgoing::Sized(length)) => (Said::Length(length), Follows::Sized(length)),
        (_, Outgoing::Streamed) if knows_chunks => (Said::Chunked, Follows::Chunks),
        (_, Outgoing::Streamed) => (Said::Nothing, Follows::UntilClose),
    }
}

/// Whether the connection speaks something else after this answer's head (RFC 9110 §15.2.2, §9.3.6).
pub(crate) fn switches(method: Method, status: Status) -> bool {
    status == Status::SWITCHING_PROTOCOLS
        || (method == Method::Connect && (200..300).contains(&status.code()))
}

fn status_line(out: &mut Vec<u8>, status: Status) {
    out.extend_from_slice(b"HTTP/1.1 ");
    let digit = |number: u16| b'0' + (number % 10) as u8;
    let code = status.code();
    // The space stays where the phrase is empty (RFC 9112 §4).
    out.extend_from_slice(&[digit(code / 100), digit(code / 10), digit(code), b' ']);
    out.extend_from_slice(status.phrase().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The head's lines but those that delimit the message and speak of the connection, which are not its
/// maker's to say.
fn fields(out: &mut Vec<u8>, head: &ResponseHead) {
    for (name, content) in head.fields() {
        if !matches!(
            name,
            FieldName::ContentLength
                | FieldName::TransferEncoding
                | FieldName::Connection
                | FieldName::KeepAlive
                | FieldName::ProxyConnection
        ) {
            line(out, name.as_str(), |out| value(out, content));
        }
    }
    out.extend_from_slice(head.relayed_written());
    for lines in head.lines() {
        out.extend_from_slice(lines.written());
    }
}

/// One `Connection` line: the head's own options (`upgrade`, RFC 9110 §7.8), then ours.
fn connection(out: &mut Vec<u8>, head: &ResponseHead, option: ConnectionOption) {
    let start = out.len();
    if head.present().has(FieldName::Connection) {
        for (_, own) in head.fields().filter(|(name, _)| *name == FieldName::Connection) {
            out.extend_from_slice(if out.len() == start { b"Connection: " } else { b", " });
            value(out, own);
        }
    }
    let option: &[u8] = match option {
        ConnectionOption::Nothing => b"",
        ConnectionOption::Close => b"close",
        ConnectionOption::KeepAlive => b"keep-alive",
    };
    if !option.is_empty() {
        out.extend_from_slice(if out.len() == start { b"Connection: " } else { b", " });
        out.extend_from_slice(option);
    }
    if out.len() > start {
        out.extend_from_slice(b"\r\n");
    }
}

fn line(out: &mut Vec<u8>, name: &str, content: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    content(out);
    out.extend_from_slice(b"\r\n");
}

fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        // Written in our own code, where no control character stands.
        Value::Static(content) => out.extend_from_slice(content.as_bytes()),
        Value::Text(content) => text(out, content),
        Value::Shared(content) => text(out, content),
        Value::Number(number) => decimal(out, *number),
        Value::Date(seconds) => {
            out.extend_from_slice(&HttpDate::from_unix(*seconds).to_fixdate());
        }
        Value::Tag(entity_tag) => tag(out, entity_tag),
        Value::Methods(set) => methods(out, *set),
        Value::ContentRange { first, last, length } => {
            out.extend_from_slice(b"bytes ");
            decimal(out, *first);
            out.push(b'-');
            decimal(out, *last);
            out.push(b'/');
            decimal(out, *length);
        }
        Value::UnsatisfiedRange(length) => {
            out.extend_from_slice(b"bytes */");
            decimal(out, *length);
        }
    }
}

/// A control character would let a value end its line and begin another; RFC 9110 §5.5 has a space
/// stand in its place.
fn text(out: &mut Vec<u8>, text: &str) {
    let octets = text.as_bytes();
    if octets.iter().all(|octet| is_value_octet(*octet)) {
        out.extend_from_slice(octets);
    } else {
        out.extend(octets.iter().map(|octet| if is_value_octet(*octet) { *octet } else { b' ' }));
    }
}

fn tag(out: &mut Vec<u8>, tag: &EntityTag) {
    out.extend_from_slice(if tag.is_weak() { b"W/\"" } else { b"\"" });
    out.extend_from_slice(tag.text().opaque);
    out.push(b'"');
}

fn methods(out: &mut Vec<u8>, set: MethodSet) {
    for (i, method) in set.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(method.as_str().as_bytes());
    }
}

/// The head of a chunk of this many octets (RFC 9112 §7.1).
pub(crate) fn chunk_head(out: &mut Vec<u8>, octets: usize) {
    digits(out, octets as u64, 16);
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn decimal(out: &mut Vec<u8>, number: u64) {
    digits(out, number, 10);
}

fn digits(out: &mut Vec<u8>, number: u64, base: u64) {
    // As many as u64::MAX has in decimal.
    let mut digits = [0; 20];
    let (mut rest, mut start) = (number, digits.len());
    for slot in digits.iter_mut().rev() {
        let digit = (rest % base) as u8;
        *slot = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        start -= 1;
        rest /= base;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(crate::octets::from(&digits, start));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn written(of: &Value) -> String {
        let mut out = Vec::new();
        value(&mut out, of);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_they_are_displayed() {
        for of in [
            Value::Static("text/html"),
            Value::Text("a b".into()),
            Value::Shared(Arc::from("ü")),
            Value::Number(0),
            Value::Number(u64::MAX),
            Value::Date(784_111_777),
            Value::Tag(EntityTag::strong(b"abc")),
            Value::Tag(EntityTag::strong(b"").weakened()),
            Value::Methods(MethodSet::of(&[Method::Get, Method::Head])),
            Value::Methods(MethodSet::EMPTY),
            Value::ContentRange { first: 0, last: 9, length: 10 },
            Value::UnsatisfiedRange(1_000_000),
        ] {
            assert_eq!(written(&of), of.to_string());
        }
        assert_eq!(written(&Value::Text("a\r\nSet-Cookie: b\0".into())), "a  Set-Cookie: b ");
    }

    #[test]
    fn numbers_in_both_bases() {
        for number in [0, 1, 9, 10, 15, 16, 255, 4096, 0xabc_def, usize::MAX] {
            let mut out = Vec::new();
            chunk_head(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:x}\r\n"));
            assert_eq!(written(&Value::Number(number as u64)), number.to_string());
        }
    }

    #[test]
    fn what_is_said_of_content() {
        use Follows as F;
        let (get, head, connect) = (Method::Get, Method::Head, Method::Connect);
        let (v10, v11) = (Version::HTTP_10, Version::HTTP_11);
        let (none, sized, streamed) = (Outgoing::None, Outgoing::Sized(5), Outgoing::Streamed);
        let ok = Status::OK;
        for (method, version, status, content, says, follows) in [
            (get, v11, ok, none, Said::Length(0), F::Nothing),
            (get, v11, ok, sized, Said::Length(5), F::Sized(5)),
            (get, v11, ok, streamed, Said::Chunked, F::Chunks),
            (get, v10, ok, streamed, Said::Nothing, F::UntilClose),
            (head, v11, ok, none, Said::Nothing, F::Nothing),
            (head, v11, ok, sized, Said::Length(5), F::Nothing),
            (head, v11, ok, streamed, Said::Chunked, F::Nothing),
            (head, v10, ok, streamed, Said::Nothing, F::Nothing),
            (get, v11, Status::NO_CONTENT, none, Said::Nothing, F::Nothing),
            (get, v11, Status::NO_CONTENT, sized, Said::Nothing, F::Nothing),
            (get, v11, Status::RESET_CONTENT, none, Said::Length(0), F::Nothing),
            (get, v11, Status::NOT_MODIFIED, sized, Said::Length(5), F::Nothing),
            (get, v11, Status::NOT_MODIFIED, none, Said::Nothing, F::Nothing),
            (get, v11, Status::NOT_MODIFIED, streamed, Said::Nothing, F::Nothing),
            (get, v11, Status::SWITCHING_PROTOCOLS, none, Said::Nothing, F::Nothing),
            (connect, v11, ok, none, Said::Nothing, F::Nothing),
            (connect, v11, Status::NOT_FOUND, sized, Said::Length(5), F::Sized(5)),
        ] {
            let found = said(method, version, status, content);
            assert_eq!(found, (says, follows), "{method} {version} {status} {content:?}");
        }
    }
}
