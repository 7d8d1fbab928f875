//! What an operator adds to answers changes no status, and nothing that a status must carry: whatever it is.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wherefore_decide::Scheme;
use wherefore_decide::plan::{Part, Reading};
use wherefore_decide::policy::dress::OURS_ALONE;
use wherefore_decide::policy::{Dress, Route, Site};
use wherefore_message::problem::ProblemForm;
use wherefore_message::response::Lines;
use wherefore_message::{FieldName, FieldSet};

use crate::answers::{Answer, FORMS};
use crate::ask::{Asked, Said, Split, file, founds, requests};
use crate::policies::guarded;

fn dresses() -> impl Strategy<Value = Dress> {
    let values = select(vec!["x", "text/html", "no-store", "*", "public, max-age=9", ""]);
    let known = vec((select(FieldName::KNOWN.to_vec()), values), 0..12);
    known.prop_map(|known| Dress {
        known: known.into_iter().map(|(name, value)| (name, Arc::from(value))).collect(),
        ..Dress::default()
    })
}

fn dressed(site: &Site, dress: Dress) -> Site {
    let old: &Route = &site.routes()[0];
    let mut new = Site::new(
        &site.name,
        site.hosts.clone(),
        vec![Route { dress: dress.clone(), ..old.clone() }],
    );
    new.dress = dress;
    new
}

/// The lines of these names.
fn of(answer: &Answer, names: FieldSet) -> Vec<(FieldName, String)> {
    let lines = answer.head.fields().filter(|(name, _)| names.has(*name));
    lines.map(|(name, value)| (name, value.to_string())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dress_changes_nothing_that_counts(
        asked in requests(),
        found in founds(),
        dress in dresses(),
        form in select(FORMS.to_vec()),
    ) {
        let bare = asked.clone().in_site(dressed(&asked.site, Dress::default()));
        let worn = asked.clone().in_site(dressed(&asked.site, dress));
        let (Some(bare), Some(worn)) = (bare.answer(&found, form), worn.answer(&found, form)) else {
            return Ok(());
        };
        prop_assert_eq!(bare.status(), worn.status());
        prop_assert_eq!(&bare.content, &worn.content);
        prop_assert_eq!(bare.sealed, Ok(()));
        prop_assert_eq!(worn.sealed, Ok(()));
        let row = bare.status().row().unwrap();
        let ours = row.must.or(row.may).or(FieldSet::of(OURS_ALONE));
        prop_assert_eq!(of(&bare, ours), of(&worn, ours));
        prop_assert!(!worn.head.present().meets(row.never()));
        for (name, value) in worn.head.fields() {
            // Of one that may stand once, one stands.
            prop_assert!(name == FieldName::WwwAuthenticate || worn.lines(name) == 1, "{name}: {value}");
        }
        // What says by what the answer was chosen is only added to.
        for member in bare.value(FieldName::Vary).unwrap_or_default().split(", ") {
            prop_assert!(member.is_empty() || worn.has_member(FieldName::Vary, member), "{member}");
        }
        // The content is ours: so is what is said of it, and of where it may be kept.
        let is_explained = matches!(worn.said, Said::Answer(_)) && worn.content.is_some();
        if is_explained {
            let own = FieldSet::of(&[FieldName::ContentType, FieldName::XContentTypeOptions]);
            prop_assert_eq!(of(&bare, own), of(&worn, own));
        }
        if worn.status().is_error() {
            let own = FieldSet::of(&[FieldName::CacheControl, FieldName::Expires, FieldName::Age]);
            prop_assert_eq!(of(&bare, own), of(&worn, own));
        }
        // What a script of another origin may do is said in one place.
        let shared = FieldSet::of(&[
            FieldName::AccessControlAllowOrigin,
            FieldName::AccessControlAllowCredentials,
            FieldName::AccessControlExposeHeaders,
            FieldName::AccessControlAllowMethods,
            FieldName::AccessControlAllowHeaders,
            FieldName::AccessControlMaxAge,
        ]);
        let matched = asked.conduct(Split::ALineAField, &found, |conducted| {
            conducted.matched.is_some_and(|matched| matched.route.cors.is_some())
        });
        if matched {
            prop_assert_eq!(of(&bare, shared), of(&worn, shared));
        }
        // RFC 9110 §15.3.7.2 and §9.3.8: these types say how the content is to be taken apart.
        let type_is_fixed = match &worn.said {
            Said::Read(_, Reading::Echo | Reading::Listing(_)) => true,
            Said::Read(_, Reading::Representation { part, .. }) => matches!(part, Part::Several(_)),
            _ => false,
        };
        if type_is_fixed {
            let own = FieldSet::of(&[FieldName::ContentType]);
            prop_assert_eq!(of(&bare, own), of(&worn, own));
        }
    }
}

/// What is the operator's to say is said.
#[test]
fn a_representation_wears_what_is_set() {
    let known = [
        (FieldName::CacheControl, "max-age=60"),
        (FieldName::ContentType, "text/x-own"),
        (FieldName::ContentLanguage, "de"),
        (FieldName::Vary, "Cookie"),
        (FieldName::Server, "own"),
    ];
    let dress = Dress {
        known: known.iter().map(|(name, value)| (*name, Arc::from(*value))).collect(),
        lines: Lines::new([("X-Own", "a"), ("X-Own", "b")]).map(Arc::new),
        secure_lines: Lines::new([("Strict-Transport-Security", "max-age=1")]).map(Arc::new),
        ..Dress::default()
    };
    let mut asked = Asked::new("GET", "/a").in_site(guarded(|route| route.dress = dress));
    for scheme in [Scheme::Http, Scheme::Https] {
        asked.client.scheme = scheme;
        let answer = asked.answer(&file(), ProblemForm::Json).unwrap();
        for (name, value) in known {
            assert_eq!(answer.value(name).as_deref(), Some(value), "{name}");
        }
        let written = answer.written();
        assert!(written.contains("X-Own: a\r\nX-Own: b\r\n"), "{written}");
        assert_eq!(written.contains("Strict-Transport-Security"), scheme == Scheme::Https);
    }
}

/// Lines are written beside the head: one that a head of ours has would stand there twice, or say where the message
/// ends.
#[test]
fn lines_have_no_name_that_an_answer_of_ours_has() {
    for name in FieldName::KNOWN {
        let text = name.as_str().to_ascii_lowercase();
        let is_taken = Lines::new([(&*text, "x")]).is_some();
        assert_eq!(is_taken, *name == FieldName::StrictTransportSecurity, "{text}");
    }
    assert!(Lines::new([("X-Own", "a\r\nb: c")]).is_none());
    assert!(Lines::new([("X Own", "a")]).is_none());
    assert!(Lines::new([("X-Own", "caf\u{e9}")]).is_some());
}
