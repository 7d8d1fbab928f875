//! Variants: by the names of files, and by lists.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use wherefore_decide::negotiate::LeadsTo;
use wherefore_decide::policy::{
    ListedVariant, Matched, Resource, Router, Site, VariantList, VariantPolicy,
};
use wherefore_decide::variants::follow::{Destination, follow};
use wherefore_decide::variants::{Mode, UnmetLanguage};
use wherefore_message::path::{self, PathBuf as SitePathBuf};
use wherefore_message::{Coding, media};

use super::Lowering;
use super::route::{Laid, is_true};
use crate::complaint::Complaint;
use crate::keys;
use crate::source::{Placed, Span};
use crate::value::{CodingName, Negotiate, PathPattern, Segment, Tail};

/// A list of variants, and the place of its route among its site's.
pub(super) struct List {
    pub(super) route: usize,
    pub(super) variants: Vec<Placed<keys::Variant>>,
}

/// How a route's variants are negotiated; none if nothing is.
pub(super) fn variant_policy(route: &keys::Route) -> Option<VariantPolicy> {
    let mode = match route.negotiate.as_ref()?.value {
        Negotiate::Proactive => Mode::Proactive,
        Negotiate::Reactive => Mode::Reactive,
        Negotiate::Off => return None,
    };
    Some(policy(route, mode))
}

fn policy(route: &keys::Route, mode: Mode) -> VariantPolicy {
    let language = |language: &crate::value::Language| language.as_str().into();
    VariantPolicy {
        mode,
        unmet_language: if is_true(&route.strict_language) {
            UnmetLanguage::Refuse
        } else {
            UnmetLanguage::Default
        },
        default_language: route.default_language.as_ref().map(|set| language(&set.value)),
        languages: route
            .languages
            .as_ref()
            .map(|set| set.value.0.iter().map(|placed| language(&placed.value)).collect()),
    }
}

/// What the paths begin with that a pattern takes, where it takes all of them.
pub(super) fn root(pattern: &PathPattern) -> Option<String> {
    if !matches!(pattern.tail, Tail::Anything | Tail::Capture(_)) {
        return None;
    }
    let mut root = String::new();
    for segment in &pattern.segments {
        let Segment::Literal(text) = segment else { return None };
        root.push('/');
        root.push_str(text);
    }
    Some(root)
}

impl Lowering<'_, '_> {
    /// The list of a route, whose variants are put in once all routes of the site are known.
    pub(super) fn empty_list(&mut self, route: &keys::Route) -> VariantList {
        if let Some(set) = &route.variants
            && set.value.0.len() == 1
        {
            let what = "there is nothing to choose from in a list with one variant";
            let span = set.from.span().unwrap_or(route.head);
            self.complain(Complaint::error(span, what).right("two variants or more"));
        }
        if let Some(set) = &route.negotiate
            && set.value == Negotiate::Off
        {
            let what = "somebody has to choose among variants";
            let span = set.from.span().unwrap_or(route.head);
            self.complain(Complaint::error(span, what).right("\"proactive\" or \"reactive\""));
        }
        if let Some(span) = route.languages.as_ref().and_then(|set| set.from.span()) {
            let what = "each of these variants says its languages itself";
            self.complain(Complaint::error(span, what).right("`language` in each variant"));
        }
        let made = variant_policy(route).unwrap_or_else(|| policy(route, Mode::Proactive));
        VariantList { policy: made, variants: Vec::new() }
    }

    /// Puts the variants into the lists.
    pub(super) fn fill_lists(&mut self, laid: &mut Laid) {
        if laid.lists.is_empty() {
            return;
        }
        let router = Router::new(laid.routes.iter().map(|route| &route.pattern));
        for list in &laid.lists {
            let variants: Vec<_> = list
                .variants
                .iter()
                .filter_map(|variant| self.variant(variant, laid, &router))
                .collect();
            if let Some(Resource::Variants(list)) =
                laid.routes.get_mut(list.route).map(|route| &mut route.resource)
            {
                list.variants = variants;
            }
        }
    }

