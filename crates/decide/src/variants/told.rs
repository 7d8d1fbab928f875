//! What variants were worth, in words.

use core::fmt::Write as _;

use wherefore_message::accept::{QUALITY_MAX, media_quality};
use wherefore_message::{FieldName, Fields};

use super::{Asked, Negotiation, Outcome, Variant, Wish, choose, is_left_to_client};

/// The variants a line each, in the order in which they came: where each stands, what it is, and what the
/// client that sent these fields makes of it. The one that is sent is marked.
#[must_use]
pub fn weighed(variants: &[Variant<'_>], how: &Negotiation<'_>, fields: Fields<'_>) -> String {
    let asked = Asked::of(variants, how, fields);
    let chosen = choose(variants, how, fields);
    let mut out = String::new();
    for (i, variant) in variants.iter().enumerate() {
        let mark = if chosen == Outcome::Chosen(i) { "→" } else { "·" };
        let _ = write!(out, "  {mark} {:<28} {}", variant.reference.encoded(), variant.media_type);
        for tag in variant.languages.iter() {
            let _ = write!(out, ", {tag}");
        }
        if let Some(coding) = variant.coding {
            let _ = write!(out, ", {}", coding.name());
        }
        if is_left_to_client(variants, how) {
            out.push('\n');
            continue;
        }
        let _ = writeln!(out, ": {}", asked.worth(variant));
    }
    out
}

impl Asked<'_> {
    /// The qualities that a variant's is the product of; or what rules it out.
    fn worth(&self, variant: &Variant<'_>) -> String {
        let media = media_quality(self.lines(FieldName::Accept), variant.media_type);
        let coding = self.codings.map_or(QUALITY_MAX, |codings| codings.of(variant.coding));
        let (wish, language) = self.wish(&variant.languages);
        if self.merit(variant).is_none() {
            let why = match (variant.source_quality, media, coding) {
                (0, ..) => "it is never sent",
                (_, 0, _) => "its type is not accepted",
                (_, _, 0) => "its coding is not accepted",
                _ => "its language is not accepted",
            };
            return why.to_owned();
        }
        let language = match wish {
            Wish::Met => thousandths(language.quality),
            Wish::Unnamed => "not asked for".to_owned(),
            Wish::Refused => "refused".to_owned(),
        };
        let mut out = format!("type {}, language {language}", thousandths(media));
        if self.codings.is_some() {
            let _ = write!(out, ", coding {}", thousandths(coding));
        }
        if variant.source_quality != QUALITY_MAX {
            let _ = write!(out, ", of its own {}", thousandths(variant.source_quality));
        }
        out
    }
}

fn thousandths(quality: u16) -> String {
    let text = format!("{}.{:03}", quality / QUALITY_MAX, quality % QUALITY_MAX);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use wherefore_message::FieldLines;

    use super::*;
    use crate::variants::names::{NamedLanguages, variants_of};
    use crate::variants::{Mode, UnmetLanguage};

    const HOW: Negotiation<'static> = Negotiation {
        mode: Mode::Proactive,
        unmet_language: UnmetLanguage::Default,
        default_language: None,
    };

    #[test]
    fn each_with_what_it_is_worth() {
        let names = ["a.de.html", "a.en.html", "a.fr.html.gz", "a.png"];
        let mut variants = variants_of(&names, b"a", NamedLanguages::TwoLetter);
        variants[1].source_quality = 500;
        let lines: FieldLines =
            [("Accept", "text/html, image/*;q=0"), ("Accept-Language", "de;q=0.85, en, fr;q=0")]
                .into_iter()
                .collect();
        let told = weighed(&variants, &HOW, lines.view());
        let expected = [
            "  → a.de.html                    text/html; charset=utf-8, de: type 1, language 0.85, \
             coding 1",
            "  · a.en.html                    text/html; charset=utf-8, en: type 1, language 1, \
             coding 1, of its own 0.5",
            "  · a.fr.html.gz                 text/html; charset=utf-8, fr, gzip: type 1, language \
             refused, coding 0.001",
            "  · a.png                        image/png: its type is not accepted",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
        let left = Negotiation { mode: Mode::Reactive, ..HOW };
        let told = weighed(&variants[2..], &left, lines.view());
        assert!(told.ends_with("image/png\n") && !told.contains('→'), "{told}");
    }
}
