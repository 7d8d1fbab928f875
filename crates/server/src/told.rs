//! What the access log is told of an exchange.

use std::net::IpAddr;

use wherefore_decide::Witness;
use wherefore_message::{Cause, FieldName, Request, Version};

use crate::answer::Answer;
use crate::line::Line;
use crate::service::Service;

/// How much of an answer the client was told.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Told {
    /// All.
    Whole,
    /// A part: the connection broke, or the file changed.
    Broken,
    /// Nothing: it has gone before.
    Nothing,
}

/// What a log line is of.
pub(crate) struct Of<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) version: Version,
    pub(crate) request: Option<&'a Request<'a>>,
}

/// Writes the line of one exchange, if a log is kept.
pub(crate) fn write_line(
    service: &Service,
    of: &Of<'_>,
    answer: &Answer,
    client: IpAddr,
    began: u64,
    octets: u64,
    told: Told,
) {
    let core = &service.core;
    let Some(log) = &core.log else { return };
    let field = |name| of.request.and_then(|request| request.fields.only(name));
    let rule = match told {
        Told::Whole => answer.verdict.map_or("", |verdict| verdict.because.id),
        Told::Broken => "broken-off",
        Told::Nothing => "client-aborted",
    };
    log.write(&Line {
        unix_millis: core.clock.unix_millis(),
        client,
        method: of.method,
        target: of.target,
        version: of.version,
        status: if told == Told::Nothing { None } else { Some(answer.head.status) },
        octets,
        duration_micros: core.clock.micros().saturating_sub(began),
        rule,
        upstream: answer.upstream.as_deref(),
        hedged: answer.hedged.as_deref(),
        cause: cause(answer),
        request_id: answer.id.unwrap_or_else(|| core.random.request_id()),
        referer: field(FieldName::Referer),
        user_agent: field(FieldName::UserAgent),
    });
}

/// Why an upstream's answer did not come, or not whole.
fn cause(answer: &Answer) -> Option<&'static str> {
    let lost = answer.verdict.and_then(|verdict| match verdict.witness {
        Witness::Upstream(lost) => Some(lost.cause),
        _ => None,
    });
    answer.cut.or(lost).map(Cause::id)
}
