//! Who asks, and what asking uses up. Nothing is used up here: of what is not known, each way in which it may end
//! is told, and the request goes on as if it were granted.

use core::fmt::{self, Write as _};
use std::net::IpAddr;

use wherefore_access::Asker;
use wherefore_decide::admit::{Admission, Fetched, Need};
use wherefore_decide::allowance::{Denied, Paid, Why};
use wherefore_decide::asked::Said;
use wherefore_decide::asker::Credentials;
use wherefore_decide::payment::Tendered;
use wherefore_decide::plan::Question;
use wherefore_decide::policy::allowance::{By, LimitKind};
use wherefore_decide::policy::{Ask, Auth, Limit, Payment, Price};
use wherefore_decide::story::{Detail, Story};
use wherefore_decide::upstream::Lost;
use wherefore_decide::{Client, Scheme, Trail, Verdict};
use wherefore_message::{Cause, FieldName, Request, Status};
use wherefore_server::admit::check;
use wherefore_server::configuration::Configuration;

/// Who asks, as far as the command line says.
#[derive(Clone, Debug)]
pub(super) struct Who {
    /// From where.
    pub(super) address: IpAddr,
    /// By which scheme.
    pub(super) scheme: Scheme,
    /// As whom, without credentials that would show it.
    pub(super) asker: Option<Asker>,
}

impl Who {
    /// The same as the rules see it.
    pub(super) fn client(&self, configuration: &Configuration, request: &Request<'_>) -> Client {
        let client = configuration.client(self.address, request.fields);
        match self.scheme {
            Scheme::Https => Client { scheme: Scheme::Https, ..client },
            Scheme::Http => client,
        }
    }
}

/// A user as the command line names one: `USER` or `USER:group,group`.
pub(super) fn asker(text: &str) -> Result<Asker, String> {
    let (name, groups) = text.split_once(':').unwrap_or((text, ""));
    if name.is_empty() {
        return Err("a user is written as USER or USER:group,group".to_owned());
    }
    let groups = groups.split(',').filter(|group| !group.is_empty());
    Ok(Asker { name: name.to_owned(), groups: groups.map(str::to_owned).collect() })
}

/// Asks the rules that come before the look-up, and tells on the way what they would take.
pub(super) struct Asking<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) configuration: &'a Configuration,
    pub(super) who: &'a Who,
    /// What is told.
    pub(super) told: &'a mut String,
}

