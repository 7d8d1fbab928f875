//! One of the members that can be asked, by each strategy.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::hash::mix;
use crate::members::MemberSet;

/// How far a weight is divided, so that the share of a member that came back can grow in small steps.
pub(crate) const SHARE: u64 = 1024;

/// What is looked at of the members of a group.
pub(crate) trait Load {
    /// A member's weight in parts of [`SHARE`], and never 0: what it comes to while its share grows.
    fn weight(&self, index: usize) -> u64;

    /// How many requests are in flight with it.
    fn in_flight(&self, index: usize) -> u64;
}

/// The turns of smooth weighted round robin, as nginx has it: of weights 5, 1, 1 come a a b a c a a.
///
/// They are made once. All cores share one turn, an atomic number that goes round them; a member that can't be
/// asked is passed over, so that those of the others come as if it was not there. That keeps the shares exact
/// whatever core a request comes to, at the price of one number that all cores write to; turns of each core's own
/// would cost nothing, but all cores would begin with the same members.
///
/// It has cache lines of its own, as what all cores only read must not move with what they write.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Turns {
    /// Members are 256 at most.
    order: Box<[u8]>,
    next: AtomicU64,
}

impl Turns {
    pub(crate) fn new(weights: &[u32]) -> Self {
        let common = weights.iter().copied().fold(0, common_divisor).max(1);
        let weights: Vec<i64> = weights.iter().map(|weight| i64::from(weight / common)).collect();
        let sum: i64 = weights.iter().sum();
        let mut credits = vec![0; weights.len()];
        let order = (0..sum).map(|_| {
            for (credit, weight) in credits.iter_mut().zip(&weights) {
                *credit += weight;
            }
            // The first of those with the most.
            let best = (0..credits.len()).rev().max_by_key(|i| credits[*i]).unwrap_or_default();
            credits[best] -= sum;
            u8::try_from(best).unwrap_or_default()
        });
        let order = order.collect();
        Self { order, next: AtomicU64::new(0) }
    }

    /// The next member that is among `usable`. One whose share grows takes only as many of its turns as that is of
    /// its whole weight; `random` says which.
    pub(crate) fn next(
        &self,
        usable: MemberSet,
        share: impl Fn(usize) -> u64,
        random: u64,
    ) -> Option<usize> {
        let first = usable.iter().next()?;
        if self.order.len() == 1 {
            return Some(first);
        }
        let mut turn = self.next.load(Ordering::Relaxed);
        loop {
            let passed = (0..self.order.len() as u64).find(|passed| {
                let index = self.at(turn.wrapping_add(*passed));
                usable.has(index) && mix(random, *passed) % SHARE < share(index)
            });
            // Where everybody's share has just begun to grow, the first has to do.
            let Some(passed) = passed else { return Some(first) };
            let at = turn.wrapping_add(passed);
            let (was, next) = (turn, at.wrapping_add(1));
            match self.next.compare_exchange_weak(was, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(self.at(at)),
                Err(other) => turn = other,
            }
        }
    }

    fn at(&self, turn: u64) -> usize {
        let place = turn % self.order.len().max(1) as u64;
        usize::try_from(place).ok().and_then(|i| self.order.get(i)).copied().map_or(0, usize::from)
    }
}

