//! Which of several variants of a resource a client is sent (RFC 9110 §12.1).
//!
//! The factors are those of the remote variant selection algorithm (RFC 2296 §3.3), and one more for the
//! content coding: a variant's overall quality is the product of its source quality and of what the
//! client makes of its media type, its languages and its coding. What is left out: features and charsets,
//! which clients no longer send (RFC 9110 §12.5.2); rounding; and telling definite from speculative
//! qualities, by which `*/*` in a request would lead to a list instead of a variant.
//!
//! [`names`] reads the names of files as variants, [`follow`] finds what a list of variants leads to, and
//! [`list`] writes the list that 300 and 406 carry. [`settle`] is what rules and replies are told of it all.

use core::cmp::Reverse;

use wherefore_message::accept::{
    CodingQualities, LanguageFit, QUALITY_MAX, asks_for_languages, language_fit,
    least_language_quality, media_quality, variant_coding_qualities,
};
use wherefore_message::alternative::Reference;
use wherefore_message::{
    Coding, FieldName, FieldSet, Fields, LanguageRange, LanguageTag, list as members,
};

use crate::negotiate::{LeadsTo, Negotiated};

pub mod follow;
pub mod list;
pub mod names;
mod told;

pub use told::weighed;

/// The most variants of one resource; those behind are not looked at.
pub const VARIANTS_MAX: usize = 64;

/// The most languages of one variant.
pub const LANGUAGES_MAX: usize = 4;

/// The most members of a field that are compared with each variant. A field with more is disregarded as a
/// whole, which no client can rule out (RFC 9110 §12.1): so the order of its members makes no difference.
pub const MEMBERS_MAX: usize = 256;

/// One of the representations that a client may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Variant<'a> {
    /// Where it stands.
    pub reference: Reference<'a>,
    /// Its media type.
    pub media_type: &'a str,
    /// The languages that it is for; none if it is not bound to any.
    pub languages: Languages<'a>,
    /// Its content coding.
    pub coding: Option<Coding>,
    /// How good it is beside the others, in thousandths of [`QUALITY_MAX`]; with 0 it is never sent.
    pub source_quality: u16,
    /// Its place in the order of whoever made the list; equal where nobody put them in order.
    pub place: u16,
    /// Its length in octets, where known.
    pub length: Option<u64>,
}

/// The languages of a variant, in order and without repeats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Languages<'a> {
    tags: [Option<LanguageTag<'a>>; LANGUAGES_MAX],
}

impl<'a> Languages<'a> {
    /// No language.
    pub const NONE: Self = Self { tags: [None; LANGUAGES_MAX] };

    /// Adds a language at the end, unless it is there already; none if there is no room for it.
    #[must_use]
    pub fn with(mut self, tag: LanguageTag<'a>) -> Option<Self> {
        if !self.iter().any(|known| known == tag) {
            *self.tags.iter_mut().find(|slot| slot.is_none())? = Some(tag);
        }
        Some(self)
    }

    /// The languages in order.
    pub fn iter(&self) -> impl Iterator<Item = LanguageTag<'a>> + use<'a> {
        self.tags.into_iter().flatten()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tags[0].is_none()
    }

    /// Whether both have the same languages, in whatever order.
    fn is_same(&self, other: &Self) -> bool {
        self.iter().count() == other.iter().count()
            && self.iter().all(|tag| other.iter().any(|known| known == tag))
    }
}

/// How a resource's variants are negotiated.
#[derive(Clone, Copy, Debug)]
pub struct Negotiation<'a> {
    /// Who chooses.
    pub mode: Mode,
    /// What a client gets whose languages are not there.
    pub unmet_language: UnmetLanguage,
    /// The language that it gets then, that of the first variant if none is set; and of variants that are as good,
    /// whoever names no language.
    pub default_language: Option<LanguageTag<'a>>,
}

/// Who chooses among variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server, by what the request says (RFC 9110 §12.1).
    Proactive,
    /// The client, from a list (RFC 9110 §12.2).
    Reactive,
}

/// What a client gets whose languages are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnmetLanguage {
    /// The default language: a text that one can't read says more than an error.
    Default,
    /// 406.
    Refuse,
}

/// What came of negotiating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This variant, by its place in the slice.
    Chosen(usize),
    /// None of them.
    NotAcceptable,
    /// A list of them.
    LeftToClient,
}

/// What negotiating came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What the rules are asked about.
    pub negotiated: Negotiated,
    /// The variant that was chosen, by its place in the slice.
    pub chosen: Option<usize>,
    /// The fields of the request that had a part in it.
    pub vary: FieldSet,
}

