//! Servers are compared, and how cost grows is measured, by hand; that both could be is seen here.
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::process::Command;

/// Its templates and reports are filled in with invented figures; nothing is started, and nothing measured.
#[test]
fn the_comparison_is_ready() {
    assert_eq!(checked("bench/compare"), "all templates and reports can be filled in\n");
}

#[test]
fn how_cost_grows_can_be_reported() {
    assert_eq!(checked("bench/growth"), "all reports can be made\n");
}

fn checked(script: &str) -> String {
    let out = Command::new("python3")
        .args([script, "--check"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("python3 is installed (3.11 or newer)");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}
