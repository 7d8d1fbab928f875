//! The upstreams of a gateway: which of them is asked, and what is known of each. All cores share this, and nothing
//! here waits: what is counted is counted by atomics.

use core::cell::Cell;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use wherefore_h1::Millis;
use wherefore_message::{Cause, Status};

use crate::breaker::{End, Window};
use crate::budget::{Budget, Retry};
use crate::hash::siphash;
use crate::health::{Happening, Health, Purpose, Rules, SharedHealth};
use crate::members::MemberSet;
use crate::queue::{Queue, QueuePlace};
use crate::settings::{
    GroupError, MEMBERS_MAX, Member, Recovery, Role, Settings, Strategy, WEIGHT_MAX,
};
use crate::strategy::{self, Load, SHARE, Turns};

/// The upstreams of one gateway route, or of a group that has a name.
#[derive(Debug)]
pub struct Upstreams {
    pub(crate) entries: Box<[Entry]>,
    pub(crate) settings: Settings,
    pub(crate) rules: Rules,
    pub(crate) queue: Queue,
    pub(crate) hedges: Option<Budget>,
    turns: Turns,
    budget: Budget,
}

/// A member and what is known of it. Each has cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Entry {
    pub(crate) member: Member,
    pub(crate) health: SharedHealth,
    pub(crate) in_flight: AtomicU32,
    pub(crate) is_drained: AtomicBool,
    pub(crate) probe_at: AtomicU64,
    window: Window,
    seed: u64,
}

/// What a member is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The moment.
    pub now: Millis,
    /// A random number.
    pub random: u64,
    /// The request's key, by [`Upstreams::key`]; one that has none goes anywhere.
    pub key: Option<u64>,
    /// The members to which it was sent already: they are left out.
    pub tried: MemberSet,
}

/// Why there is no member to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChosen {
    /// Those that were not tried are unhealthy.
    NoneHealthy {
        /// In how many milliseconds the next of them is tried again.
        retry_in_millis: u64,
    },
    /// As many requests as may be are in flight with each that is healthy.
    AllBusy,
    /// All were tried.
    AllTried,
    /// All that were not tried are taken out of service.
    AllDrained,
}

/// Whether a member takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It is asked if it is healthy.
    In,
    /// An operator took it out: what is in flight ends, and nothing new is sent to it.
    Drained,
}

/// How a member is, for people to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its health.
    pub health: Health,
    /// Whether it takes part.
    pub service: Service,
    /// How many requests are in flight with it.
    pub in_flight: u32,
}

/// A request may be sent to a member. Dropping this says that it is over.
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    upstreams: Arc<Upstreams>,
    index: usize,
    purpose: Cell<Purpose>,
    told: Cell<Told>,
}

/// What was said of a request's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Failed,
}

impl Upstreams {
    /// A group of these members.
    ///
    /// # Errors
    /// There are none or too many, or a weight is out of bounds.
    pub fn new(members: Vec<Member>, settings: Settings) -> Result<Arc<Self>, GroupError> {
        if members.is_empty() {
            return Err(GroupError::Empty);
        }
        if members.len() > MEMBERS_MAX {
            return Err(GroupError::TooMany);
        }
        let is_wrong = |member: &Member| !(1..=WEIGHT_MAX).contains(&member.weight);
        if let Some(index) = members.iter().position(is_wrong) {
            return Err(GroupError::Weight(index));
        }
        let weights: Vec<u32> = members.iter().map(|member| member.weight).collect();
        let seeds = seeds(&members, &settings.hash_seed);
        let entries = members.into_iter().zip(seeds).map(|(member, seed)| Entry {
            member,
            health: SharedHealth::new(Health::NEW),
            in_flight: AtomicU32::new(0),
            is_drained: AtomicBool::new(false),
            probe_at: AtomicU64::new(0),
            window: Window::default(),
            seed,
        });
        Ok(Arc::new(Self {
            entries: entries.collect(),
            rules: Rules::new(&settings),
            queue: Queue::new(settings.queue_max),
            turns: Turns::new(&weights),
            budget: Budget::new(&settings),
            hedges: settings.hedge.as_ref().map(Budget::of_hedges),
            settings,
        }))
    }

    /// The members.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.entries.iter().map(|entry| &entry.member)
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The key that these octets of a request make, such as a field's value.
    #[must_use]
    pub fn key(&self, octets: &[u8]) -> u64 {
        siphash(&self.settings.hash_seed, octets)
    }

