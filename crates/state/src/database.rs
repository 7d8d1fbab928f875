//! A file of `redb`: made whole or not at all, of a form that is known, and opened again after a write that failed.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, TableDefinition, TableError, WriteTransaction,
};

use crate::StateError;

/// How every file of the library begins.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const CACHE_BYTES: usize = 1 << 24;

/// What a file is, and in which form.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("wherefore");

/// What is kept in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// What it says it is, and how the file is called but for its ending.
    pub(crate) name: &'static str,
    pub(crate) version: u64,
    /// Makes its tables.
    pub(crate) begin: fn(&WriteTransaction) -> Result<(), redb::Error>,
}

pub(crate) struct DatabaseFile {
    file: PathBuf,
    open: Box<Open>,
    /// None if a write failed: what is on the disk is to be seen by opening it again.
    database: Option<Database>,
}

pub(crate) type Open = dyn Fn() -> Result<Database, DatabaseError> + Send;

impl DatabaseFile {
    /// Opens the file in `folder`, which belongs to the caller alone, and makes it if it is not there.
    pub(crate) fn open(folder: &Path, form: &Form) -> Result<Self, StateError> {
        let file = folder.join(format!("{}.redb", form.name));
        if !fs::exists(&file).map_err(StateError::io(&file))? {
            make(folder, &file, form)?;
        }
        let mut begin = Vec::new();
        let read = File::open(&file)
            .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
        read.map_err(StateError::io(&file))?;
        if begin != MAGIC {
            return Err(StateError::NotOurs { file });
        }
        let path = file.clone();
        let open = move || {
            // What is kept is worth reading the whole file once: damage is an error then, never a panic.
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
            builder.open(&path)
        };
        Self::open_with(file, form, Box::new(open))
    }

    pub(crate) fn open_with(
        file: PathBuf,
        form: &Form,
        open: Box<Open>,
    ) -> Result<Self, StateError> {
        let mut opened = Self { file, open, database: None };
        opened.check(form)?;
        Ok(opened)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A write failed: nothing that is known of the file counts any more.
    pub(crate) fn distrust(&mut self) {
        self.database = None;
    }

    pub(crate) const fn is_distrusted(&self) -> bool {
        self.database.is_none()
    }

    /// Works with what is open; opens it first if it is distrusted.
    pub(crate) fn with<T>(
        &mut self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StateError> {
        let worked = self.database().and_then(work);
        worked.map_err(|error| self.told(error))
    }

    fn database(&mut self) -> Result<&Database, redb::Error> {
        let opened = match self.database.take() {
            Some(opened) => opened,
            None => (self.open)()?,
        };
        Ok(self.database.insert(opened))
    }

    fn check(&mut self, form: &Form) -> Result<(), StateError> {
        let version = self.with(|database| {
            let about = match database.begin_read()?.open_table(ABOUT) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                about => about?,
            };
            Ok(about.get(form.name)?.map(|version| version.value()))
        })?;
        let file = self.file.clone();
        match version {
            Some(version) if version == form.version => Ok(()),
            Some(other) => Err(StateError::UnknownVersion { file, version: other.to_string() }),
            None => Err(StateError::NotOurs { file }),
        }
    }

    fn told(&self, error: redb::Error) -> StateError {
        let file = self.file.clone();
        match error {
            redb::Error::Io(error) => StateError::Io { file, error },
            redb::Error::DatabaseAlreadyOpen => StateError::Locked { folder: file, pid: None },
            redb::Error::UpgradeRequired(version) => {
                StateError::UnknownVersion { file, version: format!("{version} of redb") }
            }
            error => StateError::Damaged { file, what: error.to_string() },
        }
    }
}

impl fmt::Debug for DatabaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseFile").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Makes the file under another name first: one that has its name is whole.
fn make(folder: &Path, file: &Path, form: &Form) -> Result<(), StateError> {
    let path = folder.join(format!("{}.redb.new", form.name));
    let write = || -> Result<(), redb::Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let database = Database::builder().create(&path)?;
        let write = database.begin_write()?;
        write.open_table(ABOUT)?.insert(form.name, form.version)?;
        (form.begin)(&write)?;
        write.commit()?;
        database.close()?;
        Ok(())
    };
    write().map_err(|error| StateError::io(&path)(io::Error::other(error)))?;
    fs::rename(&path, file)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(StateError::io(folder))
}
