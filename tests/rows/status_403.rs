//! 403 Forbidden (RFC 9110 §15.5.4): understood, and refused.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::every::error_holds;
use crate::inboxes;
use crate::support::configured::basic;
use crate::support::{Configured, Running, setup, start};
use crate::written::get;

/// Names that begin with a dot are refused before anything is looked up: the answer is the same whether
/// they are there or not.
#[test]
fn dot_files() {
    let server = start(&["--writable"]);
    server.file(".git/config", "secret");
    server.file("a/.env", "secret");
    for path in [
        "/.git/config",
        "/.git/",
        "/.git",
        "/.none",
        "/a/.env",
        "/a/.none",
        "/%2egit/config",
        "/a/%2Eenv",
        "//.git/config",
        "/a/../.git/config",
        "/none/.x/y",
        "/...",
        "/.well-known/.secret",
        "/.well-known-not",
        "/.WELL-KNOWN/x",
    ] {
        let reply = get(&server, path, "");
        assert_eq!(reply.status, 403, "{path}");
        assert_eq!(&*reply.is(403, "dot-file").phrase, "Forbidden");
        assert!(!reply.has("etag") && !reply.has("location"));
        assert!(!reply.text().contains("secret"));
    }
    let there = get(&server, "/.git/config", "");
    let none = get(&server, "/.git/none", "");
    let told = |reply: &crate::support::Reply| {
        let mut problem = reply.problem();
        problem.as_object_mut().unwrap().remove("instance");
        problem
    };
    assert_eq!(told(&there), told(&none), "it does not tell whether the thing exists");
    for request in [
        "PUT /.git/config HTTP/1.1\nContent-Length: 1\n",
        "PUT /.new HTTP/1.1\nContent-Length: 1\n",
        "DELETE /.git/config HTTP/1.1\n",
        "POST /.git/ HTTP/1.1\nContent-Length: 1\n",
        "OPTIONS /.git/config HTTP/1.1\n",
    ] {
        let content = if request.contains("Length") { "x" } else { "" };
        server.ask(&format!("{request}Host: localhost\n\n{content}")).is(403, "dot-file");
    }
    assert_eq!(server.read(".git/config"), b"secret");
    assert!(!server.folder().join(".new").exists());
    let head = server.ask("HEAD /.git/config HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((head.status, head.content.len()), (403, 0));
}

/// `.well-known` is no dot-file (RFC 8615), and nor is a dot elsewhere in a name.
#[test]
fn what_is_no_dot_file() {
    let server = start(&[]);
    for name in [".well-known/security.txt", "a.b", "a/..b.c", "b./c"] {
        server.file(name, "content");
    }
    for (path, status) in [
        ("/.well-known/security.txt", 200),
        ("/.well-known/none", 404),
        ("/.well-known/", 200),
        ("/.well-known", 301),
        ("/a.b", 200),
        ("/b./c", 200),
        ("/a/..b.c", 403),
    ] {
        assert_eq!(get(&server, path, "").status, status, "{path}");
    }
}

/// No link leads out of the folder that is served: not by `..`, not by an absolute path, not by way of
/// another link or of a folder; and it tells nothing of what is there.
#[test]
fn links_that_lead_out() {
    let server = start(&["--writable"]);
    let outside = server.folder().parent().unwrap().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "secret").unwrap();
    server.file("folder/file", "content");
    let at = |name: &str| server.folder().join(name);
    symlink("../outside/file", at("up")).unwrap();
    symlink("../outside/none", at("nowhere")).unwrap();
    symlink(outside.join("file"), at("absolute")).unwrap();
    symlink("../outside", at("way")).unwrap();
    symlink("up", at("twice")).unwrap();
    symlink("../../outside/file", at("folder/deep")).unwrap();
    symlink("/etc/passwd", at("passwd")).unwrap();
    for path in ["/up", "/absolute", "/way/file", "/way/", "/twice", "/folder/deep", "/passwd"] {
        let reply = get(&server, path, "");
        assert_eq!(reply.status, 403, "{path}: {reply:?}");
        reply.is(403, "within");
        assert!(!reply.has("etag") && !reply.text().contains("secret"));
    }
    // Where it leads to is not told, be there something or not.
    let (there, none) = (get(&server, "/up", ""), get(&server, "/nowhere", ""));
    assert_eq!(
        (there.status, there.problem()["detail"].clone()),
        (none.status, none.problem()["detail"].clone())
    );
    for request in [
        "PUT /way/new HTTP/1.1\nContent-Length: 1\n",
        "PUT /up HTTP/1.1\nContent-Length: 1\n",
        "POST /way/ HTTP/1.1\nContent-Length: 1\n",
        "DELETE /way/file HTTP/1.1\n",
    ] {
        let content = if request.contains("Length") { "x" } else { "" };
        let reply = server.ask(&format!("{request}Host: localhost\n\n{content}"));
        assert_eq!(reply.status, 403, "{request}: {reply:?}");
    }
    assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"secret");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

