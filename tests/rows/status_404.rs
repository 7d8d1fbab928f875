//! 404 Not Found (RFC 9110 §15.5.5): nothing is there, and nothing is known to have been.

use std::time::Instant;

use crate::support::configured::basic;
use crate::support::server::PATIENCE;
use crate::support::{Configured, Reply, setup, start};
use crate::written::get;

#[test]
fn nothing_is_there() {
    let server = start(&[]);
    let reply = server.ask("GET /nothing HTTP/1.1\nHost: localhost\n\n");
    reply.is(404, "missing");
    assert!(reply.has("date"));
    assert_eq!((&*reply.phrase, &*reply.version), ("Not Found", "HTTP/1.1"));
    for name in ["etag", "last-modified", "accept-ranges", "allow", "location"] {
        assert!(!reply.has(name), "{name}");
    }
    assert!(server.log_line("/nothing").contains(" 404 "));
}

#[test]
fn whatever_is_asked_of_it() {
    for arguments in [&[][..], &["--writable"]] {
        let server = start(arguments);
        for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
            for fields in ["", "If-Match: *\n", "If-None-Match: *\n", "Range: bytes=9-\n"] {
                let request = format!("{method} /none HTTP/1.1\nHost: localhost\n{fields}\n");
                let reply = server.ask(&request);
                assert_eq!(reply.status, 404, "{request}");
                assert_eq!(reply.content.is_empty(), method == "HEAD");
            }
        }
    }
}

#[test]
fn paths_that_lead_to_nothing() {
    let server = start(&[]);
    server.file("file", "content");
    server.file("folder/member", "content");
    let long = format!("/{}", "x".repeat(300));
    let deep = "/x".repeat(3000);
    for (path, rule) in [
        ("/folder/none", "missing"),
        ("/folder/none/", "missing"),
        // A file has no members, and its name no slash.
        ("/file/", "missing"),
        ("/file/x", "missing"),
        ("/FILE", "missing"),
        ("/file%20", "missing"),
        ("/file.", "missing"),
        ("/file;v=1", "missing"),
        ("/file%3Fq", "missing"),
        ("/%FF", "missing"),
        ("/folder%2Fmember", "nameable"),
        ("/folder%2f..%2ffile", "nameable"),
        ("/folder%5Cmember", "missing"),
        (&*long, "missing"),
        (&*deep, "missing"),
    ] {
        let reply = get(&server, path, "");
        assert_eq!(reply.status, 404, "{path}");
        reply.is(404, rule);
    }
}

/// The explanation is in the form that is asked for, and never replaced by 406.
#[test]
fn the_form_of_the_explanation() {
    let server = start(&[]);
    for (accept, kind) in [
        ("", "application/problem+json"),
        ("Accept: */*\n", "application/problem+json"),
        ("Accept: application/json\n", "application/problem+json"),
        ("Accept: text/html,application/xhtml+xml,*/*;q=0.8\n", "text/html; charset=utf-8"),
        ("Accept: text/plain\n", "text/plain; charset=utf-8"),
        ("Accept: image/png\n", "application/problem+json"),
        ("Accept: text/html;q=0\n", "application/problem+json"),
    ] {
        let reply = get(&server, "/%3Cscript%3E", accept);
        assert_eq!((reply.status, reply.field("content-type")), (404, Some(kind)), "{accept}");
        assert_eq!(reply.field("vary"), Some("Accept"));
        assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
        assert!(!reply.text().contains("<script>"));
        if kind.starts_with("text/html") {
            assert!(reply.field("content-security-policy").unwrap().contains("default-src 'none'"));
        }
        let head = server.ask(&format!("HEAD /%3Cscript%3E HTTP/1.1\nHost: localhost\n{accept}\n"));
        assert_eq!((head.status, head.field("content-type")), (404, Some(kind)));
        assert_eq!(head.field("content-length"), reply.field("content-length"));
    }
}

/// Nothing internal is told: neither where the folder is, nor what is in it.
#[test]
fn it_tells_nothing() {
    let server = start(&[]);
    server.file("other", "content");
    for accept in ["text/html", "text/plain", "application/json"] {
        let reply = get(&server, "/none", &format!("Accept: {accept}\n"));
        let said = format!("{:?}{}", reply.fields, reply.text());
        for told in [server.folder().to_str().unwrap(), "other", "os error", "No such file"] {
            assert!(!said.contains(told), "{told} in {said}");
        }
    }
}

