//! Carrying out writes. What the rules said before the content came, they are asked again under the
//! store's lock, with what stands there then.

use wherefore_decide::act::{Acted, Failure};
use wherefore_decide::content::PatchFormat;
use wherefore_decide::facts::{Found, Representation};
use wherefore_decide::plan::{self, Plan, Question, Writing};
use wherefore_decide::policy::MissingFolders;
use wherefore_decide::reply::Varies;
use wherefore_decide::{Trail, Verdict};
use wherefore_message::date::HttpDate;
use wherefore_message::digest::{self, Algorithm};
use wherefore_message::path::encode_segment;
use wherefore_message::{Announced, EntityTag, FieldName, Request};
use wherefore_store::{
    Conflict, CreateFolders, Look, LookFor, Medium, Staged, StoreError, Wait, Written,
};

use crate::deleted::Kind;
use crate::encode::offer;
use crate::find::{failure, representation, store_path, unix_now};
use crate::read::Hasher;
use crate::{Job, Origin, names, patch};

/// How often a patch is applied anew because someone else wrote in between.
const PATCH_TRIES_MAX: usize = 8;

/// How an act ended, with all that its answer needs.
#[derive(Debug)]
pub struct Done {
    /// How the act ended; none where the rules, asked again, let it not begin.
    pub acted: Option<Acted>,
    /// The verdict.
    pub verdict: Verdict,
    /// The path that led to it.
    pub trail: Trail,
    /// Where the new resource stands.
    pub location: Option<String>,
    /// The representation that is now current: the new one, or the one that stood against the act.
    pub current: Option<Representation>,
    /// Whether the answer depends on the codings that the client accepts.
    pub varies: Varies,
    /// What the store failed with, for the log alone.
    pub error: Option<StoreError>,
}

/// Content on its way, with the digests that it has to meet.
pub struct Stage {
    staged: Box<dyn Staged>,
    digests: Vec<(Vec<u8>, Hasher)>,
}

impl Stage {
    /// Takes the next octets.
    ///
    /// # Errors
    /// If there is no room for them.
    pub fn write(&mut self, octets: &[u8]) -> Result<(), StoreError> {
        for (_, hasher) in &mut self.digests {
            hasher.update(octets);
        }
        self.staged.write(octets)
    }

    fn finish(self) -> Result<Box<dyn Staged>, Failure> {
        for (sent, hasher) in self.digests {
            if hasher.finish() != sent {
                return Err(Failure::Digest);
            }
        }
        Ok(self.staged)
    }
}

/// The digests of the content that a request brings (RFC 9530 §2, §3). What can't be read is no promise.
pub(crate) fn digests(request: &Request<'_>) -> Vec<(Vec<u8>, Hasher)> {
    [FieldName::ContentDigest, FieldName::ReprDigest]
        .into_iter()
        .filter(|name| request.fields.has(*name))
        .flat_map(|name| digest::sent(request.fields.all(name)).unwrap_or_default())
        .map(|(algorithm, sent): (Algorithm, Vec<u8>)| (sent, Hasher::new(algorithm)))
        .collect()
}

impl Origin {
    /// Opens a place for the content of a PUT or a POST; says at once if there is no room for it.
    ///
    /// # Errors
    /// What the store failed with.
    pub fn stage(&self, job: &Job) -> Result<Stage, StoreError> {
        let request = job.request.view();
        let path = job.inner.as_path();
        let folder = if path.is_folder() { path } else { path.parent() };
        let announced = match request.announced {
            Announced::Length(octets) => Some(octets),
            Announced::Nothing | Announced::Unknown => None,
        };
        if let Some(octets) = announced {
            let replacing = (!path.is_folder()).then(|| store_path(path));
            self.store.room_for(octets, replacing)?;
        }
        let staged = self.store.stage(store_path(folder), announced)?;
        Ok(Stage { staged, digests: digests(&request) })
    }

