//! How the nodes of a mapping are linked: the parent of each, and the message that the user saw last.

use super::node::{MOST_NODES, Nodes, Parent};
use crate::conversation::tree::NodeId;
use crate::format::pull::Result;
use std::hash::BuildHasher as _;

/// The links of a mapping.
pub(super) struct Links {
    pub(super) parents: Vec<Option<NodeId>>,
    pub(super) current: Option<NodeId>,
}

impl Links {
    /// The links of `nodes`, in which each key occurs once afterwards.
    ///
    /// `parent` is the truth. Lists of children are only asked about nodes without a `parent` key, or if no node has
    /// a parent. If nothing links the nodes at all, their order is the thread.
    pub(super) fn of(
        nodes: &mut Nodes<'_>,
        current: Option<&str>,
        problems: &mut Vec<String>,
    ) -> Result<Self> {
        let mut by_key = ByKey::for_nodes(nodes.list.len());
        let doubled = by_key.add_keys(nodes);
        if doubled > 0 {
            problems
                .push(format!("keys that mapping has more than once: {doubled}; the last of each is shown"));
        }
        let nodes = &*nodes;
        by_key.add_ids(nodes);
        let mut lost = 0usize;
        let mut parents: Vec<_> = nodes
            .list
            .iter()
            .map(|(_, node)| match &node.parent {
                Parent::Missing | Parent::Root => None,
                Parent::Key(key) => {
                    let parent = by_key.get(nodes, key);
                    lost += usize::from(parent.is_none());
                    parent
                }
            })
            .collect();
        let no_parent = |parents: &[Option<NodeId>]| lost == 0 && parents.iter().all(Option::is_none);
        let unlinked = no_parent(&parents);
        if unlinked || nodes.list.iter().any(|(_, node)| matches!(node.parent, Parent::Missing)) {
            adopt(nodes, &by_key, unlinked, &mut parents)?;
        }
        if unlinked && nodes.list.len() > 1 && no_parent(&parents) {
            for (parent, before) in parents.iter_mut().skip(1).zip(0u32..) {
                *parent = Some(NodeId(before));
            }
            problems
                .push("no message says which one it follows: their order is taken as the thread".to_owned());
        }
        if lost > 0 {
            problems.push(format!("messages whose parent does not exist: {lost}"));
        }
        let current = current.and_then(|key| {
            let found = by_key.get(nodes, key);
            if found.is_none() {
                problems.push("current_node names a message that does not exist".to_owned());
            }
            found
        });
        Ok(Self { parents, current })
    }
}

/// Nodes by their keys, and by ids that are not keys: a table with open addressing, of four bytes a slot and at least
/// twice as many slots as keys. The hash is seeded per process, so nobody can choose keys that collide.
struct ByKey {
    /// See [`KeySlot`]; a power of two.
    slots: Vec<KeySlot>,
    state: foldhash::quality::RandomState,
}

/// A node, whether it is there by its id, and bits of the hash that spare a look at most other keys. Zero is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct KeySlot(u32);

impl KeySlot {
    /// Enough bits for [`MOST_NODES`] and one more.
    const NODE_BITS: u32 = 21;
    const BY_ID: u32 = 1 << Self::NODE_BITS;
    const HASH: u32 = !(2 * Self::BY_ID - 1);

    fn new(at: u32, by_id: bool, hash: u64) -> Self {
        Self((at + 1) | if by_id { Self::BY_ID } else { 0 } | (hash as u32 & Self::HASH))
    }

    fn at(self) -> u32 {
        (self.0 & (Self::BY_ID - 1)).saturating_sub(1)
    }

    /// True if it holds this key, whose hash is `hash`.
    fn is(self, nodes: &Nodes<'_>, key: &str, hash: u64) -> bool {
        (self.0 ^ hash as u32) & Self::HASH == 0
            && nodes.list.get(self.at() as usize).is_some_and(|(own, node)| {
                if self.0 & Self::BY_ID == 0 { *own == key } else { nodes.id(node) == key }
            })
    }
}

const _: () = assert!(MOST_NODES < KeySlot::BY_ID as usize - 1);

impl ByKey {
    fn for_nodes(count: usize) -> Self {
        let slots = vec![KeySlot::default(); count.saturating_mul(2).next_power_of_two().max(2)];
        Self { slots, state: foldhash::quality::RandomState::default() }
    }

    /// Adds all `nodes` by key, and leaves only one node of each key: at its first position, with its last value.
    /// Returns how many are gone.
    fn add_keys(&mut self, nodes: &mut Nodes<'_>) -> usize {
        let mut kept = 0;
        for at in 0..nodes.list.len() {
            let key = nodes.list.get(at).map_or("", |(key, _)| *key);
            let hash = self.state.hash_one(key);
            let place = self.place(nodes, key, hash);
            match self.slots.get_mut(place) {
                Some(slot) if *slot == KeySlot::default() => {
                    *slot = KeySlot::new(kept as u32, false, hash);
                    nodes.list.swap(kept, at);
                    kept += 1;
                }
                Some(slot) => nodes.list.swap(slot.at() as usize, at),
                None => {}
            }
        }
        let doubled = nodes.list.len().saturating_sub(kept);
        nodes.list.truncate(kept);
        doubled
    }