impl Asking<'_> {
    /// Whether the request may go on.
    ///
    /// # Errors
    /// The verdict, where a rule answers whatever is granted.
    pub(super) fn admit(
        &mut self,
        admission: &mut Admission<'_>,
        trail: &mut Trail,
    ) -> Result<(), Verdict> {
        let mut asker = None;
        loop {
            let need = admission.next(self.question, trail)?;
            let fetched = match need {
                Need::Nothing => return Ok(()),
                Need::ClientLimits(limits) | Need::UserLimits(limits) => {
                    let is_of_user = matches!(need, Need::UserLimits(_));
                    for (index, limit) in (0..).zip(limits) {
                        if (limit.by == By::User) == is_of_user {
                            self.limit(admission, (index, limit), *trail);
                        }
                    }
                    Fetched::Limits(None)
                }
                Need::Credentials(auth) => Fetched::Credentials(match self.known(auth) {
                    Some(Ok(found)) => known(asker.insert(found)),
                    Some(Err(why)) => why,
                    None => {
                        self.strangers(admission, auth, *trail);
                        known(asker.insert(allowed(auth)))
                    }
                }),
                Need::Asking(ask) => {
                    asker = self.asked(admission, ask, *trail);
                    Fetched::Said(Said::LetIn)
                }
                Need::Payment(payment) => {
                    self.payment(admission, payment, *trail);
                    Fetched::Payment(Tendered::Good)
                }
                Need::Price(price) => Fetched::Price(match self.account(price, asker.as_ref()) {
                    Some(account) => {
                        self.price(admission, price, &account, *trail);
                        Paid::Reserved
                    }
                    None => Paid::NoAccount,
                }),
            };
            admission.fetched(self.question, fetched, trail)?;
        }
    }

    fn limit(&mut self, admission: &Admission<'_>, (index, limit): (u16, &Limit), trail: Trail) {
        let name = &limit.name;
        let (why, wait_seconds, quota) = match limit.kind {
            LimitKind::Rate { count, window_seconds, .. } => {
                let wait_seconds = window_seconds.div_ceil(count.max(1));
                (Why::Rate, wait_seconds, format!("{count} in {window_seconds} s"))
            }
            LimitKind::AtOnce(count) => (Why::AtOnce, 1, format!("{count} at once")),
        };
        let by = match &limit.by {
            By::Network => "for the client's network".to_owned(),
            By::User => "for the user".to_owned(),
            By::Route(_) => "for the route".to_owned(),
            By::Field(name) => format!("for the value of {name}"),
        };
        let _ = writeln!(self.told, "It takes one of the limit {name}: {quota}, {by}.");
        let denied = Denied { limit: index, why, wait_seconds };
        self.branch("If that is used up", admission, Fetched::Limits(Some(denied)), trail);
    }

    /// Whose the credentials are, where that is known: they are sent, or the command line says it.
    fn known(&self, auth: &Auth) -> Option<Result<Asker, Credentials<'static>>> {
        let request = self.question.request;
        if let Some(asker) = &self.who.asker {
            return Some(Ok(asker.clone()));
        }
        request.fields.all(FieldName::Authorization).next()?;
        Some(check(self.configuration, request, auth, self.question.now.unix()))
    }

    /// What those get who are not let in.
    fn strangers(&mut self, admission: &Admission<'_>, auth: &Auth, trail: Trail) {
        let known_to_nobody = Credentials::Known { name: "", groups: &[] };
        for (what, credentials) in [
            ("Without credentials", Credentials::None),
            ("With credentials that are wrong", Credentials::Wrong("they are wrong")),
            ("With those of somebody who may not ask", known_to_nobody),
        ] {
            self.branch(what, admission, Fetched::Credentials(credentials), trail);
        }
        let whose = match (auth.users.is_empty(), auth.groups.is_empty()) {
            (true, true) => "anybody who is known",
            (false, true) => "one of the users that may ask",
            (true, false) => "a member of one of the groups that may ask",
            (false, false) => "one of the users or groups that may ask",
        };
        let _ = writeln!(self.told, "The rest is told as for the credentials of {whose}.");
    }

    /// What can come of asking somebody else, and who is let in then.
    fn asked(&mut self, admission: &Admission<'_>, ask: &Ask, trail: Trail) -> Option<Asker> {
        let gateway = self.configuration.gateways.get(usize::from(ask.upstreams));
        let name = gateway.map_or("", |gateway| &gateway.name);
        let _ =
            writeln!(self.told, "It is asked whether it may come in: {name}, for {}.", ask.target);
        for (what, said) in [
            ("If that does not know the client", Said::Unknown),
            ("If that does not let the client in", Said::Refused),
            ("If that sends the client to sign in", Said::Leads(Status::FOUND)),
            ("If that does not take the connection", Said::Nothing(Lost::to(Cause::Refused))),
            ("If that does not answer in time", Said::Nothing(Lost::to(Cause::AnswerLate))),
        ] {
            self.branch(what, admission, Fetched::Said(said), trail);
        }
        let _ = writeln!(self.told, "The rest is told as for a request that is let in.");
        let somebody = || Asker { name: "somebody".to_owned(), groups: Vec::new() };
        self.who.asker.clone().or_else(|| ask.user_from.is_some().then(somebody))
    }

    /// What can come of a payment that comes with the request.
    fn payment(&mut self, admission: &Admission<'_>, payment: &Payment, trail: Trail) {
        let found = self.configuration.facilitators.get(usize::from(payment.facilitator));
        let name = found.map_or("", |facilitator| &facilitator.gateway.name);
        let _ =
            writeln!(self.told, "It has to be paid for (x402). The payment is verified by {name}.");
        for (what, tendered) in [
            ("If there is none", Tendered::Absent),
            ("If it was used before", Tendered::Used("something else was paid with it")),
            ("If it is not good", Tendered::Refused),
            ("If nobody can be asked what it is worth", Tendered::Unreachable(1)),
        ] {
            self.branch(what, admission, Fetched::Payment(tendered), trail);
        }
        let _ = writeln!(
            self.told,
            "The rest is told as for a payment that is good; it is settled with the answer."
        );
    }

    /// What the account is called that pays, if the request names one.
    fn account(&self, price: &Price, asker: Option<&Asker>) -> Option<String> {
        match &price.account {
            By::User => asker.map(|asker| format!("of {}", asker.name)),
            By::Field(name) => {
                let mut lines = self.question.request.fields.iter();
                let sent = lines.any(|(other, value)| {
                    other.eq_ignore_ascii_case(name.as_bytes()) && !value.is_empty()
                });
                sent.then(|| format!("that {name} names"))
            }
            By::Network => Some("of the client's network".to_owned()),
            By::Route(_) => Some("of the route".to_owned()),
        }
    }

    fn price(&mut self, admission: &Admission<'_>, price: &Price, account: &str, trail: Trail) {
        let Price { amount, unit, .. } = price;
        let _ = writeln!(self.told, "It takes {amount} {unit} from the account {account}.");
        self.branch("If that holds less", admission, Fetched::Price(Paid::Short(0)), trail);
    }

    /// What would be answered if this were fetched; nothing is told where the request would go on.
    fn branch(
        &mut self,
        what: impl fmt::Display,
        admission: &Admission<'_>,
        fetched: Fetched<'_>,
        mut trail: Trail,
    ) {
        if let Err(verdict) = admission.fetched(self.question, fetched, &mut trail) {
            // The rules up to here are told once, with where the request goes on.
            let story =
                Story { trail: &Trail::new(), verdict: Some(&verdict), detail: Detail::Applied };
            let _ = write!(self.told, "{what}:\n  {story}");
        }
    }
}

fn known(asker: &Asker) -> Credentials<'_> {
    Credentials::Known { name: &asker.name, groups: &asker.groups }
}

/// Somebody who may ask.
fn allowed(auth: &Auth) -> Asker {
    let name = auth.users.first().map_or("somebody", |name| name);
    let groups = auth.groups.first().map(|group| group.to_string());
    Asker { name: name.to_owned(), groups: groups.into_iter().collect() }
}
