//! Heads of requests as octets, straight into the caller's buffer.

use wherefore_message::Method;
use wherefore_message::token::is_token;

use crate::outgoing::{Follows, Outgoing};
use crate::write::decimal;

/// A request to be sent. What delimits the message and speaks of the connection is the role's to write.
#[derive(Clone, Copy, Debug)]
pub struct Outbound<'a> {
    /// Its method.
    pub method: Method,
    /// The method's own text, for those not known by name; may be empty for those that are.
    pub method_text: &'a [u8],
    /// Its target, in the form that the peer is to see.
    pub target: &'a [u8],
    /// The value of `Host`.
    pub host: &'a [u8],
    /// Its other field lines as they are written, each with its CR LF; without `Host`, `Connection`,
    /// `Content-Length`, `Transfer-Encoding`, `TE` and `Upgrade`.
    pub lines: &'a [u8],
    /// Its content.
    pub content: Outgoing,
    /// The protocols to change to, as `Upgrade` lists them (RFC 9110 §7.8).
    pub upgrade: Option<&'a [u8]>,
    /// Whether trailer fields of the answer are welcome.
    pub te_trailers: TeTrailers,
}

/// Whether a request says `TE: trailers` (RFC 9110 §10.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeTrailers {
    /// It does.
    Said,
    /// It does not.
    Unsaid,
}

/// What most heads need beside their own lines, so that the buffer grows once.
const HEAD_BYTES_USUAL: usize = 256;

/// Writes the head, and says which octets follow it.
pub(crate) fn request_head(request: &Outbound<'_>, out: &mut Vec<u8>) -> Follows {
    let Outbound { method, method_text, target, host, lines, .. } = *request;
    let method_text =
        if method == Method::Other { method_text } else { method.as_str().as_bytes() };
    debug_assert!(is_token(method_text), "a method is a token");
    debug_assert!(is_one_part(target) && !target.is_empty(), "a target is of one part");
    debug_assert!(is_one_part(host), "a host is of one part");
    debug_assert!(lines.is_empty() || lines.ends_with(b"\r\n"), "field lines are whole");
    out.reserve(HEAD_BYTES_USUAL + target.len() + lines.len());
    out.extend_from_slice(method_text);
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    line(b"Host: ", host, out);
    out.extend_from_slice(lines);
    let follows = content(method, request.content, out);
    connection(request, out);
    out.extend_from_slice(b"\r\n");
    follows
}

fn is_one_part(text: &[u8]) -> bool {
    text.iter().all(|octet| *octet > b' ' && *octet != 0x7f)
}

/// Writes what delimits the content (RFC 9112 §6).
fn content(method: Method, content: Outgoing, out: &mut Vec<u8>) -> Follows {
    match content {
        // It has no content, nor has what follows it a length (RFC 9110 §9.3.6).
        _ if method == Method::Connect => Follows::Nothing,
        Outgoing::Sized(length) => {
            length_line(length, out);
            if length == 0 { Follows::Nothing } else { Follows::Sized(length) }
        }
        Outgoing::Streamed => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            Follows::Chunks
        }
        Outgoing::None => {
            // Methods that are sent with content say so when they have none (RFC 9110 §8.6).
            if matches!(method, Method::Post | Method::Put | Method::Patch) {
                length_line(0, out);
            }
            Follows::Nothing
        }
    }
}

/// Writes what speaks of the connection: fields for the next recipient alone are named by `Connection`
/// (RFC 9110 §7.6.1).
fn connection(request: &Outbound<'_>, out: &mut Vec<u8>) {
    let options: &[u8] = match (request.upgrade, request.te_trailers) {
        (None, TeTrailers::Unsaid) => return,
        (None, TeTrailers::Said) => b"TE",
        (Some(_), TeTrailers::Unsaid) => b"upgrade",
        (Some(_), TeTrailers::Said) => b"upgrade, TE",
    };
    line(b"Connection: ", options, out);
    if let Some(protocols) = request.upgrade {
        line(b"Upgrade: ", protocols, out);
    }
    if request.te_trailers == TeTrailers::Said {
        out.extend_from_slice(b"TE: trailers\r\n");
    }
}

fn length_line(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
