//! Every choice over a small world of variants and requests, against a second and naive transcription of
//! how variants are chosen; and that `Vary` names exactly the fields that can change it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use wherefore_decide::variants::{
    Languages, MEMBERS_MAX, Mode, Negotiation, Outcome, UnmetLanguage, VARIANTS_MAX, Variant,
    choose, unmet, vary,
};
use wherefore_message::alternative::Reference;
use wherefore_message::{Coding, FieldLines, FieldName, FieldSet, Fields, LanguageTag};

/// A variant in the words of this test.
struct Kind {
    is_page: bool,
    languages: &'static [Language],
    is_gzip: bool,
    source_quality: u16,
    length: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Language {
    En,
    Gb,
    De,
}

use Language::{De, En, Gb};

const fn page(languages: &'static [Language], length: u64) -> Kind {
    Kind { is_page: true, languages, is_gzip: false, source_quality: 1000, length }
}

const KINDS: [Kind; 10] = [
    page(&[En], 5),
    page(&[De], 5),
    page(&[], 3),
    Kind { is_gzip: true, ..page(&[De], 2) },
    Kind { source_quality: 500, ..page(&[Gb], 4) },
    Kind { is_page: false, ..page(&[En], 3) },
    Kind { is_page: false, source_quality: 900, ..page(&[], 9) },
    Kind { is_gzip: true, ..page(&[En], 6) },
    page(&[De, En], 5),
    Kind { source_quality: 0, is_gzip: true, ..page(&[De], 1) },
];

/// Values of `Accept`, and the qualities of pages and of the rest.
const ACCEPTS: [(Option<&str>, [u64; 2]); 6] = [
    (None, [1000, 1000]),
    (Some("text/html"), [1000, 0]),
    (Some("application/pdf, text/html;q=0.5"), [500, 1000]),
    (Some("text/*;q=0.2, */*;q=0.1"), [200, 100]),
    (Some("image/png"), [0, 0]),
    (Some("text/html;q=0, */*"), [0, 1000]),
];

/// What a language is to a client: quality, place of what it asked for, steps from there.
type Fit = Option<(u64, usize, usize)>;

/// Values of `Accept-Language`, what each is to English, British English and German, and what no
/// language is worth.
const TONGUES: [(Option<&str>, [Fit; 3], u64); 12] = [
    (None, [None; 3], 0),
    (Some("en"), [Some((1000, 0, 0)), Some((1000, 0, 0)), None], 1000),
    (Some("de, en;q=0.5"), [Some((500, 1, 0)), Some((500, 1, 0)), Some((1000, 0, 0))], 500),
    (Some("fr"), [None; 3], 1000),
    (Some("en-gb"), [Some((1000, 0, 1)), Some((1000, 0, 0)), None], 1000),
    (Some("en;q=0"), [Some((0, 0, 0)), Some((0, 0, 0)), None], 1000),
    (Some("fr, *;q=0.3"), [Some((300, 1, 0)); 3], 300),
    (Some("de;q=0, *;q=0"), [Some((0, 1, 0)), Some((0, 1, 0)), Some((0, 0, 0))], 1000),
    (Some("en-GB;q=0.8, de;q=0.8"), [Some((800, 0, 1)), Some((800, 0, 0)), Some((800, 1, 0))], 800),
    (Some("en, en-GB;q=0.2"), [Some((1000, 0, 0)), Some((200, 1, 0)), None], 200),
    (Some("en-GB, fr;q=0.1"), [Some((1000, 0, 1)), Some((1000, 0, 0)), None], 100),
    (Some("en;q=0.3, en-GB"), [Some((300, 0, 0)), Some((1000, 1, 0)), None], 300),
];

/// Values of `Accept-Encoding`, and the qualities of no coding and of gzip.
const CODINGS: [(Option<&str>, [u64; 2]); 7] = [
    (None, [1000, 1]),
    (Some(""), [1000, 0]),
    (Some("gzip"), [1000, 1000]),
    (Some("gzip;q=0.5"), [500, 500]),
    (Some("identity"), [1000, 0]),
    (Some("identity;q=0, gzip"), [0, 1000]),
    (Some("br"), [1000, 0]),
];

/// How the operator set it.
#[derive(Clone, Copy, Debug)]
struct Setting {
    unmet: UnmetLanguage,
    is_german_default: bool,
    /// Whether the operator put the last one first; else none is before another.
    is_reversed: bool,
}

const SETTINGS: [Setting; 4] = [
    Setting { unmet: UnmetLanguage::Default, is_german_default: false, is_reversed: false },
    Setting { unmet: UnmetLanguage::Default, is_german_default: false, is_reversed: true },
    Setting { unmet: UnmetLanguage::Default, is_german_default: true, is_reversed: false },
    Setting { unmet: UnmetLanguage::Refuse, is_german_default: false, is_reversed: true },
];

#[test]
fn every_choice_and_vary() {
    let requests = requests();
    let mut cases = 0;
    for list in lists() {
        for setting in SETTINGS {
            let variants = variants(&list, setting);
            let how = negotiation(setting);
            let found: Vec<Option<usize>> = requests
                .iter()
                .map(|([a, l, c], lines)| {
                    let expected = steps(&list, setting, [*a, *l, *c]);
                    let outcome = choose(&variants, &how, lines.view());
                    let found = match outcome {
                        Outcome::Chosen(i) => Some(i),
                        Outcome::NotAcceptable => None,
                        Outcome::LeftToClient => panic!("left to the client"),
                    };
                    let of = (ACCEPTS[*a].0, TONGUES[*l].0, CODINGS[*c].0);
                    assert_eq!(found, expected, "{list:?} {setting:?} {of:?}");
                    found
                })
                .collect();
            cases += found.len();
            let said = vary(&variants, &how);
            let is_nested = list.contains(&8);
            for (i, name) in FIELDS.into_iter().enumerate() {
                let changes = changes(&found, i);
                assert!(said.has(name) || !changes, "{list:?} {setting:?} {name}");
                // Languages of which one variant has more than the other may never come apart.
                if !is_nested {
                    assert_eq!(said.has(name), changes, "{list:?} {setting:?} {name}");
                }
            }
            assert!(said.without(FieldSet::of(&FIELDS)).is_empty());
        }
    }
    assert_eq!(cases, (10 + 100 + 64) * 4 * 6 * 12 * 7);
}

const FIELDS: [FieldName; 3] =
    [FieldName::Accept, FieldName::AcceptLanguage, FieldName::AcceptEncoding];

/// Every request as the places of its values in the tables, in their order.
fn requests() -> Vec<([usize; 3], FieldLines)> {
    let mut all = Vec::new();
    for (a, (accept, _)) in ACCEPTS.iter().enumerate() {
        for (l, (tongues, ..)) in TONGUES.iter().enumerate() {
            for (c, (codings, _)) in CODINGS.iter().enumerate() {
                let lines = FIELDS.into_iter().zip([*accept, *tongues, *codings]);
                let lines = lines.filter_map(|(name, value)| Some((name.as_str(), value?)));
                all.push(([a, l, c], lines.collect()));
            }
        }
    }
    all
}

/// Whether two requests that differ in this field alone have different outcomes.
fn changes(found: &[Option<usize>], field: usize) -> bool {
    let sizes = [ACCEPTS.len(), TONGUES.len(), CODINGS.len()];
    let stride: usize = sizes[field + 1..].iter().product();
    (0..found.len()).any(|i| {
        let place = i / stride % sizes[field];
        found[i] != found[i - place * stride]
    })
}

/// One, two, and of some kinds three variants.
fn lists() -> Vec<Vec<usize>> {
    let all = 0..KINDS.len();
    let mut lists: Vec<_> = all.clone().map(|a| vec![a]).collect();
    lists.extend(all.clone().flat_map(|a| all.clone().map(move |b| vec![a, b])));
    let few = 0..4_usize;
    lists.extend(few.clone().flat_map(|a| {
        let few = few.clone();
        few.clone().flat_map(move |b| few.clone().map(move |c| vec![a, b, c]))
    }));
    lists
}

fn variants(list: &[usize], setting: Setting) -> Vec<Variant<'static>> {
    const NAMES: [&[u8]; 3] = [b"a", b"b", b"c"];
    let variant = |(i, kind): (usize, &usize)| {
        let Kind { is_page, languages, is_gzip, source_quality, length } = KINDS[*kind];
        let tag = |language: &Language| match language {
            En => LanguageTag::parse(b"en").unwrap(),
            Gb => LanguageTag::parse(b"en-GB").unwrap(),
            De => LanguageTag::parse(b"de").unwrap(),
        };
        Variant {
            reference: Reference::Member(NAMES[i]),
            media_type: if is_page { "text/html; charset=utf-8" } else { "application/pdf" },
            languages: languages.iter().fold(Languages::NONE, |all, l| all.with(tag(l)).unwrap()),
            coding: is_gzip.then_some(Coding::Gzip),
            source_quality,
            place: if setting.is_reversed { 9 - i as u16 } else { 0 },
            length: Some(length),
        }
    };
    list.iter().enumerate().map(variant).collect()
}

