//! Routes: paths, and what answers for them.

use std::collections::HashMap;
use std::path::PathBuf;

use wherefore_decide::policy::folder::Listing;
use wherefore_decide::policy::pattern::PatternError;
use wherefore_decide::policy::{
    ContentPolicy, Dress, Elsewhere, Folder, FolderAccess, Lasting, MissingFolders, Pattern,
    Resource, Route, Site, Template,
};
use wherefore_message::media;
use wherefore_message::path::decode_made;

use super::fields::is_dressed;
use super::variants::{List, root, variant_policy};
use super::{Lowering, canonical};
use crate::complaint::Complaint;
use crate::keys;
use crate::source::{Placed, Span};
use crate::table::{Key, Set};
use crate::value::{self, Either, HostPattern, TemplatePart, TryStep, Unless};

/// The routes of a site as they are made, and where each stands.
#[derive(Default)]
pub(super) struct Laid {
    pub(super) routes: Vec<Route>,
    /// Their paths.
    pub(super) paths: Vec<Span>,
    /// Where they lead, of those that lead elsewhere.
    pub(super) targets: Vec<Option<Span>>,
    /// The lists of variants among them.
    pub(super) lists: Vec<List>,
    /// What the paths under each of them begin with, of those that take all paths that begin so.
    pub(super) roots: Vec<Option<String>>,
}

impl Lowering<'_, '_> {
    /// The routes of a site, each with the site's policies where it has none of its own.
    pub(super) fn routes(
        &mut self,
        host: &Placed<HostPattern>,
        site: &keys::Site,
        dress: &Dress,
    ) -> Laid {
        let resolved = site.resolved();
        let mut laid = Laid::default();
        let mut shapes: HashMap<String, Span> = HashMap::new();
        for placed in site.route.iter().flat_map(|set| &set.value.0) {
            let own = &placed.value.policies;
            let policies = own.over(&site.policies);
            let route = keys::Route { policies, ..placed.value.clone() }.resolved();
            let Some(path) = &route.path else { continue };
            let span = path.from.span().unwrap_or(placed.span);
            let Some(pattern) = self.pattern(path, span) else { continue };
            if let Some(first) = shapes.insert(path.value.shape(), span) {
                let complaint = Complaint::error(span, "another route stands under the same paths");
                self.complain(complaint.related(first, "the first stands here"));
                continue;
            }
            let Some(resource) = self.resource(&route, &pattern) else { continue };
            let content =
                ContentPolicy::up_to(self.bounds.content_bytes_max, self.bounds.patch_bytes_max);
            let key = format!("{} {pattern}", host.value);
            let later = self.later(&route, &resource);
            let mut made = Route::new(pattern, resource, content);
            made.later = later;
            self.policies(&route.policies, &key, &mut made);
            self.complain_of_idle_hiding(own, &route.policies);
            if route.gateway.is_some() {
                self.complain_of_idle_policies(own, &route);
            }
            made.dress = if is_dressed(own) { self.dress(&route.policies) } else { dress.clone() };
            self.gate_of_site(host, &resolved, &mut made);
            if is_true(&route.websocket_only) {
                made.gate.protocol = wherefore_decide::policy::gate::Protocol::WebSocket;
            }
            if let Some(variants) = &route.variants {
                let variants = variants.value.0.clone();
                laid.lists.push(List { route: laid.routes.len(), variants });
            }
            laid.roots.push(root(&path.value));
            let target = route.redirect.as_ref().or(route.see_other.as_ref());
            laid.targets.push(target.and_then(|set| set.from.span()));
            laid.paths.push(span);
            laid.routes.push(made);
        }
        self.lay_monitors(host, site, dress, &shapes, &mut laid);
        self.fill_lists(&mut laid);
        laid
    }

    /// What leads to itself, by itself or over others, is never arrived at.
    pub(super) fn complain_of_circles(&mut self, site: &Site, targets: &[Option<Span>]) {
        for (i, span) in targets.iter().enumerate() {
            let mut at = i;
            for _ in 0..LEADS_MAX {
                let Some(next) = site.routes().get(at).and_then(|route| led_to(site, route)) else {
                    break;
                };
                if let (true, Some(span)) = (next == i, span) {
                    let what = "this leads back to where it is asked for";
                    self.complain(Complaint::error(*span, what).right("a path of another route"));
                    break;
                }
                at = next;
            }
        }
    }

