//! One request and its answer, whatever version of HTTP carries them: the rules are asked, facts are
//! fetched between them, the plan is carried out, and the answer is left to whoever carries it.

use std::sync::Arc;

use wherefore_decide::Client;
use wherefore_decide::act::Failure;
use wherefore_decide::admit::Admission;
use wherefore_decide::facts::Found;
use wherefore_decide::plan::{self, Admitted, InboxPlace, Place, Plan, Question, Reading, Writing};
use wherefore_decide::policy::Sites;
use wherefore_decide::policy::inbox::Format;
use wherefore_decide::reply;
use wherefore_decide::screen::Wire;
use wherefore_message::date::HttpDate;
use wherefore_message::path::decode_made;
use wherefore_message::{Coding, Method, ResponseHead};
use wherefore_origin::{Job, Origin, refused};

use crate::admit::admit;
use crate::answer::Answer;
use crate::carrier::{Carrier, Gone};
use crate::configuration::Configuration;
use crate::encode::Unmade;
use crate::forwarding::{Onward, answer_gateway, forward};
use crate::gateway::Forwarded;
use crate::keeping::{Keeping, answer_monitor, keep, keeping};
use crate::reading::{Asked, Stopped, is_passing};
use crate::service::Service;
use crate::taking::take;
use crate::variants::{self, Offered};
use crate::writing::{GATHERED_BYTES_MAX, asked, write};

/// How often a resource is looked up anew because it changed while it was opened.
pub(crate) const LOOK_TRIES_MAX: usize = 8;

/// What is left to do once the rules have been asked.
enum Next<'f> {
    /// Nothing: the answer is ready.
    Answered,
    /// The client is told what the page needs, and then the request goes on.
    Hint(ResponseHead),
    /// The request is forwarded to an upstream.
    Forward(&'f mut Forwarded),
    /// A write.
    Write(Writing, Arc<Origin>, Box<Job>),
    /// What is kept, to be delivered later.
    Keep(Box<Keeping>),
    /// What is posted to an inbox, and read like this.
    Take(Format, Arc<Origin>, Box<Job>),
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    First,
    /// It was admitted, and the client told what the page needs.
    Hinted,
}

/// Carries out one exchange up to its answer.
///
/// # Errors
/// If the client has gone; there is nobody to answer.
pub(crate) async fn exchange<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    wire: &Wire,
    answer: &mut Answer,
) -> Result<(), Gone> {
    let configuration = service.configuration.get();
    // It stays where it is made, being large.
    let mut slot = None;
    let mut next =
        head(service, &configuration, carrier, wire, Pass::First, &mut slot, answer).await;
    if let Next::Hint(hints) = &next {
        carrier.interim(hints).await.map_err(|_| Gone)?;
        next = head(service, &configuration, carrier, wire, Pass::Hinted, &mut slot, answer).await;
    }
    let job = match next {
        Next::Answered | Next::Hint(_) => return Ok(()),
        Next::Forward(forwarded) => {
            let ended = forward(service, &configuration, carrier, forwarded, answer).await;
            service.core.buffers.give_write(forwarded.take_buffer());
            return ended;
        }
        Next::Keep(keeping) => {
            // Most exchanges should not carry the room for it along.
            Box::pin(keep(service, carrier, &keeping, answer)).await?;
            Box::new(keeping.job)
        }
        Next::Write(writing, origin, job) => {
            write(service, carrier, writing, &origin, &job, answer).await?;
            job
        }
        Next::Take(format, origin, job) => {
            take(service, carrier, format, &origin, &job, answer).await?;
            job
        }
    };
    let request = job.request.view();
    let mut asked = asked(service, &request, &job, answer);
    asked.settle().await;
    asked.dress();
    Ok(())
}

