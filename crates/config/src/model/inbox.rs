//! Inboxes: what they take, and what they answer.

use std::path::PathBuf;
use std::sync::Arc;

use wherefore_decide::policy::inbox::InboxLimits;
use wherefore_decide::policy::{Inbox, Pattern, Thanks};

use super::Lowering;
use super::route::quota_bytes;
use crate::keys;
use crate::source::Placed;
use crate::table::Set;
use crate::value::{Either, FilePath, InboxAnswer, List, MediaRange};

impl Lowering<'_, '_> {
    pub(super) fn inbox(
        &mut self,
        route: &keys::Route,
        inbox: &Set<Either<FilePath, keys::Inbox>>,
        pattern: &Pattern,
    ) -> Option<Inbox> {
        let span = inbox.from.span().unwrap_or(route.head);
        let (keys, folder, span) = match &inbox.value {
            Either::Short(folder) => (keys::Inbox::defaults(), folder, span),
            Either::Table(keys) => {
                if keys.deliver_to.is_some() {
                    return Some(of_deliveries(keys));
                }
                let folder = keys.folder.as_ref()?;
                (keys.resolved(), &folder.value, folder.from.span().unwrap_or(span))
            }
        };
        let number = self.folder_number(super::Folder {
            path: Placed { value: PathBuf::from(folder.as_str()), span },
            writable: Some(span),
            is_inbox: true,
            links: None,
            quota_bytes: quota_bytes(route),
            index: None,
        });
        let made = Inbox::new(number);
        let accept_post = match &keys.types {
            Some(types) => accept_post(&types.value),
            None => made.accept_post,
        };
        let thanks = match keys.answer.as_ref().map(|set| &set.value) {
            None | Some(Either::Short(InboxAnswer::Created)) => Thanks::Created,
            Some(Either::Short(InboxAnswer::NoContent)) => Thanks::NoContent,
            Some(Either::Short(InboxAnswer::Reset)) => Thanks::Reset,
            Some(Either::Table(page)) => {
                Thanks::SeeOther(self.template(page.see_other.as_ref()?, pattern)?)
            }
        };
        Some(Inbox { accept_post, thanks, limits: limits(&keys), ..made })
    }
}

/// An inbox that keeps nothing: what is posted to it is delivered, and is not read here.
fn of_deliveries(keys: &keys::Inbox) -> Inbox {
    Inbox {
        origin: None,
        accept_post: keys
            .types
            .as_ref()
            .map_or_else(|| "*/*".into(), |set| accept_post(&set.value)),
        limits: InboxLimits {
            form_bytes_max: u64::MAX,
            file_bytes_max: u64::MAX,
            fields_bytes_max: u64::MAX,
            ..InboxLimits::default()
        },
        ..Inbox::new(0)
    }
}

fn accept_post(types: &List<MediaRange>) -> Arc<str> {
    let types = types.0.iter().map(|range| range.value.as_str());
    types.collect::<Vec<_>>().join(", ").into()
}

fn limits(keys: &keys::Inbox) -> InboxLimits {
    let usual = InboxLimits::default();
    let file_bytes_max = keys.file_max.as_ref().map_or(usual.file_bytes_max, |set| set.value.bytes);
    let fields_bytes_max =
        keys.text_max.as_ref().map_or(usual.fields_bytes_max, |set| set.value.bytes);
    let files_max = keys.files_max.as_ref().map_or(usual.files_max as u64, |set| set.value.0);
    let fields_max = keys.fields_max.as_ref().map_or(usual.fields_max as u64, |set| set.value.0);
    // What else bounds the whole is the route's `content-max`. The heads of parts are small beside them.
    let parts = files_max.saturating_add(fields_max).saturating_mul(2);
    let heads = parts.saturating_mul(usual.part_head_bytes_max as u64);
    let form_bytes_max = file_bytes_max
        .saturating_mul(files_max.max(1))
        .saturating_add(fields_bytes_max)
        .saturating_add(heads);
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    InboxLimits {
        form_bytes_max,
        file_bytes_max,
        files_max: count(files_max),
        fields_max: count(fields_max),
        fields_bytes_max,
        ..usual
    }
}
