//! The keys that stand in front of content: the same in a site and in a route.

use super::scope;
use crate::kind::{Choice, Scope, key};
use crate::table::keys;
use crate::value::{
    AbsoluteUri, CodingName, CorsOrigin, Count, CountedBy, Country, Directives, Duration, Either,
    ErrorStatus, FieldName, FieldValue, FilePath, GatewayTo, HttpVersion, LinkValue, List,
    MediaRange, Method, Moment, Name, Named, Network, Prose, Rate, SecurityFields, SetField, Size,
    Switch, ToldField, Unless,
};

keys! {
    /// What stands in front of content.
    Policies: scope(
        "a policy",
        "The keys that stand in a site, for all its routes, as well as in a route.",
    );

    methods: List<Method> = key(
        "methods",
        "[\"GET\", \"HEAD\"]",
        "The methods that are let in; others are not allowed (405)",
    ).spec(9110, "15.5.6").within(1, 9);
    headers: Named<SetField, FieldValue> = key(
        "headers",
        "{ \"X-Frame-Options\" = \"DENY\" }",
        "Fields that each answer with content carries besides",
    );
    cache_control: Directives = key(
        "cache-control",
        "\"public, max-age=3600\"",
        "What caches may do with what is sent",
    ).spec(9111, "5.2");
    security_fields: Either<SecurityFields, Named<SetField, FieldValue>> = key(
        "security-fields",
        "\"strict\"",
        "A set of fields that protect those who look at the site with a browser",
    ).default("\"off\"");
    early_hints: List<LinkValue> = key(
        "early-hints",
        "[\"</style.css>; rel=preload; as=style\"]",
        "Links that are told before the answer is ready (103)",
    ).spec(8297, "2").within(0, 32);
    error_pages: Named<ErrorStatus, FilePath> = key(
        "error-pages",
        "{ 404 = \"404.html\" }",
        "The content of errors, by code or for a class of them (`4xx`, `5xx`), in HTML or plain text; their \
         status and fields stay what they are",
    );
    compress: Switch<Compress> = key(
        "compress",
        "true",
        "Whether content is encoded as it is sent",
    ).default("false").spec(9110, "8.4");
    cors: Unless<Cors> = key(
        "cors",
        "{ origins = \"*\" }",
        "Which other sites' pages may read this one",
    );
    auth: Unless<Auth> = key(
        "auth",
        "{ users = \"staff\" }",
        "Who is let in (401, 403)",
    ).spec(9110, "11");
    hide: bool = key(
        "hide",
        "true",
        "Whether those who are known, or ask from a network, and are not let in are told that nothing is \
         here (404)",
    ).default("false").spec(9110, "15.5.4");
    limit: List<Name> = key(
        "limit",
        "\"per-client\"",
        "The limits that hold here, by their names; all of them are met, or none is used up (429, 503)",
    ).spec(6585, "4").within(0, 8);
    price: Unless<Price> = key(
        "price",
        "{ amount = 5 }",
        "What an answer costs (402)",
    ).spec(9110, "15.5.3");
    blocked: Unless<Blocked> = key(
        "blocked",
        "{ by = \"https://example.org/legal\" }",
        "What an authority demanded to be blocked (451)",
    ).spec(7725, "3");
    maintenance: Switch<Maintenance> = key(
        "maintenance",
        "{ until = 2027-01-01T06:00:00Z }",
        "Whether nothing is served for now (503)",
    ).default("false").spec(9110, "15.6.4");
    http_version: HttpVersion = key(
        "http-version",
        "\"2\"",
        "The least version of HTTP that is let in (426)",
    ).spec(9110, "15.5.22");
    require_length: bool = key(
        "require-length",
        "true",
        "Whether content has to say its length beforehand (411)",
    ).default("false").spec(9110, "15.5.12");
    require_precondition: bool = key(
        "require-precondition",
        "true",
        "Whether a write has to say which state it replaces (428)",
    ).default("false").spec(6585, "3");
    content_max: Either<Size, ContentLimit> = key(
        "content-max",
        "\"10MiB\"",
        "The most content that a request may bring (413)",
    ).default("\"1GiB\"").spec(9110, "15.5.14");
    trace: bool = key(
        "trace",
        "true",
        "Whether TRACE is answered",
    ).default("false").spec(9110, "9.3.8");
}

keys! {
    /// A limit on how often, or how many at once.
    Limit: Scope {
        choice: Choice::One("this limit does not say how often, or how many at once"),
        ..scope("a limit", "`[limits.NAME]`: how often something may be asked for, or how many times at once.")
    };

    rate: Rate = key("rate", "\"100/hour\"", "How often").choice().within(1, 1_000_000_000);
    at_once: Count = key("at-once", "10", "How many at the same time (503)").choice().within(1, 1 << 32);
    burst: Count = key(
        "burst",
        "20",
        "How many may come together; the rate's own number where it is not said",
    ).with(&["rate"]).within(1, 1_000_000_000);
    by: By = key(
        "by",
        "\"user\"",
        "What is counted by: the client's network, the user, the route, or a field of the request",
    ).default("\"network\"");
}

