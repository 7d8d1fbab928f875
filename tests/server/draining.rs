//! Upstreams that an operator takes out of service, and how they are seen.

use std::path::Path;
use std::process::Output;
use std::sync::mpsc::channel;

use serde_json::{Value, from_str, json};

use super::gateways::reload;
use crate::support::configured::{Configured, setup};
use crate::support::lies::good;
use crate::support::server::{PATIENCE, command, eventually};
use crate::support::upstream::{Act, Step, Upstream};

const GET: &str = "GET /a HTTP/1.1\nHost: localhost\n\n";

fn route(gateway: &str) -> String {
    format!("[[site.localhost.route]]\npath = \"/*\"\ngateway = {gateway}\n")
}

/// What `wherefore upstreams` came to: its exit code, and what it said.
fn upstreams(file: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = command();
    command.arg("upstreams").args(arguments).arg("--config").arg(file);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn file(server: &Configured) -> std::path::PathBuf {
    server.path().join("wherefore.toml")
}

/// Does it, and says what was said.
fn done(server: &Configured, arguments: &[&str]) -> String {
    let (code, said) = upstreams(&file(server), arguments);
    assert_eq!(code, 0, "{said}");
    said
}

fn listed(server: &Configured) -> Value {
    from_str(&done(server, &["list", "--json"])).unwrap()
}

/// The upstreams that answered six requests, each once.
fn answering(server: &Configured) -> Vec<String> {
    let mut names: Vec<_> = (0..6)
        .map(|_| {
            let reply = server.ask(GET);
            assert_eq!(reply.status, 200, "{reply:?}");
            reply.text().to_owned()
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn one_that_is_drained_is_sent_nothing_new_and_ends_what_it_has() {
    let (tell, told) = channel();
    let pair = [0, 1].map(|index: usize| {
        let tell = tell.clone();
        Upstream::start(move |received| {
            let answer = good(&index.to_string()).into_bytes();
            if received.target != "/held" {
                return Act::Answer(answer);
            }
            tell.send(index).unwrap();
            Act::Steps(vec![Step::Await, Step::Write(answer)])
        })
    });
    let urls = pair.each_ref().map(Upstream::url);
    let text = |more: &str| format!("{}[gateway.app]\nto = {urls:?}\n{more}\n", route("\"app\""));
    let server = setup().serve(&text(""));
    assert_eq!(answering(&server), ["0", "1"]);

    let mut held = server.connect();
    held.send("GET /held HTTP/1.1\nHost: localhost\n\n");
    let out = told.recv_timeout(PATIENCE).unwrap();
    let said = done(&server, &["drain", &urls[out]]);
    let expected = format!("{} of app is draining, requests in flight: 1\n", urls[out]);
    assert_eq!(said, expected);
    server.notice(expected.trim_end());
    let other = [(1 - out).to_string()];
    assert_eq!(answering(&server), other);
    let row = |index: usize, state: &str, in_flight: usize| json!({"gateway": "app", "upstream": urls[index], "state": state, "health": "healthy", "in_flight": in_flight});
    let rows = |state, in_flight| {
        let mut rows = [row(out, state, in_flight), row(1 - out, "in", 0)];
        rows.sort_by_key(|row| row["upstream"] != urls[0]);
        Value::from(rows.to_vec())
    };
    eventually("the others have ended", || listed(&server) == rows("draining", 1));

    pair[out].go_on();
    assert_eq!(held.reply("GET").text(), out.to_string());
    eventually("it has ended what it had", || listed(&server) == rows("drained", 0));

    // It goes on being so, whatever else is said of its group, and of how it is reached.
    for more in ["retries = 1", "answer-time = \"9s\"", "check = { path = \"/\", every = \"1h\" }"]
    {
        assert!(reload(&server, &text(more)), "{more}");
        assert_eq!(answering(&server), other, "{more}");
    }
    let elsewhere = route(&format!("{urls:?}"));
    assert!(reload(&server, &elsewhere));
    assert_eq!(answering(&server), other);
    let said = done(&server, &["restore", &pair[out].address.to_string()]);
    assert_eq!(said, format!("{} of {} is in service\n", urls[out], urls.join(", ")));
    assert_eq!(answering(&server), ["0", "1"]);
}

#[test]
fn where_all_are_drained_nobody_is_asked() {
    let upstream = Upstream::always(good("hello"));
    let server = setup().serve(&route(&format!("\"{}\"", upstream.url())));
    let said = done(&server, &["drain", &upstream.url()]);
    assert!(said.contains(" is drained, ") && said.contains("answered 503"), "{said}");
    let reply = server.ask(GET);
    assert_eq!((reply.status, reply.field("retry-after").is_some()), (503, true));
    server.log_line(" cause=draining");
    assert_eq!(upstream.received().len(), 0);
    done(&server, &["restore", &upstream.url()]);
    assert_eq!(server.ask(GET).status, 200);
}

#[test]
fn people_see_a_table() {
    let upstream = Upstream::always(good("hello"));
    let server = setup().serve(&format!(
        "{}[[site.localhost.route]]\npath = \"/b\"\ngateway = \"b\"\ntransform = {{ drop = \"X\" }}\n\
         [gateway.b]\nto = \"{}\"\n",
        route("\"b\""),
        upstream.url()
    ));
    let said = done(&server, &["list"]);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = said.lines().map(words).collect();
    // What two routes share is there once.
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(lines[0], ["GATEWAY", "UPSTREAM", "STATE", "HEALTH", "IN", "FLIGHT"]);
    assert_eq!(lines[1], ["b", &upstream.url(), "in", "healthy", "0"]);
}

#[test]
fn what_there_is_not_is_said() {
    let server = setup().serve(&route("\"http://127.0.0.1:1\""));
    for (arguments, says) in [
        (&["drain", "http://127.0.0.1:2"][..], "no upstream is called http://127.0.0.1:2"),
        (&["restore", "x"], "no upstream is called x"),
        (&["drain", ""], "a name of 1 to 512"),
        (&["drain"], "Usage"),
        (&["stop"], "Usage"),
    ] {
        let (code, said) = upstreams(&file(&server), arguments);
        assert!(code == 2 && said.contains(says), "{code} {said}");
    }
    assert_eq!(listed(&server)[0]["state"], "in");

    let server = setup().serve("[[site.localhost.route]]\npath = \"/*\"\ngone = true\n");
    assert_eq!(listed(&server), json!([]));
    assert_eq!(done(&server, &["list"]), "there are no gateways\n");
    let file = file(&server);
    let folder = server.path().to_owned();
    drop(server);
    assert!(!folder.exists() && upstreams(&file, &["list"]).0 == 2);
}
