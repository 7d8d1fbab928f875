//! Laws of the answers that policies give: what each must carry, what may be stored, what a client can't change.

use proptest::prelude::*;
use proptest::sample::select;
use wherefore_decide::policy::cors::{Credentials, Origins};
use wherefore_decide::policy::gate::Https;
use wherefore_decide::policy::{Dress, Elsewhere, Gate, Resource, Route};
use wherefore_decide::{Client, Scheme};
use wherefore_message::problem::ProblemForm;
use wherefore_message::{FieldName, FieldSet, Status};

use crate::answers::{Answer, FORMS};
use crate::ask::{Asked, Said, Split, file, founds, hostile_targets, requests};
use crate::policies::{blocked, elsewheres, guarded, networks, routed};

/// Rules whose answer depends on who or where the client is: a cache that keeps it would give it to others.
const PERSONAL: [&str; 20] = [
    "forwarded",
    "maintenance",
    "legal",
    "network",
    "rate",
    "at-once",
    "limit-room",
    "preflight-origin",
    "credentials-sent",
    "credentials-form",
    "credentials-tries",
    "credentials-room",
    "credentials-valid",
    "allowed",
    "user-rate",
    "user-at-once",
    "user-limit-room",
    "account",
    "ledger",
    "balance",
];

fn forms() -> impl Strategy<Value = ProblemForm> {
    select(FORMS.to_vec())
}

