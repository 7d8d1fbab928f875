//! What was accepted for later: it is handed to upstreams as it falls due, several at the same time, until each is
//! taken or given up. One core delivers for all. Each destination has an equal share of the places: one that takes for
//! ever holds up no other. What is under way when the server ends is delivered again by the next.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::spawn_local;
use wherefore_decide::upstream::Lost;
use wherefore_message::later::{Lasts, Receipt, Setback, receipt, retry_after};
use wherefore_message::{Cause, FieldLines, FieldName, Method, Status};
use wherefore_state::StateError;
use wherefore_state::deliveries::{
    Content, Deliveries, Delivery, DeliverySettings, Due, Lease, Next, Refused, UnixMillis,
};

use crate::configuration::{Configuration, Current};
use crate::gateway::{Errand, ErrandContent, Gateway, hand_over};
use crate::notice;
use crate::notice::Seldom;
use crate::service::Service;
use crate::shutdown::{State, Watch};

/// After so long it is looked whether something is due, whatever was known before: the clock may have been set.
const LOOK_AGAIN_TIME: Duration = Duration::from_secs(60);
/// For how long what is no longer said where to go is left alone, unless a reload says it again.
const SET_ASIDE_TIME: Duration = Duration::from_secs(60);
/// How long is waited when the queue can't be read or written.
const UNREADABLE_TIME: Duration = Duration::from_secs(5);

/// What was accepted for later, over all cores and over every swap of the configuration.
#[derive(Debug)]
pub struct Outbox {
    pub(crate) deliveries: Deliveries,
    /// The most octets of the content of one.
    pub(crate) content_bytes_max: u64,
    /// How many are delivered at the same time.
    at_once_max: usize,
    /// Something was accepted, or is no longer under way.
    changed: Notify,
}

impl Outbox {
    /// Opens what is kept in this folder of state, of which so many are delivered at the same time.
    ///
    /// # Errors
    /// As [`Deliveries::open`].
    pub fn open(
        folder: &Path,
        settings: DeliverySettings,
        at_once_max: usize,
    ) -> Result<Arc<Self>, StateError> {
        let content_bytes_max = settings.bounds.content_bytes_max;
        let deliveries = Deliveries::open(folder, settings)?;
        let changed = Notify::new();
        Ok(Arc::new(Self { deliveries, content_bytes_max, at_once_max, changed }))
    }

    /// How many wait to be delivered.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.deliveries.pending()
    }

    /// Something was accepted.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }
}

/// Delivers what falls due, until the server drains.
pub(crate) async fn deliver(service: Weak<Service>, outbox: Arc<Outbox>) {
    let beside = service
        .upgrade()
        .map(|service| (service.core.shutdown.watch(), service.configuration.current()));
    let Some((watch, current)) = beside else { return };
    let mut generation = current.generation();
    let places = Arc::new(Semaphore::new(outbox.at_once_max.max(1)));
    let under_way = UnderWay::new(&outbox);
    let mut share = share(outbox.at_once_max, &current.load());
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Some(service) = service.upgrade() else { return };
        if service.core.shutdown.state() > State::Running {
            return;
        }
        if generation != current.generation() {
            generation = current.generation();
            share = self::share(outbox.at_once_max, &current.load());
            outbox.deliveries.call_back(Setback::NoDestination, now(&service));
        }
        let wait = match lease(&service, &outbox).await {
            Some(Due::Now(lease)) => {
                let destination = lease.delivery().request.destination.clone();
                let Some(going) = under_way.begin(destination, share) else {
                    outbox.deliveries.shelve(*lease);
                    continue;
                };
                let outbox = Arc::clone(&outbox);
                spawn_local(async move {
                    try_once(&service, &outbox, *lease).await;
                    drop((going, place));
                    outbox.wake();
                });
                continue;
            }
            Some(Due::At(at)) => at.since(now(&service)).min(LOOK_AGAIN_TIME),
            Some(Due::Nothing) => LOOK_AGAIN_TIME,
            None => UNREADABLE_TIME,
        };
        drop((place, service));
        if wait_for_more(&outbox, &current, &watch, wait).await == More::Never {
            return;
        }
    }
}

