//! The table of a lot: what waits in places that are used again, and in the order in which its time is over.

use std::mem;

use super::Parked;
use crate::clock::Millis;

/// No place.
const NONE: u32 = u32::MAX;

/// Which connection: its place, and the how-manieth use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    place: u32,
    use_number: u32,
}

#[cfg(any(target_os = "linux", test))]
impl Token {
    /// As one number, by which the kernel knows it.
    pub(super) const fn to_number(self) -> u64 {
        (self.use_number as u64) << 32 | self.place as u64
    }

    pub(super) const fn of_number(number: u64) -> Self {
        Self { place: number as u32, use_number: (number >> 32) as u32 }
    }
}

#[derive(Debug)]
pub(super) struct Table<T> {
    places: Vec<Place<T>>,
    /// The first of the free places, each of which has the next in `next`.
    free: u32,
    /// Whose time is over first.
    first: u32,
    last: u32,
    count: usize,
}

#[derive(Debug)]
struct Place<T> {
    use_number: u32,
    previous: u32,
    next: u32,
    due: Millis,
    parked: Option<T>,
}

/// What a connection costs while nothing is under way.
const PLACE_BYTES_MAX: usize = 128;
const _: () = assert!(size_of::<Place<Parked>>() <= PLACE_BYTES_MAX);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: NONE, first: NONE, last: NONE, count: 0 }
    }
}

impl<T> Table<T> {
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Takes in a connection whose time is over at `due`, or with the one that came before it where that is later: the
    /// order stays that in which they came.
    pub(super) fn put(&mut self, parked: T, due: Millis) -> Token {
        let due = self.at(self.last).map_or(due, |last| due.max(last.due));
        if self.free == NONE {
            // There are fewer than descriptors, and those are fewer than NONE.
            self.free = self.places.len() as u32;
            self.places.push(Place {
                use_number: 0,
                previous: NONE,
                next: NONE,
                due,
                parked: None,
            });
        }
        let (index, previous) = (self.free, mem::replace(&mut self.last, self.free));
        let place = &mut self.places[index as usize];
        self.free = mem::replace(&mut place.next, NONE);
        (place.previous, place.due, place.parked) = (previous, due, Some(parked));
        let token = Token { place: index, use_number: place.use_number };
        match self.at_mut(previous) {
            Some(before) => before.next = index,
            None => self.first = index,
        }
        self.count += 1;
        token
    }

    /// The connection that was given this token, if it is still here.
    pub(super) fn parked(&self, token: Token) -> Option<&T> {
        let place = self.at(token.place)?;
        place.parked.as_ref().filter(|_| place.use_number == token.use_number)
    }

    /// Takes it out.
    pub(super) fn take(&mut self, token: Token) -> Option<T> {
        self.parked(token)?;
        let free = mem::replace(&mut self.free, token.place);
        let place = self.at_mut(token.place)?;
        let parked = place.parked.take();
        place.use_number = place.use_number.wrapping_add(1);
        let (previous, next) = (place.previous, mem::replace(&mut place.next, free));
        match self.at_mut(previous) {
            Some(before) => before.next = next,
            None => self.first = next,
        }
        match self.at_mut(next) {
            Some(after) => after.previous = previous,
            None => self.last = previous,
        }
        self.count -= 1;
        parked
    }

    /// When the first is over.
    pub(super) fn first_due(&self) -> Option<Millis> {
        self.at(self.first).map(|place| place.due)
    }

    /// Takes out the one that is over first.
    pub(super) fn take_first(&mut self) -> Option<T> {
        let use_number = self.at(self.first)?.use_number;
        self.take(Token { place: self.first, use_number })
    }

    fn at(&self, index: u32) -> Option<&Place<T>> {
        self.places.get(index as usize)
    }

    fn at_mut(&mut self, index: u32) -> Option<&mut Place<T>> {
        self.places.get_mut(index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// One comes, so long after the last and with so much time.
        Put(u64, u64),
        /// The one that came as this one is taken, if it is still there.
        Take(usize),
        TakeFirst,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            2 => (0_u64..10, 0_u64..20).prop_map(|(pause, span)| Step::Put(pause, span)),
            1 => (0_usize..100).prop_map(Step::Take),
            1 => Just(Step::TakeFirst),
        ];
        prop::collection::vec(step, 0..100)
    }

    proptest! {
        /// Whatever is done, it holds what a plain list would; who has left is not found again.
        #[test]
        fn equal_to_a_plain_list(steps in steps()) {
            let mut table = Table::default();
            let (mut tokens, mut waiting, mut now) = (Vec::new(), Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Put(pause, span) => {
                        now += pause;
                        let number = tokens.len();
                        let token = table.put(number, Millis(now + span));
                        prop_assert!(!tokens.contains(&token));
                        prop_assert_eq!(Token::of_number(token.to_number()), token);
                        tokens.push(token);
                        let last = waiting.last().map_or(0, |(_, due)| *due);
                        waiting.push((number, last.max(now + span)));
                    }
                    Step::Take(number) => {
                        let Some(token) = tokens.get(number) else { continue };
                        let index = waiting.iter().position(|(waits, _)| *waits == number);
                        let expected = index.map(|index| waiting.remove(index).0);
                        prop_assert_eq!(table.take(*token), expected);
                        prop_assert_eq!(table.take(*token), None);
                    }
                    Step::TakeFirst => {
                        let expected = (!waiting.is_empty()).then(|| waiting.remove(0).0);
                        prop_assert_eq!(table.take_first(), expected);
                    }
                }
                prop_assert_eq!(table.count(), waiting.len());
                prop_assert_eq!(table.first_due(), waiting.first().map(|(_, due)| Millis(*due)));
                for (number, token) in tokens.iter().enumerate() {
                    let expected = waiting.iter().map(|(waits, _)| waits).find(|n| **n == number);
                    prop_assert_eq!(table.parked(*token), expected);
                }
            }
            let most = table.places.len();
            while table.take_first().is_some() {}
            for number in 0..most {
                table.put(number, Millis(now));
            }
            prop_assert_eq!(table.places.len(), most, "places are used again");
        }
    }
}
