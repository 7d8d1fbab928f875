//! Asking: an upstream is chosen, a connection to it taken or made, the request sent, and the head of its answer awaited.
//! What fails before anything can have happened is tried elsewhere.

mod hedge;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use wherefore_decide::act::Failure;
use wherefore_decide::upstream::Lost;
use wherefore_gateway::{Asked as Wish, MemberSet, NotChosen, Permit, Retry, relay as relayed};
use wherefore_h1::{ClientEvent, Millis};
use wherefore_message::{Cause, FaultKind, ResponseHead, Status};

use self::hedge::{Race, race};
use super::forwarded::Forwarded;
use super::hop::Hop;
use super::relay::Relay;
use super::upload::{Halt, Kept, Upload};
use crate::carrier::{Carrier, Gone};
use crate::notice::Seldom;
use crate::service::Service;

/// What came of asking.
pub(crate) enum Asked {
    /// An answer has begun.
    Answered(Box<Relay>),
    /// None came, and which upstream it was that failed, if it came to one.
    Lost(Lost, Option<usize>),
    /// The request itself is at fault.
    Refused(Failure),
}

/// Why a try came to nothing.
struct Failed {
    cause: Cause,
    fault: Option<FaultKind>,
    again: Again,
}

/// Whether another upstream may be asked instead.
#[derive(Clone, Copy, PartialEq)]
enum Again {
    /// It may: nothing was sent, or it does no harm twice.
    Elsewhere,
    /// What was heard of it, or taken from the client for it, can't be had again; or it is not to happen twice.
    No,
}

/// What ends a try.
enum Ended {
    Answered(Box<Relay>),
    Failed(Failed),
    Refused(Failure),
    Gone,
}

/// Asks upstreams, until one answers or there is no use in asking another.
///
/// # Errors
/// If the client has gone.
pub(crate) async fn ask<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    forwarded: &Forwarded,
) -> Result<Asked, Gone> {
    let gateway = &forwarded.gateway;
    let kept = match kept(carrier, forwarded).await {
        Ok(kept) => kept,
        Err(Halt::Client(failure)) => return Ok(Asked::Refused(failure)),
        Err(Halt::Gone | Halt::Upstream(_)) => return Err(Gone),
    };
    let mut wish = Wish {
        now: now(service),
        random: service.core.random.next_u64(),
        key: forwarded.key,
        tried: MemberSet::NONE,
    };
    let mut last: Option<(Failed, usize)> = None;
    let mut retries = 0;
    loop {
        wish.now = now(service);
        let permit = match gateway.upstreams.choose(&wish) {
            Ok(permit) => permit,
            Err(not) => match wait(service, carrier, forwarded, &wish, not).await? {
                Ok(permit) => permit,
                Err(lost) => {
                    // What was found out by trying says more than that nobody else is there.
                    return Ok(match last {
                        Some((failed, member)) => Asked::Lost(failed.lost(), Some(member)),
                        None => Asked::Lost(lost, None),
                    });
                }
            },
        };
        let request = (forwarded, &kept);
        let (ended, member) = match hedge_time(forwarded, &kept) {
            None => {
                let member = permit.index();
                let ended = once(service, carrier, request, permit, &Race::default()).await;
                (ended, member)
            }
            Some(after) => {
                Box::pin(race(service, carrier, request, (permit, after), &mut wish)).await
            }
        };
        let failed = match ended {
            Ended::Answered(relay) => return Ok(Asked::Answered(relay)),
            Ended::Refused(failure) => return Ok(Asked::Refused(failure)),
            Ended::Gone => return Err(Gone),
            Ended::Failed(failed) => failed,
        };
        wish.tried.insert(member);
        if failed.again == Again::No
            || gateway.upstreams.retry(retries, now(service)) != Retry::Granted
        {
            return Ok(Asked::Lost(failed.lost(), Some(member)));
        }
        retries += 1;
        wish.random = service.core.random.next_u64();
        last = Some((failed, member));
    }
}

/// What of the content is read before an upstream is asked.
async fn kept<C: Carrier>(carrier: &mut C, forwarded: &Forwarded) -> Result<Kept, Halt> {
    let kept_bytes_max = forwarded.gateway.buffer_bytes_max;
    if kept_bytes_max == 0 {
        return Ok(Kept::default());
    }
    let (outgoing, bytes_max) = (forwarded.outgoing(), forwarded.content_bytes_max);
    Box::pin(Kept::read(carrier, outgoing, kept_bytes_max, bytes_max)).await
}