/// Negotiates: `leads` says of a variant, by its place in the slice, where it leads.
#[must_use]
pub fn settle(
    variants: &[Variant<'_>],
    leads: impl Fn(usize) -> LeadsTo,
    how: &Negotiation<'_>,
    fields: Fields<'_>,
) -> Settled {
    let (negotiated, chosen) = match choose(variants, how, fields) {
        Outcome::Chosen(i) => (Negotiated::Chosen(leads(i)), Some(i)),
        Outcome::LeftToClient => {
            let worst = living(variants).map(|(i, _)| leads(i)).max();
            (Negotiated::LeftToClient(worst.unwrap_or(LeadsTo::End)), None)
        }
        Outcome::NotAcceptable => (Negotiated::NotAcceptable(unmet(variants, how, fields)), None),
    };
    Settled { negotiated, chosen, vary: vary(variants, how) }
}

/// Chooses among the variants of a resource for the client that sent these fields.
///
/// Of acceptable variants the one with the highest overall quality is chosen; of equal ones the one whose
/// language the client named first and most closely, or, where it named none, that in the default language if
/// one is set, then that which the operator put first, then the shortest, then the first by name.
///
/// - What has no language, beside variants that have one, is worth the least that the client gives any
///   language, and stands behind these.
/// - A field in which no variant says anything is not asked: a list without codings is chosen from
///   whatever `Accept-Encoding` holds.
/// - Where language alone leaves none, and [`UnmetLanguage::Default`] is set, language counts for nothing
///   but that variants in the default language come first. Those in a language that the client refuses
///   come last then.
/// - A variant with source quality 0 counts as if it were not there.
/// - A single variant is not left to the client to choose.
#[must_use]
pub fn choose(variants: &[Variant<'_>], how: &Negotiation<'_>, fields: Fields<'_>) -> Outcome {
    if is_left_to_client(variants, how) {
        return Outcome::LeftToClient;
    }
    let asked = Asked::of(variants, how, fields);
    let merits = living(variants).filter_map(|(i, variant)| Some((asked.merit(variant)?, i)));
    match merits.max_by_key(|(merit, i)| (*merit, Reverse(*i))) {
        Some((_, i)) => Outcome::Chosen(i),
        None => Outcome::NotAcceptable,
    }
}

/// The request fields by which the choice among these variants can come out differently: the `Vary` of
/// every answer that rests on it (RFC 9110 §12.5.5). `Accept-Language` is named too where variants differ in
/// their languages, but one that has those of all others would be chosen anyway.
#[must_use]
pub fn vary(variants: &[Variant<'_>], how: &Negotiation<'_>) -> FieldSet {
    let mut fields = FieldSet::EMPTY;
    if is_left_to_client(variants, how) {
        return fields;
    }
    let mut living = living(variants).map(|(_, variant)| variant);
    let Some(first) = living.next() else { return fields };
    // One that is alone can still be refused for its type.
    fields.insert(FieldName::Accept);
    if core::iter::once(first).chain(living.clone()).any(|variant| variant.coding.is_some()) {
        fields.insert(FieldName::AcceptEncoding);
    }
    let languages = &first.languages;
    let differs = living.any(|variant| !variant.languages.is_same(languages));
    let refuses = how.unmet_language == UnmetLanguage::Refuse && !languages.is_empty();
    if differs || refuses {
        fields.insert(FieldName::AcceptLanguage);
    }
    fields
}

/// The field that decided when nothing was chosen: the first of `Accept`, `Accept-Encoding` and
/// `Accept-Language` without which something would have been, and `Accept` where it is not one alone.
#[must_use]
pub fn unmet(variants: &[Variant<'_>], how: &Negotiation<'_>, fields: Fields<'_>) -> FieldName {
    let asked = Asked::of(variants, how, fields);
    let read = asked.read.without(FieldSet::of(&[FieldName::Accept]));
    let without = [
        (FieldName::Accept, Asked { read, ..asked }),
        (FieldName::AcceptEncoding, Asked { codings: None, ..asked }),
        (FieldName::AcceptLanguage, Asked { least_language: None, ..asked }),
    ];
    let decided = without
        .into_iter()
        .find(|(_, asked)| living(variants).any(|(_, variant)| asked.merit(variant).is_some()));
    decided.map_or(FieldName::Accept, |(name, _)| name)
}

fn is_left_to_client(variants: &[Variant<'_>], how: &Negotiation<'_>) -> bool {
    how.mode == Mode::Reactive && living(variants).nth(1).is_some()
}

/// The variants that may ever be sent, with their places in the slice.
fn living<'v, 'a>(
    variants: &'v [Variant<'a>],
) -> impl Iterator<Item = (usize, &'v Variant<'a>)> + Clone {
    let looked_at = variants.iter().take(VARIANTS_MAX).enumerate();
    looked_at.filter(|(_, variant)| variant.source_quality > 0)
}

/// What a request asks of the variants of one resource.
#[derive(Clone, Copy)]
struct Asked<'a> {
    fields: Fields<'a>,
    /// The fields that are regarded.
    read: FieldSet,
    /// What the client makes of codings; none where they are not asked.
    codings: Option<CodingQualities>,
    /// What it makes of what has no language; none where languages are not asked.
    least_language: Option<u16>,
    unmet_language: UnmetLanguage,
    default_language: Option<LanguageTag<'a>>,
    /// The same where languages are not asked, if it was set.
    usual_language: Option<LanguageTag<'a>>,
}

/// What a variant is worth to a client. The greatest is chosen, so that the order of the fields is that of
/// the questions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Merit<'a> {
    wish: Wish,
    is_default: bool,
    overall: u64,
    language: LanguageFit,
    is_usual: bool,
    place: Reverse<u16>,
    length: Reverse<u64>,
    name: Reverse<Reference<'a>>,
}

/// What a client says of a variant's languages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    /// It will have none of them.
    Refused,
    /// Nothing of one at least, and it wants none of the others.
    Unnamed,
    /// It wants one of them, or does not care.
    Met,
}

impl<'a> Asked<'a> {
    fn of(variants: &[Variant<'a>], how: &Negotiation<'a>, fields: Fields<'a>) -> Self {
        let mut read = FieldSet::EMPTY;
        for name in [FieldName::Accept, FieldName::AcceptEncoding, FieldName::AcceptLanguage] {
            if members::members(fields.all(name)).nth(MEMBERS_MAX).is_none() {
                read.insert(name);
            }
        }
        let mut asked = Self {
            fields,
            read,
            codings: None,
            least_language: None,
            unmet_language: how.unmet_language,
            default_language: how.default_language.or_else(|| first_language(variants)),
            usual_language: how.default_language,
        };
        if living(variants).any(|(_, variant)| variant.coding.is_some()) {
            let lines = asked.lines(FieldName::AcceptEncoding);
            asked.codings = Some(variant_coding_qualities(lines));
        }
        let lines = asked.lines(FieldName::AcceptLanguage);
        if living(variants).any(|(_, variant)| !variant.languages.is_empty())
            && asks_for_languages(lines.clone())
        {
            asked.least_language = Some(least_language_quality(lines));
            asked.usual_language = None;
        }
        asked
    }

    /// The lines of a field; none if it is disregarded.
    fn lines(&self, name: FieldName) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let is_read = self.read.has(name);
        self.fields.all(name).filter(move |_| is_read)
    }

    /// What a variant is worth; none if it is not acceptable.
    fn merit<'v>(&self, variant: &Variant<'v>) -> Option<Merit<'v>> {
        let media = media_quality(self.lines(FieldName::Accept), variant.media_type);
        let coding = self.codings.map_or(QUALITY_MAX, |codings| codings.of(variant.coding));
        let (wish, language) = self.wish(&variant.languages);
        let language_quality = match (wish, self.unmet_language) {
            (Wish::Met, _) => language.quality,
            (Wish::Unnamed | Wish::Refused, UnmetLanguage::Default) => QUALITY_MAX,
            (Wish::Unnamed | Wish::Refused, UnmetLanguage::Refuse) => 0,
        };
        let factors = [variant.source_quality, media, coding, language_quality];
        let overall = factors.into_iter().map(u64::from).product();
        let merit = Merit {
            wish,
            is_default: wish != Wish::Met && is_in(&variant.languages, self.default_language),
            overall,
            language,
            is_usual: is_in(&variant.languages, self.usual_language),
            place: Reverse(variant.place),
            length: Reverse(variant.length.unwrap_or(u64::MAX)),
            name: Reverse(variant.reference),
        };
        (overall > 0).then_some(merit)
    }

    fn wish(&self, languages: &Languages<'_>) -> (Wish, LanguageFit) {
        let Some(least) = self.least_language else {
            return (Wish::Met, LanguageFit::unasked(QUALITY_MAX));
        };
        let fits = languages.iter().map(|tag| {
            match language_fit(self.lines(FieldName::AcceptLanguage), tag) {
                None => (Wish::Unnamed, LanguageFit::unasked(0)),
                Some(fit) if fit.quality == 0 => (Wish::Refused, LanguageFit::unasked(0)),
                Some(fit) => (Wish::Met, fit),
            }
        });
        fits.max().unwrap_or((Wish::Met, LanguageFit::unasked(least)))
    }
}

/// Whether one of these languages is that one, or one of its kinds.
fn is_in(languages: &Languages<'_>, one: Option<LanguageTag<'_>>) -> bool {
    one.is_some_and(|one| languages.iter().any(|tag| LanguageRange::Of(one.as_str()).keeps(tag)))
}

/// The language of the first variant that has one.
fn first_language<'a>(variants: &[Variant<'a>]) -> Option<LanguageTag<'a>> {
    living(variants)
        .filter_map(|(i, variant)| Some((variant, i, variant.languages.iter().next()?)))
        .min_by_key(|(variant, i, _)| (variant.place, variant.reference, *i))
        .map(|(_, _, tag)| tag)
}
