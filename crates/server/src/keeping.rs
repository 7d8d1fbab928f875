//! Keeping a request for later: its content goes through workers to the disk as it comes, in bounded memory, and then it
//! is accepted. And what its monitor says.

use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::later::Kept;
use wherefore_decide::plan::{self, MonitorPlace, Plan, Question, Reading};
use wherefore_decide::policy::Later;
use wherefore_decide::policy::later::When;
use wherefore_decide::reply;
use wherefore_decide::reply::monitor::Monitored;
use wherefore_gateway::forward::{self, Rewrite};
use wherefore_message::later::Progress;
use wherefore_message::{Announced, FieldLines, FieldName, FieldSet, problem};
use wherefore_origin::Job;
use wherefore_origin::read::Content;
use wherefore_state::StateError;
use wherefore_state::deliveries::{
    AcceptError, ClientKey, DeliveryId, Incoming, KeptLine, NewDelivery, UnixMillis,
};

use crate::admit::network;
use crate::answer::Answer;
use crate::blocking::OnWorker;
use crate::carrier::{Carrier, Gone, More, Trouble};
use crate::configuration::Configuration;
use crate::notice;
use crate::outbox::Outbox;
use crate::random::secret;
use crate::reading::Asked;
use crate::service::Service;
use crate::writing::{GATHERED_BYTES_MAX, asked, gather, invite};

/// A request that is to be kept.
pub(crate) struct Keeping {
    pub(crate) job: Job,
    delivery: NewDelivery,
}

/// Makes of a request what is kept of it; none if that was answered already.
pub(crate) fn keeping<C: Carrier>(
    asked: &mut Asked<'_>,
    job: Job,
    configuration: &Configuration,
    carrier: &C,
) -> Option<Box<Keeping>> {
    let delivery = delivery(asked, &job, configuration, carrier);
    if delivery.is_none() {
        asked.fail(Failure::Panicked);
    }
    delivery.map(|delivery| Box::new(Keeping { job, delivery }))
}

/// The request as an upstream is told it later.
fn delivery<C: Carrier>(
    asked: &mut Asked<'_>,
    job: &Job,
    configuration: &Configuration,
    carrier: &C,
) -> Option<NewDelivery> {
    let matched = job.matched()?;
    let later = matched.route.later.as_ref()?;
    let gateway = configuration.gateway(later.destination)?;
    let request = asked.request;
    let id = asked.service.core.random.request_id();
    asked.answer.id = Some(id);
    let taken = asked.answer.taken.as_ref();
    let user = taken.and_then(|taken| taken.user.as_deref());
    let nothing = FieldLines::new();
    let copied = taken.map_or(&nothing, |taken| &taken.copied);
    let from = forward::From {
        request,
        client: asked.client,
        peer: carrier.peer(),
        peer_trust: configuration.peer_trust(carrier.peer()),
        scheme: wherefore_decide::Scheme::Http,
        copied: copied.view(),
        user,
        request_id: id.as_str(),
        withheld: withheld(later),
        lines: b"",
    };
    let (mut lines, mut target, mut host) = (Vec::new(), Vec::new(), Vec::new());
    forward::fields(&gateway.forward, &from, &mut lines);
    let rewrite = match &later.base {
        None => Rewrite::Whole,
        Some(by) => {
            Rewrite::Instead { octets: later.replaced_bytes(&matched, job.path.as_path()), by }
        }
    };
    forward::target(request, job.path.as_path(), rewrite, &mut target);
    forward::host(&gateway.forward, request, "", &mut host);
    let host = Some((FieldName::Host.as_str().as_bytes().into(), host.into()));
    let fields = host.into_iter().filter(|(_, host): &KeptLine| !host.is_empty());
    Some(NewDelivery {
        destination: gateway.name.clone(),
        method: request.method.as_str().into(),
        target: target.into(),
        fields: fields.chain(kept_lines(&lines)).collect(),
        key: client_key(asked, job, user),
    })
}

/// What is said anew at each delivery, or was said to us alone.
fn withheld(later: &Later) -> FieldSet {
    match later.when {
        When::Always => FieldSet::of(&[FieldName::IdempotencyKey]),
        When::Preferred => FieldSet::of(&[FieldName::IdempotencyKey, FieldName::Prefer]),
    }
}

/// Field lines as written, one by one. Who delivers waits for no invitation.
fn kept_lines(lines: &[u8]) -> impl Iterator<Item = KeptLine> {
    lines.split(|octet| *octet == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let at = line.iter().position(|octet| *octet == b':')?;
        let (name, value) = line.split_at(at);
        let is_kept = FieldName::parse(name) != FieldName::Expect;
        is_kept.then(|| (name.into(), value.get(1..).unwrap_or_default().trim_ascii().into()))
    })
}

