//! One request and its answer, whatever version of HTTP carries them: the rules are asked, facts are
//! fetched between them, the plan is carried out, and the answer is handed to whoever carries it.

use std::future::Future;
use std::io;
use std::rc::Rc;

use wherefore_decide::act::{Acted, Begun, Failure};
use wherefore_decide::facts::{Found, Representation};
use wherefore_decide::plan::{self, Admitted, Part, Plan, Question, Reading, Writing};
use wherefore_decide::reply::{self, Repeats, Sent, Setting, Varies};
use wherefore_decide::screen::Wire;
use wherefore_decide::{Trail, Verdict};
use wherefore_message::date::HttpDate;
use wherefore_message::path::{Path, PathBuf};
use wherefore_message::problem::{self, ProblemForm};
use wherefore_message::request::RequestBuf;
use wherefore_message::{
    Announced, Coding, Fault, FaultKind, FieldName, Method, Request, ResponseHead, Status, Value,
    accept, digest, media,
};
use wherefore_origin::cache::Entry;
use wherefore_origin::multipart::byteranges;
use wherefore_origin::read::{Content, OpenFile};
use wherefore_origin::{Done, Job, ListingForm, failure};
use wherefore_store::{Conflict, LookFor, StoreError, Wait};

use crate::blocking::WorkError;
use crate::notice;
use crate::random::RequestId;
use crate::service::Service;

/// Content up to this many octets is gathered in memory and written in one job.
const GATHERED_BYTES_MAX: u64 = 64 << 10;
/// How often a resource is looked up anew because it changed while it was opened.
const LOOK_TRIES_MAX: usize = 8;

/// What carries one exchange: a connection of HTTP/1, a stream of HTTP/2 or 3.
pub(crate) trait Carrier {
    /// The request's head.
    fn request(&self) -> Request<'_>;

    /// Whether content has come already.
    fn begun(&self) -> Begun;

    /// Appends the next content to `into`, at least one octet; says whether there was any.
    fn content(&mut self, into: &mut Vec<u8>) -> impl Future<Output = Result<More, Trouble>>;

    /// Sends an interim answer at once.
    fn interim(&mut self, head: &ResponseHead) -> impl Future<Output = io::Result<()>>;
}

/// Whether there was more content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    Yes,
    No,
}

/// What can go wrong with a request's content.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The peer's fault, which can be answered.
    Fault(Fault),
    /// Nobody is there any more to be answered.
    Gone,
}

/// An answer that is ready to be sent, and how it came about. Reused from exchange to exchange.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) content: Content,
    pub(crate) trail: Trail,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) id: Option<RequestId>,
}

impl Answer {
    pub(crate) const fn new() -> Self {
        Self {
            head: ResponseHead::new(Status::OK),
            content: Content::None,
            trail: Trail::new(),
            verdict: None,
            id: None,
        }
    }

    /// Forgets the last exchange, keeping its memory.
    pub(crate) fn clear(&mut self) {
        self.content = Content::None;
        self.trail = Trail::new();
        self.verdict = None;
        self.id = None;
    }
}

/// What is left to do once the rules have been asked.
enum Next {
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

/// The client has gone.
#[derive(Debug)]
pub(crate) struct Gone;

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
                    Err(Stopped::Store(error)) => return asked.fail(asked.told(&error)),
                    Err(Stopped::Failed(failure)) => return asked.fail(failure),
                }
            }
        }
    }
    asked.fail(Failure::Conflict("it changes all the time"))
}

/// Whether a store's error means that what was found is no longer there: look again.
fn is_passing(error: &StoreError) -> bool {
    error.is_changed() || matches!(error, StoreError::Missing)
}

/// Why a reading came to nothing.
enum Stopped {
    /// The store did not do it.
    Store(StoreError),
    /// It was not even asked, or our own code failed.
    Failed(Failure),
}

impl<E: Into<StoreError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// One request while its answer is made.
struct Asked<'a> {
    service: &'a Service,
    request: &'a Request<'a>,
    path: Option<Path<'a>>,
    answer: &'a mut Answer,
}

