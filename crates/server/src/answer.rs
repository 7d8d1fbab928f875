//! An answer on its way, and the explanation that stands in for a representation.

use std::sync::Arc;

use wherefore_decide::reply::{self, Setting};
use wherefore_decide::{Trail, Verdict};
use wherefore_gateway::forward::Chain;
use wherefore_message::alternative::Alternative;
use wherefore_message::problem::ProblemForm;
use wherefore_message::{Cause, ResponseHead, Status};
use wherefore_origin::read::Content;

use crate::admit::Taken;
use crate::gateway::Relay;
use crate::given::Ground;
use crate::random::RequestId;
use crate::service::Service;

/// An answer that is ready to be sent, and how it came about. Reused from exchange to exchange.
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) content: Content,
    pub(crate) trail: Trail,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) id: Option<RequestId>,
    /// What the request took of limits and accounts.
    pub(crate) taken: Option<Box<Taken>>,
    /// What an upstream answered and is still to be sent on.
    pub(crate) relay: Option<Box<Relay>>,
    /// The lines of the trailers that end its content.
    pub(crate) trailers: Vec<u8>,
    /// Which upstream that was, or which failed.
    pub(crate) upstream: Option<Arc<str>>,
    /// Which one was asked as well.
    pub(crate) hedged: Option<Arc<str>>,
    /// Why the upstream's answer broke off.
    pub(crate) cut: Option<Cause>,
    /// What upstreams were told last of who asks; it outlives the exchange.
    pub(crate) chain: Chain,
    /// What the answer stands on, where it is the same for whoever asks the same.
    pub(crate) ground: Option<Ground>,
    /// The path that it stands on.
    pub(crate) ground_path: Vec<u8>,
}

impl Answer {
    pub(crate) const fn new() -> Self {
        Self {
            head: ResponseHead::new(Status::OK),
            content: Content::None,
            trail: Trail::new(),
            verdict: None,
            id: None,
            taken: None,
            relay: None,
            trailers: Vec::new(),
            upstream: None,
            hedged: None,
            cut: None,
            chain: Chain::new(),
            ground: None,
            ground_path: Vec::new(),
        }
    }

    /// Forgets the last exchange, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.content = Content::None;
        self.trail = Trail::new();
        self.verdict = None;
        self.id = None;
        self.taken = None;
        self.relay = None;
        self.trailers.clear();
        self.upstream = None;
        self.hedged = None;
        self.cut = None;
        self.ground = None;
    }
}

/// Makes the answer of a verdict that sends no representation: its fields, and why.
pub(crate) fn explain(
    service: &Service,
    setting: &Setting<'_>,
    form: ProblemForm,
    answer: &mut Answer,
) {
    explain_with(service, &[], setting, form, answer);
}

/// The same, with what could be had instead.
pub(crate) fn explain_with(
    service: &Service,
    alternatives: &[Alternative],
    setting: &Setting<'_>,
    form: ProblemForm,
    answer: &mut Answer,
) {
    let id = answer.id.unwrap_or_else(|| service.core.random.request_id());
    answer.verdict = Some(*setting.verdict);
    match reply::explained_with(alternatives, setting, form, id.as_str(), &mut answer.head) {
        None => answer.content = Content::None,
        Some(text) => {
            answer.content = Content::Made(text.into_bytes());
            answer.id = Some(id);
        }
    }
}
