//! A file of records that only grows, until it is written anew.
//!
//! It is not kept in `redb`, as balances are: whoever may only read must see it while another process
//! writes, and also after that was killed, when `redb` opens no file that nobody has mended by writing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StateError;
use crate::record::Record;

const FORM: &str = "wherefore tombstones ";
const HEADER: &[u8] = b"wherefore tombstones 1\n";
const NAME: &str = "tombstones.log";
/// The name under which it is written anew.
const NAME_NEW: &str = "tombstones.log.new";
/// Below this size it is never written anew.
const REWRITE_BYTES_MIN: u64 = 1 << 16;

#[derive(Debug)]
pub(crate) struct Log {
    file: Arc<File>,
    folder: PathBuf,
    bytes: u64,
    /// Its size when it was last written anew.
    bytes_then: u64,
    /// What stands in the file may differ from what we think: nothing is appended before it is written anew.
    damaged: bool,
}

impl Log {
    /// Opens the log in `folder`, made if it is not there, and hands each record to `replay`. Says how
    /// many octets at its end were no whole and sound record; they are cut off.
    pub(crate) fn open(
        folder: &Path,
        mut replay: impl FnMut(Record<'_>),
    ) -> Result<(Self, u64), StateError> {
        let path = folder.join(NAME);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(StateError::io(&path))?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(StateError::io(&path))?;
        let mut log = Self {
            file: Arc::new(file),
            folder: folder.to_path_buf(),
            bytes: content.len() as u64,
            bytes_then: 0,
            damaged: false,
        };
        // A crash while it was made leaves a part of its first line, with nothing in it to lose.
        if is_begun(&content) {
            log.rewrite(&[])?;
            return Ok((log, 0));
        }
        let cut_off = replay_all(&content, &path, &mut replay)?;
        if cut_off > 0 {
            log.bytes -= cut_off;
            let cut = log.file.set_len(log.bytes).and_then(|()| log.file.sync_all());
            cut.map_err(StateError::io(&path))?;
        }
        log.bytes_then = log.bytes;
        Ok((log, cut_off))
    }

    /// Hands each record of the log in `folder` to `replay`, and leaves the log as it is: another process
    /// may be writing it. Where it is not there, there are none.
    pub(crate) fn read(
        folder: &Path,
        mut replay: impl FnMut(Record<'_>),
    ) -> Result<(), StateError> {
        let path = folder.join(NAME);
        let content = match std::fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // A folder is not there either below what is none; a file in its own place is a mistake.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory && !folder.exists() => {
                return Ok(());
            }
            Err(error) => return Err(StateError::io(&path)(error)),
        };
        if is_begun(&content) {
            return Ok(());
        }
        // What is not whole yet at its end is being written.
        replay_all(&content, &path, &mut replay).map(|_| ())
    }

    /// Appends a record, or leaves the file as it was. It is durable once [`Log::file`] is synced.
    pub(crate) fn append(&mut self, record: &Record<'_>) -> Result<(), StateError> {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        if let Err(error) = self.file.write_all_at(&bytes, self.bytes) {
            self.damaged |= self.file.set_len(self.bytes).is_err();
            return Err(StateError::io(&self.path())(error));
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// The file, to be synced while others append.
    pub(crate) fn file(&self) -> Arc<File> {
        self.file.clone()
    }

    /// A sync failed: what was appended may or may not be on the disk.
    pub(crate) const fn distrust(&mut self) {
        self.damaged = true;
    }

    /// Whether it must be written anew before anything is appended.
    pub(crate) const fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether it has doubled since it was last written anew.
    pub(crate) fn is_long(&self) -> bool {
        self.bytes > REWRITE_BYTES_MIN.max(self.bytes_then.saturating_mul(2))
    }

    /// Writes it anew with just these `records`, durably. Fails with the old one still in use, unless
    /// [`Log::is_damaged`] says that it must be tried again.
    pub(crate) fn rewrite(&mut self, records: &[Record<'_>]) -> Result<(), StateError> {
        let path = self.folder.join(NAME_NEW);
        let mut content = HEADER.to_vec();
        records.iter().for_each(|record| record.write(&mut content));
        let write = || -> io::Result<File> {
            let mut options = OpenOptions::new();
            let options = options.read(true).write(true).create(true).truncate(true).mode(0o600);
            let file = options.open(&path)?;
            file.write_all_at(&content, 0)?;
            file.sync_all()?;
            Ok(file)
        };
        // Next tried when it has doubled again, whether this succeeds or not.
        self.bytes_then = self.bytes;
        let file = write().map_err(StateError::io(&path))?;
        // Should this fail halfway, our file may no longer be the one that has the name.
        self.damaged = true;
        std::fs::rename(&path, self.path())
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(StateError::io(&self.path()))?;
        self.damaged = false;
        self.file = Arc::new(file);
        self.bytes = content.len() as u64;
        self.bytes_then = self.bytes;
        Ok(())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }
}

/// Whether not even the first line is whole.
fn is_begun(content: &[u8]) -> bool {
    HEADER.starts_with(content) && content != HEADER
}

/// Hands each whole and sound record to `replay`; says how many octets are left after them.
fn replay_all(
    content: &[u8],
    path: &Path,
    replay: &mut impl FnMut(Record<'_>),
) -> Result<u64, StateError> {
    let mut rest = check_header(content, path)?;
    while let Some((record, used)) = Record::read(rest) {
        replay(record);
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(rest.len() as u64)
}

/// What stands after the first line.
fn check_header<'c>(content: &'c [u8], path: &Path) -> Result<&'c [u8], StateError> {
    if let Some(records) = content.strip_prefix(HEADER) {
        return Ok(records);
    }
    let file = path.to_path_buf();
    let Some(version) = content.strip_prefix(FORM.as_bytes()) else {
        return Err(StateError::NotOurs { file });
    };
    let version = version.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let version = version.get(..version.len().min(20)).unwrap_or_default();
    let version = String::from_utf8_lossy(version).into_owned();
    Err(StateError::UnknownVersion { file, version })
}
