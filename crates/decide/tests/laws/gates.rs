//! The rules of the gate over the whole of a small domain, against a second and naive transcription of what is to be
//! asked before credentials are.

use wherefore_decide::gate::{Client, GateFacts, Scheme};
use wherefore_decide::policy::asker::RefusedAs;
use wherefore_decide::policy::gate::{Country, Https, Protocol};
use wherefore_decide::policy::{Gate, Sites};
use wherefore_decide::rule::ask;
use wherefore_decide::story::Trail;
use wherefore_message::Version;

use crate::ask::{Asked, NOW, Split};
use crate::policies::{blocked, guarded, maintenance, networks};

const HOSTS: [Option<&str>; 4] = [None, Some(""), Some("Named.Example.:8080"), Some("localhost")];
const UPGRADES: [(Option<&str>, Option<&str>); 4] = [
    (None, None),
    (Some("websocket"), None),
    (Some("h2c, WebSocket"), Some("keep-alive, Upgrade")),
    (Some("websockets"), Some("upgrade")),
];
const CLIENT: &str = "::ffff:192.0.2.7";
const CODES: [&str; 2] = ["DE", "FR"];

/// The networks and the countries that something is withheld from.
type Withheld = (&'static str, &'static [[u8; 2]]);

const BLOCKS: [Option<Withheld>; 6] = [
    None,
    Some(("", &[])),
    Some(("192.0.2.0/24", &[])),
    Some(("198.51.100.0/24", &[])),
    Some(("198.51.100.0/24", &[*b"AT", *b"DE"])),
    Some(("", &[*b"FR"])),
];
/// Until when it is maintained, and who is excepted.
const CLOSED: [Option<(Option<u64>, &str)>; 5] = [
    None,
    Some((None, "")),
    Some((Some(NOW), "")),
    Some((Some(NOW + 61), "198.51.100.0/24")),
    Some((None, "192.0.2.7/32")),
];
/// The networks that may ask, and what others get.
const FROM: [Option<(&str, RefusedAs)>; 4] = [
    None,
    Some(("192.0.2.0/25", RefusedAs::Forbidden)),
    Some(("10.0.0.0/8 2001:db8::/32", RefusedAs::Forbidden)),
    Some(("10.0.0.0/8", RefusedAs::Missing)),
];

