//! Why state can't be opened or kept, said to whoever runs the server.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Why state can't be opened or kept.
#[derive(Debug)]
pub enum StateError {
    /// Another process uses the folder.
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The process, as far as it is known.
        pid: Option<u32>,
    },
    /// A file has a form that this program does not know, most likely a later one.
    UnknownVersion {
        /// The file.
        file: PathBuf,
        /// The version it says.
        version: String,
    },
    /// A file is there that this program did not write.
    NotOurs {
        /// The file.
        file: PathBuf,
    },
    /// A file of ours does not hold together, or can't be written any more.
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The path is longer than is kept.
    TooLong,
    /// What the system said.
    Io {
        /// The file or folder it is about.
        file: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl StateError {
    /// Says which file an error is about.
    pub(crate) fn io(file: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io { file: file.to_path_buf(), error }
    }

    /// The same, for another who has to be told.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Locked { folder, pid } => Self::Locked { folder: folder.clone(), pid: *pid },
            Self::UnknownVersion { file, version } => {
                Self::UnknownVersion { file: file.clone(), version: version.clone() }
            }
            Self::NotOurs { file } => Self::NotOurs { file: file.clone() },
            Self::Damaged { file, what } => {
                Self::Damaged { file: file.clone(), what: what.clone() }
            }
            Self::TooLong => Self::TooLong,
            Self::Io { file, error } => {
                let error = io::Error::new(error.kind(), error.to_string());
                Self::Io { file: file.clone(), error }
            }
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { folder, pid } => {
                write!(f, "the state in {} is in use by ", folder.display())?;
                match pid {
                    Some(pid) => write!(f, "process {pid}"),
                    None => f.write_str("another process"),
                }
            }
            Self::UnknownVersion { file, version } => {
                let file = file.display();
                write!(f, "{file} has the form of version {version}, which this program can't read")
            }
            Self::NotOurs { file } => {
                write!(f, "{} was written by another program", file.display())
            }
            Self::Damaged { file, what } => {
                write!(f, "{} is damaged or can't be written: {what}", file.display())
            }
            Self::TooLong => f.write_str("the path is longer than is kept"),
            Self::Io { file, error } => write!(f, "{}: {error}", file.display()),
        }
    }
}

impl std::error::Error for StateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// For callers whose own work failed with it.
impl From<StateError> for io::Error {
    fn from(error: StateError) -> Self {
        let kind = match &error {
            StateError::Io { error, .. } => error.kind(),
            StateError::Locked { .. } => io::ErrorKind::ResourceBusy,
            StateError::TooLong => io::ErrorKind::InvalidFilename,
            StateError::UnknownVersion { .. }
            | StateError::NotOurs { .. }
            | StateError::Damaged { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
