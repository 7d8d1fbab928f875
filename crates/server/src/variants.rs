//! Reading what has variants: they are gathered, by the names of files or from a list, one is chosen by the
//! rules, and sent as any file is.

use std::rc::Rc;
use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::facts::{Found, Parent, Representations};
use wherefore_decide::negotiate::{LeadsTo, Negotiated};
use wherefore_decide::plan::{self, Listed, Place, Plan, Question, Reading};
use wherefore_decide::policy::variants::named;
use wherefore_decide::policy::{Folder, Site, VariantPolicy};
use wherefore_decide::reply;
use wherefore_decide::reply::variant::{SentVariant, Told};
use wherefore_decide::variants::follow::{Alone, Destination, alone, follow};
use wherefore_decide::variants::list::alternatives;
use wherefore_decide::variants::names::{asked_name, variants_of};
use wherefore_decide::variants::{Variant, settle};
use wherefore_message::alternative::Reference;
use wherefore_message::path::{Path, PathBuf};
use wherefore_message::{Coding, Method};
use wherefore_origin::cache::Entry;
use wherefore_origin::read::Content;
use wherefore_origin::{Origin, refused};
use wherefore_store::StoreError;

use crate::configuration::Configuration;
use crate::encode::Unmade;
use crate::exchange::{LOOK_TRIES_MAX, without};
use crate::reading::{Asked, Stopped, is_passing};

/// What became of a request for what may have variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// There are none.
    None,
    /// It was answered.
    Answered,
    /// What was chosen changed meanwhile: it has to be looked up anew.
    Again,
}

/// A variant that is there.
struct Offer<'a> {
    variant: Variant<'a>,
    leads: LeadsTo,
    alone: Alone,
    /// The file that it is, where it leads to one.
    at: Option<At>,
}

/// A file that was found.
struct At {
    origin: Arc<Origin>,
    path: PathBuf,
    entry: Rc<Entry>,
    /// What is sent of it.
    found: Found,
}

/// Answers with one of the files whose names make them variants of what was asked for.
pub(crate) async fn by_name(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &Place<'_>,
    origin: &Arc<Origin>,
    site: &Site,
) -> Offered {
    let Some(policy) = &place.folder.variants else { return Offered::None };
    let names = match names(asked, origin, place.inner).await {
        Ok(names) => names,
        Err(failure) => {
            asked.fail(failure);
            return Offered::Answered;
        }
    };
    match named_offers(asked, origin, place.inner, policy, &names).await {
        Ok(offers) if offers.is_empty() => Offered::None,
        Ok(mut offers) => {
            for offer in &mut offers {
                if let Reference::Member(name) = offer.variant.reference {
                    offer.alone = alone(site, place, name);
                }
            }
            answer(asked, question, place, policy, &offers).await
        }
        Err(failure) => {
            asked.fail(failure);
            Offered::Answered
        }
    }
}

/// Answers with one of the variants that a list names.
pub(crate) async fn from_list(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    listed: &Listed<'_>,
    configuration: &Configuration,
    site: &Site,
) {
    for _ in 0..LOOK_TRIES_MAX {
        let offers = match listed_offers(asked, listed, configuration, site).await {
            Ok(offers) => offers,
            Err(failure) => return asked.fail(failure),
        };
        let place = listed.place();
        let is_read = matches!(asked.request.method, Method::Get | Method::Head);
        if is_read && offers.is_empty() {
            let found = Found::Missing { parent: Parent::Folder, gone_since: None };
            let trail = &mut asked.answer.trail;
            return match plan::after_lookup(question, &place, &found, trail) {
                Err(verdict) => asked.refuse(&verdict, Some(&found)),
                Ok(_) => asked.fail(Failure::Panicked),
            };
        }
        if answer(asked, question, &place, &listed.list.policy, &offers).await != Offered::Again {
            return;
        }
    }
    // Nothing is wrong with the request, nor for long with what is there.
    asked.fail(Failure::Busy(1));
}

