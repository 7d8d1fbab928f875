//! What an upstream's answer is, or the want of one, to the client: the one place where an upstream's failures
//! become verdicts. Which status each has stands in the table of causes.

use wherefore_message::{Cause, FaultKind, FieldSet, Spec, Status};

use crate::catalogue::GroupId;
use crate::rule::{ANY, Group, Info, Rule, Step, Witness};

/// What came of asking an upstream.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamFacts {
    /// It.
    pub heard: Heard,
}

/// What was heard of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An answer with this status.
    Answer(Status, Changed),
    /// Nothing that could be relayed.
    Nothing(Lost),
}

/// Whether the gateway changes the content of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It goes on as it came.
    Not,
    /// It is changed, and the status says so.
    Told,
    /// It is changed, and the operator wants the status kept.
    Untold,
}

/// An answer that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Why.
    pub cause: Cause,
    /// What was wrong with it, if it was malformed.
    pub fault: Option<FaultKind>,
    /// In how many seconds it may be asked again; 0: that can't be told.
    pub wait_seconds: u32,
}

impl Lost {
    /// An answer that did not come, by its cause alone.
    #[must_use]
    pub const fn to(cause: Cause) -> Self {
        Self { cause, fault: None, wait_seconds: 0 }
    }

    pub(crate) fn step(mut self) -> Step {
        let status = self.cause.status();
        if status == Status::SERVICE_UNAVAILABLE {
            self.wait_seconds = self.wait_seconds.max(1);
        }
        Step::Stop(status, Witness::Upstream(self))
    }
}

/// A rule that answers for these causes.
macro_rules! lost {
    ($id:literal, $asks:literal, $rfc:literal $section:literal, [$($may:ident)*], $shown_by:literal, $causes:pat) => {
        Rule {
            info: &Info {
                id: $id,
                asks: $asks,
                spec: Spec::new($rfc, $section),
                needs: FieldSet::EMPTY,
                may: &[$(Status::$may),*],
                shown_by: $shown_by,
            },
            check: |facts| match facts.heard {
                Heard::Nothing(lost) if matches!(lost.cause, $causes) => lost.step(),
                Heard::Nothing(_) | Heard::Answer(..) => Step::Pass,
            },
        }
    };
}

impl Group for UpstreamFacts {
    const ID: GroupId = GroupId::Upstream;
    type Rules = [Rule<Self>; 11];
    const RULES: Self::Rules = [
        lost!(
            "upstream-healthy", "Is any upstream healthy?", 9110 "15.6.4",
            [SERVICE_UNAVAILABLE],
            "an upstream that refused three connections in a row",
            Cause::NoneHealthy | Cause::Draining
        ),
        lost!(
            "upstream-free", "Is there room for one more request to an upstream?", 9110 "15.6.4",
            [SERVICE_UNAVAILABLE],
            "more requests at once than max-requests and its queue take",
            Cause::QueueFull | Cause::QueueLate | Cause::OwnLack
        ),
        lost!(
            "upstream-name", "Does the upstream's name resolve?", 9209 "2.3",
            [BAD_GATEWAY GATEWAY_TIMEOUT],
            "gateway = \"http://nowhere.invalid\"",
            Cause::NameNotFound | Cause::NameLate
        ),
        lost!(
            "upstream-connects", "Does the upstream take the connection?", 9209 "2.3",
            [BAD_GATEWAY GATEWAY_TIMEOUT],
            "gateway = \"http://127.0.0.1:1\"",
            Cause::Refused | Cause::Unroutable | Cause::ConnectLate
        ),
        lost!(
            "upstream-tls", "Is the upstream who it should be?", 9209 "2.3",
            [BAD_GATEWAY],
            "gateway = \"https://expired.example\"",
            Cause::TlsProtocol | Cause::TlsCertificate | Cause::TlsAlert
        ),
        lost!(
            "upstream-answers", "Does the upstream answer, and in time?", 9110 "15.6.5",
            [BAD_GATEWAY GATEWAY_TIMEOUT],
            "an upstream that takes the request and says nothing",
            Cause::Closed | Cause::Reset | Cause::AnswerLate | Cause::HeadLate | Cause::WriteLate
        ),
        lost!(
            "upstream-speaks-http", "Can the upstream's answer be read?", 9110 "15.6.3",
            [BAD_GATEWAY GATEWAY_TIMEOUT],
            "an upstream that answers HTTP/1.1 99",
            Cause::ClosedInHead
                | Cause::Malformed
                | Cause::SwitchFailed
                | Cause::HeadTooLarge
                | Cause::FieldTooLarge
                | Cause::TransferCoding
                | Cause::Loop
        ),
        lost!(
            "upstream-content", "Can the content of the upstream's answer be read?", 9110 "15.6.3",
            [BAD_GATEWAY GATEWAY_TIMEOUT],
            "an upstream whose content is to be changed, and is no gzip as it says",
            Cause::ClosedInContent
                | Cause::ContentLate
                | Cause::ContentTooLarge
                | Cause::ContentCoding
                | Cause::Unusable
                | Cause::TrailersTooLarge
        ),
        Rule {
            info: &Info {
                id: "switched",
                asks: "Does the connection go on with HTTP?",
                spec: Spec::new(9110, "15.2.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::SWITCHING_PROTOCOLS],
                shown_by: "a WebSocket through a gateway",
            },
            check: |facts| match facts.heard {
                Heard::Answer(Status::SWITCHING_PROTOCOLS, _) => {
                    Step::Stop(Status::SWITCHING_PROTOCOLS, Witness::Nothing)
                }
                Heard::Answer(..) | Heard::Nothing(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "transformed",
                asks: "Does the content go on as the upstream sent it?",
                spec: Spec::new(9110, "15.3.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::NON_AUTHORITATIVE_INFORMATION],
                shown_by: "transform on a route with a gateway",
            },
            check: |facts| match facts.heard {
                // Of other statuses the meaning would be lost.
                Heard::Answer(Status::OK, Changed::Told) => {
                    Step::Stop(Status::NON_AUTHORITATIVE_INFORMATION, Witness::Nothing)
                }
                Heard::Answer(..) | Heard::Nothing(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "relayed",
                asks: "Is there anything to add to the upstream's answer?",
                spec: Spec::new(9110, "7.6"),
                needs: FieldSet::EMPTY,
                may: ANY,
                shown_by: "gateway = \"http://127.0.0.1:9000\" on a route",
            },
            check: |facts| match facts.heard {
                Heard::Answer(status, _) => Step::Stop(status, Witness::Nothing),
                Heard::Nothing(_) => Step::Pass,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}
