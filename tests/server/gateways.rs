//! Gateways as a configuration says them, and what of them outlives it.

use std::fs;

use crate::support::client::Client;
use crate::support::configured::{Configured, basic, setup};
use crate::support::lies::good;
use crate::support::server::{command, eventually};
use crate::support::upstream::{Act, Received, Refusing, Step, Upstream};

const GET: &str = "GET /api/a?b HTTP/1.1\nHost: localhost\n\n";

/// An upstream that says in its content what it was asked for.
fn telling() -> Upstream {
    Upstream::start(|received| Act::Answer(good(&received.target).into()))
}

/// Serves one route, for all paths under `/api`.
fn serve(keys: &str) -> Configured {
    setup().serve(&route(keys))
}

fn route(keys: &str) -> String {
    format!("[[site.localhost.route]]\npath = \"/api/*\"\n{keys}\n")
}

/// Has the server read another configuration, and says whether it could.
pub(crate) fn reload(server: &Configured, text: &str) -> bool {
    let file = server.path().join("wherefore.toml");
    let before = fs::read_to_string(&file).unwrap();
    let head = before.split("\n\n").next().unwrap();
    fs::write(&file, format!("{head}\n\n{text}")).unwrap();
    let out = command().args(["reload", "--config"]).arg(&file).output().unwrap();
    out.status.success()
}

fn asked(upstream: &Upstream, server: &Configured, request: &str) -> Received {
    let reply = server.ask(request);
    assert_eq!(reply.status, 200, "{reply:?}");
    upstream.done()
}

#[test]
fn a_gateway_is_a_url_or_several_or_a_table_or_a_name() {
    let upstream = telling();
    let url = upstream.url();
    for keys in [
        format!("gateway = \"{url}\""),
        format!("gateway = [\"{url}\"]"),
        format!("gateway = {{ to = \"{url}\" }}"),
        format!("gateway = \"app\"\n[gateway.app]\nto = {{ url = \"{url}\", weight = 3 }}"),
    ] {
        let server = serve(&keys);
        assert_eq!(server.ask(GET).text(), "/api/a?b", "{keys}");
    }
}

#[test]
fn the_path_of_a_url_stands_in_the_place_of_what_the_route_names() {
    let upstream = telling();
    for (base, target) in [("", "/api/a?b"), ("/", "/a?b"), ("/x", "/x/a?b"), ("/x/y/", "/x/y/a?b")]
    {
        let server = serve(&format!("gateway = \"{}{base}\"", upstream.url()));
        assert_eq!(server.ask(GET).text(), target, "{base}");
    }
}

#[test]
fn what_is_said_of_fields_is_done() {
    let upstream = Upstream::always(
        "HTTP/1.1 200 OK\r\nServer: x\r\nX-Kind: y\r\nSet-Cookie: a=b; Path=/in; Domain=in.test\r\n\
         Set-Cookie: c=d; Path=/in/deep\r\nContent-Length: 0\r\n\r\n",
    );
    let server = setup().users(&[("anna", "secret")]).serve(&format!(
        "[users.staff]\nhtpasswd = \"users\"\n{}\n[gateway.app]\nto = \"{}\"\n\
         host = \"app.example\"\nforwarded = \"forwarded\"\nuser-field = \"X-User\"\npass-authorization = false\n\
         request-headers = {{ set = {{ X-Tenant = \"shop\" }}, drop = [\"Cookie\"] }}\n\
         response-headers = {{ set = {{ X-Kind = \"z\" }}, drop = [\"Server\"] }}\n\
         cookie-paths = {{ \"/in\" = \"/\" }}\ncookie-domains = {{ \"in.test\" = \"\" }}\n",
        route("gateway = \"app\"\nauth = { users = \"staff\" }"),
        upstream.url()
    ));
    let credentials = basic("anna", "secret");
    let request = GET.replace("\n\n", &format!("\n{credentials}Cookie: c\nX-User: eve\n\n"));
    let reply = server.ask(&request);
    let values = |name| reply.fields.iter().filter(move |(other, _)| other == name);
    assert_eq!(values("Server").count(), 0);
    assert_eq!(values("X-Kind").map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["z"]);
    let cookies: Vec<_> = values("Set-Cookie").map(|(_, value)| value.as_str()).collect();
    assert_eq!(cookies, ["a=b; Path=/", "c=d; Path=/deep"]);
    let received = upstream.done();
    for (name, value) in [
        ("Host", Some("app.example")),
        ("X-User", Some("anna")),
        ("X-Tenant", Some("shop")),
        ("Cookie", None),
        ("Authorization", None),
        ("X-Forwarded-For", None),
    ] {
        assert_eq!(received.field(name), value, "{name}");
    }
    assert!(received.field("Forwarded").unwrap().contains("host=localhost"));
}

#[test]
fn bounds_and_times_are_those_of_the_file() {
    let long = Upstream::always(good(&"x".repeat(100)));
    let server = serve(&format!("gateway = {{ to = \"{}\", answer-bytes = \"99B\" }}", long.url()));
    assert_eq!(server.ask(GET).status, 502);
    let fields = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(300));
    let fields = Upstream::always(fields);
    for (bytes, status) in [("300B", 502), ("1KiB", 200)] {
        let keys =
            format!("gateway = {{ to = \"{}\", answer-head-bytes = \"{bytes}\" }}", fields.url());
        assert_eq!(serve(&keys).ask(GET).status, status, "{bytes}");
    }
    let silent = Upstream::silent();
    let keys = format!("gateway = {{ to = \"{}\", answer-time = \"20ms\" }}", silent.url());
    assert_eq!(serve(&keys).ask(GET).status, 504);
    let halting = b"HTTP/1.1 200 OK\r\nContent-".to_vec();
    let halting = Upstream::stepping(vec![Step::Read, Step::Write(halting), Step::AwaitEnd]);
    let keys = format!("gateway = {{ to = \"{}\", head-time = \"20ms\" }}", halting.url());
    assert_eq!(serve(&keys).ask(GET).status, 504);
}

