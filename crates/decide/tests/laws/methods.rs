//! 405, `Allow` and OPTIONS: three ways to say one thing.

use proptest::prelude::*;
use wherefore_decide::Witness;
use wherefore_decide::facts::Found;
use wherefore_decide::plan::Reading;
use wherefore_decide::policy::{FolderAccess, MissingFolders, Trace};
use wherefore_message::{Announced, Method, MethodSet, Status};

use crate::ask::{Asked, Said, file, founds, requests, site};

/// What OPTIONS says of the same resource; none if it says something else than a set. A folder that was
/// named without its slash is asked by its own name, where the redirect leads.
fn options(asked: &Asked, found: &Found) -> Option<MethodSet> {
    let mut options = Asked { method: "OPTIONS", announced: Announced::Nothing, ..asked.clone() };
    options.fields.clear();
    let (mut said, _) = options.ask(found);
    if said.status() == Some(Status::PERMANENT_REDIRECT) {
        options.target = slashed(&options.target);
        (said, _) = options.ask(found);
    }
    match said {
        Said::Read(_, Reading::Options(methods)) => Some(methods),
        _ => None,
    }
}

fn slashed(target: &str) -> String {
    match target.split_once('?') {
        Some((path, query)) => format!("{path}/?{query}"),
        None => format!("{target}/"),
    }
}

fn refused(said: &Said) -> Option<MethodSet> {
    let verdict = said.verdict().filter(|verdict| verdict.status == Status::METHOD_NOT_ALLOWED)?;
    let Witness::Methods(methods) = verdict.witness else { panic!("405 without methods") };
    Some(methods)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_405_and_options_offer_the_same_methods(asked in requests(), found in founds()) {
        let Some(offered) = refused(&asked.ask(&found).0) else { return Ok(()) };
        prop_assert!(!offered.has(asked.method()), "{offered} has {}", asked.method);
        prop_assert!(offered.has(Method::Get) && offered.has(Method::Head));
        if let Some(told) = options(&asked, &found) {
            prop_assert_eq!(told, offered);
        }
    }

    #[test]
    fn a_method_is_refused_with_405_if_and_only_if_options_leaves_it_out(
        asked in requests(),
        found in founds(),
    ) {
        let Some(told) = options(&asked, &found).filter(|_| asked.target != "*") else {
            return Ok(());
        };
        for method in Method::KNOWN {
            let mut again = Asked { method: method.as_str(), ..asked.clone() };
            // As plain as the method allows, so that nothing else is wrong with it.
            again.fields.retain(|(name, _)| !matches!(*name, "Content-Encoding" | "Content-Type" | "Expect" | "Content-Range" | "Origin" | "Sec-Fetch-Site"));
            again.announced = Announced::Nothing;
            match method {
                Method::Connect => continue,
                Method::Patch => {
                    again = again.with("Content-Type", "application/json-patch+json");
                    again.announced = Announced::Length(1);
                }
                Method::Put | Method::Post => again.announced = Announced::Length(1),
                _ => {}
            }
            let (said, _) = again.ask(&found);
            let is_refused = refused(&said).is_some();
            if told.has(*method) {
                prop_assert!(!is_refused, "{method} is offered: {told}");
            } else if said.status() != Some(Status::CONFLICT)
                && said.status() != Some(Status::NOT_IMPLEMENTED)
            {
                prop_assert!(is_refused, "{method} is not offered, and answered {}", said.summary());
            }
        }
    }
}

#[test]
fn a_conflict_hides_a_405_only_from_a_write_that_names_a_folder_without_its_slash() {
    let folder = crate::ask::folder(None, wherefore_decide::facts::Members::None);
    let asked = Asked::new("PUT", "/a").bringing(Announced::Length(1));
    assert_eq!(asked.ask(&folder).0.summary(), "409 Conflict folder-name");
    let slashed = Asked::new("PUT", "/a/").bringing(Announced::Length(1));
    assert_eq!(slashed.ask(&folder).0.summary(), "405 Method Not Allowed method");
}

/// RFC 9110 §10.2.1: `Allow` advertises what can be used here, not what the program could do elsewhere.
#[test]
fn a_501_offers_what_the_route_offers() {
    let read_only = site(FolderAccess::ReadOnly, MissingFolders::Conflict, Trace::Off);
    let writable = site(FolderAccess::Writable, MissingFolders::Conflict, Trace::On);
    for (site, wanted) in [
        (read_only, "GET, HEAD, OPTIONS"),
        (writable, "GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, PATCH"),
    ] {
        let (said, _) = Asked::new("BREW", "/pot").in_site(site).ask(&file());
        let verdict = said.verdict().unwrap();
        assert_eq!(verdict.status, Status::NOT_IMPLEMENTED);
        let Witness::Methods(methods) = verdict.witness else { panic!("{verdict:?}") };
        assert_eq!(methods.to_string(), wanted);
    }
}
