//! What an exchange does with a request for a gateway: the rules are asked, the request is forwarded, and its end is
//! answered.

use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::forward::Passed;
use wherefore_decide::plan::{self, GatewayPlace, Plan, Question, Reading};
use wherefore_decide::policy::Matched;
use wherefore_decide::reply::{self, dress::may_add};
use wherefore_decide::upstream::{Changed, Heard, Lost};
use wherefore_gateway::forward;
use wherefore_gateway::relay::{self as relayed, Address, Addresses, Buffering};
use wherefore_gateway::transform::Transform;
use wherefore_message::{Announced, Cause, FieldLines, Request, ResponseHead, Status};

use crate::answer::Answer;
use crate::carrier::{Carrier, Gone};
use crate::configuration::Configuration;
use crate::gateway::{self, Coded, Cut, Forwarded, Gateway, Known, Relay};
use crate::reading::Asked;
use crate::service::Service;

/// What becomes of a request for a gateway that is not answered yet.
pub(crate) enum Onward<'f> {
    /// It is forwarded.
    Now(&'f mut Forwarded),
    /// It is kept, to be delivered later.
    Later,
}

/// Answers for a gateway, unless the request is to go on; what is forwarded is then put into `slot`.
pub(crate) fn answer_gateway<'f, C: Carrier>(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &GatewayPlace<'_>,
    configuration: &Configuration,
    (carrier, site): (&C, usize),
    slot: &'f mut Option<Forwarded>,
) -> Option<Onward<'f>> {
    let Some(gateway) = configuration.gateway(place.gateway.upstreams) else {
        asked.fail(Failure::Panicked);
        return None;
    };
    let request = question.request;
    let passed = if forward::is_loop(request, &gateway.forward.pseudonym) {
        Passed::Before
    } else {
        Passed::Never
    };
    match plan::of_gateway(question, place, passed, &mut asked.answer.trail) {
        Ok(Plan::Forward) => {
            let id = asked.service.core.random.request_id();
            asked.answer.id = Some(id);
            let taken = asked.answer.taken.as_ref();
            let user = taken.and_then(|taken| taken.user.as_deref());
            let nothing = FieldLines::new();
            let copied = taken.map_or(&nothing, |taken| &taken.copied);
            let peer = carrier.peer();
            let known = Known {
                client: question.client,
                peer,
                peer_trust: configuration.peer_trust(peer),
                user,
                copied: copied.view(),
                request_id: id.as_str(),
                site,
            };
            let text = asked.service.core.buffers.take_write();
            let chain = &mut asked.answer.chain;
            let forwarded = Forwarded::new(gateway, request, place, &known, chain, text);
            return Some(Onward::Now(slot.insert(forwarded)));
        }
        Ok(Plan::Later) => return Some(Onward::Later),
        Ok(Plan::Read(verdict, Reading::Options(methods))) => {
            reply::options(&verdict, methods, &mut asked.answer.head);
            asked.answer.verdict = Some(verdict);
        }
        Ok(Plan::Read(verdict, Reading::Echo)) => asked.echo(&verdict),
        Ok(_) => asked.fail(Failure::Panicked),
        Err(verdict) => asked.refuse(&verdict, None),
    }
    None
}

/// Forwards the request, and answers.
///
/// # Errors
/// If the client has gone.
pub(crate) async fn forward<C: Carrier>(
    service: &Service,
    configuration: &Configuration,
    carrier: &mut C,
    forwarded: &Forwarded,
    answer: &mut Answer,
) -> Result<(), Gone> {
    let (heard, relay, member) = match gateway::ask(service, carrier, forwarded).await? {
        gateway::Asked::Answered(mut relay) => {
            let heard =
                begin(service, configuration, carrier, forwarded, &mut relay, answer).await?;
            let member = relay.member();
            (Ok(heard), Some(relay), Some(member))
        }
        gateway::Asked::Lost(lost, member) => (Ok(Heard::Nothing(lost)), None, member),
        gateway::Asked::Refused(failure) => (Err(failure), None, None),
    };
    // The log tells of it, and nobody else.
    if service.core.log.is_some() {
        let name = |member| name_of(&forwarded.gateway, member);
        answer.upstream = member.and_then(name);
        answer.hedged = member.and_then(|member| forwarded.hedged_with(member)).and_then(name);
    }
    let matched = matched(configuration, forwarded);
    let refused = match heard {
        Ok(heard) => {
            let verdict = plan::heard(heard, &mut answer.trail);
            match heard {
                Heard::Answer(..) => {
                    answer.head.status = verdict.status;
                    answer.verdict = Some(verdict);
                    answer.relay = relay;
                    None
                }
                Heard::Nothing(_) => Some(Ok(verdict)),
            }
        }
        Err(failure) => Some(Err(failure)),
    };
    let is_plain = matched.is_some_and(|Matched { route, .. }| !may_add(&route.dress, route));
    if refused.is_none() && is_plain && answer.taken.is_none() {
        return Ok(());
    }
    let request = &carrier.request();
    let mut asked = Asked::new(service, request, &forwarded.client, answer);
    asked.matched = matched;
    asked.dress = matched.map(|matched| &matched.route.dress);
    match refused {
        None => {}
        Some(Ok(verdict)) => asked.refuse(&verdict, None),
        Some(Err(failure)) => asked.fail(failure),
    }
    asked.settle().await;
    asked.dress();
    Ok(())
}

