//! Work that may wait on a disk or takes long: done on other threads, so that a core's loop goes on.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

/// A bound on the jobs of one kind that run or wait on worker threads, over all cores.
#[derive(Debug)]
pub struct Workers {
    jobs_max: usize,
    /// For those that run and those that wait.
    places: Arc<Semaphore>,
    /// For those that run: other kinds of jobs have threads of their own.
    threads: Arc<Semaphore>,
}

/// What takes as long to be dropped as a job: it is dropped on a worker thread, wherever it is let go. That
/// counts as no job, since it can't be put off; whatever was begun by one job is dropped by one.
pub(crate) struct OnWorker<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> OnWorker<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value, for whoever may wait.
    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().unwrap_or_else(|| unreachable!("taking it ends this"))
    }
}

impl<T: Send + 'static> Drop for OnWorker<T> {
    fn drop(&mut self) {
        let Some(value) = self.0.take() else { return };
        // Without a runtime there is no loop that would be kept waiting.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(value))),
            Err(_) => drop(value),
        }
    }
}

/// Why a job gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkError {
    /// As many jobs run and wait as may; this one was not begun.
    Busy,
    /// The job panicked.
    Panicked,
    /// The server is stopping; the job was not begun.
    Stopping,
}

impl Workers {
    /// Room for so many jobs that run, on as many threads, and so many that wait.
    #[must_use]
    pub fn new(threads: usize, queue: usize) -> Arc<Self> {
        let jobs_max = threads.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        let threads = Arc::new(Semaphore::new(threads.min(jobs_max)));
        Arc::new(Self { jobs_max, places: Arc::new(Semaphore::new(jobs_max)), threads })
    }

    /// Runs `job` on a worker thread of this core's runtime. A job that has begun runs to its end even
    /// if nobody waits for it any more, and counts until then.
    ///
    /// # Errors
    /// If there is no room, if the job panics, or if the runtime stops before it begins.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| WorkError::Busy)?;
        self.run_at(place, job).await
    }

    /// The same for a job that some answer has to go on with: it waits until there is room, in the order of
    /// those that do.
    ///
    /// # Errors
    /// If the job panics, or if the runtime stops before it begins.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn run_in_turn<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        self.run_at(place.map_err(|_| WorkError::Stopping)?, job).await
    }

    async fn run_at<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let thread = thread.map_err(|_| WorkError::Stopping)?;
        let task = spawn_blocking(move || {
            // Held by the job, not by the one who waits: that one may be gone long before.
            let _held = (place, thread);
            job()
        });
        task.await.map_err(
            |error| {
                if error.is_panic() { WorkError::Panicked } else { WorkError::Stopping }
            },
        )
    }

    /// How many jobs run or wait.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs_max - self.places.available_permits()
    }
}

impl fmt::Display for WorkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the worker threads have as much to do as they may have",
            Self::Panicked => "a job on a worker thread panicked",
            Self::Stopping => "the server is stopping",
        })
    }
}