/// What another program takes away is 404, and what it puts there is found, once it has been looked at
/// anew.
#[test]
fn it_is_what_is_there() {
    let server = start(&[]);
    let file = server.file("a", "content");
    // On one connection, and so from one core's memory.
    let mut client = server.connect();
    let until = Instant::now() + PATIENCE;
    let mut wait_for = |status: u16, content: &str| loop {
        client.send("GET /a HTTP/1.1\nHost: localhost\n\n");
        let reply = client.reply("GET");
        if reply.status == status && (status != 200 || reply.text() == content) {
            break;
        }
        assert!(Instant::now() < until, "never seen");
    };
    wait_for(200, "content");
    std::fs::remove_file(file).unwrap();
    wait_for(404, "");
    server.file("a", "again");
    wait_for(200, "again");
}

/// Routes whose files some may not know of, by user and by network.
fn hiding() -> Configured {
    setup()
        .server("trusted-proxies = '127.0.0.1'")
        .users(&[("anna", "secret"), ("bert", "secret")])
        .file("404.html", "<p>Nothing. {{detail}}</p>")
        .serve(
            "[users.staff]\nhtpasswd = 'users'\n[limits.many]\nrate = '1000/day'\n\
             [limits.user]\nrate = '1000/day'\nby = 'user'\n\
             [site.localhost]\nhide = true\nerror-pages = { 404 = '404.html' }\nroute = [\n\
             { path = '/user/*', folder = 'site', auth = { users = 'staff', names = 'anna' } },\n\
             { path = '/net/*', folder = 'site', auth = { networks = '192.0.2.0/24' } },\n\
             { path = '/limited/user/*', folder = 'site', limit = ['many', 'user'], \
               auth = { users = 'staff', names = 'anna' } },\n\
             { path = '/limited/net/*', folder = 'site', limit = ['many', 'user'], \
               auth = { networks = '192.0.2.0/24' } },\n\
             ]\n",
        )
}

/// An answer as it came, but for what is of the moment.
fn octets(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let id = reply.field("request-id").unwrap();
    let mut fields = reply.fields.clone();
    fields.retain(|(name, _)| name != "Date" && name != "Request-Id");
    (reply.status, fields, reply.text().replace(id, "ID"))
}

/// What is hidden is missing, octet for octet, for whoever asks: only the log knows.
#[test]
fn what_is_hidden() {
    let server = hiding();
    let (anna, bert) = (basic("anna", "secret"), basic("bert", "secret"));
    let (inside, outside) = ("X-Forwarded-For: 192.0.2.1\n", "X-Forwarded-For: 192.0.3.1\n");
    for (folder, let_in, kept_out, rule) in
        [("/user", &*anna, &*bert, "allowed"), ("/net", inside, outside, "network")]
    {
        let there = format!("{folder}/file");
        assert_eq!(get(&server, &there, let_in).text(), "here");
        for accept in ["", "Accept: text/html\n", "Accept: text/plain\n"] {
            for method in ["GET", "HEAD"] {
                let ask = |target: &str, fields: &str| {
                    octets(&server.ask(&format!(
                        "{method} {target} HTTP/1.1\nHost: localhost\n{accept}{fields}\n"
                    )))
                };
                let plain = ask(&format!("{folder}/none"), let_in);
                assert_eq!(plain.0, 404);
                assert_eq!(ask(&there, kept_out), plain, "{folder} {accept}");
                assert_eq!(ask(&format!("{folder}/none"), kept_out), plain);
                let cached = plain.1.iter().find(|(name, _)| name == "Cache-Control");
                assert_eq!(cached.map(|(_, value)| &**value), Some("no-store"));
            }
        }
        get(&server, &there, kept_out).is(404, "missing");
        assert!(server.log_line(&format!(" {rule} ")).contains(" 404 "));
    }
    // Credentials are asked for wherever they would do, whether anything is there or not.
    for target in ["/user/file", "/user/none"] {
        get(&server, target, "").is(401, "credentials-sent");
    }
}

/// Nor do limits tell, which are taken from once it is known that somebody may ask.
#[test]
fn limits_of_what_is_hidden() {
    let server = hiding();
    let (anna, bert) = (basic("anna", "secret"), basic("bert", "secret"));
    let (inside, outside) = ("X-Forwarded-For: 192.0.2.1\n", "X-Forwarded-For: 192.0.3.1\n");
    for (folder, let_in, kept_out) in
        [("/limited/user", &*anna, &*bert), ("/limited/net", inside, outside)]
    {
        let there = get(&server, &format!("{folder}/file"), let_in);
        assert!(there.field("ratelimit-policy").unwrap().contains("\"user\""), "{there:?}");
        let names = |target: &str, fields: &str| {
            let reply = get(&server, &format!("{folder}/{target}"), fields);
            reply.is(404, "missing");
            let policy = reply.field("ratelimit-policy").map(str::to_owned);
            let names: Vec<_> = reply.fields.into_iter().map(|(name, _)| name).collect();
            (names, policy)
        };
        let plain = names("none", let_in);
        assert_eq!(names("none", kept_out), plain, "{folder}");
        assert_eq!(names("file", kept_out), plain, "{folder}");
    }
}