impl Asked<'_> {
    /// What stands under `path`: from this core's memory for a reading, else from the store.
    async fn look(&self, path: Path<'_>, reads: bool) -> Result<Rc<Entry>, Failure> {
        let service = self.service;
        let generation = service.origin.generation(path);
        let now = service.core.clock.now().0;
        if reads && let Some(entry) = service.cache.borrow().get(path.bytes(), generation, now) {
            return Ok(entry);
        }
        let what = match self.request.method {
            Method::Delete => LookFor::Emptiness,
            _ => LookFor::Content,
        };
        let found = match service.origin.find(path, what, Wait::No) {
            Err(StoreError::WouldWait) => {
                let origin = service.origin.clone();
                let owned = PathBuf::from(path);
                self.work(move || origin.find(owned.as_path(), what, Wait::Yes)).await?
            }
            other => other,
        };
        let found = found.map_err(|error| self.told(&error))?;
        let entry = Entry::new(found, media_type(path, &found), generation, now);
        if reads {
            Ok(service.cache.borrow_mut().put(path.bytes(), entry))
        } else {
            Ok(Rc::new(entry))
        }
    }

    /// Makes the answer of a reading.
    async fn read(
        &mut self,
        path: Path<'_>,
        entry: &Entry,
        verdict: &Verdict,
        reading: Reading,
    ) -> Result<(), Stopped> {
        match reading {
            Reading::Options(methods) => reply::options(verdict, methods, &mut self.answer.head),
            Reading::Echo => self.echo(verdict),
            Reading::Listing => self.list(path, verdict).await?,
            Reading::Representation { coding, part } => {
                let Some((selected, _)) = plan::selected(self.request, &entry.found) else {
                    return Err(StoreError::Missing.into());
                };
                let sends = self.request.method == Method::Get;
                // A wish, which need not be met (RFC 9530 §4).
                let wanted = digest::wanted(self.request.fields.all(FieldName::WantReprDigest))
                    .filter(|_| selected.length <= self.service.core.limits.digest_bytes);
                let file = if sends || wanted.is_some() {
                    Some(self.open(path, entry, coding).await?)
                } else {
                    None
                };
                let repeats = if self.request.fields.has(FieldName::IfRange) {
                    Repeats::Required
                } else {
                    Repeats::All
                };
                let repeats = if matches!(part, Part::Whole) { Repeats::All } else { repeats };
                let sent = Sent {
                    of: selected,
                    media_type: entry.media_type,
                    coding,
                    varies: varies(&entry.found),
                    part: &part,
                    repeats,
                };
                reply::representation(verdict, &sent, &mut self.answer.head);
                if let (Some(algorithm), Some(file)) = (wanted, &file) {
                    let digest = self.digest(file, algorithm).await?;
                    self.answer.head.push(FieldName::ReprDigest, Value::Text(digest.into()));
                }
                self.answer.content = match file {
                    Some(file) if sends => self.content(file, part, entry.media_type),
                    _ => Content::Absent(selected.length),
                };
            }
        }
        self.answer.verdict = Some(*verdict);
        Ok(())
    }

    fn content(&mut self, file: Rc<OpenFile>, part: Part, media_type: &str) -> Content {
        match part {
            Part::Whole => Content::whole(file),
            Part::One(range) => Content::File(file, range),
            Part::Several(ranges) => {
                let boundary = self.service.core.random.request_id();
                let length = file.representation.length;
                let (pieces, total) = byteranges(&ranges, length, media_type, boundary.as_str());
                let value = format!("multipart/byteranges; boundary={}", boundary.as_str());
                self.answer.head.push(FieldName::ContentType, Value::Text(value.into()));
                Content::Pieces(file, pieces, total)
            }
        }
    }

    /// The file in this coding, open; from this core's memory if it is there.
    async fn open(
        &self,
        path: Path<'_>,
        entry: &Entry,
        coding: Option<Coding>,
    ) -> Result<Rc<OpenFile>, Stopped> {
        if let Some(file) = entry.file(coding) {
            // Better to look again than to begin what would be broken off.
            return if file.is_unchanged() { Ok(file) } else { Err(Conflict::Changed.into()) };
        }
        let origin = &self.service.origin;
        let opened = match origin.open(path, coding, Wait::No) {
            Err(StoreError::WouldWait) => {
                let (origin, owned) = (origin.clone(), PathBuf::from(path));
                self.work(move || origin.open(owned.as_path(), coding, Wait::Yes))
                    .await
                    .map_err(Stopped::Failed)??
            }
            other => other?,
        };
        let file = Rc::new(opened);
        entry.keep(coding, &file).map_err(|_| Conflict::Changed)?;
        Ok(file)
    }

    async fn digest(
        &self,
        file: &Rc<OpenFile>,
        algorithm: digest::Algorithm,
    ) -> Result<String, Stopped> {
        let file = OpenFile::clone(file);
        Ok(self.work(move || file.digest(algorithm)).await.map_err(Stopped::Failed)??)
    }

    async fn list(&mut self, path: Path<'_>, verdict: &Verdict) -> Result<(), Stopped> {
        let offers = [ListingForm::Html.content_type(), ListingForm::Json.content_type()];
        let lines = self.request.fields.all(FieldName::Accept);
        let form = match accept::preferred(lines, &offers) {
            Some(offer) if offer == offers[1] => ListingForm::Json,
            _ => ListingForm::Html,
        };
        let (origin, owned) = (self.service.origin.clone(), PathBuf::from(path));
        let page = self
            .work(move || origin.list(owned.as_path(), form))
            .await
            .map_err(Stopped::Failed)??;
        let head = &mut self.answer.head;
        head.reset(verdict.status);
        head.push(FieldName::ContentType, Value::Static(form.content_type()));
        head.push(FieldName::CacheControl, Value::Static("no-cache"));
        head.push(FieldName::Vary, Value::Static("Accept"));
        head.push(FieldName::ContentSecurityPolicy, Value::Static(PAGE_POLICY));
        head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
        self.answer.content = Content::Made(page.into_bytes());
        Ok(())
    }

    /// The request as it came, without what is secret in it (RFC 9110 §9.3.8).
    fn echo(&mut self, verdict: &Verdict) {
        let request = self.request;
        let mut echo = Vec::with_capacity(512);
        for part in [request.method_text, b" ", request.target_text, b" "] {
            echo.extend_from_slice(part);
        }
        echo.extend_from_slice(request.version.to_string().as_bytes());
        echo.extend_from_slice(b"\r\n");
        for (name, value) in request.fields.iter() {
            let secret =
                [FieldName::Authorization, FieldName::ProxyAuthorization, FieldName::Cookie];
            if !secret.iter().any(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name)) {
                for part in [name, b": ", value, b"\r\n"] {
                    echo.extend_from_slice(part);
                }
            }
        }
        echo.extend_from_slice(b"\r\n");
        let head = &mut self.answer.head;
        head.reset(verdict.status);
        head.push(FieldName::ContentType, Value::Static("message/http"));
        head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
        self.answer.content = Content::Made(echo);
    }

    fn refuse(&mut self, verdict: &Verdict, found: Option<&Found>) -> Next {
        let current = found.and_then(|found| plan::selected(self.request, found));
        let current = current.map(|(current, _)| current);
        self.refuse_with(verdict, current, found.map_or(Varies::Not, varies))
    }

    fn refuse_with(
        &mut self,
        verdict: &Verdict,
        current: Option<&Representation>,
        varies: Varies,
    ) -> Next {
        let setting = Setting {
            verdict,
            method: self.request.method,
            path: self.path,
            query: self.request.target.query,
            current,
            varies,
            field: None,
        };
        let form = problem::form(self.request.fields.all(FieldName::Accept));
        explain(self.service, &setting, form, self.answer);
        Next::Answered
    }

    fn fail(&mut self, failure: Failure) -> Next {
        let verdict = plan::outcome(Acted::Failed(failure), &mut self.answer.trail);
        self.refuse(&verdict, None)
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        work(self.service, job).await
    }

    fn told(&self, error: &StoreError) -> Failure {
        tell(self.request.target_text, error);
        failure(error)
    }
}

