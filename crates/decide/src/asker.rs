//! Stage two, who asks: credentials and what they allow (RFC 9110 §11).

use wherefore_message::{FieldName, FieldSet, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::policy::Auth;
use crate::policy::asker::RefusedAs;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of who asks.
#[derive(Clone, Copy, Debug)]
pub struct AskerFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Who may ask.
    pub auth: &'a Auth,
    /// What came of the credentials.
    pub credentials: Credentials<'a>,
}

/// What came of a request's credentials.
#[derive(Clone, Copy, Debug)]
pub enum Credentials<'a> {
    /// There were none, or none of a scheme that is taken here.
    None,
    /// They can't be read: why (RFC 6750 §3.1, `invalid_request`).
    Malformed(&'static str),
    /// They are not valid: why, where that gives nothing away.
    Wrong(&'static str),
    /// They can't be checked now: in so many seconds perhaps. Checking costs time by design.
    Busy(u32),
    /// This client has sent too many wrong ones, and has to wait so many seconds.
    TooMany(u32),
    /// They are this one's.
    Known {
        /// The user's name.
        name: &'a str,
        /// The user's groups.
        groups: &'a [String],
    },
}

impl Group for AskerFacts<'_> {
    const ID: GroupId = GroupId::Asker;
    type Rules = [Rule<Self>; 6];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "credentials-sent",
                asks: "Were credentials sent, of a scheme that is taken here?",
                spec: Spec::new(9110, "15.5.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNAUTHORIZED],
                shown_by: "a request without Authorization for a route with auth",
            },
            check: |facts| match facts.credentials {
                Credentials::None => {
                    Step::Stop(Status::UNAUTHORIZED, Witness::Field(FieldName::Authorization))
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "credentials-form",
                asks: "Can the credentials be read?",
                spec: Spec::new(6750, "3.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "two lines of Authorization",
            },
            check: |facts| match facts.credentials {
                Credentials::Malformed(why) => Step::Stop(Status::BAD_REQUEST, Witness::Who(why)),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "credentials-tries",
                asks: "Has this client sent few enough wrong credentials?",
                spec: Spec::new(6585, "4"),
                needs: FieldSet::EMPTY,
                may: &[Status::TOO_MANY_REQUESTS],
                shown_by: "a dozen wrong passwords one after the other",
            },
            check: |facts| match facts.credentials {
                Credentials::TooMany(wait) => {
                    Step::Stop(Status::TOO_MANY_REQUESTS, Witness::Wait(u64::from(wait).max(1)))
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "credentials-room",
                asks: "Can the credentials be checked now?",
                spec: Spec::new(9110, "15.6.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SERVICE_UNAVAILABLE],
                shown_by: "more passwords at once than there are cores to check them",
            },
            check: |facts| match facts.credentials {
                Credentials::Busy(wait) => {
                    Step::Stop(Status::SERVICE_UNAVAILABLE, Witness::Wait(u64::from(wait).max(1)))
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "credentials-valid",
                asks: "Are the credentials valid?",
                spec: Spec::new(9110, "15.5.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNAUTHORIZED],
                shown_by: "curl -u user:wrong for a route with auth",
            },
            check: |facts| match facts.credentials {
                Credentials::Wrong(why) => Step::Stop(Status::UNAUTHORIZED, Witness::Who(why)),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "allowed",
                asks: "May this user ask?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN, Status::NOT_FOUND],
                shown_by: "a user of none of the route's groups",
            },
            check: |facts| match facts.credentials {
                Credentials::Known { name, groups } if facts.auth.allows(name, groups) => {
                    Step::Pass
                }
                _ => match facts.auth.refusal {
                    RefusedAs::Forbidden => Step::Stop(
                        Status::FORBIDDEN,
                        Witness::Who("the user is known, and is not among those who may ask"),
                    ),
                    RefusedAs::Missing => Step::Stop(Status::NOT_FOUND, Witness::Hidden),
                },
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}
