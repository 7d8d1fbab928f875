//! Answers that one core gave in this second. Whoever asks the same gets the same octets, and no rule is asked again:
//! until the second is over, something of ours is written under the name, or what was found has to be looked at anew.
//!
//! An answer is kept for its question, of which `decide::again` says what belongs to it, and whose answer may be kept.

use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::ops::Range;

use wherefore_decide::again::question;
use wherefore_decide::{Trail, Verdict};
use wherefore_message::Request;

use crate::clock::Millis;
use crate::random::RequestId;

/// The longest content that is kept, in octets: to copy more costs more than to find it again.
pub(crate) const CONTENT_BYTES_MAX: u64 = 4 << 10;
/// In how many places an answer may tell its own number.
const NUMBERS_MAX: usize = 4;
/// How many places there are to look at. Of two answers that belong to one place, the first stays.
const PLACES: usize = 1 << 12;

/// The answers of this second.
pub(crate) struct Given {
    bytes_max: usize,
    epoch: Epoch,
    /// Questions and answers, one behind the other: used again each second.
    octets: Vec<u8>,
    answers: Vec<Kept>,
    places: Box<[Place]>,
    /// The question that is asked just now.
    question: Vec<u8>,
    /// How many answers were given again.
    again: u64,
}

/// For how long answers are kept at most: for the second of `Date`, and under one configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epoch {
    /// Seconds since 1970.
    pub(crate) second: u64,
    /// How often the configuration was swapped.
    pub(crate) configuration: u64,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// Of the question that was asked here, so that what is asked once is not kept.
    hash: u32,
    /// Which answer is kept; 0: none is.
    answer: u32,
}

/// An answer that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    question: Range<usize>,
    octets: Range<usize>,
    path: Range<usize>,
    /// Where its octets tell its own number.
    numbers: Numbers,
    /// What it stands on.
    pub(crate) ground: Ground,
    /// By which rules it came about.
    pub(crate) trail: Trail,
    pub(crate) verdict: Verdict,
    /// How many octets of it are content.
    pub(crate) content_bytes: u64,
}

/// Where an answer tells its own number, as an explanation does: each that is given has another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
    at: [u16; NUMBERS_MAX],
    count: usize,
}

/// An answer as it is written, and how it came about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    pub(crate) trail: Trail,
    pub(crate) verdict: Verdict,
    /// Its head and its content.
    pub(crate) octets: &'a [u8],
    /// How many of them are content.
    pub(crate) content_bytes: u64,
    /// Its number, if it tells it.
    pub(crate) number: Option<RequestId>,
}

/// What an answer stands on: it is good while the store has not written under the path, and until what was found has
/// to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    /// The number of the folder's origin.
    pub(crate) origin: u16,
    /// The store's, under the path.
    pub(crate) generation: u64,
    /// When it has to be looked at anew.
    pub(crate) until: Millis,
}

/// What is known of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is not one that is remembered.
    Never,
    /// It is asked for the first time, or there is no place for it.
    New,
    /// It was asked, and its answer may be kept: under this number.
    Asked(u64),
    /// It was answered: by this one.
    Answered(usize),
}

