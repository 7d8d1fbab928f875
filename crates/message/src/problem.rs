//! Problem documents (RFC 9457): why a request failed, for programs and for people, in three forms.

use core::fmt::Write as _;

use crate::accept::media_quality;
use crate::alternative::{self, Alternative};
use crate::escape;
use crate::status::Status;

/// What went wrong with a request. It says nothing of the inside of the server.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// A URI that names the kind of problem and, where it is a locator, explains it (§3.1.1).
    pub type_uri: &'a str,
    /// A short summary of the kind (§3.1.3).
    pub title: &'a str,
    /// The status that is sent with it (§3.1.2).
    pub status: Status,
    /// What happened this time (§3.1.4); left out if empty.
    pub detail: &'a str,
    /// A URI that names this occurrence (§3.1.5).
    pub instance: Option<&'a str>,
    /// Further members (§3.2), none of them named like one of those above.
    pub more: Vec<(&'static str, Extra)>,
}

/// The value of a further member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
    /// Several texts.
    List(Vec<String>),
    /// What could be had instead.
    Alternatives(Vec<Alternative>),
}

/// The forms that a problem is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemForm {
    /// For programs.
    Json,
    /// For browsers.
    Html,
    /// For terminals.
    Text,
}

impl ProblemForm {
    /// The value of `Content-Type` for this form.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/problem+json",
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// The form that the lines of an `Accept` field call for: JSON, unless HTML or plain text is
/// preferred. A browser names HTML first and gets it; `*/*`, or nothing, or nothing of the three gets
/// JSON, since an error is never replaced by 406.
pub fn form<'a>(lines: impl Iterator<Item = &'a [u8]> + Clone) -> ProblemForm {
    let quality = |media_type| media_quality(lines.clone(), media_type);
    let json = quality("application/problem+json").max(quality("application/json"));
    let (html, text) = (quality("text/html"), quality("text/plain"));
    if html > json && html >= text {
        ProblemForm::Html
    } else if text > json {
        ProblemForm::Text
    } else {
        ProblemForm::Json
    }
}

impl Problem<'_> {
    /// The problem in one of its forms.
    #[must_use]
    pub fn to_form(&self, form: ProblemForm) -> String {
        match form {
            ProblemForm::Json => self.to_json(),
            ProblemForm::Html => self.to_html(),
            ProblemForm::Text => self.to_text(),
        }
    }

    /// The problem as `application/problem+json` (RFC 9457 §3), with a newline at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        out.push_str("{\"type\":");
        escape::json(self.type_uri, &mut out);
        out.push_str(",\"title\":");
        escape::json(self.title, &mut out);
        out.push_str(",\"status\":");
        push_number(u64::from(self.status.code()), &mut out);
        if !self.detail.is_empty() {
            out.push_str(",\"detail\":");
            escape::json(self.detail, &mut out);
        }
        if let Some(instance) = self.instance {
            out.push_str(",\"instance\":");
            escape::json(instance, &mut out);
        }
        for (name, extra) in &self.more {
            debug_assert!(!STANDARD_MEMBERS.contains(name), "{name} is a member already");
            out.push(',');
            escape::json(name, &mut out);
            out.push(':');
            extra.push_json(&mut out);
        }
        out.push_str("}\n");
        out
    }

    /// The problem as a page. It loads nothing and runs nothing: it may stand under a
    /// `Content-Security-Policy` of `default-src 'none'; style-src 'unsafe-inline'`.
    #[must_use]
    pub fn to_html(&self) -> String {
        let code = self.status.code();
        let title = escape::html(self.title);
        let mut out = String::with_capacity(1536);
        out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        out.push_str(
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n",
        );
        // Writing to a String can't fail, here and below.
        let _ = write!(out, "<title>{code} {title}</title>\n<style>{STYLE}</style>\n</head>\n");
        let _ = write!(out, "<body>\n<main>\n<h1>{code} {title}</h1>\n");
        if !self.detail.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", escape::html(self.detail));
        }
        let is_link = is_web_reference(self.type_uri);
        if !is_link || !self.more.is_empty() || self.instance.is_some() {
            out.push_str("<dl>\n");
            if !is_link {
                let kind = escape::html(self.type_uri);
                let _ = writeln!(out, "<dt>type</dt><dd><code>{kind}</code></dd>");
            }
            for (name, extra) in &self.more {
                let _ = write!(out, "<dt>{}</dt>", escape::html(name));
                extra.push_html(&mut out);
                out.push('\n');
            }
            if let Some(instance) = self.instance {
                let instance = escape::html(instance);
                let _ = writeln!(out, "<dt>instance</dt><dd><code>{instance}</code></dd>");
            }
            out.push_str("</dl>\n");
        }
        if is_link {
            let href = escape::html(self.type_uri);
            let _ = writeln!(out, "<p><a href=\"{href}\">What this kind of answer means</a></p>");
        }
        out.push_str("</main>\n</body>\n</html>\n");
        out
    }

    /// The problem as plain text, one line for each thing said.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(256);
        push_number(u64::from(self.status.code()), &mut out);
        out.push(' ');
        push_line(self.title, &mut out);
        if !self.detail.is_empty() {
            out.push('\n');
            push_line(self.detail, &mut out);
        }
        out.push('\n');
        for (name, extra) in &self.more {
            push_plain(name, &mut out);
            out.push(':');
            extra.push_text(&mut out);
        }
        if let Some(instance) = self.instance {
            out.push_str("instance: ");
            push_line(instance, &mut out);
        }
        out.push_str("type: ");
        push_line(self.type_uri, &mut out);
        out
    }
}