/// After what time a second upstream is asked as well, if one may be. One request is hedged once.
fn hedge_time(forwarded: &Forwarded, kept: &Kept) -> Option<Duration> {
    let upstreams = &forwarded.gateway.upstreams;
    upstreams.settings().hedge?;
    let time = upstreams.hedge_time(forwarded.method, forwarded.repeatable(kept));
    time.filter(|_| forwarded.hedged.get().is_none())
}

/// Whether another upstream may fare better, and soon: who waited once does not wait again.
const fn is_worth_another(cause: Cause) -> bool {
    matches!(cause, Cause::Closed | Cause::Reset | Cause::ClosedInHead)
}

fn now(service: &Service) -> Millis {
    Millis(service.core.clock.now().0)
}

impl Failed {
    const fn lost(&self) -> Lost {
        Lost { fault: self.fault, ..Lost::to(self.cause) }
    }
}

/// Waits for an upstream that is free, if there may be one soon.
async fn wait<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    forwarded: &Forwarded,
    wish: &Wish,
    not: NotChosen,
) -> Result<Result<Permit, Lost>, Gone> {
    let upstreams = &forwarded.gateway.upstreams;
    let lost = |cause, wait_seconds| Ok(Err(Lost { wait_seconds, ..Lost::to(cause) }));
    let random = service.core.random.next_u64();
    let soon = u32::try_from(service.core.load.retry_after(random)).unwrap_or(u32::MAX);
    let none = |not| match not {
        NotChosen::NoneHealthy { retry_in_millis } => {
            Lost { wait_seconds: spread(retry_in_millis, random), ..Lost::to(Cause::NoneHealthy) }
        }
        NotChosen::AllTried => Lost { wait_seconds: soon, ..Lost::to(Cause::NoneHealthy) },
        NotChosen::AllDrained => Lost { wait_seconds: soon, ..Lost::to(Cause::Draining) },
        NotChosen::AllBusy => Lost { wait_seconds: soon, ..Lost::to(Cause::QueueLate) },
    };
    if not != NotChosen::AllBusy {
        return Ok(Err(none(not)));
    }
    let Some(mut place) = upstreams.enqueue(wish) else { return lost(Cause::QueueFull, soon) };
    let deadline = service.core.wheel.deadline();
    deadline.set_in(upstreams.settings().queue_time);
    poll_fn(|cx| {
        if carrier.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Gone));
        }
        let wish = Wish { now: now(service), ..*wish };
        if let Poll::Ready(chosen) = place.poll_permit(&wish, cx) {
            return Poll::Ready(Ok(chosen.map_err(none)));
        }
        ready!(deadline.poll_expired(cx));
        Poll::Ready(lost(Cause::QueueLate, soon))
    })
    .await
}

/// In how many seconds it is worth asking again, spread so that those who waited don't all return at once.
fn spread(millis: u64, random: u64) -> u32 {
    let seconds = millis.div_ceil(1000).max(1);
    u32::try_from(seconds + random % (seconds / 4 + 1)).unwrap_or(u32::MAX)
}

/// Which connections are taken.
#[derive(Clone, Copy, PartialEq)]
enum Connections {
    FreshOrIdle,
    Fresh,
}

