//! Where a redirect leads. Nothing that a client sent decides the host but the host that it asked.

use wherefore_message::authority::Authority;
use wherefore_message::path;

use crate::policy::{Captures, Elsewhere, Resource, Thanks};
use crate::reply::Setting;
use crate::rule::Leads;

/// The value of `Location` (RFC 9110 §10.2.2).
pub(super) fn of(setting: &Setting<'_>, leads: Leads) -> Option<String> {
    let query = setting.request.and_then(|request| request.target.query);
    let route = setting.matched.map(|matched| matched.route);
    let mut location = String::new();
    match leads {
        Leads::ToSlash => {
            // It begins with exactly one slash, so that it can't be taken for another host.
            location.push_str(&setting.path?.encoded());
            location.push('/');
        }
        Leads::ToHttps => {
            let named = setting.request?.authority.filter(|named| !named.host.is_empty());
            location.push_str("https://");
            match named {
                // The port is that of plain http.
                Some(named) => location.push_str(&Authority { port: None, ..named }.to_string()),
                None => location.push_str(route?.gate.canonical_host.as_deref()?),
            }
            location.push_str(&setting.path?.encoded());
        }
        Leads::ToCanonicalHost => {
            location.push_str(setting.scheme.name());
            location.push_str("://");
            location.push_str(route?.gate.canonical_host.as_deref()?);
            if let Some(port) = setting.request?.authority?.port {
                location.push(':');
                location.push_str(&port.to_string());
            }
            location.push_str(&setting.path?.encoded());
        }
        Leads::ToTarget => {
            let captures = Captures::new(&route?.pattern, setting.path?.bytes());
            let elsewhere = match &route?.resource {
                Resource::Elsewhere(elsewhere) => elsewhere,
                Resource::Inbox(inbox) => {
                    let Thanks::SeeOther(page) = &inbox.thanks else { return None };
                    // The query was the form's.
                    return Some(page.expanded(&captures));
                }
                Resource::Folder(_)
                | Resource::Gateway(_)
                | Resource::Monitors
                | Resource::Variants(_) => return None,
            };
            let template = match elsewhere {
                Elsewhere::Moved { to, .. } | Elsewhere::SeeOther(to) => to,
                Elsewhere::UseProxy(proxy) => return Some(proxy.to_string()),
                Elsewhere::Gone { .. } => return None,
            };
            return Some(template.target(&captures, query));
        }
    }
    if let Some(query) = query {
        location.push('?');
        path::encode_query(query, &mut location);
    }
    Some(location)
}
