//! A list of alternatives to choose from, as the answers carry it that leave the choice to the client or
//! refuse to make it (RFC 9110 §15.4.1, §15.5.7): as links, and in the forms that content has.

use core::fmt::Write as _;

use crate::coding::Coding;
use crate::escape;
use crate::media::MediaType;
use crate::path::{Path, encode_segment};

/// The most octets that links to alternatives make; those that no longer fit are left out, and stand in
/// the content.
pub const LINKS_BYTES_MAX: usize = 4096;

/// Where something stands, as an answer refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference<'a> {
    /// In the folder of what was asked for, under this name.
    Member(&'a [u8]),
    /// Under this path of the same site.
    Path(Path<'a>),
}

impl Reference<'_> {
    /// The reference, percent-encoded (RFC 3986 §4.2). It leads to no other host, and names no scheme.
    #[must_use]
    pub fn encoded(&self) -> String {
        match self {
            Self::Member(name) => encode_segment(name),
            Self::Path(path) => path.encoded(),
        }
    }
}

/// One alternative, with what tells it from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    href: String,
    media_type: String,
    languages: Vec<String>,
    coding: Option<Coding>,
    quality: u16,
    length: Option<u64>,
}

impl Alternative {
    /// What stands there, with its media type and its quality beside the others in thousandths.
    #[must_use]
    pub fn new(reference: Reference<'_>, media_type: &str, quality: u16) -> Self {
        Self {
            href: reference.encoded(),
            media_type: media_type.to_owned(),
            languages: Vec::new(),
            coding: None,
            quality,
            length: None,
        }
    }

    /// With these languages.
    #[must_use]
    pub fn languages(self, languages: Vec<String>) -> Self {
        Self { languages, ..self }
    }

    /// In this content coding.
    #[must_use]
    pub fn coding(self, coding: Option<Coding>) -> Self {
        Self { coding, ..self }
    }

    /// With this length in octets.
    #[must_use]
    pub fn length(self, length: Option<u64>) -> Self {
        Self { length, ..self }
    }

    /// The alternative as a JSON object.
    pub fn push_json(&self, out: &mut String) {
        out.push_str("{\"href\":");
        escape::json(&self.href, out);
        out.push_str(",\"type\":");
        escape::json(&self.media_type, out);
        if !self.languages.is_empty() {
            out.push_str(",\"language\":[");
            for (i, language) in self.languages.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                escape::json(language, out);
            }
            out.push(']');
        }
        if let Some(coding) = self.coding {
            out.push_str(",\"encoding\":");
            escape::json(coding.name(), out);
        }
        out.push_str(",\"quality\":");
        push_quality(self.quality, out);
        if let Some(length) = self.length {
            // Writing to a String can't fail, here and below.
            let _ = write!(out, ",\"length\":{length}");
        }
        out.push('}');
    }

    /// The alternative as a link in HTML, and behind it what it is.
    pub fn push_html(&self, out: &mut String) {
        let href = escape::html(&self.href);
        let _ = write!(out, "<a rel=\"alternate\" href=\"{href}\"");
        if let Some(essence) = essence(&self.media_type) {
            let _ = write!(out, " type=\"{}\"", escape::html(essence));
        }
        if let [language] = &self.languages[..] {
            let _ = write!(out, " hreflang=\"{}\"", escape::html(language));
        }
        let _ = write!(out, ">{href}</a>, {}", escape::html(&self.described()));
    }

    /// The alternative as plain text: where it stands, and what it is. Control characters are left to
    /// whoever puts it into a line.
    #[must_use]
    pub fn to_text(&self) -> String {
        [&self.href, ", ", &self.described()].concat()
    }

    /// The alternative as a member of a `Link` field (RFC 8288 §3); the media type without parameters,
    /// which have no place there (RFC 8288 §3.4.1).
    fn push_link(&self, out: &mut String) {
        let _ = write!(out, "<{}>; rel=\"alternate\"", self.href);
        if let Some(essence) = essence(&self.media_type) {
            let _ = write!(out, "; type=\"{essence}\"");
        }
        for language in self.languages.iter().filter(|language| is_tag_like(language)) {
            let _ = write!(out, "; hreflang=\"{language}\"");
        }
    }

    fn described(&self) -> String {
        let mut out = self.media_type.clone();
        for language in &self.languages {
            let _ = write!(out, ", {language}");
        }
        if let Some(coding) = self.coding {
            let _ = write!(out, ", {}", coding.name());
        }
        if let Some(length) = self.length {
            let _ = write!(out, ", {length} octets");
        }
        out
    }
}

/// The alternatives as a JSON document with one member, `alternatives`, and a newline at its end.
#[must_use]
pub fn to_json(all: &[Alternative]) -> String {
    let mut out = String::from("{\"alternatives\":");
    push_json_list(all, &mut out);
    out.push_str("}\n");
    out
}

/// The alternatives as a JSON array.
pub fn push_json_list(all: &[Alternative], out: &mut String) {
    out.push('[');
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        one.push_json(out);
    }
    out.push(']');
}

