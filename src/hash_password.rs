//! `wherefore hash-password`: a line of a password file.

use std::io::Read as _;

use wherefore_access::basic::hash_password;
use wherefore_server::random::secret;

use crate::{UsageError, print};

/// Hash a password, read from the standard input, for the file that `htpasswd` names
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The user's name; without it, the hash alone is printed
    user: Option<String>,
}

/// The longest password that is read, in octets; what is sent can't be longer.
const PASSWORD_BYTES_MAX: u64 = 1024;

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .take(PASSWORD_BYTES_MAX + 1)
        .read_to_string(&mut password)
        .map_err(|error| UsageError(format!("can't read the password: {error}")))?;
    let password = password.strip_suffix('\n').unwrap_or(&password);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if let Some(user) = &arguments.user
        && (user.is_empty() || user.contains(':') || user.chars().any(char::is_control))
    {
        return Err(UsageError("a user's name is not empty, and has no colon".to_owned()));
    }
    let salt =
        secret().map_err(|error| UsageError(format!("there is no random source: {error}")))?;
    let hash = hash_password(password, salt).map_err(|fault| UsageError(fault.to_string()))?;
    match &arguments.user {
        Some(user) => print(&format!("{user}:{hash}\n")),
        None => print(&format!("{hash}\n")),
    }
}