/// The client's own name for its request, and whose name that is: two clients may choose the same.
fn client_key(asked: &Asked<'_>, job: &Job, user: Option<&str>) -> Option<ClientKey> {
    let fields = asked.request.fields;
    if !fields.has(FieldName::IdempotencyKey) {
        return None;
    }
    let lines: Vec<&[u8]> = fields.all(FieldName::IdempotencyKey).collect();
    let site = job.site().map_or(&b""[..], |site| site.name.as_bytes());
    let whose = match user {
        // Names of users and octets of networks must not be taken for one another.
        Some(user) => [b"user:", user.as_bytes()].concat(),
        None => [b"network:", &*network(asked.client)].concat(),
    };
    let principal = [site, b"\0", &whose].concat();
    Some(ClientKey { principal: principal.into(), key: lines.join(&b", "[..]).into() })
}

/// Why a request is not kept.
enum NotKept {
    /// As the rules for later have it.
    As(Kept),
    /// Whatever an act can fail with.
    Failed(Failure),
}

impl From<Failure> for NotKept {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Takes a request's content, keeps it, and answers.
///
/// # Errors
/// If the client has gone.
pub(crate) async fn keep<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    keeping: &Keeping,
    answer: &mut Answer,
) -> Result<(), Gone> {
    let job = &keeping.job;
    let request = &job.request.view();
    let (Some(outbox), Some(later)) = (
        service.kept.outbox.clone(),
        job.matched().and_then(|matched| matched.route.later.as_ref()),
    ) else {
        asked(service, request, job, answer).fail(Failure::Panicked);
        return Ok(());
    };
    let (kept, id) = match content(service, carrier, &outbox, keeping, answer).await? {
        Ok(id) => (Kept::Stored, Some(id)),
        Err(NotKept::As(kept)) => (kept, None),
        Err(NotKept::Failed(failure)) => {
            asked(service, request, job, answer).fail(failure);
            return Ok(());
        }
    };
    let verdict = plan::kept(kept, &mut answer.trail);
    let Some(id) = id else {
        asked(service, request, job, answer).refuse(&verdict, None);
        return Ok(());
    };
    outbox.wake();
    let now = service.core.clock.unix_seconds();
    // What the same key stood for may be forgotten just now.
    let unknown = Progress::Pending { tries: 0, next_at: now, last: None };
    let monitored = Monitored {
        progress: &outbox.deliveries.progress(id).unwrap_or(unknown),
        form: problem::form(request.fields.all(FieldName::Accept)),
        now,
        request_id: answer.id.as_ref().map_or("", |id| id.as_str()),
    };
    let (id, head) = (id.to_string(), &mut answer.head);
    let said = reply::monitor::accepted(&verdict, request, later, &id, &monitored, head);
    answer.content = Content::Made(said.into_bytes());
    answer.verdict = Some(verdict);
    Ok(())
}

/// Takes the content, and stores it with all that is kept of the request.
async fn content<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    outbox: &Arc<Outbox>,
    keeping: &Keeping,
    answer: &mut Answer,
) -> Result<Result<DeliveryId, NotKept>, Gone> {
    let Keeping { job, delivery } = keeping;
    let request = job.request.view();
    if let Announced::Length(seen) = request.announced
        && seen > outbox.content_bytes_max
    {
        let limit = outbox.content_bytes_max;
        return Ok(Err(NotKept::As(Kept::ContentTooLarge { limit, seen })));
    }
    let begins = Begins {
        outbox: Arc::clone(outbox),
        delivery: delivery.clone(),
        now: UnixMillis(service.core.clock.unix_millis()),
    };
    let is_small = matches!(request.announced,
        Announced::Length(length) if length <= GATHERED_BYTES_MAX);
    let waits = plan::invite(&request, carrier.begun(), &mut answer.trail).is_some();
    if is_small && !waits {
        let octets = match gather(service, carrier, job, answer).await? {
            Ok(octets) => octets,
            Err(failure) => return Ok(Err(failure.into())),
        };
        let whole = move || {
            let mut incoming = begins.begin()?;
            incoming.write(&octets)?;
            begins.end(incoming)
        };
        return Ok(worked(service, service.commit(whole).await));
    }
    // Whether there is room is known before the content is invited.
    let begin = move || begins.begin().map(|incoming| OnWorker::new(Box::new((begins, incoming))));
    let mut begun = match worked(service, service.work(begin).await) {
        Ok(begun) => begun,
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
        let step = move || step(begun, octets, more);
        match worked(service, service.work(step).await) {
            Ok(Step::On(next, buffer)) => (begun, octets) = (next, buffer),
            Ok(Step::Stored(id)) => return Ok(Ok(id)),
            Err(not) => return Ok(Err(not)),
        }
    }
}

