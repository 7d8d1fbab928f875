//! 401 Unauthorized (RFC 9110 §15.5.2): credentials are asked for, and are missing or wrong. The challenges
//! say which schemes are taken.

use serde_json::{Value, json};

use crate::every::{error_holds, holds};
use crate::support::configured::basic;
use crate::support::tokens::{Issuer, SECRET, in_seconds};
use crate::support::{Configured, Reply, setup};
use crate::written::get;

const BASIC: &str = "Basic realm=\"Orders\", charset=\"UTF-8\"";
const BEARER: &str = "Bearer realm=\"Orders\"";

/// Users and tokens for `/both/`, one of them for each of the others.
fn guarded(issuer: &Issuer) -> Configured {
    setup()
        .users(&[("anna", "correct horse"), ("bert", "pa:ss\u{fc}")])
        .file("keys.json", issuer.jwks())
        .file("secret", SECRET)
        .serve(
            "[users.staff]\nhtpasswd = 'users'\n\
             [tokens.api]\njwks = 'keys.json'\nissuer = 'https://login.example'\n\
             audience = 'https://api.example'\n\
             [tokens.own]\nsecret = 'secret'\nclock-skew = '0s'\n\
             [site.localhost]\nroute = [\n\
             { path = '/*', folder = 'site' },\n\
             { path = '/basic/*', folder = 'site', writable = true, auth = { users = 'staff', realm = 'Orders' } },\n\
             { path = '/bearer/*', folder = 'site', auth = { tokens = ['api', 'own'], realm = 'Orders' } },\n\
             { path = '/both/*', folder = 'site', auth = { users = 'staff', tokens = 'api', realm = 'Orders' } },\n\
             { path = '/writes/*', folder = 'site', writable = true, auth = { users = 'staff', methods = ['PUT', 'DELETE'] } },\n\
             { path = '/moved', redirect = '/secret-place', auth = { users = 'staff' } },\n\
             ]\n",
        )
}

fn challenges(reply: &Reply) -> Vec<&str> {
    let all = reply.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
    all.map(|(_, value)| value.as_str()).collect()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\n")
}

fn claims() -> Value {
    json!({
        "sub": "anna", "iss": "https://login.example", "aud": "https://api.example",
        "exp": in_seconds(600),
    })
}

fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn no_credentials() {
    let server = guarded(&Issuer::new());
    for (target, wanted) in [
        ("/basic/file", &[BASIC][..]),
        ("/bearer/file", &[BEARER]),
        ("/both/file", &[BASIC, BEARER]),
        ("/both/none", &[BASIC, BEARER]),
    ] {
        let reply = error_holds(&server, 401, "credentials-sent", target, "");
        assert_eq!(challenges(&reply), wanted, "{target}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert!(!reply.has("etag"));
    }
    assert_eq!(get(&server, "/file", "").text(), "here");
    assert!(server.log_line("/basic/file").contains(" 401 "));
}

/// Credentials of a scheme that is not taken are none.
#[test]
fn other_schemes() {
    let server = guarded(&Issuer::new());
    for sent in ["Digest username=\"anna\"", "Negotiate YII=", "Bearer abc", "basic2 eA=="] {
        let reply = get(&server, "/basic/file", &format!("Authorization: {sent}\n"));
        reply.is(401, "credentials-sent");
        assert_eq!(challenges(&reply), [BASIC], "{sent}");
    }
}

#[test]
fn right_passwords() {
    let server = guarded(&Issuer::new());
    for (user, password) in [("anna", "correct horse"), ("bert", "pa:ss\u{fc}")] {
        for target in ["/basic/file", "/both/file"] {
            let reply = holds(&server, 200, target, &basic(user, password));
            assert_eq!(reply.text(), "here", "{user}");
            assert!(challenges(&reply).is_empty());
        }
    }
    let lower = basic("anna", "correct horse").replace("Basic", "bASIC");
    assert_eq!(get(&server, "/basic/file", &lower).status, 200, "names of schemes have no case");
    get(&server, "/basic/none", &basic("anna", "correct horse")).is(404, "missing");
}

/// What is said of a wrong password is what is said of a user that there is not.
#[test]
fn wrong_passwords() {
    let server = guarded(&Issuer::new());
    let mut said = Vec::new();
    for (user, password) in [
        ("anna", "wrong"),
        ("nobody", "wrong"),
        ("nobody", "correct horse"),
        ("bert", ""),
        ("", ""),
    ] {
        let reply = get(&server, "/basic/file", &basic(user, password));
        reply.is(401, "credentials-valid");
        assert_eq!(challenges(&reply), [BASIC]);
        let mut problem = reply.problem();
        problem["instance"] = Value::Null;
        let mut fields = reply.fields.clone();
        fields.retain(|(name, _)| !["Date", "Request-Id"].contains(&&**name));
        said.push((problem, fields));
    }
    let first = said.first().unwrap().clone();
    assert!(said.iter().all(|other| *other == first), "{said:#?}");
}

#[test]
fn credentials_that_cannot_be_read() {
    let server = guarded(&Issuer::new());
    for sent in ["Basic", "Basic ", "Basic !!!!", "Basic YW5uYQ==", "Basic /////w=="] {
        let reply = get(&server, "/basic/file", &format!("Authorization: {sent}\n"));
        assert_eq!((reply.status, challenges(&reply)), (401, vec![BASIC]), "{sent}");
    }
    // Which of two is meant could be read one way here and another way behind.
    let twice = basic("anna", "correct horse").repeat(2);
    get(&server, "/basic/file", &twice).is(400, "credentials-form");
    get(&server, "/bearer/file", "Authorization: Bearer a b\n").is(400, "credentials-form");
}

/// Whoever guesses has to wait, even with the right password, and so does not find out that it is right.
#[test]
fn guessing() {
    let server = guarded(&Issuer::new());
    let mut tries = 0;
    let reply = loop {
        let reply = get(&server, "/basic/file", &basic("anna", &format!("guess {tries}")));
        if reply.status != 401 {
            break reply;
        }
        tries += 1;
        assert!(tries < 100, "guessing goes on for ever");
    };
    reply.is(429, "credentials-tries");
    assert!(reply.has("retry-after"));
    get(&server, "/basic/file", &basic("anna", "correct horse")).is(429, "credentials-tries");
    assert_eq!(get(&server, "/file", "").status, 200, "what is open stays open");
}

#[test]
fn tokens_of_every_algorithm() {
    let issuer = Issuer::new();
    let server = guarded(&issuer);
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let sent = bearer(&issuer.token(algorithm, &claims()));
        for target in ["/bearer/file", "/both/file"] {
            assert_eq!(holds(&server, 200, target, &sent).text(), "here", "{algorithm}");
        }
        // The set has one key of each algorithm, so it need not be named.
        let unnamed = issuer.token_by(&json!({ "alg": algorithm }), &claims());
        assert_eq!(get(&server, "/bearer/file", &bearer(&unnamed)).status, 200, "{algorithm}");
    }
    let own = json!({ "sub": "anna", "exp": in_seconds(600) });
    let own = issuer.token_by(&json!({ "alg": "HS256" }), &own);
    assert_eq!(get(&server, "/bearer/file", &bearer(&own)).status, 200);
    assert_eq!(get(&server, "/both/file", &bearer(&own)).status, 401, "not for this route");
}