/// Asks one upstream. Where a connection that lay idle turns out to be closed, which says nothing of the
/// upstream, it is asked once more on a fresh one.
async fn once<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    (forwarded, kept): (&Forwarded, &Kept),
    permit: Permit,
    race: &Race,
) -> Ended {
    let mut connections = Connections::FreshOrIdle;
    loop {
        let mut hop = match connected(service, carrier, forwarded, &permit, connections).await {
            Ok(Ok(hop)) => hop,
            Ok(Err(cause)) => {
                permit.failed(cause, now(service));
                return Ended::Failed(Failed { cause, fault: None, again: Again::Elsewhere });
            }
            Err(Gone) => return Ended::Gone,
        };
        let (framed, waits) = forwarded.framed();
        let mut upload = Upload::new(framed, waits, forwarded.content_bytes_max);
        hop.role.begin(&forwarded.outbound(permit.index()), &mut hop.output);
        upload.begin(kept, &mut hop);
        let mut exchange = Exchange { forwarded, upload, waits: Await::Request, race };
        let halted = match poll_fn(|cx| exchange.poll(cx, &mut hop, carrier)).await {
            Ok(()) => {
                let status = hop.role.response(hop.input.head()).status;
                permit.answered(status, now(service));
                let gateway = Arc::clone(&forwarded.gateway);
                return Ended::Answered(Box::new(Relay::new(
                    gateway,
                    permit,
                    hop,
                    exchange.upload,
                    (forwarded.method, forwarded.te_trailers),
                )));
            }
            Err(halted) => halted,
        };
        let (is_unanswered, uses) = (hop.role.is_unanswered(), hop.uses);
        hop.stream.abort();
        match halted {
            Halted::Gone => return Ended::Gone,
            Halted::Refused(failure) => return Ended::Refused(failure),
            Halted::Lost(cause, fault) => {
                let is_repeatable = forwarded.is_idempotent() && exchange.upload.is_untouched();
                let was_idle = uses > 0 && is_unanswered;
                let is_closed = matches!(cause, Cause::Closed | Cause::Reset);
                if is_repeatable && was_idle && is_closed && connections == Connections::FreshOrIdle
                {
                    connections = Connections::Fresh;
                    continue;
                }
                permit.failed(cause, now(service));
                let again = if is_repeatable && is_worth_another(cause) {
                    Again::Elsewhere
                } else {
                    Again::No
                };
                return Ended::Failed(Failed { cause, fault, again });
            }
        }
    }
}

/// A connection to the upstream that was chosen.
async fn connected<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    forwarded: &Forwarded,
    permit: &Permit,
    connections: Connections,
) -> Result<Result<Box<Hop>, Cause>, Gone> {
    let (gateway, core) = (&*forwarded.gateway, &*service.core);
    let member = permit.index();
    if connections == Connections::FreshOrIdle {
        let kept = service.pool.take(gateway, member, &core.buffers, core.clock.now());
        if let Some(hop) = kept {
            return Ok(Ok(hop));
        }
    }
    let Some(reached) = gateway.members.get(member) else { return Ok(Err(Cause::NoneHealthy)) };
    let connecting = gateway.connector.connect(&reached.target, &gateway.times.connect);
    let mut connecting = Box::pin(connecting);
    let connected = poll_fn(|cx| {
        if carrier.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Gone));
        }
        connecting.as_mut().poll(cx).map(Ok)
    })
    .await?;
    Ok(match connected {
        Ok(stream) => Ok(Hop::new(stream, &gateway.limits.wire, core)),
        Err(error) => {
            static SELDOM: Seldom = Seldom::every(Duration::from_secs(1));
            SELDOM.say(format_args!("{}: {}: {error}", gateway.name, reached.authority));
            Err(error.cause)
        }
    })
}

/// The status that one upstream answers with, asked on a connection of its own, however it fares otherwise. None if it
/// does not answer.
pub(super) async fn status_of<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    forwarded: &Forwarded,
    member: usize,
) -> Option<Status> {
    let gateway = &*forwarded.gateway;
    let target = &gateway.members.get(member)?.target;
    let stream = gateway.connector.connect(target, &gateway.times.connect).await.ok()?;
    let mut hop = Hop::new(stream, &gateway.limits.wire, &service.core);
    let (framed, waits) = forwarded.framed();
    let upload = Upload::new(framed, waits, forwarded.content_bytes_max);
    hop.role.begin(&forwarded.outbound(member), &mut hop.output);
    let race = &Race::default();
    let mut exchange = Exchange { forwarded, upload, waits: Await::Request, race };
    let heard = poll_fn(|cx| exchange.poll(cx, &mut hop, carrier)).await;
    let status = heard.ok().map(|()| hop.role.response(hop.input.head()).status);
    hop.rest(&service.core.buffers, service.core.clock.now());
    status
}

/// A request on its way, up to the head of its answer.
struct Exchange<'a> {
    forwarded: &'a Forwarded,
    upload: Upload,
    waits: Await,
    race: &'a Race,
}

/// What is waited for of the upstream.
#[derive(Clone, Copy, PartialEq)]
enum Await {
    /// That it takes the request.
    Request,
    /// The first octet of its answer.
    Answer,
    /// The rest of a head that has begun.
    Head,
}

/// Why an exchange does not come to the head of an answer.
enum Halted {
    Gone,
    Refused(Failure),
    Lost(Cause, Option<FaultKind>),
}