/// Negotiates among what is there, and answers.
async fn answer(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &Place<'_>,
    policy: &VariantPolicy,
    offers: &[Offer<'_>],
) -> Offered {
    let is_read = matches!(asked.request.method, Method::Get | Method::Head);
    let variants: Vec<_> = offers.iter().map(|offer| offer.variant).collect();
    let how = policy.negotiation(offers.iter().map(|offer| offer.alone));
    let leads = |i: usize| offers.get(i).map_or(LeadsTo::End, |offer| offer.leads);
    let settled = settle(&variants, leads, &how, asked.request.fields);
    let chosen = settled.chosen.and_then(|i| offers.get(i));
    let is_listed = matches!(
        settled.negotiated,
        Negotiated::LeftToClient(LeadsTo::End) | Negotiated::NotAcceptable(_)
    );
    let standing = offers.iter().filter(|offer| is_listed && offer.alone == Alone::Yes);
    let standing: Vec<_> = standing.map(|offer| offer.variant).collect();
    asked.variant = is_read.then(|| {
        Box::new(Told {
            vary: settled.vary,
            sent: chosen.map(|offer| SentVariant::new(&offer.variant, offer.alone)),
            alternatives: alternatives(&standing),
        })
    });
    match chosen.and_then(|offer| offer.at.as_ref()) {
        Some(at) => send(asked, question, place, settled.negotiated, at).await,
        None => {
            refuse(asked, question, place, settled.negotiated);
            Offered::Answered
        }
    }
}

/// Sends the variant that was chosen, unless something stands against it.
async fn send(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &Place<'_>,
    negotiated: Negotiated,
    at: &At,
) -> Offered {
    let At { origin, path, entry, found } = at;
    let path = path.as_path();
    let judge = |found: &Found, asked: &mut Asked<'_>| {
        let trail = &mut asked.answer.trail;
        plan::after_negotiation(question, place, found, Some(negotiated), trail)
    };
    let mut withheld = Vec::new();
    // Each time round, one coding fewer is made.
    for _ in 0..=Coding::ALL.len() {
        let narrowed = without(found, &withheld);
        let found = narrowed.as_deref().unwrap_or(found);
        let (verdict, reading) = match judge(found, asked) {
            Ok(Plan::Read(verdict, reading)) => (verdict, reading),
            Ok(Plan::Write(_) | Plan::Take(_) | Plan::Later | Plan::Forward) => {
                asked.fail(Failure::Panicked);
                return Offered::Answered;
            }
            Err(verdict) => {
                asked.refuse(&verdict, Some(found));
                return Offered::Answered;
            }
        };
        match asked.read(origin, path, (entry, found), &verdict, reading).await {
            Ok(()) => {}
            Err(Stopped::Store(error)) if is_passing(&error) => {
                asked.variant = None;
                asked.service.cache.borrow_mut().forget(asked.name(origin, path));
                return Offered::Again;
            }
            Err(Stopped::Store(error)) => {
                let found = refused(&error);
                let verdict = found.as_ref().and_then(|found| judge(found, asked).err());
                match verdict {
                    Some(verdict) => asked.refuse(&verdict, found.as_ref()),
                    None => asked.fail(asked.told(&error)),
                }
            }
            Err(Stopped::Unmade(why)) => {
                let coding = plan::selected(asked.request, found).and_then(|(_, coding)| coding);
                if let Some(coding) = coding {
                    if why == Unmade::NotWorth {
                        asked.forgo(origin, path, entry, coding);
                    }
                    withheld.push(coding);
                    continue;
                }
                asked.fail(Failure::Panicked);
            }
            Err(Stopped::Failed(failure)) => asked.fail(failure),
        }
        return Offered::Answered;
    }
    Offered::Again
}

/// Answers where no file was chosen.
fn refuse(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &Place<'_>,
    negotiated: Negotiated,
) {
    let found = Found::Missing { parent: Parent::Folder, gone_since: None };
    let trail = &mut asked.answer.trail;
    match plan::after_negotiation(question, place, &found, Some(negotiated), trail) {
        Err(verdict) => asked.refuse(&verdict, Some(&found)),
        Ok(Plan::Read(verdict, Reading::Options(methods))) => {
            asked.answer.verdict = Some(verdict);
            reply::options(&verdict, methods, &mut asked.answer.head);
        }
        Ok(Plan::Read(verdict, Reading::Echo)) => {
            let echo = reply::echo(&verdict, asked.request, &mut asked.answer.head);
            asked.answer.content = Content::Made(echo);
            asked.answer.verdict = Some(verdict);
        }
        Ok(_) => asked.fail(Failure::Panicked),
    }
}

