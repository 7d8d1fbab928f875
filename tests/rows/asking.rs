//! Somebody else says who may come in: 401, 403, where to sign in, and 502 to 504 where nothing is said that could be
//! used. Who is not plainly let in is not.

use std::thread;

use crate::every::{error_holds, holds};
use crate::support::lies::{LIES, good, lie};
use crate::support::upstream::{Act, Received, Refusing, Step, Upstream};
use crate::support::{Configured, Reply, setup};
use crate::written::get;

/// Asks this URL before `/in/` of a folder, of a gateway to `to`, and of both with further keys.
fn before(ask: &str, to: &str, more: &str) -> Configured {
    setup().serve(&format!(
        "[site.localhost]\nroute = [\n\
         {{ path = '/in/*', folder = 'site', writable = true, auth = {{ ask = '{ask}'{more} }} }},\n\
         {{ path = '/hidden/*', folder = 'site', hide = true, auth = {{ ask = '{ask}'{more} }} }},\n\
         {{ path = '/writes/*', folder = 'site', writable = true, auth = {{ ask = '{ask}', methods = ['PUT'] }} }},\n\
         {{ path = '/app/*', gateway = '{to}', auth = {{ ask = '{ask}', copy = ['Remote-User', 'X-Groups'], \
         user-from = 'Remote-User' }} }},\n\
         {{ path = '/closed/*', folder = 'site', blocked = {{ by = 'https://law.example/' }}, auth = {{ ask = '{ask}' }} }},\n\
         ]\n"
    ))
}

fn guarded(asked: &Upstream) -> Configured {
    before(&format!("{}/check", asked.url()), "http://127.0.0.1:1", "")
}

/// Lets in who has the cookie `in`.
fn by_cookie(received: &Received) -> Act {
    let answer = match received.field("cookie") {
        Some("in") => "HTTP/1.1 200 OK\r\nRemote-User: anna\r\nX-Groups: a, b\r\nX-Other: x\r\n",
        Some("out") => "HTTP/1.1 403 Forbidden\r\n",
        _ => {
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nSet-Cookie: a=1\r\nX-Other: x\r\n"
        }
    };
    Act::Answer(format!("{answer}Content-Length: 0\r\n\r\n").into_bytes())
}

fn values<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
    let all = reply.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    all.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn who_is_let_in_and_who_is_not() {
    let asked = Upstream::start(by_cookie);
    let server = guarded(&asked);
    assert_eq!(get(&server, "/in/file", "Cookie: in\n").text(), "here");
    get(&server, "/in/none", "Cookie: in\n").is(404, "missing");
    let reply = error_holds(&server, 401, "asked-knows", "/in/file", "");
    assert_eq!(values(&reply, "www-authenticate"), ["Negotiate"], "theirs, and not ours beside it");
    assert_eq!(values(&reply, "set-cookie"), ["a=1"]);
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert!(!reply.has("x-other") && !reply.has("etag"));
    let reply = error_holds(&server, 403, "asked-allows", "/in/file", "Cookie: out\n");
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert!(server.log_line("asked-allows").contains(" 403 "));
}

#[test]
fn a_challenge_is_ours_where_there_is_none() {
    let asked = Upstream::always("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno");
    let server = before(&asked.url(), "http://127.0.0.1:1", ", realm = 'Orders'");
    let reply = get(&server, "/in/file", "");
    reply.is(401, "asked-knows");
    assert_eq!(values(&reply, "www-authenticate"), ["Bearer realm=\"Orders\""]);
}

/// What is asked is told of the request, and nothing comes of what a client says of itself.
#[test]
fn what_is_told() {
    let asked = Upstream::start(by_cookie);
    let server = guarded(&asked);
    let request = "PUT /in/new?a=b HTTP/1.1\nHost: localhost\nCookie: in\nAuthorization: Bearer x\n\
                   X-Forwarded-Uri: /public\nX-Original-Method: GET\nRemote-User: root\nContent-Type: text/plain\n\
                   Connection: close, x-hop\nX-Hop: 1\nContent-Length: 3\n\nnew";
    assert_eq!(server.ask(request).status, 201);
    assert_eq!(server.read("new"), b"new", "the content went to the folder");
    let told = asked.done();
    assert_eq!((&*told.method, &*told.target), ("GET", "/check"));
    assert!(told.content.is_empty() && told.field("content-type").is_none());
    let own = asked.address.to_string();
    let address = server.address.to_string();
    for (name, wanted) in [
        ("host", Some(&*own)),
        ("cookie", Some("in")),
        ("authorization", Some("Bearer x")),
        ("x-forwarded-method", Some("PUT")),
        ("x-forwarded-uri", Some("/in/new?a=b")),
        ("x-forwarded-host", Some("localhost")),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-for", Some("127.0.0.1")),
        ("x-original-method", Some("PUT")),
        ("x-original-url", Some("http://localhost/in/new?a=b")),
        ("remote-user", None),
        ("x-hop", None),
        ("content-length", None),
    ] {
        assert_eq!(told.field(name), wanted, "{name} of {address}");
    }
}

