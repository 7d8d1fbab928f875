//! What an operator adds to answers: fields, and pages in place of our explanations. The status of an answer
//! and the fields that it must carry stay what they are.

use crate::every::holds;
use crate::support::configured::basic;
use crate::support::{Configured, Reply, setup};
use crate::written::get;

fn dressed() -> Configured {
    let page = "<!doctype html><h1>{{status}} {{title}}</h1><p>{{detail}}</p>{{request-id}}{{x}}";
    setup()
        .server("trusted-proxies = '127.0.0.1'")
        .users(&[("anna", "secret")])
        .file("page.html", page)
        .file("page.txt", "{{status}}: {{detail}}")
        .serve(
            "[users.staff]\nhtpasswd = 'users'\n[limits.none]\nrate = '1/day'\nby = 'route'\n\
             [site.localhost]\n\
             error-pages = { 400 = 'page.html', 401 = 'page.html', 404 = 'page.html', 405 = 'page.html', \
               410 = 'page.html', 416 = 'page.html', 429 = 'page.html', 451 = 'page.html', 503 = 'page.txt' }\n\
             headers = { X-Made-By = 'us', Content-Language = 'en' }\n\
             security-fields = 'strict'\ncache-control = 'public, max-age=60'\nroute = [\n\
             { path = '/*', folder = 'site' },\n\
             { path = '/auth/*', folder = 'site', auth = { users = 'staff' } },\n\
             { path = '/gone', gone = true },\n\
             { path = '/old', redirect = '/file' },\n\
             { path = '/few/*', folder = 'site', limit = 'none' },\n\
             { path = '/law/*', folder = 'site', blocked = { by = 'https://example.org/legal', demand = 'Order <17>.' } },\n\
             { path = '/shut/*', folder = 'site', maintenance = true },\n\
             { path = '/bare/*', folder = 'site', security-fields = 'off', headers = {}, error-pages = {} },\n\
             { path = '/usual/*', folder = 'site', security-fields = 'usual' },\n]\n",
        )
}

fn page(server: &Configured, method: &str, target: &str, fields: &str) -> Reply {
    server
        .ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\nAccept: text/html\n{fields}\n"))
}

#[test]
fn a_page_is_content_alone() {
    let server = dressed();
    get(&server, "/few/file", "");
    for (method, target, fields, status, field, value) in [
        ("GET", "/auth/file", "", 401, "www-authenticate", "Basic realm=\"wherefore\""),
        ("GET", "/none", "", 404, "vary", "Accept"),
        ("DELETE", "/file", "", 405, "allow", "GET, HEAD, OPTIONS"),
        ("GET", "/gone", "", 410, "cache-control", "no-cache"),
        ("GET", "/file", "Range: bytes=9-\n", 416, "content-range", "bytes */4"),
        ("GET", "/few/file", "", 429, "retry-after", ""),
        ("GET", "/law/file", "", 451, "link", "<https://example.org/legal>; rel=\"blocked-by\""),
    ] {
        let reply = page(&server, method, target, fields);
        assert_eq!(reply.status, status, "{target}: {reply:?}");
        assert!(reply.field(field).unwrap().starts_with(value), "{status}: {reply:?}");
        assert_eq!(reply.field("content-type"), Some("text/html; charset=utf-8"));
        let text = reply.text();
        let head = format!("<!doctype html><h1>{status} {}</h1><p>", reply.phrase);
        assert!(text.starts_with(&head), "{text}");
        let end = format!("</p>{}{{{{x}}}}", reply.field("request-id").unwrap());
        assert!(text.ends_with(&end), "{text}");
        // Programs are told in their own form all the same.
        let plain = server.ask(&format!("{method} {target} HTTP/1.1\nHost: localhost\n{fields}\n"));
        assert_eq!(plain.problem()["status"], status);
        assert_eq!(plain.field(field).is_some(), reply.field(field).is_some(), "{status}");
    }
    assert!(page(&server, "GET", "/law/file", "").text().contains("Order &lt;17&gt;."));
    let text = holds(&server, 503, "/shut/file", "Accept: text/plain\n");
    assert!(text.text().starts_with("503: This is closed"), "{}", text.text());
    assert!(text.has("retry-after"));
    // A status without a page of its own, and a route without pages, have our explanation.
    let bare = page(&server, "GET", "/bare/none", "");
    assert!(bare.has("content-security-policy") && !bare.text().contains("{{x}}"));
}

#[test]
fn fields_go_with_every_answer() {
    let server = dressed();
    let anna = basic("anna", "secret");
    for (target, fields, status) in [
        ("/file", "", 200),
        ("/file", "Range: bytes=0-1\n", 206),
        ("/file", "If-None-Match: *\n", 304),
        ("/auth/file", "", 401),
        ("/auth/file", &*anna, 200),
        ("/none", "", 404),
        ("/old", "", 302),
        ("/no/route/%2f", "", 404),
    ] {
        let reply = if status == 206 {
            // What a range means to GET it does not mean to HEAD.
            get(&server, target, fields)
        } else {
            holds(&server, status, target, fields)
        };
        assert_eq!(reply.status, status, "{target}");
        assert_eq!(reply.field("x-made-by"), Some("us"), "{target} {status}");
        assert_eq!(reply.field("x-frame-options"), Some("DENY"), "{target} {status}");
        assert_eq!(reply.field("referrer-policy"), Some("no-referrer"));
        assert!(!reply.has("strict-transport-security"), "not in clear");
        let caching = reply.field("cache-control");
        if status < 400 {
            assert_eq!(caching, Some("public, max-age=60"), "{target} {status}");
        } else {
            assert!(caching.is_none_or(|caching| !caching.contains("public")), "{target}");
        }
    }
    let bare = get(&server, "/bare/file", "");
    assert!(!bare.has("x-frame-options") && !bare.has("x-made-by"));
    assert_eq!(bare.field("cache-control"), Some("public, max-age=60"), "from the site");
    let usual = get(&server, "/usual/file", "");
    assert_eq!(usual.field("x-frame-options"), Some("SAMEORIGIN"));
}

/// RFC 6797 §7.2: only by HTTPS.
#[test]
fn strict_transport_security() {
    let server = dressed();
    for target in ["/file", "/none", "/old"] {
        let reply = get(&server, target, "X-Forwarded-Proto: https\n");
        let value = reply.field("strict-transport-security");
        assert_eq!(value, Some("max-age=63072000; includeSubDomains"), "{target}");
    }
}
