//! Every table of the file with its keys. What is read, complained about, documented and shown is made
//! from these rows: a key that is not here is not known, and one that is here is read.

use crate::kind::{Choice, Kind, Scope, Shape, key};
use crate::table::{Keys, keys};
use crate::value::{
    Count, Duration, FilePath, ForwardedForm, HostPattern, Io, List, ListenAddress, LogForm, Name,
    NameServer, Named, Network,
};

mod gateway;
mod later;
mod policy;
mod route;
mod site;

pub use gateway::{
    Breaker, Check, Gateway, Hedge, RequestHeaders, ResponseHeaders, Transform, Upstream,
    UpstreamTls,
};
pub use later::Later;
pub use policy::{
    Auth, Blocked, By, ByField, Compress, ContentLimit, Cors, Limit, Maintenance, Policies, Price,
    X402,
};
pub use route::{Gone, Inbox, InboxPage, Route, Variant};
pub use site::Site;

const fn scope(name: &'static str, about: &'static str) -> Scope {
    Scope { name, about, rows: &[], shared: None, choice: Choice::None }
}

keys! {
    /// The whole file.
    File: scope("the file", "The whole file.");

    server: Server = key(
        "server",
        "{ listen = \"0.0.0.0:80\" }",
        "What the server as a whole does",
    );
    users: Named<Name, Users> = key(
        "users",
        "{ staff = { htpasswd = \"users\" } }",
        "Lists of users with their passwords, each under a name that `auth` refers to",
    );
    tokens: Named<Name, Tokens> = key(
        "tokens",
        "{ api = { jwks = \"keys.json\" } }",
        "Issuers of tokens, each under a name that `auth` refers to",
    );
    limits: Named<Name, Limit> = key(
        "limits",
        "{ per-client = { rate = \"100/hour\" } }",
        "Limits on how often or how many at once, each under a name that `limit` refers to",
    );
    gateway: Named<Name, Gateway> = key(
        "gateway",
        "{ app = { to = \"http://127.0.0.1:9000\" } }",
        "Groups of upstreams, each under a name that a route's `gateway` refers to",
    );
    later: Later = key(
        "later",
        "{ tries = 10 }",
        "How what is accepted for later is kept and delivered",
    );
    site: Named<HostPattern, Site> = key(
        "site",
        "{ \"example.org\" = {} }",
        "The sites, each under its host",
    ).spec(9110, "7.4");
}

keys! {
    /// What the server as a whole does.
    Server: scope("the server", "`[server]`: what the server as a whole does.");

    listen: List<ListenAddress> = key(
        "listen",
        "\"0.0.0.0:80\"",
        "The addresses to listen on",
    ).default("\"127.0.0.1:8080\"").within(1, 64).of_start();
    cores: Count = key(
        "cores",
        "2",
        "How many cores serve, each with its own loop; all that the machine has where it is not said",
    ).within(1, 1024).of_start();
    io: Io = key(
        "io",
        "\"io_uring\"",
        "By what octets go to and from clients: `io_uring` asks Linux in one call for what many connections want; \
         where the kernel refuses it, the log on the standard error says so, and `epoll` serves",
    ).default("\"epoll\"").of_start();
    state: FilePath = key(
        "state",
        "\"/var/lib/wherefore\"",
        "The folder for what is remembered over restarts: what was deleted, balances, what is to be delivered",
    ).of_start();
    log: LogForm = key("log", "\"json\"", "How the log is written").default("\"text\"").of_start();
    trusted_proxies: List<Network> = key(
        "trusted-proxies",
        "[\"10.0.0.0/8\"]",
        "The proxies whose word is taken for who the client is",
    ).spec(7239, "8.1").within(1, 1024);
    forwarded: ForwardedForm = key(
        "forwarded",
        "\"x-forwarded\"",
        "Which fields the trusted proxies write: what they do not write may be a client's own, and is not \
         looked at. With `either`, two that differ are 400",
    ).default("\"either\"").with(&["trusted-proxies"]).spec(7239, "8.1");
    proxy_protocol: bool = key(
        "proxy-protocol",
        "true",
        "Whether each connection of a trusted proxy begins with the PROXY protocol, version 1 or 2",
    ).default("false").with(&["trusted-proxies"]).of_start();
    user: Name = key(
        "user",
        "\"www-data\"",
        "The user that the process becomes once it listens",
    ).of_start();
    group: Name = key(
        "group",
        "\"www-data\"",
        "The group that the process becomes once it listens; the user's own where it is not said",
    ).with(&["user"]).of_start();
    control: FilePath = key(
        "control",
        "\"/run/wherefore.sock\"",
        "The socket by which the running server is told to reload, and asked why; its owner's alone",
    ).of_start();
    via: Name = key(
        "via",
        "\"edge-1\"",
        "The server's name in `Via`, which no other on the way may have, since a request that comes round is known \
         by it; one by chance at each start where it is not said",
    ).spec(9110, "7.6.3");
    resolver: Resolver = key(
        "resolver",
        "{ servers = [\"192.0.2.53\"] }",
        "Who is asked for the addresses of upstreams; whom the system asks where it is not said",
    ).of_start();
    limits: Named<Name, Setting> = key(
        "limits",
        "{ target-bytes = \"16KiB\" }",
        "The bounds that `wherefore serve --help` lists, by their names",
    ).of_start();
}