    /// The member to ask. The request counts as in flight with it until the permit is dropped.
    ///
    /// # Errors
    /// [`NotChosen`]: why there is none.
    pub fn choose(self: &Arc<Self>, asked: &Asked) -> Result<Permit, NotChosen> {
        // Of one there is no choice.
        if self.entries.len() == 1
            && asked.tried.is_empty()
            && self.readiness(0, asked.now, Among::All) == Readiness::Free
            && let Ok(permit) = self.enter(0, asked.now)
        {
            self.budget.add();
            return Ok(permit);
        }
        self.choose_of(asked, Among::All)
    }

    pub(crate) fn choose_of(
        self: &Arc<Self>,
        asked: &Asked,
        among: Among,
    ) -> Result<Permit, NotChosen> {
        for role in [Role::Primary, Role::Backup] {
            let mut usable = MemberSet::NONE;
            let mut is_busy = false;
            for index in self.left(asked.tried, role) {
                match self.readiness(index, asked.now, among) {
                    Readiness::Free => usable.insert(index),
                    Readiness::Busy => is_busy = true,
                    Readiness::Out => {}
                }
            }
            while let Some(index) = self.pick(usable, asked) {
                match self.enter(index, asked.now) {
                    Ok(permit) => {
                        if asked.tried.is_empty() {
                            self.budget.add();
                            self.hedges.iter().for_each(Budget::add);
                        }
                        return Ok(permit);
                    }
                    // Another core was faster.
                    Err(readiness) => is_busy |= readiness == Readiness::Busy,
                }
                usable.remove(index);
            }
            if is_busy {
                return Err(NotChosen::AllBusy);
            }
        }
        Err(self.why_none(asked))
    }

    /// Whether a request that was sent `retries` times again may be sent once more. Whether it is safe to is the
    /// caller's to know.
    pub fn retry(&self, retries: u32, now: Millis) -> Retry {
        if retries >= self.settings.retries_max { Retry::Enough } else { self.budget.take(now) }
    }

    /// A place in the queue of those that wait for a member to be free; none if that is full.
    #[must_use]
    pub fn enqueue(self: &Arc<Self>, asked: &Asked) -> Option<QueuePlace> {
        QueuePlace::take(self, asked)
    }

    /// Takes a member out of service, or back into it.
    pub fn set_service(&self, index: usize, service: Service) {
        let Some(entry) = self.entries.get(index) else { return };
        entry.is_drained.store(service == Service::Drained, Ordering::SeqCst);
        self.queue.wake_all();
    }

    /// Takes over what an earlier group knew of the health of the members that have the same address. What is in flight
    /// stays with the earlier one.
    pub fn adopt(&self, earlier: &Self) {
        for entry in &self.entries {
            let same = |other: &&Entry| other.member.address == entry.member.address;
            let Some(other) = earlier.entries.iter().find(same) else { continue };
            entry.health.adopt(&other.health);
        }
    }

    /// How a member is.
    #[must_use]
    pub fn standing(&self, index: usize) -> Option<Standing> {
        let entry = self.entries.get(index)?;
        let is_drained = entry.is_drained.load(Ordering::Relaxed);
        Some(Standing {
            health: entry.health.now(),
            service: if is_drained { Service::Drained } else { Service::In },
            in_flight: entry.in_flight.load(Ordering::Relaxed),
        })
    }

    /// A request in flight with this member, or why there can be none.
    fn enter(self: &Arc<Self>, index: usize, now: Millis) -> Result<Permit, Readiness> {
        let entry = self.entries.get(index).ok_or(Readiness::Out)?;
        let purpose = match entry.health.now() {
            Health::Healthy { .. } => Purpose::Ordinary,
            Health::Unhealthy { .. } | Health::Trial { .. } => {
                let (before, after) = entry.health.step(Happening::TrialBegins, now, &self.rules);
                if before == after {
                    return Err(Readiness::Out);
                }
                Purpose::Trial
            }
        };
        let most = self.settings.in_flight_max;
        let more =
            |requests: u32| (most == 0 || requests < most).then(|| requests.checked_add(1))?;
        if entry.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_err() {
            if purpose == Purpose::Trial {
                entry.health.step(Happening::Undecided, now, &self.rules);
            }
            return Err(Readiness::Busy);
        }
        let (purpose, told) = (Cell::new(purpose), Cell::new(Told::Nothing));
        Ok(Permit { upstreams: self.clone(), index, purpose, told })
    }

