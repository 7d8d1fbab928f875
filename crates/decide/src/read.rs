//! What a reading is answered with, once nothing stands against it.

use wherefore_message::{FieldSet, Method, Spec, Status};

use crate::catalogue::GroupId;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of a reading that nothing stands against.
#[derive(Clone, Copy, Debug)]
pub struct ReadFacts {
    /// The method.
    pub method: Method,
    /// What is to be read.
    pub subject: Subject,
}

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A file, or a folder's index file.
    Representation,
    /// The list of a folder's members.
    Listing,
    /// The server itself (`OPTIONS *`).
    Server,
}

impl Group for ReadFacts {
    const ID: GroupId = GroupId::Read;
    type Rules = [Rule<Self>; 4];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "options",
                asks: "Is it something other than the options that is asked for?",
                spec: Spec::new(9110, "9.3.7"),
                needs: FieldSet::EMPTY,
                may: &[Status::OK],
                shown_by: "curl -X OPTIONS http://localhost:8080/",
            },
            check: |facts| match facts.method {
                Method::Options => Step::Stop(Status::OK, Witness::Nothing),
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "trace",
                asks: "Is it something other than an echo that is asked for?",
                spec: Spec::new(9110, "9.3.8"),
                needs: FieldSet::EMPTY,
                may: &[Status::OK],
                shown_by: "curl -X TRACE http://localhost:8080/ with --trace",
            },
            check: |facts| match facts.method {
                Method::Trace => Step::Stop(Status::OK, Witness::Nothing),
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "listing",
                asks: "Does the folder have an index file?",
                spec: Spec::new(9110, "9.3.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::OK],
                shown_by: "curl http://localhost:8080/folder/",
            },
            check: |facts| match facts.subject {
                Subject::Listing => Step::Stop(Status::OK, Witness::Nothing),
                Subject::Representation | Subject::Server => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "representation",
                asks: "Is there a reason not to send the representation?",
                spec: Spec::new(9110, "15.3.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::OK],
                shown_by: "curl http://localhost:8080/",
            },
            check: |_| Step::Stop(Status::OK, Witness::Nothing),
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}