/// The upstream hears of who asks what was found out, and not what a client claims.
#[test]
fn what_the_upstream_is_told() {
    let asked = Upstream::start(by_cookie);
    let upstream = Upstream::always(good("app"));
    let server = before(&asked.url(), &upstream.url(), "");
    let claims = "Remote-User: root\nX-Groups: admins\nremote_user: root\n";
    let reply = get(&server, "/app/a", &format!("Cookie: in\n{claims}"));
    assert_eq!(reply.text(), "app");
    let told = upstream.done();
    assert_eq!(told.field("remote-user"), Some("anna"));
    assert_eq!(told.field("x-groups"), Some("a, b"));
    assert!(told.field("remote_user").is_none() && told.field("x-other").is_none());
    get(&server, "/app/a", claims).is(401, "asked-knows");
    assert_eq!(upstream.received().len(), 1, "who is not let in does not come so far");

    // Where nothing is found out, nothing is told.
    let nameless = Upstream::always("HTTP/1.1 204 No Content\r\n\r\n");
    let server = before(&nameless.url(), &upstream.url(), "");
    assert_eq!(get(&server, "/app/a", claims).text(), "app");
    let told = upstream.done();
    assert!(told.field("remote-user").is_none() && told.field("x-groups").is_none());
}

#[test]
fn a_page_for_signing_in() {
    for code in [302, 303, 307] {
        let asked = Upstream::always(format!(
            "HTTP/1.1 {code} Away\r\nLocation: https://login.example/?rd=a%20b\r\nSet-Cookie: a=1; HttpOnly\r\n\
             Set-Cookie: b=2\r\nX-Other: x\r\nContent-Length: 5\r\n\r\nlogin"
        ));
        let server = guarded(&asked);
        let reply = holds(&server, code, "/in/file", "");
        assert!(reply.text().contains("sends the client elsewhere"));
        assert_eq!(values(&reply, "location"), ["https://login.example/?rd=a%20b"]);
        assert_eq!(values(&reply, "set-cookie"), ["a=1; HttpOnly", "b=2"]);
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert!(!reply.has("x-other") && !reply.text().contains("login"));
    }
}

#[test]
fn hiding_who_may_not() {
    let asked = Upstream::start(by_cookie);
    let server = guarded(&asked);
    let hidden = get(&server, "/hidden/file", "Cookie: out\n");
    hidden.is(404, "missing");
    let missing = get(&server, "/hidden/none", "Cookie: in\n");
    let of = |reply: &Reply| {
        let mut fields = reply.fields.clone();
        fields.retain(|(name, _)| !["Date", "Request-Id"].contains(&&**name));
        fields
    };
    assert_eq!(of(&hidden), of(&missing));
}

/// Whatever is no yes lets nobody in, and says why.
#[test]
fn answers_that_are_none() {
    for code in [300, 301, 304, 400, 404, 407, 429, 500, 503, 599] {
        let asked = Upstream::always(format!("HTTP/1.1 {code} Odd\r\nContent-Length: 0\r\n\r\n"));
        let server = guarded(&asked);
        let reply = get(&server, "/in/file", "");
        reply.is(502, "asked-answers");
        assert_eq!(reply.problem()["cause"], "unusable", "{code}");
        assert!(reply.field("proxy-status").unwrap().contains("error=http_protocol_error"));
    }
    let nowhere = Upstream::always("HTTP/1.1 302 Away\r\nContent-Length: 0\r\n\r\n");
    get(&guarded(&nowhere), "/in/file", "").is(502, "asked-answers");
    for (what, octets) in LIES {
        let asked = Upstream::stepping(lie(octets));
        let reply = get(&guarded(&asked), "/in/file", "");
        assert_eq!(reply.status, 502, "{what}");
        assert_ne!(reply.text(), "here", "{what}");
    }
}