/// How many may be under way to one destination: places are divided evenly between those that routes deliver to.
fn share(at_once_max: usize, configuration: &Configuration) -> usize {
    let routes = configuration.sites.iter().flat_map(|site| site.routes());
    let gateways = routes.filter_map(|route| {
        let later = route.later.as_ref()?;
        configuration.gateway(later.destination)
    });
    let names: BTreeSet<&str> = gateways.map(|gateway| &*gateway.name).collect();
    (at_once_max / names.len().max(1)).max(1)
}

/// How many deliveries are under way, by destination.
struct UnderWay {
    outbox: Arc<Outbox>,
    counts: Rc<RefCell<HashMap<Box<str>, usize>>>,
}

/// A delivery that is under way. Dropping it says that it has ended.
struct Going {
    outbox: Arc<Outbox>,
    counts: Rc<RefCell<HashMap<Box<str>, usize>>>,
    destination: Box<str>,
}

impl UnderWay {
    fn new(outbox: &Arc<Outbox>) -> Self {
        Self { outbox: Arc::clone(outbox), counts: Rc::default() }
    }

    /// One more to this destination, if so many are not under way to it already.
    fn begin(&self, destination: Box<str>, share: usize) -> Option<Going> {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry(destination.clone()).or_default();
        if *count >= share {
            return None;
        }
        *count += 1;
        let (outbox, counts) = (Arc::clone(&self.outbox), Rc::clone(&self.counts));
        Some(Going { outbox, counts, destination })
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let mut counts = self.counts.borrow_mut();
        let left = counts.get_mut(&self.destination).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        let has_one = self.outbox.deliveries.unshelve(&self.destination);
        if left == 0 {
            counts.remove(&self.destination);
            // Nobody would be left to bring out what the one just brought out does not.
            while has_one && self.outbox.deliveries.unshelve(&self.destination) {}
        }
    }
}

/// Whether there may be more to deliver.
#[derive(PartialEq)]
enum More {
    Perhaps,
    Never,
}

/// Waits until something is accepted, may be due, or may be said again where to go.
async fn wait_for_more(outbox: &Outbox, current: &Current, watch: &Watch, time: Duration) -> More {
    let mut swapped = pin!(current.swapped());
    let mut changed = pin!(outbox.changed.notified());
    let mut due = pin!(tokio::time::sleep(time));
    poll_fn(|cx| {
        if watch.poll_reached(cx, State::Draining).is_ready() {
            return Poll::Ready(More::Never);
        }
        let heard = changed.as_mut().poll(cx).is_ready() || swapped.as_mut().poll(cx).is_ready();
        if heard || due.as_mut().poll(cx).is_ready() {
            return Poll::Ready(More::Perhaps);
        }
        Poll::Pending
    })
    .await
}

fn now(service: &Service) -> UnixMillis {
    UnixMillis(service.core.clock.unix_millis())
}

/// What is due, leased; none if that can't be known for now.
async fn lease(service: &Service, outbox: &Arc<Outbox>) -> Option<Due> {
    let (now, shared) = (now(service), Arc::clone(outbox));
    written(service, move || shared.deliveries.lease(now)).await
}

/// Does what waits for the disk, on a worker; none if it could not be done.
async fn written<T: Send + 'static>(
    service: &Service,
    job: impl FnOnce() -> Result<T, StateError> + Send + 'static,
) -> Option<T> {
    static SELDOM: Seldom = Seldom::every(Duration::from_secs(60));
    match service.core.workers.run_in_turn(job).await {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(error)) => SELDOM.say(format_args!("the deliveries can't be kept: {error}")),
        Err(error) => SELDOM.say(format_args!("the deliveries can't be seen to: {error}")),
    }
    None
}

