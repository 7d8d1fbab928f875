//! Stage two, who asks, as somebody else says it: whoever is asked whether a request may come in lets it in, or says
//! what it is answered with. Who says neither has not let it in.

use wherefore_message::status::Class;
use wherefore_message::{Cause, FieldLines, FieldName, FieldSet, Fields, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::policy::asker::RefusedAs;
use crate::policy::{Ask, Auth};
use crate::rule::{Group, Info, Rule, Step, Witness};
use crate::upstream::Lost;

/// What is known of who asks, where somebody else is asked.
#[derive(Clone, Copy, Debug)]
pub struct AskedFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Who may ask.
    pub auth: &'a Auth,
    /// What was said.
    pub said: Said,
}

/// What whoever was asked says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It may come in.
    LetIn,
    /// Who asks is not known.
    Unknown,
    /// Who asks may not.
    Refused,
    /// Who asks is to look elsewhere first, at a page for signing in: by this status.
    Leads(Status),
    /// Nothing that could be used.
    Nothing(Lost),
}

impl Said {
    /// What an answer with this status and these fields says.
    #[must_use]
    pub fn of(status: Status, fields: Fields<'_>) -> Self {
        match status {
            Status::UNAUTHORIZED => Self::Unknown,
            Status::FORBIDDEN => Self::Refused,
            Status::FOUND | Status::SEE_OTHER | Status::TEMPORARY_REDIRECT
                if fields.only(FieldName::Location).is_some_and(|to| !to.is_empty()) =>
            {
                Self::Leads(status)
            }
            _ if status.class() == Class::Success => Self::LetIn,
            _ => Self::Nothing(Lost::to(Cause::Unusable)),
        }
    }
}

impl Group for AskedFacts<'_> {
    const ID: GroupId = GroupId::Asked;
    type Rules = [Rule<Self>; 4];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "asked-answers",
                asks: "Does whoever is asked say whether the request may come in?",
                spec: Spec::new(9110, "15.6"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_GATEWAY, Status::SERVICE_UNAVAILABLE, Status::GATEWAY_TIMEOUT],
                shown_by: "auth = { ask = \"http://127.0.0.1:1\" } on a route",
            },
            check: |facts| match facts.said {
                Said::Nothing(lost) => lost.step(),
                Said::LetIn | Said::Unknown | Said::Refused | Said::Leads(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "asked-lets-stay",
                asks: "Does whoever is asked send the client nowhere else?",
                spec: Spec::new(9110, "15.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FOUND, Status::SEE_OTHER, Status::TEMPORARY_REDIRECT],
                shown_by: "auth = { ask = \"http://127.0.0.1:9091\" } on a route, and a page for signing in",
            },
            check: |facts| match facts.said {
                Said::Leads(status) => {
                    Step::Stop(status, Witness::Who("whoever was asked sends the client elsewhere"))
                }
                Said::LetIn | Said::Unknown | Said::Refused | Said::Nothing(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "asked-knows",
                asks: "Does whoever is asked know the client?",
                spec: Spec::new(9110, "15.5.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNAUTHORIZED],
                shown_by: "auth = { ask = \"http://127.0.0.1:9091\" } on a route, and 401 from whoever is asked",
            },
            check: |facts| match facts.said {
                Said::Unknown => Step::Stop(
                    Status::UNAUTHORIZED,
                    Witness::Who("whoever was asked does not know the client"),
                ),
                Said::LetIn | Said::Refused | Said::Leads(_) | Said::Nothing(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "asked-allows",
                asks: "Does whoever is asked let the client in?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN, Status::NOT_FOUND],
                shown_by: "auth = { ask = \"http://127.0.0.1:9091\" } on a route, and 403 from whoever is asked",
            },
            check: |facts| match (facts.said, facts.auth.refusal) {
                (Said::Refused, RefusedAs::Forbidden) => Step::Stop(
                    Status::FORBIDDEN,
                    Witness::Who("whoever was asked does not let the client in"),
                ),
                (Said::Refused, RefusedAs::Missing) => {
                    Step::Stop(Status::NOT_FOUND, Witness::Hidden)
                }
                (Said::LetIn | Said::Unknown | Said::Leads(_) | Said::Nothing(_), _) => Step::Pass,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}

/// The longest name of a user, in octets.
pub const USER_BYTES_MAX: usize = 256;

impl Ask {
    /// The user that the answer names, if it does.
    #[must_use]
    pub fn user<'a>(&self, told: Fields<'a>) -> Option<&'a str> {
        let field = self.user_from.as_deref()?;
        let mut values = named(field, told);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let user = str::from_utf8(value).ok()?;
        (1..=USER_BYTES_MAX).contains(&user.len()).then_some(user)
    }

    /// The lines of the answer that the route's upstream is told.
    #[must_use]
    pub fn copied(&self, told: Fields<'_>) -> FieldLines {
        let mut copied = FieldLines::new();
        for field in &self.copy {
            for value in named(field, told) {
                copied.push(field.as_bytes(), value);
            }
        }
        copied
    }
}

/// The values of this name.
fn named<'a>(name: &str, fields: Fields<'a>) -> impl Iterator<Item = &'a [u8]> {
    let lines = fields.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
    lines.map(|(_, value)| value)
}
