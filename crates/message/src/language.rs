//! Languages: tags that name one (RFC 5646), and the ranges that ask for them (RFC 4647).

use core::fmt;

/// The most octets of a tag or range that is read; RFC 5646 §4.4.1 asks for 35 at least.
pub const LANGUAGE_BYTES_MAX: usize = 64;

/// A well-formed language tag (RFC 5646 §2.2.9), read in place. Tags that differ in case are equal.
///
/// Well-formed says nothing of whether the subtags are registered.
#[derive(Clone, Copy)]
pub struct LanguageTag<'a> {
    text: &'a str,
}

impl<'a> LanguageTag<'a> {
    /// Reads a tag; none if it is not well-formed, or longer than [`LANGUAGE_BYTES_MAX`].
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let text = bounded(text)?;
        let is_irregular = IRREGULAR.iter().any(|tag| tag.eq_ignore_ascii_case(text));
        (is_irregular || is_private(text) || is_langtag(text)).then_some(Self { text })
    }

    /// The tag as it was written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether it begins with one of the two-letter codes of ISO 639, as nearly all tags in use do.
    #[must_use]
    pub fn has_two_letter_code(self) -> bool {
        let code = self.text.split('-').next().unwrap_or_default();
        TWO_LETTERS
            .as_bytes()
            .as_chunks::<2>()
            .0
            .iter()
            .any(|c| code.as_bytes().eq_ignore_ascii_case(c))
    }
}

impl PartialEq for LanguageTag<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(other.text)
    }
}

impl Eq for LanguageTag<'_> {}

impl fmt::Display for LanguageTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Debug for LanguageTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// A basic language range (RFC 4647 §2.1), read in place.
#[derive(Clone, Copy, Debug)]
pub enum LanguageRange<'a> {
    /// `*`: any language.
    Any,
    /// This one, and what is more special than it.
    Of(&'a str),
}

impl<'a> LanguageRange<'a> {
    /// Reads a range; none if it is anything else, or longer than [`LANGUAGE_BYTES_MAX`].
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let text = bounded(text)?;
        if text == "*" {
            return Some(Self::Any);
        }
        let mut subtags = text.split('-');
        let is_range = subtags.next().is_some_and(|first| is(first, 1, 8, u8::is_ascii_alphabetic))
            && subtags.all(|subtag| is(subtag, 1, 8, u8::is_ascii_alphanumeric));
        is_range.then_some(Self::Of(text))
    }

    /// Whether basic filtering with this range keeps the tag (RFC 4647 §3.3.1).
    #[must_use]
    pub fn keeps(self, tag: LanguageTag<'_>) -> bool {
        let Self::Of(range) = self else { return true };
        let (tag, range) = (tag.text.as_bytes(), range.as_bytes());
        tag.get(..range.len()).is_some_and(|start| start.eq_ignore_ascii_case(range))
            && matches!(tag.get(range.len()), None | Some(b'-'))
    }

    /// How many times the range has to be shortened until a lookup finds the tag (RFC 4647 §3.4); none
    /// if it never does. A lookup passes over `*`.
    #[must_use]
    pub fn steps_to(self, tag: LanguageTag<'_>) -> Option<usize> {
        let Self::Of(mut range) = self else { return None };
        let mut steps = 0;
        while !range.eq_ignore_ascii_case(tag.text) {
            range = shortened(range)?;
            steps += 1;
        }
        Some(steps)
    }
}

/// A range without its last subtag. A single letter or digit in front of that goes with it, since it
/// only introduces what follows.
fn shortened(range: &str) -> Option<&str> {
    let (mut rest, _) = range.rsplit_once('-')?;
    while let Some((before, last)) = rest.rsplit_once('-')
        && last.len() == 1
    {
        rest = before;
    }
    Some(rest)
}

fn bounded(text: &[u8]) -> Option<&str> {
    (text.len() <= LANGUAGE_BYTES_MAX).then(|| core::str::from_utf8(text).ok())?
}

