//! What a gateway asks before it forwards a request: whether it may go on, and to where it can't.

use wherefore_message::{FieldName, FieldSet, Method, Request, Spec, Status, path};

use crate::catalogue::GroupId;
use crate::facts::present;
use crate::policy::{ResourceKind, Route, Trace};
use crate::rule::{Group, Info, Rule, Step, Witness};
use crate::upstream::Lost;

/// What is known of a request that is about to be forwarded.
#[derive(Clone, Copy, Debug)]
pub struct ForwardFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under.
    pub route: &'a Route,
    /// Whether it came through this gateway before.
    pub passed: Passed,
}

/// Whether a request came through this gateway before, as its `Via` tells (RFC 9110 §7.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It did not.
    Never,
    /// It did.
    Before,
}

impl Group for ForwardFacts<'_> {
    const ID: GroupId = GroupId::Forward;
    type Rules = [Rule<Self>; 3];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "forward-method",
                asks: "Is the method one that this route forwards?",
                spec: Spec::new(9110, "15.5.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::METHOD_NOT_ALLOWED],
                shown_by: "methods = [\"GET\"] on a route with a gateway, and a POST",
            },
            check: |facts| {
                let (route, method) = (facts.route, facts.request.method);
                let offered = route.methods(ResourceKind::Folder);
                let is_forwarded = match (method, route.methods) {
                    // What is not known here may well be there.
                    (Method::Other, only) => only.is_none(),
                    (Method::Trace, _) => route.trace == Trace::On,
                    (Method::Connect, _) => false,
                    _ => offered.has(method),
                };
                if is_forwarded {
                    Step::Pass
                } else {
                    Step::Stop(Status::METHOD_NOT_ALLOWED, Witness::Methods(offered))
                }
            },
        },
        Rule {
            info: &Info {
                id: "forward-path",
                asks: "Does the path mean the same to whoever reads it?",
                spec: Spec::new(3986, "6.2.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "curl --path-as-is 'http://localhost:8080/public/..;/private' to a gateway",
            },
            check: |facts| match path::ambiguity(facts.request.target.path) {
                None => Step::Pass,
                Some(why) => Step::Stop(Status::BAD_REQUEST, Witness::Because(why)),
            },
        },
        Rule {
            info: &Info {
                id: "forward-loop",
                asks: "Is it the first time that the request comes through here?",
                spec: Spec::new(9110, "7.6.3"),
                needs: FieldSet::of(&[FieldName::Via]),
                may: &[Status::BAD_GATEWAY],
                shown_by: "a gateway whose upstream is itself",
            },
            check: |facts| match facts.passed {
                Passed::Never => Step::Pass,
                Passed::Before => Lost::to(wherefore_message::Cause::Loop).step(),
            },
        },
    ];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}
