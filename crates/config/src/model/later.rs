//! What is accepted to be delivered later: where to, within which bounds, and where its monitors stand.

use core::time::Duration;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use wherefore_decide::policy::later::{MONITORS, When};
use wherefore_decide::policy::{
    ContentPolicy, Dress, Gateway, Inbox, Later, Pattern, Resource, Route,
};
use wherefore_message::path::encode_path;

use super::Lowering;
use super::gateway::{bytes, number, time};
use super::route::{Laid, is_true};
use crate::complaint::Complaint;
use crate::keys::{self, File};
use crate::source::{Placed, Span};
use crate::table::Set;
use crate::value::{Either, HostPattern, List, PathPattern, Text};

/// How what is accepted for later is kept and delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliveries {
    /// How many wait at most.
    pub pending_max: usize,
    /// How many octets they are at most.
    pub pending_bytes_max: u64,
    /// The most octets of the content of one.
    pub content_bytes_max: u64,
    /// After how many tries one is given up.
    pub tries_max: u32,
    /// After what time one is given up by the next try that fails.
    pub age_max: Duration,
    /// The most that is waited after the first try.
    pub delay_min: Duration,
    /// The most that is waited at all.
    pub delay_max: Duration,
    /// How many are delivered at the same time.
    pub at_once_max: usize,
    /// How many are remembered that are settled.
    pub finished_max: usize,
    /// For how long.
    pub finished_time: Duration,
    /// The folder of dead letters, if it is said.
    pub dead_letters: Option<PathBuf>,
    /// How many there are at most.
    pub dead_letters_max: usize,
}

/// Where the monitors of each site stand.
#[derive(Clone, Debug)]
pub(super) struct Monitors {
    /// Where that is said, if it is.
    span: Option<Span>,
    /// The path as people write it.
    path: String,
    /// As a target has it.
    encoded: Arc<str>,
}

impl Default for Monitors {
    fn default() -> Self {
        Self { span: None, path: MONITORS.to_owned(), encoded: MONITORS.into() }
    }
}

impl Lowering<'_, '_> {
    /// Reads how deliveries are made, and where monitors are to stand.
    pub(super) fn deliveries(&mut self, file: &File) -> Deliveries {
        let keys = match &file.later {
            Some(set) => set.value.resolved(),
            None => keys::Later::defaults(),
        };
        self.monitors = self.monitors_at(&keys).unwrap_or_default();
        if let (Some(least), Some(most)) = (&keys.delay, &keys.delay_max)
            && least.value.millis > most.value.millis
        {
            let span = least.from.span().or(most.from.span()).unwrap_or(keys.head);
            let complaint = Complaint::error(span, "the first wait is longer than any may be");
            self.complain(complaint.right("a `delay` that is no longer than `delay-max`"));
        }
        Deliveries {
            pending_max: number(&keys.pending),
            pending_bytes_max: bytes(&keys.pending_bytes).unwrap_or_default(),
            content_bytes_max: bytes(&keys.content_max).unwrap_or_default(),
            tries_max: number(&keys.tries),
            age_max: time(&keys.time),
            delay_min: time(&keys.delay),
            delay_max: time(&keys.delay_max),
            at_once_max: number(&keys.at_once),
            finished_max: number(&keys.remembered),
            finished_time: time(&keys.remembered_time),
            dead_letters: keys.dead_letters.as_ref().map(|set| super::file_path(&set.value)),
            dead_letters_max: number(&keys.dead_letters_max),
        }
    }

    fn monitors_at(&mut self, keys: &keys::Later) -> Option<Monitors> {
        let set = keys.monitors.as_ref()?;
        let path = set.value.as_str().to_owned();
        let span = set.from.span();
        if !path.ends_with('/') {
            let complaint = Complaint::error(span?, "each monitor stands under this path");
            self.complain(complaint.right(format!("\"{path}/\"")));
            return None;
        }
        let mut encoded = String::new();
        encode_path(path.as_bytes(), &mut encoded);
        Some(Monitors { span, path, encoded: encoded.into() })
    }

    /// What a route accepts for later, which leads to this resource.
    pub(super) fn later(&mut self, route: &keys::Route, resource: &Resource) -> Option<Later> {
        let (span, to, when) = match resource {
            Resource::Inbox(Inbox { origin: None, .. }) => {
                let Either::Table(keys) = &route.inbox.as_ref()?.value else { return None };
                let Set { value: List(to), from } = keys.deliver_to.as_ref()?;
                let span = from.span().unwrap_or(keys.head);
                self.complain_of_no_folder(route);
                let group = self.group_of(to, span)?;
                (span, self.gateway_of(route, group), When::Always)
            }
            Resource::Gateway(gateway) if is_true(&route.respond_async) => {
                let set = route.respond_async.as_ref()?;
                (set.from.span().unwrap_or(route.head), gateway.clone(), When::Preferred)
            }
            _ => return None,
        };
        self.queue = self.state.clone();
        if self.queue.is_none() {
            let complaint = Complaint::error(span, "there is no place to keep what is accepted");
            self.complain(complaint.right("state = \"DIR\" under [server]"));
        }
        let monitors = Arc::clone(&self.monitors.encoded);
        let Gateway { upstreams, base } = to;
        Some(Later { base, monitors, ..Later::new(upstreams, when) })
    }

    fn complain_of_no_folder(&mut self, route: &keys::Route) {
        if let Some(quota) = &route.quota
            && let Some(span) = quota.from.span()
        {
            let complaint = Complaint::error(span, "what is delivered is kept in no folder");
            self.complain(complaint.right("`pending-bytes` under [later]"));
        }
    }

    /// Adds the monitors to a site that accepts something for later. They have the policies of the site.
    pub(super) fn lay_monitors(
        &mut self,
        host: &Placed<HostPattern>,
        site: &keys::Site,
        dress: &Dress,
        shapes: &HashMap<String, Span>,
        laid: &mut Laid,
    ) {
        let Some(first) = laid.routes.iter().position(|route| route.later.is_some()) else {
            return;
        };
        let Some(span) = laid.paths.get(first).copied() else { return };
        let Monitors { path, span: said, .. } = self.monitors.clone();
        let text = format!("{path}{{id}}");
        let pattern = Pattern::parse(&text.replace('%', "%25"));
        let (Ok(pattern), Ok(shape)) = (pattern, PathPattern::parse(&text)) else {
            let complaint = Complaint::error(said.unwrap_or(span), "no monitor can stand here");
            return self.complain(complaint.right(format!("a path such as \"{MONITORS}\"")));
        };
        if let Some(other) = shapes.get(&shape.shape()) {
            let complaint = Complaint::error(*other, "the monitors stand under the same paths");
            return self.complain(complaint.right("another path, or `monitors` under [later]"));
        }
        let content =
            ContentPolicy::up_to(self.bounds.content_bytes_max, self.bounds.patch_bytes_max);
        let mut made = Route::new(pattern, Resource::Monitors, content);
        let resolved = site.resolved();
        self.policies(&resolved.policies, &format!("{} {text}", host.value), &mut made);
        // What is told costs nothing, and is read whatever else may be asked.
        (made.methods, made.price) = (None, None);
        made.dress = dress.clone();
        self.gate_of_site(host, &resolved, &mut made);
        laid.roots.push(None);
        laid.targets.push(None);
        laid.paths.push(span);
        laid.routes.push(made);
    }
}
