//! What is said of what was accepted for later: at once, and to whoever asks its monitor.

use wherefore_message::later::{self, Progress};
use wherefore_message::prefer::RESPOND_ASYNC;
use wherefore_message::problem::ProblemForm;
use wherefore_message::{FieldName, Request, ResponseHead, Value};

use crate::policy::Later;
use crate::policy::later::prefers;
use crate::reply::PAGE_POLICY;
use crate::rule::Verdict;

/// How far something is, and how that is told.
#[derive(Clone, Copy, Debug)]
pub struct Monitored<'a> {
    /// How far it is.
    pub progress: &'a Progress,
    /// The form that is told in.
    pub form: ProblemForm,
    /// The time, in seconds since 1970.
    pub now: u64,
    /// The name of the request that is answered.
    pub request_id: &'a str,
}

/// Writes the fields of a monitor's answer; its content says how far it is.
#[must_use]
pub fn monitor(verdict: &Verdict, monitored: &Monitored<'_>, head: &mut ResponseHead) -> String {
    let Monitored { progress, form, now, request_id } = *monitored;
    head.reset(verdict.status);
    if let Some(seconds) = progress.wait_seconds(now) {
        head.push(FieldName::RetryAfter, Value::Number(seconds));
    }
    head.push(FieldName::CacheControl, Value::Static("no-store"));
    head.push(FieldName::ContentType, Value::Static(later::content_type(form)));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    if form == ProblemForm::Html {
        head.push(FieldName::ContentSecurityPolicy, Value::Static(PAGE_POLICY));
    }
    head.push(FieldName::RequestId, Value::Text(request_id.into()));
    progress.to_form(form)
}

/// Writes the fields of the answer to a request that is accepted and has this name; its content says what its monitor
/// would say (RFC 9110 §15.3.3).
#[must_use]
pub fn accepted(
    verdict: &Verdict,
    request: &Request<'_>,
    later: &Later,
    id: &str,
    monitored: &Monitored<'_>,
    head: &mut ResponseHead,
) -> String {
    let content = monitor(verdict, monitored, head);
    head.push(FieldName::Location, Value::Text(later.monitor(id).into()));
    if prefers(request) {
        head.push(FieldName::PreferenceApplied, Value::Static(RESPOND_ASYNC));
    }
    content
}
