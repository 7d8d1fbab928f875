//! Digests of content and of representations (RFC 9530): which algorithm a client wants, and what a
//! sender says. The digests themselves are computed elsewhere.

use core::fmt;

use crate::base64;
use crate::structured::{BareItem, Dictionary};

/// An algorithm of the registry's active ones (RFC 9530 §7.2). The others are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm that is known here.
    pub const KNOWN: &'static [Self] = &[Self::Sha256, Self::Sha512];

    /// Its key in the fields.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    /// The length of its digests in octets.
    #[must_use]
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The algorithm that the lines of a `Want-Repr-Digest` or `Want-Content-Digest` field prefer
/// (RFC 9530 §4): the one of the highest weight from 1 to 10, SHA-256 of equals. None if none that is
/// known is wanted, or the field is malformed.
pub fn wanted<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Algorithm> {
    let dictionary = Dictionary::read(lines)?;
    let mut best: Option<(Algorithm, i64)> = None;
    for algorithm in Algorithm::KNOWN {
        if let Some(BareItem::Integer(weight @ 1..=10)) =
            dictionary.item(algorithm.name()).map(|item| &item.value)
            && best.is_none_or(|(_, other)| *weight > other)
        {
            best = Some((*algorithm, *weight));
        }
    }
    best.map(|(algorithm, _)| algorithm)
}

/// The digests that the lines of a `Repr-Digest` or `Content-Digest` field hold (RFC 9530 §2, §3), of
/// the algorithms that are known here; empty if there are none.
///
/// # Errors
/// [`Malformed`] if the field is no dictionary, or a digest of a known algorithm is not a byte sequence
/// of its length.
pub fn sent<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<(Algorithm, Vec<u8>)>, Malformed> {
    let dictionary = Dictionary::read(lines).ok_or(Malformed)?;
    let mut digests = Vec::new();
    for (key, _) in &dictionary.members {
        let Some(algorithm) = Algorithm::KNOWN.iter().find(|known| known.name() == *key) else {
            continue;
        };
        match dictionary.item(key).map(|item| &item.value) {
            Some(BareItem::Bytes(octets)) if octets.len() == algorithm.digest_bytes() => {
                digests.push((*algorithm, octets.clone()));
            }
            _ => return Err(Malformed),
        }
    }
    Ok(digests)
}

/// The value of a field that holds this one digest: `sha-256=:...:`.
#[must_use]
pub fn field_value(algorithm: Algorithm, digest: &[u8]) -> String {
    let mut out = String::with_capacity(algorithm.name().len() + 3 + digest.len().div_ceil(3) * 4);
    out.push_str(algorithm.name());
    out.push_str("=:");
    base64::encode_into(digest, &mut out);
    out.push(':');
    out
}

/// A digest field breaks its grammar, or a digest has not the length of its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the digest field is malformed")
    }
}

impl core::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted() {
        let of = |text: &'static str| wanted([text.as_bytes()].into_iter());
        assert_eq!(of("sha-256=1"), Some(Algorithm::Sha256));
        assert_eq!(of("sha-512=3, sha-256=10, unixsum=0"), Some(Algorithm::Sha256));
        assert_eq!(of("sha-512=4, sha-256=3"), Some(Algorithm::Sha512));
        assert_eq!(of("sha-512=4, sha-256=4"), Some(Algorithm::Sha256));
        assert_eq!(of("sha-512=3, sha-256=0"), Some(Algorithm::Sha512));
        for nothing in
            ["", "sha-256=0", "md5=10", "sha-256=11", "sha-256=-1", "sha-256", "sha-256=1,"]
        {
            assert_eq!(of(nothing), None, "{nothing}");
        }
        assert_eq!(wanted(core::iter::empty()), None);
    }

    /// A digest of RFC 9530 appendix A, there and back.
    #[test]
    fn what_is_sent() {
        let of = |text: &str| sent([text.as_bytes()].into_iter());
        let text = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        let digests = of(text).unwrap();
        let [(Algorithm::Sha256, octets)] = &digests[..] else { panic!("one digest of SHA-256") };
        assert_eq!(octets[..4], [0x44, 0xaf, 0xf4, 0xab]);
        assert_eq!(field_value(Algorithm::Sha256, octets), text);
        assert_eq!(of(&format!("md5=:AA==:, {text}, x=(1 2)")).unwrap(), digests);
        assert_eq!(of("unixsum=:AA==:").unwrap(), []);
        for wrong in
            ["sha-256=:AA==:", "sha-256=AA==", "sha-256=x", "sha-512", "sha-256=(:AA==:)", "!"]
        {
            assert_eq!(of(wrong), Err(Malformed), "{wrong}");
        }
        assert_eq!(field_value(Algorithm::Sha512, &[0; 64]).len(), "sha-512=::".len() + 88);
    }
}