impl Given {
    /// Room for so many octets of questions and answers.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            epoch: Epoch::default(),
            octets: Vec::new(),
            answers: Vec::new(),
            places: Box::default(),
            question: Vec::new(),
            again: 0,
        }
    }

    /// What is known of what this request asks, in this epoch.
    pub(crate) fn ask(&mut self, request: &Request<'_>, epoch: Epoch) -> Known {
        if self.bytes_max == 0 || !question(request, &mut self.question) {
            return Known::Never;
        }
        if self.epoch != epoch || self.places.is_empty() {
            self.forget(epoch);
        }
        let hash = FixedState::with_seed(0).hash_one(&*self.question);
        let place = &mut self.places[place_of(hash)];
        let mark = mark_of(hash);
        if place.hash != mark {
            if place.answer == 0 {
                place.hash = mark;
            }
            return Known::New;
        }
        let Some(index) = (place.answer as usize).checked_sub(1) else { return Known::Asked(hash) };
        match self.answers.get(index) {
            Some(kept) if self.octets.get(kept.question.clone()) == Some(&*self.question) => {
                Known::Answered(index)
            }
            _ => Known::New,
        }
    }

    /// An answer that is kept, the path that it stands on, and its octets.
    pub(crate) fn answer(&self, index: usize) -> Option<(&Kept, &[u8], &[u8])> {
        let kept = self.answers.get(index)?;
        let octets = |range: &Range<usize>| self.octets.get(range.clone()).unwrap_or_default();
        Some((kept, octets(&kept.path), octets(&kept.octets)))
    }

    /// Counts an answer that was given again.
    pub(crate) const fn count_again(&mut self) {
        self.again += 1;
    }

    /// How many answers were given again, of all seconds.
    pub(crate) const fn again(&self) -> u64 {
        self.again
    }

    /// No longer keeps the answer.
    pub(crate) fn drop_answer(&mut self, index: usize) {
        // Its octets stay until the second is over.
        if let Some(kept) = self.answers.get(index) {
            let question = self.octets.get(kept.question.clone()).unwrap_or_default();
            let hash = FixedState::with_seed(0).hash_one(question);
            self.places[place_of(hash)].answer = 0;
        }
    }

    /// Keeps the answer to a question that was [asked](Known::Asked) in this epoch.
    pub(crate) fn keep(
        &mut self,
        (request, number): (&Request<'_>, u64),
        epoch: Epoch,
        (ground, path): (Ground, &[u8]),
        written: &Written<'_>,
    ) {
        let is_past = epoch != self.epoch || self.places.is_empty();
        if is_past || !question(request, &mut self.question) {
            return;
        }
        let Some(numbers) = numbers(written) else { return };
        let Written { trail, verdict, octets, content_bytes, .. } = *written;
        let place = &mut self.places[place_of(number)];
        let bytes = self.question.len() + path.len() + octets.len() + size_of::<Kept>();
        let taken = self.octets.len() + self.answers.len() * size_of::<Kept>();
        // Someone else may have asked at the same time.
        if place.hash != mark_of(number) || place.answer != 0 || taken + bytes > self.bytes_max {
            return;
        }
        let mut append = |part: &[u8]| {
            let start = self.octets.len();
            self.octets.extend_from_slice(part);
            start..self.octets.len()
        };
        let (question, path, octets) = (append(&self.question), append(path), append(octets));
        self.answers.push(Kept {
            question,
            octets,
            path,
            numbers,
            ground,
            trail,
            verdict,
            content_bytes,
        });
        place.answer = u32::try_from(self.answers.len()).unwrap_or(0);
    }

    fn forget(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.octets.clear();
        self.answers.clear();
        if self.places.is_empty() {
            self.places = vec![Place::default(); PLACES].into();
        } else {
            self.places.fill(Place::default());
        }
    }
}

impl Kept {
    /// Whether each that is given has a number of its own.
    pub(crate) const fn is_numbered(&self) -> bool {
        self.numbers.count > 0
    }

    /// Gives the answer, which stands in `octets`, another number.
    pub(crate) fn renumber(&self, number: &RequestId, octets: &mut [u8]) {
        let number = number.as_str().as_bytes();
        for at in self.numbers.at.iter().take(self.numbers.count).map(|at| usize::from(*at)) {
            if let Some(old) = octets.get_mut(at..at + number.len()) {
                old.copy_from_slice(number);
            }
        }
    }
}

/// Where an answer tells its number; none if in too many places, or nowhere though it has one.
fn numbers(written: &Written<'_>) -> Option<Numbers> {
    let mut numbers = Numbers::default();
    let Some(number) = written.number else { return Some(numbers) };
    let number = number.as_str().as_bytes();
    for (at, octets) in written.octets.windows(number.len()).enumerate() {
        if octets == number {
            *numbers.at.get_mut(numbers.count)? = u16::try_from(at).ok()?;
            numbers.count += 1;
        }
    }
    (numbers.count > 0).then_some(numbers)
}

const fn place_of(hash: u64) -> usize {
    hash as usize % PLACES
}

