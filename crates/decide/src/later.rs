//! What is accepted for later: whether its monitor is known, and what became of the attempt to store it. What a disk or
//! a connection fails with is judged as that of any [act](crate::act).

use wherefore_message::later::Progress;
use wherefore_message::{FieldSet, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::facts::present;
use crate::policy::{ResourceKind, Route};
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of a request to a monitor.
#[derive(Clone, Copy, Debug)]
pub struct MonitorFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under.
    pub route: &'a Route,
    /// How far it is that the path names, if that names anything.
    pub progress: Option<Progress>,
}

impl Group for MonitorFacts<'_> {
    const ID: GroupId = GroupId::Monitor;
    type Rules = [Rule<Self>; 2];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "monitor-method",
                asks: "Is the monitor read, or are the options asked for?",
                spec: Spec::new(9110, "15.5.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::METHOD_NOT_ALLOWED],
                shown_by: "curl -X DELETE, to the Location of a 202",
            },
            check: |facts| {
                let methods = facts.route.methods(ResourceKind::File);
                if methods.has(facts.request.method) {
                    Step::Pass
                } else {
                    Step::Stop(Status::METHOD_NOT_ALLOWED, Witness::Methods(methods))
                }
            },
        },
        Rule {
            info: &Info {
                id: "monitor-known",
                asks: "Was something of this name accepted, and is it remembered?",
                spec: Spec::new(9110, "15.5.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_FOUND],
                shown_by: "curl http://localhost:8080/.well-known/wherefore/later/x",
            },
            check: |facts| match facts.progress {
                Some(_) => Step::Pass,
                None => Step::Stop(Status::NOT_FOUND, Witness::Nothing),
            },
        },
    ];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}

/// What is known once a request was to be stored.
#[derive(Clone, Copy, Debug)]
pub struct LaterFacts {
    /// What became of it.
    pub kept: Kept,
}

/// What became of a request that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is stored, or the same was under the same key before.
    Stored,
    /// What is kept of its head, or the key in it, has more octets than may be.
    HeadTooLarge {
        /// How many there may be.
        limit: u64,
        /// How many there are.
        seen: u64,
    },
    /// Its content has more octets than may be.
    ContentTooLarge {
        /// How many there may be.
        limit: u64,
        /// How many came before it was given up.
        seen: u64,
    },
    /// Its client used the key before, for something else.
    KeyReused,
    /// As much as may be waits to be delivered; there may be room in so many seconds.
    Full(u32),
}

impl Group for LaterFacts {
    const ID: GroupId = GroupId::Later;
    type Rules = [Rule<Self>; 5];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "later-head",
                asks: "Can what is to be sent of the head be stored?",
                spec: Spec::new(6585, "5"),
                needs: FieldSet::EMPTY,
                may: &[Status::REQUEST_HEADER_FIELDS_TOO_LARGE],
                shown_by: "an Idempotency-Key of 300 octets, to an inbox that delivers",
            },
            check: |facts| match facts.kept {
                Kept::HeadTooLarge { limit, seen } => Step::Stop(
                    Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    Witness::Limit { limit, seen },
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "later-size",
                asks: "Can all of the content be stored?",
                spec: Spec::new(9110, "15.5.14"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONTENT_TOO_LARGE],
                shown_by: "more octets than one delivery may have, to an inbox that delivers",
            },
            check: |facts| match facts.kept {
                Kept::ContentTooLarge { limit, seen } => {
                    Step::Stop(Status::CONTENT_TOO_LARGE, Witness::Limit { limit, seen })
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "later-key",
                asks: "Is the client's key new, or was the same request made under it?",
                spec: Spec::new(9110, "15.5.21"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNPROCESSABLE_CONTENT],
                shown_by: "two requests with one Idempotency-Key and different content",
            },
            check: |facts| match facts.kept {
                Kept::KeyReused => Step::Stop(
                    Status::UNPROCESSABLE_CONTENT,
                    Witness::Because("another request was made with this Idempotency-Key"),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "later-room",
                asks: "May one more wait to be delivered?",
                spec: Spec::new(9110, "15.6.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SERVICE_UNAVAILABLE],
                shown_by: "more requests than may wait, to an inbox that delivers to nobody",
            },
            check: |facts| match facts.kept {
                // At once is no time to come back.
                Kept::Full(seconds) => Step::Stop(
                    Status::SERVICE_UNAVAILABLE,
                    Witness::Wait(u64::from(seconds.max(1))),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "accepted-for-later",
                asks: "Is it delivered already?",
                spec: Spec::new(9110, "15.3.3"),
                needs: FieldSet::EMPTY,
                may: &[Status::ACCEPTED],
                shown_by: "curl -d a=b, to an inbox that delivers",
            },
            check: |_| Step::Stop(Status::ACCEPTED, Witness::Nothing),
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}
