//! What an answer says of a policy of the operator's: the demand behind a block, the reason for a
//! maintenance, a limit's quota, a price.

use wherefore_message::Status;
use wherefore_message::problem::Extra;

use crate::policy::allowance::LimitKind;
use crate::reply::{Setting, block};
use crate::rule::{Leads, Witness};

/// The sentences that explain it; none where the rule's own words do.
pub(super) fn detail(setting: &Setting<'_>) -> Option<String> {
    let verdict = setting.verdict;
    let route = setting.matched?.route;
    Some(match verdict.witness {
        Witness::Policy(number) => block(setting, number)?.demand.to_string(),
        Witness::Leads(Leads::ToTarget) => "It stands where the field Location says.".to_owned(),
        Witness::Quota { limit, wait_seconds } => {
            let kind = route.limits.get(usize::from(limit)).map(|limit| limit.kind);
            let reached = match (verdict.because.id, kind) {
                ("rate" | "user-rate", Some(LimitKind::Rate { count, window_seconds, .. })) => {
                    format!("The limit is {count} requests in {window_seconds} seconds")
                }
                ("at-once" | "user-at-once", Some(LimitKind::AtOnce(count))) => {
                    format!("At most {count} requests are taken at once")
                }
                _ => "There is no room to count one more".to_owned(),
            };
            format!("{reached}; try again in {wait_seconds} seconds.")
        }
        Witness::Price { price, balance } => {
            let unit = &route.price.as_ref()?.unit;
            format!("It costs {price} {unit}, and the account holds {balance}.")
        }
        Witness::Who(_) if verdict.status == Status::PAYMENT_REQUIRED => {
            let price = route.price.as_ref()?;
            format!("It costs {} {}, and no account was named.", price.amount, price.unit)
        }
        Witness::Wait(seconds) if verdict.because.id == "maintenance" => {
            let detail = route.gate.maintenance.as_ref()?.detail.as_deref();
            let detail = detail.unwrap_or("This is closed for maintenance.");
            format!("{detail} Try again in {seconds} seconds.")
        }
        _ => return None,
    })
}

/// Members of the problem document.
pub(super) fn more(setting: &Setting<'_>) -> Vec<(&'static str, Extra)> {
    let Some(route) = setting.matched.map(|matched| matched.route) else { return Vec::new() };
    let mut more = Vec::new();
    match (setting.verdict.witness, &route.price) {
        (Witness::Policy(number), _) => {
            if let Some(block) = block(setting, number) {
                more.push(("blocked-by", Extra::Text(block.by.to_string())));
            }
        }
        (Witness::Quota { limit, .. }, _) => {
            if let Some(limit) = route.limits.get(usize::from(limit)) {
                more.push(("limit", Extra::Text(limit.name.to_string())));
            }
        }
        (witness, Some(price)) if setting.verdict.status == Status::PAYMENT_REQUIRED => {
            more.push(("unit", Extra::Text(price.unit.to_string())));
            if !matches!(witness, Witness::Price { .. }) {
                more.push(("price", Extra::Number(price.amount)));
            }
            if let Some(top_up) = &price.top_up {
                more.push(("top-up", Extra::Text(top_up.to_string())));
            }
        }
        _ => {}
    }
    more
}
