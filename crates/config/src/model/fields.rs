//! The fields and pages that are added to the answers of a site or a route.

use std::sync::Arc;

use wherefore_decide::policy::Dress;
use wherefore_decide::policy::dress::{Page, PageForm, PageOf};
use wherefore_message::FieldName;
use wherefore_message::response::Lines;
use wherefore_message::status::Class;

use super::Lowering;
use crate::complaint::Complaint;
use crate::keys::Policies;
use crate::value::{Either, ErrorStatus, SecurityFields};

/// Fields that hardly any site is hurt by: what it loads, and from where, stays as it is.
pub(crate) const USUAL: &[(&str, &str)] = &[
    ("Strict-Transport-Security", "max-age=31536000"),
    ("Content-Security-Policy", "frame-ancestors 'self'; base-uri 'self'"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Cross-Origin-Opener-Policy", "same-origin-allow-popups"),
];

/// Fields for a site that needs nothing from elsewhere.
pub(crate) const STRICT: &[(&str, &str)] = &[
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
];

impl Lowering<'_, '_> {
    /// What a site's or a route's policies add to answers.
    pub(super) fn dress(&mut self, policies: &Policies) -> Dress {
        let mut fields: Vec<(String, String)> = match policies.security_fields.as_ref() {
            None => Vec::new(),
            Some(set) => match &set.value {
                Either::Short(SecurityFields::Off) => Vec::new(),
                Either::Short(SecurityFields::Usual) => owned(USUAL),
                Either::Short(SecurityFields::Strict) => owned(STRICT),
                Either::Table(own) => own
                    .0
                    .iter()
                    .map(|(name, value)| {
                        (name.value.as_str().to_owned(), value.value.as_str().to_owned())
                    })
                    .collect(),
            },
        };
        for (name, value) in policies.headers.iter().flat_map(|set| &set.value.0) {
            let name = name.value.as_str();
            fields.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            fields.push((name.to_owned(), value.value.as_str().to_owned()));
        }
        if let Some(cache_control) = &policies.cache_control {
            fields.retain(|(name, _)| !name.eq_ignore_ascii_case("Cache-Control"));
            fields.push(("Cache-Control".to_owned(), cache_control.value.as_str().to_owned()));
        }
        let mut dress = Dress { pages: self.pages(policies), ..Dress::default() };
        let (mut plain, mut secure) = (Vec::new(), Vec::new());
        for (name, value) in &fields {
            match FieldName::parse(name.as_bytes()) {
                FieldName::Other => plain.push((&**name, &**value)),
                // RFC 6797 §7.2: not over plain http.
                FieldName::StrictTransportSecurity => secure.push((&**name, &**value)),
                known => dress.known.push((known, value.as_str().into())),
            }
        }
        dress.lines = lines(&plain);
        dress.secure_lines = lines(&secure);
        dress.early_hints = policies
            .early_hints
            .iter()
            .flat_map(|set| &set.value.0)
            .map(|link| link.value.as_str().into())
            .collect();
        dress
    }

    fn pages(&mut self, policies: &Policies) -> Vec<Page> {
        let mut pages = Vec::new();
        for (status, path) in policies.error_pages.iter().flat_map(|set| &set.value.0) {
            let name = path.value.as_str();
            let form = match name.rsplit_once('.').map(|(_, extension)| extension) {
                Some("html" | "htm") => PageForm::Html,
                Some("txt") => PageForm::Text,
                _ => {
                    let what = "a page is HTML or plain text";
                    let right = "a file whose name ends in .html or .txt";
                    self.complain(Complaint::error(path.span, what).right(right));
                    continue;
                }
            };
            let of = match status.value {
                ErrorStatus::One(status) => PageOf::Status(status),
                ErrorStatus::ClientErrors => PageOf::Class(Class::ClientError),
                ErrorStatus::ServerErrors => PageOf::Class(Class::ServerError),
            };
            if let Some(text) = self.text(name, path.span) {
                pages.push(Page { of, form, text });
            }
        }
        pages
    }
}

/// Whether a route says anything itself of what its answers are to carry.
pub(super) const fn is_dressed(own: &Policies) -> bool {
    own.headers.is_some()
        || own.cache_control.is_some()
        || own.security_fields.is_some()
        || own.early_hints.is_some()
        || own.error_pages.is_some()
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn lines(fields: &[(&str, &str)]) -> Option<Arc<Lines>> {
    if fields.is_empty() {
        return None;
    }
    Lines::new(fields.iter().copied()).map(Arc::new)
}