/// The alternatives as the value of a `Link` field, in order, as far as they fit into
/// [`LINKS_BYTES_MAX`]; none if there is none.
#[must_use]
pub fn links(all: &[Alternative]) -> Option<String> {
    let mut out = String::new();
    for one in all {
        let end = out.len();
        if end > 0 {
            out.push_str(", ");
        }
        one.push_link(&mut out);
        if out.len() > LINKS_BYTES_MAX {
            out.truncate(end);
            break;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The media type without its parameters, if it can be read: then it holds nothing that needs escaping in a
/// quoted string.
fn essence(media_type: &str) -> Option<&str> {
    MediaType::parse(media_type.as_bytes())?;
    media_type.split(';').next().map(str::trim)
}

/// Whether it is made as language tags are: then it holds nothing that would end a quoted string.
fn is_tag_like(language: &str) -> bool {
    !language.is_empty()
        && language.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// Thousandths as a decimal number, as short as it can be written.
fn push_quality(thousandths: u16, out: &mut String) {
    let _ = write!(out, "{}.{:03}", thousandths / 1000, thousandths % 1000);
    while out.ends_with('0') {
        out.pop();
    }
    if out.ends_with('.') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Alternative {
        Alternative::new(Reference::Member(b"page.de.html"), "text/html; charset=utf-8", 900)
            .languages(vec!["de".to_owned(), "de-CH".to_owned()])
            .coding(Some(Coding::Gzip))
            .length(Some(1234))
    }

    fn hostile() -> Alternative {
        let name = "java\"script:<b>\r\n, x&\u{1b}'\u{e4}";
        Alternative::new(Reference::Member(name.as_bytes()), "a/b\"><i>\r\n\u{1b}", 1)
            .languages(vec!["\"><u>\r\nX: y".to_owned()])
    }

    fn link(one: Alternative) -> String {
        links(&[one]).unwrap_or_default()
    }

    #[test]
    fn json() {
        assert_eq!(
            to_json(&[page(), Alternative::new(Reference::Path(Path::ROOT), "a/b", 1000)]),
            "{\"alternatives\":[{\"href\":\"page.de.html\",\"type\":\"text/html; charset=utf-8\",\
             \"language\":[\"de\",\"de-CH\"],\"encoding\":\"gzip\",\"quality\":0.9,\"length\":1234},\
             {\"href\":\"/\",\"type\":\"a/b\",\"quality\":1}]}\n"
        );
        assert_eq!(to_json(&[]), "{\"alternatives\":[]}\n");
        let json = to_json(&[hostile()]);
        assert_eq!(json.trim_end().chars().filter(|c| c.is_control()).count(), 0);
    }

    #[test]
    fn html_and_text() {
        let mut out = String::new();
        page().languages(vec!["de".to_owned()]).push_html(&mut out);
        assert_eq!(
            out,
            "<a rel=\"alternate\" href=\"page.de.html\" type=\"text/html\" hreflang=\"de\">page.de.html\
             </a>, text/html; charset=utf-8, de, gzip, 1234 octets"
        );
        assert_eq!(
            page().to_text(),
            "page.de.html, text/html; charset=utf-8, de, de-CH, gzip, 1234 octets"
        );
        let mut out = String::new();
        hostile().push_html(&mut out);
        assert_eq!((out.matches('<').count(), out.matches("<a ").count()), (2, 1));
        assert!(
            out.starts_with("<a rel=\"alternate\" href=\"java%22script%3A%3Cb%3E%0D%0A,"),
            "{out}"
        );
    }

    #[test]
    fn links_hold_what_a_field_can_hold() {
        assert_eq!(
            link(page()),
            "<page.de.html>; rel=\"alternate\"; type=\"text/html\"; hreflang=\"de\"; hreflang=\"de-CH\""
        );
        assert_eq!(
            link(hostile()),
            "<java%22script%3A%3Cb%3E%0D%0A,%20x&%1B'%C3%A4>; rel=\"alternate\""
        );
        assert_eq!(links(&[]), None);
    }

    #[test]
    fn links_are_bounded_and_whole() {
        let all = vec![page(); 200];
        let some = links(&all).unwrap();
        let one = link(page()).len();
        assert!(some.len() <= LINKS_BYTES_MAX && some.len() + one + 2 > LINKS_BYTES_MAX);
        assert_eq!((some.len() + 2) % (one + 2), 0);
        let long = [b'a'; LINKS_BYTES_MAX];
        assert_eq!(links(&[Alternative::new(Reference::Member(&long), "a/b", 1)]), None);
    }

    #[test]
    fn qualities() {
        for (thousandths, written) in
            [(0, "0"), (1, "0.001"), (50, "0.05"), (900, "0.9"), (1000, "1")]
        {
            let mut out = String::from("10");
            push_quality(thousandths, &mut out);
            assert_eq!(out, ["10", written].concat());
        }
    }
}
