//! Stage two, elsewhere: what a route says is not here. The method decides between the statuses that keep
//! it and those that need not (RFC 9110 §15.4).

use wherefore_message::{FieldSet, Method, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::policy::{Elsewhere, Lasting, Route};
use crate::rule::{Group, Info, Leads, Rule, Step, Witness};

/// What is known of a request for what is not here.
#[derive(Clone, Copy, Debug)]
pub struct ElsewhereFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under.
    pub route: &'a Route,
    /// What became of it.
    pub elsewhere: &'a Elsewhere,
}

impl Group for ElsewhereFacts<'_> {
    const ID: GroupId = GroupId::Elsewhere;
    type Rules = [Rule<Self>; 5];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "method-let-in",
                asks: "Does the route let the method in?",
                spec: Spec::new(9110, "15.5.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::METHOD_NOT_ALLOWED],
                shown_by: "redirect = \"/new\" on a route with methods = [\"GET\"], and a POST",
            },
            check: |facts| {
                let methods = facts.route.offered();
                if methods.has(facts.request.method) {
                    Step::Pass
                } else {
                    Step::Stop(Status::METHOD_NOT_ALLOWED, Witness::Methods(methods))
                }
            },
        },
        Rule {
            info: &Info {
                id: "moved",
                asks: "Does it stand here, and has not moved?",
                spec: Spec::new(9110, "15.4"),
                needs: FieldSet::EMPTY,
                may: &[
                    Status::MOVED_PERMANENTLY,
                    Status::FOUND,
                    Status::TEMPORARY_REDIRECT,
                    Status::PERMANENT_REDIRECT,
                ],
                shown_by: "redirect = \"/new\" on a route, with and without permanent = true",
            },
            check: |facts| {
                let Elsewhere::Moved { lasting, .. } = facts.elsewhere else { return Step::Skip };
                let is_read = matches!(facts.request.method, Method::Get | Method::Head);
                let status = match (lasting, is_read) {
                    (Lasting::Permanent, true) => Status::MOVED_PERMANENTLY,
                    (Lasting::Permanent, false) => Status::PERMANENT_REDIRECT,
                    (Lasting::Temporary, true) => Status::FOUND,
                    (Lasting::Temporary, false) => Status::TEMPORARY_REDIRECT,
                };
                Step::Stop(status, Witness::Leads(Leads::ToTarget))
            },
        },
        Rule {
            info: &Info {
                id: "see-other",
                asks: "Is what is to be looked at here?",
                spec: Spec::new(9110, "15.4.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SEE_OTHER],
                shown_by: "see-other = \"/result\" on a route",
            },
            check: |facts| match facts.elsewhere {
                Elsewhere::SeeOther(_) => {
                    Step::Stop(Status::SEE_OTHER, Witness::Leads(Leads::ToTarget))
                }
                Elsewhere::Moved { .. } | Elsewhere::Gone { .. } | Elsewhere::UseProxy(_) => {
                    Step::Skip
                }
            },
        },
        Rule {
            info: &Info {
                id: "retired",
                asks: "Was it not retired for good?",
                spec: Spec::new(9110, "15.5.11"),
                needs: FieldSet::EMPTY,
                may: &[Status::GONE],
                shown_by: "gone = true on a route",
            },
            check: |facts| match facts.elsewhere {
                Elsewhere::Gone { since: Some(since) } => {
                    Step::Stop(Status::GONE, Witness::Since(*since))
                }
                Elsewhere::Gone { since: None } => Step::Stop(Status::GONE, Witness::Nothing),
                Elsewhere::Moved { .. } | Elsewhere::SeeOther(_) | Elsewhere::UseProxy(_) => {
                    Step::Skip
                }
            },
        },
        Rule {
            info: &Info {
                id: "use-proxy",
                asks: "Is it reached directly, and not through a proxy?",
                spec: Spec::new(9110, "15.4.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::USE_PROXY],
                shown_by: "use-proxy = \"http://proxy.example:3128\" on a route",
            },
            check: |facts| match facts.elsewhere {
                Elsewhere::UseProxy(_) => {
                    Step::Stop(Status::USE_PROXY, Witness::Leads(Leads::ToTarget))
                }
                Elsewhere::Moved { .. } | Elsewhere::SeeOther(_) | Elsewhere::Gone { .. } => {
                    Step::Skip
                }
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}
