//! Variants by the names of files: `page.en.html` and `page.de.html` are what `page` may be sent as.

use wherefore_message::accept::QUALITY_MAX;
use wherefore_message::alternative::Reference;
use wherefore_message::language::LanguageTag;
use wherefore_message::path::Path;
use wherefore_message::{Coding, media};

use super::{Languages, VARIANTS_MAX, Variant};

/// The longest name that is read, in octets: no file system in use has longer ones.
pub const NAME_BYTES_MAX: usize = 255;

/// The most parts that a name may have beyond those that were asked for.
pub const EXTENSIONS_MAX: usize = 6;

/// Which parts of names are languages.
#[derive(Clone, Copy, Debug)]
pub enum NamedLanguages<'a> {
    /// Tags that begin with a two-letter code of ISO 639. Longer codes are left out, since endings such
    /// as `bak`, `old` or `tmp` are such codes too.
    TwoLetter,
    /// These.
    These(&'a [LanguageTag<'a>]),
}

/// Reads the name of a folder's member as a variant of what was asked for, with the name that the path
/// ends in; none if it is not one. A member of exactly that name is none: where it is there, nothing is
/// negotiated.
///
/// A name is read as parts between dots. The member's begin with the same part as the asked one's, and hold
/// the others of the asked one in their order; each part more has to be a language, an extension whose
/// media type is known, or that of a content coding, in any order. So `page.en.html` is a variant of
/// `page`, of `page.html` and of `page.en`. Parts of the asked name itself say what they can, and may say
/// nothing (`jquery.min`). Names that begin with a dot have no variants.
///
/// Some parts can be read in two ways:
///
/// - Of several media types the last one holds: `photo.jpg.webp` is WebP.
/// - What can be a language too (`pl`, `ps`, `ts`, `gv`) is one if another part is surely a type:
///   `page.html.pl` is Polish, `tool.pl` is Perl.
/// - `gz` and `zst` are codings if another part can be a type, else types: `tool.pl.gz` is Perl in gzip,
///   `backup.gz` is an archive.
/// - `br` is Brotli at the end of the name, and Breton elsewhere where that is one of the languages:
///   `page.html.br`, `page.br.html`.
///
/// Without a media type, with more than [`LANGUAGES_MAX`](super::LANGUAGES_MAX) languages, with two codings,
/// or with more than [`EXTENSIONS_MAX`] parts to be read, a member is no variant: nothing could be said of
/// it that holds.
#[must_use]
pub fn parse_name<'a>(
    member: &'a [u8],
    asked: &[u8],
    languages: NamedLanguages<'_>,
) -> Option<Variant<'a>> {
    if member.len() > NAME_BYTES_MAX || member == asked {
        return None;
    }
    let media_type = media_type(member, languages)?;
    let mut asked = asked.split(|octet| *octet == b'.').peekable();
    let mut parts = member.split(|octet| *octet == b'.').enumerate().peekable();
    let (_, first) = parts.next().filter(|(_, first)| !first.is_empty())?;
    asked.next().filter(|asked| *asked == first)?;
    let (mut spoken, mut coding, mut more) = (Languages::NONE, None, 0);
    while let Some((i, part)) = parts.next() {
        let is_asked = asked.next_if(|asked| *asked == part).is_some();
        more += usize::from(!is_asked);
        let is_last = parts.peek().is_none();
        let read = Readings::of(part, languages);
        match read {
            _ if i == media_type.part => {}
            Readings { coding: Some(found), language, .. } if language.is_none() || is_last => {
                if coding.replace(found).is_some() {
                    return None;
                }
            }
            Readings { language: Some(tag), .. } => spoken = spoken.with(tag)?,
            Readings { media_type: Some(_), .. } => {}
            _ if is_asked => {}
            _ => return None,
        }
    }
    if asked.next().is_some() || more > EXTENSIONS_MAX {
        return None;
    }
    Some(Variant {
        reference: Reference::Member(member),
        media_type: media_type.media_type,
        languages: spoken,
        coding,
        source_quality: QUALITY_MAX,
        place: 0,
        length: None,
    })
}

/// The name of which a folder's variants are those of its index file.
pub const INDEX: &[u8] = b"index.html";

/// The name that variants are looked for by, where a path within a folder leads to nothing of just that name.
#[must_use]
pub fn asked_name(path: Path<'_>) -> &[u8] {
    if path.is_folder() { INDEX } else { path.name() }
}

