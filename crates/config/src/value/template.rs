//! Where a request is led: targets with the captures of a pattern in them.

use core::fmt;

use super::path::CaptureName;
use super::uri::Origin;
use super::{Text, Wrong};
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// A target with captures in it: `/new/{name}`, or `https://example.net/{rest}`.
///
/// Captures stand only behind the authority and at least one slash, so that none can lead to another
/// site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The site that it leads to; this one if none.
    pub origin: Option<Origin>,
    /// The path and what follows it, beginning with a slash.
    pub parts: Vec<TemplatePart>,
}

/// A part of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// These characters, encoded as a URI has them.
    Literal(String),
    /// What the capture of this name took, to be encoded.
    Capture(CaptureName),
}

impl Template {
    /// The names of the captures in it.
    pub fn captures(&self) -> impl Iterator<Item = &CaptureName> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Capture(name) => Some(name),
            TemplatePart::Literal(_) => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}")?;
        }
        self.parts.iter().try_for_each(|part| match part {
            TemplatePart::Literal(text) => f.write_str(text),
            TemplatePart::Capture(name) => write!(f, "{{{name}}}"),
        })
    }
}

/// The longest target, in octets.
const TARGET_BYTES_MAX: usize = 2048;

impl Text for Template {
    const KIND: Kind = Kind {
        name: "a path or a URI, with captures in braces",
        example: "\"/new/{name}\"",
        wrong: &[
            "\"\"",
            "\"new\"",
            "\"//evil.example\"",
            "\"/\\\\evil.example\"",
            "\"/a b\"",
            "\"https://{host}/\"",
            "\"ftp://example.org/\"",
            "\"/{a\"",
            "\"/a}\"",
            "\"/a%2\"",
            "\"/a\\r\\nX: y\"",
        ],
        shape: Shape::Text("^(/|https?://).*$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.len() > TARGET_BYTES_MAX {
            return Err(Wrong::new("this target is too long"));
        }
        let path_at = match text.find("://") {
            Some(at) if !text.starts_with('/') => {
                let rest = text.get(at + 3..).unwrap_or_default();
                text.len() - rest.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len())
            }
            _ => 0,
        };
        let (site, path) = text.split_at(path_at);
        let origin = if site.is_empty() { None } else { Some(Origin::parse(site)?) };
        let path = if origin.is_some() && path.is_empty() { "/" } else { path };
        if !path.starts_with('/') {
            let wrong = Wrong::new(format!("{} does not begin with a slash", quoted(path)));
            return Err(
                wrong.right("a path as in \"/new\", or a URI as in \"https://example.net/\"")
            );
        }
        if origin.is_none() && path.starts_with("//") {
            let wrong = Wrong::new("two slashes would lead to another site");
            return Err(wrong.right("one slash, or the whole URI"));
        }
        Ok(Self { origin, parts: parts(path, path_at)? })
    }
}

/// Reads literals and captures; `offset` is where the text stands in the whole.
fn parts(text: &str, offset: usize) -> Result<Vec<TemplatePart>, Wrong> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = offset + text.len() - rest.len();
        if let Some(inner) = rest.strip_prefix('{') {
            let Some((name, behind)) = inner.split_once('}') else {
                return Err(Wrong::new("a capture ends with `}`").at(at..at + rest.len()));
            };
            let place = at..at + name.len() + 2;
            let name = CaptureName::parse(name).map_err(|wrong| wrong.at(place))?;
            parts.push(TemplatePart::Capture(name));
            rest = behind;
        } else {
            let end = rest.find('{').unwrap_or(rest.len());
            let (literal, behind) = rest.split_at(end);
            check_literal(literal, at)?;
            parts.push(TemplatePart::Literal(literal.to_owned()));
            rest = behind;
        }
    }
    Ok(parts)
}

