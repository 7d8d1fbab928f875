//! 202 Accepted (RFC 9110 §15.3.3): it is stored, and is delivered to an upstream later. Its monitor says how far it is.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::every::{error_holds, holds};
use crate::support::configured::basic;
use crate::support::lies::good;
use crate::support::server::eventually;
use crate::support::upstream::{Act, Received, Step, Upstream};
use crate::support::{Configured, Reply, Running, setup};
use crate::written::get;

/// An inbox that delivers to the upstream at this URL, and a route that accepts for later what is preferred so.
pub fn configuration(url: &str, later: &str) -> String {
    format!(
        "[gateway.app]\nto = '{url}'\nunhealthy-after = 0\n\
         [later]\ndelay = '20ms'\ndelay-max = '100ms'\n{later}\n\
         [site.localhost]\nroute = [\n\
         {{ path = '/orders', inbox = {{ deliver-to = 'app' }} }},\n\
         {{ path = '/json', inbox = {{ deliver-to = '{url}/in/box', types = 'application/json' }} }},\n\
         {{ path = '/api/*', gateway = 'app', respond-async = true }},\n\
         {{ path = '/now/*', gateway = 'app' }},\n]\n"
    )
}

fn delivering(upstream: &Upstream, later: &str) -> Configured {
    setup().serve(&configuration(&upstream.url(), later))
}

fn post(server: &Running, target: &str, fields: &str, content: &str) -> Reply {
    let length = content.len();
    server.ask(&format!(
        "POST {target} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n{fields}\n{content}"
    ))
}

/// Posts it, and says where its monitor stands.
fn accepted(server: &Running, target: &str, fields: &str, content: &str) -> String {
    let reply = post(server, target, fields, content);
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.field("location").unwrap().to_owned()
}

fn progress(server: &Running, monitor: &str) -> Value {
    let reply = get(server, monitor, "");
    assert_eq!((reply.status, reply.field("content-type")), (200, Some("application/json")));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let progress: Value = serde_json::from_slice(&reply.content).unwrap();
    assert_eq!(reply.has("retry-after"), progress["state"] == "pending", "{reply:?}");
    progress
}

/// What the monitor says once it is settled.
fn settled(server: &Running, monitor: &str) -> Value {
    let mut last = Value::Null;
    eventually("that it is settled", || {
        last = progress(server, monitor);
        last["state"] != "pending"
    });
    last
}

/// One destination that takes for ever has its own share of the places, and what waits for it goes when it can.
#[test]
fn who_hangs_holds_up_no_other() {
    let (slow, fast) = (holding(), answering(&[200]));
    let server = setup().serve(&format!(
        "[gateway.slow]\nto = '{}'\n[gateway.fast]\nto = '{}'\n[later]\nat-once = 3\n[site.localhost]\nroute = [\n\
         {{ path = '/slow', inbox = {{ deliver-to = 'slow' }} }},\n\
         {{ path = '/fast', inbox = {{ deliver-to = 'fast' }} }},\n]\n",
        slow.url(),
        fast.url()
    ));
    let waiting: Vec<String> = (0..5).map(|_| accepted(&server, "/slow", "", "a=b")).collect();
    let _ = slow.heard();
    for _ in 0..3 {
        let monitor = accepted(&server, "/fast", "", "a=b");
        assert_eq!(settled(&server, &monitor)["state"], "delivered");
    }
    assert_eq!(slow.received().len(), 1);
    assert!(waiting.iter().all(|monitor| progress(&server, monitor)["tries"] == 0));
    for _ in &waiting {
        slow.go_on();
    }
    for monitor in &waiting {
        assert_eq!(settled(&server, monitor)["state"], "delivered");
    }
    assert_eq!(slow.received().len(), 5);
}

/// Answers with each of these statuses in turn, and with the last from then on.
fn answering(statuses: &'static [u16]) -> Upstream {
    let count = AtomicUsize::new(0);
    Upstream::start(move |_| {
        let at = count.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1);
        let status = statuses[at];
        Act::Answer(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes())
    })
}

fn holding() -> Upstream {
    let steps = vec![Step::Read, Step::Await, Step::Write(good("done").into_bytes())];
    Upstream::stepping(steps)
}

fn key(received: &Received) -> String {
    received.field("idempotency-key").unwrap().to_owned()
}

