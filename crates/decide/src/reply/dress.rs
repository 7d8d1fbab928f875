//! What the route, or else the site, adds to an answer once it is made: the operator's fields, what CORS and limits tell. It
//! changes no status, and nothing that a status must carry.

use std::sync::Arc;

use wherefore_message::response::Author;
use wherefore_message::{FieldName, FieldSet, Request, ResponseHead, Status, Value, list};

use crate::gate::Scheme;
use crate::policy::allowance::LimitKind;
use crate::policy::cors::{Credentials, Origins};
use crate::policy::dress::OURS_ALONE;
use crate::policy::{Cors, Dress, Limit, Route};
use crate::preflight::is_preflight;
use crate::reply::challenge::quoted;

/// What is left of a limit after a request took from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its place among the route's limits.
    pub limit: u16,
    /// How many requests are left at once.
    pub count: u64,
    /// In how many seconds all of them are.
    pub reset_seconds: u64,
}

/// Whether a route that is dressed like this may add anything to an answer.
#[must_use]
pub fn may_add(dress: &Dress, route: &Route) -> bool {
    !dress.is_plain() || route.cors.is_some() || !route.limits.is_empty()
}

/// Adds to a finished head what the route adds, or else the site.
pub fn dress(
    dress: &Dress,
    route: Option<&Route>,
    request: &Request<'_>,
    scheme: Scheme,
    left: &[Left],
    head: &mut ResponseHead,
) {
    if let Some(lines) = &dress.lines {
        head.add_lines(lines);
    }
    if let (Some(lines), Scheme::Https) = (&dress.secure_lines, scheme) {
        head.add_lines(lines);
    }
    let cors = route.and_then(|route| route.cors.as_ref());
    for (name, value) in &dress.known {
        if *name == FieldName::Vary {
            vary_by(value, head);
        } else if is_settable(*name, head) && !(cors.is_some() && SHARING.has(*name)) {
            head.set(*name, Value::Shared(Arc::clone(value)));
        }
    }
    let Some(route) = route else { return };
    if let Some(cors) = cors {
        allow(route, cors, request, head);
    }
    // Nothing is taken from limits for those from whom it is hidden: what is left would tell them.
    let is_hiding = head.status == Status::NOT_FOUND && route.hides();
    if !is_hiding {
        tell_limits(&route.limits, left, head);
    }
}

/// What scripts of other origins may do is said by the route's policy for them, where it has one.
const SHARING: FieldSet = FieldSet::of(&[
    FieldName::AccessControlAllowCredentials,
    FieldName::AccessControlAllowHeaders,
    FieldName::AccessControlAllowMethods,
    FieldName::AccessControlAllowOrigin,
    FieldName::AccessControlExposeHeaders,
    FieldName::AccessControlMaxAge,
]);

const OURS: FieldSet = FieldSet::of(OURS_ALONE);

/// Whether the operator's value is taken. What says what the answer is, is the rule's word: so is what an
/// error says of caching, and pages of ours keep the policy that they were written for. Of an upstream's answer the
/// operator's word counts.
fn is_settable(name: FieldName, head: &ResponseHead) -> bool {
    match name {
        _ if OURS.has(name) => false,
        _ if head.status.row().is_some_and(|row| row.must.has(name)) => false,
        FieldName::ContentType if head.author == Author::Upstream => is_whole(head),
        _ if head.author == Author::Upstream => true,
        FieldName::CacheControl | FieldName::Expires | FieldName::Age => {
            !head.status.is_error() && !is_of_the_moment(head)
        }
        FieldName::ContentSecurityPolicy | FieldName::Link | FieldName::XContentTypeOptions => {
            !head.present().has(name)
        }
        FieldName::ContentType => is_one_representation(head),
        _ => true,
    }
}

/// Whether the answer is another one whenever it is asked for, as a monitor's is.
fn is_of_the_moment(head: &ResponseHead) -> bool {
    matches!(head.value(FieldName::CacheControl), Some(Value::Static("no-store")))
}