/// What stays within is served, unless links are refused altogether.
#[test]
fn links_that_stay_within() {
    let make = |server: &Running| {
        server.file("folder/file", "content");
        symlink("folder/file", server.folder().join("link")).unwrap();
        symlink("../folder/file", server.folder().join("folder/back")).unwrap();
        symlink("folder", server.folder().join("way")).unwrap();
    };
    let server = start(&[]);
    make(&server);
    for path in ["/link", "/folder/back", "/way/file"] {
        let reply = get(&server, path, "");
        assert_eq!((reply.status, reply.text()), (200, "content"), "{path}");
    }
    let server = start(&["--refuse-links"]);
    make(&server);
    for path in ["/link", "/folder/back", "/way/file"] {
        get(&server, path, "").is(403, "within");
    }
    assert_eq!(get(&server, "/folder/file", "").text(), "content");
}

/// A link that leads round in a circle leads nowhere, and holds no one up.
#[test]
fn links_in_a_circle() {
    let server = start(&[]);
    symlink("b", server.folder().join("a")).unwrap();
    symlink("a", server.folder().join("b")).unwrap();
    let reply = get(&server, "/a", "");
    assert!([403, 404].contains(&reply.status), "{reply:?}");
}

/// What is neither a file nor a folder is not opened, which could wait for ever.
#[test]
fn what_is_no_file() {
    let server = start(&["--writable"]);
    let fifo = std::process::Command::new("mkfifo").arg(server.folder().join("fifo")).status();
    assert!(fifo.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(server.folder().join("socket")).unwrap();
    for path in ["/fifo", "/socket"] {
        get(&server, path, "").is(403, "ordinary");
        let put = format!("PUT {path} HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx");
        assert_eq!(server.ask(&put).status, 403, "{path}");
    }
}

/// An index file that is not given out hides the list of members all the same; what has its name and is
/// neither a file nor a link is a member like any other.
#[test]
fn index_files() {
    let server = start(&[]);
    server.file("out/x", "content");
    symlink("/etc/passwd", server.folder().join("out/index.html")).unwrap();
    get(&server, "/out/", "").is(403, "within");
    assert_eq!(get(&server, "/out/x", "").text(), "content");
    server.file("folder/index.html/x", "content");
    let reply = get(&server, "/folder/", "");
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("href=\"./index.html/\""), "{}", reply.text());
}

/// What the operating system keeps from the server; from root it keeps nothing.
#[test]
fn what_may_not_be_read() {
    let server = start(&[]);
    let is_root = rustix::process::geteuid().is_root();
    let mode = |name: &str, mode: u32| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(server.folder().join(name), permissions).unwrap();
    };
    for name in ["file", "closed/file", "passed/file", "index/index.html"] {
        server.file(name, "content");
    }
    for (name, bits) in
        [("file", 0o000), ("closed", 0o000), ("passed", 0o111), ("index/index.html", 0o000)]
    {
        mode(name, bits);
    }
    for path in ["/file", "/closed/file", "/closed/", "/passed/", "/index/"] {
        let reply = get(&server, path, "");
        if is_root {
            assert_eq!(reply.status, 200, "{path}");
        } else {
            assert_eq!(reply.status, 403, "{path}: {reply:?}");
            reply.is(403, "readable");
        }
    }
    // A folder that may be passed gives out its members, though not their list.
    assert_eq!(get(&server, "/passed/file", "").text(), "content");
    mode("closed", 0o755);
    mode("passed", 0o755);
}

