//! What comes from outside never makes a reader panic, and what a reader says is true of it.

use proptest::prelude::*;
use wherefore_message::authority::Authority;
use wherefore_message::etag::{EntityTag, TagText, Tags, tags};
use wherefore_message::media::{self, MediaType};
use wherefore_message::method::Method;
use wherefore_message::problem::{Extra, Problem};
use wherefore_message::slug;
use wherefore_message::status::Status;
use wherefore_message::target::Target;
use wherefore_message::{escape, expect};

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..48),
        "[\\[\\]:./@?%#*a-f0-9\"W,;= -]{0,24}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn authorities(text in octets()) {
        if let Some(authority) = Authority::parse(&text) {
            prop_assert!(authority.host.len() <= text.len());
            prop_assert!(!authority.host.contains(&b'@'));
        }
    }

    #[test]
    fn what_is_a_host_and_port_is_read(host in "[a-z0-9-]{1,12}(\\.[a-z]{2,5})?", port: u16) {
        let text = format!("{host}:{port}");
        let authority = Authority::parse(text.as_bytes());
        prop_assert_eq!(authority.map(|a| (a.host, a.port)), Some((host.as_bytes(), Some(port))));
    }

    #[test]
    fn targets(text in octets(), method in prop::sample::select(Method::KNOWN)) {
        match Target::parse(method, &text) {
            Ok(target) => {
                prop_assert!(!target.path.contains(&b'?'));
                prop_assert!(text.iter().all(|octet| *octet > b' ' && *octet != 0x7f));
            }
            Err((_, at)) => prop_assert!(at <= text.len()),
        }
    }

    #[test]
    fn entity_tags(text in octets()) {
        if let Some(tag) = TagText::parse(&text) {
            prop_assert!(tag.weak_eq(tag));
            prop_assert_eq!(tag.strong_eq(tag), !tag.weak);
        }
        if let Tags::List(list) = tags([&text[..]].into_iter()) {
            prop_assert!(list.count() <= text.len());
        }
    }

    #[test]
    fn an_entity_tag_of_ours_is_found_in_a_list(
        opaque in "[!#-\\[\\]-~]{0,38}", other in "[a-z]{0,4}", weak: bool,
    ) {
        let strong = EntityTag::strong(opaque.as_bytes());
        let tag = if weak { strong.weakened() } else { strong };
        let line = format!("\"{other},\", {tag} ,W/\"{other} x\"");
        let Tags::List(mut list) = tags([line.as_bytes()].into_iter()) else {
            return Err(TestCaseError::fail("a list is not *"));
        };
        prop_assert!(list.any(|found| found.weak_eq(tag.text()) && found.weak == tag.is_weak()));
    }

    #[test]
    fn media_types(text in octets(), name in octets()) {
        if let Some(media) = MediaType::parse(&text) {
            for parameter in media.parameters() {
                let name = std::str::from_utf8(parameter.name);
                prop_assert!(name.is_ok_and(|name| media.parameter(name).is_some()));
            }
        }
        prop_assert!(MediaType::parse(media::by_name(&name).as_bytes()).is_some());
    }

    /// A parameter's value survives quoting.
    #[test]
    fn quoted_parameters(value in "[ -~\u{e4}\u{4f60}\t]{0,12}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!("a/b; x=\"{quoted}\";y=1");
        let media = MediaType::parse(text.as_bytes());
        let read = media.and_then(|media| media.parameter("x"));
        prop_assert_eq!(read.as_deref(), Some(&value[..]));
    }

    #[test]
    fn names_from_slugs(value in octets()) {
        if let Some(name) = slug::name_from_slug(&value) {
            prop_assert!((1..=slug::NAME_BYTES_MAX).contains(&name.len()));
            prop_assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\\', '\0']));
            prop_assert!(!name.chars().any(|c| c.is_control() || c.is_whitespace()));
            prop_assert_eq!(slug::name_from_slug(name.as_bytes()), Some(name));
        }
    }

    #[test]
    fn names_from_file_names(file_name in "(\\PC|[./\\\\\r\0\u{301} ]){0,24}|[a-z. ]{90,120}") {
        if let Some(name) = slug::name_from_file_name(&file_name) {
            prop_assert!((1..=slug::NAME_BYTES_MAX).contains(&name.len()));
            prop_assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\\', '\0']));
            prop_assert!(!name.ends_with(['.', '-']));
            prop_assert!(!name.chars().any(|c| c.is_control() || c.is_whitespace()));
            prop_assert_eq!(slug::name_from_file_name(&name), Some(name));
        }
    }

    #[test]
    fn only_one_expectation_is_met(text in octets(), known in "100-[cC]ontinue") {
        let mut rest = text.clone();
        rest.retain(|octet| !matches!(octet, b' ' | b'\t' | b','));
        let expected = if rest.is_empty() {
            expect::Expectation::None
        } else {
            expect::Expectation::Other
        };
        prop_assert_eq!(expect::read([&text[..]].into_iter()), expected);
        let both = [known.as_bytes(), &text[..]];
        let met = expect::read(both.into_iter()) == expect::Expectation::Continue;
        prop_assert_eq!(met, rest.is_empty());
    }

    #[test]
    fn escaped_text_holds_nothing_that_acts(text in "(\\PC|[<>&\"'\\\\\\x00-\\x1f\\x7f]){0,24}") {
        let html = escape::html(&text);
        prop_assert!(!html.contains(['<', '>', '"', '\'', '\0']));
        let mut json = String::new();
        escape::json(&text, &mut json);
        prop_assert!(!json.chars().any(char::is_control));
        prop_assert_eq!(unescaped(&json), Some(text));
    }

    #[test]
    fn problems_keep_hostile_text_in_its_place(text in "(\\PC|[<>&\"'\\\\\n\\x00\\x1b]){0,24}") {
        let problem = Problem {
            type_uri: &text,
            title: &text,
            status: Status::CONFLICT,
            detail: &text,
            instance: Some(&text),
            more: vec![("list", Extra::List(vec![text.clone()]))],
        };
        let json = problem.to_json();
        prop_assert_eq!(json.trim_end_matches('\n').chars().filter(|c| c.is_control()).count(), 0);
        let page = problem.to_html();
        let tags = page.matches('<').count();
        prop_assert_eq!(tags, page.matches('>').count());
        let lines = problem.to_text().lines().count();
        prop_assert!(lines <= 8, "{}", lines);
    }
}

/// A JSON string read by a small reader of its own.
fn unescaped(json: &str) -> Option<String> {
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut out = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push(match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            '"' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}
