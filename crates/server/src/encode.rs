//! Encoding as it is sent: a version of a small file once, however many wait for it, a large one in steps.
//! Whatever stands in the way, there is still the original to be sent.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wherefore_decide::act::Failure;
use wherefore_decide::facts::Representations;
use wherefore_message::coding::Level;
use wherefore_message::path::Path;
use wherefore_message::{Coding, Method};
use wherefore_origin::Origin;
use wherefore_origin::cache::Entry;
use wherefore_origin::encode::{self, EncodeError, Encoded, Encoding, WHOLE_BYTES_MAX};
use wherefore_origin::encoded::{Bounds, Files, Name};
use wherefore_origin::read::{Content, OpenFile};
use wherefore_origin::room::Room;
use wherefore_store::Conflict;

use crate::blocking::WorkError;
use crate::limits::Limits;
use crate::notice;
use crate::reading::{Asked, Stopped};

/// What all cores share of encoding.
#[derive(Debug)]
pub struct Encoders {
    files: Arc<Files>,
    under_way: Mutex<UnderWay>,
}

type UnderWay = HashMap<Name, watch::Receiver<Option<Encoded>>>;

/// Why what could be made is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmade {
    /// It is hardly smaller; nor will it be.
    NotWorth,
    /// There is no memory for it now, or nobody to do it.
    NoRoom,
}

/// A request that may have to wait for an encoding.
enum Turn {
    /// It is there.
    Done(Encoded),
    /// Another request sees to it.
    Wait(watch::Receiver<Option<Encoded>>),
    /// It is this one's to see to.
    Go(Flight),
}

/// The one encoding of a version that is under way. Others wait for it; dropped, they are told that nothing
/// came of it.
struct Flight {
    encoders: Arc<Encoders>,
    name: Name,
    landed: watch::Sender<Option<Encoded>>,
}

impl Encoders {
    /// Nothing encoded yet, within these limits.
    #[must_use]
    pub fn new(limits: &Limits, cores: usize) -> Arc<Self> {
        let files = Files::new(Bounds {
            cache_bytes_max: limits.compress_cache_bytes,
            memory_bytes_max: limits.compress_memory_bytes,
            cores_bytes_max: limits.cache_bytes.saturating_mul(cores as u64),
        });
        Arc::new(Self { files, under_way: Mutex::default() })
    }

    /// Memory for coding what is not kept, if so much is left.
    pub(crate) fn room(&self, bytes: u64) -> Option<Room> {
        self.files.room(bytes)
    }

    fn turn(self: &Arc<Self>, name: &Name) -> Turn {
        let mut under_way = self.under_way();
        if let Some(landed) = under_way.get(name) {
            return Turn::Wait(landed.clone());
        }
        // It may have landed since it was last looked for.
        if let Some(encoded) = self.files.find(name) {
            return Turn::Done(encoded);
        }
        let (landed, receiver) = watch::channel(None);
        under_way.insert(name.clone(), receiver);
        Turn::Go(Flight { encoders: Arc::clone(self), name: name.clone(), landed })
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    fn land(&self, encoded: &Encoded) {
        self.encoders.files.keep(self.name.clone(), encoded.clone());
        self.landed.send_replace(Some(encoded.clone()));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.encoders.under_way().remove(&self.name);
    }
}

impl From<EncodeError> for Stopped {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Store(error) => Self::Store(error),
            EncodeError::Coder(_) => Self::Unmade(Unmade::NoRoom),
        }
    }
}