/// The members of RFC 9457 §3.1.
const STANDARD_MEMBERS: [&str; 5] = ["type", "title", "status", "detail", "instance"];

pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem}\
main{max-width:42rem;margin:0 auto;overflow-wrap:anywhere}\
h1{font-size:1.5rem;line-height:1.25}\
dt{font-weight:600}\
dd{margin:0 0 .5rem}\
ul{margin:0;padding-left:1.25rem}";

/// Whether a link to it leads to a page, and runs nothing.
fn is_web_reference(uri: &str) -> bool {
    ["/", "https://", "http://"].iter().any(|prefix| uri.starts_with(prefix))
}

impl Extra {
    fn push_json(&self, out: &mut String) {
        match self {
            Self::Text(text) => escape::json(text, out),
            Self::Number(number) => push_number(*number, out),
            Self::List(texts) => {
                out.push('[');
                for (i, text) in texts.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    escape::json(text, out);
                }
                out.push(']');
            }
            Self::Alternatives(all) => alternative::push_json_list(all, out),
        }
    }

    fn push_html(&self, out: &mut String) {
        out.push_str("<dd>");
        match self {
            Self::Text(text) => out.push_str(&escape::html(text)),
            Self::Number(number) => push_number(*number, out),
            Self::List(texts) => {
                out.push_str("<ul>");
                for text in texts {
                    let _ = write!(out, "<li>{}</li>", escape::html(text));
                }
                out.push_str("</ul>");
            }
            Self::Alternatives(all) => {
                out.push_str("<ul>");
                for one in all {
                    out.push_str("<li>");
                    one.push_html(out);
                    out.push_str("</li>");
                }
                out.push_str("</ul>");
            }
        }
        out.push_str("</dd>");
    }

    /// What stands behind the colon, to the end of its last line.
    fn push_text(&self, out: &mut String) {
        match self {
            Self::Text(text) => {
                out.push(' ');
                push_plain(text, out);
            }
            Self::Number(number) => {
                out.push(' ');
                push_number(*number, out);
            }
            Self::List(texts) => {
                for text in texts {
                    out.push_str("\n  ");
                    push_plain(text, out);
                }
            }
            Self::Alternatives(all) => {
                for one in all {
                    out.push_str("\n  ");
                    push_plain(&one.to_text(), out);
                }
            }
        }
        out.push('\n');
    }
}

fn push_number(number: u64, out: &mut String) {
    let _ = write!(out, "{number}");
}

fn push_line(text: &str, out: &mut String) {
    push_plain(text, out);
    out.push('\n');
}

