//! Languages: what holds for any tag, range and list of ranges.

use std::cmp::Reverse;

use proptest::prelude::*;
use wherefore_message::accept::{
    LanguageFit, QUALITY_MAX, asks_for_languages, language_fit, least_language_quality,
};
use wherefore_message::language::{LANGUAGE_BYTES_MAX, LanguageRange, LanguageTag};

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "[a-eixA-E0-2*-]{0,24}".prop_map(String::into_bytes),
    ]
}

/// Subtags as the grammar of RFC 5646 §2.1 has them, one strategy a part.
fn tag() -> impl Strategy<Value = String> {
    let language = prop_oneof!["[a-z]{2,3}", "[a-z]{2,3}(-[a-z]{3}){1,3}", "[a-z]{4,8}"];
    let script = "(-[A-Z][a-z]{3})?";
    let region = "(-[A-Z]{2}|-[0-9]{3})?";
    let variant = "(-[a-z0-9]{5,8}|-[0-9][a-z0-9]{3}){0,2}";
    let extension = "(-[a-wyz0-9](-[a-z0-9]{2,8}){1,2}){0,1}";
    let private = "(-x(-[a-z0-9]{1,8}){1,2})?";
    (language, script, region, variant, extension, private)
        .prop_map(|(l, s, r, v, e, p)| [l, s, r, v, e, p].concat())
        .prop_filter("too long", |text| text.len() <= LANGUAGE_BYTES_MAX)
}

const TAGS: [&str; 6] = ["de", "de-CH", "de-CH-1996", "en", "en-GB", "fr"];

/// A range and, by hand, what of `TAGS` it keeps, and what it comes to when it is looked up, with the
/// steps.
struct Known {
    range: &'static str,
    keeps: &'static [usize],
    comes_to: &'static [(usize, usize)],
}

const RANGES: [Known; 7] = [
    Known { range: "*", keeps: &[0, 1, 2, 3, 4, 5], comes_to: &[] },
    Known { range: "de", keeps: &[0, 1, 2], comes_to: &[(0, 0)] },
    Known { range: "de-ch", keeps: &[1, 2], comes_to: &[(1, 0), (0, 1)] },
    Known { range: "de-CH-1996", keeps: &[2], comes_to: &[(2, 0), (1, 1), (0, 2)] },
    Known { range: "EN", keeps: &[3, 4], comes_to: &[(3, 0)] },
    Known { range: "en-GB-x-a", keeps: &[], comes_to: &[(4, 1), (3, 2)] },
    Known { range: "*-CH", keeps: &[], comes_to: &[] },
];

fn members() -> impl Strategy<Value = Vec<(usize, u16)>> {
    let weight = prop_oneof![Just(0), Just(500), Just(QUALITY_MAX), 0..=QUALITY_MAX];
    prop::collection::vec((0..RANGES.len(), weight), 0..6)
}

fn text(members: &[(usize, u16)]) -> String {
    let member = |(range, weight): &(usize, u16)| {
        format!("{};q={}.{:03}", RANGES[*range].range, weight / 1000, weight % 1000)
    };
    members.iter().map(member).collect::<Vec<_>>().join(", ")
}