    /// Carries out a write whose content, if it takes any, is staged.
    #[must_use]
    pub fn write(&self, job: &Job, writing: Writing, stage: Option<Stage>, trail: Trail) -> Done {
        let mut act = Act::new(self, job, writing, trail);
        match (writing, stage) {
            (Writing::Put, Some(stage)) => act.put(stage),
            (Writing::Post, Some(stage)) => act.post(stage),
            (Writing::DeleteFile | Writing::DeleteFolder, _) => act.delete(),
            (Writing::Put | Writing::Post | Writing::Patch(_), _) => act.failed(Failure::Panicked),
        }
    }

    /// Carries out a PUT of content that is held in memory, on a core's loop, if nothing has to be waited for:
    /// neither a disk, nor who writes the same, nor what is remembered of what was deleted. None if it might;
    /// then nothing was done.
    #[must_use]
    pub fn write_now(&self, job: &Job, content: &[u8], trail: Trail) -> Option<Done> {
        if self.store.medium() == Medium::Disk {
            return None;
        }
        let mut act = Act { wait: Wait::No, ..Act::new(self, job, Writing::Put, trail) };
        if !meets_digests(&act.request, content) {
            return None;
        }
        match act.replace(Content::Whole(content), None) {
            Ok(written) => Some(act.written(&written)),
            // The rules may have been asked by then, without having seen all.
            Err(StoreError::WouldWait) => None,
            // Anything else that stands against it is met again, by who can wait.
            Err(_) => act.refused(),
        }
    }

    /// Carries out a write whose content is held in memory.
    #[must_use]
    pub fn write_whole(&self, job: &Job, writing: Writing, content: &[u8], trail: Trail) -> Done {
        let mut act = Act::new(self, job, writing, trail);
        if writing == Writing::Put {
            return act.put_whole(content);
        }
        let staged = self.stage(job).and_then(|mut stage| {
            stage.write(content)?;
            Ok(stage)
        });
        match staged {
            Ok(stage) => self.write(job, writing, Some(stage), trail),
            Err(error) => act.failed_with(error),
        }
    }

    /// Applies a patch.
    #[must_use]
    pub fn patch(&self, job: &Job, format: PatchFormat, patch: &[u8], trail: Trail) -> Done {
        let writing = Writing::Patch(format);
        let mut act = Act::new(self, job, writing, trail);
        if !meets_digests(&act.request, patch) {
            return act.failed(Failure::Digest);
        }
        for _ in 0..PATCH_TRIES_MAX {
            match act.patch_once(format, patch) {
                Err(error) if act.is_overtaken(&error) => {}
                Err(error) => return act.stopped(error),
                Ok(done) => return done,
            }
        }
        act.failed(Failure::Conflict("others write to it all the time"))
    }
}

/// Whether content is what the request says that it is.
fn meets_digests(request: &Request<'_>, content: &[u8]) -> bool {
    digests(request).into_iter().all(|(sent, mut hasher)| {
        hasher.update(content);
        hasher.finish() == sent
    })
}

/// Content for a file: staged, or held in memory.
enum Content<'c> {
    Staged(Box<dyn Staged>),
    Whole(&'c [u8]),
}

/// One write under way.
struct Act<'a> {
    origin: &'a Origin,
    job: &'a Job,
    request: Request<'a>,
    writing: Writing,
    trail: Trail,
    wait: Wait,
    /// Whether the rules were asked.
    judged: bool,
    refusal: Option<Verdict>,
    seen: Option<Representation>,
    varies: Varies,
}

impl<'a> Act<'a> {
    fn new(origin: &'a Origin, job: &'a Job, writing: Writing, trail: Trail) -> Self {
        let (refusal, seen, varies) = (None, None, Varies::Not);
        let (request, wait) = (job.request.view(), Wait::Yes);
        Self { origin, job, request, writing, trail, wait, judged: false, refusal, seen, varies }
    }

    fn put_whole(&mut self, content: &[u8]) -> Done {
        if !meets_digests(&self.request, content) {
            // Of content that has come, too, the rules are asked first whether it is wanted.
            self.judge();
            return self.refused().unwrap_or_else(|| self.failed(Failure::Digest));
        }
        match self.replace(Content::Whole(content), None) {
            Ok(written) => self.written(&written),
            Err(error) => self.stopped(error),
        }
    }

