//! 503 Service Unavailable (RFC 9110 §15.6.4): as much is under way as may be, and the client is told when
//! to come back.

use std::io;
use std::sync::{Arc, Condvar, Mutex};

use wherefore_decide::policy::{Compress, Route};
use wherefore_store::{
    Coding, Conflict, CreateFolders, FileInfo, Listing, Look, LookFor, MemoryStore, Opened,
    Removed, Staged, Store, StoreError, Wait, Written,
};

use crate::every::error_holds;
use crate::support::inside::{serve, serve_route};
use crate::support::server::eventually;
use crate::support::tokens::in_seconds;
use crate::support::{Client, Configured, Reply, Running, setup, start};
use crate::written::get;

fn is_503(reply: &Reply, rule: &str) {
    reply.is(503, rule);
    let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=300).contains(&seconds), "{seconds}");
    assert_eq!(reply.problem()["retry-after"], seconds);
    assert_eq!(reply.field("cache-control"), Some("no-store"));
}

/// An upload that is under way: it was invited, and is not finished.
fn upload(server: &Running, name: &str) -> Client {
    let mut client = server.connect();
    client.send(&format!(
        "PUT /{name} HTTP/1.1\nHost: localhost\nContent-Length: 4\nExpect: 100-continue\n\n"
    ));
    assert_eq!(client.head().status, 100);
    client.send_octets(b"ha");
    client
}

#[test]
fn as_many_requests_are_in_flight_as_may_be() {
    let server = start(&["--writable", "--limit", "requests-in-flight=3"]);
    let mut uploads: Vec<Client> =
        ["a", "b", "c"].into_iter().map(|name| upload(&server, name)).collect();
    for request in [
        "GET / HTTP/1.1\nHost: localhost\n\n",
        "PUT /d HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nd",
        "OPTIONS * HTTP/1.1\nHost: localhost\n\n",
    ] {
        let mut client = server.connect();
        client.send(request);
        let reply = client.reply_to(request);
        is_503(&reply, "overload");
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(client.is_closed());
    }
    assert!(server.log_line("overload").contains(" 503 "));
    // It is a page to a person who comes by a browser.
    let page = server.ask("GET / HTTP/1.1\nHost: localhost\nAccept: text/html\n\n");
    assert_eq!(page.status, 503);
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert!(page.has("retry-after"));

    for upload in &mut uploads {
        upload.send_octets(b"lf");
        assert_eq!(upload.reply("PUT").status, 201);
    }
    assert_eq!(server.ask("GET /a HTTP/1.1\nHost: localhost\n\n").text(), "half");
    assert!(!server.folder().join("d").exists());
}

#[test]
fn uploads_that_break_off_make_room() {
    let server = start(&["--writable", "--limit", "requests-in-flight=2"]);
    for _ in 0..5 {
        let (first, second) = (upload(&server, "a"), upload(&server, "b"));
        is_503(&server.ask("GET / HTTP/1.1\nHost: localhost\n\n"), "overload");
        drop((first, second));
        // The log tells when each has ended.
        server.log_line("client-aborted");
        server.log_line("client-aborted");
    }
    assert_eq!(server.ask("GET / HTTP/1.1\nHost: localhost\n\n").status, 200);
}

/// A connection on which a request was answered.
fn visitor(server: &Running) -> Client {
    let mut client = server.connect();
    client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(client.reply("GET").status, 200);
    client
}

#[test]
fn as_many_connections_are_open_as_may_be() {
    for limit in ["connections=2", "connections-an-address=2"] {
        let server = start(&["--limit", limit]);
        server.file("file", "here");
        let (mut first, second) = (visitor(&server), visitor(&server));
        let mut third = server.connect();
        third.send("GET /file HTTP/1.1\nHost: localhost\n\n");
        let reply = third.reply("GET");
        is_503(&reply, "overload");
        assert_eq!(reply.field("connection"), Some("close"));
        assert!(third.is_closed());
        // Those that are open are served.
        first.send("GET /file HTTP/1.1\nHost: localhost\nConnection: close\n\n");
        assert_eq!(first.reply("GET").text(), "here");
        assert!(first.is_closed());
        // The place of one that has left is given to another.
        eventually("a place is given again", || {
            server.ask("GET /file HTTP/1.1\nHost: localhost\n\n").status == 200
        });
        drop(second);
    }
}

