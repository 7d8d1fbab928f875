//! An inbox: which content it takes, within which bounds, and what it answers when it has it.

use std::sync::Arc;

use wherefore_message::accept::media_quality;
use wherefore_message::form::URL_ENCODED;
use wherefore_message::form_data::{self, FORM_DATA};
use wherefore_message::media::MediaType;
use wherefore_message::{FieldName, Method, MethodSet, Request, path};

use crate::policy::pattern::{End, Segment};
use crate::policy::{Index, ResourceKind, Site, Template};

/// A folder that takes what is posted to it.
#[derive(Clone, Debug)]
pub struct Inbox {
    /// Which folder, among those of the configuration; none where what is posted is delivered later.
    pub origin: Option<Index>,
    /// The media types that it takes, as `Accept-Post` lists them.
    pub accept_post: Arc<str>,
    /// What it answers.
    pub thanks: Thanks,
    /// What one submission may cost.
    pub limits: InboxLimits,
}

/// What an inbox answers when a submission is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thanks {
    /// 201 with the place of what was made, where a route of the site shows it. Where none does there is no place
    /// to name, and the target is not what was made (RFC 9110 §15.3.2): that is 204.
    Created,
    /// 204: nothing is shown, the form stays as it is.
    NoContent,
    /// 205: the form is to be cleared.
    Reset,
    /// 303: this page is shown.
    SeeOther(Template),
}

/// What one submission to an inbox may cost. What is in memory meanwhile is at most about
/// `fields_bytes_max`, and the heads of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxLimits {
    /// The most octets of one submission, all of its files included.
    pub form_bytes_max: u64,
    /// The most octets of one file.
    pub file_bytes_max: u64,
    /// The most files of one submission: each is made durable by itself.
    pub files_max: usize,
    /// The most fields of one submission that are no files.
    pub fields_max: usize,
    /// The most octets of all fields that are no files together, names included; of a form that has no
    /// parts, and of JSON, the most octets at all.
    pub fields_bytes_max: u64,
    /// The most octets that stand before the content of one part of a form.
    pub part_head_bytes_max: usize,
    /// The most octets of a name, of a field or of a file, in a form that has parts.
    pub name_bytes_max: usize,
}

impl Default for InboxLimits {
    fn default() -> Self {
        let parts = form_data::Limits::default();
        Self {
            form_bytes_max: 64 << 20,
            file_bytes_max: 32 << 20,
            files_max: 16,
            fields_max: 256,
            fields_bytes_max: 1 << 20,
            part_head_bytes_max: parts.head_bytes_max,
            name_bytes_max: parts.name_bytes_max,
        }
    }
}

impl InboxLimits {
    /// The bounds of the parts of a form. A part for a file that nobody chose is no file, and no field.
    #[must_use]
    pub const fn parts(&self) -> form_data::Limits {
        form_data::Limits {
            parts_max: self.fields_max.saturating_add(self.files_max).saturating_mul(2),
            head_bytes_max: self.part_head_bytes_max,
            name_bytes_max: self.name_bytes_max,
        }
    }
}

/// What an inbox takes if nothing else is said.
pub const ACCEPT_POST: &str =
    "application/x-www-form-urlencoded, multipart/form-data, application/json";

/// How a content is read that an inbox takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the encoded pairs of a form.
    UrlEncoded,
    /// As the parts of a form (RFC 7578).
    FormData,
    /// As one JSON value (RFC 8259).
    Json,
    /// As one file.
    File,
}

/// What an inbox offers: a form is sent to it, and nothing is read from it.
pub(super) const METHODS: MethodSet = MethodSet::of(&[Method::Post, Method::Options]);

impl Inbox {
    /// Folder number `origin`, which takes forms and JSON within the usual limits.
    #[must_use]
    pub fn new(origin: Index) -> Self {
        Self {
            origin: Some(origin),
            accept_post: ACCEPT_POST.into(),
            thanks: Thanks::Created,
            limits: InboxLimits::default(),
        }
    }

