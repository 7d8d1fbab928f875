//! What a client would rather have (RFC 9110 §12.4, §12.5): qualities of media types, content codings
//! and languages. A quality is counted in thousandths: 1000 is the best, 0 means "not acceptable".

use core::cmp::Reverse;

use crate::coding::Coding;
use crate::language::{LanguageRange, LanguageTag};
use crate::list;
use crate::media::{MediaType, Parameter};

/// The best quality.
pub const QUALITY_MAX: u16 = 1000;

/// The quality that an `Accept` field gives `media_type` (RFC 9110 §12.5.1).
///
/// The most specific range that covers it decides: type, subtype and parameters, then type and
/// subtype, then `type/*`, then `*/*`; of equally specific ones the best quality counts. Members that
/// are malformed are passed over. Without any member left nothing was asked, and all is equally good:
/// 1000. Under `*/*` alone a type that can't be read itself gets the quality of that range.
pub fn media_quality<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone, media_type: &str) -> u16 {
    let offered = MediaType::parse(media_type.as_bytes());
    let mut is_asked = false;
    let mut best = None;
    for (range, quality) in list::members(lines).filter_map(media_range) {
        is_asked = true;
        if let Some(specificity) = specificity(&range, offered.as_ref()) {
            best = best.max(Some((specificity, quality)));
        }
    }
    match best {
        Some((_, quality)) => quality,
        None if is_asked => 0,
        None => QUALITY_MAX,
    }
}

/// Which of `offers` (media types) an `Accept` field prefers: the one of the highest quality, of
/// several the first; none if none is acceptable. Without a field it is the first.
pub fn preferred<'a, 'o>(
    lines: impl Iterator<Item = &'a [u8]> + Clone,
    offers: &[&'o str],
) -> Option<&'o str> {
    let mut best: Option<(&'o str, u16)> = None;
    for offer in offers {
        let quality = media_quality(lines.clone(), offer);
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer)
}

/// What an `Accept-Encoding` field says of the codings that are known here (RFC 9110 §12.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodingQualities {
    /// No coding at all.
    pub identity: u16,
    /// `gzip`, also under its old name `x-gzip`.
    pub gzip: u16,
    /// `br`.
    pub brotli: u16,
    /// `zstd`.
    pub zstd: u16,
}

impl CodingQualities {
    /// The quality of this coding; that of `identity` for none.
    #[must_use]
    pub const fn of(&self, coding: Option<Coding>) -> u16 {
        match coding {
            None => self.identity,
            Some(Coding::Brotli) => self.brotli,
            Some(Coding::Zstd) => self.zstd,
            Some(Coding::Gzip) => self.gzip,
        }
    }
}

/// Reads the lines of an `Accept-Encoding` field, for one representation that can be sent in any coding.
///
/// A coding that is not named has the quality of `*`, or 0 without it. `identity` that is neither
/// named nor covered by `*` stays acceptable, but only just (1), since the client named what it would
/// rather have. Without a field, or with one that names nothing, there is only `identity`: a client
/// that did not ask for a coding gets none.
pub fn coding_qualities<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> CodingQualities {
    named_codings(lines)
        .map_or(CodingQualities { identity: QUALITY_MAX, gzip: 0, brotli: 0, zstd: 0 }, |named| {
            named.or_identity(1)
        })
}

/// Reads the lines of an `Accept-Encoding` field, for variants that differ in more than their coding.
///
/// As [`coding_qualities`], but for two things. `identity` that is neither named nor covered by `*`
/// counts as the least of the acceptable codings that are named: the client would rather have those,
/// but not at the price of a worse language. And without a field any coding is acceptable (RFC 9110
/// §12.5.3), but only just (1), since it may be that the client can't decode it.
pub fn variant_coding_qualities<'a>(
    lines: impl Iterator<Item = &'a [u8]> + Clone,
) -> CodingQualities {
    if lines.clone().next().is_none() {
        return CodingQualities { identity: QUALITY_MAX, gzip: 1, brotli: 1, zstd: 1 };
    }
    named_codings(lines).map_or(
        CodingQualities { identity: QUALITY_MAX, gzip: 0, brotli: 0, zstd: 0 },
        |named| {
            let known = [named.gzip, named.brotli, named.zstd].into_iter().flatten();
            named.or_identity(known.filter(|quality| *quality > 0).min().unwrap_or(QUALITY_MAX))
        },
    )
}

