//! Of a configuration: which site and route a request meets, and what it would take.

use crate::case::{Case, case, ends};
use crate::support::configured::{Setup, basic};
use crate::support::setup;
use crate::{printed, run};

const CONFIGURATION: &str = r#"
[users.staff]
htpasswd = "users"
groups = "groups"

[limits.few]
rate = "2/hour"

[limits.each]
rate = "1/hour"
by = "user"

[limits.narrow]
at-once = 9
by = "route"

[site.localhost]
aliases = "*.example.org"

[[site.localhost.route]]
path = "/*"
folder = "site"
listing = true

[[site.localhost.route]]
path = "/old/{name}"
redirect = "/new/{name}"

[[site.localhost.route]]
path = "/moved/{rest*}"
redirect = "/{rest}"
permanent = true

[[site.localhost.route]]
path = "/form"
see-other = "/thanks"

[[site.localhost.route]]
path = "/gone/*"
gone = { since = 2024-01-01T00:00:00Z }

[[site.localhost.route]]
path = "/app/*"
folder = "site"
try = ["file", "index", "/file"]

[[site.localhost.route]]
path = "/staff/*"
folder = "site"
auth = { users = "staff" }

[[site.localhost.route]]
path = "/admins/*"
folder = "site"
auth = { users = "staff", groups = "admins" }

[[site.localhost.route]]
path = "/hidden/*"
folder = "site"
auth = { users = "staff", names = "anna" }
hide = true

[[site.localhost.route]]
path = "/limited/*"
folder = "site"
limit = ["few", "narrow"]

[[site.localhost.route]]
path = "/each/*"
folder = "site"
auth = { users = "staff" }
limit = "each"

[[site.localhost.route]]
path = "/paid/*"
folder = "site"
price = { amount = 5, account = { field = "X-Key" } }

[[site.localhost.route]]
path = "/blocked/*"
folder = "site"
blocked = { by = "https://example.org/legal", networks = "192.0.2.0/24" }

[[site.localhost.route]]
path = "/closed/*"
folder = "site"
maintenance = { until = 2127-01-01T06:00:00Z, except = "198.51.100.0/24" }

[[site.localhost.route]]
path = "/inside/*"
folder = "site"
auth = { networks = "198.51.100.0/24" }

[[site.localhost.route]]
path = "/socket"
folder = "site"
websocket-only = true

[[site.localhost.route]]
path = "/shared/*"
folder = "site"
cors = { origins = "https://app.example", methods = ["GET", "PUT"] }

[[site.localhost.route]]
path = "/hinted/*"
folder = "site"
early-hints = "</style.css>; rel=preload; as=style"

[[site.localhost.route]]
path = "/kept/*"
folder = "kept"
writable = true
require-length = true
require-precondition = true
content-max = "3B"
quota = "1MiB"

[[site.localhost.route]]
path = "/read/*"
folder = "site"
links = "refuse"
methods = "GET"

[[site.localhost.route]]
path = "/orders"
inbox = "orders"

[[site.localhost.route]]
path = "/asked/*"
folder = "site"
auth = { ask = "http://127.0.0.1:1/check" }

[[site.localhost.route]]
path = "/bought/*"
folder = "site"
[site.localhost.route.price.x402]
facilitator = "http://127.0.0.1:1"
network = "abc:1"
asset = "gold"
pay-to = "us"
amount = "5"

[[site.localhost.route]]
path = "/later"
inbox = { deliver-to = "unix:/nowhere/app.sock:/in" }

[[site.localhost.route]]
path = "/choice"
variants = [{ path = "/a.txt", language = "en" }, { path = "/b.txt", language = "de" }]

[[site.localhost.route]]
path = "/named/*"
folder = "named"
negotiate = "proactive"
strict-language = true

[[site.localhost.route]]
path = "/left/*"
folder = "named"
negotiate = "reactive"

[site."secure.example"]
aliases = "www.secure.example"
canonical = true
https = "only"
clear-writes = "refuse"

[[site."secure.example".route]]
path = "/*"
folder = "site"
"#;

fn furnished() -> Setup {
    setup()
        .server("trusted-proxies = \"127.0.0.1\"\nforwarded = \"x-forwarded\"")
        .users(&[("anna", "secret"), ("bert", "other")])
        .file("groups", "admins: anna\n")
        .file("kept/file", "old")
        .file("site/a.txt", "a")
        .file("site/b.txt", "b")
        .file("named/page.en.txt", "in English")
        .file("named/page.de.txt", "deutsch")
        .folder("orders")
        .credit("rich", 100)
        .credit("poor", 4)
}

