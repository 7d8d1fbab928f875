//! Asking two: where the first upstream takes long to begin its answer, a second is asked as well. The one whose head is
//! there first has answered; the other's connection is broken off, which is no fault of its own.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;
use wherefore_gateway::{Asked as Wish, Permit};
use wherefore_message::Announced;

use super::{Ended, now, once};
use crate::carrier::Carrier;
use crate::gateway::errand::{Errand, ErrandContent, Messenger};
use crate::gateway::forwarded::Forwarded;
use crate::gateway::upload::Kept;
use crate::service::Service;

/// What the requests to two upstreams know of each other.
#[derive(Default)]
pub(super) struct Race {
    stage: Cell<Stage>,
    has_begun: Cell<bool>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Stage {
    /// One is asked.
    #[default]
    Alone,
    /// Two are.
    Together,
    /// One of two has answered.
    Over,
}

impl Race {
    /// The first octet of an answer has come.
    pub(super) fn begin(&self) {
        self.has_begun.set(true);
    }

    /// Whether another upstream is asked too. Interim answers of either go no further then: they could say what the
    /// answer contradicts (RFC 9110 §15.2).
    pub(super) fn is_together(&self) -> bool {
        self.stage.get() == Stage::Together
    }

    /// Whether another upstream has answered.
    pub(super) fn is_over(&self) -> bool {
        self.stage.get() == Stage::Over
    }
}

/// Asks the upstream that was chosen, and another one if that has not begun to answer after a time. Says how it ended,
/// and with which.
pub(super) async fn race<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    (forwarded, kept): (&Forwarded, &Kept),
    (permit, after): (Permit, Duration),
    wish: &mut Wish,
) -> (Ended, usize) {
    let race = Race::default();
    let first_member = permit.index();
    let mut second;
    {
        let first = once(service, &mut *carrier, (forwarded, kept), permit, &race);
        let mut first = pin!(first);
        if let Some(ended) = within(first.as_mut(), after).await {
            return (ended, first_member);
        }
        wish.tried.insert(first_member);
        let chosen = if race.has_begun.get() {
            None
        } else {
            Second::choose(service, (forwarded, kept), wish, &race)
        };
        let Some(chosen) = chosen else { return (first.await, first_member) };
        second = chosen;
        wish.tried.insert(second.member);
        forwarded.hedged.set(Some((first_member, second.member)));
        race.stage.set(Stage::Together);
        match either(first.as_mut(), second.asking.as_mut()).await {
            (Which::First, Ended::Failed(_)) => {}
            (Which::First, ended) => {
                cancel(&race, second.asking).await;
                return (ended, first_member);
            }
            (Which::Second, Ended::Failed(_)) => {
                race.stage.set(Stage::Alone);
                return (first.await, first_member);
            }
            (Which::Second, ended) => {
                cancel(&race, first).await;
                return (ended, second.member);
            }
        }
    }
    race.stage.set(Stage::Alone);
    // Nobody else looks whether the client is still there.
    let ended = poll_fn(|cx| {
        if carrier.poll_gone(cx).is_ready() {
            return Poll::Ready(None);
        }
        second.asking.as_mut().poll(cx).map(Some)
    })
    .await;
    let Some(ended) = ended else {
        cancel(&race, second.asking).await;
        return (Ended::Gone, second.member);
    };
    (ended, second.member)
}

/// The second of two requests. It needs nothing of the client, which the first one has to itself.
struct Second<'a> {
    member: usize,
    asking: Pin<Box<dyn Future<Output = Ended> + 'a>>,
}

impl<'a> Second<'a> {
    /// One to whoever may be asked as well; none if nobody may.
    fn choose(
        service: &'a Service,
        request: (&'a Forwarded, &'a Kept),
        wish: &Wish,
        race: &'a Race,
    ) -> Option<Self> {
        let (forwarded, _) = request;
        let (now, random) = (now(service), service.core.random.next_u64());
        let errand = Errand {
            method: forwarded.method,
            target: b"/",
            lines: b"",
            host: None,
            content: ErrandContent::Nothing,
        };
        let mut messenger = Messenger::new(service, errand, Announced::Nothing, 0)?;
        let permit = forwarded.gateway.upstreams.hedge(&Wish { now, random, ..*wish })?;
        let member = permit.index();
        let asking = async move { once(service, &mut messenger, request, permit, race).await };
        Some(Self { member, asking: Box::pin(asking) })
    }
}

/// How a request ended, if it did within this time.
async fn within(
    mut asking: Pin<&mut impl Future<Output = Ended>>,
    time: Duration,
) -> Option<Ended> {
    let mut time = pin!(sleep(time));
    poll_fn(|cx| match asking.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending => time.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Which of two requests it was.
enum Which {
    First,
    Second,
}

/// How the one ended that ended first.
async fn either(
    mut first: Pin<&mut impl Future<Output = Ended>>,
    mut second: Pin<&mut (dyn Future<Output = Ended> + '_)>,
) -> (Which, Ended) {
    poll_fn(|cx| {
        if let Poll::Ready(ended) = first.as_mut().poll(cx) {
            return Poll::Ready((Which::First, ended));
        }
        second.as_mut().poll(cx).map(|ended| (Which::Second, ended))
    })
    .await
}

/// Has a request give its connection up, with a reset, where merely dropping it would end it as if it were done.
async fn cancel(race: &Race, mut asking: Pin<impl std::ops::DerefMut<Target: Future>>) {
    race.stage.set(Stage::Over);
    poll_fn(|cx| {
        // What is still connecting is done with, too.
        let _ = asking.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}
