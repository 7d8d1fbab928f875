//! `wherefore rules [CODE]`: every rule, or those that may send a status.

use std::fmt::Write as _;

use wherefore_decide::catalogue::GroupId;
use wherefore_decide::docs::answering;
use wherefore_decide::rule::Info;
use wherefore_message::Status;
use wherefore_message::status::Use;

use crate::{UsageError, print};

/// List the rules in the order in which they are asked, or those that may answer with a status code
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A status code, such as 412
    code: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    match &arguments.code {
        None => print(&all()),
        Some(code) => {
            let status = code.parse().ok().and_then(Status::new).ok_or_else(|| {
                UsageError(format!(
                    "{code:?} is no status code; a status code is three digits from 100 to 599"
                ))
            })?;
            print(&of_status(status)?)
        }
    }
}

fn all() -> String {
    let mut out = String::new();
    for group in GroupId::ALL {
        let _ = writeln!(out, "{}: {}", group.stage(), group.title());
        for info in group.rules() {
            let mut codes: Vec<_> = info.may.iter().map(|s| s.code().to_string()).collect();
            if codes.is_empty() {
                codes.push("the upstream's".to_owned());
            }
            let _ = writeln!(
                out,
                "  {:<20} {:<8} {:<18} {}",
                info.id,
                codes.join(" "),
                info.spec.to_string(),
                info.asks
            );
        }
    }
    out
}

fn of_status(status: Status) -> Result<String, UsageError> {
    let Some(row) = status.row() else {
        return Err(UsageError(format!(
            "{} is not a registered status code; clients treat it as {}00",
            status.code(),
            status.code() / 100
        )));
    };
    let mut out = format!("{status}  ({})\n", row.spec);
    let kinds =
        [("must carry", row.must), ("may carry", row.may), ("must not carry", row.must_not)];
    for (what, set) in kinds {
        let names: Vec<_> = set.iter().map(|name| name.as_str()).collect();
        if !names.is_empty() {
            let _ = writeln!(out, "  {what}: {}", names.join(", "));
        }
    }
    let rules = answering(status);
    if rules.is_empty() {
        let why = match row.sent {
            Use::Relayed(why) => format!("never sent by our own decision: {why}"),
            Use::Ours => "sent by a role that this version does not have yet".to_owned(),
        };
        let _ = writeln!(out, "  {why}");
    }
    for info in rules {
        describe(info, &mut out);
    }
    Ok(out)
}

fn describe(info: &Info, out: &mut String) {
    let _ = writeln!(out, "\n  {}  ({})\n    asks:     {}", info.id, info.spec, info.asks);
    let looks_at: Vec<_> = info.needs.iter().map(|name| name.as_str()).collect();
    if !looks_at.is_empty() {
        let _ = writeln!(out, "    looks at: {}", looks_at.join(", "));
    }
    let _ = writeln!(out, "    shown by: {}", info.shown_by);
}
