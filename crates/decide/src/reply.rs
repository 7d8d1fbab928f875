//! The fields of every answer: what the status, the rule and what it saw ask for. The one table that no
//! answer can break is the registry's (`must`, `must_not`), and [`seal`] holds every head to it.

mod asked;
mod challenge;
pub mod dress;
mod explanation;
mod location;
pub mod monitor;
mod offer;
mod page;
mod policy_text;
mod upstream;
pub mod variant;

use std::sync::Arc;

use wherefore_message::alternative::Alternative;
use wherefore_message::method::MethodSet;
use wherefore_message::path::Path;
use wherefore_message::problem::ProblemForm;
use wherefore_message::range::ByteRange;
use wherefore_message::response::Author;
use wherefore_message::{
    Coding, FieldName, FieldSet, Method, Request, ResponseHead, Status, Value,
};

pub use asked::asked;
pub use explanation::explanation;
use explanation::explanation_with;
pub use offer::{offer, receipt};

use crate::choose::ListingForm;
use crate::content::{ACCEPT_ENCODING, ACCEPT_PATCH, ACCEPT_POST};
use crate::facts::{Found, Representation};
use crate::gate::Scheme;
use crate::plan::Part;
use crate::policy::gate::{Block, Protocol};
use crate::policy::{Dress, Inbox, Matched};
use crate::rule::{Verdict, Witness};

/// Where the pages of the rules stand; a rule's id follows.
pub const RULE_URI: &str = "urn:wherefore:rule:";

/// What an answer that is no representation is made from.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The request, where it could be read.
    pub request: Option<&'a Request<'a>>,
    /// Its path, where that could be read.
    pub path: Option<Path<'a>>,
    /// The route that its path falls under.
    pub matched: Option<Matched<'a>>,
    /// What is added to the answer: by the route, else by the site.
    pub dress: Option<&'a Dress>,
    /// How it came.
    pub scheme: Scheme,
    /// The resource's current representation, where one was found.
    pub current: Option<&'a Representation>,
    /// Whether there are several representations to choose from.
    pub varies: Varies,
    /// The name of the field that is at fault, as it came.
    pub field: Option<&'a [u8]>,
}

/// Whether the answer to another client could be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varies {
    /// By `Accept-Encoding`.
    ByCoding,
    /// No.
    Not,
}

impl Varies {
    /// Whether the answer about what was found depends on the codings that the client accepts.
    #[must_use]
    pub const fn of(found: &Found) -> Self {
        match found {
            Found::File(all) | Found::Folder { index: Some(all), .. } if all.vary() => {
                Self::ByCoding
            }
            Found::File(_) | Found::Folder { .. } | Found::Missing { .. } | Found::Refused(_) => {
                Self::Not
            }
        }
    }
}

/// Writes the fields that a verdict which sends no representation asks for, but for those of the
/// content that explains it.
pub fn fields(setting: &Setting<'_>, head: &mut ResponseHead) {
    let verdict = setting.verdict;
    head.reset(verdict.status);
    match verdict.status {
        Status::UNAUTHORIZED | Status::BAD_REQUEST | Status::FORBIDDEN => {
            challenge::push(setting, head);
        }
        Status::NOT_MODIFIED => {
            if let Some(current) = setting.current {
                head.push(FieldName::ETag, Value::Tag(current.tag));
            }
            vary_by_coding(setting.varies, head);
        }
        Status::PRECONDITION_FAILED | Status::PRECONDITION_REQUIRED => {
            if let Some(current) = setting.current {
                head.push(FieldName::ETag, Value::Tag(current.tag));
            }
        }
        // Of a hidden resource this is said to some, so it is not kept for others; and where that differed
        // from what is said of a missing one, it would tell.
        Status::NOT_FOUND if setting.matched.is_some_and(|matched| matched.route.hides()) => {
            head.push(FieldName::CacheControl, Value::Static("no-store"));
        }
        Status::GONE => head.push(FieldName::CacheControl, Value::Static("no-cache")),
        Status::MISDIRECTED_REQUEST => {
            head.push(FieldName::CacheControl, Value::Static("no-store"));
        }
        _ => {}
    }
    witnessed(setting, head);
}

