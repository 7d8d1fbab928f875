//! The table of a lot: what waits in places that are used again, and in the order in which its time is over. When few
//! are left of many, places are given back.

use std::io;
use std::mem;

use super::Parked;
use crate::clock::Millis;

/// No place.
const NONE: u32 = u32::MAX;

/// So many places are kept, however few are taken.
const PLACES_MIN: usize = 64;
/// Where less than one place of so many is taken, places are given back.
const PLACES_FOR_ONE: usize = 4;

/// Which connection: its place, and the how-manieth use of any.
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
    /// How often a place was taken; begins anew after so many that none is known any more.
    uses: u32,
    /// The first of the free places, which are linked as those are that are taken.
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

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { use_number: 0, previous: NONE, next: NONE, due: Millis(0), parked: None }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Vec::new(), uses: 0, free: NONE, first: NONE, last: NONE, count: 0 }
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
        self.count += 1;
        self.take_in(Place { previous: self.last, due, parked: Some(parked), ..Place::default() })
    }

    /// The connection that was given this token, if it is still here.
    pub(super) fn parked(&self, token: Token) -> Option<&T> {
        let place = self.at(token.place)?;
        place.parked.as_ref().filter(|_| place.use_number == token.use_number)
    }

    /// Takes it out.
    pub(super) fn take(&mut self, token: Token) -> Option<T> {
        self.parked(token)?;
        let place = mem::take(self.at_mut(token.place)?);
        self.join(place.previous, place.next);
        self.set_free(token.place);
        self.count -= 1;
        place.parked
    }

    /// Gives back places as long as far more stand empty than are taken. Whoever has one of the last moves to another:
    /// `tell` is told under which token it waits from now on; if that fails, it is taken out.
    ///
    /// Each place was made once and has one move at most. Called whenever one has left, it gives back a few.
    pub(super) fn shrink(&mut self, mut tell: impl FnMut(&T, Token) -> io::Result<()>) {
        if !self.is_sparse() {
            return;
        }
        while self.is_sparse() {
            if let Some(token) = self.give_back()
                && let Some(parked) = self.parked(token)
                && tell(parked, token).is_err()
            {
                drop(self.take(token));
            }
        }
        if self.places.capacity() / 2 >= self.places.len() {
            self.places.shrink_to_fit();
        }
    }

    /// For how many connections there is room.
    #[cfg(test)]
    pub(super) const fn room(&self) -> usize {
        self.places.capacity()
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

    const fn is_sparse(&self) -> bool {
        let places = self.places.len();
        places > PLACES_MIN && places / PLACES_FOR_ONE > self.count
    }

    /// Gives back the last place. Says the new token of the connection that had it, if one had.
    fn give_back(&mut self) -> Option<Token> {
        let place = self.places.pop()?;
        if place.parked.is_some() {
            return Some(self.take_in(place));
        }
        self.join_free(place.previous, place.next);
        None
    }

    /// Gives a connection a place, between those that it is said to follow and to precede.
    fn take_in(&mut self, taken: Place<T>) -> Token {
        if self.free == NONE {
            // There are fewer than descriptors, and those are fewer than NONE.
            let index = self.places.len() as u32;
            self.places.push(Place::default());
            self.set_free(index);
        }
        let index = self.free;
        let next_free = self.at(index).map_or(NONE, |place| place.next);
        self.join_free(NONE, next_free);
        self.uses = self.uses.wrapping_add(1);
        let (use_number, previous, next) = (self.uses, taken.previous, taken.next);
        if let Some(place) = self.at_mut(index) {
            *place = Place { use_number, ..taken };
        }
        self.join(previous, index);
        self.join(index, next);
        Token { place: index, use_number }
    }

    fn set_free(&mut self, index: u32) {
        let next = self.free;
        self.join_free(NONE, index);
        self.join_free(index, next);
    }

    /// Has one connection come after the other; none before it, or none after it, makes it the first or the last.
    fn join(&mut self, previous: u32, next: u32) {
        match self.at_mut(previous) {
            Some(before) => before.next = next,
            None => self.first = next,
        }
        match self.at_mut(next) {
            Some(after) => after.previous = previous,
            None => self.last = previous,
        }
    }

    /// The same of free places.
    fn join_free(&mut self, previous: u32, next: u32) {
        match self.at_mut(previous) {
            Some(before) => before.next = next,
            None => self.free = next,
        }
        if let Some(after) = self.at_mut(next) {
            after.previous = previous;
        }
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
        /// So many come.
        Crowd(usize),
        /// The one that came as this one is taken, if it is still there.
        Take(usize),
        TakeFirst,
        /// Of so many that came after each other all but some leave.
        Leave(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0_u64..10, 0_u64..20).prop_map(|(pause, span)| Step::Put(pause, span)),
            1 => (0..4 * PLACES_MIN).prop_map(Step::Crowd),
            3 => (0_usize..100).prop_map(Step::Take),
            3 => Just(Step::TakeFirst),
            2 => (0..8 * PLACES_MIN).prop_map(Step::Leave),
        ];
        prop::collection::vec(step, 0..100)
    }

    /// The table, and what a plain list holds in its place.
    #[derive(Default)]
    struct Both {
        table: Table<usize>,
        /// Of all that ever came, the token by which each was known last.
        tokens: Vec<Token>,
        /// Who waits, and until when.
        waiting: Vec<(usize, u64)>,
        now: u64,
    }

    impl Both {
        fn put(&mut self, span: u64) {
            let number = self.tokens.len();
            let token = self.table.put(number, Millis(self.now + span));
            assert!(!self.tokens.contains(&token));
            assert_eq!(Token::of_number(token.to_number()), token);
            self.tokens.push(token);
            let last = self.waiting.last().map_or(0, |(_, due)| *due);
            self.waiting.push((number, last.max(self.now + span)));
        }

        fn take(&mut self, number: usize) {
            let Some(token) = self.tokens.get(number) else { return };
            let index = self.waiting.iter().position(|(waits, _)| *waits == number);
            let expected = index.map(|index| self.waiting.remove(index).0);
            assert_eq!(self.table.take(*token), expected);
            assert_eq!(self.table.take(*token), None);
            self.shrink();
        }

        fn take_first(&mut self) {
            let expected = (!self.waiting.is_empty()).then(|| self.waiting.remove(0).0);
            assert_eq!(self.table.take_first(), expected);
            self.shrink();
        }

        /// One in eleven can't be told that it moves.
        fn shrink(&mut self) {
            let Self { table, tokens, waiting, .. } = self;
            let (mut old, most) = (Vec::new(), table.places.len());
            table.shrink(|number, token| {
                assert!(!tokens.contains(&token));
                old.push(mem::replace(&mut tokens[*number], token));
                if number.is_multiple_of(11) {
                    waiting.retain(|(waits, _)| waits != number);
                    return Err(io::ErrorKind::OutOfMemory.into());
                }
                Ok(())
            });
            assert!(old.len() <= most - table.places.len());
            assert!(old.into_iter().all(|token| table.parked(token).is_none()));
        }

        fn are_equal(&self) {
            let Self { table, waiting, .. } = self;
            assert_eq!(table.count(), waiting.len());
            assert_eq!(table.first_due(), waiting.first().map(|(_, due)| Millis(*due)));
            let by_order = {
                let mut index = table.first;
                std::iter::from_fn(move || {
                    let place = table.at(index)?;
                    index = place.next;
                    place.parked
                })
            };
            assert!(by_order.eq(waiting.iter().map(|(number, _)| *number)));
            for (number, token) in self.tokens.iter().enumerate() {
                let waits = waiting.iter().any(|(waits, _)| *waits == number);
                assert_eq!(table.parked(*token), waits.then_some(&number));
            }
            assert!(!table.is_sparse(), "{} of {}", table.count(), table.places.len());
            let room = table.places.capacity();
            assert!(room <= 2 * table.places.len().max(PLACES_MIN), "{room}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Whatever is done, it holds what a plain list would; who has left is not found again, and the memory of many
        /// is not kept for few.
        #[test]
        fn equal_to_a_plain_list(steps in steps()) {
            let mut both = Both::default();
            for step in steps {
                match step {
                    Step::Put(pause, span) => {
                        both.now += pause;
                        both.put(span);
                    }
                    Step::Crowd(count) => (0..count).for_each(|_| both.put(1)),
                    Step::Take(number) => both.take(number),
                    Step::TakeFirst => both.take_first(),
                    Step::Leave(count) => {
                        let last = both.tokens.len();
                        let stays = |number: &usize| number.is_multiple_of(13);
                        let leaving = (last.saturating_sub(count)..last).filter(|one| !stays(one));
                        leaving.for_each(|number| both.take(number));
                    }
                }
                both.are_equal();
            }
            let most = both.table.places.len();
            while !both.waiting.is_empty() {
                both.take_first();
            }
            let least = both.table.places.len();
            prop_assert!(least <= PLACES_MIN);
            (0..least).for_each(|_| both.put(0));
            prop_assert_eq!(both.table.places.len(), least, "places are used again, of {}", most);
            both.are_equal();
        }
    }
}
