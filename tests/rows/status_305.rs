//! 305 Use Proxy (RFC 9110 §15.4.6): deprecated, and sent only where the configuration says so against a
//! warning.

use crate::every::holds;
use crate::support::routes;

#[test]
fn what_is_reached_through_a_proxy() {
    let server = routes(&[
        "{ path = '/far/*', use-proxy = 'http://proxy.example:3128' }",
        "{ path = '/*', folder = 'site' }",
    ]);
    server.notice("305 is deprecated");
    for target in ["/far/a", "/far/a?b=c", "/far//evil.example"] {
        let reply = holds(&server, 305, target, "");
        let location = reply.field("location").unwrap();
        assert_eq!(location.trim_end_matches('/'), "http://proxy.example:3128", "{target}");
    }
    let post = server.ask("POST /far/a HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx");
    assert_eq!(post.status, 305);
    assert_eq!(server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").text(), "here");
}