/// The fit by the sentences of the documentation, one after the other.
fn model(members: &[(usize, u16)], tag: usize) -> Option<LanguageFit> {
    let read: Vec<_> = members.iter().filter(|(range, _)| RANGES[*range].range != "*-CH").collect();
    let fits = |of: &dyn Fn(usize, u16) -> Option<usize>| {
        let found = read.iter().enumerate().filter_map(|(place, (range, quality))| {
            let steps = of(*range, *quality)?;
            Some(LanguageFit { quality: *quality, place: Reverse(place), steps: Reverse(steps) })
        });
        found.max_by_key(|fit| (fit.quality, fit.place))
    };
    // The ranges stand in the order of their length within each language.
    for range in (1..RANGES.len()).rev() {
        let kept =
            fits(&|other, _| (other == range && RANGES[range].keeps.contains(&tag)).then_some(0));
        if kept.is_some() {
            return kept;
        }
    }
    let steps =
        |range: usize| RANGES[range].comes_to.iter().find(|(to, _)| *to == tag).map(|(_, n)| *n);
    fits(&|range, quality| steps(range).filter(|_| quality > 0))
        .or_else(|| fits(&|range, _| (range == 0).then_some(0)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_the_grammar_makes_is_a_tag(text in tag()) {
        let tag = LanguageTag::parse(text.as_bytes());
        prop_assert!(tag.is_some(), "{}", text);
        let upper = text.to_ascii_uppercase();
        prop_assert_eq!(tag, LanguageTag::parse(upper.as_bytes()));
    }

    #[test]
    fn no_octets_make_it_panic(tag in octets(), range in octets()) {
        let (tag, range) = (LanguageTag::parse(&tag), LanguageRange::parse(&range));
        if let Some(tag) = tag {
            prop_assert!(tag.as_str().len() <= LANGUAGE_BYTES_MAX);
            let same = LanguageRange::parse(tag.as_str().as_bytes());
            prop_assert!(same.is_some_and(|range| range.keeps(tag)), "every tag is a range");
            if let Some(range) = range && range.steps_to(tag) == Some(0) {
                prop_assert!(range.keeps(tag), "what is found at once is kept too");
            }
        }
    }

    /// Whatever a lookup comes to, keeps what was looked up.
    #[test]
    fn looking_up_is_filtering_the_other_way(asked in tag(), cut in 0..6_usize) {
        let subtags: Vec<_> = asked.split('-').collect();
        let short = subtags[..subtags.len().saturating_sub(cut).max(1)].join("-");
        let range = LanguageRange::parse(asked.as_bytes()).unwrap();
        // A single letter goes with what follows it, so that no lookup ends at one.
        let is_whole = short.rsplit('-').next().is_some_and(|s| s.len() > 1);
        if let Some(tag) = LanguageTag::parse(short.as_bytes()).filter(|_| is_whole) {
            prop_assert!(range.steps_to(tag).is_some_and(|steps| steps <= cut), "{} {}", asked, short);
            let back = LanguageRange::parse(short.as_bytes()).unwrap();
            prop_assert!(back.keeps(LanguageTag::parse(asked.as_bytes()).unwrap()));
        }
    }

    #[test]
    fn a_fit_equals_the_model(members in members()) {
        let text = text(&members);
        for (i, tag) in TAGS.iter().enumerate() {
            let tag = LanguageTag::parse(tag.as_bytes()).unwrap();
            let fit = language_fit([text.as_bytes()].into_iter(), tag);
            prop_assert_eq!(fit, model(&members, i), "{} for {}", tag, text);
        }
    }

    #[test]
    fn order_changes_no_quality((members, shuffled) in members().prop_flat_map(|members| {
        (Just(members.clone()), Just(members).prop_shuffle())
    })) {
        let (a, b) = (text(&members), text(&shuffled));
        for tag in TAGS {
            let tag = LanguageTag::parse(tag.as_bytes()).unwrap();
            let [a, b] = [&a, &b].map(|text| {
                language_fit([text.as_bytes()].into_iter(), tag).map(|fit| fit.quality)
            });
            prop_assert_eq!(a, b);
        }
        let [a, b] = [&a, &b].map(|text| least_language_quality([text.as_bytes()].into_iter()));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn what_is_asked_of_any_octets_stays_in_bounds(lines in prop::collection::vec(octets(), 0..3)) {
        let lines = || lines.iter().map(Vec::as_slice);
        let least = least_language_quality(lines());
        prop_assert!((1..=QUALITY_MAX).contains(&least));
        for tag in TAGS {
            let tag = LanguageTag::parse(tag.as_bytes()).unwrap();
            if let Some(fit) = language_fit(lines(), tag) {
                prop_assert!(fit.quality <= QUALITY_MAX && asks_for_languages(lines()));
            }
        }
    }
}
