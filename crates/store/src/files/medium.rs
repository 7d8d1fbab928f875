//! What the folder lies on. Of what lies in memory nothing waits for a disk, and nothing outlives a crash of the
//! machine that a flush could save.

use std::os::fd::AsFd;

use crate::meta::Meta;
use crate::{Medium, system};

/// What the file system of the root is kept on, and its device: what is mounted within the root may be kept on
/// anything, and counts as being on a disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    device: u64,
    medium: Medium,
}

impl Media {
    /// What an opened root lies on.
    pub(super) fn of(root: impl AsFd, meta: &Meta) -> Self {
        Self { device: meta.device, medium: system::medium(root.as_fd()) }
    }

    /// A root whose every step is to reach the disk, whatever it lies on.
    #[cfg(test)]
    pub(super) const DISK: Self = Self { device: 0, medium: Medium::Disk };

    /// What the root lies on.
    pub(super) const fn of_root(self) -> Medium {
        self.medium
    }

    /// What something lies on that is on `device`.
    pub(super) const fn of_device(self, device: u64) -> Medium {
        if device == self.device { self.medium } else { Medium::Disk }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_within_counts_as_being_on_a_disk() {
        let media = Media { device: 7, medium: Medium::Memory };
        assert_eq!(media.of_root(), Medium::Memory);
        assert_eq!(media.of_device(7), Medium::Memory);
        assert_eq!(media.of_device(8), Medium::Disk);
        let media = Media { device: 7, medium: Medium::Disk };
        assert_eq!([media.of_device(7), media.of_device(8)], [Medium::Disk; 2]);
    }
}
