//! Giving up the rights of root, once what needs them is done, for good and for the whole process.

use std::ffi::CString;
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use nix::unistd::{self, Gid, Group, Uid, User};

/// A user to go on as, with the groups that come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// Whether this process has the rights of root.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

impl Account {
    /// The account of this user, named or by number, with this group in place of its own if one is given.
    ///
    /// # Errors
    /// If the system knows no such user or group, or does not say which group a user has.
    pub fn look_up(user: &str, group: Option<&str>) -> Result<Self, PrivilegesError> {
        let unknown =
            |what: &'static str, name: &str| PrivilegesError::Unknown(what, name.to_owned());
        let entry = match User::from_name(user)? {
            Some(entry) => Some(entry),
            None => match user.parse() {
                Ok(number) => User::from_uid(Uid::from_raw(number))?,
                Err(_) => None,
            },
        };
        let uid = match &entry {
            Some(entry) => entry.uid,
            None => Uid::from_raw(user.parse().map_err(|_| unknown("user", user))?),
        };
        let gid = match (group, &entry) {
            (Some(group), _) => match Group::from_name(group)? {
                Some(group) => group.gid,
                None => Gid::from_raw(group.parse().map_err(|_| unknown("group", group))?),
            },
            (None, Some(entry)) => entry.gid,
            (None, None) => return Err(PrivilegesError::NoGroup(user.to_owned())),
        };
        let groups = match &entry {
            // A group that was named is all that is wanted.
            Some(entry) if group.is_none() => groups_of(&entry.name, gid)?,
            _ => vec![gid],
        };
        let name = entry.map_or_else(|| user.to_owned(), |entry| entry.name);
        Ok(Self { name, uid, gid, groups })
    }

    /// Whether this is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid.is_root()
    }

    /// Becomes this user, so that the process can't become another again, and makes sure of that. To be
    /// called before other threads are started: what they open is then opened as this user.
    ///
    /// # Errors
    /// If that can't be, or could be taken back. Some rights may be given up already then: the process is to
    /// end.
    pub fn assume(&self) -> Result<(), PrivilegesError> {
        if !is_root() {
            return if unistd::getuid() == self.uid && unistd::getgid() == self.gid {
                Ok(())
            } else {
                Err(PrivilegesError::NotRoot(self.name.clone()))
            };
        }
        // The user last: without the rights of root the groups can't be changed.
        #[cfg(target_os = "linux")]
        unistd::setgroups(&self.groups)?;
        unistd::setgid(self.gid)?;
        unistd::setuid(self.uid)?;
        self.make_sure()?;
        // Nor by running a program that has them.
        #[cfg(target_os = "linux")]
        rustix::thread::set_no_new_privs(true).map_err(io::Error::from)?;
        Ok(())
    }

    /// Makes sure that nothing of root is left, nor can be had back.
    #[cfg(target_os = "linux")]
    fn make_sure(&self) -> Result<(), PrivilegesError> {
        let (user, group) = (unistd::getresuid()?, unistd::getresgid()?);
        let mut groups = unistd::getgroups()?;
        groups.retain(|group| !self.groups.contains(group));
        let is_left = [user.real, user.effective, user.saved].iter().any(|uid| *uid != self.uid)
            || [group.real, group.effective, group.saved].iter().any(|gid| *gid != self.gid)
            || !groups.is_empty();
        let root = Uid::from_raw(0);
        let is_had_back =
            !self.is_root() && (unistd::setuid(root).is_ok() || unistd::seteuid(root).is_ok());
        if is_left || is_had_back {
            return Err(PrivilegesError::Kept(self.name.clone()));
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn make_sure(&self) -> Result<(), PrivilegesError> {
        let root = Uid::from_raw(0);
        if !self.is_root() && (unistd::setuid(root).is_ok() || unistd::seteuid(root).is_ok()) {
            return Err(PrivilegesError::Kept(self.name.clone()));
        }
        Ok(())
    }

    /// Makes a folder, if there is none, that is this user's alone. Those above it that are missing are made
    /// too.
    ///
    /// # Errors
    /// What the system said.
    pub fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.symlink_metadata().is_ok() {
            return Ok(());
        }
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o755).create(above)?;
        }
        // Somebody else may have made it since: then it is not given away.
        DirBuilder::new().mode(0o700).create(folder)?;
        std::os::unix::fs::lchown(folder, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }

    /// Gives this user a file that was made for it.
    ///
    /// # Errors
    /// What the system said.
    pub fn give(&self, file: impl AsFd) -> io::Result<()> {
        std::os::unix::fs::fchown(file, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }
}

/// All groups of a user.
#[cfg(target_os = "linux")]
fn groups_of(name: &str, gid: Gid) -> Result<Vec<Gid>, PrivilegesError> {
    let name = CString::new(name).map_err(|_| PrivilegesError::Unknown("user", name.to_owned()))?;
    Ok(unistd::getgrouplist(&name, gid)?)
}

#[cfg(not(target_os = "linux"))]
fn groups_of(_: &str, gid: Gid) -> Result<Vec<Gid>, PrivilegesError> {
    Ok(vec![gid])
}

/// The process can't become the user that it is to be.
#[derive(Debug)]
pub enum PrivilegesError {
    /// There is no such user, or group.
    Unknown(&'static str, String),
    /// The system has no group for this user.
    NoGroup(String),
    /// Only root may become another user.
    NotRoot(String),
    /// Something of root is left.
    Kept(String),
    /// The system does not let it.
    Io(io::Error),
}

impl From<nix::Error> for PrivilegesError {
    fn from(error: nix::Error) -> Self {
        Self::Io(error.into())
    }
}

impl From<io::Error> for PrivilegesError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for PrivilegesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(what, name) => write!(f, "this system has no {what} {name:?}"),
            Self::NoGroup(user) => {
                write!(f, "this system does not know user {user}; say which group too")
            }
            Self::NotRoot(user) => {
                write!(f, "only root may become {user}: start it as root, or as {user}")
            }
            Self::Kept(user) => {
                write!(f, "this process became {user}, and still has rights of root")
            }
            Self::Io(error) => write!(f, "the system does not let it: {error}"),
        }
    }
}

impl std::error::Error for PrivilegesError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_known_by_name_and_by_number() {
        let root = Account::look_up("root", None).unwrap();
        assert!(root.is_root());
        assert_eq!(root, Account::look_up("0", None).unwrap());
        // One that has no entry has the group that it is given, and no other.
        let number = Account::look_up("3999999999", Some("3999999998")).unwrap();
        assert!(!number.is_root());
        assert_eq!((number.uid.as_raw(), number.gid.as_raw()), (3_999_999_999, 3_999_999_998));
        assert_eq!(number.groups, [number.gid]);
    }

    #[test]
    fn a_group_that_is_named_is_the_only_one() {
        let account = Account::look_up("root", Some("3999999998")).unwrap();
        assert_eq!(account.groups, [Gid::from_raw(3_999_999_998)]);
    }

    #[test]
    fn accounts_that_are_none() {
        for (user, group, says) in [
            ("no such user", None, "no user \"no such user\""),
            ("", None, "no user \"\""),
            ("-1", Some("0"), "no user"),
            ("4294967296", Some("0"), "no user"),
            ("root", Some("no such group"), "no group \"no such group\""),
            ("3999999999", None, "say which group"),
        ] {
            let error = Account::look_up(user, group).unwrap_err().to_string();
            assert!(error.contains(says), "{user} {group:?}: {error}");
        }
    }
}