const fn common_divisor(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Those with the fewest requests in flight by their weight.
pub(crate) fn least(usable: MemberSet, load: &impl Load) -> MemberSet {
    let mut best = MemberSet::NONE;
    let mut of_best: Option<(u64, u64)> = None;
    for index in usable.iter() {
        let (requests, weight) = (load.in_flight(index), load.weight(index));
        let order = of_best.map(|(least, of)| (requests * of).cmp(&(least * weight)));
        match order {
            Some(core::cmp::Ordering::Greater) => continue,
            Some(core::cmp::Ordering::Equal) => {}
            Some(core::cmp::Ordering::Less) | None => {
                best = MemberSet::NONE;
                of_best = Some((requests, weight));
            }
        }
        best.insert(index);
    }
    best
}

/// The one with fewer requests in flight by its weight, of two that are drawn by their weights.
pub(crate) fn of_two(usable: MemberSet, load: &impl Load, random: u64) -> Option<usize> {
    let first = drawn(usable, load, mix(random, 1))?;
    let mut others = usable;
    others.remove(first);
    let Some(second) = drawn(others, load, mix(random, 2)) else { return Some(first) };
    let is_second =
        load.in_flight(second) * load.weight(first) < load.in_flight(first) * load.weight(second);
    Some(if is_second { second } else { first })
}

fn drawn(usable: MemberSet, load: &impl Load, random: u64) -> Option<usize> {
    let sum: u64 = usable.iter().map(|index| load.weight(index)).sum();
    let mut rest = random.checked_rem(sum)?;
    usable.iter().find(|index| {
        let weight = load.weight(*index);
        let is_here = rest < weight;
        rest = rest.saturating_sub(weight);
        is_here
    })
}

/// The member to which this key belongs: by weighted rendezvous (Thaler and Ravishankar, 1998; the weights by
/// Schindelhauer and Schomaker, 2005). Each member draws a number from the key and its own; the least wins. If a
/// member goes, only its keys move, each to the next in its own order; if one comes, it takes its share of each
/// other's. It needs no table, and costs one multiplication or so for each member.
pub(crate) fn by_key(
    usable: MemberSet,
    load: &impl Load,
    key: u64,
    seed: impl Fn(usize) -> u64,
) -> Option<usize> {
    let drawn = usable.iter().map(|index| {
        // An exponential draw, with the weight for its rate.
        let draw = minus_ln(mix(key, seed(index))) / load.weight(index) as f64;
        (draw, index)
    });
    drawn.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, index)| index)
}

