//! An answer on its way, and the explanation that stands in for a representation.

use wherefore_decide::reply::{self, Setting};
use wherefore_decide::{Trail, Verdict};
use wherefore_message::problem::ProblemForm;
use wherefore_message::{FieldName, ResponseHead, Status, Value};
use wherefore_origin::read::Content;

use crate::random::RequestId;
use crate::service::Service;

/// An answer that is ready to be sent, and how it came about. Reused from exchange to exchange.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) content: Content,
    pub(crate) trail: Trail,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) id: Option<RequestId>,
}

impl Answer {
    pub(crate) const fn new() -> Self {
        Self {
            head: ResponseHead::new(Status::OK),
            content: Content::None,
            trail: Trail::new(),
            verdict: None,
            id: None,
        }
    }

    /// Forgets the last exchange, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.content = Content::None;
        self.trail = Trail::new();
        self.verdict = None;
        self.id = None;
    }
}

/// The page may style itself, and nothing else.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Makes the answer of a verdict that sends no representation: its fields, and why.
pub(crate) fn explain(
    service: &Service,
    setting: &Setting<'_>,
    form: ProblemForm,
    answer: &mut Answer,
) {
    let verdict = setting.verdict;
    answer.verdict = Some(*verdict);
    reply::fields(setting, &mut answer.head);
    if verdict.status.ends_with_head() {
        answer.content = Content::None;
        return;
    }
    let head = &mut answer.head;
    // A redirect is no problem, and programs follow it without reading on.
    let form = match form {
        ProblemForm::Json if !verdict.status.is_error() => ProblemForm::Text,
        form => form,
    };
    let id = service.core.random.request_id();
    head.push(FieldName::ContentType, Value::Static(form.content_type()));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    if form == ProblemForm::Html {
        head.push(FieldName::ContentSecurityPolicy, Value::Static(PAGE_POLICY));
    }
    head.push(FieldName::RequestId, Value::Text(id.as_str().into()));
    let text = reply::explanation(setting, Some(id.as_str()), form);
    answer.content = Content::Made(text.into_bytes());
    answer.id = Some(id);
}