    /// Lets something happen to a member. Whoever waits hears if it went or came.
    pub(crate) fn happened(&self, index: usize, what: Happening, now: Millis) {
        let Some(entry) = self.entries.get(index) else { return };
        let (before, after) = entry.health.step(what, now, &self.rules);
        let is_healthy = |health| matches!(health, Health::Healthy { .. });
        if is_healthy(before) != is_healthy(after) {
            self.queue.wake_all();
        }
    }

    fn left(&self, tried: MemberSet, role: Role) -> impl Iterator<Item = usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(move |(index, entry)| entry.member.role == role && !tried.has(*index))
            .map(|(index, _)| index)
    }

    fn readiness(&self, index: usize, now: Millis, among: Among) -> Readiness {
        let Some(entry) = self.entries.get(index) else { return Readiness::Out };
        let health = entry.health.now();
        let is_out = entry.is_drained.load(Ordering::SeqCst)
            || !match among {
                Among::All => health.may_be_asked(now, &self.rules),
                Among::Healthy => matches!(health, Health::Healthy { .. }),
            };
        let most = self.settings.in_flight_max;
        match () {
            () if is_out => Readiness::Out,
            () if most != 0 && entry.in_flight.load(Ordering::SeqCst) >= most => Readiness::Busy,
            () => Readiness::Free,
        }
    }

    fn pick(&self, usable: MemberSet, asked: &Asked) -> Option<usize> {
        let loads = Loads { upstreams: self, now: asked.now };
        let share = |index| loads.share(index);
        match self.settings.strategy {
            Strategy::RoundRobin => self.turns.next(usable, share, asked.random),
            Strategy::Least => {
                self.turns.next(strategy::least(usable, &loads), share, asked.random)
            }
            Strategy::TwoChoices => strategy::of_two(usable, &loads, asked.random),
            Strategy::Hash(_) => {
                let key = asked.key.unwrap_or(asked.random);
                let seed = |index| self.entries.get(index).map_or(0, |entry: &Entry| entry.seed);
                strategy::by_key(usable, &loads, key, seed)
            }
        }
    }

    fn why_none(&self, asked: &Asked) -> NotChosen {
        let mut is_left = false;
        let mut soonest = None;
        for (index, entry) in self.entries.iter().enumerate() {
            if asked.tried.has(index) {
                continue;
            }
            is_left = true;
            if !entry.is_drained.load(Ordering::Relaxed) {
                let wait = self.wait_of(entry, asked.now);
                soonest = Some(soonest.map_or(wait, |soonest: u64| soonest.min(wait)));
            }
        }
        match soonest {
            Some(retry_in_millis) => NotChosen::NoneHealthy { retry_in_millis },
            None if is_left => NotChosen::AllDrained,
            None => NotChosen::AllTried,
        }
    }

    /// In how long it is worth to ask for a member that is unhealthy now.
    fn wait_of(&self, entry: &Entry, now: Millis) -> u64 {
        let at = match (entry.health.now(), self.settings.recovery) {
            (Health::Healthy { .. }, _) => now.0,
            (_, Recovery::Probes { .. }) => entry.probe_at.load(Ordering::Relaxed),
            (Health::Unhealthy { until, .. }, Recovery::Trial) => until.0,
            (Health::Trial { .. }, Recovery::Trial) => now.0.saturating_add(TRIAL_WAIT_MILLIS),
        };
        at.saturating_sub(now.0)
    }
}

/// What is said to wait for while a trial is under way: nobody knows how long it takes.
const TRIAL_WAIT_MILLIS: u64 = 1000;

/// Which members are chosen among.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// All that may be asked, be it on trial.
    All,
    /// Those that are healthy.
    Healthy,
}

/// Whether a member can be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readiness {
    Free,
    Busy,
    Out,
}

