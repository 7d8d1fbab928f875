//! 429 Too Many Requests (RFC 6585 §4): a limit is reached. What is left of it is told before, when to come
//! back then; exactly as many pass as may, whoever asks them at once.

use std::sync::Barrier;
use std::thread;

use crate::every::error_holds;
use crate::support::configured::basic;
use crate::support::{Client, Configured, Reply, setup};
use crate::written::get;

/// So long that none is given back while a test runs.
const LIMITS: &str = "\
    [users.staff]\nhtpasswd = 'users'\n\
    [limits.few]\nrate = '3/day'\n\
    [limits.many]\nrate = '100/day'\n\
    [limits.user]\nrate = '2/day'\nby = 'user'\n\
    [limits.key]\nrate = '2/day'\nby = { field = 'X-Key' }\n\
    [limits.all]\nrate = '2/day'\nby = 'route'\n\
    [limits.burst]\nrate = '60/hour'\nburst = 2\n\
    [limits.one]\nat-once = 1\nby = 'route'\n";

fn limited(routes: &[&str]) -> Configured {
    let setup = setup().users(&[("anna", "secret"), ("bert", "secret")]);
    let routes = routes.join(",\n");
    setup
        .server("trusted-proxies = '127.0.0.1'")
        .serve(&format!("{LIMITS}[site.localhost]\nroute = [\n{routes}\n]\n"))
}

fn statuses(server: &Configured, target: &str, fields: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| get(server, target, fields).status).collect()
}

fn from(address: &str) -> String {
    format!("X-Forwarded-For: {address}\n")
}

/// The name of a limit, and a number that an item of a list tells of it (`"few";r=2;t=9`).
fn told(reply: &Reply, field: &str, limit: &str, parameter: &str) -> u64 {
    let value = reply.field(field).unwrap();
    let item = value.split(", ").find(|item| item.starts_with(&format!("\"{limit}\";")));
    let item = item.unwrap_or_else(|| panic!("{value} has nothing of {limit}"));
    let mut parameters = item.split(';').filter_map(|parameter| parameter.split_once('='));
    parameters.find(|(name, _)| *name == parameter).unwrap().1.parse().unwrap()
}

#[test]
fn the_limit_is_reached() {
    let server = limited(&["{ path = '/*', folder = 'site', limit = 'few' }"]);
    for left in [2, 1, 0] {
        let reply = get(&server, "/file", "");
        assert_eq!((reply.status, reply.text()), (200, "here"));
        assert_eq!(reply.field("ratelimit-policy"), Some("\"few\";q=3;w=86400"));
        assert_eq!(told(&reply, "ratelimit", "few", "r"), left, "told before the wall");
        assert!((1..=86400).contains(&told(&reply, "ratelimit", "few", "t")));
        assert!(!reply.has("retry-after"));
    }
    let reply = error_holds(&server, 429, "rate", "/file", "");
    assert_eq!(reply.field("ratelimit-policy"), Some("\"few\";q=3;w=86400"));
    assert_eq!(told(&reply, "ratelimit", "few", "r"), 0);
    let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=28800).contains(&seconds), "{seconds}: a third of a day brings one back");
    assert_eq!(reply.problem()["retry-after"], seconds);
    assert_eq!(reply.problem()["limit"], "few");
    assert!(reply.problem()["detail"].as_str().unwrap().contains("3 requests in 86400 seconds"));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert!(server.log_line("HTTP/1.1\" 429 ").contains("rate"));
}

