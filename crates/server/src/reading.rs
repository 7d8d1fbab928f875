//! Reading: what stands under a path is looked up, opened and made the answer's content.

use std::rc::Rc;
use std::sync::Arc;

use wherefore_decide::act::{Acted, Failure};
use wherefore_decide::again;
use wherefore_decide::choose::ListingForm;
use wherefore_decide::facts::{Found, Octets, Representation};
use wherefore_decide::plan::{self, Part, Place, Question, Reading};
use wherefore_decide::policy::{Dress, Matched};
use wherefore_decide::reply::variant::{self, Told};
use wherefore_decide::reply::{self, Repeats, Sent, Setting, Varies};
use wherefore_decide::{Client, Verdict};
use wherefore_message::date::HttpDate;
use wherefore_message::path::{Path, PathBuf};
use wherefore_message::problem;
use wherefore_message::range::ByteRange;
use wherefore_message::{Coding, FieldName, Method, Request, digest};
use wherefore_origin::Origin;
use wherefore_origin::cache::{Entry, Name};
use wherefore_origin::encode::offer;
use wherefore_origin::multipart::byteranges;
use wherefore_origin::read::{Content, OpenFile};
use wherefore_origin::{failure, media_type};
use wherefore_store::{Conflict, LookFor, StoreError, Wait};

use crate::admit::settle;
use crate::answer::{Answer, explain_with};
use crate::blocking::OnWorker;
use crate::clock::Millis;
use crate::encode::Unmade;
use crate::given::{self, Ground};
use crate::paying;
use crate::send::COPIED_BYTES_MAX;
use crate::service::{Service, tell};

/// Files up to this many octets are closed by whoever lets go of them, also on a loop. Where their names are gone by
/// then, the kernel frees their pages and blocks, which takes 0.1 to 0.3 ms for a MiB.
const CLOSED_AT_ONCE_BYTES_MAX: u64 = 4 << 20;

/// Whether a store's error means that what was found is no longer there: look again.
pub(crate) fn is_passing(error: &StoreError) -> bool {
    error.is_changed() || matches!(error, StoreError::Missing)
}

/// Why a reading came to nothing.
pub(crate) enum Stopped {
    /// The store did not do it.
    Store(StoreError),
    /// It was not even asked, or our own code failed.
    Failed(Failure),
    /// What was selected can't be made, or is not worth it; there is still the original.
    Unmade(Unmade),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Conflict> for Stopped {
    fn from(conflict: Conflict) -> Self {
        Self::Store(conflict.into())
    }
}

/// A short part of a large file, read at once if it is in memory: it leaves with its head.
fn short(file: &OpenFile, range: ByteRange) -> Option<Vec<u8>> {
    if file.octets.is_some() || range.length() > COPIED_BYTES_MAX as u64 {
        return None;
    }
    let length = range.length() as usize;
    file.read(range.first, length, Wait::No).ok().filter(|octets| octets.len() == length)
}

/// Sees to it that a file is closed on a worker thread where that may take long, whoever lets go of it last.
pub(crate) fn let_go_on_worker(file: OpenFile) -> OpenFile {
    if file.length() <= CLOSED_AT_ONCE_BYTES_MAX {
        return file;
    }
    let handle = OnWorker::new(file.handle.clone());
    file.holding(handle)
}

/// One request while its answer is made.
pub(crate) struct Asked<'a> {
    pub(crate) service: &'a Service,
    pub(crate) request: &'a Request<'a>,
    pub(crate) path: Option<Path<'a>>,
    pub(crate) matched: Option<Matched<'a>>,
    pub(crate) dress: Option<&'a Dress>,
    pub(crate) client: &'a Client,
    /// What is told of negotiating, where something was negotiated.
    pub(crate) variant: Option<Box<Told>>,
    pub(crate) answer: &'a mut Answer,
}

impl<'a> Asked<'a> {
    /// A request of which nothing more is known.
    pub(crate) const fn new(
        service: &'a Service,
        request: &'a Request<'a>,
        client: &'a Client,
        answer: &'a mut Answer,
    ) -> Self {
        Self {
            service,
            request,
            path: None,
            matched: None,
            dress: None,
            client,
            variant: None,
            answer,
        }
    }

