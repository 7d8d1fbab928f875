//! Variants in the file: the model that is made of them, and what is said of those that can't be sent.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "everything here is a test's")]

use wherefore_config::model::{Bounds, Model, model};
use wherefore_config::{Source, read};
use wherefore_decide::policy::{Resource, VariantList};
use wherefore_decide::variants::{Mode, UnmetLanguage};

/// The routes that all files here begin with.
const ROUTES: &str = "\
[[site.\"a\".route]]
path = \"/*\"
folder = \"./site\"
[[site.\"a\".route]]
path = \"/img/*\"
folder = \"pictures\"
[[site.\"a\".route]]
path = \"/closed/*\"
folder = \"closed\"
auth = { networks = [\"10.0.0.0/8\"] }
";

/// The model, and what is said of the file, a line each.
fn made(text: &str) -> (Option<Model>, Vec<String>) {
    let (file, mut report) = read(Source::new("w", format!("{ROUTES}{text}")));
    let file = file.expect("the keys can be read");
    let bounds = Bounds { content_bytes_max: 1, patch_bytes_max: 1 };
    let made = model(&file, bounds, &mut |_| Err("there is no file".to_owned()), &mut report);
    (made, report.lines().collect())
}

/// A route of these variants, and more keys.
fn list(variants: &str, more: &str) -> String {
    format!("[[site.\"a\".route]]\npath = \"/x\"\nvariants = [{variants}]\n{more}\n")
}

fn said(text: &str) -> Vec<String> {
    made(text).1
}

/// The list at `/x`, of a file of which nothing is to be said.
fn made_list(variants: &str, more: &str) -> VariantList {
    let (model, said) = made(&list(variants, more));
    assert!(said.is_empty(), "{said:?}");
    let site = &model.unwrap().sites[0];
    match &site.route(b"/x").unwrap().route.resource {
        Resource::Variants(list) => list.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_is_one_of_paths() {
    let list = made_list(
        "{ file = \"site/a b.de.html\", language = [\"de\", \"gsw\"] }, \
         { file = \"./pictures/./x/y.svg.gz\", coding = \"gzip\", quality = 500 }, \
         { path = \"/100%/\", type = \"text/html;charset=utf-8\" }",
        "",
    );
    let told: Vec<_> = list
        .variants
        .iter()
        .map(|one| {
            let coding = one.coding.map_or("", |coding| coding.name());
            let languages = one.languages.join(" ");
            format!("{:?} {} [{languages}] {coding} {}", one.path, one.media_type, one.quality)
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"/a b.de.html\" text/html; charset=utf-8 [de gsw]  1000",
            "\"/img/x/y.svg.gz\" image/svg+xml [] gzip 500",
            "\"/100%/\" text/html;charset=utf-8 []  1000",
        ]
    );
    assert_eq!(list.policy.mode, Mode::Proactive);
    assert_eq!(list.policy.unmet_language, UnmetLanguage::Default);
}

#[test]
fn how_a_list_is_negotiated() {
    let two = "{ path = \"/a.html\" }, { path = \"/b.html\" }";
    let more = "negotiate = \"reactive\"\ndefault-language = \"de\"\nstrict-language = true";
    let policy = made_list(two, more).policy;
    assert_eq!((policy.mode, policy.unmet_language), (Mode::Reactive, UnmetLanguage::Refuse));
    assert_eq!(policy.default_language.as_deref(), Some("de"));
}

#[test]
fn how_names_are_negotiated() {
    let route = |keys: &str| {
        let text = format!("[[site.\"a\".route]]\npath = \"/f/*\"\nfolder = \"f\"\n{keys}\n");
        let (model, said) = made(&text);
        assert!(said.is_empty(), "{said:?}");
        let site = &model.unwrap().sites[0];
        site.route(b"/f/x").unwrap().route.folder().unwrap().variants.clone()
    };
    assert_eq!(route(""), None);
    assert_eq!(route("negotiate = \"off\""), None);
    let policy = route("negotiate = \"reactive\"\nlanguages = [\"en\", \"gsw\"]").unwrap();
    assert_eq!(policy.mode, Mode::Reactive);
    assert_eq!(*policy.languages.unwrap(), ["en".into(), "gsw".into()]);
}

#[test]
fn what_is_said_of_lists() {
    for (variants, more, expected) in [
        ("{ path = \"/a.html\" }", "", "error: there is nothing to choose from in a list with one"),
        (
            "{ file = \"elsewhere/a.html\" }, { path = \"/b.html\" }",
            "",
            "w:13:22: error: no route of this site serves the folder of this file",
        ),
        (
            "{ path = \"/a\" }, { path = \"/b.html\" }",
            "",
            "error: its media type can't be told from its name; `type` beside it",
        ),
        (
            "{ path = \"/a\", type = \"text/*\" }, { path = \"/b.html\" }",
            "",
            "error: what is sent has one media type",
        ),
        (
            "{ path = \"/b.html\" }, { path = \"/closed/b.html\" }",
            "",
            "error: `/closed/b.html` can't be sent in place of this: its own route asks more",
        ),
        (
            "{ path = \"/b.html\" }, { path = \"/.git/b.html\" }",
            "",
            "error: `/.git/b.html` can't be sent in place of this: names that begin with a dot",
        ),
        (
            "{ path = \"/b.html\" }, { path = \"/x\", type = \"text/html\" }",
            "",
            "warning: this leads back to the list that it stands in: clients are told so (506)",
        ),
        (
            "{ path = \"/b.html\" }, { path = \"/c.html\" }",
            "negotiate = \"off\"",
            "w:14:13: error: somebody has to choose among variants",
        ),
        (
            "{ path = \"/b.html\" }, { path = \"/c.html\" }",
            "negotiate = \"reactive\"\nlanguages = [\"en\"]",
            "w:15:13: error: each of these variants says its languages itself",
        ),
    ] {
        let said = said(&list(variants, more));
        assert!(said.len() == 1 && said[0].contains(expected), "{variants}: {said:?}");
    }
    let other = "[[site.\"a\".route]]\npath = \"/y\"\n\
                 variants = [{ path = \"/a.html\" }, { path = \"/b.html\" }]\n";
    let to_other = list("{ path = \"/b.html\" }, { path = \"/y\", type = \"text/html\" }", "");
    let (model, said) = made(&format!("{to_other}{other}"));
    assert!(said.len() == 1 && said[0].contains("has variants itself: clients are told so (506)"));
    assert!(model.is_some(), "it is served all the same");
}

#[test]
fn what_is_behind_the_list_s_own_guard_is_sent() {
    let auth = "auth = { networks = [\"10.0.0.0/8\"] }";
    made_list("{ path = \"/b.html\" }, { path = \"/closed/b.html\" }", auth);
}

#[test]
fn wrong_values_are_complained_about_where_they_stand() {
    for (keys, expected) in [
        ("variants = [{ path = \"/a\", language = \"d_e\" }]", "error: `d_e`"),
        (
            "variants = [{ path = \"/a\", quality = 1001 }]",
            "`quality` can't be 1001; from 0 to 1000",
        ),
        ("variants = [{ path = \"/a/*\" }]", "`/a/*` leads to more than one thing"),
        ("variants = [{ path = \"/a\", file = \"a\" }]", "`file` can't stand beside `path`"),
        ("folder = \"f\"\nlanguages = [\"en\"]", "`languages`"),
        ("folder = \"f\"\nstrict-language = true", "`strict-language`"),
    ] {
        let text = format!("[[site.\"a\".route]]\npath = \"/x\"\n{keys}\n");
        let (_, report) = read(Source::new("w", text));
        let said: Vec<_> = report.lines().collect();
        assert!(said.iter().any(|line| line.contains(expected)), "{keys}: {said:?}");
    }
}
