//! The keys of a gateway: a group of upstreams, how one is chosen, what it is told and what of its answers goes on.

use super::scope;
use crate::kind::key;
use crate::table::keys;
use crate::value::{
    AnswerStatus, AnswerText, AskedPath, Balance, CertificateName, CodingName, CookieAttribute,
    Count, Duration, Either, FieldName, FieldValue, FilePath, HashKey, HostAndPort, List,
    MediaRange, Named, RelayedField, Size, ToldField, ToldForwarded, ToldHost, Upgrade,
    UpstreamUrl, Yes,
};

/// A day, in milliseconds.
const DAY: u64 = 86_400_000;

keys! {
    /// A group of upstreams.
    Gateway: scope(
        "a gateway",
        "`[gateway.NAME]`: upstreams that answer for routes, each of which says `gateway = \"NAME\"`. A route that \
         is alone with its upstreams has this table in place of the name.",
    );

    to: List<Either<UpstreamUrl, Upstream>> = key(
        "to",
        "[\"http://127.0.0.1:9000\", \"http://127.0.0.1:9001\"]",
        "The upstreams: `http://`, `https://`, or `unix:` before the path of a socket. A path at the end of the URL \
         stands in the place of what the route's `path` says literally before `*` or a capture; without one the \
         path goes on whole",
    ).required().spec(9110, "7.6").within(1, 256);
    balance: Balance = key("balance", "\"least\"", "How the upstream of a request is chosen")
        .default("\"round-robin\"");
    hash_by: HashKey = key(
        "hash-by",
        "\"cookie:session\"",
        "By what requests are alike that go to the same upstream, where `balance` is `hash`; a request without the \
         field or cookie goes to any",
    ).default("\"client\"").with(&["balance"]);
    unhealthy_after: Count = key(
        "unhealthy-after",
        "5",
        "After how many failures in a row an upstream is left alone; never where it is 0",
    ).default("3").within(0, 1000);
    unhealthy_time: Duration = key(
        "unhealthy-time",
        "\"30s\"",
        "For how long it is; then one request is sent on trial, and what fails again is left alone for longer, up to \
         eight times this",
    ).default("\"10s\"").within(1, DAY);
    unhealthy_statuses: List<AnswerStatus> = key(
        "unhealthy-statuses",
        "[502, 503]",
        "Statuses of answers that count as failures too; they are relayed all the same",
    ).within(0, 64);
    slow_start: Duration = key(
        "slow-start",
        "\"30s\"",
        "Over what time an upstream that came back gets its whole share again",
    ).default("\"0ms\"").within(0, DAY);
    breaker: Breaker = key(
        "breaker",
        "{ percent = 50 }",
        "Leaves an upstream alone of whose requests so many fail, though not in a row",
    );
    retries: Count = key(
        "retries",
        "1",
        "How often a request is sent to another upstream, where it does no harm twice",
    ).default("2").spec(9110, "9.2.2").within(0, 16);
    retry_percent: Count = key(
        "retry-percent",
        "10",
        "How many retries a hundred requests allow, besides ten a second: what fails is not asked twice as much",
    ).default("20").within(0, 100);
    hedge: Hedge = key(
        "hedge",
        "{ after = \"200ms\" }",
        "Asks a second upstream as well, where the first takes long to begin its answer: the one that is first counts, \
         and the other request is cancelled. Only of GET, HEAD, OPTIONS and TRACE, without content or with all of it \
         in `buffer`; interim answers end here while two are asked",
    ).spec(9110, "9.2.1");
    max_requests: Count = key(
        "max-requests",
        "100",
        "How many requests may be in flight with one upstream; any number where it is not said",
    ).within(1, 1 << 20);
    queue: Count = key(
        "queue",
        "1000",
        "How many requests may wait for an upstream that is free (503)",
    ).default("100").within(0, 1 << 20);
    queue_time: Duration = key("queue-time", "\"1s\"", "For how long one may wait (503)")
        .default("\"5s\"").within(1, 3_600_000);
    check: Check = key(
        "check",
        "{ path = \"/health\" }",
        "Asks each upstream now and then whether it is well; one that is not is left alone",
    );
    connect_time: Duration = key(
        "connect-time",
        "\"2s\"",
        "How long resolving the name, connecting, and the TLS handshake may take, each (504)",
    ).default("\"5s\"").within(1, 3_600_000);
    answer_time: Duration = key(
        "answer-time",
        "\"10s\"",
        "How long the first octet of an answer may take, from the end of the request on (504)",
    ).default("\"60s\"").spec(9110, "15.6.5").within(1, DAY);
    head_time: Duration = key(
        "head-time",
        "\"5s\"",
        "How long the head of an answer may take, from its first octet on (504)",
    ).default("\"10s\"").within(1, DAY);
    pause_time: Duration = key(
        "pause-time",
        "\"10s\"",
        "How long the upstream may pause within the content of an answer, which is broken off then",
    ).default("\"60s\"").within(1, DAY);
    send_time: Duration = key(
        "send-time",
        "\"10s\"",
        "How long the upstream may take none of the request (504)",
    ).default("\"60s\"").within(1, DAY);
    idle_time: Duration = key(
        "idle-time",
        "\"10s\"",
        "For how long a connection is kept for the next request",
    ).default("\"30s\"").spec(9112, "9.3").within(0, DAY);
    tunnel_idle_time: Duration = key(
        "tunnel-idle-time",
        "\"10m\"",
        "For how long a tunnel, such as a WebSocket, may carry nothing",
    ).default("\"1h\"").within(1, 7 * DAY);
    answer_bytes: Size = key(
        "answer-bytes",
        "\"1GiB\"",
        "The most content that an answer may have (502); any where it is not said",
    ).within(1, 1 << 50);
    answer_head_bytes: Size = key(
        "answer-head-bytes",
        "\"16KiB\"",
        "The longest head that an answer may have (502)",
    ).default("\"64KiB\"").within(256, 1 << 20);
    buffer: Size = key(
        "buffer",
        "\"64KiB\"",
        "How much content is read before it goes on: of a request before an upstream is asked, so that the request can \
         be sent to another one and a slow client holds none; of an answer before the client is told anything, so \
         that it is 502 where it breaks off that early. Events, and what has `X-Accel-Buffering: no`, go on at once; \
         so does all where it is not said",
    ).spec(9110, "9.2.2").within(1, 16 << 20);
    idle_connections: Count = key(
        "idle-connections",
        "32",
        "The most connections to one upstream that a core keeps for the next request",
    ).default("256").within(0, 65536);
    host: ToldHost = key(
        "host",
        "\"upstream\"",
        "The host that the upstream is told: the one that the client asked for, its own, or another",
    ).default("\"client\"").spec(9110, "7.2");
    forwarded: ToldForwarded = key(
        "forwarded",
        "\"forwarded\"",
        "By which fields the upstream is told who asks. What a client says by them itself is dropped, unless it is \
         a trusted proxy",
    ).default("\"both\"").spec(7239, "4");
    upgrade: Upgrade = key(
        "upgrade",
        "\"none\"",
        "Which protocols a client may change to by way of the upstream",
    ).default("\"websocket\"").spec(9110, "7.8");
    early_hints: bool = key(
        "early-hints",
        "false",
        "Whether the upstream's interim answers are relayed, such as 103; 100 always is",
    ).default("true").spec(8297, "2");
    request_headers: RequestHeaders = key(
        "request-headers",
        "{ set = { \"X-Tenant\" = \"shop\" }, drop = [\"Cookie\"] }",
        "Fields of requests that the upstream is told otherwise, or not at all",
    );
    response_headers: ResponseHeaders = key(
        "response-headers",
        "{ drop = [\"Server\"] }",
        "Fields of the upstream's answers that go on otherwise, or not at all",
    );
    user_field: ToldField = key(
        "user-field",
        "\"X-User\"",
        "The field that tells the upstream who asks, as `auth` found out; a client's own is dropped",
    );
    pass_authorization: bool = key(
        "pass-authorization",
        "false",
        "Whether the upstream sees the client's `Authorization`",
    ).default("true").spec(9110, "11.6.2");
    rewrite_locations: bool = key(
        "rewrite-locations",
        "false",
        "Whether `Location`, `Content-Location` and `Refresh` lead to the public address where they lead to the \
         upstream's",
    ).default("true").spec(9110, "10.2.2");
    cookie_paths: Named<CookieAttribute, CookieAttribute> = key(
        "cookie-paths",
        "{ \"/app\" = \"/\" }",
        "Beginnings of the `Path` of cookies, and what stands in their place; the first that fits",
    );
    cookie_domains: Named<CookieAttribute, CookieAttribute> = key(
        "cookie-domains",
        "{ \"app.internal\" = \"\" }",
        "The `Domain` of cookies, and what stands in its place; nothing for none",
    );
    tls: UpstreamTls = key(
        "tls",
        "{ ca = \"ca.pem\" }",
        "How TLS is spoken with upstreams whose URL begins with `https://`",
    );
}