    /// What stands under `path`: from this core's memory for a reading, else from the store.
    pub(crate) async fn look(
        &self,
        origin: &Arc<Origin>,
        path: Path<'_>,
        reads: bool,
    ) -> Result<Rc<Entry>, Failure> {
        let service = self.service;
        let generation = origin.generation(path);
        let now = service.core.clock.now().0;
        let name = self.name(origin, path);
        if reads && let Some(entry) = service.cache.borrow().get(name, generation, now) {
            return Ok(entry);
        }
        let what = match self.request.method {
            Method::Delete => LookFor::Emptiness,
            _ => LookFor::Content,
        };
        let found = match origin.find(path, what, Wait::No) {
            Err(StoreError::WouldWait) => {
                let (origin, owned) = (Arc::clone(origin), PathBuf::from(path));
                self.work(move || origin.find(owned.as_path(), what, Wait::Yes)).await?
            }
            other => other,
        };
        let mut found = found.map_err(|error| self.told(&error))?;
        if let Some(compress) = name.compress {
            offer(&mut found, path, compress);
        }
        let entry = Entry::new(found, media_type(path, &found), generation, now);
        if reads { Ok(service.cache.borrow_mut().put(name, entry)) } else { Ok(Rc::new(entry)) }
    }

    /// Notes what the answer stands on, if all who ask the same get it.
    pub(crate) fn stand_on(&mut self, place: &Place<'_>, entry: &Entry) {
        let Some(verdict) = &self.answer.verdict else { return };
        let is_kept = match &self.answer.content {
            Content::File(file, range) => {
                file.octets.is_some() && range.length() <= given::CONTENT_BYTES_MAX
            }
            Content::Made(octets) => octets.len() as u64 <= given::CONTENT_BYTES_MAX,
            Content::None => true,
            Content::Absent(_) | Content::Pieces(..) | Content::Encoding(_) => false,
        };
        if is_kept && again::is_everyones(self.request, place, &entry.found, verdict) {
            let until = Millis(self.service.cache.borrow().until(entry));
            let (origin, generation) = (place.folder.origin, entry.generation());
            self.answer.ground = Some(Ground { origin, generation, until });
            self.answer.ground_path.clear();
            self.answer.ground_path.extend_from_slice(place.inner.bytes());
        }
    }

    /// Under which this core remembers what stands under `path` of the route's folder.
    pub(crate) fn name<'n>(&'n self, origin: &Origin, path: Path<'n>) -> Name<'n> {
        let compress = self.matched.and_then(|matched| matched.route.compression());
        Name { origin: origin.id(), path: path.bytes(), compress }
    }

    /// Makes the answer of a reading.
    pub(crate) async fn read(
        &mut self,
        origin: &Arc<Origin>,
        path: Path<'_>,
        (entry, found): (&Entry, &Found),
        verdict: &Verdict,
        reading: Reading,
    ) -> Result<(), Stopped> {
        match reading {
            Reading::Options(methods) => reply::options(verdict, methods, &mut self.answer.head),
            Reading::Echo => self.echo(verdict),
            // Nothing that is looked up is one.
            Reading::Progress(_) => return Err(Stopped::Failed(Failure::Panicked)),
            Reading::Listing(form) => self.list(origin, path, form, verdict).await?,
            Reading::Representation { coding, part, digest } => {
                let Some((selected, _)) = plan::selected(self.request, found) else {
                    return Err(StoreError::Missing.into());
                };
                let sent = Sent {
                    of: selected,
                    media_type: entry.media_type,
                    coding,
                    varies: Varies::of(found),
                    part: &part,
                    repeats: Repeats::of(self.request, &part),
                };
                match (selected.octets, found.representations()) {
                    (Octets::Made(level), Some(all)) => {
                        let made = match entry.file(coding) {
                            Some(file) => self.whole(file),
                            // Most answers should not carry the room for it along.
                            None => Box::pin(self.made(origin, path, entry, all, level)).await?,
                        };
                        reply::representation(verdict, &sent, &mut self.answer.head);
                        self.answer.content = made;
                    }
                    _ => self.stored(origin, path, entry, verdict, &sent, digest).await?,
                }
                if let Some(told) = &self.variant {
                    variant::tell(told, sent.repeats, &mut self.answer.head);
                }
            }
        }
        self.answer.verdict = Some(*verdict);
        Ok(())
    }

    /// Makes the answer of a TRACE.
    pub(crate) fn echo(&mut self, verdict: &Verdict) {
        let echo = reply::echo(verdict, self.request, &mut self.answer.head);
        self.answer.content = Content::Made(echo);
        self.answer.verdict = Some(*verdict);
    }

