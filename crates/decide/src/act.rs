//! What the act met, and what that is answered with: the one place where faults of content, of the store
//! and of our own become verdicts.

use wherefore_message::{
    Announced, Fault, FaultClass, FieldName, FieldSet, Request, Spec, Status, Version,
    expect::{self, Expectation},
};

use crate::catalogue::GroupId;
use crate::content::Excess;
use crate::facts::present;
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known once the act was carried out, or could not be.
#[derive(Clone, Copy, Debug)]
pub struct ActFacts {
    /// How it ended.
    pub acted: Acted,
}

/// How an act ended.
#[derive(Clone, Copy, Debug)]
pub enum Acted {
    /// A resource was made.
    Created,
    /// A resource has a new representation.
    Replaced,
    /// A resource was removed.
    Removed,
    /// Nothing was changed.
    Failed(Failure),
}

/// Why an act was not carried out.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    /// The peer's fault: its content is malformed, late or too large.
    Content(Fault),
    /// More content came than its route takes.
    TooLarge(Excess),
    /// The content is not what its digest says.
    Digest,
    /// The patch can't be read, or what it is to patch can't: why.
    PatchSyntax(&'static str),
    /// The patch is well-formed and fits nothing here: why.
    PatchUnfit(&'static str),
    /// A `test` of the patch failed (RFC 6902 §5).
    PatchTest,
    /// The state of the store stands against it: what.
    Conflict(&'static str),
    /// The operating system does not let us write there.
    Denied,
    /// A name in the path is longer than the store can hold.
    NameTooLong,
    /// The disk is full.
    NoSpace,
    /// The quota is reached.
    Quota,
    /// It can't be done now, for want of a worker, of a descriptor or of a moment's rest, but perhaps in so many seconds.
    Busy(u32),
    /// The store failed.
    Io,
    /// Our own code failed.
    Panicked,
}

impl Group for ActFacts {
    const ID: GroupId = GroupId::Act;
    type Rules = [Rule<Self>; 15];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "content-syntax",
                asks: "Is the content framed as it should be?",
                spec: Spec::new(9112, "7.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST, Status::REQUEST_HEADER_FIELDS_TOO_LARGE],
                shown_by: "a chunk size of zz",
            },
            check: |facts| match facts.content_fault() {
                Some(fault)
                    if !matches!(
                        fault.kind.class(),
                        FaultClass::ContentSize | FaultClass::Deadline
                    ) =>
                {
                    Step::Stop(fault.kind.status(), Witness::Fault(fault))
                }
                Some(_) | None => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "content-counted",
                asks: "Is the content, as it comes, within the limit?",
                spec: Spec::new(9110, "15.5.14"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONTENT_TOO_LARGE],
                shown_by: "a chunked PUT longer than --limit content-bytes",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::TooLarge(excess)) => {
                    Step::Stop(Status::CONTENT_TOO_LARGE, excess.witness())
                }
                _ => facts.unless_content(FaultClass::ContentSize),
            },
        },
        Rule {
            info: &Info {
                id: "content-deadline",
                asks: "Does the content arrive in time?",
                spec: Spec::new(9110, "15.5.9"),
                needs: FieldSet::EMPTY,
                may: &[Status::REQUEST_TIMEOUT],
                shown_by: "half of the content, and then nothing",
            },
            check: |facts| facts.unless_content(FaultClass::Deadline),
        },
        Rule {
            info: &Info {
                id: "content-digest",
                asks: "Is the content what its digest says?",
                spec: Spec::new(9530, "2"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "curl -T file -H 'Content-Digest: sha-256=:AAAA:' http://localhost:8080/file",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::Digest) => {
                    Step::Stop(Status::BAD_REQUEST, Witness::Field(FieldName::ContentDigest))
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "patch-syntax",
                asks: "Can the patch be read?",
                spec: Spec::new(5789, "2.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "a patch that is not JSON",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::PatchSyntax(why)) => {
                    Step::Stop(Status::BAD_REQUEST, Witness::Because(why))
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "patch-fits",
                asks: "Does the patch fit what is there?",
                spec: Spec::new(5789, "2.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNPROCESSABLE_CONTENT],
                shown_by: "a JSON Patch that removes a member that is not there",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::PatchUnfit(why)) => {
                    Step::Stop(Status::UNPROCESSABLE_CONTENT, Witness::Because(why))
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "patch-test",
                asks: "Do the patch's tests hold?",
                spec: Spec::new(6902, "5"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONFLICT],
                shown_by: "a JSON Patch with a test that fails",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::PatchTest) => Step::Stop(
                    Status::CONFLICT,
                    Witness::Because("a test of the patch does not hold for what is there"),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "store-conflict",
                asks: "Does what is there allow it?",
                spec: Spec::new(9110, "15.5.10"),
                needs: FieldSet::EMPTY,
                may: &[Status::CONFLICT],
                shown_by: "a file that another program replaces while it is written",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::Conflict(what)) => {
                    Step::Stop(Status::CONFLICT, Witness::Because(what))
                }
                Acted::Failed(Failure::NameTooLong) => Step::Stop(
                    Status::CONFLICT,
                    Witness::Because("a name in the path is longer than the file system can hold"),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "writable",
                asks: "Does the operating system let us write there?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN],
                shown_by: "a PUT into a folder that the server may not write to",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::Denied) => Step::Stop(
                    Status::FORBIDDEN,
                    Witness::Because("the operating system does not let us write there"),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "room",
                asks: "Is there room for it?",
                spec: Spec::new(4918, "11.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::INSUFFICIENT_STORAGE],
                shown_by: "a PUT on a full disk, or past --quota",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::NoSpace) => {
                    Step::Stop(Status::INSUFFICIENT_STORAGE, Witness::Because("the disk is full"))
                }
                Acted::Failed(Failure::Quota) => Step::Stop(
                    Status::INSUFFICIENT_STORAGE,
                    Witness::Because("the quota of this folder is reached"),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "busy",
                asks: "Has the server what it takes to do it now?",
                spec: Spec::new(9110, "15.6.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::SERVICE_UNAVAILABLE],
                shown_by: "more jobs at once than --limit worker-queue",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::Busy(seconds)) => Step::Stop(
                    Status::SERVICE_UNAVAILABLE,
                    Witness::Wait(u64::from(seconds).max(1)),
                ),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "store",
                asks: "Does the store do its work?",
                spec: Spec::new(9110, "15.6.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::INTERNAL_SERVER_ERROR],
                shown_by: "a disk that fails to read",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::Io) => {
                    Step::Stop(Status::INTERNAL_SERVER_ERROR, Witness::Nothing)
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "own-code",
                asks: "Does our own code do its work?",
                spec: Spec::new(9110, "15.6.1"),
                needs: FieldSet::EMPTY,
                may: &[Status::INTERNAL_SERVER_ERROR],
                shown_by: "a fault in the server, which is to be reported",
            },
            check: |facts| match facts.acted {
                Acted::Failed(Failure::Panicked) => {
                    Step::Stop(Status::INTERNAL_SERVER_ERROR, Witness::Nothing)
                }
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "created",
                asks: "Was something there before?",
                spec: Spec::new(9110, "15.3.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::CREATED],
                shown_by: "curl -T file http://localhost:8080/new-file with --writable",
            },
            check: |facts| match facts.acted {
                Acted::Created => Step::Stop(Status::CREATED, Witness::Nothing),
                _ => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "done",
                asks: "Is there more to say than that it is done?",
                spec: Spec::new(9110, "15.3.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::NO_CONTENT],
                shown_by: "curl -X DELETE http://localhost:8080/file with --writable",
            },
            check: |facts| match facts.acted {
                Acted::Replaced | Acted::Removed => {
                    Step::Stop(Status::NO_CONTENT, Witness::Nothing)
                }
                Acted::Created | Acted::Failed(_) => Step::Pass,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        FieldSet::EMPTY
    }
}

impl ActFacts {
    fn content_fault(&self) -> Option<Fault> {
        match self.acted {
            Acted::Failed(Failure::Content(fault)) => Some(fault),
            _ => None,
        }
    }

    fn unless_content(&self, class: FaultClass) -> Step {
        match self.content_fault() {
            Some(fault) if fault.kind.class() == class => {
                Step::Stop(fault.kind.status(), Witness::Fault(fault))
            }
            Some(_) | None => Step::Pass,
        }
    }
}

/// What is known when the content is about to be read.
#[derive(Clone, Copy, Debug)]
pub struct InviteFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Whether content has come already.
    pub begun: Begun,
}

/// Whether any content has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// None yet: the client may be waiting to be invited.
    NotYet,
    /// Some: an invitation would be idle.
    Already,
}

impl Group for InviteFacts<'_> {
    const ID: GroupId = GroupId::Invite;
    type Rules = [Rule<Self>; 1];
    const RULES: Self::Rules = [Rule {
        info: &Info {
            id: "continue",
            asks: "Does the client send its content without being invited?",
            spec: Spec::new(9110, "10.1.1"),
            needs: FieldSet::of(&[FieldName::Expect]),
            may: &[Status::CONTINUE],
            shown_by: "curl -T file -H 'Expect: 100-continue' http://localhost:8080/file",
        },
        check: |facts| {
            let request = facts.request;
            let waits = expect::read(request.fields.all(FieldName::Expect))
                == Expectation::Continue
                && request.version >= Version::HTTP_11
                && request.announced.may_have_content()
                && facts.begun == Begun::NotYet;
            match (waits, request.announced) {
                (true, _) => Step::Stop(Status::CONTINUE, Witness::Nothing),
                (false, Announced::Nothing) => Step::Skip,
                (false, Announced::Length(_) | Announced::Unknown) => Step::Pass,
            }
        },
    }];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}
