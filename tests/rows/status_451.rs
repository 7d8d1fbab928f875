//! 451 Unavailable For Legal Reasons (RFC 7725): an authority demanded that it be withheld from everybody, from
//! a network, or from a country.

use crate::every::error_holds;
use crate::support::countries::countries;
use crate::support::{Configured, setup};
use crate::written::get;

const BY: &str = "by = 'https://example.org/legal', demand = 'Order 17 of the court of X.'";

fn blocking() -> Configured {
    let file = countries(&[
        ([192, 0, 2, 0], 24, "AT"),
        ([198, 51, 100, 0], 25, "DE"),
        ([203, 0, 113, 0], 24, "fr"),
    ]);
    setup().server("trusted-proxies = '127.0.0.1'").file("countries.mmdb", file).users(&[]).routes(
        &[
            "{ path = '/*', folder = 'site' }",
            &format!("{{ path = '/all/*', folder = 'site', blocked = {{ {BY} }} }}"),
            &format!(
                "{{ path = '/net/*', folder = 'site', writable = true, \
                 blocked = {{ {BY}, networks = ['192.0.2.0/28', '2001:db8::/32'] }} }}"
            ),
            &format!(
                "{{ path = '/land/*', folder = 'site', blocked = {{ {BY}, countries = ['AT', 'FR'], \
                 networks = '100.64.0.0/10', database = 'countries.mmdb' }} }}"
            ),
            "{ path = '/bare/*', folder = 'site', blocked = { by = 'https://example.org/legal' } }",
        ],
    )
}

fn from(address: &str) -> String {
    format!("X-Forwarded-For: {address}\n")
}

#[test]
fn from_everybody() {
    let server = blocking();
    for target in ["/all/file", "/all/none", "/all/"] {
        let reply = error_holds(&server, 451, "legal", target, "");
        assert_eq!(
            reply.field("link"),
            Some("<https://example.org/legal>; rel=\"blocked-by\""),
            "who blocks, and not who demands it"
        );
        assert_eq!(reply.problem()["detail"], "Order 17 of the court of X.");
        assert_eq!(reply.problem()["blocked-by"], "https://example.org/legal");
        assert_eq!(reply.field("cache-control"), Some("no-store"));
        assert!(!reply.has("etag") && !reply.has("last-modified"));
    }
    assert!(server.log_line("/all/file").contains(" 451 "));
    let bare = get(&server, "/bare/file", "");
    assert!(bare.problem()["detail"].as_str().unwrap().contains("authority"));
    assert_eq!(get(&server, "/file", "").text(), "here");
}

#[test]
fn from_a_network() {
    let server = blocking();
    for (address, status) in [
        ("192.0.2.1", 451),
        ("192.0.2.15", 451),
        ("192.0.2.16", 200),
        ("[2001:db8:ffff::1]:80", 451),
        ("2001:db8:ffff::1", 451),
        ("2001:db9::1", 200),
        ("::ffff:192.0.2.1", 451),
        // The right end is what the trusted proxy saw.
        ("192.0.2.1, 198.51.100.1", 200),
        ("198.51.100.1, 192.0.2.1", 451),
        ("192.0.2.1, 127.0.0.1", 451),
    ] {
        let reply = get(&server, "/net/file", &from(address));
        assert_eq!(reply.status, status, "{address}: {reply:?}");
    }
    error_holds(&server, 451, "legal", "/net/file", &from("192.0.2.1"));
    assert_eq!(get(&server, "/net/file", "").status, 200, "we ask from elsewhere");
}

#[test]
fn from_a_country() {
    let server = blocking();
    for (address, status) in [
        ("192.0.2.1", 451),
        ("203.0.113.9", 451),
        ("198.51.100.1", 200),
        ("198.51.100.200", 200),
        ("100.64.1.1", 451),
        ("2001:db8::1", 200),
    ] {
        let reply = get(&server, "/land/file", &from(address));
        assert_eq!(reply.status, status, "{address}: {reply:?}");
    }
    error_holds(&server, 451, "legal", "/land/file", &from("192.0.2.1"));
}

/// Whatever is asked of it, before anything is said of what is there, and before its content is wanted.
#[test]
fn every_method() {
    let server = blocking();
    for method in ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let reply = server.ask(&format!(
            "{method} /net/file HTTP/1.1\nHost: localhost\n{}Content-Length: 1\n\
             Expect: 100-continue\n\n",
            from("192.0.2.1")
        ));
        reply.is(451, "legal");
        assert!(!reply.has("allow") && reply.interim.is_empty(), "{method}");
    }
    assert_eq!(server.read("file"), b"here");
}

/// Nobody gets around it by what a proxy is said to say, unless it is said by the proxy.
#[test]
fn what_cannot_be_read_is_not_passed_over() {
    let server = blocking();
    for fields in [
        "X-Forwarded-For: 198.51.100.1, nonsense\n",
        "Forwarded: for=198.51.100.1;for=192.0.2.1\n",
        "Forwarded: for=198.51.100.1\nX-Forwarded-For: 192.0.2.1\n",
    ] {
        get(&server, "/net/file", fields).is(400, "forwarded");
    }
}