/// What a limit counts by.
pub type By = Either<CountedBy, ByField>;

keys! {
    /// A field that is counted by.
    ByField: scope("what is counted by", "`by = { field = ... }`: requests with the same value are counted together.");

    field: FieldName = key("field", "\"X-Api-Key\"", "The field").required();
}

keys! {
    /// How content is encoded as it is sent.
    Compress: scope("how content is encoded", "`compress = { ... }`: how content is encoded as it is sent.");

    codings: List<CodingName> = key(
        "codings",
        "[\"br\"]",
        "The codings that are offered; who likes them alike gets br before zstd before gzip",
    ).default("[\"br\", \"zstd\", \"gzip\"]").within(1, 3);
    br_level: Count = key(
        "br-level",
        "4",
        "How hard Brotli tries: more is smaller and slower",
    ).default("5").within(2, 6);
    zstd_level: Count = key("zstd-level", "3", "How hard Zstandard tries").default("5").within(1, 9);
    gzip_level: Count = key("gzip-level", "6", "How hard gzip tries").default("5").within(1, 9);
    min: Size = key("min", "\"256B\"", "What is shorter is sent as it is").default("\"1KiB\"");
    types: List<MediaRange> = key(
        "types",
        "[\"text/*\"]",
        "The media types that are encoded; those that gain by it where it is not said",
    ).within(1, 64);
}

keys! {
    /// Which other sites' pages may read this one.
    Cors: scope("who may read across sites", "`cors = { ... }`: which other sites' pages may read this one.");

    origins: List<CorsOrigin> = key("origins", "\"https://app.example\"", "The sites").required().within(1, 256);
    methods: List<Method> = key(
        "methods",
        "[\"PUT\"]",
        "The methods that their pages may use",
    ).default("[\"GET\", \"HEAD\", \"POST\"]").within(1, 9);
    headers: List<FieldName> = key("headers", "[\"X-Api-Key\"]", "The fields that their pages may send").within(1, 64);
    expose: List<FieldName> = key("expose", "[\"ETag\"]", "The fields of answers that their pages may read").within(1, 64);
    credentials: bool = key(
        "credentials",
        "true",
        "Whether they may send what the browser keeps for this site",
    ).default("false");
    max_age: Duration = key(
        "max-age",
        "\"1h\"",
        "How long a browser need not ask again",
    ).default("\"5s\"").within(0, 86_400_000);
}

keys! {
    /// Who is let in.
    Auth: scope(
        "who is let in",
        "`auth = { ... }`: who is let in. With `users` or `tokens` credentials are asked for; names, groups \
         and networks say who of them. With `ask` somebody else says it.",
    );

    users: List<Name> = key("users", "\"staff\"", "The lists of users, by their names").spec(7617, "2").within(1, 8);
    tokens: List<Name> = key("tokens", "\"api\"", "The issuers of tokens, by their names").spec(6750, "3").within(1, 8);
    groups: List<Name> = key("groups", "[\"admins\"]", "The groups that are let in").with(&["users", "tokens"]).within(1, 256);
    names: List<Prose> = key("names", "[\"anna\"]", "The users that are let in").with(&["users", "tokens"]).within(1, 256);
    networks: List<Network> = key("networks", "[\"10.0.0.0/8\"]", "The networks that are let in").within(1, 1024);
    realm: Prose = key(
        "realm",
        "\"Orders\"",
        "What the credentials are for, as it is shown",
    ).with(&["users", "tokens", "ask"]).spec(9110, "11.5");
    methods: List<Method> = key(
        "methods",
        "[\"PUT\", \"DELETE\"]",
        "The methods for which this is asked; all where it is not said",
    ).within(1, 9);
    ask: GatewayTo = key(
        "ask",
        "\"http://127.0.0.1:9091/api/authz/forward-auth\"",
        "Who is asked about each request, by a GET with its fields: the URL, or the name of a group `[gateway.NAME]`. \
         What is answered with 2xx is let in; 401 and 403 are passed on in words of ours, and a redirect with its \
         cookies; anything else is an error (502, 503, 504)",
    ).spec(9110, "15.5.2");
    copy: List<ToldField> = key(
        "copy",
        "[\"Remote-User\", \"Remote-Groups\"]",
        "Fields of that answer that the route's upstream is told; a client's own of these names are dropped",
    ).with(&["ask"]).within(1, 64);
    user_from: FieldName = key(
        "user-from",
        "\"Remote-User\"",
        "The field of that answer that names the user, for limits and prices",
    ).with(&["ask"]);
    cache: Duration = key(
        "cache",
        "\"5s\"",
        "For how long who was let in is not asked about again, where the request is the same in all that was told; \
         who was not is always asked about",
    ).default("\"0ms\"").with(&["ask"]).within(0, 60_000);
    time: Duration = key(
        "time",
        "\"2s\"",
        "How long the answer may take where `ask` is a URL (504); a group says it itself",
    ).default("\"5s\"").with(&["ask"]).within(1, 3_600_000);
    at_once: Count = key(
        "at-once",
        "100",
        "How many may be asked about at once where `ask` is a URL; some more wait (503). A group says it itself",
    ).default("256").with(&["ask"]).within(1, 1 << 20);
}