/// What the members of an `Accept-Encoding` field say, each coding's best weight.
#[derive(Default)]
struct NamedCodings {
    identity: Option<u16>,
    gzip: Option<u16>,
    brotli: Option<u16>,
    zstd: Option<u16>,
    star: Option<u16>,
}

impl NamedCodings {
    /// What is not named has the quality of `*`; without it, `identity` has this one and the rest none.
    fn or_identity(&self, unnamed: u16) -> CodingQualities {
        let or_star = |named: Option<u16>| named.or(self.star);
        CodingQualities {
            identity: or_star(self.identity).unwrap_or(unnamed),
            gzip: or_star(self.gzip).unwrap_or(0),
            brotli: or_star(self.brotli).unwrap_or(0),
            zstd: or_star(self.zstd).unwrap_or(0),
        }
    }
}

/// None where the field has no member that can be read.
fn named_codings<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> Option<NamedCodings> {
    let mut is_asked = false;
    let mut named = NamedCodings::default();
    for (coding, quality) in list::members(lines).filter_map(weighted_token) {
        is_asked = true;
        let is = |name: &[u8]| coding.eq_ignore_ascii_case(name);
        let slot = match coding {
            b"*" => &mut named.star,
            _ if is(b"identity") => &mut named.identity,
            _ if is(b"gzip") || is(b"x-gzip") => &mut named.gzip,
            _ if is(b"br") => &mut named.brotli,
            _ if is(b"zstd") => &mut named.zstd,
            _ => continue,
        };
        *slot = (*slot).max(Some(quality));
    }
    is_asked.then_some(named)
}

/// How a language fits what an `Accept-Language` field asks for. The greater fits better: a higher
/// quality, then what stands nearer to the field's beginning, then what is nearer to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LanguageFit {
    /// The quality of the range that decides.
    pub quality: u16,
    /// The place of that range in the field.
    pub place: Reverse<usize>,
    /// How many times a lookup had to shorten it (RFC 4647 §3.4).
    pub steps: Reverse<usize>,
}

impl LanguageFit {
    /// The fit of what no range asks for, at this quality: behind all that was asked for.
    #[must_use]
    pub const fn unasked(quality: u16) -> Self {
        Self { quality, place: Reverse(usize::MAX), steps: Reverse(usize::MAX) }
    }
}

/// How a language fits what an `Accept-Language` field asks for (RFC 9110 §12.5.4); none if no range
/// says anything of it.
///
/// The longest range that keeps the tag by basic filtering decides (RFC 4647 §3.3.1), as the most
/// specific one does elsewhere; of equal ranges the best quality counts. Without one, a range of which a
/// lookup would come to the tag does: who asks for `de-CH` is sent `de`. Ranges with quality 0 are not
/// looked up: who refuses `de-CH` does not refuse `de`. Last comes `*`, which is for languages that no
/// other range matches. Members that are malformed are passed over.
pub fn language_fit<'a>(
    lines: impl Iterator<Item = &'a [u8]> + Clone,
    tag: LanguageTag<'_>,
) -> Option<LanguageFit> {
    let (mut kept, mut looked_up, mut star) = (None, None, None);
    let ranges = list::members(lines).filter_map(language_range);
    for (place, (range, quality)) in ranges.enumerate() {
        let fit = |steps| LanguageFit { quality, place: Reverse(place), steps: Reverse(steps) };
        match range {
            LanguageRange::Any => star = star.max(Some(fit(0))),
            LanguageRange::Of(text) if range.keeps(tag) => {
                kept = kept.max(Some((text.len(), fit(0))));
            }
            LanguageRange::Of(_) if quality > 0 => {
                looked_up = looked_up.max(range.steps_to(tag).map(fit));
            }
            LanguageRange::Of(_) => {}
        }
    }
    kept.map(|(_, fit)| fit).or(looked_up).or(star)
}