    /// Adds those of `nodes` that have an id of their own, which is no key.
    fn add_ids(&mut self, nodes: &Nodes<'_>) {
        let mut used = nodes.list.len();
        for ((_, node), at) in nodes.list.iter().zip(0u32..) {
            let id = nodes.id(node);
            if id.is_empty() {
                continue;
            }
            if (used + 1) * 2 > self.slots.len() {
                self.grow(nodes);
            }
            let hash = self.state.hash_one(id);
            let place = self.place(nodes, id, hash);
            if let Some(slot) = self.slots.get_mut(place).filter(|slot| **slot == KeySlot::default()) {
                *slot = KeySlot::new(at, true, hash);
                used += 1;
            }
        }
    }

    fn grow(&mut self, nodes: &Nodes<'_>) {
        let larger = vec![KeySlot::default(); self.slots.len().saturating_mul(2)];
        for slot in std::mem::replace(&mut self.slots, larger) {
            let Some((key, node)) = nodes.list.get(slot.at() as usize).filter(|_| slot != KeySlot::default())
            else {
                continue;
            };
            let key = if slot.0 & KeySlot::BY_ID == 0 { *key } else { nodes.id(node) };
            let place = self.place(nodes, key, self.state.hash_one(key));
            if let Some(place) = self.slots.get_mut(place) {
                *place = slot;
            }
        }
    }

    fn get(&self, nodes: &Nodes<'_>, key: &str) -> Option<NodeId> {
        let place = self.place(nodes, key, self.state.hash_one(key));
        self.slots.get(place).filter(|slot| **slot != KeySlot::default()).map(|slot| NodeId(slot.at()))
    }

    /// Where `key` is, or the empty slot where it belongs.
    fn place(&self, nodes: &Nodes<'_>, key: &str, hash: u64) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        // The upper half, as the lower one is in the slots.
        let mut place = (hash >> 32) as usize & mask;
        while let Some(slot) = self.slots.get(place) {
            if *slot == KeySlot::default() || slot.is(nodes, key, hash) {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }
}

/// Gives nodes that name no parent to the first node that lists them as children; with `roots`, also those that
/// say they have none.
fn adopt(nodes: &Nodes<'_>, by_key: &ByKey, roots: bool, parents: &mut [Option<NodeId>]) -> Result<()> {
    let mut adopted = vec![false; nodes.list.len()];
    for ((_, node), at) in nodes.list.iter().zip(0u32..) {
        let Some(details) = nodes.details(node) else { continue };
        for child in details.children.open()?.0 {
            let Some(NodeId(child)) = by_key.get(nodes, child.as_str()) else { continue };
            let child = child as usize;
            let may_be_adopted = nodes.list.get(child).is_some_and(|(_, node)| match node.parent {
                Parent::Missing => true,
                Parent::Root => roots,
                Parent::Key(_) => false,
            });
            if may_be_adopted
                && let (Some(done), Some(parent)) = (adopted.get_mut(child), parents.get_mut(child))
                && !std::mem::replace(done, true)
            {
                *parent = Some(NodeId(at));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::node::{Details, RawNode};
    use super::*;
    use crate::format::lenient::Str;

    /// Nodes with these keys and ids.
    fn nodes<'a>(names: &[(&'a str, &'a str)]) -> Nodes<'a> {
        let mut nodes = Nodes::default();
        for ((key, id), at) in names.iter().zip(0..) {
            nodes.list.push((key, RawNode { details: Some(at), ..RawNode::default() }));
            nodes.details.push(Details { id: Str(Some(id)), ..Details::default() });
        }
        nodes
    }

    #[test]
    fn nodes_are_found_by_key_and_by_id_however_few_or_many() {
        for count in [0, 1, 2, 3, 4, 5, 1000] {
            let names: Vec<_> = (0..count).map(|at| (format!("key {at}"), format!("id {at}"))).collect();
            let pairs: Vec<_> = names.iter().map(|(key, id)| (key.as_str(), id.as_str())).collect();
            let mut nodes = nodes(&pairs);
            let mut by_key = ByKey::for_nodes(count);
            assert_eq!(by_key.add_keys(&mut nodes), 0);
            by_key.add_ids(&nodes);
            for ((key, id), at) in names.iter().zip(0..) {
                assert_eq!([key, id].map(|name| by_key.get(&nodes, name)), [Some(NodeId(at)); 2]);
            }
            assert_eq!(by_key.get(&nodes, "neither"), None);
        }
    }

    #[test]
    fn of_a_key_that_occurs_often_the_first_position_and_the_last_value_count() {
        let mut nodes = nodes(&[("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("a", "5"), ("b", "6")]);
        let mut by_key = ByKey::for_nodes(nodes.list.len());
        assert_eq!(by_key.add_keys(&mut nodes), 3);
        let left: Vec<_> = nodes.list.iter().map(|(key, node)| (*key, nodes.id(node))).collect();
        assert_eq!(left, [("a", "5"), ("b", "6"), ("c", "4")]);
        by_key.add_ids(&nodes);
        let found = ["a", "b", "c", "5", "1"].map(|name| by_key.get(&nodes, name).map(|node| node.0));
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(0), None]);
    }

    #[test]
    fn an_id_that_is_the_key_of_another_node_means_the_other() {
        let mut nodes = nodes(&[("a", "b"), ("b", "a")]);
        let mut by_key = ByKey::for_nodes(nodes.list.len());
        by_key.add_keys(&mut nodes);
        by_key.add_ids(&nodes);
        assert_eq!(["a", "b"].map(|name| by_key.get(&nodes, name)), [Some(NodeId(0)), Some(NodeId(1))]);
    }
}