    /// Makes the answer of a representation that is stored.
    async fn stored(
        &mut self,
        origin: &Arc<Origin>,
        path: Path<'_>,
        entry: &Entry,
        verdict: &Verdict,
        sent: &Sent<'_>,
        digest: Option<digest::Algorithm>,
    ) -> Result<(), Stopped> {
        let length = sent.of.length().unwrap_or(0);
        let sends = self.request.method == Method::Get;
        let digest_bytes_max = self.service.core.limits.digest_bytes;
        let wanted = digest.filter(|_| length <= digest_bytes_max);
        let file = if sends || wanted.is_some() {
            Some(self.open(origin, path, entry, sent.coding).await?)
        } else {
            None
        };
        reply::representation(verdict, sent, &mut self.answer.head);
        if let (Some(algorithm), Some(file)) = (wanted, &file) {
            let digest = self.digest(file, algorithm).await?;
            reply::digest(digest, &mut self.answer.head);
        }
        self.answer.content = match file {
            Some(file) if sends => {
                let variant = self.variant.as_ref().and_then(|told| told.sent.as_ref());
                let media_type = variant.map(|variant| variant.media_type.clone());
                let media_type = media_type.as_deref().unwrap_or(sent.media_type);
                self.content(file, sent.part, media_type)?
            }
            _ => Content::Absent(length),
        };
        Ok(())
    }

    /// The content of the answer. A file that has changed is looked up anew: better than to begin what would
    /// have to be broken off.
    fn content(
        &mut self,
        file: Rc<OpenFile>,
        part: &Part,
        media_type: &str,
    ) -> Result<Content, Conflict> {
        let short = match part {
            Part::One(range) => short(&file, *range),
            Part::Whole | Part::Several(_) => None,
        };
        if !file.is_unchanged() {
            return Err(Conflict::Changed);
        }
        if let Some(octets) = short {
            return Ok(Content::Made(octets));
        }
        Ok(match part {
            Part::Whole => Content::whole(file),
            Part::One(range) => Content::File(file, *range),
            Part::Several(ranges) => {
                let boundary = self.service.core.random.request_id();
                let length = file.length();
                let (pieces, total) = byteranges(ranges, length, media_type, boundary.as_str());
                reply::byteranges(boundary.as_str(), &mut self.answer.head);
                Content::Pieces(file, pieces, total)
            }
        })
    }

    /// The file in this coding, open; from this core's memory if it is there.
    pub(crate) async fn open(
        &self,
        origin: &Arc<Origin>,
        path: Path<'_>,
        entry: &Entry,
        coding: Option<Coding>,
    ) -> Result<Rc<OpenFile>, Stopped> {
        if let Some(file) = entry.file(coding) {
            return Ok(file);
        }
        let opened = match origin.open(path, coding, Wait::No) {
            Err(StoreError::WouldWait) => {
                let (origin, owned) = (Arc::clone(origin), PathBuf::from(path));
                self.work(move || origin.open(owned.as_path(), coding, Wait::Yes))
                    .await
                    .map_err(Stopped::Failed)??
            }
            other => other?,
        };
        let file = Rc::new(let_go_on_worker(opened));
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

    async fn list(
        &mut self,
        origin: &Arc<Origin>,
        path: Path<'_>,
        form: ListingForm,
        verdict: &Verdict,
    ) -> Result<(), Stopped> {
        let (origin, owned) = (Arc::clone(origin), PathBuf::from(path));
        let page = self
            .work(move || origin.list(owned.as_path(), form))
            .await
            .map_err(Stopped::Failed)??;
        reply::listing(verdict, form, &mut self.answer.head);
        self.answer.content = Content::Made(page.into_bytes());
        Ok(())
    }

    pub(crate) fn refuse(&mut self, verdict: &Verdict, found: Option<&Found>) {
        let current = found.and_then(|found| plan::selected(self.request, found));
        let current = current.map(|(current, _)| current);
        self.refuse_with(verdict, current, found.map_or(Varies::Not, Varies::of));
    }

    /// Adds what somebody else said of who is not let in, as far as it is for the client.
    pub(crate) fn pass_on(&mut self, verdict: &Verdict) {
        let told = self.answer.taken.as_ref().and_then(|taken| taken.told.as_ref());
        if let Some(told) = told {
            reply::asked(verdict, told.view(), &mut self.answer.head);
        }
        self.offer();
    }

    /// Says what is to be paid, where that is what stands against the request.
    fn offer(&mut self) {
        let taken = self.answer.taken.as_mut();
        let Some(offered) = taken.and_then(|taken| taken.offered.take()) else { return };
        let form = problem::form(self.request.fields.all(FieldName::Accept));
        let head = &mut self.answer.head;
        if let Some(json) = reply::offer(&offered.json, form, head) {
            self.answer.content = Content::Made(json.into_bytes());
        }
        if let Some(receipt) = &offered.receipt {
            reply::receipt(receipt, head);
        }
    }

    pub(crate) fn refuse_with(
        &mut self,
        verdict: &Verdict,
        current: Option<&Representation>,
        varies: Varies,
    ) {
        let setting = Setting {
            verdict,
            request: Some(self.request),
            path: self.path,
            matched: self.matched,
            dress: self.dress,
            scheme: self.client.scheme,
            current,
            varies,
            field: None,
        };
        let form = problem::form(self.request.fields.all(FieldName::Accept));
        let alternatives = self.variant.as_ref().map_or(&[][..], |told| &told.alternatives);
        explain_with(self.service, alternatives, &setting, form, self.answer);
        if let Some(told) = &self.variant {
            variant::tell(told, Repeats::All, &mut self.answer.head);
        }
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        let verdict = plan::outcome(Acted::Failed(failure), &mut self.answer.trail);
        self.refuse(&verdict, None);
    }

    /// Spends what the request reserved, if its answer is one that was paid for; else it is given back.
    pub(crate) async fn settle(&mut self) {
        self.pay().await;
        let taken = self.answer.taken.as_mut();
        let Some(reservation) = taken.and_then(|taken| taken.reservation.take()) else { return };
        let Some(price) = self.matched.and_then(|matched| matched.route.price.as_ref()) else {
            return;
        };
        if self.answer.verdict.is_some_and(|verdict| plan::is_earned(&verdict))
            && settle(self.service, reservation).await.is_err()
        {
            let verdict = plan::unsettled(price, &mut self.answer.trail);
            self.unsend();
            self.refuse(&verdict, None);
        }
    }

    /// Has the payment settled, if the answer is one that was paid for.
    async fn pay(&mut self) {
        let taken = self.answer.taken.as_mut();
        let Some(paying) = taken.and_then(|taken| taken.paying.take()) else { return };
        if !self.answer.verdict.is_some_and(|verdict| plan::is_earned(&verdict)) {
            return;
        }
        let now = HttpDate::from_unix(self.service.core.clock.unix_seconds());
        let question = Question { request: self.request, client: self.client, now };
        // Most answers should not carry the room for it along.
        match Box::pin(paying::settle(self.service, paying, &question)).await {
            Ok(told) => reply::receipt(&told, &mut self.answer.head),
            Err(refused) => {
                let (tendered, offered) = *refused;
                let verdict = plan::unpaid(self.request, tendered, &mut self.answer.trail);
                self.unsend();
                self.refuse(&verdict, None);
                self.answer.taken.get_or_insert_default().offered = Some(offered);
                self.offer();
            }
        }
    }

    /// Lets go of what an upstream answered: something else is sent.
    fn unsend(&mut self) {
        if let Some(mut relay) = self.answer.relay.take() {
            relay.abandon();
        }
    }

    /// Adds what the route adds to every answer, or else the site.
    pub(crate) fn dress(&mut self) {
        let Some(dress) = self.dress else { return };
        let route = self.matched.map(|matched| matched.route);
        let left = self.answer.taken.as_ref().map_or(&[][..], |taken| &taken.left);
        let scheme = self.client.scheme;
        reply::dress::dress(dress, route, self.request, scheme, left, &mut self.answer.head);
    }

    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.service.work(job).await
    }

