//! A set of the members of a group, by their numbers.

use crate::settings::MEMBERS_MAX;

const WORDS: usize = MEMBERS_MAX.div_ceil(64);

/// Some members of a group, such as those that a request was sent to already. A number that no group has is never
/// in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberSet([u64; WORDS]);

impl MemberSet {
    /// No member.
    pub const NONE: Self = Self([0; WORDS]);

    /// Adds a member.
    pub fn insert(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    /// Whether it is among them.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// The members, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(i, word)| {
            let mut rest = word;
            core::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(i * 64 + bit)
            })
        })
    }
}

impl FromIterator<usize> for MemberSet {
    fn from_iter<I: IntoIterator<Item = usize>>(members: I) -> Self {
        let mut set = Self::NONE;
        members.into_iter().for_each(|index| set.insert(index));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(added in prop::collection::vec(0..MEMBERS_MAX, 0..40), removed in prop::collection::vec(0..MEMBERS_MAX, 0..40)) {
            let mut set: MemberSet = added.iter().copied().collect();
            let mut oracle: BTreeSet<usize> = added.iter().copied().collect();
            for index in removed {
                set.remove(index);
                oracle.remove(&index);
            }
            prop_assert_eq!(set.len(), oracle.len());
            prop_assert_eq!(set.is_empty(), oracle.is_empty());
            prop_assert!((0..2 * MEMBERS_MAX).all(|index| set.has(index) == oracle.contains(&index)));
            prop_assert!(set.iter().eq(oracle));
        }
    }

    #[test]
    fn what_no_group_has_is_left_out() {
        let mut set = MemberSet::NONE;
        set.insert(MEMBERS_MAX);
        set.remove(usize::MAX);
        assert!(set.is_empty() && !set.has(MEMBERS_MAX));
    }
}
