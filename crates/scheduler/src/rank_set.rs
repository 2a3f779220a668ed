//! Sets of small numbers with a fast smallest member: [`RankSet`].

/// A set of numbers as bits, with two levels of summaries: bit i of a summary says whether
/// word i below has any bit. About one bit for each number up to the largest.
#[derive(Clone, Debug, Default)]
pub(crate) struct RankSet {
    levels: [Vec<u64>; 3],
    len: usize,
}

impl RankSet {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        let (word, bit) = split(number as usize);
        self.levels[0].get(word).is_some_and(|w| w & bit != 0)
    }

    /// Adds it; says whether it was not there.
    pub(crate) fn insert(&mut self, number: u32) -> bool {
        if self.contains(number) {
            return false;
        }
        let mut index = number as usize;
        for level in &mut self.levels {
            let (word, bit) = split(index);
            if level.len() <= word {
                level.resize(word + 1, 0);
            }
            level[word] |= bit;
            index = word;
        }
        self.len += 1;
        true
    }

    /// Removes it; says whether it was there.
    pub(crate) fn remove(&mut self, number: u32) -> bool {
        if !self.contains(number) {
            return false;
        }
        let mut index = number as usize;
        for level in &mut self.levels {
            let (word, bit) = split(index);
            level[word] &= !bit;
            if level[word] != 0 {
                break;
            }
            index = word;
        }
        self.len -= 1;
        true
    }

    /// Adds or removes it.
    pub(crate) fn set(&mut self, number: u32, present: bool) -> bool {
        if present { self.insert(number) } else { self.remove(number) }
    }

    pub(crate) fn first(&self) -> Option<u32> {
        self.next(0)
    }

    /// The smallest member that is not below `from`.
    pub(crate) fn next(&self, from: u32) -> Option<u32> {
        let mut index = from as usize;
        for (level, words) in self.levels.iter().enumerate() {
            let word = index / 64;
            let rest = words.get(word)? & (u64::MAX << (index % 64));
            if rest != 0 {
                return Some(self.descend(level, word * 64 + rest.trailing_zeros() as usize));
            }
            index = word + 1;
        }
        let top = &self.levels[2];
        let word = (index..top.len()).find(|word| top[*word] != 0)?;
        Some(self.descend(2, word * 64 + top[word].trailing_zeros() as usize))
    }

    /// The smallest member that is not below `from`, or else the smallest of all.
    pub(crate) fn next_around(&self, from: u32) -> Option<u32> {
        self.next(from).or_else(|| self.first())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.next(from)?;
            from = found + 1;
            Some(found)
        })
    }

    fn descend(&self, level: usize, mut index: usize) -> u32 {
        for lower in self.levels[..level].iter().rev() {
            index = index * 64 + lower[index].trailing_zeros() as usize;
        }
        index as u32
    }
}

fn split(index: usize) -> (usize, u64) {
    (index / 64, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::RankSet;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(
            steps in prop::collection::vec((any::<bool>(), 0u32..300_000), 1..200),
            from in 0u32..310_000,
        ) {
            let (mut set, mut model) = (RankSet::default(), BTreeSet::new());
            for (add, number) in steps {
                if add {
                    prop_assert_eq!(set.insert(number), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.first(), model.first().copied());
            }
            prop_assert_eq!(set.next(from), model.range(from..).next().copied());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
        }
    }
}