/// The variants of what was asked for, of a folder's members whose names are given in their order: at most
/// [`VARIANTS_MAX`]. Where languages are named, a variant's place is that of the first one that it has.
///
/// What is a coding of another variant, such as `page.en.html.gz` beside `page.en.html`, is none of its own:
/// which coding of a variant is sent is asked when it was chosen.
#[must_use]
pub fn variants_of<'a, N: AsRef<[u8]>>(
    names: &'a [N],
    asked: &[u8],
    languages: NamedLanguages<'_>,
) -> Vec<Variant<'a>> {
    let Some(first) = asked.split(|octet| *octet == b'.').next() else { return Vec::new() };
    let from = names.partition_point(|name| name.as_ref() < first);
    let begun = names.get(from..).unwrap_or_default().iter().map(AsRef::as_ref);
    let begun = begun.take_while(|name| name.starts_with(first));
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for name in begun {
        let Some(mut variant) = parse_name(name, asked, languages) else { continue };
        let is_coded = |original: &Variant<'_>| {
            let Reference::Member(original) = original.reference else { return false };
            Coding::ALL.iter().any(|coding| {
                name.strip_prefix(original).is_some_and(|rest| rest == coding.suffix().as_bytes())
            })
        };
        if variants.iter().any(is_coded) {
            continue;
        }
        variant.place = place(&variant, languages);
        variants.push(variant);
        if variants.len() == VARIANTS_MAX {
            break;
        }
    }
    variants
}

fn place(variant: &Variant<'_>, languages: NamedLanguages<'_>) -> u16 {
    let NamedLanguages::These(known) = languages else { return 0 };
    let first = variant.languages.iter().next();
    let place = first.and_then(|first| known.iter().position(|tag| *tag == first));
    u16::try_from(place.unwrap_or(known.len())).unwrap_or(u16::MAX)
}

/// What a part of a name can be.
#[derive(Clone, Copy)]
struct Readings<'a> {
    language: Option<LanguageTag<'a>>,
    media_type: Option<&'static str>,
    coding: Option<Coding>,
}

impl<'a> Readings<'a> {
    fn of(part: &'a [u8], languages: NamedLanguages<'_>) -> Self {
        let language = LanguageTag::parse(part).filter(|tag| match languages {
            NamedLanguages::TwoLetter => tag.has_two_letter_code(),
            NamedLanguages::These(known) => known.contains(tag),
        });
        let is_coding =
            |coding: &Coding| coding.suffix().as_bytes().strip_prefix(b".") == Some(part);
        Self {
            language,
            media_type: media::by_extension(part),
            coding: Coding::ALL.into_iter().find(is_coding),
        }
    }
}

/// A media type, and the part of the name that says so.
struct Typed {
    media_type: &'static str,
    part: usize,
}