    pub(crate) fn told(&self, error: &StoreError) -> Failure {
        tell(self.request.target_text, error);
        failure(error)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::Builder;
    use tokio::task::spawn_blocking;
    use wherefore_message::path;
    use wherefore_store::{CreateFolders, Handle, MemoryStore, Store};

    use super::*;

    /// A file of so many octets, of which nobody else has any.
    fn file(length: u64) -> OpenFile {
        let store = MemoryStore::new();
        let mut staged = store.stage(b"/", None).unwrap();
        staged.write(&vec![b'x'; length as usize]).unwrap();
        store.replace(b"/a", staged, CreateFolders::No, &mut |_| true).unwrap();
        let mut scratch = Vec::new();
        let path = path::decode(b"/a", &mut scratch).unwrap();
        Origin::new(Arc::new(store), None).open(path, None, Wait::Yes).unwrap()
    }

    #[test]
    fn what_is_large_is_closed_on_a_worker_thread() {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            for (length, is_closed_at_once) in
                [(CLOSED_AT_ONCE_BYTES_MAX, true), (CLOSED_AT_ONCE_BYTES_MAX + 1, false)]
            {
                let file = let_go_on_worker(file(length));
                let Handle::Bytes(octets, _) = &file.handle else { panic!("it is in memory") };
                let octets = Arc::downgrade(octets);
                let (release, wait) = mpsc::channel::<()>();
                let busy = spawn_blocking(move || wait.recv().is_err());
                drop(file.clone());
                assert!(octets.upgrade().is_some());
                drop(file);
                assert_eq!(octets.upgrade().is_none(), is_closed_at_once);
                drop(release);
                assert!(busy.await.unwrap());
                // The only thread does one job after the other.
                spawn_blocking(|| ()).await.unwrap();
                assert!(octets.upgrade().is_none());
            }
        });
    }
}
