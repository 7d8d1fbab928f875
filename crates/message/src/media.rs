//! Media types (RFC 9110 §8.3.1; RFC 6838 §4.2): reading them, and telling one from a file's name.

use std::borrow::Cow;

use crate::list;
use crate::token::{is_token, is_value_octet, trim};

mod names;
mod type_range;
pub mod worth;

pub use type_range::TypeRange;

/// The type of what is not known (RFC 9110 §8.3).
pub const UNKNOWN: &str = "application/octet-stream";

/// A media type, or a media range, read in place.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// The top-level type, such as `text`; `*` in a range.
    pub main: &'a [u8],
    /// The subtype, such as `html`; may be `*` in a range.
    pub sub: &'a [u8],
    /// All parameters as they stand, behind the subtype; found well-formed.
    tail: &'a [u8],
}

impl<'a> MediaType<'a> {
    /// Reads `type "/" subtype *( ";" parameter )`; none if it is anything else. Empty parameters
    /// (a `;` with nothing behind it) are passed over.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let end = text.iter().position(|octet| *octet == b';').unwrap_or(text.len());
        let (essence, tail) = text.split_at_checked(end)?;
        let essence = trim(essence);
        let slash = essence.iter().position(|octet| *octet == b'/')?;
        let (main, sub) = (essence.get(..slash)?, essence.get(slash + 1..)?);
        let media = Self { main, sub, tail };
        let is_whole = is_token(main) && is_token(sub) && media.written().all(|p| p.is_some());
        is_whole.then_some(media)
    }

    /// Whether type and subtype are these two, such as `application/json`, without case.
    #[must_use]
    pub fn is(&self, essence: &str) -> bool {
        essence.split_once('/').is_some_and(|(main, sub)| {
            self.main.eq_ignore_ascii_case(main.as_bytes())
                && self.sub.eq_ignore_ascii_case(sub.as_bytes())
        })
    }

    /// Whether its content is JSON: `application/json` or any type with the suffix `+json`
    /// (RFC 6838 §4.2.8).
    #[must_use]
    pub fn is_json(&self) -> bool {
        let suffix = self.sub.len().checked_sub(b"+json".len()).and_then(|at| self.sub.get(at..));
        self.is("application/json")
            || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
    }

    /// The value of the first parameter of this name, in any case; what was quoted is unquoted.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.parameters()
            .find(|parameter| parameter.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|parameter| parameter.value())
    }

    /// The parameters in order.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + Clone + use<'a> {
        self.written().flatten()
    }

    /// The parameters; none in place of each that is malformed.
    fn written(&self) -> impl Iterator<Item = Option<Parameter<'a>>> + Clone + use<'a> {
        list::parameters(self.tail).filter(|text| !text.is_empty()).map(Parameter::parse)
    }
}

/// A parameter of a media type (RFC 9110 §5.6.6), read in place.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    /// Its name; names have no case.
    pub name: &'a [u8],
    /// Its value as written, quotes and all.
    pub written: &'a [u8],
}

impl<'a> Parameter<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let equals = text.iter().position(|octet| *octet == b'=')?;
        let (name, written) = (text.get(..equals)?, text.get(equals + 1..)?);
        (is_token(name) && (is_token(written) || is_quoted_string(written)))
            .then_some(Self { name, written })
    }

    /// Its value without quotes and escapes. Octets that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn value(&self) -> Cow<'a, str> {
        match self.inner() {
            Some(inner) if inner.contains(&b'\\') => {
                let plain: Vec<u8> = self.octets().collect();
                Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
            }
            inner => String::from_utf8_lossy(inner.unwrap_or(self.written)),
        }
    }

    /// The octets of its value without quotes and escapes.
    pub fn octets(&self) -> impl Iterator<Item = u8> + use<'a> {
        let inner = self.inner();
        let mut escaped = false;
        inner.unwrap_or(self.written).iter().copied().filter(move |octet| {
            escaped = inner.is_some() && *octet == b'\\' && !escaped;
            !escaped
        })
    }

    /// What stands between its quotes; none if there are none.
    fn inner(&self) -> Option<&'a [u8]> {
        self.written.strip_prefix(b"\"").and_then(|written| written.strip_suffix(b"\""))
    }
}

/// `quoted-string` (RFC 9110 §5.6.4).
fn is_quoted_string(text: &[u8]) -> bool {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return false;
    };
    let mut escaped = false;
    for octet in inner {
        let is_wrong = !is_value_octet(*octet) || (*octet == b'"' && !escaped);
        if is_wrong {
            return false;
        }
        escaped = *octet == b'\\' && !escaped;
    }
    !escaped
}

