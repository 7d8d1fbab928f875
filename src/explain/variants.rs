//! What has variants: which would be chosen, and what each is worth to the client.

use wherefore_decide::facts::{Found, Parent, Representations};
use wherefore_decide::negotiate::LeadsTo;
use wherefore_decide::plan::{self, Listed, Place, Plan, Question};
use wherefore_decide::policy::variants::named;
use wherefore_decide::policy::{Folder, Site, VariantPolicy};
use wherefore_decide::variants::follow::{Alone, Destination, alone, follow};
use wherefore_decide::variants::names::{asked_name, variants_of};
use wherefore_decide::variants::{Variant, settle, weighed};
use wherefore_decide::{Trail, Verdict};
use wherefore_message::Method;
use wherefore_message::alternative::Reference;
use wherefore_message::path::Path;
use wherefore_origin::Origin;
use wherefore_server::configuration::Configuration;
use wherefore_store::{LookFor, StoreError, Wait};

/// What the rules say, and what is to be told of the variants beside it.
pub(super) type Explained = (Result<Plan, Verdict>, String);

/// A variant that is there.
struct Offer<'a> {
    variant: Variant<'a>,
    leads: LeadsTo,
    alone: Alone,
    /// The file that it is.
    all: Option<Representations>,
}

impl<'a> Offer<'a> {
    const fn leading(variant: Variant<'a>, leads: LeadsTo) -> Self {
        Self { variant, leads, alone: Alone::Yes, all: None }
    }

    fn file(mut variant: Variant<'a>, all: &Representations) -> Self {
        variant.length = all.original.length();
        Self { all: Some(*all), ..Self::leading(variant, LeadsTo::End) }
    }
}

/// Of what a path of a folder leads to; none if that has no variants.
pub(super) fn by_name(
    question: &Question<'_>,
    place: &Place<'_>,
    found: &Found,
    (origin, site): (&Origin, &Site),
    trail: &mut Trail,
) -> Result<Option<Explained>, StoreError> {
    let Some(policy) = &place.folder.variants else { return Ok(None) };
    if !plan::asks_for_variants(question.request, place.folder, place.inner, found) {
        return Ok(None);
    }
    let names = names(origin, place.inner)?;
    let mut offers = named_offers(origin, place.inner, policy, &names)?;
    if offers.is_empty() {
        return Ok(None);
    }
    for offer in &mut offers {
        if let Reference::Member(name) = offer.variant.reference {
            offer.alone = alone(site, place, name);
        }
    }
    Ok(Some(judged(question, place, policy, &offers, trail)))
}

/// Of what a list names.
pub(super) fn from_list(
    question: &Question<'_>,
    listed: &Listed<'_>,
    configuration: &Configuration,
    site: &Site,
    trail: &mut Trail,
) -> Result<Explained, StoreError> {
    let is_read = matches!(question.request.method, Method::Get | Method::Head);
    let mut offers: Vec<Offer<'_>> = Vec::new();
    for (place, named) in (0..).zip(listed.list.variants.iter().filter(|_| is_read)) {
        let variant = named.variant(place);
        let path = named.path.as_path();
        match follow(site, &listed.matched, path) {
            Destination::Nowhere(_) => {}
            Destination::Variants(leads) => offers.push(Offer::leading(variant, leads)),
            Destination::Folder(folder, inner) => {
                let inner = inner.as_path();
                let origin = configuration.origins.get(usize::from(folder.origin));
                let Some(origin) = origin else { continue };
                let found = origin.find(inner, LookFor::Content, Wait::Yes)?;
                match &found {
                    Found::File(all) if !path.is_folder() => {
                        offers.push(Offer::file(variant, all));
                    }
                    Found::Folder { index: Some(all), .. } if path.is_folder() => {
                        offers.push(Offer::file(variant, all));
                    }
                    _ if negotiates(question, origin, folder, inner, &found)? => {
                        offers.push(Offer::leading(variant, LeadsTo::AnotherList));
                    }
                    _ => {}
                }
            }
        }
    }
    let place = listed.place();
    if is_read && offers.is_empty() {
        let planned = plan::after_lookup(question, &place, &NOTHING, trail);
        return Ok((planned, "none of its variants is there\n".to_owned()));
    }
    Ok(judged(question, &place, &listed.list.policy, &offers, trail))
}

const NOTHING: Found = Found::Missing { parent: Parent::Folder, gone_since: None };

fn judged(
    question: &Question<'_>,
    place: &Place<'_>,
    policy: &VariantPolicy,
    offers: &[Offer<'_>],
    trail: &mut Trail,
) -> Explained {
    let variants: Vec<_> = offers.iter().map(|offer| offer.variant).collect();
    let how = policy.negotiation(offers.iter().map(|offer| offer.alone));
    let fields = question.request.fields;
    let leads = |i: usize| offers.get(i).map_or(LeadsTo::End, |offer| offer.leads);
    let settled = settle(&variants, leads, &how, fields);
    let chosen = settled.chosen.and_then(|i| offers.get(i));
    let found = chosen.and_then(|offer| offer.all).map_or(NOTHING, Found::File);
    let negotiated = Some(settled.negotiated);
    let planned = plan::after_negotiation(question, place, &found, negotiated, trail);
    let told = match variants.as_slice() {
        [] => String::new(),
        some => {
            format!("variants, and what the client makes of them:\n{}", weighed(some, &how, fields))
        }
    };
    (planned, told)
}

fn named_offers<'n>(
    origin: &Origin,
    inner: Path<'_>,
    policy: &VariantPolicy,
    names: &'n [Vec<u8>],
) -> Result<Vec<Offer<'n>>, StoreError> {
    let languages = policy.named_languages();
    let mut offers = Vec::new();
    for variant in variants_of(names, asked_name(inner), named(languages.as_deref())) {
        let Reference::Member(name) = variant.reference else { continue };
        let Some(path) = inner.beside(name) else { continue };
        if let Found::File(all) = origin.find(path.as_path(), LookFor::Content, Wait::Yes)? {
            offers.push(Offer::file(variant, &all));
        }
    }
    Ok(offers)
}

