//! An inbox: a folder that takes posted forms and files, and keeps each submission as one resource.
//!
//! A submission is a JSON document, `TIME-RANDOM.json`, that says what was posted and when. Its files stand
//! in a folder of the same name beside it, `TIME-RANDOM/NAME`. The document is written last, in one step: a
//! submission is there whole, durably, or not at all. As long as there are files and no document yet, an
//! empty file named `.TIME-RANDOM.unfinished` says so, and [`Inbox::clear`] takes away what a crash left.
//!
//! Everything here may wait for a disk.

use std::hash::{BuildHasher, Hasher as _, RandomState};
use std::sync::Arc;

use wherefore_decide::act::Failure;
use wherefore_decide::facts::Representation;
use wherefore_decide::policy::inbox::{Format, InboxLimits};
use wherefore_message::date::HttpDate;
use wherefore_message::form::{FormFault, FormFaultKind, pairs};
use wherefore_message::form_data::{Event, FormData, PartHead};
use wherefore_message::media::MediaType;
use wherefore_message::slug::name_from_slug;
use wherefore_message::{Announced, FieldName, Request};
use wherefore_store::{Store, StoreError};

pub use self::clear::Cleared;
use self::document::{Document, json_fault};
use self::files::{Files, Incoming};
use crate::find::representation;
use crate::read::Hasher;
use crate::write::digests;

mod clear;
mod document;
mod files;

/// A folder that takes submissions.
pub struct Inbox {
    store: Arc<dyn Store>,
}

/// What is known of a submission before its content.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The request's head.
    pub request: &'a Request<'a>,
    /// How its content is read.
    pub format: Format,
    /// What it may cost.
    pub limits: InboxLimits,
    /// When it came.
    pub now: HttpDate,
    /// The id under which its request is found again.
    pub request_id: &'a str,
}

/// A submission that is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The name of its document in the folder.
    pub name: String,
    /// What the document is.
    pub document: Representation,
}

/// Why a submission is not stored.
#[derive(Debug)]
pub enum NotStored {
    /// The peer's fault: it is malformed, or too large.
    Form(FormFault),
    /// It is not what its digest says.
    Digest,
    /// The store's.
    Store(StoreError),
}

/// What keeps the store of an inbox from its work, as the failure of an act. Whoever posts names nothing in
/// the store, so that but for want of room and of time the fault is ours.
#[must_use]
pub fn failure(error: &StoreError) -> Failure {
    match crate::failure(error) {
        known @ (Failure::NoSpace | Failure::Quota | Failure::Busy(_)) => known,
        _ => Failure::Io,
    }
}

impl From<FormFault> for NotStored {
    fn from(fault: FormFault) -> Self {
        Self::Form(fault)
    }
}

