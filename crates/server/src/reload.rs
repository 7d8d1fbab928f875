//! Reloading: a new configuration in the place of the old one, while requests go on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::configuration::{Configuration, Current};
use crate::control::Reply;
use crate::notice;
use crate::shutdown::{Shutdown, State};
use crate::systemd::Notify;

/// How many may wait for a reload. They all wait for the same one: the next.
const WAITING_MAX: usize = 16;

/// Makes the next configuration. It may read files and take its time.
pub trait Reload: Send + 'static {
    /// Makes the next configuration from whatever configurations are made of.
    ///
    /// # Errors
    /// Why there is none, for people: the one that holds goes on to hold then.
    fn reload(&mut self) -> Result<Next, String>;
}

impl<F: FnMut() -> Result<Next, String> + Send + 'static> Reload for F {
    fn reload(&mut self) -> Result<Next, String> {
        self()
    }
}

/// What a reload came to.
#[derive(Default)]
pub struct Next {
    /// What holds from now on; none if that is what held before.
    pub configuration: Option<Configuration>,
    /// What people should know, a line each, such as that something takes a restart.
    pub notes: Vec<String>,
}

/// What is to be said when the addresses to listen at are not those that the server was started with.
#[must_use]
pub fn note_of_addresses(started_with: &[SocketAddr], wanted: &[SocketAddr]) -> Option<String> {
    let list = |addresses: &[SocketAddr]| {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        addresses.join(", ")
    };
    let has_all = |all: &[SocketAddr], of: &[SocketAddr]| of.iter().all(|one| all.contains(one));
    let same = has_all(started_with, wanted) && has_all(wanted, started_with);
    (!same).then(|| {
        format!(
            "other addresses to listen at take a restart: they were {}, and would be {}",
            list(started_with),
            list(wanted)
        )
    })
}

/// What a server reloads, and how.
pub struct Reloading {
    /// How.
    pub reload: Box<dyn Reload>,
    /// What.
    pub current: Arc<Current>,
}

/// Asks for reloads.
#[derive(Clone, Debug)]
pub(crate) struct Reloads(mpsc::Sender<Option<oneshot::Sender<Reply>>>);

impl Reloads {
    /// Asks for one, and waits for nothing.
    pub(crate) fn ask(&self) {
        // When there is no room, those that wait will be met by a reload that has not begun.
        let _ = self.0.try_send(None);
    }

    /// Asks for one, and waits for what came of it.
    pub(crate) async fn wait(&self) -> Reply {
        let (reply, answered) = oneshot::channel();
        if self.0.try_send(Some(reply)).is_err() {
            return Reply::failed("too many wait for a reload");
        }
        answered.await.unwrap_or_else(|_| Reply::failed("the server ends"))
    }
}

/// Reloads as often as is asked for, one at a time; what asks, and what does it.
pub(crate) fn reloader(
    reloading: Reloading,
    notify: Option<Arc<Notify>>,
    shutdown: Arc<Shutdown>,
) -> (Reloads, impl Future<Output = ()>) {
    let (asks, asked) = mpsc::channel(WAITING_MAX);
    (Reloads(asks), follow(reloading, asked, notify, shutdown))
}

async fn follow(
    reloading: Reloading,
    mut asked: mpsc::Receiver<Option<oneshot::Sender<Reply>>>,
    notify: Option<Arc<Notify>>,
    shutdown: Arc<Shutdown>,
) {
    let Reloading { reload, current } = reloading;
    let reload = Arc::new(Mutex::new(reload));
    while let Some(first) = asked.recv().await {
        // Whoever asked before it begins is answered by it.
        let mut waiting = vec![first];
        while let Ok(more) = asked.try_recv() {
            waiting.push(more);
        }
        let is_running = || shutdown.state() == State::Running;
        if let Some(notify) = notify.as_ref().filter(|_| is_running()) {
            notify.reloading();
        }
        let (reload, current) = (Arc::clone(&reload), Arc::clone(&current));
        let done = tokio::task::spawn_blocking(move || once(&reload, &current)).await;
        let reply =
            done.unwrap_or_else(|_| Reply::failed("reloading panicked; nothing was changed"));
        for line in reply.lines() {
            notice!("{line}");
        }
        // It serves again, be it as before.
        if let Some(notify) = notify.as_ref().filter(|_| is_running()) {
            notify.ready();
        }
        for one in waiting.into_iter().flatten() {
            // Who asked may have gone.
            let _ = one.send(reply.clone());
        }
    }
}

