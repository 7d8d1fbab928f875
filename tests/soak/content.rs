//! What is asked for, said by the path alone, and content that follows from it: one wrong octet is found.

/// One request: what the upstream is to do, and with which octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub group: String,
    pub behaviour: String,
    /// No other request has it.
    pub key: u64,
    /// How much content the answer is to have.
    pub octets: usize,
    /// How much the request has.
    pub sent: usize,
}

impl Ask {
    pub fn target(&self) -> String {
        let Self { group, behaviour, key, octets, sent } = self;
        format!("/{group}/{behaviour}/{key:016x}/{octets}/{sent}")
    }

    /// The request that this target was made of.
    pub fn of(target: &str) -> Option<Self> {
        let mut parts = target.strip_prefix('/')?.split('/');
        let mut next = || parts.next();
        Some(Self {
            group: next()?.to_owned(),
            behaviour: next()?.to_owned(),
            key: u64::from_str_radix(next()?, 16).ok()?,
            octets: next()?.parse().ok()?,
            sent: next()?.parse().ok()?,
        })
    }

    /// The content of its answer.
    pub fn answer(&self) -> Vec<u8> {
        stream(self.key, self.octets)
    }

    /// The content of the request.
    pub fn content(&self) -> Vec<u8> {
        stream(!self.key, self.sent)
    }
}

/// So many octets that no other key has.
pub fn stream(key: u64, octets: usize) -> Vec<u8> {
    let words = (0..octets.div_ceil(8) as u64).flat_map(|at| mixed(key ^ mixed(at)).to_le_bytes());
    words.take(octets).collect()
}

/// Numbers that look random, each following from the seed.
pub struct Numbers(pub u64);

impl Numbers {
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// One that is less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Whether it happens, which it does once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// How long some content is: often short, seldom long.
    pub fn octets(&mut self) -> usize {
        let most = *self.one_of(&[1, 100, 100, 2000, 2000, 2000, 20_000, 70_000, 300_000]);
        self.below(most + 1)
    }
}

/// A number in which each bit hangs on all of another's.
pub const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
