//! A log in a file that can be opened anew, so that another program may move it away and begin a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::privileges::Account;

/// A file that lines are added to.
#[derive(Clone, Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    /// Opens the file, or makes it, for `owner` if it is to be another's than this process's.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(path: &Path, owner: Option<&Account>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).mode(0o640);
        let file = match options.clone().create_new(true).open(path) {
            Ok(file) => {
                if let Some(owner) = owner {
                    owner.give(&file)?;
                }
                file
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path)?,
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_path_buf(), file: Arc::new(Mutex::new(file)) })
    }

    /// Opens the file that has the name now, or makes it. What is written from here on goes there.
    ///
    /// # Errors
    /// What the system said: the file that was open stays so.
    pub fn reopen(&self) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&self.path)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for LogFile {
    /// Writes all of it, so that no line is divided between two files.
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(octets).map(|()| octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lines_go_where_the_name_leads_once_it_is_opened_anew() {
        let folder = std::env::temp_dir().join(format!("wherefore-log-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).unwrap();
        let (path, moved) = (folder.join("log"), folder.join("log.1"));
        fs::write(&path, "before\n").unwrap();
        let log = LogFile::open(&path, None).unwrap();
        let mut sink = log.clone();
        sink.write_all(b"one\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        sink.write_all(b"two\n").unwrap();
        log.reopen().unwrap();
        sink.write_all(b"three\n").unwrap();
        assert_eq!(fs::read(&moved).unwrap(), b"before\none\ntwo\n");
        assert_eq!(fs::read(&path).unwrap(), b"three\n");

        // Where it can't be opened anew, the old one is written to.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(log.reopen().is_err());
        assert!(sink.write_all(b"four\n").is_ok());
        fs::remove_dir_all(&folder).unwrap();
    }
}
