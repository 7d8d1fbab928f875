//! Stage two, access: whether this method, from this sender, may be asked of this route at all.
//! Asked before anything is looked up, so that nothing of what is there leaks.

use wherefore_message::authority::{Authority, HostKind};
use wherefore_message::path::Path;
use wherefore_message::{FieldName, FieldSet, Request, Spec, Status};

use crate::catalogue::GroupId;
use crate::gate::{Client, Scheme};
use crate::policy::cors::Origins;
use crate::policy::{Cors, IMPLEMENTED, Resource, Route};
use crate::rule::{Group, Info, Rule, Step, Witness};

/// What is known of the request before its content and its resource are looked at.
#[derive(Clone, Copy, Debug)]
pub struct AccessFacts<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// The route that its path falls under; none for `OPTIONS *`.
    pub route: Option<&'a Route>,
    /// The path; none for `OPTIONS *`, and where it names nothing that a folder could hold.
    pub path: Option<Path<'a>>,
    /// Who asks.
    pub client: &'a Client,
}

impl Group for AccessFacts<'_> {
    const ID: GroupId = GroupId::Access;
    type Rules = [Rule<Self>; 4];
    const RULES: Self::Rules = [
        Rule {
            info: &Info {
                id: "method-implemented",
                asks: "Is the method implemented anywhere here?",
                spec: Spec::new(9110, "15.6.2"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_IMPLEMENTED],
                shown_by: "BREW /pot HTTP/1.1",
            },
            check: |facts| {
                // What is not implemented here may be where it is forwarded to.
                if facts.is_forwarded() {
                    Step::Skip
                } else if IMPLEMENTED.has(facts.request.method) {
                    Step::Pass
                } else {
                    // What is implemented but not offered under this route would be no help.
                    let offered = facts.route.map_or(IMPLEMENTED, Route::offered);
                    Step::Stop(Status::NOT_IMPLEMENTED, Witness::Methods(offered))
                }
            },
        },
        Rule {
            info: &Info {
                id: "cross-site-write",
                asks: "Is this write asked for by the site itself?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::of(&[FieldName::SecFetchSite, FieldName::Origin]),
                may: &[Status::FORBIDDEN],
                shown_by: "curl -T file -H 'Origin: http://evil.example' http://localhost:8080/f",
            },
            check: cross_site_write,
        },
        Rule {
            info: &Info {
                id: "dot-file",
                asks: "Is no part of the path a dot-file's name?",
                spec: Spec::new(9110, "15.5.4"),
                needs: FieldSet::EMPTY,
                may: &[Status::FORBIDDEN],
                shown_by: "curl http://localhost:8080/.git/config",
            },
            check: |facts| match facts.path {
                None => Step::Skip,
                // What is not here has no files.
                Some(_) if facts.is_elsewhere() || facts.is_forwarded() => Step::Skip,
                Some(path) if path.has_dot_name() => Step::Stop(
                    Status::FORBIDDEN,
                    Witness::Because(
                        "names that begin with a dot are not served, but for .well-known",
                    ),
                ),
                Some(_) => Step::Pass,
            },
        },
        Rule {
            info: &Info {
                id: "nameable",
                asks: "Could the path name something here?",
                spec: Spec::new(9110, "15.5.5"),
                needs: FieldSet::EMPTY,
                may: &[Status::NOT_FOUND],
                shown_by: "curl http://localhost:8080/a%2fb",
            },
            check: |facts| {
                if facts.request.target.path.is_empty() {
                    Step::Skip
                } else if facts.path.is_none() || facts.route.is_none() {
                    Step::Stop(Status::NOT_FOUND, Witness::Nothing)
                } else {
                    Step::Pass
                }
            },
        },
    ];

    fn present(&self) -> FieldSet {
        self.request.fields.present()
    }
}

impl AccessFacts<'_> {
    fn is_forwarded(&self) -> bool {
        self.route.is_some_and(|route| route.gateway().is_some())
    }

    fn is_elsewhere(&self) -> bool {
        self.route.is_some_and(|route| matches!(route.resource, Resource::Elsewhere(_)))
    }
}

/// A browser says for whom it writes: by `Sec-Fetch-Site` where it knows that field, else by `Origin`.
/// Programs that are no browsers send neither, and are not meant.
fn cross_site_write(facts: &AccessFacts<'_>) -> Step {
    let request = facts.request;
    let Some(route) = facts.route.filter(|route| route.changes_by(request.method)) else {
        return Step::Skip;
    };
    let origin = request.fields.only(FieldName::Origin);
    if let (Some(Cors { origins: Origins::These(these), .. }), Some(origin)) = (&route.cors, origin)
        && these.iter().any(|other| other.as_bytes() == origin)
    {
        return Step::Pass;
    }
    let refusal = |name| Step::Stop(Status::FORBIDDEN, Witness::Field(name));
    if request.fields.has(FieldName::SecFetchSite) {
        return match request.fields.only(FieldName::SecFetchSite) {
            Some(b"same-origin" | b"none") => Step::Pass,
            Some(_) | None => refusal(FieldName::SecFetchSite),
        };
    }
    let (scheme, port) = match facts.client.scheme {
        Scheme::Http => (b"http://".as_slice(), 80),
        Scheme::Https => (b"https://".as_slice(), 443),
    };
    match origin.and_then(|origin| origin.strip_prefix(scheme)).and_then(Authority::parse) {
        Some(origin)
            if request.authority.is_some_and(|own| same_authority(&own, &origin, port)) =>
        {
            Step::Pass
        }
        Some(_) | None => refusal(FieldName::Origin),
    }
}

fn same_authority(own: &Authority<'_>, origin: &Authority<'_>, port: u16) -> bool {
    let same_host = match (own.kind, origin.kind) {
        (HostKind::Name, HostKind::Name) => own.host.eq_ignore_ascii_case(origin.host),
        (HostKind::Address(own), HostKind::Address(origin)) => own == origin,
        (HostKind::Name, HostKind::Address(_)) | (HostKind::Address(_), HostKind::Name) => false,
    };
    same_host && own.port.unwrap_or(port) == origin.port.unwrap_or(port)
}
