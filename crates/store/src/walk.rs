//! A path resolved component by component, for systems that can't resolve it beneath a root themselves.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::system::GLANCE;
use crate::{Links, Wait};

/// As many links as Linux follows on one way.
const LINKS_MAX: usize = 40;

/// Opens `path` without leaving `root`. Each component is opened in its folder without following links;
/// links are read and walked as further components, so that none is ever followed by the system.
pub(crate) fn open(
    root: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    links: Links,
    wait: Wait,
) -> Result<OwnedFd, Errno> {
    if wait == Wait::No {
        return Err(Errno::AGAIN);
    }
    let mut ahead: VecDeque<Vec<u8>> = components(path).collect();
    let mut behind: Vec<OwnedFd> = Vec::new();
    let mut links_left = LINKS_MAX;
    while let Some(name) = ahead.pop_front() {
        if name == b".." {
            behind.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let folder = behind.last().map_or(root, AsFd::as_fd);
        if let Some(link) = read_link(folder, &name)? {
            links_left = links_left.checked_sub(1).ok_or(Errno::LOOP)?;
            match links {
                Links::Refuse => return Err(Errno::LOOP),
                Links::Follow if link.starts_with(b"/") => return Err(Errno::XDEV),
                Links::Follow => components(&link).rev().for_each(|part| ahead.push_front(part)),
            }
            continue;
        }
        let last = ahead.is_empty();
        let how = if last { flags } else { GLANCE | OFlags::DIRECTORY };
        let opened = rustix::fs::openat(folder, &*name, how | OFlags::NOFOLLOW, Mode::empty())?;
        if last {
            return Ok(opened);
        }
        behind.push(opened);
    }
    // The way ended in `.` or `..`, so in a folder that was only glanced at.
    rustix::fs::openat(behind.last().map_or(root, AsFd::as_fd), c".", flags, Mode::empty())
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    path.split(|octet| *octet == b'/').filter(|part| !matches!(*part, b"" | b".")).map(Vec::from)
}

fn read_link(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
    match rustix::fs::readlinkat(folder, name, Vec::new()) {
        Ok(link) => Ok(Some(link.into_bytes())),
        Err(Errno::INVAL) => Ok(None),
        Err(error) => Err(error),
    }
}