impl std::error::Error for WorkError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use std::sync::mpsc;

    #[test]
    fn results_come_back() {
        on_a_core(async {
            let workers = Workers::new(1, 0);
            assert_eq!(workers.run(|| 6 * 7).await, Ok(42));
            assert_eq!(workers.run(|| 8).await, Ok(8));
        });
    }

    #[test]
    fn past_the_bound_it_is_busy_until_a_job_ends() {
        on_a_core(async {
            let workers = Workers::new(2, 0);
            let (release, wait) = mpsc::channel::<()>();
            let first = tokio::task::spawn_local({
                let workers = Arc::clone(&workers);
                async move { workers.run(move || wait.recv().is_err()).await }
            });
            while workers.jobs() == 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(workers.run(|| ()).await, Ok(()));
            let _held = workers.places.try_acquire().unwrap();
            assert_eq!(workers.run(|| ()).await, Err(WorkError::Busy));
            drop(release);
            assert_eq!(first.await.unwrap(), Ok(true));
            assert_eq!(workers.run(|| ()).await, Ok(()));
        });
    }

    #[test]
    fn what_waits_for_a_thread_runs_when_one_is_free() {
        on_a_core(async {
            let workers = Workers::new(1, 1);
            let (release, wait) = mpsc::channel::<()>();
            let (began, begun) = mpsc::channel::<()>();
            let first = tokio::task::spawn_local({
                let workers = Arc::clone(&workers);
                async move { workers.run(move || wait.recv().is_err()).await }
            });
            while workers.jobs() == 0 {
                tokio::task::yield_now().await;
            }
            let second = tokio::task::spawn_local({
                let workers = Arc::clone(&workers);
                async move { workers.run(move || began.send(())).await }
            });
            while workers.jobs() == 1 {
                tokio::task::yield_now().await;
            }
            assert_eq!(workers.run(|| ()).await, Err(WorkError::Busy));
            // Jobs of another kind have a thread of their own, and do not wait for this one.
            assert_eq!(Workers::new(1, 0).run(|| 1).await, Ok(1));
            assert!(begun.try_recv().is_err() && !second.is_finished());
            drop(release);
            assert_eq!(first.await.unwrap(), Ok(true));
            assert_eq!(second.await.unwrap(), Ok(Ok(())));
            assert_eq!((begun.try_recv(), workers.jobs()), (Ok(()), 0));
        });
    }

    #[test]
    fn a_job_in_its_turn_waits_until_there_is_room() {
        on_a_core(async {
            let workers = Workers::new(1, 0);
            let held = Arc::clone(&workers.places).try_acquire_owned().unwrap();
            let (began, mut begun) = tokio::sync::oneshot::channel();
            let waiting = tokio::task::spawn_local({
                let workers = Arc::clone(&workers);
                async move { workers.run_in_turn(move || began.send(()).is_ok()).await }
            });
            tokio::task::yield_now().await;
            assert!(begun.try_recv().is_err() && !waiting.is_finished());
            // It goes before those that came later, and do not wait.
            drop(held);
            assert_eq!(workers.run(|| ()).await, Err(WorkError::Busy));
            assert_eq!(waiting.await.unwrap(), Ok(true));
            assert_eq!(workers.run(|| ()).await, Ok(()));
        });
    }

    #[test]
    fn what_is_let_go_on_a_core_is_dropped_by_a_worker() {
        struct Tells(mpsc::Sender<std::thread::ThreadId>);
        impl Drop for Tells {
            fn drop(&mut self) {
                self.0.send(std::thread::current().id()).unwrap();
            }
        }
        let own = std::thread::current().id();
        let (tell, told) = mpsc::channel();
        on_a_core(async {
            drop(OnWorker::new(Tells(tell.clone())));
            assert_ne!(told.recv().unwrap(), own);
            // A job that is not begun lets go of what it was to work on.
            let held = OnWorker::new(Tells(tell.clone()));
            assert_eq!(Workers::new(0, 0).run(move || drop(held)).await, Err(WorkError::Busy));
            assert_ne!(told.recv().unwrap(), own);
            drop(OnWorker::new(Tells(tell.clone())).into_inner());
            assert_eq!(told.recv().unwrap(), own);
        });
        drop(OnWorker::new(Tells(tell)));
        assert_eq!(told.recv().unwrap(), own);
    }

    #[test]
    fn a_panic_is_an_error_and_frees_its_place() {
        on_a_core(async {
            let workers = Workers::new(1, 0);
            let job = || -> u8 { panic!("as a test asks") };
            assert_eq!(workers.run(job).await, Err(WorkError::Panicked));
            assert_eq!(workers.jobs(), 0);
            assert_eq!(workers.run(|| 1).await, Ok(1));
        });
    }

    #[test]
    fn a_job_that_nobody_waits_for_counts_until_it_ends() {
        on_a_core(async {
            let workers = Workers::new(1, 0);
            let (release, wait) = mpsc::channel::<()>();
            let waiting = tokio::task::spawn_local({
                let workers = Arc::clone(&workers);
                async move { workers.run(move || wait.recv().is_err()).await }
            });
            while workers.jobs() == 0 {
                tokio::task::yield_now().await;
            }
            waiting.abort();
            assert!(waiting.await.unwrap_err().is_cancelled());
            assert_eq!(workers.run(|| ()).await, Err(WorkError::Busy));
            drop(release);
            while workers.jobs() > 0 {
                tokio::task::yield_now().await;
            }
        });
    }
}
