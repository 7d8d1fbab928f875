//! Stage two, the content: what the head alone settles of it, before any of it is invited or read.

use wherefore_message::expect::{self, Expectation};
use wherefore_message::media::MediaType;
use wherefore_message::{
    Announced, FieldName, FieldSet, Method, Request, Spec, Status, Version, list,
};

use crate::catalogue::GroupId;
use crate::facts::present;
use crate::policy::{Length, Route};
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of the content from the head.
#[derive(Clone, Copy, Debug)]
pub struct ContentFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under; none for `OPTIONS *`.
    pub route: Option<&'a Route>,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// The media types of patches that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchFormat {
    /// JSON Merge Patch (RFC 7396).
    Merge,
    /// JSON Patch (RFC 6902).
    Operations,
}

/// The value of `Accept-Patch` (RFC 5789 §3.1).
pub const ACCEPT_PATCH: &str = "application/merge-patch+json, application/json-patch+json";
/// The value of `Accept-Post`: all but forms, which are not files.
pub const ACCEPT_POST: &str = "application/*, audio/*, font/*, image/*, model/*, text/*, video/*";
/// The value of `Accept-Encoding` in an answer: content codings of requests that are understood.
pub const ACCEPT_ENCODING: &str = "identity";

impl Group for ContentFacts<'_> {
    const ID: GroupId = GroupId::Content;
    type Rules = [Rule<Self>; 8];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "expectation",
                asks: "Can the expectation be met?",
                spec: Spec::new(9110, "10.1.1"),
                needs: FieldSet::of(&[FieldName::Expect]),
                may: &[Status::EXPECTATION_FAILED],
                shown_by: "curl -H 'Expect: a-miracle' http://localhost:8080/",
            },
            check: |facts| match expect::read(facts.request.fields.all(FieldName::Expect)) {
                Expectation::None => Step::Skip,
                Expectation::Continue if facts.request.version < Version::HTTP_11 => Step::Skip,
                Expectation::Continue => Step::Pass,
                Expectation::Other => {
                    Step::Stop(Status::EXPECTATION_FAILED, Witness::Field(FieldName::Expect))
                }
            },
        },
        Rule {
            info: &Info {
                id: "trace-content",
                asks: "Does a TRACE bring no content?",
                spec: Spec::new(9110, "9.3.8"),
                needs: FieldSet::EMPTY,
                may: &[Status::BAD_REQUEST],
                shown_by: "curl -X TRACE -d x http://localhost:8080/",
            },
            check: |facts| match facts.request.method {
                Method::Trace if facts.request.announced.may_have_content() => Step::Stop(
                    Status::BAD_REQUEST,
                    Witness::Because("a TRACE may not have content"),
                ),
                Method::Trace => Step::Pass,
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "partial-put",
                asks: "Is the content of a PUT whole?",
                spec: Spec::new(9110, "14.5"),
                needs: FieldSet::of(&[FieldName::ContentRange]),
                may: &[Status::BAD_REQUEST],
                shown_by: "curl -T f -H 'Content-Range: bytes 0-1/9' http://localhost:8080/f",
            },
            check: |facts| match facts.request.method {
                Method::Put if facts.is_forwarded() => Step::Skip,
                Method::Put => Step::Stop(
                    Status::BAD_REQUEST,
                    Witness::Because("a part of a representation can't be put"),
                ),
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "length",
                asks: "Is the content's length said, or is it chunked?",
                spec: Spec::new(9110, "15.5.12"),
                needs: FieldSet::EMPTY,
                may: &[Status::LENGTH_REQUIRED],
                shown_by: "PUT /f HTTP/1.1 with Host and nothing else",
            },
            check: |facts| {
                let request = facts.request;
                match request.announced {
                    _ if !facts.is_taken() => Step::Skip,
                    Announced::Unknown if facts.is_length_required() => Step::Stop(
                        Status::LENGTH_REQUIRED,
                        Witness::Because("this route takes content of an announced length alone"),
                    ),
                    // What has no content has none behind a gateway either (RFC 9112 §6.3).
                    Announced::Nothing if request.version.major == 1 && !facts.is_forwarded() => {
                        Step::Stop(Status::LENGTH_REQUIRED, Witness::Nothing)
                    }
                    Announced::Nothing | Announced::Length(_) | Announced::Unknown => Step::Pass,
                }
            },
        },
        Rule {
            info: &Info {
                id: "content-size",
                asks: "Is the announced length within the limit?",
                spec: Spec::new(9110, "15.5.14"),
                needs: FieldSet::of(&[FieldName::ContentLength]),
                may: &[Status::CONTENT_TOO_LARGE],
                shown_by: "a PUT longer than --limit content-bytes, a PATCH longer than --limit patch-bytes",
            },
            // Of content in a GET or a HEAD nothing is kept (RFC 9110 §9.3.1), so it has no limit.
            check: |facts| match (facts.request.announced, facts.route) {
                (Announced::Length(seen), Some(route))
                    if !matches!(facts.request.method, Method::Get | Method::Head) =>
                {
                    match Excess::of(route, facts.request.method, seen, facts.now) {
                        Some(excess) => Step::Stop(Status::CONTENT_TOO_LARGE, excess.witness()),
                        None => Step::Pass,
                    }
                }
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "content-coding",
                asks: "Is the content in a coding that is understood?",
                spec: Spec::new(9110, "8.4"),
                needs: FieldSet::of(&[FieldName::ContentEncoding]),
                may: &[Status::UNSUPPORTED_MEDIA_TYPE],
                shown_by: "curl -T f -H 'Content-Encoding: gzip' http://localhost:8080/f",
            },
            check: |facts| {
                if !facts.is_taken() || facts.is_forwarded() {
                    return Step::Skip;
                }
                let mut codings =
                    list::members(facts.request.fields.all(FieldName::ContentEncoding));
                if codings.all(|coding| coding.eq_ignore_ascii_case(b"identity")) {
                    Step::Pass
                } else {
                    Step::Stop(
                        Status::UNSUPPORTED_MEDIA_TYPE,
                        Witness::Field(FieldName::AcceptEncoding),
                    )
                }
            },
        },
        Rule {
            info: &Info {
                id: "patch-format",
                asks: "Is the patch in a format that is understood?",
                spec: Spec::new(5789, "2.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::UNSUPPORTED_MEDIA_TYPE],
                shown_by: "curl -X PATCH -d x http://localhost:8080/data.json",
            },
            check: |facts| match facts.request.method {
                Method::Patch if facts.is_taken() && !facts.is_forwarded() => {
                    match patch_format(facts.request) {
                        Some(_) => Step::Pass,
                        None => Step::Stop(
                            Status::UNSUPPORTED_MEDIA_TYPE,
                            Witness::Field(FieldName::AcceptPatch),
                        ),
                    }
                }
                _ => Step::Skip,
            },
        },
        Rule {
            info: &Info {
                id: "post-format",
                asks: "Is what is posted a file and no form?",
                spec: Spec::new(9110, "15.5.16"),
                needs: FieldSet::of(&[FieldName::ContentType]),
                may: &[Status::UNSUPPORTED_MEDIA_TYPE],
                shown_by: "curl -d a=b http://localhost:8080/",
            },
            check: |facts| match facts.request.method {
                // An inbox says itself what it takes, and so does an upstream.
                Method::Post if facts.is_forwarded() => Step::Skip,
                Method::Post if facts.route.is_some_and(|route| route.inbox().is_some()) => {
                    Step::Skip
                }
                Method::Post if facts.is_taken() && is_form(facts.request) => Step::Stop(
                    Status::UNSUPPORTED_MEDIA_TYPE,
                    Witness::Field(FieldName::AcceptPost),
                ),
                Method::Post if facts.is_taken() => Step::Pass,
                _ => Step::Skip,
            },
        },
    ];

    fn present(&self) -> FieldSet {
        present(self.request)
    }
}

