//! Challenges: in a 401 one for each scheme that is taken (RFC 9110 §11.6.1), and in whatever answers a token
//! that does not enable access, the error (RFC 6750 §3).

use wherefore_message::{FieldName, ResponseHead, Status, Value};

use crate::policy::Auth;
use crate::reply::Setting;
use crate::rule::Witness;

/// Writes the challenges of the route that this answer is to carry.
pub(super) fn push(setting: &Setting<'_>, head: &mut ResponseHead) {
    let Some(auth) = setting.matched.and_then(|matched| matched.route.auth.as_ref()) else {
        return;
    };
    match (setting.verdict.status, setting.verdict.because.id) {
        (Status::UNAUTHORIZED, _) => {
            if !auth.basic.is_empty() {
                let realm = quoted(&auth.realm);
                let challenge = format!("Basic realm={realm}, charset=\"UTF-8\"");
                head.push(FieldName::WwwAuthenticate, Value::Text(challenge.into_boxed_str()));
            }
            bearer(setting, auth, "invalid_token", head);
            if auth.ask.is_some() {
                // What is taken only those know who were asked. This makes no browser ask for a password.
                let challenge = format!("Bearer realm={}", quoted(&auth.realm));
                head.push(FieldName::WwwAuthenticate, Value::Text(challenge.into_boxed_str()));
            }
        }
        (Status::BAD_REQUEST, "credentials-form") if sent_bearer(setting) => {
            bearer(setting, auth, "invalid_request", head);
        }
        (Status::FORBIDDEN, "allowed") if sent_bearer(setting) => {
            bearer(setting, auth, "insufficient_scope", head);
        }
        _ => {}
    }
}

/// RFC 6750 §3: a request without a token is told nothing of errors.
fn bearer(setting: &Setting<'_>, auth: &Auth, error: &str, head: &mut ResponseHead) {
    if auth.bearer.is_empty() {
        return;
    }
    let mut challenge = format!("Bearer realm={}", quoted(&auth.realm));
    if let (Witness::Who(why), true) = (setting.verdict.witness, sent_bearer(setting)) {
        let error = format!(", error=\"{error}\", error_description={}", quoted(why));
        challenge.push_str(&error);
    }
    head.push(FieldName::WwwAuthenticate, Value::Text(challenge.into_boxed_str()));
}

/// Whether any of the credentials that were sent is a token.
fn sent_bearer(setting: &Setting<'_>) -> bool {
    let is_bearer =
        |sent: &[u8]| sent.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    setting
        .request
        .is_some_and(|request| request.fields.all(FieldName::Authorization).any(is_bearer))
}

/// A quoted string (RFC 9110 §5.6.4) of visible ASCII and spaces; anything else is left out.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ') {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}