fn once(reload: &Mutex<Box<dyn Reload>>, current: &Current) -> Reply {
    let mut reload = reload.lock().unwrap_or_else(PoisonError::into_inner);
    match reload.reload() {
        Ok(Next { configuration, notes }) => {
            let mut reply = Reply::done("");
            if let Some(configuration) = configuration {
                current.swap(configuration);
                reply.add("the configuration was reloaded");
            }
            notes.iter().for_each(|note| reply.add(note));
            reply
        }
        Err(why) => {
            let mut reply =
                Reply::failed("the configuration was not reloaded; the one before holds");
            reply.add(&why);
            reply
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::on_a_core;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use tokio::task::{spawn_local, yield_now};
    use wherefore_decide::policy::{Hosts, Site};
    use wherefore_origin::Origin;
    use wherefore_store::MemoryStore;

    fn configuration(name: &str) -> Configuration {
        let site = Site::new(name, Hosts::any(), Vec::new());
        Configuration::of_folder(site, Arc::new(Origin::new(Arc::new(MemoryStore::new()), None)))
    }

    fn started(current: &Arc<Current>, reload: impl Reload) -> Reloads {
        let reloading = Reloading { reload: Box::new(reload), current: Arc::clone(current) };
        let (reloads, following) = reloader(reloading, None, Shutdown::new());
        spawn_local(following);
        reloads
    }

    fn site(current: &Current) -> String {
        current.load().sites.iter().next().unwrap().name.to_string()
    }

    #[test]
    fn a_good_one_takes_the_place_and_a_bad_one_changes_nothing() {
        on_a_core(async {
            let current = Current::new(configuration("first"));
            let mut results = [
                Ok(Next { configuration: Some(configuration("second")), notes: Vec::new() }),
                Err("line 1 is wrong\nline 2 too".to_owned()),
                Ok(Next { configuration: None, notes: vec!["only a note".to_owned()] }),
            ]
            .into_iter();
            let reloads = started(&current, move || match results.next() {
                Some(result) => result,
                None => panic!("as a test asks"),
            });
            let reply = reloads.wait().await;
            assert!(reply.is_done());
            assert_eq!(reply.lines().collect::<Vec<_>>(), ["the configuration was reloaded"]);
            assert_eq!((site(&current).as_str(), current.generation()), ("second", 1));

            let reply = reloads.wait().await;
            assert!(!reply.is_done());
            let lines: Vec<_> = reply.lines().collect();
            assert_eq!(lines[1..], ["line 1 is wrong", "line 2 too"]);
            assert_eq!((site(&current).as_str(), current.generation()), ("second", 1));

            let reply = reloads.wait().await;
            assert!(reply.is_done());
            assert_eq!(reply.lines().collect::<Vec<_>>(), ["only a note"]);
            assert_eq!(current.generation(), 1);

            // A panic is a failure, and no end.
            for _ in 0..2 {
                let reply = reloads.wait().await;
                assert!(reply.lines().any(|line| line.contains("panicked")));
            }
            assert_eq!(site(&current), "second");
        });
    }

    /// Says that it has begun, and goes on when it is let.
    struct Gated(Sender<()>, Receiver<()>, Arc<AtomicUsize>);

    impl Reload for Gated {
        fn reload(&mut self) -> Result<Next, String> {
            self.2.fetch_add(1, Ordering::Relaxed);
            self.0.send(()).unwrap();
            self.1.recv().unwrap();
            Ok(Next::default())
        }
    }

    #[test]
    fn who_asks_while_one_is_under_way_gets_another_and_all_get_the_same() {
        on_a_core(async {
            let current = Current::new(configuration("only"));
            let (begins, begun) = channel();
            let (lets, let_on) = channel();
            let count = Arc::new(AtomicUsize::new(0));
            let reloads = started(&current, Gated(begins, let_on, Arc::clone(&count)));
            reloads.ask();
            while begun.try_recv().is_err() {
                yield_now().await;
            }
            // The first has begun: it may have read what has changed since.
            let waiting: Vec<_> = (0..WAITING_MAX)
                .map(|_| {
                    let reloads = reloads.clone();
                    spawn_local(async move { reloads.wait().await })
                })
                .collect();
            yield_now().await;
            assert!(!reloads.wait().await.is_done(), "their number is bounded");
            lets.send(()).unwrap();
            lets.send(()).unwrap();
            for task in waiting {
                assert!(task.await.unwrap().is_done());
            }
            assert_eq!(count.load(Ordering::Relaxed), 2);
        });
    }

    #[test]
    fn other_addresses_take_a_restart() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let (one, two) = (address(1), address(2));
        assert_eq!(note_of_addresses(&[one, two], &[two, one]), None);
        let note = note_of_addresses(&[one], &[one, two]).unwrap();
        assert!(note.contains("restart") && note.contains("127.0.0.1:2"), "{note}");
        assert!(note_of_addresses(&[one, two], &[two]).is_some());
    }
}
