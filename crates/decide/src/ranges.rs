//! The part of a representation that a GET asks for (RFC 9110 §14.2), and whether the client's own part
//! belongs to it (§13.1.5).

use wherefore_message::date::HttpDate;
use wherefore_message::range::{RangeLimits, Resolved, resolve};
use wherefore_message::{FieldName, FieldSet, Method, Request, Spec, Status, TagText};

use crate::catalogue::GroupId;
use crate::facts::{Representation, present};
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of the part that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct RangeFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The representation that is to be sent, if there is one.
    pub selected: Option<&'a Representation>,
    /// The ranges, held against its length.
    pub resolved: &'a Resolved,
    /// The time, for dates with a year of two digits.
    pub now: HttpDate,
}

const RANGE: FieldSet = FieldSet::of(&[FieldName::Range]);

impl Group for RangeFacts<'_> {
    const ID: GroupId = GroupId::Ranges;
    type Rules = [Rule<Self>; 2];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "satisfiable",
                asks: "Can any of the ranges be met?",
                spec: Spec::new(9110, "15.5.17"),
                needs: RANGE,
                may: &[Status::RANGE_NOT_SATISFIABLE],
                shown_by: "curl -r 999999999- http://localhost:8080/",
            },
            check: |facts| match (facts.asked(), facts.length()) {
                (Some(Resolved::Unsatisfiable), Some(length)) => {
                    Step::Stop(Status::RANGE_NOT_SATISFIABLE, Witness::Length(length))
                }
                (Some(Resolved::One(_) | Resolved::Several(_)), _) => Step::Pass,
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "part",
                asks: "Is it the whole representation that is asked for?",
                spec: Spec::new(9110, "15.3.7"),
                needs: RANGE,
                may: &[Status::PARTIAL_CONTENT],
                shown_by: "curl -r 0-9 http://localhost:8080/",
            },
            check: |facts| match (facts.asked(), facts.length()) {
                (Some(Resolved::One(_) | Resolved::Several(_)), Some(length)) => {
                    Step::Stop(Status::PARTIAL_CONTENT, Witness::Length(length))
                }
                _ => Step::Skip,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}

impl RangeFacts<'_> {
    fn length(&self) -> Option<u64> {
        self.selected.and_then(Representation::length)
    }

    /// The ranges, where they count: on a GET, and with an `If-Range` that holds.
    fn asked(&self) -> Option<&Resolved> {
        (self.request.method == Method::Get && self.if_range_holds()).then_some(self.resolved)
    }

    /// By tag: strongly. By date: exactly, and only where the date is strong (RFC 9110 §8.8.2.2): its
    /// second must be over, or another version may yet come that has the same date, and the tag says
    /// whether something may change unseen. Which version of its second a client has, only the client
    /// can know, and it may not send a date that it can't rely on (§13.1.5).
    fn if_range_holds(&self) -> bool {
        if !self.request.fields.has(FieldName::IfRange) {
            return true;
        }
        let (Some(text), Some(selected)) =
            (self.request.fields.only(FieldName::IfRange), self.selected)
        else {
            return false;
        };
        if let Some(tag) = TagText::parse(text) {
            return selected.tag.text().strong_eq(tag);
        }
        !selected.tag.is_weak()
            && selected.modified < self.now
            && HttpDate::parse(text, self.now) == Some(selected.modified)
    }
}

/// Holds the ranges of a request against a representation's length. They are ignored where there are none,
/// and where the length is not known, as of what is encoded as it is sent.
#[must_use]
pub fn of(request: &Request<'_>, selected: Option<&Representation>) -> Resolved {
    let length = selected.and_then(Representation::length);
    match (length, request.fields.only(FieldName::Range)) {
        (Some(length), Some(value)) if request.method == Method::Get => {
            resolve(value, length, &RangeLimits::default())
        }
        _ => Resolved::Ignored,
    }
}