fn write_from(server: &Running, fields: &str) -> crate::support::Reply {
    server.ask(&format!("PUT /a HTTP/1.1\nHost: localhost:8080\nContent-Length: 1\n{fields}\nx"))
}

/// A page of another site makes a browser write here: the browser says so, and is refused.
#[test]
fn writes_for_other_sites() {
    let server = start(&["--writable"]);
    for fields in [
        "Sec-Fetch-Site: cross-site\n",
        "Sec-Fetch-Site: same-site\n",
        "Sec-Fetch-Site: \n",
        "Sec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site\n",
        "Sec-Fetch-Site: cross-site\nOrigin: http://localhost:8080\n",
        "Origin: http://other.example\n",
        "Origin: http://localhost\n",
        "Origin: http://localhost:8081\n",
        "Origin: https://localhost:8080\n",
        "Origin: http://localhost:8080.other.example\n",
        "Origin: http://127.0.0.1:8080\n",
        "Origin: null\n",
        "Origin: \n",
        "Origin: http://localhost:8080\nOrigin: http://other.example\n",
    ] {
        let reply = write_from(&server, fields);
        assert_eq!(reply.status, 403, "{fields}: {reply:?}");
        reply.is(403, "cross-site-write");
        // Who the client is decides, so no one may keep the answer.
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{fields}");
        assert!(!server.folder().join("a").exists(), "{fields}");
    }
    server.file("kept", "content");
    for method in ["DELETE /kept", "POST /", "PATCH /kept"] {
        let request =
            format!("{method} HTTP/1.1\nHost: localhost\nOrigin: http://other.example\n\n");
        server.ask(&request).is(403, "cross-site-write");
    }
    assert_eq!(server.read("kept"), b"content");
}

#[test]
fn writes_of_the_site_itself() {
    let server = start(&["--writable"]);
    for fields in [
        "",
        "Sec-Fetch-Site: same-origin\n",
        "Sec-Fetch-Site: none\n",
        // Where the browser knows the newer field, it decides.
        "Sec-Fetch-Site: same-origin\nOrigin: http://other.example\n",
        "Origin: http://localhost:8080\n",
        "Origin: http://LOCALHOST:8080\n",
    ] {
        let reply = write_from(&server, fields);
        assert_eq!(reply.status / 100, 2, "{fields}: {reply:?}");
    }
    // Reading is safe, whoever asks.
    let read = "Sec-Fetch-Site: cross-site\nOrigin: http://other.example\n";
    assert_eq!(get(&server, "/a", read).status, 200);
    // Port 80 goes without saying.
    let put =
        "PUT /a HTTP/1.1\nHost: localhost\nOrigin: http://localhost:80\nContent-Length: 1\n\nx";
    assert_eq!(server.ask(put).status, 204);
}

/// A form on another site may not post here, unless `cors` names that site.
#[test]
fn a_form_of_another_site() {
    let cors = "cors = { origins = [\"https://friend.example\"] }\n";
    let server = inboxes::serve(&(inboxes::route("") + cors));
    for (fields, status) in [
        ("Origin: https://evil.example\nSec-Fetch-Site: cross-site\n", 403),
        ("Origin: null\n", 403),
        ("Sec-Fetch-Site: same-site\n", 403),
        ("Origin: https://friend.example\nSec-Fetch-Site: cross-site\n", 204),
        ("Origin: http://localhost\nSec-Fetch-Site: same-origin\n", 204),
        ("", 204),
    ] {
        let before = inboxes::documents(&server).len();
        let reply = inboxes::post(&server, &format!("{}{fields}", inboxes::ENCODED), "a=b");
        assert_eq!(reply.status, status, "{fields}");
        if status == 403 {
            reply.is(403, "cross-site-write");
        }
        let allowed = fields.contains("friend").then_some("https://friend.example");
        assert_eq!(reply.field("access-control-allow-origin"), allowed);
        let taken = inboxes::documents(&server).len() - before;
        assert_eq!(taken, usize::from(status == 204), "{fields}");
    }
    let preflight = "OPTIONS /orders HTTP/1.1\nHost: localhost\nOrigin: https://friend.example\n\
                     Access-Control-Request-Method: POST\n\n";
    let reply = server.ask(preflight);
    assert_eq!(
        (reply.status, reply.field("access-control-allow-methods")),
        (204, Some("POST, OPTIONS"))
    );
}