fn route(asked: &Asked) -> &Route {
    &asked.site.routes()[0]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_leaves_that_lacks_a_field(asked in requests(), found in founds(), form in forms()) {
        let Some(answer) = asked.answer(&found, form) else { return Ok(()) };
        prop_assert_eq!(answer.sealed, Ok(()), "{} {}", answer.status(), answer.rule());
        let never = answer.status().row().unwrap().never();
        prop_assert!(!never.meets(answer.head.present()));
        // Each in one line, but for what is a list of challenges, and Vary.
        let several = FieldSet::of(&[FieldName::WwwAuthenticate, FieldName::Link, FieldName::Vary]);
        for name in answer.head.present().without(several).iter() {
            prop_assert_eq!(answer.lines(name), 1, "{}", name);
        }
        for (name, value) in answer.head.fields() {
            let text = value.to_string();
            prop_assert!(text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()), "{name}: {text}");
        }
    }

    #[test]
    fn each_status_carries_what_it_is_for(asked in requests(), found in founds(), form in forms()) {
        let Some(answer) = asked.answer(&found, form) else { return Ok(()) };
        let value = |name| answer.value(name).unwrap_or_default();
        match answer.status() {
            Status::UNAUTHORIZED => {
                let auth = route(&asked).auth.as_ref().unwrap();
                let told = value(FieldName::WwwAuthenticate);
                prop_assert_eq!(told.contains("Basic realm="), !auth.basic.is_empty());
                let is_bearer = !auth.bearer.is_empty() || auth.ask.is_some();
                prop_assert_eq!(told.contains("Bearer realm="), is_bearer);
            }
            Status::TOO_MANY_REQUESTS | Status::SERVICE_UNAVAILABLE => {
                prop_assert!(value(FieldName::RetryAfter).parse::<u64>().unwrap() >= 1);
            }
            Status::UNAVAILABLE_FOR_LEGAL_REASONS => {
                prop_assert_eq!(value(FieldName::Link), "<https://host.example/legal>; rel=\"blocked-by\"");
                let is_explained = answer.content.unwrap().contains("A court demanded it.");
                prop_assert!(is_explained);
            }
            Status::UPGRADE_REQUIRED => {
                prop_assert!(!value(FieldName::Upgrade).is_empty());
                prop_assert_eq!(value(FieldName::Connection), "upgrade");
            }
            Status::PAYMENT_REQUIRED => {
                let rule = answer.rule();
                let content = answer.content.unwrap();
                // What an x402 payment costs is added by whoever knows the offer.
                prop_assert!(rule.starts_with("payment") || (content.contains("price") && content.contains("EUR cent")));
            }
            Status::CONTENT_TOO_LARGE => {
                let until = route(&asked).content.until.is_some_and(|until| until > crate::ask::NOW);
                prop_assert_eq!(value(FieldName::RetryAfter), if until { "9" } else { "" });
            }
            _ => {}
        }
    }

    #[test]
    fn what_depends_on_who_asks_is_not_stored(asked in requests(), found in founds(), form in forms()) {
        let Some(answer) = asked.answer(&found, form) else { return Ok(()) };
        if PERSONAL.contains(&answer.rule()) {
            let stored = answer.value(FieldName::CacheControl);
            prop_assert_eq!(stored.as_deref(), Some("no-store"), "{}", answer.rule());
        }
        if answer.status().is_error() && answer.content.is_some() {
            prop_assert!(answer.has_member(FieldName::Vary, "Accept"));
        }
    }

    #[test]
    fn an_origin_that_is_not_allowed_is_never_named(asked in requests(), found in founds()) {
        let Some(answer) = asked.answer(&found, ProblemForm::Json) else { return Ok(()) };
        let told = answer.value(FieldName::AccessControlAllowOrigin);
        // Where no site answers, no route does.
        let seen = asked.conduct(Split::ALineAField, &found, |conducted| conducted.matched.is_some());
        let Some(cors) = route(&asked).cors.as_ref().filter(|_| seen) else {
            prop_assert_eq!(told, None);
            return Ok(());
        };
        let sent = asked.fields.iter().find(|(name, _)| *name == "Origin").map(|(_, values)| values[0]);
        let is_open = cors.origins == Origins::Any && cors.credentials == Credentials::Omitted;
        match told.as_deref() {
            Some("*") => prop_assert!(is_open),
            Some(origin) => {
                prop_assert_eq!(Some(origin), sent);
                prop_assert!(cors.allows(origin.as_bytes()));
            }
            None => prop_assert!(!sent.is_some_and(|sent| cors.allows(sent.as_bytes()))),
        }
        // What no cache keeps may differ as it likes (RFC 9110 §9.3.7).
        prop_assume!(matches!(asked.method, "GET" | "HEAD"));
        let other = ["http://friend.example", "http://evil.example"].into_iter().find(|other| Some(*other) != sent);
        let mut again = asked.without(&["Origin"]);
        again = again.with("Origin", other.unwrap());
        let differs = again.answer(&found, ProblemForm::Json).is_none_or(|other| {
            [FieldName::AccessControlAllowOrigin, FieldName::AccessControlExposeHeaders]
                .iter()
                .any(|name| other.value(*name) != answer.value(*name))
        });
        if differs {
            prop_assert!(answer.has_member(FieldName::Vary, "Origin"), "{}", answer.status());
        }
    }

    #[test]
    fn nothing_that_is_sent_changes_the_host_of_a_location(
        target in hostile_targets(),
        method in select(vec!["GET", "HEAD", "POST", "PUT", "OPTIONS"]),
        host in select(vec![None, Some(""), Some("localhost"), Some("localhost:8080"), Some("NAMED.example."), Some("[::1]:1"), Some("127.0.0.1")]),
        elsewhere in select(elsewheres(["/new{path}", "https://example.org{path}", "/{path}"])),
        (https, canonical, moved) in any::<(bool, bool, bool)>(),
        scheme in select(vec![Scheme::Http, Scheme::Https]),
    ) {
        let gate = Gate {
            https: if https { Https::Required } else { Https::Optional },
            canonical_host: canonical.then(|| "canonical.example".into()),
            ..Gate::default()
        };
        let site = if moved {
            routed("/*", Resource::Elsewhere(elsewhere), |route| route.gate = gate)
        } else {
            guarded(|route| route.gate = gate)
        };
        let asked = Asked { host, client: Client { scheme, ..Client::UNKNOWN }, ..Asked::new(method, &target) };
        let asked = asked
            .in_site(site)
            .with("X-Forwarded-Host", "evil.example")
            .with("X-Forwarded-Proto", "gopher")
            .with("Forwarded", "host=evil.example;proto=gopher")
            .with("Referer", "http://evil.example/")
            .with("Origin", "http://evil.example");
        let bare = crate::ask::folder(None, wherefore_decide::facts::Members::NotAsked);
        let Some(answer) = asked.answer(&bare, ProblemForm::Text) else { return Ok(()) };
        prop_assert_eq!(answer.sealed, Ok(()));
        let Some(location) = answer.value(FieldName::Location) else { return Ok(()) };
        prop_assert!(location.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\'), "{location}");
        let own = host.map(|host| host.split(":8080").next().unwrap().trim_end_matches(":1"));
        match location.split_once("://") {
            Some((scheme, rest)) if !location.starts_with('/') => {
                prop_assert!(scheme == "http" || scheme == "https", "{location}");
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let named = rest[..end].trim_end_matches(":8080").trim_end_matches(":1").trim_end_matches(":3128");
                let known = ["canonical.example", "example.org", "proxy.example"];
                prop_assert!(known.contains(&named) || Some(named) == own.filter(|own| !own.is_empty()), "{location}");
            }
            _ => prop_assert!(location.starts_with('/') && !location.starts_with("//"), "{location}"),
        }
    }
}