    fn complain_of_idle_hiding(&mut self, own: &keys::Policies, all: &keys::Policies) {
        let Some(Set { value: true, from }) = own.hide else { return };
        if !matches!(all.auth, Some(Set { value: Unless::As(_), .. }))
            && let Some(span) = from.span()
        {
            let what = "everybody is let in here: `hide` hides nothing";
            self.complain(Complaint::warning(span, what).right("`auth` beside it"));
        }
    }

    fn pattern(&mut self, path: &Set<value::PathPattern>, span: Span) -> Option<Pattern> {
        // In the file a path is written as people read it.
        let text = path.value.to_string().replace('%', "%25");
        match Pattern::parse(&text) {
            Ok(pattern) => Some(pattern),
            Err(PatternError { what, .. }) => {
                self.complain(Complaint::error(span, what));
                None
            }
        }
    }

    fn resource(&mut self, route: &keys::Route, pattern: &Pattern) -> Option<Resource> {
        if let Some(folder) = &route.folder {
            return self.folder(route, folder, pattern).map(Resource::Folder);
        }
        if let Some(inbox) = &route.inbox {
            return self.inbox(route, inbox, pattern).map(Resource::Inbox);
        }
        if let Some(to) = &route.gateway {
            return self.gateway(route, to).map(Resource::Gateway);
        }
        if route.variants.is_some() {
            return Some(Resource::Variants(self.empty_list(route)));
        }
        let elsewhere = if let Some(to) = &route.redirect {
            let lasting =
                if is_true(&route.permanent) { Lasting::Permanent } else { Lasting::Temporary };
            Elsewhere::Moved { to: self.template(to, pattern)?, lasting }
        } else if let Some(to) = &route.see_other {
            Elsewhere::SeeOther(self.template(to, pattern)?)
        } else if let Some(gone) = &route.gone {
            Elsewhere::Gone {
                since: match &gone.value {
                    Either::Short(_) => None,
                    Either::Table(gone) => gone.since.as_ref().map(|set| set.value.unix_seconds),
                },
            }
        } else if let Some(proxy) = &route.use_proxy {
            let span = proxy.from.span().unwrap_or(route.head);
            self.complain(
                Complaint::warning(
                    span,
                    "305 is deprecated, and clients of today do not follow it",
                )
                .right("a client is told of a proxy by its own settings"),
            );
            Elsewhere::UseProxy(proxy.value.to_string().into())
        } else {
            return None;
        };
        Some(Resource::Elsewhere(elsewhere))
    }

    fn folder(
        &mut self,
        route: &keys::Route,
        folder: &Set<value::FilePath>,
        pattern: &Pattern,
    ) -> Option<Folder> {
        let writable = is_true(&route.writable);
        let span = folder.from.span().unwrap_or(route.head);
        let rewrite = match &route.rewrite {
            Some(rewrite) => {
                let span = rewrite.from.span().unwrap_or(route.head);
                self.complain_of_no_path(&rewrite.value, span);
                Some(self.template(rewrite, pattern)?)
            }
            None => None,
        };
        let of_writes = route.writable.as_ref().filter(|set| set.value);
        let named = super::Folder {
            path: Placed { value: PathBuf::from(folder.value.as_str()), span },
            writable: of_writes.and_then(|set| set.from.span()),
            is_inbox: false,
            links: route
                .links
                .as_ref()
                .and_then(|set| set.from.span().map(|span| Placed { value: set.value, span })),
            quota_bytes: quota_bytes(route),
            index: self.index(route),
        };
        Some(Folder {
            origin: self.folder_number(named),
            access: if writable { FolderAccess::Writable } else { FolderAccess::ReadOnly },
            missing_folders: if is_true(&route.create_folders) {
                MissingFolders::Create
            } else {
                MissingFolders::Conflict
            },
            rewrite,
            fallback: self.fallback(route),
            listing: if is_true(&route.listing) { Listing::On } else { Listing::Off },
            variants: variant_policy(route),
        })
    }

    /// The files that are sent for a folder, where the route says so.
    fn index(&mut self, route: &keys::Route) -> Option<Placed<Vec<String>>> {
        let set = route.index.as_ref()?;
        let span = set.from.span()?;
        for name in &set.value.0 {
            if !media::by_name(name.value.as_str().as_bytes()).starts_with("text/html") {
                let complaint = Complaint::error(name.span, "what is sent for a folder is HTML");
                self.complain(complaint.right("a file whose name ends in .html"));
            }
        }
        let names = set.value.0.iter().map(|name| name.value.as_str().to_owned());
        Some(Placed { value: names.collect(), span })
    }