/// The page may style itself, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Makes the answer of a verdict that sends no representation: its fields, and why.
pub(crate) fn explain(
    service: &Service,
    setting: &Setting<'_>,
    form: ProblemForm,
    answer: &mut Answer,
) {
    let verdict = setting.verdict;
    answer.verdict = Some(*verdict);
    reply::fields(setting, &mut answer.head);
    if verdict.status.ends_with_head() {
        answer.content = Content::None;
        return;
    }
    let head = &mut answer.head;
    // A redirect is no problem, and programs follow it without reading on.
    let form = match form {
        ProblemForm::Json if !verdict.status.is_error() => ProblemForm::Text,
        form => form,
    };
    let id = service.core.random.request_id();
    head.push(FieldName::ContentType, Value::Static(form.content_type()));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    if form == ProblemForm::Html {
        head.push(FieldName::ContentSecurityPolicy, Value::Static(PAGE_POLICY));
    }
    head.push(FieldName::RequestId, Value::Text(id.as_str().into()));
    let text = reply::explanation(setting, Some(id.as_str()), form);
    answer.content = Content::Made(text.into_bytes());
    answer.id = Some(id);
}

/// Carries out a write: its content is taken, the act done on a worker, its end answered.
async fn write<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    writing: Writing,
    job: Job,
    answer: &mut Answer,
) -> Result<(), Gone> {
    let trail = answer.trail;
    let origin = service.origin.clone();
    let ended = match writing {
        Writing::DeleteFile | Writing::DeleteFolder => {
            let owned = job.clone();
            work(service, move || origin.write(&owned, writing, None, trail)).await
        }
        Writing::Put | Writing::Post => put(service, carrier, writing, &job, answer).await?,
        Writing::Patch(format) => match gather(service, carrier, &job, answer).await? {
            Ok(patch) => {
                let owned = job.clone();
                work(service, move || origin.patch(&owned, format, &patch, trail)).await
            }
            Err(failure) => Err(failure),
        },
    };
    let request = job.request.view();
    match ended {
        Ok(done) => answer_done(service, &request, job.path.as_path(), done, answer),
        Err(failure) => {
            let mut asked =
                Asked { service, request: &request, path: Some(job.path.as_path()), answer };
            asked.fail(failure);
        }
    }
    Ok(())
}

