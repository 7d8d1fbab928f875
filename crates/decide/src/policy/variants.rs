//! Which resources have variants, and how these are negotiated (RFC 9110 §12).

use std::sync::Arc;

use wherefore_message::Coding;
use wherefore_message::alternative::Reference;
use wherefore_message::language::LanguageTag;
use wherefore_message::path::PathBuf;

use crate::variants::follow::Alone;
use crate::variants::names::NamedLanguages;
use crate::variants::{Languages, Mode, Negotiation, UnmetLanguage, Variant};

/// How variants are negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantPolicy {
    /// Who chooses.
    pub mode: Mode,
    /// What a client gets whose languages are not there.
    pub unmet_language: UnmetLanguage,
    /// The language that it gets then, that of the first variant if none is set; and whoever names none.
    pub default_language: Option<Box<str>>,
    /// The parts of files' names that are languages, the better ones first; none: tags that begin with a
    /// two-letter code, each as good as the others.
    pub languages: Option<Box<[Box<str>]>>,
}

/// A resource whose variants are named by a list.
#[derive(Clone, Debug)]
pub struct VariantList {
    /// How they are negotiated.
    pub policy: VariantPolicy,
    /// The variants, the better ones first.
    pub variants: Vec<ListedVariant>,
}

/// A variant that a list names.
#[derive(Clone, Debug)]
pub struct ListedVariant {
    /// Where it stands, in the same site.
    pub path: PathBuf,
    /// Its media type.
    pub media_type: Arc<str>,
    /// The languages that it is for.
    pub languages: Box<[Box<str>]>,
    /// Its content coding.
    pub coding: Option<Coding>,
    /// How good it is beside the others, in thousandths.
    pub quality: u16,
}

impl VariantPolicy {
    /// Chosen by the server, with what is usual.
    #[must_use]
    pub const fn proactive() -> Self {
        Self {
            mode: Mode::Proactive,
            unmet_language: UnmetLanguage::Default,
            default_language: None,
            languages: None,
        }
    }

    /// How variants are weighed, of which each can be asked for alone, or not. A client can't choose what it has
    /// no path for.
    #[must_use]
    pub fn negotiation(&self, alone: impl IntoIterator<Item = Alone>) -> Negotiation<'_> {
        let is_any_alone = alone.into_iter().any(|alone| alone == Alone::Yes);
        Negotiation {
            mode: if is_any_alone { self.mode } else { Mode::Proactive },
            unmet_language: self.unmet_language,
            default_language: self.default_language.as_deref().and_then(tag),
        }
    }

    /// The languages that names are searched for; none where that is not restricted.
    #[must_use]
    pub fn named_languages(&self) -> Option<Vec<LanguageTag<'_>>> {
        self.languages.as_ref().map(|all| all.iter().filter_map(|text| tag(text)).collect())
    }
}

impl ListedVariant {
    /// The variant, as number `place` of its list.
    #[must_use]
    pub fn variant(&self, place: u16) -> Variant<'_> {
        let tags = self.languages.iter().filter_map(|text| tag(text));
        let languages = tags.fold(Languages::NONE, |all, tag| all.with(tag).unwrap_or(all));
        Variant {
            reference: Reference::Path(self.path.as_path()),
            media_type: &self.media_type,
            languages,
            coding: self.coding,
            source_quality: self.quality,
            place,
            length: None,
        }
    }
}

/// How names are read where these languages are searched for.
#[must_use]
pub fn named<'a>(languages: Option<&'a [LanguageTag<'a>]>) -> NamedLanguages<'a> {
    languages.map_or(NamedLanguages::TwoLetter, NamedLanguages::These)
}

fn tag(text: &str) -> Option<LanguageTag<'_>> {
    LanguageTag::parse(text.as_bytes())
}
