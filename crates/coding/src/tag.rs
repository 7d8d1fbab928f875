//! The entity tag of a representation that is coded on the fly (RFC 9110 §8.8.3.3).

use wherefore_message::etag::OPAQUE_BYTES_MAX;
use wherefore_message::{Coding, EntityTag};

use crate::{Level, zstd};

/// Which octets the encoders write. To be raised with whatever changes them at any level: a release
/// of one of their crates, a window, a block. Tests hold it to the releases, and to octets.
pub const VERSION: u8 = 1;

/// The tag of what `original` is the tag of, coded at `level`: `"x"` becomes `"x-gzip5.1"`. Two are
/// equal only if the originals', the levels and the [`VERSION`] are.
///
/// It is strong where the original's is, since an encoder writes the same octets for the same input; but
/// weak if the system put another release of zstd under this program than it was built with. There is
/// none if the original's opaque part is too long for the addition.
#[must_use]
pub fn tag_of(original: &EntityTag, level: Level) -> Option<EntityTag> {
    let (coding, text) = (level.coding(), original.text());
    let addition = format!("-{}{}.{VERSION}", coding.name(), level.number());
    let opaque = [text.opaque, addition.as_bytes()].concat();
    if opaque.len() > OPAQUE_BYTES_MAX {
        return None;
    }
    let tag = EntityTag::strong(&opaque);
    let is_same_always = coding != Coding::Zstd || zstd::is_known_release();
    Some(if text.weak || !is_same_always { tag.weakened() } else { tag })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_tag_for_each_level() {
        let original = EntityTag::strong(b"abcdefghijklmnopqrstuvwxyz");
        let mut seen = BTreeSet::from([original.to_string()]);
        for coding in Coding::ALL {
            for number in Level::numbers(coding) {
                let tag = tag_of(&original, Level::new(coding, number).unwrap()).unwrap();
                assert!(!tag.is_weak() && seen.insert(tag.to_string()), "{tag}");
            }
        }
        let gzip = tag_of(&EntityTag::strong(b"x"), Level::usual(Coding::Gzip)).unwrap();
        assert_eq!(gzip.to_string(), format!("\"x-gzip5.{VERSION}\""));
    }

    #[test]
    fn weak_stays_weak() {
        let original = EntityTag::strong(b"x").weakened();
        for coding in Coding::ALL {
            assert!(tag_of(&original, Level::usual(coding)).unwrap().is_weak());
        }
    }

    #[test]
    fn no_tag_where_there_is_no_room() {
        let longest = [b'x'; OPAQUE_BYTES_MAX];
        let gzip = Level::usual(Coding::Gzip);
        assert!(tag_of(&EntityTag::strong(&longest), gzip).is_none());
        let room = "-gzip5.1".len();
        assert!(tag_of(&EntityTag::strong(&longest[room..]), gzip).is_some());
    }
}
