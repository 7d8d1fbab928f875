//! What an exchange does with a request for a gateway: the rules are asked, the request is forwarded, and its end is
//! answered.

use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::forward::Passed;
use wherefore_decide::plan::{self, GatewayPlace, Plan, Question, Reading};
use wherefore_decide::policy::Matched;
use wherefore_decide::reply;
use wherefore_decide::upstream::{Changed, Heard, Lost};
use wherefore_gateway::forward;
use wherefore_gateway::relay::{self as relayed, Address, Addresses};
use wherefore_message::{Announced, Cause, FieldLines, Request, Status};

use crate::answer::Answer;
use crate::carrier::{Carrier, Gone};
use crate::configuration::Configuration;
use crate::gateway::{self, Forwarded, Gateway, Known, Relay};
use crate::reading::Asked;
use crate::service::Service;

/// Answers for a gateway, unless the request is to be forwarded.
pub(crate) fn answer_gateway<C: Carrier>(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &GatewayPlace<'_>,
    configuration: &Configuration,
    (carrier, site): (&C, usize),
) -> Option<Box<Forwarded>> {
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
            return Some(Box::new(Forwarded::new(gateway, request, place, &known)));
        }
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
    let heard = gateway::ask(service, carrier, forwarded).await?;
    let request = &carrier.request();
    let mut asked = Asked::new(service, request, &forwarded.client, answer);
    let (site, route) = forwarded.route;
    let site = configuration.sites.site(site);
    asked.matched = site.and_then(|site| {
        let route = site.routes().get(forwarded.route.1)?;
        Some(Matched { route, index: forwarded.route.1, rest_at: forwarded.rest_at })
    });
    asked.dress = site.and_then(|site| site.routes().get(route)).map(|route| &route.dress);
    match heard {
        gateway::Asked::Answered(relay) => answered(&mut asked, forwarded, relay),
        gateway::Asked::Lost(lost, member) => {
            asked.answer.upstream = member.and_then(|member| name_of(&forwarded.gateway, member));
            let verdict = plan::heard(Heard::Nothing(lost), &mut asked.answer.trail);
            asked.refuse(&verdict, None);
        }
        gateway::Asked::Refused(failure) => asked.fail(failure),
    }
    asked.settle().await;
    asked.dress();
    Ok(())
}

/// Answers with what an upstream said.
fn answered(asked: &mut Asked<'_>, forwarded: &Forwarded, mut relay: Box<Relay>) {
    let gateway = &forwarded.gateway;
    asked.answer.upstream = name_of(gateway, relay.member());
    let Some(response) = relay.response() else { return asked.fail(Failure::Panicked) };
    let judged = match (response.status, response.announced) {
        (Status::SWITCHING_PROTOCOLS, _) => relayed::switched(response.fields, forwarded.upgrade()),
        // What says beforehand that it is too large need not be broken off.
        (_, Announced::Length(length)) if length > gateway.limits.content_bytes_max => {
            Err(Cause::ContentTooLarge)
        }
        _ => Ok(()),
    };
    if let Err(cause) = judged {
        relay.abandon();
        let lost = Heard::Nothing(Lost::to(cause));
        let verdict = plan::heard(lost, &mut asked.answer.trail);
        return asked.refuse(&verdict, None);
    }
    let heard = Heard::Answer(response.status, Changed::Not);
    let verdict = plan::heard(heard, &mut asked.answer.trail);
    let public = public_authority(asked.request);
    let from = relayed::From {
        status: response.status,
        version: response.version,
        fields: response.fields,
        addresses: addresses(asked, forwarded, &relay, &public),
    };
    relayed::head(&gateway.relay, &from, &mut asked.answer.head);
    asked.answer.head.status = verdict.status;
    asked.answer.verdict = Some(verdict);
    asked.answer.relay = Some(relay);
}

fn public_authority(request: &Request<'_>) -> Vec<u8> {
    request.authority.map(|authority| authority.to_string().into_bytes()).unwrap_or_default()
}

/// Where the upstream was asked, and where the client did.
fn addresses<'a>(
    asked: &Asked<'a>,
    forwarded: &'a Forwarded,
    relay: &Relay,
    public: &'a [u8],
) -> Option<Addresses<'a>> {
    let reached = forwarded.gateway.members.get(relay.member())?;
    let base = asked.matched?.route.gateway()?.base.as_deref().unwrap_or("");
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
