//! What is forwarded, case by case, and what holds whatever a client sends.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use wherefore_h1::{Event, Limits, Millis, Server};
use wherefore_message::request::RequestBuf;
use wherefore_message::{Announced, FieldLines, path};

use super::*;

mod same;

type Texts<'t> = &'t [(&'t str, &'t str)];

const PEER: [u8; 4] = [203, 0, 113, 9];

fn request(method: &str, version: Version, lines: Texts<'_>) -> RequestBuf {
    let announced = if method == "POST" { Announced::Length(1) } else { Announced::Nothing };
    let fields: FieldLines = lines.iter().copied().collect();
    let host = fields.view().only(FieldName::Host).map(<[u8]>::to_vec);
    RequestBuf::new(version, method.as_bytes(), b"/a", host.as_deref(), fields, announced).unwrap()
}

/// What one gateway is set up like, and asked by whom.
struct Case {
    policy: Policy,
    client: Client,
    peer: IpAddr,
    trust: PeerTrust,
    copied: FieldLines,
    user: Option<&'static str>,
    withheld: FieldSet,
}

impl Case {
    fn new(trust: PeerTrust) -> Self {
        Self {
            policy: Policy::new("us"),
            client: Client::at(PEER.into()),
            peer: PEER.into(),
            trust,
            copied: FieldLines::new(),
            user: None,
            withheld: FieldSet::EMPTY,
        }
    }

    /// The lines that are forwarded of a request, and what its connection is to say.
    fn of<T>(&self, request: &RequestBuf, look: impl FnOnce(&[u8], Forwarding<'_>) -> T) -> T {
        let mut out = Vec::new();
        let view = request.view();
        let forwarding = self.write(&view, &mut Chain::new(), &mut out);
        look(&out, forwarding)
    }

    fn write<'a>(
        &'a self,
        request: &'a Request<'a>,
        chain: &mut Chain,
        out: &mut Vec<u8>,
    ) -> Forwarding<'a> {
        let from = From {
            request,
            client: &self.client,
            peer: self.peer,
            peer_trust: self.trust,
            scheme: Scheme::Http,
            copied: self.copied.view(),
            user: self.user,
            request_id: "id-1",
            withheld: self.withheld,
            lines: b"",
        };
        fields_in_turn(&self.policy, &from, chain, out)
    }

    fn lines(&self, lines: Texts<'_>) -> Vec<(String, String)> {
        let request = request("GET", Version::HTTP_11, lines);
        self.of(&request, |written, _| read(written))
    }

    /// The values under this name, in lower case, of what is forwarded.
    fn values(&self, name: &str, lines: Texts<'_>) -> Vec<String> {
        let lines = self.lines(lines).into_iter();
        lines.filter(|(other, _)| other == name).map(|(_, value)| value).collect()
    }
}

fn read(written: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(written).into_owned();
    let lines = text.split_terminator("\r\n").map(|line| line.split_once(": ").unwrap());
    lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect()
}

