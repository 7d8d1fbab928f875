//! The fields that tell why a gateway has no answer to relay (RFC 9209).

use wherefore_message::proxy_status::Member;
use wherefore_message::{FieldName, ResponseHead, Value};

use crate::upstream::Lost;

/// What this program calls itself in `Proxy-Status` (RFC 9209 §2).
const NAME: &str = "wherefore";

/// Writes `Proxy-Status`, and `Retry-After` where it is known. No cache keeps the answer: it is about a moment.
pub(super) fn push(lost: Lost, head: &mut ResponseHead) {
    let details = lost.fault.map_or(lost.cause.text(), |fault| fault.text());
    let member = Member { details: Some(details), ..Member::error(NAME, lost.cause) };
    let status = member.written();
    head.push(FieldName::ProxyStatus, Value::Text(status.into_boxed_str()));
    head.push(FieldName::CacheControl, Value::Static("no-store"));
    if lost.wait_seconds > 0 {
        head.push(FieldName::RetryAfter, Value::Number(u64::from(lost.wait_seconds)));
    }
}
