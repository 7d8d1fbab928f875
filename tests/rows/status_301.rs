//! 301 Moved Permanently (RFC 9110 §15.4.2): a folder is asked for without its slash, what moved for good, a
//! site in clear that is served by HTTPS alone, a host by another of its names.

use std::os::unix::ffi::OsStrExt;

use crate::every::holds;
use crate::support::{configured, routes, setup, start};
use crate::written::get;

#[test]
fn a_folder_without_its_slash() {
    let server = start(&[]);
    server.file("folder/file", "content");
    for method in ["GET", "HEAD"] {
        let reply = server.ask(&format!("{method} /folder HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!((reply.status, &*reply.phrase), (301, "Moved Permanently"));
        assert_eq!(reply.field("location"), Some("/folder/"));
        assert!(reply.has("date") && reply.has("content-length"));
        assert!(!reply.has("etag") && !reply.has("last-modified"));
    }
    assert_eq!(get(&server, "/folder/", "").status, 200, "it leads somewhere");
}

/// It is followed by programs, and read by people: a short note, in the form that they ask for.
#[test]
fn the_note() {
    let server = start(&[]);
    server.file("folder/file", "content");
    for (accept, kind) in [
        ("", "text/plain; charset=utf-8"),
        ("Accept: text/html\n", "text/html; charset=utf-8"),
        ("Accept: */*\n", "text/plain; charset=utf-8"),
    ] {
        let reply = get(&server, "/folder", accept);
        assert_eq!(reply.status, 301);
        assert_eq!(reply.field("content-type"), Some(kind));
        assert_eq!(reply.field("vary"), Some("Accept"));
        assert!(reply.text().contains("slash"), "{}", reply.text());
    }
}

#[test]
fn the_query_is_kept() {
    let server = start(&[]);
    server.file("folder/file", "content");
    for (target, location) in [
        ("/folder?a=b&c=%20d", "/folder/?a=b&c=%20d"),
        ("/folder?", "/folder/?"),
        ("/folder?/../x?y", "/folder/?/../x?y"),
        ("http://localhost/folder?q", "/folder/?q"),
    ] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.field("location")), (301, Some(location)), "{target}");
    }
}

/// Never a `Location` that leads to another host, or that ends the field line.
#[test]
#[allow(clippy::join_absolute_paths, reason = "a backslash separates nothing here")]
fn it_leads_nowhere_else() {
    let server = start(&[]);
    server.file("folder/file", "");
    server.file("evil.example/file", "");
    server.file("a b/ü/file", "");
    server.file("q?#%/file", "");
    for (target, location) in [
        ("//evil.example", "/evil.example/"),
        ("///evil.example", "/evil.example/"),
        ("/.//evil.example", "/evil.example/"),
        ("/x/..//evil.example", "/evil.example/"),
        ("/%2e/evil.example", "/evil.example/"),
        ("/folder/../folder", "/folder/"),
        ("/a%20b/%c3%bc", "/a%20b/%C3%BC/"),
        ("/q%3f%23%25", "/q%3F%23%25/"),
        ("/%66older", "/folder/"),
    ] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.field("location")), (301, Some(location)), "{target}");
    }
    // A backslash is an ordinary octet of a name; browsers would take it for a slash, if it came as it is.
    std::fs::create_dir(format!("{}/\\evil.example", server.folder().display())).unwrap();
    for target in ["/\\evil.example", "/%5cevil.example"] {
        let reply = get(&server, target, "");
        assert_eq!((reply.status, reply.field("location")), (301, Some("/%5Cevil.example/")));
    }
    let broken = std::ffi::OsStr::from_bytes(b"line\r\nX: y");
    std::fs::create_dir(server.folder().join(broken)).unwrap();
    let reply = get(&server, "/line%0d%0aX:%20y", "");
    assert_eq!(reply.field("location"), Some("/line%0D%0AX:%20y/"));
    assert!(!reply.has("x"));
    // Octets that are no UTF-8 stay what they are.
    std::fs::create_dir(server.folder().join(std::ffi::OsStr::from_bytes(b"\xff\xfe"))).unwrap();
    let reply = get(&server, "/%ff%FE", "");
    assert_eq!((reply.status, reply.field("location")), (301, Some("/%FF%FE/")));
}

