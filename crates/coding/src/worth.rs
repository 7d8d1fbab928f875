//! Whether content of a media type gets noticeably smaller by a coding. Images, sound, video, archives
//! and most documents are coded already: another coding would cost time and save nothing.

use wherefore_message::media::MediaType;

/// The types that are worth it in full, apart from those that [`is_worth`] knows by their kind.
const WORTH: &[&str] = &[
    "application/ecmascript",
    "application/font-sfnt",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/jsonl",
    "application/mbox",
    "application/n-quads",
    "application/n-triples",
    "application/pem-certificate-chain",
    "application/postscript",
    "application/rtf",
    "application/sparql-query",
    "application/sql",
    "application/toml",
    "application/trig",
    "application/vnd.apple.mpegurl",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-font-opentype",
    "application/x-font-otf",
    "application/x-font-truetype",
    "application/x-font-ttf",
    "application/x-javascript",
    "application/x-mpegurl",
    "application/x-ndjson",
    "application/x-perl",
    "application/x-sh",
    "application/x-subrip",
    "application/x-yaml",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/sfnt",
    "font/ttf",
    "message/http",
    "message/rfc822",
    "model/iges",
    "model/mtl",
    "model/obj",
    "model/step",
    "model/vrml",
];

/// The suffixes of subtypes that are texts (RFC 6838 §4.2.8).
const WORTH_SUFFIXES: &[&str] = &["json", "json-seq", "xml", "yaml"];

/// Texts that are not worth it: events come one at a time, and each would have to be flushed.
const NOT_WORTH: &[&str] = &["text/event-stream"];

/// Whether content of this type, a value of `Content-Type`, is worth encoding where nobody said
/// otherwise: texts, what is written as JSON, XML or YAML, programs and fonts that are not coded
/// already.
#[must_use]
pub fn is_worth(media_type: &str) -> bool {
    let Some(media_type) = MediaType::parse(media_type.as_bytes()) else { return false };
    let is_one_of = |types: &[&str]| types.iter().any(|known| media_type.is(known));
    if is_one_of(NOT_WORTH) {
        return false;
    }
    let suffix = media_type.sub.iter().rposition(|octet| *octet == b'+');
    let suffix = suffix.and_then(|plus| media_type.sub.get(plus + 1..)).unwrap_or_default();
    media_type.main.eq_ignore_ascii_case(b"text")
        || WORTH_SUFFIXES.iter().any(|known| suffix.eq_ignore_ascii_case(known.as_bytes()))
        || is_one_of(WORTH)
}

/// The types that are worth it, as far as somebody said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Types {
    /// Those of [`is_worth`].
    #[default]
    Usual,
    /// Those that one of these covers, and no others.
    Listed(Vec<TypeRange>),
}

impl Types {
    /// Whether content of this type, a value of `Content-Type`, is worth encoding.
    #[must_use]
    pub fn cover(&self, media_type: &str) -> bool {
        match self {
            Self::Usual => is_worth(media_type),
            Self::Listed(ranges) => MediaType::parse(media_type.as_bytes())
                .is_some_and(|media_type| ranges.iter().any(|range| range.covers(&media_type))),
        }
    }
}

/// A media range without parameters (RFC 9110 §12.5.1): `text/html`, `text/*`, or `*/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRange {
    /// In lower case; none for `*`.
    main: Option<String>,
    sub: Option<String>,
}

impl TypeRange {
    /// Reads a range; none if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let range = MediaType::parse(text.as_bytes())?;
        let part = |octets: &[u8]| match octets {
            b"*" => Some(None),
            _ if octets.contains(&b'*') => None,
            _ => Some(Some(String::from_utf8_lossy(octets).to_ascii_lowercase())),
        };
        let (main, sub) = (part(range.main)?, part(range.sub)?);
        let is_whole = !text.contains(';') && text.trim() == text;
        (is_whole && (main.is_some() || sub.is_none())).then_some(Self { main, sub })
    }

    /// Whether `media_type` is in it, whatever its parameters.
    #[must_use]
    pub fn covers(&self, media_type: &MediaType<'_>) -> bool {
        let is = |wanted: &Option<String>, held: &[u8]| {
            wanted.as_ref().is_none_or(|wanted| held.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        is(&self.main, media_type.main) && is(&self.sub, media_type.sub)
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::media::by_name;

    use super::*;

    #[test]
    fn texts_are_worth_it() {
        let names = "a.html a.css a.js a.mjs a.json a.jsonld a.geojson a.webmanifest a.map a.xml \
            a.svg a.xhtml a.rss a.atom a.txt a.md a.csv a.ics a.vtt a.wasm a.ttf a.otf a.eot a.yaml \
            a.toml a.sh a.rs a.ndjson a.gltf a.obj a.m3u8 a.kml a.ps a.rtf";
        for name in names.split_whitespace() {
            let media_type = by_name(name.as_bytes());
            assert!(is_worth(media_type), "{name}: {media_type}");
        }
        for media_type in ["TEXT/Plain;charset=utf-8", "application/problem+JSON", "text/new"] {
            assert!(is_worth(media_type), "{media_type}");
        }
    }

    #[test]
    fn what_is_coded_already_is_not() {
        let names = "a.png a.jpg a.gif a.webp a.avif a.ico a.mp4 a.webm a.mp3 a.ogg a.flac a.woff \
            a.woff2 a.zip a.gz a.br a.zst a.7z a.rar a.tar a.jar a.docx a.xlsx a.epub a.pdf a.bin a";
        for name in names.split_whitespace() {
            let media_type = by_name(name.as_bytes());
            assert!(!is_worth(media_type), "{name}: {media_type}");
        }
        for media_type in
            ["", "text", "text/event-stream; charset=utf-8", "application/json+zip", "a/+", "*/*"]
        {
            assert!(!is_worth(media_type), "{media_type}");
        }
    }

    #[test]
    fn the_tables_are_in_order() {
        assert!(WORTH.is_sorted() && WORTH_SUFFIXES.is_sorted());
        for known in WORTH.iter().chain(NOT_WORTH) {
            assert!(MediaType::parse(known.as_bytes()).is_some(), "{known}");
            assert!(!known.starts_with("text/") || NOT_WORTH.contains(known), "{known} is covered");
        }
    }

    #[test]
    fn a_list_replaces_the_table() {
        let listed = |ranges: &[&str]| {
            Types::Listed(ranges.iter().map(|range| TypeRange::parse(range).unwrap()).collect())
        };
        let types = listed(&["image/*", "Application/PDF"]);
        assert!(types.cover("image/bmp") && types.cover("application/pdf;a=b"));
        assert!(!types.cover("text/html") && !types.cover("application/json"));
        assert!(!types.cover("image") && !listed(&[]).cover("text/html"));
        assert!(listed(&["*/*"]).cover("video/mp4"));
        assert!(Types::default().cover("text/html") && !Types::default().cover("image/bmp"));
    }

    #[test]
    fn what_is_no_range() {
        for wrong in
            ["", "text", "*", "*/html", "te*/html", "text/h*", "text/*;q=1", "text/html;", " a/b"]
        {
            assert!(TypeRange::parse(wrong).is_none(), "{wrong}");
        }
    }
}