/// The fields that hold what the rule saw.
fn witnessed(setting: &Setting<'_>, head: &mut ResponseHead) {
    let verdict = setting.verdict;
    match verdict.witness {
        Witness::Methods(methods) => head.push(FieldName::Allow, Value::Methods(methods)),
        Witness::Length(length) if verdict.status == Status::RANGE_NOT_SATISFIABLE => {
            head.push(FieldName::ContentRange, Value::UnsatisfiedRange(length));
        }
        Witness::Wait(seconds) => {
            head.push(FieldName::RetryAfter, Value::Number(seconds));
            head.push(FieldName::CacheControl, Value::Static("no-store"));
        }
        Witness::Field(FieldName::AcceptPatch) => {
            head.push(FieldName::AcceptPatch, Value::Static(ACCEPT_PATCH));
        }
        Witness::Field(FieldName::AcceptPost) => {
            head.push(FieldName::AcceptPost, accept_post(setting));
        }
        Witness::Field(FieldName::AcceptEncoding)
            if verdict.status == Status::UNSUPPORTED_MEDIA_TYPE =>
        {
            head.push(FieldName::AcceptEncoding, Value::Static(ACCEPT_ENCODING));
        }
        Witness::LimitUntil { wait_seconds, .. } => {
            head.push(FieldName::RetryAfter, Value::Number(u64::from(wait_seconds)));
        }
        Witness::Quota { wait_seconds, .. } => {
            head.push(FieldName::RetryAfter, Value::Number(wait_seconds));
            head.push(FieldName::CacheControl, Value::Static("no-store"));
        }
        Witness::Leads(leads) => {
            if let Some(location) = location::of(setting, leads) {
                head.push(FieldName::Location, Value::Text(location.into_boxed_str()));
            }
        }
        Witness::Field(FieldName::Upgrade) => {
            head.push(FieldName::Upgrade, Value::Static(upgrade(setting)));
            head.push(FieldName::Connection, Value::Static("upgrade"));
        }
        Witness::Policy(number) => {
            if let Some(block) = block(setting, number) {
                let link = format!("<{}>; rel=\"blocked-by\"", block.by);
                head.push(FieldName::Link, Value::Text(link.into_boxed_str()));
            }
            head.push(FieldName::CacheControl, Value::Static("no-store"));
        }
        Witness::Who(_)
        | Witness::Price { .. }
        | Witness::Field(FieldName::SecFetchSite | FieldName::Origin | FieldName::Authorization) => {
            head.push(FieldName::CacheControl, Value::Static("no-store"));
        }
        Witness::Upstream(lost) => upstream::push(lost, head),
        Witness::Nothing
        | Witness::Fault(_)
        | Witness::Form(_)
        | Witness::Limit { .. }
        | Witness::Length(_)
        | Witness::Since(_)
        | Witness::Field(_)
        | Witness::Hidden
        | Witness::Because(_) => {}
    }
}

/// What may be posted: an inbox has a list of its own.
fn accept_post(setting: &Setting<'_>) -> Value {
    match setting.matched.and_then(|matched| matched.route.inbox()) {
        Some(inbox) => Value::Shared(Arc::clone(&inbox.accept_post)),
        None => Value::Static(ACCEPT_POST),
    }
}

/// What the client is to change to (RFC 9110 §7.8).
fn upgrade(setting: &Setting<'_>) -> &'static str {
    match setting.matched.map(|matched| matched.route.gate.protocol) {
        Some(Protocol::WebSocket) => "websocket",
        Some(Protocol::Http2) => "HTTP/2.0",
        Some(Protocol::Http3) => "HTTP/3.0",
        Some(Protocol::Any | Protocol::Http11) | None => "HTTP/1.1",
    }
}

/// The demand that withholds what was asked for.
fn block<'a>(setting: &Setting<'a>, number: u16) -> Option<&'a Block> {
    setting.matched?.route.gate.blocked.get(usize::from(number))
}

/// Pages of ours may style themselves, and do nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Writes all fields of a verdict that sends no representation; its content explains it, in this form, and
/// names this request. None where the status has no content.
#[must_use]
pub fn explained(
    setting: &Setting<'_>,
    form: ProblemForm,
    request_id: &str,
    head: &mut ResponseHead,
) -> Option<String> {
    explained_with(&[], setting, form, request_id, head)
}

