//! Stage one, the target: whether it is one of ours, and whether its path can be read.

use wherefore_message::path::PathFault;
use wherefore_message::target::Form;
use wherefore_message::{FieldName, FieldSet, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::gate::Client;
use crate::policy::Site;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of the target.
#[derive(Clone, Copy, Debug)]
pub struct TargetFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The site that answers for its host.
    pub site: Option<&'a Site>,
    /// Who asks.
    pub client: &'a Client,
    /// What is wrong with its path.
    pub path_fault: Option<PathFault>,
}

impl Group for TargetFacts<'_> {
    const ID: GroupId = GroupId::Target;
    type Rules = [Rule<Self>; 4];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "forwarded",
                asks: "Can it be read whom the trusted proxies were asked by?",
                spec: Spec::new(7239, "4"),
                needs: FieldSet::of(&[
                    FieldName::Forwarded,
                    FieldName::XForwardedFor,
                    FieldName::XForwardedProto,
                ]),
                may: &[Status::BAD_REQUEST],
                shown_by: "Forwarded: for=[ from a trusted proxy",
            },
            check: |facts| match facts.client.fault {
                Some(fault) => Step::Stop(Status::BAD_REQUEST, Witness::Who(fault)),
                None => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "scheme",
                asks: "Is the target of a scheme that this connection carries?",
                spec: Spec::new(9110, "7.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::MISDIRECTED_REQUEST],
                shown_by: "GET https://localhost/ HTTP/1.1 on a plain connection",
            },
            check: |facts| match facts.request.target.scheme {
                None => Step::Skip,
                Some(scheme) if scheme.eq_ignore_ascii_case(b"http") => Step::Pass,
                Some(_) => Step::Stop(
                    Status::MISDIRECTED_REQUEST,
                    Witness::Because("this connection carries http alone"),
                ),
            },
        },
        Rule {
            info: &Info {
                id: "authority",
                asks: "Is the target's host one that is served here?",
                spec: Spec::new(9110, "15.5.20"),
                needs: FieldSet::EMPTY,
                may: &[Status::MISDIRECTED_REQUEST],
                shown_by: "Host: example.org to a server on loopback that was not given --host example.org",
            },
            check: |facts| match facts.site {
                Some(_) => Step::Pass,
                None => Step::Stop(
                    Status::MISDIRECTED_REQUEST,
                    Witness::Because("no site here answers for the host of the target"),
                ),
            },
        },
        Rule {
            info: &Info {
                id: "path",
                asks: "Can the path be read?",
                spec: Spec::new(3986, "2.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "GET /%zz HTTP/1.1",
            },
            check: |facts| match facts.path_fault {
                None if matches!(facts.request.target.form, Form::Asterisk | Form::Authority) => {
                    Step::Skip
                }
                None | Some(PathFault::EncodedSlash(_)) => Step::Pass,
                Some(fault) => Step::Stop(Status::BAD_REQUEST, Witness::Because(fault.text())),
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}
