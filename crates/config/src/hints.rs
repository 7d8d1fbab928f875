//! What is meant by keys that stand in no table here: keys of another table, and what other servers call
//! things.

use toml::de::DeValue;
use wherefore_message::Status;

use crate::keys::scopes;
use crate::kind::Scope;
use crate::value::refusal;

/// What other servers call things, or what a newcomer may try, and what to write here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("root", "a route's files are its `folder`"),
    ("alias", "a route's files are its `folder`, whatever its path"),
    ("autoindex", "`listing = true` shows what a folder holds"),
    ("try_files", "`try = [\"file\", \"index\", \"/index.html\"]`"),
    ("server_name", "a site is called by its host, as in [site.\"example.org\"], with `aliases`"),
    ("location", "a route has a `path`, as in [[site.\"example.org\".route]]"),
    ("proxy_pass", "`gateway = \"http://127.0.0.1:9000\"`"),
    ("reverse_proxy", "`gateway = \"http://127.0.0.1:9000\"`"),
    ("proxy", "`gateway = \"http://127.0.0.1:9000\"`"),
    ("upstream", "`gateway = \"NAME\"`, with `to` in [gateway.NAME]"),
    ("proxy_set_header", "`request-headers = { set = { \"Name\" = \"value\" } }`"),
    ("header_up", "`request-headers = { set = { \"Name\" = \"value\" } }`"),
    ("proxy_hide_header", "`response-headers = { drop = [\"Name\"] }`"),
    ("header_down", "`response-headers = { set = { \"Name\" = \"value\" } }`"),
    ("proxy_connect_timeout", "`connect-time = \"5s\"`"),
    (
        "proxy_read_timeout",
        "`answer-time = \"60s\"` until an answer begins, `pause-time = \"60s\"` within it",
    ),
    ("proxy_send_timeout", "`send-time = \"60s\"`"),
    ("proxy_buffering", "`buffer = \"64KiB\"`"),
    ("sub_filter", "`transform = { replace = { \"old\" = \"new\" } }`"),
    ("proxy_redirect", "`rewrite-locations = true`, which it is anyway"),
    ("proxy_next_upstream", "`retries = 2`"),
    ("lb_policy", "`balance = \"least\"`"),
    ("max_fails", "`unhealthy-after = 3`"),
    ("fail_timeout", "`unhealthy-time = \"10s\"`"),
    ("max_conns", "`max-requests = 100`"),
    ("health_uri", "`check = { path = \"/health\" }`"),
    ("fastcgi_pass", "there is no FastCGI; the application's own HTTP port is the way"),
    ("add_header", "`headers = { \"Name\" = \"value\" }`"),
    ("header", "`headers = { \"Name\" = \"value\" }`"),
    ("error_page", "`error-pages = { 404 = \"FILE\" }`"),
    ("expires", "`cache-control = \"max-age=3600\"`"),
    ("gzip", "`compress = true`"),
    ("encode", "`compress = true`"),
    ("client_max_body_size", "`content-max = \"10MiB\"`"),
    ("limit_req", "`limit = \"NAME\"`, with [limits.NAME]"),
    ("limit_conn", "`limit = \"NAME\"`, with `at-once` in [limits.NAME]"),
    ("auth_basic", "`auth = { users = \"NAME\" }`, with [users.NAME]"),
    ("basic_auth", "`auth = { users = \"NAME\" }`, with [users.NAME]"),
    ("deny", "`auth = { networks = [...] }` says who may; `blocked` is for demands of the law"),
    ("port", "`listen = \"0.0.0.0:80\"` in [server]"),
];

/// Keys by which people would set a status by its number.
const STATUS_KEYS: [&str; 5] = ["status", "return", "code", "respond", "response"];

/// What is meant by a key that people know from elsewhere.
pub(crate) fn habit(name: &str, value: Option<&DeValue<'_>>) -> Option<String> {
    if STATUS_KEYS.contains(&name) {
        return Some(no_status(value));
    }
    let (_, hint) = ELSEWHERE.iter().find(|(known, _)| *known == name)?;
    Some((*hint).to_owned())
}

/// Which other tables have the key.
pub(crate) fn other_table(name: &str, scope: &Scope) -> Option<String> {
    let tables: Vec<_> = scopes()
        .into_iter()
        .filter(|other| other.name != scope.name && other.rows.iter().any(|row| row.name == name))
        .map(|other| other.name)
        .collect();
    let is_known = !tables.is_empty();
    is_known.then(|| format!("`{name}` is a key of {}", tables.join(" and of ")))
}

/// Why no status is set by its number, and why this one least of all.
fn no_status(value: Option<&DeValue<'_>>) -> String {
    let number = match value {
        Some(DeValue::Integer(number)) => number.as_str().parse().ok(),
        Some(DeValue::String(text)) => text.parse().ok(),
        _ => None,
    };
    let why = number.and_then(Status::new).and_then(refusal).map(|why| format!("{why}; "));
    format!(
        "{}no status is set by its number, each comes of its situation: `redirect`, `see-other`, \
         `gone`, `blocked`, `maintenance`, ...",
        why.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_keys_that_there_are() {
        let all = scopes();
        let is_key = |name: &str| all.iter().any(|scope| scope.row(name).is_some());
        for (elsewhere, hint) in ELSEWHERE {
            assert!(!is_key(elsewhere), "{elsewhere} is a key here");
            for quoted in hint.split('`').skip(1).step_by(2) {
                let name = quoted.split(' ').next().unwrap();
                assert!(is_key(name), "{hint}: {name}");
            }
        }
        assert!(!STATUS_KEYS.iter().any(|name| is_key(name)));
    }
}
