//! What is added to the answers of a route: fields that the operator set, pages in place of our
//! explanations, hints. None of it changes a status or what a status must carry.

use std::sync::Arc;

use wherefore_message::response::Lines;
use wherefore_message::status::Class;
use wherefore_message::{FieldName, Status};

/// What is added to the answers of a route.
#[derive(Clone, Debug, Default)]
pub struct Dress {
    /// Fields that we never send of our own accord: they go with every answer.
    pub lines: Option<Arc<Lines>>,
    /// Fields of the same kind for answers by https alone, such as `Strict-Transport-Security`.
    pub secure_lines: Option<Arc<Lines>>,
    /// Fields that we may send ourselves, with the operator's value.
    pub known: Vec<(FieldName, Arc<str>)>,
    /// Pages in place of our explanations.
    pub pages: Vec<Page>,
    /// The values of `Link` in a 103 (RFC 8297) before the answer to a GET.
    pub early_hints: Vec<Arc<str>>,
}

/// A page in place of our explanation of a status, for clients that like its form best.
#[derive(Clone, Debug)]
pub struct Page {
    /// Of which statuses.
    pub of: PageOf,
    /// In which form.
    pub form: PageForm,
    /// Its text; `{{status}}`, `{{title}}`, `{{detail}}` and `{{request-id}}` stand for what they name.
    pub text: Arc<str>,
}

/// Which statuses a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOf {
    /// One.
    Status(Status),
    /// All of a class.
    Class(Class),
}

/// The form of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageForm {
    /// HTML.
    Html,
    /// Plain text.
    Text,
}

/// Fields that an operator can't set: they say what the answer is, or how it travels.
pub const OURS_ALONE: &[FieldName] = &[
    FieldName::AcceptRanges,
    FieldName::Allow,
    FieldName::Connection,
    FieldName::ContentEncoding,
    FieldName::ContentLength,
    FieldName::ContentRange,
    FieldName::Date,
    FieldName::ETag,
    FieldName::KeepAlive,
    FieldName::LastModified,
    FieldName::Location,
    FieldName::ProxyAuthenticate,
    FieldName::ProxyConnection,
    FieldName::RequestId,
    FieldName::RetryAfter,
    FieldName::Te,
    FieldName::Trailer,
    FieldName::TransferEncoding,
    FieldName::Upgrade,
    FieldName::WwwAuthenticate,
];

impl Dress {
    /// The page for a status in this form: one of its own before one of its class.
    #[must_use]
    pub fn page(&self, status: Status, form: PageForm) -> Option<&Page> {
        let find = |of| self.pages.iter().find(|page| page.form == form && page.of == of);
        find(PageOf::Status(status)).or_else(|| find(PageOf::Class(status.class())))
    }

    /// Whether nothing is added.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.lines.is_none() && self.secure_lines.is_none() && self.known.is_empty()
    }
}