/// Complains about what can't stand in a URI as it is (RFC 3986 §3.3, §3.4).
fn check_literal(text: &str, offset: usize) -> Result<(), Wrong> {
    for (at, c) in text.char_indices() {
        let place = offset + at..offset + at + c.len_utf8();
        let is_fine = c.is_ascii_alphanumeric() || "-._~/:@!$&'()*+,;=?#".contains(c);
        let digits = text.as_bytes().get(at + 1..at + 3).unwrap_or_default();
        let is_encoded = digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
        if c == '%' && !is_encoded {
            let wrong = Wrong::new("a `%` is followed by two hexadecimal digits");
            return Err(wrong.right("%25 for the sign itself").at(place));
        }
        if !is_fine && c != '%' {
            let mut octets = [0; 4];
            let encoded: String =
                c.encode_utf8(&mut octets).bytes().map(|octet| format!("%{octet:02X}")).collect();
            let wrong = Wrong::new(format!("{} can't stand in a URI", quoted(&c.to_string())));
            return Err(wrong.right(format!("{encoded} in its place")).at(place));
        }
    }
    Ok(())
}

/// One thing that is tried: the file itself, the index of a folder, or another path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryStep {
    /// The file that the path names.
    File,
    /// The index of the folder that it names.
    Index,
    /// What stands at this path, as the last resort.
    Path(Template),
}

impl fmt::Display for TryStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Index => f.write_str("index"),
            Self::Path(path) => path.fmt(f),
        }
    }
}

impl Text for TryStep {
    const KIND: Kind = Kind {
        name: "\"file\", \"index\" or a path",
        example: "\"/index.html\"",
        wrong: &["\"\"", "\"folder\"", "\"https://example.org/\"", "\"/a b\""],
        shape: Shape::Text("^(file|index|/.*)$"),
    };

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "file" => Ok(Self::File),
            "index" => Ok(Self::Index),
            _ if text.starts_with('/') => Template::parse(text).map(Self::Path),
            _ => Err(Wrong::new(format!("{} can't be tried", quoted(text)))
                .right("\"file\", \"index\", or a path of this site, as in \"/index.html\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn targets() {
        for text in [
            "/",
            "/new/{name}",
            "/a/{b}/{c}.html?q={b}#x",
            "https://example.net/{rest}",
            "http://example.net:8080/",
            "/a%20b",
        ] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
        let template = Template::parse("https://example.net").unwrap();
        assert_eq!(template.to_string(), "https://example.net/");
        let template = Template::parse("/{a}/x{b}").unwrap();
        assert_eq!(template.captures().map(CaptureName::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_no_target_and_where() {
        for (text, part) in [
            ("/a b", Some(2..3)),
            ("/ä", Some(1..3)),
            ("/a%2", Some(2..3)),
            ("/x{a b}", Some(2..7)),
            ("/x{a", Some(2..4)),
            ("https://x.example/a}", Some(19..20)),
            ("/\\evil", Some(1..2)),
            ("//evil.example/", None),
            ("evil", None),
        ] {
            assert_eq!(Template::parse(text).unwrap_err().part, part, "{text}");
        }
        assert_eq!(Template::parse("/ä").unwrap_err().right.unwrap(), "%C3%A4 in its place");
        for text in ["https://{host}/", "https://a.example{rest}/", "javascript://x/", "http:///x"]
        {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_tried() {
        for text in ["file", "index", "/app.html"] {
            assert_eq!(TryStep::parse(text).unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn no_target_leaves_the_site_by_itself(text in "(https?://)?[/a-z{}%\\\\.:@?#\r\n ]{0,20}") {
            if let Ok(template) = Template::parse(&text) {
                let written = template.to_string();
                prop_assert!(!written.contains(['\r', '\n', '\\', ' ']));
                prop_assert_eq!(&Template::parse(&written), &Ok(template.clone()));
                if template.origin.is_none() {
                    prop_assert!(written.starts_with('/') && !written.starts_with("//"));
                }
            }
        }
    }
}
