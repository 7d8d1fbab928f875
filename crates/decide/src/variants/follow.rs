//! Where a variant that a list names leads: followed through the site's routes, as a request for its path
//! would be.

use wherefore_message::Method;
use wherefore_message::path::{Path, PathBuf};

use crate::negotiate::LeadsTo;
use crate::plan::Place;
use crate::policy::{Folder, Matched, Resource, Site};

/// Where a path of the site leads a reading.
#[derive(Clone, Debug)]
pub enum Destination<'a> {
    /// To what stands under this path of a folder.
    Folder(&'a Folder, PathBuf),
    /// To variants.
    Variants(LeadsTo),
    /// To nothing that can be sent in the place of a variant, and why.
    Nowhere(&'static str),
}

/// Follows `path` from the route that names it. What its own route keeps from clients that get to the first
/// one is not sent from there.
#[must_use]
pub fn follow<'a>(site: &'a Site, from: &Matched<'_>, path: Path<'_>) -> Destination<'a> {
    let Some(to) = site.route(path.bytes()) else {
        return Destination::Nowhere("no route of this site leads there");
    };
    match &to.route.resource {
        Resource::Variants(_) => Destination::Variants(leads(site, from.index, to.index)),
        Resource::Folder(_) if !from.route.stands_in_for(to.route) => Destination::Nowhere(
            "its own route asks more of clients (who they are, where they are, how often they ask, a price)",
        ),
        Resource::Folder(_) if !to.route.offers(Method::Get) => {
            Destination::Nowhere("its own route does not offer GET")
        }
        Resource::Folder(folder) => {
            let mut scratch = Vec::new();
            match folder.inner(&to, path, &mut scratch) {
                None => Destination::Nowhere("its own route makes no path of it"),
                Some(inner) if inner.has_dot_name() => {
                    Destination::Nowhere("names that begin with a dot are not served")
                }
                Some(inner) => Destination::Folder(folder, PathBuf::from(inner)),
            }
        }
        Resource::Monitors => Destination::Nowhere("what stands there are monitors"),
        Resource::Gateway(_) => Destination::Nowhere("what stands there is a gateway's"),
        Resource::Elsewhere(_) => Destination::Nowhere("what stands there has gone elsewhere"),
        Resource::Inbox(_) => Destination::Nowhere("what stands there only takes what is posted"),
    }
}

/// Whether a variant can be asked for by a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// Its reference leads to it.
    Yes,
    /// It does not, as where a route makes other paths of those that are asked for.
    No,
}

/// Whether the path beside that of the request leads to the member of this name, beside what the request leads
/// to within the folder.
#[must_use]
pub fn alone(site: &Site, place: &Place<'_>, name: &[u8]) -> Alone {
    let Some(beside) = place.path.beside(name) else { return Alone::No };
    match follow(site, &place.matched, beside.as_path()) {
        Destination::Folder(folder, inner)
            if folder.origin == place.folder.origin
                && place.inner.beside(name).as_ref() == Some(&inner) =>
        {
            Alone::Yes
        }
        Destination::Folder(..) | Destination::Variants(_) | Destination::Nowhere(_) => Alone::No,
    }
}

/// Whether the list of route `to` leads back to that of route `from`: each list of the site is visited once.
fn leads(site: &Site, from: usize, to: usize) -> LeadsTo {
    let mut seen = vec![to];
    let mut at = 0;
    while let Some(&next) = seen.get(at) {
        if next == from {
            return LeadsTo::Itself;
        }
        at += 1;
        let Some(Resource::Variants(list)) = site.routes().get(next).map(|route| &route.resource)
        else {
            continue;
        };
        for variant in &list.variants {
            if let Some(found) = site.route(variant.path.as_path().bytes())
                && !seen.contains(&found.index)
            {
                seen.push(found.index);
            }
        }
    }
    LeadsTo::AnotherList
}

#[cfg(test)]
mod tests {
    use wherefore_message::{MethodSet, path};

    use super::*;
    use crate::policy::gate::Https;
    use crate::policy::{
        ContentPolicy, Elsewhere, Hosts, ListedVariant, Pattern, Route, Template, VariantList,
        VariantPolicy,
    };

    fn route(path: &str, resource: Resource) -> Route {
        Route::new(Pattern::parse(path).unwrap(), resource, ContentPolicy::up_to(0, 0))
    }