/// Asks the rules, and answers whatever needs no content.
async fn head<'f, C: Carrier>(
    service: &Service,
    configuration: &Configuration,
    carrier: &C,
    wire: &Wire,
    pass: Pass,
    slot: &'f mut Option<Forwarded>,
    answer: &mut Answer,
) -> Next<'f> {
    let request = &carrier.request();
    let client = configuration.client(carrier.peer(), request.fields);
    let now = HttpDate::from_unix(service.core.clock.unix_seconds());
    let question = Question { request, client: &client, now };
    let (mut scratch, mut inner) = (Vec::new(), Vec::new());
    let sites = &configuration.sites;
    let begun = Admission::begin(&question, sites, wire, &mut scratch, &mut answer.trail);
    let mut admission = match begun {
        Ok(admission) => admission,
        Err(verdict) => {
            let mut asked = Asked::new(service, request, &client, answer);
            asked.refuse(&verdict, None);
            return Next::Answered;
        }
    };
    let located;
    let client = if admission.asks_for_country() {
        located = Client { country: configuration.country(&client), ..client };
        &located
    } else {
        &client
    };
    let question = Question { request, client, now };
    let admitted = if admission.is_guarded() && pass == Pass::First {
        // Most requests have nothing to wait for here, and should not carry the room for it along.
        let peer = carrier.peer();
        Box::pin(admit(service, configuration, &question, &mut admission, peer, answer)).await
    } else {
        admission.resume();
        Ok(())
    };
    let admitted = admitted.and_then(|()| admission.end(&question, &mut inner, &mut answer.trail));
    let mut asked = Asked::new(service, request, client, answer);
    (asked.path, asked.matched) = (admission.path, admission.matched);
    let dress = admission.matched.map_or(&admission.site.dress, |matched| &matched.route.dress);
    asked.dress = Some(dress);
    match admitted {
        Err(verdict) => {
            asked.refuse(&verdict, None);
            asked.pass_on(&verdict);
        }
        Ok(Admitted::Server(site)) => {
            let plan = plan::of_server(&question, site, &mut asked.answer.trail);
            match plan {
                Ok(Plan::Read(verdict, Reading::Options(methods))) => {
                    asked.answer.verdict = Some(verdict);
                    reply::options(&verdict, methods, &mut asked.answer.head);
                }
                Ok(_) => asked.fail(Failure::Panicked),
                Err(verdict) => asked.refuse(&verdict, None),
            }
        }
        Ok(Admitted::Variants(listed)) => {
            if pass == Pass::First
                && let Some(verdict) = plan::hints(request, dress, &mut asked.answer.trail)
            {
                return Next::Hint(reply::hints(&verdict, dress));
            }
            let site = admission.site;
            let from = variants::from_list(&mut asked, &question, &listed, configuration, site);
            Box::pin(from).await;
        }
        Ok(Admitted::Monitor(place)) => answer_monitor(&mut asked, &question, &place),
        Ok(Admitted::Gateway(place)) => {
            if pass == Pass::First
                && let Some(verdict) = plan::hints(request, dress, &mut asked.answer.trail)
            {
                return Next::Hint(reply::hints(&verdict, dress));
            }
            let site = admission.site.index();
            let at = (carrier, site);
            match answer_gateway(&mut asked, &question, &place, configuration, at, slot) {
                None => {}
                Some(Onward::Now(forwarded)) => return Next::Forward(forwarded),
                Some(Onward::Later) => {
                    let job = Job::to_gateway(&question, sites, site, &place);
                    if let Some(kept) = keeping(&mut asked, job, configuration, carrier) {
                        return Next::Keep(kept);
                    }
                }
            }
        }
        Ok(Admitted::Inbox(place)) => {
            if let Some(submission) = answer_inbox(&mut asked, &question, &place) {
                let job = Job::to_inbox(&question, sites, admission.site.index(), &place);
                let origin = place.inbox.origin.and_then(|folder| configuration.origin(folder));
                match (submission, origin) {
                    (Submission::Read(format), Some(origin)) => {
                        return Next::Take(format, Arc::clone(origin), Box::new(job));
                    }
                    (Submission::Read(_), None) => asked.fail(Failure::Panicked),
                    (Submission::Kept, _) => {
                        if let Some(kept) = keeping(&mut asked, job, configuration, carrier) {
                            return Next::Keep(kept);
                        }
                    }
                }
            }
        }
        Ok(Admitted::Resource(place)) => {
            if pass == Pass::First
                && let Some(verdict) = plan::hints(request, dress, &mut asked.answer.trail)
            {
                return Next::Hint(reply::hints(&verdict, dress));
            }
            match configuration.origin(place.folder.origin) {
                Some(origin) => {
                    let site = admission.site.index();
                    let octets_max = GATHERED_BYTES_MAX;
                    if let Some(writing) = plan::at_once(request, carrier.begun(), octets_max) {
                        let job = Box::new(Job::new(&question, sites, site, &place));
                        return Next::Write(writing, Arc::clone(origin), job);
                    }
                    if let Some((writing, job)) =
                        answer_place(&mut asked, &question, &place, origin, (sites, site)).await
                    {
                        return Next::Write(writing, Arc::clone(origin), job);
                    }
                }
                None => asked.fail(Failure::Panicked),
            }
        }
    }
    asked.settle().await;
    asked.dress();
    Next::Answered
}

/// What an inbox does with what is posted.
enum Submission {
    /// It is read like this, and stored.
    Read(Format),
    /// It is kept as it is, to be delivered later.
    Kept,
}

