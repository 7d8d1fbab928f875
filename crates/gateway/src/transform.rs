//! Changing what an upstream answers (RFC 9110 §7.7): text is replaced, fields are set or dropped, content is coded for
//! the client.
//!
//! Where content may be changed, the validators of the route are the gateway's own: each tag of the upstream goes out
//! with a mark, changed or not, and comes back without it. So a tag never stands for two things, and one from
//! before the transform was what it is now is recognised as such. Dates can't be marked; they are taken out. Nor are
//! there ranges, since nobody knows where in the original they would lie.

mod replacer;
mod validators;

use wherefore_coding::Level;
use wherefore_decide::upstream::Changed;
use wherefore_message::media::{MediaType, TypeRange};
use wherefore_message::{
    Coding, FieldName, FieldSet, Fields, Method, Request, ResponseHead, Status, accept, list,
};

use crate::hop::line;
use crate::names::Names;

pub use replacer::{
    BYTES_MAX, NEW_BYTES_MAX, OLD_BYTES_MAX, REPLACEMENTS_MAX, Replacement, Replacements, Replacer,
    STEP_BYTES,
};

/// What is changed of the answers of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transform {
    replace: Replacements,
    /// In place of which texts, if content is changed at all.
    types: Vec<TypeRange>,
    recompress: Vec<Level>,
    set: Vec<(Box<str>, Box<str>)>,
    drop: Names,
    keep_status: KeepStatus,
    mark: Box<str>,
}

/// Which status an answer has whose content was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepStatus {
    /// 203 in place of 200 (RFC 9110 §15.3.4).
    #[default]
    No,
    /// The upstream's.
    Yes,
}

/// Whether an answer is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Its content is not, for this reason.
    No(Why),
    /// It is; the content that comes is in this coding.
    Yes {
        /// To be taken off first.
        decode: Option<Coding>,
    },
}

/// Why content stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing is asked for.
    Nothing,
    /// The answer has none, or is a change to another protocol.
    Status,
    /// It is a part of a representation.
    Partial,
    /// The client or the upstream forbids it by `no-transform` (RFC 9111 §5.2.1.6, §5.2.2.6).
    Forbidden,
    /// It is of another type, or of none that is said.
    Type,
    /// It is in a content coding that is not known here, or in several.
    Coding,
}

impl Transform {
    /// A transform that replaces these texts in content of the types of text.
    #[must_use]
    pub fn new(replace: Replacements) -> Self {
        let mut new = Self {
            replace,
            types: Vec::new(),
            recompress: Vec::new(),
            set: Vec::new(),
            drop: Names::NONE,
            keep_status: KeepStatus::No,
            mark: "".into(),
        };
        new.mark = validators::mark(&new);
        new
    }

    /// The same, for content of these types and of no others.
    #[must_use]
    pub fn of_types(mut self, types: Vec<TypeRange>) -> Self {
        self.types = types;
        self.mark = validators::mark(&self);
        self
    }

    /// The same, with content coded anew in one of these codings, if the client takes it.
    #[must_use]
    pub fn recompressed(mut self, levels: Vec<Level>) -> Self {
        self.recompress = levels;
        self.mark = validators::mark(&self);
        self
    }

    /// The same, with these fields set and those dropped.
    #[must_use]
    pub fn with_fields(mut self, set: Vec<(Box<str>, Box<str>)>, drop: Names) -> Self {
        (self.set, self.drop) = (set, drop);
        self
    }

    /// The same, with the status of what was changed.
    #[must_use]
    pub const fn keeping_status(mut self, keep_status: KeepStatus) -> Self {
        self.keep_status = keep_status;
        self
    }

    /// Whether it may change content.
    #[must_use]
    pub const fn may_change_content(&self) -> bool {
        !self.replace.is_empty() || !self.recompress.is_empty()
    }

    /// The fields of a request that the upstream must not see as they are, since they are about content that may be
    /// changed; [`lines`](Self::lines) stand in their place.
    #[must_use]
    pub const fn withheld(&self, request: &Request<'_>) -> FieldSet {
        if !self.may_change_content() {
            return FieldSet::EMPTY;
        }
        match request.method {
            Method::Get | Method::Head => WITHHELD.or(WITHHELD_READING),
            _ => WITHHELD,
        }
    }

