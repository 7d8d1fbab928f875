//! `Set-Cookie` of an upstream that stands elsewhere for its clients: the path and the domain of a cookie
//! (RFC 6265 §4.1).

use wherefore_message::token::trim;

use super::Policy;

/// The value with the path and the domain that the policy gives it; none if it stays as it is.
pub(super) fn rewritten(policy: &Policy, value: &[u8]) -> Option<Vec<u8>> {
    if policy.cookie_paths.is_empty() && policy.cookie_domains.is_empty() {
        return None;
    }
    let mut parts = value.split(|octet| *octet == b';');
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let (name, given) = match part.iter().position(|octet| *octet == b'=') {
            Some(at) => (trim(&part[..at]), trim(&part[at + 1..])),
            None => (trim(part), &b""[..]),
        };
        let changed = if name.eq_ignore_ascii_case(b"Path") {
            path(&policy.cookie_paths, given)
        } else if name.eq_ignore_ascii_case(b"Domain") {
            domain(&policy.cookie_domains, given)
        } else {
            None
        };
        match changed {
            None => out.extend_from_slice(&[b";", part].concat()),
            Some(changed) if changed.is_empty() => {}
            Some(changed) => out.extend_from_slice(&[b"; ", name, b"=", &*changed].concat()),
        }
    }
    Some(out)
}

fn path(table: &[(Box<str>, Box<str>)], given: &[u8]) -> Option<Vec<u8>> {
    // A slash at the end says nothing more of either: what follows begins with one.
    let bare = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
    table.iter().find_map(|(from, to)| {
        let rest = match given.strip_prefix(from.as_bytes()) {
            Some(whole @ []) => whole,
            _ => given.strip_prefix(bare(from).as_bytes())?,
        };
        let is_whole = rest.is_empty() || rest.starts_with(b"/");
        let path = [bare(to).as_bytes(), rest].concat();
        is_whole.then(|| if path.is_empty() { b"/".to_vec() } else { path })
    })
}

fn domain(table: &[(Box<str>, Box<str>)], given: &[u8]) -> Option<Vec<u8>> {
    // A dot before it means nothing (RFC 6265 §5.2.3).
    let given = given.strip_prefix(b".").unwrap_or(given);
    let found = table.iter().find(|(from, _)| from.as_bytes().eq_ignore_ascii_case(given));
    found.map(|(_, to)| to.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies() {
        let mut policy = Policy::new(&crate::forward::Policy::new("us"));
        assert_eq!(rewritten(&policy, b"a=b; Path=/"), None);
        policy.cookie_paths = vec![("/app".into(), "/shop".into()), ("/old".into(), "".into())];
        policy.cookie_domains =
            vec![("app.local".into(), "shop.example".into()), ("gone".into(), "".into())];
        for (from, to) in [
            ("a=b; Path=/app; HttpOnly", "a=b; Path=/shop; HttpOnly"),
            ("a=b;path = /app/x", "a=b; path=/shop/x"),
            ("a=b; Path=/apple", "a=b; Path=/apple"),
            ("a=b; Path=/old", "a=b; Path=/"),
            ("a=b; Domain=.APP.local; Secure", "a=b; Domain=shop.example; Secure"),
            ("a=b; Domain=gone; Secure", "a=b; Secure"),
            ("a=Path=/app", "a=Path=/app"),
            ("", ""),
            (";;Path", ";;Path"),
        ] {
            let found = rewritten(&policy, from.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), to, "{from}");
        }
    }

    #[test]
    fn a_slash_at_the_end_of_either_path_is_no_other_path() {
        let mut policy = Policy::new(&crate::forward::Policy::new("us"));
        for (from, to, given, path) in [
            ("/app", "/", "/app", "/"),
            ("/app", "/", "/app/admin", "/admin"),
            ("/app/", "/", "/app/admin", "/admin"),
            ("/app/", "/shop", "/app", "/shop"),
            ("/", "/shop", "/", "/shop"),
            ("/", "/shop", "/a", "/shop/a"),
            ("/", "/shop/", "/a", "/shop/a"),
            ("/", "/", "/a", "/a"),
            ("/app/", "/", "/apple", "/apple"),
        ] {
            policy.cookie_paths = vec![(from.into(), to.into())];
            let found = rewritten(&policy, format!("a=b; Path={given}").as_bytes()).unwrap();
            let expected = format!("a=b; Path={path}");
            assert_eq!(String::from_utf8(found).unwrap(), expected, "{from} {to} {given}");
        }
    }
}
