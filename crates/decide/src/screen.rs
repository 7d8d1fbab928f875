//! Stage one, on the wire: whether there is room, and whether the message can be read.
//!
//! The faults are found by whoever reads the wire, of whatever version; which of them answers first,
//! and with what, is decided here.

use wherefore_message::{Fault, FaultClass, FieldSet, Spec, Status};

use crate::catalogue::GroupId;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known before anything of a request is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wire {
    /// What is wrong with the message.
    pub fault: Option<Fault>,
    /// If there is no room for the request: in how many seconds there may be, at least 1.
    pub overload: Option<u32>,
}

impl Group for Wire {
    const ID: GroupId = GroupId::Wire;
    type Rules = [Rule<Self>; 10];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "overload",
                asks: "Is there room for one more request?",
                spec: Spec::new(9110, "15.6.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SERVICE_UNAVAILABLE],
                shown_by: "more requests at once than --limit requests-in-flight",
            },
            check: |facts| match facts.overload {
                Some(seconds) => Step::Stop(
                    Status::SERVICE_UNAVAILABLE,
                    Witness::Wait(u64::from(seconds).max(1)),
                ),
                None => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "target-length",
                asks: "Is the target within its limit?",
                spec: Spec::new(9110, "15.5.15"),
                needs: FieldSet::EMPTY,
                may: &[Status::URI_TOO_LONG],
                shown_by: "a target longer than --limit target-bytes",
            },
            check: |facts| facts.unless(FaultClass::TargetLength),
        },
        Rule {
            info: &Info {
                id: "version",
                asks: "Is this major version of HTTP spoken here?",
                spec: Spec::new(9110, "15.6.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::HTTP_VERSION_NOT_SUPPORTED],
                shown_by: "GET / HTTP/3.0 on a plain connection",
            },
            check: |facts| facts.unless(FaultClass::Version),
        },
        Rule {
            info: &Info {
                id: "field-size",
                asks: "Are the fields within their limits?",
                spec: Spec::new(6585, "5"),
                needs: FieldSet::EMPTY,
                may: &[Status::REQUEST_HEADER_FIELDS_TOO_LARGE],
                shown_by: "a field longer than --limit field-bytes",
            },
            check: |facts| facts.unless(FaultClass::FieldSize),
        },
        Rule {
            info: &Info {
                id: "method-length",
                asks: "Is the method no longer than any that is implemented?",
                spec: Spec::new(9112, "3"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_IMPLEMENTED],
                shown_by: "a method longer than --limit method-bytes",
            },
            check: |facts| facts.unless(FaultClass::Method),
        },
        Rule {
            info: &Info {
                id: "syntax",
                asks: "Is the message well-formed?",
                spec: Spec::new(9110, "15.5.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "white space before a field's colon",
            },
            check: |facts| facts.unless(FaultClass::Syntax),
        },
        Rule {
            info: &Info {
                id: "host",
                asks: "Is there one valid Host?",
                spec: Spec::new(9112, "3.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "an HTTP/1.1 request without Host",
            },
            check: |facts| facts.unless(FaultClass::Host),
        },
        Rule {
            info: &Info {
                id: "transfer-coding",
                asks: "Are the transfer codings known here?",
                spec: Spec::new(9112, "6.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_IMPLEMENTED],
                shown_by: "Transfer-Encoding: gzip, chunked",
            },
            check: |facts| facts.unless(FaultClass::TransferCoding),
        },
        Rule {
            info: &Info {
                id: "framing",
                asks: "Is it certain where the message ends?",
                spec: Spec::new(9112, "6.3"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "Content-Length and Transfer-Encoding in one request",
            },
            check: |facts| facts.unless(FaultClass::Framing),
        },
        Rule {
            info: &Info {
                id: "head-deadline",
                asks: "Did the head arrive in time?",
                spec: Spec::new(9110, "15.5.9"),
                needs: FieldSet::EMPTY,
                may: &[Status::REQUEST_TIMEOUT],
                shown_by: "half a head, and then nothing for --limit head-time",
            },
            check: |facts| facts.unless(FaultClass::Deadline),
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}

impl Wire {
    fn unless(&self, class: FaultClass) -> Step {
        match self.fault {
            Some(fault) if fault.kind.class() == class => {
                Step::Stop(fault.kind.status(), Witness::Fault(fault))
            }
            Some(_) | None => Step::Pass,
        }
    }
}
