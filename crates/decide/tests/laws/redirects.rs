//! What is not here, over the whole of a small domain, against a second and naive transcription of the table of
//! RFC 9110 §15.4: the method decides, and what was captured is kept.

use wherefore_decide::policy::{Elsewhere, Lasting, Pattern, Resource, Template};
use wherefore_message::problem::ProblemForm;
use wherefore_message::{Announced, FieldName};

use crate::answers::Answer;
use crate::ask::{Asked, file};
use crate::policies::routed;

const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"];

/// A segment as it comes, as it stands in a path of ours, and as it stands in a query.
const SEGMENTS: [(&str, &str, &str); 10] = [
    ("a", "a", "a"),
    ("%61", "a", "a"),
    ("caf%c3%a9", "caf%C3%A9", "caf%C3%A9"),
    ("a%20b", "a%20b", "a%20b"),
    ("a%26b=c", "a&b=c", "a%26b%3Dc"),
    ("%5Cevil.example", "%5Cevil.example", "%5Cevil.example"),
    ("x%0d%0aSet-Cookie:y", "x%0D%0ASet-Cookie:y", "x%0D%0ASet-Cookie%3Ay"),
    ("%3Cb%3E", "%3Cb%3E", "%3Cb%3E"),
    ("a%3Fb%23c", "a%3Fb%23c", "a%3Fb%23c"),
    ("http:%25", "http:%25", "http%3A%25"),
];
const QUERIES: [(&str, &str); 4] =
    [("", ""), ("?", ""), ("?x=1&y", "x=1&y"), ("?//evil.example", "//evil.example")];

/// What became of it, in the words of this test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Became {
    MovedForGood,
    MovedForNow,
    SeeOther,
    Gone,
    UseProxy,
}

#[test]
fn every_combination_is_answered_as_the_table_says() {
    let mut cases = 0;
    for became in [
        Became::MovedForGood,
        Became::MovedForNow,
        Became::SeeOther,
        Became::Gone,
        Became::UseProxy,
    ] {
        for template in ["/new/{rest}?was={a}", "https://example.org/x{path}", "/{a}", "/fixed"] {
            for method in METHODS {
                for segment in SEGMENTS {
                    for query in QUERIES {
                        let answer = engine(became, template, method, segment.0, query.0);
                        let told = (answer.status().code(), answer.value(FieldName::Location));
                        let wanted = transcribed(became, template, method, segment, query);
                        let case = (became, template, method, segment.0, query.0);
                        assert_eq!(told, wanted, "{case:?}");
                        cases += 1;
                    }
                }
            }
        }
    }
    assert_eq!(cases, 5 * 4 * 9 * 10 * 4);
}

/// RFC 9110 §15.4.2, §15.4.3, §15.4.8 and §15.4.9: a client may make a GET of what follows a 301 or a 302, so
/// these are for GET and HEAD alone.
fn transcribed(
    became: Became,
    template: &str,
    method: &str,
    (_, in_path, in_query): (&str, &str, &str),
    (sent, kept): (&str, &str),
) -> (u16, Option<String>) {
    match method {
        "BREW" => return (501, None),
        // It is off unless it is asked for.
        "TRACE" => return (405, None),
        _ => {}
    }
    let method_may_change = method == "GET" || method == "HEAD";
    let code = match (became, method_may_change) {
        (Became::MovedForGood, true) => 301,
        (Became::MovedForGood, false) => 308,
        (Became::MovedForNow, true) => 302,
        (Became::MovedForNow, false) => 307,
        (Became::SeeOther, _) => 303,
        (Became::Gone, _) => return (410, None),
        (Became::UseProxy, _) => return (305, Some("http://proxy.example:3128/".to_owned())),
    };
    let mut location = match template {
        "/new/{rest}?was={a}" => format!("/new/r/{in_path}/?was={in_query}"),
        "https://example.org/x{path}" => {
            format!("https://example.org/x/old/{in_path}/r/{in_path}/")
        }
        "/{a}" => format!("/{in_path}"),
        _ => "/fixed".to_owned(),
    };
    if !sent.is_empty() {
        location.push(if location.contains('?') { '&' } else { '?' });
        location.push_str(kept);
    }
    (code, Some(location))
}

fn engine(
    became: Became,
    template: &str,
    method: &'static str,
    segment: &str,
    query: &str,
) -> Answer {
    let pattern = "/old/{a}/{rest*}";
    let to = Template::parse(template, &Pattern::parse(pattern).unwrap()).unwrap();
    let elsewhere = match became {
        Became::MovedForGood => Elsewhere::Moved { to, lasting: Lasting::Permanent },
        Became::MovedForNow => Elsewhere::Moved { to, lasting: Lasting::Temporary },
        Became::SeeOther => Elsewhere::SeeOther(to),
        Became::Gone => Elsewhere::Gone { since: None },
        Became::UseProxy => Elsewhere::UseProxy("http://proxy.example:3128/".into()),
    };
    let target = format!("/old/{segment}/r/{segment}/{query}");
    let asked = Asked::new(method, &target).in_site(routed(
        pattern,
        Resource::Elsewhere(elsewhere),
        |_| {},
    ));
    asked.answer(&file(), ProblemForm::Text).unwrap()
}

/// What is elsewhere is elsewhere whatever is sent for it: no content is invited that is not kept.
#[test]
fn content_changes_nothing_about_where_it_stands() {
    for announced in [Announced::Nothing, Announced::Length(1 << 40), Announced::Unknown] {
        let elsewhere = Elsewhere::Gone { since: None };
        let site = routed("/*", Resource::Elsewhere(elsewhere), |_| {});
        let asked = Asked::new("PUT", "/a").bringing(announced).in_site(site);
        let asked = asked.with("Expect", "100-continue");
        let answer = asked.answer(&file(), ProblemForm::Text).unwrap();
        assert_eq!((answer.status().code(), answer.rule()), (410, "retired"));
        assert_eq!(answer.value(FieldName::CacheControl).as_deref(), Some("no-cache"));
    }
}