#[test]
fn what_a_stranger_is_not_believed() {
    let lines = [
        ("Host", "shop.example:8080"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("X-Forwarded-User", "root"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X_Forwarded_For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("Remote_User", "root"),
        ("X-Original-URL", "/admin"),
        ("Proxy", "http://evil.example"),
        ("Request-Id", "theirs"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Authorization", "Bearer x"),
        ("X-Mine", "kept"),
    ];
    let expected = [
        ("authorization", "Bearer x"),
        ("x-mine", "kept"),
        ("via", "1.1 us"),
        ("request-id", "id-1"),
        ("forwarded", "for=203.0.113.9;host=\"shop.example:8080\";proto=http"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "shop.example:8080"),
        ("x-forwarded-proto", "http"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Case::new(PeerTrust::Stranger).lines(&lines), expected);
}

#[test]
fn what_a_trusted_proxy_wrote_is_added_to() {
    let mut case = Case::new(PeerTrust::Either);
    case.client = Client { scheme: Scheme::Https, ..Client::at([192, 0, 2, 1].into()) };
    let lines = [
        ("Host", "a"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "public.example"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Real-IP", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1;proto=https, for=10.0.0.1"),
        ("under_score", "kept"),
        ("X-Forwarded-User", "kept"),
    ];
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1, 10.0.0.1, 203.0.113.9"),
        ("x-forwarded-host", "public.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("x-real-ip", "192.0.2.1"),
        ("under_score", "kept"),
        ("x-forwarded-user", "kept"),
        ("forwarded", "for=192.0.2.1;proto=https, for=10.0.0.1, for=203.0.113.9;host=a;proto=http"),
    ] {
        assert_eq!(case.values(name, &lines), [value], "{name}");
    }
}

#[test]
fn a_chain_that_the_proxy_did_not_write_begins_with_the_client() {
    let mut case = Case::new(PeerTrust::XForwarded);
    case.client = Client { scheme: Scheme::Https, ..Client::at([192, 0, 2, 1].into()) };
    // The proxy lets through what a client wrote there.
    let lines = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=127.0.0.1"), ("Host", "a")];
    assert_eq!(case.values("x-forwarded-for", &lines), ["192.0.2.1, 203.0.113.9"]);
    let whole = "for=192.0.2.1;proto=https, for=203.0.113.9;host=a;proto=http";
    assert_eq!(case.values("forwarded", &lines), [whole]);
    case.trust = PeerTrust::Forwarded;
    case.client.address = None;
    assert_eq!(case.values("x-forwarded-for", &lines), ["unknown, 203.0.113.9"]);
    let added = "for=127.0.0.1, for=203.0.113.9;host=a;proto=http";
    assert_eq!(case.values("forwarded", &lines), [added]);
}

#[test]
fn the_fields_of_the_policy() {
    let mut case = Case::new(PeerTrust::Either);
    case.policy.set = vec![
        ("X-Forwarded-Proto".into(), "https".into()),
        ("X-App".into(), "a\r\nEvil: b".into()),
        ("connection".into(), "x".into()),
        ("Host".into(), "evil".into()),
        ("X-Set".into(), "ours".into()),
    ];
    case.policy.drop = Names::new(["Cookie", "X-Gone", "X-Forwarded-Host"]);
    case.policy.copied = Names::new(["X-Auth-Groups", "X-Auth-Mail"]);
    case.policy.user_field = Some("X-User".into());
    case.policy.forwarded = Forwarded::XForwarded;
    case.policy.credentials = Credentials::Dropped;
    case.copied = [("x-auth-groups", "readers"), ("Transfer-Encoding", "x")].into_iter().collect();
    case.user = Some("anna");
    case.withheld = FieldSet::of(&[FieldName::Range]);
    let lines = [
        ("Host", "a"),
        ("Cookie", "a=b"),
        ("x-gone", "1"),
        ("X-Auth-Groups", "admins"),
        ("X-Auth-Mail", "root@example.org"),
        ("x-USER", "root"),
        ("X-Set", "theirs"),
        ("Authorization", "x"),
        ("Forwarded", "for=x"),
        ("Range", "bytes=0-1"),
    ];
    let expected = [
        ("via", "1.1 us"),
        ("request-id", "id-1"),
        ("x-user", "anna"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-auth-groups", "readers"),
        ("x-forwarded-proto", "https"),
        ("x-set", "ours"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(case.lines(&lines), expected);
    case.policy.forwarded = Forwarded::None;
    case.policy.set.clear();
    let names: Vec<_> = case.lines(&lines).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["x-set", "via", "request-id", "x-user", "x-auth-groups"]);
}

#[test]
fn connection_drops_what_it_names_but_nothing_that_speaks_to_all() {
    let case = Case::new(PeerTrust::Stranger);
    let lines = [
        ("Host", "a"),
        ("Connection", "\"close, X-Mine, Authorization, Host, X-Forwarded-For"),
        ("connection", "cookie, te,, upgrade, Via, Sec-Fetch-Site"),
        ("X-Mine", "gone"),
        ("X-Other", "kept"),
        ("Authorization", "kept"),
        ("Cookie", "kept"),
        ("Sec-Fetch-Site", "cross-site"),
        ("HTTP2-Settings", "gone"),
        ("Keep-Alive", "gone"),
        ("Trailer", "gone"),
    ];
    let names: Vec<_> = case.lines(&lines).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "x-other",
        "authorization",
        "cookie",
        "sec-fetch-site",
        "via",
        "request-id",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ];
    assert_eq!(names, expected);
    let many = vec!["a"; crate::hop::OPTIONS_MAX + 1].join(",");
    let names = case.lines(&[("Connection", &many), ("X-Other", "1"), ("Cookie", "c")]);
    assert!(names.iter().all(|(name, _)| name != "x-other"));
    assert!(names.iter().any(|(name, _)| name == "cookie"));
}

#[test]
fn protocols_to_change_to() {
    let mut case = Case::new(PeerTrust::Stranger);
    let upgraded = |case: &Case, method, version, lines: Texts<'_>| {
        let request = request(method, version, lines);
        case.of(&request, |_, said| said.upgrade.map(<[u8]>::to_vec))
    };
    let (get, v11, yes) = ("GET", Version::HTTP_11, ("Connection", "Upgrade, x"));
    let websocket = [yes, ("Upgrade", "h2c, WebSocket")];
    assert_eq!(upgraded(&case, get, v11, &websocket).as_deref(), Some(&b"WebSocket"[..]));
    assert_eq!(upgraded(&case, get, Version::HTTP_10, &websocket), None);
    assert_eq!(upgraded(&case, "POST", v11, &websocket), None);
    assert_eq!(upgraded(&case, get, v11, &websocket[1..]), None);
    assert_eq!(upgraded(&case, get, v11, &[yes, ("Upgrade", "chat")]), None);
    case.policy.upgrades = Upgrades::Any;
    let chat = [yes, ("Upgrade", "HTTP/2.0, TLS/1.3, a b, chat/1")];
    assert_eq!(upgraded(&case, get, v11, &chat).as_deref(), Some(&b"chat/1"[..]));
    assert_eq!(upgraded(&case, get, v11, &[yes, ("Upgrade", "h2c")]), None);
    case.policy.upgrades = Upgrades::None;
    assert_eq!(upgraded(&case, get, v11, &websocket), None);
}

#[test]
fn trailers_and_expectations() {
    let case = Case::new(PeerTrust::Stranger);
    for (method, version, lines, taken, waits) in [
        (
            "POST",
            Version::HTTP_11,
            &[("TE", "gzip, Trailers"), ("Expect", "100-Continue")],
            true,
            true,
        ),
        ("POST", Version::HTTP_10, &[("TE", "trailers"), ("Expect", "100-continue")], false, false),
        ("GET", Version::HTTP_11, &[("TE", "gzip"), ("Expect", "100-continue")], false, false),
        ("POST", Version::HTTP_11, &[("TE", "x"), ("Expect", "tea")], false, false),
    ] {
        let request = request(method, version, lines);
        case.of(&request, |written, said| {
            assert_eq!(said.te_trailers == TeTrailers::Taken, taken, "{method} {version}");
            let lines = read(written);
            assert_eq!(lines.iter().any(|(name, _)| name == "expect"), waits);
            assert!(lines.iter().all(|(name, _)| name != "te"));
        });
    }
}

#[test]
fn how_much_further() {
    let of = |method, value: &str| {
        let request = request(method, Version::HTTP_11, &[("Max-Forwards", value)]);
        let written = Case::new(PeerTrust::Stranger).of(&request, |written, _| read(written));
        let sent = written.into_iter().find(|(name, _)| name == "max-forwards");
        (max_forwards(&request.view()), sent.map(|(_, value)| value))
    };
    use MaxForwards::{Left, Reached, Unlimited};
    assert_eq!(of("OPTIONS", "0"), (Reached, None));
    assert_eq!(of("TRACE", "000"), (Reached, None));
    assert_eq!(of("TRACE", "10"), (Left(9), Some("9".into())));
    let most = u64::MAX - 1;
    assert_eq!(of("OPTIONS", &"9".repeat(40)), (Left(most), Some(most.to_string())));
    assert_eq!(of("OPTIONS", "-1"), (Unlimited, None));
    assert_eq!(of("GET", "0"), (Unlimited, Some("0".into())));
}

#[test]
fn hosts() {
    let of = |policy: Host, lines: Texts<'_>| {
        let policy = Policy { host: policy, ..Policy::new("us") };
        let mut out = Vec::new();
        let request = request("GET", Version::HTTP_11, lines);
        host(&policy, &request.view(), "app:9000", &mut out);
        String::from_utf8(out).unwrap()
    };
    let asked = [("Host", "Shop.Example:80")];
    assert_eq!(of(Host::Client, &asked), "Shop.Example:80");
    assert_eq!(of(Host::Client, &[]), "app:9000");
    assert_eq!(of(Host::Upstream, &asked), "app:9000");
    assert_eq!(of(Host::Fixed("x".into()), &asked), "x");
    let absolute = RequestBuf::new(
        Version::HTTP_11,
        b"GET",
        b"http://b.example/",
        Some(b"b.example"),
        asked.into_iter().collect(),
        Announced::Nothing,
    );
    let mut out = Vec::new();
    host(&Policy::new("us"), &absolute.unwrap().view(), "app", &mut out);
    assert_eq!(out, b"b.example");
    assert_eq!(&*Policy::new("a b(\r\n)c").pseudonym, "abc");
    assert_eq!(&*Policy::new("\u{e4}").pseudonym, "wherefore");
}

fn forwarded_target(raw: &str, rewrite: Rewrite<'_>) -> String {
    let method = if raw == "*" { "OPTIONS" } else { "GET" };
    let request = RequestBuf::new(
        Version::HTTP_11,
        method.as_bytes(),
        raw.as_bytes(),
        None,
        FieldLines::new(),
        Announced::Nothing,
    )
    .unwrap();
    let (view, mut scratch, mut out) = (request.view(), Vec::new(), Vec::new());
    let path = match view.target.path {
        b"" => Path::ROOT,
        raw => path::decode(raw, &mut scratch).unwrap(),
    };
    target(&view, path, rewrite, &mut out);
    String::from_utf8(out).unwrap()
}

use wherefore_message::path::Path;

#[test]
fn targets() {
    let instead = |octets, by| Rewrite::Instead { octets, by };
    for (raw, rewrite, expected) in [
        ("/a/b?c=%2F%2f&d", Rewrite::Whole, "/a/b?c=%2F%2f&d"),
        ("/", Rewrite::Whole, "/"),
        ("/?", Rewrite::Whole, "/?"),
        ("*", Rewrite::Whole, "*"),
        ("http://h/a%7eb?x", Rewrite::Whole, "/a%7eb?x"),
        ("http://h?x", Rewrite::Whole, "/?x"),
        // Spelt as it came, where it stands for what was judged.
        ("/%61/%e4%C3", Rewrite::Whole, "/%61/%e4%C3"),
        ("/a\"b|\u{e4}", Rewrite::Whole, "/a%22b%7C%C3%A4"),
        // Encoded anew, where something was resolved.
        ("/a//b/./c/../%64", Rewrite::Whole, "/a/b/d"),
        ("/%2e%2e/a", Rewrite::Whole, ""),
        ("/x/%2e%2e/a%20b", Rewrite::Whole, "/a%20b"),
        ("/%252e%252e/x", Rewrite::Whole, "/%252e%252e/x"),
        ("//a/%252e", Rewrite::Whole, "/a/%252e"),
        ("/shop/a%2db", instead(5, ""), "/a%2db"),
        ("/sh%6Fp/a%2db", instead(5, "/app/"), "/app/a%2db"),
        ("/shop", instead(5, ""), "/"),
        ("/shop?q", instead(5, "/app"), "/app?q"),
        ("/shop/", instead(5, "/app"), "/app/"),
        ("//shop//x", instead(5, "/app"), "/app/x"),
        ("/a/b", instead(0, "/app"), "/app/a/b"),
        ("/", instead(0, "/app/"), "/app/"),
    ] {
        if expected.is_empty() {
            assert!(path::decode(raw.as_bytes(), &mut Vec::new()).is_err(), "{raw}");
        } else {
            assert_eq!(forwarded_target(raw, rewrite), expected, "{raw}");
        }
    }
}

const HOP: [&str; 9] = [
    "connection",
    "content-length",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
];

fn names() -> impl Strategy<Value = String> {
    let known = FieldName::KNOWN.iter().map(|name| name.as_str().to_owned());
    let more = ["X-Mine", "x_mine", "X-Forwarded-User", "HTTP2-Settings", "Proxy", "a", "X-Other"];
    let all: Vec<String> = known.chain(more.map(str::to_owned)).collect();
    prop_oneof![4 => select(all), 1 => "[a-zA-Z_-]{1,12}", 1 => "[ -~]{0,6}"]
}

fn values() -> impl Strategy<Value = String> {
    let lists = vec(names(), 0..5).prop_map(|names| names.join(", "));
    let some = ["close", "trailers", "chunked", "100-continue", "websocket", "1.1 us", "5"];
    prop_oneof![2 => lists, 1 => select(some.to_vec()).prop_map(str::to_owned), 1 => "[ -~\t]{0,20}", 1 => ".{0,8}"]
}

fn trusts() -> impl Strategy<Value = PeerTrust> {
    use PeerTrust::{Either, Forwarded, Stranger, XForwarded};
    select(vec![Stranger, Forwarded, XForwarded, Either])
}

prop_compose! {
    fn hostile()(
        method in select(vec!["GET", "POST", "OPTIONS", "TRACE"]),
        lines in vec((names(), values()), 0..16),
        old in any::<bool>(),
    ) -> RequestBuf {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (&**name, &**value)).collect();
        let version = if old { Version::HTTP_10 } else { Version::HTTP_11 };
        let announced = if method == "POST" { Announced::Unknown } else { Announced::Nothing };
        let fields = lines.into_iter().collect();
        RequestBuf::new(version, method.as_bytes(), b"/", Some(b"h"), fields, announced).unwrap()
    }
}

proptest! {
    #[test]
    fn nothing_of_the_connection_goes_on(request in hostile(), trust in trusts()) {
        let case = Case::new(trust);
        case.of(&request, |written, _| {
            // One line stays one line, and is read again as what it is.
            let wire = [b"GET / HTTP/1.1\r\nHost: h\r\n", written, b"\r\n"].concat();
            let mut server = Server::new(&Limits::default());
            let (used, event) = server.receive(&wire, Millis(0)).unwrap();
            assert_eq!((used, event), (wire.len(), Event::Head));
            let again = server.request(&wire);
            let count = written.split(|octet| *octet == b'\n').count() - 1;
            assert_eq!(again.fields.iter().count(), count + 1);
            for (name, _) in again.fields.iter().skip(1) {
                let name = String::from_utf8(name.to_ascii_lowercase()).unwrap();
                assert!(!HOP.contains(&&*name) && name != "host" && name != "upgrade", "{name}");
                assert!(trust != PeerTrust::Stranger || !name.contains('_'), "{name}");
            }
            // Who asks, and by whom it came, is told whatever Connection says.
            for name in [FieldName::Via, FieldName::Forwarded, FieldName::XForwardedFor] {
                assert_eq!(again.fields.all(name).count(), 1);
            }
            assert!(is_loop(&again, "us"));
        });
    }

    #[test]
    fn of_a_stranger_only_its_address_is_told(request in hostile()) {
        let case = Case::new(PeerTrust::Stranger);
        case.of(&request, |written, _| {
            for (name, value) in read(written) {
                let told = match &*name {
                    "x-forwarded-for" => value == "203.0.113.9",
                    "x-forwarded-proto" => value == "http",
                    "forwarded" => value.starts_with("for=203.0.113.9;"),
                    "x-forwarded-host" => true,
                    name => !name.starts_with("x-forwarded-") && name != "x-real-ip",
                };
                assert!(told, "{name}: {value}");
            }
        });
    }

    #[test]
    fn forwarding_again_adds_to_the_way_alone(request in hostile()) {
        let first = Case::new(PeerTrust::Stranger).of(&request, |written, _| read(written));
        let lines: FieldLines = first.iter().map(|(name, value)| (&**name, &**value)).collect();
        let view = request.view();
        let again = RequestBuf::new(
            Version::HTTP_11, view.method_text, b"/", Some(b"h"), lines, view.announced,
        ).unwrap();
        let second = Case::new(PeerTrust::Either).of(&again, |written, _| read(written));
        let way = ["via", "forwarded", "x-forwarded-for", "x-forwarded-host", "max-forwards"];
        let rest = |lines: &[(String, String)]| {
            let mut lines = lines.to_vec();
            lines.retain(|(name, _)| !way.contains(&&**name));
            lines.sort();
            lines
        };
        prop_assert_eq!(rest(&first), rest(&second));
        let of = |lines: &[(String, String)], name: &str| {
            lines.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()).unwrap()
        };
        for name in ["via", "forwarded", "x-forwarded-for"] {
            prop_assert!(of(&second, name).starts_with(&of(&first, name)), "{}", name);
        }
    }

    #[test]
    fn what_is_asked_for_is_what_was_judged(
        segments in vec(prop_oneof!["[a-z.;%\\\\]{0,4}", "(%[2-7][0-9a-f]){1,3}", "\\PC{0,3}"], 1..6),
        by in select(vec!["", "/app", "/app/"]),
        cut in any::<Index>(),
    ) {
        let raw = format!("/{}", segments.join("/"));
        let mut scratch = Vec::new();
        let is_target = wherefore_message::target::Target::parse(Method::Get, raw.as_bytes());
        prop_assume!(is_target.is_ok_and(|target| target.query.is_none()));
        let Ok(judged) = path::decode(raw.as_bytes(), &mut scratch) else { return Ok(()) };
        // Up to the end of any segment.
        let slashes: Vec<usize> =
            judged.bytes().iter().enumerate().filter(|(_, o)| **o == b'/').map(|(i, _)| i).collect();
        let octets = slashes[cut.index(slashes.len())];
        let rewritten = forwarded_target(&raw, Rewrite::Instead { octets, by });
        let rest = &judged.bytes()[octets..];
        let expected = [by.strip_suffix('/').unwrap_or(by).as_bytes(), rest].concat();
        prop_assert!(rewritten.bytes().all(|octet| octet.is_ascii_graphic()));
        prop_assert!(!rewritten.starts_with("//"));
        let mut scratch = Vec::new();
        prop_assert_eq!(path::decode(rewritten.as_bytes(), &mut scratch).unwrap().bytes(), &*expected);
        let whole = forwarded_target(&raw, Rewrite::Whole);
        let mut again = Vec::new();
        prop_assert_eq!(path::decode(whole.as_bytes(), &mut again).unwrap().bytes(), judged.bytes());
        // Nothing that was resolved is left to be resolved.
        prop_assert!(!whole.contains("//") && !whole.contains("/./") && !whole.contains("/../"));
    }
}
