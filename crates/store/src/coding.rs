//! Content codings that may stand in a file beside their original.

use wherefore_message::Coding;

use crate::FileInfo;

/// The name, or path, of this coding of `original`.
pub(crate) fn coded_name(coding: Coding, original: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(original.len() + coding.suffix().len());
    write_coded_name(coding, original, &mut name);
    name
}

/// The same, in room that is used again.
pub(crate) fn write_coded_name(coding: Coding, original: &[u8], name: &mut Vec<u8>) {
    name.clear();
    name.extend_from_slice(original);
    name.extend_from_slice(coding.suffix().as_bytes());
}

/// The name, or path, of which `name` would be a stored coding; `name` itself where it is none.
pub(crate) fn original_of(name: &[u8]) -> &[u8] {
    Coding::ALL
        .iter()
        .filter_map(|coding| name.strip_suffix(coding.suffix().as_bytes()))
        .find(|original| !original.is_empty() && !original.ends_with(b"/"))
        .unwrap_or(name)
}

/// The stored codings of a file.
#[derive(Clone, Debug, Default)]
pub struct Codings {
    /// `NAME.br`.
    pub brotli: Option<FileInfo>,
    /// `NAME.zst`.
    pub zstd: Option<FileInfo>,
    /// `NAME.gz`.
    pub gzip: Option<FileInfo>,
}

impl Codings {
    /// The file that holds `coding`.
    #[must_use]
    pub const fn of(&self, coding: Coding) -> Option<&FileInfo> {
        match coding {
            Coding::Brotli => self.brotli.as_ref(),
            Coding::Zstd => self.zstd.as_ref(),
            Coding::Gzip => self.gzip.as_ref(),
        }
    }

    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = (Coding, &FileInfo)> {
        Coding::ALL.into_iter().filter_map(|coding| Some((coding, self.of(coding)?)))
    }

    pub(crate) const fn slot(&mut self, coding: Coding) -> &mut Option<FileInfo> {
        match coding {
            Coding::Brotli => &mut self.brotli,
            Coding::Zstd => &mut self.zstd,
            Coding::Gzip => &mut self.gzip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_and_its_original() {
        for coding in Coding::ALL {
            assert_eq!(original_of(&coded_name(coding, b"/a/b.txt")), b"/a/b.txt");
        }
        assert_eq!(original_of(b"/a/.gz"), b"/a/.gz");
        assert_eq!(original_of(b".br"), b".br");
        assert_eq!(original_of(b"/a.txt"), b"/a.txt");
    }
}
