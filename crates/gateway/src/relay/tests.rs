//! What is relayed, case by case, and what holds whatever an upstream sends.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wherefore_h1::{
    Client, ClientEvent, ClientLimits, Event, Limits, Millis, Outbound, Outgoing, Server,
    TeTrailers,
};
use wherefore_message::token::is_value;
use wherefore_message::{FieldLines, Method};

use super::*;

type Texts<'t> = &'t [(&'t str, &'t str)];

const GET: Outbound<'_> = Outbound {
    method: Method::Get,
    method_text: b"GET",
    target: b"/",
    host: b"h",
    lines: b"",
    content: Outgoing::None,
    upgrade: None,
    te_trailers: TeTrailers::Unsaid,
};

fn policy() -> Policy {
    Policy::new(&crate::forward::Policy::new("us"))
}

fn relayed(policy: &Policy, status: Status, lines: Texts<'_>) -> (ResponseHead, Told) {
    let fields: FieldLines = lines.iter().copied().collect();
    relayed_of(policy, status, fields.view())
}

fn relayed_of(policy: &Policy, status: Status, fields: Fields<'_>) -> (ResponseHead, Told) {
    let addresses = Addresses {
        upstream: Address { scheme: "http", authority: b"app:9000", base: "" },
        public: Address { scheme: "https", authority: b"shop.example", base: "/shop" },
    };
    let from = From { status, version: Version::HTTP_11, fields, addresses: Some(addresses) };
    let mut head = ResponseHead::new(Status::OK);
    let told = super::head(policy, &from, &mut head);
    (head, told)
}

fn written(head: &ResponseHead) -> String {
    let mut all = String::from_utf8(head.relayed_written().to_vec()).unwrap();
    for (name, value) in head.fields() {
        all.push_str(&format!("{name}: {value}\r\n"));
    }
    all
}

#[test]
fn an_answer() {
    let (head, told) = relayed(
        &policy(),
        Status::NOT_FOUND,
        &[
            ("server", "nginx"),
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Date", "another"),
            ("Connection", "close, X-Hop, Server"),
            ("X-Hop", "gone"),
            ("Keep-Alive", "timeout=5"),
            ("Content-Length", "5"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Proxy-Authenticate", "Basic"),
            ("X-Accel-Redirect", "/etc/passwd"),
            ("X-Accel-Buffering", "no"),
            ("Set-Cookie", "a=b"),
            ("Set-Cookie", "c=d, e=f"),
            ("Location", "http://app:9000/x"),
            ("Content-Location", "/y"),
            ("Refresh", "5;url=/z"),
            ("Via", "1.0 other"),
            ("Proxy-Status", "other; received-status=404"),
        ],
    );
    let expected = "server: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d, e=f\r\n\
         Location: https://shop.example/shop/x\r\nContent-Location: /shop/y\r\nRefresh: 5;url=/shop/z\r\n\
         Proxy-Status: other; received-status=404\r\nVia: 1.0 other, 1.1 us\r\n";
    assert_eq!(written(&head), expected);
    assert_eq!((head.status, head.author), (Status::NOT_FOUND, Author::Upstream));
    assert_eq!(told.buffering, Buffering::No);
}

#[test]
fn what_is_said_of_buffering() {
    let told =
        |lines: &[(&'static str, &'static str)]| relayed(&policy(), Status::OK, lines).1.buffering;
    let events = ("Content-Type", "text/event-stream; charset=utf-8");
    assert_eq!(told(&[]), Buffering::Unsaid);
    assert_eq!(told(&[("Content-Type", "text/html")]), Buffering::Unsaid);
    assert_eq!(told(&[events]), Buffering::No);
    assert_eq!(told(&[events, ("X-Accel-Buffering", "yes")]), Buffering::Yes);
    assert_eq!(told(&[("X-Accel-Buffering", "NO")]), Buffering::No);
}

#[test]
fn the_fields_of_the_policy() {
    let mut policy = policy();
    policy.drop = Names::new(["Server", "X-Powered-By"]);
    policy.set = vec![
        ("X-Frame-Options".into(), "DENY".into()),
        ("Content-Length".into(), "5".into()),
        ("cache-control".into(), "no-store".into()),
        ("X-Bad".into(), "a\r\nb: c".into()),
        ("Via".into(), "none".into()),
    ];
    policy.locations = Locations::Kept;
    let (head, _) = relayed(
        &policy,
        Status::OK,
        &[
            ("server", "x"),
            ("x-powered-by", "y"),
            ("x-frame-options", "ALLOW"),
            ("Cache-Control", "public"),
            ("Location", "http://app:9000/x"),
        ],
    );
    let expected = "Location: http://app:9000/x\r\nVia: 1.1 us\r\nX-Frame-Options: DENY\r\ncache-control: no-store\r\n";
    assert_eq!(written(&head), expected);
}

#[test]
fn changes_of_protocol_are_said_anew() {
    let lines = [("Upgrade", "websocket, a b"), ("Connection", "Upgrade"), ("X-A", "b")];
    let (head, _) = relayed(&policy(), Status::SWITCHING_PROTOCOLS, &lines);
    let expected = "X-A: b\r\nVia: 1.1 us\r\nUpgrade: websocket\r\nConnection: upgrade\r\n";
    assert_eq!(written(&head), expected);
    let (head, _) = relayed(&policy(), Status::UPGRADE_REQUIRED, &lines);
    assert!(head.present().has(FieldName::Upgrade));
    let (head, _) = relayed(&policy(), Status::OK, &lines);
    assert!(!head.present().has(FieldName::Upgrade));
}

#[test]
fn a_switch_is_to_what_was_asked_for() {
    let judge = |lines: Texts<'_>, asked: Option<&str>| {
        let fields: FieldLines = lines.iter().copied().collect();
        switched(fields.view(), asked.map(str::as_bytes)).is_ok()
    };
    let accept = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let websocket = ("Upgrade", "WebSocket");
    assert!(judge(&[websocket, accept], Some("websocket")));
    assert!(!judge(&[websocket], Some("websocket")));
    assert!(!judge(&[websocket, accept, accept], Some("websocket")));
    assert!(!judge(&[websocket, ("Sec-WebSocket-Accept", "")], Some("websocket")));
    assert!(!judge(&[websocket, accept], None));
    assert!(!judge(&[accept], Some("websocket")));
    assert!(judge(&[("Upgrade", "chat/1")], Some("chat/1")));
    assert!(!judge(&[("Upgrade", "chat/2")], Some("chat/1")));
    assert!(!judge(&[("Upgrade", "chat/1, chat/2")], Some("chat/1")));
}