/// Tries to deliver one, and takes note of how that ended.
async fn try_once(service: &Service, outbox: &Arc<Outbox>, lease: Lease) {
    let delivery = lease.delivery();
    let destination = &delivery.request.destination;
    let configuration = service.configuration.get();
    let gateway = configuration.gateways.iter().find(|gateway| gateway.name == *destination);
    let Some(gateway) = gateway.map(Arc::clone) else {
        static SELDOM: Seldom = Seldom::every(Duration::from_secs(600));
        SELDOM.say(format_args!(
            "what is to be delivered to {destination} is kept: the configuration no longer says where that is"
        ));
        let until = now(service).after(SET_ASIDE_TIME);
        return outbox.deliveries.set_aside(lease, Setback::NoDestination, until);
    };
    drop(configuration);
    let met = hand_over_one(service, &gateway, delivery).await;
    let at = now(service);
    let refused = match met {
        Ok((status, fields)) => match receipt(status) {
            Receipt::Taken => {
                let shared = Arc::clone(outbox);
                let job = move || shared.deliveries.delivered(lease, status, at);
                return written(service, job).await.unwrap_or_default();
            }
            Receipt::Refused(why, lasts) => {
                let asked = fields.view().only(FieldName::RetryAfter);
                let seconds = asked.and_then(|value| retry_after(value, at.seconds()));
                Refused { why, lasts, retry_after: seconds.map(Duration::from_secs) }
            }
        },
        Err(Lost { cause, wait_seconds, .. }) => Refused {
            why: Setback::Cause(cause),
            lasts: Lasts::ForNow,
            retry_after: Some(Duration::from_secs(wait_seconds.into())),
        },
    };
    failed(service, outbox, lease, refused).await;
}

/// Takes note that a try failed, and tells what follows.
async fn failed(service: &Service, outbox: &Arc<Outbox>, lease: Lease, refused: Refused) {
    let (id, destination) = (lease.delivery().id, lease.delivery().request.destination.clone());
    let (shared, at) = (Arc::clone(outbox), now(service));
    let jitter = service.core.random.next_u64();
    let job = move || shared.deliveries.failed(lease, &refused, at, jitter);
    let why = refused.why;
    match written(service, job).await {
        Some(Next::At(_)) => {
            static SELDOM: Seldom = Seldom::every(Duration::from_secs(10));
            SELDOM.say(format_args!("{id} is not delivered to {destination} yet: {why}"));
        }
        Some(Next::Dead) => {
            notice!("{id} is not delivered to {destination}, and is a dead letter: {why}");
        }
        Some(Next::Kept { error, .. }) => {
            static SELDOM: Seldom = Seldom::every(Duration::from_secs(60));
            SELDOM.say(format_args!("no dead letter can be written, so that it is kept: {error}"));
        }
        None => {}
    }
}

/// Sends one to an upstream, and says what that answered.
async fn hand_over_one(
    service: &Service,
    gateway: &Arc<Gateway>,
    delivery: &Delivery,
) -> Result<(Status, FieldLines), Lost> {
    let content = match &delivery.content {
        Content::Inline(octets) => ErrandContent::Octets(octets.to_vec()),
        Content::File { path, length } => {
            let path: PathBuf = path.clone();
            match service.core.workers.run_in_turn(move || File::open(path)).await {
                Ok(Ok(file)) => ErrandContent::File(file, *length),
                Ok(Err(_)) | Err(_) => return Err(Lost::to(Cause::OwnLack)),
            }
        }
    };
    let request = &delivery.request;
    let mut lines = Vec::with_capacity(512);
    let key = delivery.idempotency_key();
    let own: (&[u8], &[u8]) = (FieldName::IdempotencyKey.as_str().as_bytes(), &key);
    let kept = request.fields.iter().map(|(name, value)| (&**name, &**value));
    let is_host = |name: &[u8]| FieldName::parse(name) == FieldName::Host;
    let host = kept.clone().find(|(name, _)| is_host(name)).map(|(_, value)| value);
    for (name, value) in kept.filter(|(name, _)| !is_host(name)).chain([own]) {
        lines.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
    }
    let method = Method::parse(request.method.as_bytes());
    let (target, lines) = (&*request.target, &*lines);
    hand_over(service, gateway, Errand { method, target, lines, host, content }).await
}