fn answer_done(
    service: &Service,
    request: &Request<'_>,
    path: Path<'_>,
    done: Done,
    answer: &mut Answer,
) {
    answer.trail = done.trail;
    if let Some(error) = &done.error {
        tell(request.target_text, error);
    }
    if done.verdict.status.class() == wherefore_message::status::Class::Success {
        reply::written(&done.verdict, done.location, done.current.as_ref(), &mut answer.head);
        answer.verdict = Some(done.verdict);
        answer.content = Content::None;
    } else {
        let mut asked = Asked { service, request, path: Some(path), answer };
        asked.refuse_with(&done.verdict, done.current.as_ref(), Varies::Not);
    }
}

/// Takes the content of a PUT or a POST, and writes it.
async fn put<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    writing: Writing,
    job: &Job,
    answer: &mut Answer,
) -> Result<Result<Done, Failure>, Gone> {
    let trail = answer.trail;
    let origin = service.origin.clone();
    let owned = job.clone();
    let is_small = matches!(job.request.view().announced,
        Announced::Length(length) if length <= GATHERED_BYTES_MAX);
    let waits = plan::invite(&job.request.view(), carrier.begun(), &mut answer.trail).is_some();
    if is_small && !waits {
        let content = match gather(service, carrier, job, answer).await? {
            Ok(content) => content,
            Err(failure) => return Ok(Err(failure)),
        };
        let whole = move || {
            let mut stage = origin.stage(&owned)?;
            stage.write(&content)?;
            Ok(origin.write(&owned, writing, Some(stage), trail))
        };
        return Ok(work(service, whole)
            .await
            .and_then(|done| done.map_err(|error| told(job, &error))));
    }
    // Whether there is room is known before the content is invited.
    let staged = work(service, move || origin.stage(&owned)).await;
    let mut stage = match staged.and_then(|stage| stage.map_err(|error| told(job, &error))) {
        Ok(stage) => stage,
        Err(failure) => return Ok(Err(failure)),
    };
    invite(carrier, job, answer).await?;
    let mut octets = Vec::new();
    loop {
        let more = match carrier.content(&mut octets).await {
            Ok(more) => more,
            Err(Trouble::Fault(fault)) => return Ok(Err(Failure::Content(fault))),
            Err(Trouble::Gone) => return Err(Gone),
        };
        if more == More::Yes && (octets.len() as u64) < GATHERED_BYTES_MAX {
            continue;
        }
        let step = move || {
            let written = stage.write(&octets);
            octets.clear();
            (written.map(|()| stage), octets)
        };
        let written = match work(service, step).await {
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
    let (origin, owned, trail) = (service.origin.clone(), job.clone(), answer.trail);
    Ok(work(service, move || origin.write(&owned, writing, Some(stage), trail)).await)
}

/// Takes content that is small enough to be held in memory.
async fn gather<C: Carrier>(
    service: &Service,
    carrier: &mut C,
    job: &Job,
    answer: &mut Answer,
) -> Result<Result<Vec<u8>, Failure>, Gone> {
    let limit = match job.request.view().method {
        Method::Patch => service.core.limits.patch_bytes,
        _ => GATHERED_BYTES_MAX,
    };
    invite(carrier, job, answer).await?;
    let mut content = Vec::new();
    loop {
        match carrier.content(&mut content).await {
            Ok(More::Yes) if content.len() as u64 > limit => {
                let fault = Fault::new(FaultKind::ContentTooLarge, content.len());
                return Ok(Err(Failure::Content(fault)));
            }
            Ok(More::Yes) => {}
            Ok(More::No) => return Ok(Ok(content)),
            Err(Trouble::Fault(fault)) => return Ok(Err(Failure::Content(fault))),
            Err(Trouble::Gone) => return Err(Gone),
        }
    }
}

/// Sends 100 (Continue), if the client waits for it.
async fn invite<C: Carrier>(carrier: &mut C, job: &Job, answer: &mut Answer) -> Result<(), Gone> {
    let begun = carrier.begun();
    if let Some(verdict) = plan::invite(&job.request.view(), begun, &mut answer.trail) {
        carrier.interim(&ResponseHead::new(verdict.status)).await.map_err(|_| Gone)?;
    }
    Ok(())
}

async fn work<T: Send + 'static>(
    service: &Service,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let core = &service.core;
    core.workers.run(job).await.map_err(|error| match error {
        WorkError::Busy | WorkError::Stopping => {
            let seconds = core.load.retry_after(core.random.next_u64());
            Failure::Busy(u32::try_from(seconds).unwrap_or(u32::MAX))
        }
        WorkError::Panicked => {
            notice!("a job panicked; the request that it was for is answered 500");
            Failure::Panicked
        }
    })
}

fn told(job: &Job, error: &StoreError) -> Failure {
    tell(job.request.view().target_text, error);
    failure(error)
}

/// Operators are told what the client is not: what the system said.
fn tell(target: &[u8], error: &StoreError) {
    if let StoreError::Io(error) = error {
        notice!("{}: {error}", target.escape_ascii());
    }
}

fn varies(found: &Found) -> Varies {
    match found {
        Found::File(all) | Found::Folder { index: Some(all), .. } if all.vary() => Varies::ByCoding,
        Found::File(_) | Found::Folder { .. } | Found::Missing { .. } | Found::Refused(_) => {
            Varies::Not
        }
    }
}

/// The media type of what a reading of `path` sends: that of its name; an index file is HTML.
fn media_type(path: Path<'_>, found: &Found) -> &'static str {
    match found {
        Found::Folder { .. } => media::by_name(b"index.html"),
        Found::File(_) | Found::Missing { .. } | Found::Refused(_) => media::by_name(path.name()),
    }
}