/// A store in memory whose looks wait on a worker thread, for names that say so, until they are let go, and
/// whose files change whenever they are opened, for others.
struct Slow {
    store: MemoryStore,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        let _open = self.changed.wait_while(state, |state| !state.1).unwrap();
    }

    /// Waits until somebody waits.
    fn occupied(&self) {
        let state = self.state.lock().unwrap();
        let _occupied = self.changed.wait_while(state, |state| state.0 == 0).unwrap();
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

impl Slow {
    fn holding(names: &[&str], gate: &Arc<Gate>) -> Self {
        let store = MemoryStore::new();
        for name in names {
            let mut staged = store.stage(b"/", None).unwrap();
            staged.write(b"content").unwrap();
            store.replace(name.as_bytes(), staged, CreateFolders::No, &mut |_| true).unwrap();
        }
        Self { store, gate: Arc::clone(gate) }
    }
}

impl Store for Slow {
    fn look(&self, path: &[u8], what: LookFor, wait: Wait) -> Result<Look, StoreError> {
        match (path.starts_with(b"/slow"), path.starts_with(b"/cold"), wait) {
            (true, _, Wait::No) | (_, true, Wait::No) => return Err(StoreError::WouldWait),
            (true, _, Wait::Yes) => self.gate.pass(),
            _ => {}
        }
        self.store.look(path, what, wait)
    }

    fn open(&self, path: &[u8], coding: Option<Coding>, wait: Wait) -> Result<Opened, StoreError> {
        if path.starts_with(b"/unread") && wait == Wait::No {
            return Err(StoreError::WouldWait);
        }
        if path.starts_with(b"/restless") {
            return Err(Conflict::Changed.into());
        }
        self.store.open(path, coding, wait)
    }

    fn list(&self, path: &[u8], members_max: usize) -> Result<Listing, StoreError> {
        self.store.list(path, members_max)
    }

    fn stage(&self, parent: &[u8], announced: Option<u64>) -> Result<Box<dyn Staged>, StoreError> {
        self.store.stage(parent, announced)
    }

    fn replace(
        &self,
        path: &[u8],
        staged: Box<dyn Staged>,
        folders: CreateFolders,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        if path.starts_with(b"/slow") {
            self.gate.pass();
        }
        self.store.replace(path, staged, folders, allow)
    }

    fn create_member(
        &self,
        folder: &[u8],
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError> {
        self.store.create_member(folder, names, staged)
    }

    fn remove(
        &self,
        path: &[u8],
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError> {
        self.store.remove(path, allow, before)
    }

    fn generation(&self, path: &[u8]) -> u64 {
        self.store.generation(path)
    }
}

#[test]
fn the_workers_have_as_much_to_do_as_they_may_have() {
    let gate = Arc::new(Gate::default());
    let slow = Arc::new(Slow::holding(&["/slow", "/cold", "/unread", "/fine"], &gate));
    let server = serve(slow, &[("workers", "1"), ("worker-queue", "0")]);
    let mut waiting = server.connect();
    waiting.send("GET /slow HTTP/1.1\nHost: localhost\n\n");
    gate.occupied();

    for request in [
        "GET /cold HTTP/1.1\nHost: localhost\n\n",
        "GET /unread HTTP/1.1\nHost: localhost\n\n",
        "GET / HTTP/1.1\nHost: localhost\n\n",
        "GET /fine HTTP/1.1\nHost: localhost\nWant-Repr-Digest: sha-256=1\n\n",
    ] {
        is_503(&server.ask(request), "busy");
    }
    // What needs no worker is served, and what writes has threads of its own.
    assert_eq!(server.ask("GET /fine HTTP/1.1\nHost: localhost\n\n").text(), "content");
    let put = "PUT /new HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx";
    assert_eq!(server.ask(put).status, 201);

    gate.open();
    assert_eq!(waiting.reply("GET").text(), "content");
    for name in ["/cold", "/unread"] {
        let reply = server.ask(&format!("GET {name} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.text(), "content");
    }
}

#[test]
fn as_many_writes_wait_for_the_disk_as_may() {
    let gate = Arc::new(Gate::default());
    let slow = Arc::new(Slow::holding(&["/cold", "/fine"], &gate));
    let server = serve(slow, &[("writers", "1"), ("worker-queue", "0")]);
    let put = |path: &str| format!("PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx");
    let mut waiting = server.connect();
    waiting.send(&put("/slow"));
    gate.occupied();

    is_503(&server.ask(&put("/new")), "busy");
    is_503(&server.ask("DELETE /fine HTTP/1.1\nHost: localhost\n\n"), "busy");
    // Who reads waits for none of them, even where that takes a thread.
    assert_eq!(server.ask("GET /cold HTTP/1.1\nHost: localhost\n\n").text(), "content");

    gate.open();
    assert_eq!(waiting.reply("PUT").status, 201);
    assert_eq!(server.ask(&put("/new")).status, 201);
    assert_eq!(server.ask("DELETE /fine HTTP/1.1\nHost: localhost\n\n").status, 204);
}

/// It is no reason for 503 that nobody is there to encode: then the file is sent as it is.
#[test]
fn what_nobody_can_encode_now_is_sent_as_it_is() {
    let gate = Arc::new(Gate::default());
    let slow = Arc::new(Slow::holding(&["/slow"], &gate));
    let limits = [("workers", "1"), ("worker-queue", "0")];
    let compress = Some(Arc::new(Compress::usual()));
    let server = serve_route(slow, &limits, |route| Route { compress, ..route });
    let text = "content ".repeat(300_000);
    for (target, text) in [("/small.txt", &text[..2000]), ("/large.txt", &text)] {
        let length = text.len();
        let put =
            format!("PUT {target} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\n{text}");
        assert_eq!(server.ask(&put).status, 201);
    }
    let mut waiting = server.connect();
    waiting.send("GET /slow HTTP/1.1\nHost: localhost\n\n");
    gate.occupied();
    let get = |target: &str| {
        server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\nAccept-Encoding: gzip\n\n"))
    };
    for (target, length) in [("/small.txt", 2000), ("/large.txt", text.len())] {
        let reply = get(target);
        assert_eq!((reply.status, reply.field("content-encoding")), (200, None));
        assert_eq!(reply.field("vary"), Some("Accept-Encoding"));
        assert!(reply.content == text.as_bytes()[..length]);
    }
    gate.open();
    assert_eq!(waiting.reply("GET").text(), "content");
    for target in ["/small.txt", "/large.txt"] {
        eventually("it is encoded again", || get(target).has("content-encoding"));
    }
}

/// Whoever reads is in nobody's way, so this is no conflict of theirs.
#[test]
fn a_file_that_changes_whenever_it_is_opened() {
    let store = Slow::holding(&["/restless", "/fine"], &Arc::default());
    let server = serve(Arc::new(store), &[]);
    let reply = server.ask("GET /restless HTTP/1.1\nHost: localhost\n\n");
    is_503(&reply, "busy");
    assert_eq!(reply.field("retry-after"), Some("1"));
    assert_eq!(server.ask("GET /fine HTTP/1.1\nHost: localhost\n\n").text(), "content");
}

/// This many seconds from now, as TOML has it.
fn moment(seconds: i64) -> String {
    let moment = u64::try_from(in_seconds(seconds)).unwrap();
    let (days, second) = (moment / 86400, moment % 86400);
    // Days since the first of March of the year 0, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, year) =
        if month < 10 { (month + 3, year + era * 400) } else { (month - 9, year + era * 400 + 1) };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[test]
fn closed_for_maintenance() {
    let server = setup().file("page.html", "<h1>Back soon</h1> {{detail}}").routes(&[
        "{ path = '/*', folder = 'site' }",
        "{ path = '/closed/*', folder = 'site', maintenance = true }",
        &format!(
            "{{ path = '/until/*', folder = 'site', maintenance = {{ until = {}, \
             reason = 'The disks are replaced.', page = 'page.html' }} }}",
            moment(3600)
        ),
        &format!(
            "{{ path = '/over/*', folder = 'site', maintenance = {{ until = {} }} }}",
            moment(-1)
        ),
    ]);
    let reply = error_holds(&server, 503, "maintenance", "/closed/file", "");
    is_503(&reply, "maintenance");

    let reply = error_holds(&server, 503, "maintenance", "/until/file", "");
    let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
    assert!((3300..=3600).contains(&seconds), "{seconds}");
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let detail = reply.problem()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("The disks are replaced."), "{detail}");
    assert!(!reply.has("etag") && !reply.has("connection"));

    // People see the page, with the same status and fields.
    let page = get(&server, "/until/file", "Accept: text/html\n");
    assert_eq!(page.status, 503);
    assert!(page.text().starts_with("<h1>Back soon</h1> The disks are replaced."), "{page:?}");
    assert!(page.has("retry-after"));
    assert_eq!(page.field("cache-control"), Some("no-store"));
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));

    // What is over is over, and the rest of the site was never closed.
    assert_eq!(get(&server, "/over/file", "").text(), "here");
    assert_eq!(get(&server, "/file", "").text(), "here");
}

/// Whatever is asked, whoever asks it, and before its content is wanted.
#[test]
fn closed_to_everybody() {
    let server = setup().users(&[("anna", "secret")]).serve(
        "[users.staff]\nhtpasswd = 'users'\n[site.localhost]\nmaintenance = true\n\
         auth = { users = 'staff' }\nroute = [\n{ path = '/*', folder = 'site', writable = true },\n\
         { path = '/old', redirect = '/new' },\n{ path = '/status', folder = 'site', \
         rewrite = '/file', maintenance = false, auth = false }\n]\n",
    );
    for request in ["GET /file", "PUT /new", "DELETE /file", "GET /old", "BREW /pot"] {
        let reply = server.ask(&format!(
            "{request} HTTP/1.1\nHost: localhost\nContent-Length: 3\nExpect: 100-continue\n\n"
        ));
        is_503(&reply, "maintenance");
        assert!(reply.interim.is_empty() && !reply.has("www-authenticate"), "{request}");
    }
    assert_eq!(get(&server, "/status", "").text(), "here", "but for what is left open");
    assert_eq!(server.read("file"), b"here");
}

fn one_at_once() -> Configured {
    setup().serve(
        "[limits.one]\nat-once = 1\nby = 'route'\n[limits.each]\nat-once = 1\n\
         [site.localhost]\nroute = [\n{ path = '/*', folder = 'site', writable = true },\n\
         { path = '/one/*', folder = 'site', writable = true, limit = 'one' },\n\
         { path = '/each/*', folder = 'site', writable = true, limit = 'each' },\n]\n",
    )
}

/// As many requests are in flight as the route takes at once. The place of one that ends is another's, though
/// its connection stays.
#[test]
fn as_many_at_once_as_a_route_takes() {
    let server = one_at_once();
    for round in 0..20 {
        let mut first = upload(&server, &format!("one/{round}"));
        let reply = get(&server, "/one/file", "");
        is_503(&reply, "at-once");
        assert_eq!(reply.field("connection"), None);
        if round == 0 {
            error_holds(&server, 503, "at-once", "/one/file", "");
            assert_eq!(get(&server, "/file", "").status, 200, "other routes are open");
        }
        first.send_octets(b"lf");
        assert_eq!(first.reply("PUT").status, 201);
        assert_eq!(get(&server, "/one/file", "").status, 200, "the place is free at once");
    }
}

/// Nor does a next request that has begun to arrive keep the place of the one before.
#[test]
fn a_place_is_given_back_with_the_answer() {
    let server = one_at_once();
    let mut first = server.connect();
    first.send("GET /one/file HTTP/1.1\nHost: localhost\n\nGET /one/file HTTP/1.1\n");
    assert_eq!(first.reply("GET").text(), "here");
    assert_eq!(get(&server, "/one/file", "").status, 200);
    first.send("Host: localhost\n\n");
    assert_eq!(first.reply("GET").text(), "here");
}

/// Who breaks off gives its place back as well.
#[test]
fn a_place_is_given_back_when_the_client_goes() {
    let server = one_at_once();
    let first = upload(&server, "each/new");
    is_503(&get(&server, "/each/file", ""), "at-once");
    drop(first);
    server.log_line("client-aborted");
    assert_eq!(get(&server, "/each/file", "").status, 200);
}

mod by_a_gateway {
    //! Upstreams that failed too often are left alone, and the client is told when one is tried again.

    use std::time::Duration;

    use wherefore_gateway::{Recovery, Settings};
    use wherefore_server::gateway::Probe;

    use super::is_503;
    use crate::support::inside::serve_gateway;
    use crate::support::lies::good;
    use crate::support::server::eventually;
    use crate::support::upstream::{Act, Refusing, Step, Upstream};

    const GET: &str = "GET / HTTP/1.1\nHost: localhost\n\n";

    #[test]
    fn an_upstream_that_failed_too_often_is_left_alone() {
        let upstream = Refusing::start();
        let settings = Settings { unhealthy_time: Duration::from_secs(60), ..Settings::default() };
        let url = format!("http://{}", upstream.address);
        let gateway = serve_gateway(&[&url], settings, |_| ());
        for _ in 0..3 {
            gateway.ask(GET).is(502, "upstream-connects");
        }
        let reply = gateway.ask(GET);
        is_503(&reply, "upstream-healthy");
        let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
        assert!((55..=80).contains(&seconds), "{seconds}");
        assert!(reply.field("proxy-status").unwrap().contains("error=destination_unavailable"));
    }

    /// After its time one request is sent on trial; what succeeds brings the upstream back.
    #[test]
    fn it_is_tried_again() {
        let upstream = Upstream::stepping(vec![Step::Read, Step::Reset]);
        let address = upstream.address;
        let settings =
            Settings { unhealthy_time: Duration::from_millis(50), ..Settings::default() };
        let gateway = serve_gateway(&[&upstream.url()], settings, |_| ());
        for _ in 0..3 {
            assert_eq!(gateway.ask(GET).status, 502);
        }
        assert_eq!(upstream.stop(), address);
        let upstream = Upstream::start_at(address, |_| Act::Answer(good("back").into_bytes()));
        eventually("it is asked again", || gateway.ask(GET).status == 200);
        assert_eq!(gateway.ask(GET).text(), "back");
        drop(upstream);
    }

    #[test]
    fn an_upstream_that_a_check_finds_ill_is_left_alone() {
        let upstream = Upstream::start(|received| {
            let is_check = received.target == "/health";
            let answer = if is_check {
                "HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n".into()
            } else {
                good("x")
            };
            Act::Answer(answer.into_bytes())
        });
        let fine = Upstream::always(good("fine"));
        let every = Duration::from_millis(50);
        let settings = Settings {
            recovery: Recovery::Probes { every, healthy_after: 1 },
            unhealthy_after: 1,
            ..Settings::default()
        };
        let gateway = serve_gateway(&[&upstream.url(), &fine.url()], settings, |gateway| {
            gateway.probe = Some(Probe {
                path: "/health".into(),
                time: Duration::from_secs(5),
                statuses: Vec::new(),
                host: None,
            });
        });
        eventually("only the other is asked", || (0..8).all(|_| gateway.ask(GET).text() == "fine"));
    }

    #[test]
    fn as_many_wait_for_an_upstream_as_may() {
        let upstream =
            Upstream::stepping(vec![Step::Await, Step::Write(good("late").into_bytes())]);
        let settings = Settings {
            in_flight_max: 1,
            queue_max: 1,
            queue_time: Duration::from_secs(30),
            ..Settings::default()
        };
        let gateway = serve_gateway(&[&upstream.url()], settings, |_| ());
        let mut asked: Vec<_> = (0..3).map(|_| gateway.connect()).collect();
        asked[0].send(GET);
        let _ = upstream.heard();
        // One waits, whichever comes first, and the other is told so at once.
        asked[1].send(GET);
        asked[2].send(GET);
        gateway.log_line("upstream-free");
        upstream.go_on();
        assert_eq!(asked[0].reply("GET").text(), "late");
        upstream.go_on();
        let mut replies = [asked[1].reply("GET"), asked[2].reply("GET")];
        replies.sort_by_key(|reply| reply.status);
        assert_eq!(replies[0].text(), "late");
        is_503(&replies[1], "upstream-free");
        assert_eq!(replies[1].problem()["cause"], "queue-full");
    }

    #[test]
    fn nobody_waits_for_ever() {
        let upstream = Upstream::silent();
        let settings = Settings {
            in_flight_max: 1,
            queue_time: Duration::from_millis(100),
            ..Settings::default()
        };
        let gateway = serve_gateway(&[&upstream.url()], settings, |_| ());
        let mut first = gateway.connect();
        first.send(GET);
        let _ = upstream.heard();
        let reply = gateway.ask(GET);
        is_503(&reply, "upstream-free");
        assert_eq!(reply.problem()["cause"], "queue-late");
    }
}