/// The last of the parts that are most surely a media type: before those that can be a language too,
/// before those that can be a coding too.
fn media_type(member: &[u8], languages: NamedLanguages<'_>) -> Option<Typed> {
    let parts = member.split(|octet| *octet == b'.').enumerate().skip(1);
    let typed = parts.filter_map(|(part, text)| {
        let read = Readings::of(text, languages);
        let sureness = match read {
            Readings { coding: Some(_), .. } => 0,
            Readings { language: Some(_), .. } => 1,
            Readings { .. } => 2,
        };
        Some((sureness, Typed { media_type: read.media_type?, part }))
    });
    typed.max_by_key(|(sureness, _)| *sureness).map(|(_, typed)| typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Media type, languages and coding, in one line; empty if it is no variant.
    fn read_by(member: &str, asked: &str, languages: NamedLanguages<'_>) -> String {
        let Some(variant) = parse_name(member.as_bytes(), asked.as_bytes(), languages) else {
            return String::new();
        };
        assert_eq!(variant.reference, Reference::Member(member.as_bytes()));
        let mut out = variant.media_type.split(';').next().unwrap_or_default().to_owned();
        for tag in variant.languages.iter() {
            out.push_str(&format!(" {tag}"));
        }
        out.push_str(
            &variant.coding.map_or(String::new(), |coding| format!(" ({})", coding.name())),
        );
        out
    }

    #[test]
    fn variants_by_name() {
        for (member, asked, expected) in [
            ("page.en.html", "page", "text/html en"),
            ("page.en.html", "page.html", "text/html en"),
            ("page.en.html", "page.en", "text/html en"),
            ("page.html.en", "page.html", "text/html en"),
            ("page.html.pt-BR", "page", "text/html pt-BR"),
            ("page.EN.HTML", "page", "text/html EN"),
            ("page.de.fr.html", "page", "text/html de fr"),
            ("page.de.de.html", "page", "text/html de"),
            ("page.html", "page", "text/html"),
            ("photo.webp", "photo", "image/webp"),
            ("photo.jpg.webp", "photo.jpg", "image/webp"),
            ("doc.pdf", "doc", "application/pdf"),
            ("page.en.html.gz", "page", "text/html en (gzip)"),
            ("page.gz.html.en", "page.html", "text/html en (gzip)"),
            ("page.html.zst", "page.html", "text/html (zstd)"),
            ("jquery.min.js", "jquery.min", "text/javascript"),
            ("v1.2.notes.txt", "v1.2.notes", "text/plain"),
            ("archive.tar.gz", "archive", "application/x-tar (gzip)"),
            // What can be read in two ways.
            ("page.html.br", "page", "text/html (br)"),
            ("page.br.html", "page", "text/html br"),
            ("page.br.html.br", "page", "text/html br (br)"),
            ("page.pl.html", "page", "text/html pl"),
            ("page.html.pl", "page", "text/html pl"),
            ("tool.pl", "tool", "text/plain"),
            ("page.pl.ps", "page", "application/postscript pl"),
            ("film.ts", "film", "video/mp2t"),
            ("backup.gz", "backup", "application/gzip"),
            ("tool.pl.gz", "tool", "text/plain (gzip)"),
            ("page.html.GZ", "page", "application/gzip"),
        ] {
            assert_eq!(read_by(member, asked, NamedLanguages::TwoLetter), expected, "{member}");
        }
    }

    #[test]
    fn no_variants() {
        for (member, asked) in [
            ("page.html", "page.html"),
            ("page", "page"),
            ("page.en", "page"),
            ("page.br", "page"),
            ("page.bak", "page"),
            ("page.html.bak", "page.html"),
            ("page.html.old", "page"),
            ("page.html~", "page"),
            ("page2.html", "page"),
            ("page.en.html", "page.de"),
            ("page.html", "page.html.en"),
            ("page.en.html", "page.html.en"),
            ("page.html.gz.br", "page"),
            ("page.de.en.fr.it.es.html", "page"),
            ("page..html", "page"),
            ("page.html.", "page"),
            (".page.html", ".page"),
            (".html", ""),
            ("", ""),
            ("page.html", ""),
            ("page.gsw.html", "page"),
            ("page.min.js", "page"),
            ("a.txt.txt.txt.txt.txt.txt.txt", "a"),
        ] {
            assert_eq!(read_by(member, asked, NamedLanguages::TwoLetter), "", "{member}");
        }
        let long = ["page", &".en".repeat(90)].concat() + ".html";
        assert_eq!(read_by(&long, "page", NamedLanguages::TwoLetter), "");
    }

    #[test]
    fn the_variants_among_a_folder_s_members() {
        let mut names = [
            "page.en.html",
            "page.en.html.gz",
            "page.de.html",
            "page.fr.html.gz",
            "page.txt",
            "page",
            "pages.en.html",
            "other.en.html",
            "page-1.html",
        ];
        names.sort_unstable();
        let read = |asked: &str, languages: NamedLanguages<'_>| {
            let variants = variants_of(&names, asked.as_bytes(), languages);
            let told = variants.iter().map(|variant| {
                let Reference::Member(name) = variant.reference else { unreachable!() };
                format!("{} {}", String::from_utf8_lossy(name), variant.place)
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            read("page.html", NamedLanguages::TwoLetter),
            ["page.de.html 0", "page.en.html 0", "page.fr.html.gz 0"]
        );
        let known = ["fr", "de"].map(|text| LanguageTag::parse(text.as_bytes()).unwrap());
        assert_eq!(
            read("page", NamedLanguages::These(&known)),
            ["page.de.html 1", "page.fr.html.gz 0", "page.txt 2"]
        );
        assert_eq!(read("nothing", NamedLanguages::TwoLetter), [""; 0]);
        assert_eq!(read("", NamedLanguages::TwoLetter), [""; 0]);
        let many: Vec<_> = (0..1000).map(|i| format!("a.{}.html", letters(i))).collect();
        assert_eq!(variants_of(&many, b"a", NamedLanguages::TwoLetter).len(), VARIANTS_MAX);
    }

    /// A two-letter code; they come in their order.
    fn letters(i: u16) -> String {
        let letter = |i: u16| char::from(b'a' + u8::try_from(i % 26).unwrap());
        [letter(i / 26), letter(i)].iter().collect()
    }

    #[test]
    fn only_the_languages_that_are_named() {
        let known = ["gsw", "pt-BR"].map(|text| LanguageTag::parse(text.as_bytes()).unwrap());
        for (member, expected) in [
            ("page.gsw.html", "text/html gsw"),
            ("page.pt-br.html", "text/html pt-br"),
            ("page.de.html", ""),
            ("page.html.br", "text/html (br)"),
            ("page.br.html", "text/html (br)"),
        ] {
            assert_eq!(
                read_by(member, "page", NamedLanguages::These(&known)),
                expected,
                "{member}"
            );
        }
    }
}