keys! {
    /// An upstream of a group, with more to say than where it is.
    Upstream: scope("an upstream", "`to = [{ url = ... }]`: an upstream that is not asked as often as any other.");

    url: UpstreamUrl = key("url", "\"http://127.0.0.1:9000\"", "Where it is").required();
    weight: Count = key(
        "weight",
        "3",
        "Its share of the requests, against the weights of the others",
    ).default("1").within(1, 100);
    backup: bool = key(
        "backup",
        "true",
        "Whether it is asked only when none of the others is healthy",
    ).default("false");
}

keys! {
    /// When an upstream is left alone by the share of its failures.
    Breaker: scope("a breaker", "`breaker = { ... }`: when the share of an upstream's failures is too large.");

    percent: Count = key("percent", "50", "How many of a hundred requests fail").required().within(1, 100);
    requests: Count = key(
        "requests",
        "50",
        "Of how many requests at least",
    ).default("20").within(1, 1_000_000);
    window: Duration = key("window", "\"1m\"", "Within what time").default("\"10s\"").within(100, 3_600_000);
}

keys! {
    /// When a second upstream is asked as well.
    Hedge: scope("a hedge", "`hedge = { ... }`: when a second upstream is asked for the same request.");

    after: Duration = key(
        "after",
        "\"200ms\"",
        "For how long the first octet of an answer is awaited before, from the choice of the upstream on",
    ).required().within(1, 3_600_000);
    percent: Count = key(
        "percent",
        "2",
        "Of how many of a hundred requests at most: what is slow is not asked twice as much",
    ).default("5").within(1, 100);
}