const NETWORKS: &str = "\
    [users.staff]\nhtpasswd = 'users'\ngroups = 'groups'\n\
    [site.localhost]\nroute = [\n\
    { path = '/*', folder = 'site' },\n\
    { path = '/net/*', folder = 'site', writable = true, auth = { networks = ['192.0.2.0/24', '2001:db8::/48'] } },\n\
    { path = '/group/*', folder = 'site', auth = { users = 'staff', groups = ['admins', 'ops'] } },\n\
    { path = '/name/*', folder = 'site', auth = { users = 'staff', names = 'bert' } },\n\
    { path = '/both/*', folder = 'site', auth = { users = 'staff', groups = 'ops', networks = '192.0.2.0/24' } },\n\
    ]\n";

fn guarded() -> Configured {
    setup()
        .server("trusted-proxies = '127.0.0.1'")
        .users(&[("anna", "secret"), ("bert", "secret"), ("carl", "secret")])
        .file("groups", "admins: carl\nops: anna carl\n")
        .serve(NETWORKS)
}

fn from(address: &str) -> String {
    format!("X-Forwarded-For: {address}\n")
}

#[test]
fn a_network_that_may_not_ask() {
    let server = guarded();
    for (address, status) in [
        ("192.0.2.255", 200),
        ("192.0.3.0", 403),
        ("2001:db8:0:ffff::1", 200),
        ("2001:db8:1::1", 403),
        ("::ffff:192.0.2.1", 200),
        ("unknown", 403),
    ] {
        assert_eq!(get(&server, "/net/file", &from(address)).status, status, "{address}");
    }
    // Whether anything is there is not told, and nobody may keep the answer for others.
    for target in ["/net/file", "/net/none", "/net/.git/config"] {
        let reply = error_holds(&server, 403, "network", target, "");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert!(!reply.has("www-authenticate") && !reply.has("etag"));
    }
    for method in ["PUT", "DELETE", "OPTIONS", "BREW"] {
        let reply = server.ask(&format!(
            "{method} /net/file HTTP/1.1\nHost: localhost\nContent-Length: 1\n\
             Expect: 100-continue\n\n"
        ));
        reply.is(403, "network");
        assert!(reply.interim.is_empty() && !reply.has("allow"), "{method}");
    }
    assert_eq!(server.read("file"), b"here");
}

#[test]
fn a_user_who_may_not_ask() {
    let server = guarded();
    for (target, user, status) in [
        ("/group/file", "anna", 200),
        ("/group/file", "bert", 403),
        ("/group/file", "carl", 200),
        ("/name/file", "bert", 200),
        ("/name/file", "anna", 403),
    ] {
        let reply = get(&server, target, &basic(user, "secret"));
        assert_eq!(reply.status, status, "{target} {user}");
        assert!(!reply.has("www-authenticate"), "other credentials were not asked for");
    }
    let bert = basic("bert", "secret");
    for target in ["/group/file", "/group/none"] {
        let reply = error_holds(&server, 403, "allowed", target, &bert);
        assert_eq!(reply.field("cache-control"), Some("no-store"));
    }
    get(&server, "/group/file", "").is(401, "credentials-sent");
}

/// Where both are asked for, the network comes first: it needs nobody's password.
#[test]
fn a_network_and_a_group() {
    let server = guarded();
    let (inside, anna) = (from("192.0.2.1"), basic("anna", "secret"));
    get(&server, "/both/file", &anna).is(403, "network");
    get(&server, "/both/file", &inside).is(401, "credentials-sent");
    get(&server, "/both/file", &format!("{inside}{}", basic("bert", "secret"))).is(403, "allowed");
    assert_eq!(get(&server, "/both/file", &format!("{inside}{anna}")).status, 200);
}