    fn variant(
        &mut self,
        placed: &Placed<keys::Variant>,
        laid: &Laid,
        router: &Router,
    ) -> Option<ListedVariant> {
        let variant = placed.value.resolved();
        let text = match (&variant.path, &variant.file) {
            (Some(path), _) => path.value.as_str().to_owned(),
            (None, Some(file)) => match self.path_to(file.value.as_str(), laid, router) {
                Some(path) => path,
                None => {
                    let what = "no route of this site serves the folder of this file";
                    let span = file.from.span().unwrap_or(placed.span);
                    let right = "a file of a folder that a route serves, or `path`";
                    self.complain(Complaint::error(span, what).right(right));
                    return None;
                }
            },
            (None, None) => return None,
        };
        let mut scratch = Vec::new();
        let path = path::decode_made(text.replace('%', "%25").as_bytes(), &mut scratch).ok()?;
        let coding = variant.coding.as_ref().map(|set| match set.value {
            CodingName::Gzip => Coding::Gzip,
            CodingName::Brotli => Coding::Brotli,
            CodingName::Zstd => Coding::Zstd,
        });
        let media_type = self.media_type(&variant, path.name(), coding, placed.span)?;
        let languages = variant.language.iter().flat_map(|set| &set.value.0);
        Some(ListedVariant {
            path: SitePathBuf::from(path),
            media_type,
            languages: languages.map(|language| language.value.as_str().into()).collect(),
            coding,
            quality: variant
                .quality
                .as_ref()
                .map_or(1000, |set| u16::try_from(set.value.0).unwrap_or(1000)),
        })
    }

    fn media_type(
        &mut self,
        variant: &keys::Variant,
        name: &[u8],
        coding: Option<Coding>,
        span: Span,
    ) -> Option<Arc<str>> {
        if let Some(named) = &variant.r#type {
            if named.value.as_str().contains('*') {
                let span = named.from.span().unwrap_or(span);
                let complaint = Complaint::error(span, "what is sent has one media type");
                self.complain(complaint.right("as in \"image/webp\""));
                return None;
            }
            return Some(named.value.as_str().into());
        }
        let bare = coding.and_then(|coding| name.strip_suffix(coding.suffix().as_bytes()));
        let media_type = media::by_name(bare.unwrap_or(name));
        if media_type == media::UNKNOWN {
            let what = "its media type can't be told from its name";
            self.complain(Complaint::error(span, what).right("`type` beside it"));
            return None;
        }
        Some(media_type.into())
    }

    /// The path of the site that leads to a file.
    fn path_to(&self, file: &str, laid: &Laid, router: &Router) -> Option<String> {
        let file = plain(Path::new(file));
        laid.routes.iter().zip(&laid.roots).enumerate().find_map(|(i, (route, root))| {
            let folder = route.folder().filter(|folder| folder.rewrite.is_none())?;
            let folder = self.folders.get(usize::from(folder.origin))?;
            let inner = file.strip_prefix(plain(&folder.path.value)).ok()?.to_str()?;
            let path = format!("{}/{inner}", root.as_ref()?);
            router.route(path.as_bytes()).is_some_and(|(found, _)| found == i).then_some(path)
        })
    }

    /// Variants that can't be sent, or that negotiate themselves.
    pub(super) fn complain_of_variants(&mut self, site: &Site, lists: &[List]) {
        for list in lists {
            let Some(route) = site.routes().get(list.route) else { continue };
            let Resource::Variants(named) = &route.resource else { continue };
            // Where one was complained about already, they are not side by side.
            if named.variants.len() != list.variants.len() {
                continue;
            }
            let from = Matched { route, index: list.route, rest_at: 0 };
            for (variant, placed) in named.variants.iter().zip(&list.variants) {
                let span = match (&placed.value.file, &placed.value.path) {
                    (Some(set), _) => set.from.span(),
                    (None, Some(set)) => set.from.span(),
                    (None, None) => None,
                };
                let span = span.unwrap_or(placed.span);
                let path = variant.path.as_path();
                let complaint = match follow(site, &from, path) {
                    Destination::Folder(..) => continue,
                    Destination::Nowhere(why) => {
                        let what = format!("`{path}` can't be sent in place of this: {why}");
                        Complaint::error(span, what)
                            .right("the path of a file that is served to the same clients")
                    }
                    Destination::Variants(leads) => {
                        let what = match leads {
                            LeadsTo::Itself => "this leads back to the list that it stands in",
                            LeadsTo::AnotherList | LeadsTo::End => {
                                "this leads to a resource that has variants itself"
                            }
                        };
                        Complaint::warning(span, format!("{what}: clients are told so (506)"))
                            .right("the path of a file")
                    }
                };
                self.complain(complaint);
            }
        }
    }
}

/// A path without its dots, as far as these mean nothing.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}
