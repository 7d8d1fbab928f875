//! The comparison with other servers is carried out by hand; that it could be is seen here.
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::process::Command;

/// Its templates and reports are filled in with invented figures; nothing is started, and nothing measured.
#[test]
fn the_comparison_is_ready() {
    let out = Command::new("python3")
        .args(["bench/compare", "--check"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("python3 is installed (3.11 or newer)");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.stdout, b"all templates and reports can be filled in\n");
}