keys! {
    /// What an answer costs.
    Price: Scope {
        choice: Choice::One("this price does not say what an answer costs"),
        ..scope(
            "a price",
            "`price = { ... }`: what an answer costs, taken from a balance paid in advance, or paid for each answer.",
        )
    };

    amount: Count = key("amount", "5", "How much, in the smallest unit").choice().within(1, 1 << 53);
    x402: X402 = key(
        "x402",
        "{ facilitator = \"https://x402.org/facilitator\", pay-to = \"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\", network = \"eip155:8453\", asset = \"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\", amount = \"10000\" }",
        "What is paid for each answer by x402, version 2",
    ).choice();
    currency: Name = key("currency", "\"EUR-cent\"", "The unit, as it is shown").default("\"credit\"");
    account: By = key(
        "account",
        "{ field = \"X-Api-Key\" }",
        "Whose balance pays: the user's, or that of the value of a field",
    ).default("\"user\"");
    top_up: AbsoluteUri = key(
        "top-up",
        "\"https://example.org/pay\"",
        "Where an account is filled up, as those are told whose balance is too small",
    );
}

keys! {
    /// What is paid for each answer.
    X402: scope(
        "a payment",
        "`x402 = { ... }`: what is paid for each answer by x402, version 2, scheme `exact`. The facilitator verifies a \
         payment before the request is carried out, and settles it before the answer is sent.",
    );

    facilitator: GatewayTo = key(
        "facilitator",
        "\"https://x402.org/facilitator\"",
        "Who verifies and settles: the URL before `/verify` and `/settle`, or the name of a group `[gateway.NAME]`. While \
         it can't be asked, nothing is served (503)",
    ).required();
    pay_to: Prose = key("pay-to", "\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\"", "The address of who is paid").required();
    network: Prose = key("network", "\"eip155:8453\"", "The network, as CAIP-2 has it").required();
    asset: Prose = key(
        "asset",
        "\"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\"",
        "What is paid: the address of a token",
    ).required();
    amount: Prose = key("amount", "\"10000\"", "How much, in the asset's smallest unit").required();
    extra: Prose = key(
        "extra",
        "'{ \"name\": \"USDC\", \"version\": \"2\" }'",
        "What else the scheme wants on this network, as a JSON object",
    );
    description: Prose = key("description", "\"A report\"", "What is paid for, as people are told");
    media_type: Prose = key("media-type", "\"application/json\"", "The media type of what is paid for, as programs are told");
    lifetime: Duration = key(
        "lifetime",
        "\"5m\"",
        "How long a payment may take, and for how long it buys the same answer once more; then, and for anything else, \
         it buys nothing (402)",
    ).default("\"1m\"").within(1000, 86_400_000);
    time: Duration = key(
        "time",
        "\"5s\"",
        "How long an answer of the facilitator may take where it is a URL; a group says it itself",
    ).default("\"10s\"").within(1, 3_600_000);
}

keys! {
    /// What an authority demanded to be blocked.
    Blocked: scope("a block", "`blocked = { ... }`: what an authority demanded to be blocked, and for whom.");

    by: AbsoluteUri = key(
        "by",
        "\"https://example.org/legal\"",
        "Who blocks it",
    ).required().spec(7725, "4");
    demand: Prose = key("demand", "\"Order 17 of the court of X\"", "The demand, explained");
    networks: List<Network> = key("networks", "[\"192.0.2.0/24\"]", "The networks for which it is blocked; all where nothing is said").within(1, 1024);
    countries: List<Country> = key("countries", "[\"AT\"]", "The countries for which it is blocked").with(&["database"]).within(1, 256);
    database: FilePath = key("database", "\"countries.mmdb\"", "The file that tells the country of an address").with(&["countries"]);
}

keys! {
    /// Nothing is served for now.
    Maintenance: scope("a maintenance", "`maintenance = { ... }`: nothing is served for now.");

    until: Moment = key("until", "2027-01-01T06:00:00Z", "When it ends, so that clients know when to come back").spec(9110, "10.2.3");
    reason: Prose = key("reason", "\"The disks are being replaced.\"", "What is told to people");
    page: FilePath = key("page", "\"maintenance.html\"", "The page that people see, in HTML");
    except: List<Network> = key("except", "\"10.0.0.0/8\"", "The networks of those who do the work: they are served").within(1, 1024);
}

keys! {
    /// A limit on content for a time.
    ContentLimit: scope("a limit of content", "`content-max = { ... }`: the most content that a request may bring.");

    size: Size = key("size", "\"1MiB\"", "The most octets").required();
    until: Moment = key("until", "2027-01-01T06:00:00Z", "When it ends; clients are told to come back then").spec(9110, "10.2.3");
}
