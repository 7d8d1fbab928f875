//! Taking what is posted to an inbox: its content is handed through workers as it comes, in bounded memory,
//! and its end is answered.

use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::inbox::{Shown, Submitted};
use wherefore_decide::plan;
use wherefore_decide::policy::inbox::{Format, InboxLimits};
use wherefore_decide::reply;
use wherefore_message::Announced;
use wherefore_message::date::HttpDate;
use wherefore_message::form::FormFault;
use wherefore_origin::inbox::{Arrival, Inbox, NotStored, Stored, Submission, failure};
use wherefore_origin::read::Content;
use wherefore_origin::{Job, Origin};

use crate::answer::Answer;
use crate::blocking::OnWorker;
use crate::carrier::{Carrier, Gone, More, Trouble};
use crate::notice;
use crate::random::RequestId;
use crate::service::{Service, tell};
use crate::writing::{GATHERED_BYTES_MAX, asked, gather, invite};

/// Why a submission was not taken.
enum NotTaken {
    /// Its content is malformed or too large.
    Form(FormFault),
    /// Whatever an act can fail with.
    Failed(Failure),
}

impl From<Failure> for NotTaken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Takes a submission, and answers.
pub(crate) async fn take<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    format: Format,
    origin: &Arc<Origin>,
    job: &Job,
    answer: &mut Answer,
) -> Result<(), Gone> {
    // The submission names it, and so does the line of the log.
    let id = service.core.random.request_id();
    answer.id = Some(id);
    let taken = content(service, carrier, origin.inbox(), (format, id), job, answer).await?;
    let request = job.request.view();
    let inbox = job.matched().and_then(|matched| matched.route.inbox());
    let (Some(inbox), Some(site)) = (inbox, job.site()) else {
        asked(service, &request, job, answer).fail(Failure::Panicked);
        return Ok(());
    };
    let (submitted, stored) = match taken {
        Ok(stored) => {
            let location = inbox.shown_at(site, &stored.name);
            let shown = if location.is_some() { Shown::ByARoute } else { Shown::Nowhere };
            (Submitted::Stored(shown), location.map(|location| (location, stored.document)))
        }
        Err(NotTaken::Form(fault)) => (Submitted::Faulty(fault), None),
        Err(NotTaken::Failed(failure)) => {
            asked(service, &request, job, answer).fail(failure);
            return Ok(());
        }
    };
    let verdict = plan::submitted(&inbox.thanks, submitted, &mut answer.trail);
    if plan::is_said_by_fields(&verdict) {
        reply::submitted(&verdict, stored, id.as_str(), &mut answer.head);
        answer.verdict = Some(verdict);
        answer.content = Content::None;
    } else {
        asked(service, &request, job, answer).refuse(&verdict, None);
    }
    Ok(())
}

/// Takes the content, and stores it.
async fn content<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    inbox: Inbox,
    (format, id): (Format, RequestId),
    job: &Job,
    answer: &mut Answer,
) -> Result<Result<Stored, NotTaken>, Gone> {
    let begins = Begins {
        inbox,
        job: job.clone(),
        format,
        id,
        now: HttpDate::from_unix(service.core.clock.unix_seconds()),
    };
    let request = job.request.view();
    let is_small = matches!(request.announced,
        Announced::Length(length) if length <= GATHERED_BYTES_MAX);
    let waits = plan::invite(&request, carrier.begun(), &mut answer.trail).is_some();
    if is_small && !waits {
        let octets = match gather(service, carrier, job, answer).await? {
            Ok(octets) => octets,
            Err(failure) => return Ok(Err(failure.into())),
        };
        let whole = move || {
            let mut submission = begins.begin()?;
            submission.receive(&octets)?;
            submission.finish()
        };
        return Ok(worked(job, service.commit(whole).await));
    }
    // Whether there is room is known before the content is invited.
    let begun = service.work(move || begins.begin().map(Box::new).map(OnWorker::new)).await;
    let mut submission = match worked(job, begun) {
        Ok(submission) => submission,
        Err(not) => return Ok(Err(not)),
    };
    invite(carrier, job, answer).await?;
    let mut octets = Vec::new();
    loop {
        let more = match carrier.content(&mut octets).await {
            Ok(more) => more,
            Err(Trouble::Fault(fault)) => return Ok(Err(Failure::Content(fault).into())),
            Err(Trouble::Gone) => return Err(Gone),
        };
        if more == More::Yes && (octets.len() as u64) < GATHERED_BYTES_MAX {
            continue;
        }
        let step = move || step(submission, octets, more);
        match worked(job, service.work(step).await) {
            Ok(Step::On(next, buffer)) => (submission, octets) = (next, buffer),
            Ok(Step::Stored(stored)) => return Ok(Ok(stored)),
            Err(not) => return Ok(Err(not)),
        }
    }
}

/// What a worker begins a submission with.
struct Begins {
    inbox: Inbox,
    job: Job,
    format: Format,
    id: RequestId,
    now: HttpDate,
}

impl Begins {
    fn begin(&self) -> Result<Submission, NotStored> {
        let request = &self.job.request.view();
        let route = self.job.matched().map(|matched| matched.route);
        let limits = match route.and_then(|route| Some((route, route.inbox()?.limits))) {
            Some((route, limits)) => {
                let content_bytes_max = route.content_bytes_max_of(request.method);
                let form_bytes_max = limits.form_bytes_max.min(content_bytes_max);
                InboxLimits { form_bytes_max, ..limits }
            }
            None => InboxLimits::default(),
        };
        let (format, now, request_id) = (self.format, self.now, self.id.as_str());
        self.inbox.begin(&Arrival { request, format, limits, now, request_id })
    }
}

/// What became of one stretch of content.
enum Step {
    /// More may come; the buffer is empty again.
    On(OnWorker<Box<Submission>>, Vec<u8>),
    /// It was the last.
    Stored(Stored),
}

/// Takes one stretch of content, on a worker: a submission that goes no further is dropped here too.
fn step(
    submission: OnWorker<Box<Submission>>,
    mut octets: Vec<u8>,
    more: More,
) -> Result<Step, NotStored> {
    let mut submission = submission.into_inner();
    submission.receive(&octets)?;
    Ok(match more {
        More::Yes => {
            octets.clear();
            Step::On(OnWorker::new(submission), octets)
        }
        More::No => Step::Stored(submission.finish()?),
    })
}

/// What a job came to, in the engine's words.
fn worked<T>(job: &Job, worked: Result<Result<T, NotStored>, Failure>) -> Result<T, NotTaken> {
    match worked {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(NotStored::Form(fault))) => Err(NotTaken::Form(fault)),
        Ok(Err(NotStored::Digest)) => Err(Failure::Digest.into()),
        Ok(Err(NotStored::Store(error))) => {
            let (target, failure) = (job.request.view().target_text, failure(&error));
            match failure {
                Failure::Io => notice!("{}: the inbox can't store: {error}", target.escape_ascii()),
                _ => tell(target, &error),
            }
            Err(failure.into())
        }
        Err(failure) => Err(failure.into()),
    }
}
