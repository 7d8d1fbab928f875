//! Whether content of a media type gets noticeably smaller by a coding. Images, sound, video, archives
//! and most documents are coded already: another coding would cost time and save nothing.

use super::MediaType;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::by_name;

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
}
