//! Upstreams that are asked about requests: who may come in, and what payments are worth.

use wherefore_decide::policy::{Ask, Index};
use wherefore_gateway::x402::{Offer, Terms, TermsError, Written};

use super::gateway::{Group, number, time};
use super::{GatewaySettings, Lowering};
use crate::complaint::Complaint;
use crate::keys;
use crate::source::{Placed, Span};
use crate::table::{Key, Set};
use crate::value::{self, GatewayTo};

/// Who knows what payments are worth, and what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facilitator {
    /// How it is reached, among the gateways.
    pub upstreams: Index,
    /// What stands before `/verify` and `/settle` in its paths.
    pub base: String,
    /// What is asked for.
    pub offer: Offer,
    /// For how long a payment buys the same answer, in seconds.
    pub lifetime_seconds: u64,
}

impl Lowering<'_, '_> {
    /// Who is asked who may come in, and what for.
    pub(super) fn asked(&mut self, auth: &keys::Auth, ask: &Set<GatewayTo>) -> Option<Ask> {
        let span = ask.from.span().unwrap_or(auth.head);
        let Group { gateway, base } = self.one_or_group(&ask.value, span, |settings| {
            settings.times.answer = time(&auth.time);
            settings.choosing.in_flight_max = number(&auth.at_once);
        })?;
        Some(Ask {
            upstreams: self.gateway_number(gateway),
            target: base.unwrap_or_else(|| "/".into()),
            copy: Vec::new(),
            user_from: None,
            cache_millis: 0,
        })
    }

    /// The number of a facilitator, with what it is asked about.
    pub(super) fn facilitator(&mut self, keys: &keys::X402, span: Span) -> Option<Index> {
        let resolved = keys.resolved();
        let (to, text) = (keys.facilitator.as_ref()?, |key: &Key<value::Prose>| {
            key.as_ref().map_or("", |set| set.value.as_str()).to_owned()
        });
        let lifetime_seconds = time(&resolved.lifetime).as_secs();
        let written = [&keys.network, &keys.amount, &keys.asset, &keys.pay_to, &keys.extra];
        let [network, amount, asset, pay_to, extra] = written.map(text);
        let terms = Terms::read(&Written {
            network: &network,
            amount: &amount,
            asset: &asset,
            pay_to: &pay_to,
            max_timeout_seconds: u32::try_from(lifetime_seconds).unwrap_or(u32::MAX),
            extra: &extra,
        });
        let terms = match terms {
            Ok(terms) => terms,
            Err(error) => {
                let key = match error {
                    TermsError::Network => &keys.network,
                    TermsError::Amount => &keys.amount,
                    TermsError::Asset => &keys.asset,
                    TermsError::PayTo => &keys.pay_to,
                    TermsError::Extra => &keys.extra,
                    TermsError::Timeout => &None,
                };
                let at = key.as_ref().and_then(|set| set.from.span()).unwrap_or(span);
                self.complain(Complaint::error(at, error.to_string()));
                return None;
            }
        };
        let told = |key: &Key<value::Prose>| key.as_ref().map(|set| set.value.as_str().into());
        let offer = Offer {
            accepts: vec![terms],
            description: told(&keys.description),
            mime_type: told(&keys.media_type),
        };
        let at = to.from.span().unwrap_or(span);
        let Group { gateway, base } = self.one_or_group(&to.value, at, |settings| {
            settings.times.answer = time(&resolved.time);
        })?;
        let base = base.as_deref().unwrap_or("").trim_end_matches('/').to_owned();
        let upstreams = self.gateway_number(gateway);
        let facilitator = Facilitator { upstreams, base, offer, lifetime_seconds };
        let same = self.facilitators.iter().position(|known| *known == facilitator);
        let number = same.unwrap_or(self.facilitators.len());
        if same.is_none() {
            self.facilitators.push(facilitator);
        }
        Some(self.number(number, span))
    }

    /// The group of this name, as it stands, or one of this URL alone, with these settings.
    fn one_or_group(
        &mut self,
        to: &GatewayTo,
        span: Span,
        with: impl FnOnce(&mut GatewaySettings),
    ) -> Option<Group> {
        match to {
            GatewayTo::Group(name) => self.group_named(name.as_str(), span),
            url @ GatewayTo::Url(_) => {
                let mut group = self.group_of_urls(&[Placed { value: url.clone(), span }], span);
                if let Some(group) = &mut group {
                    with(&mut group.gateway.settings);
                }
                group
            }
        }
    }
}