/// The least quality above 0 that an `Accept-Language` field gives anything: what stands in no language
/// at all is worth that much beside what does. 1000 where nothing is asked for, or all is refused.
pub fn least_language_quality<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> u16 {
    list::members(lines)
        .filter_map(language_range)
        .map(|(_, quality)| quality)
        .filter(|quality| *quality > 0)
        .min()
        .unwrap_or(QUALITY_MAX)
}

/// Whether an `Accept-Language` field has a member that can be read.
pub fn asks_for_languages<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
    list::members(lines).any(|member| language_range(member).is_some())
}

/// Reads a weight (RFC 9110 §12.4.2): at most three decimals, at most 1.
#[must_use]
pub fn quality(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match text {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', decimals @ ..] => (whole, decimals),
        _ => return None,
    };
    if decimals.len() > 3 || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut thousandths = u16::from(whole - b'0');
    for i in 0..3 {
        thousandths = thousandths * 10 + u16::from(decimals.get(i).map_or(0, |digit| digit - b'0'));
    }
    (thousandths <= QUALITY_MAX).then_some(thousandths)
}

/// A member of `Accept` with its weight; none if it is malformed.
fn media_range(member: &[u8]) -> Option<(MediaType<'_>, u16)> {
    let range = MediaType::parse(member)?;
    if range.main == b"*" && range.sub != b"*" {
        return None;
    }
    let mut weights = range.parameters().filter(is_weight);
    match (weights.next(), weights.next()) {
        (None, _) => Some((range, QUALITY_MAX)),
        (Some(weight), None) => Some((range, quality(weight.written)?)),
        (Some(_), Some(_)) => None,
    }
}

/// A coding or `*` with its weight; none if it is malformed.
fn weighted_token(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = list::parameters(member);
    let token = parts.next().filter(|token| crate::token::is_token(token))?;
    let Some(weight) = parts.next() else { return Some((token, QUALITY_MAX)) };
    let weight = weight.strip_prefix(b"q=").or_else(|| weight.strip_prefix(b"Q="))?;
    if parts.next().is_some() {
        return None;
    }
    Some((token, quality(weight)?))
}

/// A member of `Accept-Language` with its weight; none if it is malformed.
fn language_range(member: &[u8]) -> Option<(LanguageRange<'_>, u16)> {
    let (range, quality) = weighted_token(member)?;
    Some((LanguageRange::parse(range)?, quality))
}

/// `q` in any place is the weight (RFC 9110 §12.5.1).
fn is_weight(parameter: &Parameter<'_>) -> bool {
    parameter.name.eq_ignore_ascii_case(b"q")
}

/// How closely `range` covers the offer; none if it doesn't. First counts how much it says of the
/// type (nothing, the top level, all), then how many parameters it names.
fn specificity(range: &MediaType<'_>, offered: Option<&MediaType<'_>>) -> Option<(u8, usize)> {
    let mut parameters = 0;
    for wanted in range.parameters().filter(|parameter| !is_weight(parameter)) {
        let has_it = offered?.parameters().any(|held| is_same(&wanted, &held));
        if !has_it {
            return None;
        }
        parameters += 1;
    }
    if range.main == b"*" {
        return Some((0, parameters));
    }
    let offered = offered?;
    if !range.main.eq_ignore_ascii_case(offered.main) {
        return None;
    }
    if range.sub == b"*" {
        return Some((1, parameters));
    }
    range.sub.eq_ignore_ascii_case(offered.sub).then_some((2, parameters))
}

