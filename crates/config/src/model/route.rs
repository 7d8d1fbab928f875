//! Routes: paths, and what answers for them.

use std::collections::HashMap;
use std::path::PathBuf;

use wherefore_decide::policy::folder::Listing;
use wherefore_decide::policy::pattern::PatternError;
use wherefore_decide::policy::{
    ContentPolicy, Elsewhere, Folder, FolderAccess, Index, Lasting, MissingFolders, Pattern,
    Resource, Route, Template,
};

use super::{Lowering, canonical};
use crate::complaint::Complaint;
use crate::keys;
use crate::source::{Placed, Span};
use crate::table::{Key, Set};
use crate::value::{self, HostPattern, TryStep};

impl Lowering<'_, '_> {
    /// The routes of a site, each with the site's policies where it has none of its own.
    pub(super) fn routes(&mut self, host: &Placed<HostPattern>, site: &keys::Site) -> Vec<Route> {
        let resolved = site.resolved();
        let mut routes = Vec::new();
        let mut shapes: HashMap<String, Span> = HashMap::new();
        for placed in site.route.iter().flat_map(|set| &set.value.0) {
            let policies = placed.value.policies.over(&site.policies);
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
            let mut made = Route::new(pattern, resource, content);
            self.policies(&route.policies, &key, &mut made);
            self.gate_of_site(host, &resolved, &mut made);
            if is_true(&route.websocket_only) {
                made.gate.protocol = wherefore_decide::policy::gate::Protocol::WebSocket;
            }
            routes.push(made);
        }
        routes
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
        let elsewhere = if let Some(to) = &route.redirect {
            let lasting =
                if is_true(&route.permanent) { Lasting::Permanent } else { Lasting::Temporary };
            Elsewhere::Moved { to: self.template(to, pattern)?, lasting }
        } else if let Some(to) = &route.see_other {
            Elsewhere::SeeOther(self.template(to, pattern)?)
        } else if route.gone.is_some() {
            Elsewhere::Gone { since: None }
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
            Some(rewrite) => Some(self.template(rewrite, pattern)?),
            None => None,
        };
        Some(Folder {
            origin: self.folder_number(folder.value.as_str(), span, writable),
            access: if writable { FolderAccess::Writable } else { FolderAccess::ReadOnly },
            missing_folders: if is_true(&route.create_folders) {
                MissingFolders::Create
            } else {
                MissingFolders::Conflict
            },
            rewrite,
            fallback: self.fallback(route),
            listing: if is_true(&route.listing) { Listing::On } else { Listing::Off },
        })
    }

    /// The number of a folder; routes that name the same one share it.
    fn folder_number(&mut self, path: &str, span: Span, writable: bool) -> Index {
        let path = PathBuf::from(path);
        let known = self.folders.iter_mut().zip(0..).find(|(folder, _)| folder.path.value == path);
        if let Some((folder, number)) = known {
            folder.writable |= writable;
            return number;
        }
        self.folders.push(super::Folder { path: Placed { value: path, span }, writable });
        Index::try_from(self.folders.len() - 1).unwrap_or(Index::MAX)
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

    fn template(&mut self, to: &Set<value::Template>, pattern: &Pattern) -> Option<Template> {
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

    fn gate_of_site(&mut self, host: &Placed<HostPattern>, site: &keys::Site, route: &mut Route) {
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

pub(super) fn is_true(key: &Key<bool>) -> bool {
    key.as_ref().is_some_and(|set| set.value)
}