fn negotiation(setting: Setting) -> Negotiation<'static> {
    Negotiation {
        mode: Mode::Proactive,
        unmet_language: setting.unmet,
        default_language: setting.is_german_default.then(|| LanguageTag::parse(b"de").unwrap()),
    }
}

/// One question after the other; each leaves those that answer it best.
fn steps(list: &[usize], setting: Setting, [a, l, c]: [usize; 3]) -> Option<usize> {
    let kind = |i: usize| &KINDS[list[i]];
    let mut left: Vec<usize> = (0..list.len()).filter(|i| kind(*i).source_quality > 0).collect();
    let is_coded = left.iter().any(|i| kind(*i).is_gzip);
    let is_spoken = TONGUES[l].0.is_some() && left.iter().any(|i| !kind(*i).languages.is_empty());
    let mut spoken: Vec<usize> = left.clone();
    spoken.retain(|i| !kind(*i).languages.is_empty());
    let first = if setting.is_reversed { spoken.last() } else { spoken.first() };
    let default = match first {
        _ if setting.is_german_default => Some(De),
        Some(first) => Some(kind(*first).languages[0]),
        None => None,
    };
    let points = |i: usize| {
        let media = ACCEPTS[a].1[usize::from(!kind(i).is_page)];
        let coding = if is_coded { CODINGS[c].1[usize::from(kind(i).is_gzip)] } else { 1000 };
        u64::from(kind(i).source_quality) * media * coding
    };
    left.retain(|i| points(*i) > 0);
    if is_spoken {
        let fit = |i: usize| {
            let fits = kind(i).languages.iter().map(|language| TONGUES[l].1[*language as usize]);
            // The better quality, of equal ones the earlier place, of equal ones the fewer steps.
            let best = |x: Fit, y: Fit| match (x, y) {
                (Some(x), Some(y)) if y.0 > x.0 || (y.0 == x.0 && (y.1, y.2) < (x.1, x.2)) => {
                    Some(y)
                }
                (Some(x), _) => Some(x),
                (None, y) => y,
            };
            match fits.reduce(best) {
                None => Some((TONGUES[l].2, usize::MAX, usize::MAX)),
                Some(fit) => fit,
            }
        };
        let quality = |i: usize| fit(i).map_or(0, |fit| fit.0);
        if left.iter().any(|i| quality(*i) > 0) {
            left.retain(|i| quality(*i) > 0);
            keep_most(&mut left, |i| points(i) * quality(i));
            keep_most(&mut left, quality);
            keep_most(&mut left, |i| u64::MAX - fit(i).map_or(0, |fit| fit.1 as u64));
            keep_most(&mut left, |i| u64::MAX - fit(i).map_or(0, |fit| fit.2 as u64));
        } else if setting.unmet == UnmetLanguage::Refuse {
            return None;
        } else {
            let is_unnamed =
                |i: usize| kind(i).languages.iter().any(|x| TONGUES[l].1[*x as usize].is_none());
            keep_most(&mut left, |i| u64::from(is_unnamed(i)));
            let is = |language: Language| match default {
                Some(En) => language == En || language == Gb,
                other => other == Some(language),
            };
            keep_most(&mut left, |i| u64::from(kind(i).languages.iter().any(|x| is(*x))));
            keep_most(&mut left, points);
        }
    } else {
        keep_most(&mut left, points);
        if setting.is_german_default && TONGUES[l].0.is_none() {
            keep_most(&mut left, |i| u64::from(kind(i).languages.contains(&De)));
        }
    }
    if setting.is_reversed {
        return left.last().copied();
    }
    keep_most(&mut left, |i| u64::MAX - kind(i).length);
    left.first().copied()
}