#[test]
fn interim_answers() {
    let lines: FieldLines = [
        ("Link", "</a.css>; rel=preload"),
        ("link", "</b.js>; rel=preload"),
        ("Set-Cookie", "a=b"),
        ("Content-Length", "5"),
        ("Connection", "x-progress"),
        ("Server", "x"),
        ("X-Progress", "1"),
        ("X-Accel-Expires", "1"),
        ("Upload-Offset", "5"),
        ("Location", "/u/1"),
    ]
    .into_iter()
    .collect();
    let links = "Link: </a.css>; rel=preload\r\nlink: </b.js>; rel=preload\r\n";
    for (status, expected) in [
        (Status::CONTINUE, String::new()),
        (Status::PROCESSING, String::new()),
        (Status::EARLY_HINTS, links.to_owned()),
        (Status::new(104).unwrap(), format!("{links}Upload-Offset: 5\r\nLocation: /u/1\r\n")),
    ] {
        let mut head = ResponseHead::new(Status::OK);
        interim(&policy(), status, lines.view(), &mut head);
        assert_eq!((head.status, written(&head)), (status, expected));
    }
}

fn names() -> impl Strategy<Value = String> {
    let known = FieldName::KNOWN.iter().map(|name| name.as_str().to_owned());
    let more = ["X-Mine", "Refresh", "HTTP2-Settings", "X-Accel-Buffering", "a"];
    let all: Vec<String> = known.chain(more.map(str::to_owned)).collect();
    prop_oneof![4 => select(all), 1 => "[a-zA-Z_-]{1,12}", 1 => "[ -~]{0,6}"]
}

fn values() -> impl Strategy<Value = String> {
    let lists = vec(names(), 0..5).prop_map(|names| names.join(", "));
    let some = ["/x", "http://app:9000/", "5;url=/", "a=b; Path=/", "//app:9000", "close", "5"];
    prop_oneof![2 => lists, 2 => select(some.to_vec()).prop_map(str::to_owned), 1 => "[ -~\t]{0,20}", 1 => ".{0,8}"]
}

/// Each line of a head as it is written: its name in lower case, and its value.
fn lines_of(written: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = written.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r"));
    let lines = text.flatten().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let at = line.windows(2).position(|two| two == b": ").unwrap();
            let name = String::from_utf8(line[..at].to_ascii_lowercase()).unwrap();
            (name, line[at + 2..].to_vec())
        })
        .collect()
}

