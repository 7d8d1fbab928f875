//! An inbox: which content it takes, within which bounds, and what it answers when it has it.

use wherefore_message::accept::media_quality;
use wherefore_message::form::URL_ENCODED;
use wherefore_message::form_data::{self, FORM_DATA};
use wherefore_message::media::MediaType;
use wherefore_message::{FieldName, Request};

/// A folder that takes what is posted to it.
#[derive(Clone, Debug)]
pub struct Inbox {
    /// The media types that it takes, as `Accept-Post` lists them.
    pub accept_post: Box<str>,
    /// What it answers.
    pub thanks: Thanks,
    /// What one submission may cost.
    pub limits: InboxLimits,
}

/// What an inbox answers when a submission is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thanks {
    /// 201, with the place of what was made.
    Created,
    /// 204: nothing is shown, the form stays as it is.
    NoContent,
    /// 205: the form is to be cleared.
    Reset,
    /// 303: this page is shown.
    SeeOther(Box<str>),
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

impl Default for Inbox {
    fn default() -> Self {
        Self {
            accept_post: ACCEPT_POST.into(),
            thanks: Thanks::Created,
            limits: InboxLimits::default(),
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

impl Inbox {
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
        Inbox { accept_post: accept_post.into(), ..Inbox::default() }.format(&request.view())
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
