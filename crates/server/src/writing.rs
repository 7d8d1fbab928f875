//! Writing: the content is taken, the act done on a worker thread, its end answered.

use std::sync::Arc;

use wherefore_decide::act::{Acted, Failure};
use wherefore_decide::content::Excess;
use wherefore_decide::plan::{self, Writing};
use wherefore_decide::reply;
use wherefore_message::{Announced, Fault, FaultKind, Method, Request, ResponseHead};
use wherefore_origin::read::Content;
use wherefore_origin::{Done, Job, Origin, failure};
use wherefore_store::StoreError;

use crate::answer::Answer;
use crate::blocking::OnWorker;
use crate::carrier::{Carrier, Gone, More, Trouble};
use crate::reading::Asked;
use crate::service::{Service, tell};

/// Content up to this many octets is gathered in memory and written in one job.
pub(crate) const GATHERED_BYTES_MAX: u64 = 64 << 10;

/// Carries out a write: its content is taken, the act done on a worker, its end answered.
pub(crate) async fn write<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    writing: Writing,
    origin: &Arc<Origin>,
    job: &Job,
    answer: &mut Answer,
) -> Result<(), Gone> {
    let trail = answer.trail;
    let origin = Arc::clone(origin);
    let ended = match writing {
        Writing::DeleteFile | Writing::DeleteFolder => {
            let owned = job.clone();
            service.commit(move || origin.write(&owned, writing, None, trail)).await
        }
        Writing::Put | Writing::Post => {
            put(service, carrier, writing, &origin, job, answer).await?
        }
        Writing::Patch(format) => match gather(service, carrier, job, answer).await? {
            Ok(patch) => {
                let owned = job.clone();
                service.commit(move || origin.patch(&owned, format, &patch, trail)).await
            }
            Err(failure) => Err(failure),
        },
    };
    let request = job.request.view();
    match ended {
        Ok(done) => answer_done(service, &request, job, done, answer),
        Err(failure) => {
            asked(service, &request, job, answer).fail(failure);
        }
    }
    Ok(())
}

fn answer_done(
    service: &Service,
    request: &Request<'_>,
    job: &Job,
    done: Done,
    answer: &mut Answer,
) {
    answer.trail = done.trail;
    if let Some(error) = &done.error {
        tell(request.target_text, error);
    }
    match done.acted {
        Some(Acted::Created | Acted::Replaced | Acted::Removed) => {
            reply::written(&done.verdict, done.location, done.current.as_ref(), &mut answer.head);
            answer.verdict = Some(done.verdict);
            answer.content = Content::None;
        }
        Some(Acted::Failed(_)) | None => {
            let mut asked = asked(service, request, job, answer);
            asked.refuse_with(&done.verdict, done.current.as_ref(), done.varies);
        }
    }
}

/// The request that the job is for, while its answer is made.
pub(crate) fn asked<'a>(
    service: &'a Service,
    request: &'a Request<'a>,
    job: &'a Job,
    answer: &'a mut Answer,
) -> Asked<'a> {
    let matched = job.matched();
    let path = Some(job.path.as_path());
    let dress = matched.map(|matched| &matched.route.dress);
    Asked { service, request, path, matched, dress, client: &job.client, variant: None, answer }
}

