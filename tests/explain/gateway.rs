//! Of gateways: who is asked, what they are told, and how it can end.

use crate::case::{case, ends};
use crate::printed;
use crate::support::setup;

const CONFIGURATION: &str = r#"
[gateway.app]
to = [{ url = "http://app.test:9000/in", weight = 3 }, { url = "http://10.0.0.1/in", backup = true }]
balance = "hash"
hash-by = "cookie:session"
host = "upstream"
request-headers = { set = { X-Tenant = "shop" }, drop = ["Cookie"] }

[[site.localhost.route]]
path = "/api/*"
gateway = "app"

[[site.localhost.route]]
path = "/whole/*"
gateway = { to = "unix:/run/app.sock", forwarded = "none", host = "app.example" }
"#;

#[test]
fn what_is_forwarded_is_shown_as_it_is_sent() {
    let folder = setup().server("via = \"edge\"").written(CONFIGURATION);
    let file = folder.path().join("wherefore.toml");
    let file = file.to_str().unwrap();
    let explain = |target, fields: &[&str]| {
        let mut arguments = vec!["explain", "--config", file, "GET", target];
        fields.iter().for_each(|field| arguments.extend(["-H", field]));
        printed(&arguments)
    };
    let told = explain("/api/%7Ea?q", &["Cookie: session=1", "X-Forwarded-For: 192.0.2.1", "A: b"]);
    for line in [
        "gateway app, the same one for the cookie session",
        "  http://app.test:9000/in, weight 3",
        "  http://10.0.0.1/in, weight 1, if no other is healthy",
        "  GET /in/%7Ea?q HTTP/1.1",
        "  Host: (the upstream's own)",
        "  A: b",
        "  Via: 1.1 edge",
        "  X-Tenant: shop",
        "  X-Forwarded-For: 127.0.0.1",
        "Not sent on as the client wrote it: Cookie, X-Forwarded-For, Host",
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
    let told = explain("/whole/a/../b", &[]);
    for line in ["  unix:/run/app.sock, weight 1", "  GET /whole/b HTTP/1.1", "  Host: app.example"]
    {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
    assert!(!told.contains("  Forwarded: "), "{told}");
}

#[test]
fn its_ends_are_an_answer_or_the_ways_to_have_none() {
    let folder = setup().server("via = \"edge\"").written(CONFIGURATION);
    let file = folder.path().join("wherefore.toml");
    let explained = |of: crate::case::Case| {
        ends(&of.explained(&["--config", file.to_str().unwrap()], folder.path()))
    };
    let statuses: Vec<u16> =
        explained(case("GET", "/api/a", 200, "relayed")).iter().map(|end| end.0).collect();
    assert_eq!(statuses, [200, 502, 504, 503]);
    for refused in [
        case("GET", "/api/a%5cb", 400, "forward-path"),
        case("GET", "/api/a", 502, "forward-loop").with("Via: 1.1 edge"),
    ] {
        let wanted = (refused.wanted.0, refused.wanted.1.to_owned());
        assert_eq!(explained(refused), [wanted]);
    }
}
