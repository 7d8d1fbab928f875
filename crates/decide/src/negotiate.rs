//! Stage four: of a resource that has variants, which one the client is sent. Asked after the look-up and
//! before the preconditions, which are about what was chosen.

use wherefore_message::{FieldName, FieldSet, Method, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known once a resource's variants were negotiated.
#[derive(Clone, Copy, Debug)]
pub struct NegotiateFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// What came of it; none where what was found has no variants.
    pub negotiated: Option<Negotiated>,
}

/// What came of negotiating, with what the rules ask of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiated {
    /// A variant was chosen, which leads there.
    Chosen(LeadsTo),
    /// The client is to choose among variants; the worst that any of them leads to.
    LeftToClient(LeadsTo),
    /// None is acceptable, because of this field.
    NotAcceptable(FieldName),
}

/// Where a variant leads, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeadsTo {
    /// To a resource that is sent as it is.
    End,
    /// To one that has variants itself.
    AnotherList,
    /// Back to the resource that was asked for.
    Itself,
}

impl Group for NegotiateFacts<'_> {
    const ID: GroupId = GroupId::Negotiate;
    type Rules = [Rule<Self>; 3];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "variant-ends",
                asks: "Does the variant lead to something that has no variants?",
                spec: Spec::new(2295, "8.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::VARIANT_ALSO_NEGOTIATES],
                shown_by: "a list of variants that names another one's resource, or its own",
            },
            check: |facts| {
                facts.ask(|negotiated| match negotiated {
                    Negotiated::Chosen(to) | Negotiated::LeftToClient(to) => to.step(),
                    Negotiated::NotAcceptable(_) => Step::Skip,
                })
            },
        },
        Rule {
            info: &Info {
                id: "variant-chosen",
                asks: "Is the choice among variants made here?",
                spec: Spec::new(9110, "15.4.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::MULTIPLE_CHOICES],
                shown_by: "curl -i for a resource with variants whose choice is left to the client",
            },
            check: |facts| {
                facts.ask(|negotiated| match negotiated {
                    Negotiated::LeftToClient(_) => {
                        Step::Stop(Status::MULTIPLE_CHOICES, Witness::Nothing)
                    }
                    Negotiated::Chosen(_) | Negotiated::NotAcceptable(_) => Step::Pass,
                })
            },
        },
        Rule {
            info: &Info {
                id: "variant-acceptable",
                asks: "Does the client accept one of the variants?",
                spec: Spec::new(9110, "15.5.7"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_ACCEPTABLE],
                shown_by: "curl -H 'Accept: image/png' for a resource whose variants are pages",
            },
            check: |facts| {
                facts.ask(|negotiated| match negotiated {
                    Negotiated::NotAcceptable(field) => {
                        Step::Stop(Status::NOT_ACCEPTABLE, Witness::Field(field))
                    }
                    Negotiated::Chosen(_) | Negotiated::LeftToClient(_) => Step::Pass,
                })
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}

impl NegotiateFacts<'_> {
    /// Only what is read is negotiated: a write is for the resource that it names.
    fn ask(&self, check: fn(Negotiated) -> Step) -> Step {
        match (self.request.method, self.negotiated) {
            (Method::Get | Method::Head, Some(negotiated)) => check(negotiated),
            _ => Step::Skip,
        }
    }
}

impl LeadsTo {
    const fn step(self) -> Step {
        let because = match self {
            Self::End => return Step::Pass,
            Self::AnotherList => "a variant of the resource has variants itself",
            Self::Itself => "a variant of the resource is the resource itself",
        };
        Step::Stop(Status::VARIANT_ALSO_NEGOTIATES, Witness::Because(because))
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::target::Target;
    use wherefore_message::{Announced, Fields, Version};

    use super::*;

    const ENDS: &str = "variant-ends";
    const CHOSEN: &str = "variant-chosen";
    const ACCEPTABLE: &str = "variant-acceptable";

    /// Which rules passed, and which one answered with what.
    fn ask(
        method: Method,
        negotiated: Option<Negotiated>,
    ) -> (Vec<&'static str>, Option<(u16, &'static str)>) {
        let request = Request {
            version: Version::HTTP_11,
            method,
            method_text: method.as_str().as_bytes(),
            target: Target::parse(method, b"/x").unwrap(),
            target_text: b"/x",
            authority: None,
            fields: Fields::EMPTY,
            announced: Announced::Nothing,
        };
        let facts = NegotiateFacts { request: &request, negotiated };
        let mut passed = Vec::new();
        for rule in NegotiateFacts::RULES {
            match (rule.check)(&facts) {
                Step::Skip => {}
                Step::Pass => passed.push(rule.info.id),
                Step::Stop(status, witness) => {
                    assert!(rule.info.may.contains(&status), "{}", rule.info.id);
                    if status == Status::NOT_ACCEPTABLE {
                        assert_eq!(witness, Witness::Field(FieldName::Accept));
                    }
                    return (passed, Some((status.code(), rule.info.id)));
                }
            }
        }
        (passed, None)
    }

    #[test]
    fn each_end_of_a_negotiation() {
        let reads = |negotiated| ask(Method::Get, Some(negotiated));
        let chosen = reads(Negotiated::Chosen(LeadsTo::End));
        assert_eq!(chosen, (vec![ENDS, CHOSEN, ACCEPTABLE], None));
        for to in [LeadsTo::AnotherList, LeadsTo::Itself] {
            assert_eq!(reads(Negotiated::Chosen(to)), (vec![], Some((506, ENDS))));
            assert_eq!(reads(Negotiated::LeftToClient(to)), (vec![], Some((506, ENDS))));
        }
        let left = reads(Negotiated::LeftToClient(LeadsTo::End));
        assert_eq!(left, (vec![ENDS], Some((300, CHOSEN))));
        let refused = reads(Negotiated::NotAcceptable(FieldName::Accept));
        assert_eq!(refused, (vec![CHOSEN], Some((406, ACCEPTABLE))));
    }

    #[test]
    fn nothing_is_asked_of_writes_and_of_what_has_no_variants() {
        let refused = Some(Negotiated::NotAcceptable(FieldName::Accept));
        assert_eq!(ask(Method::Head, refused).1, Some((406, ACCEPTABLE)));
        for method in [Method::Put, Method::Post, Method::Patch, Method::Delete] {
            assert_eq!(ask(method, refused), (vec![], None));
        }
        assert_eq!(ask(Method::Get, None), (vec![], None));
    }
}