#[test]
fn tokens_that_are_not_believed() {
    let issuer = Issuer::new();
    let server = guarded(&issuer);
    let other = Issuer::new();
    let right = issuer.token("ES256", &claims());
    let mut parts: Vec<_> = right.split('.').collect();
    let another = issuer.token("ES256", &claims_with("sub", json!("root")));
    parts[1] = another.split('.').nth(1).unwrap();
    let swapped = parts.join(".");
    let es256 = |name: &str, value: Value| issuer.token("ES256", &claims_with(name, value));
    let unsigned = json!({ "alg": "none" });
    for (token, why) in [
        (es256("exp", json!(in_seconds(-61))), "the token has expired"),
        (es256("nbf", json!(in_seconds(900))), "the token is not yet valid"),
        (es256("exp", Value::Null), "the claims of the token can't be read"),
        (es256("iss", json!("https://evil.example")), "the token is from another issuer"),
        (es256("aud", json!("https://other.example")), "the token is for another audience"),
        (es256("sub", json!("")), "the token does not say whose it is"),
        (swapped, "the signature of the token is wrong"),
        (other.token("ES256", &claims()), "the signature of the token is wrong"),
        (
            issuer.token_by(&json!({ "alg": "ES256", "kid": "eddsa" }), &claims()),
            "the token is signed with another algorithm than its key is for",
        ),
        (
            issuer.token_by(&unsigned, &claims()),
            "the token is not signed with an algorithm that is taken",
        ),
        ("no.token".to_owned(), "not a signed JSON Web Token"),
    ] {
        let reply = get(&server, "/both/file", &bearer(&token));
        reply.is(401, "credentials-valid");
        let told = format!("{BEARER}, error=\"invalid_token\", error_description=\"{why}\"");
        assert_eq!(challenges(&reply), [BASIC, &told], "{why}");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
    }
    error_holds(&server, 401, "credentials-valid", "/both/file", &bearer("no.token"));
    assert_eq!(get(&server, "/both/file", &bearer(&right)).status, 200);
}

/// A second that is not forgiven: where clocks may not differ, the end is the end.
#[test]
fn the_clock_skew_is_what_was_said() {
    let issuer = Issuer::new();
    let server = guarded(&issuer);
    let sent = |seconds: i64| {
        let own = json!({ "sub": "anna", "exp": in_seconds(seconds) });
        get(&server, "/bearer/file", &bearer(&issuer.token_by(&json!({ "alg": "HS256" }), &own)))
    };
    assert_eq!((sent(-1).status, sent(600).status), (401, 200));
    let late = issuer.token("ES256", &claims_with("exp", json!(in_seconds(-5))));
    assert_eq!(get(&server, "/bearer/file", &bearer(&late)).status, 200, "a minute unless told");
}

/// Elsewhere the content is invited first, and then refused.
#[test]
fn no_content_is_invited() {
    let server = guarded(&Issuer::new());
    let reply = server.ask(
        "PUT /basic/new HTTP/1.1\nHost: localhost\nContent-Length: 3\nExpect: 100-continue\n\n",
    );
    reply.is(401, "credentials-sent");
    assert_eq!(reply.interim.len(), 0);
    let put = |fields: &str| {
        server.ask(&format!(
            "PUT /basic/new HTTP/1.1\nHost: localhost\nContent-Length: 3\n{fields}\nnew"
        ))
    };
    put("").is(401, "credentials-sent");
    assert!(!server.folder().join("new").exists());
    assert_eq!(put(&basic("anna", "correct horse")).status, 201);
    assert_eq!(server.read("new"), b"new");
}

/// Only the methods that change something ask who is there.
#[test]
fn certain_methods_alone() {
    let server = guarded(&Issuer::new());
    holds(&server, 200, "/writes/file", "");
    for method in ["PUT", "DELETE"] {
        let request =
            format!("{method} /writes/file HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx");
        server.ask(&request).is(401, "credentials-sent");
    }
    assert_eq!(server.read("file"), b"here");
}

/// Nothing of what stands there is told: neither where it is, nor which methods it takes.
#[test]
fn before_anything_is_told_of_the_resource() {
    let server = guarded(&Issuer::new());
    for request in [
        "GET /moved",
        "BREW /basic/file",
        "OPTIONS /basic/file",
        "TRACE /basic/file",
        "GET /basic/.git/config",
    ] {
        let reply = server.ask(&format!("{request} HTTP/1.1\nHost: localhost\n\n"));
        reply.is(401, "credentials-sent");
        assert!(!reply.has("location") && !reply.has("allow"), "{request}");
    }
}