    /// A file within a folder is named by its path alone.
    fn complain_of_no_path(&mut self, target: &value::Template, span: Span) {
        let is_more = |part: &TemplatePart| match part {
            TemplatePart::Literal(text) => text.contains(['?', '#']),
            TemplatePart::Capture(_) => false,
        };
        let what = if target.origin.is_some() {
            "what is looked up here can't be on another site"
        } else if target.parts.iter().any(is_more) {
            "the path of a file has neither query nor fragment"
        } else {
            return;
        };
        self.complain(Complaint::error(span, what).right("a path alone, as in \"/index.html\""));
    }

    /// The file that answers for all that is not there.
    fn fallback(&mut self, route: &keys::Route) -> Option<Box<[u8]>> {
        let steps = route.r#try.as_ref().map_or(&[][..], |set| &set.value.0);
        let last = steps.len().checked_sub(1)?;
        let mut fallback = None;
        for (i, step) in steps.iter().enumerate() {
            match &step.value {
                TryStep::File if i == 0 => {}
                TryStep::Index if i <= 1 => {}
                TryStep::File | TryStep::Index => {
                    let what = "files are looked for first, then the index of a folder";
                    self.complain(
                        Complaint::error(step.span, what)
                            .right("[\"file\", \"index\", \"/index.html\"]"),
                    );
                }
                TryStep::Path(path) if i == last && path.captures().next().is_none() => {
                    self.complain_of_no_path(path, step.span);
                    fallback = Some(path.to_string().into_bytes().into());
                }
                TryStep::Path(_) => {
                    let what = "one path answers for all that is not there";
                    self.complain(
                        Complaint::error(step.span, what)
                            .right("a path without captures, at the end"),
                    );
                }
            }
        }
        fallback
    }

    pub(super) fn template(
        &mut self,
        to: &Set<value::Template>,
        pattern: &Pattern,
    ) -> Option<Template> {
        match Template::parse(&to.value.to_string(), pattern) {
            Ok(template) => Some(template),
            Err(PatternError { what, .. }) => {
                let captures: Vec<_> = pattern.names().map(|name| format!("{{{name}}}")).collect();
                let right = match captures.as_slice() {
                    [] => "the path captures nothing".to_owned(),
                    names => format!("the path captures {}", names.join(", ")),
                };
                let span = to.from.span().unwrap_or_default();
                self.complain(Complaint::error(span, what).right(right));
                None
            }
        }
    }

    pub(super) fn gate_of_site(
        &mut self,
        host: &Placed<HostPattern>,
        site: &keys::Site,
        route: &mut Route,
    ) {
        use wherefore_decide::policy::gate::Https;
        let only = site.https.as_ref().is_some_and(|set| set.value == value::Https::Only);
        let refuse =
            site.clear_writes.as_ref().is_some_and(|set| set.value == value::ClearWrites::Refuse);
        route.gate.https = match (only, refuse) {
            (false, _) => Https::Optional,
            (true, false) => Https::Required,
            (true, true) => Https::RequiredForWrites,
        };
        if is_true(&site.canonical) {
            route.gate.canonical_host = canonical(&host.value);
            if route.gate.canonical_host.is_none() {
                let complaint = Complaint::error(host.span, "a wildcard is no host to be led to");
                self.complain(
                    complaint.right("a site under a name, with the wildcard as an alias"),
                );
            }
        }
    }
}

/// How many routes are followed to see whether they lead in a circle.
const LEADS_MAX: usize = 8;

/// The route of the same site that a route leads to, whoever asks.
fn led_to(site: &Site, route: &Route) -> Option<usize> {
    let Resource::Elsewhere(Elsewhere::Moved { to, .. } | Elsewhere::SeeOther(to)) =
        &route.resource
    else {
        return None;
    };
    let target = to.to_string();
    let path = target.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    if target.contains('{') {
        return None;
    }
    let mut scratch = Vec::new();
    let path = decode_made(path.as_bytes(), &mut scratch).ok()?;
    site.route(path.bytes()).map(|matched| matched.index)
}

/// The most that the folder of a route may hold.
pub(super) fn quota_bytes(route: &keys::Route) -> Option<Placed<u64>> {
    let set = route.quota.as_ref()?;
    Some(Placed { value: set.value.bytes, span: set.from.span()? })
}

pub(super) fn is_true(key: &Key<bool>) -> bool {
    key.as_ref().is_some_and(|set| set.value)
}
