//! What the rules before the look-up need to know: what limits have left, whose the credentials are, what
//! accounts hold. The rules ask for it in their order; here it is fetched.

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use wherefore_access::basic::{self, Users, Verification, Verified};
use wherefore_access::bearer::{BearerFault, ErrorCode};
use wherefore_access::cost::{FAILURES_A_MINUTE_MAX, Gate, Room};
use wherefore_access::{Asker, Authorization};
use wherefore_decide::admit::{Admission, Fetched, Need};
use wherefore_decide::allowance::{Denied, Paid, Why};
use wherefore_decide::asked::Said;
use wherefore_decide::asker::Credentials;
use wherefore_decide::payment::Tendered;
use wherefore_decide::plan::Question;
use wherefore_decide::policy::allowance::{By, LimitKind};
use wherefore_decide::policy::{Auth, Limit, Price};
use wherefore_decide::reply::dress::Left;
use wherefore_decide::{Client, Verdict};
use wherefore_message::network::client_key;
use wherefore_message::{FieldLines, FieldName, Request};
use wherefore_state::{
    Balances, Charge, Concurrent, IN_FLIGHT_KEYS_DEFAULT, LIMIT_ENTRIES_DEFAULT, Limits, Meter,
    Moment, Permit, Quota, Reservation, Secret,
};

use crate::answer::Answer;
use crate::configuration::Configuration;
use crate::gateway::{Asking, hear};
use crate::notice;
use crate::outbox::Outbox;
use crate::paying::{Offered, Paying, tender};
use crate::service::Service;

/// What is kept between requests, over all cores and over every swap of the configuration.
pub struct Kept {
    meter: Limits,
    concurrent: Arc<Concurrent>,
    balances: Option<Arc<Balances>>,
    pub(crate) outbox: Option<Arc<Outbox>>,
    verified: Verified,
    gate: Arc<Gate>,
    failures: Quota,
    started: Instant,
}

impl Kept {
    /// Nothing kept yet, but for the accounts and what is to be delivered. `secret` is from a random source.
    #[must_use]
    pub fn new(
        secret: [u8; 64],
        balances: Option<Arc<Balances>>,
        outbox: Option<Arc<Outbox>>,
    ) -> Arc<Self> {
        let mut halves = [[0; 16]; 2];
        for (half, octets) in halves.iter_mut().zip(secret.as_chunks::<16>().0) {
            *half = *octets;
        }
        let [rates, flights] = halves.map(Secret::new);
        let failures = Quota::new(FAILURES_A_MINUTE_MAX, 60, FAILURES_A_MINUTE_MAX);
        Arc::new(Self {
            meter: Limits::new(LIMIT_ENTRIES_DEFAULT, rates),
            concurrent: Concurrent::new(IN_FLIGHT_KEYS_DEFAULT, flights),
            balances,
            outbox,
            verified: Verified::new(&secret[32..], basic::VERIFIED_MAX),
            gate: Gate::new(Room::default()),
            failures: failures.unwrap_or_else(|_| unreachable!("ten a minute is a quota")),
            started: Instant::now(),
        })
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.started.elapsed())
    }
}

/// What one request took. Dropped, it is given back as far as it is given back at all.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) left: Vec<Left>,
    /// What was taken from limits, in the order of `left`.
    charges: Vec<Charge>,
    permits: Vec<Permit>,
    pub(crate) reservation: Option<Reservation>,
    /// Who asks, for the upstream that is told.
    pub(crate) user: Option<Box<str>>,
    /// What somebody else wants that upstream to be told.
    pub(crate) copied: FieldLines,
    /// A payment that is settled when the answer is earned.
    pub(crate) paying: Option<Box<Paying>>,
    /// What is asked for where there is none that is good.
    pub(crate) offered: Option<Offered>,
    /// What came with the word of somebody else that the request may not come in.
    pub(crate) told: Option<Rc<FieldLines>>,
}

impl Taken {
    /// Gives back what was taken from limits, those of an earlier phase too: all are met, or none is used up.
    fn give_back(&mut self, kept: &Kept) {
        kept.meter.give_back(&mut self.charges, kept.now());
        for (left, charge) in self.left.iter_mut().zip(&self.charges) {
            *left = self::left(usize::from(left.limit), charge);
        }
        self.permits.clear();
    }
}

/// Which limits are taken from.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Client,
    User,
}

