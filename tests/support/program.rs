//! Programs that no one here wrote, and that need not be installed.

use std::io::ErrorKind;
use std::process::{Child, Command};

/// Starts the first of `names` that there is, as `set_up` says; none if all are missing and may be: with `CI`
/// set they may not, so that nothing is passed over unseen.
pub fn spawn(names: &[&str], set_up: impl Fn(&mut Command)) -> Option<Child> {
    for name in names {
        let mut command = Command::new(name);
        set_up(&mut command);
        match command.spawn() {
            Ok(child) => return Some(child),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{name} can't be run: {error}"),
        }
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not installed", names[0]);
    eprintln!("not tried, since it is not installed: {}", names[0]);
    None
}
