//! Text put into HTML and JSON so that it stays text.

use core::fmt::Write as _;
use std::borrow::Cow;

/// `text` as it may stand in HTML content and in quoted attribute values. Control characters that no
/// HTML document may hold become U+FFFD.
#[must_use]
pub fn html(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| html_replacement(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8 + 8);
    for c in text.chars() {
        match html_replacement(c) {
            Some(replacement) => out.push_str(replacement),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn html_replacement(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '\t' | '\n' | '\r' => None,
        c if c.is_control() => Some("\u{fffd}"),
        _ => None,
    }
}

/// Appends `text` to `out` as a JSON string, its quotes included (RFC 8259 §7).
pub fn json(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    if text.bytes().all(|octet| matches!(octet, b' '..=b'~') && !matches!(octet, b'"' | b'\\')) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Line separators are escaped for readers that take JSON for a script.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_keeps_plain_text_and_disarms_the_rest() {
        assert!(matches!(html("plain ä\n"), Cow::Borrowed("plain ä\n")));
        assert_eq!(html("<a href='x'>\"&\0"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{fffd}");
    }

    #[test]
    fn json_escapes_what_the_grammar_forbids() {
        let mut out = String::from("x:");
        json("a\"b\\c\n\u{1}\u{2028}é/\u{7f}", &mut out);
        assert_eq!(out, "x:\"a\\\"b\\\\c\\n\\u0001\\u2028é/\\u007f\"");
    }
}