impl Exchange<'_> {
    fn poll<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        hop: &mut Hop,
        carrier: &mut C,
    ) -> Poll<Result<(), Halted>> {
        if self.race.is_over() {
            return Poll::Ready(Err(Halted::Gone));
        }
        let gateway = &*self.forwarded.gateway;
        let uploaded = match self.upload.poll(cx, gateway, hop, carrier) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(Halt::Gone)) => return Poll::Ready(Err(Halted::Gone)),
            Poll::Ready(Err(Halt::Client(failure))) => {
                return Poll::Ready(Err(Halted::Refused(failure)));
            }
            Poll::Ready(Err(Halt::Upstream(cause))) => {
                return Poll::Ready(Err(Halted::Lost(cause, None)));
            }
            // Who waits to be invited waits for an answer.
            Poll::Pending => self.upload.waits() && hop.unsent_bytes() == 0,
        };
        if uploaded && self.waits == Await::Request {
            self.waits = Await::Answer;
            hop.reads.set_in(gateway.times.answer);
        }
        if let Poll::Ready(heard) = self.poll_head(cx, hop, carrier) {
            hop.reads.clear();
            return Poll::Ready(heard);
        }
        if carrier.unsent_bytes() > 0 && matches!(carrier.poll_flush(cx), Poll::Ready(Err(Gone))) {
            return Poll::Ready(Err(Halted::Gone));
        }
        if self.upload.is_over(hop) && carrier.poll_gone(cx).is_ready() {
            return Poll::Ready(Err(Halted::Gone));
        }
        ready!(hop.reads.poll_expired(cx));
        let cause = if self.waits == Await::Head { Cause::HeadLate } else { Cause::AnswerLate };
        Poll::Ready(Err(Halted::Lost(cause, None)))
    }

    fn poll_head<C: Carrier>(
        &mut self,
        cx: &mut Context<'_>,
        hop: &mut Hop,
        carrier: &mut C,
    ) -> Poll<Result<(), Halted>> {
        let gateway = &*self.forwarded.gateway;
        let lost = |cause, fault| Poll::Ready(Err(Halted::Lost(cause, fault)));
        let bytes_max = usize::try_from(gateway.limits.wire.head_bytes_max).unwrap_or(usize::MAX);
        loop {
            let (used, event) = match hop.role.receive(hop.input.unread()) {
                Ok(received) => received,
                Err(fault) => return lost(fault.into(), Some(fault.kind)),
            };
            match event {
                ClientEvent::NeedMore => {
                    hop.input.consume(used);
                    let was_unanswered = hop.input.unread().is_empty();
                    if !was_unanswered && self.waits != Await::Head {
                        self.race.begin();
                        self.waits = Await::Head;
                        hop.reads.set_in(gateway.times.head);
                    }
                    match ready!(hop.poll_fill(cx, bytes_max.saturating_mul(2))) {
                        // The role stays as it is: it still knows that nothing came.
                        Ok(0) if hop.role.is_unanswered() && was_unanswered => {
                            return lost(Cause::Closed, None);
                        }
                        Ok(0) => {
                            return match hop.role.eof() {
                                Err(fault) => lost(fault.into(), None),
                                Ok(_) => lost(Cause::Closed, None),
                            };
                        }
                        Ok(_) => {}
                        Err(cause) => return lost(cause, None),
                    }
                }
                ClientEvent::Interim => {
                    hop.input.keep_head(used);
                    self.race.begin();
                    self.interim(hop, carrier);
                    hop.input.release_head();
                    self.waits = Await::Answer;
                    hop.reads.set_in(gateway.times.answer);
                }
                ClientEvent::Head => {
                    hop.input.keep_head(used);
                    return Poll::Ready(Ok(()));
                }
                ClientEvent::Content(_)
                | ClientEvent::End
                | ClientEvent::Switched
                | ClientEvent::Closed => return lost(Cause::Malformed, None),
            }
        }
    }

    /// Passes an interim answer on (RFC 9110 §15.2): 100 to whom it concerns, others as the policy says.
    fn interim<C: Carrier>(&mut self, hop: &Hop, carrier: &mut C) {
        let response = hop.role.response(hop.input.head());
        let is_invitation = response.status == Status::CONTINUE;
        if is_invitation && !self.upload.waits() {
            return;
        }
        self.upload.invited();
        if self.race.is_together() {
            return;
        }
        let mut head = ResponseHead::new(response.status);
        let policy = &self.forwarded.gateway.relay;
        if is_invitation || self.forwarded.gateway.interim == super::Interim::Relayed {
            relayed::interim(policy, response.status, response.fields, &mut head);
            carrier.push_interim(&head);
        }
    }
}
