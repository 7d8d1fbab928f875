//! Scripts of other sites (the Fetch standard): what a browser is told before and after they ask. A preflight
//! brings no credentials, and is answered before any are asked for.

use crate::support::configured::basic;
use crate::support::{Configured, Reply, setup};
use crate::written::get;

const APP: &str = "https://app.example";

fn shared() -> Configured {
    setup().users(&[("anna", "secret")]).serve(
        "[users.staff]\nhtpasswd = 'users'\n[limits.few]\nrate = '2/day'\n\
         [site.localhost]\nroute = [\n\
         { path = '/*', folder = 'site' },\n\
         { path = '/api/*', folder = 'site', writable = true, auth = { users = 'staff' }, \
           cors = { origins = ['https://app.example', 'https://two.example:8443'], \
           methods = ['GET', 'PUT'], headers = ['X-Api-Key', 'If-Match'], expose = 'ETag', \
           credentials = true, max-age = '1h' } },\n\
         { path = '/open/*', folder = 'site', cors = { origins = '*' } },\n\
         { path = '/few/*', folder = 'site', limit = 'few', cors = { origins = '*' } },\n\
         { path = '/moved', redirect = '/file', cors = { origins = '*' } },\n]\n",
    )
}

fn preflight(server: &Configured, target: &str, origin: &str) -> Reply {
    server.ask(&format!(
        "OPTIONS {target} HTTP/1.1\nHost: localhost\nOrigin: {origin}\n\
         Access-Control-Request-Method: PUT\nAccess-Control-Request-Headers: if-match\n\n"
    ))
}

fn varies_by_origin(reply: &Reply) -> bool {
    reply.field("vary").is_some_and(|vary| vary.split(", ").any(|name| name == "Origin"))
}

#[test]
fn a_preflight_is_answered_before_credentials() {
    let server = shared();
    for origin in [APP, "https://two.example:8443"] {
        for target in ["/api/file", "/api/none"] {
            let reply = preflight(&server, target, origin);
            assert_eq!((reply.status, reply.content.len()), (204, 0), "{reply:?}");
            assert_eq!(reply.field("access-control-allow-origin"), Some(origin));
            assert_eq!(reply.field("access-control-allow-methods"), Some("GET, PUT"));
            assert_eq!(reply.field("access-control-allow-headers"), Some("X-Api-Key, If-Match"));
            assert_eq!(reply.field("access-control-allow-credentials"), Some("true"));
            assert_eq!(reply.field("access-control-max-age"), Some("3600"));
            assert!(varies_by_origin(&reply) && !reply.has("content-length"), "{reply:?}");
        }
    }
}

#[test]
fn other_origins_are_refused() {
    let server = shared();
    for origin in [
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.example",
        "https://APP.example",
        "null",
    ] {
        let reply = preflight(&server, "/api/file", origin);
        reply.is(403, "preflight-origin");
        assert!(!reply.has("access-control-allow-origin"), "{origin}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        // A request that needs no preflight is answered, and the browser keeps it from the script.
        let fields = format!("Origin: {origin}\n{}", basic("anna", "secret"));
        let reply = get(&server, "/api/file", &fields);
        assert_eq!((reply.status, reply.field("access-control-allow-origin")), (200, None));
        assert!(varies_by_origin(&reply));
    }
}

/// The script is told of answers of every kind, also of those that refuse it.
#[test]
fn the_request_itself() {
    let server = shared();
    let origin = format!("Origin: {APP}\n");
    let anna = basic("anna", "secret");
    for (target, fields, status) in [
        ("/api/file", format!("{origin}{anna}"), 200),
        ("/api/none", format!("{origin}{anna}"), 404),
        ("/api/file", format!("{origin}{anna}If-None-Match: *\n"), 304),
        ("/api/file", origin, 401),
    ] {
        let reply = get(&server, target, &fields);
        assert_eq!(reply.status, status, "{target}");
        assert_eq!(reply.field("access-control-allow-origin"), Some(APP), "{status}");
        assert_eq!(reply.field("access-control-expose-headers"), Some("ETag"));
        assert!(varies_by_origin(&reply), "{status}");
        assert!(!reply.has("access-control-allow-methods"), "{status}");
    }
    // A write from a page of an origin that is let in is no write across sites.
    let put = |origin: &str| {
        server.ask(&format!(
            "PUT /api/new HTTP/1.1\nHost: localhost\nOrigin: {origin}\n{anna}Content-Length: 1\n\nx"
        ))
    };
    put("https://evil.example").is(403, "cross-site-write");
    assert_eq!(put(APP).status, 201);
}

#[test]
fn any_origin() {
    let server = shared();
    for origin in ["https://evil.example", "null"] {
        let reply = get(&server, "/open/file", &format!("Origin: {origin}\n"));
        assert_eq!(reply.field("access-control-allow-origin"), Some("*"));
        assert!(!reply.has("access-control-allow-credentials") && !varies_by_origin(&reply));
    }
    // What was kept for somebody else serves a script as well.
    let kept = get(&server, "/open/file", "");
    assert_eq!(kept.field("access-control-allow-origin"), Some("*"));
    assert!(!get(&server, "/file", &format!("Origin: {APP}\n")).has("access-control-allow-origin"));
    let moved = get(&server, "/moved", &format!("Origin: {APP}\n"));
    assert_eq!((moved.status, moved.field("access-control-allow-origin")), (302, Some("*")));
}

/// OPTIONS that is no preflight asks for the resource's methods, and is asked who it is.
#[test]
fn what_is_no_preflight() {
    let server = shared();
    for fields in ["", "Origin: https://app.example\n", "Access-Control-Request-Method: PUT\n"] {
        let request =
            |target: &str| format!("OPTIONS {target} HTTP/1.1\nHost: localhost\n{fields}\n");
        server.ask(&request("/api/file")).is(401, "credentials-sent");
        assert!(server.ask(&request("/open/file")).has("allow"));
    }
    // Where nothing is said of other sites, it asks for the methods as well.
    let reply = preflight(&server, "/file", APP);
    assert!(reply.has("allow") && !reply.has("access-control-allow-origin"));
}

/// A limit holds for preflights too, and its answer can be read by the script.
#[test]
fn a_limit_comes_first() {
    let server = shared();
    for status in [204, 204, 429] {
        let reply = preflight(&server, "/few/file", APP);
        assert_eq!(reply.status, status);
        assert_eq!(reply.field("access-control-allow-origin"), Some("*"));
        assert!(reply.has("ratelimit"));
    }
}
