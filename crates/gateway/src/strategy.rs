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
#[derive(Debug)]
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
