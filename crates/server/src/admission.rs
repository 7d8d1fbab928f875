//! How many connections there may be: over all cores, and from one address.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::fmt;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many parts the table has, each with a lock of its own.
const SHARDS: usize = 64;

/// The table of open connections, shared by all cores. It holds one entry for each address that has a
/// connection, so its size is bounded by their number.
#[derive(Debug)]
pub struct Admission {
    connections_max: usize,
    address_connections_max: u32,
    connections: AtomicUsize,
    hasher: RandomState,
    shards: [Mutex<HashMap<Network, u32>>; SHARDS],
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many as there may be.
    TooManyConnections,
    /// There are as many from this address as there may be.
    TooManyFromAddress,
}

impl Admission {
    /// A table for at most `connections_max` connections, `address_connections_max` from one address.
    #[must_use]
    pub fn new(connections_max: usize, address_connections_max: u32) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            address_connections_max,
            connections: AtomicUsize::new(0),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::new(HashMap::new())),
        })
    }

    /// Takes a connection from `address`, until the guard is dropped.
    ///
    /// # Errors
    /// If there are too many.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, Refusal> {
        let network = Network::of(address);
        let mut shard = self.shard(network);
        let count = shard.get(&network).copied().unwrap_or(0);
        if count >= self.address_connections_max {
            return Err(Refusal::TooManyFromAddress);
        }
        self.take()?;
        shard.insert(network, count + 1);
        drop(shard);
        Ok(Admitted { admission: Arc::clone(self), network: Some(network) })
    }

    /// Takes a connection of which it is not known yet whose it is: see [`Admitted::of`].
    ///
    /// # Errors
    /// If there are too many.
    pub fn admit_unknown(self: &Arc<Self>) -> Result<Admitted, Refusal> {
        self.take()?;
        Ok(Admitted { admission: Arc::clone(self), network: None })
    }

    fn take(&self) -> Result<(), Refusal> {
        // The last question, so that nothing is taken only to be given back: a client that is refused
        // for its own share must not stand in the way of another for a moment.
        let below_max = |count: usize| (count < self.connections_max).then_some(count + 1);
        match self.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below_max) {
            Ok(_) => Ok(()),
            Err(_) => Err(Refusal::TooManyConnections),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn release(&self, network: Option<Network>) {
        if let Some(network) = network
            && let Entry::Occupied(mut entry) = self.shard(network).entry(network)
        {
            match entry.get() {
                0 | 1 => drop(entry.remove()),
                _ => *entry.get_mut() -= 1,
            }
        }
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    fn shard(&self, network: Network) -> MutexGuard<'_, HashMap<Network, u32>> {
        let at = self.hasher.hash_one(network) as usize % SHARDS;
        // A count is whole at every step, so a thread that died while it held the lock left it whole.
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection; dropping it gives the place back.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub struct Admitted {
    admission: Arc<Admission>,
    network: Option<Network>,
}

impl Admitted {
    /// Counts a connection, of which it was not known whose it is, as one from `address`.
    ///
    /// # Errors
    /// If there are too many from there: its place is given back.
    pub fn of(mut self, address: IpAddr) -> Result<Self, Refusal> {
        if self.network.is_none() {
            let network = Network::of(address);
            let mut shard = self.admission.shard(network);
            let count = shard.entry(network).or_insert(0);
            if *count >= self.admission.address_connections_max {
                return Err(Refusal::TooManyFromAddress);
            }
            *count += 1;
            drop(shard);
            self.network = Some(network);
        }
        Ok(self)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.release(self.network);
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyConnections => "there are as many connections as there may be",
            Self::TooManyFromAddress => "this address has as many connections as it may have",
        })
    }
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which one client can fill
/// with addresses of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        // An IPv4 client of a dual-stack listener comes as ::ffff:a.b.c.d.
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Barrier;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let admission = Admission::new(10, 2);
        let first = admission.admit(address("127.0.0.1")).unwrap();
        let _second = admission.admit(address("::ffff:127.0.0.1")).unwrap();
        let refused = admission.admit(address("127.0.0.1")).unwrap_err();
        assert_eq!(refused, Refusal::TooManyFromAddress);
        assert_eq!(admission.connections(), 2);
        let _other = admission.admit(address("127.0.0.2")).unwrap();
        drop(first);
        let _again = admission.admit(address("127.0.0.1")).unwrap();
    }

    #[test]
    fn a_connection_is_counted_as_its_clients_when_that_is_known() {
        let admission = Admission::new(3, 1);
        let first = admission.admit_unknown().unwrap();
        let second = admission.admit_unknown().unwrap();
        assert_eq!(admission.connections(), 2);
        let first = first.of(address("192.0.2.1")).unwrap();
        let refused = second.of(address("192.0.2.1"));
        assert_eq!(refused.unwrap_err(), Refusal::TooManyFromAddress);
        assert_eq!(admission.connections(), 1);
        // One that is known stays whose it is.
        let first = first.of(address("192.0.2.2")).unwrap();
        let other = admission.admit(address("192.0.2.2")).unwrap();
        let third = admission.admit_unknown().unwrap();
        assert_eq!(admission.admit_unknown().unwrap_err(), Refusal::TooManyConnections);
        drop((first, other, third));
        assert_eq!(admission.connections(), 0);
        assert!(admission.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        let admission = Admission::new(10, 1);
        let _one = admission.admit(address("2001:db8:1:2::1")).unwrap();
        assert!(admission.admit(address("2001:db8:1:2:ffff::9")).is_err());
        let _next = admission.admit(address("2001:db8:1:3::1")).unwrap();
    }

    #[test]
    fn threads_together_never_pass_the_limits() {
        let admission = Admission::new(50, 20);
        let barrier = Barrier::new(8);
        let held: Vec<Vec<Admitted>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8u8)
                .map(|thread| {
                    let (admission, barrier) = (&admission, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let address = IpAddr::from([127, 0, 0, thread % 4]);
                        (0..100).filter_map(|_| admission.admit(address).ok()).collect()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(held.iter().map(Vec::len).sum::<usize>(), 50);
        for pair in 0..4 {
            assert!(held[pair].len() + held[pair + 4].len() <= 20);
        }
        drop(held);
        assert_eq!(admission.connections(), 0);
        assert!(admission.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    proptest! {
        #[test]
        fn equal_to_plain_counting(steps in prop::collection::vec((0u8..4, prop::bool::ANY), 0..80)) {
            let admission = Admission::new(6, 3);
            let mut held: Vec<(u8, Admitted)> = Vec::new();
            for (client, comes) in steps {
                if !comes {
                    if let Some(at) = held.iter().position(|(other, _)| *other == client) {
                        drop(held.swap_remove(at));
                    }
                    continue;
                }
                let own = held.iter().filter(|(other, _)| *other == client).count();
                let expected = match (held.len(), own) {
                    (_, 3..) => Err(Refusal::TooManyFromAddress),
                    (6.., _) => Err(Refusal::TooManyConnections),
                    _ => Ok(()),
                };
                let got = admission.admit(IpAddr::from([127, 0, 0, client]));
                prop_assert_eq!(got.as_ref().map(|_| ()).map_err(|refusal| *refusal), expected);
                held.extend(got.ok().map(|admitted| (client, admitted)));
                prop_assert_eq!(admission.connections(), held.len());
            }
        }
    }
}
