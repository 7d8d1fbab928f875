//! CORS over the whole of a small domain, against a second and naive transcription of the Fetch standard's CORS protocol.

use wherefore_decide::policy::Cors;
use wherefore_decide::policy::cors::{Credentials, Origins};
use wherefore_message::problem::ProblemForm;
use wherefore_message::{FieldName, Method, MethodSet};

use crate::answers::Answer;
use crate::ask::{Asked, file};
use crate::policies::{cors, guarded, these};

const METHODS: [&str; 4] = ["OPTIONS", "GET", "POST", "PUT"];
const FRIEND: &str = "http://friend.example";

/// The lines of `Origin`.
const ORIGINS: [&[&str]; 6] = [
    &[],
    &[FRIEND],
    &["http://evil.example"],
    &["null"],
    &[FRIEND, "http://evil.example"],
    &["HTTP://friend.example"],
];
const ASKED_FOR: [Option<&str>; 2] = [None, Some("DELETE")];

fn policies() -> Vec<Cors> {
    let mut all = Vec::new();
    for origins in [Origins::Any, these(&["https://other.example", FRIEND]), these(&[])] {
        for credentials in [Credentials::Omitted, Credentials::Included] {
            for methods in [None, Some(MethodSet::of(&[Method::Get, Method::Delete]))] {
                for request_fields in ["", "content-type, x-key"] {
                    for response_fields in [None, Some("etag".into())] {
                        all.push(Cors {
                            methods,
                            request_fields: request_fields.into(),
                            response_fields,
                            ..cors(origins.clone(), credentials)
                        });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn every_combination_is_answered_as_the_standard_says() {
    let mut cases = 0;
    for policy in policies() {
        let site = guarded(|route| route.cors = Some(policy.clone()));
        for method in METHODS {
            for origins in ORIGINS {
                for asked_for in ASKED_FOR {
                    let mut asked = Asked::new(method, "/a").in_site(site.clone());
                    for origin in origins {
                        asked = asked.with("Origin", origin);
                    }
                    if let Some(method) = asked_for {
                        asked = asked.with("Access-Control-Request-Method", method);
                    }
                    let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
                    let case = (&policy, method, origins, asked_for);
                    let only = if let [one] = origins { Some(*one) } else { None };
                    let is_preflight = method == "OPTIONS" && only.is_some() && asked_for.is_some();
                    let is_allowed = only.filter(|origin| allows(&policy, origin));
                    let is_answer = ["preflight", "preflight-origin"].contains(&answer.rule());
                    assert_eq!(is_answer, is_preflight, "{case:?}");
                    if is_preflight {
                        let wanted = if is_allowed.is_some() { 204 } else { 403 };
                        assert_eq!(answer.status().code(), wanted, "{case:?}");
                    }
                    shared(&answer, &policy, is_allowed, is_preflight, &format!("{case:?}"));
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 3 * 2 * 2 * 2 * 2 * 4 * 6 * 2);
}

/// Origins are octets, and compare as such.
fn allows(policy: &Cors, origin: &str) -> bool {
    match &policy.origins {
        Origins::Any => true,
        Origins::These(these) => these.iter().any(|other| **other == *origin),
    }
}

/// The fields by which the answer is shared, each in at most one line.
fn shared(answer: &Answer, policy: &Cors, allowed: Option<&str>, is_preflight: bool, case: &str) {
    let value = |name| {
        assert!(answer.lines(name) < 2, "{case}");
        answer.value(name)
    };
    // Where everyone may read it, it says so to everyone, also to those that do not ask: a cache may give to
    // one what it has from the other.
    let is_open = policy.origins == Origins::Any && policy.credentials == Credentials::Omitted;
    let origin = if is_open { Some("*") } else { allowed };
    assert_eq!(value(FieldName::AccessControlAllowOrigin).as_deref(), origin, "{case}");
    assert_eq!(answer.has_member(FieldName::Vary, "Origin"), !is_open, "{case}");

    let is_shared = origin.is_some();
    let with_credentials = is_shared && policy.credentials == Credentials::Included;
    let told = value(FieldName::AccessControlAllowCredentials);
    assert_eq!(told.as_deref(), with_credentials.then_some("true"), "{case}");

    let methods = match policy.methods {
        None => "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH",
        Some(_) => "GET, DELETE",
    };
    let permits = is_shared && is_preflight;
    let told = value(FieldName::AccessControlAllowMethods);
    assert_eq!(told.as_deref(), permits.then_some(methods), "{case}");
    let told = value(FieldName::AccessControlMaxAge);
    assert_eq!(told.as_deref(), permits.then_some("600"), "{case}");
    let fields =
        (permits && !policy.request_fields.is_empty()).then(|| policy.request_fields.to_string());
    assert_eq!(value(FieldName::AccessControlAllowHeaders), fields, "{case}");
    let exposed = (is_shared && !is_preflight).then(|| policy.response_fields.clone()).flatten();
    let told = value(FieldName::AccessControlExposeHeaders);
    assert_eq!(told.as_deref(), exposed.as_deref(), "{case}");
    assert_eq!(answer.sealed, Ok(()));
}

/// An origin is visible ASCII (RFC 6454 §6.2); what is none is never repeated.
#[test]
fn what_is_no_origin_is_not_repeated() {
    let policy = cors(Origins::Any, Credentials::Included);
    let site = guarded(|route| route.cors = Some(policy.clone()));
    for origin in ["http://caf\u{e9}.example", "http://a b.example", "", "\u{ff}"] {
        let asked = Asked::new("GET", "/a").in_site(site.clone()).with("Origin", origin);
        let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
        assert_eq!(answer.value(FieldName::AccessControlAllowOrigin), None, "{origin:?}");
        assert!(answer.has_member(FieldName::Vary, "Origin"));
    }
}