/// Takes the content of a PUT or a POST, and writes it.
async fn put<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    writing: Writing,
    served: &Arc<Origin>,
    job: &Job,
    answer: &mut Answer,
) -> Result<Result<Done, Failure>, Gone> {
    let trail = answer.trail;
    let request = job.request.view();
    let is_small = matches!(request.announced,
        Announced::Length(length) if length <= GATHERED_BYTES_MAX);
    let waits = plan::invite(&request, carrier.begun(), &mut answer.trail).is_some();
    if is_small && !waits {
        let content = match gather(service, carrier, job, answer).await? {
            Ok(content) => content,
            Err(failure) => return Ok(Err(failure)),
        };
        // What lies in memory is written sooner than a thread is woken.
        if writing == Writing::Put
            && let Some(done) = served.write_now(job, &content, trail)
        {
            return Ok(Ok(done));
        }
        let (origin, owned) = (Arc::clone(served), job.clone());
        let whole = move || origin.write_whole(&owned, writing, &content, trail);
        return Ok(service.commit(whole).await);
    }
    // Whether there is room is known before the content is invited.
    let (origin, owned) = (Arc::clone(served), job.clone());
    let staged = service.work(move || origin.stage(&owned)).await;
    let mut stage = match staged.and_then(|stage| stage.map_err(|error| told(job, &error))) {
        // To close a large file that was given up takes its time.
        Ok(stage) => OnWorker::new(Box::new(stage)),
        Err(failure) => return Ok(Err(failure)),
    };
    invite(carrier, job, answer).await?;
    let mut octets = Vec::new();
    let mut received = 0;
    loop {
        let before = octets.len();
        let more = match carrier.content(&mut octets).await {
            Ok(more) => more,
            Err(Trouble::Fault(fault)) => return Ok(Err(Failure::Content(fault))),
            Err(Trouble::Gone) => return Err(Gone),
        };
        received += (octets.len() - before) as u64;
        if let Some(excess) = excess(service, job, request.method, received) {
            return Ok(Err(Failure::TooLarge(excess)));
        }
        if more == More::Yes && (octets.len() as u64) < GATHERED_BYTES_MAX {
            continue;
        }
        let step = move || {
            let mut open = stage.into_inner();
            let written = open.write(&octets);
            octets.clear();
            (written.map(|()| OnWorker::new(open)), octets)
        };
        let written = match service.work(step).await {
            Ok((written, buffer)) => {
                octets = buffer;
                written.map_err(|error| told(job, &error))
            }
            Err(failure) => return Ok(Err(failure)),
        };
        stage = match written {
            Ok(stage) => stage,
            Err(failure) => return Ok(Err(failure)),
        };
        if more == More::No {
            break;
        }
    }
    let (origin, owned, trail) = (Arc::clone(served), job.clone(), answer.trail);
    Ok(service
        .commit(move || origin.write(&owned, writing, Some(*stage.into_inner()), trail))
        .await)
}

/// Takes content that is small enough to be held in memory.
pub(crate) async fn gather<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    job: &Job,
    answer: &mut Answer,
) -> Result<Result<Vec<u8>, Failure>, Gone> {
    let request = job.request.view();
    let limit = match request.method {
        Method::Patch => service.core.limits.patch_bytes,
        _ => GATHERED_BYTES_MAX,
    };
    invite(carrier, job, answer).await?;
    // What is announced may never come: room for more is made once it does.
    let room = match request.announced {
        Announced::Length(length) => length.min(limit).min(GATHERED_BYTES_MAX),
        Announced::Nothing | Announced::Unknown => 0,
    };
    let mut content = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    loop {
        match carrier.content(&mut content).await {
            Ok(More::Yes) => {
                let received = content.len() as u64;
                if let Some(excess) = excess(service, job, request.method, received) {
                    return Ok(Err(Failure::TooLarge(excess)));
                }
                if received > limit {
                    let fault = Fault::new(FaultKind::ContentTooLarge, content.len());
                    return Ok(Err(Failure::Content(fault)));
                }
            }
            Ok(More::No) => return Ok(Ok(content)),
            Err(Trouble::Fault(fault)) => return Ok(Err(Failure::Content(fault))),
            Err(Trouble::Gone) => return Err(Gone),
        }
    }
}

/// What is too much about as many octets of content, by the request's route.
fn excess(service: &Service, job: &Job, method: Method, received: u64) -> Option<Excess> {
    let now = service.core.clock.unix_seconds();
    job.matched().and_then(|matched| Excess::of(matched.route, method, received, now))
}

/// Sends 100 (Continue), if the client waits for it.
pub(crate) async fn invite<C: Carrier>(
    carrier: &mut C,
    job: &Job,
    answer: &mut Answer,
) -> Result<(), Gone> {
    let begun = carrier.begun();
    if let Some(verdict) = plan::invite(&job.request.view(), begun, &mut answer.trail) {
        carrier.interim(&ResponseHead::new(verdict.status)).await.map_err(|_| Gone)?;
    }
    Ok(())
}

fn told(job: &Job, error: &StoreError) -> Failure {
    tell(job.request.view().target_text, error);
    failure(error)
}
