//! The client's preconditions, in the order of RFC 9110 §13.2.2. Asked last before the act, and once
//! more under the write lock.

use wherefore_message::date::HttpDate;
use wherefore_message::etag::{Tags, tags};
use wherefore_message::{FieldName, FieldSet, Method, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::facts::{Representation, Representations, present};
use crate::policy::Preconditions;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What preconditions are asked about.
#[derive(Clone, Copy, Debug)]
pub struct ConditionFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// What the target resource has at this moment.
    pub current: Current<'a>,
    /// The time, for dates with a year of two digits.
    pub now: HttpDate,
    /// Whether a write has to name a condition.
    pub required: Preconditions,
}

/// What the target resource has at this moment.
#[derive(Clone, Copy, Debug)]
pub enum Current<'a> {
    /// No representation.
    None,
    /// What only an upstream knows: it evaluates conditions itself (RFC 9110 §13.2.1).
    Upstream,
    /// One without validators, such as the list of a folder's members.
    Unmarked,
    /// The one that a GET of this client would get.
    Selected(&'a Representation),
    /// All codings of one version: a write's condition is met by the tag of any.
    AnyOf(&'a Representations),
}

/// The fields that keep a write from undoing another, whatever their value is.
const CONDITIONS: FieldSet = FieldSet::of(&[FieldName::IfMatch, FieldName::IfNoneMatch]);

/// The fields whose precondition may depend on the version of what is there.
const VERSIONED: FieldSet = FieldSet::of(&[
    FieldName::IfMatch,
    FieldName::IfNoneMatch,
    FieldName::IfModifiedSince,
    FieldName::IfUnmodifiedSince,
]);

/// Whether a request has a precondition that may depend on the version of what is there.
pub(crate) fn name_version(request: &Request<'_>) -> bool {
    VERSIONED.meets(present(request))
}

impl Group for ConditionFacts<'_> {
    const ID: GroupId = GroupId::Conditions;
    type Rules = [Rule<Self>; 5];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "precondition-sent",
                asks: "Does a write that could undo another's name a condition?",
                spec: Spec::new(6585, "3"),
                needs: FieldSet::EMPTY,
                may: &[Status::PRECONDITION_REQUIRED],
                shown_by: "require-precondition = true on a route, and a PUT without If-Match",
            },
            check: |facts| match (facts.required, facts.request.method) {
                (Preconditions::Required, Method::Put | Method::Patch | Method::Delete) => {
                    // A date that can't be read is ignored (RFC 9110 §13.1.4), and demands nothing.
                    if CONDITIONS.meets(present(facts.request))
                        || facts.date(FieldName::IfUnmodifiedSince).is_some()
                    {
                        Step::Pass
                    } else {
                        Step::Stop(Status::PRECONDITION_REQUIRED, Witness::Nothing)
                    }
                }
                (Preconditions::Required | Preconditions::Optional, _) => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "if-match",
                asks: "Does the client know the current version?",
                spec: Spec::new(9110, "13.1.1"),
                needs: FieldSet::of(&[FieldName::IfMatch]),
                may: &[Status::PRECONDITION_FAILED],
                shown_by: "curl -T file -H 'If-Match: \"old\"' http://localhost:8080/file",
            },
            check: if_match,
        },
        Rule {
            info: &Info {
                id: "if-unmodified-since",
                asks: "Is it unchanged since the client's date?",
                spec: Spec::new(9110, "13.1.4"),
                needs: FieldSet::of(&[FieldName::IfUnmodifiedSince]),
                may: &[Status::PRECONDITION_FAILED],
                shown_by: "curl -H 'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT' http://localhost:8080/",
            },
            check: if_unmodified_since,
        },
        Rule {
            info: &Info {
                id: "if-none-match",
                asks: "Does the client lack the current version?",
                spec: Spec::new(9110, "13.1.2"),
                needs: FieldSet::of(&[FieldName::IfNoneMatch]),
                may: &[Status::NOT_MODIFIED, Status::PRECONDITION_FAILED],
                shown_by: "curl -T file -H 'If-None-Match: *' http://localhost:8080/file, twice",
            },
            check: if_none_match,
        },
        Rule {
            info: &Info {
                id: "if-modified-since",
                asks: "Is it newer than the client's copy?",
                spec: Spec::new(9110, "13.1.3"),
                needs: FieldSet::of(&[FieldName::IfModifiedSince]),
                may: &[Status::NOT_MODIFIED],
                shown_by: "curl -z file http://localhost:8080/file",
            },
            check: if_modified_since,
        },
    ];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}

