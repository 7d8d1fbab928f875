//! The deliveries on the disk, in a file of `redb`.

use std::path::Path;
#[cfg(test)]
use std::path::PathBuf;
use std::time::Duration;

use redb::{
    ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition,
};

use super::delivery::{ClientKey, DeliveryId, UnixMillis};
use super::record::{Letter, Standing};
use super::writer::Order;
use crate::StateError;
#[cfg(test)]
use crate::database::Open;
use crate::database::{DatabaseFile, Form};

const FORM: Form = Form {
    name: "deliveries",
    version: 1,
    begin: |write| {
        write.open_table(LETTERS)?;
        write.open_table(STANDINGS)?;
        write.open_table(FINISHED)?;
        write.open_table(KEYS)?;
        Ok(())
    },
};

/// What is pending, as it was accepted.
const LETTERS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("letters");
/// How it stands with each delivery that is pending or remembered.
const STANDINGS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("standings");
/// What is settled, by when it was, with the key that is forgotten with it; an empty one is none.
const FINISHED: TableDefinition<'_, (u64, u128), &[u8]> = TableDefinition::new("finished");
/// The keys of clients, with what they stand for: a delivery, and by what its request is told from others.
const KEYS: TableDefinition<'_, &[u8], (u128, u128)> = TableDefinition::new("keys");

/// How many are forgotten in one write, for each that is added.
const FORGOTTEN_PER_ORDER: usize = 4;

/// What became of an order.
#[derive(Debug)]
pub(super) enum Entered {
    /// It is so now.
    Stands(Standing),
    /// The same was accepted before.
    Known(DeliveryId),
    /// Something else was accepted under this key.
    KeyReused,
    Read(Option<Box<Letter>>),
    Recovered,
}

/// What one write did.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) entered: Vec<Entered>,
    /// What is remembered no longer.
    pub(super) forgotten: Vec<DeliveryId>,
}

/// How much of what is settled is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) finished_max: usize,
    pub(super) finished_time: Duration,
}

#[derive(Debug)]
pub(super) struct Ledger {
    memory: Memory,
    database: DatabaseFile,
}

impl Ledger {
    pub(super) fn open(folder: &Path, memory: Memory) -> Result<Self, StateError> {
        Ok(Self { memory, database: DatabaseFile::open(folder, &FORM)? })
    }

    #[cfg(test)]
    pub(super) fn open_with(
        file: PathBuf,
        memory: Memory,
        open: Box<Open>,
    ) -> Result<Self, StateError> {
        Ok(Self { memory, database: DatabaseFile::open_with(file, &FORM, open)? })
    }

    pub(super) fn file(&self) -> &Path {
        self.database.file()
    }

    /// A write failed: nothing that is known of the file counts any more.
    pub(super) fn distrust(&mut self) {
        self.database.distrust();
    }

    pub(super) const fn is_distrusted(&self) -> bool {
        self.database.is_distrusted()
    }

    /// How it stands with all of them.
    pub(super) fn standings(&mut self) -> Result<Vec<(DeliveryId, Standing)>, StateError> {
        self.database.with(|database| {
            let table = database.begin_read()?.open_table(STANDINGS)?;
            let mut all = Vec::new();
            for row in table.iter()? {
                let (id, standing) = row?;
                let standing = Standing::read(standing.value()).ok_or_else(malformed)?;
                all.push((DeliveryId::from_number(id.value()), standing));
            }
            Ok(all)
        })
    }

