//! Stages one and two: from a request's head to the resource that it may be asked for. What has to be
//! fetched on the way (a limit's state, credentials, an account) is asked for in its order; whoever fetches
//! it tells what came of it, and the rules say what that means.

use wherefore_message::path::{self, Path};
use wherefore_message::target::Form;

use crate::access::AccessFacts;
use crate::allowance::{ClientLimitFacts, Denied, LimitFacts, Paid, PriceFacts, UserLimitFacts};
use crate::asked::{AskedFacts, Said};
use crate::asker::{AskerFacts, Credentials};
use crate::content::ContentFacts;
use crate::elsewhere::ElsewhereFacts;
use crate::gate::GateFacts;
use crate::payment::{PaymentFacts, Tendered};
use crate::plan::{Admitted, GatewayPlace, InboxPlace, Listed, MonitorPlace, Place, Question};
use crate::policy::allowance::By;
use crate::policy::{Ask, Auth, Limit, Matched, Payment, Price, Resource, Route, Site, Sites};
use crate::preflight::PreflightFacts;
use crate::rule::{Verdict, ask};
use crate::screen::Wire;
use crate::story::Trail;
use crate::target::TargetFacts;

/// A request on its way to its resource.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// The site that answers.
    pub site: &'a Site,
    /// The request's path; none for `OPTIONS *`, and where it names nothing that a folder could hold.
    pub path: Option<Path<'a>>,
    /// The route that the path falls under.
    pub matched: Option<Matched<'a>>,
    step: Step,
}

/// What is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Gate,
    ClientLimits,
    Preflight,
    Credentials,
    UserLimits,
    Price,
    Payment,
    Head,
}