#[test]
fn what_is_posted_is_accepted_and_delivered() {
    let upstream = holding();
    let server = delivering(&upstream, "");
    let fields = "Content-Type: text/plain\nX-Own: y\nConnection: x-hop\nX-Hop: z\n";
    let reply = post(&server, "/orders?a=b", fields, "an order");
    assert_eq!((reply.status, &*reply.phrase), (202, "Accepted"));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    assert!(reply.has("retry-after") && reply.has("request-id"), "{reply:?}");
    assert!(!reply.has("preference-applied"));
    let said: Value = serde_json::from_slice(&reply.content).unwrap();
    assert_eq!((&said["state"], &said["tries"]), (&"pending".into(), &0.into()));
    assert!(server.log_line("/orders").contains("accepted-for-later"));

    let monitor = reply.field("location").unwrap();
    let id = monitor.strip_prefix("/.well-known/wherefore/later/").unwrap();
    assert_eq!(id.len(), 32);
    let pending = holds(&server, 200, monitor, "");
    assert!(pending.has("retry-after"), "{pending:?}");
    assert_eq!(progress(&server, monitor)["state"], "pending");
    let page = holds(&server, 200, monitor, "Accept: text/html\n");
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("To be delivered"), "{page:?}");

    let heard = upstream.heard();
    assert_eq!((&*heard.method, &*heard.target), ("POST", "/orders?a=b"));
    for (name, value) in [
        ("host", "localhost"),
        ("content-type", "text/plain"),
        ("content-length", "8"),
        ("x-own", "y"),
        ("x-forwarded-for", "127.0.0.1"),
    ] {
        assert_eq!(heard.field(name), Some(value), "{}", heard.head);
    }
    assert_eq!(heard.field("x-hop"), None);
    assert_eq!(key(&heard), format!("\"{id}\""));
    upstream.go_on();
    assert_eq!(upstream.done().text(), "an order");
    let delivered = settled(&server, monitor);
    assert_eq!((&delivered["state"], &delivered["status"]), (&"delivered".into(), &200.into()));
    holds(&server, 200, monitor, "");
    assert_eq!(upstream.received().len(), 1);
}

#[test]
fn an_inbox_takes_the_types_that_it_says_and_its_url_is_asked_for() {
    let upstream = Upstream::always(good(""));
    let server = delivering(&upstream, "");
    let monitor = accepted(&server, "/json?a", "Content-Type: application/json\n", "{}");
    assert_eq!(upstream.done().target, "/in/box?a");
    assert_eq!(settled(&server, &monitor)["state"], "delivered");
    let reply = post(&server, "/json", "Content-Type: text/plain\n", "x");
    reply.is(415, "inbox-type");
    get(&server, "/json", "").is(405, "inbox-method");
}

#[test]
fn an_upstream_that_comes_up_late() {
    let address = Upstream::always(good("")).stop();
    let server = setup().serve(&configuration(&format!("http://{address}"), ""));
    let monitor = accepted(&server, "/orders", "", "late");
    eventually("two tries", || progress(&server, &monitor)["tries"].as_u64().unwrap() >= 2);
    let pending = progress(&server, &monitor);
    assert_eq!(
        (&pending["last"]["id"], &pending["last"]["status"]),
        (&"refused".into(), &502.into())
    );
    assert!(!pending.to_string().contains(&address.port().to_string()), "{pending}");
    assert!(server.notice("is not delivered to app yet").contains("refuses"));
    let upstream = Upstream::start_at(address, |_| Act::Answer(good("").into_bytes()));
    assert_eq!(upstream.done().text(), "late");
    assert_eq!(settled(&server, &monitor)["state"], "delivered");
}

#[test]
fn what_may_pass_is_tried_again_under_the_same_key() {
    let upstream = answering(&[503, 429, 500, 204]);
    let server = delivering(&upstream, "");
    let monitor = accepted(&server, "/orders", "", "again");
    let delivered = settled(&server, &monitor);
    assert_eq!(delivered["status"], 204);
    let received = upstream.received();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|one| one.text() == "again" && key(one) == key(&received[0])));
}

/// An answer that goes on and on is not waited for: that it was taken is said by its head.
#[test]
fn the_head_of_an_answer_says_that_it_was_taken() {
    let head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n".to_vec();
    let upstream = Upstream::stepping(vec![Step::Read, Step::Write(head), Step::AwaitEnd]);
    let server = delivering(&upstream, "");
    let monitor = accepted(&server, "/orders", "", "x");
    assert_eq!(settled(&server, &monitor)["status"], 201);
    assert!(upstream.done().end.is_some());
}

