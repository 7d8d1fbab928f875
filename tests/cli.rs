//! The command line: what it prints and how it ends.
#![allow(unreachable_pub, reason = "shared by several test binaries")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use std::process::Output;

use support::server::command;

fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// What a command printed that did its work and had nothing to complain of.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{arguments:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command complained of that was called wrongly: with status 2, and nothing else printed.
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Where no server runs, the accounts are written all the same; with one, `examples/prices` shows it.
#[test]
fn what_is_paid_in_counts_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("wherefore.toml");
    let route = |price: &str| {
        let route = format!("path = \"/*\"\nfolder = \".\"\n{price}");
        let text = format!("[server]\nstate = \"state\"\n[[site.localhost.route]]\n{route}");
        std::fs::write(&file, text).unwrap();
    };
    let file = file.to_str().unwrap();
    let credit = |words: [&'static str; 3]| [&["credit", "--config", file][..], &words].concat();

    route("");
    assert!(complaint(&credit(["anna", "7", "first"])).contains("no route has a price"));
    route("price = { amount = 5, account = { field = \"X-Key\" } }\n");
    assert_eq!(printed(&credit(["anna", "7", "first"])), "it is accounted for: anna can spend 7\n");
    let again = "it was accounted for before, and counts once: anna can spend 7\n";
    assert_eq!(printed(&credit(["anna", "7", "first"])), again);
    assert!(complaint(&credit(["anna", "8", "first"])).contains("another account or amount"));
    assert!(printed(&credit(["anna", "8", "second"])).contains("anna can spend 15"));
    for (words, says) in [
        (["", "7", "third"], "an account has a name"),
        (["anna", "7", "the third"], "a payment has a name"),
        (["anna", "-7", "third"], "unexpected argument"),
    ] {
        assert!(complaint(&credit(words)).contains(says), "{words:?}");
    }
}

#[test]
fn rules_lists_every_rule_of_every_group_in_order() {
    let all = printed(&["rules"]);
    let mut rest = all.as_str();
    for group in wherefore_decide::catalogue::GroupId::ALL {
        for what in std::iter::once(group.title()).chain(group.rules().iter().map(|info| info.id)) {
            let at = rest.find(what).unwrap_or_else(|| panic!("{what} is not where it belongs"));
            rest = &rest[at + what.len()..];
        }
    }
}

#[test]
fn rules_of_a_status_are_those_that_may_send_it() {
    let text = printed(&["rules", "412"]);
    assert!(text.starts_with("412 Precondition Failed  (RFC 9110 §15.5.13)\n"), "{text}");
    for id in ["if-match", "if-unmodified-since", "if-none-match"] {
        assert!(text.contains(&format!("\n  {id}  (RFC 9110 §13.1.")), "{text}");
    }
    assert!(!text.contains("if-modified-since"), "{text}");
    assert!(printed(&["rules", "405"]).contains("must carry: Allow"));
    assert!(printed(&["rules", "306"]).contains("never sent by our own decision"));
}

#[test]
fn what_is_no_status_is_a_mistake_of_the_user() {
    for (code, says) in [
        ("abc", "\"abc\" is no status code"),
        ("99", "\"99\" is no status code"),
        ("600", "\"600\" is no status code"),
        ("299", "299 is not a registered status code"),
        ("", "\"\" is no status code"),
    ] {
        let text = complaint(&["rules", code]);
        assert!(text.starts_with("wherefore: ") && text.contains(says), "{code}: {text}");
    }
}

/// Folders that have other names and are the same, or stand in one another, are seen to be so.
#[test]
fn folders_are_compared_as_they_are() {
    let own = tempfile::TempDir::new().unwrap();
    for name in ["state", "site/inner"] {
        std::fs::create_dir_all(own.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink("site/inner", own.path().join("link")).unwrap();
    let file = own.path().join("wherefore.toml");
    let check = |one: &str, two: &str| {
        let route = |path: &str, keys: &str| {
            format!("[[site.localhost.route]]\npath = \"{path}\"\n{keys}\nwritable = true\n")
        };
        let (one, two) = (route("/a/*", one), route("/b/*", two));
        std::fs::write(&file, format!("[server]\nstate = \"state\"\n{one}{two}")).unwrap();
        run(&["config", "check", file.to_str().unwrap()])
    };
    let inner = "folder = \"site/inner\"";
    for (other, says) in [
        ("folder = \"link/..\"", "both are written to"),
        ("folder = \"link\"\nquota = \"5B\"", "how much it may hold"),
        ("folder = \"./site/../link\"\nlinks = \"refuse\"", "whether links are followed"),
    ] {
        let output = check(&format!("{inner}\nquota = \"6B\"\nlinks = \"follow\""), other);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(says), "{other}: {said}");
    }
    let output = check(inner, "folder = \"link\"\nlinks = \"refuse\"");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