/// Text without control characters, so that it begins no line and commands no terminal.
fn push_plain(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| match c {
        '\t' | '\n' | '\r' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alternative::Reference;

    const HOSTILE: &str = "</title><script>\"'&\\\u{1b}\n";

    fn hostile() -> Problem<'static> {
        Problem {
            type_uri: "/rules/found?a&b\"",
            title: HOSTILE,
            status: Status::NOT_FOUND,
            detail: HOSTILE,
            instance: Some(HOSTILE),
            more: vec![
                ("text", Extra::Text(HOSTILE.into())),
                ("number", Extra::Number(u64::MAX)),
                ("list", Extra::List(vec!["a".into(), HOSTILE.into()])),
            ],
        }
    }

    fn plain() -> Problem<'static> {
        Problem {
            type_uri: "about:blank",
            title: "Not Found",
            status: Status::NOT_FOUND,
            detail: "",
            instance: None,
            more: vec![("limit", Extra::Number(7)), ("seen", Extra::List(vec![]))],
        }
    }

    fn form_of(accept: &'static str) -> ProblemForm {
        form([accept.as_bytes()].into_iter())
    }

    #[test]
    fn json() {
        assert_eq!(
            plain().to_json(),
            "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"limit\":7,\"seen\":[]}\n"
        );
        let escaped = "\"</title><script>\\\"'&\\\\\\u001b\\n\"";
        assert_eq!(
            hostile().to_json(),
            format!(
                "{{\"type\":\"/rules/found?a&b\\\"\",\"title\":{escaped},\"status\":404,\
                 \"detail\":{escaped},\"instance\":{escaped},\"text\":{escaped},\
                 \"number\":18446744073709551615,\"list\":[\"a\",{escaped}]}}\n"
            )
        );
    }

    #[test]
    fn html_lets_nothing_out_of_its_place() {
        let page = hostile().to_html();
        assert_eq!(page.matches("</title>").count(), 1);
        assert_eq!(page.matches("<script").count(), 0);
        assert_eq!(page.matches("&lt;script&gt;&quot;&#39;&amp;\\\u{fffd}").count(), 6);
        assert!(page.contains("<a href=\"/rules/found?a&amp;b&quot;\">"));
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
        for outside in ["src=", "@import", "url(", "onload"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn html_links_only_to_pages() {
        assert!(!plain().to_html().contains("<a "));
        let mut problem = plain();
        problem.type_uri = "javascript:alert(1)";
        assert!(!problem.to_html().contains("<a "));
    }

    #[test]
    fn text() {
        assert_eq!(plain().to_text(), "404 Not Found\n\nlimit: 7\nseen:\ntype: about:blank\n");
        let text = hostile().to_text();
        assert!(!text.contains('\u{1b}'));
        // Title, detail, two empty lines, and seven for what else there is: none was forged.
        assert_eq!(text.lines().count(), 11);
    }

    #[test]
    fn alternatives() {
        let one = Alternative::new(Reference::Member(b"a.en.html"), HOSTILE, 500);
        let problem =
            Problem { more: vec![("instead", Extra::Alternatives(vec![one; 2]))], ..plain() };
        let json = problem.to_json();
        assert!(
            json.contains(",\"instead\":[{\"href\":\"a.en.html\",\"type\":\"</title>"),
            "{json}"
        );
        let page = problem.to_html();
        assert_eq!(page.matches("<li><a rel=\"alternate\" href=\"a.en.html\">").count(), 2);
        assert!(!page.contains("<script"));
        let text = problem.to_text();
        // Title, an empty line, the member's name, the two, and the type.
        assert_eq!((text.lines().count(), text.matches("\n  a.en.html, </title>").count()), (6, 2));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn the_form_that_accept_calls_for() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (accept, form) in [
            ("*/*", ProblemForm::Json),
            ("", ProblemForm::Json),
            (browser, ProblemForm::Html),
            ("application/json", ProblemForm::Json),
            ("application/problem+json, text/html", ProblemForm::Json),
            ("application/problem+json;q=0.5, text/html", ProblemForm::Html),
            ("text/plain", ProblemForm::Text),
            ("text/plain, */*;q=0.1", ProblemForm::Text),
            ("text/*", ProblemForm::Html),
            ("text/html;q=0.4, text/plain;q=0.5", ProblemForm::Text),
            ("image/png", ProblemForm::Json),
        ] {
            assert_eq!(form_of(accept), form, "{accept}");
            assert!(!plain().to_form(form).is_empty());
        }
        assert_eq!(form(core::iter::empty()), ProblemForm::Json);
    }
}