fn letters(folder: &Path) -> Vec<String> {
    let mut texts: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    texts.sort();
    texts
}

#[test]
fn what_is_refused_for_good_is_a_dead_letter() {
    let upstream = answering(&[400]);
    let server = delivering(&upstream, "dead-letters = 'dead'");
    let monitor = accepted(&server, "/orders", "X-Own: y\n", "bad");
    let failed = settled(&server, &monitor);
    assert_eq!((&failed["state"], &failed["tries"]), (&"failed".into(), &1.into()));
    assert_eq!((&failed["why"]["id"], &failed["why"]["status"]), (&"answered".into(), &400.into()));
    assert!(server.notice("is a dead letter").contains("400 Bad Request"));
    let letters = letters(&server.path().join("dead"));
    let [head, content] = &letters[..] else { panic!("{letters:?}") };
    assert!(head.contains("POST /orders HTTP/1.1\n") && head.contains("X-Own: y\n"), "{head}");
    assert_eq!(content, "bad");
}

#[test]
fn what_fails_too_often_is_a_dead_letter() {
    let upstream = answering(&[500]);
    let server = delivering(&upstream, "tries = 2");
    let monitor = accepted(&server, "/orders", "", "bad");
    let failed = settled(&server, &monitor);
    assert_eq!((&failed["tries"], &failed["why"]["status"]), (&2.into(), &500.into()));
    assert_eq!(upstream.received().len(), 2);
    assert_eq!(letters(&server.state().join("deliveries/dead-letters")).len(), 2);
}

#[test]
fn a_gateway_accepts_what_is_preferred_to_be() {
    let upstream = Upstream::always(good("now"));
    let server = delivering(&upstream, "");
    let fields = "Prefer: wait=10, respond-async\n";
    let reply = post(&server, "/api/a", fields, "x");
    assert_eq!((reply.status, reply.field("preference-applied")), (202, Some("respond-async")));
    let monitor = reply.field("location").unwrap();
    assert_eq!(settled(&server, monitor)["state"], "delivered");
    let received = upstream.done();
    assert_eq!((&*received.target, received.field("prefer")), ("/api/a", None));
    for (target, fields) in [("/api/a", ""), ("/api/a", "Prefer: wait=10\n"), ("/now/a", fields)] {
        let reply = post(&server, target, fields, "x");
        assert_eq!((reply.status, reply.text()), (200, "now"), "{target} {fields}");
        assert!(!reply.has("preference-applied"));
        assert_eq!(upstream.done().field("idempotency-key"), None);
    }
    // What only reads is for its answer alone.
    assert_eq!(get(&server, "/api/a", fields).text(), "now");
}

#[test]
fn one_key_is_one_delivery() {
    let upstream = holding();
    let server = delivering(&upstream, "");
    let first = accepted(&server, "/orders", "Idempotency-Key: \"k 1\"\n", "one");
    assert_eq!(key(&upstream.heard()), "\"k 1\"");
    assert_eq!(accepted(&server, "/orders", "Idempotency-Key: \"k 1\"\n", "one"), first);
    for (target, content) in [("/orders", "two"), ("/orders?a", "one")] {
        let reply = post(&server, target, "Idempotency-Key: \"k 1\"\n", content);
        reply.is(422, "later-key");
    }
    assert_ne!(accepted(&server, "/orders", "Idempotency-Key: \"k 2\"\n", "one"), first);
    upstream.go_on();
    upstream.go_on();
    assert_eq!(settled(&server, &first)["state"], "delivered");
    // The key is remembered as long as what it stands for.
    assert_eq!(accepted(&server, "/orders", "Idempotency-Key: \"k 1\"\n", "one"), first);
    let server = server.crash_and_restart();
    assert_eq!(accepted(&server, "/orders", "Idempotency-Key: \"k 1\"\n", "one"), first);
    assert_eq!(progress(&server, &first)["state"], "delivered");
    let long = format!("Idempotency-Key: \"{}\"\n", "k".repeat(300));
    post(&server, "/orders", &long, "one").is(431, "later-head");
}