/// A folder by a link within the folder that is served is a folder too.
#[test]
fn by_a_link() {
    let server = start(&[]);
    server.file("folder/file", "");
    std::os::unix::fs::symlink("folder", server.folder().join("link")).unwrap();
    let reply = get(&server, "/link", "");
    assert_eq!((reply.status, reply.field("location")), (301, Some("/link/")));
}

/// It stands before the conditions and ranges of what is there.
#[test]
fn conditions_change_nothing() {
    let server = start(&[]);
    server.file("folder/index.html", "content");
    let reply = get(&server, "/folder", "If-None-Match: *\nRange: bytes=0-1\n");
    assert_eq!((reply.status, reply.field("location")), (301, Some("/folder/")));
}

#[test]
fn the_connection_goes_on() {
    let server = start(&[]);
    server.file("folder/file", "content");
    let mut client = server.connect();
    client.send(
        "GET /folder HTTP/1.1\nHost: localhost\n\nHEAD /folder HTTP/1.1\nHost: localhost\n\n\
         GET /folder/file HTTP/1.1\nHost: localhost\n\n",
    );
    assert_eq!(client.reply("GET").status, 301);
    assert_eq!(client.reply("HEAD").status, 301);
    assert_eq!(client.reply("GET").text(), "content");
}

#[test]
fn what_moved_for_good() {
    let server = routes(&[
        "{ path = '/old/{name}', redirect = '/new/{name}', permanent = true }",
        "{ path = '/docs/{rest*}', redirect = 'https://docs.example.org/v2/{rest}', permanent = true }",
        "{ path = '/find/{what}', redirect = '/search?for={what}&by=name', permanent = true }",
        "{ path = '/swap/{a}/{b}', redirect = '/{b}/{a}', permanent = true }",
    ]);
    for (target, location) in [
        ("/old/a", "/new/a"),
        ("/old/a?b=c&d=%20e", "/new/a?b=c&d=%20e"),
        ("/old/a?", "/new/a?"),
        ("/old/a%20b%3Fc", "/new/a%20b%3Fc"),
        ("/docs/a/b%20c/?x", "https://docs.example.org/v2/a/b%20c/?x"),
        ("/find/a&b=c", "/search?for=a%26b%3Dc&by=name"),
        ("/find/a?c=d", "/search?for=a&by=name&c=d"),
        ("/swap/1/2", "/2/1"),
    ] {
        let reply = holds(&server, 301, target, "");
        assert_eq!(reply.field("location"), Some(location), "{target}");
        assert!(!reply.has("etag") && !reply.has("retry-after"));
    }
    assert_eq!(get(&server, "/old/a/b", "").status, 404, "a capture is one segment");
    assert!(server.log_line("\"GET /old/a ").contains(" moved "));
}