#[test]
fn no_answer() {
    let refusing = Refusing::start();
    let server = before(&format!("http://{}", refusing.address), "http://127.0.0.1:1", "");
    for _ in 0..3 {
        let reply = get(&server, "/in/file", "");
        reply.is(502, "asked-answers");
        assert_eq!(reply.problem()["cause"], "refused");
    }
    let reply = get(&server, "/in/file", "");
    reply.is(503, "asked-answers");
    assert_eq!(reply.problem()["cause"], "none-healthy");
    assert!(reply.has("retry-after"));

    let silent = Upstream::silent();
    let server = before(&silent.url(), "http://127.0.0.1:1", ", time = '50ms'");
    let reply = get(&server, "/in/file", "");
    reply.is(504, "asked-answers");
    assert_eq!(reply.problem()["cause"], "answer-late");
    assert!(server.log_line("asked-answers").contains("answer-late"));

    let endless = Upstream::stepping(vec![
        Step::Read,
        Step::Write(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        Step::Repeat(vec![b'x'; 64 << 10], 1024),
        Step::Close,
    ]);
    let reply = get(&guarded(&endless), "/in/file", "");
    reply.is(502, "asked-answers");
    assert_eq!(reply.problem()["cause"], "content-too-large");
}

/// What costs less to find out comes first, and those methods alone are asked about that are said.
#[test]
fn nobody_is_asked_in_vain() {
    let asked = Upstream::start(by_cookie);
    let server = guarded(&asked);
    get(&server, "/closed/file", "Cookie: in\n").is(451, "legal");
    assert_eq!(get(&server, "/writes/file", "").text(), "here");
    assert_eq!(asked.received().len(), 0);
    let request =
        "PUT /writes/file HTTP/1.1\nHost: localhost\nContent-Length: 1\nExpect: 100-continue\n\n";
    let reply = server.ask(request);
    reply.is(401, "asked-knows");
    assert!(reply.interim.is_empty());
    assert_eq!(server.read("file"), b"here");
}

#[test]
fn who_asks_itself_does_not_ask_for_ever() {
    let asked = Upstream::start(by_cookie);
    let first = guarded(&asked);
    // What stands in front asks what stands behind, which asks in turn; each is asked once.
    let port = first.address.port();
    let second = before(&format!("http://localhost:{port}/in/file"), "http://127.0.0.1:1", "");
    assert_eq!(get(&second, "/in/file", "Cookie: in\n").text(), "here");
    let told = asked.done();
    assert_eq!(told.field("x-forwarded-uri"), Some("/in/file"));
    assert_eq!(asked.received().len(), 1);
    // A request that was through here before is known by its `Via`.
    let route = format!("{{ path = '/*', folder = 'site', auth = {{ ask = '{}' }} }}", asked.url());
    let server = setup().server("via = 'edge'").routes(&[&route]);
    let reply = get(&server, "/file", "Cookie: in\nVia: 1.1 edge\n");
    reply.is(502, "asked-answers");
    assert_eq!(reply.problem()["cause"], "loop");
}

/// Who was let in is let in again for a while; who was not is asked about again.
#[test]
fn remembering() {
    let asked = Upstream::start(by_cookie);
    let server = before(&asked.url(), "http://127.0.0.1:1", ", cache = '60s'");
    let mut client = server.connect();
    let mut ask = |fields: &str| {
        let request = format!("GET /in/file HTTP/1.1\nHost: localhost\n{fields}\n");
        client.send(&request);
        client.reply("GET").status
    };
    for _ in 0..3 {
        assert_eq!(ask("Cookie: in\n"), 200);
    }
    assert_eq!(asked.received().len(), 1);
    assert_eq!(ask("Cookie: in\nAuthorization: Bearer other\n"), 200);
    assert_eq!(asked.received().len(), 2, "another client may be another one");
    for count in 3..6 {
        assert_eq!(ask("Cookie: out\n"), 403);
        assert_eq!(asked.received().len(), count);
    }
    let unremembered = guarded(&asked);
    for count in 6..9 {
        assert_eq!(get(&unremembered, "/in/file", "Cookie: in\n").status, 200);
        assert_eq!(asked.received().len(), count);
    }
}

/// No more are asked about at once than is said; the others wait.
#[test]
fn asking_at_once_is_bounded() {
    let asked = Upstream::stepping(vec![Step::Read, Step::Await, Step::Write(good("").into())]);
    let server = before(&asked.url(), "http://127.0.0.1:1", ", at-once = 1");
    let address = server.address;
    thread::scope(|scope| {
        let all: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let mut client = crate::support::Client::connect(address);
                    client.send("GET /in/file HTTP/1.1\nHost: localhost\n\n");
                    client.reply("GET").status
                })
            })
            .collect();
        for count in 1..=3 {
            asked.heard();
            assert_eq!(asked.received().len(), count);
            asked.go_on();
        }
        for one in all {
            assert_eq!(one.join().unwrap(), 200);
        }
    });
}
