//! The challenges of a 401: one for each scheme that is taken (RFC 9110 §11.6.1).

use wherefore_message::{FieldName, ResponseHead, Value};

use crate::reply::Setting;
use crate::rule::Witness;

/// Writes a challenge for each scheme of the route.
pub(super) fn push(setting: &Setting<'_>, head: &mut ResponseHead) {
    let Some(auth) = setting.matched.and_then(|matched| matched.route.auth.as_ref()) else {
        return;
    };
    let realm = quoted(&auth.realm);
    if !auth.basic.is_empty() {
        let challenge = format!("Basic realm={realm}, charset=\"UTF-8\"");
        head.push(FieldName::WwwAuthenticate, Value::Text(challenge.into_boxed_str()));
    }
    if !auth.bearer.is_empty() {
        let mut challenge = format!("Bearer realm={realm}");
        // RFC 6750 §3: a request without a token is told nothing of errors.
        if let (Witness::Who(why), true) = (setting.verdict.witness, sent_bearer(setting)) {
            challenge.push_str(", error=\"invalid_token\", error_description=");
            challenge.push_str(&quoted(why));
        }
        head.push(FieldName::WwwAuthenticate, Value::Text(challenge.into_boxed_str()));
    }
}

fn sent_bearer(setting: &Setting<'_>) -> bool {
    let sent = setting.request.and_then(|request| request.fields.only(FieldName::Authorization));
    sent.and_then(|sent| sent.get(..7))
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

/// A quoted string (RFC 9110 §5.6.4) of visible ASCII and spaces; anything else is left out.
fn quoted(text: &str) -> String {
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
