//! The keys of a site.

use super::{Policies, Route, scope};
use crate::kind::key;
use crate::table::keys;
use crate::value::{ClearWrites, DefaultSite, HostPattern, Https, List};

keys! {
    /// A site: the hosts that it answers for, and what stands under its paths.
    Site: scope(
        "a site",
        "`[site.\"HOST\"]`: what is served under a host. `*.example.org` is every name with one label \
         more. What is said of policies here holds for each route that does not say otherwise.",
    );

    aliases: List<HostPattern> = key(
        "aliases",
        "[\"www.example.org\", \"*.example.net\"]",
        "Other hosts that it answers for",
    ).spec(9110, "7.4").within(1, 10000);
    default: DefaultSite = key(
        "default",
        "\"loopback\"",
        "Whether it answers for hosts that no site has, or for those of them that only this machine can \
         mean: addresses, `localhost` and names under it; the others are misdirected (421)",
    ).default("false").spec(9110, "15.5.20");
    canonical: bool = key(
        "canonical",
        "true",
        "Whether requests for an alias are led to the site's own host",
    ).default("false").with(&["aliases"]);
    https: Https = key(
        "https",
        "\"only\"",
        "Whether requests in the clear are served, or led to HTTPS",
    ).default("\"optional\"").spec(9110, "4.2.2");
    clear_writes: ClearWrites = key(
        "clear-writes",
        "\"refuse\"",
        "Whether writes in the clear are led to HTTPS as well (308), or refused (403)",
    ).default("\"redirect\"").with(&["https"]);
    route: List<Route> = key("route", "{ path = \"/*\", folder = \"public\" }", "What stands under its paths");
    ..policies: Policies;
}
