//! What is encoded as it is sent (RFC 9110 §8.4).

use std::sync::Arc;

use wherefore_message::coding::Level;
use wherefore_message::media::{MediaType, TypeRange, worth};
use wherefore_message::{Coding, FieldName, list};

use crate::policy::{Dress, Route};

/// What is encoded as it is sent, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compress {
    /// Of which types.
    pub types: Types,
    /// From how many octets on.
    pub bytes_min: u64,
    /// One place a coding, in the order of [`Coding::ALL`].
    levels: [Option<Level>; 3],
}

/// Below this, what is saved does not make one packet fewer.
pub const BYTES_MIN_USUAL: u64 = 1 << 10;

/// The types that are worth it, as far as somebody said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Types {
    /// Those of [`worth::is_worth`].
    #[default]
    Usual,
    /// Those that one of these covers, and no others.
    Listed(Vec<TypeRange>),
}

impl Compress {
    /// What is worth it where nobody said otherwise, in every coding, at its usual level.
    #[must_use]
    pub fn usual() -> Self {
        let levels = Coding::ALL.map(|coding| Some(Level::usual(coding)));
        Self { types: Types::Usual, bytes_min: BYTES_MIN_USUAL, levels }
    }

    /// The same, with this coding at this level.
    #[must_use]
    pub fn with(mut self, level: Level) -> Self {
        self.levels[place(level.coding())] = Some(level);
        self
    }

    /// The same without this coding.
    #[must_use]
    pub const fn without(mut self, coding: Coding) -> Self {
        self.levels[place(coding)] = None;
        self
    }

    /// The codings, each at its level, that content of this type and length is offered in.
    pub fn offers(&self, media_type: &str, length: u64) -> impl Iterator<Item = Level> {
        let is_worth = length >= self.bytes_min.max(1) && self.types.cover(media_type);
        self.levels.into_iter().flatten().filter(move |_| is_worth)
    }
}

const fn place(coding: Coding) -> usize {
    match coding {
        Coding::Brotli => 0,
        Coding::Zstd => 1,
        Coding::Gzip => 2,
    }
}

impl Types {
    /// Whether content of this type, a value of `Content-Type`, is worth encoding.
    #[must_use]
    pub fn cover(&self, media_type: &str) -> bool {
        match self {
            Self::Usual => worth::is_worth(media_type),
            Self::Listed(ranges) => MediaType::parse(media_type.as_bytes())
                .is_some_and(|media_type| ranges.iter().any(|range| range.covers(&media_type))),
        }
    }
}

impl Route {
    /// What is encoded as it is sent. Nothing where the operator's own `Cache-Control` says that content is
    /// to stay as it is (RFC 9111 §5.2.2.6).
    #[must_use]
    pub fn compression(&self) -> Option<&Arc<Compress>> {
        self.compress.as_ref().filter(|_| !forbids_transforming(&self.dress))
    }
}

fn forbids_transforming(dress: &Dress) -> bool {
    let values = dress.known.iter().filter(|(name, _)| *name == FieldName::CacheControl);
    let mut directives = list::members(values.map(|(_, value)| value.as_bytes()));
    directives.any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{ContentPolicy, Folder, Pattern, Resource};

    #[test]
    fn a_list_replaces_the_table() {
        let listed = |ranges: &[&str]| {
            Types::Listed(ranges.iter().map(|range| TypeRange::parse(range).unwrap()).collect())
        };
        let types = listed(&["image/*", "Application/PDF"]);
        assert!(types.cover("image/bmp") && types.cover("application/pdf;a=b"));
        assert!(!types.cover("text/html") && !types.cover("application/json"));
        assert!(!types.cover("image") && !listed(&[]).cover("text/html"));
        assert!(listed(&["*/*"]).cover("video/mp4"));
        assert!(Types::default().cover("text/html") && !Types::default().cover("image/bmp"));
    }

    #[test]
    fn what_is_offered() {
        let offered = |compress: &Compress, media_type: &str, length| {
            let levels = compress.offers(media_type, length);
            levels.map(|level| (level.coding().name(), level.number())).collect::<Vec<_>>()
        };
        let usual = Compress::usual();
        assert_eq!(offered(&usual, "text/html", 1024), [("br", 5), ("zstd", 5), ("gzip", 5)]);
        assert_eq!(offered(&usual, "text/html", 1023), []);
        assert_eq!(offered(&usual, "image/png", 1 << 20), []);
        let gzip = Level::new(Coding::Gzip, 9).unwrap();
        let other = Compress { bytes_min: 0, ..usual }.without(Coding::Brotli).with(gzip);
        assert_eq!(offered(&other, "text/css", 1), [("zstd", 5), ("gzip", 9)]);
        assert_eq!(offered(&other, "text/css", 0), [], "nothing is smaller than nothing");
    }

    #[test]
    fn the_operator_s_no_transform_turns_it_off() {
        let folder = Resource::Folder(Folder::read_only(0));
        let mut route = Route::new(Pattern::everything(), folder, ContentPolicy::up_to(0, 0));
        assert!(route.compression().is_none());
        route.compress = Some(Arc::new(Compress::usual()));
        for (value, is_on) in [
            ("max-age=60", true),
            ("max-age=60, No-Transform", false),
            ("private=\"no-transform\"", true),
            ("no-transform", false),
        ] {
            route.dress.known = vec![(FieldName::CacheControl, value.into())];
            assert_eq!(route.compression().is_some(), is_on, "{value}");
        }
        route.dress.known = vec![(FieldName::Link, "no-transform".into())];
        assert!(route.compression().is_some());
    }
}