    /// Appends the lines of a request in place of what is withheld.
    pub fn lines(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        if !self.may_change_content() {
            return;
        }
        validators::translate(&self.mark, request, out);
        if request.fields.has(FieldName::AcceptEncoding) {
            line(b"Accept-Encoding", readable(request).as_bytes(), out);
        }
    }

    /// Whether the content of an answer with this status and these fields is changed.
    #[must_use]
    pub fn applies(&self, request: &Request<'_>, status: Status, fields: Fields<'_>) -> Applies {
        if !self.may_change_content() {
            return Applies::No(Why::Nothing);
        }
        if status.ends_with_head() || status == Status::RESET_CONTENT {
            return Applies::No(Why::Status);
        }
        if status == Status::PARTIAL_CONTENT || fields.has(FieldName::ContentRange) {
            return Applies::No(Why::Partial);
        }
        if forbids_transforming(request.fields) || forbids_transforming(fields) {
            return Applies::No(Why::Forbidden);
        }
        if !fields.only(FieldName::ContentType).is_some_and(|text| self.is_of_type(text)) {
            return Applies::No(Why::Type);
        }
        match coding_of(fields) {
            Some(decode) => Applies::Yes { decode },
            None => Applies::No(Why::Coding),
        }
    }

    /// Changes the head of a relayed answer. That of an answer to HEAD is changed as if it had the content. Returns
    /// what the content is to be coded in, if it is changed at all.
    ///
    /// Where content is changed, its length is not known before, and trailers that tell of it are wrong.
    pub fn apply(
        &self,
        applies: Applies,
        request: &Request<'_>,
        head: &mut ResponseHead,
    ) -> Option<Level> {
        let mut coded = None;
        if self.may_change_content() {
            head.remove(FieldName::AcceptRanges);
            if head.status == Status::NOT_MODIFIED {
                head.remove(FieldName::LastModified);
            }
            let changed = if let Applies::Yes { .. } = applies {
                coded = self.coded(request, head);
                self.tell(coded, head);
                validators::Changed::Yes { exactly: self.recompress.is_empty() }
            } else {
                validators::Changed::No
            };
            validators::tag(&self.mark, changed, request, head);
        }
        self.drop.iter().for_each(|name| head.remove_relayed(name));
        self.set.iter().for_each(|(name, _)| head.remove_relayed(name.as_bytes()));
        for (name, value) in &self.set {
            head.relay(name.as_bytes(), value.as_bytes());
        }
        coded
    }

    /// Whether an answer that is relayed with this status is changed, and says so.
    #[must_use]
    pub fn changed(&self, applies: Applies, status: Status) -> Changed {
        match applies {
            Applies::No(_) => Changed::Not,
            Applies::Yes { .. } if self.is_told(status) => Changed::Told,
            Applies::Yes { .. } => Changed::Untold,
        }
    }

    /// Whether the status tells of changed content. In another coding it is the same content.
    fn is_told(&self, status: Status) -> bool {
        !self.replace.is_empty() && status == Status::OK && self.keep_status == KeepStatus::No
    }

    /// Takes back what the head says of the coding that content was to be given.
    pub fn leave_uncoded(head: &mut ResponseHead) {
        head.remove(FieldName::ContentEncoding);
    }

    /// Begins to replace in one answer's content.
    #[must_use]
    pub fn replacer(&self) -> Replacer {
        Replacer::new(&self.replace)
    }

    /// Tells of changed content: what was said of the old is not true of the new.
    fn tell(&self, coded: Option<Level>, head: &mut ResponseHead) {
        for name in OF_OLD_CONTENT.iter() {
            head.remove(name);
        }
        for name in ["Content-MD5", "Digest", "Signature", "Signature-Input"] {
            head.remove_relayed(name.as_bytes());
        }
        if let Some(level) = coded {
            head.relay(b"Content-Encoding", level.coding().name().as_bytes());
        }
        let is_named =
            |member: &[u8]| member.eq_ignore_ascii_case(b"Accept-Encoding") || member == b"*";
        let varies = list::members(head.relayed_values(FieldName::Vary)).any(is_named);
        if !self.recompress.is_empty() && !varies {
            head.relay(b"Vary", b"Accept-Encoding");
        }
        if self.is_told(head.status) {
            head.status = Status::NON_AUTHORITATIVE_INFORMATION;
        }
    }

