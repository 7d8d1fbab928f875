//! Early hints: what a page needs besides itself, told before the page is looked for (RFC 8297).

use wherefore_message::{FieldSet, Method, Request, Spec, Status, Version};

use crate::catalogue::GroupId;
use crate::policy::Dress;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of a request that was admitted.
#[derive(Clone, Copy, Debug)]
pub struct HintFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// What the route adds.
    pub dress: &'a Dress,
}

impl Group for HintFacts<'_> {
    const ID: GroupId = GroupId::Hints;
    type Rules = [Rule<Self>; 1];
    const RULES: Self::Rules = [Rule {
        info: &Info {
            id: "early-hints",
            asks: "Has the client been told already what the page needs?",
            spec: Spec::new(8297, "2"),
            needs: FieldSet::EMPTY,
            may: &[Status::EARLY_HINTS],
            shown_by: "early-hints = [\"</style.css>; rel=preload; as=style\"] on a route, and a GET",
        },
        check: |facts| {
            let is_asked = facts.request.method == Method::Get
                && facts.request.version >= Version::HTTP_11
                && !facts.dress.early_hints.is_empty();
            if is_asked { Step::Stop(Status::EARLY_HINTS, Witness::Nothing) } else { Step::Skip }
        },
    }];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}
