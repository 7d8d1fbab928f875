//! The rules of who asks over the whole of a small domain, against a second and naive transcription of RFC 9110 §11.6.1,
//! RFC 7617 §2, RFC 6750 §3 and of what hiding means.

use wherefore_decide::policy::Auth;
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_message::FieldName;
use wherefore_message::problem::ProblemForm;

use crate::answers::Answer;
use crate::ask::{Asked, file};
use crate::policies::{Sent, auth, guarded};

const REALM: &str = r#"realm="the \"inner\" room""#;
const FIELDS: [Option<&str>; 4] = [None, Some("Basic YTpi"), Some("bEARER x"), Some("Digest y")];

/// Each with whether it is who may ask by a group, and by a name.
fn sent() -> Vec<(Sent, bool, bool)> {
    let known = |name, groups: &[&str]| {
        Sent::Known(name, groups.iter().map(|group| (*group).to_owned()).collect())
    };
    vec![
        (Sent::None, false, false),
        (Sent::Malformed("it is cut off"), false, false),
        (Sent::Wrong("it has run out"), false, false),
        (Sent::Busy(0), false, false),
        (Sent::Busy(9), false, false),
        (Sent::TooMany(0), false, false),
        (Sent::TooMany(60), false, false),
        (known("ann", &[]), false, true),
        (known("bob", &[]), false, false),
        (known("bob", &["guests", "staff"]), true, false),
        (known("staff", &["ann"]), false, false),
        (known("ann", &["staff"]), true, true),
    ]
}