    /// Carries out orders, all in one write. It is on the disk when this returns.
    pub(super) fn enter(&mut self, orders: &[Order]) -> Result<Written, StateError> {
        let memory = self.memory;
        self.database.with(|database| {
            if orders.iter().all(Order::only_reads) {
                let letters = database.begin_read()?.open_table(LETTERS)?;
                let entered = orders.iter().map(|order| match order {
                    Order::Read { id, .. } => read(&letters, *id),
                    _ => Ok(Entered::Recovered),
                });
                let entered = entered.collect::<Result<_, StorageError>>()?;
                return Ok(Written { entered, forgotten: Vec::new() });
            }
            let write = database.begin_write()?;
            let written = {
                let mut page = Page {
                    letters: write.open_table(LETTERS)?,
                    standings: write.open_table(STANDINGS)?,
                    finished: write.open_table(FINISHED)?,
                    keys: write.open_table(KEYS)?,
                };
                let now = orders.iter().filter_map(Order::now).max().unwrap_or_default();
                let forgotten = page.forget(&memory, now, orders.len() * FORGOTTEN_PER_ORDER)?;
                let entered = orders.iter().map(|order| page.enter(order));
                let entered = entered.collect::<Result<_, StorageError>>()?;
                Written { entered, forgotten }
            };
            write.commit()?;
            Ok(written)
        })
    }
}

/// The tables of a write that is going on.
struct Page<'t> {
    letters: Table<'t, u128, &'static [u8]>,
    standings: Table<'t, u128, &'static [u8]>,
    finished: Table<'t, (u64, u128), &'static [u8]>,
    keys: Table<'t, &'static [u8], (u128, u128)>,
}

impl Page<'_> {
    fn enter(&mut self, order: &Order) -> Result<Entered, StorageError> {
        match order {
            Order::Accept { incoming, letter, standing, print, .. } => {
                let id = incoming.id();
                if let Some(key) = letter.request.key.as_ref().map(key_octets) {
                    let known = self.keys.get(&*key)?.map(|known| known.value());
                    if let Some((known, of)) = known {
                        return Ok(if of == *print {
                            Entered::Known(DeliveryId::from_number(known))
                        } else {
                            Entered::KeyReused
                        });
                    }
                    self.keys.insert(&*key, (id.number(), *print))?;
                }
                self.letters.insert(id.number(), &*letter.write())?;
                self.standings.insert(id.number(), &*standing.write())?;
                Ok(Entered::Stands(*standing))
            }
            Order::Settle { lease, standing, .. } => {
                let id = lease.delivery.id.number();
                if let Standing::Finished(finished) = standing {
                    let key = lease.delivery.request.key.as_ref().map(key_octets);
                    self.finished.insert((finished.at.0, id), &*key.unwrap_or_default())?;
                    self.letters.remove(id)?;
                }
                self.standings.insert(id, &*standing.write())?;
                Ok(Entered::Stands(*standing))
            }
            Order::Read { id, .. } => read(&self.letters, *id),
            Order::Recover { .. } => Ok(Entered::Recovered),
        }
    }

    /// Forgets what was settled long ago, and the oldest of too many.
    fn forget(
        &mut self,
        memory: &Memory,
        now: UnixMillis,
        most: usize,
    ) -> Result<Vec<DeliveryId>, StorageError> {
        let mut forgotten = Vec::new();
        while forgotten.len() < most {
            let is_full = self.finished.len()? > memory.finished_max as u64;
            let Some((at, id, key)) = self.finished.first()?.map(|(first, key)| {
                let (at, id) = first.value();
                (UnixMillis(at), id, key.value().to_vec())
            }) else {
                break;
            };
            if !is_full && now.since(at) < memory.finished_time {
                break;
            }
            self.finished.remove((at.0, id))?;
            self.standings.remove(id)?;
            if !key.is_empty() {
                self.keys.remove(&*key)?;
            }
            forgotten.push(DeliveryId::from_number(id));
        }
        Ok(forgotten)
    }
}

fn read(
    letters: &impl ReadableTable<u128, &'static [u8]>,
    id: DeliveryId,
) -> Result<Entered, StorageError> {
    let letter = letters.get(id.number())?;
    let letter = letter.map(|letter| Letter::read(letter.value()).ok_or_else(malformed));
    Ok(Entered::Read(letter.transpose()?.map(Box::new)))
}

/// A client's key with whose it is, so that no two are taken for one another.
fn key_octets(key: &ClientKey) -> Vec<u8> {
    let mut octets = (key.principal.len() as u32).to_le_bytes().to_vec();
    octets.extend_from_slice(&key.principal);
    octets.extend_from_slice(&key.key);
    octets
}

fn malformed() -> StorageError {
    StorageError::Corrupted("a record of a delivery can't be read".into())
}
