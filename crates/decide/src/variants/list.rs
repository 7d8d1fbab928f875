//! The list of variants that an answer carries which sends none of them.

use wherefore_message::alternative::Alternative;

use super::{VARIANTS_MAX, Variant};

/// The variants as alternatives, in the order in which they were put; without those that are never sent.
///
/// [`alternative::links`](wherefore_message::alternative::links) makes a `Link` field of them,
/// [`alternative::to_json`](wherefore_message::alternative::to_json) a document, and
/// [`Extra::Alternatives`](wherefore_message::problem::Extra) a part of a problem document in any form.
#[must_use]
pub fn alternatives(variants: &[Variant<'_>]) -> Vec<Alternative> {
    let mut listed: Vec<_> =
        variants.iter().take(VARIANTS_MAX).filter(|variant| variant.source_quality > 0).collect();
    listed.sort_by_key(|variant| (variant.place, variant.reference));
    listed.into_iter().map(alternative).collect()
}

fn alternative(variant: &Variant<'_>) -> Alternative {
    Alternative::new(variant.reference, variant.media_type, variant.source_quality)
        .languages(variant.languages.iter().map(|tag| tag.to_string()).collect())
        .coding(variant.coding)
        .length(variant.length)
}

#[cfg(test)]
mod tests {
    use wherefore_message::Coding;
    use wherefore_message::alternative::{Reference, to_json};

    use super::*;
    use crate::variants::names::{NamedLanguages, parse_name};

    #[test]
    fn in_order_and_only_what_is_ever_sent() {
        let read = |member: &'static str, place, source_quality| {
            let read = parse_name(member.as_bytes(), b"page", NamedLanguages::TwoLetter);
            Variant { place, source_quality, ..read.unwrap() }
        };
        let variants = [
            read("page.pdf", 2, 300),
            read("page.de.html", 1, 1000),
            read("page.en.html.gz", 1, 1000),
            read("page.txt", 0, 0),
        ];
        assert_eq!(
            to_json(&alternatives(&variants)),
            "{\"alternatives\":[\
             {\"href\":\"page.de.html\",\"type\":\"text/html; charset=utf-8\",\"language\":[\"de\"],\
             \"quality\":1},\
             {\"href\":\"page.en.html.gz\",\"type\":\"text/html; charset=utf-8\",\"language\":[\"en\"],\
             \"encoding\":\"gzip\",\"quality\":1},\
             {\"href\":\"page.pdf\",\"type\":\"application/pdf\",\"quality\":0.3}]}\n"
        );
        let [one, ..] = variants;
        let one = Variant { coding: Some(Coding::Gzip), length: Some(5), ..one };
        let all = [one; VARIANTS_MAX + 1];
        let listed = alternatives(&all);
        assert_eq!(listed.len(), VARIANTS_MAX);
        let expected = Alternative::new(Reference::Member(b"page.pdf"), "application/pdf", 300);
        assert_eq!(listed[0], expected.coding(Some(Coding::Gzip)).length(Some(5)));
    }
}
