//! Variants: what holds for any list of them, any client and any setting.

use proptest::prelude::*;
use wherefore_decide::variants::names::{EXTENSIONS_MAX, NamedLanguages, parse_name};
use wherefore_decide::variants::{
    Languages, Mode, Negotiation, Outcome, UnmetLanguage, Variant, choose, unmet, vary,
};
use wherefore_message::accept::{language_fit, media_quality, variant_coding_qualities};
use wherefore_message::alternative::Reference;
use wherefore_message::{Coding, FieldLines, FieldName, Fields, LanguageTag};

const TYPES: [&str; 4] =
    ["text/html; charset=utf-8", "text/plain; charset=utf-8", "image/webp", "image/avif"];
const TAGS: [&str; 5] = ["en", "en-GB", "de", "de-CH", "fr"];
const CODINGS: [Option<Coding>; 3] = [None, Some(Coding::Gzip), Some(Coding::Brotli)];
const NAMES: [&[u8]; 7] = [b"a", b"b", b"c", b"d", b"e", b"f", b"g"];

/// Variants with names of their own, in the order of these; one of lower quality than another is common,
/// equals too.
fn variants() -> impl Strategy<Value = Vec<Variant<'static>>> {
    let languages = prop::collection::vec(prop::sample::select(&TAGS[..]), 0..3);
    let quality = prop_oneof![Just(0), Just(300), Just(1000), 1..=1000_u16];
    let length = prop::option::of(1..4_u64);
    let one = (
        prop::sample::select(&TYPES[..]),
        languages,
        prop::sample::select(&CODINGS[..]),
        quality,
        0..3_u16,
        length,
    );
    prop::collection::vec(one, 1..6).prop_map(|all| {
        let named = all.into_iter().zip(NAMES);
        let variant =
            named.map(|((media_type, tags, coding, source_quality, place, length), name)| {
                Variant {
                    reference: Reference::Member(name),
                    media_type,
                    languages: languages_of(&tags),
                    coding,
                    source_quality,
                    place,
                    length,
                }
            });
        variant.collect()
    })
}

