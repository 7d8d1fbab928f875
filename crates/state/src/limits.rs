//! How much each key has taken of what it may have: one table for all cores.

mod table;

use std::time::Duration;

use self::table::{Full, Table};
use crate::secret::{Hash, Secret};
use crate::{Denied, Moment, Quota, Standing};

/// How many keys that owe something are remembered unless told otherwise.
pub const LIMIT_ENTRIES_DEFAULT: usize = 1 << 20;

/// Where it is counted what keys take: in this process, or by a server that several processes share. One
/// that has to ask over a network blocks its caller, who calls it where waiting is allowed.
pub trait Meter: Send + Sync {
    /// One thing to take: `cost` units for `key` from the limit that is called `limit`. The name must stay
    /// the same when a configuration is read again. A limit whose rate changes starts afresh.
    fn charge(&self, limit: &str, key: &[u8], quota: Quota, cost: u32) -> Charge;

    /// Takes all, or none if one is refused. Either way each says then how its key stands.
    ///
    /// Who is refused something may for a moment have kept others from the rest, but never gives anybody
    /// more than a quota has.
    ///
    /// # Errors
    /// [`Refused`], with the longest wait among those that are.
    fn take(&self, charges: &mut [Charge], now: Moment) -> Result<(), Refused>;

    /// Gives back what was taken, as far as time has not given it back already. What was not taken, or
    /// was given back before, stays as it is.
    fn give_back(&self, charges: &mut [Charge], now: Moment);
}

/// Something to take, or that was taken.
#[derive(Debug)]
pub struct Charge {
    hash: Hash,
    quota: Quota,
    cost: u32,
    taken: Option<Moment>,
    standing: Standing,
}

/// Something could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which of the charges it is about.
    pub index: usize,
    /// Why.
    pub why: Why,
}

/// Why something could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The key has not as much.
    Denied(Denied),
    /// Nothing is known of the key, and nothing more can be remembered: as many others owe something.
    Full {
        /// How long none of them can give way; longer, if they take more meanwhile.
        wait: Duration,
    },
}

impl Charge {
    /// How the key stood when this was last taken, refused or given back.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// The quota that it is taken from.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }
}

/// A [`Meter`] in memory. It is forgotten when the process ends, and every key may then have its whole
/// burst again: what limits are for, it is not worth a write to a disk for each request.
///
/// It holds at most as many keys as it is made for, and takes memory as they come: 36 octets each. Only
/// keys that owe nothing, and have not for a second, give way to others. A key belongs to one of up to 256
/// shards of the same size, by its hash, and [`Why::Full`] is said when its shard is.
#[derive(Debug)]
pub struct Limits {
    secret: Secret,
    table: Table,
}

impl Limits {
    /// A table for `entries_max` keys.
    #[must_use]
    pub fn new(entries_max: usize, secret: Secret) -> Self {
        Self { secret, table: Table::new(entries_max) }
    }

    /// How many keys fit; a few fewer than were asked for, if they can't be shared out evenly.
    #[must_use]
    pub const fn entries_max(&self) -> usize {
        self.table.entries_max()
    }

    fn take_one(&self, charge: &mut Charge, now: Moment) -> Result<(), Why> {
        let Charge { quota, cost, .. } = *charge;
        let mut before = Moment::default();
        let taken = self.table.change(charge.hash, now, |clear_at| {
            before = clear_at;
            quota.take(clear_at, now, cost).map_err(Why::Denied)
        });
        charge.taken = taken.ok();
        charge.standing = quota.standing(*taken.as_ref().unwrap_or(&before), now);
        taken.map(|_| ())
    }

    /// The one that is refused for longest, by what is known before anything is taken.
    fn look(&self, charges: &mut [Charge], now: Moment) -> Option<Refused> {
        let mut refused: Option<(usize, Denied)> = None;
        for (index, charge) in charges.iter_mut().enumerate() {
            let clear_at = self.table.get(charge.hash);
            charge.standing = charge.quota.standing(clear_at, now);
            if let Err(denied) = charge.quota.take(clear_at, now, charge.cost) {
                let wait = |denied: Denied| denied.wait.unwrap_or(Duration::MAX);
                if refused.is_none_or(|(_, other)| wait(denied) > wait(other)) {
                    refused = Some((index, denied));
                }
            }
        }
        refused.map(|(index, denied)| Refused { index, why: Why::Denied(denied) })
    }
}

impl Meter for Limits {
    fn charge(&self, limit: &str, key: &[u8], quota: Quota, cost: u32) -> Charge {
        let rate = u64::from(quota.count()) << 32 | u64::from(quota.window_seconds());
        let hash = self.secret.hash(limit, rate, key);
        Charge { hash, quota, cost, taken: None, standing: Standing::default() }
    }

    fn take(&self, charges: &mut [Charge], now: Moment) -> Result<(), Refused> {
        if charges.len() > 1
            && let Some(refused) = self.look(charges, now)
        {
            return Err(refused);
        }
        for index in 0..charges.len() {
            if let Err(why) = self.take_one(&mut charges[index], now) {
                self.give_back(&mut charges[..index], now);
                return Err(Refused { index, why });
            }
        }
        Ok(())
    }

    fn give_back(&self, charges: &mut [Charge], now: Moment) {
        for charge in charges {
            let Some(taken) = charge.taken.take() else { continue };
            let Charge { quota, cost, .. } = *charge;
            // A key that is known no more owes nothing, and nothing of it is left to give back.
            let known = self.table.change(charge.hash, now, |clear_at| {
                if clear_at == Moment::default() {
                    return Err(Unknown);
                }
                Ok(quota.give_back(clear_at, now, taken, cost))
            });
            charge.standing = quota.standing(known.unwrap_or_default(), now);
        }
    }
}

impl From<Full> for Why {
    fn from(full: Full) -> Self {
        Self::Full { wait: full.wait }
    }
}

/// There is nothing to give back to.
struct Unknown;

impl From<Full> for Unknown {
    fn from(_: Full) -> Self {
        Self
    }
}