fn keep_most(left: &mut Vec<usize>, of: impl Fn(usize) -> u64) {
    let most = left.iter().map(|i| of(*i)).max();
    left.retain(|i| Some(of(*i)) == most);
}

#[test]
fn what_is_left_to_the_client() {
    let how = Negotiation { mode: Mode::Reactive, ..negotiation(SETTINGS[0]) };
    let two = variants(&[0, 1], SETTINGS[0]);
    assert_eq!(choose(&two, &how, Fields::EMPTY), Outcome::LeftToClient);
    assert!(vary(&two, &how).is_empty());
    // One that is never sent makes no choice.
    for one in [&[0][..], &[0, 9]] {
        let one = variants(one, SETTINGS[0]);
        assert_eq!(choose(&one, &how, Fields::EMPTY), Outcome::Chosen(0));
        assert_eq!(vary(&one, &how), FieldSet::of(&[FieldName::Accept]));
    }
    assert_eq!(choose(&[], &how, Fields::EMPTY), Outcome::NotAcceptable);
    assert!(vary(&[], &how).is_empty());
}

#[test]
fn the_field_that_decided() {
    let strict = negotiation(SETTINGS[3]);
    for (list, sent, field) in [
        (&[0][..], &[("Accept", "image/png")][..], FieldName::Accept),
        (&[3], &[("Accept-Encoding", "identity")], FieldName::AcceptEncoding),
        (&[0, 1], &[("Accept-Language", "fr")], FieldName::AcceptLanguage),
        (&[3], &[("Accept-Language", "de"), ("Accept-Encoding", "")], FieldName::AcceptEncoding),
        (&[3], &[("Accept-Language", "fr"), ("Accept-Encoding", "")], FieldName::Accept),
        (&[0], &[("Accept", "image/png"), ("Accept-Encoding", "identity;q=0")], FieldName::Accept),
    ] {
        let lines: FieldLines = sent.iter().copied().collect();
        let variants = variants(list, SETTINGS[3]);
        assert_eq!(choose(&variants, &strict, lines.view()), Outcome::NotAcceptable, "{sent:?}");
        assert_eq!(unmet(&variants, &strict, lines.view()), field, "{sent:?}");
    }
}