/// Never 0, which is a place's where nothing was asked.
const fn mark_of(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use wherefore_decide::Witness;
    use wherefore_message::request::RequestBuf;
    use wherefore_message::{FieldLines, Status, Version};

    use super::*;

    const EPOCH: Epoch = Epoch { second: 1, configuration: 0 };
    const GROUND: Ground = Ground { origin: 0, generation: 7, until: Millis(1) };

    fn written() -> Written<'static> {
        let because = wherefore_decide::catalogue::find_rule("representation").unwrap();
        let verdict = Verdict { status: Status::OK, because, witness: Witness::Nothing };
        let trail = Trail::new();
        Written { trail, verdict, octets: b"", content_bytes: 0, number: None }
    }

    /// Asks for `target` with these fields.
    fn with<T>(target: &str, fields: &[(&str, &str)], ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let lines: FieldLines = fields.iter().copied().collect();
        let nothing = wherefore_message::Announced::Nothing;
        let target = target.as_bytes();
        let request =
            RequestBuf::new(Version::HTTP_11, b"GET", target, None, lines, nothing).unwrap();
        ask(&request.view())
    }

    fn ask(given: &mut Given, target: &str, epoch: Epoch) -> Known {
        with(target, &[], |request| given.ask(request, epoch))
    }

    fn keep(given: &mut Given, target: &str, epoch: Epoch, octets: &[u8]) {
        let Known::Asked(number) = ask(given, target, epoch) else { panic!("{target} is new") };
        with(target, &[], |request| {
            let written = Written { octets, ..written() };
            given.keep((request, number), epoch, (GROUND, b"/p"), &written);
        });
    }

    #[test]
    fn what_is_asked_twice_is_kept_until_the_epoch_ends() {
        let mut given = Given::new(1 << 16);
        assert_eq!(ask(&mut given, "/a", EPOCH), Known::New);
        keep(&mut given, "/a", EPOCH, b"one");
        let Known::Answered(index) = ask(&mut given, "/a", EPOCH) else { panic!() };
        let (kept, path, octets) = given.answer(index).unwrap();
        assert_eq!((kept.ground, path, octets), (GROUND, &b"/p"[..], &b"one"[..]));
        assert_eq!(ask(&mut given, "/b", EPOCH), Known::New, "another question");

        given.drop_answer(index);
        keep(&mut given, "/a", EPOCH, b"two");
        let Known::Answered(index) = ask(&mut given, "/a", EPOCH) else { panic!() };
        assert_eq!(given.answer(index).unwrap().2, b"two");

        for epoch in [Epoch { second: 2, ..EPOCH }, Epoch { configuration: 1, ..EPOCH }] {
            assert_eq!(ask(&mut given, "/a", epoch), Known::New);
            assert!(given.answer(0).is_none());
        }
    }

    #[test]
    fn each_answer_has_its_own_number() {
        let random = crate::random::Random::from_system().unwrap();
        let [old, new] = [random.request_id(), random.request_id()];
        let text = |number: &RequestId| format!("a {0} b {0}", number.as_str());
        let mut octets = text(&old).into_bytes();
        let numbered = Written { octets: &octets, number: Some(old), ..written() };
        let found = numbers(&numbered).unwrap();
        assert_eq!((found.at, found.count), ([2, 5 + old.as_str().len() as u16, 0, 0], 2));
        let mut given = Given::new(1 << 16);
        ask(&mut given, "/a", EPOCH);
        let Known::Asked(number) = ask(&mut given, "/a", EPOCH) else { panic!() };
        with("/a", &[], |request| {
            given.keep((request, number), EPOCH, (GROUND, b"/p"), &numbered);
        });
        given.answer(0).unwrap().0.renumber(&new, &mut octets);
        assert_eq!(octets, text(&new).as_bytes());
        // One that does not tell it is not the one that it was taken for.
        assert_eq!(numbers(&Written { octets: b"none", number: Some(old), ..written() }), None);
        let often = text(&old).repeat(3);
        assert_eq!(
            numbers(&Written { octets: often.as_bytes(), number: Some(old), ..written() }),
            None
        );
    }

    #[test]
    fn memory_is_bounded() {
        let most = 4 * (size_of::<Kept>() + 64);
        let mut given = Given::new(most);
        for i in 0..100 {
            let target = format!("/{i}");
            if ask(&mut given, &target, EPOCH) == Known::New
                && let Known::Asked(_) = ask(&mut given, &target, EPOCH)
            {
                keep(&mut given, &target, EPOCH, &[b'x'; 32]);
            }
        }
        let taken = given.octets.len() + given.answers.len() * size_of::<Kept>();
        assert!(given.answers.len() > 1 && taken <= most, "{taken}");
        assert_eq!(ask(&mut Given::new(0), "/a", EPOCH), Known::Never);
    }
}
