//! Threads that do jobs in the order in which those come: begun when there is something to do for which none is
//! free, and ended when there was nothing for a while.
//!
//! Whoever hands a job in wakes a thread only after letting go of the lock that it needs, and only one that sleeps:
//! a thread that finds its lock taken as it wakes costs two system calls more.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread waits for something to do.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// What is done on a thread. It must not panic.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// So many threads at most.
pub(super) struct Threads {
    threads_max: usize,
    state: Mutex<State>,
    /// That there is something to do for one that sleeps, or that it is to end.
    wake: Condvar,
    /// That the last one has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Never more than there is room for with whoever hands them in.
    jobs: VecDeque<Job>,
    threads: usize,
    /// How many sleep that nobody has woken.
    asleep: usize,
    /// How many were woken, and have not seen it yet.
    woken: usize,
    stopping: bool,
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("threads_max", &self.threads_max).finish_non_exhaustive()
    }
}

/// The threads are stopping, or there can be none: the job was not begun.
#[derive(Debug)]
pub(super) struct NotBegun;

impl Threads {
    /// None are begun before there is something to do.
    pub(super) fn new(threads_max: usize) -> Arc<Self> {
        let (state, wake, ended) = Default::default();
        Arc::new(Self { threads_max, state, wake, ended })
    }

    /// Has a job done when it is its turn.
    pub(super) fn hand_in(self: &Arc<Self>, job: Job) -> Result<(), NotBegun> {
        let mut state = self.lock();
        if state.stopping || self.threads_max == 0 {
            return Err(NotBegun);
        }
        state.jobs.push_back(job);
        if state.asleep > 0 {
            state.asleep -= 1;
            state.woken += 1;
            drop(state);
            self.wake.notify_one();
        } else if state.threads < self.threads_max {
            state.threads += 1;
            drop(state);
            return self.begin();
        }
        Ok(())
    }

    /// Ends the threads, each after what it is at; what was not begun is let go of.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        self.wake.notify_all();
        // What they hold is nobody's any more, and may take its time to be dropped.
        drop(jobs);
    }

    /// Waits until all have ended that were stopped, or until `deadline`.
    pub(super) fn wait_ended(&self, deadline: Instant) {
        let mut state = self.lock();
        while state.threads > 0 {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            let waited = self.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn begin(self: &Arc<Self>) -> Result<(), NotBegun> {
        let own = Arc::clone(self);
        let thread = thread::Builder::new().name("worker".to_owned());
        if thread.spawn(move || own.work()).is_ok() {
            return Ok(());
        }
        let mut state = self.lock();
        state.threads -= 1;
        if state.threads > 0 {
            // The others get to it.
            return Ok(());
        }
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        drop(jobs);
        Err(NotBegun)
    }

    /// The life of one thread.
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    /// The next job; none if there was none for a while, or there is to be no other: then the thread counts no more.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.stopping {
                return self.leave(state);
            }
            state.asleep += 1;
            let waited = self.wake.wait_timeout(state, IDLE_TIME);
            let (again, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = again;
            if state.woken > 0 {
                state.woken -= 1;
                continue;
            }
            state.asleep -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                return self.leave(state);
            }
        }
    }

    fn leave(&self, mut state: MutexGuard<'_, State>) -> Option<Job> {
        state.threads -= 1;
        if state.threads == 0 {
            self.ended.notify_all();
        }
        None
    }

    /// Nothing of ours panics while it holds this.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn stop(threads: &Threads) {
        threads.stop();
        threads.wait_ended(Instant::now() + Duration::from_secs(10));
        assert_eq!(threads.lock().threads, 0);
    }

    /// Waits until as many sleep as there are threads.
    fn until_asleep(threads: &Threads, count: usize) {
        while threads.lock().asleep != count {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_sleeps_is_woken_and_no_other_begun() {
        let threads = Threads::new(4);
        let (tell, told) = mpsc::channel();
        for round in 0..100 {
            let tell = tell.clone();
            threads.hand_in(Box::new(move || tell.send(round).unwrap())).unwrap();
            assert_eq!(told.recv().unwrap(), round);
            until_asleep(&threads, 1);
            assert_eq!(threads.lock().threads, 1);
        }
        stop(&threads);
    }

    #[test]
    fn jobs_wait_for_one_of_so_many_threads_and_are_done_in_their_order() {
        let threads = Threads::new(2);
        let (tell, told) = mpsc::channel();
        let held: Vec<_> = (0..2)
            .map(|_| {
                let (release, wait) = mpsc::channel::<()>();
                threads.hand_in(Box::new(move || assert!(wait.recv().is_err()))).unwrap();
                release
            })
            .collect();
        for i in 0..5 {
            let tell = tell.clone();
            threads.hand_in(Box::new(move || tell.send(i).unwrap())).unwrap();
        }
        assert_eq!(threads.lock().threads, 2);
        assert!(told.try_recv().is_err(), "both are held");
        let mut held = held.into_iter();
        drop(held.next());
        assert_eq!(told.iter().take(5).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        drop(held);
        stop(&threads);
    }

    #[test]
    fn none_is_lost_however_they_come() {
        const JOBS: usize = 2_000;
        let threads = Threads::new(3);
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            for from in 0..4 {
                let (threads, tell) = (&threads, tell.clone());
                scope.spawn(move || {
                    for i in 0..JOBS {
                        let tell = tell.clone();
                        threads.hand_in(Box::new(move || tell.send((from, i)).unwrap())).unwrap();
                        if i % 7 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        let mut done: Vec<_> = told.iter().take(4 * JOBS).collect();
        done.sort_unstable();
        done.dedup();
        assert_eq!(done.len(), 4 * JOBS);
        let count = threads.lock().threads;
        until_asleep(&threads, count);
        assert_eq!(threads.lock().woken, 0);
        stop(&threads);
    }

    #[test]
    fn what_was_begun_is_done_at_the_end_and_nothing_else() {
        let threads = Threads::new(1);
        let ((release, wait), (tell, told)) = (mpsc::channel::<()>(), mpsc::channel());
        let (begun, began) = mpsc::channel();
        let done = tell.clone();
        let first = move || {
            begun.send(()).unwrap();
            assert!(wait.recv().is_err());
            done.send("first").unwrap();
        };
        threads.hand_in(Box::new(first)).unwrap();
        began.recv().unwrap();
        threads.hand_in(Box::new(move || tell.send("second").unwrap())).unwrap();
        threads.stop();
        assert!(threads.hand_in(Box::new(|| ())).is_err());
        threads.wait_ended(Instant::now());
        assert_eq!(threads.lock().threads, 1, "it is waited for no longer than until then");
        drop(release);
        threads.wait_ended(Instant::now() + Duration::from_secs(10));
        assert_eq!(told.iter().collect::<Vec<_>>(), ["first"]);
        assert!(Threads::new(0).hand_in(Box::new(|| ())).is_err());
    }
}