/// The same, with what could be had instead.
#[must_use]
pub fn explained_with(
    alternatives: &[Alternative],
    setting: &Setting<'_>,
    form: ProblemForm,
    request_id: &str,
    head: &mut ResponseHead,
) -> Option<String> {
    fields(setting, head);
    if head.status.ends_with_head() {
        return None;
    }
    if head.status == Status::MULTIPLE_CHOICES && form == ProblemForm::Json {
        return Some(variant::choices(alternatives, request_id, head));
    }
    // A redirect is no problem, and programs follow it without reading on.
    let form = match form {
        ProblemForm::Json if !head.status.is_error() => ProblemForm::Text,
        form => form,
    };
    head.push(FieldName::ContentType, Value::Static(form.content_type()));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    head.push(FieldName::RequestId, Value::Text(request_id.into()));
    variant::link(alternatives, head);
    if let Some(page) = page::of(setting, form) {
        return Some(page::filled(setting, page, request_id));
    }
    if form == ProblemForm::Html {
        head.push(FieldName::ContentSecurityPolicy, Value::Static(PAGE_POLICY));
    }
    Some(explanation_with(alternatives, setting, Some(request_id), form))
}

/// The head that tells a client early what a page needs (RFC 8297).
#[must_use]
pub fn hints(verdict: &Verdict, dress: &Dress) -> ResponseHead {
    let mut head = ResponseHead::new(verdict.status);
    for link in &dress.early_hints {
        head.push(FieldName::Link, Value::Shared(Arc::clone(link)));
    }
    head
}

/// Writes the fields of a representation's answer, for the whole or a part.
pub fn representation(verdict: &Verdict, sent: &Sent<'_>, head: &mut ResponseHead) {
    head.reset(verdict.status);
    head.push(FieldName::ETag, Value::Tag(sent.of.tag));
    if sent.repeats == Repeats::All {
        head.push(FieldName::LastModified, Value::Date(sent.of.modified.unix()));
    }
    let length = sent.of.length();
    if let (Part::One(ByteRange { first, last }), Some(length)) = (sent.part, length) {
        let (first, last) = (*first, *last);
        head.push(FieldName::ContentRange, Value::ContentRange { first, last, length });
    }
    if !matches!(sent.part, Part::Several(_)) {
        head.push(FieldName::ContentType, Value::Static(sent.media_type));
    }
    if let Some(coding) = sent.coding {
        head.push(FieldName::ContentEncoding, Value::Static(coding.name()));
    }
    // What is made as it is sent has no parts that could be asked for.
    if length.is_some() {
        head.push(FieldName::AcceptRanges, Value::Static("bytes"));
    }
    vary_by_coding(sent.varies, head);
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
}

/// Writes the media type of several ranges with this boundary between them (RFC 9110 §14.6).
pub fn byteranges(boundary: &str, head: &mut ResponseHead) {
    let media_type = ["multipart/byteranges; boundary=", boundary].concat();
    head.push(FieldName::ContentType, Value::Text(media_type.into()));
}

/// Writes a digest that the client wanted of the representation (RFC 9530 §3).
pub fn digest(written: String, head: &mut ResponseHead) {
    head.push(FieldName::ReprDigest, Value::Text(written.into()));
}

/// What is sent of which representation.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The representation.
    pub of: &'a Representation,
    /// Its media type.
    pub media_type: &'static str,
    /// Its coding.
    pub coding: Option<Coding>,
    /// Whether others stand beside it.
    pub varies: Varies,
    /// How much of it.
    pub part: &'a Part,
    /// Whether the client has its other fields already (RFC 9110 §15.3.7).
    pub repeats: Repeats,
}

/// Which representation fields a 206 repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// All.
    All,
    /// Those that it must: the client sent `If-Range`, so it has the rest.
    Required,
}

impl Repeats {
    /// Which the answer to this request repeats when it is sent this part.
    #[must_use]
    pub const fn of(request: &Request<'_>, part: &Part) -> Self {
        match part {
            Part::One(_) | Part::Several(_) if request.fields.has(FieldName::IfRange) => {
                Self::Required
            }
            Part::Whole | Part::One(_) | Part::Several(_) => Self::All,
        }
    }
}

/// Writes the fields of a list of a folder's members.
pub fn listing(verdict: &Verdict, form: ListingForm, head: &mut ResponseHead) {
    head.reset(verdict.status);
    head.push(FieldName::ContentType, Value::Static(form.content_type()));
    head.push(FieldName::CacheControl, Value::Static("no-cache"));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::ContentSecurityPolicy, Value::Static(PAGE_POLICY));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
}

