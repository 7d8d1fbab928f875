//! `wherefore credit`: accounts for what was paid in.

use std::path::{Path, PathBuf};

use wherefore_server::control::{Command, Credit, Reply, ask, credit};
use wherefore_state::Balances;

use crate::configured::{self, BALANCES, Places};
use crate::{UsageError, print};

/// Add to what an account can spend on answers that have a price
///
/// The running server is told; where none runs, it is written where the next one finds it. Only the user
/// that the server runs as may do this.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The account: a user's name, or the value of the field that the price names
    account: String,
    /// How much, in the smallest unit of the price
    amount: u64,
    /// A name for the payment, such as its number elsewhere: under one name it counts once
    payment: String,
    /// The configuration file that is served
    #[arg(long, value_name = "FILE", default_value = "wherefore.toml")]
    config: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    let Arguments { account, amount, payment, config } = arguments;
    let payment =
        Credit::new(*amount, payment, account).map_err(|what| UsageError(what.to_owned()))?;
    let Places { control, accounts } = configured::places(config)?;
    let Some(accounts) = accounts else {
        return Err(UsageError("nothing is paid for here: no route has a price".to_owned()));
    };
    let command = Command::Credit(payment.clone());
    let reply = match control.map(|place| ask(&place, &command)) {
        Some(Ok(reply)) => reply,
        Some(Err(error)) if !error.is_nobody() => return Err(UsageError(error.to_string())),
        Some(Err(_)) | None => unserved(&accounts, &payment)?,
    };
    let text: Vec<&str> = reply.lines().collect();
    let text = text.join("\n");
    if reply.is_done() { print(&format!("{text}\n")) } else { Err(UsageError(text)) }
}

/// Accounts for it where no server does.
fn unserved(accounts: &Path, payment: &Credit) -> Result<Reply, UsageError> {
    let balances = Balances::open(accounts, BALANCES)
        .map_err(|error| UsageError(format!("the accounts can't be opened: {error}")))?;
    Ok(credit(&balances, payment))
}
