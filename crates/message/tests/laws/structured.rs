//! Structured dictionaries: what is written is read again as the same.

use proptest::prelude::*;
use wherefore_message::base64;
use wherefore_message::digest::{Algorithm, field_value, sent};
use wherefore_message::structured::{BareItem, Dictionary, Item, Member, Parameters};

const KEYS: [&str; 6] = ["a", "*", "sha-256", "k_1.x", "b*", "long-key-with-digits-0123456789"];
const TOKENS: [&str; 4] = ["*", "Token", "a/b:c", "x!#$%&'*+-.^_`|~"];
const INTEGER_MAX: i64 = 999_999_999_999_999;

fn bare_item() -> impl Strategy<Value = BareItem<'static>> {
    prop_oneof![
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(BareItem::Integer),
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(BareItem::Decimal),
        "[ -~]{0,12}".prop_map(|text| BareItem::String(text.into())),
        prop::sample::select(&TOKENS[..]).prop_map(BareItem::Token),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(BareItem::Bytes),
        any::<bool>().prop_map(BareItem::Boolean),
        (-INTEGER_MAX..=INTEGER_MAX).prop_map(BareItem::Date),
        "\\PC{0,12}".prop_map(BareItem::DisplayString),
    ]
}

fn without_repeats<V>(mut pairs: Vec<(&'static str, V)>) -> Vec<(&'static str, V)> {
    let mut seen = Vec::new();
    pairs.retain(|(key, _)| {
        let is_new = !seen.contains(key);
        seen.push(*key);
        is_new
    });
    pairs
}

fn parameters() -> impl Strategy<Value = Parameters<'static>> {
    prop::collection::vec((prop::sample::select(&KEYS[..]), bare_item()), 0..3)
        .prop_map(without_repeats)
}

fn item() -> impl Strategy<Value = Item<'static>> {
    (bare_item(), parameters()).prop_map(|(value, parameters)| Item { value, parameters })
}

fn dictionary() -> impl Strategy<Value = Dictionary<'static>> {
    let list = (prop::collection::vec(item(), 0..4), parameters())
        .prop_map(|(items, parameters)| Member::InnerList { items, parameters });
    let member = prop_oneof![3 => item().prop_map(Member::Item), 1 => list];
    prop::collection::vec((prop::sample::select(&KEYS[..]), member), 0..6)
        .prop_map(|members| Dictionary { members: without_repeats(members) })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(dictionary in dictionary()) {
        let text = dictionary.written();
        prop_assert!(text.is_some());
        let text = text.unwrap_or_default();
        let read = Dictionary::read([text.as_bytes()].into_iter());
        prop_assert_eq!(read.as_ref(), Some(&dictionary), "{}", text);
    }

    /// Also what is not canonical: once written, it is.
    #[test]
    fn what_is_read_can_be_written(text in "([a-c*]=?[0-9.\"a:?(;)@% -]{0,4}[,;] ?){0,4}[a-c]=?[0-9]?") {
        if let Some(dictionary) = Dictionary::read([text.as_bytes()].into_iter()) {
            let written = dictionary.written();
            prop_assert!(written.is_some(), "{}", text);
            let written = written.unwrap_or_default();
            let again = Dictionary::read([written.as_bytes()].into_iter());
            prop_assert_eq!(again, Some(dictionary));
        }
    }

    #[test]
    fn no_octets_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..60)) {
        let read = Dictionary::read([&text[..]].into_iter());
        prop_assert!(read.is_none() || text.is_ascii());
    }

    #[test]
    fn base_64_there_and_back(octets in prop::collection::vec(any::<u8>(), 0..70)) {
        let text = base64::encode(&octets);
        prop_assert_eq!(text.len() % 4, 0);
        prop_assert_eq!(base64::decode(text.as_bytes()), Some(octets.clone()));
        prop_assert_eq!(base64::decode(text.trim_end_matches('=').as_bytes()), Some(octets));
    }

    #[test]
    fn digests_there_and_back(octets in prop::collection::vec(any::<u8>(), 64)) {
        for algorithm in Algorithm::KNOWN {
            let digest = &octets[..algorithm.digest_bytes()];
            let text = field_value(*algorithm, digest);
            let found = sent([text.as_bytes()].into_iter());
            prop_assert_eq!(found, Ok(vec![(*algorithm, digest.to_vec())]));
        }
    }
}
