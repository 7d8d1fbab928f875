//! Paths: nothing leaves the root, and what is written is read again as the same.

use proptest::prelude::*;
use wherefore_message::path::{self, PathBuf};

/// Raw paths made of what matters to them, and of anything else.
fn raw() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"/".to_vec()),
        2 => Just(b".".to_vec()),
        2 => Just(b"..".to_vec()),
        1 => Just(b"%2e".to_vec()),
        1 => Just(b"%2E%2e".to_vec()),
        1 => Just(b"%2f".to_vec()),
        1 => Just(b"%".to_vec()),
        1 => Just(b"%00".to_vec()),
        3 => "[a-z;\\\\ ]{1,3}".prop_map(String::into_bytes),
        1 => any::<u8>().prop_map(|octet| format!("%{octet:02x}").into_bytes()),
        1 => any::<u8>().prop_map(|octet| vec![octet]),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| [b"/", &pieces.concat()[..]].concat())
}

/// Segments on a stack, as one would do it by hand; none where something is wrong.
fn model(raw: &[u8]) -> Option<Vec<u8>> {
    let mut stack: Vec<Vec<u8>> = Vec::new();
    let mut is_folder = true;
    for segment in raw[1..].split(|octet| *octet == b'/') {
        let mut decoded = Vec::new();
        let mut i = 0;
        while i < segment.len() {
            let octet = if segment[i] == b'%' {
                let digits = std::str::from_utf8(segment.get(i + 1..i + 3)?).ok()?;
                i += 2;
                u8::from_str_radix(digits, 16).ok().filter(|_| !digits.contains('+'))?
            } else {
                segment[i]
            };
            i += 1;
            if octet == 0 || octet == b'/' {
                return None;
            }
            decoded.push(octet);
        }
        is_folder = matches!(&decoded[..], b"" | b"." | b"..");
        match &decoded[..] {
            b"" | b"." => {}
            b".." => drop(stack.pop()?),
            _ => stack.push(decoded),
        }
    }
    let mut out = Vec::new();
    for segment in &stack {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if is_folder || stack.is_empty() {
        out.push(b'/');
    }
    Some(out)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn equals_the_model(raw in raw()) {
        let mut scratch = Vec::new();
        let found = path::decode(&raw, &mut scratch).ok().map(|path| path.bytes().to_vec());
        prop_assert_eq!(found, model(&raw));
    }

    #[test]
    fn never_leaves_the_root(raw in raw()) {
        let mut scratch = Vec::new();
        match path::decode(&raw, &mut scratch) {
            Ok(path) => {
                prop_assert!(path.bytes().starts_with(b"/"));
                prop_assert!(!path.bytes().contains(&0));
                prop_assert!(!path.bytes().windows(2).any(|pair| pair == b"//"));
                prop_assert!(path.segments().all(|segment| segment != b"." && segment != b".."));
                prop_assert!(path.bytes().len() <= raw.len());
                prop_assert!(path.parent().is_folder());
                prop_assert!(path.bytes().starts_with(path.parent().bytes()));
            }
            Err(fault) => prop_assert!(fault.at() < raw.len()),
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself(raw in raw()) {
        let (mut scratch, mut other) = (Vec::new(), Vec::new());
        if let Ok(path) = path::decode(&raw, &mut scratch) {
            let encoded = path.encoded();
            prop_assert!(encoded.starts_with('/') && !encoded.starts_with("//"));
            prop_assert!(encoded.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\'));
            let again = path::decode(encoded.as_bytes(), &mut other);
            prop_assert_eq!(again, Ok(path));
            let owned = PathBuf::from(path);
            prop_assert_eq!(owned.as_path(), path);
        }
    }

    #[test]
    fn a_path_of_encoded_segments_has_these_segments(
        segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..6), 1..5),
    ) {
        let is_name = |s: &Vec<u8>| !s.contains(&0) && !s.contains(&b'/') && s != b"." && s != b"..";
        prop_assume!(segments.iter().all(is_name));
        let raw: String = segments.iter().map(|s| format!("/{}", path::encode_segment(s))).collect();
        let mut scratch = Vec::new();
        let path = path::decode(raw.as_bytes(), &mut scratch);
        prop_assert!(path.is_ok_and(|path| path.segments().eq(segments.iter().map(|s| &s[..]))));
    }
}