/// What a worker begins with.
struct Begins {
    outbox: Arc<Outbox>,
    delivery: NewDelivery,
    now: UnixMillis,
}

impl Begins {
    fn begin(&self) -> Result<Incoming, AcceptError> {
        let file = || "/dev/urandom".into();
        let no_secret = |error| AcceptError::State(StateError::Io { file: file(), error });
        let id = secret().map_err(no_secret)?;
        self.outbox.deliveries.begin(DeliveryId::new(id))
    }

    fn end(self, incoming: Incoming) -> Result<DeliveryId, AcceptError> {
        self.outbox.deliveries.accept(incoming, self.delivery, self.now)
    }
}

/// What became of one stretch of content.
enum Step {
    /// More may come; the buffer is empty again.
    On(OnWorker<Box<(Begins, Incoming)>>, Vec<u8>),
    /// It was the last.
    Stored(DeliveryId),
}

/// Takes one stretch of content, on a worker: what goes no further is dropped here too.
fn step(
    begun: OnWorker<Box<(Begins, Incoming)>>,
    mut octets: Vec<u8>,
    more: More,
) -> Result<Step, AcceptError> {
    let (begins, mut incoming) = *begun.into_inner();
    incoming.write(&octets)?;
    Ok(match more {
        More::Yes => {
            octets.clear();
            Step::On(OnWorker::new(Box::new((begins, incoming))), octets)
        }
        More::No => Step::Stored(begins.end(incoming)?),
    })
}

/// What a job came to, in the engine's words.
fn worked<T>(
    service: &Service,
    worked: Result<Result<T, AcceptError>, Failure>,
) -> Result<T, NotKept> {
    let error = match worked? {
        Ok(done) => return Ok(done),
        Err(error) => error,
    };
    let random = service.core.random.next_u64();
    let soon = || u32::try_from(service.core.load.retry_after(random)).unwrap_or(u32::MAX);
    Err(NotKept::As(match error {
        AcceptError::Full => Kept::Full(soon()),
        AcceptError::TooLarge { limit, seen } => Kept::ContentTooLarge { limit, seen },
        AcceptError::HeadTooLarge { limit, seen } | AcceptError::KeyTooLong { limit, seen } => {
            Kept::HeadTooLarge { limit, seen }
        }
        AcceptError::KeyReused => Kept::KeyReused,
        AcceptError::Incomplete | AcceptError::IdTaken | AcceptError::State(_) => {
            notice!("a request can't be kept for later: {error}");
            return Err(Failure::Io.into());
        }
    }))
}

/// Answers for a monitor: how far what it tells of is.
pub(crate) fn answer_monitor(
    asked: &mut Asked<'_>,
    question: &Question<'_>,
    place: &MonitorPlace<'_>,
) {
    let service = asked.service;
    let known = |outbox: &Arc<Outbox>| {
        DeliveryId::parse(place.id()).and_then(|id| outbox.deliveries.progress(id))
    };
    let progress = service.kept.outbox.as_ref().and_then(known);
    match plan::of_monitor(question, place, progress, &mut asked.answer.trail) {
        Ok(Plan::Read(verdict, Reading::Progress(progress))) => {
            let id = service.core.random.request_id();
            let monitored = Monitored {
                progress: &progress,
                form: problem::form(asked.request.fields.all(FieldName::Accept)),
                now: service.core.clock.unix_seconds(),
                request_id: id.as_str(),
            };
            let said = reply::monitor::monitor(&verdict, &monitored, &mut asked.answer.head);
            asked.answer.content = Content::Made(said.into_bytes());
            asked.answer.verdict = Some(verdict);
            asked.answer.id = Some(id);
        }
        Ok(Plan::Read(verdict, Reading::Options(methods))) => {
            reply::options(&verdict, methods, &mut asked.answer.head);
            asked.answer.verdict = Some(verdict);
        }
        Ok(Plan::Read(verdict, Reading::Echo)) => asked.echo(&verdict),
        Ok(_) => asked.fail(Failure::Panicked),
        Err(verdict) => asked.refuse(&verdict, None),
    }
}
