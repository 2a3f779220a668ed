//! Hash maps with a fixed, fast hash: the same program does the same thing in every run.

/// The hasher of all maps here: foldhash with a fixed seed.
pub type BuildHasher = foldhash::fast::FixedState;

/// A hash map with a fixed seed.
pub type Map<K, V> = hashbrown::HashMap<K, V, BuildHasher>;

/// A hash set with a fixed seed.
pub type Set<T> = hashbrown::HashSet<T, BuildHasher>;