    fn put(&mut self, stage: Stage) -> Done {
        let staged = match stage.finish() {
            Ok(staged) => staged,
            Err(failure) => return self.failed(failure),
        };
        match self.replace(Content::Staged(staged), None) {
            Ok(written) => self.written(&written),
            Err(error) => self.stopped(error),
        }
    }

    fn post(&mut self, stage: Stage) -> Done {
        let staged = match stage.finish() {
            Ok(staged) => staged,
            Err(failure) => return self.failed(failure),
        };
        let folder = self.job.inner.as_path();
        let named = self.job.path.as_path();
        let names = names::candidates(&self.request);
        match self.origin.store.create_member(store_path(folder), &mut names.into_iter(), staged) {
            Ok((name, info)) => {
                self.lift(&crate::find::member(store_path(folder), &name));
                let location = format!("{}{}", named.encoded(), encode_segment(&name));
                Done {
                    location: Some(location),
                    current: Some(representation(&info)),
                    ..self.ended(Acted::Created)
                }
            }
            Err(error) => self.stopped(error),
        }
    }

    fn delete(&mut self) -> Done {
        let path = store_path(self.job.inner.as_path());
        let origin = self.origin;
        let kind = match self.writing {
            Writing::DeleteFolder => Kind::Folder,
            Writing::DeleteFile | Writing::Put | Writing::Post | Writing::Patch(_) => Kind::File,
        };
        let mut remember = || match &origin.deleted {
            Some(deleted) => deleted.record(path, kind, unix_now()),
            None => Ok(()),
        };
        let removed = origin.store.remove(path, &mut |look| self.allows(look, None), &mut remember);
        match removed {
            Ok(_) => self.ended(Acted::Removed),
            Err(error) => self.stopped(error),
        }
    }

    /// Reads, patches and swaps; `Changed` if someone else wrote since it was read.
    fn patch_once(&mut self, format: PatchFormat, patch: &[u8]) -> Result<Done, StoreError> {
        let path = self.job.inner.as_path();
        let opened = self.origin.store.open(store_path(path), None, Wait::Yes)?;
        if opened.info.meta.length > patch::DOCUMENT_BYTES_MAX {
            return Ok(self.failed(Failure::Conflict("what is there is too large to be patched")));
        }
        let mut document = vec![0; opened.info.meta.length as usize];
        let mut filled = 0;
        while filled < document.len() {
            match opened.file.read_at(filled as u64, &mut document[filled..], Wait::Yes)? {
                0 => return Err(Conflict::Changed.into()),
                count => filled += count,
            }
        }
        let patched = match patch::apply(format, &document, patch) {
            Ok(patched) => patched,
            Err(failure) => return Ok(self.failed(failure)),
        };
        let written = self.replace(Content::Whole(&patched), Some(opened.info.tag))?;
        Ok(self.written(&written))
    }

    fn replace(
        &mut self,
        content: Content<'_>,
        version: Option<EntityTag>,
    ) -> Result<Written, StoreError> {
        let store = &self.origin.store;
        // A patch rests on the version that it was made for.
        let what = match version {
            None if !plan::asks_for_version(&self.request) => LookFor::Original,
            None | Some(_) => LookFor::Content,
        };
        let how = (what, self.wait);
        let path = store_path(self.job.inner.as_path());
        let folders = match self.job.place().map(|place| place.folder.missing_folders) {
            Some(MissingFolders::Create) => CreateFolders::Yes,
            Some(MissingFolders::Conflict) | None => CreateFolders::No,
        };
        let allow = &mut |look: &Look| self.allows(look, version);
        match content {
            Content::Staged(staged) => store.replace(path, staged, folders, allow),
            Content::Whole(octets) => store.replace_with(path, octets, folders, how, allow),
        }
    }