fn if_match(facts: &ConditionFacts<'_>) -> Step {
    if facts.is_upstream() {
        return Step::Skip;
    }
    let holds = match tags(facts.request.fields.all(FieldName::IfMatch)) {
        Tags::Any => facts.exists(),
        Tags::List(mut list) => {
            list.any(|tag| facts.validated().any(|known| known.tag.text().strong_eq(tag)))
        }
    };
    facts.hold(holds, Status::PRECONDITION_FAILED, FieldName::IfMatch)
}

fn if_unmodified_since(facts: &ConditionFacts<'_>) -> Step {
    if facts.request.fields.has(FieldName::IfMatch) {
        return Step::Skip;
    }
    match (facts.modified(), facts.date(FieldName::IfUnmodifiedSince)) {
        (Some(modified), Some(date)) => {
            facts.hold(modified <= date, Status::PRECONDITION_FAILED, FieldName::IfUnmodifiedSince)
        }
        _ => Step::Skip,
    }
}

fn if_none_match(facts: &ConditionFacts<'_>) -> Step {
    if facts.is_upstream() {
        return Step::Skip;
    }
    let holds = match tags(facts.request.fields.all(FieldName::IfNoneMatch)) {
        Tags::Any => !facts.exists(),
        Tags::List(mut list) => {
            !list.any(|tag| facts.validated().any(|known| known.tag.text().weak_eq(tag)))
        }
    };
    let status = if facts.reads() { Status::NOT_MODIFIED } else { Status::PRECONDITION_FAILED };
    facts.hold(holds, status, FieldName::IfNoneMatch)
}

fn if_modified_since(facts: &ConditionFacts<'_>) -> Step {
    if !facts.reads() || facts.request.fields.has(FieldName::IfNoneMatch) {
        return Step::Skip;
    }
    match (facts.modified(), facts.date(FieldName::IfModifiedSince)) {
        (Some(modified), Some(date)) => {
            facts.hold(modified > date, Status::NOT_MODIFIED, FieldName::IfModifiedSince)
        }
        _ => Step::Skip,
    }
}

impl<'a> ConditionFacts<'a> {
    fn reads(&self) -> bool {
        matches!(self.request.method, Method::Get | Method::Head)
    }

    fn is_upstream(&self) -> bool {
        matches!(self.current, Current::Upstream)
    }

    fn exists(&self) -> bool {
        !matches!(self.current, Current::None)
    }

    fn validated(&self) -> impl Iterator<Item = &'a Representation> + use<'a> {
        let (one, all) = match self.current {
            Current::None | Current::Unmarked | Current::Upstream => (None, None),
            Current::Selected(one) => (Some(one), None),
            Current::AnyOf(all) => (None, Some(all)),
        };
        one.into_iter().chain(all.into_iter().flat_map(Representations::iter))
    }

    fn modified(&self) -> Option<HttpDate> {
        self.validated().next().map(|known| known.modified)
    }

    fn date(&self, name: FieldName) -> Option<HttpDate> {
        HttpDate::parse(self.request.fields.only(name)?, self.now)
    }

    fn hold(&self, holds: bool, otherwise: Status, name: FieldName) -> Step {
        if holds { Step::Pass } else { Step::Stop(otherwise, Witness::Field(name)) }
    }
}
