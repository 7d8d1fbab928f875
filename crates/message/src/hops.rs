//! How far a request is to go (RFC 9110 §7.6.2).

use crate::field::FieldName;
use crate::method::Method;
use crate::request::Request;

/// What `Max-Forwards` asks for. It is about OPTIONS and TRACE alone (RFC 9110 §7.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxForwards {
    /// Nothing.
    Unlimited,
    /// The request may go on, with this number in it.
    Left(u64),
    /// It is to be answered here.
    Reached,
}

/// How much further the request may go.
#[must_use]
pub fn max_forwards(request: &Request<'_>) -> MaxForwards {
    if !matches!(request.method, Method::Options | Method::Trace) {
        return MaxForwards::Unlimited;
    }
    let Some(text) = request.fields.only(FieldName::MaxForwards) else {
        return MaxForwards::Unlimited;
    };
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return MaxForwards::Unlimited;
    }
    let ten =
        |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    match text.iter().fold(0, ten) {
        0 => MaxForwards::Reached,
        number => MaxForwards::Left(number - 1),
    }
}
