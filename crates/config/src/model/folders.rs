//! Folders that routes serve: which routes mean the same one, and which would get in each other's way.

use std::path::{Path, PathBuf};

use wherefore_decide::policy::Index;

use super::Lowering;
use crate::complaint::Complaint;
use crate::source::{Placed, Span};
use crate::value::Links;

/// A folder that routes serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is, and where it is first named.
    pub path: Placed<PathBuf>,
    /// Whether a route writes to it, and where that is said.
    pub writable: Option<Span>,
    /// Whether a route takes forms into it.
    pub is_inbox: bool,
    /// Whether links in it are followed, where a route says so.
    pub links: Option<Placed<Links>>,
    /// The most octets that it may hold.
    pub quota_bytes: Option<Placed<u64>>,
    /// The files that are sent for a folder in it, where a route says so: the first that is there.
    pub index: Option<Placed<Vec<String>>>,
}

impl Folder {
    /// Whether links in it are followed.
    #[must_use]
    pub fn links(&self) -> Links {
        self.links.as_ref().map_or(Links::Follow, |links| links.value)
    }

    /// Takes in what another route says of the same folder.
    pub fn join(&mut self, other: &Self) {
        self.writable = self.writable.or(other.writable);
        self.is_inbox |= other.is_inbox;
        self.links = self.links.or(other.links);
        self.quota_bytes = self.quota_bytes.or(other.quota_bytes);
        self.index = self.index.take().or_else(|| other.index.clone());
    }
}

/// What is said of one folder in two ways, and of folders that stand in one another. Paths are compared as they
/// are given: whoever can follow links, does so before.
#[must_use]
pub fn contradictions(folders: &[(PathBuf, &Folder)]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut sorted: Vec<&(PathBuf, &Folder)> = folders.iter().collect();
    // Stable, so that of equal paths the one that stands first in the file comes first.
    sorted.sort_by(|one, two| one.0.cmp(&two.0));
    let mut around: Vec<&(PathBuf, &Folder)> = Vec::new();
    for inner in sorted {
        while around.last().is_some_and(|outer| !inner.0.starts_with(&outer.0)) {
            around.pop();
        }
        for outer in &around {
            if outer.0 == inner.0 {
                said_twice(outer.1, inner.1, &mut complaints);
            } else {
                nested(outer.1, inner.1, &mut complaints);
            }
        }
        around.push(inner);
    }
    complaints
}

fn said_twice(one: &Folder, two: &Folder, complaints: &mut Vec<Complaint>) {
    if let (Some(first), Some(second)) = (one.links, two.links)
        && first.value != second.value
    {
        complaints.push(otherwise(second.span, first.span, "whether links are followed"));
    }
    if let (Some(first), Some(second)) = (one.quota_bytes, two.quota_bytes)
        && first.value != second.value
    {
        complaints.push(otherwise(second.span, first.span, "how much it may hold"));
    }
    if let (Some(first), Some(second)) = (&one.index, &two.index)
        && first.value != second.value
    {
        complaints.push(otherwise(second.span, first.span, "which file is sent for a folder"));
    }
}

fn otherwise(second: Span, first: Span, of: &str) -> Complaint {
    let what = format!("another route says otherwise of this folder: {of}");
    Complaint::error(second, what)
        .right("the same in both, or in one of them alone")
        .related(first, "it is said here")
}

fn nested(outer: &Folder, inner: &Folder, complaints: &mut Vec<Complaint>) {
    if let (Some(around), Some(_)) = (outer.writable, inner.writable) {
        let what = "this folder stands in another one, and both are written to";
        complaints.push(
            Complaint::error(inner.path.span, what)
                .right("the outer folder in both routes, with `rewrite` in this one")
                .related(around, "the outer one is written to here"),
        );
    }
    if let (Links::Follow, Some(Placed { value: Links::Refuse, span })) =
        (outer.links(), inner.links)
    {
        let what = "links are refused here, and followed in the folder around it";
        complaints.push(
            Complaint::error(span, what)
                .right("links = \"refuse\" there as well")
                .related(outer.path.span, "the folder around it"),
        );
    }
}

impl Lowering<'_, '_> {
    /// The number of a folder; routes that name the same one share it.
    pub(super) fn folder_number(&mut self, folder: Folder) -> Index {
        let path: &Path = &folder.path.value;
        if let Some(number) = self.folder_numbers.get(path).copied() {
            if let Some(known) = self.folders.get_mut(usize::from(number)) {
                let mut found = Vec::new();
                said_twice(known, &folder, &mut found);
                known.join(&folder);
                found.into_iter().for_each(|complaint| self.complain(complaint));
            }
            return number;
        }
        let number = self.number(self.folders.len(), folder.path.span);
        self.folder_numbers.insert(folder.path.value.clone(), number);
        self.folders.push(folder);
        number
    }

    /// The number of what has so many before it.
    pub(super) fn number(&mut self, before: usize, span: Span) -> Index {
        Index::try_from(before).unwrap_or_else(|_| {
            let what = format!("there are more than {} of these", Index::MAX);
            self.complain(Complaint::error(span, what).right("several servers"));
            Index::MAX
        })
    }
}