    fn list(paths: &[&str]) -> Resource {
        let variant = |text: &&str| {
            let mut scratch = Vec::new();
            ListedVariant {
                path: PathBuf::from(path::decode(text.as_bytes(), &mut scratch).unwrap()),
                media_type: "text/html".into(),
                languages: Box::default(),
                coding: None,
                quality: 1000,
            }
        };
        let variants = paths.iter().map(variant).collect();
        Resource::Variants(VariantList { policy: VariantPolicy::proactive(), variants })
    }

    fn site() -> Site {
        let folder = || Resource::Folder(Folder::read_only(0));
        let everything = Pattern::parse("/r/{name}").unwrap();
        let rewritten = Folder {
            rewrite: Some(Template::parse("/x/{name}/.y", &everything).unwrap()),
            ..Folder::read_only(1)
        };
        let mut secure = route("/secure/*", folder());
        secure.gate.https = Https::Required;
        let mut posts = route("/posts/*", folder());
        posts.methods = Some(MethodSet::of(&[Method::Post]));
        let gone = Resource::Elsewhere(Elsewhere::Gone { since: None });
        let routes = vec![
            route("/a", list(&["/files/a", "/b"])),
            route("/b", list(&["/c", "/nowhere", "/files/b"])),
            route("/c", list(&["/a", "/b"])),
            route("/d", list(&["/d", "/c"])),
            route("/e", list(&["/d", "/a"])),
            route("/files/*", folder()),
            route("/r/{name}", Resource::Folder(rewritten)),
            route("/gone/*", gone),
            secure,
            posts,
        ];
        Site::new("s", Hosts::loopback::<&str>(&[]), routes)
    }

    /// Where the list at `from` is led by `to`, in a word or two.
    fn followed(site: &Site, from: &str, to: &str) -> String {
        let mut scratch = Vec::new();
        let path = path::decode(to.as_bytes(), &mut scratch).unwrap();
        match follow(site, &site.route(from.as_bytes()).unwrap(), path) {
            Destination::Folder(folder, inner) => format!("{} {inner:?}", folder.origin),
            Destination::Variants(leads) => format!("{leads:?}"),
            Destination::Nowhere(_) => String::new(),
        }
    }

    #[test]
    fn where_a_list_leads() {
        let site = site();
        for (from, to, expected) in [
            ("/a", "/files/x", "0 \"/x\""),
            ("/a", "/b", "Itself"),
            ("/c", "/b", "Itself"),
            ("/d", "/d", "Itself"),
            ("/d", "/c", "AnotherList"),
            ("/e", "/d", "AnotherList"),
            ("/e", "/a", "AnotherList"),
            ("/e", "/e", "Itself"),
            ("/a", "/nowhere", ""),
            ("/a", "/files/.git/x", ""),
            ("/a", "/r/x", ""),
            ("/a", "/gone/x", ""),
            ("/a", "/secure/x", ""),
            ("/a", "/posts/x", ""),
        ] {
            assert_eq!(followed(&site, from, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn what_stands_alone() {
        let site = site();
        let is_alone = |text: &str, inner: &str| {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            let path = path::decode(text.as_bytes(), &mut one).unwrap();
            let inner = path::decode(inner.as_bytes(), &mut other).unwrap();
            let matched = site.route(path.bytes()).unwrap();
            let folder = matched.route.folder().unwrap();
            alone(&site, &Place { matched, folder, path, inner }, b"x.en.html")
        };
        assert_eq!(is_alone("/files/x", "/x"), Alone::Yes);
        assert_eq!(is_alone("/files/y/", "/y/"), Alone::Yes);
        assert_eq!(is_alone("/r/x", "/x/x/.y"), Alone::No);
        let one = route("/one", Resource::Folder(Folder::read_only(0)));
        let site = Site::new("s", Hosts::loopback::<&str>(&[]), vec![one]);
        let matched = site.route(b"/one").unwrap();
        let mut scratch = Vec::new();
        let path = path::decode(b"/one", &mut scratch).unwrap();
        let folder = matched.route.folder().unwrap();
        let place = Place { matched, folder, path, inner: path };
        assert_eq!(alone(&site, &place, b"one.en.html"), Alone::No);
    }

    #[test]
    fn what_is_behind_the_same_guard_is_sent() {
        let mut from = route("/a", list(&["/secure/x"]));
        from.gate.https = Https::Required;
        let mut secure = route("/secure/*", Resource::Folder(Folder::read_only(0)));
        secure.gate.https = Https::Required;
        let site = Site::new("s", Hosts::loopback::<&str>(&[]), vec![from, secure]);
        assert_eq!(followed(&site, "/a", "/secure/x"), "0 \"/x\"");
    }
}