const NEAR: &str = "X-Forwarded-For: 198.51.100.7";
const FAR: &str = "X-Forwarded-For: 192.0.2.7";

fn of_sites() -> Vec<Case> {
    vec![
        case("GET", "/file", 200, "representation"),
        case("GET", "/", 200, "listing"),
        case("GET", "/nothing", 404, "missing"),
        case("GET", "/file?wild", 200, "representation").with("Host: a.example.org"),
        case("GET", "/file?deep", 421, "authority").with("Host: a.b.example.org"),
        case("GET", "/file?bare", 421, "authority").with("Host: example.org"),
        case("GET", "/file?other", 421, "authority").with("Host: other.example"),
        case("OPTIONS", "*", 200, "options"),
        case("GET", "/file?clear", 301, "https").with("Host: secure.example"),
        case("PUT", "/file?clear", 403, "https").with("Host: secure.example").bringing("x"),
        case("GET", "/file?secure", 200, "representation")
            .with("Host: secure.example")
            .with("X-Forwarded-Proto: https"),
        case("GET", "/file?alias", 301, "canonical-host")
            .with("Host: www.secure.example")
            .with("X-Forwarded-Proto: https"),
        case("GET", "/file?forwarded", 400, "forwarded").with("X-Forwarded-For: nobody at all"),
        case("GET", "/file?unread", 200, "representation").with("Forwarded: for=["),
    ]
}

fn of_routes() -> Vec<Case> {
    vec![
        case("GET", "/old/a", 302, "moved"),
        case("POST", "/old/b", 307, "moved").bringing("x"),
        case("GET", "/old/a/b", 404, "missing"),
        case("HEAD", "/moved/a/b", 301, "moved"),
        case("DELETE", "/moved/c", 308, "moved"),
        case("GET", "/form", 303, "see-other"),
        case("GET", "/gone/x", 410, "retired"),
        case("GET", "/app/any/where", 200, "representation"),
        case("DELETE", "/app/any", 404, "missing"),
        case("GET", "/blocked/file", 200, "representation").with(NEAR),
        case("GET", "/blocked/file?far", 451, "legal").with(FAR),
        case("GET", "/closed/file", 503, "maintenance"),
        case("GET", "/closed/file?near", 200, "representation").with(NEAR),
        case("GET", "/inside/file", 403, "network").with(FAR),
        case("GET", "/inside/file?near", 200, "representation").with(NEAR),
        case("GET", "/socket", 426, "protocol"),
        case("OPTIONS", "/shared/file", 204, "preflight")
            .with("Origin: https://app.example")
            .with("Access-Control-Request-Method: PUT"),
        case("OPTIONS", "/shared/file?evil", 403, "preflight-origin")
            .with("Origin: https://evil.example")
            .with("Access-Control-Request-Method: PUT"),
        case("GET", "/hinted/file", 200, "representation"),
        case("GET", "/choice", 200, "representation").with("Accept-Language: de"),
        case("GET", "/choice?none", 406, "variant-acceptable").with("Accept: image/*"),
        case("GET", "/named/page", 200, "representation").with("Accept-Language: de"),
        case("GET", "/named/page?fr", 406, "variant-acceptable").with("Accept-Language: fr"),
        case("GET", "/named/page?part", 206, "part").with("Range: bytes=0-1"),
        case("GET", "/named/page.txt", 200, "representation"),
        case("OPTIONS", "/named/page?options", 200, "options"),
        case("GET", "/named/pag", 404, "missing"),
        case("GET", "/left/page", 300, "variant-chosen"),
        case("GET", "/left/page.en.txt", 200, "representation"),
        case("GET", "/orders", 405, "inbox-method"),
        case("POST", "/read/file", 405, "method").bringing("x"),
        case("GET", "/read/linked", 403, "within"),
        // What one route says of a folder holds for all that serve it.
        case("GET", "/linked", 403, "within"),
    ]
}