impl ContentFacts<'_> {
    fn is_length_required(&self) -> bool {
        self.route.is_some_and(|route| route.content.length == Length::Required)
    }

    /// Whether what content means is for an upstream to say.
    fn is_forwarded(&self) -> bool {
        self.route.is_some_and(|route| route.gateway().is_some())
    }

    /// Whether content means something to this method, and some resource of the route offers it: where
    /// none does, 405 is the truth, whatever the content.
    fn is_taken(&self) -> bool {
        let method = self.request.method;
        matches!(method, Method::Put | Method::Post | Method::Patch)
            && self.route.is_some_and(|route| route.offers(method))
    }
}

/// More content than a route takes, announced or counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The most octets that it takes.
    pub limit: u64,
    /// How many were announced, or came before it was given up.
    pub seen: u64,
    /// In how many seconds it may take more, where its limit is for a time.
    pub wait_seconds: Option<u32>,
}

impl Excess {
    /// What is too much about so many octets for a request with this method at this time, in seconds since
    /// 1970; none if the route takes them.
    #[must_use]
    pub fn of(route: &Route, method: Method, seen: u64, now: u64) -> Option<Self> {
        let limit = route.content_bytes_max_of(method);
        if seen <= limit {
            return None;
        }
        let wait = route.content.until.and_then(|until| until.checked_sub(now));
        let wait = wait.filter(|wait| *wait > 0);
        let wait_seconds = wait.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX));
        Some(Self { limit, seen, wait_seconds })
    }

    pub(crate) const fn witness(self) -> Witness {
        let Self { limit, seen, wait_seconds } = self;
        match wait_seconds {
            Some(wait_seconds) => Witness::LimitUntil { limit, seen, wait_seconds },
            None => Witness::Limit { limit, seen },
        }
    }
}

/// The format of a request's patch; none if it is not understood.
#[must_use]
pub fn patch_format(request: &Request<'_>) -> Option<PatchFormat> {
    let media = request.fields.only(FieldName::ContentType).and_then(MediaType::parse)?;
    if media.is("application/merge-patch+json") {
        Some(PatchFormat::Merge)
    } else if media.is("application/json-patch+json") {
        Some(PatchFormat::Operations)
    } else {
        None
    }
}

fn is_form(request: &Request<'_>) -> bool {
    let media = request.fields.only(FieldName::ContentType).and_then(MediaType::parse);
    media.is_some_and(|media| {
        media.is("application/x-www-form-urlencoded") || media.is("multipart/form-data")
    })
}