/// The media type of a file by the extension of its name, in any case, as the value of
/// `Content-Type`; [`UNKNOWN`] for a name without an extension or with one that is not known.
///
/// Text is said to be UTF-8. A dot at the start of the name begins no extension.
#[must_use]
pub fn by_name(file_name: &[u8]) -> &'static str {
    match file_name.iter().rposition(|octet| *octet == b'.') {
        None | Some(0) => UNKNOWN,
        Some(dot) => by_extension(file_name.get(dot + 1..).unwrap_or_default()).unwrap_or(UNKNOWN),
    }
}

/// The media type that [`by_name`] gives files with this extension; none if it is not known.
#[must_use]
pub fn by_extension(extension: &[u8]) -> Option<&'static str> {
    names::BY_EXTENSION
        .binary_search_by(|(known, _)| {
            known.bytes().cmp(extension.iter().map(u8::to_ascii_lowercase))
        })
        .ok()
        .and_then(|i| names::BY_EXTENSION.get(i))
        .map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<MediaType<'_>> {
        MediaType::parse(text.as_bytes())
    }

    #[test]
    fn types_and_parameters() {
        let media = parse("Text/HTML ; Charset=\"utf\\-8\";;level=1;x=\"a;b\"").unwrap();
        assert!(media.is("text/html") && !media.is("text/htm") && !media.is("text"));
        assert_eq!(media.parameter("charset").unwrap(), "utf-8");
        assert_eq!(media.parameter("LEVEL").unwrap(), "1");
        assert_eq!(media.parameter("x").unwrap(), "a;b");
        assert!(media.parameter("y").is_none());
        assert_eq!(parse("a/b;c=\"\\\\\\\"\"").unwrap().parameter("c").unwrap(), "\\\"");
    }

    #[test]
    fn what_is_no_media_type() {
        for wrong in [
            "",
            "text",
            "text/",
            "/html",
            "text/html/x",
            "text /html",
            "text/ html",
            "a b/c",
            "text/html;charset",
            "text/html;=x",
            "text/html;a= b",
            "text/html;a=\"x",
            "text/html;a=\"x\"y",
            "text/html;a=\"x\\\"",
            "text/html, a/b",
            "text/html;a=",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
        assert!(parse("text/html;").is_some() && parse(" text/html ").is_some());
    }

    #[test]
    fn json_by_name_and_by_suffix() {
        for (text, is) in [
            ("application/json;charset=utf-8", true),
            ("application/problem+JSON", true),
            ("application/jsonx", false),
            ("application/xml", false),
            ("a/+json", true),
            ("a/json", false),
        ] {
            assert_eq!(parse(text).unwrap().is_json(), is, "{text}");
        }
    }

    #[test]
    fn the_table_is_sorted_well_formed_and_says_utf_8_for_text() {
        assert!(names::BY_EXTENSION.is_sorted_by(|a, b| a.0 < b.0));
        assert!(names::BY_EXTENSION.len() >= 150);
        for (extension, media_type) in names::BY_EXTENSION {
            let media = parse(media_type).unwrap();
            assert_eq!(extension.to_ascii_lowercase(), *extension);
            assert_eq!(by_name(format!("x.{extension}").as_bytes()), *media_type);
            let charset = media.parameter("charset");
            assert_eq!(
                charset.as_deref(),
                (media.main == b"text").then_some("utf-8"),
                "{extension}"
            );
            assert!(!media_type.bytes().any(|octet| octet.is_ascii_uppercase()));
        }
    }

    #[test]
    fn names_and_their_types() {
        for (name, media_type) in [
            ("index.html", "text/html; charset=utf-8"),
            ("INDEX.HTM", "text/html; charset=utf-8"),
            ("a.b.js", "text/javascript; charset=utf-8"),
            ("app.webmanifest", "application/manifest+json"),
            ("a.svg", "image/svg+xml"),
            ("a.xml", "application/xml"),
            ("a.json", "application/json"),
            ("x.tar.gz", "application/gzip"),
            ("font.woff2", "font/woff2"),
            ("noextension", UNKNOWN),
            (".html", UNKNOWN),
            ("a.", UNKNOWN),
            ("", UNKNOWN),
            ("a.unheardof", UNKNOWN),
            ("a.\u{ff}", UNKNOWN),
        ] {
            assert_eq!(by_name(name.as_bytes()), media_type, "{name}");
        }
    }
}