/// `langtag` (RFC 5646 §2.1): each part is told from the next by its length and its letters.
fn is_langtag(text: &str) -> bool {
    let mut subtags = text.split('-').peekable();
    let Some(language) = subtags.next() else { return false };
    if !is(language, 2, 8, u8::is_ascii_alphabetic) {
        return false;
    }
    if language.len() <= 3 {
        let mut extended = 0;
        while extended < 3 && subtags.next_if(|s| is(s, 3, 3, u8::is_ascii_alphabetic)).is_some() {
            extended += 1;
        }
    }
    let _script = subtags.next_if(|s| is(s, 4, 4, u8::is_ascii_alphabetic));
    let _region = subtags
        .next_if(|s| is(s, 2, 2, u8::is_ascii_alphabetic) || is(s, 3, 3, u8::is_ascii_digit));
    while subtags.next_if(|s| is_variant(s)).is_some() {}
    while let Some(singleton) = subtags.next() {
        let shortest = match singleton.as_bytes() {
            [b'x' | b'X'] => 1,
            [octet] if octet.is_ascii_alphanumeric() => 2,
            _ => return false,
        };
        let mut introduced = 0;
        while subtags.next_if(|s| is(s, shortest, 8, u8::is_ascii_alphanumeric)).is_some() {
            introduced += 1;
        }
        if introduced == 0 || (shortest == 1 && subtags.peek().is_some()) {
            return false;
        }
    }
    true
}

/// `privateuse` alone.
fn is_private(text: &str) -> bool {
    let mut subtags = text.split('-');
    let is_begun = subtags.next().is_some_and(|first| first.eq_ignore_ascii_case("x"));
    is_begun
        && subtags.clone().next().is_some()
        && subtags.all(|s| is(s, 1, 8, u8::is_ascii_alphanumeric))
}

fn is_variant(subtag: &str) -> bool {
    is(subtag, 5, 8, u8::is_ascii_alphanumeric)
        || (is(subtag, 4, 4, u8::is_ascii_alphanumeric)
            && subtag.starts_with(|first: char| first.is_ascii_digit()))
}

fn is(subtag: &str, shortest: usize, longest: usize, of: fn(&u8) -> bool) -> bool {
    (shortest..=longest).contains(&subtag.len()) && subtag.as_bytes().iter().all(of)
}

/// Tags that were registered before there was a grammar, and that it does not cover (`irregular`).
const IRREGULAR: [&str; 17] = [
    "en-GB-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-BE-FR",
    "sgn-BE-NL",
    "sgn-CH-DE",
];