fn matched<'a>(configuration: &'a Configuration, forwarded: &Forwarded) -> Option<Matched<'a>> {
    let (site, index) = forwarded.route;
    let route = configuration.sites.site(site)?.routes().get(index)?;
    Some(Matched { route, index, rest_at: forwarded.rest_at })
}

/// Makes the head of what an upstream answers, and reads as much of the content as has to be known before it goes out.
async fn begin<C: Carrier>(
    service: &Service,
    configuration: &Configuration,
    carrier: &mut C,
    forwarded: &Forwarded,
    relay: &mut Relay,
    answer: &mut Answer,
) -> Result<Heard, Gone> {
    let base = matched(configuration, forwarded).and_then(|matched| {
        matched.route.gateway().map(|gateway| gateway.base.as_deref().unwrap_or(""))
    });
    let made = head(service, carrier, forwarded, base, relay, &mut answer.head);
    let (changed, buffering) = match made {
        Ok(made) => made,
        Err(cause) => {
            relay.abandon();
            return Ok(Heard::Nothing(Lost::to(cause)));
        }
    };
    match relay.look_ahead(service, carrier, buffering).await {
        Ok(()) => Ok(Heard::Answer(answer.head.status, changed)),
        Err(Cut { cause: Some(cause), .. }) => Ok(Heard::Nothing(Lost::to(cause))),
        Err(Cut { cause: None, .. }) => Err(Gone),
    }
}

/// Makes the head of what an upstream answers, and sees to it that its content is changed as that says.
fn head<C: Carrier>(
    service: &Service,
    carrier: &C,
    forwarded: &Forwarded,
    base: Option<&str>,
    relay: &mut Relay,
    head: &mut ResponseHead,
) -> Result<(Changed, Buffering), Cause> {
    let gateway = &forwarded.gateway;
    let response = relay.response().ok_or(Cause::Malformed)?;
    let status = response.status;
    match (status, response.announced) {
        (Status::SWITCHING_PROTOCOLS, _) => {
            relayed::switched(response.fields, forwarded.upgrade())?;
        }
        // What says beforehand that it is too large need not be broken off.
        (_, Announced::Length(length)) if length > gateway.limits.content_bytes_max => {
            return Err(Cause::ContentTooLarge);
        }
        _ => {}
    }
    // Most answers lead nowhere.
    let leads = relayed::leads_on(response.fields);
    let public = if leads { public_authority(&carrier.request()) } else { Vec::new() };
    let from = relayed::From {
        status,
        version: response.version,
        fields: response.fields,
        addresses: leads.then(|| addresses(forwarded, relay, base, &public)).flatten(),
    };
    let told = relayed::head(&gateway.relay, &from, head);
    let Some(transform) = &gateway.transform else { return Ok((Changed::Not, told.buffering)) };
    let request = &carrier.request();
    let applies = transform.applies(request, status, response.fields);
    let coded = transform.apply(applies, request, head);
    if relay.change(service, transform, applies, coded)? == Coded::No && coded.is_some() {
        Transform::leave_uncoded(head);
    }
    let changed = transform.changed(applies, status);
    // What the rules judge is what the upstream said.
    head.status = status;
    Ok((changed, told.buffering))
}

fn public_authority(request: &Request<'_>) -> Vec<u8> {
    request.authority.map(|authority| authority.to_string().into_bytes()).unwrap_or_default()
}

/// Where the upstream was asked, and where the client did.
fn addresses<'a>(
    forwarded: &'a Forwarded,
    relay: &Relay,
    base: Option<&'a str>,
    public: &'a [u8],
) -> Option<Addresses<'a>> {
    let (reached, base) = (forwarded.gateway.members.get(relay.member())?, base?);
    let scheme = if reached.target.tls.is_some() { "https" } else { "http" };
    let authority = reached.authority.as_bytes();
    Some(Addresses {
        upstream: Address { scheme, authority, base: base.trim_end_matches('/') },
        public: Address {
            scheme: forwarded.client.scheme.name(),
            authority: public,
            base: forwarded.replaced(),
        },
    })
}

fn name_of(gateway: &Gateway, member: usize) -> Option<Arc<str>> {
    gateway.members.get(member).map(|reached| Arc::clone(&reached.authority))
}