#[test]
fn every_combination_is_decided_as_the_rfcs_say() {
    let mut cases = 0;
    for (credentials, in_group, is_named) in sent() {
        for taken in [(true, false), (false, true), (true, true)] {
            for groups in [&[][..], &["staff"]] {
                for users in [&[][..], &["ann"]] {
                    for refusal in [RefusedAs::Forbidden, RefusedAs::Missing] {
                        for field in FIELDS {
                            let rules = Auth {
                                basic: if taken.0 { vec![0, 2] } else { Vec::new() },
                                bearer: if taken.1 { vec![1] } else { Vec::new() },
                                groups: groups.iter().map(|group| (*group).into()).collect(),
                                users: users.iter().map(|user| (*user).into()).collect(),
                                ..auth(refusal)
                            };
                            let answer = engine(rules.clone(), &credentials, field);
                            let may = (groups.is_empty() && users.is_empty())
                                || (!groups.is_empty() && in_group)
                                || (!users.is_empty() && is_named);
                            let wanted = transcribed(&credentials, may, refusal);
                            let case = (&credentials, &rules, field);
                            assert_eq!(answer.status().code(), wanted, "{case:?}");
                            let bearer = field == FIELDS[2];
                            let wanted = challenges(&credentials, wanted, taken, bearer);
                            let told = answer.value(FieldName::WwwAuthenticate);
                            assert_eq!(told.unwrap_or_default(), wanted, "{case:?}");
                            stored(&answer, refusal);
                            waits(&answer, &credentials);
                            cases += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 12 * 3 * 2 * 2 * 2 * 4);
}

fn engine(rules: Auth, credentials: &Sent, field: Option<&'static str>) -> Answer {
    let mut asked = Asked::new("GET", "/a").in_site(guarded(|route| route.auth = Some(rules)));
    asked.told.credentials = credentials.clone();
    if let Some(field) = field {
        asked = asked.with("Authorization", field);
    }
    asked.answer(&file(), ProblemForm::Json).unwrap()
}

fn transcribed(credentials: &Sent, may: bool, refusal: RefusedAs) -> u16 {
    match credentials {
        Sent::None | Sent::Wrong(_) => 401,
        Sent::Malformed(_) => 400,
        Sent::TooMany(_) => 429,
        Sent::Busy(_) => 503,
        Sent::Known(..) if may => 200,
        Sent::Known(..) => match refusal {
            RefusedAs::Forbidden => 403,
            RefusedAs::Missing => 404,
        },
    }
}

/// RFC 9110 §15.5.2: a 401 has a challenge for each scheme. RFC 6750 §3: so has whatever answers a token that
/// does not enable access, with the error of §3.1; without a token nothing is said of errors.
fn challenges(
    credentials: &Sent,
    code: u16,
    (basic, bearer): (bool, bool),
    sent_bearer: bool,
) -> String {
    let error = match (code, credentials) {
        (400, _) => r#", error="invalid_request", error_description="it is cut off""#,
        (401, Sent::Wrong(_)) => r#", error="invalid_token", error_description="it has run out""#,
        (403, _) => {
            r#", error="insufficient_scope", error_description="the user is known, and is not among those who may ask""#
        }
        _ => "",
    };
    let mut all = Vec::new();
    if basic && code == 401 {
        all.push(format!("Basic {REALM}, charset=\"UTF-8\""));
    }
    if bearer && (code == 401 || (sent_bearer && matches!(code, 400 | 403))) {
        all.push(format!("Bearer {REALM}{}", if sent_bearer { error } else { "" }));
    }
    all.join(", ")
}

/// All but the representation depends on who asks.
fn stored(answer: &Answer, refusal: RefusedAs) {
    let told = answer.value(FieldName::CacheControl);
    let wanted = (answer.status().code() != 200).then_some("no-store");
    assert_eq!(told.as_deref(), wanted, "{} {refusal:?}", answer.status());
    assert_eq!(answer.sealed, Ok(()));
}

fn waits(answer: &Answer, credentials: &Sent) {
    let wanted = match credentials {
        Sent::Busy(0) | Sent::TooMany(0) => Some("1"),
        Sent::Busy(_) => Some("9"),
        Sent::TooMany(_) => Some("60"),
        _ => None,
    };
    assert_eq!(answer.value(FieldName::RetryAfter).as_deref(), wanted);
}

/// RFC 6750 §3.1, `invalid_request`: two lines are one that can't be read, and one of them was a token.
#[test]
fn a_token_beside_other_credentials_is_told_that_it_is_too_many() {
    let site = guarded(|route| route.auth = Some(auth(RefusedAs::Forbidden)));
    let mut asked = Asked::new("GET", "/a").in_site(site);
    asked.told.credentials = Sent::Malformed("there are two lines");
    let asked = asked.with("Authorization", "Basic YTpi").with("Authorization", "Bearer x");
    let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
    let told = answer.value(FieldName::WwwAuthenticate).unwrap();
    assert!(told.starts_with("Bearer ") && told.contains("invalid_request"), "{told}");
}

/// RFC 9110 §15.5.4: an origin that hides answers 404, and octet for octet the 404 that the route answers with anyway.
#[test]
fn a_hidden_resource_is_a_missing_one() {
    use crate::answers::FORMS;
    use crate::ask::missing;
    use crate::policies::{RATE, cors, limit, networks, price, these};
    use wherefore_decide::facts::Parent;
    use wherefore_decide::policy::allowance::By;
    use wherefore_decide::policy::cors::Credentials;
    let site = guarded(|route| {
        route.gate.from = Some(networks("192.0.2.0/24"));
        route.gate.refusal = RefusedAs::Missing;
        route.auth = Some(auth(RefusedAs::Missing));
        route.limits = vec![limit("net", By::Network, RATE), limit("user", By::User, RATE)];
        route.price = Some(price());
        route.cors = Some(cors(these(&["http://friend.example"]), Credentials::Included));
    });
    for method in ["GET", "HEAD", "DELETE"] {
        for form in FORMS {
            let mut asked = Asked::new(method, "/a")
                .in_site(site.clone())
                .with("Origin", "http://friend.example")
                .with("Authorization", "Bearer x");
            asked.client.address = Some([192, 0, 2, 7].into());
            let mut other = asked.clone();
            other.told.credentials = Sent::Known("eve", Vec::new());
            let mut outside = asked.clone();
            outside.client.address = Some([198, 51, 100, 7].into());
            let nothing = missing(Parent::Folder, None);
            let plain = asked.answer(&nothing, form).unwrap();
            for found in [file(), nothing] {
                for (hidden, rule) in [(&other, "allowed"), (&outside, "network")] {
                    let hidden = hidden.answer(&found, form).unwrap();
                    assert_eq!(hidden.rule(), rule);
                    assert_eq!(hidden.status(), plain.status());
                    assert_eq!(hidden.written(), plain.written());
                }
            }
            assert_eq!(plain.rule(), "missing");
        }
    }
}

/// Who is asked for some methods alone is not asked for the others, whoever it is.
#[test]
fn methods_without_auth_ask_for_nothing() {
    use wherefore_message::{Announced, Method, MethodSet};
    let writes = MethodSet::of(&[Method::Put, Method::Delete]);
    let site = guarded(|route| {
        route.auth = Some(Auth { methods: Some(writes), ..auth(RefusedAs::Missing) });
    });
    for (credentials, _, _) in sent() {
        for (method, is_asked) in
            [("GET", false), ("HEAD", false), ("OPTIONS", false), ("PUT", true), ("DELETE", true)]
        {
            let mut asked = Asked::new(method, "/a").in_site(site.clone());
            asked.announced =
                if method == "PUT" { Announced::Length(1) } else { Announced::Nothing };
            asked.told.credentials = credentials.clone();
            let rule = asked.answer(&file(), ProblemForm::Json).map(|answer| answer.rule());
            let goes_on = rule.is_none_or(|rule| ["representation", "options"].contains(&rule));
            let may = matches!(&credentials, Sent::Known(_, groups) if groups.iter().any(|group| group == "staff"));
            assert_eq!(goes_on, !is_asked || may, "{method} {credentials:?}: {rule:?}");
        }
    }
}
