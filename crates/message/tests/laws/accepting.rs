//! Negotiation: what holds for any `Accept` and any weights.

use proptest::prelude::*;
use wherefore_message::accept::{QUALITY_MAX, coding_qualities, media_quality, preferred, quality};

const RANGES: [&str; 7] =
    ["*/*", "text/*", "text/html", "text/html;level=1", "image/*", "image/png", "nonsense"];
const OFFERS: [&str; 4] = ["text/html", "text/html;level=1", "text/plain", "image/png"];

/// Which ranges cover which offers, from the least specific to the most; by hand.
const COVERED_BY: [&[usize]; 4] = [&[0, 1, 2], &[0, 1, 2, 3], &[0, 1], &[0, 4, 5]];

fn members() -> impl Strategy<Value = Vec<(usize, u16)>> {
    prop::collection::vec((0..RANGES.len(), 0..=QUALITY_MAX), 0..8)
}

fn text(members: &[(usize, u16)]) -> String {
    let member = |(range, weight): &(usize, u16)| {
        format!("{};q={}.{:03}", RANGES[*range], weight / 1000, weight % 1000)
    };
    members.iter().map(member).collect::<Vec<_>>().join(", ")
}

/// The quality by the sentence of RFC 9110 §12.5.1 alone.
fn model(members: &[(usize, u16)], offer: usize) -> u16 {
    if members.iter().all(|(range, _)| RANGES[*range] == "nonsense") {
        return QUALITY_MAX;
    }
    for range in COVERED_BY[offer].iter().rev() {
        let weights = members.iter().filter(|(other, _)| other == range).map(|(_, weight)| *weight);
        if let Some(best) = weights.max() {
            return best;
        }
    }
    0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn equals_the_model(members in members()) {
        let text = text(&members);
        for (i, offer) in OFFERS.iter().enumerate() {
            let found = media_quality([text.as_bytes()].into_iter(), offer);
            prop_assert_eq!(found, model(&members, i), "{} for {}", text, offer);
        }
    }

    #[test]
    fn nothing_else_is_better_than_what_is_preferred(members in members()) {
        let text = text(&members);
        let lines = || [text.as_bytes()].into_iter();
        let best = OFFERS.iter().map(|offer| media_quality(lines(), offer)).max();
        match preferred(lines(), &OFFERS) {
            Some(offer) => prop_assert_eq!(Some(media_quality(lines(), offer)), best),
            None => prop_assert_eq!(best, Some(0)),
        }
    }

    #[test]
    fn order_changes_nothing((members, shuffled) in members().prop_flat_map(|members| {
        (Just(members.clone()), Just(members).prop_shuffle())
    })) {
        let (a, b) = (text(&members), text(&shuffled));
        for offer in OFFERS {
            let [a, b] = [&a, &b].map(|text| media_quality([text.as_bytes()].into_iter(), offer));
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn every_weight_is_read_as_it_is_written(thousandths in 0..=QUALITY_MAX) {
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        prop_assert_eq!(quality(text.as_bytes()), Some(thousandths));
        let short = text.trim_end_matches('0').trim_end_matches('.');
        let short = if short.is_empty() { "0" } else { short };
        prop_assert_eq!(quality(short.as_bytes()), Some(thousandths));
    }

    #[test]
    fn qualities_stay_in_bounds(lines in prop::collection::vec("[a-z*/;=q0-9., \"]{0,30}", 0..4)) {
        let lines = || lines.iter().map(|line| line.as_bytes());
        let found = coding_qualities(lines());
        for quality in [found.identity, found.gzip, found.brotli, found.zstd] {
            prop_assert!(quality <= QUALITY_MAX);
        }
        prop_assert!(media_quality(lines(), "text/html") <= QUALITY_MAX);
    }
}
