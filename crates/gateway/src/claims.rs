//! Names by which a sender claims who it is, how it came, or that it asked for something else.

/// Families of such names, by how they begin.
const BEGINNINGS: &[&[u8]] = &[b"x-forwarded-", b"x-accel-", b"x-envoy-", b"x-original-"];

/// Such names, beside those that begin so.
const NAMES: &[&[u8]] = &[
    b"cf-connecting-ip",
    b"client-ip",
    b"fastly-client-ip",
    // What programs that take fields for variables of their environment would call by `HTTP_PROXY`.
    b"proxy",
    b"remote-addr",
    b"remote-user",
    b"true-client-ip",
    b"x-client-ip",
    b"x-cluster-client-ip",
    b"x-host",
    b"x-http-host-override",
    b"x-remote-user",
    b"x-rewrite-url",
];

/// Whether nobody but a trusted proxy may send a field of this name, which is none that is known.
///
/// Names with an underscore are such, since many programs take it and the hyphen for the same: what is dropped by one
/// name would come in by the other.
pub(crate) fn is_claim(name: &[u8]) -> bool {
    if name.contains(&b'_') {
        return true;
    }
    let begins = |beginning: &&[u8]| {
        name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    };
    let is_suspect = name.first().is_some_and(|first| b"xcfprt".contains(&(first | 0x20)));
    is_suspect
        && (BEGINNINGS.iter().any(begins)
            || NAMES.iter().any(|claim| claim.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims() {
        for name in NAMES {
            assert!(is_claim(name) && is_claim(&name.to_ascii_uppercase()));
        }
        for name in ["X-Forwarded-User", "x-forwarded-", "X_Real_IP", "a_b", "X-Original-URL"] {
            assert!(is_claim(name.as_bytes()), "{name}");
        }
        for name in ["X-Forwarded", "X-Requested-With", "Proxy-Foo", "Remote", "", "DNT"] {
            assert!(!is_claim(name.as_bytes()), "{name}");
        }
    }
}