impl From<StoreError> for NotStored {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Inbox {
    /// An inbox at the root of `store`. It does not see to what a crash left: see [`Inbox::clear`].
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Begins to take a submission; says at once if there is no room for it.
    ///
    /// # Errors
    /// [`FormFaultKind::Boundary`], [`FormFaultKind::FormTooLarge`]; what the store fails with.
    pub fn begin(&self, arrival: &Arrival<'_>) -> Result<Submission, NotStored> {
        let Arrival { request, limits, .. } = *arrival;
        if let Announced::Length(octets) = request.announced {
            if octets > limits.form_bytes_max {
                return Err(too_large(FormFaultKind::FormTooLarge, limits.form_bytes_max));
            }
            self.store.room_for(octets, None)?;
        }
        let media_type = request.fields.only(FieldName::ContentType).unwrap_or_default();
        let media_type = String::from_utf8_lossy(media_type);
        let content = match arrival.format {
            Format::UrlEncoded => Content::UrlEncoded(Vec::new()),
            Format::Json => Content::Json(Vec::new()),
            Format::FormData => {
                let boundary = FormFault::new(FormFaultKind::Boundary, 0);
                let media = MediaType::parse(media_type.as_bytes()).ok_or(boundary)?;
                let reader = FormData::of(&media, limits.parts())?;
                Content::FormData { reader, part: Part::None }
            }
            Format::File => {
                let name = request.fields.only(FieldName::Slug).and_then(name_from_slug);
                let media_type = (!media_type.is_empty()).then(|| media_type.clone().into_owned());
                Content::File(Incoming::new(None, name, media_type))
            }
        };
        let name = new_name(arrival.now);
        Ok(Submission {
            document: Document::new(arrival, &media_type),
            intake: Intake {
                files: Files::new(Arc::clone(&self.store), name),
                limits,
                fields: 0,
                fields_bytes: 0,
                files_begun: 0,
            },
            content,
            digests: digests(request),
            octets: 0,
        })
    }
}

/// A submission on its way in. Dropped, it leaves nothing behind; that may take as long as a write.
pub struct Submission {
    document: Document,
    intake: Intake,
    content: Content,
    digests: Vec<(Vec<u8>, Hasher)>,
    /// Octets so far.
    octets: u64,
}

/// What has come of the content and is not yet dealt with.
enum Content {
    UrlEncoded(Vec<u8>),
    Json(Vec<u8>),
    FormData { reader: FormData, part: Part },
    File(Incoming),
}

/// The part that is under way.
enum Part {
    None,
    Field { name: String, value: Vec<u8>, at: u64 },
    File(Incoming),
}

/// Where fields and files go, as long as they are within the limits.
struct Intake {
    files: Files,
    limits: InboxLimits,
    fields: usize,
    fields_bytes: u64,
    files_begun: usize,
}

impl Submission {
    /// Takes the next octets.
    ///
    /// # Errors
    /// Whatever is malformed, past a limit, or in the store's way. After that it takes no more.
    pub fn receive(&mut self, octets: &[u8]) -> Result<(), NotStored> {
        let end = self.octets.saturating_add(octets.len() as u64);
        let limits = self.intake.limits;
        if end > limits.form_bytes_max {
            return Err(too_large(FormFaultKind::FormTooLarge, limits.form_bytes_max));
        }
        for (_, hasher) in &mut self.digests {
            hasher.update(octets);
        }
        match &mut self.content {
            Content::UrlEncoded(content) | Content::Json(content) => {
                if end > limits.fields_bytes_max {
                    return Err(too_large(FormFaultKind::FieldsTooLarge, limits.fields_bytes_max));
                }
                content.extend_from_slice(octets);
            }
            Content::File(file) => self.intake.file_content(file, octets, self.octets)?,
            Content::FormData { reader, part } => {
                parts(reader, part, octets, &mut self.intake, &mut self.document)?;
            }
        }
        self.octets = end;
        Ok(())
    }

