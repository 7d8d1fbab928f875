//! What is accepted for later, and its monitors: both depend on what a running server has stored.

use std::fmt::Write as _;

use wherefore_decide::Trail;
use wherefore_decide::act::Begun;
use wherefore_decide::later::Kept;
use wherefore_decide::plan::{self, MonitorPlace, Plan, Question};
use wherefore_decide::policy::Matched;
use wherefore_decide::story::{Detail, Story};
use wherefore_gateway::forward::{self, Rewrite};
use wherefore_message::later::Progress;
use wherefore_message::path::Path;
use wherefore_message::{Request, Status};
use wherefore_server::configuration::Configuration;

/// Where a request that is kept for later is to go, and what it is asked for there.
pub(super) fn to_whom(
    request: &Request<'_>,
    matched: &Matched<'_>,
    path: Path<'_>,
    configuration: &Configuration,
) -> String {
    let Some(later) = &matched.route.later else { return String::new() };
    let gateway = configuration.gateways.get(usize::from(later.destination));
    let name = gateway.map_or("", |gateway| &gateway.name);
    let rewrite = match &later.base {
        None => Rewrite::Whole,
        Some(by) => Rewrite::Instead { octets: later.replaced_bytes(matched, path), by },
    };
    let mut target = Vec::new();
    forward::target(request, path, rewrite, &mut target);
    let (method, target) = (request.method_text.escape_ascii(), target.escape_ascii());
    format!("It would go to {name}, as {method} {target}.\n")
}

/// What can come of storing a request that is to be delivered later.
pub(super) fn of_later(request: &Request<'_>, mut trail: Trail, detail: Detail) -> String {
    let mut out = String::new();
    if plan::invite(request, Begun::NotYet, &mut trail).is_some() {
        let _ = writeln!(out, "{} is sent first.", Status::CONTINUE);
    }
    out.push_str("It is stored, to be delivered later: the answer depends on how that ends.\n");
    let ends = [
        ("it is stored", Kept::Stored),
        ("its Idempotency-Key was used for another request", Kept::KeyReused),
        ("as much as may be waits to be delivered", Kept::Full(1)),
    ];
    for (what, kept) in ends {
        let mut branch = trail;
        let verdict = plan::kept(kept, &mut branch);
        let _ = writeln!(out, "If {what}:");
        let _ = write!(out, "{}", Story { trail: &branch, verdict: Some(&verdict), detail });
    }
    out
}

/// What a monitor says: whether there is one, only the running server knows.
pub(super) fn of_monitor(
    question: &Question<'_>,
    place: &MonitorPlace<'_>,
    trail: Trail,
    detail: Detail,
) -> String {
    let mut out = String::from("It is a monitor: what it says is the running server's to know.\n");
    let known = Progress::Pending { tries: 0, next_at: question.now.unix(), last: None };
    let branches =
        [("something of this name was accepted", Some(known)), ("nothing of it is known", None)];
    for (what, progress) in branches {
        let mut branch = trail;
        let verdict = match plan::of_monitor(question, place, progress, &mut branch) {
            Err(verdict) | Ok(Plan::Read(verdict, _)) => Some(verdict),
            Ok(Plan::Write(_) | Plan::Take(_) | Plan::Later | Plan::Forward) => None,
        };
        let _ = writeln!(out, "If {what}:");
        let _ = write!(out, "{}", Story { trail: &branch, verdict: verdict.as_ref(), detail });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wherefore_decide::Scheme;
    use wherefore_decide::policy::later::{MONITORS, When};
    use wherefore_decide::policy::{
        ContentPolicy, Gateway, Hosts, Later, Pattern, Resource, Route, Site,
    };
    use wherefore_gateway::{Address, Member, Settings, Upstreams, forward};
    use wherefore_message::request::RequestBuf;
    use wherefore_message::{Announced, FieldLines, Version};
    use wherefore_origin::Origin;
    use wherefore_server::gateway::{self as server, Reached};
    use wherefore_store::MemoryStore;
    use wherefore_upstream::{ConnectSettings, Connector, Endpoint, Target};

    use super::super::Explaining;
    use super::super::asking::Who;
    use super::*;

    fn told(method: &[u8], target: &str) -> String {
        let route = |path: &str, resource| {
            let pattern = Pattern::parse(path).unwrap();
            Route::new(pattern, resource, ContentPolicy::up_to(1 << 20, 0))
        };
        let mut gateway = route("/api/*", Resource::Gateway(Gateway::new(0)));
        gateway.later = Some(Later::new(0, When::Preferred));
        let monitors = route(&format!("{MONITORS}{{id}}"), Resource::Monitors);
        let site = Site::new("test", Hosts::any(), vec![gateway, monitors]);
        let origin = Arc::new(Origin::new(Arc::new(MemoryStore::new()), None));
        let member = Member::new(Address::parse("http://127.0.0.1:9").unwrap());
        let upstreams = Upstreams::new(vec![member], Settings::default()).unwrap();
        let at = Target { endpoint: Endpoint::Ip(([127, 0, 0, 1], 9).into()), tls: None };
        let reached = vec![Reached { target: at, authority: "127.0.0.1:9".into() }];
        let connector = Arc::new(Connector::new(&ConnectSettings::default()).unwrap());
        let policy = forward::Policy::new("test");
        let gateway = server::Gateway::new("test", upstreams, reached, connector, policy);
        let configuration = Configuration {
            gateways: vec![Arc::new(gateway)],
            ..Configuration::of_folder(site, origin)
        };
        let fields: FieldLines =
            [("Host", "localhost"), ("Prefer", "respond-async")].into_iter().collect();
        let (version, announced) = (Version::HTTP_11, Announced::Length(5));
        let (target, host) = (target.as_bytes(), Some(&b"localhost"[..]));
        let request = RequestBuf::new(version, method, target, host, fields, announced).unwrap();
        let who = Who { address: [127, 0, 0, 1].into(), scheme: Scheme::Http, asker: None };
        let (configuration, places, detail) = (&configuration, None, Detail::Applied);
        let explaining = Explaining { configuration, places, detail, who };
        explaining.of_request(&request.view()).unwrap()
    }

    #[test]
    fn every_end_is_told() {
        let posted = told(b"POST", "/api/a");
        for part in [
            "202 Accepted  because of accepted-for-later",
            "422 Unprocessable Content  because of later-key",
            "503 Service Unavailable  because of later-room",
        ] {
            assert!(posted.contains(part), "{part} is not in\n{posted}");
        }
        let read = told(b"GET", "/api/a");
        assert!(read.contains("because of relayed") && !read.contains("202 Accepted"), "{read}");
        let monitor = told(b"GET", &format!("{MONITORS}0a"));
        for part in ["200 OK  because of representation", "404 Not Found  because of monitor-known"]
        {
            assert!(monitor.contains(part), "{part} is not in\n{monitor}");
        }
    }
}
