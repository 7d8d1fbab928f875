//! 306 (RFC 9110 §15.4.7) is reserved, and shown by never being sent: no configuration can ask for it.

use std::fs;
use std::process::Output;

use tempfile::TempDir;

use crate::support::server::command;

fn check(text: &str) -> Output {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("wherefore.toml");
    fs::write(&file, text).unwrap();
    command().args(["config", "check"]).arg(file).output().unwrap()
}

fn is_refused(text: &str, reason: &str) {
    let out = check(text);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success(), "{text} was taken");
    assert!(said.contains(reason), "{text}: {said}");
}

#[test]
fn it_is_refused_by_name() {
    for (code, reason) in [
        ("306", "306 is never sent: reserved, and means nothing"),
        ("418", "418 is never sent: reserved for a joke"),
    ] {
        for setting in ["status", "return", "code", "respond"] {
            is_refused(
                &format!("[site.localhost]\nroute = {{ path = '/x', {setting} = {code} }}\n"),
                reason,
            );
        }
        is_refused(
            &format!("[site.localhost]\nerror-pages = {{ {code} = 'page.html' }}\n"),
            reason,
        );
    }
}

/// Nor is any other status: each comes of its situation.
#[test]
fn no_status_is_set_by_its_number() {
    for code in [200, 302, 404, 503] {
        is_refused(
            &format!("[site.localhost]\nroute = {{ path = '/x', return = {code} }}\n"),
            "no status is set by its number",
        );
    }
}