    /// The coding that the client likes best of those that are offered; the first of several.
    fn coded(&self, request: &Request<'_>, head: &ResponseHead) -> Option<Level> {
        if !request.fields.has(FieldName::AcceptEncoding) || head.status.ends_with_head() {
            return None;
        }
        let quality = accept::coding_qualities(request.fields.all(FieldName::AcceptEncoding));
        let liked = |level: &Level| quality.of(Some(level.coding()));
        let best = self.recompress.iter().rev().max_by_key(|level| liked(level))?;
        (liked(best) > 0 && liked(best) >= quality.identity).then_some(*best)
    }

    fn is_of_type(&self, text: &[u8]) -> bool {
        MediaType::parse(text).is_some_and(|media_type| {
            if self.types.is_empty() {
                is_text(&media_type)
            } else {
                self.types.iter().any(|range| range.covers(&media_type))
            }
        })
    }
}

/// The codings that both the client and we can read: what is not changed after all goes on as it came.
fn readable(request: &Request<'_>) -> String {
    let quality = accept::coding_qualities(request.fields.all(FieldName::AcceptEncoding));
    let liked = Coding::ALL.into_iter().filter(|coding| quality.of(Some(*coding)) > 0);
    let names: Vec<&str> = liked.map(Coding::name).collect();
    if names.is_empty() { "identity".to_owned() } else { names.join(", ") }
}

const WITHHELD: FieldSet = FieldSet::of(&[
    FieldName::AcceptEncoding,
    FieldName::IfMatch,
    FieldName::IfNoneMatch,
    FieldName::IfRange,
    FieldName::Range,
]);

/// What was changed has no date that a client could have.
const WITHHELD_READING: FieldSet = FieldSet::of(&[FieldName::IfModifiedSince]);

/// What an answer says of its content that is not so once it is changed. `Content-Length` is never relayed.
const OF_OLD_CONTENT: FieldSet = FieldSet::of(&[
    FieldName::ContentDigest,
    FieldName::ContentEncoding,
    FieldName::LastModified,
    FieldName::ReprDigest,
]);

fn forbids_transforming(fields: Fields<'_>) -> bool {
    let mut directives = list::members(fields.all(FieldName::CacheControl));
    directives.any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

/// Types whose content is text that is meant to be read, or read by programs.
fn is_text(media_type: &MediaType<'_>) -> bool {
    const OTHERS: [&str; 4] = [
        "application/ecmascript",
        "application/javascript",
        "application/manifest+json",
        "application/xml",
    ];
    let xml = media_type.sub.len().checked_sub(4).and_then(|at| media_type.sub.get(at..));
    media_type.main.eq_ignore_ascii_case(b"text")
        || media_type.is_json()
        || xml.is_some_and(|end| end.eq_ignore_ascii_case(b"+xml"))
        || OTHERS.iter().any(|other| media_type.is(other))
}

/// The coding that content is in, if any; none if it can't be taken off here.
#[expect(clippy::option_option, reason = "there being none is not the same as not knowing")]
fn coding_of(fields: Fields<'_>) -> Option<Option<Coding>> {
    let mut codings = list::members(fields.all(FieldName::ContentEncoding))
        .filter(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    let (Some(first), None) = (codings.next(), codings.next()) else {
        let is_none = list::members(fields.all(FieldName::ContentEncoding))
            .all(|coding| coding.eq_ignore_ascii_case(b"identity"));
        return is_none.then_some(None);
    };
    // An older name of the same (RFC 9110 §8.4.1.3).
    let name = if first.eq_ignore_ascii_case(b"x-gzip") { &b"gzip"[..] } else { first };
    let known =
        Coding::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()));
    known.map(Some)
}

#[cfg(test)]
mod tests;