/// Whatever the method and whatever comes of it; nothing is looked up once it is reached.
#[test]
fn every_request_counts() {
    let server = limited(&["{ path = '/*', folder = 'site', limit = 'few' }"]);
    for (request, status) in
        [("GET /none", 404), ("DELETE /file", 405), ("BREW /pot", 501), ("GET /file", 429)]
    {
        let reply = server.ask(&format!("{request} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, status, "{request}");
        assert!(reply.has("ratelimit"), "{request}");
    }
    let reply = server
        .ask("PUT /file HTTP/1.1\nHost: localhost\nContent-Length: 5\nExpect: 100-continue\n\n");
    reply.is(429, "rate");
    assert_eq!(reply.interim.len(), 0, "no content is invited");
}

/// Who has a whole network of IPv6 has no more than who has one address.
#[test]
fn by_network() {
    let server = limited(&["{ path = '/*', folder = 'site', limit = 'few' }"]);
    assert_eq!(statuses(&server, "/file", &from("192.0.2.1"), 4), [200, 200, 200, 429]);
    assert_eq!(statuses(&server, "/file", &from("192.0.2.2"), 1), [200], "a neighbour");
    assert_eq!(statuses(&server, "/file", &from("::ffff:192.0.2.1"), 1), [429], "the same");
    for (address, status) in [
        ("2001:db8:1:1::1", 200),
        ("2001:db8:1:1::2", 200),
        ("2001:db8:1:1:ffff::", 200),
        ("2001:db8:1:1:aaaa:bbbb:cccc:dddd", 429),
        ("2001:db8:1:2::1", 200),
    ] {
        assert_eq!(statuses(&server, "/file", &from(address), 1), [status], "{address}");
    }
    // What a client says of itself makes it nobody else.
    let spoofed: Vec<_> = (0..5)
        .map(|i| get(&server, "/file", &from(&format!("10.0.0.{i}, 192.0.2.9"))).status)
        .collect();
    assert_eq!(spoofed, [200, 200, 200, 429, 429]);
}

/// Who is not behind a trusted proxy is who it is, whatever it says.
#[test]
fn by_network_without_proxies() {
    let server = setup().serve(&format!(
        "[limits.few]\nrate = '3/day'\n[site.localhost]\nroute = {{ path = '/*', {} }}\n",
        "folder = 'site', limit = 'few'"
    ));
    let statuses: Vec<_> =
        (0..5).map(|i| get(&server, "/file", &from(&format!("192.0.2.{i}"))).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn by_user() {
    let server =
        limited(&["{ path = '/*', folder = 'site', auth = { users = 'staff' }, limit = 'user' }"]);
    let (anna, bert) = (basic("anna", "secret"), basic("bert", "secret"));
    assert_eq!(statuses(&server, "/file", &anna, 3), [200, 200, 429]);
    error_holds(&server, 429, "user-rate", "/file", &anna);
    assert_eq!(statuses(&server, "/file", &bert, 3), [200, 200, 429]);
    assert_eq!(statuses(&server, "/file", "", 3), [401, 401, 401], "who it is comes first");
}

/// Who has no name is counted by network.
#[test]
fn by_user_without_users() {
    let server = limited(&["{ path = '/*', folder = 'site', limit = 'user' }"]);
    assert_eq!(statuses(&server, "/file", &from("192.0.2.1"), 3), [200, 200, 429]);
    assert_eq!(statuses(&server, "/file", &from("192.0.2.2"), 1), [200]);
}

#[test]
fn by_field() {
    let server = limited(&["{ path = '/*', folder = 'site', limit = 'key' }"]);
    assert_eq!(statuses(&server, "/file", "X-Key: a\n", 3), [200, 200, 429]);
    assert_eq!(statuses(&server, "/file", "x-key: b\n", 3), [200, 200, 429]);
    assert_eq!(statuses(&server, "/file", "X-Key: a\n", 1), [429]);
    assert_eq!(statuses(&server, "/file", "", 3), [200, 200, 429], "those without are one");
}

/// All clients together; routes that have the same limit count apart.
#[test]
fn by_route() {
    let server = limited(&[
        "{ path = '/a/*', folder = 'site', limit = 'all' }",
        "{ path = '/b/*', folder = 'site', limit = 'all' }",
    ]);
    for target in ["/a/file", "/b/file"] {
        let statuses: Vec<_> =
            (0..3).map(|i| get(&server, target, &from(&format!("192.0.2.{i}"))).status).collect();
        assert_eq!(statuses, [200, 200, 429], "{target}");
    }
}

/// Routes that have the same limit by network share it.
#[test]
fn one_limit_for_two_routes() {
    let server = limited(&[
        "{ path = '/a/*', folder = 'site', limit = 'few' }",
        "{ path = '/b/*', folder = 'site', limit = 'few' }",
        "{ path = '/*', folder = 'site' }",
    ]);
    assert_eq!(statuses(&server, "/a/file", "", 2), [200, 200]);
    assert_eq!(statuses(&server, "/b/file", "", 2), [200, 429]);
    let free = get(&server, "/file", "");
    assert_eq!((free.status, free.field("ratelimit")), (200, None));
}

/// As many may come together as the burst says, however many may come in the whole time.
#[test]
fn a_burst() {
    let server = limited(&["{ path = '/*', folder = 'site', limit = 'burst' }"]);
    assert_eq!(statuses(&server, "/file", "", 3), [200, 200, 429]);
    let reply = get(&server, "/file", "");
    let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}: a minute brings one back");
}

/// Of several limits all are met, or none is used up.
#[test]
fn several_limits() {
    let server = limited(&[
        "{ path = '/*', folder = 'site', limit = ['many', 'few'] }",
        "{ path = '/many', folder = 'site', rewrite = '/file', limit = 'many' }",
    ]);
    assert_eq!(statuses(&server, "/file", "", 3), [200, 200, 200]);
    for _ in 0..5 {
        let reply = get(&server, "/file", "");
        reply.is(429, "rate");
        assert_eq!(reply.problem()["limit"], "few");
        assert_eq!(told(&reply, "ratelimit", "many", "r"), 97, "nothing of the other is used up");
        assert_eq!(told(&reply, "ratelimit-policy", "many", "q"), 100);
        assert_eq!(told(&reply, "ratelimit", "few", "r"), 0);
    }
    assert_eq!(told(&get(&server, "/many", ""), "ratelimit", "many", "r"), 96);
}

/// Nor is one that was taken before it was known who asks.
#[test]
fn limits_of_client_and_user() {
    let server = limited(&[
        "{ path = '/*', folder = 'site', auth = { users = 'staff' }, limit = ['many', 'user'] }",
        "{ path = '/many', folder = 'site', rewrite = '/file', limit = 'many' }",
    ]);
    let anna = basic("anna", "secret");
    assert_eq!(statuses(&server, "/file", &anna, 2), [200, 200]);
    for _ in 0..5 {
        let reply = get(&server, "/file", &anna);
        reply.is(429, "user-rate");
        assert_eq!(told(&reply, "ratelimit", "many", "r"), 98, "nothing of the other is used up");
    }
    assert_eq!(told(&get(&server, "/many", ""), "ratelimit", "many", "r"), 97);
}

/// Nor is a place among those in flight, or a rate where there is no place.
#[test]
fn limits_of_both_kinds() {
    let server =
        limited(&["{ path = '/*', folder = 'site', writable = true, limit = ['many', 'one'] }"]);
    let mut first = server.connect();
    first.send("PUT /new HTTP/1.1\nHost: localhost\nContent-Length: 2\nExpect: 100-continue\n\n");
    assert_eq!(first.head().status, 100);
    for _ in 0..3 {
        let reply = get(&server, "/file", "");
        reply.is(503, "at-once");
        assert_eq!(told(&reply, "ratelimit", "many", "r"), 99);
    }
    first.send_octets(b"ok");
    assert_eq!(first.reply("PUT").status, 201);
    let reply = get(&server, "/file", "");
    assert_eq!((reply.status, told(&reply, "ratelimit", "many", "r")), (200, 98));
}

/// Ten thousand requests, all sent before the first answer is read, on connections of both cores.
#[test]
fn exactly_as_many_pass() {
    const THREADS: usize = 8;
    const CONNECTIONS: usize = 25;
    const REQUESTS: usize = 50;
    const PASS: usize = 12;
    let server = setup().serve(&format!(
        "[limits.hourly]\nrate = '{PASS}/hour'\n[site.localhost]\n\
         route = {{ path = '/*', folder = 'site', limit = 'hourly' }}\n"
    ));
    let (address, barrier) = (server.address, &Barrier::new(THREADS));
    let passed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(move || {
                    let mut clients: Vec<_> =
                        (0..CONNECTIONS).map(|_| Client::connect(address)).collect();
                    barrier.wait();
                    for client in &mut clients {
                        client.send(&"GET /file HTTP/1.1\nHost: localhost\n\n".repeat(REQUESTS));
                    }
                    let mut passed = 0;
                    for client in &mut clients {
                        for _ in 0..REQUESTS {
                            match client.reply("GET").status {
                                200 => passed += 1,
                                status => assert_eq!(status, 429),
                            }
                        }
                    }
                    passed
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, PASS);
}