    /// How the content of a request is read; none if its media type is not taken. Content without a type
    /// is of an unknown one (RFC 9110 §8.3).
    #[must_use]
    pub fn format(&self, request: &Request<'_>) -> Option<Format> {
        let media = match request.fields.only(FieldName::ContentType) {
            Some(value) => MediaType::parse(value)?,
            None if request.fields.has(FieldName::ContentType) => return None,
            None => MediaType::parse(wherefore_message::media::UNKNOWN.as_bytes())?,
        };
        let essence = [media.main, b"/", media.sub].concat();
        let essence = str::from_utf8(&essence).ok()?;
        if media_quality([self.accept_post.as_bytes()].into_iter(), essence) == 0 {
            return None;
        }
        Some(if media.is(URL_ENCODED) {
            Format::UrlEncoded
        } else if media.is(FORM_DATA) {
            Format::FormData
        } else if media.is_json() {
            Format::Json
        } else {
            Format::File
        })
    }

    /// The most octets of content that is read like this.
    #[must_use]
    pub fn content_bytes_max(&self, format: Format) -> u64 {
        let InboxLimits { form_bytes_max, file_bytes_max, fields_bytes_max, .. } = self.limits;
        match format {
            Format::UrlEncoded | Format::Json => form_bytes_max.min(fields_bytes_max),
            Format::FormData => form_bytes_max,
            Format::File => form_bytes_max.min(file_bytes_max),
        }
    }

    /// The path under which a route of the site shows the member of the inbox's folder that has this name; none
    /// if no route does.
    #[must_use]
    pub fn shown_at(&self, site: &Site, name: &str) -> Option<String> {
        site.routes().iter().enumerate().find_map(|(index, route)| {
            let folder = route.folder().filter(|folder| Some(folder.origin) == self.origin)?;
            let is_read = route.methods(ResourceKind::File).has(Method::Get);
            if folder.rewrite.is_some() || !is_read || route.pattern.end() != End::Rest {
                return None;
            }
            let mut shown = Vec::new();
            for segment in route.pattern.segments() {
                let Segment::Literal(text) = segment else { return None };
                shown.push(b'/');
                shown.extend_from_slice(text);
            }
            let inner_at = shown.len();
            shown.push(b'/');
            shown.extend_from_slice(name.as_bytes());
            // A more specific route may stand in front of it.
            let matched = site.route(&shown)?;
            let leads_there = matched.index == index && matched.rest_at == inner_at;
            leads_there.then(|| {
                let mut location = String::new();
                path::encode_path(&shown, &mut location);
                location
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::request::RequestBuf;
    use wherefore_message::{Announced, FieldLines, Version};

    use super::*;

    fn format(accept_post: &str, types: &[&str]) -> Option<Format> {
        let fields: FieldLines = types.iter().map(|value| ("Content-Type", *value)).collect();
        let (version, length) = (Version::HTTP_11, Announced::Length(1));
        let request = RequestBuf::new(version, b"POST", b"/", None, fields, length).unwrap();
        Inbox { accept_post: accept_post.into(), ..Inbox::new(0) }.format(&request.view())
    }

    #[test]
    fn forms_and_json_are_taken_and_else_what_is_listed() {
        for (media_type, expected) in [
            ("application/x-www-form-urlencoded", Some(Format::UrlEncoded)),
            ("Application/X-WWW-Form-Urlencoded; charset=UTF-8", Some(Format::UrlEncoded)),
            ("multipart/form-data; boundary=x", Some(Format::FormData)),
            ("application/json", Some(Format::Json)),
            ("application/ld+json", None),
            ("image/png", None),
            ("multipart/mixed", None),
            ("text", None),
            ("", None),
        ] {
            assert_eq!(format(ACCEPT_POST, &[media_type]), expected, "{media_type}");
        }
        let more = "image/*, application/ld+json, application/json;q=0";
        assert_eq!(format(more, &["image/png"]), Some(Format::File));
        assert_eq!(format(more, &["application/ld+json"]), Some(Format::Json));
        assert_eq!(format(more, &["application/json"]), None);
        assert_eq!(format(more, &["application/x-www-form-urlencoded"]), None);
    }

    #[test]
    fn content_without_a_type_or_with_two_is_taken_only_if_all_is() {
        assert_eq!(format(ACCEPT_POST, &[]), None);
        assert_eq!(format("application/octet-stream", &[]), Some(Format::File));
        assert_eq!(format("*/*", &["image/png", "image/gif"]), None);
    }
}