/// What has to be fetched before the rules can go on.
#[derive(Clone, Copy, Debug)]
pub enum Need<'a> {
    /// Takings from the limits that do not ask for a user.
    ClientLimits(&'a [Limit]),
    /// What the request's credentials are worth.
    Credentials(&'a Auth),
    /// What somebody else says of the request.
    Asking(&'a Ask),
    /// Takings from the limits that ask for a user.
    UserLimits(&'a [Limit]),
    /// A reservation of the price.
    Price(&'a Price),
    /// A payment that comes with the request.
    Payment(&'a Payment),
    /// Nothing more: the request's path within its folder, and what can be said without looking it up.
    Nothing,
}

/// What came of fetching it.
#[derive(Clone, Copy, Debug)]
pub enum Fetched<'a> {
    /// Of limits: what stood against the request, if anything.
    Limits(Option<Denied>),
    /// Of credentials.
    Credentials(Credentials<'a>),
    /// Of somebody else.
    Said(Said),
    /// Of a price.
    Price(Paid),
    /// Of a payment.
    Payment(Tendered),
}

impl<'a> Admission<'a> {
    /// Stage one: whether the message and its target can be read, and whose it is.
    ///
    /// # Errors
    /// The verdict, where a rule answers.
    pub fn begin(
        question: &Question<'a>,
        sites: &'a Sites,
        wire: &Wire,
        scratch: &'a mut Vec<u8>,
        trail: &mut Trail,
    ) -> Result<Self, Verdict> {
        let Question { request, client, .. } = *question;
        ask(wire, trail)?;
        let (path, path_fault) = match request.target.form {
            Form::Origin | Form::Absolute => match path::decode(request.target.path, scratch) {
                Ok(path) => (Some(path), None),
                Err(fault) => (None, Some(fault)),
            },
            Form::Asterisk | Form::Authority => (None, None),
        };
        let site = sites.of(request.authority.as_ref());
        ask(&TargetFacts { request, site, client, path_fault }, trail)?;
        // The group's last rule but one answers where there is no site.
        let Some(site) = site else { return Err(crate::plan::own_fault(trail)) };
        let matched = path.and_then(|path| site.route(path.bytes()));
        let step = if matched.is_some_and(|matched| matched.route.is_guarded()) {
            Step::Gate
        } else {
            Step::Head
        };
        Ok(Self { site, path, matched, step })
    }

    /// Whether the client's country has to be known.
    #[must_use]
    pub fn asks_for_country(&self) -> bool {
        self.matched.is_some_and(|matched| matched.route.gate.asks_for_country())
    }

    /// Whether anything may have to be fetched.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.step != Step::Head
    }

    /// Leaves out what was asked and fetched already, for a request that is asked once more.
    pub const fn resume(&mut self) {
        self.step = Step::Head;
    }

    /// Goes on to what has to be fetched next.
    ///
    /// # Errors
    /// The verdict, where a rule answers.
    pub fn next(
        &mut self,
        question: &Question<'_>,
        trail: &mut Trail,
    ) -> Result<Need<'a>, Verdict> {
        let Question { request, client, now } = *question;
        let Some(Matched { route, .. }) = self.matched else { return Ok(Need::Nothing) };
        loop {
            match self.step {
                Step::Gate => {
                    self.step = Step::ClientLimits;
                    if !route.gate.is_open() {
                        let (site, gate, now) = (self.site, &route.gate, now.unix());
                        ask(&GateFacts { request, client, site, gate, now }, trail)?;
                    }
                }
                Step::ClientLimits => {
                    self.step = Step::Preflight;
                    if route.limits.iter().any(|limit| limit.by != By::User) {
                        return Ok(Need::ClientLimits(&route.limits));
                    }
                }
                Step::Preflight => {
                    self.step = Step::Credentials;
                    if let Some(cors) = &route.cors {
                        ask(&PreflightFacts { request, cors }, trail)?;
                    }
                }
                Step::Credentials => {
                    self.step = Step::UserLimits;
                    let asks = |auth: &&Auth| {
                        auth.methods.is_none_or(|methods| methods.has(request.method))
                    };
                    if let Some(auth) = route.auth.as_ref().filter(asks) {
                        return Ok(match &auth.ask {
                            Some(ask) => Need::Asking(ask),
                            None => Need::Credentials(auth),
                        });
                    }
                }
                Step::UserLimits => {
                    self.step = Step::Price;
                    if route.limits.iter().any(|limit| limit.by == By::User) {
                        return Ok(Need::UserLimits(&route.limits));
                    }
                }
                Step::Price => {
                    self.step = Step::Payment;
                    if let Some(price) = &route.price {
                        return Ok(Need::Price(price));
                    }
                }
                Step::Payment => {
                    self.step = Step::Head;
                    if let Some(payment) = &route.payment {
                        return Ok(Need::Payment(payment));
                    }
                }
                Step::Head => return Ok(Need::Nothing),
            }
        }
    }

    /// Takes what was fetched.
    ///
    /// # Errors
    /// The verdict, where a rule answers.
    pub fn fetched(
        &self,
        question: &Question<'_>,
        fetched: Fetched<'_>,
        trail: &mut Trail,
    ) -> Result<(), Verdict> {
        let request = question.request;
        let Some(Matched { route, .. }) = self.matched else { return Ok(()) };
        match (fetched, &route.auth, &route.price) {
            (Fetched::Limits(denied), ..) => {
                let facts = LimitFacts { limits: &route.limits, denied };
                if self.step == Step::Preflight {
                    ask(&ClientLimitFacts(facts), trail)
                } else {
                    ask(&UserLimitFacts(facts), trail)
                }
            }
            (Fetched::Credentials(credentials), Some(auth), _) => {
                ask(&AskerFacts { request, auth, credentials }, trail)
            }
            (Fetched::Said(said), Some(auth), _) => ask(&AskedFacts { request, auth, said }, trail),
            (Fetched::Payment(tendered), ..) => ask(&PaymentFacts { request, tendered }, trail),
            (Fetched::Price(paid), _, Some(price)) => ask(&PriceFacts { price, paid }, trail),
            (Fetched::Credentials(_) | Fetched::Said(_), None, _)
            | (Fetched::Price(_), _, None) => Ok(()),
        }
    }

    /// The end of stage two: whether the method may be asked here, what stands elsewhere, and what the
    /// head alone settles of the content.
    ///
    /// # Errors
    /// The verdict, where a rule answers.
    pub fn end(
        &self,
        question: &Question<'a>,
        scratch: &'a mut Vec<u8>,
        trail: &mut Trail,
    ) -> Result<Admitted<'a>, Verdict> {
        let Question { request, client, now } = *question;
        let place = match (self.matched, self.path) {
            (Some(matched), Some(path)) => Some((matched, path)),
            (None, _) | (_, None) => None,
        };
        let route = self.matched.map(|matched| matched.route);
        let folder = route.and_then(|route| route.folder());
        let inner = match (place, folder) {
            (Some((matched, path)), Some(folder)) => folder.inner(&matched, path, scratch),
            (None, _) | (_, None) => self.path,
        };
        ask(&AccessFacts { request, route, path: self.path.and(inner), client }, trail)?;
        if let Some(route @ Route { resource: Resource::Elsewhere(elsewhere), .. }) = route {
            ask(&ElsewhereFacts { request, route, elsewhere }, trail)?;
        }
        ask(&ContentFacts { request, route, now: now.unix() }, trail)?;
        if let (Some((matched, path)), Some(Resource::Variants(list))) =
            (place, route.map(|route| &route.resource))
        {
            return Ok(Admitted::Variants(Listed { matched, list, path }));
        }
        if let (Some((matched, path)), Some(inbox)) = (place, route.and_then(|route| route.inbox()))
        {
            return Ok(Admitted::Inbox(InboxPlace { matched, inbox, path }));
        }
        if let (Some((matched, path)), Some(gateway)) =
            (place, route.and_then(|route| route.gateway()))
        {
            return Ok(Admitted::Gateway(GatewayPlace { matched, gateway, path }));
        }
        if let (Some((matched, path)), Some(Resource::Monitors)) =
            (place, route.map(|route| &route.resource))
        {
            return Ok(Admitted::Monitor(MonitorPlace { matched, path }));
        }
        Ok(match (place, folder, inner) {
            (Some((matched, path)), Some(folder), Some(inner)) => {
                Admitted::Resource(Place { matched, folder, path, inner })
            }
            _ => Admitted::Server(self.site),
        })
    }
}
