//! Positions in a list by keys that the list itself holds.

use std::hash::{BuildHasher as _, Hash, RandomState};

/// A hash table of positions that doesn't keep their keys: open addressing, four bytes a slot, at most half full, no
/// removal. Its hash is randomly keyed, so that nobody can choose keys that collide.
///
/// Each method needs to know the key of a position. All work is constant, as may be expected of a hash table.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// A position and one, or 0. Empty, or a power of two of them.
    slots: Vec<u32>,
    held: usize,
    hasher: RandomState,
}

impl Positions {
    /// The position of `key`.
    pub(crate) fn find<K: Hash + Eq>(&self, key: &K, key_of: impl Fn(usize) -> Option<K>) -> Option<usize> {
        let held = self.slots.get(self.slot(key, &key_of)?)?;
        position(*held)
    }

    /// Adds a position whose key is `key`, unless there is one already, which is returned.
    pub(crate) fn add<K: Hash + Eq>(
        &mut self,
        at: usize,
        key: &K,
        key_of: impl Fn(usize) -> Option<K>,
    ) -> Option<usize> {
        if self.held.saturating_add(1).saturating_mul(2) > self.slots.len() {
            self.grow(&key_of);
        }
        let slot = self.slot(key, &key_of).and_then(|slot| self.slots.get_mut(slot))?;
        if let Some(found) = position(*slot) {
            return Some(found);
        }
        *slot = number(at);
        self.held = self.held.saturating_add(1);
        None
    }

    /// Puts a position in the place of the one that has the same key.
    pub(crate) fn replace<K: Hash + Eq>(&mut self, at: usize, key: &K, key_of: impl Fn(usize) -> Option<K>) {
        if let Some(slot) = self.slot(key, &key_of).and_then(|slot| self.slots.get_mut(slot)) {
            *slot = number(at);
        }
    }

    /// Bytes of memory that the table takes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity().saturating_mul(size_of::<u32>())
    }

    /// The slot of `key`, or the free one where it belongs.
    fn slot<K: Hash + Eq>(&self, key: &K, key_of: impl Fn(usize) -> Option<K>) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let start = self.hasher.hash_one(key) as usize & mask;
        let mut probes = (0..=mask).map(|step| start.wrapping_add(step) & mask);
        probes.find(|&slot| match self.slots.get(slot).map(|&held| position(held)) {
            Some(Some(at)) => key_of(at).as_ref() == Some(key),
            Some(None) => true,
            None => false,
        })
    }

    fn grow<K: Hash + Eq>(&mut self, key_of: impl Fn(usize) -> Option<K>) {
        let larger = vec![0; self.slots.len().saturating_mul(2).max(8)];
        for held in std::mem::replace(&mut self.slots, larger) {
            if let Some(key) = position(held).and_then(&key_of)
                && let Some(slot) = self.slot(&key, &key_of).and_then(|slot| self.slots.get_mut(slot))
            {
                *slot = held;
            }
        }
    }
}

fn position(held: u32) -> Option<usize> {
    (held as usize).checked_sub(1)
}

/// Lists are shorter than 2³². If one weren't, the surplus would merely not be found.
fn number(at: usize) -> u32 {
    u32::try_from(at.saturating_add(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_position_of_each_key_is_found() {
        let list: Vec<String> = (0..3000_u32).map(|n| format!("key {}", n % 1000)).collect();
        let key_of = |at: usize| list.get(at).map(String::as_str);
        let mut table = Positions::default();
        for (at, key) in list.iter().enumerate() {
            assert_eq!(table.add(at, &key.as_str(), key_of), (at >= 1000).then_some(at % 1000));
        }
        for (at, key) in list.iter().enumerate() {
            assert_eq!(table.find(&key.as_str(), key_of), Some(at % 1000));
        }
        table.replace(2001, &list[1].as_str(), key_of);
        assert_eq!(table.find(&list[1].as_str(), key_of), Some(2001));
        assert_eq!(table.find(&"no key", key_of), None);
        assert_eq!(table.memory(), 2048 * 4);
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        assert_eq!(Positions::default().find(&1, |_| Some(1)), None);
    }
}
