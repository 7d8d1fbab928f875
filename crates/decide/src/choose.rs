//! Which of several representations the client gets (RFC 9110 §12.5).

use wherefore_message::accept;
use wherefore_message::{Coding, FieldName, Fields};

use crate::facts::{Octets, Representations};

/// The coding that the client likes best, of those that there are; none where it likes the original at least
/// as well as any, or says nothing. What is stored costs nothing, and goes before what would have to be made.
/// A client that refuses all that is there gets the original: a lone file is sent whatever the client
/// accepts.
#[must_use]
pub fn coding(fields: Fields<'_>, all: &Representations) -> Option<Coding> {
    if !all.vary() || !fields.has(FieldName::AcceptEncoding) {
        return None;
    }
    let quality = accept::coding_qualities(fields.all(FieldName::AcceptEncoding));
    let offers = [
        (Coding::Brotli, quality.brotli, &all.brotli),
        (Coding::Zstd, quality.zstd, &all.zstd),
        (Coding::Gzip, quality.gzip, &all.gzip),
    ];
    let mut best = None;
    // The greater is the better: by quality, then by what it costs.
    let mut best_rank = (0, false);
    for (coding, quality, offered) in offers {
        let is_stored = match offered.as_ref().map(|offered| offered.octets) {
            Some(Octets::Stored(_)) => true,
            Some(Octets::Made(_)) => false,
            Some(Octets::Withheld) | None => continue,
        };
        if quality > 0 && (quality, is_stored) > best_rank {
            (best, best_rank) = (Some(coding), (quality, is_stored));
        }
    }
    if quality.identity > best_rank.0 { None } else { best }
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
    use wherefore_message::coding::Level;
    use wherefore_message::date::HttpDate;
    use wherefore_message::{EntityTag, FieldLines};

    use super::*;
    use crate::facts::Representation;

    const TAG: &[u8] = b"a";

    fn one(octets: Octets) -> Representation {
        let (tag, modified) = (EntityTag::strong(TAG), HttpDate::from_unix(0));
        Representation { tag, modified, octets }
    }

    fn chosen(accept: &str, all: &Representations) -> Option<Coding> {
        let lines: FieldLines = [("Accept-Encoding", accept)].into_iter().collect();
        coding(lines.view(), all)
    }

    #[test]
    fn the_client_s_order_then_ours_and_never_what_is_not_there() {
        let stored = one(Octets::Stored(1));
        let all = Representations {
            original: stored,
            brotli: Some(stored),
            zstd: Some(stored),
            gzip: Some(stored),
        };
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
            assert_eq!(chosen(accept, stored), wanted, "{accept}");
        }
        assert_eq!(coding(Fields::EMPTY, &all), None);
    }

    #[test]
    fn what_is_stored_goes_before_what_is_made_and_what_is_withheld_is_not_there() {
        let made = |coding| Some(one(Octets::Made(Level::usual(coding))));
        let mut all = Representations {
            original: one(Octets::Stored(1)),
            brotli: made(Coding::Brotli),
            zstd: Some(one(Octets::Stored(1))),
            gzip: made(Coding::Gzip),
        };
        assert_eq!(chosen("gzip, br, zstd", &all), Some(Coding::Zstd));
        assert_eq!(chosen("gzip, br, zstd;q=0.9", &all), Some(Coding::Brotli));
        assert_eq!(chosen("gzip", &all), Some(Coding::Gzip));
        all.withhold(Coding::Brotli);
        all.withhold(Coding::Zstd);
        assert_eq!(chosen("gzip, br, zstd;q=0.9", &all), Some(Coding::Gzip));
        assert_eq!(chosen("br, zstd", &all), Some(Coding::Zstd), "what is stored is there");
        assert_eq!(chosen("br", &all), None);
        all.withhold(Coding::Gzip);
        (all.zstd, all.brotli) = (None, None);
        assert_eq!(chosen("gzip", &all), None);
        assert!(all.vary(), "others may get what this one does not");
    }
}
