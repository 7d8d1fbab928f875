//! Stage two, CORS preflights: a browser asks whether a script may ask (the Fetch standard). Answered before
//! credentials are asked for, since browsers send none with them.

use wherefore_message::{FieldName, FieldSet, Method, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::policy::Cors;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of a request for a route with a policy for other origins.
#[derive(Clone, Copy, Debug)]
pub struct PreflightFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The policy.
    pub cors: &'a Cors,
}

impl Group for PreflightFacts<'_> {
    const ID: GroupId = GroupId::Preflight;
    type Rules = [Rule<Self>; 2];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "preflight-origin",
                asks: "May scripts of this origin ask?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::of(&[FieldName::AccessControlRequestMethod]),
                may: &[Status::FORBIDDEN],
                shown_by: "a preflight from an origin that cors.origins does not name",
            },
            check: |facts| match facts.origin() {
                Some(origin) if !facts.cors.allows(origin) => {
                    Step::Stop(Status::FORBIDDEN, Witness::Field(FieldName::Origin))
                }
                Some(_) => Step::Pass,
                None => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "preflight",
                asks: "Is it more than a browser's question whether a script may ask?",
                spec: Spec::new(9110, "15.3.5"),
                needs: FieldSet::of(&[FieldName::AccessControlRequestMethod]),
                may: &[Status::NO_CONTENT],
                shown_by: "OPTIONS with Origin and Access-Control-Request-Method",
            },
            check: |facts| match facts.origin() {
                Some(_) => Step::Stop(Status::NO_CONTENT, Witness::Nothing),
                None => Step::Skip,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}

impl PreflightFacts<'_> {
    /// The origin for which a preflight asks; none if it is no preflight.
    fn origin(&self) -> Option<&[u8]> {
        is_preflight(self.request).then(|| self.request.fields.only(FieldName::Origin)).flatten()
    }
}

/// Whether a browser asks with this whether a script may ask.
pub(crate) fn is_preflight(request: &Request<'_>) -> bool {
    request.method == Method::Options
        && request.fields.has(FieldName::AccessControlRequestMethod)
        && request.fields.only(FieldName::Origin).is_some()
}
