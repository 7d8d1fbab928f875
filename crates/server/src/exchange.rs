//! One request and its answer, whatever version of HTTP carries them: the rules are asked, facts are
//! fetched between them, the plan is carried out, and the answer is left to whoever carries it.

use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::admit::{Admission, Need};
use wherefore_decide::plan::{self, Admitted, Place, Plan, Question, Reading, Writing};
use wherefore_decide::policy::Matched;
use wherefore_decide::reply;
use wherefore_decide::screen::Wire;
use wherefore_decide::{Client, Scheme, Verdict};
use wherefore_message::date::HttpDate;
use wherefore_message::path::decode_made;
use wherefore_message::{Method, Request};
use wherefore_origin::{Job, Origin, refused};

use crate::answer::Answer;
use crate::carrier::{Carrier, Gone};
use crate::configuration::Configuration;
use crate::reading::{Asked, Stopped, is_passing};
use crate::service::Service;
use crate::writing::write;

/// How often a resource is looked up anew because it changed while it was opened.
const LOOK_TRIES_MAX: usize = 8;

/// What is left to do once the rules have been asked.
pub(crate) enum Next {
    /// Nothing: the answer is ready.
    Answered,
    /// A write.
    Write(Writing, Arc<Origin>, Box<Job>),
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
    let next = {
        let request = carrier.request();
        let client = Client { address: Some(carrier.peer()), scheme: Scheme::Http, country: None };
        answer_from_head(service, &configuration, &request, &client, wire, answer).await
    };
    match next {
        Next::Answered => Ok(()),
        Next::Write(writing, origin, job) => {
            write(service, carrier, writing, &origin, &job, answer).await?;
            if let Some(place) = job.place() {
                let request = job.request.view();
                dress(&place.matched, &request, &job.client, answer);
            }
            Ok(())
        }
    }
}

/// Asks the rules, and answers whatever needs no content.
async fn answer_from_head(
    service: &Service,
    configuration: &Configuration,
    request: &Request<'_>,
    client: &Client,
    wire: &Wire,
    answer: &mut Answer,
) -> Next {
    let now = HttpDate::from_unix(service.core.clock.unix_seconds());
    let question = Question { request, client, now };
    let (mut scratch, mut inner) = (Vec::new(), Vec::new());
    let sites = &configuration.sites;
    let begun = Admission::begin(&question, sites, wire, &mut scratch, &mut answer.trail);
    let mut asked = Asked { service, request, path: None, matched: None, client, answer };
    let mut admission = match begun {
        Err(verdict) => return asked.refuse(&verdict, None),
        Ok(admission) => admission,
    };
    (asked.path, asked.matched) = (admission.path, admission.matched);
    let next = match admitted(&mut admission, &question, &mut inner, &mut asked.answer.trail) {
        Err(verdict) => asked.refuse(&verdict, None),
        Ok(Admitted::Server(site)) => {
            let plan = plan::of_server(&question, site, &mut asked.answer.trail);
            match plan {
                Ok(Plan::Read(verdict, Reading::Options(methods))) => {
                    asked.answer.verdict = Some(verdict);
                    reply::options(&verdict, methods, &mut asked.answer.head);
                    Next::Answered
                }
                Ok(_) => asked.fail(Failure::Panicked),
                Err(verdict) => asked.refuse(&verdict, None),
            }
        }
        Ok(Admitted::Resource(place)) => match configuration.origin(place.folder.origin) {
            Some(origin) => {
                let site = admission.site.index();
                answer_place(&mut asked, &question, &place, origin, (sites, site)).await
            }
            None => asked.fail(Failure::Panicked),
        },
    };
    if let (Next::Answered, Some(matched)) = (&next, &admission.matched) {
        dress(matched, request, client, answer);
    }
    next
}

/// Asks the rules that come before the look-up, and fetches what they need.
fn admitted<'a>(
    admission: &mut Admission<'a>,
    question: &Question<'a>,
    inner: &'a mut Vec<u8>,
    trail: &mut wherefore_decide::Trail,
) -> Result<Admitted<'a>, Verdict> {
    while !matches!(admission.next(question, trail)?, Need::Nothing) {}
    admission.end(question, inner, trail)
}

/// Looks a resource of a folder up, and answers with it.
async fn answer_place(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &Place<'_>,
    origin: &Arc<Origin>,
    (sites, site): (&Arc<wherefore_decide::policy::Sites>, usize),
) -> Next {
    let request = asked.request;
    let reads = matches!(request.method, Method::Get | Method::Head);
    let mut scratch = Vec::new();
    let mut path = place.inner;
    for _ in 0..LOOK_TRIES_MAX {
        let mut entry = match asked.look(origin, path, reads).await {
            Ok(entry) => entry,
            Err(failure) => return asked.fail(failure),
        };
        let instead = plan::instead(request, place.folder, &entry.found);
        if let Some(Ok(instead)) = instead.map(|path| decode_made(path, &mut scratch)) {
            path = instead;
            entry = match asked.look(origin, path, reads).await {
                Ok(entry) => entry,
                Err(failure) => return asked.fail(failure),
            };
        }
        match plan::after_lookup(question, place, &entry.found, &mut asked.answer.trail) {
            Err(verdict) => return asked.refuse(&verdict, Some(&entry.found)),
            Ok(Plan::Write(writing)) => {
                let job = Job::new(question, sites, site, place);
                return Next::Write(writing, Arc::clone(origin), Box::new(job));
            }
            Ok(Plan::Read(verdict, reading)) => {
                match asked.read(origin, path, &entry, &verdict, reading).await {
                    Ok(()) => return Next::Answered,
                    Err(Stopped::Store(error)) if is_passing(&error) => {
                        asked.service.cache.borrow_mut().forget(origin.id(), path.bytes());
                        path = place.inner;
                    }
                    Err(Stopped::Store(error)) => {
                        let Some(found) = refused(&error) else {
                            return asked.fail(asked.told(&error));
                        };
                        let trail = &mut asked.answer.trail;
                        return match plan::after_lookup(question, place, &found, trail) {
                            Err(verdict) => asked.refuse(&verdict, Some(&found)),
                            Ok(_) => asked.fail(asked.told(&error)),
                        };
                    }
                    Err(Stopped::Failed(failure)) => return asked.fail(failure),
                }
            }
        }
    }
    // Nothing is wrong with the request, nor for long with what is there.
    asked.fail(Failure::Busy(1))
}

/// Adds what the route adds to every answer.
fn dress(matched: &Matched<'_>, request: &Request<'_>, client: &Client, answer: &mut Answer) {
    reply::dress::dress(matched.route, request, client.scheme, &[], &mut answer.head);
}
