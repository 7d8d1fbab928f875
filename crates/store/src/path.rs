//! The paths that a store takes. They arrive decoded and normalised, and are checked all the same.

use crate::StoreError;

/// A checked path: `/`, or `/` and segments that name one thing each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourcePath<'a>(&'a [u8]);

impl<'a> ResourcePath<'a> {
    pub(crate) const ROOT: ResourcePath<'static> = ResourcePath(b"/");

    pub(crate) fn parse(path: &'a [u8]) -> Result<Self, StoreError> {
        let rest = path.strip_prefix(b"/").ok_or(StoreError::Invalid)?;
        let whole = rest.is_empty() || rest.split(|octet| *octet == b'/').all(is_segment);
        if whole { Ok(Self(path)) } else { Err(StoreError::Invalid) }
    }

    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn is_root(self) -> bool {
        self.0 == b"/"
    }

    /// The path as seen from the root's own folder, for the system.
    pub(crate) fn relative(self) -> &'a [u8] {
        match self.0.strip_prefix(b"/") {
            None | Some(b"") => b".",
            Some(rest) => rest,
        }
    }

    /// The folder above, and the name in it; none for the root.
    pub(crate) fn split(self) -> Option<(Self, &'a [u8])> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|octet| *octet == b'/')?;
        let (above, name) = self.0.split_at_checked(slash)?;
        let above = if above.is_empty() { &b"/"[..] } else { above };
        Some((Self(above), name.get(1..)?))
    }

    /// The path of the member `name`.
    pub(crate) fn member(self, name: &[u8]) -> Vec<u8> {
        let above = if self.is_root() { &b""[..] } else { self.0 };
        [above, b"/", name].concat()
    }

    /// Its segments, outermost first.
    pub(crate) fn segments(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.0.split(|octet| *octet == b'/').filter(|segment| !segment.is_empty())
    }
}

/// Whether `name` may stand between two slashes and means a member there.
pub(crate) fn is_segment(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.iter().any(|octet| matches!(octet, 0 | b'/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_path() {
        for wrong in
            ["", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/a\0b", "../a"]
        {
            assert!(ResourcePath::parse(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        for right in ["/", "/a", "/a/b.txt", "/...", "/ ", "/.a/..b"] {
            assert!(ResourcePath::parse(right.as_bytes()).is_ok(), "{right:?}");
        }
    }

    proptest! {
        #[test]
        fn splitting_and_joining_are_inverse(path in "(/[a.%-]{0,3}){0,4}") {
            let Ok(path) = ResourcePath::parse(path.as_bytes()) else { return Ok(()) };
            match path.split() {
                None => prop_assert!(path.is_root()),
                Some((above, name)) => {
                    prop_assert!(is_segment(name));
                    prop_assert!(ResourcePath::parse(above.as_bytes()).is_ok());
                    prop_assert_eq!(above.member(name), path.as_bytes());
                    prop_assert_eq!(path.segments().last(), Some(name));
                }
            }
        }
    }
}
