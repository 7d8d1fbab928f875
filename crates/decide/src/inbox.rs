//! Inboxes: whether one takes what is posted to it, as far as the head tells, and what became of what it took.

use wherefore_message::form::FormFault;
use wherefore_message::{
    Announced, FaultClass, FieldName, FieldSet, Method, Request, Spec, Status,
};

use crate::catalogue::GroupId;
use crate::policy::{Inbox, ResourceKind, Route, Thanks};
use crate::rule::{Group, Info, Leads, Rule, Step, Witness};

/// What is known of a request to an inbox before its content.
#[derive(Clone, Copy, Debug)]
pub struct InboxFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under.
    pub route: &'a Route,
    /// The inbox.
    pub inbox: &'a Inbox,
}

impl Group for InboxFacts<'_> {
    const ID: GroupId = GroupId::Inbox;
    type Rules = [Rule<Self>; 3];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "inbox-method",
                asks: "Is it posted, or are the options asked for?",
                spec: Spec::new(9110, "15.5.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::METHOD_NOT_ALLOWED],
                shown_by: "inbox = \"orders\" on a route, and a GET",
            },
            check: |facts| {
                // Whatever stands under its route is the inbox.
                let methods = facts.route.methods(ResourceKind::Folder);
                if methods.has(facts.request.method) {
                    Step::Pass
                } else {
                    Step::Stop(Status::METHOD_NOT_ALLOWED, Witness::Methods(methods))
                }
            },
        },
        Rule {
            info: &Info {
                id: "inbox-type",
                asks: "Does the inbox take content of this type?",
                spec: Spec::new(9110, "15.5.16"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNSUPPORTED_MEDIA_TYPE],
                shown_by: "curl -H 'Content-Type: text/plain' -d x, to an inbox",
            },
            check: |facts| match facts.request.method {
                Method::Post if facts.inbox.format(facts.request).is_some() => Step::Pass,
                Method::Post => Step::Stop(
                    Status::UNSUPPORTED_MEDIA_TYPE,
                    Witness::Field(FieldName::AcceptPost),
                ),
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "inbox-size",
                asks: "Is the announced length within what the inbox takes of this type?",
                spec: Spec::new(9110, "15.5.14"),
                needs: FieldSet::of(&[FieldName::ContentLength]),
                may: &[Status::CONTENT_TOO_LARGE],
                shown_by: "a form without files that is longer than an inbox takes of fields",
            },
            check: |facts| {
                let format = match facts.request.method {
                    Method::Post => facts.inbox.format(facts.request),
                    _ => None,
                };
                let (Some(format), Announced::Length(seen)) = (format, facts.request.announced)
                else {
                    return Step::Skip;
                };
                let limit = facts.inbox.content_bytes_max(format);
                if seen > limit {
                    Step::Stop(Status::CONTENT_TOO_LARGE, Witness::Limit { limit, seen })
                } else {
                    Step::Pass
                }
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}

/// What is known once the content of a submission has come. What a store or a connection fails with is
/// judged as that of any [act](crate::act).
#[derive(Clone, Copy, Debug)]
pub struct SubmittedFacts<'a> {
    /// What the inbox answers.
    pub thanks: &'a Thanks,
    /// How it ended.
    pub submitted: Submitted,
}

/// The rule that sends whoever posted on to a page: what was posted is stored.
pub(crate) const SUBMISSION_PAGE: &str = "submission-page";

/// How a submission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is stored.
    Stored(Shown),
    /// It is not: its content is malformed or too large.
    Faulty(FormFault),
}

/// Whether a submission that is stored can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A route of the site leads to it.
    ByARoute,
    /// None does.
    Nowhere,
}

impl Group for SubmittedFacts<'_> {
    const ID: GroupId = GroupId::Submitted;
    type Rules = [Rule<Self>; 6];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "form-syntax",
                asks: "Can the form be read?",
                spec: Spec::new(9110, "15.5.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "curl -d 'a=%zz', to an inbox",
            },
            check: |facts| match facts.submitted {
                Submitted::Faulty(fault) if fault.kind.class() != FaultClass::ContentSize => {
                    Step::Stop(Status::BAD_REQUEST, Witness::Form(fault))
                }
                Submitted::Faulty(_) | Submitted::Stored(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "form-size",
                asks: "Is the form, as it comes, within the inbox's limits?",
                spec: Spec::new(9110, "15.5.14"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONTENT_TOO_LARGE],
                shown_by: "curl -F file=@FILE, with more octets than an inbox takes of one file",
            },
            check: |facts| match facts.submitted {
                Submitted::Faulty(fault) => {
                    Step::Stop(Status::CONTENT_TOO_LARGE, Witness::Form(fault))
                }
                Submitted::Stored(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "submission-created",
                asks: "Is there no place to name at which it can be read?",
                spec: Spec::new(9110, "15.3.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::CREATED],
                shown_by: "curl -d a=b, to an inbox whose folder another route shows",
            },
            check: |facts| match (facts.thanks, facts.submitted) {
                (Thanks::Created, Submitted::Stored(Shown::ByARoute)) => {
                    Step::Stop(Status::CREATED, Witness::Nothing)
                }
                (Thanks::Created, _) => Step::Pass,
                (Thanks::NoContent | Thanks::Reset | Thanks::SeeOther(_), _) => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: SUBMISSION_PAGE,
                asks: "Is there no page to go on to?",
                spec: Spec::new(9110, "15.4.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SEE_OTHER],
                shown_by: "inbox = { folder = \"orders\", answer = { see-other = \"/thanks\" } }, and a POST",
            },
            check: |facts| match facts.thanks {
                Thanks::SeeOther(_) => {
                    Step::Stop(Status::SEE_OTHER, Witness::Leads(Leads::ToTarget))
                }
                Thanks::Created | Thanks::NoContent | Thanks::Reset => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "form-kept",
                asks: "Is the form to stay as it is?",
                spec: Spec::new(9110, "15.3.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::RESET_CONTENT],
                shown_by: "inbox = { folder = \"orders\", answer = \"reset\" }, and a POST",
            },
            check: |facts| match facts.thanks {
                Thanks::Reset => Step::Stop(Status::RESET_CONTENT, Witness::Nothing),
                Thanks::Created | Thanks::NoContent | Thanks::SeeOther(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "submission-stored",
                asks: "Is there more to say than that it is stored?",
                spec: Spec::new(9110, "15.3.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::NO_CONTENT],
                shown_by: "inbox = { folder = \"orders\", answer = \"no-content\" }, and a POST",
            },
            check: |_| Step::Stop(Status::NO_CONTENT, Witness::Nothing),
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}
