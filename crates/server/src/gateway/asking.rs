//! Asking somebody else whether a request may come in. What was said of one is remembered for a while for those that
//! are the same, where the operator wants that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use wherefore_decide::asked::Said;
use wherefore_decide::plan::Question;
use wherefore_decide::policy::Ask;
use wherefore_decide::upstream::Lost;
use wherefore_gateway::{asking, forward};
use wherefore_message::{Cause, FieldLines, FieldSet, Method};

use super::{Errand, ErrandContent, Gateway, errand};
use crate::configuration::Configuration;
use crate::service::Service;

/// How much content of an answer is read; none of it is used.
const CONTENT_BYTES_MAX: usize = 256 << 10;

/// Whom to ask, and about whom.
pub(crate) struct Asking<'a> {
    pub(crate) question: &'a Question<'a>,
    /// The address that the connection comes from.
    pub(crate) peer: IpAddr,
    pub(crate) ask: &'a Ask,
}

/// What was said, and the fields that came with it.
pub(crate) type Heard = (Said, Rc<FieldLines>);

/// Asks, or remembers what was said.
pub(crate) async fn hear(
    service: &Service,
    configuration: &Configuration,
    asking: &Asking<'_>,
) -> Heard {
    let nothing = |lost| (Said::Nothing(lost), Rc::default());
    let Asking { question, peer, ask } = *asking;
    let Some(gateway) = configuration.gateway(ask.upstreams) else {
        return nothing(Lost::to(Cause::OwnLack));
    };
    // Whoever asks itself would ask for ever.
    if forward::is_loop(question.request, &gateway.forward.pseudonym) {
        return nothing(Lost::to(Cause::Loop));
    }
    let empty = FieldLines::new();
    let from = forward::From {
        request: question.request,
        client: question.client,
        peer,
        peer_trust: configuration.peer_trust(peer),
        scheme: wherefore_decide::Scheme::Http,
        copied: empty.view(),
        user: None,
        request_id: "",
        withheld: FieldSet::EMPTY,
        lines: b"",
    };
    let mut lines = Vec::with_capacity(1024);
    asking::lines(&gateway.forward, &from, &mut lines);
    let now = service.core.clock.now().0;
    let key = (ask.cache_millis > 0).then(|| Key::of(gateway, ask, &lines)).flatten();
    if let Some(key) = &key
        && let Some(told) = service.let_in.borrow().recall(key, now)
    {
        return (Said::LetIn, told);
    }
    let errand = Errand {
        method: Method::Get,
        target: ask.target.as_bytes(),
        lines: &lines,
        host: match &gateway.forward.host {
            forward::Host::Fixed(host) => Some(host.as_bytes()),
            forward::Host::Client | forward::Host::Upstream => None,
        },
        content: ErrandContent::Nothing,
    };
    match self::errand(service, gateway, errand, CONTENT_BYTES_MAX).await {
        Ok(returned) => {
            let (said, told) =
                (Said::of(returned.status, returned.fields.view()), Rc::new(returned.fields));
            if let (Said::LetIn, Some(key)) = (said, key) {
                let until = now.saturating_add(ask.cache_millis);
                service.let_in.borrow_mut().keep(key, until, &told, now);
            }
            (said, told)
        }
        Err(lost) => nothing(lost),
    }
}

/// How many requests a core remembers to have been let in.
const KEPT_MAX: usize = 1024;

/// How much of each it remembers, in octets: of what is longer, it remembers nothing.
const KEPT_BYTES_MAX: usize = 8 << 10;

/// Who was let in. Who was not is asked about again each time: who has signed in meanwhile should not have to wait.
#[derive(Default)]
pub(crate) struct LetIn {
    kept: HashMap<Key, (u64, Rc<FieldLines>)>,
}

/// All that whoever is asked was told. Nothing shorter would do: who finds another request with the same key is in.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    gateway: u64,
    target: Box<str>,
    lines: Box<[u8]>,
}

impl Key {
    fn of(gateway: &Arc<Gateway>, ask: &Ask, lines: &[u8]) -> Option<Self> {
        (lines.len() <= KEPT_BYTES_MAX).then(|| Self {
            gateway: gateway.id,
            target: ask.target.clone(),
            lines: lines.into(),
        })
    }
}

impl LetIn {
    fn recall(&self, key: &Key, now: u64) -> Option<Rc<FieldLines>> {
        let (until, told) = self.kept.get(key)?;
        (now < *until).then(|| Rc::clone(told))
    }

    fn keep(&mut self, key: Key, until: u64, told: &Rc<FieldLines>, now: u64) {
        let told_bytes: usize =
            told.view().iter().map(|(name, value)| name.len() + value.len()).sum();
        if told_bytes > KEPT_BYTES_MAX {
            return;
        }
        if self.kept.len() >= KEPT_MAX {
            self.kept.retain(|_, (until, _)| now < *until);
        }
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(key, (until, Rc::clone(told)));
        }
    }

    /// Forgets whose time is over.
    pub(crate) fn sweep(&mut self, now: u64) {
        self.kept.retain(|_, (until, _)| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(lines: &[u8]) -> Key {
        Key { gateway: 1, target: "/check".into(), lines: lines.into() }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_ends() {
        let mut let_in = LetIn::default();
        let told: Rc<FieldLines> = Rc::new([("Remote-User", "anna")].into_iter().collect());
        for i in 0..KEPT_MAX as u64 + 9 {
            let_in.keep(key(&i.to_be_bytes()), 10, &told, 0);
        }
        assert_eq!(let_in.kept.len(), KEPT_MAX);
        let first = key(&0_u64.to_be_bytes());
        assert!(let_in.recall(&first, 9).is_some());
        assert!(let_in.recall(&first, 10).is_none());
        assert!(let_in.recall(&Key { gateway: 2, ..key(&0_u64.to_be_bytes()) }, 0).is_none());
        let_in.keep(key(b"new"), 20, &told, 10);
        assert_eq!(let_in.kept.len(), 1, "those whose time is over give way");
        let long: FieldLines = [("X", &*"x".repeat(KEPT_BYTES_MAX))].into_iter().collect();
        let_in.keep(key(b"long"), 20, &Rc::new(long), 10);
        assert!(let_in.recall(&key(b"long"), 10).is_none());
        let_in.sweep(20);
        assert_eq!(let_in.kept.len(), 0);
    }
}