keys! {
    /// How upstreams are asked whether they are well.
    Check: scope(
        "a check",
        "`check = { ... }`: how each upstream is asked whether it is well. It is asked by GET, for this path and no \
         other, whatever path its URL has.",
    );

    path: AskedPath = key("path", "\"/health\"", "What it is asked for").required();
    every: Duration = key("every", "\"10s\"", "How often").default("\"5s\"").within(100, DAY);
    time: Duration = key("time", "\"1s\"", "How long its answer may take").default("\"2s\"").within(1, 3_600_000);
    statuses: List<AnswerStatus> = key(
        "statuses",
        "[200, 204]",
        "The statuses of an upstream that is well; any from 200 to 299 where it is not said",
    ).within(1, 64);
    host: HostAndPort = key(
        "host",
        "\"app.example\"",
        "The host that it is told; its own where it is not said",
    ).spec(9110, "7.2");
    healthy_after: Count = key(
        "healthy-after",
        "3",
        "After how many good answers in a row one that was left alone is asked again",
    ).default("2").within(1, 1000);
}

keys! {
    /// What is changed of the fields of requests.
    RequestHeaders: scope(
        "the fields of requests",
        "`request-headers = { ... }`: what an upstream is told otherwise than the client says it.",
    );

    set: Named<ToldField, FieldValue> = key(
        "set",
        "{ \"X-Tenant\" = \"shop\" }",
        "Fields, in place of the client's own of these names",
    );
    drop: List<FieldName> = key("drop", "[\"Cookie\"]", "Fields that are not sent on").within(1, 256);
}

keys! {
    /// What is changed of the fields of answers.
    ResponseHeaders: scope(
        "the fields of answers",
        "`response-headers = { ... }`: what clients are told otherwise than the upstream says it.",
    );

    set: Named<RelayedField, FieldValue> = key(
        "set",
        "{ \"X-Frame-Options\" = \"DENY\" }",
        "Fields, in place of the upstream's own of these names",
    );
    drop: List<FieldName> = key("drop", "[\"Server\", \"X-Powered-By\"]", "Fields that are not relayed")
        .within(1, 256);
}

keys! {
    /// How TLS is spoken with upstreams.
    UpstreamTls: scope("TLS with upstreams", "`tls = { ... }`: whom to believe to be an upstream, and who we are.");

    ca: List<FilePath> = key(
        "ca",
        "\"ca.pem\"",
        "The files of PEM with the authorities that are believed; those of the system where it is not said",
    ).within(1, 64);
    server_name: CertificateName = key(
        "server-name",
        "\"app.example\"",
        "The name that the certificate has to have; the URL's host where it is not said",
    ).spec(9110, "4.3.4");
    certificate: FilePath = key(
        "certificate",
        "\"client.pem\"",
        "The file of PEM with our certificate, for upstreams that ask who we are",
    ).with(&["key"]);
    key: FilePath = key("key", "\"client.key\"", "The file of PEM with its private key").with(&["certificate"]);
    insecure_no_verification: Yes = key(
        "insecure-no-verification",
        "true",
        "Believes whoever answers: who can reach the wire can read and change everything",
    );
}

keys! {
    /// What is changed of the content of answers.
    Transform: scope(
        "a transform",
        "`transform = { ... }`: what is changed of an upstream's answers. Where content may be changed, the upstream's \
         `ETag` goes out with a mark, and there are no ranges. `no-transform` is heeded.",
    );

    replace: Named<AnswerText, AnswerText> = key(
        "replace",
        "{ \"http://app.internal\" = \"https://example.org\" }",
        "Texts that are looked for, and what stands in their place. Where two begin at one place, the one that \
         stands first in the file is replaced",
    ).spec(9110, "7.7");
    types: List<MediaRange> = key(
        "types",
        "[\"text/html\"]",
        "The media types in whose content they are replaced; texts, JSON and XML where it is not said",
    ).with(&["replace", "recompress"]).within(1, 64);
    recompress: List<CodingName> = key(
        "recompress",
        "[\"zstd\", \"gzip\"]",
        "Codings in which content goes out, the better ones first; as it came where it is not said",
    ).spec(9110, "8.4").within(1, 3);
    set: Named<RelayedField, FieldValue> = key(
        "set",
        "{ \"X-Robots-Tag\" = \"noindex\" }",
        "Fields, in place of the upstream's own of these names",
    );
    drop: List<FieldName> = key("drop", "[\"X-Debug\"]", "Fields that are not relayed").within(1, 256);
    keep_status: bool = key(
        "keep-status",
        "true",
        "Whether an answer whose text was replaced goes on as 200, and not as 203",
    ).default("false").spec(9110, "15.3.4");
}