    /// Stores what has come: all of it has.
    ///
    /// # Errors
    /// Whatever is malformed, past a limit, or in the store's way. Then nothing of it stays.
    pub fn finish(self) -> Result<Stored, NotStored> {
        let Self { mut document, mut intake, content, digests, .. } = self;
        for (sent, hasher) in digests {
            if hasher.finish() != sent {
                return Err(NotStored::Digest);
            }
        }
        match content {
            Content::UrlEncoded(content) => {
                for pair in pairs(&content, intake.limits.fields_max) {
                    let pair = pair?;
                    document.add_field(pair.name.into_owned(), pair.value.into_owned());
                }
            }
            Content::Json(content) => {
                let value = serde_json::from_slice(&content);
                document.set_content(value.map_err(|error| json_fault(&content, &error))?);
            }
            Content::FormData { reader, .. } => reader.finish()?,
            Content::File(file) => document.add_file(intake.files.keep(file)?),
        }
        let (name, info) = intake.files.finish(&document.to_json())?;
        Ok(Stored { name, document: representation(&info) })
    }
}

/// Deals with what `octets` bring of a form in parts.
fn parts(
    reader: &mut FormData,
    part: &mut Part,
    octets: &[u8],
    intake: &mut Intake,
    document: &mut Document,
) -> Result<(), NotStored> {
    let mut rest = octets;
    loop {
        let before = reader.offset();
        let (used, event) = reader.receive(rest)?;
        let behind = before + used as u64;
        rest = rest.get(used..).unwrap_or_default();
        let at = match event {
            // What was held back stands before what came last.
            Event::Content(content) => before.min(behind.saturating_sub(content.len() as u64)),
            _ => behind,
        };
        match (event, &mut *part) {
            (Event::NeedMore, _) => return Ok(()),
            (Event::Part(head), _) => *part = intake.begin(head, at)?,
            (Event::Content(content), Part::Field { value, .. }) => {
                intake.count_field_octets(content.len(), at)?;
                value.extend_from_slice(content);
            }
            (Event::Content(content), Part::File(file)) => {
                intake.file_content(file, content, at)?
            }
            (Event::PartEnd, _) => match std::mem::replace(part, Part::None) {
                Part::Field { name, value, at } => {
                    let value = String::from_utf8(value).map_err(|error| {
                        let valid = error.utf8_error().valid_up_to() as u64;
                        FormFault::new(FormFaultKind::ValueText, at + valid)
                    })?;
                    document.add_field(name, value);
                }
                Part::File(file) if file.was_chosen() => {
                    document.add_file(intake.files.keep(file)?);
                }
                Part::File(_) | Part::None => {}
            },
            (Event::Content(_), Part::None) | (Event::End, _) => {}
        }
    }
}

impl Intake {
    /// Begins a part whose content stands at octet `at`.
    fn begin(&mut self, head: PartHead, at: u64) -> Result<Part, NotStored> {
        let PartHead { name, file_name, media_type } = head;
        let Some(file_name) = file_name else {
            self.fields += 1;
            if self.fields > self.limits.fields_max {
                return Err(FormFault::new(FormFaultKind::FieldsTooMany, at).into());
            }
            self.count_field_octets(name.len(), at)?;
            return Ok(Part::Field { name, value: Vec::new(), at });
        };
        // One without a name is none until it has content.
        if !file_name.is_empty() {
            self.count_file(at)?;
        }
        Ok(Part::File(Incoming::new(Some(name), Some(file_name), media_type)))
    }

    fn count_file(&mut self, at: u64) -> Result<(), FormFault> {
        self.files_begun += 1;
        if self.files_begun > self.limits.files_max {
            return Err(FormFault::new(FormFaultKind::FilesTooMany, at));
        }
        Ok(())
    }

    fn count_field_octets(&mut self, octets: usize, at: u64) -> Result<(), FormFault> {
        self.fields_bytes = self.fields_bytes.saturating_add(octets as u64);
        if self.fields_bytes > self.limits.fields_bytes_max {
            return Err(FormFault::new(FormFaultKind::FieldsTooLarge, at));
        }
        Ok(())
    }

    /// Takes the next octets of a file, which stand at octet `at`.
    fn file_content(
        &mut self,
        file: &mut Incoming,
        octets: &[u8],
        at: u64,
    ) -> Result<(), NotStored> {
        if !file.was_chosen() {
            self.count_file(at)?;
        }
        let room = self.limits.file_bytes_max.saturating_sub(file.octets());
        if octets.len() as u64 > room {
            return Err(FormFault::new(FormFaultKind::FileTooLarge, at + room).into());
        }
        self.files.write(file, octets)?;
        Ok(())
    }
}

/// A fault of the first octet that is past a limit.
fn too_large(kind: FormFaultKind, limit: u64) -> NotStored {
    NotStored::Form(FormFault::new(kind, limit))
}

/// A name that sorts by time and that nobody guesses: `19941106T084937Z-0123456789abcdef`.
fn new_name(now: HttpDate) -> String {
    let mut time = now.to_timestamp();
    time.retain(|c| !matches!(c, '-' | ':'));
    format!("{time}-{:016x}", RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests;
