//! Which of several representations the client gets (RFC 9110 §12.5).

use wherefore_message::accept;
use wherefore_message::{Coding, FieldName, Fields};

use crate::facts::Representations;

/// The stored coding that the client likes best; none where it likes the original at least as well
/// as any, or says nothing. A client that refuses all that is there gets the original: a lone file is
/// sent whatever the client accepts.
#[must_use]
pub fn coding(fields: Fields<'_>, stored: &Representations) -> Option<Coding> {
    if !stored.vary() || !fields.has(FieldName::AcceptEncoding) {
        return None;
    }
    let quality = accept::coding_qualities(fields.all(FieldName::AcceptEncoding));
    let offers = [
        (Coding::Brotli, quality.brotli, stored.brotli.is_some()),
        (Coding::Zstd, quality.zstd, stored.zstd.is_some()),
        (Coding::Gzip, quality.gzip, stored.gzip.is_some()),
    ];
    let mut best = None;
    let mut best_quality = 0;
    for (coding, quality, is_stored) in offers {
        if is_stored && quality > best_quality {
            (best, best_quality) = (Some(coding), quality);
        }
    }
    if quality.identity > best_quality { None } else { best }
}

/// The forms in which the list of a folder's members is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingForm {
    /// For people.
    Html,
    /// For programs.
    Json,
}

impl ListingForm {
    /// The value of `Content-Type` for this form.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Json => "application/json",
        }
    }
}

/// The form of a listing that the client likes best; HTML where it likes both alike, or neither.
#[must_use]
pub fn listing(fields: Fields<'_>) -> ListingForm {
    let offers = [ListingForm::Html, ListingForm::Json].map(ListingForm::content_type);
    match accept::preferred(fields.all(FieldName::Accept), &offers) {
        Some(offer) if offer == ListingForm::Json.content_type() => ListingForm::Json,
        Some(_) | None => ListingForm::Html,
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::date::HttpDate;
    use wherefore_message::{EntityTag, FieldLines};

    use super::*;
    use crate::facts::Representation;

    #[test]
    fn the_client_s_order_then_ours_and_never_what_is_not_stored() {
        let one = Representation {
            tag: EntityTag::strong(b"a"),
            modified: HttpDate::from_unix(0),
            length: 1,
        };
        let all =
            Representations { original: one, brotli: Some(one), zstd: Some(one), gzip: Some(one) };
        let only_gzip = Representations { brotli: None, zstd: None, ..all };
        for (accept, stored, wanted) in [
            ("gzip, br", &all, Some(Coding::Brotli)),
            ("gzip, br;q=0.5", &all, Some(Coding::Gzip)),
            ("br", &only_gzip, None),
            ("gzip;q=0", &only_gzip, None),
            ("*", &only_gzip, Some(Coding::Gzip)),
            ("identity, gzip;q=0.5", &all, None),
            ("gzip;q=0.5", &all, Some(Coding::Gzip)),
            ("identity;q=0", &all, None),
            ("", &all, None),
        ] {
            let lines: FieldLines = [("Accept-Encoding", accept)].into_iter().collect();
            assert_eq!(coding(lines.view(), stored), wanted, "{accept}");
        }
        assert_eq!(coding(Fields::EMPTY, &all), None);
    }
}