/// Asks the rules that come before the look-up, and fetches what they need.
///
/// # Errors
/// The verdict, where a rule answers.
pub(crate) async fn admit(
    service: &Service,
    configuration: &Configuration,
    question: &Question<'_>,
    admission: &mut Admission<'_>,
    peer: IpAddr,
    answer: &mut Answer,
) -> Result<(), Verdict> {
    let (kept, request, client) = (&*service.kept, question.request, question.client);
    let mut asker = None;
    loop {
        let mut fetching = Fetching { kept, request, client, asker: asker.as_ref(), answer };
        let fetched = match admission.next(question, &mut fetching.answer.trail)? {
            Need::Nothing => return Ok(()),
            Need::ClientLimits(limits) => Fetched::Limits(fetching.limits(limits, Phase::Client)),
            Need::UserLimits(limits) => Fetched::Limits(fetching.limits(limits, Phase::User)),
            Need::Price(price) => Fetched::Price(fetching.price(price)),
            Need::Asking(ask) => {
                let asking = Asking { question, peer, ask };
                // Most routes ask nobody else, and should not carry the room for it along.
                let (said, told) = Box::pin(hear(service, configuration, &asking)).await;
                let taken = answer.taken.get_or_insert_default();
                if said == Said::LetIn {
                    if let Some(name) = ask.user(told.view()) {
                        taken.user = Some(name.into());
                        asker = Some(Asker { name: name.to_owned(), groups: Vec::new() });
                    }
                    taken.copied = ask.copied(told.view());
                } else {
                    taken.told = Some(told);
                }
                Fetched::Said(said)
            }
            Need::Payment(payment) => {
                let index = usize::from(payment.facilitator);
                let tendered = match configuration.facilitators.get(index) {
                    Some(facilitator) => Box::pin(tender(service, facilitator, question)).await,
                    None => Err(Box::new((Tendered::Unreachable(1), Offered::default()))),
                };
                let taken = answer.taken.get_or_insert_default();
                Fetched::Payment(match tendered {
                    Ok(paying) => {
                        taken.paying = Some(paying);
                        Tendered::Good
                    }
                    Err(refused) => {
                        let (tendered, offered) = *refused;
                        taken.offered = Some(offered);
                        tendered
                    }
                })
            }
            Need::Credentials(auth) => {
                let now = question.now.unix();
                let checked = credentials(service, configuration, request, client, auth, now).await;
                Fetched::Credentials(match checked {
                    Ok(found) => {
                        let Asker { name, groups } = asker.insert(found);
                        answer.taken.get_or_insert_default().user = Some(name.as_str().into());
                        Credentials::Known { name, groups }
                    }
                    Err(why) => why,
                })
            }
        };
        admission.fetched(question, fetched, &mut answer.trail)?;
    }
}

struct Fetching<'a> {
    kept: &'a Kept,
    request: &'a Request<'a>,
    client: &'a Client,
    asker: Option<&'a Asker>,
    answer: &'a mut Answer,
}

