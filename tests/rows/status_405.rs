//! 405 Method Not Allowed (RFC 9110 §15.5.6): the method is known, and this resource does not offer it.

use crate::inboxes;
use crate::support::{Reply, Running, start};

const METHODS: [&str; 8] = ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "DELETE", "PATCH"];

fn ask(server: &Running, method: &str, path: &str) -> Reply {
    let fields = match method {
        "PATCH" => "Content-Type: application/merge-patch+json\nContent-Length: 2\n",
        "POST" => "Content-Type: text/plain\nContent-Length: 2\n",
        "PUT" => "Content-Length: 2\n",
        _ => "",
    };
    let content = if fields.is_empty() { "" } else { "{}" };
    server.ask(&format!("{method} {path} HTTP/1.1\nHost: localhost\n{fields}\n{content}"))
}

fn files(server: &Running) {
    server.file("file.txt", "content");
    server.file("data.json", "{}");
    server.file("folder/member", "content");
}

fn sorted(allow: &str) -> Vec<String> {
    let mut methods: Vec<String> = allow.split(", ").map(str::to_owned).collect();
    methods.sort();
    methods
}

/// `Allow` is true: what it names is not refused, what it leaves out is; and OPTIONS says the same.
fn allow_is_true(arguments: &[&str], offers: &[(&str, &str)]) {
    for (path, offered) in offers {
        let offered = sorted(offered);
        for method in METHODS {
            // Each on folders of their own, since some of them take things away.
            let server = start(arguments);
            files(&server);
            let reply = ask(&server, method, path);
            if offered.iter().any(|other| other == method) {
                assert!(![405, 501].contains(&reply.status), "{method} {path}: {reply:?}");
            } else {
                let allow = reply.field("allow").unwrap_or_default().to_owned();
                assert_eq!(reply.status, 405, "{method} {path}: {reply:?}");
                reply.is(405, "method");
                assert_eq!(&*reply.phrase, "Method Not Allowed");
                assert_eq!(sorted(&allow), offered, "{method} {path}");
                let listed = &reply.problem()["allow"];
                assert_eq!(listed.as_array().unwrap().len(), offered.len(), "{listed}");
            }
            if method == "OPTIONS" {
                assert_eq!(reply.status, 200, "{path}");
                assert_eq!(sorted(reply.field("allow").unwrap()), offered, "{path}");
                assert_eq!(reply.field("content-length"), Some("0"));
            }
        }
    }
}

#[test]
fn of_a_folder_that_is_read() {
    let read = "GET, HEAD, OPTIONS";
    allow_is_true(
        &[],
        &[("/", read), ("/folder/", read), ("/file.txt", read), ("/data.json", read)],
    );
}

#[test]
fn of_a_folder_that_is_written_to() {
    allow_is_true(
        &["--writable"],
        &[
            ("/", "GET, HEAD, OPTIONS, POST"),
            ("/folder/", "DELETE, GET, HEAD, OPTIONS, POST"),
            ("/file.txt", "DELETE, GET, HEAD, OPTIONS, PUT"),
            ("/data.json", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ],
    );
}

#[test]
fn with_trace() {
    allow_is_true(
        &["--trace"],
        &[("/", "GET, HEAD, OPTIONS, TRACE"), ("/file.txt", "GET, HEAD, OPTIONS, TRACE")],
    );
}

/// Where nothing stands, nothing is 405 but what would make something of it.
#[test]
fn of_nothing() {
    let server = start(&[]);
    for method in ["GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(ask(&server, method, "/none").status, 404, "{method}");
    }
    let reply = ask(&server, "PUT", "/none");
    reply.is(405, "method");
    assert_eq!(reply.field("allow"), Some("GET, HEAD, OPTIONS"));
    let server = start(&["--writable"]);
    for method in ["GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(ask(&server, method, "/none").status, 404, "{method}");
    }
    assert_eq!(ask(&server, "PUT", "/none").status, 201);
}

/// It is said whatever the content, and nothing of it is kept or done.
#[test]
fn before_all_that_is_said_of_the_content() {
    let server = start(&[]);
    files(&server);
    for (request, method) in [
        ("PUT /file.txt HTTP/1.1\n", "PUT"),
        ("PUT /file.txt HTTP/1.1\nContent-Encoding: gzip\nContent-Length: 0\n", "PUT"),
        ("PATCH /data.json HTTP/1.1\nContent-Type: text/plain\nContent-Length: 0\n", "PATCH"),
        ("POST / HTTP/1.1\nContent-Type: multipart/form-data\nContent-Length: 0\n", "POST"),
        ("DELETE /file.txt HTTP/1.1\nIf-Match: \"no\"\n", "DELETE"),
        ("DELETE /file.txt HTTP/1.1\nOrigin: http://other.example\n", "DELETE"),
    ] {
        let reply = server.ask(&format!("{request}Host: localhost\n\n"));
        assert_eq!(reply.status, 405, "{method}: {reply:?}");
        assert!(reply.has("allow"));
    }
    assert_eq!(server.read("file.txt"), b"content");
}

/// The content is passed over, and the connection goes on.
#[test]
fn the_connection_goes_on() {
    let server = start(&[]);
    files(&server);
    let mut client = server.connect();
    client.send(
        "PUT /file.txt HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello\
         PUT /file.txt HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n\
         DELETE /file.txt HTTP/1.1\nHost: localhost\n\n\
         GET /file.txt HTTP/1.1\nHost: localhost\n\n",
    );
    for method in ["PUT", "PUT", "DELETE"] {
        client.reply(method).is(405, "method");
    }
    assert_eq!(client.reply("GET").text(), "content");
}

/// Methods are case-sensitive (RFC 9110 §9.1), and what no one here knows is 501.
#[test]
fn not_for_what_is_unknown() {
    let server = start(&[]);
    for method in ["get", "Put", "BREW", "PROPFIND"] {
        assert_eq!(ask(&server, method, "/").status, 501, "{method}");
    }
    // A tunnel is a proxy's to make; no resource here has to do with it.
    assert_eq!(ask(&server, "CONNECT", "localhost:80").status, 501);
}

/// An inbox takes, and gives nothing out; whatever stands in its folder.
#[test]
fn an_inbox_offers_post_alone() {
    let server = inboxes::inbox("");
    for method in METHODS {
        let reply = ask(&server, method, "/orders");
        match method {
            "OPTIONS" => assert_eq!(reply.status, 200),
            // The type is what is wrong with this one.
            "POST" => assert_eq!(reply.status, 415),
            _ => assert_eq!(reply.status, 405, "{method}"),
        }
        if method != "POST" {
            assert_eq!(reply.field("allow"), Some("POST, OPTIONS"), "{method}");
        }
        if !["HEAD", "OPTIONS", "POST"].contains(&method) {
            reply.is(405, "inbox-method");
        }
    }
}