/// The variants of what `inner` leads to, of which the files are there. Where one can be asked for alone is left
/// to be said.
async fn named_offers<'n>(
    asked: &Asked<'_>,
    origin: &Arc<Origin>,
    inner: Path<'_>,
    policy: &VariantPolicy,
    names: &'n [Vec<u8>],
) -> Result<Vec<Offer<'n>>, Failure> {
    let languages = policy.named_languages();
    let mut offers = Vec::new();
    for mut variant in variants_of(names, asked_name(inner), named(languages.as_deref())) {
        let Reference::Member(name) = variant.reference else { continue };
        let Some(path) = inner.beside(name) else { continue };
        let entry = asked.look(origin, path.as_path(), true).await?;
        let Found::File(all) = &entry.found else { continue };
        variant.length = all.original.length();
        let at = At::new(origin, path, entry, &variant);
        offers.push(Offer { variant, leads: LeadsTo::End, alone: Alone::No, at: Some(at) });
    }
    Ok(offers)
}

/// The variants of a list that are there.
async fn listed_offers<'l>(
    asked: &Asked<'_>,
    listed: &Listed<'l>,
    configuration: &Configuration,
    site: &Site,
) -> Result<Vec<Offer<'l>>, Failure> {
    let mut offers = Vec::new();
    if !matches!(asked.request.method, Method::Get | Method::Head) {
        return Ok(offers);
    }
    for (place, named) in (0..).zip(&listed.list.variants) {
        let path = named.path.as_path();
        let mut variant = named.variant(place);
        let (leads, at) = match follow(site, &listed.matched, path) {
            Destination::Nowhere(_) => continue,
            Destination::Variants(leads) => (leads, None),
            Destination::Folder(folder, inner) => {
                let Some(origin) = configuration.origin(folder.origin) else { continue };
                let entry = asked.look(origin, inner.as_path(), true).await?;
                match &entry.found {
                    Found::File(all) if !path.is_folder() => {
                        variant.length = all.original.length();
                    }
                    Found::Folder { index: Some(all), .. } if path.is_folder() => {
                        variant.length = all.original.length();
                    }
                    _ if negotiates(asked, origin, folder, inner.as_path(), &entry).await? => {
                        offers.push(Offer {
                            variant,
                            leads: LeadsTo::AnotherList,
                            alone: Alone::Yes,
                            at: None,
                        });
                        continue;
                    }
                    _ => continue,
                }
                (LeadsTo::End, Some(At::new(origin, inner, entry, &variant)))
            }
        };
        offers.push(Offer { variant, leads, alone: Alone::Yes, at });
    }
    Ok(offers)
}

/// Whether what stands under a path of a folder has variants by the names of files.
async fn negotiates(
    asked: &Asked<'_>,
    origin: &Arc<Origin>,
    folder: &Folder,
    inner: Path<'_>,
    entry: &Entry,
) -> Result<bool, Failure> {
    let Some(policy) = &folder.variants else { return Ok(false) };
    if !plan::asks_for_variants(asked.request, folder, inner, &entry.found) {
        return Ok(false);
    }
    let names = names(asked, origin, inner).await?;
    Ok(!named_offers(asked, origin, inner, policy, &names).await?.is_empty())
}

/// The names of the members of the folder that a path names or stands in: from this core's memory, or read on a
/// worker.
async fn names(
    asked: &Asked<'_>,
    origin: &Arc<Origin>,
    path: Path<'_>,
) -> Result<Rc<Vec<Vec<u8>>>, Failure> {
    let service = asked.service;
    let folder = if path.is_folder() { path } else { path.parent() };
    let (generation, now) = (origin.generation(folder), service.core.clock.now().0);
    if let Some(names) = service.names.borrow().get(origin.id(), folder, generation, now) {
        return Ok(names);
    }
    let (shared, owned) = (Arc::clone(origin), PathBuf::from(folder));
    let names = match service.work(move || shared.names(owned.as_path())).await? {
        Ok(names) => names,
        Err(error @ (StoreError::Io(_) | StoreError::NoDescriptors)) => {
            return Err(asked.told(&error));
        }
        // What has no folder that can be read has no variants, whatever else is said of it.
        Err(_) => Vec::new(),
    };
    Ok(service.names.borrow_mut().put(origin.id(), folder, names, generation, now))
}

impl At {
    /// Where a variant stands. It is sent as a file, whatever its own path. If it is in a content coding itself,
    /// others are left out: no client asks for one within the other.
    fn new(origin: &Arc<Origin>, path: PathBuf, entry: Rc<Entry>, variant: &Variant<'_>) -> Self {
        let found = match entry.found.representations() {
            Some(all) if variant.coding.is_some() => {
                Found::File(Representations { brotli: None, zstd: None, gzip: None, ..*all })
            }
            Some(all) => Found::File(*all),
            None => entry.found,
        };
        Self { origin: Arc::clone(origin), path, entry, found }
    }
}