/// Answers for an inbox, unless it is to take what is posted.
fn answer_inbox(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &InboxPlace<'_>,
) -> Option<Submission> {
    match plan::of_inbox(question, place, &mut asked.answer.trail) {
        Ok(Plan::Take(format)) => return Some(Submission::Read(format)),
        Ok(Plan::Later) => return Some(Submission::Kept),
        Ok(Plan::Read(verdict, Reading::Options(methods))) => {
            reply::inbox_options(&verdict, methods, place.inbox, &mut asked.answer.head);
            asked.answer.verdict = Some(verdict);
        }
        Ok(Plan::Read(verdict, Reading::Echo)) => asked.echo(&verdict),
        Ok(_) => asked.fail(Failure::Panicked),
        Err(verdict) => asked.refuse(&verdict, None),
    }
    None
}

/// Looks a resource of a folder up, and answers with it, unless it is to be written.
async fn answer_place(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &Place<'_>,
    origin: &Arc<Origin>,
    (sites, site): (&Arc<Sites>, usize),
) -> Option<(Writing, Box<Job>)> {
    let request = asked.request;
    let reads = matches!(request.method, Method::Get | Method::Head);
    let mut scratch = Vec::new();
    let mut path = place.inner;
    let mut withheld = Vec::new();
    for _ in 0..LOOK_TRIES_MAX {
        let mut entry = match asked.look(origin, path, reads).await {
            Ok(entry) => entry,
            Err(failure) => {
                asked.fail(failure);
                return None;
            }
        };
        if plan::asks_for_variants(request, place.folder, path, &entry.found)
            && let Some(site) = sites.site(site)
        {
            // Most folders have none, and should not carry the room for them along.
            match Box::pin(variants::by_name(asked, question, place, origin, site)).await {
                Offered::None => {}
                Offered::Answered => return None,
                Offered::Again => continue,
            }
        }
        let instead = plan::instead(request, place.folder, &entry.found);
        if let Some(Ok(instead)) = instead.map(|path| decode_made(path, &mut scratch)) {
            path = instead;
            entry = match asked.look(origin, path, reads).await {
                Ok(entry) => entry,
                Err(failure) => {
                    asked.fail(failure);
                    return None;
                }
            };
        }
        let looked_up = Place { inner: path, ..*place };
        let narrowed = without(&entry.found, &withheld);
        let found = narrowed.as_deref().unwrap_or(&entry.found);
        match plan::after_lookup(question, &looked_up, found, &mut asked.answer.trail) {
            Err(verdict) => {
                asked.refuse(&verdict, Some(found));
                if path == place.inner {
                    asked.stand_on(place, &entry);
                }
                return None;
            }
            Ok(Plan::Write(writing)) => {
                return Some((writing, Box::new(Job::new(question, sites, site, place))));
            }
            Ok(Plan::Take(_) | Plan::Later | Plan::Forward) => {
                asked.fail(Failure::Panicked);
                return None;
            }
            Ok(Plan::Read(verdict, reading)) => {
                match asked.read(origin, path, (&entry, found), &verdict, reading).await {
                    Ok(()) => {
                        if path == place.inner {
                            asked.stand_on(place, &entry);
                        }
                        return None;
                    }
                    Err(Stopped::Store(error)) if is_passing(&error) => {
                        asked.service.cache.borrow_mut().forget(asked.name(origin, path));
                        path = place.inner;
                    }
                    Err(Stopped::Store(error)) => {
                        let trail = &mut asked.answer.trail;
                        let found = refused(&error);
                        let verdict = found.as_ref().and_then(|found| {
                            plan::after_lookup(question, &looked_up, found, trail).err()
                        });
                        match verdict {
                            Some(verdict) => asked.refuse(&verdict, found.as_ref()),
                            None => asked.fail(asked.told(&error)),
                        }
                        return None;
                    }
                    Err(Stopped::Unmade(why)) => {
                        // The rules are asked anew: another representation has other validators, and parts.
                        let coding = plan::selected(request, found).and_then(|(_, coding)| coding);
                        if let (Some(coding), Unmade::NotWorth) = (coding, why) {
                            asked.forgo(origin, path, &entry, coding);
                        }
                        withheld.extend(coding);
                        path = place.inner;
                    }
                    Err(Stopped::Failed(failure)) => {
                        asked.fail(failure);
                        return None;
                    }
                }
            }
        }
    }
    // Nothing is wrong with the request, nor for long with what is there.
    asked.fail(Failure::Busy(1));
    None
}

/// What was found, without what can't be made in these codings; none if there are none.
pub(crate) fn without(found: &Found, withheld: &[Coding]) -> Option<Box<Found>> {
    if withheld.is_empty() {
        return None;
    }
    let mut found = Box::new(*found);
    if let Some(all) = found.representations_mut() {
        withheld.iter().for_each(|coding| all.withhold(*coding));
    }
    Some(found)
}
