//! Lists: what stands on one line means the same on several (RFC 9110 §5.3).

use proptest::prelude::*;
use wherefore_message::accept::{coding_qualities, media_quality};
use wherefore_message::digest::{sent, wanted};
use wherefore_message::expect;
use wherefore_message::list;

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z*/]{1,6}(;q=[01](\\.[0-9]{1,3})?)?",
        "W?/?\"[a-z, ;]{0,6}\"",
        "\"([a-z,]|\\\\[\"\\\\]){0,6}\"",
        "(gzip|br|identity|\\*|zstd|text/html|text/\\*|\\*/\\*)(;q=0(\\.[0-9])?)?",
        "100-continue",
    ]
}

/// A list cut at some of its commas into several lines, with white space and empty members between.
fn lines() -> impl Strategy<Value = (String, Vec<String>)> {
    let separator = prop_oneof![Just(","), Just(", "), Just(" ,"), Just(",,"), Just("\t, ,")];
    prop::collection::vec((member(), separator, any::<bool>()), 0..8).prop_map(|parts| {
        let (mut whole, mut line, mut lines) = (String::new(), String::new(), Vec::new());
        for (member, separator, cut) in parts {
            whole.extend([&member, separator]);
            line.push_str(&member);
            if cut {
                lines.push(std::mem::take(&mut line));
            } else {
                line.push_str(separator);
            }
        }
        lines.push(line);
        (whole, lines)
    })
}

proptest! {
    #[test]
    fn splitting_a_list_over_lines_changes_nothing((whole, lines) in lines()) {
        let one = || [whole.as_bytes()].into_iter();
        let several = || lines.iter().map(|line| line.as_bytes());
        prop_assert!(list::members(one()).eq(list::members(several())));
        prop_assert_eq!(coding_qualities(one()), coding_qualities(several()));
        prop_assert_eq!(expect::read(one()), expect::read(several()));
        for media_type in ["text/html", "text/plain", "image/png"] {
            prop_assert_eq!(media_quality(one(), media_type), media_quality(several(), media_type));
        }
    }

    #[test]
    fn members_are_trimmed_and_never_empty(lines in prop::collection::vec(".{0,24}", 0..4)) {
        for member in list::members(lines.iter().map(|line| line.as_bytes())) {
            prop_assert!(!member.is_empty());
            prop_assert_eq!(wherefore_message::token::trim(member), member);
        }
    }

    #[test]
    fn splitting_a_dictionary_over_lines_changes_nothing(
        weights in prop::collection::vec((0..3usize, 0..=12u8), 1..6), cut in any::<prop::sample::Index>(),
    ) {
        let names = ["sha-256", "sha-512", "md5"];
        let members: Vec<_> = weights.iter().map(|(i, w)| format!("{}={w}", names[*i])).collect();
        let (before, behind) = members.split_at(cut.index(members.len()));
        let lines: Vec<_> =
            [before, behind].iter().filter(|m| !m.is_empty()).map(|m| m.join(", ")).collect();
        let whole = members.join(",");
        let several = || lines.iter().map(|line| line.as_bytes());
        prop_assert_eq!(wanted([whole.as_bytes()].into_iter()), wanted(several()));
        prop_assert_eq!(sent([whole.as_bytes()].into_iter()), sent(several()));
    }
}
