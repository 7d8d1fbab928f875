//! A target with places for what a route captured: `/new/{name}`, `https://example.org{path}`.

use core::fmt;

use wherefore_message::path;

use crate::policy::pattern::{Captures, Pattern, PatternError};

/// A URI reference with places for captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    parts: Vec<Part>,
    has_query: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// Capture number so much, in the path.
    Capture(usize),
    /// The same in the query.
    QueryCapture(usize),
    /// The request's whole path.
    Path,
}

impl Template {
    /// Reads a template for routes of this pattern: a path, or an absolute URI of `http` or `https`. `{path}`
    /// stands for the request's whole path.
    ///
    /// # Errors
    /// What is wrong with it. A capture in the authority would let a client choose the host that it names.
    pub fn parse(text: &str, pattern: &Pattern) -> Result<Self, PatternError> {
        let error = |at, what| Err(PatternError { at, what });
        let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme));
        let authority_end = match scheme {
            None if text.starts_with('/') && !text.starts_with("//") => 0,
            None => {
                return error(
                    0,
                    "a target is a path that begins with one slash, or an http or https URI",
                );
            }
            Some(scheme) => {
                let rest = text.get(scheme.len()..).unwrap_or_default();
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let end = rest.find("{path}").map_or(end, |at| at.min(end));
                let authority = rest.get(..end).unwrap_or_default();
                if authority.is_empty() {
                    return error(scheme.len(), "a host is missing here");
                }
                if let Some(at) = authority.find(['{', '}', '@', '\\']) {
                    return error(
                        scheme.len() + at,
                        "the host is fixed: what a client sent must not lead away from it",
                    );
                }
                scheme.len() + end
            }
        };
        if let Some(at) = text.find(|octet: char| !octet.is_ascii_graphic()) {
            return error(at, "a URI is of visible ASCII characters; others are percent-encoded");
        }
        let mut template = Self { text: text.into(), parts: Vec::new(), has_query: false };
        let (mut plain, mut at) = (String::new(), 0);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(inner) = rest.strip_prefix('{') else {
                template.has_query |= rest.starts_with('?');
                let end = rest.find(['{', '?']).filter(|end| *end > 0).unwrap_or(1);
                let end = if rest.find(['{', '?']).is_none() { rest.len() } else { end };
                plain.push_str(rest.get(..end).unwrap_or_default());
                at += end;
                continue;
            };
            let Some((name, _)) = inner.split_once('}') else {
                return error(at, "this { is not closed");
            };
            let captured = pattern.names().position(|other| other == name);
            let part = match captured {
                Some(index) if template.has_query => Part::QueryCapture(index),
                Some(index) => Part::Capture(index),
                None if name == "path" && !template.has_query => Part::Path,
                None => return error(at, "the route's path captures nothing of this name"),
            };
            if at < authority_end {
                return error(at, "the host is fixed");
            }
            if !plain.is_empty() {
                template.parts.push(Part::Text(core::mem::take(&mut plain).into()));
            }
            template.parts.push(part);
            at += name.len() + 2;
        }
        if !plain.is_empty() {
            template.parts.push(Part::Text(plain.into()));
        }
        Ok(template)
    }

    /// The target for a request of this decoded path, with its query. A path begins with exactly one slash,
    /// and what was captured is percent-encoded: it can lead neither to another host nor out of the field.
    #[must_use]
    pub fn target(&self, captures: &Captures<'_>, query: Option<&[u8]>) -> String {
        let mut target = self.expanded(captures);
        if let Some(query) = query {
            target.push(if self.has_query { '&' } else { '?' });
            path::encode_query(query, &mut target);
        }
        target
    }

    /// The same without the request's query.
    #[must_use]
    pub fn expanded(&self, captures: &Captures<'_>) -> String {
        let path = captures.path();
        let mut out = String::with_capacity(self.text.len() + path.len());
        for part in &self.parts {
            // Where a slash was written and what was captured begins with one, one is enough.
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Capture(index) => path::encode_path(captures.of(*index), &mut out),
                Part::QueryCapture(index) => {
                    path::encode_value(captures.of(*index), &mut out);
                }
                Part::Path => {
                    let path = if out.ends_with('/') {
                        path.strip_prefix(b"/").unwrap_or(path)
                    } else {
                        path
                    };
                    path::encode_path(path, &mut out);
                }
            }
        }
        if out.starts_with('/') {
            let slashes = out.bytes().take_while(|octet| *octet == b'/').count();
            out.drain(..slashes - 1);
        }
        out
    }
}

/// Written as it was read.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Router;

    fn target(pattern: &str, template: &str, path: &[u8], query: Option<&[u8]>) -> Option<String> {
        let pattern = Pattern::parse(pattern).unwrap();
        let template = Template::parse(template, &pattern).unwrap();
        Router::new([&pattern].into_iter()).route(path)?;
        Some(template.target(&Captures::new(&pattern, path), query))
    }

    #[test]
    fn captures_and_the_query_are_kept() {
        for (pattern, template, path, query, wanted) in [
            ("/old/{a}/{b}", "/new/{b}/{a}", "/old/1/2", None, "/new/2/1"),
            ("/old/{a}", "/new?id={a}&x=1", "/old/a&b=c", Some("q"), "/new?id=a%26b%3Dc&x=1&q"),
            ("/old/{rest*}", "/new/{rest}", "/old/a/b c/", Some("x=1"), "/new/a/b%20c/?x=1"),
            ("/*", "https://example.org{path}", "/a/b", Some("?"), "https://example.org/a/b??"),
            ("/*", "https://example.org/x/{path}", "/a", None, "https://example.org/x/a"),
            ("/", "/home", "/", None, "/home"),
        ] {
            let made = target(pattern, template, path.as_bytes(), query.map(str::as_bytes));
            assert_eq!(made.as_deref(), Some(wanted), "{pattern} {template}");
        }
    }

    #[test]
    fn a_template_that_could_lead_away_is_refused_at_its_place() {
        let pattern = Pattern::parse("/{a}/{rest*}").unwrap();
        for (text, at) in [
            ("//evil.example/", 0),
            ("ftp://example.org/", 0),
            ("javascript:alert(1)", 0),
            ("new", 0),
            ("https://{a}/", 8),
            ("https://example.org{a}/", 19),
            ("https://u@example.org/", 9),
            ("https:///x", 8),
            ("/{b}", 1),
            ("/{a", 1),
            ("/a b", 2),
            ("/x\r\nA: b", 2),
        ] {
            let read = Template::parse(text, &pattern);
            assert_eq!(read.map_err(|error| error.at), Err(at), "{text}");
        }
    }

    proptest! {
        /// Whatever is captured, the target stays on its host and within its field.
        #[test]
        fn a_capture_never_leaves_the_site(
            raw in proptest::collection::vec(any::<u8>(), 0..40), query in any::<Option<Vec<u8>>>()
        ) {
            let path = [b"/x/".as_slice(), &raw].concat();
            for template in ["/{rest}", "/a/{rest}?v={rest}", "https://example.org/{rest}", "https://example.org{path}"] {
                let made = target("/x/{rest*}", template, &path, query.as_deref()).unwrap();
                prop_assert!(made.bytes().all(|octet| octet.is_ascii_graphic()));
                prop_assert!(!made.starts_with("//") && !made.contains('\\'));
                prop_assert!(made.starts_with('/') || made.starts_with("https://example.org/"));
            }
        }
    }
}