#[derive(Clone, Debug)]
struct Case {
    https: Https,
    canonical: bool,
    closed: Option<(Option<u64>, &'static str)>,
    block: Option<Withheld>,
    from: Option<(&'static str, RefusedAs)>,
    protocol: Protocol,
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for https in [Https::Optional, Https::Required, Https::RequiredForWrites] {
        for canonical in [false, true] {
            for closed in CLOSED {
                for block in BLOCKS {
                    for from in FROM {
                        for protocol in [
                            Protocol::Any,
                            Protocol::WebSocket,
                            Protocol::Http11,
                            Protocol::Http2,
                            Protocol::Http3,
                        ] {
                            all.push(Case { https, canonical, closed, block, from, protocol });
                        }
                    }
                }
            }
        }
    }
    all
}

/// Who asks: by which scheme, whether the address is known, from which country.
type Who = (Scheme, bool, Option<&'static str>);

#[test]
fn every_combination_is_decided_as_the_rows_say() {
    let cases: Vec<(Case, Gate)> =
        cases().into_iter().map(|case| (case.clone(), gate(&case))).collect();
    let sites = Sites::new(vec![guarded(|_| {})]);
    let site = sites.site(0).unwrap();
    let mut count = 0_u32;
    for method in ["GET", "HEAD", "POST"] {
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3] {
            for host in HOSTS {
                for (upgrade, connection) in UPGRADES {
                    let mut asked = Asked { version, host, ..Asked::new(method, "/a") };
                    if let Some(upgrade) = upgrade {
                        asked = asked.with("Upgrade", upgrade);
                    }
                    if let Some(connection) = connection {
                        asked = asked.with("Connection", connection);
                    }
                    asked.read(Split::ALineAField, |request| {
                        for who in whos() {
                            let client = client(who);
                            for (case, gate) in &cases {
                                let (request, client) = (request, &client);
                                let facts = GateFacts { request, client, site, gate, now: NOW };
                                let said = ask(&facts, &mut Trail::new()).err();
                                let said = said.map(|said| (said.status.code(), said.because.id));
                                let wanted = transcribed(case, who, &asked);
                                assert_eq!(said, wanted, "{case:?} {who:?} {asked:?}");
                                count += 1;
                            }
                        }
                    });
                }
            }
        }
    }
    assert_eq!(count, 3 * 4 * 4 * 4 * 6 * (3 * 2 * 5 * 6 * 4 * 5));
}

fn whos() -> Vec<Who> {
    let [german, french] = CODES;
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .flat_map(|scheme| {
            [(scheme, true, Some(german)), (scheme, true, None), (scheme, false, Some(french))]
        })
        .collect()
}

fn client((scheme, is_known, country): Who) -> Client {
    let address = is_known.then(|| CLIENT.parse().unwrap());
    let country = country.map(|code| Country(code.as_bytes().try_into().unwrap()));
    Client { address, nearest: address, fault: None, scheme, country }
}

fn gate(case: &Case) -> Gate {
    let closed =
        |(until, except): (Option<u64>, &str)| wherefore_decide::policy::gate::Maintenance {
            except: networks(except),
            ..maintenance(until)
        };
    Gate {
        maintenance: case.closed.map(closed),
        https: case.https,
        canonical_host: case.canonical.then(|| "named.example".into()),
        protocol: case.protocol,
        blocked: case.block.iter().map(|(of, by)| blocked(networks(of), by)).collect(),
        from: case.from.map(|(of, _)| networks(of)),
        refusal: case.from.map_or(RefusedAs::Forbidden, |(_, refusal)| refusal),
    }
}

/// One `if` after the other, in the order in which the questions are to be asked.
fn transcribed(case: &Case, who: Who, asked: &Asked) -> Option<(u16, &'static str)> {
    let (scheme, is_known, country) = who;
    let reads = asked.method == "GET" || asked.method == "HEAD";
    let moved = if reads { 301 } else { 308 };
    let names_host = asked.host.is_some_and(|host| !host.is_empty());

    if scheme == Scheme::Http && case.https != Https::Optional {
        if case.https == Https::RequiredForWrites && !reads {
            return Some((403, "https"));
        }
        // It can be sent nowhere without a host, neither its own nor the site's.
        return Some((if names_host || case.canonical { moved } else { 403 }, "https"));
    }
    if case.canonical && matches!(asked.host, Some("" | "localhost")) {
        return Some((moved, "canonical-host"));
    }
    // Rows, 503: maintenance, but for those who do the work.
    match case.closed {
        Some((_, "192.0.2.7/32")) if is_known => {}
        Some((None, _)) => return Some((503, "maintenance")),
        Some((Some(until), _)) if until > NOW => return Some((503, "maintenance")),
        Some((Some(_), _)) | None => {}
    }
    // Rows, 426; RFC 6455 §4.1: a handshake is a GET of HTTP/1.1 with both fields.
    let is_handshake = asked.method == "GET"
        && asked.version == Version::HTTP_11
        && asked.sends("Upgrade")
        && asked.fields.iter().any(|(_, values)| values == &["keep-alive, Upgrade"]);
    let speaks = match case.protocol {
        Protocol::Any => true,
        Protocol::WebSocket => is_handshake,
        Protocol::Http11 => asked.version != Version::HTTP_10,
        Protocol::Http2 => asked.version >= Version::HTTP_2,
        Protocol::Http3 => asked.version == Version::HTTP_3,
    };
    if !speaks {
        return Some((426, "protocol"));
    }
    // RFC 7725 §3.
    let is_blocked = match case.block {
        None | Some(("198.51.100.0/24", [])) => false,
        Some(("", [])) => true,
        Some(("192.0.2.0/24", _)) => is_known,
        Some(("198.51.100.0/24", _)) => country == Some("DE"),
        Some(_) => country == Some("FR"),
    };
    if is_blocked {
        return Some((451, "legal"));
    }
    match case.from {
        Some(("192.0.2.0/25", _)) if is_known => None,
        Some((_, RefusedAs::Forbidden)) => Some((403, "network")),
        // RFC 9110 §15.5.4: an origin that hides what it refuses.
        Some((_, RefusedAs::Missing)) => Some((404, "network")),
        None => None,
    }
}
