//! Why an answer is what it is, in words, as whoever asked is told: nothing internal.

use std::borrow::Cow;

use wherefore_message::FieldName;
use wherefore_message::Status;
use wherefore_message::alternative::Alternative;
use wherefore_message::date::HttpDate;
use wherefore_message::problem::{Extra, Problem, ProblemForm};

use super::{RULE_URI, Setting, policy_text};
use crate::catalogue::find_rule;
use crate::rule::{Info, Verdict, Witness};
use crate::story::Grounds;

/// The explanation of a verdict as a problem document (RFC 9457), without anything internal.
#[must_use]
pub fn explanation(setting: &Setting<'_>, instance: Option<&str>, form: ProblemForm) -> String {
    explanation_with(&[], setting, instance, form)
}

pub(super) fn explanation_with(
    alternatives: &[Alternative],
    setting: &Setting<'_>,
    instance: Option<&str>,
    form: ProblemForm,
) -> String {
    let verdict = setting.verdict;
    let mut more = Vec::new();
    if !alternatives.is_empty() {
        more.push(("alternatives", Extra::Alternatives(alternatives.to_vec())));
    }
    match verdict.witness {
        Witness::Limit { limit, seen } => {
            more.push(("limit", Extra::Number(limit)));
            more.push(("seen", Extra::Number(seen)));
        }
        Witness::Fault(fault) => {
            more.push(("fault", Extra::Text(fault.kind.id().to_owned())));
            more.push(("octet", Extra::Number(u64::from(fault.at))));
        }
        Witness::Form(fault) => {
            more.push(("fault", Extra::Text(fault.kind.id().to_owned())));
            more.push(("octet", Extra::Number(fault.at)));
        }
        Witness::Methods(methods) => {
            let names = methods.iter().map(|method| method.as_str().to_owned()).collect();
            more.push(("allow", Extra::List(names)));
        }
        Witness::Length(length) => more.push(("length", Extra::Number(length))),
        Witness::Since(seconds) => {
            more.push(("since", Extra::Text(HttpDate::from_unix(seconds).to_string())));
        }
        Witness::Wait(seconds) | Witness::Quota { wait_seconds: seconds, .. } => {
            more.push(("retry-after", Extra::Number(seconds)));
        }
        Witness::LimitUntil { limit, seen, wait_seconds } => {
            more.push(("limit", Extra::Number(limit)));
            more.push(("seen", Extra::Number(seen)));
            more.push(("retry-after", Extra::Number(u64::from(wait_seconds))));
        }
        Witness::Price { price, balance } => {
            more.push(("price", Extra::Number(price)));
            more.push(("balance", Extra::Number(balance)));
        }
        Witness::Upstream(lost) => {
            more.push(("cause", Extra::Text(lost.cause.id().to_owned())));
            if let Some(fault) = lost.fault {
                more.push(("fault", Extra::Text(fault.id().to_owned())));
            }
            if lost.wait_seconds > 0 {
                more.push(("retry-after", Extra::Number(u64::from(lost.wait_seconds))));
            }
        }
        Witness::Field(name) if name != FieldName::Other => {
            more.push(("field", Extra::Text(name.as_str().to_owned())));
        }
        Witness::Nothing
        | Witness::Field(_)
        | Witness::Because(_)
        | Witness::Who(_)
        | Witness::Leads(_)
        | Witness::Policy(_)
        | Witness::Hidden => {}
    }
    more.extend(policy_text::more(setting));
    if let Some(field) = setting.field {
        more.push(("field", Extra::Text(String::from_utf8_lossy(field).into_owned())));
    }
    let problem = Problem {
        type_uri: &[RULE_URI, told(verdict).id].concat(),
        title: verdict.status.phrase(),
        status: verdict.status,
        detail: &detail(setting),
        instance,
        more,
    };
    problem.to_form(form)
}

/// The rule that the client is told of. Of what is hidden from it, the rule that says that nothing is there.
pub(super) fn told(verdict: &Verdict) -> &'static Info {
    match verdict.witness {
        Witness::Hidden => find_rule("missing").unwrap_or(verdict.because),
        _ => verdict.because,
    }
}

pub(super) fn detail(setting: &Setting<'_>) -> Cow<'static, str> {
    let verdict = setting.verdict;
    if let Some(text) = policy_text::detail(setting) {
        return Cow::Owned(text);
    }
    let advice = advice(setting);
    let grounds = match verdict.witness {
        Witness::Nothing | Witness::Hidden if !advice.is_empty() => return Cow::Borrowed(advice),
        witness => Grounds { witness, info: verdict.because }.to_string(),
    };
    let mut text = match grounds.chars().next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), &grounds[first.len_utf8()..]),
        None => format!("The answer to \"{}\" is no.", verdict.because.asks),
    };
    if !advice.is_empty() {
        text.push(' ');
        text.push_str(advice);
    }
    Cow::Owned(text)
}

/// What the client can do about it.
fn advice(setting: &Setting<'_>) -> &'static str {
    match setting.verdict.status {
        Status::NOT_FOUND => "Nothing stands at this path.",
        Status::GONE => "Nothing has taken its place.",
        Status::LENGTH_REQUIRED => "Send Content-Length, or chunked content.",
        Status::PRECONDITION_FAILED => {
            "The resource is not in the state that the request demands; fetch it again and retry with \
             its present tag."
        }
        Status::EXPECTATION_FAILED => "100-continue is the one expectation that is met here.",
        Status::HTTP_VERSION_NOT_SUPPORTED => "HTTP/1.0 and HTTP/1.1 are spoken here.",
        Status::UNSUPPORTED_MEDIA_TYPE => "The fields of this answer say what is taken.",
        Status::INTERNAL_SERVER_ERROR => "The fault is the server's; its log says more.",
        Status::INSUFFICIENT_STORAGE => "Nothing was changed.",
        Status::BAD_GATEWAY | Status::GATEWAY_TIMEOUT => {
            "Nothing is known to be wrong with the request; the server behind this one failed."
        }
        Status::SERVICE_UNAVAILABLE => "The server is busy; nothing is wrong with the request.",
        Status::PRECONDITION_REQUIRED => {
            "Fetch it, and send its tag in If-Match with what you made of it; If-None-Match: * makes what \
             is not there yet."
        }
        Status::UPGRADE_REQUIRED => "The field Upgrade says what is spoken here.",
        Status::MULTIPLE_CHOICES => "Choose one of these.",
        Status::NOT_ACCEPTABLE => "One of these can be asked for by its own path.",
        Status::VARIANT_ALSO_NEGOTIATES => "The fault is in the server's configuration.",
        Status::UNAUTHORIZED => "The field WWW-Authenticate says what is taken here.",
        _ => "",
    }
}