/// Whether what is sent is a representation and nothing of ours: not an explanation, a listing, an echo, or
/// several parts of a representation.
fn is_one_representation(head: &ResponseHead) -> bool {
    let is_sent = matches!(head.status, Status::OK | Status::PARTIAL_CONTENT);
    let is_in_parts =
        head.status == Status::PARTIAL_CONTENT && !head.present().has(FieldName::ContentRange);
    is_sent && !is_in_parts && head.present().has(FieldName::ETag)
}

/// Whether an upstream's answer has one representation as its content, and not parts of one.
fn is_whole(head: &ResponseHead) -> bool {
    let is_in_parts =
        head.status == Status::PARTIAL_CONTENT && !head.present().has(FieldName::ContentRange);
    !is_in_parts && !head.status.is_error() && head.present().has(FieldName::ContentType)
}

/// The fields by which a browser lets a script have the answer. They are the route's to say, not an upstream's.
fn allow(route: &Route, cors: &Cors, request: &Request<'_>, head: &mut ResponseHead) {
    for name in head.present().and(SHARING).iter() {
        head.remove(name);
    }
    let origin = if cors.origins == Origins::Any && cors.credentials == Credentials::Omitted {
        // Said to everyone, also where nobody asks: a cache may give to a script what it has from a page.
        Value::Static("*")
    } else {
        vary_by("Origin", head);
        // An origin is visible ASCII (RFC 6454 §6.2).
        let sent = request.fields.only(FieldName::Origin).filter(|origin| cors.allows(origin));
        match sent.and_then(|origin| str::from_utf8(origin).ok()) {
            Some(origin) if is_origin(origin) => text(origin),
            Some(_) | None => return,
        }
    };
    head.set(FieldName::AccessControlAllowOrigin, origin);
    if cors.credentials == Credentials::Included {
        head.set(FieldName::AccessControlAllowCredentials, Value::Static("true"));
    }
    if is_preflight(request) {
        let methods = cors.methods.unwrap_or_else(|| route.offered());
        head.set(FieldName::AccessControlAllowMethods, Value::Methods(methods));
        if !cors.request_fields.is_empty() {
            let fields = Value::Shared(Arc::clone(&cors.request_fields));
            head.set(FieldName::AccessControlAllowHeaders, fields);
        }
        head.set(FieldName::AccessControlMaxAge, Value::Number(cors.max_age_seconds));
    } else if let Some(fields) = &cors.response_fields {
        head.set(FieldName::AccessControlExposeHeaders, Value::Shared(Arc::clone(fields)));
    }
}

fn is_origin(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

fn vary_by(name: &str, head: &mut ResponseHead) {
    if head.relayed_values(FieldName::Vary).next().is_some() {
        let is_said = list::members(head.relayed_values(FieldName::Vary))
            .any(|member| member.eq_ignore_ascii_case(name.as_bytes()));
        if !is_said {
            head.relay_known(FieldName::Vary, b"Vary", name.as_bytes());
        }
        return;
    }
    let vary = match head.value(FieldName::Vary) {
        None => name.to_owned(),
        Some(value) => format!("{value}, {name}"),
    };
    head.set(FieldName::Vary, text(&vary));
}

/// `RateLimit-Policy` and `RateLimit`, before the wall and at it.
fn tell_limits(limits: &[Limit], left: &[Left], head: &mut ResponseHead) {
    let (mut policy, mut state) = (String::new(), String::new());
    for left in left {
        let Some(limit) = limits.get(usize::from(left.limit)) else { continue };
        let LimitKind::Rate { count, window_seconds, .. } = limit.kind else { continue };
        for list in [&mut policy, &mut state] {
            if !list.is_empty() {
                list.push_str(", ");
            }
            // A quoted string of this kind is a string of structured fields too (RFC 9651 §3.3.3).
            list.push_str(&quoted(&limit.name));
        }
        policy.push_str(&format!(";q={count};w={window_seconds}"));
        state.push_str(&format!(";r={};t={}", left.count, left.reset_seconds));
    }
    if !policy.is_empty() {
        head.set(FieldName::RateLimitPolicy, text(&policy));
        head.set(FieldName::RateLimit, text(&state));
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