fn languages_of(tags: &[&'static str]) -> Languages<'static> {
    let tag = |text: &&'static str| LanguageTag::parse(text.as_bytes()).unwrap();
    tags.iter().fold(Languages::NONE, |all, text| all.with(tag(text)).unwrap())
}

fn settings() -> impl Strategy<Value = Negotiation<'static>> {
    let unmet = prop::sample::select(vec![UnmetLanguage::Default, UnmetLanguage::Refuse]);
    let default = prop::option::of(prop::sample::select(&TAGS[..]));
    (unmet, default).prop_map(|(unmet_language, default)| Negotiation {
        mode: Mode::Proactive,
        unmet_language,
        default_language: default.and_then(|text| LanguageTag::parse(text.as_bytes())),
    })
}

/// The members of each field that is negotiated by, with no weight twice in a field.
type Sent = [Vec<String>; 3];

const FIELDS: [FieldName; 3] =
    [FieldName::Accept, FieldName::AcceptLanguage, FieldName::AcceptEncoding];

fn sent() -> impl Strategy<Value = Sent> {
    let ranges = [
        vec![
            "text/html",
            "text/*",
            "image/webp",
            "image/*",
            "*/*",
            "text/plain;charset=UTF-8",
            "x",
        ],
        vec!["en", "en-GB", "de", "de-CH", "de-CH-1996", "fr", "*", "it", "d1"],
        vec!["gzip", "br", "identity", "*", "zstd", "gzip;x=y"],
    ];
    ranges.map(|ranges| {
        let weights =
            prop::sample::subsequence(vec![0, 1, 100, 300, 500, 800, 900, 1000_u16], 0..5);
        (weights.prop_shuffle(), prop::collection::vec(prop::sample::select(ranges), 5)).prop_map(
            |(weights, ranges)| {
                let weighted = weights.into_iter().zip(ranges);
                weighted
                    .map(|(q, range)| format!("{range};q={}.{:03}", q / 1000, q % 1000))
                    .collect()
            },
        )
    })
}

/// One line a field.
fn lines(sent: &Sent) -> FieldLines {
    let mut lines = FieldLines::new();
    for (name, members) in FIELDS.into_iter().zip(sent) {
        if !members.is_empty() {
            lines.push(name.as_str().as_bytes(), members.join(", ").as_bytes());
        }
    }
    lines
}

/// One line a member, from the last to the first.
fn other_lines(sent: &Sent) -> FieldLines {
    let mut lines = FieldLines::new();
    for (name, members) in FIELDS.into_iter().zip(sent) {
        for member in members.iter().rev() {
            lines.push(name.as_str().to_ascii_lowercase().as_bytes(), member.as_bytes());
        }
    }
    lines
}

fn name_of(variants: &[Variant<'_>], outcome: Outcome) -> Option<Vec<u8>> {
    match outcome {
        Outcome::Chosen(i) => Some(variants[i].reference.encoded().into_bytes()),
        Outcome::NotAcceptable | Outcome::LeftToClient => None,
    }
}

/// The least that the client gives any of a variant's languages, were it asked for each alone.
fn is_refused(variant: &Variant<'_>, fields: Fields<'_>) -> bool {
    let mut tags = variant.languages.iter().peekable();
    tags.peek().is_some()
        && tags.all(|tag| {
            let fit = language_fit(fields.all(FieldName::AcceptLanguage), tag);
            fit.is_some_and(|fit| fit.quality == 0)
        })
}

fn is_acceptable_but_for_language(variants: &[Variant<'_>], i: usize, fields: Fields<'_>) -> bool {
    let variant = &variants[i];
    let is_coded = variants.iter().any(|other| other.source_quality > 0 && other.coding.is_some());
    let codings = variant_coding_qualities(fields.all(FieldName::AcceptEncoding));
    variant.source_quality > 0
        && media_quality(fields.all(FieldName::Accept), variant.media_type) > 0
        && (!is_coded || codings.of(variant.coding) > 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// No weight stands twice in a field, so that its order says nothing.
    #[test]
    fn neither_lines_nor_their_order_matter(variants in variants(), how in settings(), sent in sent()) {
        let (one, other) = (lines(&sent), other_lines(&sent));
        prop_assert_eq!(
            choose(&variants, &how, one.view()),
            choose(&variants, &how, other.view()),
        );
    }

    #[test]
    fn the_order_in_which_variants_are_found_does_not_matter(
        (variants, shuffled) in variants().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        how in settings(), sent in sent(),
    ) {
        let lines = lines(&sent);
        prop_assert_eq!(
            name_of(&variants, choose(&variants, &how, lines.view())),
            name_of(&shuffled, choose(&shuffled, &how, lines.view())),
        );
        prop_assert_eq!(vary(&variants, &how), vary(&shuffled, &how));
    }

    #[test]
    fn one_worse_than_another_changes_nothing(
        variants in variants(), how in settings(), sent in sent(), like: prop::sample::Index,
        source_quality in 0..=1000_u16, longer in 0..3_u64,
    ) {
        let like = variants[like.index(variants.len())];
        let worse = Variant {
            reference: Reference::Member(b"z"),
            source_quality: source_quality.min(like.source_quality),
            place: like.place + 1,
            length: like.length.map(|length| length + longer),
            ..like
        };
        let mut more = variants.clone();
        more.push(worse);
        let lines = lines(&sent);
        prop_assert_eq!(
            choose(&variants, &how, lines.view()),
            choose(&more, &how, lines.view()),
        );
    }

    #[test]
    fn one_that_is_never_sent_changes_nothing(
        variants in variants(), how in settings(), sent in sent(), dead in variants(),
    ) {
        let mut more = variants.clone();
        more.extend(dead.into_iter().map(|one| Variant { source_quality: 0, ..one }));
        let lines = lines(&sent);
        prop_assert_eq!(choose(&variants, &how, lines.view()), choose(&more, &how, lines.view()));
        prop_assert_eq!(vary(&variants, &how), vary(&more, &how));
    }

    /// A quality of 0 is never sent; that of a language only where language leaves nothing and the
    /// operator did not make it strict.
    #[test]
    fn what_is_refused_is_not_chosen(variants in variants(), how in settings(), sent in sent()) {
        let lines = lines(&sent);
        let fields = lines.view();
        let mut acceptable =
            (0..variants.len()).filter(|i| is_acceptable_but_for_language(&variants, *i, fields));
        match choose(&variants, &how, fields) {
            Outcome::Chosen(chosen) => {
                prop_assert!(is_acceptable_but_for_language(&variants, chosen, fields));
                if is_refused(&variants[chosen], fields) {
                    prop_assert_eq!(how.unmet_language, UnmetLanguage::Default);
                    prop_assert!(acceptable.all(|i| is_refused(&variants[i], fields)));
                }
            }
            Outcome::NotAcceptable => {
                let is_strict = how.unmet_language == UnmetLanguage::Refuse;
                prop_assert!(is_strict || acceptable.next().is_none());
                let field = unmet(&variants, &how, fields);
                prop_assert!(FIELDS.contains(&field));
            }
            Outcome::LeftToClient => return Err(TestCaseError::fail("the server chooses")),
        }
    }

    #[test]
    fn what_vary_does_not_name_does_not_matter(
        variants in variants(), how in settings(), sent in sent(), other in sent(), field in 0..3_usize,
    ) {
        if !vary(&variants, &how).has(FIELDS[field]) {
            let mut changed = sent.clone();
            changed[field] = other[field].clone();
            let (one, other) = (lines(&sent), lines(&changed));
            prop_assert_eq!(
                choose(&variants, &how, one.view()),
                choose(&variants, &how, other.view()),
            );
        }
    }

    #[test]
    fn names_never_make_it_panic(
        member in "[a-zA-Z0-9.~-]{0,30}|(page|gz|br|en|de|pl|html|ts|\\.){0,12}|\\PC{0,20}",
        asked in "(page|page\\.html|[a-z.]{0,8})",
    ) {
        if let Some(variant) = parse_name(member.as_bytes(), asked.as_bytes(), NamedLanguages::TwoLetter) {
            prop_assert_ne!(&member, &asked);
            prop_assert!(member.starts_with(asked.split('.').next().unwrap_or_default()));
            prop_assert!(variant.reference == Reference::Member(member.as_bytes()));
            let more = member.split('.').count() - asked.split('.').count();
            prop_assert!((1..=EXTENSIONS_MAX).contains(&more));
        }
    }

    /// Languages, type and coding are found in any order of theirs, in what is asked or beyond it.
    #[test]
    fn extensions_stand_in_any_order(
        parts in Just(vec!["html", "de", "en-GB", "gz"]).prop_shuffle(), asked in 0..16_u8,
    ) {
        let member = ["page", &parts.join(".")].join(".");
        let kept = parts.iter().enumerate().filter(|(i, _)| asked & (1 << i) != 0);
        let asked = kept.fold("page".to_owned(), |all, (_, part)| [&all, *part].join("."));
        let variant = parse_name(member.as_bytes(), asked.as_bytes(), NamedLanguages::TwoLetter);
        prop_assert_eq!(variant.is_none(), member == asked);
        if let Some(variant) = variant {
            prop_assert_eq!(variant.media_type, "text/html; charset=utf-8");
            prop_assert_eq!(variant.coding, Some(Coding::Gzip));
            let mut tags: Vec<_> = variant.languages.iter().map(LanguageTag::as_str).collect();
            tags.sort_unstable();
            prop_assert_eq!(tags, ["de", "en-GB"]);
        }
    }
}