fn of_askers() -> Vec<Case> {
    let (anna, bert) = (basic("anna", "secret"), basic("bert", "other"));
    let wrong = basic("anna", "other");
    vec![
        case("GET", "/staff/file", 401, "credentials-sent").of(3),
        case("GET", "/staff/file?anna", 200, "representation").with(&anna),
        case("GET", "/staff/file?wrong", 401, "credentials-valid").with(&wrong),
        case("GET", "/staff/file?twice", 400, "credentials-form").with(&anna).with(&bert),
        case("GET", "/staff/file?digest", 401, "credentials-sent")
            .with("Authorization: Digest x=y"),
        case("GET", "/admins/file", 401, "credentials-sent").of(4),
        case("GET", "/admins/file?anna", 200, "representation").with(&anna),
        case("GET", "/admins/file?bert", 403, "allowed").with(&bert),
        case("GET", "/hidden/file?anna", 200, "representation").with(&anna),
        case("GET", "/hidden/file?bert", 404, "allowed").with(&bert),
        case("GET", "/limited/file", 200, "representation").of(3),
        case("GET", "/limited/file?2", 200, "representation").of(3),
        case("GET", "/limited/file?3", 429, "rate").of(3),
        case("GET", "/each/file", 200, "representation").with(&anna).of(2),
        case("GET", "/each/file?again", 429, "user-rate").with(&anna).of(2),
        case("GET", "/each/file?bert", 200, "representation").with(&bert).of(2),
        case("GET", "/paid/file", 402, "account"),
        case("GET", "/paid/file?rich", 200, "representation").with("X-Key: rich").of(2),
        case("GET", "/paid/file?poor", 402, "balance").with("X-Key: poor").of(2),
    ]
}

fn of_writes() -> Vec<Case> {
    vec![
        case("PUT", "/file?read", 405, "method").bringing("x"),
        case("POST", "/orders", 204, "submission-stored")
            .with("Content-Type: application/x-www-form-urlencoded")
            .bringing("a=b")
            .of(3),
        case("POST", "/later?a", 202, "accepted-for-later").bringing("a").of(3),
        case("PUT", "/kept/file", 428, "precondition-sent").bringing("x"),
        case("PUT", "/kept/file?long", 413, "content-size").bringing("long").with("If-Match: *"),
        case("PUT", "/kept/new?other", 412, "if-match").bringing("new").with("If-Match: *"),
        case("PUT", "/kept/new", 201, "created").bringing("new").with("If-None-Match: *").of(3),
        case("PUT", "/kept/file?done", 204, "done").bringing("new").with("If-Match: *").of(3),
    ]
}

#[test]
fn explain_says_what_the_running_server_answers_over_a_configuration() {
    let server = furnished().serve(CONFIGURATION);
    std::os::unix::fs::symlink("file", server.path().join("site/linked")).unwrap();
    let file = server.path().join("wherefore.toml");
    let arguments = ["--config", file.to_str().unwrap()];
    let cases = [of_sites(), of_routes(), of_askers(), of_writes()].concat();
    assert!(cases.len() >= 60, "{}", cases.len());
    for case in cases {
        let text = case.explained(&arguments, server.path());
        let (ends, (status, rule)) = (ends(&text), case.sent(&server));
        assert_eq!((status, rule.as_str()), case.wanted, "{}", case.name());
        assert!(ends.contains(&(status, rule)), "{} is explained as\n{text}", case.name());
        assert_eq!(ends.len(), case.ends, "{} is explained as\n{text}", case.name());
    }
}

/// What `explain` says by a file that nobody serves.
fn told(arguments: &[&str]) -> String {
    let folder = furnished().written(CONFIGURATION);
    let file = folder.path().join("wherefore.toml");
    let mut all = vec!["explain", "--config", file.to_str().unwrap()];
    all.extend(arguments);
    printed(&all).replace(&format!("{}/", folder.path().display()), "")
}

/// The line of the file in which a line of the configuration stands.
fn line_of(text: &str) -> usize {
    let folder = furnished().written(CONFIGURATION);
    let file = std::fs::read_to_string(folder.path().join("wherefore.toml")).unwrap();
    file.lines().position(|line| line == text).unwrap() + 1
}

#[test]
fn the_site_and_the_route_are_told_with_their_places() {
    let text = told(&["GET", "/old/a"]);
    let place = |table: &str, key: &str| {
        let (site, path) = (line_of(table), line_of(key));
        (format!("(wherefore.toml:{site})"), format!("(wherefore.toml:{path})"))
    };
    let (site, path) = place("[site.localhost]", "path = \"/old/{name}\"");
    assert!(
        text.starts_with(&format!("site localhost  {site}\nroute /old/{{name}}  {path}\n")),
        "{text}"
    );
    let text = told(&["GET", "http://secure.example/x", "-H", "Host: secure.example"]);
    let (site, _) = place("[site.\"secure.example\"]", "path = \"/form\"");
    assert!(text.starts_with(&format!("site secure.example  {site}\nroute /*  ")), "{text}");
    // Nothing of a site is known where there is none.
    let text = told(&["GET", "/", "-H", "Host: other.example"]);
    assert!(!text.contains("site localhost"), "{text}");
}

