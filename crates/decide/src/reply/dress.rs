//! What the route, or else the site, adds to an answer once it is made: the operator's fields, what CORS and limits tell. It
//! changes no status, and nothing that a status must carry.

use std::sync::Arc;

use wherefore_message::{FieldName, Method, Request, ResponseHead, Status, Value};

use crate::gate::Scheme;
use crate::policy::allowance::{By, LimitKind};
use crate::policy::cors::{Credentials, Origins};
use crate::policy::{Cors, Dress, Route};
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
    for (name, value) in &dress.known {
        if is_settable(*name, head) {
            head.set(*name, Value::Shared(Arc::clone(value)));
        }
    }
    let Some(route) = route else { return };
    if let Some(cors) = &route.cors {
        allow(route, cors, request, head);
    }
    if !left.is_empty() {
        tell_limits(route, left, head);
    }
}

/// Whether the operator's value is taken. What an error says of caching is the rule's word, and pages of
/// ours keep the policy that they were written for.
fn is_settable(name: FieldName, head: &ResponseHead) -> bool {
    match name {
        FieldName::CacheControl | FieldName::Expires | FieldName::Age => !head.status.is_error(),
        FieldName::ContentSecurityPolicy | FieldName::Link | FieldName::Vary => {
            !head.present().has(name)
        }
        _ => true,
    }
}

/// The fields by which a browser lets a script have the answer.
fn allow(route: &Route, cors: &Cors, request: &Request<'_>, head: &mut ResponseHead) {
    let any = cors.origins == Origins::Any && cors.credentials == Credentials::Omitted;
    if !any {
        vary_by_origin(head);
    }
    let Some(origin) = request.fields.only(FieldName::Origin).filter(|origin| cors.allows(origin))
    else {
        return;
    };
    let origin = if any { Value::Static("*") } else { text(&String::from_utf8_lossy(origin)) };
    head.push(FieldName::AccessControlAllowOrigin, origin);
    if cors.credentials == Credentials::Included {
        head.push(FieldName::AccessControlAllowCredentials, Value::Static("true"));
    }
    let is_preflight = request.method == Method::Options
        && request.fields.has(FieldName::AccessControlRequestMethod);
    if is_preflight {
        let methods = cors.methods.unwrap_or_else(|| route.offered());
        head.push(FieldName::AccessControlAllowMethods, Value::Methods(methods));
        if !cors.request_fields.is_empty() {
            let fields = Value::Shared(Arc::clone(&cors.request_fields));
            head.push(FieldName::AccessControlAllowHeaders, fields);
        }
        head.push(FieldName::AccessControlMaxAge, Value::Number(cors.max_age_seconds));
    } else if let Some(fields) = &cors.response_fields {
        head.push(FieldName::AccessControlExposeHeaders, Value::Shared(Arc::clone(fields)));
    }
}

fn vary_by_origin(head: &mut ResponseHead) {
    let vary = match head.value(FieldName::Vary) {
        None => "Origin".to_owned(),
        Some(value) => format!("{value}, Origin"),
    };
    head.set(FieldName::Vary, text(&vary));
}

/// `RateLimit-Policy` and `RateLimit`, before the wall and at it.
fn tell_limits(route: &Route, left: &[Left], head: &mut ResponseHead) {
    let (mut policy, mut state) = (String::new(), String::new());
    // Nothing is taken from a user's limits before that user may ask: of what is hidden they would tell.
    let is_hiding = head.status == Status::NOT_FOUND && route.hides();
    for left in left {
        let Some(limit) = route.limits.get(usize::from(left.limit)) else { continue };
        if is_hiding && limit.by == By::User {
            continue;
        }
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
        head.push(FieldName::RateLimitPolicy, text(&policy));
        head.push(FieldName::RateLimit, text(&state));
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}