keys! {
    /// Who is asked for names.
    Resolver: scope("a resolver", "`resolver = { ... }`: who is asked for the addresses of upstreams.");

    servers: List<NameServer> = key(
        "servers",
        "[\"192.0.2.53\", \"[2001:db8::53]:5353\"]",
        "The name servers, each by its address, with its port where that is not 53",
    ).required().within(1, 16);
}

keys! {
    /// A list of users.
    Users: scope("a list of users", "`[users.NAME]`: who has which password, and is in which group.");

    htpasswd: FilePath = key(
        "htpasswd",
        "\"users\"",
        "The file with a user and the hash of the password on each line",
    ).required().spec(7617, "2");
    groups: FilePath = key(
        "groups",
        "\"groups\"",
        "The file with a group and its users on each line",
    );
}

keys! {
    /// An issuer of tokens.
    Tokens: Scope {
        choice: Choice::One("it does not say by which key a token is known to be true"),
        ..scope("an issuer of tokens", "`[tokens.NAME]`: which bearer tokens are believed.")
    };

    jwks: FilePath = key(
        "jwks",
        "\"keys.json\"",
        "The file with the issuer's keys, as a JWK set",
    ).choice().spec(7517, "5");
    public_key: FilePath = key(
        "public-key",
        "\"key.pem\"",
        "The file with the issuer's public key, as PEM",
    ).choice();
    secret: FilePath = key(
        "secret",
        "\"secret\"",
        "The file with the secret that is shared with the issuer, of 32 octets at least",
    ).choice();
    audience: List<crate::value::Prose> = key(
        "audience",
        "[\"https://api.example.org\"]",
        "Whom a token has to be for: one of these",
    ).spec(7519, "4.1.3").within(1, 16);
    issuer: crate::value::Prose = key(
        "issuer",
        "\"https://login.example.org\"",
        "Whom a token has to be from",
    ).spec(7519, "4.1.1");
    clock_skew: Duration = key(
        "clock-skew",
        "\"5s\"",
        "How far the issuer's clock may differ from ours",
    ).default("\"60s\"").within(0, 3_600_000);
    groups_claim: Name = key(
        "groups-claim",
        "\"roles\"",
        "The claim that holds the groups of whoever asks",
    ).default("\"groups\"");
}

/// The value of a bound that another table knows: a number, or a string with a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting(pub String);

impl crate::table::Value for Setting {
    const KIND: Kind = Kind {
        name: "a whole number, or a number with its unit",
        example: "\"16KiB\"",
        wrong: &[],
        shape: Shape::Either(&[
            Kind { name: "a whole number", example: "100", wrong: &[], shape: Shape::Number },
            Kind {
                name: "a number with its unit",
                example: "\"16KiB\"",
                wrong: &[],
                shape: Shape::Text(""),
            },
        ]),
    };

    fn read(found: crate::table::Found<'_>, reader: &mut crate::table::Reader<'_>) -> Option<Self> {
        match found.value {
            toml::de::DeValue::Integer(number) if number.radix() == 10 => {
                Some(Self(number.as_str().to_owned()))
            }
            toml::de::DeValue::String(text) => Some(Self(text.to_string())),
            _ => {
                found.mismatch(&<Self as crate::table::Value>::KIND, reader);
                None
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self.0.parse::<u64>() {
            Ok(number) => out.push_str(&number.to_string()),
            Err(_) => out.push_str(&crate::table::string(&self.0)),
        }
    }
}

/// Every table that there is, from the file down, each once.
#[must_use]
pub fn scopes() -> Vec<Scope> {
    let mut found: Vec<Scope> = Vec::new();
    collect(&File::SCOPE, &mut found);
    found
}

fn collect(scope: &Scope, found: &mut Vec<Scope>) {
    if found.iter().any(|known| known.name == scope.name) {
        return;
    }
    found.push(*scope);
    for row in scope.keys() {
        row.kind.scopes().into_iter().for_each(|scope| collect(scope, found));
    }
    if let Some(shared) = scope.shared {
        collect(shared, found);
    }
}
