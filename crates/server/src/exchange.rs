//! One request and its answer, whatever version of HTTP carries them: the rules are asked, facts are
//! fetched between them, the plan is carried out, and the answer is left to whoever carries it.

use wherefore_decide::act::Failure;
use wherefore_decide::plan::{self, Admitted, Plan, Question, Reading, Writing};
use wherefore_decide::reply;
use wherefore_decide::screen::Wire;
use wherefore_message::date::HttpDate;
use wherefore_message::path::PathBuf;
use wherefore_message::request::RequestBuf;
use wherefore_message::{Method, Request};
use wherefore_origin::{Job, refused};

use crate::answer::Answer;
use crate::carrier::{Carrier, Gone};
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
    Write(Writing, Job),
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
    let next = {
        let request = carrier.request();
        answer_from_head(service, &request, wire, answer).await
    };
    match next {
        Next::Answered => Ok(()),
        Next::Write(writing, job) => write(service, carrier, writing, job, answer).await,
    }
}

/// Asks the rules, and answers whatever needs no content.
async fn answer_from_head(
    service: &Service,
    request: &Request<'_>,
    wire: &Wire,
    answer: &mut Answer,
) -> Next {
    let site = service.origin.site();
    let now = HttpDate::from_unix(service.core.clock.unix_seconds());
    let question = Question { request, site, now };
    let mut scratch = Vec::new();
    let admitted = plan::before_lookup(&question, wire, &mut scratch, &mut answer.trail);
    let mut asked = Asked { service, request, path: None, answer };
    let (route, path) = match admitted {
        Err(verdict) => return asked.refuse(&verdict, None),
        Ok(Admitted::Server) => {
            let plan = plan::of_server(&question, &mut asked.answer.trail);
            return match plan {
                Ok(Plan::Read(verdict, Reading::Options(methods))) => {
                    asked.answer.verdict = Some(verdict);
                    reply::options(&verdict, methods, &mut asked.answer.head);
                    Next::Answered
                }
                Ok(_) => asked.fail(Failure::Panicked),
                Err(verdict) => asked.refuse(&verdict, None),
            };
        }
        Ok(Admitted::Resource { route, path }) => (route, path),
    };
    asked.path = Some(path);
    let reads = matches!(request.method, Method::Get | Method::Head);
    for _ in 0..LOOK_TRIES_MAX {
        let entry = match asked.look(path, reads).await {
            Ok(entry) => entry,
            Err(failure) => return asked.fail(failure),
        };
        let plan =
            plan::after_lookup(&question, route, path, &entry.found, &mut asked.answer.trail);
        match plan {
            Err(verdict) => return asked.refuse(&verdict, Some(&entry.found)),
            Ok(Plan::Write(writing)) => {
                let job = Job { request: RequestBuf::from(request), path: PathBuf::from(path) };
                return Next::Write(writing, job);
            }
            Ok(Plan::Read(verdict, reading)) => {
                match asked.read(path, &entry, &verdict, reading).await {
                    Ok(()) => return Next::Answered,
                    Err(Stopped::Store(error)) if is_passing(&error) => {
                        service.cache.borrow_mut().forget(path.bytes());
                    }
                    Err(Stopped::Store(error)) => {
                        let Some(found) = refused(&error) else {
                            return asked.fail(asked.told(&error));
                        };
                        let trail = &mut asked.answer.trail;
                        return match plan::after_lookup(&question, route, path, &found, trail) {
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