/// The codes of ISO 639 set 1, in order, without separators.
const TWO_LETTERS: &str = "aaabaeafakamanarasavayazbabebgbibmbnbobrbscacechcocrcscucvcydadedvdz\
    eeeleneoeseteufafffifjfofrfygagdglgngugvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmkn\
    kokrkskukvkwkylalblglilnloltlulvmgmhmimkmlmnmrmsmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrn\
    rorurwsascsdsesgsiskslsmsnsosqsrssstsusvswtatetgthtitktltntotrtstttwtyugukuruzvevivowawoxhyiyozazhzu";

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> LanguageTag<'_> {
        LanguageTag::parse(text.as_bytes()).unwrap()
    }

    fn range(text: &str) -> LanguageRange<'_> {
        LanguageRange::parse(text.as_bytes()).unwrap()
    }

    /// Examples of RFC 5646, appendix A, and what its grammar comes to.
    #[test]
    fn well_formed() {
        for text in [
            "de",
            "i-enochian",
            "zh-Hant",
            "zh-cmn-Hans-CN",
            "cmn-Hans-CN",
            "zh-yue-HK",
            "sr-Latn-RS",
            "sl-rozaj-biske-1994",
            "de-CH-1901",
            "hy-Latn-IT-arevela",
            "es-419",
            "de-CH-x-phonebk",
            "az-Arab-x-AZE-derbend",
            "x-whatever",
            "qaa-Qaaa-QM-x-southern",
            "en-US-u-islamcal",
            "zh-CN-a-myext-x-private",
            "en-a-myext-b-another",
            "EN-gb-OED",
            "art-lojban",
            "zh-min-nan",
            "sgn-CH-de",
            "de-1996",
            "klingons",
            "root",
            "x-a-b-c",
            "en-x-1",
            "zh-a-bb-cc-0-11",
        ] {
            assert!(LanguageTag::parse(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn not_well_formed() {
        let long = ["x", &"-abcdefgh".repeat(8)].concat();
        for text in [
            "",
            "-",
            "e",
            "1",
            "*",
            "en-",
            "-en",
            "en--GB",
            "en_GB",
            "en GB",
            "\u{e4}\u{f6}",
            "de-419-DE",
            "a-DE",
            "x",
            "x-",
            "x-abcdefghi",
            "en-a",
            "en-a-b-cc",
            "en-x",
            "abcdefghi",
            "root-abc",
            "en-abcdefghi",
            "en-Latn-Latn",
            "en-1",
            "en-12",
            "de-DE-Latn",
            "aa-bbb-ccc-ddd-eee",
            &long,
        ] {
            assert!(LanguageTag::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(LanguageTag::parse(&long.as_bytes()[..LANGUAGE_BYTES_MAX]).is_some());
        assert!(LanguageTag::parse(b"e\xff").is_none());
    }

    #[test]
    fn ranges() {
        for text in ["*", "de", "de-CH-1996", "a", "en-a", "zh-Hant-CN-x-private1-private2"] {
            assert!(LanguageRange::parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in
            ["", "*-CH", "de-*", "d1", "de-", "de-abcdefghi", "abcdefghi", "de,en", "de;q=1"]
        {
            assert!(LanguageRange::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    /// The examples of RFC 4647 §3.3.1.
    #[test]
    fn filtering() {
        for (asked, text, keeps) in [
            ("de-de", "de-DE-1996", true),
            ("de-de", "de-Deva", false),
            ("de-de", "de-Latn-DE", false),
            ("de", "de", true),
            ("DE", "de-ch", true),
            ("de", "den", false),
            ("de-CH", "de", false),
            ("*", "de", true),
        ] {
            assert_eq!(range(asked).keeps(tag(text)), keeps, "{asked} {text}");
        }
    }

    /// The example of RFC 4647 §3.4.
    #[test]
    fn looking_up() {
        let asked = range("zh-Hant-CN-x-private1-private2");
        for (text, steps) in [
            ("zh-hant-cn-x-private1-private2", Some(0)),
            ("zh-Hant-CN-x-private1", Some(1)),
            ("zh-Hant-CN", Some(2)),
            ("zh-Hant", Some(3)),
            ("zh", Some(4)),
            ("zh-CN", None),
            ("de", None),
        ] {
            assert_eq!(asked.steps_to(tag(text)), steps, "{text}");
        }
        assert_eq!(range("*").steps_to(tag("de")), None);
        assert_eq!(range("de").steps_to(tag("de-CH")), None);
        assert_eq!(range("i-klingon").steps_to(tag("i-klingon")), Some(0));
    }

    #[test]
    fn tags_have_no_case_and_keep_how_they_were_written() {
        assert_eq!(tag("zh-HANT"), tag("ZH-hant"));
        assert_ne!(tag("zh-Hant"), tag("zh"));
        assert_eq!(tag("zh-HANT").to_string(), "zh-HANT");
    }

    #[test]
    fn two_letter_codes() {
        let codes: Vec<_> = TWO_LETTERS.as_bytes().chunks(2).collect();
        assert!(codes.is_sorted() && codes.len() == 183);
        for (text, has) in [
            ("de", true),
            ("PT-br", true),
            ("zu", true),
            ("gsw", false),
            ("qq", false),
            ("x-de", false),
        ] {
            assert_eq!(tag(text).has_two_letter_code(), has, "{text}");
        }
    }
}