impl Asked<'_> {
    /// The content of what is made of a file at this level, where this core has it not yet. HEAD makes
    /// nothing, and says the length where it is known.
    pub(crate) async fn made(
        &self,
        origin: &Arc<Origin>,
        path: Path<'_>,
        entry: &Entry,
        all: &Representations,
        level: Level,
    ) -> Result<Content, Stopped> {
        let coding = level.coding();
        let encoders = &self.service.core.encoders;
        let tag = all.in_coding(Some(coding)).tag;
        let name = Name::of(origin.id(), &all.original.tag, &tag);
        if let Some(known) = name.as_ref().and_then(|name| encoders.files.find(name)) {
            return self.encoded(known, entry, coding, name.as_ref());
        }
        if self.request.method != Method::Get {
            return Ok(Content::None);
        }
        let file = OpenFile::clone(&*self.open(origin, path, entry, None).await?);
        if file.length() > WHOLE_BYTES_MAX {
            return self.begin(file, level, name).await;
        }
        let bytes = encode::whole_bytes_max(level, file.length());
        let encoded = match name.as_ref().map(|name| encoders.turn(name)) {
            Some(Turn::Done(encoded)) => encoded,
            Some(Turn::Wait(mut landed)) => match landed.wait_for(Option::is_some).await {
                Ok(encoded) => encoded.clone().ok_or(Unmade::NoRoom)?,
                Err(_) => return Err(Unmade::NoRoom.into()),
            },
            Some(Turn::Go(flight)) => {
                let whole = move || {
                    let encoded = encode::whole(&file, level, tag)?;
                    flight.land(&encoded);
                    Ok(encoded)
                };
                self.by_worker(bytes, whole).await?
            }
            None => self.by_worker(bytes, move || encode::whole(&file, level, tag)).await?,
        };
        self.encoded(encoded, entry, coding, name.as_ref())
    }

    /// Remembers on this core that encoding a file is not worth it, unless the file may yet change without its
    /// tag telling.
    pub(crate) fn forgo(&self, origin: &Origin, path: Path<'_>, entry: &Entry, coding: Coding) {
        if entry.found.representations().is_some_and(|all| !all.original.tag.is_weak()) {
            let entry = entry.withholding(coding);
            self.service.cache.borrow_mut().put(self.name(origin, path), entry);
        }
    }

    /// What was encoded whole. This core keeps it for the next request, if it has a name.
    fn encoded(
        &self,
        encoded: Encoded,
        entry: &Entry,
        coding: Coding,
        name: Option<&Name>,
    ) -> Result<Content, Stopped> {
        let Encoded::File(file) = encoded else { return Err(Unmade::NotWorth.into()) };
        let held = self.service.core.encoders.files.hold(&file).ok_or(Unmade::NoRoom)?;
        let file = Rc::new(held);
        if name.is_some() {
            entry.keep(Some(coding), &file).map_err(|_| Conflict::Changed)?;
        }
        Ok(self.whole(file))
    }

    /// All of what was encoded.
    pub(crate) fn whole(&self, file: Rc<OpenFile>) -> Content {
        match self.request.method {
            Method::Get => Content::whole(file),
            _ => Content::Absent(file.length()),
        }
    }

    /// Takes the first step with a large file: what stands in the way is known before anything is sent.
    async fn begin(
        &self,
        file: OpenFile,
        level: Level,
        name: Option<Name>,
    ) -> Result<Content, Stopped> {
        let files = &self.service.core.encoders.files;
        let room = files.room(Encoding::bytes_max(level)).ok_or(Unmade::NoRoom)?;
        let encoding = self.work_or_not(move || Encoding::begin(file, level, room)).await??;
        if !encoding.is_worth() {
            if let Some(name) = name {
                files.keep(name, Encoded::NotWorth);
            }
            return Err(Unmade::NotWorth.into());
        }
        Ok(Content::Encoding(Box::new(encoding)))
    }

    /// Encodes something on a worker thread, if there is memory for it.
    async fn by_worker(
        &self,
        bytes: u64,
        job: impl FnOnce() -> Result<Encoded, EncodeError> + Send + 'static,
    ) -> Result<Encoded, Stopped> {
        let room = self.service.core.encoders.files.room(bytes).ok_or(Unmade::NoRoom)?;
        let job = move || {
            let _room = room;
            job()
        };
        Ok(self.work_or_not(job).await??)
    }

    /// Does a job on a worker thread, unless they have enough to do.
    async fn work_or_not<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        self.service.core.workers.run(job).await.map_err(|error| match error {
            WorkError::Busy | WorkError::Stopping => Unmade::NoRoom.into(),
            WorkError::Panicked => {
                notice!("encoding panicked; the request that it was for is answered 500");
                Stopped::Failed(Failure::Panicked)
            }
        })
    }
}

impl From<Unmade> for Stopped {
    fn from(unmade: Unmade) -> Self {
        Self::Unmade(unmade)
    }
}

#[cfg(test)]
mod tests {
    use wherefore_message::EntityTag;

    use super::*;
    use crate::tests::on_a_core;

    fn name(origin: u32) -> Name {
        let tag = EntityTag::strong(b"tag");
        Name::of(origin, &tag, &tag).unwrap()
    }

    fn flight(turn: Turn) -> Flight {
        match turn {
            Turn::Go(flight) => flight,
            Turn::Done(_) | Turn::Wait(_) => panic!("another one sees to it"),
        }
    }

    #[test]
    fn one_encodes_and_the_others_wait_for_it() {
        on_a_core(async {
            let encoders = Encoders::new(&Limits::preset(1000, 1), 1);
            let flight = flight(encoders.turn(&name(1)));
            let Turn::Wait(mut landed) = encoders.turn(&name(1)) else { panic!("it waits") };
            assert!(matches!(encoders.turn(&name(2)), Turn::Go(_)), "it is another file");
            let wait = tokio::task::spawn_local(async move {
                landed.wait_for(Option::is_some).await.is_ok_and(|encoded| encoded.is_some())
            });
            // On a worker, and whether or not the one who asked for it is still there.
            std::thread::spawn(move || flight.land(&Encoded::NotWorth)).join().unwrap();
            assert!(wait.await.unwrap());
            assert!(matches!(encoders.turn(&name(1)), Turn::Done(Encoded::NotWorth)));
            assert!(encoders.under_way().is_empty());
        });
    }

    #[test]
    fn those_who_wait_are_told_that_nothing_came_of_it() {
        on_a_core(async {
            let encoders = Encoders::new(&Limits::preset(1000, 1), 1);
            let first = flight(encoders.turn(&name(1)));
            let Turn::Wait(mut landed) = encoders.turn(&name(1)) else { panic!("it waits") };
            drop(first);
            assert!(landed.wait_for(Option::is_some).await.is_err());
            assert!(encoders.under_way().is_empty());
            drop(flight(encoders.turn(&name(1))));
        });
    }
}