/// The negative logarithm of a number between 0 and 1 that these bits are. Made of additions, multiplications and
/// divisions alone, which come out the same on every machine; a system's own logarithm does not.
fn minus_ln(bits: u64) -> f64 {
    // An odd number of 54 bits: neither 0 nor 1 comes out.
    let odd = bits >> 10 | 1;
    let zeros = odd.leading_zeros();
    // As (1 + x) halved so many times, with x from 0 to 1.
    let mantissa = (odd << zeros) as f64 / (1_u64 << 63) as f64;
    let halved = f64::from(zeros) + 1.0 - 10.0;
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..12).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    halved * core::f64::consts::LN_2 - 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Requests in flight and weight of each member.
    struct Table(Vec<(u64, u64)>);

    impl Load for Table {
        fn weight(&self, index: usize) -> u64 {
            self.0[index].1
        }

        fn in_flight(&self, index: usize) -> u64 {
            self.0[index].0
        }
    }

    fn all(count: usize) -> MemberSet {
        (0..count).collect()
    }

    fn turns(weights: &[u32], usable: MemberSet, count: usize) -> Vec<usize> {
        let turns = Turns::new(weights);
        (0..count).map(|_| turns.next(usable, |_| SHARE, 0).unwrap()).collect()
    }

    #[test]
    fn turns_are_spread_evenly() {
        assert_eq!(turns(&[5, 1, 1], all(3), 8), [0, 0, 1, 0, 2, 0, 0, 0]);
        assert_eq!(turns(&[10, 10], all(2), 3), [0, 1, 0]);
        assert_eq!(turns(&[3], all(1), 2), [0, 0]);
        assert_eq!(Turns::new(&[50, 25, 25]).order.len(), 4);
        assert_eq!(Turns::new(&[1, 1]).next(MemberSet::NONE, |_| SHARE, 0), None);
    }

    #[test]
    fn the_turns_of_one_that_is_out_go_to_all_others_alike() {
        assert_eq!(turns(&[1, 1, 1], [1, 2].into_iter().collect(), 6), [1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn a_share_that_grows_is_taken_in_part() {
        let turns = Turns::new(&[1, 1]);
        let share = |index| if index == 0 { SHARE / 4 } else { SHARE };
        let first =
            (0..8000_u64).filter(|i| turns.next(all(2), share, mix(*i, 7)) == Some(0)).count();
        // A quarter of what the other takes: a fifth of all.
        assert!((1400..1800).contains(&first), "{first}");
        assert_eq!(turns.next(all(2), |_| 0, 1), Some(0));
    }

    #[test]
    fn logarithms_are_right() {
        for i in 0..10_000 {
            let bits = mix(i, 1);
            let is = minus_ln(bits);
            let due = -((bits >> 10 | 1) as f64 / (1_u64 << 54) as f64).ln();
            assert!((is - due).abs() <= 1e-12 * due.max(1.0), "{bits}: {is} {due}");
        }
        assert!(minus_ln(0) > 37.0 && minus_ln(0).is_finite());
        assert!(minus_ln(u64::MAX) > 0.0);
    }

    proptest! {
        #[test]
        fn turns_match_the_weights(weights in prop::collection::vec(1_u32..=20, 1..8), out in any::<u8>()) {
            let usable: MemberSet = (0..weights.len()).filter(|i| out >> i & 1 == 0).collect();
            prop_assume!(!usable.is_empty());
            let sum: usize = usable.iter().map(|i| weights[i] as usize).sum();
            let order = turns(&weights, usable, 2 * sum);
            let mut counts = vec![0; weights.len()];
            for (i, index) in order.iter().enumerate() {
                counts[*index] += 1;
                // Where nobody is out, nobody is ever a whole turn before its due.
                let due = (i + 1) * weights[*index] as usize;
                prop_assert!(usable.len() < weights.len() || counts[*index] * sum < due + sum);
            }
            for (index, count) in counts.iter().enumerate() {
                let due = if usable.has(index) { 2 * weights[index] as usize } else { 0 };
                prop_assert_eq!(*count, due);
            }
        }

        #[test]
        fn least_has_the_least(table in prop::collection::vec((0_u64..20, 1_u64..200), 1..10)) {
            let table = Table(table);
            let found = least(all(table.0.len()), &table);
            prop_assert!(!found.is_empty());
            for (index, (requests, weight)) in table.0.iter().enumerate() {
                let is_beaten = table.0.iter().any(|(other, of)| other * weight < requests * of);
                prop_assert_eq!(found.has(index), !is_beaten);
            }
        }

        #[test]
        fn of_two_the_worst_never_comes(table in prop::collection::vec((0_u64..20, 1_u64..200), 2..10), random: u64) {
            let table = Table(table);
            let index = of_two(all(table.0.len()), &table, random).unwrap();
            let (requests, weight) = table.0[index];
            let others = table.0.iter().enumerate().filter(|(i, _)| *i != index);
            prop_assert!(others.into_iter().any(|(_, (other, of))| requests * of <= other * weight));
        }

        #[test]
        fn draws_match_the_weights(weights in prop::collection::vec(1_u64..=5, 1..6), seed: u64) {
            const DRAWS: u64 = 8000;
            let table = Table(weights.iter().map(|weight| (0, *weight)).collect());
            let mut drawn_counts = vec![0_u64; weights.len()];
            let mut key_counts = vec![0_u64; weights.len()];
            for i in 0..DRAWS {
                let random = mix(seed, i);
                drawn_counts[drawn(all(weights.len()), &table, random).unwrap()] += 1;
                let seed = |index| mix(seed, index as u64);
                key_counts[by_key(all(weights.len()), &table, random, seed).unwrap()] += 1;
            }
            let sum: u64 = weights.iter().sum();
            for (index, weight) in weights.iter().enumerate() {
                let due = DRAWS * weight / sum;
                // Six standard deviations, of which the largest is 45.
                prop_assert!(drawn_counts[index].abs_diff(due) < 270, "{drawn_counts:?} {weights:?}");
                prop_assert!(key_counts[index].abs_diff(due) < 270, "{key_counts:?} {weights:?}");
            }
        }

        #[test]
        fn only_the_keys_of_who_goes_move(weights in prop::collection::vec(1_u64..=5, 2..9), keys in prop::collection::vec(any::<u64>(), 50), gone: prop::sample::Index) {
            let gone = gone.index(weights.len());
            let table = Table(weights.iter().map(|weight| (0, *weight)).collect());
            let mut left = all(weights.len());
            left.remove(gone);
            let seed = |index| mix(99, index as u64);
            for key in keys {
                let before = by_key(all(weights.len()), &table, key, seed).unwrap();
                let after = by_key(left, &table, key, seed).unwrap();
                prop_assert!(after != gone && (before == gone || before == after));
            }
        }
    }
}