impl Fetching<'_> {
    /// Takes from all limits of this phase, or from none.
    fn limits(&mut self, limits: &[Limit], phase: Phase) -> Option<Denied> {
        let of_phase =
            |limit: &&(usize, &Limit)| (limit.1.by == By::User) == (phase == Phase::User);
        let all: Vec<_> = limits.iter().enumerate().collect();
        let all: Vec<_> = all.iter().filter(of_phase).copied().collect();
        let mut charges = Vec::new();
        for (index, limit) in &all {
            if let LimitKind::Rate { count, window_seconds, burst } = limit.kind
                && let Some(quota) = quota(count, window_seconds, burst)
            {
                let key = self.key(&limit.by);
                charges.push((*index, self.kept.meter.charge(&limit.name, &key, quota, 1)));
            }
        }
        let (indices, mut charges): (Vec<usize>, Vec<Charge>) = charges.into_iter().unzip();
        let denied = match self.kept.meter.take(&mut charges, self.kept.now()) {
            Ok(()) => self.enter(&all),
            Err(refused) => {
                let (why, wait) = match refused.why {
                    wherefore_state::Why::Denied(denied) => (Why::Rate, denied.wait),
                    wherefore_state::Why::Full { wait } => (Why::NoRoom, Some(wait)),
                };
                let limit = indices.get(refused.index).copied().unwrap_or_default() as u16;
                let wait_seconds = wait.map_or(u64::MAX, |wait| wait.as_secs_f64().ceil() as u64);
                Some(Denied { limit, why, wait_seconds })
            }
        };
        let kept = self.kept;
        let taken = self.taken();
        taken.left.extend(indices.iter().zip(&charges).map(|(index, charge)| left(*index, charge)));
        taken.charges.extend(charges);
        if denied.is_some() {
            taken.give_back(kept);
        }
        denied
    }

    /// Takes a place among the requests in flight of each of these limits; says which has none.
    fn enter(&mut self, limits: &[(usize, &Limit)]) -> Option<Denied> {
        for (index, limit) in limits {
            if let LimitKind::AtOnce(count) = limit.kind {
                let key = self.key(&limit.by);
                match self.kept.concurrent.enter(&limit.name, &key, count) {
                    Ok(permit) => self.taken().permits.push(permit),
                    Err(many) => {
                        let why = match many {
                            wherefore_state::TooMany::Requests => Why::AtOnce,
                            wherefore_state::TooMany::Keys => Why::NoRoom,
                        };
                        return Some(Denied { limit: *index as u16, why, wait_seconds: 1 });
                    }
                }
            }
        }
        None
    }

    fn price(&mut self, price: &Price) -> Paid {
        let account = match (&price.account, self.asker) {
            // As whoever fills it up calls it.
            (By::User, asker) => {
                asker.map_or_else(Vec::new, |asker| asker.name.clone().into_bytes())
            }
            (by, _) => self.key(by),
        };
        if account.is_empty() {
            return Paid::NoAccount;
        }
        let Some(balances) = &self.kept.balances else { return Paid::Unreachable };
        match balances.reserve(&account, price.amount) {
            Ok(reservation) => {
                self.taken().reservation = Some(reservation);
                Paid::Reserved
            }
            Err(insufficient) => Paid::Short(insufficient.balance),
        }
    }

    fn taken(&mut self) -> &mut Taken {
        self.answer.taken.get_or_insert_default()
    }

    /// What is counted under: nothing, where the request does not say it.
    fn key(&self, by: &By) -> Vec<u8> {
        match by {
            By::Route(key) => key.as_bytes().to_vec(),
            By::Network => network(self.client),
            By::User => match self.asker {
                // Names of users and octets of networks must not be taken for one another.
                Some(asker) => [b"user:", asker.name.as_bytes()].concat(),
                None => network(self.client),
            },
            By::Field(name) => {
                let mut lines = self.request.fields.iter();
                let value = lines.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
                value.map_or_else(Vec::new, |(_, value)| value.to_vec())
            }
        }
    }
}

fn left(limit: usize, charge: &Charge) -> Left {
    let standing = charge.standing();
    Left {
        limit: limit as u16,
        count: u64::from(standing.remaining),
        reset_seconds: standing.seconds(),
    }
}

/// The network by which a client is counted.
pub(crate) fn network(client: &Client) -> Vec<u8> {
    match client.nearest.map(client_key) {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets().to_vec(),
        None => Vec::new(),
    }
}

fn quota(count: u64, window_seconds: u64, burst: u64) -> Option<Quota> {
    let number = |number: u64| u32::try_from(number).ok();
    Quota::new(number(count)?, number(window_seconds)?, number(burst)?).ok()
}

/// Whose the request's credentials are.
async fn credentials(
    service: &Service,
    configuration: &Configuration,
    request: &Request<'_>,
    client: &Client,
    auth: &Auth,
    now: u64,
) -> Result<Asker, Credentials<'static>> {
    match sent(configuration, request, auth, now)? {
        Sent::Token(asker) => Ok(asker),
        Sent::Password(lists, sent) => {
            let recalled = lists.iter().find_map(|list| list.recall(&service.kept.verified, &sent));
            match recalled {
                Some(asker) => Ok(asker.clone()),
                None => verify(service, lists, sent, client).await,
            }
        }
    }
}

/// The same for whoever serves nobody meanwhile: this may take as long as a password's hash does.
///
/// # Errors
/// What the rules are to be told in place of a name.
pub fn check(
    configuration: &Configuration,
    request: &Request<'_>,
    auth: &Auth,
    now: u64,
) -> Result<Asker, Credentials<'static>> {
    match sent(configuration, request, auth, now)? {
        Sent::Token(asker) => Ok(asker),
        // Nothing is remembered that would have to be kept secret.
        Sent::Password(lists, sent) => match held(&lists, &Verified::new(&[0; 32], 1), &sent) {
            Held::Right(asker) => Ok(asker),
            Held::Wrong => Err(WRONG),
            Held::Unable => Err(Credentials::Busy(1)),
        },
    }
}

