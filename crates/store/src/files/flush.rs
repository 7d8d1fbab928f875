//! Flushes of folders, shared by all who wait for one: however many names of a folder change at the same time,
//! the disk is asked once for all that had changed when it is asked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::io::Errno;

/// A folder's device and inode.
pub(super) type Identity = (u64, u64);

/// The folders that somebody waits for. There are never more of them than threads that write.
#[derive(Default)]
pub(super) struct Flushes {
    folders: Mutex<HashMap<Identity, Arc<Folder>>>,
}

#[derive(Default)]
struct Folder {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many are here. The last one to go takes the folder away.
    waiting: usize,
    running: bool,
    /// The flush after the one that is running, if anybody waits for it.
    next: Option<Arc<Flush>>,
}

/// One flush, and those who sleep until it has ended or one of them is to do it. Who waits for another is left
/// alone.
#[derive(Default)]
struct Flush {
    outcome: OnceLock<Result<(), Errno>>,
    wake: Condvar,
    /// How many sleep; it changes under the lock of the folder's state.
    asleep: AtomicUsize,
}

impl Flush {
    fn sleep<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.asleep.fetch_add(1, Ordering::Relaxed);
        let state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        self.asleep.fetch_sub(1, Ordering::Relaxed);
        state
    }

    fn has_sleepers(&self) -> bool {
        self.asleep.load(Ordering::Relaxed) > 0
    }
}

impl Flushes {
    /// Waits until a flush of the folder has ended that began after this was called: done by `flush`, or by that
    /// of somebody else who waits for the same folder. Its error is that of all who waited for it.
    pub(super) fn wait(
        &self,
        folder: Identity,
        flush: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let (shared, ours) = self.enter(folder);
        let _here = Here { flushes: self, folder, shared: &shared };
        let mut state = lock(&shared.state);
        loop {
            if let Some(ended) = ours.outcome.get() {
                return *ended;
            }
            if !state.running {
                break;
            }
            state = ours.sleep(state);
        }
        // Ours has not begun, and none is running: whoever is first does it.
        state.next = None;
        state.running = true;
        drop(state);
        let _running = Running { shared: &shared, flush: &ours };
        *ours.outcome.get_or_init(flush)
    }

    /// How many wait for a folder.
    #[cfg(test)]
    pub(super) fn waiting(&self, folder: Identity) -> usize {
        lock(&self.folders).get(&folder).map_or(0, |shared| lock(&shared.state).waiting)
    }

    /// How many folders somebody waits for.
    #[cfg(test)]
    pub(super) fn folders(&self) -> usize {
        lock(&self.folders).len()
    }

    /// The folder, and the flush to wait for: one that has not begun, since one that is running may have begun
    /// before what the caller did.
    fn enter(&self, folder: Identity) -> (Arc<Folder>, Arc<Flush>) {
        let mut folders = lock(&self.folders);
        let shared = Arc::clone(folders.entry(folder).or_default());
        let mut state = lock(&shared.state);
        state.waiting += 1;
        let ours = Arc::clone(state.next.get_or_insert_default());
        drop(state);
        (shared, ours)
    }
}

/// One who waits for a folder.
struct Here<'f> {
    flushes: &'f Flushes,
    folder: Identity,
    shared: &'f Arc<Folder>,
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        let mut folders = lock(&self.flushes.folders);
        let mut state = lock(&self.shared.state);
        state.waiting -= 1;
        if state.waiting == 0
            && let Entry::Occupied(entry) = folders.entry(self.folder)
        {
            entry.remove();
        }
    }
}

/// A flush that is being done. However it ends, all who wait for it hear of it.
struct Running<'f> {
    shared: &'f Folder,
    flush: &'f Flush,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // One that panicked flushed nothing that could be relied on.
        let _ = self.flush.outcome.set(Err(Errno::IO));
        let mut state = lock(&self.shared.state);
        state.running = false;
        let others = self.flush.has_sleepers();
        // One of those who wait for the next begins it.
        let next = state.next.as_ref().filter(|next| next.has_sleepers()).map(Arc::clone);
        drop(state);
        if others {
            self.flush.wake.notify_all();
        }
        if let Some(next) = next {
            next.wake.notify_one();
        }
    }
}

/// Nothing of ours panics while it holds one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
