//! 307 Temporary Redirect (RFC 9110 §15.4.8): what 302 says, where the method must not become GET.

use crate::support::routes;

#[test]
fn what_is_elsewhere_for_now() {
    let server = routes(&["{ path = '/in/{name}', redirect = 'https://other.example/{name}' }"]);
    let mut client = server.connect();
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        client.send(&format!(
            "{method} /in/a%20b?c HTTP/1.1\nHost: localhost\nContent-Length: 5\n\nhello"
        ));
        let reply = client.reply(method);
        assert_eq!((reply.status, &*reply.phrase), (307, "Temporary Redirect"), "{method}");
        assert_eq!(reply.field("location"), Some("https://other.example/a%20b?c"));
        assert!(reply.has("date") && !reply.has("connection"));
    }
    let mut older = server.connect();
    older.send("POST /in/a HTTP/1.0\nHost: localhost\nContent-Length: 0\n\n");
    assert_eq!(older.reply("POST").status, 307);
    assert!(older.is_closed());
}

#[test]
fn no_content_is_invited() {
    let server = routes(&["{ path = '/in', redirect = '/out' }"]);
    for length in ["5", "99999999"] {
        let reply = server.ask(&format!(
            "POST /in HTTP/1.1\nHost: localhost\nContent-Length: {length}\nExpect: 100-continue\n\n"
        ));
        assert_eq!((reply.status, reply.interim.len()), (307, 0), "{length}");
    }
}

/// No method is unknown where everything is elsewhere, but one that is implemented nowhere.
#[test]
fn methods_that_are_implemented_nowhere() {
    let server = routes(&["{ path = '/in', redirect = '/out' }"]);
    server.ask("BREW /in HTTP/1.1\nHost: localhost\n\n").is(501, "method-implemented");
}