/// Credentials, as far as they can be judged at once.
enum Sent {
    /// A token, which is this one's.
    Token(Asker),
    /// A password, which has to be held against these lists.
    Password(Vec<Arc<Users>>, basic::Credentials),
}

fn sent(
    configuration: &Configuration,
    request: &Request<'_>,
    auth: &Auth,
    now: u64,
) -> Result<Sent, Credentials<'static>> {
    let sent = Authorization::read(request.fields, FieldName::Authorization)
        .map_err(|_| Credentials::Malformed("Authorization stands on several lines"))?;
    match sent {
        Some(Authorization::Basic(sent)) if !auth.basic.is_empty() => {
            let lists = auth.basic.iter().filter_map(|index| configuration.users(*index));
            let sent = basic::Credentials::parse(sent)
                .map_err(|_| Credentials::Wrong("what was sent as Basic can't be read"))?;
            Ok(Sent::Password(lists.cloned().collect(), sent))
        }
        Some(Authorization::Bearer(sent)) if !auth.bearer.is_empty() => {
            let mut fault = BearerFault::UnknownKey;
            for tokens in auth.bearer.iter().filter_map(|index| configuration.tokens(*index)) {
                match tokens.verify(sent, now) {
                    Ok(asker) => return Ok(Sent::Token(asker)),
                    // An issuer who knows the key says what is wrong with the token.
                    Err(BearerFault::UnknownKey) => {}
                    Err(other) => fault = other,
                }
            }
            Err(match fault.error() {
                ErrorCode::InvalidRequest => Credentials::Malformed(fault.description()),
                ErrorCode::InvalidToken | ErrorCode::InsufficientScope => {
                    Credentials::Wrong(fault.description())
                }
            })
        }
        Some(Authorization::Basic(_) | Authorization::Bearer(_) | Authorization::Other) | None => {
            Err(Credentials::None)
        }
    }
}

/// What came of holding a password against lists of users.
enum Held {
    Right(Asker),
    Wrong,
    Unable,
}

const WRONG: Credentials<'static> = Credentials::Wrong("the name or the password is wrong");

fn held(lists: &[Arc<Users>], verified: &Verified, sent: &basic::Credentials) -> Held {
    let mut held = Held::Wrong;
    for users in lists {
        match users.verify(verified, sent) {
            Verification::Right(asker) => return Held::Right(asker.clone()),
            Verification::Wrong => {}
            Verification::Unable => held = Held::Unable,
        }
    }
    held
}

/// Holds a password against its hash on a worker, at most a few at once; a client has an allowance of wrong
/// ones.
async fn verify(
    service: &Service,
    lists: Vec<Arc<Users>>,
    sent: basic::Credentials,
    client: &Client,
) -> Result<Asker, Credentials<'static>> {
    let kept = &service.kept;
    let key = network(client);
    let mut failure = [kept.meter.charge("credentials-tries", &key, kept.failures, 1)];
    if let Err(refused) = kept.meter.take(&mut failure, kept.now()) {
        let wait = match refused.why {
            wherefore_state::Why::Denied(denied) => denied.wait,
            wherefore_state::Why::Full { wait } => Some(wait),
        };
        let seconds = wait.map_or(60, |wait| wait.as_secs_f64().ceil() as u32);
        return Err(Credentials::TooMany(seconds.max(1)));
    }
    let address = client.nearest.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let busy = |failure: &mut [Charge; 1]| {
        kept.meter.give_back(failure, kept.now());
        Err(Credentials::Busy(1))
    };
    let Ok(entering) = kept.gate.enter(address) else { return busy(&mut failure) };
    let place = entering.await;
    let shared = Arc::clone(kept);
    let checked = service
        .work(move || {
            let held = held(&lists, &shared.verified, &sent);
            drop(place);
            held
        })
        .await;
    match checked {
        Ok(Held::Right(asker)) => {
            kept.meter.give_back(&mut failure, kept.now());
            Ok(asker)
        }
        Ok(Held::Wrong) => Err(WRONG),
        Ok(Held::Unable) | Err(_) => busy(&mut failure),
    }
}

/// Spends what was reserved, durably: the answer that was bought may leave then.
///
/// # Errors
/// If that could not be written.
pub(crate) async fn settle(service: &Service, reservation: Reservation) -> Result<(), ()> {
    let Some(balances) = service.kept.balances.clone() else { return Err(()) };
    match service.commit(move || balances.settle(reservation)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            notice!("a payment could not be settled: {error}");
            Err(())
        }
        Err(_) => Err(()),
    }
}