#[test]
fn what_a_new_file_says_the_same_of_goes_on() {
    let upstream = telling();
    let text = |group: &str, more: &str| {
        let route = route("gateway = \"app\"");
        format!("{more}{route}[gateway.app]\nto = \"{}\"\n{group}\n", upstream.url())
    };
    let server = setup().serve(&text("", ""));
    let mut steady: Client = server.connect();
    let mut ask = || {
        steady.send(GET);
        assert_eq!(steady.reply("GET").status, 200);
        upstream.accepted()
    };
    assert_eq!((ask(), ask()), (1, 1));
    // Where it stands in the file is nothing that changes it.
    assert!(reload(&server, &text("", "# New.\n[site.other]\n")));
    assert_eq!(ask(), 1);
    assert!(reload(&server, &text("answer-time = \"10s\"", "")));
    assert_eq!(ask(), 2);
    // A file that is wrong changes nothing.
    assert!(!reload(&server, &text("answer-time = \"10\"", "")));
    assert_eq!(ask(), 2);
}

#[test]
fn what_is_known_of_upstreams_goes_on() {
    let refusing = Refusing::start();
    let text = |more: &str| {
        let route = route("gateway = \"app\"");
        format!(
            "{route}[gateway.app]\nto = \"http://{}\"\nunhealthy-after = 1\nunhealthy-time = \"1h\"\n{more}\n",
            refusing.address
        )
    };
    let server = setup().serve(&text(""));
    assert_eq!(server.ask(GET).status, 502);
    assert_eq!(server.ask(GET).status, 503);
    for more in ["answer-time = \"10s\"", "retries = 1", "balance = \"least\""] {
        assert!(reload(&server, &text(more)));
        assert_eq!(server.ask(GET).status, 503, "{more}");
    }
}

#[test]
fn what_is_known_of_upstreams_is_known_to_all_routes_of_their_group() {
    let refusing = Refusing::start();
    let server = setup().serve(&format!(
        "{}[[site.localhost.route]]\npath = \"/other/*\"\ngateway = \"app\"\ntransform = {{ drop = \"X\" }}\n\
         [gateway.app]\nto = \"http://{}\"\nunhealthy-after = 1\nunhealthy-time = \"1h\"\n",
        route("gateway = \"app\""),
        refusing.address
    ));
    assert_eq!(server.ask(GET).status, 502);
    assert_eq!(server.ask(&GET.replace("/api/", "/other/")).status, 503);
}

#[test]
fn who_is_reached_in_another_way_may_be_well() {
    let refusing = Refusing::start();
    let gateway = |name: &str| {
        format!(
            "gateway = {{ to = \"http://{}\", unhealthy-after = 1, unhealthy-time = \"1h\", \
             tls = {{ server-name = \"{name}\" }} }}",
            refusing.address
        )
    };
    let server = setup().serve(&format!(
        "{}[[site.localhost.route]]\npath = \"/other/*\"\n{}\n",
        route(&gateway("a.test")),
        gateway("b.test")
    ));
    for status in [502, 503] {
        assert_eq!(server.ask(GET).status, status);
        assert_eq!(server.ask(&GET.replace("/api/", "/other/")).status, status);
    }
}

#[test]
fn who_is_found_ill_by_a_check_is_left_alone() {
    let upstream = Upstream::start(|received| {
        let is_check = received.target == "/health?deep";
        assert!(!is_check || received.field("host") == Some("app.test"));
        let status = if is_check { "500 Internal Server Error" } else { "200 OK" };
        Act::Answer(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into())
    });
    let server = serve(&format!(
        "gateway = {{ to = \"{}/base\", unhealthy-after = 1, \
         check = {{ path = \"/health?deep\", every = \"100ms\", host = \"app.test\" }} }}",
        upstream.url()
    ));
    eventually("it is found ill", || server.ask(GET).status == 503);
}

#[test]
fn a_request_that_comes_round_is_known_and_one_that_goes_on_is_not() {
    let upstream = telling();
    let inner = serve(&format!("gateway = \"{}\"", upstream.url()));
    let outer = serve(&format!("gateway = \"http://{}\"", inner.address));
    let received = asked(&upstream, &outer, GET);
    let names: Vec<_> = received.field("Via").unwrap().split(", ").collect();
    assert_eq!(names.len(), 2);
    assert_ne!(names[0], names[1]);

    let server = setup().server("via = \"edge\"").serve(&route("gone = true"));
    let to_itself = format!("gateway = \"http://{}\"", server.address);
    assert!(reload(&server, &route(&to_itself)));
    let reply = server.ask(GET);
    assert_eq!(reply.status, 502, "{reply:?}");
    server.log_line(" forward-loop ");
}

#[test]
fn what_tls_can_not_be_spoken_with_is_complained_of_at_its_place() {
    let keys = "gateway = { to = \"https://127.0.0.1:1\", tls = { ca = \"missing.pem\" } }";
    let folder = setup().written(&route(keys));
    let file = folder.path().join("wherefore.toml");
    let out = command().args(["config", "check"]).arg(&file).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success());
    assert!(said.contains("missing.pem") && said.contains("TLS can't be spoken"), "{said}");
}