#[test]
fn no_more_wait_than_may() {
    let upstream = holding();
    let server = delivering(&upstream, "pending = 1");
    let monitor = accepted(&server, "/orders", "", "one");
    let reply = post(&server, "/orders", "", "two");
    reply.is(503, "later-room");
    assert!(reply.field("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    // Nobody is invited in vain.
    let mut client = server.connect();
    client.send(
        "POST /orders HTTP/1.1\nHost: localhost\nContent-Length: 3\nExpect: 100-continue\n\n",
    );
    let reply = client.reply("POST");
    assert_eq!((reply.status, reply.interim.len()), (503, 0));
    upstream.go_on();
    assert_eq!(settled(&server, &monitor)["state"], "delivered");
    accepted(&server, "/orders", "", "three");
    upstream.go_on();
}

#[test]
fn no_more_content_than_may_be() {
    let upstream = Upstream::always(good(""));
    let server = delivering(&upstream, "content-max = '10B'");
    accepted(&server, "/orders", "", "0123456789");
    post(&server, "/orders", "", "0123456789a").is(413, "later-size");
    let request = "POST /orders HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n";
    server.ask(&format!("{request}b\n0123456789a\n0\n\n")).is(413, "later-size");
    assert_eq!(server.ask(&format!("{request}a\n0123456789\n0\n\n")).status, 202);
    eventually("both are delivered", || upstream.received().len() == 2);
}

#[test]
fn large_content_is_streamed_through_the_disk() {
    let upstream = Upstream::always(good(""));
    let server = delivering(&upstream, "");
    let content: String = (0..3 << 20).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
    let mut client = server.connect();
    client.send(&format!(
        "POST /orders HTTP/1.1\nHost: localhost\nExpect: 100-continue\nContent-Length: {}\n\n",
        content.len()
    ));
    assert_eq!(client.head().status, 100);
    client.send_octets(content.as_bytes());
    let reply = client.reply("POST");
    assert_eq!(reply.status, 202, "{reply:?}");
    let received = upstream.done();
    assert!(received.text() == content);
    assert_eq!(received.field("expect"), None);
    assert_eq!(settled(&server, reply.field("location").unwrap())["state"], "delivered");
    let spool = server.state().join("deliveries/spool");
    eventually("its file is gone", || fs::read_dir(&spool).unwrap().count() == 0);
}

#[test]
fn monitors_are_read_and_nothing_else() {
    let upstream = Upstream::always(good(""));
    let server = delivering(&upstream, "monitors = '/state of things/'");
    let monitor = accepted(&server, "/orders", "", "x");
    assert!(monitor.starts_with("/state%20of%20things/"), "{monitor}");
    settled(&server, &monitor);
    let unknown = format!("/state%20of%20things/{}", "0".repeat(32));
    for target in [unknown.as_str(), "/state%20of%20things/x"] {
        error_holds(&server, 404, "monitor-known", target, "");
    }
    get(&server, "/.well-known/wherefore/later/x", "").is(404, "nameable");
    let reply = server.ask(&format!("DELETE {monitor} HTTP/1.1\nHost: localhost\n\n"));
    assert_eq!(reply.is(405, "monitor-method").field("allow"), Some("GET, HEAD, OPTIONS"));
    let reply = server.ask(&format!("OPTIONS {monitor} HTTP/1.1\nHost: localhost\n\n"));
    assert_eq!((reply.status, reply.field("allow")), (200, Some("GET, HEAD, OPTIONS")));
}

/// A reload may take a destination away: what goes there is kept, and goes there once it is said again.
#[test]
fn a_destination_that_is_gone_for_a_while() {
    let address = Upstream::always(good("")).stop();
    let server = setup().serve(&configuration(&format!("http://{address}"), ""));
    let monitor = accepted(&server, "/orders", "", "kept");
    let file = server.path().join("wherefore.toml");
    let before = fs::read_to_string(&file).unwrap();
    let none = before.split("[gateway.app]").next().unwrap();
    let route = "[site.localhost]\nroute = [{ path = '/m/*', gateway = 'http://[::1]:9' }]\n";
    // The monitors are gone with what needs them.
    fs::write(&file, format!("{none}{route}")).unwrap();
    server.signal("HUP");
    server.notice("what is to be delivered to app is kept");
    get(&server, &monitor, "").is(404, "nameable");
    let upstream = Upstream::start_at(address, |_| Act::Answer(good("").into_bytes()));
    fs::write(&file, before).unwrap();
    server.signal("HUP");
    assert_eq!(upstream.done().text(), "kept");
    assert_eq!(settled(&server, &monitor)["state"], "delivered");
}

/// So it is where a server is started without: what an earlier one left is not forgotten.
#[test]
fn a_server_that_accepts_nothing_keeps_what_was_accepted() {
    let address = Upstream::always(good("")).stop();
    let server = setup().serve(&configuration(&format!("http://{address}"), ""));
    let monitor = accepted(&server, "/orders", "", "kept");
    let file = server.path().join("wherefore.toml");
    let before = fs::read_to_string(&file).unwrap();
    let none = before.split("[gateway.app]").next().unwrap();
    let route = "[site.localhost]\nroute = [{ path = '/*', folder = 'site' }]\n";
    fs::write(&file, format!("{none}{route}")).unwrap();
    let server = server.crash_and_restart();
    server.notice("what is to be delivered to app is kept");
    let upstream = Upstream::start_at(address, |_| Act::Answer(good("").into_bytes()));
    fs::write(&file, before).unwrap();
    let server = server.crash_and_restart();
    assert_eq!(upstream.done().text(), "kept");
    assert_eq!(settled(&server, &monitor)["state"], "delivered");
}

/// The place for what is accepted is opened at the start, or not at all.
#[test]
fn a_reload_that_begins_to_accept_is_refused() {
    let server = setup().routes(&["{ path = '/*', folder = 'site' }"]);
    let file = server.path().join("wherefore.toml");
    let before = fs::read_to_string(&file).unwrap();
    let server_table = before.split("[site.localhost]").next().unwrap();
    let later = configuration("http://127.0.0.1:9", "");
    fs::write(&file, format!("{server_table}{later}")).unwrap();
    server.signal("HUP");
    server.notice("something is accepted for later now");
    assert_eq!(get(&server, "/file", "").text(), "here");
}

/// Monitors have the policies of their site.
#[test]
fn who_may_not_ask_the_site_may_not_ask_its_monitors() {
    let upstream = Upstream::always(good(""));
    let server = setup().users(&[("anna", "secret")]).serve(&format!(
        "[users.staff]\nhtpasswd = 'users'\n[site.localhost]\nauth = {{ users = 'staff' }}\nmethods = 'POST'\n\
         route = [{{ path = '/in/*', inbox = {{ deliver-to = '{}/b' }} }}]\n",
        upstream.url()
    ));
    let anna = basic("anna", "secret");
    let monitor = accepted(&server, "/in/a%20b?c", &anna, "x");
    assert_eq!(upstream.done().target, "/b/a%20b?c");
    get(&server, &monitor, "").is(401, "credentials-sent");
    assert_eq!(get(&server, &monitor, &anna).status, 200);
}

/// Who is asked who may come in is believed, in place of the client, by the upstream that hears of it later.
#[test]
fn what_somebody_else_says_of_the_client_is_kept() {
    let asked = Upstream::always("HTTP/1.1 204 No Content\r\nRemote-User: anna\r\n\r\n");
    let upstream = Upstream::always(good(""));
    let (ask, url) = (asked.url(), upstream.url());
    let server = setup().serve(&format!(
        "[site.localhost]\nroute = [{{ path = '/in', inbox = {{ deliver-to = '{url}' }}, \
         auth = {{ ask = '{ask}', copy = ['Remote-User', 'X-Groups'] }} }}]\n"
    ));
    accepted(&server, "/in", "Remote-User: root\nX-Groups: wheel\n", "x");
    let received = upstream.done();
    assert_eq!((received.field("remote-user"), received.field("x-groups")), (Some("anna"), None));
}

/// A server that is told to end does not wait for upstreams: the next one delivers what was under way.
#[test]
fn what_is_under_way_at_the_end_is_delivered_later() {
    let upstream = holding();
    let server = delivering(&upstream, "");
    let monitor = accepted(&server, "/orders", "", "twice");
    let first = upstream.heard();
    let server = server.stop_and_restart();
    assert_eq!(key(&upstream.heard()), key(&first));
    // The first that waits is that of the server that ended.
    upstream.go_on();
    upstream.go_on();
    assert_eq!(settled(&server, &monitor)["state"], "delivered");
}