    /// Asks the rules again; notes their verdict if they say no. Where the act rests on one version of
    /// what is there, any other one refuses it too, without a verdict.
    fn allows(&mut self, look: &Look, version: Option<EntityTag>) -> bool {
        let job = self.job;
        (self.judged, self.refusal, self.seen) = (true, None, None);
        let (path, wait) = (job.inner.as_path(), self.wait);
        if wait == Wait::No && self.is_remembered(store_path(path)) {
            // The write would have to forget it, on the disk.
            return false;
        }
        let (Some(place), Ok(mut found)) = (job.place(), self.origin.found(path, look, wait))
        else {
            return false;
        };
        if let Some(compress) = place.matched.route.compression() {
            offer(&mut found, place.inner, compress);
        }
        let now = HttpDate::from_unix(unix_now());
        let question = Question { request: &self.request, client: &job.client, now };
        match plan::after_lookup(&question, &place, &found, &mut self.trail) {
            Err(verdict) => {
                self.refusal = Some(verdict);
                self.seen = plan::selected(&self.request, &found).map(|(current, _)| *current);
                self.varies = Varies::of(&found);
                false
            }
            Ok(Plan::Write(writing)) if writing == self.writing => match (version, &found) {
                (None, _) => true,
                (Some(version), Found::File(all)) => {
                    version.text().weak_eq(all.original.tag.text())
                }
                (Some(_), _) => false,
            },
            Ok(_) => false,
        }
    }

    fn written(&mut self, written: &Written) -> Done {
        // Without waiting nothing is written of which something is remembered.
        if self.wait == Wait::Yes {
            self.lift(store_path(self.job.inner.as_path()));
        }
        let acted = if written.created { Acted::Created } else { Acted::Replaced };
        Done {
            location: written.created.then(|| self.job.path.as_path().encoded()),
            current: Some(representation(&written.info)),
            ..self.ended(acted)
        }
    }

    /// Whether something is remembered to have been deleted at `path`.
    fn is_remembered(&self, path: &[u8]) -> bool {
        self.origin.deleted.as_ref().is_some_and(|deleted| deleted.can_lift(path))
    }

    fn lift(&self, path: &[u8]) {
        if let Some(deleted) = &self.origin.deleted {
            deleted.lift(path);
        }
    }

    /// Whether someone else wrote since the rules were asked, so that the act rests on what is no longer
    /// there, and may be tried again.
    fn is_overtaken(&self, error: &StoreError) -> bool {
        error.is_changed() || (matches!(error, StoreError::Refused(_)) && self.refusal.is_none())
    }

    /// The store said no. If that was because the rules did, theirs is the verdict; if it was because
    /// another was faster, they are asked what they say to that. They come first, too, where the store did
    /// not come as far as to have them asked.
    fn stopped(&mut self, error: StoreError) -> Done {
        let (is_overtaken, was_judged) = (self.is_overtaken(&error), self.judged);
        if is_overtaken || !was_judged {
            self.judge();
        }
        let error = if is_overtaken { Conflict::Changed.into() } else { error };
        let is_theirs = matches!(error, StoreError::Refused(_) | StoreError::Conflict(_));
        let refused = if is_theirs || !was_judged { self.refused() } else { None };
        refused.unwrap_or_else(|| self.failed_with(error))
    }

    /// Asks the rules what they say to what is there now.
    fn judge(&mut self) {
        let path = store_path(self.job.inner.as_path());
        if let Ok(look) = self.origin.store.look(path, LookFor::Emptiness, Wait::Yes) {
            self.allows(&look, None);
        }
    }

    /// The rules' verdict, if they said no.
    fn refused(&mut self) -> Option<Done> {
        let verdict = self.refusal.take()?;
        let (current, varies) = (self.seen.take(), self.varies);
        Some(Done { current, varies, ..self.done(verdict) })
    }

    fn failed_with(&mut self, error: StoreError) -> Done {
        let ended = self.ended(Acted::Failed(failure(&error)));
        Done { error: Some(error), ..ended }
    }

    fn failed(&mut self, failure: Failure) -> Done {
        self.ended(Acted::Failed(failure))
    }

    fn ended(&mut self, acted: Acted) -> Done {
        let verdict = plan::outcome(acted, &mut self.trail);
        Done { acted: Some(acted), ..self.done(verdict) }
    }

    const fn done(&self, verdict: Verdict) -> Done {
        let (trail, varies) = (self.trail, Varies::Not);
        Done { acted: None, verdict, trail, location: None, current: None, varies, error: None }
    }
}