/// Values have case unless their definition says otherwise; of the common ones `charset` does
/// (RFC 9110 §8.3.2).
fn is_same(wanted: &Parameter<'_>, held: &Parameter<'_>) -> bool {
    if !wanted.name.eq_ignore_ascii_case(held.name) {
        return false;
    }
    if wanted.name.eq_ignore_ascii_case(b"charset") {
        let lower = |octet: u8| octet.to_ascii_lowercase();
        return wanted.octets().map(lower).eq(held.octets().map(lower));
    }
    wanted.octets().eq(held.octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str, media_type: &str) -> u16 {
        media_quality([accept.as_bytes()].into_iter(), media_type)
    }

    fn codings(field: &str) -> [u16; 4] {
        let found = coding_qualities([field.as_bytes()].into_iter());
        [found.identity, found.gzip, found.brotli, found.zstd]
    }

    /// The table of RFC 9110 §12.5.1.
    #[test]
    fn the_table_of_the_rfc() {
        let accept = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, \
                      text/plain;format=fixed;q=0.4, */*;q=0.5";
        for (media_type, quality) in [
            ("text/plain;format=flowed", 1000),
            ("text/plain", 700),
            ("text/html", 300),
            ("image/jpeg", 500),
            ("text/plain;format=fixed", 400),
            ("text/html;level=3", 300),
        ] {
            assert_eq!(of(accept, media_type), quality, "{media_type}");
        }
    }

    #[test]
    fn nothing_asked_and_nothing_acceptable() {
        assert_eq!(media_quality(core::iter::empty(), "a/b"), 1000);
        assert_eq!(of("", "a/b"), 1000);
        assert_eq!(of("text/html", "a/b"), 0);
        assert_eq!(of("a/b;q=0, */*", "a/b"), 0);
        assert_eq!(of("TEXT/HTML", "text/html; charset=utf-8"), 1000);
        assert_eq!(of("text/html;charset=UTF-8", "text/html; charset=utf-8"), 1000);
        assert_eq!(of("*/*;q=0.1", "not a type"), 100);
        assert_eq!(of("a/b;c=\"x\\y\"", "a/b;c=xy"), 1000);
        assert_eq!(of("a/b;c=X", "a/b;c=x"), 0);
        assert_eq!(of("text/*;a=1;q=0.2, text/html;q=0.9", "text/html;a=1"), 900);
    }

    #[test]
    fn malformed_members_are_passed_over() {
        for wrong in ["*/html", "*", "text", "a/b;q=2", "a/b;q=0.1234", "a/b;q=.5", "a/b;q=1;q=0"] {
            assert_eq!(of(&format!("{wrong}, c/d;q=0.5"), "a/b"), 0, "{wrong}");
            assert_eq!(of(&format!("{wrong}, c/d;q=0.5"), "c/d"), 500, "{wrong}");
        }
    }

    #[test]
    fn of_several_offers_the_best_and_then_the_first() {
        let of = |accept: &'static str| {
            preferred([accept.as_bytes()].into_iter(), &["a/json", "a/html", "a/text"])
        };
        assert_eq!(of("*/*"), Some("a/json"));
        assert_eq!(of("a/text, a/html"), Some("a/html"));
        assert_eq!(of("a/text, a/*;q=0.9"), Some("a/text"));
        assert_eq!(of("b/c"), None);
        assert_eq!(preferred(core::iter::empty(), &["a/b", "c/d"]), Some("a/b"));
        assert_eq!(preferred(core::iter::empty(), &[]), None);
    }

    /// The examples of RFC 9110 §12.5.3, and what its rules come to.
    #[test]
    fn content_codings() {
        for (field, expected) in [
            ("compress, gzip", [1, 1000, 0, 0]),
            ("", [1000, 0, 0, 0]),
            ("*", [1000, 1000, 1000, 1000]),
            ("compress;q=0.5, gzip;q=1.0", [1, 1000, 0, 0]),
            ("gzip;q=1.0, identity; q=0.5, *;q=0", [500, 1000, 0, 0]),
            ("GZIP, deflate, Br, zstd", [1, 1000, 1000, 1000]),
            ("x-gzip;q=0.5", [1, 500, 0, 0]),
            ("identity;q=0", [0, 0, 0, 0]),
            ("*;q=0", [0, 0, 0, 0]),
            ("br;q=0, *;q=0.2", [200, 200, 0, 200]),
            ("gzip;q=0", [1, 0, 0, 0]),
            ("gzip;q=2", [1000, 0, 0, 0]),
            ("br;level=1, zstd ; q=0.9", [1, 0, 0, 900]),
        ] {
            assert_eq!(codings(field), expected, "{field}");
        }
        let none = coding_qualities(core::iter::empty());
        assert_eq!((none.identity, none.gzip), (1000, 0));
    }

    /// As above, where there is more to choose than the coding.
    #[test]
    fn codings_of_variants() {
        for (field, expected) in [
            ("", [1000, 0, 0, 0]),
            ("gzip;q=2", [1000, 0, 0, 0]),
            ("gzip, br", [1000, 1000, 1000, 0]),
            ("gzip;q=0.8, br;q=0.9", [800, 800, 900, 0]),
            ("gzip;q=0.8, br;q=0", [800, 800, 0, 0]),
            ("gzip;q=0", [1000, 0, 0, 0]),
            ("compress;q=0.3", [1000, 0, 0, 0]),
            ("gzip, identity;q=0.5", [500, 1000, 0, 0]),
            ("gzip, *;q=0.2", [200, 1000, 200, 200]),
            ("gzip, *;q=0", [0, 1000, 0, 0]),
        ] {
            let found = variant_coding_qualities([field.as_bytes()].into_iter());
            let of = [None, Some(Coding::Gzip), Some(Coding::Brotli), Some(Coding::Zstd)];
            assert_eq!(of.map(|coding| found.of(coding)), expected, "{field}");
        }
        let none = variant_coding_qualities(core::iter::empty());
        assert_eq!((none.identity, none.gzip, none.brotli, none.zstd), (1000, 1, 1, 1));
    }

    #[test]
    fn languages() {
        for (field, text, expected) in [
            ("da, en-gb;q=0.8, en;q=0.7", "da", Some((1000, 0, 0))),
            ("da, en-gb;q=0.8, en;q=0.7", "en-GB", Some((800, 1, 0))),
            ("da, en-gb;q=0.8, en;q=0.7", "en-US", Some((700, 2, 0))),
            ("da, en-gb;q=0.8, en;q=0.7", "en", Some((700, 2, 0))),
            ("da, en-gb;q=0.8, en;q=0.7", "de", None),
            ("da, en-gb;q=0.8", "en", Some((800, 1, 1))),
            ("de-Latn-CH;q=0.8, de-AT;q=0.8", "de", Some((800, 0, 2))),
            ("de-CH;q=0, *;q=0.4", "de", Some((400, 1, 0))),
            ("de-CH;q=0", "de", None),
            ("de;q=0, de-CH", "de", Some((0, 0, 0))),
            ("de;q=0, de-CH", "de-CH-1996", Some((1000, 1, 0))),
            ("*;q=0.1, de;q=0.9", "fr", Some((100, 0, 0))),
            ("de;q=0.1, DE;q=0.9", "de", Some((900, 1, 0))),
            ("d1, de;q=2, de;q=0.3", "de", Some((300, 0, 0))),
            ("", "de", None),
        ] {
            let tag = LanguageTag::parse(text.as_bytes()).unwrap();
            let fit = language_fit([field.as_bytes()].into_iter(), tag);
            let fit = fit.map(|fit| (fit.quality, fit.place.0, fit.steps.0));
            assert_eq!(fit, expected, "{text} for {field}");
        }
    }

    #[test]
    fn what_is_in_no_language() {
        for (field, is_asked, least) in [
            ("", false, 1000),
            ("d1;q=0.1, , *-CH;q=0.2", false, 1000),
            ("de", true, 1000),
            ("de, en;q=0.8, fr;q=0", true, 800),
            ("de, *;q=0.1", true, 100),
            ("de;q=0", true, 1000),
        ] {
            let lines = || [field.as_bytes()].into_iter();
            assert_eq!(asks_for_languages(lines()), is_asked, "{field}");
            assert_eq!(least_language_quality(lines()), least, "{field}");
        }
    }

    #[test]
    fn weights() {
        for (text, thousandths) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("1.000", Some(1000)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.123", Some(123)),
            ("1.001", None),
            ("0.1234", None),
            ("2", None),
            ("", None),
            (".5", None),
            ("-1", None),
            ("0.x", None),
            ("10", None),
        ] {
            assert_eq!(quality(text.as_bytes()), thousandths, "{text}");
        }
    }
}