/// Charsets are not negotiated (RFC 9110 §12.5.2).
#[test]
fn other_fields_count_for_nothing() {
    let how = negotiation(SETTINGS[0]);
    let lines: FieldLines =
        [("Accept-Charset", "iso-8859-1, *;q=0"), ("Negotiate", "trans")].into_iter().collect();
    let variants = variants(&[1, 0], SETTINGS[0]);
    assert_eq!(choose(&variants, &how, lines.view()), Outcome::Chosen(0));
}

#[test]
fn what_is_compared_is_bounded() {
    let how = negotiation(SETTINGS[0]);
    let one = variants(&[0], SETTINGS[0])[0];
    let many = vec![Variant { source_quality: 1, ..one }; VARIANTS_MAX];
    let behind: Vec<_> = many.iter().copied().chain([one]).collect();
    assert_eq!(choose(&behind, &how, Fields::EMPTY), Outcome::Chosen(0));
    assert_eq!(choose(&behind[1..], &how, Fields::EMPTY), Outcome::Chosen(VARIANTS_MAX - 1));
    for (members, outcome) in
        [(MEMBERS_MAX, Outcome::NotAcceptable), (MEMBERS_MAX + 1, Outcome::Chosen(0))]
    {
        let lines: FieldLines = (0..members).map(|_| ("Accept", "image/png")).collect();
        assert_eq!(choose(&[one], &how, lines.view()), outcome, "{members}");
    }
}