impl Permit {
    /// The member's number in its group.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The member.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.entry().member
    }

    /// Whether the request is sent to find out whether the member is healthy again.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        self.purpose.get()
    }

    /// The head of a final answer came. Its status may be one that counts as a failure; else a trial has succeeded.
    pub fn answered(&self, status: Status, now: Millis) {
        if self.upstreams.settings.unhealthy_statuses.contains(&status) {
            self.fail(now);
        } else if self.purpose() == Purpose::Trial {
            self.tell(Happening::Succeeded(self.purpose.replace(Purpose::Ordinary)), now);
        }
    }

    /// The whole answer came. After a failure this says nothing more.
    pub fn succeeded(&self, now: Millis) {
        if self.told.get() == Told::Nothing {
            self.tell(Happening::Succeeded(self.purpose.replace(Purpose::Ordinary)), now);
            self.count(End::Success, now);
        }
    }

    /// The request came to nothing. Only what is the member's own fault counts against it, and only once. That it
    /// closed a kept connection just when a request was sent on it should not be told: any server does that.
    pub fn failed(&self, cause: Cause, now: Millis) {
        if is_of_member(cause) {
            self.fail(now);
        }
    }

    fn fail(&self, now: Millis) {
        if self.told.replace(Told::Failed) == Told::Nothing {
            self.tell(Happening::Failed(self.purpose.replace(Purpose::Ordinary)), now);
            self.count(End::Failure, now);
        }
    }

    fn tell(&self, what: Happening, now: Millis) {
        self.upstreams.happened(self.index, what, now);
    }

    fn count(&self, end: End, now: Millis) {
        let Some(breaker) = &self.upstreams.settings.breaker else { return };
        if self.entry().window.count(end, breaker, now) {
            self.tell(Happening::Tripped, now);
        }
    }

    fn entry(&self) -> &Entry {
        &self.upstreams.entries[self.index]
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.purpose.get() == Purpose::Trial {
            // The moment is not looked at.
            self.tell(Happening::Undecided, Millis(0));
        }
        self.entry().in_flight.fetch_sub(1, Ordering::SeqCst);
        if self.upstreams.settings.in_flight_max != 0 {
            self.upstreams.queue.hand_on(&self.upstreams, self.index);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.index)
    }
}

/// Whether a cause is to be blamed on the member: what the gateway lacks itself is not, nor what only goes beyond
/// limits of ours, since whoever finds one resource that does could take the member away from everybody.
const fn is_of_member(cause: Cause) -> bool {
    match cause {
        Cause::NameNotFound
        | Cause::NameLate
        | Cause::Refused
        | Cause::Unroutable
        | Cause::ConnectLate
        | Cause::TlsProtocol
        | Cause::TlsCertificate
        | Cause::TlsAlert
        | Cause::Closed
        | Cause::Reset
        | Cause::ClosedInHead
        | Cause::ClosedInContent
        | Cause::Malformed
        | Cause::SwitchFailed
        | Cause::TransferCoding
        | Cause::AnswerLate
        | Cause::HeadLate
        | Cause::ContentLate
        | Cause::WriteLate => true,
        Cause::HeadTooLarge
        | Cause::FieldTooLarge
        | Cause::TrailersTooLarge
        | Cause::ContentTooLarge
        | Cause::ContentCoding
        | Cause::Loop
        | Cause::NoneHealthy
        | Cause::QueueFull
        | Cause::QueueLate
        | Cause::Draining
        | Cause::Unusable
        | Cause::OwnLack => false,
    }
}

/// What strategies look at, at one moment.
struct Loads<'a> {
    upstreams: &'a Upstreams,
    now: Millis,
}

impl Loads<'_> {
    /// How much of its weight a member has, in parts of [`SHARE`]: all, unless it came back a short while ago.
    fn share(&self, index: usize) -> u64 {
        let slow = self.upstreams.settings.slow_start;
        let Some(entry) = self.upstreams.entries.get(index) else { return 0 };
        if slow == Duration::ZERO {
            return SHARE;
        }
        match entry.health.now() {
            Health::Healthy { since: Millis(0), .. } => SHARE,
            Health::Healthy { since, .. } => {
                let passed = u128::from(self.now.0.saturating_sub(since.0));
                let share = passed * u128::from(SHARE) / slow.as_millis().max(1);
                u64::try_from(share).unwrap_or(SHARE).clamp(1, SHARE)
            }
            // Whatever is let through on trial is one request alone.
            Health::Unhealthy { .. } | Health::Trial { .. } => SHARE,
        }
    }
}

impl Load for Loads<'_> {
    fn weight(&self, index: usize) -> u64 {
        let weight = self.upstreams.entries.get(index).map_or(1, |entry| entry.member.weight);
        u64::from(weight) * self.share(index).max(1)
    }

    fn in_flight(&self, index: usize) -> u64 {
        let entry = self.upstreams.entries.get(index);
        entry.map_or(0, |entry| u64::from(entry.in_flight.load(Ordering::Relaxed)))
    }
}

/// A number for each member, by which it draws for keys. It is made of the address and not of the place in the
/// list, so that taking a member out moves no other.
fn seeds(members: &[Member], seed: &[u8; 16]) -> Vec<u64> {
    let name = |i: usize| members[i].address.to_string();
    (0..members.len())
        .map(|i| {
            let same_before =
                members[..i].iter().filter(|other| other.address == members[i].address);
            siphash(seed, format!("{} {}", same_before.count(), name(i)).as_bytes())
        })
        .collect()
}