/// Whatever a client puts into the path or the query, the target stays on its site and in its field.
#[test]
fn captures_never_leave_the_site() {
    let server = routes(&[
        "{ path = '/go/{rest*}', redirect = '/{rest}', permanent = true }",
        "{ path = '/to/{one}', redirect = '/{one}', permanent = true }",
        "{ path = '/out/{rest*}', redirect = 'https://example.org/{rest}', permanent = true }",
    ]);
    let hostile = [
        "/evil.example",
        "//evil.example",
        "%2f%2fevil.example",
        "%2F/evil.example",
        "%5c%5cevil.example",
        "\\\\evil.example",
        "%09//evil.example",
        "%0d%0aSet-Cookie:%20a=b",
        "%0a%0aGET%20/",
        "%00",
        "..//evil.example",
        "%2e%2e//evil.example",
        ".//evil.example",
        "@evil.example",
        ":80@evil.example",
        "evil.example:80",
        "https://evil.example/",
        "https:%2f%2fevil.example",
        "javascript:alert(1)",
        "%ff%fe",
        "x?//evil.example",
        "x?%0d%0aSet-Cookie:%20a=b",
        "x?\"<>\\^`{|}",
        "x?a#b",
        "{one}",
        "{path}",
    ];
    for before in ["/go/", "/to/", "/out/", "/go", "//go/", "/./go/"] {
        for capture in hostile {
            let target = format!("{before}{capture}");
            let reply = get(&server, &target, "");
            assert!(!reply.has("set-cookie"), "{target}: {reply:?}");
            let Some(location) = reply.field("location") else {
                assert!([400, 404].contains(&reply.status), "{target}: {reply:?}");
                continue;
            };
            assert_eq!(reply.status, 301, "{target}");
            assert!(location.bytes().all(|octet| octet.is_ascii_graphic()), "{location}");
            assert!(!location.contains(['\\', '"', '<', '>']), "{location}");
            let path = location.strip_prefix("https://example.org").unwrap_or(location);
            assert!(path.starts_with('/') && !path.starts_with("//"), "{target}: {location}");
            assert_eq!(path != location, before == "/out/", "{target}: {location}");
        }
    }
}

#[test]
fn a_site_that_is_served_by_https_alone() {
    let server = setup()
        .server("trusted-proxies = '127.0.0.0/8'")
        .serve("[site.localhost]\nhttps = 'only'\nroute = { path = '/*', folder = 'site' }\n");
    for (target, location) in [
        ("/file", "https://localhost/file"),
        ("/a%20b?c=d", "https://localhost/a%20b?c=d"),
        ("//evil.example/", "https://localhost/evil.example/"),
    ] {
        let reply = holds(&server, 301, target, "");
        assert_eq!(reply.field("location"), Some(location));
    }
    // Its port is that of plain HTTP.
    let reply = server.ask("GET /file HTTP/1.1\nHost: localhost:8080\n\n");
    assert_eq!(reply.field("location"), Some("https://localhost/file"));
    // Whoever came to a trusted proxy by HTTPS came by HTTPS.
    for fields in ["X-Forwarded-Proto: https\n", "Forwarded: for=192.0.2.1;proto=https\n"] {
        assert_eq!(get(&server, "/file", fields).text(), "here", "{fields}");
    }
    assert_eq!(get(&server, "/file", "X-Forwarded-Proto: http\n").status, 301);
}

/// What a proxy says is worth as much as the proxy.
#[test]
fn anybody_can_say_https() {
    let server =
        configured("[site.localhost]\nhttps = 'only'\nroute = { path = '/*', folder = 'site' }\n");
    assert_eq!(get(&server, "/file", "X-Forwarded-Proto: https\n").status, 301);
}

#[test]
fn another_name_of_the_site() {
    let server = configured(
        "[site.\"example.org\"]\naliases = ['localhost', '*.example.org']\ncanonical = true\n\
         route = { path = '/*', folder = 'site' }\n",
    );
    let reply = holds(&server, 301, "/file?a=b", "");
    assert_eq!(reply.field("location"), Some("http://example.org/file?a=b"));
    for (host, location) in [
        ("www.example.org", Some("http://example.org/file")),
        ("www.example.org:8080", Some("http://example.org:8080/file")),
        ("example.org", None),
        ("EXAMPLE.org:8080", None),
    ] {
        let reply = server.ask(&format!("GET /file HTTP/1.1\nHost: {host}\n\n"));
        assert_eq!(reply.field("location"), location, "{host}");
        assert_eq!(reply.status, if location.is_some() { 301 } else { 200 }, "{host}");
    }
}