fn negotiates(
    question: &Question<'_>,
    origin: &Origin,
    folder: &Folder,
    inner: Path<'_>,
    found: &Found,
) -> Result<bool, StoreError> {
    let Some(policy) = &folder.variants else { return Ok(false) };
    if !plan::asks_for_variants(question.request, folder, inner, found) {
        return Ok(false);
    }
    Ok(!named_offers(origin, inner, policy, &names(origin, inner)?)?.is_empty())
}

/// The names in the folder that a path names or stands in; none if there is no such folder.
fn names(origin: &Origin, path: Path<'_>) -> Result<Vec<Vec<u8>>, StoreError> {
    match origin.names(if path.is_folder() { path } else { path.parent() }) {
        Err(error @ (StoreError::Io(_) | StoreError::NoDescriptors)) => Err(error),
        Err(_) => Ok(Vec::new()),
        Ok(names) => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use wherefore_decide::Scheme;
    use wherefore_decide::policy::{
        ContentPolicy, Folder, Hosts, ListedVariant, Pattern, Resource, Route, Site, VariantList,
        VariantPolicy,
    };
    use wherefore_decide::story::Detail;
    use wherefore_message::path::{PathBuf, decode};
    use wherefore_message::request::RequestBuf;
    use wherefore_message::{Announced, FieldLines, Version};
    use wherefore_origin::Origin;
    use wherefore_server::configuration::Configuration;
    use wherefore_store::{CreateFolders, MemoryStore, Store};

    use crate::explain::Explaining;
    use crate::explain::asking::Who;

    fn configuration() -> Configuration {
        let store = MemoryStore::new();
        for name in ["/page.de.html", "/page.en.html", "/data.json"] {
            let staged = store.stage(b"/", None).unwrap();
            store.replace(name.as_bytes(), staged, CreateFolders::No, &mut |_| true).unwrap();
        }
        let variants = Some(VariantPolicy::proactive());
        let folder = Resource::Folder(Folder { variants, ..Folder::read_only(0) });
        let listed = |path: &str| {
            let mut scratch = Vec::new();
            ListedVariant {
                path: PathBuf::from(decode(path.as_bytes(), &mut scratch).unwrap()),
                media_type: "text/html".into(),
                languages: Box::default(),
                coding: None,
                quality: 1000,
            }
        };
        let list = VariantList {
            policy: VariantPolicy::proactive(),
            variants: vec![listed("/list"), listed("/gone.html")],
        };
        let content = ContentPolicy::up_to(0, 0);
        let routes = vec![
            Route::new(Pattern::everything(), folder, content),
            Route::new(Pattern::parse("/list").unwrap(), Resource::Variants(list), content),
        ];
        let site = Site::new("test", Hosts::any(), routes);
        Configuration::of_folder(site, Arc::new(Origin::new(Arc::new(store), None)))
    }

    fn told(target: &str, fields: &[(&str, &str)]) -> String {
        let fields: FieldLines = [("Host", "localhost")].iter().chain(fields).copied().collect();
        let (version, announced) = (Version::HTTP_11, Announced::Nothing);
        let host = Some(&b"localhost"[..]);
        let request =
            RequestBuf::new(version, b"GET", target.as_bytes(), host, fields, announced).unwrap();
        let who = Who { address: IpAddr::from([127, 0, 0, 1]), scheme: Scheme::Http, asker: None };
        let configuration = configuration();
        let explaining = Explaining {
            configuration: &configuration,
            places: None,
            detail: Detail::Applied,
            who,
        };
        explaining.of_request(&request.view()).unwrap()
    }

    #[test]
    fn each_variant_is_told_with_what_it_is_worth() {
        let page = told("/page", &[("Accept-Language", "en, de;q=0.5")]);
        for part in [
            "  → page.en.html                 text/html; charset=utf-8, en: type 1, language 1\n",
            "  · page.de.html                 text/html; charset=utf-8, de: type 1, language 0.5\n",
            "variant-acceptable",
            "200 OK  because of representation",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        let refused = told("/page", &[("Accept", "image/png")]);
        assert!(
            refused.contains("its type is not accepted") && refused.contains("406 "),
            "{refused}"
        );
        let circle = told("/list", &[]);
        assert!(
            circle.contains("506 Variant Also Negotiates  because of variant-ends"),
            "{circle}"
        );
        let exact = told("/data.json", &[("Accept", "image/png")]);
        assert!(exact.contains("200 OK") && !exact.contains("variant"), "{exact}");
        assert!(told("/nothing", &[]).contains("404 Not Found"));
    }
}