/// Writes the fields of an answer to TRACE; its content is the request as it came, without what is secret
/// in it (RFC 9110 §9.3.8).
#[must_use]
pub fn echo(verdict: &Verdict, request: &Request<'_>, head: &mut ResponseHead) -> Vec<u8> {
    head.reset(verdict.status);
    head.push(FieldName::ContentType, Value::Static("message/http"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    let mut echo = Vec::with_capacity(512);
    for part in [request.method_text, b" ", request.target_text, b" "] {
        echo.extend_from_slice(part);
    }
    echo.extend_from_slice(request.version.to_string().as_bytes());
    echo.extend_from_slice(b"\r\n");
    for (name, value) in request.fields.iter() {
        if !SECRET.has(FieldName::parse(name)) {
            for part in [name, b": ", value, b"\r\n"] {
                echo.extend_from_slice(part);
            }
        }
    }
    echo.extend_from_slice(b"\r\n");
    echo
}

/// Fields that hold what only the server is meant to see.
const SECRET: FieldSet =
    FieldSet::of(&[FieldName::Authorization, FieldName::ProxyAuthorization, FieldName::Cookie]);

/// Writes the fields of an answer to OPTIONS.
pub fn options(verdict: &Verdict, methods: MethodSet, head: &mut ResponseHead) {
    head.reset(verdict.status);
    head.push(FieldName::Allow, Value::Methods(methods));
    if methods.has(Method::Patch) {
        head.push(FieldName::AcceptPatch, Value::Static(ACCEPT_PATCH));
    }
    if methods.has(Method::Post) {
        head.push(FieldName::AcceptPost, Value::Static(ACCEPT_POST));
    }
    if methods.has(Method::Get) {
        head.push(FieldName::AcceptRanges, Value::Static("bytes"));
    }
}

/// Writes the fields of an answer to OPTIONS for an inbox.
pub fn inbox_options(
    verdict: &Verdict,
    methods: MethodSet,
    inbox: &Inbox,
    head: &mut ResponseHead,
) {
    options(verdict, methods, head);
    if methods.has(Method::Post) {
        head.set(FieldName::AcceptPost, Value::Shared(Arc::clone(&inbox.accept_post)));
    }
}

/// Writes the fields of an answer to a write that was done.
pub fn written(
    verdict: &Verdict,
    location: Option<String>,
    current: Option<&Representation>,
    head: &mut ResponseHead,
) {
    head.reset(verdict.status);
    if let Some(location) = location {
        head.push(FieldName::Location, Value::Text(location.into_boxed_str()));
    }
    if let Some(current) = current {
        head.push(FieldName::ETag, Value::Tag(current.tag));
        head.push(FieldName::LastModified, Value::Date(current.modified.unix()));
    }
}

/// Writes the fields of an answer to a submission that is stored: where it is read, if it is, and what it is.
pub fn submitted(
    verdict: &Verdict,
    shown: Option<(String, Representation)>,
    request_id: &str,
    head: &mut ResponseHead,
) {
    let (location, current) = match shown {
        // Of the others none is about the document.
        Some((location, current)) if verdict.status == Status::CREATED => {
            (Some(location), Some(current))
        }
        Some(_) | None => (None, None),
    };
    written(verdict, location, current.as_ref(), head);
    head.push(FieldName::RequestId, Value::Text(request_id.into()));
}

/// Takes out what the status must not carry, and says what it must carry and does not. An answer that is relayed
/// is its author's: nothing is taken from it, and what it lacks is no fault of ours.
///
/// # Errors
/// The fields that are missing: the answer can't be sent as it is.
pub fn seal(head: &mut ResponseHead) -> Result<(), FieldSet> {
    if head.author == Author::Upstream {
        return Ok(());
    }
    let Some(row) = head.status.row() else { return Ok(()) };
    for name in head.present().and(row.never()).iter() {
        head.remove(name);
    }
    let missing = row.must.without(head.present());
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}

fn vary_by_coding(varies: Varies, head: &mut ResponseHead) {
    if varies == Varies::ByCoding {
        head.push(FieldName::Vary, Value::Static("Accept-Encoding"));
    }
}
