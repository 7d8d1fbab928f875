//! 103 Early Hints (RFC 8297): what a page needs besides itself, told before it is looked for.

use crate::support::Configured;
use crate::support::configured::basic;
use crate::support::setup;

const LINKS: [&str; 2] =
    ["</style.css>; rel=preload; as=style", "<https://cdn.example>; rel=preconnect"];

fn hinting() -> Configured {
    setup().users(&[("anna", "secret")]).serve(&format!(
        "[users.staff]\nhtpasswd = 'users'\n[limits.one]\nrate = '1/hour'\nby = 'route'\n\
         [site.localhost]\nearly-hints = ['{}', '{}']\nroute = [\n\
         {{ path = '/*', folder = 'site', writable = true }},\n\
         {{ path = '/plain/*', folder = 'site', early-hints = [] }},\n\
         {{ path = '/auth/*', folder = 'site', auth = {{ users = 'staff' }} }},\n\
         {{ path = '/once/*', folder = 'site', limit = 'one' }},\n\
         {{ path = '/old', redirect = '/file' }},\n]\n",
        LINKS[0], LINKS[1]
    ))
}

#[test]
fn before_the_page() {
    let server = hinting();
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("GET /file HTTP/1.1\nHost: localhost\n\n");
        let hints = client.head();
        assert_eq!((hints.status, &*hints.phrase), (103, "Early Hints"));
        let told: Vec<_> =
            hints.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // Nothing else: neither a length nor a date is known, nor does the message have content.
        assert_eq!(told, LINKS.map(|link| ("Link", link)));
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.text()), (200, "here"));
    }
}

/// They are no promise of what the answer will be.
#[test]
fn before_whatever_is_found() {
    let server = hinting();
    for (target, fields, status) in [
        ("/none", "", 404),
        ("/file", "If-None-Match: *\n", 304),
        ("/file", "Range: bytes=0-1\n", 206),
        ("/auth/file", &*basic("anna", "secret"), 200),
        ("/once/file", "", 200),
    ] {
        let reply = server.ask(&format!("GET {target} HTTP/1.1\nHost: localhost\n{fields}\n"));
        assert_eq!((reply.status, reply.interim), (status, vec![103]), "{target}");
    }
}

#[test]
fn to_nobody_else() {
    let server = hinting();
    server.ask("GET /once/file HTTP/1.1\nHost: localhost\n\n");
    for (request, status) in [
        // An older client would take it for the answer.
        ("GET /file HTTP/1.0\nHost: localhost\n", 200),
        ("HEAD /file HTTP/1.1\nHost: localhost\n", 200),
        ("OPTIONS /file HTTP/1.1\nHost: localhost\n", 200),
        ("DELETE /file HTTP/1.1\nHost: localhost\nIf-Match: \"x\"\n", 412),
        ("GET /plain/file HTTP/1.1\nHost: localhost\n", 200),
        // Who is not let in is told nothing of what is inside.
        ("GET /auth/file HTTP/1.1\nHost: localhost\n", 401),
        ("GET /once/file HTTP/1.1\nHost: localhost\n", 429),
        ("GET /old HTTP/1.1\nHost: localhost\n", 302),
        ("GET /file HTTP/1.1\nHost: example.org\n", 421),
    ] {
        let reply = server.ask(&format!("{request}\n"));
        assert_eq!((reply.status, reply.interim.len()), (status, 0), "{request}");
    }
}

mod by_a_gateway {
    use wherefore_gateway::Settings;
    use wherefore_server::gateway::Interim;

    use crate::support::inside::serve_gateway;
    use crate::support::lies::good;
    use crate::support::upstream::{Step, Upstream};

    const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\
                        Set-Cookie: a=b\r\nConnection: close\r\n\r\n";

    fn hinting() -> Upstream {
        let steps = vec![
            Step::Write(HINT.into()),
            Step::Await,
            Step::Write([HINT, &good("page")].concat().into_bytes()),
        ];
        Upstream::stepping(steps)
    }

    #[test]
    fn hints_are_relayed_at_once_and_cleaned() {
        let upstream = hinting();
        let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |_| ());
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\nHost: localhost\n\n");
        let hint = client.head();
        assert_eq!((hint.status, hint.fields.len()), (103, 1));
        assert_eq!(hint.field("link"), Some("</a.css>; rel=preload"));
        upstream.go_on();
        let reply = client.reply("GET");
        assert_eq!((reply.status, reply.text(), reply.interim.len()), (200, "page", 1));
    }

    #[test]
    fn they_end_here_where_the_client_or_the_operator_wants_none() {
        for (version, interim) in [("1.0", Interim::Relayed), ("1.1", Interim::Dropped)] {
            let upstream = hinting();
            let gateway = serve_gateway(&[&upstream.url()], Settings::default(), |gateway| {
                gateway.interim = interim;
            });
            upstream.go_on();
            let request = format!("GET / HTTP/{version}\nHost: localhost\n\n");
            let reply = gateway.ask(&request);
            assert_eq!((reply.status, reply.interim.len()), (200, 0), "{version}");
        }
    }
}