/// RFC 9110 §15.5.22, §7.8: what is named is what the route speaks.
#[test]
fn a_426_names_what_is_spoken() {
    use wherefore_decide::policy::gate::Protocol;
    for (protocol, wanted) in [
        (Protocol::WebSocket, "websocket"),
        (Protocol::Http11, "HTTP/1.1"),
        (Protocol::Http2, "HTTP/2.0"),
        (Protocol::Http3, "HTTP/3.0"),
    ] {
        let mut asked =
            Asked::new("GET", "/a").in_site(guarded(|route| route.gate.protocol = protocol));
        asked.version = wherefore_message::Version::HTTP_10;
        let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
        assert_eq!(answer.value(FieldName::Upgrade).as_deref(), Some(wanted));
    }
}

/// A page in each form holds what the operator and the client wrote, and none of it is markup.
#[test]
fn what_is_written_into_a_page_is_escaped() {
    use wherefore_decide::policy::dress::{Page, PageForm, PageOf};
    use wherefore_message::status::Class;
    const HOSTILE: &str = "<script>\"&'</script>";
    let page =
        |form, text: &str| Page { of: PageOf::Class(Class::ClientError), form, text: text.into() };
    let text = "<p>{{detail}}{{title}}{{status}}{{request-id}}{{other}}{{";
    let own = Dress {
        pages: vec![page(PageForm::Html, text), page(PageForm::Text, text)],
        ..Dress::default()
    };
    for dress in [Dress::default(), own] {
        for form in FORMS {
            for (which, answer) in hostile(HOSTILE, &dress, form).into_iter().enumerate() {
                let content = answer.content.as_deref().unwrap();
                let is_page = !dress.pages.is_empty() && form != ProblemForm::Json;
                assert_eq!(content.starts_with("<p>"), is_page && answer.status().code() < 500);
                assert!(
                    form == ProblemForm::Text || !content.contains("<script>\""),
                    "{which}: {content}"
                );
                if form == ProblemForm::Html {
                    assert!(content.contains("&lt;script&gt;"), "{which}: {content}");
                    assert!(!content.contains("<script"), "{which}: {content}");
                } else if form == ProblemForm::Json {
                    assert!(content.contains("<script>\\\"&'"), "{which}: {content}");
                } else {
                    assert!(content.contains(HOSTILE), "{which}: {content}");
                }
                assert_eq!(content.ends_with("{{other}}{{"), content.starts_with("<p>"));
            }
        }
    }
}

/// A 451, a 402 and a 503 of policies whose words are markup.
fn hostile(text: &'static str, dress: &Dress, form: ProblemForm) -> Vec<Answer> {
    let with = |set: &dyn Fn(&mut Route)| {
        let site = guarded(|route| {
            route.dress = dress.clone();
            set(route);
        });
        let mut asked = Asked::new("GET", "/a").in_site(site);
        asked.told.paid = wherefore_decide::allowance::Paid::Short(1);
        asked.answer(&file(), form).unwrap()
    };
    vec![
        with(&|route| {
            let mut block = blocked(networks(""), &[]);
            block.demand = text.into();
            route.gate.blocked = vec![block];
        }),
        with(&|route| {
            let mut price = crate::policies::price();
            price.unit = text.into();
            route.price = Some(price);
        }),
        with(&|route| {
            let mut closed = crate::policies::maintenance(None);
            closed.detail = Some(text.into());
            route.gate.maintenance = Some(closed);
        }),
    ]
}

/// What stands elsewhere is told by its status alone: programs follow it, people read where it is.
#[test]
fn a_redirect_explains_itself_without_being_a_problem() {
    for elsewhere in elsewheres(["/new{path}"]) {
        let is_gone = matches!(elsewhere, Elsewhere::Gone { .. });
        let site = routed("/*", Resource::Elsewhere(elsewhere), |_| {});
        let answer =
            Asked::new("GET", "/a").in_site(site).answer(&file(), ProblemForm::Json).unwrap();
        let media_type = answer.value(FieldName::ContentType).unwrap();
        assert_eq!(media_type.contains("problem"), is_gone, "{media_type}");
        assert!(matches!(answer.said, Said::Answer(_)));
    }
}