#[test]
fn what_asking_takes_and_uses_up_is_told_with_each_end() {
    let text = told(&["GET", "/limited/file"]);
    for part in [
        "It takes one of the limit few: 2 in 3600 s, for the client's network.\nIf that is used up:\n  429 Too \
         Many Requests  because of rate",
        "It takes one of the limit narrow: 9 at once, for the route.\nIf that is used up:\n  503 Service \
         Unavailable  because of at-once",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = told(&["GET", "/admins/file"]);
    for part in [
        "Without credentials:\n  401 Unauthorized  because of credentials-sent",
        "With credentials that are wrong:\n  401 Unauthorized  because of credentials-valid",
        "With those of somebody who may not ask:\n  403 Forbidden  because of allowed",
        "credentials of a member of one of the groups that may ask",
        "\n200 OK  because of representation",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = told(&["GET", "/paid/file", "-H", "X-Key: rich"]);
    let part = "It takes 5 credit from the account that X-Key names.\nIf that holds less:\n  402 Payment Required";
    assert!(text.contains(part), "{text}");
    assert!(told(&["GET", "/hinted/file"]).contains("103 Early Hints is sent first."));
    let text = told(&["GET", "/asked/file"]);
    for part in [
        "It is asked whether it may come in: http://127.0.0.1:1/check, for /check.",
        "If that does not know the client:\n  401 Unauthorized  because of asked-knows",
        "If that sends the client to sign in:\n  302 Found  because of asked-lets-stay",
        "If that does not answer in time:\n  504 Gateway Timeout  because of asked-answers",
        "\n200 OK  because of representation",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = told(&["GET", "/bought/file"]);
    for part in [
        "The payment is verified by http://127.0.0.1:1.",
        "If there is none:\n  402 Payment Required  because of payment-sent",
        "If nobody can be asked what it is worth:\n  503 Service Unavailable  because of facilitator",
        "\n200 OK  because of representation",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = told(&["POST", "/later?a", "-H", "Content-Length: 1"]);
    let part = "It would go to unix:/nowhere/app.sock:/in, as POST /in?a.\nIt is stored, to be delivered later";
    assert!(text.contains(part), "{text}");
}

#[test]
fn who_asks_can_be_told() {
    let last = |arguments: &[&str]| ends(&told(arguments)).pop().unwrap();
    let end = |status, rule: &str| (status, rule.to_owned());
    for (arguments, wanted) in [
        (&["GET", "/admins/file", "--as", "carl"][..], end(403, "allowed")),
        (&["GET", "/admins/file", "--as", "carl:writers,admins"], end(200, "representation")),
        (&["GET", "/hidden/file", "--as", "bert"], end(404, "allowed")),
        (&["GET", "/hidden/file", "--as", "anna"], end(200, "representation")),
        (&["GET", "/inside/file"], end(403, "network")),
        (&["GET", "/inside/file", "--from", "198.51.100.9"], end(200, "representation")),
        (&["GET", "/blocked/file", "--from", "192.0.2.9"], end(451, "legal")),
        // Only a proxy that is trusted is believed.
        (&["GET", "/blocked/file", "--from", "203.0.113.9", "-H", FAR], end(200, "representation")),
        (&["GET", "/file", "-H", "Host: secure.example"], end(301, "https")),
        (&["GET", "/file", "-H", "Host: secure.example", "--https"], end(200, "representation")),
    ] {
        assert_eq!(last(arguments), wanted, "{arguments:?}");
        assert_eq!(ends(&told(arguments)).len(), 1, "{arguments:?}");
    }
}

/// Nothing is opened to be written, and what is wrong with a file is told as it is when it is served.
#[test]
fn a_file_that_can_t_be_served_is_not_explained() {
    let folder =
        furnished().written("[[site.localhost.route]]\npath = \"/*\"\nfolder = \"none\"\n");
    let file = folder.path().join("wherefore.toml");
    let output = run(&["explain", "GET", "/", "--config", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("can't serve the folder") && said.contains("wherefore.toml"), "{said}");
}