proptest! {
    #[test]
    fn nothing_of_the_connection_comes_through(
        lines in vec((names(), values()), 0..16),
        status in select(vec![200, 204, 206, 304, 404, 407, 426, 502]),
        options in vec(names(), 0..4),
    ) {
        let options = options.join(",");
        let mut lines: Vec<_> = lines.iter().map(|(name, value)| (&**name, &**value)).collect();
        lines.push(("Connection", &options));
        let status = Status::new(status).unwrap();
        let (head, _) = relayed(&policy(), status, &lines);
        let block = lines_of(head.relayed_written());
        // One line stays one line: what is written is what is kept.
        let kept: Vec<_> = head.relayed().map(|(name, value)| {
            (String::from_utf8(name.to_ascii_lowercase()).unwrap(), value.to_vec())
        }).collect();
        prop_assert_eq!(&block, &kept);
        for (name, _) in &block {
            let known = FieldName::parse(name.as_bytes());
            prop_assert!(!OF_THE_CONNECTION.has(known), "{}", name);
            prop_assert!(!PROXY_AUTHENTICATION.has(known) && !name.starts_with("x-accel-"));
            let is_named = options.split(',').any(|option| option.trim().eq_ignore_ascii_case(name));
            prop_assert!(known != FieldName::Other || !is_named, "{}", name);
        }
        for name in ["via", "date"] {
            prop_assert!(block.iter().filter(|(other, _)| other == name).count() <= 1);
        }
        // What did come through is what came, but for what is rewritten.
        let rewritten = ["via", "location", "content-location", "refresh", "set-cookie"];
        for (name, value) in block.iter().filter(|(name, _)| !rewritten.contains(&&**name)) {
            let came = |(other, text): &(&str, &str)| {
                other.eq_ignore_ascii_case(name) && text.as_bytes() == &**value
            };
            prop_assert!(lines.iter().any(came), "{}", name);
        }
        // The role that writes it delimits the content once, and says one date.
        let mut server = Server::new(&Limits::default());
        let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        prop_assert_eq!(server.receive(request, Millis(0)).unwrap().1, Event::Head);
        prop_assert_eq!(server.receive(b"", Millis(0)).unwrap().1, Event::End);
        let mut out = Vec::new();
        server.send_head(&head, Outgoing::Sized(5), b"Sun, 06 Nov 1994 08:49:37 GMT", &mut out);
        let end = out.windows(2).position(|two| two == b"\r\n").unwrap();
        let wire = lines_of(&out[end + 2..]);
        let count = |name: &str| wire.iter().filter(|(other, _)| other == name).count();
        prop_assert!(count("content-length") <= 1 && count("transfer-encoding") == 0);
        prop_assert_eq!(count("date"), 1);
        prop_assert!(count("connection") <= 1 && count("via") == 1);
    }

    #[test]
    fn lines_that_were_read_go_on_as_those_that_stand_in_no_message(
        lines in vec((names(), values(), select(vec![": ", ": ", ": ", ":", ":\t ", ":  "])), 0..16),
        keeps in any::<bool>(),
    ) {
        let mut wire = b"HTTP/1.1 200 OK\r\nConnection: x-mine\r\n".to_vec();
        for (name, value, between) in &lines {
            let frames = OF_THE_CONNECTION.has(FieldName::parse(name.as_bytes()));
            if !frames && is_token(name.as_bytes()) && is_value(value.as_bytes()) {
                wire.extend_from_slice(format!("{name}{between}{value}\r\n").as_bytes());
            }
        }
        wire.extend_from_slice(b"\r\n");
        let mut client = Client::new(&ClientLimits::default());
        client.begin(&GET, &mut Vec::new());
        let (used, event) = client.receive(&wire).unwrap();
        prop_assert_eq!((used, event), (wire.len(), ClientEvent::Head));
        let read = client.response(&wire).fields;
        let mut apart = FieldLines::new();
        read.iter().for_each(|(name, value)| apart.push(name, value));
        let mut policy = policy();
        if keeps {
            policy.drop = Names::new(["Server", "a"]);
            policy.set = vec![("ETag".into(), "x".into()), ("X-Set".into(), "y".into())];
            policy.cookie_paths = vec![("/".into(), "/app/".into())];
        }
        let (first, told) = relayed_of(&policy, Status::OK, read);
        let (second, told_apart) = relayed_of(&policy, Status::OK, apart.view());
        let text = String::from_utf8_lossy;
        prop_assert_eq!(text(first.relayed_written()), text(second.relayed_written()));
        prop_assert!(first.relayed().eq(second.relayed()));
        prop_assert_eq!((first.present(), told), (second.present(), told_apart));
    }

    #[test]
    fn relaying_again_adds_to_the_way_alone(lines in vec((names(), values()), 0..16)) {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut policy = policy();
        policy.locations = Locations::Kept;
        let (first, _) = relayed(&policy, Status::OK, &lines);
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        let again: Vec<_> = first.relayed().map(|(name, value)| (text(name), text(value))).collect();
        let again: Vec<_> = again.iter().map(|(name, value)| (&**name, &**value)).collect();
        let (second, _) = relayed(&policy, Status::OK, &again);
        let rest = |head: &ResponseHead| {
            let lines = lines_of(head.relayed_written()).into_iter();
            lines.filter(|(name, _)| name != "via").collect::<Vec<_>>()
        };
        prop_assert_eq!(rest(&first), rest(&second));
    }

    #[test]
    fn trailers_frame_nothing(lines in vec((names(), values()), 0..16), head in values()) {
        let fields: FieldLines = lines.iter().map(|(name, value)| (&**name, &**value)).collect();
        let head: FieldLines = [("Connection", &*head)].into_iter().collect();
        let mut out = Vec::new();
        trailers(head.view(), fields.view(), &mut out);
        for (name, value) in lines_of(&out) {
            let known = FieldName::parse(name.as_bytes());
            let late = ["accept-ranges", "content-digest", "etag", "proxy-status", "repr-digest"];
            prop_assert!(known == FieldName::Other || late.contains(&&*name), "{}", name);
            prop_assert!(!name.contains('_') && !value.contains(&b'\r'));
        }
    }
}
